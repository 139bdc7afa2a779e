//! Builds and starts the server that is measured.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use serde_json::Value;

pub(crate) struct Server {
    child: Child,
    address: String,
    token: Option<String>,
}

impl Server {
    pub(crate) fn start(host: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(&*PROGRAM)
            .args(["--host", host])
            .env("PORT", "0")
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut address, mut token) = (None, None);
        for line in lines.map_while(Result::ok) {
            if let Some(found) = line.strip_prefix("token ") {
                token = Some(found.to_owned());
            }
            if let Some(found) = line.strip_prefix("listening on http://") {
                address = Some(found.to_owned());
                break;
            }
        }
        Self {
            child,
            address: address.expect("it does not listen"),
            token,
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn token(&self) -> &str {
        self.token.as_deref().expect("it demands no token")
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the test has noticed then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Cargo says where it puts the example, whatever its target folder is.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args([
            "build",
            "--quiet",
            "--package=sockeye",
            "--example=bench_server",
        ])
        .args(["--message-format=json", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../Cargo.toml"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "the server can't be built");
    let messages = String::from_utf8(output.stdout).unwrap();
    let messages = messages.lines().map(serde_json::from_str::<Value>);
    let mut executables = messages.flatten().filter_map(|message| {
        let is_ours = message["target"]["name"] == "bench_server";
        let path = message["executable"].as_str().filter(|_| is_ours)?;
        Some(PathBuf::from(path))
    });
    executables.next().expect("cargo names no program")
});
