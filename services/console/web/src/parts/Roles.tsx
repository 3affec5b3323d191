import type { Grant, Role } from "../api/session";
import type { Venue } from "../api/venues";
import { ROLES } from "../session/rights";
import { useViolations } from "./Form";
import { Icon } from "./Icon";

const NAMES: Record<Role, string> = { viewer: "Viewer", operator: "Operator", admin: "Administrator" };

export const ROLE_HELP =
  "Viewers see venues live and their statistics. Operators also look after nodes, keys and links. Administrators also change venues and say who is what.";

/** Who is what, in short. */
export function RoleBadges({ roles, venues }: { roles: Grant[]; venues: Venue[] | undefined }) {
  if (roles.length === 0) return <span class="muted">no role</span>;
  return (
    <span class="badges">
      {roles.map(({ venue, role }) => (
        <span key={venue ?? ""} class={role === "admin" ? "badge accent" : "badge"}>
          {NAMES[role]} · {venue === null ? "all venues" : nameOf(venue, venues)}
        </span>
      ))}
    </span>
  );
}

const nameOf = (slug: string, venues: Venue[] | undefined): string =>
  venues?.find((venue) => venue.slug === slug)?.name ?? slug;

interface EditorProps {
  roles: Grant[];
  onChange: (roles: Grant[]) => void;
  venues: Venue[];
  /** Whether a role for all venues may be given. */
  everywhere?: boolean;
}

/** At most one role for all venues and one in each. */
export function RolesEditor({ roles, onChange, venues, everywhere = true }: EditorProps) {
  const wrong = useViolations("/roles");
  const change = (at: number, grant: Grant) =>
    onChange(roles.map((old, place) => (place === at ? grant : old)));
  const free = freePlaces(roles, venues, everywhere);
  const add = () => {
    const [venue] = free;
    if (venue !== undefined) onChange([...roles, { venue, role: "viewer" }]);
  };
  return (
    <fieldset class="roles">
      <legend class="legend">Roles</legend>
      <p class="help">{ROLE_HELP}</p>
      {roles.map((grant, at) => (
        <GrantRow
          key={grant.venue ?? ""}
          grant={grant}
          places={[grant.venue, ...free]}
          venues={venues}
          onChange={(next) => change(at, next)}
          onRemove={() => onChange(roles.filter((_, place) => place !== at))}
        />
      ))}
      {roles.length === 0 && <p class="muted">Without a role nothing can be seen.</p>}
      {wrong && (
        <p class="help bad" role="alert">
          {wrong}
        </p>
      )}
      {free.length > 0 && (
        <button type="button" class="quiet small" onClick={add}>
          <Icon name="plus" />
          Add a role
        </button>
      )}
    </fieldset>
  );
}

/** Where no role is given yet; `null` is "all venues". */
function freePlaces(roles: Grant[], venues: Venue[], everywhere: boolean): (string | null)[] {
  const places = [...(everywhere ? [null] : []), ...venues.map(({ slug }) => slug)];
  return places.filter((place) => !roles.some(({ venue }) => venue === place));
}

interface RowProps {
  grant: Grant;
  places: (string | null)[];
  venues: Venue[];
  onChange: (grant: Grant) => void;
  onRemove: () => void;
}

function GrantRow({ grant, places, venues, onChange, onRemove }: RowProps) {
  const where = grant.venue === null ? "all venues" : nameOf(grant.venue, venues);
  return (
    <div class="grant">
      <select
        aria-label={`Role for ${where}`}
        value={grant.role}
        onChange={(event) => onChange({ ...grant, role: event.currentTarget.value as Role })}
      >
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {NAMES[role]}
          </option>
        ))}
      </select>
      <span class="muted">in</span>
      <select
        aria-label="Where"
        value={grant.venue ?? ""}
        onChange={(event) => onChange({ ...grant, venue: event.currentTarget.value || null })}
      >
        {places.map((place) => (
          <option key={place ?? ""} value={place ?? ""}>
            {place === null ? "all venues" : nameOf(place, venues)}
          </option>
        ))}
      </select>
      <button type="button" class="icon-button" onClick={onRemove}>
        <Icon name="close" />
        <span class="visually-hidden">Take the role for {where} away</span>
      </button>
    </div>
  );
}
