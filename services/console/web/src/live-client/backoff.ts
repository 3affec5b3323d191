import type { WaitReason } from "./status";

const FIRST_MS = 500;
const GROWTH = 1.5;
const LONGEST_MS = 30_000;
const RESTART_MS = 1_000;
const FLOOD_MS = 5_000;

/**
 * Time to wait after `failures` failed attempts (from 0), in milliseconds: anything up to a bound that grows by half each time
 * ("full jitter"), so that clients that were cut off together do not come back together. It grows slowly, since most often a
 * server is back after some seconds: if the bound doubled, the unlucky ones would wait for much longer than that.
 */
export function retryDelay(failures: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST_MS, FIRST_MS * GROWTH ** failures);
}

/** Time to wait before the next connection after `failures` failures (from 0), the last of them because of `reason`. */
export function reconnectDelay(
  reason: WaitReason,
  failures: number,
  random: () => number = Math.random,
): number {
  // Others are there already, so this is not for the server but for them.
  if (reason === "restart" && failures === 0) return random() * RESTART_MS;
  return (reason === "flood" ? FLOOD_MS : 0) + retryDelay(failures, random);
}
