import type { Route } from "../routes";
import { usePageTitle } from "../usePageTitle";

/** A page whose role the user does not have; the server would refuse what it asks for. */
export function NotForYou({ route }: { route: Route }) {
  usePageTitle(route.title);
  return (
    <div class="page notice-page">
      <h1>This page is not for your role</h1>
      <p>
        “{route.title}” needs more than your roles allow. An administrator can give you another one; which you
        have is under <a href="/account">your account</a>.
      </p>
    </div>
  );
}
