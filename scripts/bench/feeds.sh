# shellcheck shell=bash
# shellcheck disable=SC2034,SC2153,SC2154  # settings that other files use or set
# The live feeds that scripts/bench/live measures, and how it measures them. Needs systems.sh.

# The last report.
REPORT=
NCHAN_PORT_OFFSET=800
MQTT_PORT_OFFSET=700

# load_settings: what every measurement of CityTrack needs to know.
load_settings() {
  LOAD=(--fleet "$FLEET" --base-url "http://127.0.0.1:$(http_port ingest-api 0)"
    --live-url "ws://127.0.0.1:$(http_port realtime-ws 0)/api/v1/live")
  [ -z "$RECORDING" ] || LOAD+=(--recording "$RECORDING")
}

# live COMMAND ARGUMENT…: one measurement; its report goes to $RESULTS, and a line of it is shown.
live() {
  if ! REPORT=$(timeout 400 "$BENCH" live "$@"); then
    REPORT=
    say "the measurement failed: $*"
    return 1
  fi
  printf '%s\n' "$REPORT" >>"$RESULTS"
  note "$(_shown)"
}

_shown() {
  jq -r 'def r: . * 100 | round / 100; def of($name): [.cost.processes[] | select(.name | startswith($name)) | .cpu_s] | add // 0;
    if .kind == "live-flow" then
      "\(.label), \(.setup.rate)/s × \(.setup.viewers) viewers: \(.delivered_per_s | round)/s delivered, p50 \(.account.latency_ms.p50 | r), p99 \(.account.latency_ms.p99 | r) ms, "
      + "\(.account.received) of \(.account.expected) came; CPU s in \(.seconds | r) s: realtime-ws \(of("realtime-ws") | r), "
      + "rabbitmq \(of("rabbitmq") | r), ingest-api \(of("ingest-api") | r), all \(.cost.system_s | r), generator \(.cost.generator_s | r), others \(.cost.others_s | r)"
      + if .encoded then "; a frame encoded \(.encoded.per_frame | r) times" else "" end
    elif .kind == "live-idle" then
      "\(.viewers) sockets: \(.pss_kb_each | r) kB each (RSS \(.rss_kb_each | r)), after a few frames \(.used_kb_each | r); opened in \(.open_s | r) s"
    else
      "\(.viewers) viewers, \(.rate) frames/s: current again after \((.current_s // -1) | r) s, recovered \(.recovered), not \(.unrecovered), not back \(.not_back); "
      + "lost in silence \(.account.lost), told \(.account.told), doubled \(.account.doubled) of \(.account.expected)"
    end + if .faults == [] then "" else " FAULTS: \(.faults | join("; "))" end' <<<"$REPORT"
}

# is_sustained: did everything of the last flow arrive, 99 of 100 within a second?
is_sustained() { jq -e '.faults == [] and .account.latency_ms.count > 0 and .account.latency_ms.p99 <= 1000' <<<"${REPORT:-"{}"}" >/dev/null 2>&1; }

# flow SYSTEM ARGUMENT…: frames at a fixed rate to viewers of citytrack, nchan, mqtt or django.
flow() {
  local system=$1 arguments=()
  shift
  case $system in
    citytrack)
      arguments=("${LOAD[@]}" --label CityTrack --pids "$RUN" --metrics "http://127.0.0.1:$(admin_port realtime-ws 0)/metrics")
      ;;
    nchan)
      arguments=(--label "nginx + nchan" --pids "$STATE/nchan/run" --base-url "http://127.0.0.1:$NCHAN_PORT"
        --live-url "ws://127.0.0.1:$NCHAN_PORT/live")
      ;;
    mqtt)
      arguments=(--label "RabbitMQ Web-MQTT" --pids "$STATE/mqtt/run" --base-url "http://127.0.0.1:$((MQTT_PORT + 3))"
        --live-url "ws://127.0.0.1:$((MQTT_PORT + 4))/ws")
      ;;
    # It sends a message for each detection. It gets frames of one, so that it sends as many messages as the others, and shorter ones.
    django)
      arguments=(--label "Django Channels" --pids "$(_peer_run django)/pids" --base-url "${PEER_URL[django]}"
        --live-url "${PEER_URL[django]/http/ws}/ws/live" --batch 1x1)
      ;;
  esac
  CITYTRACK_BENCH_MQTT_ACCOUNT=$RABBITMQ_ACCOUNT:$RABBITMQ_PASSWORD live flow --system "$system" \
    --section "${SECTION:-$PART}" --duration "${DURATION:-10}" "${arguments[@]}" "$@"
}

