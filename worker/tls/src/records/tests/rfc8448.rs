//! The octets of RFC 8448 §3, "Simple 1-RTT Handshake", from its application traffic secrets on.

use super::super::state::{Half, TlsState};
use super::super::{Opened, Records, Secret, Suite};
use super::peer::read;

const SUITE: u16 = 0x1301;
const CLIENT_SECRET: &str = "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
const SERVER_SECRET: &str = "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
const CLIENT_DATA: &str = "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd5\
    4a9a20441e2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
const SERVER_DATA: &str = "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc60\
    2dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d";
const CLIENT_ALERT: &str = "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3";
const SERVER_ALERT: &str = "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9";

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn secret(hex: &str) -> Secret {
    Secret::of(&[&octets(hex)]).unwrap()
}

/// After the server's `NewSessionTicket`, which is its record 0.
fn client() -> Records {
    let send = Half { seq: 0, secret: secret(CLIENT_SECRET) };
    let receive = Half { seq: 1, secret: secret(SERVER_SECRET) };
    Records::from_state(TlsState::new(SUITE, send, receive)).unwrap()
}

#[test]
fn keys_are_those_of_the_rfc() {
    let suite = Suite::find(SUITE).unwrap();
    let (key, iv) = suite.keys(&secret(CLIENT_SECRET)).unwrap();
    assert_eq!(key.octets(), octets("17422dda596ed5d9acd890e3c63f5051"));
    assert_eq!(iv[..], octets("5b78923dee08579033e523d9"));
    let (key, iv) = suite.keys(&secret(SERVER_SECRET)).unwrap();
    assert_eq!(key.octets(), octets("9f02283b6c9c07efc26bb9f2ac92e356"));
    assert_eq!(iv[..], octets("cf782b88dd83549aadf1e984"));
}

#[test]
fn records_of_the_client_are_those_of_the_rfc() {
    let mut out = Vec::new();
    let mut client = client();
    client.seal(&Vec::from_iter(0..50), &mut out).unwrap();
    assert_eq!(out, octets(CLIENT_DATA));
    out.clear();
    client.seal_close_notify(&mut out).unwrap();
    assert_eq!(out, octets(CLIENT_ALERT));
}

#[test]
fn records_of_the_server_are_opened() {
    let mut client = client();
    assert_eq!(read(&mut client, &octets(SERVER_DATA)), Ok((Vec::from_iter(0..50), vec![])));
    client.feed(&octets(SERVER_ALERT));
    assert_eq!(client.open(&mut Vec::new()), Ok(Opened::Closed));
}
