//! A DNS server inside the test: records as told, and the failures that real servers have.

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, SOA, SRV, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the server's threads look whether the test is over.
const HEARTBEAT: Duration = Duration::from_millis(50);
/// More than this and an answer over UDP is truncated (RFC 1035 section 4.2.1; EDNS is not looked at).
const UDP_LIMIT: usize = 512;

/// What befalls questions about a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// SERVFAIL.
    ServFail,
    /// REFUSED.
    Refused,
    /// No answer at all.
    Silence,
}

/// Records and failures. A name that is in neither does not exist (NXDOMAIN).
#[derive(Debug, Clone)]
pub struct Zone {
    records: HashMap<Name, Vec<RData>>,
    /// By name, and by the type where it is not all of them.
    failures: HashMap<(Name, Option<RecordType>), Failure>,
    ttl: u32,
}

impl Default for Zone {
    fn default() -> Self {
        Self { records: HashMap::new(), failures: HashMap::new(), ttl: 300 }
    }
}

impl Zone {
    /// No names.
    pub fn new() -> Self {
        Self::default()
    }

    /// The lifetime of all records, in seconds.
    #[must_use]
    pub fn ttl(mut self, seconds: u32) -> Self {
        self.ttl = seconds;
        self
    }

    /// A mail exchanger. `.` with preference 0 is the null MX (RFC 7505).
    #[must_use]
    pub fn mx(self, owner: &str, preference: u16, exchange: &str) -> Self {
        self.record(owner, RData::MX(MX::new(preference, name(exchange))))
    }

    /// A service (RFC 2782), of the first priority.
    #[must_use]
    pub fn service(self, owner: &str, port: u16, target: &str) -> Self {
        self.record(owner, RData::SRV(SRV::new(0, 0, port, name(target))))
    }

    /// An address, A or AAAA.
    #[must_use]
    pub fn address(self, owner: &str, address: IpAddr) -> Self {
        self.record(
            owner,
            match address {
                IpAddr::V4(address) => RData::A(A(address)),
                IpAddr::V6(address) => RData::AAAA(AAAA(address)),
            },
        )
    }

    /// An alias.
    #[must_use]
    pub fn alias(self, owner: &str, target: &str) -> Self {
        self.record(owner, RData::CNAME(CNAME(name(target))))
    }

    /// A text: a name with nothing that mail could use (NODATA for MX and addresses).
    #[must_use]
    pub fn text(self, owner: &str, text: &str) -> Self {
        self.record(owner, RData::TXT(TXT::new(vec![text.to_owned()])))
    }

    /// Questions about this name fail so.
    #[must_use]
    pub fn failing(mut self, owner: &str, failure: Failure) -> Self {
        self.failures.insert((name(owner), None), failure);
        self
    }

    /// Questions for this type of this name fail so.
    #[must_use]
    pub fn failing_for(mut self, owner: &str, kind: RecordType, failure: Failure) -> Self {
        self.failures.insert((name(owner), Some(kind)), failure);
        self
    }

    fn record(mut self, owner: &str, data: RData) -> Self {
        self.records.entry(name(owner)).or_default().push(data);
        self
    }

    /// The reply to a question, aliases followed; `None` is silence.
    fn answer(&self, query: &Message) -> Option<Message> {
        let mut reply = Message::response(query.metadata.id, OpCode::Query);
        reply.metadata.recursion_desired = query.metadata.recursion_desired;
        reply.metadata.recursion_available = true;
        let question = query.queries.first()?;
        reply.add_query(question.clone());
        let mut owner = question.name().to_lowercase();
        for _ in 0..8 {
            let one = self.failures.get(&(owner.clone(), Some(question.query_type())));
            match one.or_else(|| self.failures.get(&(owner.clone(), None))) {
                Some(Failure::Silence) => return None,
                Some(Failure::ServFail) => return Some(failed(reply, ResponseCode::ServFail)),
                Some(Failure::Refused) => return Some(failed(reply, ResponseCode::Refused)),
                None => {}
            }
            let Some(records) = self.records.get(&owner) else {
                reply.metadata.response_code = ResponseCode::NXDomain;
                break;
            };
            let mut alias = None;
            for data in records {
                if let RData::CNAME(target) = data {
                    alias = Some(target.0.to_lowercase());
                }
                if data.record_type() == question.query_type() || data.record_type() == RecordType::CNAME {
                    reply.add_answer(Record::from_rdata(owner.clone(), self.ttl, data.clone()));
                }
            }
            match alias {
                Some(target) if question.query_type() != RecordType::CNAME => owner = target,
                _ => break,
            }
        }
        if reply.answers.is_empty() {
            reply.add_authority(self.soa());
        }
        Some(reply)
    }

