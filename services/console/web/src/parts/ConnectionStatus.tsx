import type { Status } from "../live/client";

interface Props {
  status: Status;
  now: number;
  onRetry: () => void;
}

const TEXT: Record<Status["state"], string> = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting",
  expired: "Viewer link expired",
  refused: "Not allowed",
  closed: "Closed",
};

/** Says how the connection is. Changes are announced to screen readers; the passing seconds are not. */
export function ConnectionStatus({ status, now, onRetry }: Props) {
  return (
    <div class="connection">
      <p class={`status ${status.state}`}>
        <span class="dot" aria-hidden="true" />
        <span role="status">{TEXT[status.state]}</span>
        {status.state === "reconnecting" && (
          <span class="countdown" aria-hidden="true">
            in {Math.max(0, Math.ceil((status.retryAt - now) / 1000))} s
          </span>
        )}
      </p>
      {status.state === "reconnecting" && (
        <button type="button" class="quiet" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}
