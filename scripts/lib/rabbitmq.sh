# shellcheck shell=bash
# A private RabbitMQ on the loopback, with its own port mapper (epmd), its own cookie and no account but ours, so that it
# never meets another broker on this machine. From PORT it uses: PORT (AMQP), +1 (management), +2 (Prometheus), +10
# (distribution), +11…+20 (command line tools), +25 (epmd). Keep them below 32768, where the system takes its own ports.
# Needs common.sh, process.sh, servers.sh; uses the state folder of use_state.

RABBITMQ_BIN=/usr/lib/rabbitmq/bin
RABBITMQ_ACCOUNT=citytrack

# rabbitmq_ports PORT: the ports that must be free.
rabbitmq_ports() { printf '%s\n' "$1" $(($1 + 1)) $(($1 + 2)) $(($1 + 10)) $(($1 + 25)); }

# A broker that died may have left its port mapper; that one is ours to stop.
rabbitmq_ports_must_be_free() {
  local port
  if process_runs rabbitmq; then return 0; fi
  process_stop epmd
  for port in $(rabbitmq_ports "$1"); do _port_must_be_free "$port" RabbitMQ; done
}

# rabbitmq_start PORT PASSWORD: make its folder the first time, start it, wait until it serves.
rabbitmq_start() {
  local port=$1 password=$2 folder
  if process_runs rabbitmq; then return 0; fi
  [ -x "$RABBITMQ_BIN/rabbitmq-server" ] || fail "no RabbitMQ server found in $RABBITMQ_BIN"
  rabbitmq_ports_must_be_free "$port"
  folder=$(server_folder rabbitmq rabbitmq)
  _rabbitmq_configure "$folder" "$port" "$password"
  _rabbitmq_environment "$folder" "$port"
  server_command rabbitmq
  # Started here rather than by Erlang, so that it is a process of ours that can be stopped.
  process_start epmd "${COMMAND_PREFIX[@]}" env "${RABBITMQ_SETTINGS[@]}" epmd
  process_start rabbitmq "${COMMAND_PREFIX[@]}" env "${RABBITMQ_SETTINGS[@]}" "$RABBITMQ_BIN/rabbitmq-server"
  process_await rabbitmq 90 _rabbitmq_serves "$port" "$password"
}

# Written anew at each start; RABBITMQ_MORE_PLUGINS and RABBITMQ_MORE_SETTINGS may add to it. The account is made by the broker when its
# data folder is empty; guest is never made.
_rabbitmq_configure() {
  local folder=$1 port=$2
  printf '[rabbitmq_management,rabbitmq_prometheus%s].\n' "${RABBITMQ_MORE_PLUGINS:+,$RABBITMQ_MORE_PLUGINS}" >"$folder/enabled_plugins"
  : >"$folder/rabbitmq-env.conf"
  (
    umask 077
    cat >"$folder/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$port
management.tcp.ip = 127.0.0.1
management.tcp.port = $((port + 1))
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = $((port + 2))
default_user = $RABBITMQ_ACCOUNT
default_pass = $3
# Beyond these it takes nothing from publishers: memory in use, and disk that must stay free.
vm_memory_high_watermark.absolute = 2GB
disk_free_limit.absolute = 1GB
# What was acknowledged, originals of pictures among it, stays in its write-ahead log for so many bytes (docs/images.md).
raft.wal_max_size_bytes = 64000000
${RABBITMQ_MORE_SETTINGS:-}
CONF
  )
  [ "$(id -u)" != 0 ] || chown rabbitmq: "$folder"/{enabled_plugins,rabbitmq-env.conf,rabbitmq.conf}
}

