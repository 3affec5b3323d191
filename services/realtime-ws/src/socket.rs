//! Moves messages between a socket and its [`Session`]. Generic over both directions, so that it runs without a socket too;
//! the writer must be one that needs no flush, such as the channel behind an actix session.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use actix_web::error::PayloadError;
use actix_ws::{AggregatedMessage, Closed, Message, ProtocolError};
use citytrack_domain::Clock;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    ending::Ending,
    feed::{Command, FeedHandle},
    metrics::LiveMetrics,
    session::{Output, Session},
};

/// How long a goodbye may take, either way.
const GOODBYE: Duration = Duration::from_secs(1);
/// A slow client may come back to reading and then learns why it was closed; until the system cuts the connection off.
const GOODBYE_TO_SLOW: Duration = Duration::from_secs(20);

/// What a socket needs beside its session.
pub(crate) struct Surroundings {
    pub(crate) feed: FeedHandle,
    pub(crate) clock: Clock,
    pub(crate) metrics: LiveMetrics,
    /// Cancelled when the process ends, and how much later than that this socket is closed.
    pub(crate) stop: CancellationToken,
    pub(crate) close_delay: Duration,
}

/// Serves one socket to its end, and says why it ended.
pub(crate) async fn serve<W, R>(mut session: Session, around: Surroundings, mut writer: W, mut reader: R) -> Ending
where
    W: Sink<Message, Error = Closed> + Unpin,
    R: Stream<Item = Result<AggregatedMessage, ProtocolError>> + Unpin,
{
    let ending = talk(&mut session, &around, &mut writer, &mut reader).await;
    for command in session.leave() {
        around.feed.send(command).await;
    }
    around.metrics.closed.with_label_values(&[ending.label()]).inc();
    say_goodbye(ending, &mut writer, &mut reader).await;
    ending
}

async fn talk<W, R>(session: &mut Session, around: &Surroundings, writer: &mut W, reader: &mut R) -> Ending
where
    W: Sink<Message, Error = Closed> + Unpin,
    R: Stream<Item = Result<AggregatedMessage, ProtocolError>> + Unpin,
{
    // Both wait outside the loop: they register once and not for every message.
    let mut stopped = pin!(around.stop.cancelled());
    let mut alarm = pin!(sleep_until(session.next_alarm(Instant::now(), around.clock.now())));
    let mut stopping = false;
    loop {
        let has_output = !session.output.is_empty();
        let may_read = session.may_read();
        let outcome = tokio::select! {
            incoming = reader.next(), if may_read => on_incoming(session, incoming),
            written = write_waiting(&mut session.output, writer), if has_output => {
                on_written(session, around, written)
            }
            () = session.outbox.filled(), if !has_output => {
                session.collect(Instant::now());
                Ok(Vec::new())
            }
            () = &mut alarm => {
                let (now, clock) = (Instant::now(), around.clock.now());
                let outcome = session.on_alarm(now, clock);
                alarm.as_mut().reset(session.next_alarm(now, clock));
                outcome
            }
            () = &mut stopped, if !stopping => {
                stopping = true;
                let end = Instant::now() + around.close_delay;
                session.close_at(end);
                alarm.as_mut().reset(end);
                Ok(Vec::new())
            }
        };
        match outcome {
            Ok(commands) => {
                for command in commands {
                    if !around.feed.send(command).await {
                        return Ending::Shutdown;
                    }
                }
            }
            Err(ending) => return ending,
        }
    }
}

