# shellcheck shell=bash
# The control API, as an operator's script uses it. Needs common.sh, services.sh (reachable_address) and ADMIN_TOKEN.

# api METHOD PATH [JSON]: prints the answer's body; ends with one clear line when it is not a success.
api() {
  local method=$1 path=$2 answer status arguments=()
  [ $# -lt 3 ] || arguments=(-H 'Content-Type: application/json' --data "$3")
  # The token goes in by a pipe, where no list of processes shows it.
  answer=$(printf 'header = "Authorization: Bearer %s"\n' "$ADMIN_TOKEN" |
    curl -sS -m 20 -K - -X "$method" "${arguments[@]}" -w '\n%{http_code}' "http://$(reachable_address)$path") ||
    fail "$method $path: no answer from $(reachable_address)"
  status=${answer##*$'\n'}
  case $status in
    2*) printf '%s\n' "${answer%$'\n'*}" ;;
    *) fail "$method $path was answered with $status: ${answer%$'\n'*}" ;;
  esac
}

# viewer_token VENUE: a token that may see it for a working day.
viewer_token() { api POST /api/v1/viewer-tokens "{\"venues\":[\"$1\"],\"ttl\":\"12h\"}" | jq -r .token; }

# frames_counted VENUE TOKEN: frames that the counts API knows from the last few minutes; 0 when it cannot tell yet.
frames_counted() {
  printf 'header = "Authorization: Bearer %s"\n' "$2" |
    curl -s -m 10 -K - "http://$(reachable_address)/api/v1/venues/$1/counts?bucket=1m&from=$(date -u -d '-10 minutes' +%FT%TZ)" |
    jq -r '[.buckets[].frames] | add // 0' 2>/dev/null || echo 0
}
