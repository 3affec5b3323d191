import { createNode } from "../../api/nodes";
import type { Venue } from "../../api/venues";
import { Dialog } from "../../parts/Dialog";
import { Form, SelectField, textOf } from "../../parts/Form";
import { NameAndSlug } from "../../parts/NameAndSlug";
import { toast } from "../../parts/Toast";
import { go } from "../../router";

interface Props {
  /** Those in which the user may create nodes. */
  venues: Venue[];
  /** Slug of the one that is chosen at first. */
  venue: string | undefined;
  onClose: () => void;
}

/** Makes a node, and goes to its page, where it gets its key. */
export function CreateNode({ venues, venue, onClose }: Props) {
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
        <NameAndSlug
          nameHelp="What people call the device, such as “North entrance”."
          slugHelp="Small letters, digits and hyphens; the cameras are called by it. It can never be changed."
        />
      </Form>
    </Dialog>
  );
}
