# shellcheck shell=bash
# The Rust toolchain and what is built with it. Needs common.sh.

TARGET=${CARGO_TARGET_DIR:-$CITYTRACK_ROOT/target}
PROGRAMS=(ingest-api worker realtime-ws stats console gateway node)

# ensure_rust: cargo is the one thing that we do not install; rust-toolchain.toml lets rustup choose the version.
ensure_rust() {
  have cargo || PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  have cargo || fail "cargo is not installed: install the Rust toolchain with rustup (version $(sed -n 's/^channel = "\(.*\)"/\1/p' "$CITYTRACK_ROOT/rust-toolchain.toml")), then try again"
}

# shellcheck disable=SC2034  # BIN_DIR is for services.sh
# build_programs PROFILE: all programs of a running system, exactly as Cargo.lock says; sets BIN_DIR.
build_programs() {
  local program arguments=(--locked)
  BIN_DIR=$TARGET/debug
  case $1 in
    debug) ;;
    release) arguments+=(--release) BIN_DIR=$TARGET/release ;;
    *) fail "there is no build '$1', only release and debug" ;;
  esac
  for program in "${PROGRAMS[@]}"; do arguments+=(-p "citytrack-$program"); done
  if [ -x "$BIN_DIR/gateway" ]; then
    say "bringing the programs up to date"
  else
    say "building the programs (the first time takes 10 minutes and more)"
  fi
  (cd "$CITYTRACK_ROOT" && run_logged "$LOGS/build.log" "cargo build" cargo build "${arguments[@]}") || exit 1
}
