import { useState } from "preact/hooks";
import type { Grant } from "../../api/session";
import { changeUser, type User, type UserChange } from "../../api/users";
import { Dialog } from "../../parts/Dialog";
import { Form, TextField, textOf } from "../../parts/Form";
import { RolesEditor } from "../../parts/Roles";
import { toast } from "../../parts/Toast";
import { may } from "../../session/rights";
import { loadSession, useSession } from "../../session/session";
import { refreshVenues, useVenues } from "../../session/venues";

interface Props {
  user: User;
  /** Whether more than the roles in some venues may be changed. */
  isManager: boolean;
  onDone: () => void;
  onClose: () => void;
}

export function EditUser({ user, isManager, onDone, onClose }: Props) {
  const session = useSession();
  const { venues = [] } = useVenues();
  const [roles, setRoles] = useState<Grant[]>(user.roles);
  const act = async (data: FormData) => {
    const change: UserChange = {};
    if (JSON.stringify(roles) !== JSON.stringify(user.roles)) change.roles = roles;
    const display_name = textOf(data, "display_name");
    if (isManager && display_name !== user.display_name) change.display_name = display_name;
    if (Object.keys(change).length > 0) await changeUser(user.id, change);
    if (user.id === session.user.id) await Promise.all([loadSession(), refreshVenues()]);
    toast(`${user.display_name} is changed.`);
    onDone();
  };
  return (
    <Dialog title={`Edit ${user.display_name}`} onClose={onClose}>
      <Form action={act} submit="Save" busyText="Saving …" onCancel={onClose}>
        {isManager && (
          <TextField
            name="display_name"
            label="Name"
            value={user.display_name}
            autocomplete="off"
            required
            autoFocus
          />
        )}
        <RolesEditor
          roles={roles}
          onChange={setRoles}
          venues={venues.filter(({ slug }) => may(session.roles, "admin", slug))}
          everywhere={isManager}
        />
      </Form>
    </Dialog>
  );
}
