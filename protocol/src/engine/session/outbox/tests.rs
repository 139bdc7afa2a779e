use super::*;
use crate::PreparedText;

fn group() -> Prepared {
    let mut text = PreparedText::with_capacity(0);
    text.push_str("52-[]");
    text.finish(vec![
        Bytes::from_static(b"\x01\x02"),
        Bytes::from_static(b"\x03"),
    ])
}

fn config() -> EngineConfig {
    EngineConfig::default()
        .with_send_queue_bytes(20)
        .with_send_queue_packets(3)
}

fn frames(outbox: &mut Outbox, text_only: bool) -> Vec<u8> {
    std::iter::from_fn(|| outbox.take_frame(text_only)).fold(Vec::new(), |mut all, chunk| {
        all.extend_from_slice(&chunk);
        all
    })
}

#[test]
fn everything_leaves_in_order() {
    let mut outbox = Outbox::default();
    outbox.push_text(Bytes::from_static(b"0{}"));
    outbox.push(group(), &config()).unwrap();
    outbox.push_ping();

    assert_eq!(
        frames(&mut outbox, false),
        b"\x81\x030{}\x81\x06452-[]\x82\x02\x01\x02\x82\x01\x03\x81\x012"
    );
    assert!(outbox.is_empty());
    assert_eq!((outbox.bytes(), outbox.packets()), (0, 0));
}

#[test]
fn a_payload_takes_everything() {
    let mut outbox = Outbox::default();
    outbox.push_text(Bytes::from_static(b"0{}"));
    outbox.push(group(), &config()).unwrap();
    outbox.push_ping();

    assert_eq!(
        outbox.take_payload().0,
        "0{}\x1e452-[]\x1ebAQI=\x1ebAw==\x1e2"
    );
    assert!(outbox.is_empty());
    assert!(!outbox.has_ping());
    assert_eq!((outbox.bytes(), outbox.packets()), (0, 0));
}

#[test]
fn a_text_only_peer_gets_base64_in_text_frames() {
    let mut outbox = Outbox::default();
    outbox.push(group(), &config()).unwrap();

    assert_eq!(
        frames(&mut outbox, true),
        b"\x81\x06452-[]\x81\x05bAQI=\x81\x05bAw=="
    );
    assert_eq!((outbox.bytes(), outbox.packets()), (0, 0));
}

#[test]
fn the_bounds_hold_for_bytes_and_packets() {
    let mut outbox = Outbox::default();
    let small = Prepared::text("");

    for _ in 0..3 {
        assert_eq!(outbox.push(small.clone(), &config()), Ok(()));
    }
    assert_eq!(
        outbox.push(small.clone(), &config()),
        Err((SendError::QueueFull, small.clone()))
    );

    let mut outbox = Outbox::default();
    let half = Prepared::text("1234567");
    assert_eq!(half.byte_len(), 10);
    assert_eq!(outbox.push(half.clone(), &config()), Ok(()));
    assert_eq!(outbox.push(half.clone(), &config()), Ok(()));
    assert_eq!(
        outbox.push(small.clone(), &config()),
        Err((SendError::QueueFull, small.clone()))
    );
    assert_eq!((outbox.bytes(), outbox.packets()), (20, 2));
}

#[test]
fn a_group_beyond_the_bound_needs_an_empty_queue() {
    let mut outbox = Outbox::default();
    let large = Prepared::text("a text that is longer than the queue");
    outbox.push_text(Bytes::from_static(b"0{}"));

    assert_eq!(outbox.push(large.clone(), &config()), Ok(()));
    assert_eq!(
        outbox.push(large.clone(), &config()),
        Err((SendError::QueueFull, large.clone()))
    );
}

#[test]
fn what_is_left_of_a_begun_group_still_counts() {
    let mut outbox = Outbox::default();
    outbox.push(group(), &config()).unwrap();

    outbox.take_frame(false);

    assert!(!outbox.is_empty());
    assert_eq!((outbox.bytes(), outbox.packets()), (5, 0));
}

#[test]
fn discarding_keeps_frames_whole() {
    let mut outbox = Outbox::default();
    outbox.push(group(), &config()).unwrap();
    outbox.push_ping();
    outbox.take_frame(false);

    outbox.discard();

    assert_eq!(outbox.bytes(), 5);
    assert_eq!(frames(&mut outbox, false), b"\x01\x02\x82\x01\x03");
    assert!(outbox.is_empty());
    assert_eq!(outbox.bytes(), 0);
}
