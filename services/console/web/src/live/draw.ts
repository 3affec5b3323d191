import type { Camera, Trail } from "./camera";
import type { Detection, Picture } from "../live-client";

/** Colours come from the style sheet, so that the canvas follows light and dark. */
export interface Palette {
  picture: string;
  grid: string;
  untracked: string;
  /** Lightness of track colours, in percent. */
  trackLightness: string;
  labelInk: string;
}

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

const LABEL_HEIGHT = 17;
const LABEL_FONT = '600 11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    picture: read("--picture"),
    grid: read("--picture-grid"),
    untracked: read("--untracked"),
    trackLightness: read("--track-lightness"),
    labelInk: read("--label-ink"),
  };
}

/** The same track always has the same colour; the golden angle keeps neighbouring ids far apart. */
export function trackColour(id: number, lightness: string): string {
  const hue = Math.round((((id * 137.508) % 360) + 360) % 360);
  return `hsl(${hue} 72% ${lightness})`;
}

/** The largest rectangle of the image's shape (16:9 when it is unknown), centred in the stage. */
export function fitPicture(stageWidth: number, stageHeight: number, frame: Picture | undefined): Rectangle {
  const ratio = frame?.width && frame.height ? frame.width / frame.height : 16 / 9;
  const width = Math.min(stageWidth, stageHeight * ratio);
  const height = width / ratio;
  return { x: (stageWidth - width) / 2, y: (stageHeight - height) / 2, width, height };
}

/** Draws the camera's frame in CSS pixels; the caller has scaled the context to the device's. */
export function drawCamera(
  context: CanvasRenderingContext2D,
  width: number,
  height: number,
  camera: Camera,
  palette: Palette,
): void {
  context.clearRect(0, 0, width, height);
  const picture = fitPicture(width, height, camera.shown);
  drawPicture(context, picture, palette);
  if (!camera.shown) return;
  context.save();
  context.beginPath();
  context.rect(picture.x, picture.y, picture.width, picture.height);
  context.clip();
  for (const detection of camera.shown.detections) {
    const trail = detection.track_id === undefined ? undefined : camera.trails.get(detection.track_id);
    if (trail) drawTrail(context, picture, trail, colourOf(detection, palette));
  }
  for (const detection of camera.shown.detections) drawBox(context, picture, detection, palette);
  drawLabels(context, picture, camera.shown, palette);
  context.restore();
}

function drawPicture(context: CanvasRenderingContext2D, picture: Rectangle, palette: Palette): void {
  context.fillStyle = palette.picture;
  context.fillRect(picture.x, picture.y, picture.width, picture.height);
  context.strokeStyle = palette.grid;
  context.lineWidth = 1;
  context.beginPath();
  for (const part of [0.25, 0.5, 0.75]) {
    const x = Math.round(picture.x + picture.width * part) + 0.5;
    const y = Math.round(picture.y + picture.height * part) + 0.5;
    context.moveTo(x, picture.y);
    context.lineTo(x, picture.y + picture.height);
    context.moveTo(picture.x, y);
    context.lineTo(picture.x + picture.width, y);
  }
  context.stroke();
}

function drawTrail(
  context: CanvasRenderingContext2D,
  picture: Rectangle,
  trail: Trail,
  colour: string,
): void {
  context.strokeStyle = colour;
  context.globalAlpha = 0.45;
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.beginPath();
  for (const point of trail)
    context.lineTo(picture.x + point.x * picture.width, picture.y + point.y * picture.height);
  context.stroke();
  context.globalAlpha = 1;
}

function drawBox(
  context: CanvasRenderingContext2D,
  picture: Rectangle,
  detection: Detection,
  palette: Palette,
): void {
  const { x, y, width, height } = place(picture, detection);
  const colour = colourOf(detection, palette);
  context.fillStyle = colour;
  context.globalAlpha = 0.1;
  context.fillRect(x, y, width, height);
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.roundRect(x + 1, y + 1, Math.max(1, width - 2), Math.max(1, height - 2), 3);
  context.stroke();
}

interface Label {
  detection: Detection;
  text: string;
  at: Rectangle;
}

function drawLabels(
  context: CanvasRenderingContext2D,
  picture: Rectangle,
  frame: Picture,
  palette: Palette,
): void {
  context.font = LABEL_FONT;
  context.textBaseline = "middle";
  for (const { detection, text, at } of arrangeLabels(context, picture, frame)) {
    context.fillStyle = colourOf(detection, palette);
    context.beginPath();
    context.roundRect(at.x, at.y, at.width, LABEL_HEIGHT, 3);
    context.fill();
    context.fillStyle = palette.labelInk;
    context.fillText(text, at.x + 4, at.y + LABEL_HEIGHT / 2 + 0.5);
  }
}

/**
 * Every track gets its number, largest box first, and every unusual class its name. Where there is room the label says both;
 * a person without a track, whose label would tell nothing new, gets one only where there is room.
 */
function arrangeLabels(context: CanvasRenderingContext2D, picture: Rectangle, frame: Picture): Label[] {
  const make = (detection: Detection, text: string): Label => ({
    detection,
    text,
    at: placeLabel(context, picture, detection, text),
  });
  const isFree = (label: Label, labels: Label[]) =>
    labels.every((other) => other.detection === label.detection || !overlap(label.at, other.at));
  const largestFirst = [...frame.detections].sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
  const labels: Label[] = [];
  for (const detection of largestFirst) {
    const label = make(detection, shortLabel(detection));
    if (!isPlainPerson(detection) || isFree(label, labels)) labels.push(label);
  }
  labels.forEach((label, index) => {
    const full = make(label.detection, fullLabel(label.detection));
    if (isFree(full, labels)) labels[index] = full;
  });
  return labels;
}

const isPlainPerson = ({ class: name, track_id }: Detection): boolean =>
  name === "person" && track_id === undefined;

const shortLabel = ({ class: name, track_id }: Detection): string =>
  name === "person" && track_id !== undefined ? String(track_id) : name;

const fullLabel = ({ class: name, track_id }: Detection): string =>
  track_id === undefined ? name : `${name} ${track_id}`;

/** Above the box, or inside where there is no room above; never outside of the picture. */
function placeLabel(
  context: CanvasRenderingContext2D,
  picture: Rectangle,
  detection: Detection,
  text: string,
): Rectangle {
  const box = place(picture, detection);
  const width = context.measureText(text).width + 8;
  const x = Math.min(Math.max(box.x, picture.x), picture.x + picture.width - width);
  const y = box.y - LABEL_HEIGHT < picture.y ? Math.max(box.y, picture.y) : box.y - LABEL_HEIGHT;
  return { x, y, width, height: LABEL_HEIGHT };
}

const overlap = (a: Rectangle, b: Rectangle): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

function place(picture: Rectangle, { box }: Detection): Rectangle {
  return {
    x: picture.x + box[0] * picture.width,
    y: picture.y + box[1] * picture.height,
    width: box[2] * picture.width,
    height: box[3] * picture.height,
  };
}

function colourOf({ track_id }: Detection, palette: Palette): string {
  return track_id === undefined ? palette.untracked : trackColour(track_id, palette.trackLightness);
}
