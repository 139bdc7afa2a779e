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

    assert_eq!(found, PER_HUNDRED, "an allocation came or went");
}

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

/// How often a hundred units of a path allocate.
///
/// An echo or an ack six times each: what was read and its count of references, the handler's
/// future, the `String` in its argument, what is sent and its count of references. Sixteen in one
/// read share the first two. An attachment is read, counted, announced and sent besides.
///
/// A hundred more members of a room: three times for all of them together, as the list of whom it
/// is for grows; the packet is shared. Where four packets wait for each member, they are put
/// together, which takes a buffer and its count of references for each member.
const PER_HUNDRED: &[(&str, u64)] = &[
    ("echo", 600),
    ("echo-pipelined", 425),
    ("echo-binary-1k", 0),
    ("ack", 600),
    ("ack-pipelined", 425),
    ("join-leave", 0),
    ("broadcast-member", 3),
    ("broadcast-pipelined-member", 50),
    ("broadcast-ack-member", 211),
];
