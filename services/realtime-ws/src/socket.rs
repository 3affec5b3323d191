//! Moves messages between a WebSocket and its [`Session`], straight on the TCP stream: what is written are frames that all
//! viewers share, and while nothing comes a socket holds no buffer.

use std::{
    io::{self, ErrorKind, IoSlice},
    mem,
    pin::{Pin, pin},
    time::Duration,
};

use bytes::BytesMut;
use citytrack_domain::Clock;
use prometheus::IntCounter;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::yield_now,
    time::{Instant, Sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    ending::Ending,
    feed::{Command, FeedHandle},
    metrics::LiveMetrics,
    output::{Output, PIECES},
    session::Session,
    wire::{self, Assembler, Received},
};

/// How long a goodbye may take, either way.
const GOODBYE: Duration = Duration::from_secs(1);
/// A slow client may come back to reading and then learns why it was closed; until the system cuts the connection off.
const GOODBYE_TO_SLOW: Duration = Duration::from_secs(20);
/// Bytes that are still written before a close message.
const LAST_WORDS: usize = 64 << 10;
/// Writes after which other sockets have their turn.
const WRITES: usize = 8;
/// Bytes that are read at once.
const READ: usize = 4096;

/// What a viewer needs beside its session.
pub(crate) struct Surroundings {
    pub(crate) feed: FeedHandle,
    pub(crate) clock: Clock,
    pub(crate) metrics: LiveMetrics,
    /// Cancelled when the process ends, and the time over which viewers are closed then.
    pub(crate) stop: CancellationToken,
    pub(crate) close_window: Duration,
}

impl Surroundings {
    /// How long after the end of the process has begun the next viewer is closed.
    pub(crate) fn close_delay(&self) -> Duration {
        self.close_window.mul_f64(spread(self.feed.next_key()))
    }
}

/// A WebSocket after its handshake.
pub(crate) struct Socket {
    io: TcpStream,
    /// What was read and is not understood yet; without memory of its own while there is nothing.
    unread: BytesMut,
    assembler: Assembler,
    /// Whether writing was interrupted for the sake of others.
    has_more: bool,
}

impl Socket {
    /// `unread` is what came with the handshake.
    pub(crate) fn new(io: TcpStream, unread: BytesMut, assembler: Assembler) -> Self {
        Self {
            io,
            unread,
            assembler,
            has_more: false,
        }
    }

    /// Serves the viewer to the end.
    pub(crate) async fn serve(mut self, mut session: Session, around: &Surroundings) {
        around.metrics.sessions.inc();
        let ending = self.talk(&mut session, around).await;
        for command in session.leave() {
            around.feed.send(command).await;
        }
        around.metrics.closed.with_label_values(&[ending.label()]).inc();
        self.say_goodbye(ending, &mut session.output).await;
        around.metrics.sessions.dec();
        debug!(reason = ending.label(), "socket ended");
    }

    async fn talk(&mut self, session: &mut Session, around: &Surroundings) -> Ending {
        // Both wait outside the loop: they register once and not for every message.
        let mut stopped = pin!(around.stop.cancelled());
        let mut alarm = pin!(sleep_until(session.next_alarm(Instant::now(), around.clock.now())));
        let mut stopping = false;
        let mut commands = match self.take_in(session, around) {
            Ok(commands) => commands,
            Err(ending) => return ending,
        };
        loop {
            if mem::take(&mut self.has_more) {
                yield_now().await;
            }
            for command in commands.drain(..) {
                if !around.feed.send(command).await {
                    return Ending::Shutdown;
                }
            }
            let has_output = !session.output.is_empty();
            let may_read = session.may_read();
            let outcome = tokio::select! {
                readable = self.io.readable(), if may_read => {
                    readable.map_err(|_| Ending::Client).and_then(|()| self.read(session, around))
                }
                writable = self.io.writable(), if has_output => {
                    writable.map_err(|_| Ending::Client).and_then(|()| self.write(session, around))
                }
                () = session.outbox.filled(), if !has_output => {
                    session.collect(Instant::now(), around.clock.now());
                    self.write(session, around)
                }
                () = &mut alarm => on_alarm(session, around, alarm.as_mut()),
                () = &mut stopped, if !stopping => {
                    stopping = true;
                    let end = Instant::now() + around.close_delay();
                    session.close_at(end);
                    alarm.as_mut().reset(end);
                    Ok(Vec::new())
                }
            };
            match outcome {
                Ok(next) => commands = next,
                Err(ending) => return ending,
            }
        }
    }

