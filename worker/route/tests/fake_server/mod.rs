//! A DNS server in this process: one function says what each question leads to.

#![allow(dead_code, reason = "shared by test programs that each use a part")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, MX, SOA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
}

/// A question as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) kind: RecordType,
    pub(crate) over: Over,
    /// The client understands AD.
    pub(crate) ad: bool,
    /// The EDNS payload size, if EDNS is on.
    pub(crate) payload: Option<u16>,
}

/// What the server does with a question.
#[allow(clippy::large_enum_variant, reason = "a test's value, made once per question")]
pub(crate) enum Act {
    /// Sends the message, with the question's id.
    Say(Message),
    /// Sends these datagrams or packets as they are.
    Raw(Vec<Vec<u8>>),
    /// Says nothing.
    Silent,
}

type Script = dyn Fn(&Asked, &Message) -> Act + Send + Sync;

/// Runs until dropped.
pub(crate) struct FakeServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl FakeServer {
    /// Answers on a free port of 127.0.0.1, UDP and TCP.
    pub(crate) async fn start(script: impl Fn(&Asked, &Message) -> Act + Send + Sync + 'static) -> Self {
        let (udp, tcp) = sockets().await;
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let tasks = vec![
            tokio::spawn(serve_udp(udp, Arc::clone(&script), Arc::clone(&asked))),
            tokio::spawn(serve_tcp(tcp, script, Arc::clone(&asked))),
        ];
        Self { address, asked, tasks }
    }

    /// Refuses connections: larger answers cannot be had.
    pub(crate) async fn without_tcp(
        script: impl Fn(&Asked, &Message) -> Act + Send + Sync + 'static,
    ) -> Self {
        let (udp, _) = sockets().await;
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let tasks = vec![tokio::spawn(serve_udp(udp, Arc::new(script), Arc::clone(&asked)))];
        Self { address, asked, tasks }
    }

    /// Every question so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// The same port for both: TCP may be taken where UDP is free, so try until they agree.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        match TcpListener::bind(udp.local_addr().unwrap()).await {
            Ok(tcp) => return (udp, tcp),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}"),
        }
    }
}

fn act(script: &Script, log: &Mutex<Vec<Asked>>, packet: &[u8], over: Over) -> Vec<Vec<u8>> {
    let question = Message::from_vec(packet).unwrap();
    let query = &question.queries[0];
    let asked = Asked {
        name: query.name().to_ascii(),
        kind: query.query_type(),
        over,
        ad: question.metadata.authentic_data,
        payload: question.edns.as_ref().map(|edns| edns.max_payload()),
    };
    log.lock().unwrap().push(asked.clone());
    match script(&asked, &question) {
        Act::Say(message) => vec![message.to_vec().unwrap()],
        Act::Raw(packets) => packets,
        Act::Silent => Vec::new(),
    }
}

async fn serve_udp(socket: UdpSocket, script: Arc<Script>, log: Arc<Mutex<Vec<Asked>>>) {
    let mut buffer = vec![0; 65535];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        for packet in act(&*script, &log, &buffer[..length], Over::Udp) {
            socket.send_to(&packet, from).await.unwrap();
        }
    }
}

async fn serve_tcp(listener: TcpListener, script: Arc<Script>, log: Arc<Mutex<Vec<Asked>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve_connection(stream, Arc::clone(&script), Arc::clone(&log)));
    }
}

async fn serve_connection(
    mut stream: TcpStream,
    script: Arc<Script>,
    log: Arc<Mutex<Vec<Asked>>>,
) -> Option<()> {
    loop {
        let mut packet = vec![0; stream.read_u16().await.ok()?.into()];
        stream.read_exact(&mut packet).await.ok()?;
        for reply in act(&*script, &log, &packet, Over::Tcp) {
            stream.write_u16(reply.len().try_into().unwrap()).await.ok()?;
            stream.write_all(&reply).await.ok()?;
        }
    }
}

pub(crate) fn name(text: &str) -> Name {
    let labels = text.split('.').filter(|label| !label.is_empty()).map(str::as_bytes);
    let mut name = Name::from_labels(labels).unwrap();
    name.set_fqdn(true);
    name
}

pub(crate) fn a(owner: &str, last: u8) -> Record {
    Record::from_rdata(name(owner), 300, RData::A(A::new(192, 0, 2, last)))
}

pub(crate) fn mx(owner: &str, preference: u16, target: &str) -> Record {
    Record::from_rdata(name(owner), 300, RData::MX(MX::new(preference, name(target))))
}

pub(crate) fn alias(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 300, RData::CNAME(CNAME(name(target))))
}

/// A TLSA record of that many octets, all the same, whatever they would mean; written by hand, since short
/// ones cannot be written otherwise. Added to a packet without authority and additional records.
pub(crate) fn push_tlsa(packet: &mut Vec<u8>, octet: u8, length: u16) {
    let answers = u16::from_be_bytes([packet[6], packet[7]]) + 1;
    packet[6..8].copy_from_slice(&answers.to_be_bytes());
    // The owner is the name of the question, at offset 12; class IN, 300 s.
    packet.extend_from_slice(&[0xc0, 12, 0, 52, 0, 1, 0, 0, 1, 44]);
    packet.extend_from_slice(&length.to_be_bytes());
    packet.extend(std::iter::repeat_n(octet, length.into()));
}

/// A reply to the question with these answers.
pub(crate) fn reply(question: &Message, answers: Vec<Record>) -> Message {
    let mut message = Message::response(question.metadata.id, OpCode::Query);
    message.metadata.recursion_available = true;
    message.queries = question.queries.clone();
    message.answers = answers;
    message
}

/// A reply that says it was validated.
pub(crate) fn validated(question: &Message, answers: Vec<Record>) -> Message {
    let mut message = reply(question, answers);
    message.metadata.authentic_data = true;
    message
}

/// A reply without answers.
pub(crate) fn rcode(question: &Message, code: ResponseCode) -> Message {
    let mut message = reply(question, Vec::new());
    message.metadata.response_code = code;
    message
}

/// Adds the zone's SOA: "not found" may be kept for `minimum` seconds.
pub(crate) fn with_soa(mut message: Message, minimum: u32) -> Message {
    let soa = SOA::new(name("ns.example"), name("root.example"), 1, 2, 3, 4, minimum);
    message.authorities.push(Record::from_rdata(name("example"), 3600, RData::SOA(soa)));
    message
}
