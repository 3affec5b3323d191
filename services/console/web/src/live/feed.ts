import { type CameraRow, listCameras } from "../api/cameras";
import { venueCounts } from "../api/counts";
import type { Frame, Gap, Picture, SnapshotFrame } from "../live-client";
import { Camera, cameraKey, countPeople } from "./camera";
import { Gaps } from "./gaps";
import { lastMinutes, Minutes } from "./minutes";
import { ServerClock } from "./serverClock";

export const CHART_MINUTES = 30;
/** With more cameras than this, the chart has one line for all of them instead of one line each. */
export const MOST_LINES = 6;
const MINUTE_MS = 60_000;
/** Figures on the page change at most this often; boxes move with every frame. */
const NOTIFY_EVERY_MS = 200;
/** How long after its end a minute is asked for: what was sent in it should be stored by then. */
const SETTLE_MS = 4_000;
/** Several new cameras at once cause one request. */
const CATCH_UP_MS = 50;
/** What was stored meanwhile without being live: a node was offline and delivers what it kept. */
const REFRESH_MS = 300_000;

/** A line of the chart: one camera, or (with `camera` undefined) the whole venue. */
export interface Line {
  camera: Camera | undefined;
  label: string;
  minutes: Minutes;
}

/** Everything that the live page knows about one venue. Plain state: pages subscribe to be told that it has changed. */
export class VenueFeed {
  readonly venue: string;
  cameras: Camera[] = [];
  /** False until the cameras that are known to the system have been asked for. */
  loaded = false;
  /** What of the live picture is missing here. */
  readonly gaps = new Gaps();
  chartLoaded = false;
  chartProblem: string | undefined;
  readonly #token: () => Promise<string>;
  readonly #clock = new ServerClock();
  readonly #byKey = new Map<string, Camera>();
  readonly #minutes = new Map<string, Minutes>();
  readonly #all = new Minutes();
  readonly #listeners = new Set<() => void>();
  readonly #aborter = new AbortController();
  #notifyTimer: ReturnType<typeof setTimeout> | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #later: ReturnType<typeof setTimeout> | undefined;
  #refresh: ReturnType<typeof setInterval> | undefined;
  #animation = 0;

  /** `token` gets a viewer token that is valid now. */
  constructor(venue: string, token: () => Promise<string>) {
    this.venue = venue;
    this.#token = token;
  }

