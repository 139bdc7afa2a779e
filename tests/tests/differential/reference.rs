use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::input::{Input, Message};

/// The official decoders, in a Node process of their own.
pub(crate) struct Reference {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// What the official decoder of Socket.IO made of the messages.
#[derive(Debug, Deserialize)]
pub(crate) struct Decoded {
    pub(crate) packets: Vec<RawPacket>,
    /// A packet that still waits for attachments.
    pub(crate) due: Vec<RawPacket>,
    pub(crate) refused: bool,
}

/// Type, namespace, id and data.
pub(crate) type RawPacket = (u8, Value, Value, Value);

impl Reference {
    pub(crate) fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("differential");
        assert!(
            folder.join("node_modules").is_dir(),
            "run `make test-differential`, or `npm ci` in tests/differential"
        );
        let mut child = Command::new("node")
            .arg(folder.join("reference.js"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node is installed");
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        Self {
            child,
            stdin,
            stdout,
        }
    }

    /// Hands inputs over; [`receive`](Self::receive) gets what comes of them.
    pub(crate) fn send(&mut self, inputs: &[Input]) {
        let inputs: Vec<Value> = inputs.iter().map(to_json).collect();
        let line = format!("{}\n", Value::from(inputs));
        let stdin = self.stdin.as_mut().expect("it is open");
        stdin.write_all(line.as_bytes()).expect("Node reads");
    }

    pub(crate) fn receive(&mut self) -> Vec<Value> {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("Node answers");
        serde_json::from_str(&line).expect("an array")
    }

    pub(crate) fn ask(&mut self, inputs: &[Input]) -> Vec<Value> {
        self.send(inputs);
        self.receive()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.stdin = None;
        let _ = self.child.wait();
    }
}

fn to_json(input: &Input) -> Value {
    match input {
        Input::Socket(messages) => {
            let messages: Vec<_> = messages
                .iter()
                .map(|message| match message {
                    Message::Text(text) => format!("t{text}"),
                    Message::Binary(data) => format!("b{}", hex(data)),
                })
                .collect();
            json!(["socket", messages])
        }
        Input::Frame(text) => json!(["frame", text]),
        Input::Payload(body) => json!(["payload", hex(body)]),
    }
}

pub(crate) fn hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}
