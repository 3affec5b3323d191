import { useEffect, useState } from "preact/hooks";

const MOVED = "citytrack:moved";

/** Goes to another page of this application without loading it anew. */
export function go(address: string, { replace = false } = {}): void {
  history[replace ? "replaceState" : "pushState"](null, "", address);
  dispatchEvent(new Event(MOVED));
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
  if (!link || modified || event.defaultPrevented || link.origin !== location.origin || link.target) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  go(link.href);
  scrollTo(0, 0);
  // Where a page load would begin: whoever uses a keyboard or a screen reader starts at the new content.
  document.getElementById("content")?.focus({ preventScroll: true });
}
