# shellcheck shell=bash
# The servers of the tests: PostgreSQL and RabbitMQ in .citytrack/test, away from those of scripts/up.
# Every test makes a database and a virtual host of its own in them, so the accounts are administrators.

# use_test_state: choose the folder and what was remembered for it.
use_test_state() {
  use_state "$STATE_HOME/test"
  TEST_ENVIRONMENT=$STATE/environment
  # There while somebody wants the servers to stay: made by scripts/test-servers start.
  TEST_SERVERS_KEPT=$STATE/kept
}

# test_servers_running: are both up?
test_servers_running() { [ -s "$TEST_ENVIRONMENT" ] && process_runs postgres && process_runs rabbitmq; }

# test_servers_start: start what is not running, from empty folders, and write the addresses down.
test_servers_start() {
  test_servers_running && return 0
  test_servers_stop
  wipe_servers
  local base password
  base=$(_test_port_base)
  password=$(random_secret)
  (umask 077 && printf '%s %s\n' "$base" "$password" >"$STATE/servers")
  postgres_start $((base + 432)) "$password"
  rabbitmq_start $((base + 672)) "$password"
  (umask 077 && cat >"$TEST_ENVIRONMENT") <<ENVIRONMENT
export CITYTRACK_TEST_DATABASE_URL=postgres://$POSTGRES_USER_NAME:$password@127.0.0.1:$((base + 432))/postgres
export CITYTRACK_TEST_AMQP_URL=amqp://$RABBITMQ_ACCOUNT:$password@127.0.0.1:$((base + 672))
export CITYTRACK_TEST_MANAGEMENT_URL=http://$RABBITMQ_ACCOUNT:$password@127.0.0.1:$((base + 673))
ENVIRONMENT
}

# test_servers_stop: stop both and forget their data; tests leave nothing worth keeping.
test_servers_stop() {
  rm -f "$TEST_ENVIRONMENT" "$TEST_SERVERS_KEPT" "$STATE/servers"
  rabbitmq_stop now
  process_stop postgres QUIT 20
  wipe_servers
}

# The wished block of ports, or the first free one: a clone beside this one may be testing too.
_test_port_base() {
  local base port wished=${CITYTRACK_TEST_PORT_BASE:-22000}
  for base in "$wished" 23000 24000 25000 26000 27000 28000 29000; do
    for port in $((base + 80)) $((base + 81)) $((base + 100)) $((base + 432)) $(rabbitmq_ports $((base + 672))); do
      port_taken "$port" && continue 2
    done
    [ "$base" = "$wished" ] || note "ports of $wished are taken by another program: using those of $base" >&2
    printf '%s\n' "$base"
    return 0
  done
  fail "no free block of ports for the tests between 22000 and 30000; end what runs there, or set CITYTRACK_TEST_PORT_BASE"
}
