import { type NodeRow, renameNode, retireNode } from "../../api/nodes";
import { Confirm } from "../../parts/Confirm";
import { Dialog } from "../../parts/Dialog";
import { Form, TextField, textOf } from "../../parts/Form";
import { toast } from "../../parts/Toast";

interface Props {
  node: NodeRow;
  onDone: () => void;
  onClose: () => void;
}

export function RenameNode({ node, onDone, onClose }: Props) {
  const act = async (data: FormData) => {
    await renameNode(node.id, textOf(data, "name"));
    toast("The node is renamed.");
    onClose();
    onDone();
  };
  return (
    <Dialog title={`Rename “${node.name}”`} onClose={onClose}>
      <Form action={act} submit="Rename" onCancel={onClose}>
        <TextField
          name="name"
          label="Name"
          value={node.name}
          maxLength={200}
          autocomplete="off"
          required
          autoFocus
        />
      </Form>
    </Dialog>
  );
}

export function RetireNode({ node, onDone, onClose }: Props) {
  const retire = async () => {
    await retireNode(node.id);
    toast(`The node “${node.name}” is retired.`);
    onDone();
  };
  return (
    <Confirm title={`Retire the node “${node.name}”?`} action="Retire" onConfirm={retire} onClose={onClose}>
      <p>
        Its keys are refused from now on, and nothing that it sends is taken. What it has sent stays, and is
        counted as before. This cannot be undone, and its short name stays taken.
      </p>
    </Confirm>
  );
}
