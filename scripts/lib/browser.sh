# shellcheck shell=bash
# The browser tests: headless Chromium in front of a whole system. Needs test_system.sh, web.sh.

# browser_tests: start the system, let the front end's own tests look at it.
browser_tests() {
  local base
  read -r base _ <"$STATE/servers"
  # The page of somebody else's that one test serves there.
  export CITYTRACK_GUEST_ORIGIN=http://127.0.0.1:$((base + 81))
  # The journal is off by default; its page is looked at, too.
  # shellcheck disable=SC2034  # for services.sh
  # shellcheck disable=SC2154  # COUNT is an associative array
  COUNT[journal]=1
  CITYTRACK_LIVE__ORIGINS=$CITYTRACK_GUEST_ORIGIN test_system_start
  CITYTRACK_ADDRESS=http://$GATEWAY_LISTEN CITYTRACK_ADMIN_TOKEN=$ADMIN_TOKEN \
    CITYTRACK_ADMIN_USER=$ADMIN_USER CITYTRACK_ADMIN_PASSWORD=$ADMIN_PASSWORD npm --prefix "$WEB" run test:browser
  test_system_stop
}
