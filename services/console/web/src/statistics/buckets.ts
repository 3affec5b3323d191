/** How a range is divided. */

export const BUCKETS = ["1m", "5m", "15m", "30m", "1h", "1d", "1w", "1mo"] as const;
export type Bucket = (typeof BUCKETS)[number];

export const BUCKET_LABELS: Record<Bucket, string> = {
  "1m": "1 minute",
  "5m": "5 minutes",
  "15m": "15 minutes",
  "30m": "30 minutes",
  "1h": "1 hour",
  "1d": "1 day",
  "1w": "1 week",
  "1mo": "1 month",
};

/** The service answers with at most this many. */
export const MOST_BUCKETS = 10_000;
/** A day may have 25 hours. */
const LONGEST_DAY_MINUTES = 25 * 60;

const MINUTES: Record<Bucket, number> = {
  "1m": 1,
  "5m": 5,
  "15m": 15,
  "30m": 30,
  "1h": 60,
  "1d": 1_440,
  "1w": 10_080,
  "1mo": 40_320,
};

/** No more than so many buckets come of `days` days. */
export function bucketsIn(days: number, bucket: Bucket): number {
  const minutes = MINUTES[bucket];
  if (minutes >= 1_440) return Math.ceil((days * 1_440) / minutes) + 1;
  return Math.ceil(((days - 1) * 1_440 + LONGEST_DAY_MINUTES) / minutes);
}

/** Those that stay below the limit, and of which the range is not just a part of one. */
export function offeredBuckets(days: number): Bucket[] {
  return BUCKETS.filter(
    (bucket) =>
      bucketsIn(days, bucket) <= MOST_BUCKETS && (bucket === "1m" || MINUTES[bucket] <= days * 1_440),
  );
}

/** A bucket with which a chart of so many days shows a shape: some 50 to 200 values. */
export function usualBucket(days: number): Bucket {
  if (days <= 1) return "15m";
  if (days <= 2) return "30m";
  if (days <= 10) return "1h";
  if (days <= 190) return "1d";
  return days <= 800 ? "1w" : "1mo";
}

/** What was asked for if it is offered, else the usual one. */
export function bucketFor(days: number, wanted: Bucket | undefined): Bucket {
  return wanted && offeredBuckets(days).includes(wanted) ? wanted : usualBucket(days);
}
