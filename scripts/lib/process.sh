# shellcheck shell=bash
# Background processes that are certainly ours: the pid file holds the pid and the start time of the process, so a pid
# that the system has given to somebody else since is never signalled. Needs common.sh and use_state.

# started_at PID: the start time in clock ticks since boot (field 22; the name in field 2 may hold spaces).
started_at() { _start_of "$(_stat "$1")"; }
_start_of() { printf '%s\n' "$1" | cut -d ' ' -f 20; }

# What the system tells about a process, from its state on; nothing when it is gone.
_stat() { sed -e 's/^.*) //' "/proc/$1/stat" 2>/dev/null || true; }

# process_start NAME COMMAND…: run in the background, in a session of its own, log in $LOGS/NAME.log, pid in $RUN/NAME.pid.
# It starts in /, because our folder may be closed to the user that it runs as, and inherits nothing that is open here: a
# lock or somebody's pipe would stay open for as long as it runs.
process_start() {
  local name=$1 pid
  shift
  [ "$(size_of "$LOGS/$name.log")" -lt 20000000 ] || mv "$LOGS/$name.log" "$LOGS/$name.log.old"
  size_of "$LOGS/$name.log" >"$RUN/$name.offset"
  (cd / && _close_all && exec setsid "$@") >>"$LOGS/$name.log" 2>&1 </dev/null &
  pid=$!
  disown "$pid"
  printf '%s %s\n' "$pid" "$(started_at "$pid")" >"$RUN/$name.pid"
}

_close_all() {
  local number
  for number in /proc/self/fd/*; do
    number=${number##*/}
    case $number in 0 | 1 | 2 | 255) ;; *) eval "exec $number>&-" ;; esac
  done
}

# process_pid NAME: prints the pid when that very process still runs. (Looked at once: it may end between two looks.)
process_pid() {
  local pid start now
  [ -r "$RUN/$1.pid" ] || return 1
  read -r pid start <"$RUN/$1.pid" || return 1
  now=$(_stat "$pid")
  case $now in '' | Z*) return 1 ;; esac
  [ "$(_start_of "$now")" = "$start" ] && printf '%s\n' "$pid"
}

process_runs() { process_pid "$1" >/dev/null; }
process_gone() { ! process_runs "$1"; }

# process_stop NAME [SIGNAL] [SECONDS]: ask, wait, and only then end it by force. Fine when it is gone already.
process_stop() {
  local name=$1 signal=${2:-TERM} seconds=${3:-40} pid
  if pid=$(process_pid "$name"); then
    kill -s "$signal" "$pid" 2>/dev/null || true
    if ! wait_until "$seconds" process_gone "$name"; then
      note "$name did not stop within $seconds s: ended by force"
      kill -KILL "$pid" 2>/dev/null || true
      wait_until 10 process_gone "$name" || fail "$name (pid $pid) cannot be stopped"
    fi
  fi
  rm -f "$RUN/$name".*
}

# process_stop_all NAME…: ask all at once (TERM), then wait for each.
process_stop_all() {
  local name pid
  for name in "$@"; do
    if pid=$(process_pid "$name"); then kill -s TERM "$pid" 2>/dev/null || true; fi
  done
  for name in "$@"; do process_stop "$name"; done
}

# process_await NAME SECONDS COMMAND…: wait until COMMAND succeeds; stop waiting when the process ends; show its log if not.
process_await() {
  local name=$1 seconds=$2
  shift 2
  if ! wait_until "$seconds" _ready_or_gone "$name" "$@" || ! process_runs "$name"; then
    show_tail "$LOGS/$name.log" 20 "$(cat "$RUN/$name.offset")"
    if process_runs "$name"; then
      fail "$name was not ready after $seconds s (log: $LOGS/$name.log)"
    fi
    fail "$name ended while starting (log: $LOGS/$name.log)"
  fi
}

_ready_or_gone() {
  local name=$1
  shift
  "$@" || process_gone "$name"
}
