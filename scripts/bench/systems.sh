# shellcheck shell=bash
# The systems that are measured: CityTrack with servers of its own, and the peers. Needs lib/all.sh.

# The folder of the peers, if any (--peers); those of them that are up.
PEERS=
PEERS_UP=()
PEER_NAMES=(django fastapi)
declare -A PEER_URL=([django]=http://127.0.0.1:18080 [fastapi]=http://127.0.0.1:18100)

# Whether what is measured is built first.
BUILD=yes

# bench_prepare: a state folder and ports of our own, everything built for release, nothing left of an earlier run; what is
# started from here on is stopped when the script ends.
bench_prepare() {
  use_state "$STATE_HOME/bench"
  lock_state "benchmark"
  # shellcheck disable=SC2034  # for system_settings
  WISH[PORT_BASE]=${CITYTRACK_PORT_BASE:-20000}
  _must_be_number CITYTRACK_PORT_BASE "${WISH[PORT_BASE]}" 1024 32000
  # shellcheck disable=SC2034
  WISH[PORT]=$((WISH[PORT_BASE] + 80))
  system_settings
  # shellcheck disable=SC2034  # for servers.sh
  PORT_ADVICE="end that program first, or set CITYTRACK_PORT_BASE"
  mkdir -p "$STATE/results"
  # shellcheck disable=SC2034  # for the other files
  BIN_DIR=$TARGET/release BENCH=$TARGET/release/citytrack-bench
  [ "$BUILD" = no ] || _build
  [ -z "$(ls -A "$RUN")" ] || systems_down # what an interrupted run left behind
  trap systems_down EXIT
  wipe_servers
}

_build() {
  ensure_rust
  install_packages "${SERVER_PACKAGES[@]}" "${BUILD_PACKAGES[@]}"
  web_build
  build_programs release
  say "building the load generator"
  (cd "$CITYTRACK_ROOT" && run_logged "$LOGS/build.log" "cargo build" cargo build --locked --release -p citytrack-bench) || exit 1
}

# citytrack_up: an empty database, an empty broker, one instance of each service, 16 nodes with keys. Sets FLEET.
citytrack_up() {
  say "starting CityTrack (ports from $PORT_BASE)"
  postgres_start $((PORT_BASE + 432)) "$POSTGRES_PASSWORD"
  postgres_database $((PORT_BASE + 432)) "$POSTGRES_PASSWORD" citytrack
  postgres_reader $((PORT_BASE + 432)) "$POSTGRES_PASSWORD" "$READER_PASSWORD"
  rabbitmq_start $((PORT_BASE + 672)) "$RABBITMQ_PASSWORD"
  rabbitmq_set_policies $((PORT_BASE + 672)) "$RABBITMQ_PASSWORD" "${CITYTRACK_QUEUE_LIMIT:-4GiB}"
  # 16 nodes send what thousands would: what one node may send is not what is measured, what it costs to ask is.
  if [ -z "${RATE_LIMITS:-}" ]; then
    export CITYTRACK_RATE__{LIVE,BACKLOG}_BATCHES=1000000 CITYTRACK_RATE__{LIVE,BACKLOG}_BYTES=100GiB
  fi
  system_start
  FLEET=$STATE/fleet.json
  make_fleet "$FLEET" --nodes 16
}

# make_fleet FILE ARGUMENT…: a venue or several with nodes and keys.
make_fleet() {
  local file=$1
  shift
  CITYTRACK_ADMINISTRATOR__TOKEN=$ADMIN_TOKEN "$BENCH" prepare --base-url "http://$(reachable_address)" --out "$file" "$@" ||
    fail "the venue of the benchmark could not be made"
}

# empty_tables: what was measured before takes neither disk nor time of what comes.
empty_tables() {
  postgres_query $((PORT_BASE + 432)) "$POSTGRES_PASSWORD" citytrack \
    "truncate journal, frame, batch, camera_minute, class_minute, stream, rollup_delta, camera_hour, camera_day, class_hour, class_day,
     track_minute, track_hour, track_day, heat_hour" >/dev/null
  postgres_query $((PORT_BASE + 432)) "$POSTGRES_PASSWORD" citytrack checkpoint
}

# build_stub: the ingest API whose last step is left out; an example, so that it never takes the place of the real one.
build_stub() {
  [ "$BUILD" = yes ] || return 0
  (cd "$CITYTRACK_ROOT" && run_logged "$LOGS/build.log" "cargo build" cargo build --locked --release -p citytrack-ingest-api \
    --features bench-discard-batches --example stub) || exit 1
}

# peers_up: those that come up; a peer that does not is named, and left out.
peers_up() {
  local name
  if [ -z "$PEERS" ]; then
    say "no peers: give their folder with --peers DIR to measure them beside CityTrack"
    return 0
  fi
  for name in "${PEER_NAMES[@]}"; do
    say "starting the peer $name"
    if run_logged "$LOGS/peer-$name.log" "starting $name" env PEER_RUN="$(_peer_run "$name")" "$PEERS/$name-citytrack/up.sh"; then
      PEERS_UP+=("$name")
    else
      say "the peer $name is left out"
      _peer_down "$name"
    fi
  done
}

# systems_down: stop what was started here, and delete its data; the results stay.
systems_down() {
  local name
  say "stopping everything"
  for name in "${PEERS_UP[@]}"; do _peer_down "$name"; done
  system_stop
  process_stop ingest-api-stub
  rabbitmq_stop now
  postgres_stop
  rm -f "$RUN"/* "$STATE"/fleet*.json
  wipe_servers
}

# A peer's servers run as users of their own, so its folder is where ours are.
_peer_run() { printf '%s/peer-%s\n' "$(servers_folder postgres)" "$1"; }

_peer_down() {
  run_logged "$LOGS/peer-$1.log" "stopping $1" env PEER_RUN="$(_peer_run "$1")" "$PEERS/$1-citytrack/down.sh" || true
}

# What the figures hold for.
machine() {
  printf 'Measured %s at commit %s: %s cores (%s), %s GB of memory, Linux %s; PostgreSQL %s, RabbitMQ %s, %s. ' \
    "$(date -u +%F)" "$(git -C "$CITYTRACK_ROOT" describe --always --dirty)" "$(nproc)" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(awk '/^MemTotal/ {print int($2 / 1e6 + 0.5)}' /proc/meminfo)" \
    "$(uname -r)" "$("$(postgres_bin)/postgres" --version | awk '{print $3}')" \
    "$(dpkg-query -W -f '${Version}' rabbitmq-server)" "$(rustc --version | cut -d ' ' -f 1,2)"
  printf 'The generator shares the cores with the systems. Medians of the runs, lowest and highest in brackets.\n'
}

# print_tables: what was measured, on the screen and beside the JSON lines.
print_tables() {
  { machine && "$TARGET/release/citytrack-bench" table "$RESULTS"; } | tee "${RESULTS%.jsonl}.md"
  note "every run: $RESULTS"
}

FAILED=0
# attempt COMMAND…: one that fails is counted, and the next is measured all the same.
attempt() { "$@" || FAILED=$((FAILED + 1)); }

runs() {
  local run
  for ((run = 1; run <= RUNS; run++)); do
    say "run $run of $RUNS"
    "$@"
  done
}

# drive SYSTEM ARGUMENT…: one run; its report goes to $RESULTS, and a line of it is shown. Later arguments win.
# SYSTEM is citytrack, gateway (CityTrack through its gateway), or a peer; SECTION says what the run belongs to.
drive() {
  local line
  if ! line=$(ingest "$@"); then
    say "the run failed: $*"
    return 1
  fi
  printf '%s\n' "$line" >>"$RESULTS"
  note "$(jq -r '"\(.label), \(.setup.batch): \(.posts.accepted_per_s | round) requests/s, \(.posts.detections_per_s | round) detections/s, "
    + "\((.stored.detections_per_s // 0) | round) committed, "
    + "\((.cost.us_per_detection // 0) * 10 | round / 10) µs CPU a detection; others used \(.cost.others_s | round) s"
    + if .faults == [] then "" else " FAULTS: \(.faults | join("; "))" end' <<<"$line")"
}

# ingest SYSTEM ARGUMENT…: one run; prints its report as a JSON line.
ingest() {
  local system=$1 index arguments=() database=
  shift
  case $system in
    citytrack)
      arguments=(--label CityTrack --live-url "ws://127.0.0.1:$(http_port realtime-ws 0)/api/v1/live")
      for index in $(indexes ingest-api); do arguments+=(--base-url "http://127.0.0.1:$(http_port ingest-api "$index")"); done
      ;;
    gateway) arguments=(--label "CityTrack behind its gateway" --base-url "http://$(reachable_address)") ;;
    stub)
      arguments=(--label "ingest-api, publishing stubbed" --base-url "http://127.0.0.1:$(http_port ingest-api 1)" --fleet "$FLEET"
        --subscribers 0 --process "ingest-api-stub=$(process_pid ingest-api-stub)")
      ;;
    *) arguments=(--label "$system" --dialect peer --base-url "${PEER_URL[$system]}" --pids "$(_peer_run "$system")/pids") ;;
  esac
  case $system in citytrack | gateway)
    arguments+=(--fleet "$FLEET" --pids "$RUN")
    database=$DATABASE_URL
    ;;
  esac
  CITYTRACK_DATABASE__URL=$database timeout 300 "$BENCH" ingest --json --section "${SECTION:-path}" \
    --warmup "$WARMUP" --duration "$DURATION" "${arguments[@]}" "$@"
}

# drive_stub ARGUMENT…: the ingest API without publishing, for as long as it takes.
drive_stub() {
  local settings=() code=0
  _service_settings ingest-api 1
  (export "${settings[@]}" && process_start ingest-api-stub "$TARGET/release/examples/stub")
  process_await ingest-api-stub 60 http_ok "http://127.0.0.1:$(admin_port ingest-api 1)/readyz"
  drive stub "$@" || code=1
  process_stop ingest-api-stub
  return "$code"
}

# report COMMAND ARGUMENT…: another measurement of the generator; its report goes to $RESULTS and is shown.
report() {
  local line
  if ! line=$(CITYTRACK_DATABASE__URL=$DATABASE_URL timeout 300 "$BENCH" "$@"); then
    say "the measurement failed: $*"
    return 1
  fi
  printf '%s\n' "$line" >>"$RESULTS"
  note "$(jq -r '.kind + ": " + ([to_entries[] | select(.value | type == "number") | "\(.key) \(.value * 10 | round / 10)"] | join(", "))' \
    <<<"$line")"
}
