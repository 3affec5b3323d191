import { changeVenue, type Venue } from "../../api/venues";
import { Dialog } from "../../parts/Dialog";
import { Form, TextField, textOf } from "../../parts/Form";
import { toast } from "../../parts/Toast";
import { ZoneField } from "../../parts/ZoneField";

interface Props {
  venue: Venue;
  onDone: () => void;
  onClose: () => void;
}

export function EditVenue({ venue, onDone, onClose }: Props) {
  const act = async (data: FormData) => {
    const name = textOf(data, "name");
    await changeVenue(venue.slug, { name, time_zone: textOf(data, "time_zone") });
    toast(`The venue “${name}” is changed.`);
    onDone();
  };
  return (
    <Dialog title={`Edit ${venue.name}`} onClose={onClose}>
      <Form action={act} submit="Save" busyText="Saving …" onCancel={onClose}>
        <TextField
          name="name"
          label="Name"
          value={venue.name}
          autocomplete="off"
          maxLength={200}
          required
          autoFocus
        />
        <ZoneField name="time_zone" value={venue.time_zone} />
      </Form>
    </Dialog>
  );
}
