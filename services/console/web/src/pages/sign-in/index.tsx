import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../../api/client";
import { Card } from "../../parts/Card";
import { Form, TextField, textOf } from "../../parts/Form";
import { Notice } from "../../parts/Notice";
import { TokenForm } from "../../parts/TokenForm";
import { go } from "../../router";
import { signIn, useSessionState } from "../../session/session";
import { viewerToken } from "../../session/viewerLink";
import { useNow } from "../../useNow";
import { About } from "./About";
import "./about.css";

/** Stands at `/sign-in`, and at every other address for as long as nobody is signed in. */
export default function SignIn() {
  const session = useSessionState();
  useEffect(() => {
    if (session.state === "in" && location.pathname === "/sign-in") go("/", { replace: true });
  }, [session.state]);
  const isElsewhere = location.pathname !== "/sign-in" && location.pathname !== "/";
  return (
    <div class="page home">
      <section class="hero">
        <div>
          <h1>See what your cameras count, as it happens</h1>
          <p class="lead">
            CityTrack takes in the detections of small camera nodes at venues and events, keeps every one of
            them, counts them, and shows them live. It receives boxes and numbers, never pictures, and it runs
            on your own machines.
          </p>
        </div>
        <div class="start">
          <Card title="Sign in">
            {session.state === "out" && session.ended ? (
              <Notice kind="warn">
                <p>Your session has ended. Sign in to go on where you were.</p>
              </Notice>
            ) : (
              isElsewhere && (
                <Notice>
                  <p>Sign in to see this page.</p>
                </Notice>
              )
            )}
            <SignInForm />
          </Card>
          <Watch />
        </div>
      </section>
      <About />
    </div>
  );
}

function SignInForm() {
  const act = async (data: FormData) => {
    // The password is taken as it is: spaces may belong to it.
    await signIn(textOf(data, "username"), String(data.get("password") ?? ""));
  };
  return (
    <Form
      action={act}
      submit="Sign in"
      busyText="Signing in …"
      explain={(error) => <Refused error={error} />}
    >
      <TextField name="username" label="User name" pointer="/name" autocomplete="username" required code />
      <TextField name="password" label="Password" type="password" autocomplete="current-password" required />
    </Form>
  );
}

function Refused({ error }: { error: ApiError }) {
  if (error.status === 401) return <>The user name or the password is not right.</>;
  if (error.status === 429) return <Throttled error={error} />;
  return <>{error.message}</>;
}

function Throttled({ error }: { error: ApiError }) {
  const [end] = useState(() => Date.now() + (error.retryAfterSeconds ?? 60) * 1000);
  const left = Math.ceil((end - useNow(1000)) / 1000);
  if (left <= 0) return <>There were too many attempts. You can try again now.</>;
  const wait = left < 90 ? `${left} seconds` : `${Math.ceil(left / 60)} minutes`;
  return (
    <>
      There were too many attempts. You can try again in <span class="countdown">{wait}</span>.
    </>
  );
}

/** The other way in: a viewer link. */
function Watch() {
  if (viewerToken()) {
    return (
      <Card title="You have a viewer link" intro="This tab is allowed to watch.">
        <a class="button" href="/live">
          Open the live page
        </a>
      </Card>
    );
  }
  return (
    <details class="card">
      <summary>Have you got a viewer link?</summary>
      <p class="help">
        With one you can watch without an account. Whoever runs this CityTrack can make you one.
      </p>
      <TokenForm
        onToken={() => {
          go("/live");
        }}
      />
    </details>
  );
}
