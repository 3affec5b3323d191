import { useEffect, useState } from "preact/hooks";
import { Home } from "./pages/Home";
import { Live } from "./pages/Live";
import { Header } from "./parts/Header";
import { followLinks, useAddress } from "./router";
import { forgetToken, takeTokenFromAddress, viewerToken } from "./session";

takeTokenFromAddress();

const TITLES: Record<string, string> = { "/": "CityTrack", "/live": "Live · CityTrack" };

export function App() {
  const address = useAddress();
  const [token, setToken] = useState(viewerToken);

  useEffect(() => {
    addEventListener("click", followLinks);
    return () => removeEventListener("click", followLinks);
  }, []);

  // A viewer link that is opened in a tab where the page is open already changes only the fragment.
  useEffect(() => {
    if (takeTokenFromAddress()) setToken(viewerToken());
  }, [address.href]);

  useEffect(() => {
    document.title = TITLES[address.pathname] ?? "Not found · CityTrack";
  }, [address.pathname]);

  const accept = () => setToken(viewerToken());
  const forget = () => {
    forgetToken();
    setToken(undefined);
  };

  return (
    <>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <Header path={address.pathname} />
      <main id="content" tabIndex={-1}>
        {address.pathname === "/" && <Home token={token} onToken={accept} />}
        {address.pathname === "/live" && (
          <Live token={token} venue={address.searchParams.get("venue")} onToken={accept} onForget={forget} />
        )}
        {!(address.pathname in TITLES) && <NotFound />}
      </main>
    </>
  );
}

function NotFound() {
  return (
    <div class="page notice-page">
      <h1>There is no such page</h1>
      <p>
        Perhaps you want <a href="/">the home page</a> or <a href="/live">the live page</a>.
      </p>
    </div>
  );
}
