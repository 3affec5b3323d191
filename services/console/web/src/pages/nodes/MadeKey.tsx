import { useState } from "preact/hooks";
import type { NodeRow } from "../../api/nodes";
import { CopyButton } from "../../parts/CopyButton";
import { Dialog, DialogDone } from "../../parts/Dialog";
import { ShownOnce } from "../../parts/ShownOnce";
import { snippets } from "./snippets";

interface Props {
  node: NodeRow;
  nodeKey: string;
  onClose: () => void;
}

/** Shows a key this one time, and how the device is started with it. */
export function MadeKey({ node, nodeKey, onClose }: Props) {
  const [shown] = useState(() => snippets(location.origin, nodeKey, new Date()));
  return (
    <Dialog title={`The key of “${node.name}”`} onClose={onClose} wide>
      <ShownOnce name="Node key" label="Copy key" text={nodeKey} />
      {shown.map(({ name, help, text }) => (
        <section key={name} class="snippet" aria-label={`Snippet for ${name}`}>
          <header>
            <h3>{name}</h3>
            <CopyButton text={text} label="Copy" />
          </header>
          <p class="help">{help}</p>
          <pre tabIndex={0}>
            <code>{text}</code>
          </pre>
        </section>
      ))}
      <DialogDone onClose={onClose} />
    </Dialog>
  );
}
