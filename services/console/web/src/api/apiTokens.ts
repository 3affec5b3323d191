import { request } from "./client";
import type { Grant } from "./session";

export interface ApiToken {
  id: string;
  name: string;
  /** The beginning of the token, to tell tokens apart. */
  prefix: string;
  roles: Grant[];
  created_at: string;
  created_by: string | null;
  expires_at: string | null;
  last_used_at: string | null;
  revoked_at: string | null;
}

export interface NewApiToken {
  name: string;
  roles: Grant[];
  /** Such as `90d`. */
  ttl: string;
}

const PATH = "/api/v1/api-tokens";

export const listApiTokens = async (signal?: AbortSignal) =>
  (await request<{ api_tokens: ApiToken[] }>(PATH, { signal })).api_tokens;
/** The answer is the only time that `token` is shown. */
export const createApiToken = (token: NewApiToken) =>
  request<ApiToken & { token: string }>(PATH, { method: "POST", body: token });
export const revokeApiToken = (id: string) =>
  request<void>(`${PATH}/${encodeURIComponent(id)}`, { method: "DELETE" });
