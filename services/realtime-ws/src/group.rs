//! Those who want the same of a venue: a frame is looked at, encoded and put on the wire once for all of them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    encode,
    frame::LiveFrame,
    metrics::LiveMetrics,
    outbox::{Gap, Key},
    pace::Pace,
    subscription::{Form, Subscription, Wish},
    wire::Compressor,
};

/// What a group needs to show a frame.
pub(crate) struct Show<'a> {
    /// Where those who get the frame stand then.
    pub(crate) cursor: &'a str,
    /// See [`encode::after_cursor`].
    pub(crate) after_cursor: &'a str,
    pub(crate) compressor: &'a mut Compressor,
    pub(crate) metrics: &'a LiveMetrics,
}

/// Subscriptions with one wish.
pub(crate) struct Group {
    pace: Option<Pace>,
    /// Whether something was shown since the cursor was last told.
    shown: bool,
    /// By the id that they chose and the form in which they get it: equal ones share the bytes.
    members: BTreeMap<(String, Form), HashMap<Key, Arc<Subscription>>>,
}

impl Group {
    pub(crate) fn new(wish: &Wish, now: Instant) -> Self {
        Self {
            pace: wish.max_rate.map(|rate| Pace::new(rate, now)),
            shown: false,
            members: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, subscription: Arc<Subscription>) {
        let like = (encode::opening(&subscription.id), subscription.form);
        self.members
            .entry(like)
            .or_default()
            .insert(subscription.key, subscription);
    }

    /// True when it was here.
    pub(crate) fn remove(&mut self, subscription: &Subscription) -> bool {
        let like = (encode::opening(&subscription.id), subscription.form);
        let Some(alike) = self.members.get_mut(&like) else {
            return false;
        };
        let was_here = alike.remove(&subscription.key).is_some();
        if alike.is_empty() {
            self.members.remove(&like);
        }
        was_here
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.members.values().flat_map(HashMap::values)
    }

    /// Shows a frame now, or later if the viewers want fewer.
    pub(crate) fn offer(&mut self, wish: &Wish, frame: &Arc<LiveFrame>, show: &mut Show<'_>, now: Instant) {
        if wish.view(frame).is_none() {
            return;
        }
        let frame = match &mut self.pace {
            None => Some(Arc::clone(frame)),
            Some(pace) => pace.pass(frame, now),
        };
        if let Some(frame) = frame {
            self.show(wish, &frame, show);
        }
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.pace.as_ref()?.next_due()
    }

    /// Shows the frames that have waited long enough, and says what was left out.
    pub(crate) fn tick(&mut self, wish: &Wish, show: &mut Show<'_>, now: Instant) {
        let Some(pace) = &mut self.pace else { return };
        let (frames, gap) = (pace.due(now), pace.left_out(now));
        for frame in &frames {
            self.show(wish, frame, show);
        }
        if let Some(gap) = gap {
            self.tell(&gap);
        }
    }

    /// Shows the frames that wait, so that who comes now does not get them after having seen them.
    pub(crate) fn flush(&mut self, wish: &Wish, show: &mut Show<'_>) {
        for frame in self.pace.as_mut().map(Pace::flush).unwrap_or_default() {
            self.show(wish, &frame, show);
        }
    }

    /// Tells everybody of frames that were left out.
    pub(crate) fn tell(&self, gap: &Gap) {
        for member in self.members() {
            member.outbox.push_gap(member.key, gap.clone());
        }
    }

    /// Tells everybody where they stand, if nothing that was shown said so since the last time.
    pub(crate) fn tell_cursor(&mut self, cursor: &Arc<str>) {
        if std::mem::take(&mut self.shown) {
            return;
        }
        for member in self.members() {
            member.outbox.push_cursor(member.key, cursor);
        }
    }

    fn show(&mut self, wish: &Wish, frame: &Arc<LiveFrame>, show: &mut Show<'_>) {
        let Some(view) = wish.view(frame) else { return };
        self.shown = true;
        let body = encode::body(frame, &view, &show.metrics.encoded);
        let mut dropped = 0;
        for ((opening, form), alike) in &self.members {
            let parts = [opening, show.cursor, show.after_cursor, &body];
            let bytes = on_the_wire(*form, &parts, show);
            for (key, member) in alike {
                dropped += member.outbox.push_frame(*key, &frame.camera, bytes.clone());
            }
        }
        if dropped > 0 {
            show.metrics.dropped.inc_by(dropped);
        }
    }
}

fn on_the_wire(form: Form, parts: &[&str], show: &mut Show<'_>) -> Bytes {
    match form {
        Form::Compressed => show.compressor.text(&bytes_of(parts)),
        form => form.frame(show.cursor, parts),
    }
}

fn bytes_of<'a>(parts: &[&'a str]) -> Vec<&'a [u8]> {
    parts.iter().map(|part| part.as_bytes()).collect()
}
