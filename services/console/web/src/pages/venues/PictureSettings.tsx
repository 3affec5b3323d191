import { VARIANTS, type Variant } from "../../api/images";
import { changeVenue, type Venue } from "../../api/venues";
import { Dialog } from "../../parts/Dialog";
import { Form, TextField, textOf, useViolations } from "../../parts/Form";
import { toast } from "../../parts/Toast";

interface Props {
  venue: Venue;
  onDone: () => void;
  onClose: () => void;
}

const VARIANT_NAMES: Record<Variant, string> = {
  anonymised: "Anonymised, in full size",
  annotated: "With boxes, time and place",
  thumbnail: "Thumbnail",
};

/** Says what becomes of the pictures of a venue. */
export function PictureSettings({ venue, onDone, onClose }: Props) {
  const { retention, originals, classes } = venue.images;
  const act = async (data: FormData) => {
    const images = {
      retention: textOf(data, "retention"),
      originals: textOf(data, "originals"),
      variants: data.getAll("variants").map(String),
      classes: namesIn(textOf(data, "classes")),
    };
    await changeVenue(venue.slug, { images });
    toast(`The pictures of “${venue.name}” are kept as you say from now on.`);
    onDone();
  };
  return (
    <Dialog title={`Pictures of ${venue.name}`} onClose={onClose}>
      <Form action={act} submit="Save" busyText="Saving …" onCancel={onClose}>
        <TextField
          name="retention"
          pointer="/images/retention"
          label="Kept for"
          value={retention}
          help="Such as 30d or 12h. After that a picture is deleted for good."
          autocomplete="off"
          required
          autoFocus
        />
        <TextField
          name="originals"
          pointer="/images/originals"
          label="Originals kept for"
          value={originals}
          help="People can be recognised in them. 0d discards each as soon as it is transformed. Only operators see them, and each look is written into the audit log."
          autocomplete="off"
          required
        />
        <TextField
          name="classes"
          pointer="/images/classes"
          label="Made unrecognisable"
          value={classes.join(", ")}
          help="Classes between commas, such as person, face, licence_plate."
          autocomplete="off"
          required
        />
        <Variants chosen={venue.images.variants} />
      </Form>
    </Dialog>
  );
}

function Variants({ chosen }: { chosen: string[] }) {
  const wrong = useViolations("/images/variants");
  return (
    <fieldset>
      <legend class="legend">What is made of a picture</legend>
      {VARIANTS.map((variant) => (
        <label key={variant} class="check">
          <input type="checkbox" name="variants" value={variant} defaultChecked={chosen.includes(variant)} />
          {VARIANT_NAMES[variant]}
        </label>
      ))}
      {wrong && (
        <p class="help bad" role="alert">
          {wrong}
        </p>
      )}
    </fieldset>
  );
}

const namesIn = (text: string): string[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
