import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { findings, overflow } from "./axe.mjs";
import { launch, openPage, PHONE } from "./browser.mjs";
import { BOXES, coloursOf, drawPicture } from "./picture.mjs";
import { everywhere, makeUser, openSignedIn } from "./session.mjs";
import { makeVenue, picturesReady, request, until } from "./system.mjs";

let browser, picture;
before(async () => {
  browser = await launch();
  picture = await drawPicture(browser);
});
after(() => browser.close());

const dialog = (page) => page.getByRole("dialog");
const gallery = (page) => page.getByRole("list", { name: "Pictures" });
const tiles = (page) => gallery(page).getByRole("listitem");
const shown = (page) => page.locator(".stage-card img");

async function openAs(t, role, venue, path, options = {}) {
  const user = await makeUser(t, [{ venue: venue.slug, role }]);
  const page = await openPage(t, browser, options);
  await openSignedIn(page, user, path);
  return page;
}

/** Drops files on the page as a person does who holds them with the mouse. */
async function drop(page, files) {
  const transfer = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const { name, type, data } of files) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type }));
    }
    return transfer;
  }, files);
  await page.getByText("Drop pictures here").waitFor();
  await page.dispatchEvent("main", "dragover", { dataTransfer: transfer });
  await page.getByText("Let go to send them").waitFor();
  await page.dispatchEvent("main", "drop", { dataTransfer: transfer });
}

const jpeg = (name) => ({ name, type: "image/jpeg", data: picture.toString("base64") });
const uploadPath = (venue) => `/pictures/upload?venue=${venue.slug}`;
const item = (page, name) =>
  page.getByRole("list", { name: "Files" }).getByRole("listitem").filter({ hasText: name });

test("pictures that are dropped on the page are sent and become ready; one is looked at with its boxes and its way", async (t) => {
  const venue = await makeVenue(t, { name: "Picture venue" });
  const page = await openAs(t, "operator", venue, uploadPath(venue));
  await page.getByLabel("Camera").fill("entrance");
  await page.getByText("Boxes", { exact: true }).click();
  await page.getByLabel("Boxes of every picture").fill(BOXES);
  await drop(page, [jpeg("one.jpg"), jpeg("two.jpg")]);
  for (const name of ["one.jpg", "two.jpg"]) await item(page, name).getByText("Ready: 1 × person").waitFor();

  await page.getByRole("link", { name: "Pictures of Picture venue" }).click();
  await until("both are in the gallery", async () => (await tiles(page).count()) === 2);
  await tiles(page).first().getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: /^entrance, / }).waitFor();
  await shown(page).waitFor();
  await page.locator(".boxes text").filter({ hasText: "person 90%" }).waitFor();
  await page.getByRole("checkbox", { name: "Draw boxes" }).uncheck();
  assert.equal(await page.locator(".boxes").count(), 0);
  const way = page.getByRole("region", { name: "Way through the platform" });
  for (const step of ["Transformed", "Saved"]) {
    assert.match(await way.getByRole("listitem").filter({ hasText: step }).innerText(), /\+.*\d (ms|s)/s);
  }
  await page.getByRole("combobox", { name: "Form" }).selectOption("annotated");
  await until("the annotated form is shown", async () => (await shown(page).count()) === 1);
  assert.equal(await page.getByRole("checkbox", { name: "Draw boxes" }).count(), 0);
});

test("a picture without boxes is unrecognisable as a whole", async (t) => {
  const venue = await makeVenue(t);
  const page = await openAs(t, "viewer", venue, "/");
  const ids = [await venue.sendPicture(picture), await venue.sendPicture(picture, { boxes: "[]" })];
  await picturesReady(venue, 2);
  const colours = [];
  for (const id of ids) {
    await page.goto(new URL(`/pictures/${id}`, page.url()).href);
    await shown(page).waitFor();
    colours.push(await coloursOf(shown(page)));
  }
  // Where a detector saw nobody the picture stays as it is.
  assert.ok(colours[1].somebody[0] > 150 && colours[1].ground[0] < 80, JSON.stringify(colours));
  await page.goto(new URL(`/pictures/${ids[0]}`, page.url()).href);
  await page.getByText("all of the picture is unrecognisable").waitFor();
});

