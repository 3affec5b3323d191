import { useEffect, useRef } from "preact/hooks";
import type { Camera } from "../live/camera";
import { drawCamera, readPalette } from "../live/draw";
import { duration, type VenueClock } from "../time";
import { onThemeChange } from "../theme";

interface Props {
  camera: Camera;
  clock: VenueClock;
  now: number;
  /** Number of the camera's line in the chart; -1 when it has none of its own. */
  line: number;
  /** Whether silence is the camera's, and not that of our own connection. */
  connected: boolean;
}

export function CameraCard({ camera, clock, now, line, connected }: Props) {
  const people = camera.people(now);
  const silent = camera.isSilent(now);
  const label = camera.title ?? camera.name;
  return (
    <article class={silent ? "camera silent" : "camera"} aria-label={`Camera ${label}, node ${camera.node}`}>
      <header>
        <h2>
          {line >= 0 && <span class={`swatch line-${line}`} aria-hidden="true" />}
          {label}
          <span class="node">{camera.node}</span>
        </h2>
        <p class="people-now">
          <strong>{people ?? "–"}</strong> <span>{people === 1 ? "person" : "people"}</span>
        </p>
      </header>
      <div class="stage">
        <Picture camera={camera} />
        {!camera.shown && <p class="waiting">Waiting for a frame</p>}
      </div>
      <Footer camera={camera} clock={clock} now={now} connected={connected} />
    </article>
  );
}

function Footer({ camera, clock, now, connected }: Omit<Props, "line">) {
  if (camera.heardAt === undefined) return <footer>No frame since this page was opened</footer>;
  if (camera.isSilent(now)) {
    const ago = `${duration(now - camera.heardAt)} ago`;
    return (
      <footer class="bad">
        <span>{connected ? `Silent since ${clock.second(camera.heardAt)}` : "Not connected"}</span>
        <span class="rate">{connected ? ago : `Last frame ${ago}`}</span>
      </footer>
    );
  }
  const rate = camera.rate(now);
  const hold = camera.holdMs;
  return (
    <footer>
      <span class="dot" aria-hidden="true" /> {age(now - camera.heardAt)}
      {now - (camera.leftOutAt ?? 0) < LEFT_OUT_SHOWN_MS && <span class="warn">Frames left out</span>}
      <span class="rate">
        {rate > 0 && `${rate >= 10 ? Math.round(rate) : rate.toFixed(1)} frames/s`}
        {hold >= 300 && (
          <span title="The node sends several frames at once. They are played evenly, so the picture is this much later.">
            {` · ${(hold / 1000).toFixed(1)} s behind`}
          </span>
        )}
      </span>
    </footer>
  );
}

/** How long it is said that frames of a camera were left out. */
const LEFT_OUT_SHOWN_MS = 10_000;

const age = (ms: number): string => (ms < 2000 ? "Receiving" : `Last frame ${Math.round(ms / 1000)} s ago`);

/** The canvas. Drawing goes past the component: frames are drawn by the feed's animation, not by rendering. */
function Picture({ camera }: { camera: Camera }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context) return;
    let palette = readPalette(element);
    const paint = () => {
      const scale = devicePixelRatio;
      context.setTransform(scale, 0, 0, scale, 0, 0);
      drawCamera(context, element.width / scale, element.height / scale, camera, palette);
    };
    const resize = () => {
      element.width = Math.round(element.clientWidth * devicePixelRatio);
      element.height = Math.round(element.clientHeight * devicePixelRatio);
      paint();
    };
    const recolour = () => {
      palette = readPalette(element);
      paint();
    };
    const observer = new ResizeObserver(resize);
    observer.observe(element);
    const forgetTheme = onThemeChange(recolour);
    camera.paint = paint;
    resize();
    return () => {
      camera.paint = undefined;
      observer.disconnect();
      forgetTheme();
    };
  }, [camera]);
  const seen = camera.shown?.detections.length ?? 0;
  return <canvas ref={canvas} role="img" aria-label={`Boxes of the latest frame: ${seen}`} />;
}
