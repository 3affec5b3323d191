import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Session } from "../api/session";
import { Icon } from "../parts/Icon";
import { Logo } from "../parts/Logo";
import type { Match } from "../routes";
import { Navigation } from "./Navigation";
import { ThemeChoice } from "./ThemeChoice";
import { UserMenu } from "./UserMenu";
import { VenueSwitcher } from "./VenueSwitcher";

interface Children {
  children: ComponentChildren;
}

/** Around what people see who are not signed in. */
export function VisitorFrame({ children }: Children) {
  return (
    <div class="frame visitor">
      <header class="top">
        <Brand />
        <div class="top-end">
          <ThemeChoice compact />
          <a class="button quiet" href="/sign-in">
            Sign in
          </a>
        </div>
      </header>
      <Content>{children}</Content>
    </div>
  );
}

/** Until it is known who uses these pages: the frame that probably follows. */
export function WaitingFrame() {
  return (
    <div class="frame user" aria-busy="true">
      <header class="side">
        <div class="side-bar">
          <Brand />
        </div>
      </header>
      <Content>
        <p class="visually-hidden" role="status">
          Loading
        </p>
      </Content>
    </div>
  );
}

interface UserFrameProps extends Children {
  session: Session;
  address: URL;
  found: Match | undefined;
}

/** Around the pages: the navigation at the side, or, on a small screen, behind a button at the top. */
export function UserFrame({ session, address, found, children }: UserFrameProps) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => setOpen(false), [address.href]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !isOpen) return;
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="frame user">
      <header class={isOpen ? "side open" : "side"} onKeyDown={onKeyDown}>
        <div class="side-bar">
          <Brand />
          <button
            ref={button}
            type="button"
            class="icon-button menu-button"
            aria-expanded={isOpen}
            aria-controls="side-content"
            onClick={() => setOpen(!isOpen)}
          >
            <Icon name={isOpen ? "close" : "menu"} />
            <span class="visually-hidden">Menu</span>
          </button>
        </div>
        <div id="side-content" class="side-content">
          <VenueSwitcher venue={found?.params["venue"]} />
          <Navigation roles={session.roles} path={address.pathname} />
          <UserMenu session={session} path={address.pathname} />
        </div>
      </header>
      <Content>{children}</Content>
    </div>
  );
}

function Brand() {
  return (
    <a class="brand" href="/" aria-label="CityTrack, home">
      <Logo />
      <span>CityTrack</span>
    </a>
  );
}

function Content({ children }: Children) {
  return (
    <main id="content" tabIndex={-1}>
      {children}
    </main>
  );
}