  /** Asks for the cameras that are known already, so that the page has its shape before the first frame. */
  async load(): Promise<void> {
    const known = await listCameras(this.venue, { token: await this.#token(), signal: this.#aborter.signal });
    for (const row of known) this.#add(row).title = row.title;
    this.loaded = true;
    this.#catchUp();
    this.#refresh ??= setInterval(() => void this.#fillIn(), REFRESH_MS);
    this.#changed();
  }

  /** The subscription begins, perhaps anew: `missed` says whether there were frames that this page never got. */
  begin(frames: SnapshotFrame[], missed: boolean): void {
    const now = Date.now();
    for (const frame of frames) this.#cameraOf(frame).begin(frame, now);
    if (missed) this.gaps.restarted(now);
    this.#catchUp();
    this.#notify();
  }

  receive(frame: Frame): void {
    const now = Date.now();
    const camera = this.#cameraOf(frame);
    camera.receive(frame, now);
    const captured = Date.parse(frame.captured_at);
    const people = countPeople(frame);
    this.#minutes.get(camera.key)?.see(captured, people);
    this.#all.see(captured, people);
    this.#animate();
    this.#changed();
  }

  leaveOut(gap: Gap): void {
    const now = Date.now();
    this.gaps.add(gap, now);
    for (const key of gap.cameras) {
      const camera = this.#byKey.get(key);
      if (camera) camera.leftOutAt = now;
    }
    this.#fillInAfterThisMinute();
    this.#changed();
  }

  /** What was missed is asked for, now and when the running minute is over. */
  #catchUp(): void {
    clearTimeout(this.#soon);
    this.#soon = setTimeout(() => void this.#fillIn(), CATCH_UP_MS);
    this.#fillInAfterThisMinute();
  }

  lines(): Line[] {
    if (this.cameras.length === 0 || this.cameras.length > MOST_LINES) {
      return [{ camera: undefined, label: "All cameras", minutes: this.#all }];
    }
    return this.cameras.map((camera) => ({
      camera,
      label: camera.title ?? camera.key,
      minutes: this.#minutes.get(camera.key) ?? new Minutes(),
    }));
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get isClosed(): boolean {
    return this.#aborter.signal.aborted;
  }

  close(): void {
    this.#aborter.abort();
    cancelAnimationFrame(this.#animation);
    clearTimeout(this.#notifyTimer);
    clearTimeout(this.#soon);
    clearTimeout(this.#later);
    clearInterval(this.#refresh);
    this.#listeners.clear();
  }

  /** Brings the lines of the chart to what is stored. */
  async #fillIn(): Promise<void> {
    const oldest = lastMinutes(Date.now(), CHART_MINUTES)[0] ?? 0;
    try {
      await Promise.all(this.lines().map((line) => this.#fetchLine(line, oldest)));
      this.chartProblem = undefined;
    } catch (error) {
      if (this.#aborter.signal.aborted) return;
      this.chartProblem = error instanceof Error ? error.message : String(error);
      this.#fillInAfterThisMinute();
    }
    this.chartLoaded = true;
    this.#changed();
  }

  async #fetchLine(line: Line, oldest: number): Promise<void> {
    const range = { from: new Date(oldest), to: new Date(Date.now() + MINUTE_MS), bucket: "1m" };
    const of = { class: "person", ...(line.camera && { camera: line.camera.key }) };
    const asking = { token: await this.#token(), signal: this.#aborter.signal };
    const counts = await venueCounts(this.venue, { ...range, ...of }, asking);
    for (const bucket of counts.buckets) {
      line.minutes.store(Date.parse(bucket.start), { frames: bucket.frames, people: bucket.detections ?? 0 });
    }
  }

  #cameraOf(frame: Picture): Camera {
    return this.#byKey.get(cameraKey(frame.node, frame.camera)) ?? this.#discover(frame);
  }

  #discover(frame: Picture): Camera {
    const camera = this.#add({ node_slug: frame.node, name: frame.camera, title: null });
    // A camera more can also change the lines of the chart.
    this.#catchUp();
    return camera;
  }

  #add(row: Pick<CameraRow, "node_slug" | "name" | "title">): Camera {
    const known = this.#byKey.get(cameraKey(row.node_slug, row.name));
    if (known) return known;
    const camera = new Camera(row.node_slug, row.name, row.title, this.#clock);
    this.#byKey.set(camera.key, camera);
    this.#minutes.set(camera.key, new Minutes());
    this.cameras = [...this.#byKey.values()].sort((a, b) =>
      a.key.localeCompare(b.key, "en", { numeric: true }),
    );
    return camera;
  }

  #fillInAfterThisMinute(): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => void this.#fillIn(), MINUTE_MS - (Date.now() % MINUTE_MS) + SETTLE_MS);
  }

  /** Runs only while frames wait to be shown. */
  #animate(): void {
    if (this.#animation) return;
    this.#animation = requestAnimationFrame(() => {
      this.#animation = 0;
      const now = Date.now();
      const blank = this.#blankCameras();
      if (this.cameras.filter((camera) => camera.advance(now)).length > 0) this.#changed();
      // The first picture of a camera takes the place of a text, which must not stay for another moment.
      if (this.#blankCameras() < blank) this.#notify();
      if (this.cameras.some((camera) => camera.isWaiting)) this.#animate();
    });
  }

  #blankCameras(): number {
    return this.cameras.filter((camera) => !camera.shown).length;
  }

  #changed(): void {
    this.#notifyTimer ??= setTimeout(() => this.#notify(), NOTIFY_EVERY_MS);
  }

  #notify(): void {
    clearTimeout(this.#notifyTimer);
    this.#notifyTimer = undefined;
    for (const listener of this.#listeners) listener();
  }
}
