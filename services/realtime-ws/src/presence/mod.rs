//! How many watch which venue, at every instance. The instances tell each other through the broker, so that each takes every
//! venue that is watched anywhere and can go on for any viewer, and can say how many there are.

pub(crate) mod route;

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    time::Duration,
};

use citytrack_broker::{Message, Publisher};
use citytrack_domain::Slug;
use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// The routing key of presence messages.
pub(crate) const ROUTE: &str = "live.presence";
/// Their AMQP message type.
pub(crate) const KIND: &str = "citytrack.presence.v1";

/// How often an instance says what is watched there, also when nothing has changed.
const REPEAT: Duration = Duration::from_secs(5);
/// How often it says so at most.
const PAUSE: Duration = Duration::from_millis(200);
/// An instance that was silent for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(16);

/// Watchers by venue.
pub(crate) type Watching = BTreeMap<Slug, u64>;

/// What an instance tells the others.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    instance: String,
    watching: BTreeMap<String, u64>,
}

/// What is watched at every instance, as far as this one knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Everywhere {
    /// By the instance's name; this one is among them.
    pub(crate) instances: BTreeMap<String, Watching>,
}

/// What this instance knows of all, and tells them.
pub(crate) struct Presence {
    name: String,
    heard: BTreeMap<String, Instant>,
    everywhere: watch::Sender<Everywhere>,
    /// What is to be told; nothing before this instance would hear itself.
    own: watch::Sender<Option<Watching>>,
}

impl Presence {
    /// What the instance called `name` knows at first: nothing.
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            heard: BTreeMap::new(),
            everywhere: watch::Sender::default(),
            own: watch::Sender::default(),
        }
    }

    /// The name of this instance.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is watched everywhere, now and later.
    pub(crate) fn everywhere(&self) -> watch::Receiver<Everywhere> {
        self.everywhere.subscribe()
    }

    /// Says what this instance has to tell, whenever that changes and now and then.
    pub(crate) fn announcer(&self, publisher: Publisher) -> Announcer {
        Announcer {
            instance: self.name.clone(),
            own: self.own.subscribe(),
            publisher,
        }
    }

    /// Tells the others what is watched here.
    pub(crate) fn tell(&mut self, watching: Watching) {
        let changed = self.own.send_if_modified(|own| {
            let changed = own.as_ref() != Some(&watching);
            *own = Some(watching.clone());
            changed
        });
        if changed {
            self.everywhere
                .send_modify(|all| drop(all.instances.insert(self.name.clone(), watching)));
        }
    }

    /// Hears what another instance says; false when it cannot be understood.
    pub(crate) fn hear(&mut self, payload: &[u8], now: Instant) -> bool {
        let Ok(report) = serde_json::from_slice::<Report>(payload) else {
            return false;
        };
        if report.instance == self.name {
            return true;
        }
        let watching: Watching = report
            .watching
            .iter()
            .filter_map(|(venue, watching)| Slug::new(venue).ok().map(|venue| (venue, *watching)))
            .collect();
        if self.heard.insert(report.instance.clone(), now).is_none() {
            // It has just begun and knows nothing of this one.
            self.own.send_modify(|_| {});
        }
        self.everywhere.send_if_modified(|all| {
            let before = all.instances.insert(report.instance, watching.clone());
            before.as_ref() != Some(&watching)
        });
        true
    }

    /// Takes nobody's silence until now for absence.
    pub(crate) fn excuse(&mut self, now: Instant) {
        for heard in self.heard.values_mut() {
            *heard = now;
        }
    }

    /// Forgets the instances that are gone.
    pub(crate) fn forget_gone(&mut self, now: Instant) {
        let gone: Vec<String> = self
            .heard
            .extract_if(.., |_, heard| *heard + GONE_AFTER <= now)
            .map(|(instance, _)| instance)
            .collect();
        if !gone.is_empty() {
            self.everywhere
                .send_modify(|all| all.instances.retain(|instance, _| !gone.contains(instance)));
        }
    }

    /// The venues that are watched at other instances.
    pub(crate) fn elsewhere(&self) -> BTreeSet<Slug> {
        let everywhere = self.everywhere.borrow();
        let others = everywhere
            .instances
            .iter()
            .filter(|(instance, _)| **instance != self.name);
        others
            .flat_map(|(_, watching)| watching.iter().filter(|(_, watching)| **watching > 0))
            .map(|(venue, _)| venue.clone())
            .collect()
    }
}

/// Publishes what an instance tells the others.
pub(crate) struct Announcer {
    instance: String,
    own: watch::Receiver<Option<Watching>>,
    publisher: Publisher,
}

impl Announcer {
    /// Works until the process stops. What cannot be told now is told the next time.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            let next = async {
                // An error is the end of the feed, which comes with the end of the process.
                let _ = timeout(REPEAT, self.own.changed()).await;
                sleep(PAUSE).await;
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = next => {}
            }
            let watching = self.own.borrow_and_update().clone();
            if let Some(watching) = watching
                && let Err(error) = self.publisher.publish(self.report(&watching)).await
            {
                debug!(%error, "the other instances were not told what is watched here");
            }
        }
    }

    fn report(&self, watching: &Watching) -> Message {
        let report = Report {
            instance: self.instance.clone(),
            watching: watching
                .iter()
                .map(|(venue, count)| (venue.to_string(), *count))
                .collect(),
        };
        Message {
            route: ROUTE.to_owned(),
            // Strings and numbers always serialise.
            payload: serde_json::to_vec(&report).unwrap_or_default().into(),
            headers: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
