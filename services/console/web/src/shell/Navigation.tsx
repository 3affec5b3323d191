import type { Grant } from "../api/session";
import { Icon, type IconName } from "../parts/Icon";
import { match, type Route } from "../routes";
import { mayAnywhere, mayEverywhere } from "../session/rights";

interface Entry {
  href: string;
  label: string;
  icon: IconName;
}

interface Group {
  label: string;
  entries: Entry[];
}

const GROUPS: Group[] = [
  {
    label: "Look",
    entries: [
      { href: "/", label: "Overview", icon: "home" },
      { href: "/statistics", label: "Statistics", icon: "chart" },
      { href: "/pictures", label: "Pictures", icon: "camera" },
    ],
  },
  {
    label: "Operate",
    entries: [
      { href: "/venues", label: "Venues and cameras", icon: "venue" },
      { href: "/nodes", label: "Nodes", icon: "node" },
      { href: "/tokens", label: "Tokens and links", icon: "key" },
      { href: "/system", label: "System", icon: "pulse" },
      { href: "/journal", label: "Journal", icon: "list" },
    ],
  },
  {
    label: "Administer",
    entries: [
      { href: "/users", label: "Users", icon: "users" },
      { href: "/audit", label: "Audit log", icon: "log" },
    ],
  },
];

/** The pages that the roles let use. */
export function Navigation({ roles, path }: { roles: Grant[]; path: string }) {
  const groups = GROUPS.map(({ label, entries }) => ({
    label,
    entries: entries.filter(({ href }) => isAllowed(match(href)?.route, roles)),
  })).filter(({ entries }) => entries.length > 0);
  return (
    <nav class="navigation" aria-label="Pages">
      {groups.map(({ label, entries }) => (
        <section key={label} aria-label={label}>
          <p class="group-label" aria-hidden="true">
            {label}
          </p>
          <ul>
            {entries.map(({ href, label, icon }) => (
              <li key={href}>
                <a href={href} aria-current={currentAt(href, path)}>
                  <Icon name={icon} />
                  {label}
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </nav>
  );
}

/** `page`: this one; `true`: a page beneath it. A venue's own page is not beneath the administration of venues. */
function currentAt(href: string, path: string): "page" | "true" | undefined {
  if (href === path) return "page";
  return href !== "/venues" && path.startsWith(`${href}/`) ? "true" : undefined;
}

export function isAllowed(route: Route | undefined, roles: Grant[]): boolean {
  if (!route?.role) return true;
  return route.role === "admin-everywhere" ? mayEverywhere(roles, "admin") : mayAnywhere(roles, route.role);
}
