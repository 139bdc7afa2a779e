//! A transport of one's own: clients in the same process, over a channel.
//!
//! Shows all that a transport has to do: implement `Outlet` for what leaves, give `Client` what
//! arrives, and say when the connection is gone. Rooms, acks and the authentication deadline then
//! work as over any other.
//!
//! ```sh
//! cargo run -p sockeye-router --example in_process
//! ```

use std::{
    cell::Cell,
    time::{Duration, SystemTime},
};

use sockeye_router::{
    Args, Auth, AuthError, Client, Credentials, DisconnectReason, EmitError, HandlerError,
    Handshake, Hub, Identity, Message, Namespace, Outlet, OutletError, Prepared, Reply, SocketRef,
};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

#[actix::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let hub = hub(Duration::from_millis(500))?;
    for line in story(&hub).await? {
        println!("{line}");
    }
    Ok(())
}

/// A hub whose clients must authenticate, may join a room, and can be greeted there.
fn hub(deadline: Duration) -> Result<Hub, Box<dyn std::error::Error>> {
    let namespace = Namespace::new("/")
        .auth(
            Auth::new(verify)
                .deadline(deadline)
                .rooms(["user:{sub}".parse()?]),
        )
        .on("enter", enter)
        .on("greet", greet)
        .on("guess", guess);
    Ok(Hub::builder().namespace(namespace).build()?)
}

async fn verify(credentials: Credentials) -> Result<Identity, AuthError> {
    match credentials.token().strip_prefix("token-of-") {
        Some(name) => Ok(Identity::new(name)),
        None => Err(AuthError::Unauthorized),
    }
}

async fn enter(socket: SocketRef, Args((room,)): Args<(String,)>) -> Reply<usize> {
    socket.join(&room).await;
    Reply(socket.rooms().len())
}

async fn greet(
    socket: SocketRef,
    who: Identity,
    Args((room,)): Args<(String,)>,
) -> Result<(), EmitError> {
    socket
        .to(room)
        .emit("greeting", &format!("{} says hello", who.subject()))
}

/// Asks the client itself, while its event is being handled.
async fn guess(socket: SocketRef) -> Result<(), HandlerError> {
    let (number,): (u32,) = socket.emit_with_ack("pick a number", &()).await?;
    socket.emit("doubled", &(number * 2))?;
    Ok(())
}

/// Plays the story and returns what the clients have seen.
async fn story(hub: &Hub) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let mut seen = Vec::new();
    let mut ann = InProcess::connect(hub);
    let mut bob = InProcess::connect(hub);
    let mut eve = InProcess::connect(hub);
    for client in [&mut ann, &mut bob, &mut eve] {
        client.say("0");
        // The answer names the socket, which differs each time.
        client.next().await;
    }

    ann.say(r#"2["authentication","token-of-ann"]"#);
    bob.say(r#"2["authentication","token-of-bob"]"#);
    seen.push(format!("ann: {}", ann.next().await));
    seen.push(format!("bob: {}", bob.next().await));

    bob.say(r#"21["enter","lobby"]"#);
    seen.push(format!("bob: {}", bob.next().await));
    ann.say(r#"2["greet","lobby"]"#);
    seen.push(format!("bob: {}", bob.next().await));

    ann.say(r#"2["guess"]"#);
    seen.push(format!("ann: {}", ann.next().await));
    ann.say("30[21]");
    seen.push(format!("ann: {}", ann.next().await));

    // Eve never says who she is.
    let told = eve.next().await;
    let told = told.split(" socket ").next().unwrap_or_default();
    seen.push(format!("eve: {told} ..."));
    seen.push(format!("eve: {}", eve.next().await));
    seen.push(format!("eve: {}", eve.next().await));
    Ok(seen)
}

/// A client in this process: what it says goes to the router, what it hears comes from a channel.
struct InProcess {
    client: Client,
    heard: Receiver<Heard>,
}

enum Heard {
    Packet(Prepared),
    Closed(DisconnectReason),
}

impl InProcess {
    /// Connects to a hub.
    fn connect(hub: &Hub) -> Self {
        let (sender, heard) = channel(QUEUE);
        let outlet = ChannelOutlet {
            sender,
            closed: Cell::new(false),
        };
        let handshake = Handshake::new(SystemTime::now());
        Self {
            client: Client::new(hub, outlet, handshake),
            heard,
        }
    }

    /// Says a Socket.IO packet.
    fn say(&self, packet: &'static str) {
        self.client.receive(Message::from(packet));
    }

    /// Waits for the next packet, or for the end.
    async fn next(&mut self) -> String {
        match self.heard.recv().await {
            Some(Heard::Packet(packet)) => {
                // The leading `4` is Engine.IO's, which is not spoken here.
                let text = packet.text_packet().unwrap_or_default();
                String::from_utf8_lossy(text.get(1..).unwrap_or_default()).into_owned()
            }
            Some(Heard::Closed(reason)) => format!("closed: {reason}"),
            None => "gone".to_owned(),
        }
    }
}

struct ChannelOutlet {
    sender: Sender<Heard>,
    closed: Cell<bool>,
}

impl Outlet for ChannelOutlet {
    fn send(&self, packet: &Prepared) -> Result<(), OutletError> {
        if self.closed.get() {
            return Err(OutletError::Closed);
        }
        self.sender
            .try_send(Heard::Packet(packet.clone()))
            .map_err(|error| match error {
                TrySendError::Full(_) => OutletError::Full,
                TrySendError::Closed(_) => OutletError::Closed,
            })
    }

    fn send_volatile(&self, packet: &Prepared) -> bool {
        self.send(packet).is_ok()
    }

    fn close(&self, reason: DisconnectReason) {
        if !self.closed.replace(true) {
            // With a full queue, the end of the channel says it.
            let _ = self.sender.try_send(Heard::Closed(reason));
        }
    }

    fn pause(&self) {}

    fn resume(&self) {}
}

const QUEUE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[actix::test]
    async fn the_story_goes_as_told() {
        let hub = hub(Duration::from_millis(200)).unwrap();

        let seen = story(&hub).await.unwrap();

        assert_eq!(
            seen,
            [
                r#"ann: 2["authenticated",{"status":200,"message":"Authentication success"}]"#,
                r#"bob: 2["authenticated",{"status":200,"message":"Authentication success"}]"#,
                "bob: 31[3]",
                r#"bob: 2["greeting","ann says hello"]"#,
                r#"ann: 20["pick a number"]"#,
                r#"ann: 2["doubled",42]"#,
                r#"eve: 2["unauthorized",{"status":401,"message":"Authentication failure ..."#,
                "eve: 1",
                "eve: closed: forced close",
            ]
        );
    }
}
