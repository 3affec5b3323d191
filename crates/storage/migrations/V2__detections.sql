-- Batches, frames and minute buckets.

-- Every batch that was ever stored, so that a repeated one is recognised. The id is a UUIDv7 and sorts by time: partitions
-- by day of the id, made by the worker, can be dropped once ids that old are refused at the door.
create table batch (
    id          uuid not null,
    node_id     uuid not null,
    received_at timestamptz not null,
    stored_at   timestamptz not null default now(),
    frames      integer not null,
    detections  integer not null,
    primary key (id, node_id)
) partition by range (id);

-- A frame is one row; its detections are arrays of the same length. boxes holds four numbers each: left, top, width,
-- height. track_ids is null when no detection has one.
do $$
declare
    columns constant text := '
        camera_id   integer not null,
        number      bigint,
        captured_at timestamptz not null,
        received_at timestamptz not null,
        width       integer,
        height      integer,
        classes     integer[] not null,
        confidences real[] not null,
        boxes       real[] not null,
        track_ids   bigint[]';
    timescale boolean := exists (select from pg_extension where extname = 'timescaledb');
begin
    if not timescale then
        begin
            if current_setting('shared_preload_libraries') like '%timescaledb%'
               and exists (select from pg_available_extensions where name = 'timescaledb')
            then
                create extension timescaledb;
                timescale := true;
            end if;
        exception when insufficient_privilege then
            -- An ordinary role may not even look; whoever wants hypertables then makes the extension beforehand.
            raise notice 'TimescaleDB is not used: this role may not create the extension';
        end;
    end if;
    if timescale then
        execute format('create table frame (%s)', columns);
        perform create_hypertable('frame', 'captured_at',
            chunk_time_interval => interval '1 day', create_default_indexes => false);
    else
        execute format('create table frame (%s) partition by range (captured_at)', columns);
    end if;
end $$;

create index frame_camera_captured_at on frame (camera_id, captured_at);
create index frame_captured_at on frame using brin (captured_at);

-- Counts by minute of captured_at, kept in the same transaction as the frames. Per camera: every frame, also empty ones;
-- peak is the highest number of detections in one frame.
create table camera_minute (
    camera_id  integer not null references camera,
    minute     timestamptz not null,
    frames     integer not null,
    detections integer not null,
    peak       integer not null,
    primary key (camera_id, minute)
) with (fillfactor = 70);

-- Per camera and class: frames are those in which the class was seen.
create table class_minute (
    camera_id  integer not null references camera,
    class_id   integer not null references class,
    minute     timestamptz not null,
    frames     integer not null,
    detections integer not null,
    peak       integer not null,
    primary key (camera_id, class_id, minute)
) with (fillfactor = 70);

-- One row a detection, for SQL and Grafana.
create view detection as
select node.venue, node.slug as node, camera.name as camera,
       frame.captured_at, frame.received_at, frame.number as frame,
       class.name as class, seen.confidence,
       frame.boxes[4 * seen.place - 3] as box_left, frame.boxes[4 * seen.place - 2] as box_top,
       frame.boxes[4 * seen.place - 1] as box_width, frame.boxes[4 * seen.place] as box_height,
       frame.track_ids[seen.place] as track_id
from frame
join camera on camera.id = frame.camera_id
join node on node.id = camera.node_id
cross join lateral unnest(frame.classes, frame.confidences) with ordinality as seen (class_id, confidence, place)
join class on class.id = seen.class_id;
