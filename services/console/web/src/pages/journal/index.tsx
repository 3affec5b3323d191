import { Fragment } from "preact";
import { useState } from "preact/hooks";
import type { JournalEntry } from "../../api/journal";
import { bytes, zoneName } from "../../format";
import { Card } from "../../parts/Card";
import { Notice } from "../../parts/Notice";
import { PageHead } from "../../parts/PageHead";
import { Empty, Loaded } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { setQuery } from "../../router";
import { TimeText } from "../../parts/TimeText";
import type { PageProps } from "../../routes";
import { may, mayEverywhere } from "../../session/rights";
import { useSession } from "../../session/session";
import { useVenues } from "../../session/venues";
import { Filters } from "./Filters";
import { asked, type Asked, mayHaveHeartbeats } from "./query";
import { useJournal } from "./useJournal";
import "./journal.css";

/** Which messages went through the broker. What is looked for is in the address. */
export default function Journal({ address }: PageProps) {
  const { roles } = useSession();
  const { venues } = useVenues();
  const venue = address.searchParams.get("venue") ?? "";
  const zone = venues?.find(({ slug }) => slug === venue)?.time_zone;
  const mine = venues?.filter(({ slug }) => may(roles, "operator", slug)) ?? [];
  const wanted = asked(address.searchParams, zone);
  return (
    <div class="page">
      <PageHead
        title="Journal"
        intro={`Every message that went through the broker: when, where to and how large, never what it said. Times are told in ${zoneName(Date.now(), zone)}.`}
      />
      <Filters params={address.searchParams} venues={mine} />
      {/* Until the venue's zone is known, it is not known which time is meant. */}
      {(venues || !venue) && (
        <Entries
          key={JSON.stringify(wanted)}
          wanted={wanted}
          zone={zone}
          offersHeartbeats={mayEverywhere(roles, "operator") && mayHaveHeartbeats(wanted)}
        />
      )}
    </div>
  );
}

interface Props {
  wanted: Asked;
  zone: string | undefined;
  offersHeartbeats: boolean;
}

function Entries({ wanted, zone, offersHeartbeats }: Props) {
  // What lies in the past has no end that grows.
  const mayFollow = wanted.to === undefined;
  const [isFollowing, setFollowing] = useState(mayFollow);
  const { first, entries, more, tailError } = useJournal(wanted, isFollowing);
  return (
    <Card class="journal">
      <Loaded resource={first} what="The journal" lines={10}>
        {({ enabled }) => (
          <>
            {!enabled && <SwitchedOff />}
            <div class="journal-head">
              {enabled && mayFollow && (
                <label class="check">
                  <input type="checkbox" checked={isFollowing} onChange={() => setFollowing(!isFollowing)} />
                  Show new messages as they come
                </label>
              )}
              {offersHeartbeats && (enabled || entries.length > 0) && (
                <Heartbeats areShown={!wanted.except} />
              )}
            </div>
            {tailError && (
              <p class="help bad" role="alert">
                {tailError.message}
              </p>
            )}
            <Table
              caption="Messages, the newest first"
              columns={columnsIn(zone)}
              rows={entries}
              rowKey={({ id }) => id}
              empty={enabled && <None />}
            />
            {more?.error && (
              <p class="help bad" role="alert">
                {more.error.message}
              </p>
            )}
            {more && (
              <button type="button" class="quiet" onClick={more.run} aria-disabled={more.busy}>
                Show older messages
              </button>
            )}
          </>
        )}
      </Loaded>
    </Card>
  );
}

function Heartbeats({ areShown }: { areShown: boolean }) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={areShown}
        onChange={() => setQuery({ heartbeats: areShown ? null : "true" })}
      />
      <span>
        Show heartbeats, too: <code>live.presence</code>, from each <code>realtime-ws</code> every 5 seconds
      </span>
    </label>
  );
}

function SwitchedOff() {
  return (
    <Notice kind="info" title="The journal is switched off">
      <p>
        It costs one row for each message. Whoever runs CityTrack switches it on by starting a worker with the
        role <code>journal</code>; the manual says how.
      </p>
    </Notice>
  );
}

const None = () => (
  <Empty title="No message was found" icon="log">
    <p>Nothing in the journal fits what is asked for above.</p>
  </Empty>
);

const columnsIn = (zone: string | undefined): Column<JournalEntry>[] => [
  { key: "at", header: "Time", isName: true, cell: ({ at }) => <TimeText at={at} zone={zone} exact /> },
  {
    key: "key",
    header: "Routing key",
    cell: ({ routing_key, exchange }) => (
      <>
        <Code text={routing_key} />
        <span class="help">{exchange}</span>
      </>
    ),
  },
  { key: "type", header: "Type", cell: ({ type }) => <Code text={type} /> },
  { key: "size", header: "Size", align: "end", cell: ({ size }) => <span class="whole">{bytes(size)}</span> },
  {
    key: "image",
    header: "Picture",
    cell: ({ image_id }) =>
      image_id ? (
        <a href={`/pictures/${image_id}`} class="mono whole" title={image_id}>
          {lastOf(image_id)}
        </a>
      ) : (
        <Code text={null} />
      ),
  },
  {
    key: "trace",
    header: "Trace",
    cell: ({ trace_id }) =>
      trace_id ? (
        <span class="mono whole" title={trace_id}>
          {lastOf(trace_id)}
        </span>
      ) : (
        <Code text={null} />
      ),
  },
];

/** A name with dots in it, which may go on in the next line after each. */
function Code({ text }: { text: string | null }) {
  if (!text) return <span class="muted">–</span>;
  return (
    <span class="mono">
      {text.split(".").map((part, at) => (
        <Fragment key={at}>
          {at > 0 && (
            <>
              .<wbr />
            </>
          )}
          {part}
        </Fragment>
      ))}
    </span>
  );
}

/** The beginning of an id is a time, the end tells it from others. */
const lastOf = (id: string): string => `…${id.slice(-8)}`;
