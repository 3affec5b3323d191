import { useState } from "preact/hooks";
import { type ApiToken, createApiToken } from "../../api/apiTokens";
import type { Grant } from "../../api/session";
import { Dialog, DialogDone } from "../../parts/Dialog";
import { Form, SelectField, TextField, textOf } from "../../parts/Form";
import { RolesEditor } from "../../parts/Roles";
import { ShownOnce } from "../../parts/ShownOnce";
import { TimeText } from "../../parts/TimeText";
import { may, mayEverywhere } from "../../session/rights";
import { useSession } from "../../session/session";
import { useVenues } from "../../session/venues";

const LIFETIMES: [string, string][] = [
  ["1d", "1 day"],
  ["7d", "7 days"],
  ["30d", "30 days"],
  ["90d", "90 days"],
  ["365d", "1 year"],
];

/** Asks what the token may do, makes it, and shows it this one time. */
export function CreateApiToken({ onCreated, onClose }: { onCreated: () => void; onClose: () => void }) {
  const [made, setMade] = useState<ApiToken & { token: string }>();
  if (made) {
    return (
      <Dialog title={`The token “${made.name}”`} onClose={onClose}>
        <ShownOnce name="API token" label="Copy token" text={made.token} />
        {made.expires_at && (
          <p class="help">
            It works until <TimeText at={made.expires_at} zoned />.
          </p>
        )}
        <DialogDone onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog title="Create an API token" onClose={onClose}>
      <TokenForm
        onMade={(token) => {
          setMade(token);
          onCreated();
        }}
        onClose={onClose}
      />
    </Dialog>
  );
}

interface FormProps {
  onMade: (token: ApiToken & { token: string }) => void;
  onClose: () => void;
}

function TokenForm({ onMade, onClose }: FormProps) {
  const session = useSession();
  const { venues = [] } = useVenues();
  const everywhere = mayEverywhere(session.roles, "admin");
  const mine = venues.filter(({ slug }) => may(session.roles, "admin", slug));
  const [roles, setRoles] = useState<Grant[]>([
    { venue: everywhere ? null : (mine[0]?.slug ?? null), role: "viewer" },
  ]);
  const act = async (data: FormData) => {
    onMade(await createApiToken({ name: textOf(data, "name"), ttl: textOf(data, "ttl"), roles }));
  };
  return (
    <Form action={act} submit="Create token" busyText="Creating …" onCancel={onClose}>
      <TextField
        name="name"
        label="Name"
        help="What it is for, such as “weekly report”."
        autocomplete="off"
        required
        maxLength={200}
        autoFocus
      />
      <RolesEditor roles={roles} onChange={setRoles} venues={mine} everywhere={everywhere} />
      <div class="short-field">
        <SelectField name="ttl" label="Ends after" options={LIFETIMES} value="90d" />
      </div>
    </Form>
  );
}
