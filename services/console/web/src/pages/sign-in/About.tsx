import { PipelinePicture } from "./PipelinePicture";

/** What CityTrack is, for visitors. */
export function About() {
  return (
    <>
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
            Venues, nodes and their keys, users, and viewer links are made in these pages, and every change is
            in the audit log. All of it can be done through the API, too: <a href="/api-docs">its pages</a>{" "}
            say how.
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
    </>
  );
}
