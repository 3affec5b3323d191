import { useState } from "preact/hooks";
import { createNodeKey, listNodeKeys, type NodeKey, type NodeRow, revokeNodeKey } from "../../api/nodes";
import { Card } from "../../parts/Card";
import { Confirm } from "../../parts/Confirm";
import { Dialog } from "../../parts/Dialog";
import { Form, TextField, textOf } from "../../parts/Form";
import { Icon } from "../../parts/Icon";
import { Empty, Loaded } from "../../parts/States";
import { type Column, Table } from "../../parts/Table";
import { TimeText } from "../../parts/TimeText";
import { toast } from "../../parts/Toast";
import { useResource } from "../../useResource";
import { MadeKey } from "./MadeKey";

/** The keys by which the node is known. */
export function Keys({ node }: { node: NodeRow }) {
  const keys = useResource((signal) => listNodeKeys(node.id, signal), [node.id]);
  const [isCreating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<NodeKey>();
  const revoke = async (key: NodeKey) => {
    await revokeNodeKey(node.id, key.id);
    toast("The key is revoked. The node is refused within a second or two.");
    keys.reload();
  };
  return (
    <Card
      title="Keys"
      intro="A node shows its key with every batch. To replace one, make a new one first."
      actions={
        !node.retired_at && (
          <button type="button" onClick={() => setCreating(true)}>
            <Icon name="plus" />
            Make a key
          </button>
        )
      }
    >
      <Loaded resource={keys} what="The keys" lines={2}>
        {(list) => <KeyTable keys={list} onRevoke={setRevoking} />}
      </Loaded>
      {isCreating && <CreateKey node={node} onMade={keys.reload} onClose={() => setCreating(false)} />}
      {revoking && (
        <Confirm
          title={`Revoke the key ${revoking.prefix}…?`}
          action="Revoke"
          onConfirm={() => revoke(revoking)}
          onClose={() => setRevoking(undefined)}
        >
          <p>What still uses it is refused from now on. This cannot be undone; make a new key instead.</p>
        </Confirm>
      )}
    </Card>
  );
}

function KeyTable({ keys, onRevoke }: { keys: NodeKey[]; onRevoke: (key: NodeKey) => void }) {
  const columns: Column<NodeKey>[] = [
    {
      key: "key",
      header: "Key",
      isName: true,
      cell: (key) => (
        <>
          <span class="mono">{key.prefix}…</span> {key.label && <span class="help">{key.label}</span>}
        </>
      ),
    },
    {
      key: "made",
      header: "Made",
      sort: (key) => -Date.parse(key.created_at),
      cell: (key) => <TimeText at={key.created_at} relative />,
    },
    {
      key: "state",
      header: "State",
      cell: (key) =>
        key.revoked_at ? <span class="badge">Revoked</span> : <span class="badge good">Valid</span>,
    },
    {
      key: "actions",
      header: "Actions",
      isActions: true,
      cell: (key) =>
        !key.revoked_at && (
          <button type="button" class="quiet small danger" onClick={() => onRevoke(key)}>
            Revoke<span class="visually-hidden"> {key.prefix}</span>
          </button>
        ),
    },
  ];
  return (
    <Table
      caption="Keys of the node"
      columns={columns}
      rows={keys}
      rowKey={(key) => key.id}
      sortedBy="made"
      rowClass={(key) => (key.revoked_at ? "off" : undefined)}
      empty={
        <Empty title="The node has no key yet" icon="key" level={3}>
          <p>Without one nothing that it sends is taken.</p>
        </Empty>
      }
    />
  );
}

interface CreateProps {
  node: NodeRow;
  onMade: () => void;
  onClose: () => void;
}

function CreateKey({ node, onMade, onClose }: CreateProps) {
  const [key, setKey] = useState<string>();
  if (key) return <MadeKey node={node} nodeKey={key} onClose={onClose} />;
  const act = async (data: FormData) => {
    const made = await createNodeKey(node.id, textOf(data, "label") || undefined);
    setKey(made.key);
    onMade();
  };
  return (
    <Dialog title={`A key for “${node.name}”`} onClose={onClose}>
      <Form action={act} submit="Make the key" busyText="Making it …" onCancel={onClose}>
        <TextField
          name="label"
          label="Label"
          help="Optional: what tells it from others, such as “replaced in June”."
          autocomplete="off"
          maxLength={200}
          autoFocus
        />
      </Form>
    </Dialog>
  );
}
