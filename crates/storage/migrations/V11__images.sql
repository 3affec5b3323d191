-- Pictures: what is known about each, and what was made of it.

-- What a venue wants of its pictures. Originals are kept for so long; zero: not at all, which is the rule.
alter table venue
    add column image_retention interval not null default '30 days' check (image_retention > '0'),
    add column image_originals interval not null default '0' check (image_originals >= '0'),
    add column image_variants  text[]   not null default '{thumbnail,annotated,anonymised}'
        check (image_variants <@ '{thumbnail,annotated,anonymised}'),
    -- What detectors call people: COCO, OpenImages, Cityscapes, KITTI, VisDrone, CrowdHuman.
    add column image_classes   text[]   not null default '{person,face,head,people,human,pedestrian,man,woman,boy,girl,child,rider,
cyclist,bicyclist,motorcyclist,person_sitting,human_face,human_head}';

create table image (
    id             uuid primary key,
    venue          text not null references venue,
    node_id        uuid not null references node,
    camera         text,
    captured_at    timestamptz not null,
    received_at    timestamptz not null,
    -- The node's own number of the frame.
    frame          bigint,
    -- Of the upload, and its size in bytes.
    media_type     text not null,
    bytes          integer,
    -- Of the upright picture, in pixels.
    width          integer,
    height         integer,
    -- [{"class", "confidence", "box"}]; null: nobody knows what is on it.
    boxes          jsonb,
    boxes_from     text check (boxes_from in ('upload', 'detections', 'none')),
    state          text not null check (state in ('received', 'ready', 'failed', 'expired')),
    -- Why it failed: a stable name, and a sentence.
    reason         text,
    detail         text,
    transformed_at timestamptz,
    saved_at       timestamptz,
    -- Until then the original is kept, unless its venue says less since; null: it is not.
    original_until timestamptz
);
create index on image (venue, captured_at desc, id desc);
create index on image (venue, camera, captured_at desc, id desc);
-- For retention.
create index on image (venue, received_at) where state <> 'expired';
create index on image (venue, received_at) where state = 'expired';
create index on image (venue, original_until) where original_until is not null;
create index on image (venue, saved_at) where original_until is not null;

-- The forms of a picture: in the row, or in an object store under a name.
create table image_variant (
    image_id   uuid not null references image on delete cascade,
    variant    text not null check (variant in ('thumbnail', 'annotated', 'anonymised', 'original')),
    media_type text not null,
    width      integer not null,
    height     integer not null,
    bytes      integer not null,
    -- SHA-256.
    digest     bytea not null check (length(digest) = 32),
    data       bytea,
    object     text,
    -- The store that has the object: its URL, without anything secret.
    store      text,
    -- Its time is over; the row remains until the object is deleted.
    outlived   boolean not null default false check (not outlived or object is not null),
    primary key (image_id, variant),
    check ((data is null) <> (object is null)),
    check ((object is null) = (store is null))
);
create index on image_variant (image_id, variant) where outlived;
-- JPEGs cannot be compressed further.
alter table image_variant alter column data set storage external;

-- All but the originals, for those who may only read.
create view image_picture as
    select image_id, variant, media_type, width, height, bytes, digest, data, object, store
    from image_variant where variant <> 'original' and not outlived;