fn on_incoming(
    session: &mut Session,
    incoming: Option<Result<AggregatedMessage, ProtocolError>>,
) -> Result<Vec<Command>, Ending> {
    let now = Instant::now();
    session.heard(now);
    match incoming {
        Some(Ok(AggregatedMessage::Text(text))) => Ok(session.on_text(&text, now)?.into_iter().collect()),
        Some(Ok(AggregatedMessage::Binary(_))) => session.on_binary(now).map(|()| Vec::new()),
        Some(Ok(AggregatedMessage::Ping(payload))) => {
            session.on_ping(payload, now);
            Ok(Vec::new())
        }
        Some(Ok(AggregatedMessage::Pong(_))) => Ok(Vec::new()),
        Some(Ok(AggregatedMessage::Close(_))) | None => Err(Ending::Client),
        Some(Err(error)) => Err(broken(&error)),
    }
}

/// Whether the connection broke, or the client broke the rules of WebSocket.
fn broken(error: &ProtocolError) -> Ending {
    match error {
        ProtocolError::Overflow => Ending::Protocol("message too large"),
        ProtocolError::Io(io) => match io.get_ref().and_then(|inner| inner.downcast_ref::<PayloadError>()) {
            Some(PayloadError::Overflow) => Ending::Protocol("message too large"),
            Some(_) => Ending::Client,
            None => Ending::Protocol("not a message of WebSocket, or too large"),
        },
        _ => Ending::Protocol("not a message of WebSocket"),
    }
}

fn on_written(
    session: &mut Session,
    around: &Surroundings,
    written: Result<Written, Closed>,
) -> Result<Vec<Command>, Ending> {
    let Ok(written) = written else {
        return Err(Ending::Client);
    };
    session.progressed(Instant::now());
    around.metrics.sent.inc_by(written.frames);
    if session.output.is_empty() {
        // What came while this was written; it may have been announced already.
        session.collect(Instant::now());
    }
    Ok(Vec::new())
}

struct Written {
    frames: u64,
}

/// Writes as much as fits without waiting, at least one message. What is taken from `output` is written, whenever this
/// future is dropped.
async fn write_waiting<W>(output: &mut VecDeque<Output>, writer: &mut W) -> Result<Written, Closed>
where
    W: Sink<Message, Error = Closed> + Unpin,
{
    let mut written = Written { frames: 0 };
    poll_fn(|context| write_now(output, writer, &mut written, context)).await?;
    Ok(written)
}

fn write_now<W>(
    output: &mut VecDeque<Output>,
    writer: &mut W,
    written: &mut Written,
    context: &mut Context<'_>,
) -> Poll<Result<(), Closed>>
where
    W: Sink<Message, Error = Closed> + Unpin,
{
    let mut progress = false;
    while !output.is_empty() {
        match Pin::new(&mut *writer).poll_ready(context)? {
            Poll::Ready(()) => {}
            Poll::Pending if progress => break,
            Poll::Pending => return Poll::Pending,
        }
        if let Some(next) = output.pop_front() {
            written.frames += u64::from(next.is_frame);
            Pin::new(&mut *writer).start_send(next.message)?;
            progress = true;
        }
    }
    Poll::Ready(Ok(()))
}

/// Sends the close message and waits a little for the client's own: closing a connection with unread data resets it, and
/// then the client might never see why.
async fn say_goodbye<W, R>(ending: Ending, writer: &mut W, reader: &mut R)
where
    W: Sink<Message, Error = Closed> + Unpin,
    R: Stream<Item = Result<AggregatedMessage, ProtocolError>> + Unpin,
{
    let Some(reason) = ending.close_reason() else { return };
    let goodbye = async {
        writer.send(Message::Close(Some(reason))).await?;
        writer.close().await
    };
    let patience = if ending == Ending::Slow {
        GOODBYE_TO_SLOW
    } else {
        GOODBYE
    };
    if matches!(timeout(patience, goodbye).await, Ok(Ok(()))) && ending != Ending::Client {
        let answer = async {
            while let Some(Ok(message)) = reader.next().await {
                if matches!(message, AggregatedMessage::Close(_)) {
                    break;
                }
            }
        };
        let _gone_or_not = timeout(GOODBYE, answer).await;
    }
}

#[cfg(test)]
mod tests;
