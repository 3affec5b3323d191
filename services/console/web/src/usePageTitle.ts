import { useEffect } from "preact/hooks";

/** The title of the tab, for as long as the component is on the page. */
export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · CityTrack`;
  }, [title]);
}
