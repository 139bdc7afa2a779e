use super::{Checked, Failure, code, ensure};

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// Parses what has come, and returns a response with the length that it had; `None` as long as it
    /// isn't whole.
    ///
    /// # Errors
    ///
    /// When no server may send it.
    pub fn parse(bytes: &[u8]) -> Checked<Option<(Self, usize)>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let mut response = Self::head(&bytes[..end])?;
        let start = end + 4;
        let length = match response.header("content-length") {
            Some(length) => length
                .parse()
                .map_err(|_| Failure::new("a length that is none").on(length))?,
            None if response.has_no_body() => 0,
            None if response.header("transfer-encoding").is_some() => {
                return Err(Failure::new(
                    "an answer in chunks, which nothing here sends",
                ));
            }
            None => return Ok(None),
        };
        if bytes.len() < start + length {
            return Ok(None);
        }
        response.body = bytes[start..start + length].to_vec();
        Ok(Some((response, start + length)))
    }

    /// Parses a response without a length, whose end is that of the connection.
    pub(super) fn parse_at_end(bytes: &[u8]) -> Checked<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let mut response = Self::head(&bytes[..end])?;
        if response.header("content-length").is_some() {
            return Ok(None);
        }
        response.body = bytes[end + 4..].to_vec();
        Ok(Some(response))
    }

    fn head(bytes: &[u8]) -> Checked<Self> {
        let head = String::from_utf8_lossy(bytes);
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first
            .strip_prefix("HTTP/1.1 ")
            .or_else(|| first.strip_prefix("HTTP/1.0 "))
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| Failure::new("no HTTP response").on(first))?;
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Ok(Self {
            status,
            headers: headers.collect(),
            body: Vec::new(),
        })
    }

    fn has_no_body(&self) -> bool {
        matches!(self.status, 100..200 | 204 | 304)
    }

    /// Returns a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| &**value)
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Expects this status.
    ///
    /// # Errors
    ///
    /// When it is another.
    pub fn is(self, status: u16) -> Checked<Self> {
        self.is_one_of(&[status])
    }

    /// Expects one of these statuses.
    ///
    /// # Errors
    ///
    /// When it is another.
    pub fn is_one_of(self, statuses: &[u16]) -> Checked<Self> {
        let text = format!(
            "{} instead of {statuses:?}, {:.100}",
            self.status,
            self.text()
        );
        ensure(statuses.contains(&self.status), text)?;
        Ok(self)
    }

    /// Expects this body.
    ///
    /// # Errors
    ///
    /// When it is another.
    pub fn says(self, body: &str) -> Checked<Self> {
        let text = format!("the body is {:.200} instead of {body:.200}", self.text());
        ensure(self.body == body.as_bytes(), text)?;
        Ok(self)
    }

    /// Expects a refusal of the engine: status 400 with this code.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn refuses(self, number: u8) -> Checked<Self> {
        self.is(400)?.says(&code(number))
    }

    /// Expects a refusal of an upgrade: status 400 with the message of this code.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn refuses_upgrade(self, number: u8) -> Checked<Self> {
        let response = self.is(400)?;
        let said = response.text();
        let known = !said.is_empty() && code(number).contains(&said);
        ensure(
            known || said == code(number),
            format!("it says {said:.200}"),
        )?;
        Ok(response)
    }

    /// Expects that no header has this name.
    ///
    /// # Errors
    ///
    /// When there is one.
    pub fn has_no(self, name: &str) -> Checked<Self> {
        ensure(
            self.header(name).is_none(),
            format!("it has a header {name}"),
        )?;
        Ok(self)
    }

    /// Expects no header of CORS at all.
    ///
    /// # Errors
    ///
    /// When there is one.
    pub fn has_no_cors(self) -> Checked<Self> {
        let cors = |(name, _): &(String, String)| name.starts_with("access-control-");
        ensure(!self.headers.iter().any(cors), "it has headers of CORS")?;
        Ok(self)
    }
}
