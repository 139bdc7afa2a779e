//! A network of its own for a server, that can be made slow and broken.

use std::{
    net::Ipv4Addr,
    process::{self, Command, Stdio},
};

use sockeye_guard::{
    kit::{Checked, Failure, ensure},
    settings::Settings,
};

/// A network namespace with two links to this one: one for clients, whose weather can change, and one
/// for operators. It goes with this value.
#[derive(Debug)]
pub struct Network {
    name: String,
    /// Distinguishes its addresses from those of others.
    number: u8,
    has_weather: bool,
}

impl Network {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// When that is not possible here, as it needs root and `ip`.
    pub fn new() -> Checked<Self> {
        let number = u8::try_from(process::id() % 250).unwrap_or(0);
        let name = format!("sockeye{number}");
        run(&format!("ip netns add {name}"))?;
        let mut network = Self {
            name,
            number,
            has_weather: false,
        };
        for (link, outside, inside) in [
            (network.link("c"), network.address(1), network.address(2)),
            (network.link("o"), network.address(5), network.address(6)),
        ] {
            let name = &network.name;
            run(&format!(
                "ip link add {link} type veth peer name {link} netns {name}"
            ))?;
            run(&format!("ip address add {outside}/30 dev {link}"))?;
            run(&format!("ip link set {link} up"))?;
            run(&format!("ip -n {name} address add {inside}/30 dev {link}"))?;
            run(&format!("ip -n {name} link set {link} up"))?;
        }
        run(&format!("ip -n {} link set lo up", network.name))?;
        network.has_weather = network.weather("delay 0ms").is_ok();
        Ok(network)
    }

    /// Has a server run there.
    #[must_use]
    pub fn settings(&self, settings: Settings) -> Settings {
        settings
            .set("listen", format!("\"{}:0\"", self.address(2)))
            .set("internal_listen", format!("\"{}:0\"", self.address(6)))
            .started_by(&["ip", "netns", "exec", &self.name])
    }

    /// Returns whether the weather can be changed: not every Linux has `netem`.
    #[must_use]
    pub fn has_weather(&self) -> bool {
        self.has_weather
    }

    /// Lets nothing through between clients and the server, or everything again. Neither end is told.
    ///
    /// # Errors
    ///
    /// When the link has gone.
    pub fn cut(&self, is_cut: bool) -> Checked {
        let state = if is_cut { "down" } else { "up" };
        run(&format!("ip link set {} {state}", self.link("c")))
    }

    /// Changes what happens to packets between clients and the server, each way: words of `netem`,
    /// such as `loss 1%`.
    ///
    /// # Errors
    ///
    /// When the system doesn't know them.
    pub fn weather(&self, words: &str) -> Checked {
        let link = self.link("c");
        let change = format!("tc qdisc replace dev {link} root netem limit 100000 {words}");
        run(&change)?;
        run(&format!("ip netns exec {} {change}", self.name))
    }

    fn link(&self, which: &str) -> String {
        format!("sockeye{}{which}", self.number)
    }

    fn address(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 199, self.number, last)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // The links go with it.
        let _ = run(&format!("ip netns delete {}", self.name));
    }
}

fn run(command: &str) -> Checked {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure(output.status.success(), said.trim()).map_err(|failure: Failure| failure.on(command))
}
