//! What clients have written down, each event with its number, and what it says about the server.

use std::collections::BTreeMap;

use sockeye_guard::kit::{Checked, Failure};

/// A time, in milliseconds since 1970.
pub type Millis = u64;

/// What many clients have sent and seen.
#[derive(Debug, Default)]
pub struct History {
    /// By the sender and the number that it gave the event.
    events: BTreeMap<(u32, u32), Event>,
    /// When each client was back in its room.
    ups: BTreeMap<u32, Vec<Millis>>,
    /// Why and when clients were disconnected.
    downs: Vec<(Millis, String)>,
    /// What is wrong however much was lost.
    wrong: Vec<String>,
    /// The last number that a client has got, by receiver and sender.
    last: BTreeMap<(u32, u32), u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Event {
    sent: Millis,
    /// When the server has answered that others get it.
    acked: Option<Millis>,
    others: bool,
    got: bool,
}

impl History {
    /// Reads lines of time, client, kind and what belongs to it: `sent NUMBER`, `acked NUMBER
    /// RECEIVERS`, `got SENDER NUMBER`, `up`, `down REASON`, or `x WHAT` where something is wrong.
    ///
    /// # Errors
    ///
    /// On the first line that is none of these.
    pub fn read(mut self, lines: &str) -> Checked<Self> {
        for line in lines.lines() {
            self.line(line)
                .ok_or_else(|| Failure::new("no line of a history").on(line))?;
        }
        Ok(self)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let mut fields = line.splitn(4, ' ');
        let at: Millis = fields.next()?.parse().ok()?;
        let client: u32 = fields.next()?.parse().ok()?;
        let (kind, more) = (fields.next()?, fields.next()?);
        let mut numbers = more.split(' ').map_while(|number| number.parse().ok());
        match kind {
            "sent" => self.event(client, numbers.next()?).sent = at,
            "acked" => {
                let event = self.event(client, numbers.next()?);
                event.others = numbers.next()? > 0;
                event.acked = Some(at);
            }
            "got" => self.got(client, numbers.next()?, numbers.next()?),
            "up" => self.ups.entry(client).or_default().push(at),
            "down" => self.downs.push((at, more.to_owned())),
            "x" => self.wrong.push(format!("client {client}: {more}")),
            _ => return None,
        }
        Some(())
    }

    fn event(&mut self, sender: u32, number: u32) -> &mut Event {
        self.events.entry((sender, number)).or_default()
    }

    fn got(&mut self, client: u32, sender: u32, number: u32) {
        self.event(sender, number).got = true;
        let last = self.last.insert((client, sender), number).unwrap_or(0);
        if number <= last {
            let wrong = format!("client {client} got {number} of {sender} after {last}");
            self.wrong.push(wrong);
        }
    }

    /// Returns how many events were sent.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.events.len()
    }

    /// Returns what must never be: broken contents, an event twice or out of order, a refusal.
    #[must_use]
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Returns how many events were sent within these times and never answered.
    #[must_use]
    pub fn unanswered(&self, within: impl Fn(Millis) -> bool) -> usize {
        let events = self.events.values();
        events
            .filter(|event| event.acked.is_none() && within(event.sent))
            .count()
    }

    /// Returns how many events the server has answered within these times that didn't reach whom it
    /// had sent them to.
    #[must_use]
    pub fn undelivered(&self, within: impl Fn(Millis) -> bool) -> usize {
        let lost = |event: &&Event| event.others && !event.got && event.acked.is_some_and(&within);
        self.events.values().filter(lost).count()
    }

    /// Returns when the clients were first in their rooms after a moment, in order.
    #[must_use]
    pub fn back_after(&self, moment: Millis) -> Vec<Millis> {
        let first = |ups: &Vec<Millis>| ups.iter().copied().find(|&at| at > moment);
        let mut back: Vec<_> = self.ups.values().filter_map(first).collect();
        back.sort_unstable();
        back
    }

    /// Returns how many clients were disconnected within these times, for each reason.
    #[must_use]
    pub fn disconnects(&self, within: impl Fn(Millis) -> bool) -> BTreeMap<&str, usize> {
        let mut reasons = BTreeMap::new();
        for (_, reason) in self.downs.iter().filter(|(at, _)| within(*at)) {
            *reasons.entry(&**reason).or_default() += 1;
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &str) -> History {
        History::default().read(lines).unwrap()
    }

    #[test]
    fn what_is_answered_and_does_not_arrive_is_undelivered() {
        let history = history("1 0 sent 1\n2 0 acked 1 1\n3 0 sent 2\n4 0 acked 2 1\n5 1 got 0 1");

        assert_eq!(history.undelivered(|_| true), 1);
        assert_eq!(history.undelivered(|at| at < 4), 0);
        assert_eq!(history.unanswered(|_| true), 0);
    }

    #[test]
    fn what_nobody_was_there_for_is_not_missed() {
        let history = history("1 0 sent 1\n2 0 acked 1 0\n3 0 sent 2");

        assert_eq!(history.undelivered(|_| true), 0);
        assert_eq!(history.unanswered(|_| true), 1);
    }

    #[test]
    fn an_event_that_comes_twice_or_late_is_wrong() {
        let twice = history("1 1 got 0 1\n2 1 got 0 1");
        let late = history("1 1 got 0 2\n2 1 got 0 1");
        let fine = history("1 1 got 0 1\n2 1 got 0 3");

        assert_eq!(twice.wrong().len(), 1);
        assert_eq!(late.wrong().len(), 1);
        assert!(fine.wrong().is_empty());
    }

    #[test]
    fn clients_are_back_at_their_first_time_after_the_moment() {
        let history = history("1 0 up \n2 1 up \n5 0 down transport close\n9 0 up \n11 0 up ");

        assert_eq!(history.back_after(5), [9]);
        assert_eq!(
            history.disconnects(|at| at > 2),
            [("transport close", 1)].into()
        );
    }
}
