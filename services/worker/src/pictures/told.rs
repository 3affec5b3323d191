//! Telling what became of a picture: whoever waits for it, and save.

use std::time::Duration;

use bytes::Bytes;
use citytrack_broker::{Message, Publisher};
use citytrack_domain::{ImageVariant, Variant};
use citytrack_messages::images::{
    Answer, Transformed, Upload, answered_key, encode_answer, encode_transformed, transformed_key,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    common::Stopped,
    made::{failure, headers},
};

/// Between attempts while the broker does not take what became of a picture.
const RETRY: Duration = Duration::from_millis(500);
/// Nobody who waits waits for longer than this on the way back.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The ways on from here.
pub(super) struct Told {
    pub(super) published: Publisher,
    pub(super) answered: Publisher,
    pub(super) max_message: u64,
    pub(super) stop: CancellationToken,
}

impl Told {
    /// Tells both; what is given back is what they were told.
    pub(super) async fn tell(
        &self,
        upload: &Upload,
        done: Transformed,
        trace: Option<String>,
    ) -> Result<Transformed, Stopped> {
        let (done, message) = self.packed(done);
        self.answer(upload, &done, trace.clone()).await;
        self.publish(&done, message, trace).await?;
        Ok(done)
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
        let (message, most) = (encode_transformed(&done), self.max_message);
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
}

/// What somebody who waits is shown: the best of what the venue has made. There is one always.
fn shown(made: &[ImageVariant<Bytes>]) -> Option<&ImageVariant<Bytes>> {
    let best = [Variant::Anonymised, Variant::Annotated, Variant::Thumbnail];
    best.into_iter()
        .find_map(|variant| made.iter().find(|made| made.variant == variant))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
