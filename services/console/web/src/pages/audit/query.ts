import type { AuditQuery } from "../../api/audit";
import { nextDay, startOfDay } from "../../zoned";

export type Asked = Omit<AuditQuery, "before" | "limit">;

/** What the address asks for. Its days are those of `zone`, and the last one is meant whole. */
export function asked(params: URLSearchParams, zone: string | undefined): Asked {
  const given = (name: string) => params.get(name)?.trim() || undefined;
  const instant = (day: string | undefined) => {
    const start = day && startOfDay(day, zone);
    return typeof start === "number" ? new Date(start).toISOString() : undefined;
  };
  const to = given("to");
  const end = to && startOfDay(to, zone) !== undefined ? nextDay(to) : undefined;
  return {
    venue: given("venue"),
    actor: given("actor"),
    action: given("action"),
    from: instant(given("from")),
    to: instant(end),
  };
}
