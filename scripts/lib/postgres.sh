# shellcheck shell=bash
# A private PostgreSQL on the loopback: no unix socket (a path may be too long for one), password login only, and the
# full durability of its defaults: CityTrack's promise that nothing accepted is lost rests on it.
# Needs common.sh, process.sh, servers.sh; uses the state folder of use_state.

POSTGRES_USER_NAME=citytrack

# postgres_bin: the folder of the newest installed server.
postgres_bin() {
  local bin
  bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  [ -x "$bin/postgres" ] || return 1
  printf '%s\n' "$bin"
}

postgres_port_must_be_free() { process_runs postgres || _port_must_be_free "$1" PostgreSQL; }

# postgres_start PORT PASSWORD [SETTING…]: make the database cluster the first time, start it, wait for it.
postgres_start() {
  local port=$1 password=$2 bin folder setting arguments=()
  shift 2
  if process_runs postgres; then return 0; fi
  bin=$(postgres_bin) || fail "no PostgreSQL server found under /usr/lib/postgresql"
  postgres_port_must_be_free "$port"
  folder=$(server_folder postgres postgres)
  [ -e "$folder/data/PG_VERSION" ] || _postgres_create "$bin" "$folder" "$password"
  _postgres_same_version "$bin" "$folder"
  for setting in listen_addresses=127.0.0.1 "port=$port" unix_socket_directories= logging_collector=off \
    log_min_duration_statement=1s max_connections=200 shared_buffers=256MB max_wal_size=2GB "$@"; do
    arguments+=(-c "$setting")
  done
  server_command postgres
  process_start postgres "${COMMAND_PREFIX[@]}" "$bin/postgres" -D "$folder/data" "${arguments[@]}"
  process_await postgres 60 "$bin/pg_isready" -q -h 127.0.0.1 -p "$port"
}

# initdb works in a folder that is renamed when it is complete, so an interrupted run leaves nothing half made.
_postgres_create() {
  local bin=$1 folder=$2 password=$3
  rm -rf "$folder/new"
  (umask 077 && printf '%s\n' "$password" >"$folder/password")
  [ "$(id -u)" != 0 ] || chown postgres: "$folder/password"
  run_logged "$LOGS/initdb.log" "making the database cluster" as_user postgres "$bin/initdb" -D "$folder/new" \
    -U "$POSTGRES_USER_NAME" -A scram-sha-256 --pwfile="$folder/password" -E UTF8 --locale=C.UTF-8 --data-checksums || exit 1
  rm -f "$folder/password"
  mv "$folder/new" "$folder/data"
}

_postgres_same_version() {
  local bin=$1 version
  version=$(cat "$2/data/PG_VERSION")
  case $("$bin/postgres" --version) in
    *" $version".* | *" $version") ;;
    *) fail "the data in $2/data were written by PostgreSQL $version, but $("$bin/postgres" --version) is installed; install postgresql-$version, or delete them with scripts/down --wipe" ;;
  esac
}

# postgres_database PORT PASSWORD NAME: make a database if it is not there.
postgres_database() {
  if [ -z "$(postgres_query "$1" "$2" postgres "select 1 from pg_database where datname = '$3'")" ]; then
    postgres_query "$1" "$2" postgres "create database \"$3\""
  fi
}

# postgres_query PORT PASSWORD DATABASE SQL: prints the bare rows. (The password goes by the environment, which only the
# owner can read.)
postgres_query() {
  PGPASSWORD=$2 "$(postgres_bin)/psql" -X -q -A -t -v ON_ERROR_STOP=1 \
    -h 127.0.0.1 -p "$1" -U "$POSTGRES_USER_NAME" -d "$3" -c "$4"
}

# postgres_reader PORT PASSWORD READER_PASSWORD: the read-only role, for services that only read; the others grant it what it
# may read. (The statements go by a pipe, which nobody else can read.)
postgres_reader() {
  PGPASSWORD=$2 "$(postgres_bin)/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$1" -U "$POSTGRES_USER_NAME" -d postgres <<SQL
do \$\$ begin
  if to_regrole('citytrack_reader') is null then create role citytrack_reader; end if;
end \$\$;
alter role citytrack_reader login password '$3';
alter role citytrack_reader set default_transaction_read_only = on;
SQL
}

# postgres_stop: the "fast" stop: transactions are rolled back, everything is written, sessions end.
postgres_stop() { process_stop postgres INT 60; }
