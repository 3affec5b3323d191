//! The role `transform`: an upload becomes what may be kept of it.
//!
//! As many pictures as there are threads for are taken together, and acknowledged when the broker has safely what became of all of
//! them. A picture that will never work is told as failed, and its upload put aside.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use citytrack_broker::{
    Delivery, Inbox, Message, Publisher,
    topology::{IMAGES, TRANSFORM},
};
use citytrack_common::{Lifecycle, TaskError, admin, health, lifecycle::chain, trace::TRACEPARENT};
use citytrack_domain::{BoxesFrom, Clock, ImageBoxes, ImageFailure, ImageSettings, ImageVariant, Variant};
use citytrack_images::{Encoded, Limits, Marks, Objects, Wanted};
use citytrack_messages::images::{
    ANSWER, Answer, IMAGE_ID, Ready, TRANSFORMED, Transformed, UPLOAD, Upload, VENUE, answered_key, decode_upload,
    encode_answer, encode_transformed, transformed_key,
};
use citytrack_storage::{
    images,
    venues::{self, Venue},
};
use futures_util::{FutureExt as _, future::join_all};
use jiff::tz::TimeZone;
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    common::{self, Patient, Stopped},
    metrics::PictureMetrics,
    settings::{TransformSettings, TransformingSettings},
};
use crate::dead_letters::{self, DeadLetters, Letter};

/// Between two looks for the detections of a picture.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Between attempts while the broker does not take what became of a picture.
const RETRY: Duration = Duration::from_millis(500);
/// Nobody who waits waits for longer than this on the way back.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Starts the worker in the role `transform`.
///
/// # Errors
/// When the admin address is taken or a URL cannot be read. Servers that are away are waited for.
pub fn start(settings: &TransformSettings, lifecycle: &Lifecycle) -> Result<(), TaskError> {
    let registry = admin::registry()?;
    let (spawner, readiness, common) = (lifecycle.spawner(), lifecycle.readiness(), &settings.common);
    let parallel = settings.transform.parallel.get();
    let inbox = common::inbox(common, TRANSFORM.name, parallel, &registry)?;
    let status = health::follow(readiness.check("broker"), inbox.status(), spawner.stop());
    spawner.spawn("broker status", status);
    let publisher = |exchange, kind, name| common::publisher(common, (exchange, kind), name, &registry, &spawner);
    let transform = Transform {
        published: publisher(IMAGES.exchange, TRANSFORMED, "images")?,
        answered: publisher(IMAGES.exchange, ANSWER, "answers")?,
        dead_letters: DeadLetters::new(
            publisher(IMAGES.dead_letter_exchange, dead_letters::SCHEMA, "dead_letters")?,
            Clock::System,
        ),
        postgres: Patient {
            database: common::database(common, "citytrack worker (transform)")?,
            check: readiness.check("database"),
            max_backoff: common.max_backoff.into(),
            stop: spawner.stop(),
        },
        threads: Arc::new(Semaphore::new(parallel.into())),
        settings: settings.transform.clone(),
        metrics: PictureMetrics::of_transform(&registry)?,
        stop: spawner.stop(),
    };
    spawner.spawn("transform", transform.run(inbox));
    admin::start(&common.admin, registry, lifecycle)
}

struct Transform {
    published: Publisher,
    answered: Publisher,
    dead_letters: DeadLetters,
    postgres: Patient,
    threads: Arc<Semaphore>,
    settings: TransformingSettings,
    metrics: PictureMetrics,
    stop: CancellationToken,
}

impl Transform {
    async fn run(self, mut inbox: Inbox) -> Result<(), TaskError> {
        // Nothing is taken from the queue before there is something to ask.
        let schema = self.postgres.until_answered(|| self.postgres.database.migrate()).await;
        let parallel = usize::from(self.settings.parallel.get());
        while schema.is_ok() {
            let next = inbox.next(parallel, usize::MAX);
            let Some(deliveries) = self.stop.run_until_cancelled(next).await else {
                break;
            };
            let all: Vec<_> = deliveries
                .into_iter()
                .map(|delivery| self.settle(delivery).boxed())
                .collect();
            if join_all(all).await.iter().any(Result::is_err) {
                break;
            }
            inbox.settle().await;
        }
        inbox.close().await;
        Ok(())
    }

