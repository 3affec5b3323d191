# shellcheck shell=bash
# All parts, in the order in which they need each other.
here=$(dirname "${BASH_SOURCE[0]}")
. "$here/common.sh"
. "$here/process.sh"
. "$here/packages.sh"
. "$here/wheels.sh"
. "$here/node.sh"
. "$here/web.sh"
. "$here/rust.sh"
. "$here/servers.sh"
. "$here/postgres.sh"
. "$here/rabbitmq.sh"
. "$here/test_servers.sh"
. "$here/services.sh"
. "$here/api.sh"
. "$here/demo.sh"
. "$here/system.sh"
. "$here/stages.sh"
. "$here/browser.sh"
unset here
