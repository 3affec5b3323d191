# shellcheck shell=bash
# What every script needs: talking, failing, logged runs, waiting, random secrets, the state folder.
# Sourced, never run.

# shellcheck disable=SC2034  # for the scripts that source this
CITYTRACK_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# Everything that the scripts leave behind is in here.
# shellcheck disable=SC2034
STATE_HOME=${CITYTRACK_STATE:-$CITYTRACK_ROOT/.citytrack}
PROGRAM=scripts/$(basename "$0")

# say TEXT…: one line of progress.
say() { printf '==> %s\n' "$*"; }

# note TEXT…: a detail below the last line of progress.
note() { printf '    %s\n' "$*"; }

# fail TEXT…: the one clear line, then the end.
fail() {
  printf '%s: %s\n' "$PROGRAM" "$*" >&2
  exit 1
}

# show_tail FILE [LINES] [OFFSET]: the last lines of a log (of what came after OFFSET bytes), indented, on standard error.
show_tail() {
  [ -s "$1" ] || return 0
  printf '    --- the last lines of %s ---\n' "$1" >&2
  tail -c "+$((${3:-0} + 1))" -- "$1" | tail -n "${2:-20}" | sed 's/^/    | /' >&2
}

# size_of FILE: its bytes, 0 when it is not there.
size_of() { stat -c %s -- "$1" 2>/dev/null || echo 0; }

# print_help FILE: the comment block at the top of a script is its help text.
print_help() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"; }

# duration SECONDS: "7 s" or "3 min 20 s".
duration() {
  if [ "$1" -lt 60 ]; then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# have COMMAND: is it installed?
have() { command -v "$1" >/dev/null 2>&1; }

# as_root COMMAND…: directly, or through sudo.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo -- "$@"
  else
    fail "'$1' needs root rights: run this as root, or install sudo for your user"
  fi
}

# run_logged LOG WHAT COMMAND…: run quietly into LOG; a sign of life every 30 s; on failure the last SHOWN_LINES (40).
# The command stays in the foreground, so that Ctrl-C reaches it.
run_logged() {
  local log=$1 what=$2 code=0 ticker before
  shift 2
  mkdir -p "$(dirname "$log")"
  before=$(size_of "$log")
  printf '\n### %s\n' "$*" >>"$log"
  _sign_of_life "$log" "$what" 9>&- &
  ticker=$!
  "$@" >>"$log" 2>&1 </dev/null || code=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  if [ "$code" != 0 ]; then
    show_tail "$log" "${SHOWN_LINES:-40}" "$before"
    printf '%s: %s failed (exit code %d); the whole log: %s\n' "$PROGRAM" "$what" "$code" "$log" >&2
  fi
  return "$code"
}

# The sleeps are short and hold no pipe open, so that nothing waits for them after the command has ended.
_sign_of_life() {
  local log=$1 what=$2 seconds=0
  while sleep 1 >/dev/null 2>&1; do
    seconds=$((seconds + 1))
    [ $((seconds % 30)) = 0 ] || continue
    note "$what: $(duration "$seconds"); $(tail -n 1 -- "$log" | tr -d '\r' | sed 's/^ *//' | cut -c 1-80)"
  done
}

# wait_until SECONDS COMMAND…: poll until the command succeeds.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.2
  done
}

# http_ok URL: does it answer 200?
http_ok() { [ "$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$1" 2>/dev/null)" = 200 ]; }

# port_taken PORT: does anything listen on it? (Read from /proc: needs no tool and sends nothing.)
port_taken() {
  local hex
  hex=$(printf '%04X' "$1")
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# random_secret: 48 hexadecimal characters, safe in URLs and in shell.
random_secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# remember FILE NAME [COMMAND]: the value of NAME in a private KEY=value file; made at random (by COMMAND) the first time, kept from then on.
remember() {
  local file=$1 name=$2 make=${3:-random_secret}
  [ -e "$file" ] || (umask 077 && : >"$file")
  grep -q "^$name=" "$file" || printf '%s=%s\n' "$name" "$("$make")" >>"$file"
  sed -n "s/^$name=//p" "$file" | tail -n 1
}

# use_state FOLDER: everything that these scripts leave behind is below it.
# Others may pass through it (the database and the broker run as users of their own when we are root), not list it.
use_state() {
  STATE=$1
  LOGS=$STATE/logs
  RUN=$STATE/run
  mkdir -p "$STATE" || fail "$STATE cannot be made"
  [ -O "$STATE" ] || fail "$STATE belongs to $(stat -c %U "$STATE"): run this as that user, or choose another folder with CITYTRACK_STATE"
  mkdir -p "$LOGS" "$RUN"
  chmod 711 "$STATE"
  chmod 700 "$LOGS" "$RUN"
}

# lock_state WHAT: one script at a time may change this state; the lock ends with the script.
lock_state() {
  exec 9>"$STATE/lock"
  flock -n 9 || fail "another $1 is at work in $STATE; wait for it to end, then try again"
}
