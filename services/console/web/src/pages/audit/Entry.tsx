import type { AuditEntry } from "../../api/audit";
import { dateTime } from "../../format";
import { TimeText } from "../../parts/TimeText";
import { ACTOR_KINDS, describe, type Difference, differences } from "./describe";

/** One change: who, when, what; and before and after. */
export function Entry({ entry, zone }: { entry: AuditEntry; zone: string | undefined }) {
  const { actor, address, action, subject, at } = entry;
  const changed = differences(entry);
  // A user is named by a name; of other actors it is said what they are.
  const kind = actor.kind === "user" ? actor.name : (ACTOR_KINDS[actor.kind] ?? actor.kind);
  return (
    <li class="audit-entry">
      <p class="audit-what">
        <span title={action}>{describe(action)}</span> <strong>{subject}</strong>
      </p>
      <p class="audit-who muted">
        <TimeText at={at} zone={zone} /> · {actor.name}
        {kind !== actor.name && <> ({kind})</>}
        {address && <> · {address}</>}
      </p>
      {changed.length > 0 && (
        <table class={entry.before ? "diff" : "diff made"}>
          <caption class="visually-hidden">What was changed</caption>
          <thead class="visually-hidden">
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {changed.map((difference) => (
              <Row key={difference.field} {...difference} zone={zone} />
            ))}
          </tbody>
        </table>
      )}
    </li>
  );
}

function Row({ field, before, after, zone }: Difference & { zone: string | undefined }) {
  return (
    <tr>
      <th scope="row">{field.replaceAll("_", " ")}</th>
      <td>{before === undefined ? <span class="muted">–</span> : <del>{told(before, zone)}</del>}</td>
      <td>{after === undefined ? <span class="muted">–</span> : <ins>{told(after, zone)}</ins>}</td>
    </tr>
  );
}

/** Times are told like the others of the page; everything else as it is. */
const told = (value: string, zone: string | undefined): string =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) ? dateTime(value, zone) : value;
