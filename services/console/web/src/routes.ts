import type { ComponentType } from "preact";
import type { Role } from "./api/session";

/** What every page gets. */
export interface PageProps {
  /** The parts of the path that the route names, such as `venue`. */
  params: Record<string, string>;
  address: URL;
}

export interface Route {
  /** `:name` stands for one part of the path. */
  path: string;
  title: string;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
  /** Is shown to people who are not signed in, too, and without the frame of those who are. */
  open?: boolean;
  /** The least role, in any venue; `admin-everywhere` takes the administrator of all venues. */
  role?: Role | "admin-everywhere";
}

/** One page per chunk: a page is loaded when it is opened for the first time. */
export const ROUTES: Route[] = [
  { path: "/", title: "Overview", load: () => import("./pages/home") },
  { path: "/sign-in", title: "Sign in", open: true, load: () => import("./pages/sign-in") },
  { path: "/live", title: "Live", open: true, load: () => import("./pages/live") },
  { path: "/venues/:venue", title: "Venue", load: () => import("./pages/venue") },
  { path: "/statistics", title: "Statistics", load: () => import("./pages/statistics") },
  { path: "/pictures", title: "Pictures", load: () => import("./pages/pictures") },
  {
    path: "/pictures/upload",
    title: "Upload pictures",
    role: "operator",
    load: () => import("./pages/upload"),
  },
  { path: "/pictures/:image", title: "Picture", load: () => import("./pages/pictures/PicturePage") },
  { path: "/nodes", title: "Nodes", role: "operator", load: () => import("./pages/nodes") },
  { path: "/nodes/:node", title: "Node", role: "operator", load: () => import("./pages/nodes/Node") },
  { path: "/venues", title: "Venues and cameras", load: () => import("./pages/venues") },
  { path: "/users", title: "Users", role: "admin", load: () => import("./pages/users") },
  { path: "/tokens", title: "Tokens and links", role: "operator", load: () => import("./pages/tokens") },
  { path: "/audit", title: "Audit log", role: "admin", load: () => import("./pages/audit") },
  { path: "/system", title: "System", role: "operator", load: () => import("./pages/system") },
  { path: "/journal", title: "Journal", role: "operator", load: () => import("./pages/journal") },
  { path: "/account", title: "Your account", load: () => import("./pages/account") },
];

export interface Match {
  route: Route;
  params: Record<string, string>;
}

/** The page at `path`, if there is one. */
export function match(path: string): Match | undefined {
  const given = path.split("/");
  for (const route of ROUTES) {
    const params = paramsOf(route.path.split("/"), given);
    if (params) return { route, params };
  }
  return undefined;
}

export const isOurs = (path: string): boolean => match(path) !== undefined;

function paramsOf(wanted: string[], given: string[]): Record<string, string> | undefined {
  if (wanted.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? "";
    if (!part.startsWith(":")) {
      if (part !== value) return undefined;
      continue;
    }
    const decoded = decode(value);
    if (!decoded) return undefined;
    params[part.slice(1)] = decoded;
  }
  return params;
}

/** Undefined: the path is not well-formed. */
function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
