// Writes pictures of the pages: `npm run screenshots -- DIRECTORY [NAME…]`, light and dark, on a desktop and on a phone.
// It makes a venue and a user of its own and sends the venue a little scene; they are retired and disabled afterwards.
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { launch, PHONE } from "./browser.mjs";
import { BOXES, drawPicture } from "./picture.mjs";
import { everywhere, makeUser, openSignedIn } from "./session.mjs";
import { address, frame, makeVenue, picturesReady, request, viewerToken } from "./system.mjs";

const [directory, ...names] = process.argv.slice(2);
if (!directory) {
  console.error("Usage: npm run screenshots -- DIRECTORY [NAME…]");
  process.exit(2);
}
await mkdir(directory, { recursive: true });

const cleanUp = [];
const t = { after: (task) => cleanUp.push(task) };
const browser = await launch();
const venue = await makeScene();
const pictures = await sendPictures();
const user = await makeUser(t, everywhere("admin"), { display_name: "Anna Berg" });
/** Name of the picture and address; the first two are for people without an account. */
const OPEN = { "sign-in": "/sign-in", live: `/live#token=${await viewerToken([venue])}` };
const PAGES = {
  home: "/",
  venue: `/venues/${venue.slug}`,
  statistics: `/statistics?venue=${venue.slug}`,
  pictures: `/pictures?venue=${venue.slug}`,
  picture: `/pictures/${pictures[0]}`,
  upload: `/pictures/upload?venue=${venue.slug}`,
  journal: "/journal",
  nodes: "/nodes",
  node: `/nodes/${await nodeOf(venue)}`,
  venues: "/venues",
  users: "/users",
  tokens: "/tokens",
  audit: "/audit",
  system: "/system",
  account: "/account",
};

/** Dialogs: the page, and what opens them there. */
const DIALOGS = {
  "create-node": ["/nodes", (page) => page.getByRole("button", { name: "Create a node" }).click()],
  "make-key": [PAGES.node, makeKey],
  "picture-settings": ["/venues", openPictureSettings],
  uploads: [PAGES.upload, uploadSome],
  import: ["/venues", (page) => openImport(page)],
  "import-report": ["/venues", importDirtyFile],
};

try {
  for (const colorScheme of ["light", "dark"]) {
    for (const [size, viewport] of [
      ["desktop", { width: 1280, height: 900 }],
      ["phone", PHONE],
    ]) {
      await photograph(OPEN, undefined, colorScheme, size, viewport);
      await photograph(PAGES, user, colorScheme, size, viewport);
      await photograph(DIALOGS, user, colorScheme, size, viewport);
    }
  }
} finally {
  await browser.close();
  for (const task of cleanUp) await task();
}

async function photograph(pages, user, colorScheme, size, viewport) {
  const isMobile = size === "phone";
  const context = await browser.newContext({
    viewport,
    colorScheme,
    isMobile,
    deviceScaleFactor: isMobile ? 2 : 1,
    timezoneId: "Europe/Berlin",
  });
  const page = await context.newPage();
  if (user) await openSignedIn(page, user, "/account");
  for (const [name, place] of Object.entries(pages)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const [path, open] = [place].flat();
    await page.goto(address + path);
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    if (name === "live") await page.waitForFunction(everyCameraIsCounted);
    else await settled(page);
    await open?.(page);
    const file = join(directory, `${name}-${size}-${colorScheme}.png`);
    // The log goes on without end, and a dialog stands in the window.
    await page.screenshot({ path: file, fullPage: name !== "audit" && !open });
    console.log(file);
  }
  await context.close();
}

async function nodeOf({ slug }) {
  return (await request("GET", `/api/v1/nodes?venue=${slug}`)).nodes[0].id;
}

async function makeKey(page) {
  await page.getByRole("button", { name: "Make a key" }).click();
  await page.getByRole("button", { name: "Make the key" }).click();
  await page.getByLabel("Node key").waitFor();
}

async function openPictureSettings(page) {
  await page.getByRole("button", { name: `Pictures of ${venue.name}` }).click();
}

async function uploadSome(page) {
  const buffer = await drawPicture(browser);
  await page.getByLabel("Choose pictures").setInputFiles([
    { name: "harbour-1.jpg", mimeType: "image/jpeg", buffer },
    { name: "minutes.pdf", mimeType: "image/jpeg", buffer: Buffer.from("no picture") },
  ]);
  await page.getByText("Ready:").waitFor();
}

async function openImport(page, text = "time,North,South\n") {
  await page.getByRole("button", { name: `Import counts into ${venue.name}` }).click();
  const file = { name: "counts 2025.csv", mimeType: "text/csv", buffer: Buffer.from(text) };
  await page.getByLabel("File").setInputFiles(file);
}

async function importDirtyFile(page) {
  const lines = [
    "time,North,South",
    "2025-03-01T08:00,812,640",
    "2025-03-01T09:00,-3,655",
    "2025-03-01T09:00,7,n/a",
  ];
  await openImport(page, lines.join("\n"));
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByRole("button", { name: "Done" }).waitFor();
}

/** Nothing is being loaded any more. Live pages never rest, so not for long. */
async function settled(page) {
  await page
    .waitForFunction(() => !document.querySelector("[aria-busy=true]"), undefined, { timeout: 5_000 })
    .catch(() => {});
}

/** PICTURES names a folder of photographs (JPEG) that are sent; without it some are drawn. */
async function sendPictures() {
  const folder = process.env.PICTURES;
  const files = folder ? (await readdir(folder)).filter((name) => name.endsWith(".jpg")) : [];
  const pictures = await Promise.all(files.map((name) => readFile(join(folder, name))));
  if (pictures.length === 0) pictures.push(await drawPicture(browser));
  const ids = [];
  for (const picture of pictures) {
    ids.push(await venue.sendPicture(picture, { camera: "entrance", boxes: BOXES }));
  }
  await picturesReady(venue, ids.length);
  return ids;
}

/** Two cameras, and people who walk through their pictures until the pictures of the pages are taken. */
async function makeScene() {
  const venue = await makeVenue(t, { name: "Harbour square" });
  let step = 0;
  const walkers = (count, speed) =>
    Array.from({ length: count }, (_, i) => [
      (0.11 * i + step * speed) % 0.9,
      0.3 + 0.05 * (i % 4),
      0.06,
      0.28,
    ]);
  let busy = Promise.resolve();
  const timer = setInterval(() => {
    step++;
    busy = busy.then(() =>
      venue.send(frame("entrance", walkers(7, 0.004)), frame("quay", walkers(4, 0.007))),
    );
  }, 100);
  cleanUp.unshift(async () => {
    clearInterval(timer);
    await busy;
  });
  return venue;
}

/** Runs in the page. */
function everyCameraIsCounted() {
  const numbers = [...document.querySelectorAll(".people-now strong")].map((element) => element.textContent);
  return numbers.length > 0 && !numbers.includes("–");
}
