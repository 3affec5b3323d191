//! The program under test.

use std::fmt::Display;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

/// What a run of the program left behind.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The program, about to replay something.
pub(crate) fn replay(arguments: &[&str]) -> Command {
    let mut command = program("replay");
    command.args(arguments);
    command
}

/// Asks a process to end well.
pub(crate) fn terminate(process: u32) {
    let mut kill = Command::new("kill");
    assert!(kill.args(["-TERM", &process.to_string()]).status().unwrap().success());
}

/// The program with one of its commands.
pub(crate) fn program(command: &str) -> Command {
    let name = command;
    let mut command = Command::new(env!("CARGO_BIN_EXE_citytrack-node"));
    command.arg(name).env_clear().env("CITYTRACK_NODE_KEY", "ctn_test_key");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Replays to a server, with the summary as JSON.
pub(crate) fn replay_to(server: impl Display, arguments: &[&str]) -> Command {
    let mut command = replay(arguments);
    command.args(["--summary", "json", "--server", &format!("http://{server}")]);
    command
}

/// Runs to the end.
pub(crate) fn run(mut command: Command) -> Outcome {
    Outcome::of(command.output().unwrap())
}

impl Outcome {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A figure of the summary, such as `/accepted/frames`.
    pub(crate) fn total(&self, pointer: &str) -> u64 {
        let summary: Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {:?}, standard error: {}", self.stdout, self.stderr));
        summary
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or_else(|| panic!("no {pointer} in {summary}"))
    }
}

/// A recording of so many frames with one person each, 25 a second.
pub(crate) fn people(frames: usize) -> NamedTempFile {
    let lines: Vec<String> = (1..=frames)
        .map(|frame| format!("{frame},7,64,48,64,240,0.9,-1,-1,-1\n"))
        .collect();
    recording(&lines.concat())
}

pub(crate) fn recording(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::with_prefix("camera").unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// A recording under a name.
pub(crate) fn named_recording(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The path of a file as an argument.
pub(crate) fn path(file: &NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}