test("what is no picture is refused with the reason, and holds up no other", async (t) => {
  const venue = await makeVenue(t);
  const page = await openAs(t, "operator", venue, uploadPath(venue), { expected: /415/ });
  const text = {
    name: "letter.jpg",
    type: "image/jpeg",
    data: Buffer.from("Dear Sir or Madam").toString("base64"),
  };
  await drop(page, [text, jpeg("one.jpg")]);
  await item(page, "letter.jpg").getByRole("alert").waitFor();
  await item(page, "letter.jpg").getByRole("button", { name: "Send again" }).waitFor();
  await item(page, "one.jpg").getByText("Ready:").waitFor();
  await page.getByRole("button", { name: "Clear the list" }).click();
  assert.equal(await item(page, "").count(), 1, "what failed stays");
});

test("an upload shows how far it is, can be cancelled, and sent again", async (t) => {
  const venue = await makeVenue(t);
  const page = await openAs(t, "operator", venue, uploadPath(venue), { expected: /ERR_/ });
  // The network swallows the picture.
  await page.route("**/api/v1/images?*", () => {});
  await page
    .getByLabel("Choose pictures")
    .setInputFiles({ name: "slow.jpg", mimeType: "image/jpeg", buffer: picture });
  await item(page, "slow.jpg").getByRole("progressbar", { name: "slow.jpg" }).waitFor();
  assert.deepEqual(await findings(page), []);
  await item(page, "slow.jpg").getByRole("button", { name: "Cancel" }).click();
  await item(page, "slow.jpg").getByText("Cancelled").waitFor();
  await page.unroute("**/api/v1/images?*");
  await item(page, "slow.jpg").getByRole("button", { name: "Send again" }).click();
  await item(page, "slow.jpg").getByText("Ready:").waitFor();
});

test("pictures are found by camera, class, time and state, and page by page", async (t) => {
  const venue = await makeVenue(t);
  const at = (minute) => new Date(Date.now() - minute * 60_000).toISOString();
  const bicycle = JSON.stringify([{ class: "bicycle", confidence: 0.8, box: [0.1, 0.1, 0.2, 0.2] }]);
  await venue.sendPicture(picture, { camera: "quay", boxes: bicycle, captured_at: at(90) });
  for (let minute = 1; minute <= 25; minute++) {
    await venue.sendPicture(picture, { camera: "entrance", boxes: BOXES, captured_at: at(minute) });
  }
  await picturesReady(venue, 26);
  const page = await openAs(t, "viewer", venue, `/pictures?venue=${venue.slug}`);
  await until("a page is shown", async () => (await tiles(page).count()) === 24);
  await page.getByRole("button", { name: "Show older pictures" }).click();
  await page.getByText("There are no older ones").waitFor();
  assert.equal(await tiles(page).count(), 26);

  await page.getByLabel("Class").fill("bicycle");
  await page.keyboard.press("Enter");
  await until("one is left", async () => (await tiles(page).count()) === 1);
  assert.match(page.url(), /class=bicycle/);
  await tiles(page).getByText("quay").waitFor();
  await page.getByRole("button", { name: "Show everything" }).click();
  await page.getByLabel("Camera").fill("quay");
  await page.keyboard.press("Enter");
  await until("one is left", async () => (await tiles(page).count()) === 1);
  await page.getByRole("button", { name: "Show everything" }).click();

  // The clocks of the venue, not those of the browser.
  const local = new Date(Date.now() - 60 * 60_000).toLocaleString("sv-SE", { timeZone: "Europe/Berlin" });
  await page.getByLabel("Until").fill(local.slice(0, 16).replace(" ", "T"));
  await page.keyboard.press("Enter");
  await until("one is left", async () => (await tiles(page).count()) === 1);
  await page.getByRole("button", { name: "Show everything" }).click();
  await page.getByLabel("State").selectOption("failed");
  await page.getByText("No picture was found").waitFor();
});

