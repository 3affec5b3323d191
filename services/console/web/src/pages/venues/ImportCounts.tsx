import { useEffect, useRef, useState } from "preact/hooks";
import {
  importCounts,
  type ImportReport,
  type ImportSettings,
  type SameHour,
  type Step,
} from "../../api/imports";
import type { Venue } from "../../api/venues";
import { percent } from "../../format";
import { Dialog } from "../../parts/Dialog";
import { Field, Form, SelectField, TextField, textOf } from "../../parts/Form";
import { Notice } from "../../parts/Notice";
import { slugOf } from "../../slug";
import { Report } from "./ImportReport";

interface Props {
  venue: Venue;
  /** Something was stored. */
  onDone: () => void;
  onClose: () => void;
}

const STEPS: [Step, string][] = [
  ["15m", "15 minutes"],
  ["30m", "30 minutes"],
  ["1h", "An hour"],
  ["1d", "A day"],
];
const SAME_HOUR: [SameHour, string][] = [
  ["refuse", "Take the first, refuse the rest"],
  ["add", "Add them up"],
];

/** Takes counts that were made elsewhere out of a CSV file, and tells what became of them. */
export function ImportCounts({ venue, onDone, onClose }: Props) {
  const [report, setReport] = useState<ImportReport>();
  const { sent, wasCancelled, send, cancel } = useSending(venue);
  const [node, setNode] = useState<string>();
  const [file, setFile] = useState<File>();
  const act = async (data: FormData) => {
    if (!file) return;
    const made = await send(file, settingsOf(data));
    if (!made) return;
    setReport(made);
    if (made.stored > 0) onDone();
  };
  if (report) return <Report report={report} venue={venue} onClose={onClose} />;
  return (
    <Dialog title={`Import counts into “${venue.name}”`} onClose={onClose}>
      <Form
        action={act}
        submit="Import"
        busyText="Importing …"
        onCancel={sent === undefined ? onClose : cancel}
      >
        <FileField onChoose={setFile} />
        <TextField
          name="node"
          label="Node"
          value={node ?? slugOf((file?.name ?? "").replace(/\.[^.]*$/, ""))}
          onInput={setNode}
          help="Short name of the node that the cameras belong to. It is made if there is none."
          autocomplete="off"
          maxLength={40}
          required
          code
        />
        <TextField
          name="class"
          label="Class"
          value="person"
          help="What was counted, where the file has no column for it."
          autocomplete="off"
          required
          code
        />
        <SelectField
          name="step"
          label="Each count is of"
          value="1h"
          options={STEPS}
          help={`Times without an offset are in the venue's zone, ${venue.time_zone}.`}
        />
        <SelectField
          name="same_hour"
          label="Times that come twice"
          value="refuse"
          options={SAME_HOUR}
          help="What to do when the file has several counts of one camera for the same time. The report names each."
        />
        <TextField
          name="ignore"
          label="Columns to leave out"
          help="Optional: names from the first line, between commas."
          autocomplete="off"
        />
        {sent !== undefined && <Sending share={sent} />}
        {wasCancelled && (
          <Notice kind="warn" title="Cancelled">
            <p>
              Nothing is stored, unless all of it was stored already. Importing the file again never counts
              anything twice.
            </p>
          </Notice>
        )}
      </Form>
    </Dialog>
  );
}

function FileField({ onChoose }: { onChoose: (file: File | undefined) => void }) {
  return (
    <Field
      label="File"
      help="CSV in UTF-8. Its first line names the columns: time (or date and hour), then one for each camera; or time, camera and count."
    >
      {(control) => (
        <input
          {...control}
          type="file"
          accept=".csv,text/csv"
          required
          onChange={(event) => onChoose(event.currentTarget.files?.[0])}
        />
      )}
    </Field>
  );
}

/** Once all is sent, the server reads and stores it: how far it has come with that is not known. */
function Sending({ share }: { share: number }) {
  const isSent = share >= 1;
  return (
    <div class="sending">
      <progress aria-label="Import" max={1} {...(!isSent && { value: share })} />
      <p class="help">
        {isSent ? "Sent. The counts are being checked and stored …" : `${percent(share)} sent`}
      </p>
    </div>
  );
}

const settingsOf = (data: FormData): ImportSettings => ({
  node: textOf(data, "node"),
  class: textOf(data, "class"),
  step: textOf(data, "step") as Step,
  same_hour: textOf(data, "same_hour") as SameHour,
  ignore: textOf(data, "ignore"),
});

/** Sends a file until it is cancelled, or the dialog is closed. */
function useSending(venue: Venue) {
  const [sent, setSent] = useState<number>();
  const [wasCancelled, setCancelled] = useState(false);
  const aborter = useRef<AbortController>(undefined);
  useEffect(() => () => aborter.current?.abort(), []);
  /** Undefined: cancelled. */
  const send = async (file: File, settings: ImportSettings): Promise<ImportReport | undefined> => {
    const { signal } = (aborter.current = new AbortController());
    setCancelled(false);
    setSent(0);
    try {
      return await importCounts(venue.slug, file, settings, { signal, onProgress: setSent });
    } catch (error) {
      if (!signal.aborted) throw error;
      setCancelled(true);
      return undefined;
    } finally {
      setSent(undefined);
    }
  };
  return { sent, wasCancelled, send, cancel: () => aborter.current?.abort() };
}
