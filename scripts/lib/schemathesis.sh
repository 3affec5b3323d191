# shellcheck shell=bash
# The HTTP API against its OpenAPI documents: schemathesis makes requests of all kinds from the documents of a running system,
# and holds the answers to them. Needs test_system.sh, packages.sh, wheels.sh, api.sh.

SCHEMATHESIS=$CITYTRACK_ROOT/scripts/lib/schemathesis

# api_tests: a system of its own, of which nothing is needed afterwards: venues are retired, users disabled, keys revoked.
# The administrator token of the settings, under which that is done, cannot be taken away.
api_tests() {
  _schemathesis_installed
  test_system_start
  _api_test_data
  _api_test ingest-api "$SCHEMATHESIS_KEY"
  _api_test stats "$(viewer_token demo)"
  _api_test realtime-ws "$ADMIN_TOKEN"
  _api_test console "$ADMIN_TOKEN"
  test_system_stop
}

# Something to ask for: a venue with a node, a key and a frame of one camera that was counted.
_api_test_data() {
  local frame
  api POST /api/v1/venues '{"slug": "demo", "name": "Demo", "time_zone": "Europe/Berlin"}' >/dev/null
  SCHEMATHESIS_NODE=$(api POST /api/v1/venues/demo/nodes '{"slug": "north"}' | jq -r .id)
  SCHEMATHESIS_KEY=$(api POST "/api/v1/nodes/$SCHEMATHESIS_NODE/keys" '{}' | jq -r .key)
  frame="{\"camera\": \"entrance\", \"captured_at\": \"$(date -u +%FT%TZ)\", \"detections\": [{\"class\": \"person\", \"confidence\": 0.9, \"box\": [0.1, 0.1, 0.2, 0.2]}]}"
  ADMIN_TOKEN=$SCHEMATHESIS_KEY api POST /api/v1/detections "{\"frames\": [$frame]}" >/dev/null
  wait_until 20 _api_test_camera || fail "the frame for the API tests was not stored"
}

_api_test_camera() { [ "$(api GET /api/v1/venues/demo/cameras | jq '.cameras | length')" = 1 ]; }

# _api_test SERVICE TOKEN: the token goes by the environment, where no list of processes shows it.
_api_test() {
  note "$1"
  (
    export SCHEMATHESIS_TOKEN=$2 SCHEMATHESIS_NODE SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$SCHEMATHESIS PYTHONDONTWRITEBYTECODE=1
    cd "$STATE" || exit 1
    SHOWN_LINES=150 run_logged "$LOGS/schemathesis-$1.log" "schemathesis with the document of $1" "$SCHEMATHESIS_BIN/schemathesis" \
      --config-file "$SCHEMATHESIS/schemathesis.toml" run "http://$GATEWAY_LISTEN/api/v1/openapi/$1.json" --url "http://$GATEWAY_LISTEN"
  )
}

# In a virtual environment of its own, from PyPI, pinned by version and hash.
_schemathesis_installed() {
  local list=$SCHEMATHESIS/requirements.txt folder
  folder=$TOOLS/schemathesis-$(sha256sum <"$list" | cut -c 1-12)
  SCHEMATHESIS_BIN=$folder/bin
  [ ! -e "$folder/complete" ] || return 0
  say "installing $(sed -n 's/^\(schemathesis==[0-9.]*\).*/\1/p' "$list") (from PyPI, below $TOOLS)"
  rm -rf "$folder"
  mkdir -p "$TOOLS"
  run_logged "$LOGS/schemathesis.log" "making a virtual environment" python3 -m venv "$folder" || exit 1
  run_logged "$LOGS/schemathesis.log" "the installation" "$SCHEMATHESIS_BIN/python" -m pip install --require-hashes \
    --only-binary=:all: --disable-pip-version-check -r "$list" || exit 1
  touch "$folder/complete"
}
