//! Takes pictures in, and sees each one through: tries again, reports, gives up.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::inbox::{Inbox, LARGEST, Look};
use super::{About, Store};
use crate::batch::made_at;
use crate::clock::Moment;
use crate::delivery::{Delivery, DeliveryError};
use crate::refusal::SubmitError;
use crate::report::Report;

/// How often a folder is looked into.
const LOOK: Duration = Duration::from_millis(500);
/// At the end, what is still being written in a folder has so many looks to become complete.
const LAST_LOOKS: usize = 4;
/// Attempts to read a picture.
const READS: u32 = 5;

/// Takes pictures in.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    /// Where they are kept. `None`: there is no spool, and so there are no pictures.
    pub store: Option<&'a Arc<Store>>,
    /// Where to tell how it goes.
    pub report: &'a Report,
}

impl Taking<'_> {
    /// The picture of a frame, from its file. What goes wrong is told, and costs nothing but the picture.
    pub async fn take(&self, file: PathBuf, about: About) {
        let Some(store) = self.store.map(Arc::clone) else {
            return self.report.picture_lost("pictures need a spool (--spool FOLDER)");
        };
        let name = file.display().to_string();
        let put = move || store.put(Uuid::now_v7(), &about, &read(&file)?);
        match spawn_blocking(put)
            .await
            .unwrap_or_else(|end| Err(io::Error::other(end)))
        {
            Ok(dropped) => {
                self.report.pictures_taken(1);
                self.report.pictures_dropped(dropped);
            }
            Err(error) => self.report.picture_lost(&format!("{name}: {error}")),
        }
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    if std::fs::metadata(file)?.len() > LARGEST {
        return Err(io::Error::other(format!("larger than {LARGEST} bytes")));
    }
    std::fs::read(file)
}

/// Takes pictures to the server, one at a time, the oldest first, beside the batches.
#[derive(Debug)]
pub struct Delivering<'a> {
    /// Where they wait.
    pub store: &'a Arc<Store>,
    /// How batches are delivered: with the same client, patience and report.
    pub delivery: &'a Delivery<'a>,
    /// The end, and for how long to go on sending after it.
    pub stop: &'a CancellationToken,
    /// The same as for batches.
    pub stop_within: Duration,
}

impl Delivering<'_> {
    /// Delivers what is in the store and what comes into these folders, until `stop` and a while longer.
    ///
    /// # Errors
    /// No picture would be accepted.
    pub async fn run(&self, inboxes: &[Inbox]) -> Result<(), DeliveryError> {
        let watching = async {
            self.watch(inboxes).await;
            self.store.close();
            Ok(())
        };
        self.within(async { tokio::try_join!(watching, self.deliver()).map(|_| ()) })
            .await
    }

    /// Delivers what is in the store, and ends.
    ///
    /// # Errors
    /// No picture would be accepted.
    pub async fn flush(&self) -> Result<(), DeliveryError> {
        self.store.close();
        self.within(self.deliver()).await
    }

    async fn within(&self, work: impl Future<Output = Result<(), DeliveryError>>) -> Result<(), DeliveryError> {
        let too_late = async {
            self.stop.cancelled().await;
            sleep(self.stop_within).await;
        };
        tokio::select! { result = work => result, () = too_late => Ok(()) }
    }

    async fn watch(&self, inboxes: &[Inbox]) {
        let mut told = Vec::new();
        while !self.stop.is_cancelled() {
            self.look(inboxes, &mut told).await;
            tokio::select! { () = sleep(LOOK) => {}, () = self.stop.cancelled() => {} }
        }
        let mut left = self.look(inboxes, &mut told).await;
        for _ in 0..LAST_LOOKS {
            if left == 0 {
                return;
            }
            sleep(LOOK).await;
            left = self.look(inboxes, &mut told).await;
        }
        let report = self.delivery.report;
        report.trouble(&format!(
            "{left} files stay in the folders of pictures: still being written, or no room for them"
        ));
    }

    /// Looks into each folder once; returns how many files had to be left there. Tells each trouble once.
    async fn look(&self, inboxes: &[Inbox], told: &mut Vec<String>) -> u64 {
        let report = self.delivery.report;
        let (mut left, mut trouble) = (0, Vec::new());
        for inbox in inboxes {
            let (own, store) = (inbox.clone(), Arc::clone(self.store));
            let looked = spawn_blocking(move || own.look(&store, Moment::now().utc)).await;
            let look = looked.unwrap_or_else(|end| Err(io::Error::other(end)));
            let look = look.unwrap_or_else(|error| Look {
                trouble: vec![format!("{}: {error}", inbox.folder.display())],
                ..Look::default()
            });
            report.pictures_taken(look.taken);
            left += look.left;
            trouble.extend(look.trouble);
        }
        for new in trouble.iter().filter(|text| !told.contains(text)) {
            report.trouble(&format!("pictures: {new}"));
        }
        *told = trouble;
        left
    }

    async fn deliver(&self) -> Result<(), DeliveryError> {
        let report = self.delivery.report;
        while let Some(id) = self.store.next().await {
            match self.load(id).await {
                Ok(body) => self.see_through(id, body.into()).await?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => report.picture_dropped(id, "its file is gone"),
                Err(error) => {
                    report.trouble(&format!(
                        "picture {id} cannot be read, and stays for the next start: {error}"
                    ));
                    self.store.leave(id);
                    continue;
                }
            }
            match self.store.settle(id) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    report.trouble(&format!("picture {id} cannot be removed from the spool: {error}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The body of a picture; a file that is there may be readable in a moment, as when too many are open.
    async fn load(&self, id: Uuid) -> io::Result<Vec<u8>> {
        let mut failures = 0;
        loop {
            let error = match self.store.load(id) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => error,
                end => return end,
            };
            failures += 1;
            if failures == READS {
                return Err(error);
            }
            sleep(self.delivery.backoff.wait(failures, None, rand::random())).await;
        }
    }

    /// Attempts, always the same bytes under the same id, until there is an answer that another attempt would not change.
    async fn see_through(&self, id: Uuid, body: bytes::Bytes) -> Result<(), DeliveryError> {
        let Delivery { client, report, .. } = *self.delivery;
        let mut failures = 0;
        loop {
            let error = match client.send_picture(id, body.clone()).await {
                Ok(pause) => {
                    report.picture_accepted();
                    report.reached(failures);
                    sleep(pause.unwrap_or_default()).await;
                    return Ok(());
                }
                Err(error) => error,
            };
            let told = match error {
                SubmitError::Busy { retry_after, .. } => retry_after,
                SubmitError::NoAnswer(_) | SubmitError::Strange(_) => None,
                SubmitError::Denied(_) if self.delivery.retry_denied => None,
                SubmitError::Denied(_) => return Err(DeliveryError::Denied(error)),
                SubmitError::TooLarge(refusal) | SubmitError::Invalid(refusal) => {
                    report.picture_refused(id, &refusal);
                    return Ok(());
                }
            };
            failures += 1;
            let wait = self.delivery.backoff.wait(failures, told, rand::random());
            if self.delivery.retry_for.is_some_and(|most| age(id) + wait > most) {
                report.picture_dropped(id, &format!("given up: {error}"));
                return Ok(());
            }
            report.picture_retrying(id, &error, failures, wait);
            sleep(wait).await;
        }
    }
}

fn age(id: Uuid) -> Duration {
    let age = Moment::now().utc.duration_since(made_at(id));
    Duration::try_from(age).unwrap_or_default()
}