    /// Brings one upload to its end.
    async fn settle(&self, delivery: Delivery) -> Result<(), Stopped> {
        let (route, payload) = (delivery.route, Bytes::from(delivery.payload));
        let upload = match decode_upload(payload.clone()) {
            Ok(upload) => upload,
            Err(error) => return self.put_aside(&route, payload, &chain(&error)).await,
        };
        let venue = upload.image.source.venue.clone();
        let database = &self.postgres.database;
        let found = self.postgres.until_answered(|| venues::get(database, &venue)).await?;
        let venue = match found {
            Ok(venue) => venue,
            Err(error) => return self.put_aside(&route, payload, &chain(&error)).await,
        };
        let (boxes, boxes_from) = self.boxes(&upload).await?;
        let done = self.transform(&upload, boxes, boxes_from, venue).await;
        let trace = delivery.headers.get(TRACEPARENT).cloned();
        self.answer(&upload, &done, trace.clone()).await;
        self.publish(&done, trace).await?;
        let age = Clock::System.now().duration_since(upload.image.received_at);
        self.metrics.age.observe(age.as_secs_f64().max(0.0));
        self.metrics
            .settled(if done.outcome.is_ok() { "ready" } else { "failed" });
        match &done.outcome {
            Ok(_) => Ok(()),
            Err(failure) => self.put_aside(&route, payload, &failure.detail).await,
        }
    }

    /// What is on the picture, as far as anybody knows. Its detections may come a moment later than the picture.
    async fn boxes(&self, upload: &Upload) -> Result<(ImageBoxes, BoxesFrom), Stopped> {
        let image = &upload.image;
        let (Some(camera), None, true) = (&image.camera, &upload.boxes, image.names_a_frame()) else {
            let from = upload.boxes.as_ref().map_or(BoxesFrom::None, |_| BoxesFrom::Upload);
            return Ok((upload.boxes.clone(), from));
        };
        // From its arrival on: those that have waited in the queue need not wait again, so that waiting costs no throughput. (Clocks
        // differ: from now on at the latest.)
        let until = image.received_at.min(Clock::System.now()) + Duration::from(self.settings.frame_wait);
        loop {
            let ask = || images::detections_at(&self.postgres.database, image.source.id, camera, image.captured_at);
            match self.postgres.until_answered(ask).await? {
                Ok(Some(boxes)) => return Ok((Some(boxes), BoxesFrom::Detections)),
                Ok(None) if Clock::System.now() < until => {}
                Ok(None) => return Ok((None, BoxesFrom::None)),
                Err(error) => {
                    warn!(error = %chain(&error), "the detections of a picture cannot be read");
                    return Ok((None, BoxesFrom::None));
                }
            }
            let waited = self.stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
            waited.ok_or(Stopped)?;
        }
    }

    /// On a thread of its own, for as long as it may take.
    async fn transform(&self, upload: &Upload, boxes: ImageBoxes, boxes_from: BoxesFrom, venue: Venue) -> Transformed {
        let stamp = stamp(upload, &venue);
        let limits = Limits {
            pixels: self.settings.max_pixels,
        };
        let keep = !venue.images.keep_originals.is_zero();
        let (picture, seen) = (upload.picture.clone(), boxes.clone());
        // A thread that takes too long is not ended by giving it up, so it keeps its place until it ends.
        let places = places(&upload.picture, limits, self.settings.parallel.get());
        let place = Arc::clone(&self.threads).acquire_many_owned(places).await;
        let work = tokio::task::spawn_blocking(move || {
            let done = variants(&picture, seen.as_deref(), &stamp, &venue.images, limits);
            drop(place);
            done
        });
        let done = match timeout(self.settings.time_limit.into(), work).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(failure("invalid-picture", "the decoder crashed on the picture")),
            Err(_) => Err(failure("too-slow", "the picture took too long to transform")),
        };
        let (size, outcome) = match done {
            Ok((size, variants)) => {
                let original = keep.then(|| upload.picture.clone());
                (Some(size), Ok(Ready { variants, original }))
            }
            Err(failure) => (None, Err(failure)),
        };
        Transformed {
            image: upload.image.clone(),
            size,
            boxes,
            boxes_from,
            transformed_at: Clock::System.now(),
            outcome,
        }
    }

    /// Tells the upload that waits, if one does. It may have gone, and that is no error.
    async fn answer(&self, upload: &Upload, done: &Transformed, trace: Option<String>) {
        let Some(instance) = &upload.answer_to else {
            return;
        };
        let outcome = match &done.outcome {
            Err(failure) => Err(failure.clone()),
            Ok(ready) => {
                let anonymised = ready.variants.iter().find(|made| made.variant == Variant::Anonymised);
                let none = || failure("no-such-variant", "the venue makes no anonymised pictures");
                anonymised.cloned().ok_or_else(none)
            }
        };
        let answer = Answer {
            id: done.image.id,
            outcome,
        };
        let message = Message {
            route: answered_key(instance),
            payload: encode_answer(&answer),
            headers: headers(done, trace),
        };
        if let Ok(Err(error)) = timeout(ANSWER_WITHIN, self.answered.publish(message)).await {
            debug!(%error, image.id = %done.image.id, "nobody is told about a picture");
        }
    }

    /// Tries until the broker has it.
    async fn publish(&self, done: &Transformed, trace: Option<String>) -> Result<(), Stopped> {
        let headers = headers(done, trace);
        let (route, payload) = (transformed_key(&done.image.source.venue), encode_transformed(done));
        loop {
            let message = Message {
                route: route.clone(),
                payload: payload.clone(),
                headers: headers.clone(),
            };
            match self.published.publish(message).await {
                Ok(()) => return Ok(()),
                Err(error) => warn!(%error, "a transformed picture is held until the broker takes it"),
            }
            let waited = self.stop.run_until_cancelled(tokio::time::sleep(RETRY)).await;
            waited.ok_or(Stopped)?;
        }
    }

    async fn put_aside(&self, route: &str, payload: Bytes, reason: &str) -> Result<(), Stopped> {
        let letter = Letter {
            route,
            kind: UPLOAD,
            payload,
            reason,
        };
        if !self.dead_letters.put(letter, &self.stop).await {
            return Err(Stopped);
        }
        self.metrics.settled("dead_lettered");
        Ok(())
    }
}

