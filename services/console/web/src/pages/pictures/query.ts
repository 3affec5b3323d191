import type { ImagesQuery } from "../../api/images";
import { momentOf } from "../../zoned";

export type Asked = Omit<ImagesQuery, "before" | "limit">;

/** What the address asks for. Its times are those that the clocks of `zone` show. */
export function asked(params: URLSearchParams, zone: string): Asked {
  const given = (name: string) => params.get(name)?.trim() || undefined;
  const instant = (name: string) => {
    const moment = momentOf(given(name) ?? "", zone);
    return moment === undefined ? undefined : new Date(moment).toISOString();
  };
  return {
    camera: given("camera"),
    class: given("class"),
    state: given("state"),
    from: instant("from"),
    to: instant("to"),
  };
}
