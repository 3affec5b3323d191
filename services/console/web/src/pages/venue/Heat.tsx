import { useState } from "preact/hooks";
import { getCounts } from "../../api/counts";
import { getHeatmap } from "../../api/heatmap";
import type { Venue } from "../../api/venues";
import { HeatPicture } from "../../charts/HeatPicture";
import type { Camera } from "../../live/camera";
import { Card } from "../../parts/Card";
import { SelectField } from "../../parts/Form";
import { addDays } from "../../statistics/calendar";
import { statisticsAddress } from "../../statistics/query";
import { daysOf, type Preset, PRESET_LABELS, PRESETS } from "../../statistics/ranges";
import { useKept } from "../../useKept";
import { useResource } from "../../useResource";

interface Props {
  venue: Venue;
  cameras: Camera[];
  now: number;
}

/** Where on the image of one camera people stand. */
export function Heat({ venue, cameras, now }: Props) {
  const [chosen, setChosen] = useState<string>();
  const [range, setRange] = useState<Preset>("7d");
  const [object, setObject] = useState("person");
  const camera = cameras.find(({ key }) => key === chosen) ?? cameras[0];
  const classes = useClasses(venue);
  const answer = useResource(
    async (signal) => {
      const { from, to } = daysOf(range, Date.now(), venue.time_zone);
      const query = { camera: camera?.key ?? "", class: object, from, to: addDays(to, 1) };
      return { camera: camera?.key, heatmap: await getHeatmap(venue.slug, query, signal) };
    },
    [venue.slug, camera?.key, range, object],
  );
  const kept = useKept(answer.data);
  // The map of one camera says nothing about another.
  const heatmap = kept?.camera === camera?.key ? kept?.heatmap : undefined;
  const name = camera?.title ?? camera?.key ?? "";
  return (
    <Card
      title="Where people stand"
      intro="The foot points of the boxes, over the boxes of the latest frame."
    >
      <form class="filters heat-filters" aria-label="Heatmap" onSubmit={(event) => event.preventDefault()}>
        <SelectField
          name="camera"
          label="Camera"
          value={camera?.key}
          onChange={setChosen}
          options={cameras.map(({ key, title }) => [key, title ?? key])}
        />
        <SelectField
          name="range"
          label="Range"
          value={range}
          onChange={(range) => setRange(range as Preset)}
          options={PRESETS.map((preset) => [preset, PRESET_LABELS[preset]])}
        />
        <SelectField
          name="class"
          label="Class"
          value={object}
          onChange={setObject}
          options={classes.map((name) => [name, name])}
        />
      </form>
      {answer.error && (
        <p class="help bad" role="alert">
          The heatmap could not be loaded: {answer.error.message}{" "}
          <button type="button" class="quiet small" onClick={answer.reload}>
            Try again
          </button>
        </p>
      )}
      <HeatPicture
        heatmap={heatmap}
        camera={camera}
        now={now}
        label={`Heatmap of ${name}, ${PRESET_LABELS[range].toLowerCase()}`}
      />
      <p class="venue-more">
        <a
          href={statisticsAddress({
            venues: [venue.slug],
            cameras: camera ? [camera.key] : [],
            classes: [object],
            range,
          })}
        >
          Show these in the statistics
        </a>
      </p>
    </Card>
  );
}

/** Those that were seen in the last weeks; always people. */
function useClasses({ slug, time_zone }: Venue): string[] {
  const { data } = useResource(
    (signal) => {
      const { from, to } = daysOf("28d", Date.now(), time_zone);
      const measure = "detections";
      return getCounts(
        { venue: slug, from, to: addDays(to, 1), bucket: "1w", group: "class", measure, time_zone },
        signal,
      );
    },
    [slug],
  );
  const seen = (data?.series ?? []).map((series) => series.class).filter((name) => name !== null);
  return [...new Set(["person", ...seen])];
}
