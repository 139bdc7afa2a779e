//! All the ways to open a session and to leave it.

use std::{io, net::SocketAddr};

use futures_util::future::LocalBoxFuture;

use crate::{
    chance::Chance,
    served::{SHORT, passing},
    wire::{Answer, Wire},
};

/// A client with a script, in the place where it has come to.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) chance: Chance,
}

/// A session over polling.
struct Polling {
    address: SocketAddr,
    chance: Chance,
    sid: String,
    wire: Wire,
}

/// A way to open a session and to leave it.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) share: usize,
    /// Plays it; an error is that the server did something else than was expected.
    pub(crate) play: fn(Client) -> LocalBoxFuture<'static, io::Result<()>>,
}

macro_rules! kinds {
    ($($play:ident: $share:literal,)*) => {
        pub(crate) const KINDS: &[Kind] = &[$(Kind {
            name: stringify!($play),
            share: $share,
            play: |client| Box::pin(client.$play()),
        }),*];
    };
}

kinds! {
    polling_abandoned: 4,
    polling_closed_from_rooms: 8,
    poll_dropped: 5,
    post_half_sent: 5,
    polls_doubled: 5,
    packets_not_polled: 4,
    post_withheld: 2,
    websocket_dropped: 8,
    websocket_closed: 8,
    websocket_reset: 8,
    websocket_broken: 4,
    websocket_never_connects: 2,
    upgrade_not_probed: 4,
    upgrade_probed: 4,
    upgrade_broken: 5,
    upgraded: 8,
    upgraded_twice: 5,
    handshake_refused: 8,
    namespace_refused: 8,
    namespace_dynamic: 8,
    never_authenticates: 4,
    ack_owed: 4,
    handler_running: 4,
    emit_waiting: 2,
    slow_consumer: 1,
}

impl Client {
    async fn polling_abandoned(self) -> io::Result<()> {
        let mut session = self.poll().await?;
        if session.chance.one_in(2) {
            session.post("40").await?;
        }
        Ok(())
    }

