//! Files of pictures in a directory beside the database: written before their rows, deleted before them.

use std::{fs, path::PathBuf};

use citytrack_domain::{BoxesFrom, ImageDetails, ImageFailure, ImageId, ImageVariant, Slug, Variant, VenueTimeZone};
use citytrack_storage::{
    Error, Objects,
    images::{self, Content, Expired, Finished},
    nodes, venues,
};
use citytrack_testkit::{TestDatabase, changed, demo_node};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

const FORMS: [(Variant, &[u8]); 2] = [(Variant::Anonymised, b"anonymised"), (Variant::Thumbnail, b"thumbnail")];

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// A database with the venue of one picture, and a directory.
pub(crate) struct Place {
    pub(crate) test: TestDatabase,
    directory: TempDir,
    pub(crate) objects: Objects,
    pub(crate) image: ImageDetails,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let test = TestDatabase::create().await;
        let directory = TempDir::new().unwrap();
        let objects = open(&url(&directory)).unwrap();
        let image = ImageDetails {
            id: ImageId::generate(noon()),
            source: demo_node(&test.database).await,
            camera: None,
            captured_at: noon(),
            frame: None,
            received_at: noon(),
            media_type: "image/png".to_owned(),
        };
        Self {
            test,
            directory,
            objects,
            image,
        }
    }

    pub(crate) async fn save(&self, objects: &Objects, original: Option<&[u8]>) -> Result<bool, Error> {
        let variants = FORMS.map(|(variant, bytes)| ImageVariant {
            variant,
            media_type: "image/jpeg".to_owned(),
            width: 640,
            height: 480,
            bytes,
        });
        let finished = Finished {
            image: &self.image,
            size: Some((640, 480)),
            boxes: &None,
            boxes_from: BoxesFrom::None,
            transformed_at: noon(),
            outcome: Ok((&variants, original)),
        };
        images::save(&self.test.database, objects, &finished, noon()).await
    }

    /// The same with nothing made of it.
    async fn save_failed(&self) -> Result<bool, Error> {
        let failure = ImageFailure {
            code: "too-slow".to_owned(),
            detail: "the picture took too long".to_owned(),
        };
        let finished: Finished<'_, &[u8]> = Finished {
            image: &self.image,
            size: None,
            boxes: &None,
            boxes_from: BoxesFrom::None,
            transformed_at: noon(),
            outcome: Err(&failure),
        };
        images::save(&self.test.database, &self.objects, &finished, noon()).await
    }

    pub(crate) fn url(&self) -> String {
        url(&self.directory)
    }

    /// Where a file of the picture is.
    pub(crate) fn file(&self, variant: Variant) -> PathBuf {
        let folder = self.directory.path().join("2026-11-22").join(self.image.id.to_string());
        folder.join(variant.as_str())
    }

    pub(crate) async fn content(&self, variant: Variant) -> Content {
        let stored = images::variant(&self.test.database, self.image.id, variant)
            .await
            .unwrap();
        stored.unwrap().content
    }

    pub(crate) async fn number(&self, question: &str) -> i64 {
        let client = self.test.database.client().await.unwrap();
        client.query_one(question, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn keep_originals(&self, time: &str) {
        let client = self.test.database.client().await.unwrap();
        let statement = format!("update venue set image_originals = '{time}'");
        client.batch_execute(&statement).await.unwrap();
    }

    pub(crate) async fn expire(&self, after: SignedDuration) -> Result<Expired, Error> {
        let expired = images::expire(&self.test.database, noon() + after).await?;
        images::sweep(&self.test.database, &self.objects).await?;
        Ok(expired)
    }
}

fn url(directory: &TempDir) -> String {
    format!("file://{}", directory.path().display())
}

pub(crate) fn open(store: &str) -> Result<Objects, Error> {
    Objects::open(store, [("region", "eu-central-1".to_owned())])
}

#[tokio::test]
async fn files_are_in_the_directory_and_rows_point_to_them() {
    let place = Place::new().await;
    assert!(place.save(&place.objects, None).await.unwrap());
    for (variant, bytes) in FORMS {
        assert_eq!(fs::read(place.file(variant)).unwrap(), bytes);
        let content = place.content(variant).await;
        assert!(matches!(content, Content::Object(_)), "{variant}");
        assert_eq!(content.read(&place.objects).await.unwrap(), bytes);
    }
    let told = "select count(*) from image_variant where data is null and bytes in (9, 10) and
                digest in (sha256('anonymised'), sha256('thumbnail'))";
    assert_eq!(place.number(told).await, 2);

    fs::remove_file(place.file(Variant::Thumbnail)).unwrap();
    assert!(!place.save(&place.objects, None).await.unwrap(), "known already");
    assert!(!place.file(Variant::Thumbnail).exists(), "a repetition writes nothing");
    let lost = place.content(Variant::Thumbnail).await.read(&place.objects).await;
    assert!(matches!(lost, Err(Error::Corrupt(_))), "{lost:?}");
    let nowhere = place
        .content(Variant::Anonymised)
        .await
        .read(&Objects::database())
        .await;
    assert!(nowhere.unwrap_err().to_string().contains("CITYTRACK_IMAGES__STORE"));
}

#[tokio::test]
async fn without_a_store_files_are_in_the_database() {
    let place = Place::new().await;
    assert!(place.save(&Objects::database(), None).await.unwrap());
    for (variant, bytes) in FORMS {
        assert!(
            place.content(variant).await == Content::Bytes(bytes.to_vec()),
            "{variant}"
        );
        // Also where a store was set since.
        assert_eq!(place.content(variant).await.read(&place.objects).await.unwrap(), bytes);
    }
    assert!(fs::read_dir(place.directory.path()).unwrap().next().is_none());
}

#[tokio::test]
async fn what_an_attempt_that_failed_has_left_is_overwritten_by_the_next_one() {
    let place = Place::new().await;
    // The second file cannot be written.
    let obstacle = place.file(Variant::Thumbnail).join("obstacle");
    fs::create_dir_all(&obstacle).unwrap();
    let failed = place.save(&place.objects, None).await;
    assert!(matches!(failed, Err(Error::Objects(_))), "{failed:?}");
    assert!(place.file(Variant::Anonymised).exists(), "the first was written");
    assert_eq!(place.number("select count(*) from image").await, 0);
    fs::write(place.file(Variant::Anonymised), "half of it").unwrap();
    fs::remove_dir_all(place.file(Variant::Thumbnail)).unwrap();
    assert!(place.save(&place.objects, None).await.unwrap());
    let folder = place.file(Variant::Anonymised);
    let files = fs::read_dir(folder.parent().unwrap()).unwrap().count();
    assert_eq!(files, FORMS.len(), "nothing doubles");
    assert_eq!(fs::read(folder).unwrap(), b"anonymised");
}

#[tokio::test]
async fn an_original_that_the_venue_keeps_no_more_when_it_is_saved_is_not_kept() {
    let place = Place::new().await;
    // Left by an earlier attempt, when the venue still kept originals.
    fs::create_dir_all(place.file(Variant::Original).parent().unwrap()).unwrap();
    fs::write(place.file(Variant::Original), "ORIGINAL").unwrap();
    assert!(place.save(&place.objects, Some(b"ORIGINAL")).await.unwrap());
    assert!(!place.file(Variant::Original).exists());
    let kept = "select count(*) from image_variant where variant = 'original'";
    assert_eq!(place.number(kept).await, 0);
    assert_eq!(
        place
            .number("select count(*) from image where original_until is null")
            .await,
        1
    );
}

#[tokio::test]
async fn objects_are_deleted_when_their_time_is_over_and_before_their_rows() {
    let place = Place::new().await;
    place.keep_originals("1 day").await;
    assert!(place.save(&place.objects, Some(b"ORIGINAL")).await.unwrap());
    assert_eq!(fs::read(place.file(Variant::Original)).unwrap(), b"ORIGINAL");
    place.expire(SignedDuration::from_hours(23)).await.unwrap();
    assert!(place.file(Variant::Original).exists());
    place.expire(SignedDuration::from_hours(24)).await.unwrap();
    assert!(!place.file(Variant::Original).exists());
    assert_eq!(place.number("select count(*) from image_variant").await, 2);
    assert!(place.file(Variant::Anonymised).exists());

    // An object that cannot be deleted keeps its row, so that it is not forgotten.
    let month = SignedDuration::from_hours(24 * 30);
    fs::remove_file(place.file(Variant::Anonymised)).unwrap();
    fs::create_dir_all(place.file(Variant::Anonymised)).unwrap();
    let failed = place.expire(month).await;
    assert!(matches!(failed, Err(Error::Objects(_))), "{failed:?}");
    let waiting = "select count(*) from image_variant join image on id = image_id where state = 'expired' and outlived";
    assert_eq!(place.number(waiting).await, 1);
    assert!(
        !place.file(Variant::Thumbnail).exists(),
        "nor is it an obstacle for others"
    );
    // Nor is one that is gone already.
    fs::remove_dir_all(place.file(Variant::Anonymised)).unwrap();
    assert_eq!(place.expire(month).await.unwrap(), Expired::default());
    assert_eq!(place.number("select count(*) from image_variant").await, 0);
    assert!(!place.file(Variant::Thumbnail).exists());
    assert!(!place.save(&place.objects, None).await.unwrap(), "it was here");
    assert!(!place.file(Variant::Thumbnail).exists(), "and does not come back");
}

#[test]
fn a_store_that_cannot_be_is_refused_with_the_name_of_the_setting() {
    for wrong in [
        "",
        "postgres",
        "/srv/pictures",
        "file://srv/pictures",
        "file:///nowhere/to/be/found",
        "s3://",
        "s3:///prefix",
        "s3://bucket/a//b",
        "https://bucket.s3.amazonaws.com",
    ] {
        let error = open(wrong).unwrap_err();
        assert!(matches!(error, Error::Setting(_)), "{wrong}");
        assert!(error.to_string().starts_with("CITYTRACK_IMAGES__STORE="), "{error}");
    }
    assert_eq!(format!("{:?}", open("database").unwrap()), "Objects(database)");
}

#[test]
fn a_bucket_is_opened_without_asking_its_server() {
    for store in ["s3://bucket", "s3://bucket/", "s3://bucket/city/pictures"] {
        let options = [
            ("region", "eu-central-1"),
            ("endpoint", "http://127.0.0.1:1"),
            ("access_key_id", "key"),
            ("secret_access_key", "hunter2"),
        ];
        let opened = Objects::open(store, options.map(|(name, value)| (name, value.to_owned()))).unwrap();
        let shown = format!("{opened:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[tokio::test]
async fn a_bucket_whose_server_is_away_keeps_the_row_from_being_written() {
    let place = Place::new().await;
    let options = [
        ("endpoint", "http://127.0.0.1:1"),
        ("access_key_id", "key"),
        ("secret_access_key", "secret"),
    ];
    let away = Objects::open(
        "s3://bucket/city",
        options.map(|(name, value)| (name, value.to_owned())),
    )
    .unwrap();
    let failed = place.save(&away, None).await;
    assert!(matches!(failed, Err(Error::Objects(_))), "{failed:?}");
    assert_eq!(place.number("select count(*) from image").await, 0);
}

#[tokio::test]
async fn a_failure_is_mended_once_by_what_is_transformed_again() {
    let place = Place::new().await;
    assert!(place.save_failed().await.unwrap());
    assert!(!place.save_failed().await.unwrap(), "known already");
    assert!(place.save(&place.objects, None).await.unwrap(), "ready after all");
    let mended =
        "select count(*) from image where state = 'ready' and reason is null and detail is null and width = 640";
    assert_eq!(place.number(mended).await, 1);
    assert!(!place.save_failed().await.unwrap(), "it stays ready");
    assert!(!place.save(&place.objects, None).await.unwrap());
    assert_eq!(place.number(mended).await, 1);
    assert_eq!(place.number("select count(*) from image_variant").await, 2);
}

#[tokio::test]
async fn another_venue_cannot_change_a_picture_whose_id_it_uses() {
    let mut place = Place::new().await;
    let mine = place.image.clone();
    let [venue, node] = ["other", "south"].map(|slug| Slug::new(slug).unwrap());
    let zone = VenueTimeZone::new("Europe/Berlin").unwrap();
    let other = changed(&place.test.database, async |change| {
        venues::create(change, &venue, "Other", &zone).await?;
        nodes::create(change, Uuid::now_v7(), &venue, &node, "South").await
    });
    let other = other.await.unwrap();
    let whose = "select count(*) from image where venue = 'demo' and state = ";
    images::receipt(&place.test.database, &mine).await.unwrap();
    place.image.source.id = other.id;
    place.image.source.venue = venue;
    for state in ["received", "failed", "ready"] {
        images::receipt(&place.test.database, &place.image).await.unwrap();
        for saved in [place.save(&place.objects, None).await, place.save_failed().await] {
            assert!(matches!(saved, Err(Error::Conflict(_))), "{state}: {saved:?}");
        }
        assert_eq!(place.number(&format!("{whose} '{state}'")).await, 1);
        assert_eq!(place.number("select count(*) from image").await, 1);
        let theirs = std::mem::replace(&mut place.image, mine.clone());
        let forms = place.number("select count(*) from image_variant").await;
        assert_eq!(forms, if state == "ready" { 2 } else { 0 });
        assert_eq!(place.file(Variant::Anonymised).exists(), state == "ready");
        match state {
            "received" => assert!(place.save_failed().await.unwrap()),
            _ => assert_eq!(place.save(&place.objects, None).await.unwrap(), state == "failed"),
        }
        place.image = theirs;
    }
}
