//! The node client under test.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use citytrack_e2e::binary;
use serde_json::{Value, json};

/// Where `scripts/test` has put the recordings of the Python wheel `motmetrics`.
pub(crate) fn recording(name: &str) -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "where the recordings are is no setting of a service"
    )]
    let folder = std::env::var_os("CITYTRACK_TEST_RECORDINGS")
        .expect("CITYTRACK_TEST_RECORDINGS is not set: `scripts/test` fetches the recordings");
    PathBuf::from(folder).join(name)
}

/// `citytrack-node` with these arguments, which sends to this server.
pub(crate) fn node(server: &str, key: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("citytrack-node"));
    command
        .args(arguments)
        .env("CITYTRACK_SERVER", server)
        .env("CITYTRACK_NODE_KEY", key)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

/// A node that reads frames from its standard input.
pub(crate) struct Pipe(Child);

impl Pipe {
    pub(crate) fn start(mut command: Command) -> Self {
        Self(command.stdin(Stdio::piped()).spawn().unwrap())
    }

    /// Writes a frame of a camera, with as many detections.
    pub(crate) fn write(&mut self, camera: &str, number: usize, detections: usize) {
        let detection = json!({ "class": "person", "confidence": 0.5, "box": [0.25, 0.25, 0.125, 0.5] });
        let frame = json!({
            "camera": camera, "frame": number, "captured_at": citytrack_domain::Clock::System.now().to_string(),
            "detections": vec![detection; detections],
        });
        let input = self.0.stdin.as_mut().unwrap();
        input.write_all(format!("{frame}\n").as_bytes()).unwrap();
    }

    /// Ends the input, and waits for the program: its exit code and its summary.
    pub(crate) fn finish(mut self) -> (Option<i32>, Value) {
        drop(self.0.stdin.take());
        summary(&self.0.wait_with_output().unwrap())
    }
}

/// The exit code, and the summary as JSON.
pub(crate) fn summary(output: &std::process::Output) -> (Option<i32>, Value) {
    let summary = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), summary)
}

/// Kills a program without a chance to say goodbye; says whether it had ended by itself before.
pub(crate) fn kill(child: &mut Child) -> Option<ExitStatus> {
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    ended
}

/// What `citytrack-node spool status` says.
pub(crate) fn status(spool: &Path) -> Value {
    let mut command = Command::new(binary("citytrack-node"));
    let output = command
        .args(["spool", "status", "--json", "--spool"])
        .arg(spool)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
