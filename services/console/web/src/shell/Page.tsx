import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { PageSkeleton } from "../parts/States";
import type { Match, PageProps, Route } from "../routes";
import { usePageTitle } from "../usePageTitle";

type Loaded = { page: ComponentType<PageProps> } | { failed: true } | undefined;

/** Pages that were opened before: shown again without a moment of nothing. */
const pages = new Map<Route, ComponentType<PageProps>>();

/** Loads the page of a route, and shows it. */
export function Page({ route, params, address }: Match & { address: URL }) {
  usePageTitle(route.title);
  const loaded = usePage(route);
  if (!loaded) return <PageSkeleton />;
  if ("failed" in loaded) return <NotLoaded />;
  const Found = loaded.page;
  // Another venue is another page: nothing of the last one remains.
  return <Found key={`${route.path} ${Object.values(params).join(" ")}`} params={params} address={address} />;
}

function usePage(route: Route): Loaded {
  const [answer, setAnswer] = useState<{ route: Route; loaded: Loaded }>();
  const known = pages.get(route);
  useEffect(() => {
    if (pages.has(route)) return;
    let left = false;
    const show = (loaded: Loaded) => {
      if (!left) setAnswer({ route, loaded });
    };
    route.load().then(
      (module) => {
        pages.set(route, module.default);
        show({ page: module.default });
      },
      () => show({ failed: true }),
    );
    return () => {
      left = true;
    };
  }, [route]);
  if (known) return { page: known };
  return answer?.route === route ? answer.loaded : undefined;
}

/** Browsers remember that a module could not be loaded: only a page load tries again, and finds a newer CityTrack, too. */
function NotLoaded() {
  return (
    <div class="page notice-page" role="alert">
      <h1>This page could not be loaded</h1>
      <p>The connection was lost for a moment, or CityTrack was updated meanwhile.</p>
      <button type="button" onClick={() => location.reload()}>
        Load again
      </button>
    </div>
  );
}
