import { useEffect, useRef, useState } from "preact/hooks";
import { listCameras } from "../../api/cameras";
import { type IssuedViewerToken, issueViewerToken } from "../../api/viewerTokens";
import type { Venue } from "../../api/venues";
import { Card } from "../../parts/Card";
import { Copyable } from "../../parts/CopyButton";
import { Form, SelectField, textOf, useViolations } from "../../parts/Form";
import { Notice } from "../../parts/Notice";
import { Empty, ErrorState, Skeleton } from "../../parts/States";
import { TimeText } from "../../parts/TimeText";
import { may } from "../../session/rights";
import { useSession } from "../../session/session";
import { refreshVenues, useVenues } from "../../session/venues";
import { useResource } from "../../useResource";

const LIFETIMES: [string, string][] = [
  ["1h", "1 hour"],
  ["8h", "8 hours"],
  ["1d", "1 day"],
  ["7d", "7 days"],
  ["30d", "30 days"],
];

/** Makes viewer links. They are not kept anywhere, so there is no list of them. */
export function ViewerLinks() {
  const { roles } = useSession();
  const { venues, error } = useVenues();
  const [issued, setIssued] = useState<IssuedViewerToken>();
  const mine = venues?.filter(({ slug }) => may(roles, "operator", slug));
  return (
    <Card
      title="Make a viewer link"
      intro="Whoever has the link can watch until it ends. A single link cannot be taken back: keep the time short."
    >
      {!mine && error && (
        <ErrorState title="The venues could not be loaded" error={error} onRetry={refreshVenues} level={3} />
      )}
      {!mine && !error && <Skeleton lines={4} />}
      {mine?.length === 0 && (
        <Empty title="There is no venue to watch yet" icon="venue" level={3}>
          <p>
            A venue is made under <a href="/venues">Venues and cameras</a>.
          </p>
        </Empty>
      )}
      {mine && mine.length > 0 && <LinkForm venues={mine} onIssued={setIssued} />}
      {issued && <Issued key={issued.token} issued={issued} venues={venues ?? []} />}
    </Card>
  );
}

function LinkForm({ venues, onIssued }: { venues: Venue[]; onIssued: (issued: IssuedViewerToken) => void }) {
  const [chosen, setChosen] = useState<string[]>(venues.length === 1 ? venues.map(({ slug }) => slug) : []);
  const [cameras, setCameras] = useState<Record<string, string[]>>({});
  const [isLimited, setLimited] = useState(false);
  const act = async (data: FormData) => {
    const limits = Object.entries(cameras).filter(
      ([venue, list]) => chosen.includes(venue) && list.length > 0,
    );
    onIssued(
      await issueViewerToken({
        venues: chosen,
        ttl: textOf(data, "ttl"),
        ...(isLimited && limits.length > 0 && { cameras: Object.fromEntries(limits) }),
      }),
    );
  };
  return (
    <Form action={act} submit="Make the link" busyText="Making it …">
      <Choices
        legend="Venues"
        pointer="/venues"
        options={venues.map(({ slug, name }) => [slug, name])}
        chosen={chosen}
        onChange={setChosen}
      />
      {chosen.length > 0 && (
        <label class="check">
          <input type="checkbox" checked={isLimited} onChange={() => setLimited(!isLimited)} />
          Only some of the cameras
        </label>
      )}
      {isLimited &&
        venues
          .filter(({ slug }) => chosen.includes(slug))
          .map((venue) => (
            <CameraChoices
              key={venue.slug}
              venue={venue}
              chosen={cameras[venue.slug] ?? []}
              onChange={(list) => setCameras({ ...cameras, [venue.slug]: list })}
            />
          ))}
      <div class="short-field">
        <SelectField name="ttl" label="Ends after" options={LIFETIMES} value="8h" />
      </div>
    </Form>
  );
}

interface CameraChoicesProps {
  venue: Venue;
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

function CameraChoices({ venue, chosen, onChange }: CameraChoicesProps) {
  const cameras = useResource((signal) => listCameras(venue.slug, { signal }), [venue.slug]);
  if (cameras.error && !cameras.data)
    return (
      <p class="help bad">
        The cameras of {venue.name} could not be loaded: {cameras.error.message}
      </p>
    );
  if (!cameras.data) return <Skeleton lines={1} />;
  if (cameras.data.length === 0)
    return <p class="help">{venue.name} has no camera yet: the link shows all that come.</p>;
  const options = cameras.data.map(({ node_slug, name, title }): [string, string] => {
    const key = `${node_slug}/${name}`;
    return [key, title ? `${title} (${key})` : key];
  });
  return (
    <Choices
      legend={`Cameras of ${venue.name}`}
      pointer={`/cameras/${venue.slug}`}
      help="None chosen: all of them."
      options={options}
      chosen={chosen}
      onChange={onChange}
    />
  );
}

interface ChoicesProps {
  legend: string;
  pointer: string;
  help?: string;
  options: [value: string, label: string][];
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

/** Any number of some options. */
function Choices({ legend, pointer, help, options, chosen, onChange }: ChoicesProps) {
  const wrong = useViolations(pointer);
  const toggle = (value: string) =>
    onChange(chosen.includes(value) ? chosen.filter((old) => old !== value) : [...chosen, value]);
  return (
    <fieldset>
      <legend class="legend">{legend}</legend>
      {help && <p class="help">{help}</p>}
      <div class="choices">
        {options.map(([value, label]) => (
          <label key={value} class="check">
            <input type="checkbox" checked={chosen.includes(value)} onChange={() => toggle(value)} />
            {label}
          </label>
        ))}
      </div>
      {wrong && (
        <p class="help bad" role="alert">
          {wrong}
        </p>
      )}
    </fieldset>
  );
}

function Issued({ issued, venues }: { issued: IssuedViewerToken; venues: Venue[] }) {
  const names = issued.venues.map((slug) => venues.find((venue) => venue.slug === slug)?.name ?? slug);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.focus(), []);
  return (
    <div class="issued" ref={place} tabIndex={-1}>
      <Notice kind="good" title="The link is ready">
        <p>
          It shows {new Intl.ListFormat("en-GB").format(names)} until{" "}
          <TimeText at={issued.expires_at} zoned />. It is shown here only.
        </p>
      </Notice>
      <Copyable name="Viewer link" label="Copy link" text={`${location.origin}/live#token=${issued.token}`} />
    </div>
  );
}
