/// Runs a decoder of `input` bytes and checks that it never holds more memory than `factor` times
/// as many and a little: what a peer declares must not be allocated, only what it sends.
pub(crate) fn bounded<T>(input: usize, factor: u64, decode: impl FnOnce() -> T) -> T {
    let mut decoded = None;
    let used = allocation_counter::measure(|| decoded = Some(decode()));
    let bound = input as u64 * factor + SLACK;
    assert!(
        used.bytes_max <= bound,
        "{} bytes held for {input} bytes of input",
        used.bytes_max
    );
    decoded.expect("it was decoded")
}

/// What a decoder of bytes from the network may hold of each.
pub(crate) const FACTOR: u64 = 4;
const SLACK: u64 = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_for_nothing_is_noticed() {
        let declared = || Vec::<u8>::with_capacity(1_000_000);

        let noticed = std::panic::catch_unwind(|| bounded(10, FACTOR, declared));

        assert!(noticed.is_err());
        assert_eq!(bounded(10, FACTOR, || vec![0; 100]).len(), 100);
    }
}
