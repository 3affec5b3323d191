# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # settings that other files use or set; COUNT is an associative array
# What is measured in each part of scripts/bench/run. Needs systems.sh, RUNS, DURATION, WARMUP, RESULTS.
# The systems take turns within each run, so that whatever else happens on the machine happens to all of them.

# Batches of 1,000 that wait in the backlog: 2 million detections.
BACKLOG_BATCHES=2000
# Batches that make at least 2 million detections in frames of ten.
DISK_BATCHES=25000

measure_path() {
  build_stub
  peers_up
  runs _path
}

_path() {
  local system
  for system in citytrack "${PEERS_UP[@]}"; do attempt drive "$system" --batch 1x1; done
  attempt drive_stub --batch 1x1
  attempt drive citytrack --batch 100x1
  attempt drive citytrack --batch 10x10
  for system in "${PEERS_UP[@]}"; do attempt drive "$system" --batch 100x1; done
  attempt drive citytrack --batch 1x10 --rate 1000
}

measure_sustained() { runs _sustained; }

_sustained() {
  empty_tables
  attempt report copy-limit --duration 10 --connections 2 --per-frame 10 --json
  # At most a quarter of a million detections are under way: half a second's worth.
  SECTION=sustained attempt drive citytrack --batch 100x10 --max-behind 256
  empty_tables
  attempt backlog
}

# backlog: fill the queue while there is no worker, then watch one catch up.
backlog() {
  local filled drain
  process_stop worker-0
  filled=$(ingest citytrack --batch 100x10 --warmup 0 --duration 60 --drain 0 --subscribers 0 --max-requests "$BACKLOG_BATCHES" \
    --database-url '') || return 1
  if [ "$(jq .posts.accepted <<<"$filled")" != "$BACKLOG_BATCHES" ]; then
    say "the backlog could not be made: $filled"
    return 1
  fi
  report drain --batches "$BACKLOG_BATCHES" --detections $((BACKLOG_BATCHES * 1000)) --pids "$RUN" &
  drain=$!
  sleep 0.5 # it looks at the empty tables first; if it came too late for that, it would wait in vain and fail
  system_start
  wait "$drain"
}

measure_footprint() {
  runs _idle
  empty_tables
  # The generator sends faster than cameras see: the captured times lie as if 64 cameras had seen ten frames a second.
  SECTION=disk attempt drive citytrack --batch 10x10 --camera-rate 10 --ledger --duration 60 --max-requests "$DISK_BATCHES"
  attempt report disk
}

# A new process each time: memory that an older one has free already would hide what connections cost.
_idle() {
  process_stop ingest-api-0
  system_start
  attempt report idle --base-url "http://127.0.0.1:$(http_port ingest-api 0)" --fleet "$FLEET" \
    --process "ingest-api=$(process_pid ingest-api-0)"
}

measure_growth() {
  local batch count fleet
  # shellcheck disable=SC2034  # for drive
  SECTION=growth
  for batch in 1x1 1x10 10x10 100x10; do grow "one of each" citytrack "$batch"; done
  for batch in 1x1 10x10; do grow "one of each, behind the gateway" gateway "$batch"; done
  COUNT[ingest-api]=2
  system_start
  for batch in 1x1 10x10; do grow "2 ingest-api" citytrack "$batch"; done
  COUNT[ingest-api]=1
  system_start
  grow "1 worker" citytrack 100x1
  for count in 2 4; do
    COUNT[worker]=$count
    system_start
    for batch in 100x1 10x10; do grow "$count workers" citytrack "$batch"; done
  done
  COUNT[worker]=1
  system_start
  for fleet in "16 1" "500 1" "5000 1" "500 500"; do _grow_fleet "${fleet% *}" "${fleet#* }"; done
}

measure_journal() { runs _journal; }

# One of each, then the same with `worker journal`, whose queues would go on costing when it is gone.
_journal() {
  local count batch
  local labels=("no journal" "a journal")
  for count in 0 1; do
    COUNT[journal]=$count
    system_start
    for batch in 1x1 10x10; do
      empty_tables
      SECTION=growth attempt drive citytrack --label "${labels[count]}" --batch "$batch" --max-behind 2000
    done
    SECTION=growth attempt drive citytrack --label "${labels[count]}, 200 a second" --batch 10x10 --rate 200
  done
  COUNT[journal]=0
  system_start
  rabbitmq_delete_queue $((PORT_BASE + 672)) "$RABBITMQ_PASSWORD" citytrack.journal
  rabbitmq_delete_queue $((PORT_BASE + 672)) "$RABBITMQ_PASSWORD" citytrack.journal.images
}

# _grow_fleet NODES VENUES: without a subscriber, who could watch only one of the venues. Thousands of cameras are new to the
# worker: that is over when the measured time begins.
_grow_fleet() {
  make_fleet "$STATE/fleet-$1-$2.json" --nodes "$1" --venues "$2"
  FLEET=$STATE/fleet-$1-$2.json grow "$1 nodes, $2 venue(s), no subscriber" citytrack 10x10 --nodes "$1" --subscribers 0 --warmup 6
}

# grow LABEL SYSTEM BATCH ARGUMENT…: the rate that is sustained.
grow() {
  local label=$1 system=$2 batch=$3 most
  shift 3
  case $batch in 1x*) most=4000 ;; 100x10) most=256 ;; *) most=2000 ;; esac
  say "$label, batches of $batch"
  empty_tables
  runs attempt drive "$system" --label "$label" --batch "$batch" --max-behind "$most" "$@"
}