    /// Negative answers carry it (RFC 2308).
    fn soa(&self) -> Record {
        let soa = SOA::new(name("ns.test"), name("hostmaster.test"), 1, 3600, 600, 86_400, self.ttl);
        Record::from_rdata(Name::root(), self.ttl, RData::SOA(soa))
    }
}

fn failed(mut reply: Message, code: ResponseCode) -> Message {
    reply.answers.clear();
    reply.metadata.response_code = code;
    reply
}

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap_or_else(|error| panic!("{text}: {error}")).to_lowercase();
    name.set_fqdn(true);
    name
}

/// A running server, UDP and TCP on one port of 127.0.0.1.
#[derive(Debug)]
pub struct FakeDns {
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    zone: Mutex<Zone>,
    asked: Mutex<HashMap<(String, RecordType), u32>>,
    over: AtomicBool,
}

impl FakeDns {
    /// Starts it.
    pub fn start(zone: Zone) -> Self {
        Self::serve(zone, sockets())
    }

    /// Starts it at this address, for programs that insist on port 53: in a namespace of their own.
    pub fn start_at(zone: Zone, address: SocketAddr) -> Self {
        let udp = UdpSocket::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        let tcp = TcpListener::bind(address).unwrap_or_else(|error| panic!("{address}: {error}"));
        Self::serve(zone, prepared(udp, tcp))
    }

    fn serve(zone: Zone, (udp, tcp): (UdpSocket, TcpListener)) -> Self {
        let address = udp.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            zone: Mutex::new(zone),
            asked: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let (one, other) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            std::thread::spawn(move || serve_udp(&udp, &one)),
            std::thread::spawn(move || serve_tcp(&tcp, &other)),
        ];
        Self { address, shared, threads }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it answers from this.
    pub fn replace(&self, zone: Zone) {
        *self.shared.zone.lock().expect("zone") = zone;
    }

    /// How often it was asked for this type of this name.
    pub fn asked(&self, owner: &str, kind: RecordType) -> u32 {
        let asked = self.shared.asked.lock().expect("questions");
        asked.get(&(name(owner).to_ascii(), kind)).copied().unwrap_or(0)
    }

    /// How many questions it got.
    pub fn questions(&self) -> u32 {
        self.shared.asked.lock().expect("questions").values().sum()
    }
}

impl Drop for FakeDns {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn reply(&self, octets: &[u8]) -> Option<Message> {
        let query = Message::from_vec(octets).ok()?;
        let question = query.queries.first()?;
        let key = (question.name().to_lowercase().to_ascii(), question.query_type());
        *self.asked.lock().expect("questions").entry(key).or_default() += 1;
        self.zone.lock().expect("zone").answer(&query)
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Both on the same port.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("bound")) {
            return prepared(udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

fn prepared(udp: UdpSocket, tcp: TcpListener) -> (UdpSocket, TcpListener) {
    udp.set_read_timeout(Some(HEARTBEAT)).expect("own socket");
    tcp.set_nonblocking(true).expect("own socket");
    (udp, tcp)
}

fn serve_udp(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 4096];
    while !shared.is_over() {
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        let Some(reply) = shared.reply(&buffer[..length]) else { continue };
        let mut octets = reply.to_vec().expect("a reply made here");
        if octets.len() > UDP_LIMIT {
            octets = reply.truncate().to_vec().expect("a reply made here");
        }
        let _ = socket.send_to(&octets, from);
    }
}

fn serve_tcp(listener: &TcpListener, shared: &Arc<Shared>) {
    while !shared.is_over() {
        let stream = crate::wait::until(HEARTBEAT, || listener.accept().ok());
        let Some((stream, _)) = stream else { continue };
        let shared = Arc::clone(shared);
        std::thread::spawn(move || converse(stream, &shared));
    }
}

/// Questions with their length before them (RFC 1035 section 4.2.2) until the client closes.
fn converse(mut stream: TcpStream, shared: &Shared) -> Option<()> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(crate::wait::PATIENCE)).ok()?;
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length).ok()?;
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut question).ok()?;
        let octets = shared.reply(&question)?.to_vec().ok()?;
        let mut framed = u16::try_from(octets.len()).ok()?.to_be_bytes().to_vec();
        framed.extend_from_slice(&octets);
        stream.write_all(&framed).ok()?;
    }
}
