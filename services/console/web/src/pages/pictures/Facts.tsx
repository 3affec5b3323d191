import type { ImageBox, ImageDetails } from "../../api/images";
import { bytes, number, percent } from "../../format";
import { Card } from "../../parts/Card";
import { type Column, Table } from "../../parts/Table";
import { TimeText } from "../../parts/TimeText";
import { tellBoxes } from "../../pictures/tell";

const ORIGINS: Record<string, string> = {
  upload: "came with the picture",
  detections: "from the detections of the same camera and time",
  none: "none were known, so all of the picture is unrecognisable",
};

interface Props {
  image: ImageDetails;
  zone: string | undefined;
}

/** What is known about a picture. */
export function Facts({ image, zone }: Props) {
  const {
    id,
    node,
    camera,
    captured_at,
    frame,
    width,
    height,
    boxes,
    boxes_from,
    variants,
    kept_until,
    state,
  } = image;
  return (
    <Card title="What is known" class="facts-card">
      <dl class="facts">
        <dt>{camera ? "Camera" : "Node"}</dt>
        <dd class="mono">{camera ? `${node}/${camera}` : node}</dd>
        <dt>Captured</dt>
        <dd>
          <TimeText at={captured_at} zone={zone} zoned />
        </dd>
        {frame !== null && (
          <>
            <dt>Frame</dt>
            <dd>{number(frame)}</dd>
          </>
        )}
        {width !== null && height !== null && (
          <>
            <dt>Size</dt>
            <dd>
              {number(width)} × {number(height)} pixels
            </dd>
          </>
        )}
        {(state === "ready" || boxes) && (
          <>
            <dt>Boxes</dt>
            <dd>
              {tellBoxes(boxes)}
              {boxes_from && <span class="muted"> ({ORIGINS[boxes_from] ?? boxes_from})</span>}
            </dd>
          </>
        )}
        {state === "ready" && (
          <>
            <dt>Kept</dt>
            <dd>
              {variants.map(({ variant, bytes: size }) => `${variant} ${bytes(size)}`).join(", ") ||
                "nothing"}
            </dd>
            <dt>Kept until</dt>
            <dd>
              <TimeText at={kept_until} zone={zone} zoned />
            </dd>
          </>
        )}
        <dt>Id</dt>
        <dd class="mono breakable">{id}</dd>
      </dl>
      {boxes && boxes.length > 0 && <BoxTable boxes={boxes} />}
    </Card>
  );
}

const COLUMNS: Column<{ at: number } & ImageBox>[] = [
  { key: "class", header: "Class", isName: true, cell: ({ class: name }) => name },
  {
    key: "confidence",
    header: "Confidence",
    align: "end",
    sort: ({ confidence }) => confidence,
    cell: ({ confidence }) => percent(confidence),
  },
];

function BoxTable({ boxes }: { boxes: ImageBox[] }) {
  return (
    <details>
      <summary>Show the boxes as a table</summary>
      <Table
        caption="Boxes"
        columns={COLUMNS}
        rows={boxes.map((box, at) => ({ at, ...box }))}
        rowKey={({ at }) => at}
        empty={null}
      />
    </details>
  );
}
