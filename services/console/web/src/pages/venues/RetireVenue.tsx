import { retireVenue, type Venue } from "../../api/venues";
import { Confirm } from "../../parts/Confirm";
import { toast } from "../../parts/Toast";

interface Props {
  venue: Venue;
  onDone: () => void;
  onClose: () => void;
}

export function RetireVenue({ venue, onDone, onClose }: Props) {
  const act = async () => {
    await retireVenue(venue.slug);
    toast(`The venue “${venue.name}” is retired.`);
    onDone();
  };
  return (
    <Confirm title={`Retire ${venue.name}?`} action="Retire" onConfirm={act} onClose={onClose}>
      <p>
        All its nodes and keys stop working within seconds: what they send is refused. It leaves the lists,
        and the short name <code>{venue.slug}</code> stays taken.
      </p>
      <p>
        What was seen and counted stays. <strong>A retired venue cannot be brought back.</strong>
      </p>
    </Confirm>
  );
}
