//! The stream over a pipe in memory, against a rustls server.

use super::TlsStream;
use crate::handshake::tests::peer::{SUITES, Server, connected};
use crate::records::{NotQuiet, Records};
use std::io::ErrorKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// A stream, the other end of its socket, and the server behind it. `room` octets fit in between.
fn stream(suite: u16, room: usize) -> (TlsStream<DuplexStream>, DuplexStream, Server) {
    let (established, server) = connected(suite);
    let (near, far) = duplex(room);
    (TlsStream::new(near, established.records), far, server)
}

async fn deliver(far: &mut DuplexStream, server: &mut Server) {
    let wire = server.wire();
    far.write_all(&wire).await.unwrap();
}

#[tokio::test]
async fn what_one_side_writes_the_other_reads() {
    for suite in SUITES {
        let (mut client, mut far, mut server) = stream(suite, 1 << 20);
        client.write_all(b"EHLO here\r\n").await.unwrap();
        client.flush().await.unwrap();
        let mut ciphertext = vec![0; 4096];
        let read = far.read(&mut ciphertext).await.unwrap();
        server.take(&ciphertext[..read]);
        assert_eq!(server.heard(), b"EHLO here\r\n");
        server.say(b"250 there\r\n");
        deliver(&mut far, &mut server).await;
        let mut reply = [0; 11];
        client.read_exact(&mut reply).await.unwrap();
        assert_eq!(&reply, b"250 there\r\n");
        assert_eq!(client.is_quiet(), Ok(()));
        let (_, records) = client.into_parts();
        Records::from_state(records.into_state().unwrap()).unwrap();
    }
}

#[tokio::test]
async fn a_reader_with_little_room_gets_all_of_it() {
    let (mut client, mut far, mut server) = stream(0x1301, 1 << 20);
    let text: Vec<u8> = (0..40_000_u32).map(|at| (at % 251) as u8).collect();
    server.say(&text);
    deliver(&mut far, &mut server).await;
    let (mut heard, mut room) = (Vec::new(), [0; 7]);
    while heard.len() < text.len() {
        let read = client.read(&mut room).await.unwrap();
        heard.extend_from_slice(&room[..read]);
        assert_eq!(client.is_quiet().is_ok(), heard.len() == text.len());
    }
    assert!(heard == text);
}

#[tokio::test]
async fn what_did_not_leave_is_known_and_keeps_the_session() {
    let (mut client, mut far, mut server) = stream(0x1302, 100);
    let written = client.write(&[b'x'; 1000]).await.unwrap();
    assert_eq!(written, 1000);
    assert_eq!(client.unwritten_plaintext(), 1000);
    assert!(matches!(client.is_quiet(), Err(NotQuiet::Unwritten(_))));
    // The other end reads, so that the rest can leave.
    let reading = async {
        let mut heard = 0;
        while heard < 1000 {
            let mut ciphertext = [0; 64];
            let read = far.read(&mut ciphertext).await.unwrap();
            server.take(&ciphertext[..read]);
            heard += server.heard().len();
        }
    };
    let (flushed, ()) = tokio::join!(client.flush(), reading);
    flushed.unwrap();
    assert_eq!((client.unwritten_plaintext(), client.is_quiet()), (0, Ok(())));
}

#[tokio::test]
async fn a_session_taken_apart_before_it_is_flushed_is_of_no_use() {
    let (mut client, _far, _server) = stream(0x1302, 100);
    client.write_all(&[b'x'; 1000]).await.unwrap();
    let (_, records) = client.into_parts();
    assert_eq!(records.into_state().err(), Some(NotQuiet::Poisoned));
}

#[tokio::test]
async fn an_answer_to_a_key_update_leaves_while_reading() {
    let (mut client, mut far, mut server) = stream(0x1303, 1 << 20);
    server.0.refresh_traffic_keys().unwrap();
    server.say(b"250 new key\r\n");
    deliver(&mut far, &mut server).await;
    let mut reply = [0; 13];
    client.read_exact(&mut reply).await.unwrap();
    assert_eq!(&reply, b"250 new key\r\n");
    client.flush().await.unwrap();
    client.write_all(b"NOOP\r\n").await.unwrap();
    client.flush().await.unwrap();
    let mut ciphertext = [0; 4096];
    let read = far.read(&mut ciphertext).await.unwrap();
    server.take(&ciphertext[..read]);
    assert_eq!(server.heard(), b"NOOP\r\n");
}

#[tokio::test]
async fn an_end_with_close_notify_is_an_end_and_one_without_is_an_error() {
    let (mut client, mut far, mut server) = stream(0x1301, 1 << 20);
    server.0.send_close_notify();
    deliver(&mut far, &mut server).await;
    assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0);
    assert_eq!(client.is_quiet(), Err(NotQuiet::Closed));

    let (mut client, far, _server) = stream(0x1301, 1 << 20);
    drop(far);
    assert_eq!(client.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn nothing_is_written_after_a_record_that_does_not_open() {
    let (mut client, mut far, _server) = stream(0xc02f, 1 << 20);
    far.write_all(&[&[23, 3, 3, 0, 40][..], &[0; 40]].concat()).await.unwrap();
    assert_eq!(client.read(&mut [0; 9]).await.unwrap_err().kind(), ErrorKind::InvalidData);
    assert!(client.write(b"QUIT\r\n").await.is_err());
    assert!(client.shutdown().await.is_err());
    drop(client);
    assert_eq!(far.read(&mut [0; 9]).await.unwrap(), 0);
}

#[tokio::test]
async fn shutdown_says_close_notify_once() {
    let (mut client, mut far, mut server) = stream(0xcca9, 1 << 20);
    client.shutdown().await.unwrap();
    client.shutdown().await.unwrap();
    let mut ciphertext = Vec::new();
    far.read_to_end(&mut ciphertext).await.unwrap();
    server.take(&ciphertext);
    assert_eq!(ciphertext.len(), 5 + 2 + 16);
    assert!(client.write(b"x").await.is_err());
}
