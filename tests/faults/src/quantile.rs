//! Quantiles.

/// Returns the value that this part of them doesn't exceed; they are in order.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "counts of clients and of their events are small and positive"
)]
pub fn of<T: Copy>(sorted: &[T], part: f64) -> Option<T> {
    let count = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(count.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_values_is_not_above_the_quantile() {
        let values: Vec<_> = (1..=200).collect();

        assert_eq!(of(&values, 0.99), Some(198));
        assert_eq!(of(&values, 1.0), Some(200));
        assert_eq!(of::<u8>(&[], 0.5), None);
    }
}
