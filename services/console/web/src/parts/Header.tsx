import { Logo } from "./Logo";

export function Header({ path }: { path: string }) {
  const current = (page: string) => (path === page ? "page" : undefined);
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="CityTrack, home">
        <Logo />
        <span>CityTrack</span>
      </a>
      <nav aria-label="Pages">
        <a href="/" aria-current={current("/")}>
          Home
        </a>
        <a href="/live" aria-current={current("/live")}>
          Live
        </a>
      </nav>
    </header>
  );
}
