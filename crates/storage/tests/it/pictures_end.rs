//! The end of pictures and originals, in PostgreSQL and in stores beside it.

use std::fs;

use citytrack_domain::{CameraName, ImageState, Variant};
use citytrack_storage::{
    Error, Objects,
    images::{self, Content, Expired},
};
use jiff::SignedDuration;
use tempfile::TempDir;

use crate::pictures::{Place, noon, open};

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Place {
    async fn run(&self, statements: &str) {
        let client = self.test.database.client().await.unwrap();
        client.batch_execute(statements).await.unwrap();
    }

    async fn original(&self, after: SignedDuration) -> Option<Content> {
        let now = noon() + after;
        let stored = images::original(&self.test.database, self.image.id, now).await;
        stored.unwrap().map(|original| original.content)
    }

    async fn found(&self, after: SignedDuration) -> images::Image {
        let found = images::find(&self.test.database, self.image.id, noon() + after).await;
        found.unwrap().unwrap()
    }
}

/// Ends every statement that changes more than 100 pictures, or deletes more than their forms, as a short statement timeout would end
/// those that take too long; but the same on any machine.
const SHORT_STATEMENTS: &str = "
    create function is_short() returns trigger language plpgsql as $$ begin
        if (select count(*) from changed) > tg_argv[0]::integer then raise exception 'too much at once'; end if;
        return null;
    end $$;
    create trigger short after update on image referencing new table as changed for each statement execute function is_short(100);
    create trigger short_delete after delete on image referencing old table as changed for each statement execute function is_short(100);
    create trigger short after delete on image_variant referencing old table as changed for each statement execute function is_short(400);";

#[tokio::test]
async fn however_many_are_over_they_are_ended_some_at_a_time() {
    let place = Place::new().await;
    place.keep_originals("2 days").await;
    let node = place.image.source.id;
    place
        .run(&format!(
            "insert into image (id, venue, node_id, captured_at, received_at, saved_at, original_until, media_type, bytes, state, boxes)
             select gen_random_uuid(), 'demo', '{node}', time, time, time, time + interval '2 days', 'image/png', 8, 'ready', '[]'
             from (select timestamptz '{}' + make_interval(secs => n) as time from generate_series(0, 1499) as n) as picture;
             insert into image_variant (image_id, variant, media_type, width, height, bytes, digest, data)
             select id, form, 'image/jpeg', 640, 480, 4, sha256('form'), 'form'
             from image cross join unnest('{{anonymised,thumbnail,original}}'::text[]) as form;
             {SHORT_STATEMENTS}",
            noon()
        ))
        .await;
    let all = |images, originals| Expired { images, originals };
    assert_eq!(place.expire(DAY).await.unwrap(), all(0, 0));
    // Their own time is over for the first 1000, and what the venue says since for 200 more.
    let later = DAY * 2 + SignedDuration::from_secs(999);
    assert_eq!(place.expire(later).await.unwrap(), all(0, 1000));
    place.run("update venue set image_originals = interval '1 day'").await;
    let later = DAY + SignedDuration::from_secs(1199);
    assert_eq!(place.expire(later).await.unwrap(), all(0, 200));
    assert_eq!(place.number("select count(*) from image_variant").await, 3300);
    place.run("update venue set image_retention = interval '1 day'").await;
    assert_eq!(place.expire(later).await.unwrap(), all(1200, 0));
    assert_eq!(
        place.expire(later + DAY).await.unwrap(),
        all(300, 0),
        "with the originals that are left"
    );
    assert_eq!(place.number("select count(*) from image_variant").await, 0);
    let ended = "select count(*) from image where state = 'expired' and num_nulls(boxes, original_until) = 2";
    assert_eq!(place.number(ended).await, 1500);
    place.expire(DAY * 365).await.unwrap();
    assert_eq!(place.number(ended).await, 1500);
    place.expire(DAY * 368).await.unwrap();
    assert_eq!(place.number(ended).await, 0);
}

