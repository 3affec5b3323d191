import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./Icon";

type Kind = "info" | "good" | "warn" | "bad";

const ICONS: Record<Kind, IconName> = { info: "info", good: "check", warn: "warn", bad: "warn" };

interface Props {
  kind?: Kind;
  title?: string;
  children?: ComponentChildren;
}

/** A message in the page. What went wrong is announced at once, other things when there is a pause. */
export function Notice({ kind = "info", title, children }: Props) {
  return (
    <div class={`message ${kind}`} role={kind === "bad" ? "alert" : "status"}>
      <Icon name={ICONS[kind]} />
      <div>
        {title && <p class="message-title">{title}</p>}
        {children}
      </div>
    </div>
  );
}
