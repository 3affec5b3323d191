# shellcheck shell=bash
# What must be seen of the running stack. Needs scripts/lib/all.sh, engine.sh; RECORDINGS is a folder of MOT files.

VENUE=harbour
# Boxes and frames of the two recordings, counted in the files.
FIRST_BOXES=359 FIRST_FRAMES=71 SECOND_BOXES=1156

# database SQL: prints the bare rows.
database() { compose exec -T postgres psql -X -A -t -q -v ON_ERROR_STOP=1 -U citytrack -d "${DATABASE:-citytrack}" -c "$1"; }

# stored: boxes of our venue. (The test of the page makes another one.)
stored() { database "select count(*) from detection where venue = '$VENUE'"; }

# expect WHAT WANTED COMMAND…: the command must print this within 30 s.
expect() {
  local what=$1 wanted=$2
  shift 2
  wait_until 30 _prints "$wanted" "$@" || fail "$what: $wanted expected, but it is: $("$@" 2>&1 | tail -n 3)"
  note "$what: $wanted"
}
_prints() { [ "$("${@:2}" 2>/dev/null)" = "$1" ]; }

# crate_tests --no-run | --no-fail-fast: the tests of the crates that speak to the servers. With nextest the whole workspace is built, as
# scripts/test does, so that nothing is built twice.
crate_tests() {
  local package packages=() filter=none\(\)
  for package in storage broker worker ingest-api realtime-ws stats console; do
    packages+=(-p "citytrack-$package")
    filter+="+package(citytrack-$package)"
  done
  cd "$CITYTRACK_ROOT" || exit
  if have cargo-nextest; then
    cargo nextest run --workspace --locked -E "$filter" "$@"
  else
    cargo test --locked --tests "${packages[@]}" "$@"
  fi
}

# Against these servers.
integration_tests() {
  export CITYTRACK_TEST_DATABASE_URL=postgres://citytrack:$POSTGRES_PASSWORD@127.0.0.1:21432/postgres
  export CITYTRACK_TEST_AMQP_URL=amqp://citytrack:$RABBITMQ_PASSWORD@127.0.0.1:21672
  export CITYTRACK_TEST_MANAGEMENT_URL=http://citytrack:$RABBITMQ_PASSWORD@127.0.0.1:21673
  note "$(compose exec -T postgres postgres --version)"
  note "TimescaleDB $(database "select extversion from pg_extension where extname = 'timescaledb'")"
  note "RabbitMQ $(compose exec -T rabbitmq rabbitmqctl -q version)"
  (CARGO_NET_OFFLINE=true crate_tests --no-fail-fast)
}

# Programs run as nobody special, and two of each that is asked for twice.
containers_are_right() {
  local id
  for id in $(compose ps -q gateway ingest-api worker transform save realtime-ws stats console); do
    [ "$(docker inspect -f '{{.Config.User}}' "$id")" = 10001:10001 ] || fail "a service runs as root"
  done
  expect "instances of ingest-api" 2 running_instances ingest-api
  expect "instances of worker" 2 running_instances worker
  expect "published ports" "127.0.0.1:8080" published_ports
  expect "bound of what waits to be stored" 4294967296 policy citytrack-persist max-length-bytes
  expect "looks at a dead letter" 1000000 policy citytrack-dead delivery-limit
}
# policy NAME KEY: what the policy says.
policy() {
  compose exec -T rabbitmq rabbitmqctl -q list_policies --formatter json |
    jq --arg name "$1" --arg key "$2" '.[] | select(.name == $name) | .definition | fromjson | .[$key]'
}
running_instances() { compose ps -q "$1" | wc -l; }
published_ports() {
  # shellcheck disable=SC2046  # a list
  docker inspect -f '{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}}:{{.HostPort}} {{end}}{{end}}' \
    $(compose ps -q gateway ingest-api worker transform save realtime-ws stats console postgres rabbitmq) | tr -s ' \n' '\n' | sed '/^$/d' | sort -u
}

