//! What a unit of each served path allocates, on the server: its client allocates nothing once it
//! is warm.

use std::fmt::Write as _;

use sockeye_benches::paths;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// How many allocations a unit makes, in hundredths: queues that grow now and then count for little.
const ALLOCATIONS: &[(&str, u64)] = &[
    ("echo", 0),
    ("echo-pipelined", 0),
    ("ack", 0),
    ("ack-pipelined", 0),
    ("broadcast-member", 0),
    ("broadcast-ack-member", 0),
];

#[test]
fn a_unit_of_each_path_allocates_as_often_as_is_said() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut wrong = String::new();
    for &(name, expected) in ALLOCATIONS {
        let path = paths().find(|path| path.name() == name).unwrap();
        let mut counts = Vec::with_capacity(4);
        let mut bytes = Vec::with_capacity(4);

        let units = path.run(&mut || { let s = dhat::HeapStats::get(); counts.push(s.total_blocks); bytes.push(s.total_bytes) }).unwrap();

        let (less, more) = (counts[1] - counts[0], counts[3] - counts[2]);
        let hundredths = (more - less) * 100 / units;
        let bb = (bytes[3]-bytes[2])-(bytes[1]-bytes[0]);
        if hundredths != expected {
            writeln!(wrong, "{name}: {hundredths} ({less} {more}), not {expected} bytes {}", bb/units).unwrap();
        }
    }
    assert_eq!(wrong, "", "\n{wrong}");
}
