/// Returns whether a close frame may carry `code`.
///
/// That is what RFC 6455 §7.4 and its IANA registry define for the wire, and the ranges for
/// libraries and applications. 1005, 1006 and 1015 are names for the absence of a code.
pub(super) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_only_stand_for_a_missing_one_are_never_sent() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000] {
            assert!(!may_be_sent(code), "{code}");
        }
        for code in [1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999] {
            assert!(may_be_sent(code), "{code}");
        }
    }
}
