import { useEffect, useState } from "preact/hooks";
import { type AuditEntry, listAudit } from "../../api/audit";
import { Card } from "../../parts/Card";
import { PageHead } from "../../parts/PageHead";
import { Empty, Loaded } from "../../parts/States";
import { zoneName } from "../../format";
import type { PageProps } from "../../routes";
import { useVenues } from "../../session/venues";
import { useAction } from "../../useAction";
import { useResource } from "../../useResource";
import { Entry } from "./Entry";
import { Filters } from "./Filters";
import { asked, type Asked } from "./query";
import "./audit.css";

/** Who changed what, and when. What is looked for is in the address. */
export default function Audit({ address }: PageProps) {
  const { venues } = useVenues();
  const venue = address.searchParams.get("venue") ?? "";
  const zone = venues?.find(({ slug }) => slug === venue)?.time_zone;
  const wanted = asked(address.searchParams, zone);
  return (
    <div class="page">
      <PageHead
        title="Audit log"
        intro={`Every change: who made it, when, and what was before and after. Times are told in ${zoneName(Date.now(), zone)}.`}
      />
      <Filters params={address.searchParams} venues={venues ?? []} />
      {/* Until the venue's zone is known, it is not known which day is meant. */}
      {(venues || !venue) && <Entries key={JSON.stringify(wanted)} wanted={wanted} zone={zone} />}
    </div>
  );
}

function Entries({ wanted, zone }: { wanted: Asked; zone: string | undefined }) {
  const first = useResource((signal) => listAudit(wanted, signal), []);
  const [older, setOlder] = useState<AuditEntry[]>([]);
  const [next, setNext] = useState<number | null>(null);
  useEffect(() => setNext(first.data?.next ?? null), [first.data]);
  const more = useAction(async () => {
    if (next === null) return;
    const page = await listAudit({ ...wanted, before: next });
    setOlder((old) => [...old, ...page.entries]);
    setNext(page.next);
  });
  return (
    <Card class="entries">
      <Loaded resource={first} what="The audit log" lines={10}>
        {({ entries }) =>
          entries.length === 0 ? (
            <Empty title="No change was found" icon="log">
              <p>Nothing in the log fits what is asked for above.</p>
            </Empty>
          ) : (
            <>
              <ol class="audit">
                {[...entries, ...older].map((entry) => (
                  <Entry key={entry.id} entry={entry} zone={zone} />
                ))}
              </ol>
              {more.error && (
                <p class="help bad" role="alert">
                  {more.error.message}
                </p>
              )}
              {next === null ? (
                <p class="help end">This is the beginning of what fits.</p>
              ) : (
                <button type="button" class="quiet" onClick={more.run} aria-disabled={more.busy}>
                  Show older changes
                </button>
              )}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}
