// The running system that the browser tests talk to, through its public API only.
import { randomBytes } from "node:crypto";
import { connect, createServer } from "node:net";

export const address = required("CITYTRACK_ADDRESS").replace(/\/$/, "");
/** A page of somebody else's is served here; the system's setting CITYTRACK_LIVE__ORIGINS must name it. */
export const guestOrigin = process.env.CITYTRACK_GUEST_ORIGIN ?? "http://127.0.0.1:22081";
const administrator = required("CITYTRACK_ADMIN_TOKEN");

function required(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(
    `${name} is not set. The browser tests need a running system; scripts/test starts one for them.`,
  );
  process.exit(2);
}

export async function request(method, path, body, token = administrator) {
  const response = await fetch(address + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** A venue of the test's own, with one node that can send; retired when the test is over. */
export async function makeVenue(t, { name = "Test venue", time_zone = "Europe/Berlin" } = {}) {
  const slug = `web-${randomBytes(6).toString("hex")}`;
  await request("POST", "/api/v1/venues", { slug, name, time_zone });
  t.after(() => request("DELETE", `/api/v1/venues/${slug}`));
  const node = await request("POST", `/api/v1/venues/${slug}/nodes`, { slug: "north", name: "North" });
  const { key } = await request("POST", `/api/v1/nodes/${node.id}/keys`, { label: "browser test" });
  return {
    slug,
    name,
    send: (...frames) => sendFrames(key, frames),
    sendPicture: (picture, facts) => sendPicture(key, picture, facts),
  };
}

export async function viewerToken(venues, ttl = "1h") {
  const slugs = venues.map((venue) => venue.slug);
  return (await request("POST", "/api/v1/viewer-tokens", { venues: slugs, ttl })).token;
}

/** A key works a moment after it was made, on every instance: repeat until it does. */
async function sendFrames(key, frames) {
  await until("the detections are accepted", async () => {
    try {
      await request("POST", "/api/v1/detections", { frames }, key);
      return true;
    } catch (error) {
      if (/ answered (401|429|503)/.test(error.message)) return false;
      throw error;
    }
  });
}

/** Sends a picture as a node does; returns its id when the platform has it. `facts`: camera, captured_at, boxes (JSON). */
async function sendPicture(key, picture, facts = {}) {
  const query = new URLSearchParams(facts);
  const accepted = await until("the picture is accepted", async () => {
    const response = await fetch(`${address}/api/v1/images?${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "image/jpeg" },
      body: picture,
    });
    if ([401, 429, 503].includes(response.status)) return undefined;
    const text = await response.text();
    if (!response.ok) throw new Error(`the upload answered ${response.status}: ${text}`);
    return JSON.parse(text);
  });
  return accepted.id;
}

/** Waits until `count` pictures of a venue are ready. */
export async function picturesReady(venue, count) {
  const token = await viewerToken([venue]);
  const path = `/api/v1/venues/${venue.slug}/images?state=ready&limit=100`;
  const list = async () => (await request("GET", path, undefined, token)).images;
  return until(`${count} pictures are ready`, async () => {
    const images = await list();
    return images.length >= count && images;
  });
}

let frameNumber = 0;

/** A frame of a 640×480 image, captured now. `people` are boxes with track ids 1, 2, 3, … */
export function frame(camera, people, more = {}) {
  const detections = people.map((box, index) => ({
    class: "person",
    confidence: 0.9,
    box,
    track_id: index + 1,
  }));
  const captured_at = new Date().toISOString();
  return { camera, frame: ++frameNumber, captured_at, width: 640, height: 480, detections, ...more };
}

/** Polls a condition; fails with its name after the deadline. */
export async function until(what, condition, deadlineMs = 20_000) {
  for (const end = Date.now() + deadlineMs; Date.now() < end;) {
    const value = await condition();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited ${deadlineMs / 1000} s in vain until ${what}`);
}

/**
 * A network between browser and system that can be cut: a plain TCP relay. While cut, connections are reset and new ones
 * refused. (The browser's own "offline" switch leaves open WebSockets alone.)
 */
export async function cuttableNetwork(t) {
  const target = new URL(address);
  const sockets = new Set();
  let isCut = false;
  const relay = createServer((near) => {
    if (isCut) return near.resetAndDestroy();
    const far = connect(Number(target.port || 80), target.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise((resolve) => relay.listen(0, "127.0.0.1", resolve));
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  t.after(() => {
    relay.close();
    destroyAll();
  });
  return {
    address: `http://127.0.0.1:${relay.address().port}`,
    cut() {
      isCut = true;
      destroyAll();
    },
    mend() {
      isCut = false;
    },
  };
}
