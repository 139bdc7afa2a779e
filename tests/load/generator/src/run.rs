//! Runs the scenarios: opens connections, warms up, measures, and waits for what is left.

use std::{error::Error, io::Error as IoError, time::Duration};

use crate::{
    broadcast::Broadcast,
    churn::Churn,
    cli::{Cli, Load, Rest, Scenario as Command, Setup},
    idle::Idle,
    polling::Polling,
    pool::Pool,
    process,
    report::{Memory, Report},
    requests::{Kind, Requests},
    rooms::Rooms,
    tally::{Span, Tally, note_faults},
    target::Target,
};

/// Whether all went well: every answer came and was right.
type Verdict = Result<bool, Box<dyn Error>>;

impl Cli {
    /// Runs the scenario and hands over what it finds.
    ///
    /// # Errors
    ///
    /// Fails if the server is not on this machine or lets too few in. Wrong answers and lost
    /// connections are no errors: with them the report is not clean, and this returns `false`.
    pub fn run(self, mut print: impl FnMut(&Report)) -> Verdict {
        process::raise_file_limit();
        let mut print = |report: Report| {
            print(&report);
            Ok(report.is_clean())
        };
        match self.scenario {
            Command::Echo(load) => print(requests("echo", Kind::Echo, &load)?),
            Command::Ack(load) => print(requests("ack", Kind::Ack, &load)?),
            Command::Binary(load) => print(requests("binary", Kind::Binary, &load)?),
            Command::Broadcast { load, publishers } => {
                let Setup {
                    connections, size, ..
                } = load.setup;
                let publishers = publishers.min(connections);
                let scenario = Broadcast::new(size, connections, publishers, load.window);
                print(broadcast("broadcast", scenario, &load)?)
            }
            Command::Rooms {
                load,
                each,
                members,
            } => {
                let Setup {
                    connections, size, ..
                } = load.setup;
                let rooms = Rooms::new(connections, each, members)?;
                let scenario = Broadcast::new(size, members, connections, load.window);
                print(broadcast("rooms", scenario.in_rooms(rooms), &load)?)
            }
            Command::Idle(rest) => idle(&rest, print),
            Command::Connect(setup) => print(connect(&setup)?),
            Command::PollingEcho(load) => {
                let Setup { size, spin, .. } = load.setup;
                let target = load.setup.target()?;
                let mut report = polling(
                    "polling-echo",
                    Polling::echoes(target, spin, size, load.window)?,
                    &load.setup,
                )?;
                report.window = Some(load.window);
                print(report)
            }
            Command::PollingConnect(setup) => {
                let polls = Polling::churn(setup.target()?, setup.spin)?;
                print(polling("polling-connect", polls, &setup)?)
            }
        }
    }
}

fn requests(name: &str, kind: Kind, load: &Load) -> Result<Report, Box<dyn Error>> {
    let setup = &load.setup;
    let mut pool = setup.pool()?;
    let mut scenario = Requests::new(kind, setup.size, load.window);
    pool.open(setup.connections, setup.at_once, &mut scenario)?;
    match load.rate {
        Some(rate) => scenario.set_rate(rate, pool.now()),
        None => scenario.fill(&mut pool),
    }
    let mut report = load.report(name);
    pool.run(setup.warmup(), &mut scenario);
    let span = Span::begin(setup.process);
    scenario.tally.start();
    pool.run(setup.duration(), &mut scenario);
    span.end(&mut scenario.tally, &mut report);
    scenario.end();
    pool.run(AFTERMATH, &mut scenario);
    report.unanswered = Requests::unanswered(&pool);
    note_faults(&mut report, &scenario.tally, &pool.lost);
    Ok(report)
}

fn broadcast(name: &str, mut scenario: Broadcast, load: &Load) -> Result<Report, Box<dyn Error>> {
    let setup = &load.setup;
    let mut pool = setup.pool()?;
    pool.open(setup.connections, setup.at_once, &mut scenario)?;
    let connections = setup.connections;
    pool.run_until(PATIENCE, &mut scenario, |scenario| {
        scenario.has_joined(connections)
    });
    if !scenario.has_joined(connections) {
        return Err("not all could join their rooms".into());
    }
    // What is said on entering a room may still be on its way.
    pool.run(Duration::from_millis(200), &mut scenario);
    scenario.begin(load.rate, pool.now());
    let mut report = load.report(name);
    pool.run(setup.warmup(), &mut scenario);
    let span = Span::begin(setup.process);
    scenario.tally.start();
    pool.run(setup.duration(), &mut scenario);
    span.end(&mut scenario.tally, &mut report);
    scenario.end();
    pool.run_until(PATIENCE, &mut scenario, |scenario| {
        scenario.undelivered() == 0
    });
    report.unanswered = scenario.undelivered();
    note_faults(&mut report, &scenario.tally, &pool.lost);
    Ok(report)
}

