# shellcheck shell=bash
# The pages: services/console/web, built by Vite into dist, which cargo embeds in the console.
# Needs common.sh, packages.sh, wheels.sh, node.sh.

WEB=$CITYTRACK_ROOT/services/console/web

# web_packages: node_modules as the lock file says; installed again only when that changes.
web_packages() {
  local stamp=$WEB/node_modules/.citytrack-lock sum
  ensure_node
  sum="$(sha256sum <"$WEB/package-lock.json")$(node --version)"
  [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || return 0
  say "installing the front end's packages"
  run_logged "$LOGS/web.log" "npm ci" npm --prefix "$WEB" ci --no-fund --no-audit || exit 1
  printf '%s\n' "$sum" >"$stamp"
}

# web_build: dist, built again only when a source has changed.
web_build() {
  local stamp=$WEB/node_modules/.citytrack-dist sum
  web_packages
  sum=$(_web_sources | sha256sum)
  if [ -e "$WEB/dist/index.html" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then return 0; fi
  say "building the front end"
  run_logged "$LOGS/web.log" "the front end's build" npm --prefix "$WEB" run build || exit 1
  printf '%s\n' "$sum" >"$stamp"
}

# Every file that is not made by a tool, with its content's sum.
_web_sources() {
  (cd "$WEB" && find . \( -path ./node_modules -o -path ./dist -o -path ./tests \) -prune -o -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum)
}