#[tokio::test]
async fn what_is_in_another_store_stays_there_and_keeps_nothing_else() {
    let place = Place::new().await;
    place.keep_originals("1 day").await;
    place.save(&place.objects, Some(b"ORIGINAL")).await.unwrap();
    let elsewhere = TempDir::new().unwrap();
    let other = open(&format!("file://{}/", elsewhere.path().display())).unwrap();
    for store in [&other, &Objects::database()] {
        let read = place.content(Variant::Anonymised).await.read(store).await;
        assert!(matches!(read, Err(Error::Setting(_))), "{read:?}");
    }
    let in_database = "update image_variant set data = 'x', object = null, store = null where variant = 'thumbnail'";
    place.run(in_database).await;
    let expired = images::expire(&place.test.database, noon() + DAY * 30).await.unwrap();
    assert_eq!(
        expired,
        Expired {
            images: 1,
            originals: 0
        }
    );
    let waiting = "select count(*) from image_variant where outlived";
    for store in [&other, &Objects::database()] {
        let told = images::sweep(&place.test.database, store)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            told.contains(&place.url()) && told.contains("CITYTRACK_IMAGES__STORE"),
            "{told}"
        );
        assert!(place.file(Variant::Anonymised).exists() && place.file(Variant::Original).exists());
        assert_eq!(place.number(waiting).await, 2);
        assert_eq!(place.number("select count(*) from image_variant").await, 2);
    }
    // Not as long as something points to a file.
    images::expire(&place.test.database, noon() + DAY * 600).await.unwrap();
    assert_eq!(place.number("select count(*) from image").await, 1);
    assert_eq!(images::sweep(&place.test.database, &place.objects).await.unwrap(), 2);
    assert!(!place.file(Variant::Anonymised).exists() && !place.file(Variant::Original).exists());
    assert_eq!(place.number("select count(*) from image_variant").await, 0);
    images::expire(&place.test.database, noon() + DAY * 600).await.unwrap();
    assert_eq!(place.number("select count(*) from image").await, 0);
}

#[tokio::test]
async fn what_is_over_is_not_shown_even_before_it_is_deleted() {
    let place = Place::new().await;
    place.keep_originals("60 days").await;
    place.save(&place.objects, Some(b"ORIGINAL")).await.unwrap();
    let almost = DAY * 30 - SignedDuration::from_secs(1);
    assert!(place.original(almost).await.is_some());
    assert_eq!(place.found(almost).await.variants.len(), 3);
    assert!(
        place.original(DAY * 30).await.is_none(),
        "the picture's own time is over"
    );
    let over = place.found(DAY * 30).await;
    assert_eq!(
        (over.state, over.boxes, over.had_original),
        (ImageState::Expired, None, true)
    );
    assert!(over.variants.is_empty());

    // As the venue says less since, at once; and not for longer than was said at first.
    place.keep_originals("2 days").await;
    assert!(place.original(DAY).await.is_some());
    assert!(place.original(DAY * 2).await.is_none());
    assert!(!place.found(DAY * 2).await.has(Variant::Original));
    place.keep_originals("0").await;
    assert!(place.original(SignedDuration::ZERO).await.is_none());
    assert_eq!(place.expire(SignedDuration::ZERO).await.unwrap().originals, 1);
    assert!(!place.file(Variant::Original).exists());
    assert!(place.file(Variant::Anonymised).exists());
    place.keep_originals("60 days").await;
    assert!(place.original(SignedDuration::ZERO).await.is_none());
    let known = place.found(SignedDuration::ZERO).await;
    assert_eq!((known.state, known.had_original), (ImageState::Ready, true));
}

#[tokio::test]
async fn objects_of_an_attempt_whose_picture_is_over_meanwhile_are_not_left() {
    let place = Place::new().await;
    place.save(&place.objects, None).await.unwrap();
    let files = [Variant::Anonymised, Variant::Original].map(|variant| place.file(variant));
    place.expire(DAY * 30).await.unwrap();
    assert!(!files[0].exists());
    for file in &files {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "of an attempt that could not commit").unwrap();
    }
    assert!(!place.save(&place.objects, None).await.unwrap());
    assert!(files.iter().all(|file| !file.exists()));
}

#[tokio::test]
async fn what_is_known_of_a_picture_is_of_the_one_that_is_stored() {
    let mut place = Place::new().await;
    place.image.camera = Some(CameraName::new("door").unwrap());
    images::receipt(&place.test.database, &place.image).await.unwrap();
    // The node has used the id twice.
    place.image.camera = Some(CameraName::new("hall").unwrap());
    place.image.captured_at -= DAY;
    assert!(place.save(&place.objects, None).await.unwrap());
    assert_eq!(place.found(SignedDuration::ZERO).await.details, place.image);
    assert!(!place.found(SignedDuration::ZERO).await.had_original);
}
