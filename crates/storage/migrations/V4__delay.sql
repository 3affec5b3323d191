-- How long after it was taken a frame came in, for whoever doubts a node's clock: both times are kept as they are, and what
-- comes in before it was taken comes from a clock that is ahead.
create or replace view detection as
select node.venue, node.slug as node, camera.name as camera,
       frame.captured_at, frame.received_at, frame.number as frame,
       class.name as class, seen.confidence,
       frame.boxes[4 * seen.place - 3] as box_left, frame.boxes[4 * seen.place - 2] as box_top,
       frame.boxes[4 * seen.place - 1] as box_width, frame.boxes[4 * seen.place] as box_height,
       frame.track_ids[seen.place] as track_id,
       frame.received_at - frame.captured_at as delay
from frame
join camera on camera.id = frame.camera_id
join node on node.id = camera.node_id
cross join lateral unnest(frame.classes, frame.confidences) with ordinality as seen (class_id, confidence, place)
join class on class.id = seen.class_id;
