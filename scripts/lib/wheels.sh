# shellcheck shell=bash
# Files that come from Python wheels: pinned by version and hash, unpacked as the zip files that they are. No Python code
# of theirs runs and nothing is installed into the system's Python. Needs common.sh, packages.sh.

TOOLS=$STATE_HOME/tools

# wheel_unpacked NAME: the folder of lib/wheels/NAME.txt, downloaded the first time; sets WHEEL to it.
wheel_unpacked() {
  local list=$CITYTRACK_ROOT/scripts/lib/wheels/$1.txt download python
  WHEEL=$TOOLS/$1-$(sha256sum <"$list" | cut -c 1-12)
  [ ! -d "$WHEEL" ] || return 0
  _find_python
  python=$PYTHON_WITH_PIP
  say "downloading $(sed -n 's/^\([a-z-]*==[0-9.]*\).*/\1/p' "$list") (a Python wheel)"
  mkdir -p "$TOOLS"
  download=$(mktemp -d "$TOOLS/download.XXXXXX")
  run_logged "$LOGS/wheels.log" "the download" "$python" -m pip download --no-deps --only-binary=:all: --require-hashes \
    --disable-pip-version-check -r "$list" -d "$download" || { rm -rf "$download"; exit 1; }
  "$python" -m zipfile -e "$download"/*.whl "$download/unpacked"
  mv "$download/unpacked" "$WHEEL"
  rm -rf "$download"
}

# Any Python 3 that has pip; else Debian's is installed.
_find_python() {
  local python
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      PYTHON_WITH_PIP=$python
      return 0
    fi
  done
  install_packages python3 python3-pip
  PYTHON_WITH_PIP=/usr/bin/python3
}
