import { useState } from "preact/hooks";
import { createVenue } from "../../api/venues";
import { Dialog } from "../../parts/Dialog";
import { Form, TextField, textOf } from "../../parts/Form";
import { toast } from "../../parts/Toast";
import { ZoneField } from "../../parts/ZoneField";
import { slugOf } from "../../slug";

export function CreateVenue({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const [name, setName] = useState("");
  // The slug follows the name until somebody writes one.
  const [slug, setSlug] = useState<string>();
  const act = async (data: FormData) => {
    const venue = {
      name: textOf(data, "name"),
      slug: textOf(data, "slug"),
      time_zone: textOf(data, "time_zone"),
    };
    await createVenue(venue);
    toast(`The venue “${venue.name}” is there.`);
    onDone();
  };
  return (
    <Dialog title="Create a venue" onClose={onClose}>
      <Form action={act} submit="Create venue" busyText="Creating …" onCancel={onClose}>
        <TextField
          name="name"
          label="Name"
          value={name}
          onInput={setName}
          help="What people call it."
          autocomplete="off"
          maxLength={200}
          required
          autoFocus
        />
        <TextField
          name="slug"
          label="Short name"
          value={slug ?? slugOf(name)}
          onInput={setSlug}
          help="Part of addresses: small letters, digits and hyphens. It can never be changed."
          autocomplete="off"
          maxLength={40}
          required
          code
        />
        <ZoneField name="time_zone" value={Intl.DateTimeFormat().resolvedOptions().timeZone} />
      </Form>
    </Dialog>
  );
}
