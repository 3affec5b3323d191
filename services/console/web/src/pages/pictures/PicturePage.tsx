import { useState } from "preact/hooks";
import { getImage, type ImageDetails, VARIANTS, type Variant } from "../../api/images";
import { dateTime, zoneName } from "../../format";
import { PageHead } from "../../parts/PageHead";
import { Card } from "../../parts/Card";
import { Empty, Loaded } from "../../parts/States";
import { Picture } from "../../pictures/Picture";
import { describePicture, tellFailure } from "../../pictures/tell";
import type { PageProps } from "../../routes";
import { may } from "../../session/rights";
import { useSession } from "../../session/session";
import { useVenues } from "../../session/venues";
import { useResource } from "../../useResource";
import { Facts } from "./Facts";
import { Original } from "./Original";
import { Timeline } from "./Timeline";
import "./picture.css";

/** So often it is asked whether a picture is ready that is not yet. */
const WAIT_MS = 1_000;

/** One picture: what it shows, what is known about it, and its way through the platform. */
export default function PicturePage({ params }: PageProps) {
  const id = params["image"] ?? "";
  const [isWaiting, setWaiting] = useState(false);
  const load = async (signal: AbortSignal) => {
    const found = await getImage(id, signal);
    setWaiting(found.state === "received");
    return found;
  };
  const image = useResource(load, [id], isWaiting ? { everyMs: WAIT_MS } : {});
  if (image.error?.status === 404 && !image.data) return <Unknown />;
  return (
    <div class="page">
      <Loaded resource={image} what="The picture" lines={12}>
        {(found) => <Found image={found} />}
      </Loaded>
    </div>
  );
}

function Unknown() {
  return (
    <div class="page">
      <PageHead title="Picture" />
      <section class="card">
        <Empty title="There is no such picture" icon="camera">
          <p>It may be of a venue that your roles do not include.</p>
          <a class="button quiet" href="/pictures">
            Pictures
          </a>
        </Empty>
      </section>
    </div>
  );
}

function Found({ image }: { image: ImageDetails }) {
  const { roles } = useSession();
  const { venues } = useVenues();
  const venue = venues?.find(({ slug }) => slug === image.venue);
  const zone = venue?.time_zone;
  const isKept = image.variants.some(({ variant }) => variant === "original");
  return (
    <>
      <PageHead
        title={`${image.camera ?? "Picture"}, ${dateTime(image.captured_at, zone)}`}
        intro={
          <>
            A picture of{" "}
            <a href={`/pictures?venue=${encodeURIComponent(image.venue)}`}>{venue?.name ?? image.venue}</a>.
            {zone && ` Times are those of ${zoneName(image.captured_at, zone)}.`}
          </>
        }
        actions={isKept && may(roles, "operator", image.venue) && <Original image={image} />}
      />
      <div class="picture-page">
        <Stage image={image} zone={zone} />
        <Timeline image={image} zone={zone} />
        <Facts image={image} zone={zone} />
      </div>
    </>
  );
}

const VARIANT_NAMES: Record<Variant, string> = {
  anonymised: "Anonymised",
  annotated: "With boxes and stamp",
  thumbnail: "Thumbnail",
};

function Stage({ image, zone }: Parameters<typeof Timeline>[0]) {
  const stored = VARIANTS.filter((one) => image.variants.some(({ variant }) => variant === one));
  const [chosen, setChosen] = useState<Variant>();
  const [hasBoxes, setBoxes] = useState(true);
  const variant = chosen ?? stored[0];
  if (image.state !== "ready" || !variant) return <NotShown image={image} />;
  // Boxes are part of the annotated picture already.
  const mayHaveBoxes = variant !== "annotated" && (image.boxes?.length ?? 0) > 0;
  const ratio = (image.width ?? 4) / (image.height ?? 3);
  return (
    <Card class="stage-card">
      <div class="picture" style={{ aspectRatio: String(ratio), maxWidth: `calc(72vh * ${ratio})` }}>
        <Picture
          image={image}
          variant={variant}
          alt={describePicture(image, zone)}
          hasBoxes={mayHaveBoxes && hasBoxes}
          hasLabels
        />
      </div>
      <div class="stage-choices">
        <label class="inline-field">
          <span>Form</span>
          <select value={variant} onChange={(event) => setChosen(event.currentTarget.value as Variant)}>
            {stored.map((one) => (
              <option key={one} value={one}>
                {VARIANT_NAMES[one]}
              </option>
            ))}
          </select>
        </label>
        {mayHaveBoxes && (
          <label class="check">
            <input type="checkbox" checked={hasBoxes} onChange={() => setBoxes(!hasBoxes)} />
            Draw boxes
          </label>
        )}
      </div>
    </Card>
  );
}

function NotShown({ image }: { image: ImageDetails }) {
  const [title, text] = {
    received: ["The picture is on its way", "It is shown here as soon as it is ready."],
    ready: ["No form of this picture is kept", "The venue's settings say which ones are made."],
    failed: [
      "The picture could not be transformed",
      `${tellFailure(image)} What was uploaded is put aside for whoever runs the platform, for a day at most.`,
    ],
    expired: ["The picture was deleted", "Its time was over. What is known about it stays for a year."],
  }[image.state] as [string, string];
  return (
    <Card class="stage-card">
      <Empty title={title} icon={image.state === "failed" ? "warn" : "camera"}>
        <p>{text}</p>
      </Empty>
    </Card>
  );
}
