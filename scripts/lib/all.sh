# shellcheck shell=bash
# All parts, in the order in which they need each other.
_lib=$(dirname "${BASH_SOURCE[0]}")
. "$_lib/common.sh"
. "$_lib/process.sh"
. "$_lib/packages.sh"
. "$_lib/wheels.sh"
. "$_lib/node.sh"
. "$_lib/web.sh"
. "$_lib/rust.sh"
. "$_lib/servers.sh"
. "$_lib/postgres.sh"
. "$_lib/rabbitmq.sh"
. "$_lib/test_servers.sh"
. "$_lib/services.sh"
. "$_lib/api.sh"
. "$_lib/accounts.sh"
. "$_lib/demo.sh"
. "$_lib/system.sh"
. "$_lib/stages.sh"
. "$_lib/test_system.sh"
. "$_lib/browser.sh"
. "$_lib/schemathesis.sh"
unset _lib
