import { useState } from "preact/hooks";
import { getOriginal, type ImageDetails } from "../../api/images";
import { Confirm } from "../../parts/Confirm";
import { Dialog } from "../../parts/Dialog";
import { ErrorState, Skeleton } from "../../parts/States";
import { usePicture } from "../../pictures/usePicture";

/** Lets an operator look at the original, after it is said that this is written down. */
export function Original({ image }: { image: ImageDetails }) {
  const [opened, setOpened] = useState<"asking" | "shown">();
  const close = () => setOpened(undefined);
  return (
    <>
      <button type="button" class="quiet" onClick={() => setOpened("asking")}>
        Show the original
      </button>
      {opened === "asking" && (
        <Confirm
          title="Show the original?"
          action="Show it"
          onConfirm={async () => setOpened("shown")}
          // What confirms closes, too; then there is something else to see.
          onClose={() => setOpened((now) => (now === "asking" ? undefined : now))}
        >
          <p>
            People can be recognised in it. That you look at it is written into the audit log, each time, with
            your name.
          </p>
        </Confirm>
      )}
      {opened === "shown" && <Shown image={image} onClose={close} />}
    </>
  );
}

function Shown({ image, onClose }: { image: ImageDetails; onClose: () => void }) {
  const { address, error } = usePicture((signal) => getOriginal(image.id, signal), [image.id]);
  return (
    <Dialog title="Original" onClose={onClose} wide>
      {error ? (
        <ErrorState title="The original could not be loaded" error={error} />
      ) : address ? (
        <img class="original" src={address} alt={`Original of the picture ${image.id}`} />
      ) : (
        <Skeleton lines={8} />
      )}
    </Dialog>
  );
}
