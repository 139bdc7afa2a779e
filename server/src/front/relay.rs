//! WebSockets, and answers to upgrades, that are the App's own: bytes go both ways as they are.

use std::pin::pin;

use actix_codec::Encoder as _;
use actix_http::{
    BoxedPayloadStream, Payload,
    body::{BoxBody, MessageBody as _},
    error::PayloadError,
    h1::{Codec, Message},
};
use bytes::{Bytes, BytesMut};
use futures_util::{
    future::{Either, poll_fn, select},
    stream,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    sync::mpsc,
};

use super::{accept::Upgraded, client::ClientStream};

/// Where the bytes of a payload come from.
pub(super) type Feed = mpsc::Sender<Result<Bytes, PayloadError>>;

/// Returns a payload for a request, and what feeds it.
pub(super) fn payload() -> (Payload, Feed) {
    let (feed, mut chunks) = mpsc::channel(1);
    let stream = stream::poll_fn(move |cx| chunks.poll_recv(cx));
    let payload: BoxedPayloadStream = Box::pin(stream);
    (Payload::Stream { payload }, feed)
}

/// Moves bytes between the client and the App until the App's answer is complete.
pub(super) async fn relay(connection: Upgraded, body: BoxBody, feed: Feed) {
    let Upgraded {
        stream,
        codec,
        read,
        write,
    } = connection;
    let (reader, writer) = tokio::io::split(stream);
    let reading = pin!(feed_from(reader, read, feed));
    let writing = pin!(write_to(writer, codec, write, body));
    if let Either::Left((_, writing)) = select(reading, writing).await {
        // The client has ended its side; the App may still have something to say.
        writing.await;
    }
}

async fn feed_from(mut reader: ReadHalf<ClientStream>, mut read: BytesMut, feed: Feed) {
    loop {
        if !read.is_empty() && feed.send(Ok(read.split().freeze())).await.is_err() {
            // The App wants no more; what comes is thrown away, and the end is still noticed.
            drain(&mut reader).await;
            return;
        }
        read.reserve(READ);
        match reader.read_buf(&mut read).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                // Nobody may be listening any more.
                let _ = feed.send(Err(PayloadError::Io(error))).await;
                return;
            }
        }
    }
}

async fn drain(reader: &mut ReadHalf<ClientStream>) {
    let mut scratch = [0; 1024];
    while reader.read(&mut scratch).await.is_ok_and(|read| read > 0) {}
}

async fn write_to(
    mut writer: WriteHalf<ClientStream>,
    mut codec: Codec,
    mut write: BytesMut,
    body: BoxBody,
) {
    let mut body = pin!(body);
    loop {
        if writer.write_all_buf(&mut write).await.is_err() {
            return;
        }
        let chunk = poll_fn(|cx| body.as_mut().poll_next(cx)).await;
        let is_last = chunk.is_none();
        let encoded = match chunk.transpose() {
            Ok(chunk) => codec.encode(Message::Chunk(chunk), &mut write),
            Err(error) => {
                tracing::debug!(%error, "body of an upgrade failed");
                return;
            }
        };
        if encoded.is_err() {
            return;
        }
        if is_last {
            break;
        }
    }
    if writer.write_all_buf(&mut write).await.is_ok() {
        // The client may be gone already.
        let _ = writer.shutdown().await;
    }
}

/// How much is read at once.
const READ: usize = 8 * 1024;
