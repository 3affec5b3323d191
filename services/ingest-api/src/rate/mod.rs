//! How much a node may send: one node gone mad must not hurt the others.
//!
//! Each node has two allowances for its batches, one for what happens now (`live`) and one for what it could not send earlier
//! (`backlog`), and one for its pictures; each bounds how many come a second, and the bytes of their bodies a second. The state of a node lives beside its identity in the key ring,
//! so it needs no look-up of its own and goes with the node. See decision 11.

mod bucket;
mod fields;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use citytrack_domain::BatchId;
use jiff::{SignedDuration, Timestamp};

use crate::settings::RateSettings;
use bucket::{Bucket, Quota};

pub(crate) use bucket::Moment;
pub(crate) use fields::Fields;

/// Which allowance a batch, or a picture, uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Live,
    Backlog,
    Image,
}

/// Something that is limited, as metrics, problem documents and header fields name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    Live,
    LiveBytes,
    Backlog,
    BacklogBytes,
    Images,
    ImageBytes,
    /// Bodies that are being received.
    Bodies,
}

impl Policy {
    /// Those that a batch may meet, for metrics that exist from the start.
    pub(crate) const OF_BATCHES: [Self; 5] = [
        Self::Live,
        Self::LiveBytes,
        Self::Backlog,
        Self::BacklogBytes,
        Self::Bodies,
    ];
    /// Those that a picture may meet.
    pub(crate) const OF_IMAGES: [Self; 3] = [Self::Images, Self::ImageBytes, Self::Bodies];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::LiveBytes => "live-bytes",
            Self::Backlog => "backlog",
            Self::BacklogBytes => "backlog-bytes",
            Self::Images => "images",
            Self::ImageBytes => "image-bytes",
            Self::Bodies => "bodies",
        }
    }

    /// An allowance that it belongs to. What may be received at once is none.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Live | Self::LiveBytes | Self::Bodies => Kind::Live,
            Self::Backlog | Self::BacklogBytes => Kind::Backlog,
            Self::Images | Self::ImageBytes => Kind::Image,
        }
    }
}

impl Kind {
    fn policies(self) -> (Policy, Policy) {
        match self {
            Self::Live => (Policy::Live, Policy::LiveBytes),
            Self::Backlog => (Policy::Backlog, Policy::BacklogBytes),
            Self::Image => (Policy::Images, Policy::ImageBytes),
        }
    }
}

/// A batch that comes too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) policy: Policy,
    /// When it may come again.
    pub(crate) wait: Duration,
}

/// What one node has used of its allowances.
#[derive(Debug, Default)]
pub(crate) struct Allowances {
    live: Allowance,
    backlog: Allowance,
    images: Allowance,
    /// When the log last said that the node sends too much.
    logged: AtomicI64,
}

impl Allowances {
    /// Whether a refusal is worth a line: the first one in a minute is.
    pub(crate) fn should_be_logged(&self, now: Moment) -> bool {
        const MINUTE: i64 = 60 * 1_000_000_000;
        let due = |logged: i64| (logged == 0 || now.0 - logged >= MINUTE).then_some(now.0.max(1));
        self.logged.fetch_update(Relaxed, Relaxed, due).is_ok()
    }
}

#[derive(Debug, Default)]
struct Allowance {
    /// Batches, or pictures.
    count: Bucket,
    bytes: Bucket,
}

/// What every node may use; `None` is unlimited.
#[derive(Clone, Copy, Debug)]
struct Quotas {
    count: Option<Quota>,
    bytes: Option<Quota>,
}

/// A batch or a picture that was let in, and what it has been charged for so far. When it is dropped, its node gets back what was charged for
/// bytes that never came.
#[must_use]
#[derive(Debug)]
pub(crate) struct Admission {
    limiter: Arc<Limiter>,
    node: Arc<Allowances>,
    kind: Kind,
    /// Whether its id was in the header, so that `kind` is certain.
    certain: bool,
    /// Bytes.
    charged: u64,
    /// Bytes that were received, or unpacked.
    used: u64,
}

/// The limits that hold for every node.
#[derive(Debug)]
pub(crate) struct Limiter {
    live: Quotas,
    backlog: Quotas,
    images: Quotas,
    backlog_age: SignedDuration,
    fields: Fields,
    image_fields: Fields,
    began: Instant,
}

impl Limiter {
    pub(crate) fn new(settings: &RateSettings) -> Self {
        let burst = settings.burst.into();
        let quotas = |count, bytes| Quotas {
            count: Quota::new(count, burst),
            bytes: Quota::new(bytes, burst),
        };
        let live = quotas(settings.live_batches, settings.live_bytes.as_u64());
        let backlog = quotas(settings.backlog_batches, settings.backlog_bytes.as_u64());
        let images = quotas(settings.images, settings.image_bytes.as_u64());
        Self {
            live,
            backlog,
            images,
            backlog_age: SignedDuration::try_from(*settings.backlog_age).unwrap_or(SignedDuration::MAX),
            fields: Fields::new(&[(Kind::Live, live), (Kind::Backlog, backlog)]),
            image_fields: Fields::new(&[(Kind::Image, images)]),
            began: Instant::now(),
        }
    }

