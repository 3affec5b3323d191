import { request } from "./client";

export type Role = "viewer" | "operator" | "admin";

/** A role in one venue, or (`venue: null`) in all of them. */
export interface Grant {
  venue: string | null;
  role: Role;
}

/** Who is signed in, and what they need for more. */
export interface Session {
  user: { id: string; name: string; display_name: string };
  roles: Grant[];
  csrf_token: string;
  expires_at: string;
  /** Opens statistics and the live feed; null for users without any role. */
  viewer_token: string | null;
  viewer_token_expires_at: string | null;
}

const PATH = "/api/v1/session";

export const getSession = () => request<Session>(PATH);
export const beginSession = (name: string, password: string) =>
  request<Session>(PATH, { method: "POST", body: { name, password } });
export const endSession = () => request<void>(PATH, { method: "DELETE" });
export const changePassword = (current: string, next: string) =>
  request<void>(`${PATH}/password`, { method: "PUT", body: { current, new: next } });
