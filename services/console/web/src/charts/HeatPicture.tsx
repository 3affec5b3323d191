import { useEffect, useRef } from "preact/hooks";
import type { Heatmap } from "../api/heatmap";
import { number, percent } from "../format";
import type { Camera } from "../live/camera";
import { drawCamera, fitPicture, readPalette } from "../live/draw";
import { regions, strength } from "../statistics/heat";
import { useTheme } from "../theme";
import "./charts.css";

interface Props {
  heatmap: Heatmap | undefined;
  /** Its latest boxes are drawn beneath. */
  camera: Camera | undefined;
  /** Changes when the boxes should be drawn anew. */
  now: number;
  /** What it is a map of: "Entrance, last 7 days". */
  label: string;
}

/** Where on the image of a camera people stand. */
export function HeatPicture({ heatmap, camera, now, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const paint = useRef(() => {});
  paint.current = () => canvas.current && draw(canvas.current, camera, heatmap);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      element.width = Math.round(element.clientWidth * devicePixelRatio);
      element.height = Math.round(element.clientHeight * devicePixelRatio);
      paint.current();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => paint.current(), [heatmap, camera, now, theme]);
  const said = heatmap ? inWords(heatmap) : "Loading";
  return (
    <div class="heat">
      <div class="heat-stage">
        <canvas ref={canvas} role="img" aria-label={`${label}: ${said}`} />
      </div>
      <div class="heat-legend">
        <span>0</span>
        <span class="heat-ramp" aria-hidden="true" />
        <span>
          {heatmap ? `${number(heatmap.max)} in one of ${heatmap.columns} × ${heatmap.rows} cells` : "…"}
        </span>
        {heatmap && <span>{number(heatmap.total)} in all</span>}
      </div>
      <p class="help">{said}</p>
    </div>
  );
}

function inWords(heatmap: Heatmap): string {
  const [first, second, third] = regions(heatmap);
  if (!first) return "Nobody was seen in this range.";
  const rest = [second, third].filter((region) => region && region.share >= 0.01);
  const others = rest.map((region) => `${percent(region?.share)} ${region?.name}`).join(", ");
  return `${percent(first.share)} of all foot points lie ${place(first.name)}${others && `, then ${others}`}.`;
}

const place = (name: string) => (name === "centre" ? "in the centre" : `at the ${name}`);

function draw(canvas: HTMLCanvasElement, camera: Camera | undefined, heatmap: Heatmap | undefined): void {
  const context = canvas.getContext("2d");
  if (!context || canvas.width === 0) return;
  const [width, height] = [canvas.width / devicePixelRatio, canvas.height / devicePixelRatio];
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, width, height);
  if (camera) drawCamera(context, width, height, camera, readPalette(canvas));
  if (!heatmap || heatmap.max === 0) return;
  const { x, y, width: w, height: h } = fitPicture(width, height, camera?.shown);
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  // The few cells are drawn small and enlarged: the browser makes the soft passages.
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(cellsOf(heatmap, ramp(canvas)), x, y, w, h);
  context.restore();
}

/** One pixel for each cell. */
function cellsOf({ cells, columns, rows, max }: Heatmap, colours: Uint8ClampedArray): HTMLCanvasElement {
  const small = document.createElement("canvas");
  [small.width, small.height] = [columns, rows];
  const context = small.getContext("2d");
  if (!context) return small;
  const image = context.createImageData(columns, rows);
  cells.forEach((count, at) => {
    const colour = Math.round(strength(count, max) * (STEPS - 1)) * 4;
    image.data.set(colours.subarray(colour, colour + 4), at * 4);
  });
  context.putImageData(image, 0, 0);
  return small;
}

const STEPS = 256;

/** The colours of the legend, from the style sheet. */
function ramp(element: Element): Uint8ClampedArray {
  const line = document.createElement("canvas");
  [line.width, line.height] = [STEPS, 1];
  const context = line.getContext("2d");
  if (!context) return new Uint8ClampedArray(STEPS * 4);
  const style = getComputedStyle(element);
  const gradient = context.createLinearGradient(0, 0, STEPS, 0);
  [0, 1, 2, 3].forEach((stop) =>
    gradient.addColorStop(stop / 3, style.getPropertyValue(`--heat-${stop}`).trim()),
  );
  context.fillStyle = gradient;
  context.fillRect(0, 0, STEPS, 1);
  return context.getImageData(0, 0, STEPS, 1).data;
}
