import { useState } from "preact/hooks";
import { type ImageDetails, type ImagesPage, listImages } from "../../api/images";
import type { Venue } from "../../api/venues";
import { Card } from "../../parts/Card";
import { Empty, Loaded } from "../../parts/States";
import { TimeText } from "../../parts/TimeText";
import { Picture } from "../../pictures/Picture";
import { STATES, tellBoxes, tellFailure } from "../../pictures/tell";
import { useAction } from "../../useAction";
import { useResource } from "../../useResource";
import type { Asked } from "./query";

const AT_ONCE = 24;
/** The newest pictures appear by themselves, until older ones are looked at. */
const REFRESH_MS = 5_000;

interface Props {
  venue: Venue;
  wanted: Asked;
  hasBoxes: boolean;
}

export function Gallery({ venue, wanted, hasBoxes }: Props) {
  const [older, setOlder] = useState<ImagesPage>();
  const load = (signal: AbortSignal) => listImages(venue.slug, { ...wanted, limit: AT_ONCE }, signal);
  const first = useResource(load, [], older ? {} : { everyMs: REFRESH_MS });
  const next = (older ?? first.data)?.next;
  const more = useAction(async () => {
    if (!next) return;
    const page = await listImages(venue.slug, { ...wanted, before: next, limit: AT_ONCE });
    setOlder((old) => ({ images: [...(old?.images ?? []), ...page.images], next: page.next }));
  });
  return (
    <Card class="pictures">
      <Loaded resource={first} what="The pictures" lines={10}>
        {({ images }) =>
          images.length === 0 ? (
            <None isFiltered={Object.values(wanted).some(Boolean)} />
          ) : (
            <>
              <ol class="gallery" aria-label="Pictures">
                {unique([...images, ...(older?.images ?? [])]).map((image) => (
                  <Tile key={image.id} image={image} zone={venue.time_zone} hasBoxes={hasBoxes} />
                ))}
              </ol>
              {more.error && (
                <p class="help bad" role="alert">
                  {more.error.message}
                </p>
              )}
              {next ? (
                <button type="button" class="quiet" onClick={more.run} aria-disabled={more.busy}>
                  Show older pictures
                </button>
              ) : (
                <p class="help end">There are no older ones.</p>
              )}
            </>
          )
        }
      </Loaded>
    </Card>
  );
}

/** A picture that came between two questions may be in both answers. */
const unique = (images: ImageDetails[]): ImageDetails[] => [
  ...new Map(images.map((image) => [image.id, image])).values(),
];

function None({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) {
    return (
      <Empty title="No picture was found" icon="camera">
        <p>None of the pictures that are kept fits what is asked for above.</p>
      </Empty>
    );
  }
  return (
    <Empty title="There is no picture yet" icon="camera">
      <p>Nodes send them, and operators can upload some. They are deleted when their time is over.</p>
    </Empty>
  );
}

interface TileProps {
  image: ImageDetails;
  zone: string;
  hasBoxes: boolean;
}

function Tile({ image, zone, hasBoxes }: TileProps) {
  return (
    <li>
      <a class="tile" href={`/pictures/${image.id}`}>
        <Shown image={image} hasBoxes={hasBoxes} />
        <span class="tile-text">
          <strong>{image.camera ?? "No camera"}</strong>
          <TimeText at={image.captured_at} zone={zone} />
          {image.state !== "received" && (
            <span class="tile-more muted">
              {image.state === "failed" ? tellFailure(image) : tellBoxes(image.boxes)}
            </span>
          )}
        </span>
      </a>
    </li>
  );
}

/** The small form of a picture; of one that has none, how it is. */
function Shown({ image, hasBoxes }: Omit<TileProps, "zone">) {
  const stored = image.variants.map(({ variant }) => variant);
  const variant = (["thumbnail", "anonymised"] as const).find((one) => stored.includes(one));
  if (image.state === "ready" && variant) {
    return (
      <span class="picture">
        <Picture image={image} variant={variant} alt="" hasBoxes={hasBoxes} />
      </span>
    );
  }
  const [label, kind] = STATES[image.state];
  return (
    <span class="picture">
      <span class="picture-missing">
        <span class={`badge ${kind}`}>{label}</span>
      </span>
    </span>
  );
}