# RUNNING_UNDER_SYSTEMD makes the start script become the broker, so that our pid is the broker's. ERLANG_ARGUMENTS may hold
# more for its Erlang machine.
_rabbitmq_environment() {
  local folder=$1 port=$2
  RABBITMQ_SETTINGS=(
    HOME="$folder" LC_ALL=C.UTF-8 RUNNING_UNDER_SYSTEMD=true RABBITMQ_LOGS=-
    RABBITMQ_NODENAME="citytrack$port@localhost" RABBITMQ_NODE_PORT="$port" RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
    RABBITMQ_MNESIA_BASE="$folder/mnesia" RABBITMQ_LOG_BASE="$folder/log" RABBITMQ_PID_FILE="$folder/rabbit.pid"
    RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf"
    RABBITMQ_GENERATED_CONFIG_DIR="$folder/config" RABBITMQ_ADVANCED_CONFIG_FILE="$folder/advanced.config"
    RABBITMQ_CONF_ENV_FILE="$folder/rabbitmq-env.conf" RABBITMQ_DIST_PORT=$((port + 10))
    RABBITMQ_CTL_DIST_PORT_MIN=$((port + 11)) RABBITMQ_CTL_DIST_PORT_MAX=$((port + 20))
    ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$((port + 25))
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}${ERLANG_ARGUMENTS:+ $ERLANG_ARGUMENTS}"
  )
}

# The management API says so itself: no second Erlang machine has to be started to ask. The password goes in by a pipe,
# where no list of processes shows it.
_rabbitmq_serves() {
  local answer
  answer=$(printf 'user = "%s:%s"\n' "$RABBITMQ_ACCOUNT" "$2" |
    curl -s -m 5 -K - "http://127.0.0.1:$(($1 + 1))/api/health/checks/port-listener/$1" 2>/dev/null) || return 1
  case $answer in *'"status":"ok"'*) ;; *) return 1 ;; esac
}

# rabbitmq_set_policies PORT PASSWORD SIZE: bound the messages that wait to be stored (4GiB, say): what is over it is refused, and
# nodes are told to come again later. And let dead letters be looked at as often as one likes: RabbitMQ 4 drops a message that was
# returned 20 times. Policies, since a queue cannot change the arguments it was made with; one for each queue, since
# RabbitMQ applies only one.
rabbitmq_set_policies() {
  local bytes
  bytes=$(numfmt --from=auto --suffix=B -- "$3" 2>/dev/null) || true
  [[ $bytes =~ ^[1-9][0-9]*B$ ]] || fail "CITYTRACK_QUEUE_LIMIT: '$3' is no size such as 4GiB"
  _rabbitmq_set_policy "$1" "$2" persist "{\"max-length-bytes\": ${bytes%B}, \"overflow\": \"reject-publish\"}"
  _rabbitmq_set_policy "$1" "$2" dead '{"delivery-limit": 1000000}'
  _rabbitmq_set_policy "$1" "$2" images.dead '{"delivery-limit": 1000000}'
}

# _rabbitmq_set_policy PORT PASSWORD QUEUE DEFINITION: of the queue citytrack.QUEUE, under the name citytrack-QUEUE.
_rabbitmq_set_policy() {
  printf 'user = "%s:%s"\n' "$RABBITMQ_ACCOUNT" "$2" |
    curl -s -m 10 -o /dev/null --fail -K - -X PUT -H 'Content-Type: application/json' \
      --data "{\"pattern\": \"^citytrack\\\\.$3\$\", \"apply-to\": \"queues\", \"definition\": $4}" \
      "http://127.0.0.1:$(($1 + 1))/api/policies/%2f/citytrack-$3" ||
    fail "RabbitMQ refused the policy citytrack-$3: $4"
}

# rabbitmq_delete_queue PORT PASSWORD QUEUE: and everything in it.
rabbitmq_delete_queue() {
  printf 'user = "%s:%s"\n' "$RABBITMQ_ACCOUNT" "$2" |
    curl -s -m 10 -o /dev/null --fail -K - -X DELETE "http://127.0.0.1:$(($1 + 1))/api/queues/%2f/$3" ||
    fail "RabbitMQ did not delete the queue $3"
}

# rabbitmq_stop [now]: orderly (about 8 s, most of it the management plugin), or at once when the data do not matter.
rabbitmq_stop() {
  if [ "${1:-}" = now ]; then process_stop rabbitmq KILL; else process_stop rabbitmq TERM 60; fi
  process_stop epmd
}
