//! FM-07: ten thousand clients that only listen.

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
    figure::{p99, run_time, thousands},
    finding::Finding,
    watch::Watch,
};

pub(super) const FAULT: Fault = Fault {
    id: "FM-07",
    title: "many clients that are only there",
    length: Length::Short,
    run: held,
};

fn held(scale: &Scale) -> Checked<Finding> {
    let is_short = scale.part < 1.0;
    let count = scale.of(10_000);
    let settings = match is_short {
        // So that there are pings at all.
        true => Settings::new().set("engine.ping_interval", r#""5s""#),
        false => Settings::new(),
    };
    let (rounds, rest) = match is_short {
        true => (2, Duration::from_secs(8)),
        false => (10, Duration::from_secs(55)),
    };
    let server = Server::start(&settings)?;
    // The first answer takes memory that stays.
    drop(server.polling()?);
    let base = server.process().read()?.resident;
    let start = Instant::now();
    let mut audience = Audience::connect(server.address, Guests { count, slow: 0 })?;
    let came = start.elapsed();

    let mut latencies = Vec::new();
    let (mut each, mut busiest) = (Vec::new(), 0.0_f64);
    let samples = thread::scope(|scope| {
        let watch = Watch::start(scope, &server, Duration::from_secs(5));
        for _ in 0..rounds {
            let (before, since) = (server.process().read()?, Instant::now());
            pause(rest);
            let after = server.process().read()?;
            let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
            busiest = busiest.max(cpu / since.elapsed().as_secs_f64());
            each.push(after.resident.saturating_sub(base) / count as u64);
            let told = audience.tell(&server, 64)?;
            ensure(told == count as u64, format!("{told} sockets"))?;
            latencies.extend(audience.heard(count, Duration::from_secs(30))?);
        }
        watch.stop()
    })?;
    let held = start.elapsed() - came;
    let (gaps, ended) = audience.losses();
    let timeouts = server.metric("sessions_closed_total")?;
    audience.leave();
    let is_empty = eventually(Duration::from_secs(60), || {
        let sessions = server.metric("sessions")?;
        ensure(sessions == 0.0, format!("{sessions} sessions"))
    });

    latencies.sort_unstable();
    let (p99, each) = (p99(&latencies), each.iter().max().copied());
    let each = each.unwrap_or_default() as f64 / 1024.0;
    let fewest = samples.iter().map(|sample| sample.gauges.get("clients"));
    let fewest = fewest.flatten().copied().fold(f64::MAX, f64::min);
    let mut finding = Finding::of(format!(
        "{} clients over WebSocket for {}, a ping each {} s, {rounds} events to all",
        thousands(count),
        run_time(held),
        if is_short { 5 } else { 25 },
    ));
    finding.lost = match ended.len() + gaps {
        0 => "nothing: no client, no event".to_owned(),
        _ => format!(
            "{} clients, {gaps} events: {:?}",
            ended.len(),
            ended.first()
        ),
    };
    finding.figure("all there after", format!("{:.1} s", came.as_secs_f64()));
    finding.figure("memory of each", format!("{each:.1} KiB"));
    finding.figure("of a core", format!("{:.1} %", busiest * 100.0));
    finding.figure("event to all, p99", format!("{} ms", p99.as_millis()));
    finding.promise(ended.is_empty() && gaps == 0, "nobody is dropped");
    // The one before the crowd.
    finding.promise(timeouts <= 1.0, format!("{timeouts} sessions closed"));
    finding.promise(fewest >= count as f64, format!("{fewest} clients"));
    finding.promise(each <= 12.0, "12 KiB of memory for each");
    finding.promise(
        p99 <= scale.allows(Duration::from_millis(500)),
        "an event to all within 500 ms",
    );
    if !is_short {
        finding.promise(busiest <= 0.05, "5 % of a core while they are at rest");
    }
    if let Err(failure) = is_empty {
        finding.promise(false, format!("all are gone: {failure}"));
    }
    Ok(finding)
}
