import { useState } from "preact/hooks";
import type { Grant } from "../../api/session";
import { createUser } from "../../api/users";
import { Dialog } from "../../parts/Dialog";
import { Form, TextField, textOf } from "../../parts/Form";
import { NewPassword } from "../../parts/NewPassword";
import { RolesEditor } from "../../parts/Roles";
import { toast } from "../../parts/Toast";
import { useVenues } from "../../session/venues";

export function CreateUser({ onDone, onClose }: { onDone: () => void; onClose: () => void }) {
  const { venues = [] } = useVenues();
  const [roles, setRoles] = useState<Grant[]>([{ venue: null, role: "viewer" }]);
  const act = async (data: FormData) => {
    const name = textOf(data, "name");
    const display_name = textOf(data, "display_name") || name;
    await createUser({ name, display_name, password: String(data.get("password") ?? ""), roles });
    toast(`${display_name} can sign in now.`);
    onDone();
  };
  return (
    <Dialog title="Create a user" onClose={onClose}>
      <Form action={act} submit="Create user" busyText="Creating …" onCancel={onClose}>
        <TextField
          name="name"
          label="User name"
          help="What is typed to sign in: small letters, digits, and . _ @ -"
          autocomplete="off"
          required
          maxLength={64}
          autoFocus
          code
        />
        <TextField
          name="display_name"
          label="Name"
          help="What others see, such as Anna Berg."
          autocomplete="off"
        />
        <NewPassword
          name="password"
          label="Password"
          help="At least 12 characters. Pass it on in a safe way; it can be changed under “Account”."
          forSomebodyElse
        />
        <RolesEditor roles={roles} onChange={setRoles} venues={venues} />
      </Form>
    </Dialog>
  );
}
