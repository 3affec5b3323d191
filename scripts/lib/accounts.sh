# shellcheck shell=bash
# The first administrator of the console. Needs common.sh, services.sh, api.sh and ADMIN_TOKEN, ADMIN_PASSWORD, DATABASE_URL.

ADMIN_USER="admin"

# random_password: four groups of six hexadecimal digits, 96 bits; for people.
random_password() { od -An -N12 -tx1 /dev/urandom | tr -d ' \n' | sed 's/....../&-/g; s/-$//'; }

# ensure_administrator: made the first time; whatever became of it later is left alone.
ensure_administrator() {
  local known
  known=$(api GET /api/v1/users | jq -r '.users[].name')
  if grep -qx "$ADMIN_USER" <<<"$known"; then return 0; fi
  CHANGED=$((CHANGED + 1))
  # The password goes in by a pipe, the database by the environment, where no list of processes shows them.
  printf '%s\n' "$ADMIN_PASSWORD" | CITYTRACK_DATABASE__URL=$DATABASE_URL "$BIN_DIR/console" create-user "$ADMIN_USER" \
    --display-name Administrator --role admin --password-stdin >/dev/null || fail "the administrator of the console could not be created"
}
