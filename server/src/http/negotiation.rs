use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap};

/// Picks the encoding that a client likes best, of those offered.
///
/// As the reference server: the higher weight wins, then a coding that is named over `*`, then the
/// order of the header, then that of the offer. None if the client takes none of them; that it
/// would rather have no encoding at all doesn't count.
pub(super) fn preferred<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let accepted: Vec<_> = headers
        .get_all(ACCEPT_ENCODING)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .enumerate()
        .filter_map(|(order, text)| Accepted::parse(order, text))
        .collect();
    let rank = |coding: &&'a str| {
        let named = accepted
            .iter()
            .filter(|accepted| accepted.coding.eq_ignore_ascii_case(coding))
            .max_by_key(|accepted| accepted.weight);
        let (accepted, is_named) = match named {
            Some(named) => (named, true),
            None => (accepted.iter().find(|other| other.coding == "*")?, false),
        };
        let rank = (accepted.weight, is_named, usize::MAX - accepted.order);
        (accepted.weight > 0).then_some((rank, *coding))
    };
    // The last of equals would be taken.
    let best = offered
        .iter()
        .rev()
        .filter_map(rank)
        .max_by_key(|best| best.0);
    best.map(|(_, coding)| coding)
}

/// One element of an `Accept-Encoding` header.
struct Accepted<'a> {
    coding: &'a str,
    /// In thousandths.
    weight: u16,
    order: usize,
}

impl<'a> Accepted<'a> {
    fn parse(order: usize, text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let coding = parts.next().filter(|coding| !coding.is_empty())?;
        let weight =
            parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = match weight {
            None => 1000,
            Some(weight) => {
                let weight: f32 = weight.trim().parse().ok()?;
                // Saturates, and what is no number becomes zero.
                (weight.clamp(0.0, 1.0) * 1000.0) as u16
            }
        };
        Some(Self {
            coding,
            weight,
            order,
        })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_reference_takes_what_the_client_likes_best() {
        for (header, expected) in [
            ("gzip, deflate, br", Some("gzip")),
            ("deflate, gzip", Some("deflate")),
            ("gzip;q=0.5, deflate", Some("deflate")),
            ("gzip;q=0.5, deflate;q=0.4", Some("gzip")),
            ("GZIP ; q=0.7", Some("gzip")),
            ("*", Some("gzip")),
            ("*, deflate", Some("deflate")),
            ("gzip;q=0, *", Some("deflate")),
            ("identity, gzip;q=0.1", Some("gzip")),
            ("br", None),
            ("identity", None),
            ("gzip;q=0", None),
            ("gzip;q=nan", None),
            ("gzip;q=-1", None),
            ("gzip;q=x", None),
            ("", None),
            (",;,q=1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(header));
            assert_eq!(
                preferred(&headers, &["gzip", "deflate"]),
                expected,
                "{header}"
            );
        }
    }

    #[test]
    fn several_headers_are_one_list_and_none_accepts_nothing() {
        let mut headers = HeaderMap::new();
        let nothing = preferred(&headers, &["gzip"]);
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static("br"));
        headers.append(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));

        assert_eq!(nothing, None);
        assert_eq!(preferred(&headers, &["gzip"]), Some("gzip"));
    }
}
