import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  title?: ComponentChildren;
  /** One sentence beneath the title. */
  intro?: ComponentChildren;
  actions?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}

export function Card({ title, intro, actions, class: more, children }: Props) {
  const id = useId();
  return (
    <section class={more ? `card ${more}` : "card"} aria-labelledby={title ? id : undefined}>
      {(title || actions) && (
        <header class="card-head">
          <div>
            {title && <h2 id={id}>{title}</h2>}
            {intro && <p class="help">{intro}</p>}
          </div>
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}
