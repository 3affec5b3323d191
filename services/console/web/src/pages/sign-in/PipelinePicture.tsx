type Place = [x: number, y: number];

interface Part {
  name: string;
  note: string;
  /** Not a program of CityTrack's own. */
  outside?: boolean;
  wide: Place;
  narrow: Place;
}

const WIDTH = 128;
const HEIGHT = 50;

const PARTS: Part[] = [
  { name: "nodes", note: "cameras", outside: true, wide: [0, 20], narrow: [20, 0] },
  { name: "browsers", note: "and programs", outside: true, wide: [0, 140], narrow: [192, 0] },
  { name: "gateway", note: "one public port", wide: [168, 80], narrow: [106, 88] },
  { name: "ingest-api", note: "takes in", wide: [336, 20], narrow: [20, 176] },
  { name: "realtime-ws", note: "shows live", wide: [336, 80], narrow: [192, 176] },
  { name: "RabbitMQ", note: "holds and routes", outside: true, wide: [504, 20], narrow: [20, 264] },
  { name: "worker", note: "stores and counts", wide: [672, 20], narrow: [20, 352] },
  { name: "stats", note: "reads counts", wide: [336, 140], narrow: [192, 352] },
  { name: "PostgreSQL", note: "keeps", outside: true, wide: [840, 80], narrow: [106, 440] },
];

/** Arrows in the direction in which detections travel. */
const WIDE_ARROWS = [
  "M128 45H150Q160 45 165 54L180 78", // nodes → gateway
  "M280 80L295 54Q300 45 310 45H333", // gateway → ingest-api
  "M464 45H501", // ingest-api → RabbitMQ
  "M632 45H669", // RabbitMQ → worker
  "M800 45H892Q904 45 904 57V77", // worker → PostgreSQL
  "M568 70V93Q568 105 556 105H467", // RabbitMQ → realtime-ws
  "M904 130V153Q904 165 892 165H467", // PostgreSQL → stats
  "M336 105H299", // realtime-ws → gateway
  "M336 165H310Q300 165 295 156L281 133", // stats → gateway
  "M180 130L165 156Q160 165 150 165H131", // gateway → browsers
];

const NARROW_ARROWS = [
  "M84 50V57Q84 69 96 69H128Q140 69 140 77V85", // nodes → gateway
  "M200 88V81Q200 69 212 69H244Q256 69 256 61V53", // gateway → browsers
  "M140 138V145Q140 157 128 157H96Q84 157 84 165V173", // gateway → ingest-api
  "M256 176V169Q256 157 244 157H212Q200 157 200 149V141", // realtime-ws → gateway
  "M84 226V261", // ingest-api → RabbitMQ
  "M148 289H244Q256 289 256 277V229", // RabbitMQ → realtime-ws
  "M84 314V349", // RabbitMQ → worker
  "M84 402V409Q84 421 96 421H128Q140 421 140 429V437", // worker → PostgreSQL
  "M200 440V433Q200 421 212 421H244Q256 421 256 413V405", // PostgreSQL → stats
  "M320 377H326Q334 377 334 369V121Q334 113 326 113H237", // stats → gateway
];

export function PipelinePicture() {
  return (
    <>
      <Picture layout="wide" viewBox="-2 12 974 186" arrows={WIDE_ARROWS} />
      <Picture layout="narrow" viewBox="18 -2 318 494" arrows={NARROW_ARROWS} />
    </>
  );
}

function Picture({
  layout,
  viewBox,
  arrows,
}: {
  layout: "wide" | "narrow";
  viewBox: string;
  arrows: string[];
}) {
  const id = `pipeline-${layout}`;
  return (
    <svg class={`pipeline ${layout}`} viewBox={viewBox} role="img" aria-labelledby={`${id}-title ${id}-text`}>
      <title id={`${id}-title`}>How the parts of CityTrack fit together</title>
      <desc id={`${id}-text`}>
        Nodes post through the gateway to ingest-api, which publishes to RabbitMQ. From there the worker
        stores and counts into PostgreSQL, and realtime-ws sends live frames through the gateway to browsers.
        Stats reads counts from PostgreSQL for browsers.
      </desc>
      <defs>
        <marker
          id={`${id}-tip`}
          viewBox="0 0 8 8"
          refX="6"
          refY="4"
          markerWidth="6"
          markerHeight="6"
          orient="auto"
        >
          <path d="M0 0.5L7.5 4L0 7.5z" />
        </marker>
      </defs>
      {arrows.map((path) => (
        <path key={path} class="arrow" d={path} marker-end={`url(#${id}-tip)`} />
      ))}
      {PARTS.map((part) => (
        <PartBox key={part.name} part={part} place={part[layout]} />
      ))}
    </svg>
  );
}

function PartBox({ part, place: [x, y] }: { part: Part; place: Place }) {
  return (
    <g class={part.outside ? "part outside" : "part"}>
      <rect x={x} y={y} width={WIDTH} height={HEIGHT} rx="8" />
      <text class="name" x={x + WIDTH / 2} y={y + 22}>
        {part.name}
      </text>
      <text class="note" x={x + WIDTH / 2} y={y + 39}>
        {part.note}
      </text>
    </g>
  );
}
