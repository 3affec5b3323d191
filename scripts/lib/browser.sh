# shellcheck shell=bash
# The browser tests: a whole system of debug programs with a database and a virtual host of its own on the test servers,
# and headless Chromium in front of it. Needs test_servers.sh, services.sh, web.sh.

BROWSER_NAME=citytrack_browser

# browser_tests: start the system, let the front end's own tests look at it. browser_stop cleans up.
browser_tests() {
  local base password
  read -r base password <"$STATE/servers"
  _browser_system "$base" "$password"
  browser_stop
  postgres_database "$((base + 432))" "$password" "$BROWSER_NAME"
  postgres_reader "$((base + 432))" "$password" "$password"
  _virtual_host "$base" "$password" PUT
  # The page of somebody else's that one test serves there.
  export CITYTRACK_GUEST_ORIGIN=http://127.0.0.1:$((base + 81))
  CITYTRACK_LIVE__ORIGINS=$CITYTRACK_GUEST_ORIGIN system_start
  ensure_administrator
  CITYTRACK_ADDRESS=http://$GATEWAY_LISTEN CITYTRACK_ADMIN_TOKEN=$ADMIN_TOKEN \
    CITYTRACK_ADMIN_USER=$ADMIN_USER CITYTRACK_ADMIN_PASSWORD=$ADMIN_PASSWORD npm --prefix "$WEB" run test:browser
  browser_stop
}

# browser_stop: the system, its database and its virtual host. Fine when there is none.
browser_stop() {
  local base password
  [ -e "$STATE/servers" ] || return 0
  read -r base password <"$STATE/servers"
  system_stop
  test_servers_running || return 0
  postgres_query "$((base + 432))" "$password" postgres "drop database if exists $BROWSER_NAME with (force)" 2>/dev/null
  _virtual_host "$base" "$password" DELETE
}

# shellcheck disable=SC2034  # for services.sh
_browser_system() {
  PORT_BASE=$1
  GATEWAY_LISTEN=127.0.0.1:$((PORT_BASE + 80))
  PORT_ADVICE="end that program, or choose another block with CITYTRACK_TEST_PORT_BASE"
  DATABASE_URL=postgres://$POSTGRES_USER_NAME:$2@127.0.0.1:$((PORT_BASE + 432))/$BROWSER_NAME
  READER_URL=postgres://citytrack_reader:$2@127.0.0.1:$((PORT_BASE + 432))/$BROWSER_NAME
  AMQP_URL=amqp://$RABBITMQ_ACCOUNT:$2@127.0.0.1:$((PORT_BASE + 672))/$BROWSER_NAME
  ADMIN_TOKEN=$(random_secret)
  ADMIN_PASSWORD=$(random_password)
  VIEWER_SECRET=$(random_secret)
}

# _virtual_host BASE PASSWORD PUT|DELETE: whoever makes one by the management API may use it.
_virtual_host() {
  local status
  status=$(printf 'user = "%s:%s"\n' "$RABBITMQ_ACCOUNT" "$2" |
    curl -s -m 20 -K - -o /dev/null -w '%{http_code}' -X "$3" "http://127.0.0.1:$(($1 + 673))/api/vhosts/$BROWSER_NAME")
  case $3$status in PUT201 | DELETE204 | DELETE404) ;; *) fail "RabbitMQ answered $status to $3 /api/vhosts/$BROWSER_NAME" ;; esac
}
