# shellcheck shell=bash
# What the private PostgreSQL and RabbitMQ have in common: the user they run as and the folder they live in.
# PostgreSQL refuses to run as root, so as root each server runs as the user that its Debian package made.

# as_user USER COMMAND…: as that user when we are root, else as ourselves. Starts in /, which everybody may read.
as_user() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then
    (cd / && exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups -- "$@")
  else
    (cd / && exec "$@")
  fi
}

# server_command USER: fills COMMAND_PREFIX with what process_start must put before a server's command.
server_command() {
  COMMAND_PREFIX=()
  if [ "$(id -u)" = 0 ]; then
    # shellcheck disable=SC2034  # for the caller
    COMMAND_PREFIX=(setpriv "--reuid=$1" "--regid=$(id -g "$1")" --init-groups --)
  fi
}

# servers_folder USER: where the servers keep their data: $STATE/data. A clone below a folder that is closed to others
# (/root, say) cannot hold it when we are root; then it is in /var/lib/citytrack and $STATE/data is a link to it.
servers_folder() {
  local data=$STATE/data elsewhere
  if [ -e "$data" ] || [ -L "$data" ]; then
    mkdir -p "$(readlink -m "$data")"
  elif [ "$(id -u)" != 0 ] || as_user "$1" test -x "$STATE"; then
    mkdir "$data"
  else
    elsewhere=/var/lib/citytrack/$(basename "$CITYTRACK_ROOT")-$(printf '%s' "$STATE" | sha256sum | cut -c 1-12)
    mkdir -p "$elsewhere"
    ln -s "$elsewhere" "$data"
  fi
  chmod 711 "$data/"
  as_user "$1" test -x "$(readlink -f "$data")" ||
    fail "the user '$1' cannot enter $(readlink -f "$data"): make the folders above it passable (chmod o+x), or move the clone"
  readlink -f "$data"
}

# server_folder NAME USER: prints the folder of one server, made for its user alone.
server_folder() {
  local folder
  folder=$(servers_folder "$2")/$1
  mkdir -p "$folder"
  [ "$(id -u)" != 0 ] || chown "$2:" "$folder"
  chmod 700 "$folder"
  printf '%s\n' "$folder"
}

# wipe_servers: delete the data of both servers, wherever it is.
wipe_servers() {
  local data=$STATE/data
  if [ -e "$data" ] || [ -L "$data" ]; then
    rm -rf -- "$(readlink -m "$data")" "$data"
  fi
}

_port_must_be_free() {
  ! port_taken "$1" || fail "port $1, which $2 needs, is taken by another program; ${PORT_ADVICE:-end that program or choose other ports}"
}
