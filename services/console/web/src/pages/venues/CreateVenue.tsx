import { createVenue } from "../../api/venues";
import { Dialog } from "../../parts/Dialog";
import { Form, textOf } from "../../parts/Form";
import { NameAndSlug } from "../../parts/NameAndSlug";
import { toast } from "../../parts/Toast";
import { ZoneField } from "../../parts/ZoneField";

export function CreateVenue({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
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
        <NameAndSlug
          nameHelp="What people call it."
          slugHelp="Part of addresses: small letters, digits and hyphens. It can never be changed."
        />
        <ZoneField name="time_zone" value={Intl.DateTimeFormat().resolvedOptions().timeZone} />
      </Form>
    </Dialog>
  );
}
