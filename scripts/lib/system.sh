# shellcheck shell=bash
# What the person wants of scripts/up, remembered until scripts/down, and the addresses and secrets that follow from it.
# Needs common.sh, services.sh.

declare -A WISH=([PORT]=8080 [LISTEN]=127.0.0.1 [DEMO]=yes [PORT_BASE]=21000)
# The journal costs a copy of every message, so it is there only when somebody asks for it.
declare -A COUNT=([ingest-api]=1 [worker]=1 [transform]=1 [save]=1 [journal]=0 [realtime-ws]=1 [stats]=1 [console]=1)

# load_wishes: those of the system that runs (or was interrupted), if any.
load_wishes() {
  local name value
  WISHES=$STATE/wishes
  if [ -e "$WISHES" ]; then
    while IFS="=" read -r name value; do
      case $name in SERVICES) wish_services "$value" ;; *) WISH[$name]=$value ;; esac
    done <"$WISHES"
  fi
  local base=${CITYTRACK_PORT_BASE:-${WISH[PORT_BASE]}}
  if [ "$base" != "${WISH[PORT_BASE]}" ] && { process_runs postgres || process_runs rabbitmq; }; then
    fail "CityTrack runs with CITYTRACK_PORT_BASE=${WISH[PORT_BASE]}; to move it to $base, run scripts/down first"
  fi
  WISH[PORT_BASE]=$base
}

save_wishes() {
  local name services=()
  for name in "${SCALABLE_SERVICES[@]}"; do services+=("$name=${COUNT[$name]}"); done
  {
    for name in PORT LISTEN DEMO PORT_BASE; do printf '%s=%s\n' "$name" "${WISH[$name]}"; done
    printf 'SERVICES=%s\n' "$(IFS=, && echo "${services[*]}")"
  } >"$WISHES"
}

# wish_services LIST: ingest-api=2,worker=2
wish_services() {
  local entry entries name number
  IFS=, read -ra entries <<<"$1"
  for entry in "${entries[@]}"; do
    name=${entry%%=*} number=${entry#*=}
    [ "$name" != gateway ] || fail "there is one gateway; run more of them on other machines"
    [ -n "${COUNT[${name:-none}]:-}" ] || fail "no service is called '$name'; there are: ${SCALABLE_SERVICES[*]}"
    case $name=$number in
      *=[1-9] | *=10 | journal=0) COUNT[$name]=$number ;;
      *) fail "'$entry': say how many, from 1 to $MOST_INSTANCES, as in $name=2" ;;
    esac
  done
}

# check_wishes: a wrong number is named before anything is installed or started.
check_wishes() {
  _must_be_number "--port" "${WISH[PORT]}" 1 65535
  _must_be_number CITYTRACK_PORT_BASE "${WISH[PORT_BASE]}" 1024 32000
  case ${WISH[LISTEN]} in
    '' | *[!0-9.]*) fail "--listen needs an IPv4 address, such as 127.0.0.1 or 0.0.0.0" ;;
  esac
}

_must_be_number() {
  local number=$2
  case $number in '' | *[!0-9]* | ??????*) number=-1 ;; esac
  if [ "$number" -lt "$3" ] || [ "$number" -gt "$4" ]; then fail "$1 needs a number from $3 to $4, not '$2'"; fi
}

# system_settings: what services.sh and the servers need to know.
# shellcheck disable=SC2034  # for the other files
system_settings() {
  local secrets=$STATE/secrets
  PORT_BASE=${WISH[PORT_BASE]}
  GATEWAY_LISTEN=${WISH[LISTEN]}:${WISH[PORT]}
  PORT_ADVICE="end that program, or choose other ports: scripts/up --port for the public one, CITYTRACK_PORT_BASE=$((PORT_BASE + 1000)) scripts/up for the others"
  POSTGRES_PASSWORD=$(remember "$secrets" POSTGRES_PASSWORD)
  READER_PASSWORD=$(remember "$secrets" READER_PASSWORD)
  RABBITMQ_PASSWORD=$(remember "$secrets" RABBITMQ_PASSWORD)
  ADMIN_TOKEN=$(remember "$secrets" ADMIN_TOKEN)
  ADMIN_PASSWORD=$(remember "$secrets" ADMIN_PASSWORD random_password)
  VIEWER_SECRET=$(remember "$secrets" VIEWER_SECRET)
  DATABASE_URL=postgres://$POSTGRES_USER_NAME:$POSTGRES_PASSWORD@127.0.0.1:$((PORT_BASE + 432))/citytrack
  READER_URL=postgres://citytrack_reader:$READER_PASSWORD@127.0.0.1:$((PORT_BASE + 432))/citytrack
  AMQP_URL=amqp://$RABBITMQ_ACCOUNT:$RABBITMQ_PASSWORD@127.0.0.1:$((PORT_BASE + 672))/%2f
}

# write_environment: for other programs, readable by its owner only.
write_environment() {
  (
    umask 077
    cat >"$STATE/environment.new" <<ENVIRONMENT
CITYTRACK_ADDRESS=http://$(reachable_address)
CITYTRACK_ADMIN_TOKEN=$ADMIN_TOKEN
CITYTRACK_ADMIN_USER=$ADMIN_USER
CITYTRACK_ADMIN_PASSWORD=$ADMIN_PASSWORD
DATABASE_URL=$DATABASE_URL
AMQP_URL=$AMQP_URL
ENVIRONMENT
  )
  mv "$STATE/environment.new" "$STATE/environment"
}