fn connect(setup: &Setup) -> Result<Report, Box<dyn Error>> {
    let mut pool = setup.pool()?;
    let mut scenario = Churn::default();
    pool.start(setup.connections);
    let mut report = setup.report("connect");
    pool.run(setup.warmup(), &mut scenario);
    let span = Span::begin(setup.process);
    scenario.tally.start();
    pool.run(setup.duration(), &mut scenario);
    span.end(&mut scenario.tally, &mut report);
    scenario.end();
    pool.run(AFTERMATH, &mut scenario);
    note_faults(&mut report, &scenario.tally, &pool.lost);
    Ok(report)
}

fn polling(name: &str, mut polls: Polling, setup: &Setup) -> Result<Report, Box<dyn Error>> {
    polls.start(setup.connections)?;
    let mut report = setup.report(name);
    polls.run(setup.warmup());
    let span = Span::begin(setup.process);
    polls.tally.start();
    polls.run(setup.duration());
    span.end(&mut polls.tally, &mut report);
    polls.end();
    polls.run(AFTERMATH);
    note_faults(&mut report, &polls.tally, &polls.lost);
    Ok(report)
}

fn idle(rest: &Rest, mut print: impl FnMut(Report) -> Verdict) -> Verdict {
    let setup = &rest.setup;
    let process = setup.process.ok_or("idle needs --process")?;
    let mut pool = setup.pool()?;
    let mut scenario = Idle::new(rest.room_of, rest.echoes, setup.size);
    let base_kib = process::resident_kib(process);
    let mut is_clean = true;
    let mut look = |pool: &mut Pool<()>, scenario: &mut Idle, connections, crowd| {
        let mut report = setup.report("idle");
        report.connections = connections;
        let span = Span::begin(setup.process);
        let wait = match connections {
            0 => rest.afterwards,
            _ => rest.settle,
        };
        pool.run(Duration::from_secs_f64(wait), scenario);
        span.end(&mut Tally::default(), &mut report);
        report.memory = Some(Memory {
            base_kib,
            resident_kib: process::resident_kib(process),
            crowd,
        });
        note_faults(&mut report, &scenario.tally, &pool.lost);
        is_clean &= print(report)?;
        Ok::<_, Box<dyn Error>>(())
    };
    for crowd in 1..=rest.crowds.max(1) {
        for &connections in &rest.steps {
            pool.open(connections, setup.at_once, &mut scenario)?;
            pool.run_until(PATIENCE, &mut scenario, Idle::is_settled);
            if !scenario.is_settled() {
                return Err("not all were answered".into());
            }
            look(&mut pool, &mut scenario, connections, crowd)?;
        }
        if rest.crowds > 0 {
            pool.close_all();
            look(&mut pool, &mut scenario, 0, crowd)?;
        }
    }
    Ok(is_clean)
}

impl Setup {
    fn pool<S: Default>(&self) -> Result<Pool<S>, IoError> {
        Pool::new(self.target()?, self.spin)
    }

    fn target(&self) -> Result<Target, IoError> {
        if !self.address.ip().is_loopback() {
            return Err(IoError::other("only servers on this machine are loaded"));
        }
        Ok(Target {
            address: self.address,
            path: self.path.clone(),
            sources: self.sources,
            browser: self.browser,
            auth: self.auth.clone(),
            welcome: self.welcome.clone(),
        })
    }

    fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }

    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.duration)
    }

    fn report(&self, scenario: &str) -> Report {
        Report {
            scenario: scenario.to_owned(),
            label: self.label.clone(),
            connections: self.connections,
            size: self.size,
            spin: self.spin,
            ..Report::default()
        }
    }
}

impl Load {
    fn report(&self, scenario: &str) -> Report {
        Report {
            window: self.rate.is_none().then_some(self.window),
            rate: self.rate,
            ..self.setup.report(scenario)
        }
    }
}

/// How long what is under way at the end may take, where it is not waited for.
const AFTERMATH: Duration = Duration::from_millis(300);

/// How long what is waited for may take.
const PATIENCE: Duration = Duration::from_secs(20);
