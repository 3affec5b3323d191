# shellcheck shell=bash
# Pictures of the demo: scikit-image's sample photographs, sent as a node sends them, with what a detector would say of them.
# Needs demo.sh, wheels.sh, services.sh.

# FILE CAMERA BOXES. Of the last one nobody says what is on it, so all of it is pixelated.
DEMO_PICTURES=(
  'astronaut.png studio [{"class":"person","confidence":0.98,"box":[0.04,0.03,0.67,0.97]}]'
  'camera.png lawn [{"class":"person","confidence":0.95,"box":[0,0.12,0.65,0.88]}]'
  'motorcycle_left.png garage [{"class":"motorcycle","confidence":0.91,"box":[0.1,0.15,0.85,0.8]}]'
  'rocket.jpg launch-pad []'
  'coffee.png bar '
)

# demo_pictures: sends them, unless that was done within a day; they are kept for 30.
demo_pictures() {
  local sent=$STATE/demo/pictures.sent each file camera boxes
  [ -z "$(find "$sent" -mmin -1440 2>/dev/null)" ] || return 0
  wheel_unpacked pictures
  for each in "${DEMO_PICTURES[@]}"; do
    IFS=' ' read -r file camera boxes <<<"$each"
    _demo_picture "$WHEEL/skimage/data/$file" "$camera" "$boxes"
  done
  touch "$sent"
  CHANGED=$((CHANGED + 1))
}

# _demo_picture FILE CAMERA BOXES: waits until it has been made ready, which takes a worker of each kind but the last.
_demo_picture() {
  local status
  status=$(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$STATE/demo/${DEMO_NODES[0]}.key")" |
    curl -sS -m 60 -K - -o "$STATE/demo/answer" -w '%{http_code}' -F "picture=@$1" -F "camera=$2" -F "captured_at=$(date -u +%FT%TZ)" \
      --form-string "boxes=$3" "http://$(reachable_address)/api/v1/images?wait=30s") || fail "the picture $1 was not answered"
  [ "$status" = 200 ] || fail "the picture $1 was answered with $status: $(head -c 300 "$STATE/demo/answer")"
}
