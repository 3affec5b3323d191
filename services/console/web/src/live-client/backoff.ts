const FIRST_MS = 500;
const LONGEST_MS = 30_000;
const RESTART_MS = 1_000;

/**
 * Time to wait after `failures` failed attempts (from 0), in milliseconds: anything up to a bound that doubles each time
 * ("full jitter"), so that clients that were cut off together do not come back together.
 */
export function reconnectDelay(failures: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
}

/** Time to wait when the server said that it restarts: others are there already, so this is not for it but for them. */
export function restartDelay(random: () => number = Math.random): number {
  return random() * RESTART_MS;
}
