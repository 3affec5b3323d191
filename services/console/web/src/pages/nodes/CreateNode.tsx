import { useState } from "preact/hooks";
import { createNode } from "../../api/nodes";
import type { Venue } from "../../api/venues";
import { Dialog } from "../../parts/Dialog";
import { Form, SelectField, TextField, textOf } from "../../parts/Form";
import { toast } from "../../parts/Toast";
import { go } from "../../router";
import { slugOf } from "../../slug";

interface Props {
  /** Those in which the user may create nodes. */
  venues: Venue[];
  /** Slug of the one that is chosen at first. */
  venue: string | undefined;
  onClose: () => void;
}

/** Makes a node, and goes to its page, where it gets its key. */
export function CreateNode({ venues, venue, onClose }: Props) {
  const [name, setName] = useState("");
  // The slug follows the name until somebody writes one.
  const [slug, setSlug] = useState<string>();
  const act = async (data: FormData) => {
    const node = { name: textOf(data, "name"), slug: textOf(data, "slug") };
    const made = await createNode(textOf(data, "venue"), node);
    toast(`The node “${node.name}” is there. Now make its key.`);
    onClose();
    go(`/nodes/${made.id}`);
  };
  return (
    <Dialog title="Create a node" onClose={onClose}>
      <Form action={act} submit="Create node" busyText="Creating …" onCancel={onClose}>
        <SelectField
          name="venue"
          label="Venue"
          options={venues.map(({ slug, name }) => [slug, name])}
          value={venue ?? venues[0]?.slug}
        />
        <TextField
          name="name"
          label="Name"
          value={name}
          onInput={setName}
          help="What people call the device, such as “North entrance”."
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
          help="Small letters, digits and hyphens; the cameras are called by it. It can never be changed."
          autocomplete="off"
          maxLength={40}
          required
          code
        />
      </Form>
    </Dialog>
  );
}
