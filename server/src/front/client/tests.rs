use std::future::poll_fn;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;

const TIMEOUT: Duration = Duration::from_millis(400);

/// A connection between a server and a client that has not much room for what it doesn't read.
async fn connect(stats: &FrontStats) -> (ClientStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    for socket in [&stream, &client] {
        let socket = socket2::SockRef::from(socket);
        socket.set_send_buffer_size(8 * 1024).unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
    }
    let open = Open::new(Arc::new(Shared {
        write_timeout: TIMEOUT,
        room: Room::default(),
        stats: stats.clone(),
    }))
    .unwrap();
    (ClientStream::new(stream, open), client)
}

/// Fills what there is between server and client.
async fn fill(stream: &mut ClientStream) {
    let chunk = [0; 16 * 1024];
    while poll_fn(|cx| Poll::Ready(Pin::new(&mut *stream).poll_write(cx, &chunk).is_ready())).await
    {
    }
}

#[tokio::test]
async fn a_client_that_reads_too_little_is_given_up() {
    let stats = FrontStats::default();
    let (mut stream, mut client) = connect(&stats).await;
    fill(&mut stream).await;

    // A few bytes now and then make no difference.
    let dripping = async {
        let mut ticks = tokio::time::interval(TIMEOUT / 8);
        loop {
            ticks.tick().await;
            client.read_exact(&mut [0; 16]).await.unwrap();
        }
    };
    let error = tokio::select! {
        written = stream.write_all(&[0; 1 << 20]) => written.unwrap_err(),
        () = dripping => unreachable!(),
    };

    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(stream.has_stalled());
    assert_eq!(stats.read().stalled, 1);
    drop(stream);
    assert_eq!(stats.read().connections, 0);
    // The system doesn't go on to feed it what it has taken.
    let end = client.read_to_end(&mut Vec::new()).await;
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_slow_client_that_takes_its_share_in_time_is_kept() {
    let stats = FrontStats::default();
    let (mut stream, mut client) = connect(&stats).await;
    fill(&mut stream).await;

    let sending = async {
        stream.write_all(&[0; 8 * SHARE]).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let reading = async {
        let mut ticks = tokio::time::interval(TIMEOUT / 4);
        let mut share = vec![0; SHARE];
        while client.read(&mut share).await.unwrap() > 0 {
            ticks.tick().await;
        }
    };
    tokio::join!(sending, reading);

    assert_eq!(stats.read().stalled, 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_nobody_has_looked_after_gets_its_time_once_more() {
    let stats = FrontStats::default();
    let (mut stream, _client) = connect(&stats).await;
    fill(&mut stream).await;

    tokio::time::advance(10 * TIMEOUT).await;
    fill(&mut stream).await;
    assert!(!stream.has_stalled());
    tokio::time::advance(TIMEOUT).await;
    let error = stream.write_all(&[0; 1 << 20]).await.unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_client_with_nothing_to_read_is_kept_for_ever() {
    let stats = FrontStats::default();
    let (mut stream, mut client) = connect(&stats).await;
    stream.write_all(b"all of it").await.unwrap();

    tokio::time::advance(2 * TIMEOUT).await;
    stream.write_all(b", and more").await.unwrap();
    drop(stream);

    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "all of it, and more");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_the_system_cuts_for_taking_nothing_counts_too() {
    let stats = FrontStats::default();
    let (mut stream, client) = connect(&stats).await;
    let cut_after = TIMEOUT / 4;
    socket2::SockRef::from(&stream.stream)
        .set_tcp_user_timeout(Some(cut_after))
        .unwrap();
    fill(&mut stream).await;

    // Nothing is written any more, and so there's nothing that could be given up by us.
    let error = stream.read(&mut [0; 16]).await.unwrap_err();

    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(stream.has_stalled());
    assert_eq!(stats.read().stalled, 1);
    drop(client);
}
