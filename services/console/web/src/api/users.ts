import { request } from "./client";
import type { Grant } from "./session";

export interface User {
  id: string;
  name: string;
  display_name: string;
  roles: Grant[];
  created_at: string;
  last_seen_at: string | null;
  disabled_at: string | null;
}

export interface NewUser {
  name: string;
  display_name: string;
  password: string;
  roles: Grant[];
}

export type UserChange = Partial<Pick<NewUser, "display_name" | "password" | "roles">> & {
  disabled?: boolean;
};

const pathOf = (id: string) => `/api/v1/users/${encodeURIComponent(id)}`;

export const listUsers = async (signal?: AbortSignal) =>
  (await request<{ users: User[] }>("/api/v1/users", { signal })).users;
export const createUser = (user: NewUser) => request<User>("/api/v1/users", { method: "POST", body: user });
export const changeUser = (id: string, change: UserChange) =>
  request<User>(pathOf(id), { method: "PATCH", body: change });
