import type { ComponentChildren } from "preact";
import { usePageTitle } from "../usePageTitle";

interface Props {
  title: string;
  /** One or two sentences about what the page is for. */
  intro?: ComponentChildren;
  /** Buttons for what the whole page can do. */
  actions?: ComponentChildren;
}

/** The head of a page; also the title of the tab. */
export function PageHead({ title, intro, actions }: Props) {
  usePageTitle(title);
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {intro && <p class="muted">{intro}</p>}
      </div>
      {actions && <div class="actions">{actions}</div>}
    </header>
  );
}
