/** Where a key leads to; undefined: nowhere. */
export function stepOf(key: string, at: number | undefined, count: number): number | undefined {
  const page = Math.max(1, Math.round(count / 10));
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -page, PageDown: page };
  const last = count - 1;
  if (last < 0) return undefined;
  if (key === "Home") return 0;
  if (key === "End") return last;
  const step = steps[key];
  if (step === undefined) return undefined;
  if (at === undefined) return step > 0 ? 0 : last;
  return Math.min(last, Math.max(0, at + step));
}