# nchan_up: nginx with Debian's module. What a viewer cannot take at once waits for it, as many messages as come in some seconds.
nchan_up() {
  say "starting nginx with nchan"
  install_packages nginx libnginx-mod-nchan
  NCHAN_PORT=$((PORT_BASE + NCHAN_PORT_OFFSET))
  _port_must_be_free "$NCHAN_PORT" nginx
  mkdir -p "$STATE/nchan/run"
  cat >"$STATE/nchan/nginx.conf" <<NGINX
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
daemon off;
worker_processes 2;
worker_rlimit_nofile 20000;
pid $STATE/nchan/nginx.pid;
error_log stderr warn;
events { worker_connections 9000; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  client_body_temp_path $STATE/nchan/body;
  proxy_temp_path $STATE/nchan/proxy;
  fastcgi_temp_path $STATE/nchan/fastcgi;
  uwsgi_temp_path $STATE/nchan/uwsgi;
  scgi_temp_path $STATE/nchan/scgi;
  client_body_buffer_size 64k;
  nchan_shared_memory_size 256m;
  server {
    listen 127.0.0.1:$NCHAN_PORT backlog=4096;
    location = /publish { nchan_publisher; nchan_channel_id bench; nchan_message_buffer_length 2000; nchan_message_timeout 30s; }
    location = /live { nchan_subscriber websocket; nchan_channel_id bench; nchan_subscriber_first_message newest; }
  }
}
NGINX
  local RUN=$STATE/nchan/run
  process_start nchan nginx -p "$STATE/nchan" -c "$STATE/nchan/nginx.conf"
  process_await nchan 20 port_taken "$NCHAN_PORT"
}

# mqtt_up: a second broker, which does nothing else.
mqtt_up() {
  say "starting RabbitMQ with Web-MQTT"
  MQTT_PORT=$((PORT_BASE + MQTT_PORT_OFFSET))
  (
    use_state "$STATE/mqtt"
    RABBITMQ_MORE_PLUGINS=rabbitmq_mqtt,rabbitmq_web_mqtt
    RABBITMQ_MORE_SETTINGS="mqtt.allow_anonymous = false
mqtt.listeners.tcp.1 = 127.0.0.1:$((MQTT_PORT + 3))
mqtt.tcp_listen_options.nodelay = true
web_mqtt.tcp.ip = 127.0.0.1
web_mqtt.tcp.port = $((MQTT_PORT + 4))
web_mqtt.tcp.backlog = 4096
web_mqtt.ws_path = /ws"
    rabbitmq_start "$MQTT_PORT" "$RABBITMQ_PASSWORD"
    wait_until 30 port_taken $((MQTT_PORT + 4)) || fail "Web-MQTT does not listen"
  )
}

# feeds_down: everything.
feeds_down() {
  if [ -e "$STATE/nchan" ]; then
    (RUN=$STATE/nchan/run && process_stop nchan)
    rm -rf -- "$STATE/nchan"
  fi
  if [ -e "$STATE/mqtt" ]; then
    (use_state "$STATE/mqtt" && rabbitmq_stop now && wipe_servers)
    rm -rf -- "$STATE/mqtt"
  fi
  systems_down
}
