# shellcheck shell=bash
# Stages of a long script: a heading each, and a table of durations at the end. Needs common.sh.

STAGES=()
STAGE=

# stage NAME COMMAND…: run it as one stage. The script ends with the first stage that fails.
stage() {
  local began=$SECONDS
  STAGE=$1
  shift
  say "$STAGE"
  "$@"
  STAGES+=("$(printf '%-28s %s' "$STAGE" "$(duration $((SECONDS - began)))")")
  STAGE=
}

# stages_report EXIT-CODE: what took how long, and how it ended.
stages_report() {
  local line
  say "durations"
  for line in "${STAGES[@]}"; do note "$line"; done
  if [ "$1" = 0 ]; then
    say "everything passed in $(duration "$SECONDS")"
  else
    printf '%s: failed%s after %s\n' "$PROGRAM" "${STAGE:+ in \"$STAGE\"}" "$(duration "$SECONDS")" >&2
  fi
}
