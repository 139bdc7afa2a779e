use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;
use sockeye_guard::{
    kit::{Checked, Token, ensure, eventually},
    server::Server,
    settings::Settings,
};

use crate::{
    crowd::Flock,
    fault::{Fault, Length, Scale},
    finding::Finding,
};

/// Somebody sets the clock: forth by an hour, back by two, back by seconds, and right again.
pub(super) const FAULT: Fault = Fault {
    id: "FM-13",
    title: "the wall clock jumps",
    length: Length::Short,
    run,
};

fn run(scale: &Scale) -> Checked<Finding> {
    let Some(library) = library() else {
        return Ok(Finding::skipped(
            "no libfaketime (Debian's package `faketime`)",
        ));
    };
    let clients = scale.of(500);
    let directory = tempfile::tempdir()?;
    let clock = Clock(directory.path().join("clock"));
    clock.set(0)?;
    let settings = Settings::new()
        .set("engine.ping_interval", r#""2s""#)
        .set("engine.ping_timeout", r#""2s""#)
        .environment("LD_PRELOAD", library.to_string_lossy())
        .environment("FAKETIME_TIMESTAMP_FILE", clock.0.to_string_lossy())
        .environment("FAKETIME_NO_CACHE", "1")
        .environment("DONT_FAKE_MONOTONIC", "1")
        .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = Server::start(&settings)?;
    let flock = Flock::connect(server.address, clients, |_| token(3 * HOUR))?;

    let mut finding = Finding::of(format!(
        "{clients} clients with pings each 2 s and 2 s to answer; the clock set to an hour ahead, an \
         hour behind, 10 s further back, and right again, for two pings each"
    ));
    let mut silent = 0;
    // With the clock at each of these, whether a token is good that ends so many seconds from now.
    for (offset, ends, is_good) in [
        (HOUR, HOUR / 2, false),
        (-HOUR, -HOUR / 2, true),
        (-HOUR - 10, -HOUR / 2, true),
        (0, -HOUR / 2, false),
    ] {
        clock.set(offset)?;
        let pings = flock.pings() + 2 * clients;
        let pinged = eventually(CAP, || ensure(flock.pings() >= pings, "too few pings"));
        finding.promise(pinged.is_ok(), format!("pings go on at {offset} s"));
        silent += clients - flock.ask(&json!(["join", "all"]), CAP).count;
        finding.promise(
            is_accepted(server.address, ends) == is_good,
            format!("a new token is judged by the clock at {offset} s"),
        );
        finding.promise(
            is_accepted(server.address, offset + HOUR),
            format!("clients come in at {offset} s"),
        );
    }
    let lost = flock.lost();
    finding.lost = match (lost.first(), silent) {
        (None, 0) => "nothing".to_owned(),
        (one, silent) => format!("{} clients ({one:?}), {silent} answers", lost.len()),
    };
    finding.promise(lost.is_empty() && silent == 0, "nobody is disconnected");
    Ok(finding)
}

/// What the server takes for the time, as seconds from the right one.
struct Clock(PathBuf);

impl Clock {
    fn set(&self, offset: i64) -> Checked {
        let new = self.0.with_extension("new");
        fs::write(&new, format!("{offset:+}"))?;
        Ok(fs::rename(&new, &self.0)?)
    }
}

/// Returns the payload of a client whose token ends so many seconds from now.
fn token(ends: i64) -> serde_json::Value {
    let ends = Token::now().saturating_add_signed(ends);
    json!({ "token": Token::with_claims(&json!({ "sub": "guest", "exp": ends })).sign() })
}

fn is_accepted(address: SocketAddr, ends: i64) -> bool {
    let newcomer = Flock::connect(address, 1, |_| token(ends));
    newcomer.is_ok_and(|newcomer| newcomer.ask(&json!(["join", "new"]), CAP).count == 1)
}

fn library() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path: &PathBuf| Path::is_file(path))
}

/// In seconds.
const HOUR: i64 = 3600;

const CAP: Duration = Duration::from_secs(30);
