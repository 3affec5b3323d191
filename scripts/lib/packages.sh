# shellcheck shell=bash
# Debian packages: install what is missing, and nothing else. Needs common.sh.

# shellcheck disable=SC2034  # for the scripts that source this
SERVER_PACKAGES=(postgresql rabbitmq-server curl jq)
# shellcheck disable=SC2034  # for the scripts that source this
BUILD_PACKAGES=(gcc g++ make cmake pkg-config)
# shellcheck disable=SC2034  # for the scripts that source this
TEST_PACKAGES=(chromium shellcheck python3-venv)

# install_packages NAME…: those that are not installed yet, in one go.
install_packages() {
  local missing=() name
  for name in "$@"; do _package_installed "$name" || missing+=("$name"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  have apt-get || fail "missing: ${missing[*]}. They are installed by apt-get on Debian 12; on this system, install them yourself and try again"
  say "installing Debian packages: ${missing[*]}"
  # In a subshell, so that the policy file goes away however this ends.
  (
    trap _allow_autostart EXIT
    trap 'exit 130' INT TERM HUP
    _deny_autostart
    # Debian's archive is sometimes caught in the middle of an update: the same commands succeed a moment later.
    _apt_install "${missing[@]}" || { note "apt-get failed once; trying again" && _apt_install "${missing[@]}"; } ||
      fail "these Debian packages could not be installed: ${missing[*]}"
    _disable_at_boot "${missing[@]}"
  )
}

# The same goes for the next boot: the servers that we brought in shall not start by themselves. Those that were there
# before are none of our business.
_disable_at_boot() {
  local name
  [ -d /run/systemd/system ] || return 0
  for name in "$@"; do
    case $name in
      postgresql | rabbitmq-server) as_root systemctl --quiet disable "$name" >>"$LOGS/apt.log" 2>&1 || true ;;
      docker.io) as_root systemctl --quiet disable docker.service docker.socket >>"$LOGS/apt.log" 2>&1 || true ;;
    esac
  done
}

_package_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

_apt_install() {
  run_logged "$LOGS/apt.log" "apt-get update" as_root apt-get -q -o DPkg::Lock::Timeout=300 update &&
    run_logged "$LOGS/apt.log" "apt-get install" as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# Debian starts a server as soon as it is installed, on its standard port. We start private ones of our own, so for the
# length of our install a policy file says no; where the administrator has one already, it stays as it is.
POLICY=/usr/sbin/policy-rc.d
POLICY_TEXT='# Made by CityTrack for the length of one apt-get install.'
_deny_autostart() {
  [ ! -e "$POLICY" ] || return 0
  printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_TEXT" | as_root tee "$POLICY" >/dev/null
  as_root chmod 755 "$POLICY"
}

_allow_autostart() {
  ! grep -qsF "$POLICY_TEXT" "$POLICY" || as_root rm -f "$POLICY"
}
