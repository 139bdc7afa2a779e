//! Our decoders and the official ones, `engine.io-parser` and `socket.io-parser`, on the same inputs.
//!
//! What they make of an input must be the same, or differ as `docs/compatibility.md` says. A run
//! prints its seed; `SEED=… CASES=… make test-differential` repeats one, or makes a longer one.

mod chance;
mod differences;
mod input;
mod outcome;
mod reference;
mod twins;
mod value;

use std::{collections::BTreeMap, env, fmt::Debug, fs, hash::BuildHasher as _};

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::Value as Json;
use sockeye_protocol::{
    engine::{DecodeError, Packet, Payload},
    socket::ProtocolError,
};

use self::{
    chance::Chance,
    differences::{DIFFERENCES, Refusal, explain},
    input::{Input, Message},
    outcome::{Outcome, engine_of_ours, engine_of_reference, socket_of_ours, socket_of_reference},
    reference::Reference,
};

/// What the comparison of one input says.
enum Verdict {
    Accepted,
    Refused,
    Differs(&'static str),
}

#[test]
#[ignore = "needs npm packages: make test-differential"]
fn our_decoders_and_the_official_ones_differ_only_as_documented() {
    let seed = seed();
    println!("SEED={seed}");
    let cases = number("CASES").unwrap_or(200_000) as usize;
    let mut chance = Chance::new(seed);
    let mut reference = Reference::start();
    let (mut accepted, mut differing) = (0_usize, BTreeMap::new());

    for start in (0..cases).step_by(BATCH) {
        let inputs: Vec<_> = (start..cases.min(start + BATCH))
            .map(|_| Input::draw(&mut chance))
            .collect();
        for (input, official) in inputs.iter().zip(reference.ask(&inputs)) {
            match compare(input, &official) {
                Ok(Verdict::Accepted) => accepted += 1,
                Ok(Verdict::Refused) => {}
                Ok(Verdict::Differs(row)) => *differing.entry(row).or_insert(0) += 1,
                Err(told) => panic!("SEED={seed}: {input:?}\n{told}"),
            }
        }
    }

    println!("{cases} inputs, {accepted} accepted by both; known differences: {differing:#?}");
    // Otherwise little is compared.
    assert!(accepted * 5 > cases * 2, "only {accepted} inputs were good");
}

#[test]
#[ignore = "needs npm packages: make test-differential"]
fn each_documented_difference_is_one() {
    let mut reference = Reference::start();

    for difference in DIFFERENCES {
        let input = (difference.sample)();
        let official = reference.ask(std::slice::from_ref(&input)).remove(0);

        match compare(&input, &official) {
            Ok(Verdict::Differs(row)) => assert_eq!(row, difference.row),
            Ok(_) => panic!("no difference: {}", difference.row),
            Err(told) => panic!("{}: {told}", difference.row),
        }
    }
}

#[test]
fn differences_are_rows_of_the_documentation() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md");
    let page = fs::read_to_string(path).unwrap();

    for difference in DIFFERENCES {
        let row = format!("\n| {} |", difference.row);
        assert_eq!(page.matches(&row).count(), 1, "{}", difference.row);
    }
}

fn compare(input: &Input, official: &Json) -> Result<Verdict, String> {
    match input {
        Input::Socket(messages) => {
            let official = serde_json::from_value(official.clone()).expect("packets");
            compare_socket(input, messages, &socket_of_reference(official))
        }
        Input::Frame(text) => {
            let ours = engine_of_ours([Packet::decode(&ByteString::from(text.clone()))]);
            let refusal = ours.refusal.map(engine_refusal);
            judge(input, &engine_of_reference(official), &ours, refusal)
        }
        Input::Payload(body) => {
            let official = engine_of_reference(official);
            let Ok(payload) = Payload::parse(Bytes::from(body.clone()), usize::MAX) else {
                let ours = engine_of_ours(std::iter::empty::<Result<Packet, ()>>());
                return judge(input, &official, &ours, Some(Refusal::Utf8));
            };
            let ours = engine_of_ours(payload);
            let refusal = ours.refusal.map(engine_refusal);
            judge(input, &official, &ours, refusal)
        }
    }
}

fn compare_socket(
    input: &Input,
    messages: &[Message],
    official: &Outcome<()>,
) -> Result<Verdict, String> {
    let asks = matches!(messages.first(), Some(Message::Text(text)) if text.starts_with('0'));
    let common: &[&str] = if asks { &[] } else { NAMESPACES };
    let mut ours = socket_of_ours(messages, common);
    if ours.refusal == Some(ProtocolError::NotConnected)
        && let Some(namespace) = official.namespace.as_deref()
        && !common.contains(&namespace)
    {
        ours = socket_of_ours(messages, &[common, &[namespace]].concat());
    }
    let refusal = ours.refusal.map(Refusal::Socket);
    judge(input, official, &ours, refusal)
}

fn judge<E: Debug>(
    input: &Input,
    official: &Outcome<()>,
    ours: &Outcome<E>,
    refusal: Option<Refusal>,
) -> Result<Verdict, String> {
    if official.packets == ours.packets && official.refusal.is_some() == refusal.is_some() {
        return Ok(match refusal {
            Some(_) => Verdict::Refused,
            None => Verdict::Accepted,
        });
    }
    // What is refused later by both doesn't hide that the values before it differ.
    let mut reasons = refusal.into_iter().chain([Refusal::Values]);
    let row = reasons.find_map(|reason| explain(input, official, &reason));
    row.map(Verdict::Differs)
        .ok_or_else(|| format!("official: {official:#?}\nours: {ours:#?}"))
}

fn engine_refusal(error: DecodeError) -> Refusal {
    match error {
        DecodeError::InvalidBase64 => Refusal::Base64,
        DecodeError::Empty | DecodeError::UnknownType(_) => Refusal::Engine,
    }
}

fn seed() -> u64 {
    let random = || std::hash::RandomState::new().hash_one(());
    number("SEED").unwrap_or_else(random)
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Where a session is, unless the input asks to be somewhere.
const NAMESPACES: &[&str] = &["/", "/a", "/é/b", "/x?y=1"];
const BATCH: usize = 1000;
