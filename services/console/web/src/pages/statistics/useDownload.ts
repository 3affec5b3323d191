import { useEffect, useRef, useState } from "preact/hooks";
import { asApiError } from "../../api/client";
import type { ExportFormat, FileSource } from "../../api/exports";
import { fileName, hasPicker, memorySink, pickedSink, type Progress, save } from "../../statistics/download";

export type DownloadState =
  | { is: "idle" }
  | { is: "running"; progress: Progress }
  | { is: "done"; progress: Progress; name: string }
  | { is: "failed"; message: string };

/** The page is drawn anew at most this often while a file comes in. */
const DRAW_MS = 100;

/** Saves a file; one at a time. It is given up when the component leaves the page. */
export function useDownload() {
  const [state, setState] = useState<DownloadState>({ is: "idle" });
  const aborter = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => aborter.current?.abort(), []);

  const run = async (source: FileSource, format: ExportFormat, suggestedName: string) => {
    const { signal } = (aborter.current = new AbortController());
    let name = suggestedName;
    let drawnAt = 0;
    const show = (progress: Progress) => {
      if (Date.now() - drawnAt < DRAW_MS) return;
      drawnAt = Date.now();
      setState({ is: "running", progress });
    };
    try {
      // A browser lets choose a file only right after a button was pressed: before anything is asked.
      const sink = hasPicker() ? await pickedSink(name) : memorySink(() => name);
      show({ rows: 0, bytes: 0, expected: undefined });
      const response = await source(format, signal).catch(async (error) => {
        await sink.abort();
        throw error;
      });
      if (!hasPicker()) name = fileName(response, suggestedName);
      const progress = await save(response, sink, show);
      setState({ is: "done", progress, name });
    } catch (error) {
      // Somebody changed their mind, here or in the browser's own dialog.
      const isOver = signal.aborted || (error instanceof DOMException && error.name === "AbortError");
      setState(isOver ? { is: "idle" } : { is: "failed", message: asApiError(error).message });
    }
  };
  return { state, run, cancel: () => aborter.current?.abort() };
}
