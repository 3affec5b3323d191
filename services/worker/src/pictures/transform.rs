//! The role `transform`: an upload becomes what may be kept of it.
//!
//! Each is acknowledged when the broker has safely what became of it. A picture that will never work is told as failed, and its
//! upload put aside. So is one that workers have died of.

use std::time::Duration;

use bytes::Bytes;
use citytrack_broker::{
    Delivery, Inbox,
    topology::{IMAGES, TRANSFORM},
};
use citytrack_common::{Lifecycle, TaskError, admin, health, lifecycle::chain, trace::TRACEPARENT};
use citytrack_domain::{BoxesFrom, Clock, ImageBoxes};
use citytrack_images::Limits;
use citytrack_messages::images::{ANSWER, Ready, TRANSFORMED, Transformed, UPLOAD, Upload, decode_upload};
use citytrack_storage::{
    images,
    venues::{self, Venue},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    budget::Budget,
    common::{self, Patient, Stopped},
    flow,
    made::{failed, failure, stamp, variants},
    metrics::PictureMetrics,
    settings::{TransformSettings, TransformingSettings},
    told::Told,
};
use crate::dead_letters::{self, DeadLetters, Letter};

/// Between two looks for the detections of a picture.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Starts the worker in the role `transform`.
///
/// # Errors
/// When the admin address is taken or a URL cannot be read. Servers that are away are waited for.
pub fn start(settings: &TransformSettings, lifecycle: &Lifecycle) -> Result<(), TaskError> {
    let registry = admin::registry()?;
    let (spawner, readiness, common) = (lifecycle.spawner(), lifecycle.readiness(), &settings.common);
    let in_hand = settings.transform.in_hand();
    let inbox = common::inbox(common, TRANSFORM.name, in_hand, &registry)?;
    let status = health::follow(readiness.check("broker"), inbox.status(), spawner.stop());
    spawner.spawn("broker status", status);
    let publisher = |exchange, kind, name| common::publisher(common, (exchange, kind), name, &registry, &spawner);
    let images = publisher(IMAGES.exchange, TRANSFORMED, "images")?;
    // Whoever holds a picture asks for no other, and so does not notice at the inbox that the broker is away.
    let status = health::follow(readiness.check("publisher"), images.status(), spawner.stop());
    spawner.spawn("publisher status", status);
    let transform = Transform {
        told: Told {
            published: images,
            answered: publisher(IMAGES.exchange, ANSWER, "answers")?,
            max_message: settings.transform.max_message.as_u64(),
            stop: spawner.stop(),
        },
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
        budget: Budget::new(&settings.transform, spawner.stop()),
        settings: settings.transform.clone(),
        metrics: PictureMetrics::of_transform(&registry)?,
        stop: spawner.stop(),
    };
    spawner.spawn("transform", transform.run(inbox));
    admin::start(&common.admin, registry, lifecycle)
}

struct Transform {
    told: Told,
    dead_letters: DeadLetters,
    postgres: Patient,
    budget: Budget,
    settings: TransformingSettings,
    metrics: PictureMetrics,
    stop: CancellationToken,
}

impl Transform {
    async fn run(self, mut inbox: Inbox) -> Result<(), TaskError> {
        // Nothing is taken from the queue before there is something to ask.
        let schema = self.postgres.until_answered(|| self.postgres.database.migrate()).await;
        if schema.is_ok() {
            let in_hand = self.settings.in_hand().into();
            flow::run(&mut inbox, in_hand, &self.stop, |delivery| self.settle(delivery)).await;
        }
        inbox.close().await;
        if self.budget.is_stuck() {
            let hang =
                "threads are busy with pictures that were given up long ago, and only the end of the process ends them";
            return Err(hang.into());
        }
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
        let done = if delivery.returned < self.settings.attempts.get() {
            let (boxes, boxes_from) = self.boxes(&upload).await?;
            self.transform(&upload, boxes, boxes_from, venue).await?
        } else {
            let times = delivery.returned;
            let detail = format!("workers had the picture {times} times and came to no end: it may be what ended them");
            failed(&upload, failure("crashed-worker", &detail))
        };
        let trace = delivery.headers.get(TRACEPARENT).cloned();
        let done = self.told.tell(&upload, done, trace).await?;
        let age = Clock::System.now().duration_since(upload.image.received_at);
        self.metrics.age.observe(age.as_secs_f64().max(0.0));
        self.metrics
            .settled(if done.outcome.is_ok() { "ready" } else { "failed" });
        match &done.outcome {
            Ok(_) => Ok(()),
            Err(failure) => self.put_aside(&route, payload, &failure.detail).await,
        }
    }

    /// What is on the picture, as far as anybody knows. Its detections may come a moment later than the picture, and are complete when there
    /// are no more of them at the next look.
    async fn boxes(&self, upload: &Upload) -> Result<(ImageBoxes, BoxesFrom), Stopped> {
        let image = &upload.image;
        let (Some(camera), None, true) = (&image.camera, &upload.boxes, image.names_a_frame()) else {
            let from = upload.boxes.as_ref().map_or(BoxesFrom::None, |_| BoxesFrom::Upload);
            return Ok((upload.boxes.clone(), from));
        };
        // From its arrival on: those that have waited in the queue need not wait again, so that waiting costs no throughput. (Clocks
        // differ: from now on at the latest.)
        let until = image.received_at.min(Clock::System.now()) + Duration::from(self.settings.frame_wait);
        let mut frames = 0;
        loop {
            let is_last = Clock::System.now() >= until;
            let ask = || images::detections_at(&self.postgres.database, image.source.id, camera, image.captured_at);
            match self.postgres.until_answered(ask).await? {
                // There may be more of this moment on its way, from another detector or in another batch.
                Ok(Some(seen)) if is_last || seen.frames == frames => {
                    return Ok((Some(seen.detections), BoxesFrom::Detections));
                }
                Ok(None) if is_last => return Ok((None, BoxesFrom::None)),
                Ok(seen) => frames = seen.map_or(0, |seen| seen.frames),
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
    async fn transform(
        &self,
        upload: &Upload,
        boxes: ImageBoxes,
        boxes_from: BoxesFrom,
        venue: Venue,
    ) -> Result<Transformed, Stopped> {
        let stamp = stamp(upload, &venue);
        let limits = Limits {
            pixels: self.settings.max_pixels,
            memory: self.settings.memory.as_u64(),
        };
        let keep = !venue.images.keep_originals.is_zero();
        let (picture, seen) = (upload.picture.clone(), boxes.clone());
        // A thread that takes too long is not ended by giving it up, so it keeps its share until it ends.
        let share = self.budget.share(&upload.picture, limits).await?;
        let work = tokio::task::spawn_blocking(move || {
            let done = variants(&picture, seen.as_deref(), &stamp, &venue.images, limits);
            drop(share);
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
        Ok(Transformed {
            image: upload.image.clone(),
            size,
            boxes,
            boxes_from,
            transformed_at: Clock::System.now(),
            outcome,
        })
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
