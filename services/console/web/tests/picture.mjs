// A picture to send: somebody in red on green grass, drawn by the browser as a JPEG.

const [WIDTH, HEIGHT] = [640, 480];
/** Where somebody stands in it, as parts of the picture. */
export const SOMEBODY = [0.25, 0.25, 0.25, 0.5];
export const BOXES = JSON.stringify([{ class: "person", confidence: 0.9, box: SOMEBODY }]);

export async function drawPicture(browser) {
  const page = await browser.newPage();
  const data = await page.evaluate(draw, [WIDTH, HEIGHT, SOMEBODY]);
  await page.close();
  return Buffer.from(data.split(",")[1], "base64");
}

/** Runs in the page. */
function draw([width, height, [left, top, wide, high]]) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  context.fillStyle = "#2a7a2a";
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#c02020";
  context.fillRect(left * width, top * height, wide * width, high * height);
  return canvas.toDataURL("image/jpeg", 0.9);
}

/** The colour in the middle of a picture that the page shows, and at its upper left: `[red, green, blue]` each. */
export const coloursOf = (image) =>
  image.evaluate(
    (element, [x, y]) => {
      const canvas = document.createElement("canvas");
      canvas.width = element.naturalWidth;
      canvas.height = element.naturalHeight;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(element, 0, 0);
      const at = (x, y) =>
        [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3);
      return { somebody: at(x, y), ground: at(0.05, 0.05) };
    },
    [SOMEBODY[0] + SOMEBODY[2] / 2, SOMEBODY[1] + SOMEBODY[3] / 2],
  );
