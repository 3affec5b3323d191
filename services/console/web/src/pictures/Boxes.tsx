import type { ImageBox } from "../api/images";
import { percent } from "../format";
import { lineOf } from "./lines";

interface Props {
  boxes: ImageBox[];
  width: number;
  height: number;
}

/** Boxes over a picture that fills its place as `object-fit: contain` does. What they say is told elsewhere in words. */
export function Boxes({ boxes, width, height }: Props) {
  return (
    <svg class="boxes" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
      {boxes.map(({ class: name, box: [left, top, wide, high] }, at) => (
        <g key={at} class={lineOf(name)}>
          {["box-edge", "box"].map((kind) => (
            <rect
              key={kind}
              class={kind}
              x={left * width}
              y={top * height}
              width={wide * width}
              height={high * height}
            />
          ))}
        </g>
      ))}
    </svg>
  );
}

/** Less room than this above a box, and its label stands inside. */
const ROOM_ABOVE = 0.05;

/** What each box is, over a picture that fills its place without a rest: letters have the same size on every screen. */
export function Labels({ boxes }: { boxes: ImageBox[] }) {
  return (
    <svg class="boxes" aria-hidden="true">
      {boxes.map(({ class: name, confidence, box: [left, top] }, at) => (
        <text
          key={at}
          class={`box-label ${lineOf(name)}`}
          x={percentage(Math.max(0, left))}
          y={percentage(Math.max(0, top))}
          dx="3"
          dy={top < ROOM_ABOVE ? 15 : -5}
        >
          {name} {percent(Math.round(confidence * 100) / 100)}
        </text>
      ))}
    </svg>
  );
}

const percentage = (part: number) => `${part * 100}%`;
