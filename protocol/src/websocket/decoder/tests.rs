use proptest::prelude::*;

use super::*;

const MAX_MESSAGE: usize = 1000;
const MAX_FRAGMENTS: usize = 4;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Frames by their first byte and payload.
type Sent<'a> = &'a [(u8, &'a [u8])];
/// What becomes of a close frame.
type Closed = Result<Option<u16>, FrameError>;

/// A client's frame: the first byte as given, the payload masked.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let header = crate::websocket::FrameHeader::new(0, payload.len());
    let mut bytes = header.as_bytes().to_vec();
    bytes[0] = first;
    bytes[1] |= 0x80;
    bytes.extend(KEY);
    let at = bytes.len();
    bytes.extend(payload);
    Mask::new(KEY).apply(&mut bytes[at..], 0);
    bytes
}

fn frames(frames: Sent<'_>) -> Vec<u8> {
    let each = frames.iter().map(|(first, payload)| frame(*first, payload));
    each.collect::<Vec<_>>().concat()
}

fn text(text: &str) -> Incoming {
    Incoming::Message(Message::Text(text.into()))
}

fn binary(data: &[u8]) -> Incoming {
    Incoming::Message(Message::Binary(Bytes::copy_from_slice(data)))
}

/// Everything that comes out when the bytes arrive in these parts, then the error if any.
fn decode<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Incoming>, Option<FrameError>) {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut input = BytesMut::new();
    let mut seen = Vec::new();
    for part in parts {
        input.extend_from_slice(part);
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(incoming)) => seen.push(incoming),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            }
        }
    }
    (seen, None)
}

fn error_of(bytes: &[u8]) -> Option<FrameError> {
    decode([bytes]).1
}

#[test]
fn messages_and_control_frames_come_out_in_order() {
    let long = "x".repeat(200);

    let (seen, error) = decode([&*frames(&[
        (0x81, b"hello"),
        (0x82, b"\x00\xff"),
        (0x81, b""),
        (0x89, b"beat"),
        (0x8a, b""),
        (0x81, long.as_bytes()),
    ])]);

    assert_eq!(error, None);
    assert_eq!(
        seen,
        [
            text("hello"),
            binary(b"\x00\xff"),
            text(""),
            Incoming::Ping(Bytes::from_static(b"beat")),
            Incoming::Pong(Bytes::new()),
            text(&long),
        ]
    );
}

#[test]
fn the_masked_example_of_the_rfc_says_hello() {
    let (seen, _) = decode([&b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..]]);

    assert_eq!(seen, [text("Hello")]);
}

#[test]
fn control_frames_may_come_between_fragments() {
    let (seen, error) = decode([&*frames(&[
        (0x01, b"a\xe2\x82"),
        (0x89, b"1"),
        (0x00, b""),
        (0x89, b"2"),
        (0x80, b"\xac"),
        (0x82, b"next"),
    ])]);

    assert_eq!(error, None);
    assert_eq!(
        seen,
        [
            Incoming::Ping(Bytes::from_static(b"1")),
            Incoming::Ping(Bytes::from_static(b"2")),
            text("a€"),
            binary(b"next"),
        ]
    );
}