# A node's way: venue, node and key by the control API; the recording by the node client's image; then counts and rows.
detections_arrive() {
  local node
  api POST /api/v1/venues "{\"slug\":\"$VENUE\",\"name\":\"Harbour\",\"time_zone\":\"Europe/Berlin\"}" >/dev/null
  node=$(api POST "/api/v1/venues/$VENUE/nodes" '{"slug":"quay","name":"Quay"}' | jq -r .id)
  NODE_KEY=$(api POST "/api/v1/nodes/$node/keys" '{"label":"test"}' | jq -r .key)
  VIEWER_TOKEN=$(viewer_token "$VENUE")
  wait_until 20 _key_works || fail "the new node key is still refused after 20 s"
  replay TUD-Campus/gt.txt:campus --speed max
  expect "boxes that were counted" "$FIRST_BOXES" counted detections
  expect "frames that were counted" "$FIRST_FRAMES" counted frames
  expect "rows of the view" "$FIRST_BOXES" stored
  expect "hypertable" frame database "select hypertable_name from timescaledb_information.hypertables"
}

# Both instances must know it: ask often enough. (The body stores nothing.)
_key_works() {
  local status
  for _ in 1 2 3 4; do
    status=$(curl -s -m 5 -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $NODE_KEY" -H 'Content-Type: application/json' \
      --data '{}' "http://$GATEWAY_LISTEN/api/v1/detections") && [ "$status" = 422 ] || return 1
  done
}

# replay FILE:CAMERA OPTION…: as a node outside would, through the gateway.
replay() {
  CITYTRACK_NODE_KEY=$NODE_KEY run_logged "$LOGS/node.log" "the replay of $1" docker run --rm --network citytrack_front -v "$RECORDINGS:/recordings:ro" \
    -e CITYTRACK_NODE_KEY citytrack/citytrack-node:0.1.0 replay "/recordings/$1" --size 640x480 \
    --server http://gateway:8080 "${@:2}" || exit 1
}

# counted detections|frames: the sum over the last hours, as the counts API tells it.
counted() {
  curl -s -m 10 -H "Authorization: Bearer $VIEWER_TOKEN" \
    "http://$GATEWAY_LISTEN/api/v1/venues/$VENUE/counts?bucket=1h&from=$(date -u -d '-3 hours' +%FT%TZ)" |
    jq -r --arg what "$1" '[.buckets[][$what]] | add // 0'
}

# The page in headless Chromium: waits until the live feed has brought people, then takes the picture.
page_shows_boxes() {
  CITYTRACK_ADDRESS=http://$GATEWAY_LISTEN CITYTRACK_ADMIN_TOKEN=$ADMIN_TOKEN \
    run_logged "$LOGS/page.log" "the pictures of the pages" npm --prefix "$WEB" run screenshots -- "$STATE/screenshots" || exit 1
  note "pictures: $STATE/screenshots"
}

# One ingest-api and one worker die while a node sends. The retrying client loses nothing, and compose starts both again.
deaths_lose_nothing() {
  local victim killer restarts=0
  (sleep 2 && for victim in ingest-api worker; do kill -KILL "$(docker inspect -f '{{.State.Pid}}' "$(compose ps -q "$victim" | head -n 1)")"; done) &
  killer=$!
  replay TUD-Stadtmitte/gt.txt:town-centre --batch-interval 200ms
  wait "$killer" || fail "the two processes could not be killed"
  expect "boxes counted after two deaths" $((FIRST_BOXES + SECOND_BOXES)) counted detections
  expect "rows after two deaths" $((FIRST_BOXES + SECOND_BOXES)) stored
  for victim in $(compose ps -q ingest-api worker); do
    restarts=$((restarts + $(docker inspect -f '{{.RestartCount}}' "$victim")))
  done
  [ "$restarts" = 2 ] || fail "two processes were killed, but $restarts were started again"
}

# The gateway finds instances that come, and forgets those that go.
scaling_is_noticed() {
  compose_logged up -d --wait --no-recreate --scale stats=3
  expect "servers of the pool stats" 3 _healthy_servers stats
  compose_logged up -d --wait --no-recreate --scale stats=1
  expect "servers of the pool stats" 1 _healthy_servers stats
}
# As Prometheus has read it from the gateway.
_healthy_servers() {
  curl -s -m 10 -G http://127.0.0.1:9090/api/v1/query --data-urlencode "query=sum(citytrack_gateway_upstream_healthy{pool=\"$1\"})" |
    jq -r '.data.result[0].value[1]'
}

# As docs/operations.md says it.
backup_can_be_restored() {
  compose exec -T postgres pg_dump -U citytrack -Fc citytrack >"$WORK/backup.dump" 2>>"$LOGS/backup.log" || fail "pg_dump failed ($LOGS/backup.log)"
  DATABASE=postgres database "create database restored"
  DATABASE=restored database "create extension if not exists timescaledb"
  DATABASE=restored database "select timescaledb_pre_restore()" >/dev/null
  compose exec -T postgres pg_restore -U citytrack -d restored --no-owner <"$WORK/backup.dump" >>"$LOGS/backup.log" 2>&1 ||
    fail "pg_restore failed ($LOGS/backup.log)"
  DATABASE=restored database "select timescaledb_post_restore()" >/dev/null
  DATABASE=restored expect "rows in the restored backup" $((FIRST_BOXES + SECOND_BOXES)) stored
  DATABASE=postgres database "drop database restored"
}

WATCHED="console=1 gateway=1 ingest-api=2 prometheus=1 rabbitmq=1 rabbitmq-queues=1 realtime-ws=1 save=1 stats=1 transform=1 worker=2"

# Every container is watched, every metric that an alert names exists, and no alert fires without a reason.
monitoring_works() {
  local name metrics
  docker_logged run --rm --entrypoint promtool -v "$CITYTRACK_ROOT/deploy/prometheus:/rules:ro" "$(image_of prometheus)" \
    test rules /rules/alerts.test.yaml
  expect "targets that answer" "$WATCHED" _targets_up
  metrics=$(grep -ohE '\b(citytrack|rabbitmq)_[a-z_]+[a-z]\b' "$CITYTRACK_ROOT/deploy/prometheus/alerts.yaml" | sort -u)
  for name in $metrics; do
    wait_until 40 _metric_exists "$name" || fail "an alert uses the metric $name, which nobody has"
  done
  note "metrics that alerts use, all there: $(wc -w <<<"$metrics")"
  expect "Alertmanagers that Prometheus knows" 1 _prometheus alertmanagers '.data.activeAlertmanagers | length'
  expect "webhook that Alertmanager can read" "http://127.0.0.1:9/" compose exec -T alertmanager cat /run/secrets/alert-webhook
  expect "alerts that fire" 0 _prometheus alerts '[.data.alerts[] | select(.state == "firing")] | length'
}
_prometheus() { curl -s -m 10 "http://127.0.0.1:9090/api/v1/$1" | jq -r "$2"; }
_targets_up() {
  _prometheus targets '[.data.activeTargets[] | select(.health == "up") | .labels.service // .labels.job] | group_by(.) | map("\(.[0])=\(length)") | join(" ")'
}
_metric_exists() { [ "$(_prometheus "series?match[]=$1" '.data | length')" -gt 0 ]; }

# SIGTERM: everything in hand is finished, and nobody has to be killed.
services_end_well() {
  local id
  compose_logged stop gateway ingest-api realtime-ws stats console transform save worker
  for id in $(compose ps --all -q gateway ingest-api worker transform save realtime-ws stats console); do
    [ "$(docker inspect -f '{{.State.ExitCode}}' "$id")" = 0 ] ||
      fail "$(docker inspect -f '{{.Name}} ended with {{.State.ExitCode}}' "$id"): $(docker logs --tail 5 "$id" 2>&1)"
  done
}
