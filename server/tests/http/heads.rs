//! How large the head of a request may be.

use sockeye::{HttpConfig, Limit};

use crate::served::{POLLING, serve};

#[actix_web::test]
async fn a_head_may_be_as_large_as_this_and_no_larger() {
    let http = HttpConfig::default()
        .with_max_target(100)
        .with_max_headers(10)
        .with_max_header_bytes(1000);
    let served = serve(http);
    let path = "/socket.io/?".len();
    let query = |len: usize| format!("{POLLING}&x={}", "x".repeat(len - path - POLLING.len() - 3));
    // What every request has, found out by adding to it.
    let fitting = |per: usize| (0..=per).map(move |n| vec![("x", "y"); n]);
    let long = "y".repeat(1000);

    let just = served.get(&query(100), &[]).await;
    let over = served.get(&query(101), &[]).await;
    let mut statuses = Vec::new();
    for headers in fitting(10) {
        statuses.push(served.get(POLLING, &headers).await.status);
    }
    let heavy = served.get(POLLING, &[("x", &long)]).await;

    assert_eq!((just.status, over.status), (200, 414));
    assert_eq!(over.all("connection"), ["close"]);
    let first_refused = statuses.iter().position(|status| *status != 200).unwrap();
    assert!(
        statuses[first_refused..]
            .iter()
            .all(|status| *status == 431)
    );
    assert!((5..=10).contains(&first_refused), "{statuses:?}");
    assert_eq!(heavy.status, 431);
    let refused = 2 + statuses.len() - first_refused;
    assert_eq!(served.io.limit_reached(Limit::Headers), refused as u64);
}
