# shellcheck shell=bash
# The six programs of CityTrack, the worker in each of its roles: which port each instance has, how it is set, how it is started and
# stopped.
# Needs common.sh, process.sh, servers.sh. Before use, the caller sets:
#   BIN_DIR              the folder of the built programs
#   PORT_BASE            instance n of a service listens on PORT_BASE + its offset + 2n
#   GATEWAY_LISTEN       address:port that everything is reached on
#   COUNT                associative array: instances of each service
#   DATABASE_URL AMQP_URL ADMIN_TOKEN VIEWER_SECRET
#   READER_URL           the database as the read-only role; without it, stats reads as the owner

SCALABLE_SERVICES=(console worker transform save journal ingest-api realtime-ws stats)
declare -A PORT_OFFSET=([ingest-api]=100 [realtime-ws]=120 [stats]=140 [console]=160 [worker]=180 [gateway]=200
  [transform]=220 [save]=240 [journal]=260)
# The program worker, by the role that it is started in. Nobody calls it.
declare -A ROLE=([worker]=persist [transform]=transform [save]=save [journal]=journal)
MOST_INSTANCES=10

# CHANGED counts what was started or stopped.
CHANGED=0

# http_port SERVICE INDEX / admin_port SERVICE INDEX
http_port() { echo $((PORT_BASE + PORT_OFFSET[$1] + 2 * $2)); }
admin_port() { echo $((PORT_BASE + PORT_OFFSET[$1] + 2 * $2 + 1)); }

# indexes SERVICE: 0 … instances - 1; nothing when there are none
indexes() { seq 0 $((${COUNT[$1]} - 1)); }

# system_start: bring every instance to what is asked for, and wait until each says that it is ready. What runs as it
# should is left alone; what died, or was rebuilt or set differently since, is started again.
system_start() {
  local service index
  _stop_surplus
  for service in "${SCALABLE_SERVICES[@]}"; do
    for index in $(indexes "$service"); do _service_start "$service" "$index"; done
  done
  for service in "${SCALABLE_SERVICES[@]}"; do
    for index in $(indexes "$service"); do _service_await "$service" "$index"; done
  done
  _service_start gateway 0
  _service_await gateway 0
  process_await gateway-0 30 http_ok "http://$(reachable_address)/"
}

# reachable_address: GATEWAY_LISTEN, for a browser on this machine ("every address" is none that can be opened).
reachable_address() {
  case $GATEWAY_LISTEN in 0.0.0.0:*) echo "127.0.0.1:${GATEWAY_LISTEN##*:}" ;; *) echo "$GATEWAY_LISTEN" ;; esac
}

# system_stop: the gateway first, so that nothing new comes in; the workers last, so that they can still store what came.
system_stop() {
  local service
  for service in gateway ingest-api realtime-ws stats console transform save journal worker; do _stop_instances "$service" 0; done
}

# system_processes: the names of all instances that were started.
system_processes() {
  local service file
  for service in gateway "${SCALABLE_SERVICES[@]}"; do
    for file in "$RUN/$service"-[0-9].pid; do
      [ ! -e "$file" ] || basename "$file" .pid
    done
  done
}

_stop_surplus() {
  local service
  for service in "${SCALABLE_SERVICES[@]}"; do _stop_instances "$service" "${COUNT[$service]}"; done
}

