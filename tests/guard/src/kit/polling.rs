use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{Checked, Failure, Response, Stream, ensure};

/// A session over polling, with a connection of its own that is kept alive.
#[derive(Debug)]
pub struct Polling {
    address: SocketAddr,
    /// The session's id.
    pub sid: String,
    stream: Stream,
    used: Instant,
    /// Packets that came in the same payload as one that was asked for.
    waiting: VecDeque<String>,
}

impl Polling {
    /// Opens a session.
    ///
    /// # Errors
    ///
    /// When the handshake is not answered with one.
    pub fn open(address: SocketAddr) -> Checked<Self> {
        let mut stream = Stream::open(address)?;
        stream.send(Self::handshake())?;
        let response = stream.response()?.is(200)?;
        Self::opened(address, &response, stream)
    }

    pub(super) fn opened(
        address: SocketAddr,
        response: &Response,
        stream: Stream,
    ) -> Checked<Self> {
        Ok(Self {
            address,
            sid: Self::sid_of(response)?,
            stream,
            used: Instant::now(),
            waiting: VecDeque::new(),
        })
    }

    /// Returns the bytes of a handshake.
    #[must_use]
    pub fn handshake() -> String {
        "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()
    }

    /// Returns the id of a session from the answer that opened it.
    ///
    /// # Errors
    ///
    /// When it doesn't open one.
    pub fn sid_of(response: &Response) -> Checked<String> {
        let text = response.text();
        let open: Option<serde_json::Value> = text
            .strip_prefix('0')
            .and_then(|open| serde_json::from_str(open).ok());
        open.and_then(|open| Some(open.get("sid")?.as_str()?.to_owned()))
            .ok_or_else(|| Failure::new("no open packet").on(text))
    }

    /// Returns the request's target.
    #[must_use]
    pub fn target(&self) -> String {
        format!("/socket.io/?EIO=4&transport=polling&sid={}", self.sid)
    }

    /// Returns the bytes of a GET.
    #[must_use]
    pub fn get_bytes(&self) -> String {
        format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", self.target())
    }

    /// Returns the head of a POST with these header lines, each with its end.
    #[must_use]
    pub fn post_head(&self, headers: &str) -> String {
        format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n",
            self.target()
        )
    }

    /// Sends a GET on a connection of its own, and doesn't wait.
    ///
    /// # Errors
    ///
    /// When there is no connection.
    pub fn start_get(&self) -> Checked<Stream> {
        let mut stream = Stream::open(self.address)?;
        stream.send(self.get_bytes())?;
        Ok(stream)
    }

    /// Sends the head of a POST on a connection of its own.
    ///
    /// # Errors
    ///
    /// When there is no connection.
    pub fn start_post(&self, headers: &str) -> Checked<Stream> {
        let mut stream = Stream::open(self.address)?;
        stream.send(self.post_head(headers))?;
        Ok(stream)
    }

    /// Polls.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&mut self) -> Checked<Response> {
        let request = self.get_bytes();
        self.request(request.as_bytes())
    }

    /// Posts a payload.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn post(&mut self, payload: impl AsRef<[u8]>) -> Checked<Response> {
        let payload = payload.as_ref();
        let length = format!("Content-Length: {}\r\n", payload.len());
        let request = [self.post_head(&length).as_bytes(), payload].concat();
        self.request(&request)
    }

    /// Posts a payload, which is accepted.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn posts(&mut self, payload: impl AsRef<[u8]>) -> Checked {
        self.post(payload)?.is(200)?.says("ok").map(drop)
    }

    fn request(&mut self, bytes: &[u8]) -> Checked<Response> {
        if self.used.elapsed() > KEPT_ALIVE {
            self.stream = Stream::open(self.address)?;
        }
        self.stream.send(bytes)?;
        let response = self.stream.response()?;
        if response.header("connection") == Some("close") {
            self.stream = Stream::open(self.address)?;
        }
        self.used = Instant::now();
        Ok(response)
    }

    /// Returns the next packet, and answers pings.
    ///
    /// # Errors
    ///
    /// When the session has ended, or nothing comes.
    pub fn receive(&mut self) -> Checked<String> {
        loop {
            match self.waiting.pop_front() {
                Some(ping) if ping == "2" => self.posts("3")?,
                Some(noop) if noop == "6" => {}
                Some(packet) => return Ok(packet),
                None => {
                    let payload = self.get()?.is(200)?.text();
                    self.waiting
                        .extend(payload.split('\x1e').map(str::to_owned));
                }
            }
        }
    }

    /// Expects that the session ends, or has ended.
    ///
    /// # Errors
    ///
    /// When it lives.
    pub fn closes(&mut self) -> Checked {
        loop {
            let response = self
                .get()
                .map_err(|failure| failure.on("waiting for the end"))?;
            if response.status == 400 {
                response.refuses(1)?;
                return Ok(());
            }
            let text = response.is(200)?.text();
            let last = text.split('\x1e').next_back();
            // A session that lives has nothing else to say to a client that keeps quiet.
            ensure(
                last == Some("1") || text.contains('4'),
                format!("the session lives, and says {text:.100}"),
            )?;
        }
    }

    /// Expects that the session lives: it is polled while a message is posted.
    ///
    /// # Errors
    ///
    /// When it doesn't.
    pub fn lives(&mut self) -> Checked {
        self.posts("6")
    }
}

impl Drop for Polling {
    /// What a client leaves open stays until its time is over, and would count as left behind.
    fn drop(&mut self) {
        let _ = self.post("1");
    }
}

/// The server ends a connection that is not used for five seconds.
const KEPT_ALIVE: Duration = Duration::from_secs(3);
