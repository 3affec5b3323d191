import type { Grant, Role } from "../api/session";

const RANK: Record<Role, number> = { viewer: 1, operator: 2, admin: 3 };

export const ROLES: Role[] = ["viewer", "operator", "admin"];

const atLeast = (grant: Grant, role: Role) => RANK[grant.role] >= RANK[role];

/** Whether the roles allow in `venue` what `role` may. The server decides; this only decides what is offered. */
export const may = (roles: Grant[], role: Role, venue: string): boolean =>
  roles.some((grant) => (grant.venue === null || grant.venue === venue) && atLeast(grant, role));

export const mayAnywhere = (roles: Grant[], role: Role): boolean =>
  roles.some((grant) => atLeast(grant, role));

/** In all venues, also in those that are still to come. */
export const mayEverywhere = (roles: Grant[], role: Role): boolean =>
  roles.some((grant) => grant.venue === null && atLeast(grant, role));
