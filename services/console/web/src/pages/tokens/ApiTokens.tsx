import { useState } from "preact/hooks";
import { type ApiToken, listApiTokens, revokeApiToken } from "../../api/apiTokens";
import { Card } from "../../parts/Card";
import { Confirm } from "../../parts/Confirm";
import { Icon } from "../../parts/Icon";
import { RoleBadges } from "../../parts/Roles";
import { Empty, Loaded } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { TimeText } from "../../parts/TimeText";
import { toast } from "../../parts/Toast";
import { useVenues } from "../../session/venues";
import { useNow } from "../../useNow";
import { useResource } from "../../useResource";
import { CreateApiToken } from "./CreateApiToken";

export function ApiTokens() {
  const tokens = useResource((signal) => listApiTokens(signal), []);
  const [isCreating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiToken>();
  const revoke = async (token: ApiToken) => {
    await revokeApiToken(token.id);
    toast(`The token “${token.name}” is revoked.`);
    tokens.reload();
  };
  return (
    <Card
      title="API tokens"
      intro="For programs: Authorization: Bearer ct_… Each has roles like a user, and an end."
      actions={
        <button type="button" onClick={() => setCreating(true)}>
          <Icon name="plus" />
          Create a token
        </button>
      }
    >
      <Loaded resource={tokens} what="The API tokens">
        {(list) => <TokenTable tokens={list} onRevoke={setRevoking} />}
      </Loaded>
      {isCreating && <CreateApiToken onCreated={tokens.reload} onClose={() => setCreating(false)} />}
      {revoking && (
        <Confirm
          title={`Revoke the token “${revoking.name}”?`}
          action="Revoke"
          onConfirm={() => revoke(revoking)}
          onClose={() => setRevoking(undefined)}
        >
          <p>
            Programs that use <code>{revoking.prefix}…</code> are refused from now on. This cannot be undone;
            make a new token instead.
          </p>
        </Confirm>
      )}
    </Card>
  );
}

function TokenTable({ tokens, onRevoke }: { tokens: ApiToken[]; onRevoke: (token: ApiToken) => void }) {
  const { venues } = useVenues();
  const now = useNow(30_000);
  const columns: Column<ApiToken>[] = [
    {
      key: "name",
      header: "Token",
      isName: true,
      sort: (token) => token.name,
      cell: (token) => (
        <>
          {token.name} <span class="help mono">{token.prefix}…</span>
        </>
      ),
    },
    { key: "roles", header: "Roles", cell: (token) => <RoleBadges roles={token.roles} venues={venues} /> },
    {
      key: "created",
      header: "Made",
      sort: (token) => -Date.parse(token.created_at),
      cell: (token) => (
        <>
          <TimeText at={token.created_at} relative /> by {token.created_by ?? "somebody"}
        </>
      ),
    },
    {
      key: "used",
      header: "Last used",
      sort: (token) => (token.last_used_at ? -Date.parse(token.last_used_at) : undefined),
      cell: (token) => <TimeText at={token.last_used_at} relative none="never" />,
    },
    { key: "state", header: "State", cell: (token) => <State token={token} now={now} /> },
    {
      key: "actions",
      header: "Actions",
      isActions: true,
      cell: (token) =>
        !isOver(token, now) && (
          <button type="button" class="quiet small danger" onClick={() => onRevoke(token)}>
            Revoke<span class="visually-hidden"> {token.name}</span>
          </button>
        ),
    },
  ];
  return (
    <Table
      caption="API tokens, their roles, and when they end"
      columns={columns}
      rows={tokens}
      rowKey={(token) => token.id}
      sortedBy="created"
      rowClass={(token) => (isOver(token, now) ? "off" : undefined)}
      empty={
        <Empty title="There is no API token yet" icon="key" level={3}>
          <p>Make one for each program, with no more than it needs: then each can be revoked by itself.</p>
        </Empty>
      }
    />
  );
}

const isOver = (token: ApiToken, now: number): boolean =>
  token.revoked_at !== null || (token.expires_at !== null && Date.parse(token.expires_at) <= now);

function State({ token, now }: { token: ApiToken; now: number }) {
  if (token.revoked_at) return <span class="badge">Revoked</span>;
  if (isOver(token, now)) return <span class="badge">Expired</span>;
  if (!token.expires_at) return <span class="badge good">Valid</span>;
  return (
    <span class="badge good">
      Ends <TimeText at={token.expires_at} relative />
    </span>
  );
}
