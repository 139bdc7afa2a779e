//! How often the server allocates: its client, in this process too, allocates nothing once it is
//! warm.

use sockeye_benches::paths;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[test]
fn a_hundred_units_of_each_path_allocate_as_often_as_is_said() {
    let _profiler = dhat::Profiler::builder().testing().build();

    let found: Vec<_> = PER_HUNDRED
        .iter()
        .map(|&(name, _)| (name, per_hundred(name)))
        .collect();

    let is_as_said = |(found, said): (&Count, &Count)| found.1.abs_diff(said.1) <= SLACK;
    assert!(
        found.iter().zip(PER_HUNDRED).all(is_as_said),
        "an allocation came or went\n now: {found:?}\nsaid: {PER_HUNDRED:?}"
    );
}

/// A path, and how often a hundred of its units allocate.
type Count = (&'static str, u64);

fn per_hundred(name: &str) -> u64 {
    let path = paths().find(|path| path.name() == name).unwrap();
    let mut blocks = Vec::with_capacity(4);
    let mut boundary = || blocks.push(dhat::HeapStats::get().total_blocks);
    let units = path.run(&mut boundary).unwrap();

    let [from, to, again_from, again_to] = blocks[..] else {
        panic!("two stages have four ends, not {}", blocks.len());
    };
    let difference = (again_to - again_from).saturating_sub(to - from);
    (difference * 100 + units / 2) / units
}

/// What is said.
///
/// An echo or an ack allocates five times: what was read and its count of references, the handler's
/// future, the `String` in its argument, and what is sent. Sixteen that are
/// read at once share the first two, and have a queue.
///
/// A broadcast allocates nothing for a member. The list of whom it is for grows three times from ten
/// members to a hundred and ten. Only where several packets wait for a member does it get a queue,
/// for their references.
const PER_HUNDRED: &[Count] = &[
    ("echo", 500),
    ("echo-pipelined", 338),
    ("echo-binary-1k", 900),
    ("ack", 500),
    ("ack-pipelined", 338),
    ("join-leave", 1_000),
    ("broadcast-member", 3),
    ("broadcast-pipelined-member", 53),
    ("broadcast-ack-member", 211),
];

/// By how much a count may be off: a queue that grows now and then, but no allocation in each unit.
const SLACK: u64 = 5;
