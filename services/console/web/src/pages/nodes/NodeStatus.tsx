import type { NodeState } from "../../api/nodes";

const LABELS: Record<NodeState["status"], [label: string, kind: string]> = {
  online: ["Online", "good"],
  silent: ["Silent", "bad"],
  never: ["Never heard of", ""],
};

export function NodeStatus({ status }: { status: NodeState["status"] }) {
  const [label, kind] = LABELS[status];
  return <span class={`badge ${kind}`}>{label}</span>;
}
