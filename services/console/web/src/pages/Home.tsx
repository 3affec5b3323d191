import { PipelinePicture } from "../parts/PipelinePicture";
import { TokenForm } from "../parts/TokenForm";
import { go } from "../router";

export function Home({ token, onToken }: { token: string | undefined; onToken: () => void }) {
  const open = () => {
    onToken();
    go("/live");
  };
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
        <div class="card start">
          {token ? (
            <>
              <h2>You have a viewer link</h2>
              <p>This tab is allowed to watch.</p>
              <a class="button" href="/live">
                Open the live page
              </a>
            </>
          ) : (
            <>
              <h2>Watch live</h2>
              <p>Watching needs a viewer link. Whoever runs this CityTrack can make you one.</p>
              <TokenForm onToken={open} />
            </>
          )}
        </div>
      </section>

      <section class="card" aria-labelledby="way">
        <h2 id="way">The way of a detection</h2>
        <PipelinePicture />
        <ol class="steps">
          <li>
            <strong>Taken in.</strong> A node posts what it saw, in batches. It is told “accepted” only when
            the message broker has the batch safely, so a node that repeats what was not accepted loses
            nothing.
          </li>
          <li>
            <strong>Kept.</strong> The worker writes whole batches and their counts to the database in one
            transaction. A batch that is sent twice is stored once.
          </li>
          <li>
            <strong>Shown.</strong> Browsers get each frame from the broker directly, without waiting for the
            database. Counts are read from the database, by minute, hour or day, in the time zone of the
            venue.
          </li>
        </ol>
      </section>

      <section class="columns">
        <div class="card">
          <h2>For operators</h2>
          <p>
            Venues, nodes and their keys, and viewer links are made through the control API under{" "}
            <code>/api/v1</code>, with the administrator token.
          </p>
        </div>
        <div class="card">
          <h2>For builders of nodes</h2>
          <p>
            A node needs a node key and <code>POST /api/v1/detections</code>. The program{" "}
            <code>citytrack-node</code> replays recordings that way and is a model to copy.
          </p>
        </div>
        <div class="card">
          <h2>For readers of numbers</h2>
          <p>
            <code>GET /api/v1/venues/…/counts</code> answers in JSON or CSV. Minutes in which no frame came
            are shown as holes, not as zeros.
          </p>
        </div>
      </section>
    </div>
  );
}