test("originals are shown to operators only, where a venue keeps them, and each look is written down", async (t) => {
  const venue = await makeVenue(t, { name: "Originals venue" });
  const admins = await openPage(t, browser);
  await openSignedIn(admins, await makeUser(t, everywhere("admin")), "/venues");
  await admins.getByRole("button", { name: `Pictures of ${venue.name}` }).click();
  await dialog(admins).getByLabel("Originals kept for").fill("1d");
  await dialog(admins).getByLabel("With boxes, time and place").uncheck();
  await dialog(admins).getByRole("button", { name: "Save" }).click();
  await dialog(admins).waitFor({ state: "hidden" });
  const id = await venue.sendPicture(picture, { boxes: BOXES });
  const [{ variants }] = await picturesReady(venue, 1);
  assert.ok(!variants.some(({ variant }) => variant === "annotated"));

  const viewers = await openAs(t, "viewer", venue, `/pictures/${id}`);
  await shown(viewers).waitFor();
  assert.equal(await viewers.getByRole("button", { name: "Show the original" }).count(), 0);

  const page = await openAs(t, "operator", venue, `/pictures/${id}`);
  await page.getByRole("button", { name: "Show the original" }).click();
  await dialog(page).getByText("written into the audit log").waitFor();
  await dialog(page).getByRole("button", { name: "Show it" }).click();
  await dialog(page).getByRole("img").waitFor();
  await page.keyboard.press("Escape");
  await dialog(page).waitFor({ state: "detached" });
  const { entries } = await request("GET", `/api/v1/audit?venue=${venue.slug}`);
  assert.equal(entries.filter(({ action }) => action === "original.viewed").length, 1);
});

test("what is wrong with the settings of pictures is said at its field", async (t) => {
  const venue = await makeVenue(t, { name: "Settings venue" });
  const page = await openPage(t, browser, { expected: /422/ });
  await openSignedIn(page, await makeUser(t, everywhere("admin")), "/venues");
  await page.getByRole("button", { name: `Pictures of ${venue.name}` }).click();
  await dialog(page).getByLabel("Kept for", { exact: true }).fill("for ever");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await dialog(page).locator("[aria-invalid=true]").waitFor();
  assert.equal(await dialog(page).locator("[aria-invalid=true]").getAttribute("name"), "retention");
  await dialog(page).getByLabel("Kept for", { exact: true }).fill("12h");
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await dialog(page).waitFor({ state: "hidden" });
  await page.getByRole("button", { name: `Pictures of ${venue.name}` }).click();
  assert.equal(await dialog(page).getByLabel("Kept for", { exact: true }).inputValue(), "12h");
});

test("the journal tells the messages of a picture, finds them, and goes on by itself", async (t) => {
  const venue = await makeVenue(t);
  const first = await venue.sendPicture(picture, { boxes: BOXES });
  await picturesReady(venue, 1);
  const page = await openAs(t, "operator", venue, `/pictures/${first}`);
  const way = page.getByRole("region", { name: "Way through the platform" });
  await way.getByText(`images.transformed.${venue.slug}`).waitFor();
  await way.getByRole("link", { name: "Show them there" }).click();
  await page.getByRole("heading", { level: 1, name: "Journal" }).waitFor();
  const rows = page.getByRole("row").filter({ hasText: venue.slug });
  await until("the messages of the picture are listed", async () => (await rows.count()) >= 2);

  await page.getByRole("button", { name: "Clear the filters" }).click();
  await page.getByLabel("Venue", { exact: true }).last().selectOption(venue.slug);
  await page.getByLabel("Routing key").fill("images.*");
  await page.keyboard.press("Enter");
  await rows.first().waitFor();
  const before = await rows.count();
  const second = await venue.sendPicture(picture, { boxes: BOXES });
  await page.getByTitle(second).first().waitFor();
  assert.ok((await rows.count()) > before);
  await page.getByLabel("Routing key").fill("nothing.of.the.kind");
  await page.keyboard.press("Enter");
  await page.getByText("No message was found").waitFor();
});

