import { type CameraRow, titleCamera } from "../../api/cameras";
import type { Venue } from "../../api/venues";
import { Dialog } from "../../parts/Dialog";
import { Form, TextField, textOf } from "../../parts/Form";
import { toast } from "../../parts/Toast";

interface Props {
  venue: Venue;
  camera: CameraRow;
  onDone: () => void;
  onClose: () => void;
}

export function TitleCamera({ venue, camera, onDone, onClose }: Props) {
  const key = `${camera.node_slug}/${camera.name}`;
  const act = async (data: FormData) => {
    const title = textOf(data, "title") || null;
    await titleCamera(venue.slug, camera.id, title);
    toast(title ? `The camera is called “${title}”.` : `The camera is called ${camera.name} again.`);
    onDone();
  };
  return (
    <Dialog title={`The title of ${key}`} onClose={onClose}>
      <Form action={act} submit="Save" busyText="Saving …" onCancel={onClose}>
        <TextField
          name="title"
          label="Title"
          value={camera.title ?? ""}
          help={`What people call it. Leave it empty to call it ${camera.name}, as the node does.`}
          autocomplete="off"
          maxLength={200}
          autoFocus
        />
      </Form>
    </Dialog>
  );
}
