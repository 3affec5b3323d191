-- Roll-ups of the minutes: counts, unique tracks and heatmaps by hour and day, so that long ranges are read quickly.

-- What each stored batch adds, written in its transaction, per camera and minute: class_id null for the frames themselves,
-- otherwise what was seen of a class. A worker folds it into the tables below every few seconds and deletes it; readers
-- add what is not folded yet.
create table rollup_delta (
    camera_id  integer not null,
    class_id   integer,
    minute     timestamptz not null,
    frames     integer not null,
    detections integer not null,
    peak       integer not null,
    tracks     bytea,
    heat       bytea
);
create index on rollup_delta (camera_id, minute);

-- The time zone whose hours and days a venue's roll-ups are of. When the venue is moved to another zone, a worker makes
-- them anew; until then, and as long as there is no row, readers take the minutes.
create table venue_rollup (
    venue     text primary key references venue,
    time_zone text not null
);

-- Counts as in camera_minute and class_minute, by local hour and day. imported: detections that were counted elsewhere and
-- imported, beside those of the camera's own frames; null when there are none.
create table camera_hour (
    camera_id  integer not null references camera,
    start      timestamptz not null,
    frames     integer not null,
    detections bigint not null,
    peak       integer not null,
    imported   bigint,
    primary key (camera_id, start)
) with (fillfactor = 70);
create table camera_day (like camera_hour including all) with (fillfactor = 70);
alter table camera_day add foreign key (camera_id) references camera;

create table class_hour (
    camera_id  integer not null references camera,
    class_id   integer not null references class,
    start      timestamptz not null,
    frames     integer not null,
    detections bigint not null,
    peak       integer not null,
    imported   bigint,
    primary key (camera_id, class_id, start)
) with (fillfactor = 70);
create table class_day (like class_hour including all) with (fillfactor = 70);
alter table class_day add foreign key (camera_id) references camera, add foreign key (class_id) references class;

-- Unique tracks: sets that can be merged (citytrack_domain::TrackSet): exact while small, then HyperLogLog sketches of
-- Apache DataSketches. They are at most 2.1 kB and are kept in the row, since reading them elsewhere takes twice as long.
create table track_minute (
    camera_id  integer not null references camera,
    class_id   integer not null references class,
    start      timestamptz not null,
    tracks     bytea not null,
    primary key (camera_id, class_id, start)
) with (fillfactor = 70, toast_tuple_target = 8160);
alter table track_minute alter column tracks set storage external;
create table track_hour (like track_minute including all) with (fillfactor = 70, toast_tuple_target = 8160);
create table track_day (like track_minute including all) with (fillfactor = 70, toast_tuple_target = 8160);

-- Where people stood: grids (citytrack_domain::Heatmap) by UTC hour.
create table heat_hour (
    camera_id  integer not null references camera,
    class_id   integer not null references class,
    hour       timestamptz not null,
    cells      bytea not null,
    primary key (camera_id, class_id, hour)
) with (fillfactor = 70, toast_tuple_target = 8160);
alter table heat_hour alter column cells set storage external;
