import type { Status, StopReason } from "../live-client";

interface Props {
  status: Status;
  now: number;
  onRetry: () => void;
}

const STOPPED: Record<StopReason, string> = {
  expired: "Viewer link expired",
  unauthorized: "Not allowed",
  protocol: "Out of date: reload",
  address: "Address not allowed",
  closed: "Closed",
};

function text(status: Status): string {
  switch (status.state) {
    case "connecting":
      return status.attempt === 0 ? "Connecting" : "Reconnecting";
    case "live":
      return "Live";
    case "waiting":
      return status.reason === "unavailable" ? "Live feed not available" : "Reconnecting";
    case "stopped":
      return STOPPED[status.reason];
  }
}

/** Says how the connection is. Changes are announced to screen readers; the passing seconds are not. */
export function ConnectionStatus({ status, now, onRetry }: Props) {
  return (
    <div class="connection">
      <p class={`status ${status.state}`}>
        <span class="dot" aria-hidden="true" />
        <span role="status">{text(status)}</span>
        {status.state === "waiting" && (
          <span class="countdown" aria-hidden="true">
            in {Math.max(0, Math.ceil((status.retryAt - now) / 1000))} s
          </span>
        )}
      </p>
      {status.state === "waiting" && (
        <button type="button" class="quiet" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}