test("a journal in which nothing is found is followed from its newest message on", async (t) => {
  const venue = await makeVenue(t);
  await venue.sendPicture(picture, { boxes: BOXES });
  await picturesReady(venue, 1);
  const page = await openAs(t, "operator", venue, `/journal?venue=${venue.slug}`);
  await page.getByRole("row").nth(1).waitFor();
  const question = page.waitForRequest(/journal\?.*key=nothing.*after=/);
  await page.getByLabel("Routing key").fill("nothing.of.the.kind");
  await page.keyboard.press("Enter");
  assert.ok(Number(new URL((await question).url()).searchParams.get("after")) > 0);
});

test("heartbeats are left out of the journal until they are wanted", async (t) => {
  const page = await openPage(t, browser);
  await openSignedIn(
    page,
    await makeUser(t, everywhere("operator")),
    "/journal?exchange=citytrack.detections",
  );
  const heartbeats = page.getByRole("checkbox", { name: /^Show heartbeats/ });
  await heartbeats.waitFor();
  const rows = page.getByRole("row").filter({ hasText: "citytrack.presence.v1" });
  assert.equal(await rows.count(), 0);
  await heartbeats.check();
  await rows.first().waitFor();
  assert.match(page.url(), /heartbeats=true/);
});

test("a viewer sees pictures, and neither the upload nor the journal", async (t) => {
  const venue = await makeVenue(t);
  const page = await openAs(t, "viewer", venue, `/pictures?venue=${venue.slug}`);
  await page.getByText("There is no picture yet").waitFor();
  assert.equal(await page.getByRole("link", { name: "Upload pictures" }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "Journal" }).count(), 0);
});

for (const colorScheme of ["light", "dark"]) {
  test(`axe finds nothing to say about the pages of pictures, and they fit a phone (${colorScheme})`, async (t) => {
    const venue = await makeVenue(t, { name: "Axe pictures" });
    const id = await venue.sendPicture(picture, { camera: "entrance", boxes: BOXES });
    await picturesReady(venue, 1);
    const user = await makeUser(t, everywhere("admin"));
    for (const options of [{}, { viewport: PHONE, isMobile: true, hasTouch: true }]) {
      const page = await openPage(t, browser, { colorScheme, ...options });
      await openSignedIn(page, user, `/pictures?venue=${venue.slug}`);
      const check = async (what) => {
        assert.deepEqual(await findings(page), [], what);
        assert.equal(await overflow(page), 0, what);
      };
      await tiles(page).locator("img").first().waitFor();
      await check("gallery");
      await page.goto(new URL(`/pictures/${id}`, page.url()).href);
      await shown(page).waitFor();
      await page.getByText("Show the boxes as a table").click();
      await check("picture");
      await page.goto(new URL(uploadPath(venue), page.url()).href);
      await page.getByText("Boxes", { exact: true }).click();
      await page
        .getByLabel("Choose pictures")
        .setInputFiles({ name: "one.jpg", mimeType: "image/jpeg", buffer: picture });
      await item(page, "one.jpg").getByText("Ready:").waitFor();
      await check("upload");
      await page.goto(new URL("/journal", page.url()).href);
      await page.getByRole("row").nth(1).waitFor();
      await check("journal");
      await page.goto(new URL("/venues", page.url()).href);
      await page
        .getByRole("button", { name: `Pictures of ${venue.name}` })
        .first()
        .click();
      await check("settings");
    }
  });
}

test("a picture is opened with the keyboard, and reading goes on at its page", async (t) => {
  const venue = await makeVenue(t);
  await venue.sendPicture(picture, { camera: "entrance", boxes: BOXES });
  await picturesReady(venue, 1);
  const page = await openAs(t, "operator", venue, `/pictures?venue=${venue.slug}`);
  await tiles(page).locator("img").first().waitFor();
  await tiles(page).getByRole("link").focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: /^entrance, / }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), "content");
});