    /// The time now, as buckets count it.
    pub(crate) fn moment(&self) -> Moment {
        Moment(i64::try_from(self.began.elapsed().as_nanos()).unwrap_or(i64::MAX / 4))
    }

    /// The header fields that tell a node its limits, those of `kind` among them.
    pub(crate) fn fields(&self, kind: Kind) -> &Fields {
        match kind {
            Kind::Live | Kind::Backlog => &self.fields,
            Kind::Image => &self.image_fields,
        }
    }

    /// Which allowance a batch with this id uses at `now`.
    pub(crate) fn kind(&self, id: BatchId, now: Timestamp) -> Kind {
        if now.duration_since(id.time()) > self.backlog_age {
            Kind::Backlog
        } else {
            Kind::Live
        }
    }

    /// Before the body is read. `kind` is known when the id of the batch is in the header; a batch that keeps its id in the body
    /// counts as live until it was read, so that bodies are read no faster than the two allowances together let in.
    pub(crate) fn admit(
        self: &Arc<Self>,
        node: &Arc<Allowances>,
        kind: Option<Kind>,
        bytes: u64,
        now: Moment,
    ) -> Result<Admission, Refused> {
        let certain = kind.is_some();
        let kind = kind.unwrap_or(Kind::Live);
        self.take(node, kind, bytes, now)?;
        Ok(Admission {
            limiter: Arc::clone(self),
            node: Arc::clone(node),
            kind,
            certain,
            charged: bytes,
            used: 0,
        })
    }

    fn take(&self, node: &Allowances, kind: Kind, bytes: u64, now: Moment) -> Result<(), Refused> {
        let ((of_count, of_bytes), quotas, used) = self.of(node, kind);
        let refused = |policy| move |wait| Refused { policy, wait };
        if let Some(quota) = quotas.count {
            used.count.take(quota, 1, now).map_err(refused(of_count))?;
        }
        if let Some(quota) = quotas.bytes {
            used.bytes.take(quota, bytes, now).map_err(|wait| {
                if let Some(count) = quotas.count {
                    used.count.give_back(count, 1);
                }
                refused(of_bytes)(wait)
            })?;
        }
        Ok(())
    }

    fn of<'n>(&self, node: &'n Allowances, kind: Kind) -> ((Policy, Policy), Quotas, &'n Allowance) {
        let (quotas, used) = match kind {
            Kind::Live => (self.live, &node.live),
            Kind::Backlog => (self.backlog, &node.backlog),
            Kind::Image => (self.images, &node.images),
        };
        (kind.policies(), quotas, used)
    }
}

impl Admission {
    /// Charges for so many bytes in all, which were received, or into which the body was unpacked.
    pub(crate) fn used(&mut self, bytes: u64, now: Moment) {
        self.used = self.used.max(bytes);
        if self.used > self.charged {
            let (_, quotas, used) = self.limiter.of(&self.node, self.kind);
            if let Some(quota) = quotas.bytes {
                used.bytes.charge(quota, self.used - self.charged, now);
            }
            self.charged = self.used;
        }
    }

    /// Whether it would still be let in: what other batches of its node have become meanwhile may have used the allowance up.
    pub(crate) fn check(&self, now: Moment) -> Result<(), Refused> {
        let ((_, policy), quotas, used) = self.limiter.of(&self.node, self.kind);
        let taken = quotas
            .bytes
            .map_or(Ok(()), |quota| used.bytes.check(quota, self.charged, now));
        taken.map_err(|wait| Refused { policy, wait })
    }

    /// After the body was read: moves the batch to the allowance that its id belongs to, and tells which one it has used.
    pub(crate) fn assign(&mut self, kind: Kind, now: Moment) -> Result<Kind, Refused> {
        if !self.certain && kind != self.kind {
            // A refusal leaves the other allowance charged: reading the body was work.
            self.limiter.take(&self.node, kind, self.used, now)?;
            let (_, quotas, used) = self.limiter.of(&self.node, self.kind);
            if let Some(quota) = quotas.count {
                used.count.give_back(quota, 1);
            }
            self.give_back(self.charged);
            (self.kind, self.charged) = (kind, self.used);
        }
        Ok(self.kind)
    }

    fn give_back(&self, bytes: u64) {
        let (_, quotas, used) = self.limiter.of(&self.node, self.kind);
        if let Some(quota) = quotas.bytes {
            used.bytes.give_back(quota, bytes);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.give_back(self.charged - self.used);
    }
}

#[cfg(test)]
mod tests;
