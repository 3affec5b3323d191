# shellcheck shell=bash
# Debian packages: install what is missing, and nothing else. Needs common.sh.

# shellcheck disable=SC2034  # for the scripts that source this
SERVER_PACKAGES=(postgresql rabbitmq-server curl jq)
# shellcheck disable=SC2034  # for the scripts that source this
BUILD_PACKAGES=(gcc g++ make cmake pkg-config)
# shellcheck disable=SC2034  # for the scripts that source this
TEST_PACKAGES=(chromium shellcheck)

# install_packages NAME…: those that are not installed yet, in one go.
install_packages() {
  local missing=() name
  for name in "$@"; do _package_installed "$name" || missing+=("$name"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  have apt-get || fail "missing: ${missing[*]}. They are installed by apt-get on Debian 12; on this system, install them yourself and try again"
  say "installing Debian packages: ${missing[*]}"
  _deny_autostart
  # Debian's archive is sometimes caught in the middle of an update: the same command succeeds a moment later.
  if ! _apt_install "${missing[@]}"; then
    note "apt-get failed once; trying again"
    _apt_updated=
    _apt_install "${missing[@]}" || { _allow_autostart; fail "Debian packages could not be installed: ${missing[*]}"; }
  fi
  _allow_autostart
}

_package_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

_apt_install() {
  if [ -z "${_apt_updated:-}" ]; then
    run_logged "$LOGS/apt.log" "apt-get update" as_root apt-get -q -o DPkg::Lock::Timeout=300 update || return 1
    _apt_updated=yes
  fi
  run_logged "$LOGS/apt.log" "apt-get install" as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

# Debian starts a server as soon as it is installed, on its standard port. We start private ones of our own, so for the
# length of our install a policy file says no; where the administrator has one already, it stays as it is.
POLICY=/usr/sbin/policy-rc.d
_deny_autostart() {
  [ ! -e "$POLICY" ] || return 0
  printf '#!/bin/sh\n# Made by CityTrack for the length of one apt-get install.\nexit 101\n' | as_root tee "$POLICY" >/dev/null
  as_root chmod 755 "$POLICY"
  _policy_is_ours=yes
}

_allow_autostart() {
  [ -z "${_policy_is_ours:-}" ] || as_root rm -f "$POLICY"
  _policy_is_ours=
}
