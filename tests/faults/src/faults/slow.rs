//! FM-08: a tenth of the clients stop reading.

use std::{
    thread,
    time::{Duration, Instant},
};

use sockeye_guard::{
    kit::{Checked, ensure, eventually, pause},
    server::Server,
    settings::Settings,
};

use crate::{
    crowd::{Audience, Guests},
    fault::{Fault, Length, Scale},
    figure::{MIB, mib, p99, thousands},
    finding::Finding,
    watch::{Watch, closed},
};

pub(super) const FAULT: Fault = Fault {
    id: "FM-08",
    title: "slow consumers",
    length: Length::Short,
    run: slow,
};

fn slow(scale: &Scale) -> Checked<Finding> {
    let is_short = scale.part < 1.0;
    let count = scale.of(10_000);
    let guests = Guests {
        count,
        slow: count / 10,
    };
    let healthy = count - guests.slow;
    // Who doesn't read gets no pings either, and would be gone for that.
    let settings = Settings::new().set("engine.ping_interval", r#""10m""#);
    // Less often but more is as much for them not to read, and less work for this machine.
    let (settings, rate, bytes, quiet) = match is_short {
        true => (
            settings.set("engine.write_timeout", r#""5s""#),
            5,
            10_000,
            20,
        ),
        false => (settings, 10, 1000, 300),
    };
    let server = Server::start(&settings)?;
    let mut audience = Audience::connect(server.address, guests)?;
    let mut pulse = Pulse::new(rate);

    for _ in 0..quiet {
        pulse.wait();
        audience.tell(&server, bytes)?;
    }
    let baseline = audience.heard(healthy * quiet, PATIENCE)?;
    let before = server.process().read()?.resident;
    server.process().reset_peak();
    audience.deafen();
    let start = Instant::now();
    let (mut told, mut gone) = (0, None);
    let cap = Duration::from_secs(300);
    let outcome = thread::scope(|scope| {
        let watch = Watch::start(scope, &server, Duration::from_secs(1));
        while told < quiet || gone.is_none() {
            pulse.wait();
            let sockets = audience.tell(&server, bytes)?;
            told += 1;
            if sockets <= healthy as u64 && gone.is_none() {
                gone = Some(start.elapsed());
            }
            ensure(
                start.elapsed() < cap,
                format!("{sockets} clients after {cap:?}"),
            )?;
        }
        watch.stop()
    });
    let samples = outcome?;
    let beside = audience.heard(healthy * told, PATIENCE)?;
    let peak = server.process().read()?.peak;
    let cut = server.metric("connections_stalled_total")?;
    let overfull = closed(&server, "slow consumer")?;
    let (gaps, ended) = audience.losses();
    let queued = samples
        .iter()
        .map(|sample| sample.gauges.get("queued_bytes"));
    let queued = queued.flatten().copied().fold(0.0, f64::max);
    let back = eventually(Duration::from_secs(60), || {
        let now = server.process().read()?.resident;
        let most = before + before / 10 + 16 * MIB as u64;
        ensure(
            now <= most,
            format!("{} instead of {}", mib(now), mib(before)),
        )
    });
    let after = server.process().read()?.resident;
    audience.leave();

    let growth = peak.saturating_sub(before);
    let (usual, now) = (p99(&baseline), p99(&beside));
    let mut finding = Finding::of(format!(
        "{} to all of {} clients {rate} times in a second; {} of them stop reading",
        if is_short { "10 kB" } else { "1 kB" },
        thousands(count),
        thousands(guests.slow),
    ));
    finding.lost = match ended.len() + gaps {
        0 => format!(
            "the slow ones, {} of them for taking nothing for as long as `write_timeout`; for the \
             others nothing",
            thousands(cut as usize),
        ),
        _ => format!("{} others, {gaps} events: {:?}", ended.len(), ended.first()),
    };
    let gone = gone.unwrap_or_default();
    finding.figure(
        "all of them dropped after",
        format!("{:.0} s", gone.as_secs_f64()),
    );
    finding.figure(
        "p99 of the others",
        format!(
            "{:.2} × that before",
            now.as_secs_f64() / usual.as_secs_f64()
        ),
    );
    finding.figure("waiting at most", mib(queued as u64));
    finding.figure(
        "memory",
        format!(
            "{} more, then {}",
            mib(growth),
            mib(after.saturating_sub(before))
        ),
    );
    finding.promise(ended.is_empty() && gaps == 0, "the others lose nothing");
    finding.promise(
        cut + overfull >= guests.slow as f64,
        format!("each is counted: {cut} cut, {overfull} with a full queue"),
    );
    if !is_short {
        let holds = now <= (usual * 3 / 2).max(usual + Duration::from_millis(5));
        finding.promise(holds, "the others' p99 stays within 1.5 × that before");
    }
    let most = guests.slow as f64 * 1.2 * MIB;
    finding.promise(
        growth as f64 <= most.max(32.0 * MIB),
        "1.2 MiB for each at most",
    );
    if let Err(failure) = back {
        finding.promise(false, format!("the memory comes back: {failure}"));
    }
    Ok(finding)
}

/// Times that are as far apart as a rate asks for, whatever happens between them.
#[derive(Debug)]
struct Pulse {
    start: Instant,
    beat: u32,
    rate: u32,
}

impl Pulse {
    fn new(rate: u32) -> Self {
        Self {
            start: Instant::now(),
            beat: 0,
            rate,
        }
    }

    fn wait(&mut self) {
        self.beat += 1;
        let due = Duration::from_secs(u64::from(self.beat)) / self.rate;
        pause(due.saturating_sub(self.start.elapsed()));
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