#[test]
fn broken_frames_are_refused_by_their_fault() {
    let cases: [(Sent<'_>, FrameError); 19] = [
        (&[(0xc1, b"")], FrameError::ReservedBit),
        (&[(0xa1, b"")], FrameError::ReservedBit),
        (&[(0x91, b"")], FrameError::ReservedBit),
        (&[(0x83, b"")], FrameError::UnknownOpcode),
        (&[(0x87, b"")], FrameError::UnknownOpcode),
        (&[(0x8b, b"")], FrameError::UnknownOpcode),
        (&[(0x8f, b"")], FrameError::UnknownOpcode),
        (&[(0x09, b"")], FrameError::FragmentedControl),
        (&[(0x08, b"")], FrameError::FragmentedControl),
        (&[(0x89, &[0; 126])], FrameError::ControlTooLong),
        (&[(0x88, &[0; 126])], FrameError::ControlTooLong),
        (&[(0x80, b"")], FrameError::UnexpectedContinuation),
        (&[(0x00, b"")], FrameError::UnexpectedContinuation),
        (&[(0x01, b"a"), (0x81, b"b")], FrameError::UnfinishedMessage),
        (&[(0x02, b"a"), (0x02, b"b")], FrameError::UnfinishedMessage),
        (&[(0x81, b"\xff")], FrameError::InvalidUtf8),
        (&[(0x81, b"\xe2\x82")], FrameError::InvalidUtf8),
        (&[(0x01, b"\xed\xa0")], FrameError::InvalidUtf8),
        (&[(0x01, b"\xe2"), (0x00, b"a")], FrameError::InvalidUtf8),
    ];
    for (sent, expected) in cases {
        assert_eq!(error_of(&frames(sent)), Some(expected), "{sent:x?}");
    }
}

#[test]
fn headers_are_refused_before_their_payload() {
    let cases: [(&[u8], FrameError); 8] = [
        (b"\x81\x00", FrameError::Unmasked),
        (b"\x81\xfe\x00\x7d", FrameError::NonMinimalLength),
        (
            b"\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff",
            FrameError::NonMinimalLength,
        ),
        (
            b"\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00",
            FrameError::LengthTooLarge,
        ),
        (
            b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
            FrameError::MessageTooBig,
        ),
        (
            b"\x82\xff\x00\x00\x00\x00\x80\x00\x00\x00",
            FrameError::MessageTooBig,
        ),
        (b"\x81\xfe\x03\xe9", FrameError::MessageTooBig),
        (b"\x01\xfe\x03\xe9", FrameError::MessageTooBig),
    ];
    for (header, expected) in cases {
        assert_eq!(error_of(header), Some(expected), "{header:x?}");
    }
}

#[test]
fn a_message_of_exactly_the_limit_passes() {
    let half = [b'x'; MAX_MESSAGE / 2];
    let whole = [b'x'; MAX_MESSAGE];

    let (single, _) = decode([&*frames(&[(0x82, &whole)])]);
    let (halves, _) = decode([&*frames(&[(0x02, &half), (0x80, &half)])]);

    assert_eq!(single, [binary(&whole)]);
    assert_eq!(halves, [binary(&whole)]);
}

#[test]
fn fragments_together_may_not_exceed_the_limit() {
    let mut sent = frames(&[(0x02, &[0; MAX_MESSAGE - 1])]);
    sent.extend(b"\x80\x82");

    assert_eq!(error_of(&sent), Some(FrameError::MessageTooBig));
}

#[test]
fn empty_fragments_count_as_fragments() {
    let allowed = frames(&[(0x01, b""), (0x00, b""), (0x00, b""), (0x80, b"end")]);
    let one_more = frames(&[(0x01, b""), (0x00, b""), (0x00, b""), (0x00, b"")]);
    let last = frames(&[(0x80, b"")]);

    assert_eq!(decode([&*allowed]).0, [text("end")]);
    assert_eq!(
        error_of(&[one_more, last].concat()),
        Some(FrameError::TooManyFragments)
    );
}

#[test]
fn control_frames_are_no_fragments_and_have_no_part_in_the_limit() {
    let mut sent = frames(&[(0x02, &[0; MAX_MESSAGE])]);
    for _ in 0..2 * MAX_FRAGMENTS {
        sent.extend(frame(0x89, &[0; 125]));
    }
    sent.extend(frame(0x80, b""));

    let (seen, error) = decode([&*sent]);

    assert_eq!(error, None);
    assert_eq!(seen.last(), Some(&binary(&[0; MAX_MESSAGE])));
}

#[test]
fn a_close_frame_is_checked() {
    let cases: [(&[u8], Closed); 8] = [
        (b"", Ok(None)),
        (b"\x03\xe8", Ok(Some(1000))),
        (b"\x0f\xa0bye", Ok(Some(4000))),
        (b"\x03", Err(FrameError::InvalidCloseCode)),
        (b"\x03\xed", Err(FrameError::InvalidCloseCode)),
        (b"\x03\xee", Err(FrameError::InvalidCloseCode)),
        (b"\xff\xff", Err(FrameError::InvalidCloseCode)),
        (b"\x03\xe8\xff", Err(FrameError::InvalidUtf8)),
    ];
    for (payload, expected) in cases {
        let (seen, error) = decode([&*frame(0x88, payload)]);

        match expected {
            Ok(code) => assert_eq!(seen, [Incoming::Close(code)], "{payload:x?}"),
            Err(expected) => assert_eq!(error, Some(expected), "{payload:x?}"),
        }
    }
}

#[test]
fn what_follows_a_close_frame_is_discarded() {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut input = BytesMut::from(&*frames(&[(0x88, b""), (0x81, b"late")]));

    let close = decoder.decode(&mut input);
    input.extend_from_slice(b"\xff\xff\xff");
    let after = decoder.decode(&mut input);

    assert_eq!(close, Ok(Some(Incoming::Close(None))));
    assert_eq!(after, Ok(None));
    assert!(input.is_empty());
}

#[test]
fn an_error_is_final() {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut input = BytesMut::from(&b"\x81\x00"[..]);

    let first = decoder.decode(&mut input);
    input.extend_from_slice(&frame(0x81, b"fine"));
    let second = decoder.decode(&mut input);

    assert_eq!(first, Err(FrameError::Unmasked));
    assert_eq!(second, Err(FrameError::Unmasked));
    assert!(input.is_empty());
}

#[test]
fn invalid_text_is_refused_before_its_frame_is_complete() {
    let sent = frame(0x81, b"ok\xf4\x90 and more to come");
    let up_to_the_fault = sent.len() - b" and more to come".len();

    assert_eq!(error_of(&sent[..up_to_the_fault - 1]), None);
    assert_eq!(
        error_of(&sent[..up_to_the_fault]),
        Some(FrameError::InvalidUtf8)
    );
}

#[test]
fn a_whole_frame_leaves_the_buffer_without_a_copy() {
    let mut decoder = Decoder::new(MAX_MESSAGE, MAX_FRAGMENTS);
    let mut input = BytesMut::from(&*frame(0x82, b"payload"));
    let lies_at = input[6..].as_ptr();

    let incoming = decoder.decode(&mut input);

    let Ok(Some(Incoming::Message(Message::Binary(data)))) = incoming else {
        panic!("{incoming:?}");
    };
    assert_eq!(data.as_ptr(), lies_at);
}

#[test]
fn a_declared_length_reserves_nothing() {
    let mut decoder = Decoder::new(usize::MAX, MAX_FRAGMENTS);
    let mut input = BytesMut::from(&b"\x02\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0few"[..]);
    let capacity = input.capacity();

    let outcome = decoder.decode(&mut input);

    assert_eq!(outcome, Ok(None));
    assert!(input.capacity() <= capacity);
    assert!(decoder.fragments.is_none());
}

#[test]
fn an_idle_decoder_is_small() {
    assert!(size_of::<Decoder>() <= 64, "{}", size_of::<Decoder>());
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        8 => prop::sample::select(vec![0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8a]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let payload = prop_oneof![
        4 => ".{0,40}".prop_map(String::into_bytes),
        2 => prop::collection::vec(any::<u8>(), 0..300),
        1 => prop::sample::select(vec![b"\xe2\x82".to_vec(), b"\xac".to_vec(), vec![b'x'; 600]]),
    ];
    (first, payload).prop_map(|(first, payload)| frame(first, &payload))
}

/// Mostly well-formed conversations, sometimes with a byte changed or the end cut off.
fn any_input() -> impl Strategy<Value = Vec<u8>> {
    let frames = prop::collection::vec(any_frame(), 0..12).prop_map(|frames| frames.concat());
    let change = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()));
    (frames, change).prop_map(|(mut bytes, change)| {
        if let Some((at, byte)) = change
            && !bytes.is_empty()
        {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

/// Cuts `bytes` into parts of the sizes given, over and over.
fn cut<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut sizes = sizes.iter().copied().cycle();
    let mut rest = bytes;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, tail) = rest.split_at(sizes.next().unwrap_or(1).clamp(1, rest.len()));
        parts.push(part);
        rest = tail;
    }
    parts
}

proptest! {
    #[test]
    fn the_outcome_does_not_depend_on_the_cuts(
        bytes in any_input(),
        sizes in prop::collection::vec(1..80_usize, 1..6),
    ) {
        let whole = decode([&*bytes]);

        prop_assert_eq!(&decode(cut(&bytes, &sizes)), &whole);
        prop_assert_eq!(&decode(cut(&bytes, &[1])), &whole);
    }

    #[test]
    fn a_message_survives_any_fragmentation(
        content in ".{0,60}",
        as_text: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..MAX_FRAGMENTS),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
        cuts.extend([0, content.len()]);
        cuts.sort_unstable();
        let parts: Vec<_> = cuts.windows(2).map(|ends| &content.as_bytes()[ends[0]..ends[1]]).collect();

        let mut sent = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let opcode = match (i, as_text) { (0, true) => 1, (0, false) => 2, _ => 0 };
            let last = if i + 1 == parts.len() { 0x80 } else { 0 };
            sent.extend(frame(last | opcode, part));
        }

        let expected = if as_text { text(&content) } else { binary(content.as_bytes()) };
        prop_assert_eq!(decode([&*sent]), (vec![expected], None));
    }

    #[test]
    fn any_bytes_are_taken_without_a_panic(bytes: Vec<u8>) {
        decode([&*bytes]);
    }
}

#[test]
fn what_follows_a_large_message_does_not_keep_it() {
    let large = vec![7; SHARED];
    let mut input = BytesMut::new();
    input.extend_from_slice(&frames(&[(0x82, &large), (0x81, b"small")]));
    let mut decoder = Decoder::new(SHARED, MAX_FRAGMENTS);

    let first = decoder.decode(&mut input).unwrap();
    let room = input.capacity();
    let second = decoder.decode(&mut input).unwrap();

    assert_eq!(first, Some(binary(&large)));
    assert_eq!(second, Some(text("small")));
    assert!(room < 1024, "{room} bytes");
}
