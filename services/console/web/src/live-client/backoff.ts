const FIRST_MS = 500;
const GROWTH = 1.5;
const LONGEST_MS = 30_000;
const RESTART_MS = 1_000;

/**
 * Time to wait after `failures` failed attempts (from 0), in milliseconds: anything up to a bound that grows by half each time
 * ("full jitter"), so that clients that were cut off together do not come back together. It grows slowly, since most often a
 * server is back after some seconds: if the bound doubled, the unlucky ones would wait for much longer than that.
 */
export function reconnectDelay(failures: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST_MS, FIRST_MS * GROWTH ** failures);
}

/** Time to wait when the server said that it restarts: others are there already, so this is not for it but for them. */
export function restartDelay(random: () => number = Math.random): number {
  return random() * RESTART_MS;
}