# _stop_instances SERVICE FROM: ask all of them at once, then wait for each.
_stop_instances() {
  local index names=()
  for ((index = $2; index < MOST_INSTANCES; index++)); do
    [ ! -e "$RUN/$1-$index.pid" ] || names+=("$1-$index")
  done
  [ ${#names[@]} -gt 0 ] || return 0
  CHANGED=$((CHANGED + 1))
  process_stop_all "${names[@]}"
}

# _service_start SERVICE INDEX: start it, unless this very program runs with these very settings.
_service_start() {
  local name=$1-$2 program=$BIN_DIR/$1 settings arguments=() wanted restart=no
  [ -z "${ROLE[$1]:-}" ] || program=$BIN_DIR/worker arguments=("${ROLE[$1]}")
  [ -x "$program" ] || fail "$program is missing: it was not built"
  _service_settings "$1" "$2"
  wanted=$(printf '%s\n' "$(stat -c '%i %Y' "$program")" "${settings[@]}" | sha256sum)
  if process_runs "$name" && [ "$(cat "$RUN/$name.settings" 2>/dev/null)" = "$wanted" ]; then return 0; fi
  if process_runs "$name"; then
    note "starting $name again, because it or its settings have changed"
    restart=yes
  else
    note "starting $name"
  fi
  process_stop "$name"
  _service_ports_must_be_free "$1" "$2"
  CHANGED=$((CHANGED + 1))
  printf '%s\n' "$wanted" >"$RUN/$name.settings"
  # The settings go by the environment, which only the owner of a process can read.
  (export "${settings[@]}" && process_start "$name" "$program" "${arguments[@]}")
  [ "$restart" = no ] || _await_restarted "$1" "$2"
}

# Instances are restarted one after the other, each with a moment for the gateway to notice that it is back.
_await_restarted() {
  _service_await "$1" "$2"
  [ "${COUNT[$1]:-1}" = 1 ] || sleep 2
}

_service_await() { process_await "$1-$2" 60 http_ok "http://127.0.0.1:$(admin_port "$1" "$2")/readyz"; }

# system_ports_must_be_free: a look ahead, so that nobody waits for a build that cannot be started afterwards.
system_ports_must_be_free() {
  local service index
  for service in "${SCALABLE_SERVICES[@]}"; do
    for index in $(indexes "$service"); do
      process_runs "$service-$index" || _service_ports_must_be_free "$service" "$index"
    done
  done
  process_runs gateway-0 || _service_ports_must_be_free gateway 0
}

_service_ports_must_be_free() {
  [ -n "${ROLE[$1]:-}" ] || _port_must_be_free "$(_public_port "$1" "$2")" "$1"
  _port_must_be_free "$(admin_port "$1" "$2")" "$1"
}

_public_port() { if [ "$1" = gateway ]; then echo "${GATEWAY_LISTEN##*:}"; else http_port "$1" "$2"; fi; }

# _service_settings SERVICE INDEX: fills the caller's array `settings` with what this instance needs to know, and no more.
_service_settings() {
  local database="CITYTRACK_DATABASE__URL=$DATABASE_URL" broker="CITYTRACK_BROKER__URL=$AMQP_URL"
  local viewer="CITYTRACK_VIEWER__SECRET=$VIEWER_SECRET" administrator="CITYTRACK_ADMINISTRATOR__TOKEN=$ADMIN_TOKEN" service
  settings=("CITYTRACK_ADMIN__LISTEN=127.0.0.1:$(admin_port "$1" "$2")" "CITYTRACK_LOG__FORMAT=${CITYTRACK_LOG__FORMAT:-text}")
  case $1 in
    gateway)
      settings+=("CITYTRACK_GATEWAY__LISTEN=$GATEWAY_LISTEN")
      # A line for every batch of the demo would fill a disk in a few weeks.
      settings+=("CITYTRACK_GATEWAY__ACCESS_LOG=${CITYTRACK_GATEWAY__ACCESS_LOG:-errors}")
      for service in ingest-api realtime-ws stats console; do
        settings+=("CITYTRACK_GATEWAY__POOLS__$(tr 'a-z-' 'A-Z_' <<<"$service")=$(_pool "$service")")
      done
      ;;
    worker | transform | save | journal) ;; # nobody calls them
    *) settings+=("CITYTRACK_HTTP__LISTEN=127.0.0.1:$(http_port "$1" "$2")") ;;
  esac
  case $1 in
    ingest-api) settings+=("$database" "$broker" "$viewer") ;;
    # RabbitMQ's own limit of a message is 128 MiB here. What a picture took goes back to the system
    # after 2 ms, unless the next one takes it.
    transform) settings+=("$database" "$broker" CITYTRACK_TRANSFORM__MAX_MESSAGE=96MiB MIMALLOC_PURGE_DELAY=2) ;;
    save) settings+=("$database" "$broker" MIMALLOC_PURGE_DELAY=2) ;;
    worker | journal) settings+=("$database" "$broker") ;;
    realtime-ws) settings+=("$broker" "$viewer" "$administrator") ;;
    # What exports have freed goes back to the system at once, not after a second: docs/performance.md#exports-of-raw-detections.
    stats) settings+=("CITYTRACK_DATABASE__URL=${READER_URL:-$DATABASE_URL}" "$viewer" MIMALLOC_PURGE_DELAY=0) ;;
    console) settings+=("$database" "$viewer" "$administrator" "CITYTRACK_SYSTEM__TARGETS=$(_admin_targets)") ;;
  esac
}

# _admin_targets: every instance's admin listener, for the system page.
_admin_targets() {
  local service index list=("gateway=http://127.0.0.1:$(admin_port gateway 0)")
  for service in "${SCALABLE_SERVICES[@]}"; do
    for index in $(indexes "$service"); do list+=("$service=http://127.0.0.1:$(admin_port "$service" "$index")"); done
  done
  (IFS=, && echo "${list[*]}")
}

# _pool SERVICE: its instances as the gateway wants them.
_pool() {
  local index list=()
  for index in $(indexes "$1"); do list+=("127.0.0.1:$(http_port "$1" "$index")"); done
  (IFS=, && echo "${list[*]}")
}
