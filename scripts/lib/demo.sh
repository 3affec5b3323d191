# shellcheck shell=bash
# The demo: a venue with three nodes that replay real recordings for ever, through the same API as any node.
# Needs common.sh, process.sh, wheels.sh, services.sh, api.sh.

DEMO_VENUE=demo
DEMO_NODES=(north east west)
# Recordings of each node, as FILE:CAMERA. "gt" is the truth, "test" what a real, imperfect tracker made of it.
declare -A DEMO_RECORDINGS=(
  [north]="TUD-Campus/gt.txt:campus"
  [east]="TUD-Stadtmitte/gt.txt:town-centre"
  [west]="TUD-Campus/test.txt:campus-tracker TUD-Stadtmitte/test.txt:town-centre-tracker"
)

# demo_start: make the venue, the nodes and their keys the first time; start the replays that do not run.
demo_start() {
  local node
  wheel_unpacked recordings
  _demo_venue
  for node in "${DEMO_NODES[@]}"; do
    _demo_node "$node"
    _demo_replay "$node"
  done
}

# demo_stop: the replays only; what they sent stays.
demo_stop() {
  local file names=()
  for file in "$RUN"/demo-*.pid; do
    [ ! -e "$file" ] || names+=("$(basename "$file" .pid)")
  done
  [ ${#names[@]} -gt 0 ] || return 0
  CHANGED=$((CHANGED + 1))
  process_stop_all "${names[@]}"
}

# demo_await TOKEN: until the counts grow, which takes every part: ingest, broker, worker, database, stats, gateway.
demo_await() {
  local before
  before=$(frames_counted "$DEMO_VENUE" "$1")
  wait_until 60 _demo_grew "$1" "$before" && return 0
  local node
  for node in "${DEMO_NODES[@]}"; do show_tail "$LOGS/demo-$node.log" 5; done
  fail "no frames arrived within 60 s; the logs are in $LOGS"
}

_demo_grew() { [ "$(frames_counted "$DEMO_VENUE" "$1")" -gt "$2" ]; }

_demo_venue() {
  local known
  known=$(api GET '/api/v1/venues?retired=true' | jq -r '.venues[].slug')
  if ! grep -qx "$DEMO_VENUE" <<<"$known"; then
    api POST /api/v1/venues "{\"slug\":\"$DEMO_VENUE\",\"name\":\"Demo: Darmstadt\",\"time_zone\":\"Europe/Berlin\"}" >/dev/null
  fi
}

# The key is shown once, so it is kept, readable by us alone.
_demo_node() {
  local slug=$1 id key=$STATE/demo/$1.key
  (umask 077 && mkdir -p "$STATE/demo")
  id=$(api GET "/api/v1/venues/$DEMO_VENUE/nodes" | jq -r --arg slug "$slug" '.nodes[] | select(.slug == $slug) | .id')
  if [ -z "$id" ]; then
    id=$(api POST "/api/v1/venues/$DEMO_VENUE/nodes" "{\"slug\":\"$slug\",\"name\":\"Demo node $slug\"}" | jq -r .id)
    rm -f "$key"
  fi
  if [ ! -s "$key" ]; then
    (umask 077 && api POST "/api/v1/nodes/$id/keys" '{"label":"scripts/up"}' | jq -r .key >"$key")
  fi
}

_demo_replay() {
  local recordings=() each
  if process_runs "demo-$1"; then return 0; fi
  CHANGED=$((CHANGED + 1))
  wait_until 20 _demo_key_works "$1" ||
    fail "the key of demo node $1 is refused; if it was revoked, delete $STATE/demo/$1.key to have a new one made"
  for each in ${DEMO_RECORDINGS[$1]}; do recordings+=("$WHEEL/motmetrics/data/$each"); done
  process_start "demo-$1" "$BIN_DIR/citytrack-node" replay "${recordings[@]}" --size 640x480 --fps 25 --loop \
    --batch-interval 200ms --quiet --server "http://$(reachable_address)" --key-file "$STATE/demo/$1.key"
}

# A new key is known to every ingest-api within a second or so, and a node gives up when its key is refused. So ask each
# instance, with a body that stores nothing.
_demo_key_works() {
  local index status
  for index in $(indexes ingest-api); do
    status=$(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$STATE/demo/$1.key")" |
      curl -s -m 5 -K - -o /dev/null -w '%{http_code}' -H 'Content-Type: application/json' --data '{}' \
        "http://127.0.0.1:$(http_port ingest-api "$index")/api/v1/detections") || return 1
    [ "$status" != 401 ] || return 1
  done
}
