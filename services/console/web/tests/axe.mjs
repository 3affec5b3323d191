// What is wrong with a page: what axe finds, as short lines, and what does not fit.
import axe from "axe-core";

export async function findings(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.target).join(" ")}`,
  );
}

/** How much wider than the window the page is, in pixels: on a phone nothing should have to be pushed aside. */
export const overflow = (page) =>
  page.evaluate(async () => {
    // Charts take the width that the page gives them, when the page has been laid out.
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    const { scrollWidth, clientWidth } = document.documentElement;
    // Room that is kept for a scroll bar counts as part of the window.
    return Math.max(0, scrollWidth - clientWidth);
  });
