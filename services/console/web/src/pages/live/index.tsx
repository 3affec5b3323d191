import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type ApiError, asApiError } from "../../api/client";
import { listVenues, type Venue } from "../../api/venues";
import { TokenForm } from "../../parts/TokenForm";
import { go } from "../../router";
import type { PageProps } from "../../routes";
import { useSessionState, viewerToken } from "../../session/session";
import {
  forgetToken,
  isExpired,
  takeTokenFromAddress,
  viewerToken as linkToken,
} from "../../session/viewerLink";
import "./live.css";
import type { TokenGiver } from "./useVenueFeed";
import { VenueView } from "./VenueView";

interface Props {
  token: TokenGiver;
  /** Slug from the address. */
  venue: string | null;
  onToken: () => void;
  onForget: () => void;
}

type Loaded =
  { state: "loading" } | { state: "venues"; venues: Venue[] } | { state: "failed"; error: ApiError };

/** Live, with the viewer link of this tab; without one, with the session of whoever is signed in. */
export default function Live({ address }: PageProps) {
  const [link, setLink] = useState(linkToken);
  const isSignedIn = useSessionState().state === "in";

  // A viewer link that is opened in a tab where the page is open already changes only the fragment.
  useEffect(() => {
    if (takeTokenFromAddress()) setLink(linkToken());
  }, [address.href]);

  const accept = () => setLink(linkToken());
  const forget = () => {
    forgetToken();
    setLink(undefined);
  };
  const token = link ?? (isSignedIn ? viewerToken : undefined);
  if (!token) return <NeedsLink onToken={accept} />;
  const venue = address.searchParams.get("venue");
  // A new token is a new start: nothing of what the last one showed remains.
  return <Watch key={link ?? "session"} token={token} venue={venue} onToken={accept} onForget={forget} />;
}

function NeedsLink({ onToken }: { onToken: () => void }) {
  return (
    <Notice title="Watching needs a viewer link">
      <p>
        A viewer link says which venues you may see, and until when. Whoever runs this CityTrack can make you
        one. If you have an account, <a href="/sign-in">sign in</a>.
      </p>
      <TokenForm onToken={onToken} />
    </Notice>
  );
}

function Watch({ token, venue, onToken, onForget }: Props) {
  const [loaded, retry] = useVenues(token);
  const chosen = loaded.state === "venues" ? (venue ?? loaded.venues[0]?.slug) : undefined;

  useEffect(() => {
    if (chosen && !venue) go(`/live?venue=${encodeURIComponent(chosen)}`, { replace: true });
  }, [chosen, venue]);

  if (loaded.state === "loading") return <LivePlaceholder />;
  if (loaded.state === "failed") {
    return loaded.error.status === 401 || loaded.error.status === 403 ? (
      <NotAccepted
        expired={typeof token === "string" && isExpired(token)}
        onToken={onToken}
        onForget={onForget}
      />
    ) : (
      <Notice title="The venues could not be loaded">
        <p>{loaded.error.message}</p>
        <button type="button" onClick={retry}>
          Try again
        </button>
      </Notice>
    );
  }
  const found = loaded.venues.find(({ slug }) => slug === chosen);
  if (!found) return <NotInThisLink venue={venue} venues={loaded.venues} onForget={onForget} />;
  return (
    <VenueView
      key={found.slug}
      venue={found}
      venues={loaded.venues}
      token={token}
      ended={(expired) => <NotAccepted expired={expired} onToken={onToken} onForget={onForget} inPage />}
    />
  );
}

function useVenues(token: TokenGiver): [Loaded, () => void] {
  const [loaded, setLoaded] = useState<Loaded>({ state: "loading" });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const aborter = new AbortController();
    setLoaded({ state: "loading" });
    const asking = { token: typeof token === "string" ? token : undefined, signal: aborter.signal };
    listVenues(asking).then(
      (venues) => setLoaded({ state: "venues", venues: venues.sort((a, b) => a.name.localeCompare(b.name)) }),
      (error) => {
        if (!aborter.signal.aborted) setLoaded({ state: "failed", error: asApiError(error) });
      },
    );
    return () => aborter.abort();
  }, [token, attempt]);
  return [loaded, () => setAttempt(attempt + 1)];
}

interface NotAcceptedProps {
  expired: boolean;
  onToken: () => void;
  onForget: () => void;
  inPage?: boolean;
}

function NotAccepted({ expired, onToken, onForget, inPage = false }: NotAcceptedProps) {
  return (
    <Notice
      title={expired ? "Your viewer link has expired" : "This viewer link is not accepted"}
      inPage={inPage}
    >
      <p>
        {expired
          ? "Ask whoever runs this CityTrack for a new one, and paste it here."
          : "It may be for another CityTrack, or a part of it was lost when it was copied. Paste it again, or ask for a new one."}
      </p>
      <TokenForm onToken={onToken} />
      <ForgetButton onForget={onForget} />
    </Notice>
  );
}

function NotInThisLink({
  venue,
  venues,
  onForget,
}: {
  venue: string | null;
  venues: Venue[];
  onForget: () => void;
}) {
  return (
    <Notice
      title={venue ? `Your viewer link does not include “${venue}”` : "Your viewer link shows no venue"}
    >
      {venues.length > 0 ? (
        <>
          <p>It lets you see:</p>
          <ul>
            {venues.map(({ slug, name }) => (
              <li key={slug}>
                <a href={`/live?venue=${encodeURIComponent(slug)}`}>{name}</a>
              </li>
            ))}
          </ul>
        </>
      ) : (
        <p>The venues that it names are retired or do not exist. Ask for a new link.</p>
      )}
      <ForgetButton onForget={onForget} />
    </Notice>
  );
}

function ForgetButton({ onForget }: { onForget: () => void }) {
  return (
    <button type="button" class="quiet" onClick={onForget}>
      Forget this link
    </button>
  );
}

interface NoticeProps {
  title: string;
  inPage?: boolean;
  children: ComponentChildren;
}

function Notice({ title, inPage = false, children }: NoticeProps) {
  const Title = inPage ? "h2" : "h1";
  return (
    <div class={inPage ? "notice card" : "page notice-page"} role={inPage ? "alert" : undefined}>
      <Title>{title}</Title>
      {children}
    </div>
  );
}

/** Has the measures of the page that follows, so that nothing jumps when it comes. */
function LivePlaceholder() {
  return (
    <div class="page live" aria-busy="true">
      <p class="visually-hidden" role="status">
        Loading the venues
      </p>
      <div class="live-head placeholder" />
      <div class="figures placeholder" />
      <div class="cameras">
        <div class="camera placeholder" />
        <div class="camera placeholder" />
        <div class="camera placeholder" />
      </div>
    </div>
  );
}
