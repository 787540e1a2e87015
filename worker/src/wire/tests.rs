//! The wire against servers that talk, close and fall silent at bad moments.

use super::*;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};

/// More than the buffers of two sockets hold: writing it has to wait.
const TOO_MUCH: usize = 32 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection as a worker makes it, and the server's end.
async fn connected() -> (Wire, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ours = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (theirs, _) = listener.accept().unwrap();
    (Wire::new(Socket::Tcp(ours)), theirs)
}

fn lost_so(result: Result<(), WireError>) -> Lost {
    match result {
        Err(WireError::Lost { how, .. }) => how,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_closed_its_side_and_reads_nothing_does_not_hold_us() {
    let (mut wire, theirs) = connected().await;
    theirs.shutdown(Shutdown::Write).unwrap();
    wire.outgoing = vec![b'x'; TOO_MUCH];
    let lost = wire.flush(&Duty::default(), Limit::EachStep(PATIENCE)).await;
    assert_eq!(lost_so(lost), Lost::Closed);
}

#[tokio::test]
async fn a_server_that_talks_for_ever_and_reads_nothing_is_left_in_time() {
    let (mut wire, mut theirs) = connected().await;
    let talking = std::thread::spawn(move || while theirs.write_all(b"250-more\r\n").is_ok() {});
    wire.outgoing = vec![b'x'; TOO_MUCH];
    let lost = wire.flush(&Duty::default(), Limit::EachStep(Duration::from_millis(50))).await;
    assert_eq!(lost_so(lost), Lost::TimedOut);
    drop(wire);
    talking.join().unwrap();
}

#[tokio::test]
async fn after_a_reply_a_server_that_reads_slowly_gets_everything() {
    let (mut wire, mut theirs) = connected().await;
    theirs.write_all(b"354 go\r\n").unwrap();
    wire.hear(&Duty::default(), Limit::EachStep(PATIENCE)).await.unwrap();
    assert!(wire.replies.next_reply().unwrap().is_some());
    let reading = std::thread::spawn(move || {
        let (mut buffer, mut read) = (vec![0; 64 * 1024], 0);
        while read < TOO_MUCH {
            read += theirs.read(&mut buffer).unwrap();
        }
        read
    });
    wire.outgoing = vec![b'x'; TOO_MUCH];
    wire.flush(&Duty::default(), Limit::EachStep(PATIENCE)).await.unwrap();
    assert_eq!(reading.join().unwrap(), TOO_MUCH);
}

#[tokio::test]
async fn what_was_said_before_the_end_of_the_content_is_seen_at_once() {
    let (mut wire, mut theirs) = connected().await;
    assert_eq!(wire.was_interrupted(), Ok(false));
    wire.outgoing = b"the beginning".to_vec();
    wire.flush(&Duty::default(), Limit::EachStep(PATIENCE)).await.unwrap();
    let mut heard = [0; 13];
    theirs.read_exact(&mut heard).unwrap();
    theirs.write_all(b"250 thank you\r\n").unwrap();
    assert_eq!(wire.was_interrupted(), Ok(true));
    assert!(wire.replies.has_reply());
}

#[tokio::test]
async fn last_words_are_heard_although_nobody_waited_for_them() {
    let (mut wire, mut theirs) = connected().await;
    theirs.write_all(b"552 too much\r\n").unwrap();
    drop(theirs);
    wire.last_words();
    assert!(wire.replies.has_reply());
    assert!(wire.was_interrupted().is_err());
}

#[test]
fn a_parked_connection_that_speaks_or_is_closed_is_not_quiet() {
    let parked = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Socket::received(ours.into(), Family::Tcp), listener.accept().unwrap().0)
    };
    let (quiet, theirs) = parked();
    assert!(quiet.is_quiet());
    drop(theirs);
    assert!(!quiet.is_quiet());
    let (talking, mut theirs) = parked();
    theirs.write_all(b"250 surprise\r\n").unwrap();
    assert!(!talking.is_quiet());
}
