/** Calls what the page gave us. If it throws, that is reported as if nobody had caught it, and the feed goes on. */
export function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    // Node.js does not have the one.
    (globalThis.reportError ?? console.error)(error);
  }
}
