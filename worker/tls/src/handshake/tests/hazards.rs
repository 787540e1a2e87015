//! Why a session is not taken from rustls once it is in use: what the buffered API loses without saying so.
//!
//! If one of these fails after an update of rustls, the reason for [`crate::handshake`] may be gone.

use super::peer::{NAME, Server, client_config, server_config};
use rustls::ClientConnection;
use std::io::{Read, Write};
use std::sync::Arc;

fn buffered() -> (ClientConnection, Server) {
    let mut config = client_config();
    config.enable_secret_extraction = true;
    let mut client = ClientConnection::new(Arc::new(config), NAME.try_into().unwrap()).unwrap();
    let mut server = Server::new(server_config(0x1301));
    while client.is_handshaking() || client.wants_write() {
        let mut out = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut out).unwrap();
        }
        server.take(&out);
        deliver(&mut client, &server.wire());
    }
    (client, server)
}

fn deliver(client: &mut ClientConnection, mut ciphertext: &[u8]) {
    while !ciphertext.is_empty() {
        client.read_tls(&mut ciphertext).unwrap();
    }
    client.process_new_packets().unwrap();
}

#[test]
fn the_buffered_api_loses_plaintext_that_nobody_read() {
    let (mut client, mut server) = buffered();
    server.say(b"250 ok\r\n421 closing\r\n");
    deliver(&mut client, &server.wire());
    client.reader().read_exact(&mut [0; 8]).unwrap();
    assert!(client.dangerous_extract_secrets().is_ok());
}

#[test]
fn the_buffered_api_loses_a_part_of_a_record() {
    let (mut client, mut server) = buffered();
    server.say(b"250 ok\r\n");
    let wire = server.wire();
    deliver(&mut client, &wire[..9]);
    assert!(client.dangerous_extract_secrets().is_ok());
}

#[test]
fn the_buffered_api_loses_its_answer_to_a_key_update() {
    let (mut client, mut server) = buffered();
    server.0.refresh_traffic_keys().unwrap();
    deliver(&mut client, &server.wire());
    assert!(!client.wants_write(), "the answer cannot be seen");
    let secrets = client.dangerous_extract_secrets().unwrap();
    assert_eq!(secrets.tx.0, 0, "the key is the next one, of which the server was never told");
}

#[test]
fn the_buffered_api_refuses_what_it_has_to_write() {
    let (mut client, _server) = buffered();
    client.writer().write_all(b"NOOP\r\n").unwrap();
    assert!(client.dangerous_extract_secrets().is_err());
}
