import { useEffect } from "preact/hooks";
import type { Grant } from "./api/session";
import { ErrorState } from "./parts/States";
import { Toasts } from "./parts/Toast";
import { followLinks, useAddress } from "./router";
import { match, type Match } from "./routes";
import { loadSession, type SessionState, useSessionState } from "./session/session";
import { forgetVenues } from "./session/venues";
import { VisitorFrame, UserFrame, WaitingFrame } from "./shell/Frame";
import { isAllowed } from "./shell/Navigation";
import { NoSuchPage } from "./shell/NoSuchPage";
import { NotForYou } from "./shell/NotForYou";
import { Page } from "./shell/Page";

export function App() {
  const address = useAddress();
  const session = useSessionState();
  useOurLinks();
  const userId = session.state === "in" ? session.session.user.id : undefined;
  useEffect(() => forgetVenues, [userId]);
  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <Frame address={address} session={session} />
      <Toasts />
    </>
  );
}

/**
 * The page of the address; instead of it, where that needs somebody who is signed in and nobody is, the sign-in page. The
 * address stays as it is, so that one is there after signing in.
 */
function Frame({ address, session }: { address: URL; session: SessionState }) {
  const found = match(address.pathname);
  // A link that somebody typed or was sent: looked at without being signed in.
  if (found?.route.open && session.state !== "in") return visitor(found, address);
  switch (session.state) {
    case "unknown":
      return <WaitingFrame />;
    case "failed":
      return (
        <VisitorFrame>
          <div class="page notice-page">
            <ErrorState
              title="CityTrack does not answer"
              error={session.error}
              onRetry={loadSession}
              level={1}
            />
          </div>
        </VisitorFrame>
      );
    case "out":
      return visitor(found ? SIGN_IN : undefined, address);
    case "in":
      return (
        <UserFrame session={session.session} address={address} found={found}>
          {pageFor(session.session.roles, found, address)}
        </UserFrame>
      );
  }
}

function pageFor(roles: Grant[], found: Match | undefined, address: URL) {
  if (!found) return <NoSuchPage />;
  if (!isAllowed(found.route, roles)) return <NotForYou route={found.route} />;
  return <Page {...found} address={address} />;
}

const SIGN_IN = match("/sign-in");

const visitor = (found: Match | undefined, address: URL) => (
  <VisitorFrame>{found ? <Page {...found} address={address} /> : <NoSuchPage />}</VisitorFrame>
);

function useOurLinks(): void {
  useEffect(() => {
    addEventListener("click", followLinks);
    return () => removeEventListener("click", followLinks);
  }, []);
}
