# shellcheck shell=bash
# What the container test needs from outside: Docker with Compose and Buildx, and base systems to make images of. No
# image registry is asked: everything comes from Debian's archive, once, and is kept in .citytrack.
# Needs scripts/lib/all.sh and use_state.

# The versions in Debian 13: Docker's own packages of Debian 12 bring neither Compose 2 nor Buildx.
NEWER_DEBIAN=trixie
SERVERS_OF_NEWER_DEBIAN=ca-certificates,postgresql-17,postgresql-17-timescaledb,rabbitmq-server,prometheus,prometheus-alertmanager

# debian_mirror: the archive that this machine uses itself.
debian_mirror() {
  local mirror
  # shellcheck disable=SC2016  # apt-get's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1)
  [ -n "$mirror" ] || fail "no Debian archive is configured on this machine: the container test needs one"
  printf '%s\n' "$mirror"
}

# docker_plugins: afterwards `docker compose` and `docker buildx` work, with DOCKER_CONFIG in the folder given.
docker_plugins() {
  export DOCKER_CONFIG=$1
  local plugins=$TOOLS/docker-plugins-$NEWER_DEBIAN
  mkdir -p "$DOCKER_CONFIG"
  if docker compose version >/dev/null 2>&1 && docker buildx version >/dev/null 2>&1; then return 0; fi
  [ -d "$plugins" ] || _unpack_plugins "$plugins"
  ln -sfn "$plugins/usr/libexec/docker/cli-plugins" "$DOCKER_CONFIG/cli-plugins"
  docker compose version >/dev/null || fail "Docker's Compose plugin does not run on this machine"
  docker buildx version >/dev/null || fail "Docker's Buildx plugin does not run on this machine"
}

# From the packages of the newer Debian, unpacked beside the system, not installed.
_unpack_plugins() {
  local new=$1.new apt
  rm -rf "$new"
  mkdir -p "$new/lists/partial" "$new/debs"
  printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$(debian_mirror)" "$NEWER_DEBIAN" >"$new/sources.list"
  apt=(apt-get -q -o "Dir::Etc::sourcelist=$new/sources.list" -o Dir::Etc::sourceparts=/nonexistent
    -o "Dir::State::lists=$new/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
  run_logged "$LOGS/plugins.log" "reading the list of packages" "${apt[@]}" update || exit 1
  (cd "$new/debs" && run_logged "$LOGS/plugins.log" "downloading Compose and Buildx" "${apt[@]}" download docker-compose docker-buildx) || exit 1
  for deb in "$new"/debs/*.deb; do dpkg -x "$deb" "$new"; done
  rm -rf "$new/lists" "$new/debs"
  mv "$new" "$1"
}

# base_systems: two archives, for `docker import`.
base_systems() {
  _base_system bookworm ""
  _base_system "$NEWER_DEBIAN" "$SERVERS_OF_NEWER_DEBIAN"
}

# base_archive SUITE PACKAGES: where it is. Another list of packages is another archive.
base_archive() { printf '%s/debian-%s-%s.tar\n' "$TOOLS" "$1" "$(printf '%s' "$2" | sha256sum | cut -c 1-12)"; }

# In namespaces of its own, so that what debootstrap mounts and starts is gone when it ends, however it ends.
_base_system() {
  local archive root arguments=(--variant=minbase)
  archive=$(base_archive "$1" "$2")
  root=$archive.root
  [ ! -e "$archive" ] || return 0
  rm -rf "$root"
  mkdir -p "$TOOLS"
  [ -z "$2" ] || arguments+=("--include=$2")
  run_logged "$LOGS/debootstrap-$1.log" "making a base system of Debian $1" \
    unshare --mount --pid --fork --kill-child --mount-proc debootstrap "${arguments[@]}" "$1" "$root" "$(debian_mirror)" || exit 1
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -c . >"$archive.new"
  rm -rf "$root"
  mv "$archive.new" "$archive"
}
