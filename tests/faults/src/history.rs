//! What clients have written down, each event with its number, and what it says about the server.

use std::collections::BTreeMap;

use sockeye_guard::kit::{Checked, Failure};

/// A time, in milliseconds since 1970.
pub type Millis = u64;

/// What many clients have sent and seen.
#[derive(Debug, Default)]
pub struct History {
    senders: BTreeMap<u32, Sender>,
    /// Why and when clients were disconnected.
    downs: Vec<(Millis, String)>,
    /// What is wrong however much was lost.
    wrong: Vec<String>,
    /// The last number that a client has got, by receiver and sender.
    last: BTreeMap<(u32, u32), u32>,
}

#[derive(Debug, Default)]
struct Sender {
    /// When it was in its room, once for each connection.
    ups: Vec<Millis>,
    /// By the number that it gave the event.
    events: BTreeMap<u32, Event>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Event {
    /// How often the sender had come in before.
    connection: usize,
    acked: bool,
    /// Whether the server has answered that others get it.
    others: bool,
    got: bool,
}

/// How many events were lost.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lost {
    /// Those on their way: the last of a connection that has ended.
    pub last: usize,
    /// Others, which none may be.
    pub holes: usize,
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
            "sent" => {
                let sender = self.senders.entry(client).or_default();
                let connection = sender.ups.len();
                sender.events.entry(numbers.next()?).or_default().connection = connection;
            }
            "acked" => {
                let event = self.event(client, numbers.next()?);
                event.others = numbers.next()? > 0;
                event.acked = true;
            }
            "got" => self.got(client, numbers.next()?, numbers.next()?),
            "up" => self.senders.entry(client).or_default().ups.push(at),
            "down" => self.downs.push((at, more.to_owned())),
            "x" => self.wrong.push(format!("client {client}: {more}")),
            _ => return None,
        }
        Some(())
    }

    fn event(&mut self, sender: u32, number: u32) -> &mut Event {
        let sender = self.senders.entry(sender).or_default();
        sender.events.entry(number).or_default()
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
        let events = self.senders.values().map(|sender| sender.events.len());
        events.sum()
    }

    /// Returns what must never be: broken contents, an event twice or out of order, a refusal.
    #[must_use]
    pub fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Returns how many events were never answered.
    #[must_use]
    pub fn unanswered(&self) -> Lost {
        self.lost(|_| true, |event| event.acked)
    }

    /// Returns how many events didn't reach those to whom they are sent by the server's answer.
    #[must_use]
    pub fn undelivered(&self) -> Lost {
        self.lost(|event| event.others, |event| event.got)
    }

    fn lost(&self, concerns: impl Fn(&Event) -> bool, is_fine: impl Fn(&Event) -> bool) -> Lost {
        let mut lost = Lost::default();
        for sender in self.senders.values() {
            let (mut connection, mut is_hole) = (None, false);
            for event in sender.events.values().rev().filter(|event| concerns(event)) {
                if connection.replace(event.connection) != Some(event.connection) {
                    // The clients end the last connection when nothing is on its way.
                    is_hole = event.connection == sender.ups.len();
                }
                match is_fine(event) {
                    true => is_hole = true,
                    false if is_hole => lost.holes += 1,
                    false => lost.last += 1,
                }
            }
        }
        lost
    }

    /// Returns when the clients were first in their rooms after a moment, in order.
    #[must_use]
    pub fn back_after(&self, moment: Millis) -> Vec<Millis> {
        let first = |ups: &Vec<Millis>| ups.iter().copied().find(|&at| at > moment);
        let ups = self.senders.values().map(|sender| &sender.ups);
        let mut back: Vec<_> = ups.filter_map(first).collect();
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
    fn the_last_events_of_a_broken_connection_may_be_lost() {
        let history = history(
            "1 0 up \n1 0 sent 1\n2 0 acked 1 1\n3 0 sent 2\n4 0 acked 2 1\n5 1 got 0 1\n6 0 sent 3\n\
             7 0 down transport close\n8 0 up \n9 0 sent 4\n9 0 acked 4 1\n9 1 got 0 4",
        );

        assert_eq!(history.unanswered(), Lost { last: 1, holes: 0 });
        assert_eq!(history.undelivered(), Lost { last: 1, holes: 0 });
    }

    #[test]
    fn an_event_that_is_lost_before_others_are_not_is_a_hole() {
        let history = history(
            "1 0 up \n1 0 sent 1\n2 0 acked 1 1\n3 0 sent 2\n4 0 sent 3\n4 0 acked 3 1\n5 1 got 0 3\n\
             7 0 down transport close\n8 0 up ",
        );

        assert_eq!(history.unanswered(), Lost { last: 0, holes: 1 });
        assert_eq!(history.undelivered(), Lost { last: 0, holes: 1 });
    }

    #[test]
    fn nothing_is_lost_on_the_last_connection() {
        let history = history("1 0 up \n1 0 sent 1\n2 0 acked 1 1\n3 0 sent 2");

        assert_eq!(history.unanswered(), Lost { last: 0, holes: 1 });
        assert_eq!(history.undelivered(), Lost { last: 0, holes: 1 });
    }

    #[test]
    fn what_nobody_was_there_for_is_not_missed() {
        let history = history("1 0 up \n1 0 sent 1\n2 0 acked 1 0");

        assert_eq!(history.undelivered(), Lost::default());
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
