//! The life of a process: named tasks, signals, and an end in order.
//!
//! Shutdown: readiness goes false, the drain delay passes, the stop token is cancelled (tasks stop taking work and finish
//! what they hold), and after the deadline or a second signal whatever is left is dropped.

use std::{process::ExitCode, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{health::Readiness, settings::ShutdownSettings};

/// What a task ends with when it cannot go on.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

type Outcome = (&'static str, Result<(), TaskError>);

/// Owns the tasks of the process.
pub struct Lifecycle {
    tasks: JoinSet<Outcome>,
    late: mpsc::UnboundedReceiver<Task>,
    spawner: Spawner,
    readiness: Readiness,
    settings: ShutdownSettings,
}

struct Task {
    name: &'static str,
    future: std::pin::Pin<Box<dyn Future<Output = Result<(), TaskError>> + Send>>,
}

/// Spawns named tasks into the lifecycle it came from; cheap to clone.
#[derive(Clone)]
pub struct Spawner {
    // Unbounded, but fed only at start and by code that starts a fixed number of tasks: never by requests.
    tasks: mpsc::UnboundedSender<Task>,
    stop: CancellationToken,
}

impl Spawner {
    /// Runs `future` on the main runtime. A task that ends before shutdown, fine or not, ends the process with a failing
    /// code: nothing that the process needs may be missing silently.
    pub fn spawn<E: Into<TaskError>>(
        &self,
        name: &'static str,
        future: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let future = Box::pin(async move { future.await.map_err(Into::into) });
        // Fails only when the lifecycle is gone, and then the process is ending.
        let _ = self.tasks.send(Task { name, future });
    }

    /// Cancelled when the process should stop taking work. Cancelling it has the effect of a signal.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }
}

impl Lifecycle {
    /// A lifecycle without tasks.
    pub fn new(settings: ShutdownSettings) -> Self {
        let (tasks, late) = mpsc::unbounded_channel();
        let spawner = Spawner {
            tasks,
            stop: CancellationToken::new(),
        };
        Self {
            tasks: JoinSet::new(),
            late,
            spawner,
            readiness: Readiness::default(),
            settings,
        }
    }

    /// The handle that tasks are spawned through.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    /// The readiness that this lifecycle turns off when it ends.
    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Runs until a signal or the end of a task, then shuts down in order. The exit code says whether it was clean.
    pub async fn run(mut self) -> ExitCode {
        let (mut interrupt, mut terminate) = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
            (Err(error), _) | (_, Err(error)) => {
                error!(%error, "cannot listen for signals");
                return ExitCode::FAILURE;
            }
        };
        let early = loop {
            tokio::select! {
                Some(task) = self.late.recv() => self.start(task),
                Some(ended) = self.tasks.join_next() => break (!self.spawner.stop.is_cancelled()).then_some(ended),
                _ = interrupt.recv() => break None,
                _ = terminate.recv() => break None,
                () = self.spawner.stop.cancelled() => break None,
            }
        };
        let mut clean = true;
        if let Some(ended) = early {
            clean = false;
            match ended {
                Ok((name, Ok(()))) => error!(task = name, "task ended before shutdown"),
                Ok((name, Err(error))) => error!(task = name, error = %chain(&*error), "task failed"),
                Err(error) => error!(%error, "task panicked"),
            }
        }
        info!("shutting down");
        self.readiness.drain();
        let second_signal = async {
            tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () }
        };
        let ending = Self::end(&mut self.tasks, &mut self.late, &self.spawner.stop, &self.settings);
        tokio::select! {
            finished = ending => clean &= finished,
            () = second_signal => { warn!("second signal: stopping at once"); clean = false; }
        }
        if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn start(&mut self, task: Task) {
        self.tasks.spawn(async move { (task.name, task.future.await) });
    }

    /// True when every task ended well before the deadline.
    async fn end(
        tasks: &mut JoinSet<Outcome>,
        late: &mut mpsc::UnboundedReceiver<Task>,
        stop: &CancellationToken,
        settings: &ShutdownSettings,
    ) -> bool {
        tokio::time::sleep(settings.drain_delay.into()).await;
        late.close();
        stop.cancel();
        let mut clean = true;
        let deadline: Duration = settings.deadline.into();
        let all_ended = async {
            while let Some(ended) = tasks.join_next().await {
                match ended {
                    Ok((_, Ok(()))) => {}
                    Ok((name, Err(error))) => {
                        error!(task = name, error = %chain(&*error), "task failed during shutdown");
                        clean = false;
                    }
                    Err(error) => {
                        error!(%error, "task panicked during shutdown");
                        clean = false;
                    }
                }
            }
        };
        if tokio::time::timeout(deadline, all_ended).await.is_err() {
            error!(deadline = ?deadline, tasks = tasks.len(), "tasks did not end in time");
            return false;
        }
        clean
    }
}

/// An error with its sources in one line.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        // Some libraries repeat the source in their own text.
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        source = inner.source();
    }
    text
}