    async fn polling_closed_from_rooms(self) -> io::Result<()> {
        let mut session = self.poll_and_connect().await?;
        let own = session.chance.next();
        session
            .post(&format!(r#"42["join",["all","{own}"]]"#))
            .await?;
        session.post("1").await
    }

    async fn poll_dropped(self) -> io::Result<()> {
        let mut session = self.poll_and_connect().await?;
        let query = session.query();
        session.wire.get(&query).await?;
        if session.chance.one_in(2) {
            // It waits by the time that this is answered.
            session.chance = Chance::new(0);
            let mut other = Wire::open(session.address).await?;
            other.post(&query, 1, "3").await?;
            other.answer().await?;
        }
        session.chance.clone().leave(session.wire).await
    }

    async fn post_half_sent(self) -> io::Result<()> {
        let mut session = self.poll().await?;
        let query = session.query();
        session.wire.post(&query, 10, r#"42[""#).await?;
        session.chance.clone().leave(session.wire).await
    }

    async fn polls_doubled(self) -> io::Result<()> {
        let mut session = self.poll().await?;
        let query = session.query();
        let mut other = Wire::open(session.address).await?;
        session.wire.get(&query).await?;
        other.get(&query).await?;
        let statuses = [
            session.wire.answer().await?.status,
            other.answer().await?.status,
        ];
        expect(statuses.contains(&400), || format!("{statuses:?}"))
    }

    async fn packets_not_polled(self) -> io::Result<()> {
        let mut session = self.poll_and_connect().await?;
        session.post(r#"42["say"]"#).await
    }

    /// More events than may wait, so that the POST is not answered.
    async fn post_withheld(self) -> io::Result<()> {
        let mut session = self.poll_and_connect().await?;
        let query = session.query();
        let events = [r#"42["slow"]"#; 8].join("\x1e");
        session.wire.post(&query, events.len(), &events).await?;
        session.chance.clone().leave(session.wire).await
    }

    async fn websocket_dropped(self) -> io::Result<()> {
        self.websocket_connected().await.map(drop)
    }

    async fn websocket_closed(self) -> io::Result<()> {
        let mut wire = self.websocket_connected().await?;
        wire.say(r#"42["join",["all"]]"#).await?;
        wire.say_goodbye().await?;
        wire.rest().await;
        Ok(())
    }

    async fn websocket_reset(self) -> io::Result<()> {
        self.websocket_connected().await?.reset()
    }

    async fn websocket_broken(mut self) -> io::Result<()> {
        let broken = self.chance.below(3);
        let mut wire = self.websocket_connected().await?;
        match broken {
            0 => wire.say("no engine packet").await?,
            1 => wire.say("4no packet").await?,
            _ => wire.send(NO_FRAME).await?,
        }
        wire.rest().await;
        Ok(())
    }

    async fn websocket_never_connects(self) -> io::Result<()> {
        self.websocket().await?.rest().await;
        Ok(())
    }

    async fn upgrade_not_probed(self) -> io::Result<()> {
        let (session, wire) = self.candidate().await?;
        session.chance.clone().leave_or_wait(wire).await
    }

    async fn upgrade_probed(self) -> io::Result<()> {
        let (mut session, mut wire) = self.candidate().await?;
        let query = session.query();
        if session.chance.one_in(2) {
            session.wire.get(&query).await?;
        }
        probe(&mut wire).await?;
        session.chance.clone().leave_or_wait(wire).await
    }

    async fn upgrade_broken(self) -> io::Result<()> {
        let (mut session, mut wire) = self.candidate().await?;
        if session.chance.one_in(2) {
            probe(&mut wire).await?;
        }
        if session.chance.one_in(2) {
            wire.say("garbage").await?;
        } else {
            wire.send(NO_FRAME).await?;
        }
        wire.rest().await;
        Ok(())
    }

    async fn upgraded(self) -> io::Result<()> {
        let (mut session, mut wire) = self.candidate().await?;
        let connect_first = session.chance.one_in(2);
        if connect_first {
            session.post("40").await?;
        }
        probe(&mut wire).await?;
        wire.say("5").await?;
        if !connect_first {
            wire.say("40").await?;
        }
        wire.until("40{").await?;
        wire.say(r#"42["join",["all","upgraded"]]"#).await?;
        session.chance.clone().leave(wire).await
    }

    async fn upgraded_twice(self) -> io::Result<()> {
        let (mut session, mut wire) = self.candidate().await?;
        let probed = session.chance.one_in(2);
        if probed {
            probe(&mut wire).await?;
        }
        let mut second = Wire::open(session.address).await?;
        let query = format!("EIO=4&transport=websocket&sid={}", session.sid);
        second.upgrade(&query).await?;
        second.rest().await;
        session.chance.clone().leave(wire).await
    }

    async fn handshake_refused(mut self) -> io::Result<()> {
        let mut wire = Wire::open(self.address).await?;
        let (query, status) = match self.chance.below(4) {
            0 => ("EIO=3&transport=polling", 400),
            1 => ("EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA", 400),
            2 => ("EIO=4&transport=polling&forbidden", 403),
            _ => ("EIO=4&transport=carrier-pigeon", 400),
        };
        if self.chance.one_in(2) {
            let granted = wire.upgrade(&query.replace("polling", "websocket")).await?;
            return expect(!granted, || query.to_owned());
        }
        wire.get(query).await?;
        let answer = wire.answer().await?;
        expect(answer.status == status, || {
            format!("{query}: {}", answer.body)
        })
    }

    async fn namespace_refused(mut self) -> io::Result<()> {
        let name = ["/unknown", "/refused", "/slowly-refused"][self.chance.below(3)];
        let gone = self.chance.one_in(4);
        if self.chance.one_in(2) {
            let mut session = self.poll().await?;
            session.post(&format!("40{name},")).await?;
            if !gone {
                let packets = session.receive().await?.body;
                let refused = packets.contains(&format!("44{name},"));
                expect(refused, || packets)?;
            }
            return session.chance.clone().leave(session.wire).await;
        }
        let mut chance = self.chance.clone();
        let mut wire = self.websocket().await?;
        wire.say(&format!("40{name},")).await?;
        if !gone {
            wire.until(&format!("44{name},")).await?;
        }
        chance.leave(wire).await
    }

    async fn namespace_dynamic(mut self) -> io::Result<()> {
        // Some meet in one, most have one of their own.
        let bound = if self.chance.one_in(2) { 5 } else { 1 << 30 };
        let name = format!("/dyn-{}", self.chance.below(bound));
        let mut chance = self.chance.clone();
        let mut wire = self.websocket_connected().await?;
        wire.say(&format!("40{name},")).await?;
        wire.until(&format!("40{name},")).await?;
        wire.say(&format!(r#"42{name},["join",["a","b"]]"#)).await?;
        if chance.one_in(2) {
            wire.say(&format!("41{name},")).await?;
        }
        chance.leave(wire).await
    }

    async fn never_authenticates(mut self) -> io::Result<()> {
        let mut chance = self.chance.clone();
        if self.chance.one_in(2) {
            let mut session = self.poll().await?;
            return session.post("40/auth,").await;
        }
        let mut wire = self.websocket().await?;
        wire.say("40/auth,").await?;
        wire.until("40/auth,{").await?;
        match chance.below(3) {
            // Leaving doesn't stop the clock.
            0 => wire.say("41/auth,").await?,
            1 => wire.say(r#"42/auth,["authentication","bad"]"#).await?,
            _ => {}
        }
        chance.leave_or_wait(wire).await
    }

    async fn ack_owed(self) -> io::Result<()> {
        let mut chance = self.chance.clone();
        let mut wire = self.websocket_connected().await?;
        wire.say(r#"42["ask"]"#).await?;
        wire.until("question").await?;
        chance.leave(wire).await
    }

    async fn handler_running(self) -> io::Result<()> {
        let mut chance = self.chance.clone();
        let mut wire = self.websocket_connected().await?;
        wire.say(r#"42["slow"]"#).await?;
        wire.say(r#"421["slow"]"#).await?;
        chance.leave(wire).await
    }

    async fn emit_waiting(mut self) -> io::Result<()> {
        if self.chance.one_in(2) {
            let mut session = self.poll_and_connect().await?;
            return session.post(r#"42["fill"]"#).await;
        }
        let mut wire = self.websocket_connected().await?;
        wire.say(r#"42["fill"]"#).await?;
        wire.until(r#"42["more""#).await?;
        passing(SHORT / 8).await;
        Ok(())
    }

    async fn slow_consumer(mut self) -> io::Result<()> {
        if self.chance.one_in(2) {
            let mut session = self.poll_and_connect().await?;
            return session.post(r#"42["flood"]"#).await;
        }
        let wire = Wire::open_narrow(self.address).await?;
        let mut wire = connected(opened(wire).await?).await?;
        wire.say(r#"42["flood"]"#).await?;
        // The server has to notice, and nothing tells the client that it has.
        passing(SHORT).await;
        Ok(())
    }

    async fn poll(self) -> io::Result<Polling> {
        let mut wire = Wire::open(self.address).await?;
        wire.get("EIO=4&transport=polling").await?;
        let body = wire.answer().await?.body;
        let sid = body.split(r#""sid":""#).nth(1);
        let sid = sid.and_then(|rest| rest.split('"').next());
        Ok(Polling {
            address: self.address,
            chance: self.chance,
            sid: sid
                .ok_or_else(|| io::Error::other(body.clone()))?
                .to_owned(),
            wire,
        })
    }

    async fn poll_and_connect(self) -> io::Result<Polling> {
        let mut session = self.poll().await?;
        session.post("40").await?;
        let packets = session.receive().await?.body;
        expect(packets.contains("40{"), || packets)?;
        Ok(session)
    }

    async fn websocket(self) -> io::Result<Wire> {
        opened(Wire::open(self.address).await?).await
    }

    async fn websocket_connected(self) -> io::Result<Wire> {
        connected(self.websocket().await?).await
    }

    /// Opens a session over polling, and a WebSocket for its upgrade.
    async fn candidate(self) -> io::Result<(Polling, Wire)> {
        let session = self.poll().await?;
        let mut wire = Wire::open(session.address).await?;
        let query = format!("EIO=4&transport=websocket&sid={}", session.sid);
        let granted = wire.upgrade(&query).await?;
        expect(granted, || "no upgrade".to_owned())?;
        Ok((session, wire))
    }
}

impl Polling {
    fn query(&self) -> String {
        format!("EIO=4&transport=polling&sid={}", self.sid)
    }

    async fn post(&mut self, body: &str) -> io::Result<()> {
        self.change_connections().await?;
        let query = self.query();
        self.wire.post(&query, body.len(), body).await?;
        let answer = self.wire.answer().await?;
        expect(answer.status == 200, || answer.body)
    }

    async fn receive(&mut self) -> io::Result<Answer> {
        self.change_connections().await?;
        let query = self.query();
        self.wire.get(&query).await?;
        self.wire.answer().await
    }

    /// A session's requests may come over several connections, and so to several threads.
    async fn change_connections(&mut self) -> io::Result<()> {
        if self.chance.one_in(4) {
            self.wire = Wire::open(self.address).await?;
        }
        Ok(())
    }
}

impl Chance {
    /// Leaves without a word, in one of two ways.
    async fn leave(&mut self, wire: Wire) -> io::Result<()> {
        if self.one_in(2) { wire.reset() } else { Ok(()) }
    }

    /// Leaves, or waits to be turned out.
    async fn leave_or_wait(&mut self, wire: Wire) -> io::Result<()> {
        if self.one_in(2) {
            wire.rest().await;
            return Ok(());
        }
        self.leave(wire).await
    }
}

async fn opened(mut wire: Wire) -> io::Result<Wire> {
    let granted = wire.upgrade("EIO=4&transport=websocket").await?;
    expect(granted, || "no WebSocket".to_owned())?;
    wire.until("}").await?;
    Ok(wire)
}

async fn connected(mut wire: Wire) -> io::Result<Wire> {
    wire.say("40").await?;
    wire.until("40{").await?;
    Ok(wire)
}

async fn probe(wire: &mut Wire) -> io::Result<()> {
    wire.say("2probe").await?;
    wire.until("3probe").await.map(drop)
}

fn expect(met: bool, got: impl FnOnce() -> String) -> io::Result<()> {
    if met {
        Ok(())
    } else {
        Err(io::Error::other(got()))
    }
}

/// With reserved bits and an operation that is none.
const NO_FRAME: &[u8] = b"\xff\xff\xff\xff";