    /// Reads what is there, and answers it.
    fn read(&mut self, session: &mut Session, around: &Surroundings) -> Result<Vec<Command>, Ending> {
        self.unread.reserve(READ);
        match self.io.try_read_buf(&mut self.unread) {
            Ok(0) => return Err(Ending::Client),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return Err(Ending::Client),
        }
        self.take_in(session, around)
    }

    fn take_in(&mut self, session: &mut Session, around: &Surroundings) -> Result<Vec<Command>, Ending> {
        let mut commands = Vec::new();
        let (now, clock) = (Instant::now(), around.clock.now());
        while !self.unread.is_empty() {
            let received = self.assembler.next(&mut self.unread);
            let Some(received) = received.map_err(|violation| Ending::Protocol(violation.reason()))? else {
                break;
            };
            session.heard(now);
            match received {
                Received::Text(text) => commands.extend(session.on_text(&text, now, clock)?),
                Received::Binary => session.on_binary(now)?,
                Received::Ping(payload) => session.on_ping(&payload, now),
                Received::Pong => {}
                Received::Close(_) => return Err(Ending::Client),
            }
        }
        if self.unread.is_empty() {
            self.unread = BytesMut::new();
        }
        Ok(commands)
    }

    /// Writes what the system takes now, but not for long: others are served by the same thread.
    fn write(&mut self, session: &mut Session, around: &Surroundings) -> Result<Vec<Command>, Ending> {
        for _ in 0..WRITES {
            match write_some(&self.io, session, &around.metrics.sent) {
                Ok(0) => {
                    // What came while this was written; it may have been announced already.
                    session.collect(Instant::now(), around.clock.now());
                    if session.output.is_empty() {
                        return Ok(Vec::new());
                    }
                }
                Ok(_) => session.progressed(Instant::now()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Vec::new()),
                Err(_) => return Err(Ending::Client),
            }
        }
        self.has_more = true;
        Ok(Vec::new())
    }

    /// Sends what is left to say, if that is not much, and the close message; then waits a little for the client's own: closing
    /// a connection with unread data resets it, and then the client might never see why.
    async fn say_goodbye(&mut self, ending: Ending, output: &mut Output) {
        let Some(reason) = ending.close_reason() else { return };
        // Who gets less can go on at the cursor.
        let whole = ending != Ending::Slow && output.bytes() <= LAST_WORDS;
        let goodbye = async {
            self.io.write_all(&output.take_begun().unwrap_or_default()).await?;
            while whole && let Some(bytes) = output.pop_ready() {
                self.io.write_all(&bytes).await?;
            }
            self.io.write_all(&wire::close(&reason)).await?;
            self.io.shutdown().await
        };
        let patience = if ending == Ending::Slow {
            GOODBYE_TO_SLOW
        } else {
            GOODBYE
        };
        if matches!(timeout(patience, goodbye).await, Ok(Ok(()))) && ending != Ending::Client {
            let answer = async {
                self.unread.clear();
                while matches!(self.io.read_buf(&mut self.unread).await, Ok(1..)) {
                    self.unread.clear();
                }
            };
            let _gone_or_not = timeout(GOODBYE, answer).await;
        }
    }
}

/// Writes some of the output; zero when there is none.
fn write_some(io: &TcpStream, session: &mut Session, sent: &IntCounter) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); PIECES];
    let count = session.output.slices(&mut slices);
    let Some(pieces) = slices.get(..count).filter(|pieces| !pieces.is_empty()) else {
        return Ok(0);
    };
    let written = io.try_write_vectored(pieces)?;
    sent.inc_by(session.output.written(written));
    Ok(written)
}

fn on_alarm(session: &mut Session, around: &Surroundings, alarm: Pin<&mut Sleep>) -> Result<Vec<Command>, Ending> {
    let (now, clock) = (Instant::now(), around.clock.now());
    let outcome = session.on_alarm(now, clock);
    alarm.reset(session.next_alarm(now, clock));
    outcome
}

/// A part from 0 to 1, evenly spread over successive numbers: multiples of the golden ratio.
fn spread(number: u64) -> f64 {
    let place = u32::try_from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32).unwrap_or_default();
    f64::from(place) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_times_are_spread_evenly() {
        let mut tenths = [0; 10];
        for number in 1..=1_000 {
            let place = spread(number);
            assert!((0.0..=1.0).contains(&place));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9")]
            let tenth = (place * 9.999) as usize;
            tenths[tenth] += 1;
        }
        assert!(tenths.iter().all(|count| (95..=105).contains(count)), "{tenths:?}");
    }
}
