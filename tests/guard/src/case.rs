//! What a hostile client does, and what it may cost.

use std::time::Duration;

use crate::{kit::Checked, server::Server, settings::Settings};

/// One thing that a client can do to the server.
///
/// ```
/// # use sockeye_guard::{case::{Case, MIB}, kit::Checked};
/// let case = Case::new("ATK-42", "a client that is no browser needs no origin", |server| {
///     server.polling()?.lives()
/// });
/// let case = case.costs(50, MIB);
/// ```
#[derive(Clone, Debug)]
pub struct Case {
    id: &'static str,
    title: &'static str,
    body: fn(&Server) -> Checked,
    profile: Profile,
    cpu: Duration,
    memory: u64,
}

/// With which settings a case runs. Cases that share them share a server.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Profile {
    /// The defaults, one case after another.
    Plain,
    /// The defaults, all cases at once, as each waits for seconds.
    Waiting,
    /// Pings each two seconds with two more to answer, all cases at once.
    Heartbeat,
    /// Pages of one origin only, with CORS for it.
    Origins,
    /// Few sessions for an address, and few for strangers.
    Admission,
    /// Seventeen namespaces more than the main one.
    Namespaces,
    /// The client's files from a directory.
    Files,
    /// Threads with stacks of 256 KiB.
    SmallStack,
    /// 256 file descriptors at most.
    FewDescriptors,
    /// The example with which the wire is tested, whose handlers ask clients for acks.
    Conformance,
    /// No server: the case starts what it needs.
    Alone,
}

impl Case {
    /// Describes what a client does under a title that says what happens; `body` does it, and
    /// checks the answer.
    #[must_use]
    pub fn new(id: &'static str, title: &'static str, body: fn(&Server) -> Checked) -> Self {
        Self {
            id,
            title,
            body,
            profile: Profile::Plain,
            cpu: Duration::from_millis(200),
            memory: 8 * MIB,
        }
    }

    /// Bounds what it costs the server: time on the processors, in milliseconds, and by how much
    /// the memory's peak may grow, in bytes. By default 200 ms and 8 MiB.
    #[must_use]
    pub fn costs(mut self, cpu_ms: u64, memory: u64) -> Self {
        self.cpu = Duration::from_millis(cpu_ms);
        self.memory = memory;
        self
    }

    /// Chooses the settings.
    #[must_use]
    pub fn under(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Returns the row of the catalogue.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// Returns what happens.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Returns with which settings it runs.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    pub(crate) fn cpu(&self) -> Duration {
        self.cpu
    }

    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    /// Does it, and checks the answer.
    ///
    /// # Errors
    ///
    /// When the answer is another than it has to be.
    pub fn run(&self, server: &Server) -> Checked {
        (self.body)(server)
    }
}

impl Profile {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 11] = [
        Self::Plain,
        Self::Waiting,
        Self::Heartbeat,
        Self::Origins,
        Self::Admission,
        Self::Namespaces,
        Self::Files,
        Self::SmallStack,
        Self::FewDescriptors,
        Self::Conformance,
        Self::Alone,
    ];

    pub(crate) fn is_at_once(self) -> bool {
        matches!(self, Self::Waiting | Self::Heartbeat)
    }

    pub(crate) fn settings(self) -> Settings {
        let settings = Settings::new();
        match self {
            Self::Plain | Self::Waiting | Self::Conformance | Self::Alone => settings,
            Self::Heartbeat => settings
                .set("engine.ping_interval", r#""2s""#)
                .set("engine.ping_timeout", r#""2s""#),
            Self::Origins => settings
                .set(
                    "origins.allow",
                    r#"["https://app.example.com", "https://*.wild.example"]"#,
                )
                .set("cors.origins", r#"["https://app.example.com"]"#)
                .set("cors.credentials", "true"),
            Self::Admission => settings
                .set("admission.max_sessions", "1000")
                .set("admission.unauthenticated_percent", "10")
                .set("admission.max_sessions_per_address", "100")
                .set("admission.max_unauthenticated_per_address", "30")
                .set("admission.handshakes_per_second", "20")
                .set("admission.handshake_burst", "200"),
            Self::Namespaces => settings.set("namespaces", namespaces()),
            Self::Files => settings.set("http.client_dir", client_files()),
            Self::SmallStack => settings.environment("RUST_MIN_STACK", "262144"),
            Self::FewDescriptors => settings.descriptors(256),
        }
    }
}

fn namespaces() -> String {
    let names: Vec<_> = (1..18).map(|number| format!("\"/n{number}\"")).collect();
    format!("[\"/\", {}]", names.join(", "))
}

fn client_files() -> String {
    format!("{:?}", concat!(env!("CARGO_MANIFEST_DIR"), "/client-files"))
}

/// Bytes in a mebibyte.
pub const MIB: u64 = 1024 * 1024;