/// Pictures of more pixels are transformed one at a time: one of the largest takes 200 MB.
const LARGE: u64 = 12_000_000;

/// How many of all the places a picture takes; of one that will be refused nothing is decoded.
fn places(picture: &[u8], limits: Limits, all: u16) -> u32 {
    match citytrack_images::inspect(picture, limits) {
        Ok(header) if u64::from(header.width) * u64::from(header.height) > LARGE => all.into(),
        _ => 1,
    }
}

type Made = ((u32, u32), Vec<ImageVariant<Bytes>>);

/// Everything that the venue wants.
fn variants(
    picture: &[u8],
    boxes: Option<&[citytrack_domain::Detection]>,
    stamp: &[String],
    settings: &ImageSettings,
    limits: Limits,
) -> Result<Made, ImageFailure> {
    let wants = |variant| settings.variants.contains(&variant);
    let marks = Marks {
        objects: boxes.map_or(Objects::Unknown, Objects::Known),
        hidden: &settings.classes,
        stamp,
    };
    let wanted = Wanted {
        thumbnail: wants(Variant::Thumbnail),
        annotated: wants(Variant::Annotated),
        anonymised: wants(Variant::Anonymised),
    };
    let made = citytrack_images::transform(picture, &marks, wanted, limits);
    let made = made.map_err(|error| failure(error.code(), &error.to_string()))?;
    let forms = [
        (Variant::Thumbnail, made.thumbnail),
        (Variant::Annotated, made.annotated),
        (Variant::Anonymised, made.anonymised),
    ];
    let forms = forms
        .into_iter()
        .filter_map(|(variant, made)| Some(form(variant, made?)));
    Ok(((made.width, made.height), forms.collect()))
}

fn form(variant: Variant, Encoded { width, height, jpeg }: Encoded) -> ImageVariant<Bytes> {
    ImageVariant {
        variant,
        media_type: "image/jpeg".to_owned(),
        width,
        height,
        bytes: jpeg.into(),
    }
}

fn failure(code: &str, detail: &str) -> ImageFailure {
    ImageFailure {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}

/// Which picture a message is about, whose it is, and the request that sent it.
fn headers(done: &Transformed, trace: Option<String>) -> Vec<(&'static str, String)> {
    let trace = trace.map(|trace| (TRACEPARENT, trace));
    let image = &done.image;
    [
        (IMAGE_ID, image.id.to_string()),
        (VENUE, image.source.venue.to_string()),
    ]
    .into_iter()
    .chain(trace)
    .collect()
}

/// Time and place, as people there know them.
fn stamp(upload: &Upload, venue: &Venue) -> Vec<String> {
    let zone = TimeZone::get(&venue.time_zone).unwrap_or(TimeZone::UTC);
    let time = upload
        .image
        .captured_at
        .to_zoned(zone)
        .strftime("%Y-%m-%d %H:%M:%S %Z")
        .to_string();
    let camera = upload.image.camera.as_ref().map(ToString::to_string);
    let place = [Some(venue.name.clone()), camera].into_iter().flatten();
    vec![time, place.collect::<Vec<_>>().join(" · ")]
}
