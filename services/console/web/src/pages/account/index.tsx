import { useState } from "preact/hooks";
import { changePassword } from "../../api/session";
import { Card } from "../../parts/Card";
import { Form, TextField } from "../../parts/Form";
import { NewPassword } from "../../parts/NewPassword";
import { PageHead } from "../../parts/PageHead";
import { RoleBadges } from "../../parts/Roles";
import { TimeText } from "../../parts/TimeText";
import { toast } from "../../parts/Toast";
import { loadSession, useSession } from "../../session/session";
import { useVenues } from "../../session/venues";

/** The account of whoever is signed in. */
export default function Account() {
  const { user, roles, expires_at } = useSession();
  const { venues } = useVenues();
  return (
    <div class="page narrow">
      <PageHead title="Your account" intro="Who you are here, and your password." />
      <Card title="About you">
        <dl class="facts">
          <dt>Name</dt>
          <dd>{user.display_name}</dd>
          <dt>User name</dt>
          <dd>
            <code>{user.name}</code>
          </dd>
          <dt>Roles</dt>
          <dd>
            <RoleBadges roles={roles} venues={venues} />
          </dd>
          <dt>Signed in until</dt>
          <dd>
            <TimeText at={expires_at} zoned /> <span class="muted">if you do nothing</span>
          </dd>
        </dl>
      </Card>
      <PasswordCard userName={user.name} />
    </div>
  );
}

function PasswordCard({ userName }: { userName: string }) {
  // A new form after every change: nothing of the passwords remains.
  const [turn, setTurn] = useState(0);
  const act = async (data: FormData) => {
    await changePassword(String(data.get("current") ?? ""), String(data.get("new") ?? ""));
    setTurn(turn + 1);
    toast("Your password is changed. Your other sessions have ended.");
    await loadSession();
  };
  return (
    <Card title="Change your password" intro="All your other sessions end with it.">
      <Form key={turn} action={act} submit="Change password">
        {/* Tells password managers whose password it is. */}
        <input
          class="visually-hidden"
          tabIndex={-1}
          aria-hidden="true"
          autocomplete="username"
          value={userName}
          readOnly
        />
        <TextField
          name="current"
          label="Current password"
          type="password"
          autocomplete="current-password"
          required
        />
        <NewPassword name="new" label="New password" />
      </Form>
    </Card>
  );
}
