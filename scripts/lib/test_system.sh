# shellcheck shell=bash
# A whole system of debug programs with a database and a virtual host of its own on the test servers, for tests that look at
# it from outside. Needs test_servers.sh, services.sh, accounts.sh.

TEST_SYSTEM=citytrack_outside

# test_system_start: a new system, with nothing in it but the administrator. test_system_stop cleans up.
test_system_start() {
  local base password
  read -r base password <"$STATE/servers"
  _test_system_settings "$base" "$password"
  test_system_stop
  postgres_database "$((base + 432))" "$password" "$TEST_SYSTEM"
  postgres_reader "$((base + 432))" "$password" "$password"
  _virtual_host "$base" "$password" PUT
  system_start
  ensure_administrator
}

# test_system_stop: the system, its database and its virtual host. Fine when there is none.
test_system_stop() {
  local base password
  [ -e "$STATE/servers" ] || return 0
  read -r base password <"$STATE/servers"
  system_stop
  test_servers_running || return 0
  postgres_query "$((base + 432))" "$password" postgres "drop database if exists $TEST_SYSTEM with (force)" 2>/dev/null
  _virtual_host "$base" "$password" DELETE
}

# shellcheck disable=SC2034  # for services.sh
_test_system_settings() {
  PORT_BASE=$1
  GATEWAY_LISTEN=127.0.0.1:$((PORT_BASE + 80))
  PORT_ADVICE="end that program, or choose another block with CITYTRACK_TEST_PORT_BASE"
  DATABASE_URL=postgres://$POSTGRES_USER_NAME:$2@127.0.0.1:$((PORT_BASE + 432))/$TEST_SYSTEM
  READER_URL=postgres://citytrack_reader:$2@127.0.0.1:$((PORT_BASE + 432))/$TEST_SYSTEM
  AMQP_URL=amqp://$RABBITMQ_ACCOUNT:$2@127.0.0.1:$((PORT_BASE + 672))/$TEST_SYSTEM
  ADMIN_TOKEN=$(random_secret)
  ADMIN_PASSWORD=$(random_password)
  VIEWER_SECRET=$(random_secret)
}

# _virtual_host BASE PASSWORD PUT|DELETE: whoever makes one by the management API may use it.
_virtual_host() {
  local status
  status=$(printf 'user = "%s:%s"\n' "$RABBITMQ_ACCOUNT" "$2" |
    curl -s -m 20 -K - -o /dev/null -w '%{http_code}' -X "$3" "http://127.0.0.1:$(($1 + 673))/api/vhosts/$TEST_SYSTEM")
  case $3$status in PUT201 | DELETE204 | DELETE404) ;; *) fail "RabbitMQ answered $status to $3 /api/vhosts/$TEST_SYSTEM" ;; esac
}
