import { getSystem, type System } from "../../api/system";
import { plural } from "../../format";
import { Card } from "../../parts/Card";
import { Notice } from "../../parts/Notice";
import { PageHead } from "../../parts/PageHead";
import { Empty, Loaded } from "../../parts/States";
import { TimeText } from "../../parts/TimeText";
import { useResource } from "../../useResource";
import { AgeTable } from "./AgeTable";
import { QueueTable } from "./QueueTable";
import { ServiceTable } from "./ServiceTable";

/** The console asks the services every three seconds at most. */
const REFRESH_MS = 4_000;

/** How the services are. */
export default function SystemPage() {
  const system = useResource(getSystem, [], { everyMs: REFRESH_MS });
  return (
    <div class="page">
      <PageHead
        title="System"
        intro="How the services of CityTrack are right now. The page keeps itself up to date."
      />
      <Loaded resource={system} what="The state of the system" lines={10}>
        {(found) => (found.configured ? <Found system={found} /> : <NotConfigured />)}
      </Loaded>
    </div>
  );
}

function Found({ system }: { system: System }) {
  const { at, services, queues, event_age } = system;
  return (
    <>
      <Summary system={system} />
      <Card
        title="Services"
        intro={
          <>
            Asked at <TimeText at={at} zoned />
          </>
        }
      >
        <ServiceTable services={services} />
      </Card>
      <Card title="Queues" intro="Batches of detections that wait somewhere.">
        <QueueTable queues={queues} />
      </Card>
      <Card
        title="Age of batches"
        intro="Since they were received; all batches since the services were started."
      >
        <AgeTable ages={event_age} />
      </Card>
    </>
  );
}

function Summary({ system: { services } }: { system: System }) {
  const down = services.filter(({ ready }) => !ready).length;
  return down === 0 ? (
    <Notice kind="good" title={`${plural(services.length, "service")}: all are ready`} />
  ) : (
    <Notice kind="bad" title={`${down} of ${plural(services.length, "service")} not ready`}>
      <p>The table says why.</p>
    </Notice>
  );
}

function NotConfigured() {
  return (
    <section class="card">
      <Empty title="The console does not know whom to ask" icon="pulse">
        <p>
          Give its setting <code>CITYTRACK_SYSTEM__TARGETS</code> the admin listeners of all services, and
          start it again:
        </p>
        <p>
          <code>ingest-api=http://host:port,worker=http://host:port,…</code>
        </p>
      </Empty>
    </section>
  );
}
