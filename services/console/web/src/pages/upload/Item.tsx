import { useState } from "preact/hooks";
import type { ApiError } from "../../api/client";
import { getImage } from "../../api/images";
import { bytes, percent, seconds } from "../../format";
import { Picture } from "../../pictures/Picture";
import { tellBoxes, tellFailure } from "../../pictures/tell";
import { useResource } from "../../useResource";
import { isUnderWay, type Item, type ItemState, type UploadQueue } from "./queue";

/** One file: how far it is, and what became of it. */
export function ItemRow({ item, queue }: { item: Item; queue: UploadQueue }) {
  const { id, file, state } = item;
  const whose = <span class="visually-hidden"> {file.name}</span>;
  return (
    <li class="upload-item">
      {state.is === "received" ? <Received id={id} name={file.name} /> : <Unsent item={item} />}
      <div class="upload-actions">
        {isUnderWay(state) && (
          <button type="button" class="quiet small" onClick={() => queue.cancel(id)}>
            Cancel{whose}
          </button>
        )}
        {(state.is === "failed" || state.is === "cancelled") && (
          <button type="button" class="quiet small" onClick={() => queue.retry(id)}>
            Send again{whose}
          </button>
        )}
      </div>
    </li>
  );
}

function Unsent({ item: { file, state } }: { item: Item }) {
  return (
    <div class="upload-text">
      <p>
        <strong>{file.name}</strong> <span class="muted">{bytes(file.size)}</span>
      </p>
      {state.is === "sending" && (
        <progress aria-label={file.name} max={1} {...(state.share < 1 && { value: state.share })} />
      )}
      {state.is === "sending" && (
        <p class="help">
          {state.share < 1 ? `${percent(state.share)} sent` : "Sent. It is being taken over …"}
        </p>
      )}
      {state.is === "waiting" && <p class="help">Waits for its turn</p>}
      {state.is === "later" && <Later {...state} />}
      {state.is === "cancelled" && <p class="help">Cancelled</p>}
      {state.is === "failed" && <Failure error={state.error} />}
    </div>
  );
}

function Later({ error, waitSeconds }: Extract<ItemState, { is: "later" }>) {
  return (
    <p class="help">
      {error.message} It is sent again by itself after {seconds(waitSeconds)}.
    </p>
  );
}

function Failure({ error }: { error: ApiError }) {
  return (
    <div class="help bad" role="alert">
      <p>{error.message}</p>
      {error.violations.map(({ pointer, message }) => (
        <p key={pointer + message}>
          {pointer.slice(1)} {message}
        </p>
      ))}
    </div>
  );
}

const WAIT_MS = 1_000;

/** It is safe with the platform: asks how it comes on until it is ready. */
function Received({ id, name }: { id: string; name: string }) {
  const [isWaiting, setWaiting] = useState(true);
  const load = async (signal: AbortSignal) => {
    const image = await getImage(id, signal);
    setWaiting(image.state === "received");
    return image;
  };
  const { data: image } = useResource(load, [id], isWaiting ? { everyMs: WAIT_MS } : {});
  const hasThumbnail = image?.variants.some(({ variant }) => variant === "thumbnail");
  return (
    <>
      {image?.state === "ready" && hasThumbnail && (
        <div class="picture upload-picture">
          <Picture image={image} variant="thumbnail" alt="" hasBoxes={false} />
        </div>
      )}
      <div class="upload-text">
        <p>
          <a href={`/pictures/${id}`}>{name}</a>
        </p>
        {/* What is not there yet may be unknown for a moment: that is no failure. */}
        {!image || image.state === "received" ? (
          <p class="help" role="status">
            Received. It is being transformed …
          </p>
        ) : image.state === "failed" ? (
          <p class="help bad" role="alert">
            It could not be transformed: {tellFailure(image)}
          </p>
        ) : (
          <p class="help" role="status">
            Ready: {tellBoxes(image.boxes)}
            {!image.boxes && ", so all of it is unrecognisable"}
          </p>
        )}
      </div>
    </>
  );
}
