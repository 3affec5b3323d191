import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api/client";
import { useResource } from "../useResource";

interface ShownPicture {
  /** Of the picture in this browser's memory: requests carry a token, so an `<img>` cannot ask by itself. */
  address: string | undefined;
  error: ApiError | undefined;
  reload: () => void;
}

/** Loads a picture, and gives its memory back when it is not shown any more. */
export function usePicture(
  load: (signal: AbortSignal) => Promise<Blob>,
  inputs: readonly unknown[],
): ShownPicture {
  const { data, error, reload } = useResource(load, inputs);
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    if (!data) return;
    const made = URL.createObjectURL(data);
    setAddress(made);
    return () => {
      setAddress(undefined);
      URL.revokeObjectURL(made);
    };
  }, [data]);
  return { address, error, reload };
}
