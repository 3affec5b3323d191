import { useEffect, useState } from "preact/hooks";
import { isOurs } from "./routes";

const MOVED = "citytrack:moved";
/** The place where the new page begins for whoever uses a keyboard or a screen reader. */
const CONTENT = "content";

/** Goes to another page of this application without loading it anew. */
export function go(address: string, { replace = false } = {}): void {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  dispatchEvent(new Event(MOVED));
}

/** Changes the query of the address and nothing else: filters, ranges. Parameters without a value are left out. */
export function setQuery(change: Record<string, string | null | undefined>, { replace = true } = {}): void {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(change)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  if (address.href !== location.href) go(address.href, { replace });
}

/** The current address; the component is drawn again when it changes. */
export function useAddress(): URL {
  const [address, setAddress] = useState(location.href);
  useEffect(() => {
    const update = () => setAddress(location.href);
    const events = [MOVED, "popstate", "hashchange"];
    for (const name of events) addEventListener(name, update);
    return () => {
      for (const name of events) removeEventListener(name, update);
    };
  }, []);
  return new URL(address);
}

/** Lets plain links to our own pages work without a page load; everything else is left to the browser. */
export function followLinks(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
  if (!link || modified || event.defaultPrevented || link.origin !== location.origin) return;
  if (link.target || link.hasAttribute("download") || !isOurs(link.pathname)) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  const samePage = link.pathname === location.pathname;
  go(link.href);
  if (samePage) return;
  scrollTo(0, 0);
  // Where a page load would begin: whoever uses a keyboard or a screen reader starts at the new content.
  document.getElementById(CONTENT)?.focus({ preventScroll: true });
}
