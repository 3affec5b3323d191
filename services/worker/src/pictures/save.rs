//! The role `save`: what became of pictures → PostgreSQL and the object store, each once; and its end when its time is over.

use std::time::Duration;

use bytes::Bytes;
use citytrack_broker::{
    Delivery, Inbox,
    topology::{IMAGES, SAVE},
};
use citytrack_common::{Lifecycle, TaskError, admin, health, lifecycle::chain};
use citytrack_domain::Clock;
use citytrack_messages::images::{TRANSFORMED, Transformed, decode_transformed};
use citytrack_storage::{
    Database, Error, Objects,
    images::{self, Finished},
};
use futures_util::{StreamExt as _, future::ready, stream};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    common::{self, Patient, Stopped},
    metrics::PictureMetrics,
    settings::SaveSettings,
};
use crate::{
    dead_letters::{self, DeadLetters, Letter},
    rounds,
};

/// Transactions at once: PostgreSQL writes several to disk together.
const AT_ONCE: usize = 2;
/// No more is taken at once when what was taken has so many bytes.
const MAX_TAKE: usize = 32 << 20;

/// Starts the worker in the role `save`.
///
/// # Errors
/// When the admin address is taken or a URL cannot be read. Servers that are away are waited for.
pub fn start(settings: &SaveSettings, lifecycle: &Lifecycle) -> Result<(), TaskError> {
    let registry = admin::registry()?;
    let (spawner, readiness, common) = (lifecycle.spawner(), lifecycle.readiness(), &settings.common);
    let prefetch = settings.save.prefetch.get();
    let inbox = common::inbox(common, SAVE.name, prefetch, &registry)?;
    let status = health::follow(readiness.check("broker"), inbox.status(), spawner.stop());
    spawner.spawn("broker status", status);
    let letters = (IMAGES.dead_letter_exchange, dead_letters::SCHEMA);
    let publisher = common::publisher(common, letters, "dead_letters", &registry, &spawner)?;
    // Whoever holds a picture asks for no other, and so does not notice at the inbox that the broker is away.
    let status = health::follow(readiness.check("publisher"), publisher.status(), spawner.stop());
    spawner.spawn("publisher status", status);
    let database = common::database(common, "citytrack worker (save)")?;
    let objects = Objects::open(&settings.store.store, settings.store.options())?;
    let interval = settings.save.retention_interval.into();
    spawner.spawn(
        "retention of pictures",
        retention(database.clone(), objects.clone(), interval, spawner.stop()),
    );
    let save = Save {
        dead_letters: DeadLetters::new(publisher, Clock::System),
        postgres: Patient {
            database,
            check: readiness.check("database"),
            max_backoff: common.max_backoff.into(),
            stop: spawner.stop(),
        },
        prefetch: prefetch.into(),
        objects,
        metrics: PictureMetrics::of_save(&registry)?,
        stop: spawner.stop(),
    };
    spawner.spawn("save", save.run(inbox));
    admin::start(&common.admin, registry, lifecycle)
}

struct Save {
    dead_letters: DeadLetters,
    postgres: Patient,
    objects: Objects,
    prefetch: usize,
    metrics: PictureMetrics,
    stop: CancellationToken,
}

impl Save {
    async fn run(self, mut inbox: Inbox) -> Result<(), TaskError> {
        let mut going_on = self
            .postgres
            .until_answered(|| self.postgres.database.migrate())
            .await
            .is_ok();
        while going_on {
            let next = inbox.next(self.prefetch, MAX_TAKE);
            let Some(deliveries) = self.stop.run_until_cancelled(next).await else {
                break;
            };
            let settled = stream::iter(deliveries).map(|delivery| self.settle(delivery));
            let stopped = settled
                .buffer_unordered(AT_ONCE)
                .filter(|settled| ready(settled.is_err()));
            going_on = stopped.count().await == 0;
            if going_on {
                inbox.settle().await;
            }
        }
        inbox.close().await;
        Ok(())
    }

    /// Brings one message to its end: stored, recognised as a repetition, or put aside.
    async fn settle(&self, delivery: Delivery) -> Result<(), Stopped> {
        let (route, payload) = (delivery.route, Bytes::from(delivery.payload));
        let done = match decode_transformed(payload.clone()) {
            Ok(done) => done,
            Err(error) => return self.put_aside(&route, payload, &chain(&error)).await,
        };
        let saved = self
            .postgres
            .until_answered(|| save(&self.postgres.database, &self.objects, &done))
            .await?;
        match saved {
            Ok(is_new) => {
                self.metrics.settled(if is_new { "stored" } else { "duplicate" });
                let age = Clock::System.now().duration_since(done.image.received_at);
                self.metrics.age.observe(age.as_secs_f64().max(0.0));
                Ok(())
            }
            Err(error) => self.put_aside(&route, payload, &chain(&error)).await,
        }
    }

    async fn put_aside(&self, route: &str, payload: Bytes, reason: &str) -> Result<(), Stopped> {
        let letter = Letter {
            route,
            kind: TRANSFORMED,
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

async fn save(database: &Database, objects: &Objects, done: &Transformed) -> Result<bool, Error> {
    let finished = Finished {
        image: &done.image,
        size: done.size,
        boxes: &done.boxes,
        boxes_from: done.boxes_from,
        transformed_at: done.transformed_at,
        outcome: match &done.outcome {
            Ok(ready) => Ok((&ready.variants[..], ready.original.as_deref())),
            Err(failure) => Err(failure),
        },
    };
    images::save(database, objects, &finished, Clock::System.now()).await
}

async fn retention(
    database: Database,
    objects: Objects,
    interval: Duration,
    stop: CancellationToken,
) -> Result<(), TaskError> {
    let failed = |error: &Error| warn!(error = %chain(error), "pictures whose time is over cannot be deleted now");
    rounds::run(database.clone(), interval, stop, || expire(&database, &objects), failed).await;
    Ok(())
}

async fn expire(database: &Database, objects: &Objects) -> Result<(), Error> {
    let expired = images::expire(database, Clock::System.now()).await?;
    if expired != images::Expired::default() {
        info!(?expired, "pictures are deleted whose time is over");
    }
    // Last, so that a store that is away keeps nothing else.
    let objects = images::sweep(database, objects).await?;
    if objects > 0 {
        info!(objects, "files of pictures are deleted whose time is over");
    }
    Ok(())
}
