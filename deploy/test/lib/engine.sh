# shellcheck shell=bash
# Inside the namespaces: a Docker daemon of our own, the images, and the compose stack.
# Needs scripts/lib/all.sh, bases.sh, use_state, and WORK, a folder with a short path for sockets and secrets.

BINARIES_IMAGE=citytrack-test/binaries
SERVERS_IMAGE=citytrack-test/debian-13
CONTROL_GROUP=/citytrack-test

# engine_start: nothing of it is seen outside: network, firewall rules, mounts and processes are in our namespaces.
engine_start() {
  export DOCKER_HOST=unix://$WORK/docker.sock
  ip link set lo up
  # The limit of open files is lowered to what this machine allows at all; Docker would ask for more and be refused.
  process_start dockerd dockerd --data-root "$STATE/docker" --exec-root "$WORK/exec" --pidfile "$WORK/docker.pid" \
    --host "$DOCKER_HOST" --cgroup-parent "$CONTROL_GROUP" --default-ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)"
  process_await dockerd 60 _docker_answers
  docker_plugins "$WORK/docker-config"
  note "$(docker version --format 'Docker {{.Server.Version}}'), Compose $(docker compose version --short)"
}

_docker_answers() { docker version >/dev/null 2>&1; }

engine_stop() { process_stop dockerd TERM 60; }

# engine_wipe: what is left outside: files, and control groups, which have no namespace here.
engine_wipe() {
  rm -rf "$WORK" "$STATE/docker" "$STATE/binaries"
  find /sys/fs/cgroup -maxdepth 3 -depth -path "*$CONTROL_GROUP*" -type d -exec rmdir {} \; 2>/dev/null
}

# use_layer NAME…: which layers `compose` means from now on.
use_layer() {
  local layer
  LAYERS=(-f "$CITYTRACK_ROOT/compose/common.yaml")
  for layer in "$@"; do LAYERS+=(-f "$CITYTRACK_ROOT/compose/$layer.yaml"); done
}
compose() { docker compose --env-file "$WORK/environment" "${LAYERS[@]}" "$@"; }
compose_logged() { run_logged "$LOGS/compose.log" "docker compose $1" compose "$@" || exit 1; }
docker_logged() { run_logged "$LOGS/docker.log" "docker $1" docker "$@" || exit 1; }

# write_secrets: all that compose/.env must hold, at random.
write_secrets() {
  local name
  for name in POSTGRES_PASSWORD RABBITMQ_PASSWORD ADMIN_TOKEN; do printf -v "$name" '%s' "$(random_secret)"; done
  (umask 077 && cat >"$WORK/environment") <<ENVIRONMENT
POSTGRES_PASSWORD=$POSTGRES_PASSWORD
POSTGRES_READER_PASSWORD=$(random_secret)
RABBITMQ_PASSWORD=$RABBITMQ_PASSWORD
CITYTRACK_ADMINISTRATOR__TOKEN=$ADMIN_TOKEN
CITYTRACK_VIEWER__SECRET=$(random_secret)
ALERT_WEBHOOK_URL=http://127.0.0.1:9/
BINARIES=$BINARIES_IMAGE
ENVIRONMENT
}

# layers_are_valid: each combination that the guide names, and no start without secrets.
layers_are_valid() {
  local layers
  for layers in development production "development monitoring" "production monitoring"; do
    # shellcheck disable=SC2086  # a list
    use_layer $layers
    compose config --quiet || fail "compose refuses the layers: common $layers"
  done
  use_layer production
  if docker compose --env-file "$CITYTRACK_ROOT/compose/.env.example" "${LAYERS[@]}" config --quiet 2>/dev/null; then
    fail "compose/.env.example must not be enough to start: it holds no secrets"
  fi
}

# import_bases: under the names that the container file and the compose files ask for.
import_bases() {
  docker_logged import "$(base_archive bookworm "")" debian:bookworm-slim
  docker_logged import "$(base_archive "$NEWER_DEBIAN" "$SERVERS_OF_NEWER_DEBIAN")" "$SERVERS_IMAGE"
  use_layer production monitoring
  local server
  for server in postgres rabbitmq prometheus alertmanager; do
    docker_logged build -q -f "$CITYTRACK_ROOT/deploy/test/Containerfile" --target "$server" --build-arg BASE="$SERVERS_IMAGE" \
      -t "$(image_of "$server")" "$CITYTRACK_ROOT/deploy/test"
  done
}

# image_of SERVICE: its image as compose names it.
image_of() { compose config --format json | jq -r --arg name "$1" '.services[$name].image'; }

# build_images: ours, by the real container file, from programs that are built already.
build_images() {
  local program folder=$STATE/binaries
  rm -rf "$folder"
  mkdir "$folder"
  for program in ingest-api worker realtime-ws stats console gateway citytrack-node; do
    strip --strip-debug -o "$folder/$program" "$BIN_DIR/$program"
  done
  cp /etc/ssl/certs/ca-certificates.crt "$folder/"
  printf 'FROM scratch\nCOPY . /binaries/\n' >"$WORK/Containerfile"
  docker_logged build -q -f "$WORK/Containerfile" -t "$BINARIES_IMAGE" "$folder"
  rm -rf "$folder"
  use_layer production
  compose_logged build
  docker_logged build -q -f "$CITYTRACK_ROOT/deploy/Containerfile" --target citytrack-node \
    --build-arg BINARIES="$BINARIES_IMAGE" -t citytrack/citytrack-node:0.1.0 "$CITYTRACK_ROOT"
}

# stack_up LAYER…: start it and wait until every container says that it is ready.
stack_up() {
  use_layer "$@"
  if ! run_logged "$LOGS/compose.log" "docker compose up" compose up -d --wait --wait-timeout 240; then
    compose ps --all >&2
    compose logs --tail 15 >&2
    fail "the stack of common $* did not become ready"
  fi
}

# stack_down: with its data.
stack_down() { compose_logged down --volumes --remove-orphans; }
