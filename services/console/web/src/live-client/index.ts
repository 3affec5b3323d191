/**
 * A client of CityTrack's live feed, for any page:
 *
 *     import { LiveFeed } from "https://citytrack.example/live-client.js";
 *
 *     const feed = new LiveFeed({ token, onStatus: (status) => console.log(status.state) });
 *     feed.subscribe({ venue: "demo" }, { onFrame: (frame) => console.log(frame.camera, frame.detections.length) });
 *
 * It depends on nothing but the browser. The whole of it: docs/realtime.md, "Browser client".
 */
export * from "./client";
export * from "./messages";
export type { Status, StopReason, WaitReason } from "./status";
export type { Handlers, Wanted } from "./subscription";
