import { useState } from "preact/hooks";
import type { ImageDetails } from "../../api/images";
import { type JournalEntry, listJournal } from "../../api/journal";
import { bytes, clock } from "../../format";
import { Card } from "../../parts/Card";
import { TimeText } from "../../parts/TimeText";
import { may } from "../../session/rights";
import { useSession } from "../../session/session";
import { useResource } from "../../useResource";
import { type Step, timeline } from "./timeline";

const REFRESH_MS = 2_000;
/** The journal is written a moment after the picture is; for so long it is asked again. */
const BEHIND_MS = 60_000;

interface Props {
  image: ImageDetails;
  zone: string | undefined;
}

/** A picture's way through the platform. Its messages are told to operators only. */
export function Timeline({ image, zone }: Props) {
  const { roles } = useSession();
  const mayRead = may(roles, "operator", image.venue);
  const [isBehind, setBehind] = useState(false);
  const load = async (signal: AbortSignal) => {
    if (!mayRead) return undefined;
    const page = await listJournal({ image: image.id }, signal);
    setBehind(page.enabled && isNew(image) && !page.entries.some(hasBeenTransformed));
    return page;
  };
  const journal = useResource(
    load,
    [image.id, image.state, mayRead],
    isBehind ? { everyMs: REFRESH_MS } : {},
  );
  const { enabled, entries = [] } = journal.data ?? {};
  return (
    <Card title="Way through the platform" class="way-card">
      <ol class="way">
        {timeline(image, entries).map((step) => (
          <Line key={step.name} step={step} zone={zone} />
        ))}
      </ol>
      <p class="help">
        The steps were written down with the picture
        {entries.length > 0 ? (
          <>
            , its messages in the journal. <a href={`/journal?image=${image.id}`}>Show them there</a>
          </>
        ) : enabled ? (
          "; the journal has no message about it."
        ) : enabled === false ? (
          ". The journal, which would tell its messages, is switched off."
        ) : (
          "."
        )}
      </p>
      {journal.error && <p class="help">Its messages are not known: {journal.error.message}</p>}
    </Card>
  );
}

const isNew = ({ received_at }: ImageDetails) => Date.now() - Date.parse(received_at) < BEHIND_MS;
const hasBeenTransformed = ({ routing_key }: JournalEntry) => routing_key.startsWith("images.transformed.");

function Line({ step, zone }: { step: Step; zone: string | undefined }) {
  return (
    <li class={`way-step ${step.state}`}>
      <p class="way-name">
        <strong>{step.name}</strong>
        {step.took && step.at && <span class="way-took">+{step.took}</span>}
      </p>
      <p class="muted">
        {step.state === "waiting" ? "Not yet" : step.at ? <TimeText at={step.at} zone={zone} exact /> : null}
        {step.text && step.at && " · "}
        {step.text}
      </p>
      {step.messages.map(({ id, at, routing_key, size }) => (
        <p key={id} class="way-message muted">
          <span class="mono">{routing_key}</span>
          <br />
          {bytes(size)}, noted at <time dateTime={at}>{clock(at, zone)}</time>
        </p>
      ))}
    </li>
  );
}
