import { useEffect } from "preact/hooks";
import { type ApiError, asApiError } from "../api/client";
import { listVenues, type Venue } from "../api/venues";
import { Store, useStore } from "../store";

/** The venues that the user may see, without retired ones, by name. */
export interface Venues {
  venues: Venue[] | undefined;
  error: ApiError | undefined;
}

const store = new Store<Venues>({ venues: undefined, error: undefined });
let asking: Promise<void> | undefined;

/** The user's venues; asked for once, and after a change by `refreshVenues`. */
export function useVenues(): Venues {
  useEffect(() => {
    if (!store.value.venues) void refreshVenues();
  }, []);
  return useStore(store);
}

export function refreshVenues(): Promise<void> {
  asking ??= listVenues()
    .then(
      (venues) =>
        store.set({ venues: venues.sort((a, b) => a.name.localeCompare(b.name)), error: undefined }),
      (error) => store.set({ ...store.value, error: asApiError(error) }),
    )
    .finally(() => {
      asking = undefined;
    });
  return asking;
}

/** Somebody else may use these pages next. */
export function forgetVenues(): void {
  store.set({ venues: undefined, error: undefined });
}
