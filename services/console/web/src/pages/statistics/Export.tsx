import { useState } from "preact/hooks";
import { countsFile, detectionsFile, type ExportFormat, type FileSource } from "../../api/exports";
import { bytes, number, plural } from "../../format";
import { Dialog } from "../../parts/Dialog";
import { SelectField } from "../../parts/Form";
import { Notice } from "../../parts/Notice";
import type { Progress } from "../../statistics/download";
import type { Asked } from "./useCounts";
import { type DownloadState, useDownload } from "./useDownload";

const FORMATS: [ExportFormat, string][] = [
  ["csv", "CSV, for spreadsheets"],
  ["ndjson", "NDJSON, one JSON object in a line"],
  ["parquet", "Parquet, for data tools"],
];

/** No venue has this slug: slugs have no colon. */
const COUNTS = ":counts";

/** Saves what the page shows, or what it was made from, as a file. */
export function Export({ asked, onClose }: { asked: Asked; onClose: () => void }) {
  const [what, setWhat] = useState(COUNTS);
  const [format, setFormat] = useState<ExportFormat>("csv");
  const { state, run, cancel } = useDownload();
  const { source, name } = fileOf(what, asked);
  return (
    <Dialog title="Export" onClose={onClose}>
      <SelectField
        name="what"
        label="What"
        value={what}
        onChange={setWhat}
        options={[
          [COUNTS, "The figures of this page"],
          ...asked.venues.map(({ slug, name }): [string, string] => [slug, `Every detection: ${name}`]),
        ]}
        help={
          what === COUNTS
            ? "One row for each value of the chart."
            : "One row for each detection in the range, with its box. This can be a large file."
        }
      />
      <SelectField
        name="format"
        label="Format"
        value={format}
        onChange={(format) => setFormat(format as ExportFormat)}
        options={FORMATS}
      />
      <div class="export-state">
        <State state={state} />
      </div>
      <div class="form-actions">
        {state.is === "running" ? (
          <button key="cancel" type="button" class="quiet" onClick={cancel}>
            Cancel
          </button>
        ) : (
          <>
            <button key="save" type="button" onClick={() => run(source, format, `${name}.${format}`)}>
              {state.is === "done" ? "Save again" : "Save"}
            </button>
            <button key="close" type="button" class="quiet" onClick={onClose}>
              Close
            </button>
          </>
        )}
      </div>
    </Dialog>
  );
}

function fileOf(what: string, { venues, counts, days }: Asked): { source: FileSource; name: string } {
  const venue = venues.find(({ slug }) => slug === what);
  const range = days.from === days.to ? days.from : `${days.from}--${days.to}`;
  if (!venue) return { source: countsFile(counts), name: `counts-${counts.measure}-${range}` };
  const { from, to, camera, class: classes } = counts;
  const source = detectionsFile(venue.slug, { from, to, camera, class: classes });
  return { source, name: `detections-${venue.slug}-${range}` };
}

function State({ state }: { state: DownloadState }) {
  switch (state.is) {
    case "idle":
      return null;
    case "running":
      return <Running {...state.progress} />;
    case "done":
      return (
        <Notice kind="good" title={`Saved ${state.name}`}>
          <p>
            {state.progress.rows > 0 && `${plural(state.progress.rows, "row")}, `}
            {bytes(state.progress.bytes)}
          </p>
        </Notice>
      );
    case "failed":
      return (
        <Notice kind="bad" title="The file could not be saved">
          <p>{state.message}</p>
        </Notice>
      );
  }
}

/** The rows of some files cannot be counted from outside: then it is only seen that something comes. */
function Running({ rows, expected, bytes: size }: Progress) {
  const share = expected && rows > 0 ? Math.min(1, rows / expected) : undefined;
  return (
    <>
      <progress aria-label="Export" max={1} {...(share !== undefined && { value: share })} />
      <p class="help">{size === 0 ? "Waiting for the first rows …" : progressText(rows, expected, size)}</p>
    </>
  );
}

function progressText(rows: number, expected: number | undefined, size: number): string {
  const said = [];
  if (rows > 0 && expected !== undefined) said.push(`${number(rows)} of ${plural(expected, "row")}`);
  else if (rows > 0) said.push(plural(rows, "row"));
  else if (expected !== undefined) said.push(`${plural(expected, "row")} in all`);
  return [...said, bytes(size)].join(", ");
}
