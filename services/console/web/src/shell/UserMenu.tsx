import type { Session } from "../api/session";
import { Icon } from "../parts/Icon";
import { toast } from "../parts/Toast";
import { go } from "../router";
import { signOut } from "../session/session";
import { useAction } from "../useAction";
import { ThemeChoice } from "./ThemeChoice";

/** Who is signed in, their account, the theme, and the way out. */
export function UserMenu({ session, path }: { session: Session; path: string }) {
  const leave = useAction(async () => {
    await signOut();
    go("/sign-in");
    toast("You are signed out.");
  });
  const { display_name, name } = session.user;
  return (
    <section class="user-menu" aria-label="Signed in">
      <p class="who">
        <span class="avatar" aria-hidden="true">
          {initials(display_name || name)}
        </span>
        <span class="who-names">
          <strong>{display_name || name}</strong>
          <span class="muted">{name}</span>
        </span>
      </p>
      <ul>
        <li>
          <a href="/account" aria-current={path === "/account" ? "page" : undefined}>
            <Icon name="user" />
            Account
          </a>
        </li>
        <li>
          <a href="/api-docs">
            <Icon name="book" />
            API
          </a>
        </li>
        <li>
          <button type="button" class="nav-button" onClick={leave.run} aria-disabled={leave.busy}>
            <Icon name="out" />
            Sign out
          </button>
        </li>
      </ul>
      {leave.error && (
        <p class="help bad" role="alert">
          {leave.error.message}
        </p>
      )}
      <ThemeChoice />
    </section>
  );
}

const initials = (name: string): string =>
  name
    .split(/\s+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((word) => word.charAt(0).toUpperCase())
    .join("");
