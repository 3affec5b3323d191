import { seconds } from "../../format";

/** How long after it was taken a frame comes in. Below zero the node's clock is ahead of ours. */
export function Delay({ value }: { value: number | null }) {
  if (value !== null && value < 0) return <span class="badge warn">clock {seconds(-value)} ahead</span>;
  return <>{seconds(value)}</>;
}
