use std::{
    io::{BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use sockeye_guard::kit::{Checked, Failure, Token, ensure};

/// Official clients, in a process of Node: pairs that talk to each other, and write a history.
///
/// The process ends with this value.
#[derive(Debug)]
pub struct Official {
    child: Child,
    history: PathBuf,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether all clients are members of their rooms.
    all_in: bool,
    /// How often they have all come in.
    times: usize,
    ended: bool,
}

impl Official {
    /// Starts so many clients, of which the first has this number; each sends `rate` events a second.
    ///
    /// # Errors
    ///
    /// When there is no Node, or the client's package isn't installed.
    pub fn start(
        address: SocketAddr,
        numbers: std::ops::Range<usize>,
        rate: usize,
        directory: &Path,
    ) -> Checked<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        ensure(
            root.join("../e2e/node_modules/client-4.8").is_dir(),
            "no npm packages in tests/e2e: run `npm ci` there",
        )?;
        let history = directory.join(format!("{}.history", numbers.start));
        let options = json!({
            "url": format!("http://{address}"), "secret": Token::SECRET, "rate": rate,
            "first": numbers.start, "clients": numbers.len(), "history": history,
        });
        let mut child = Command::new("node")
            .arg(root.join("clients/crowd.mjs"))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let state = Arc::<(Mutex<State>, Condvar)>::default();
        if let Some(output) = child.stdout.take() {
            let state = state.clone();
            thread::spawn(move || follow(BufReader::new(output), &state));
        }
        Ok(Self {
            child,
            history,
            state,
        })
    }

    /// Returns how often all clients have come in.
    #[must_use]
    pub fn times_in(&self) -> usize {
        let state = self.state.0.lock();
        state.unwrap_or_else(PoisonError::into_inner).times
    }

    /// Waits until all clients have come in this often.
    ///
    /// # Errors
    ///
    /// When they haven't after `cap`.
    pub fn all_in(&self, times: usize, cap: Duration) -> Checked {
        let until = Instant::now() + cap;
        let wanted = move |state: &State| state.all_in && state.times >= times;
        ensure(self.wait(until, wanted), "the clients don't all come in")
    }

    /// Ends the talk, and returns the history.
    ///
    /// # Errors
    ///
    /// When the process doesn't end.
    pub fn stop(mut self) -> Checked<String> {
        if let Some(input) = &mut self.child.stdin {
            input.write_all(b"stop\n")?;
        }
        let until = Instant::now() + Duration::from_secs(60);
        ensure(self.wait(until, |state| state.ended), "the clients go on")?;
        let status = self.child.wait()?;
        ensure(status.success(), format!("the clients' end: {status}"))?;
        std::fs::read_to_string(&self.history)
            .map_err(|error| Failure::from(error).on(self.history.display()))
    }

    fn wait(&self, until: Instant, condition: impl Fn(&State) -> bool) -> bool {
        let (state, changed) = &*self.state;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if condition(&state) || state.ended || left.is_zero() {
                return condition(&state);
            }
            let waited = changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Official {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(output: impl std::io::BufRead, state: &(Mutex<State>, Condvar)) {
    let (state, changed) = state;
    let change = |change: &dyn Fn(&mut State)| {
        change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    };
    for line in output.lines().map_while(Result::ok) {
        change(&|state| {
            state.all_in = line == "in";
            state.times += usize::from(state.all_in);
        });
    }
    change(&|state| state.ended = true);
}
