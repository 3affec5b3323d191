import { request } from "./client";

export interface NewViewerToken {
  venues: string[];
  /** Of some venues only these cameras: `entrance`, or `north/entrance`. */
  cameras?: Record<string, string[]>;
  /** Such as `8h`. */
  ttl: string;
}

export interface IssuedViewerToken {
  token: string;
  venues: string[];
  expires_at: string;
}

export const issueViewerToken = (wanted: NewViewerToken) =>
  request<IssuedViewerToken>("/api/v1/viewer-tokens", { method: "POST", body: wanted });
