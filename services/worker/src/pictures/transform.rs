//! The role `transform`: an upload becomes what may be kept of it.
//!
//! As many pictures as there are threads for are taken together, and each is acknowledged when the broker has safely what became of it.
//! A picture that will never work is told as failed, and its upload put aside. So is one that workers have died of.

use std::time::Duration;

use bytes::Bytes;
use citytrack_broker::{
    Delivery, Inbox, Message, Publisher,
    topology::{IMAGES, TRANSFORM},
};
use citytrack_common::{Lifecycle, TaskError, admin, health, lifecycle::chain, trace::TRACEPARENT};
use citytrack_domain::{BoxesFrom, Clock, ImageBoxes, ImageVariant, Variant};
use citytrack_images::Limits;
use citytrack_messages::images::{
    ANSWER, Answer, Ready, TRANSFORMED, Transformed, UPLOAD, Upload, answered_key, decode_upload, encode_answer,
    encode_transformed, transformed_key,
};
use citytrack_storage::{
    images,
    venues::{self, Venue},
};
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    budget::Budget,
    common::{self, Patient, Stopped},
    made::{failed, failure, headers, stamp, variants},
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
    let images = publisher(IMAGES.exchange, TRANSFORMED, "images")?;
    // Whoever holds a picture asks for no other, and so does not notice at the inbox that the broker is away.
    let status = health::follow(readiness.check("publisher"), images.status(), spawner.stop());
    spawner.spawn("publisher status", status);
    let transform = Transform {
        published: images,
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
        budget: Budget::new(&settings.transform, spawner.stop()),
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
    budget: Budget,
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
            if self.settle_all(deliveries, &mut inbox).await.is_err() {
                break;
            }
        }
        inbox.close().await;
        if self.budget.is_stuck() {
            let hang =
                "threads are busy with pictures that were given up long ago, and only the end of the process ends them";
            return Err(hang.into());
        }
        Ok(())
    }

    /// Those that came for the first time together, then the others one by one: one of them may be what a worker died of, and must
    /// not take those along that were in hand by chance.
    async fn settle_all(&self, deliveries: Vec<Delivery>, inbox: &mut Inbox) -> Result<(), Stopped> {
        let (suspects, others): (Vec<_>, Vec<_>) = deliveries.into_iter().partition(|delivery| delivery.returned > 0);
        let settle = |delivery: Delivery| async move { (delivery.tag, self.settle(delivery).await) }.boxed();
        let mut all: FuturesUnordered<_> = others.into_iter().map(settle).collect();
        let mut stopped = Ok(());
        while let Some((tag, settled)) = all.next().await {
            match settled {
                Ok(()) => inbox.settle_one(tag).await,
                Err(early) => stopped = Err(early),
            }
        }
        stopped?;
        for delivery in alternating(suspects) {
            let tag = delivery.tag;
            self.settle(delivery).await?;
            inbox.settle_one(tag).await;
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
        let (done, message) = self.packed(done);
        let trace = delivery.headers.get(TRACEPARENT).cloned();
        self.answer(&upload, &done, trace.clone()).await;
        self.publish(&done, message, trace).await?;
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

    /// Tells the upload that waits, if one does. It may have gone, and that is no error.
    async fn answer(&self, upload: &Upload, done: &Transformed, trace: Option<String>) {
        let Some(instance) = &upload.answer_to else {
            return;
        };
        let outcome = match &done.outcome {
            Err(failure) => Err(failure.clone()),
            Ok(ready) => match shown(&ready.variants) {
                Some(made) => Ok(made.clone()),
                None => return,
            },
        };
        let answer = Answer {
            id: done.image.id,
            node: Some(done.image.source.id),
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

    /// The message about it, no larger than the broker takes.
    fn packed(&self, done: Transformed) -> (Transformed, Bytes) {
        let (message, most) = (encode_transformed(&done), self.settings.max_message.as_u64());
        if message.len() as u64 <= most {
            return (done, message);
        }
        let detail = format!(
            "the picture and what was made of it have {} bytes, more than {most}",
            message.len()
        );
        let done = Transformed {
            outcome: Err(failure("picture-too-large", &detail)),
            ..done
        };
        let message = encode_transformed(&done);
        (done, message)
    }

    /// Tries until the broker has it.
    async fn publish(&self, done: &Transformed, payload: Bytes, trace: Option<String>) -> Result<(), Stopped> {
        let (headers, route) = (headers(done, trace), transformed_key(&done.image.source.venue));
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

/// What somebody who waits is shown: the best of what the venue has made. There is one always.
fn shown(made: &[ImageVariant<Bytes>]) -> Option<&ImageVariant<Bytes>> {
    let best = [Variant::Anonymised, Variant::Annotated, Variant::Thumbnail];
    best.into_iter()
        .find_map(|variant| made.iter().find(|made| made.variant == variant))
}

/// Forwards and backwards in turn: whichever of them ends the worker, the others have come before it after two attempts.
fn alternating(mut suspects: Vec<Delivery>) -> Vec<Delivery> {
    let odd = suspects.first().is_some_and(|first| first.returned % 2 == 1);
    if odd {
        suspects.reverse();
    }
    suspects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(tag: u64, returned: u64) -> Delivery {
        Delivery {
            payload: Vec::new(),
            exchange: IMAGES.exchange.to_owned(),
            route: "images.uploaded.demo".to_owned(),
            kind: Some(UPLOAD.to_owned()),
            id: None,
            stamp: None,
            redelivered: returned > 0,
            returned,
            headers: std::collections::BTreeMap::new(),
            tag,
        }
    }

    #[test]
    fn whoever_waits_is_shown_the_best_that_was_made() {
        let made = [Variant::Thumbnail, Variant::Annotated, Variant::Anonymised].map(|variant| ImageVariant {
            variant,
            media_type: "image/jpeg".to_owned(),
            width: 1,
            height: 1,
            bytes: Bytes::new(),
        });
        for (forms, best) in [
            (&made[..], Some(&made[2])),
            (&made[..2], Some(&made[1])),
            (&made[..1], Some(&made[0])),
            (&[], None),
        ] {
            assert_eq!(shown(forms), best);
        }
    }

    #[test]
    fn whichever_ends_the_worker_the_others_have_come_before_it_after_two_attempts() {
        for deadly in 0..8 {
            let mut left: Vec<u64> = (0..8).collect();
            for returned in 1..=2 {
                let suspects = left.iter().map(|tag| delivery(*tag, returned)).collect();
                let tags = alternating(suspects).into_iter().map(|delivery| delivery.tag);
                let settled: Vec<_> = tags.take_while(|tag| *tag != deadly).collect();
                left.retain(|tag| !settled.contains(tag));
            }
            assert_eq!(left, [deadly]);
        }
    }
}
