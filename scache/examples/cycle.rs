//! What a park and a take cost: spawns the `scache` beside it and measures that process from outside.
//!
//! ```sh
//! cargo build --release -p baton-scache --examples --bins && target/release/examples/cycle [held]...
//! ```
//!
//! `taskset -c 0` in front takes out what a wake-up of another processor costs, which in a virtual machine is
//! more than all the rest.
//!
//! Both ends of every session live on this machine, its own ends here: RLIMIT_NOFILE bounds what can be held.

use proto::cache::{FromCache, ToCache};
use proto::channel::{Channel, Waiting};
use proto::clock::Boottime;
use proto::key::{DestinationKey, DestinationScope, EndpointKey, EndpointScope, Needs};
use proto::parked::{Label, Parked, Route};
use proto::secret::Secret;
use proto::steward::{Caps, FromSteward, ToSteward};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use std::error::Error;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The sealed state of a plaintext session and of its route, in bytes: about what a worker seals.
const SEALED: usize = 200;
const ROUTE: usize = 48;

fn main() -> Result<()> {
    let mut held: Vec<usize> = Vec::new();
    for argument in std::env::args().skip(1) {
        held.push(argument.parse()?);
    }
    if held.is_empty() {
        held = vec![1000, 9000, 18_000];
    }
    let Rlimit { maximum, .. } = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    println!("{:>6}  {:<34} {:>9} {:>9} {:>9}", "held", "what", "cycles/s", "CPU us", "syscalls");
    for held in held {
        measure(held)?;
    }
    Ok(())
}

fn measure(held: usize) -> Result<()> {
    let mut daemon = Daemon::start()?;
    let empty = daemon.resident()?;
    let sessions: Vec<Session> = (0..held).map(Session::new).collect();
    let ends = daemon.fill(&sessions)?;
    let bytes = (daemon.resident()? - empty) / u64::try_from(held)?;
    println!("{held:>6}  {bytes} bytes of memory per parked session above {} KB empty", empty / 1024);

    let all = &sessions[..];
    let hot = sessions.get(..20).unwrap_or(all);
    daemon.report(held, "busy, 1 client, 20 hot sessions", &[hot], 40_000, Duration::ZERO)?;
    daemon.report(held, "busy, 1 client, all in turn", &[all], 40_000, Duration::ZERO)?;
    let quarters: Vec<&[Session]> = sessions.chunks(held.div_ceil(4)).collect();
    daemon.report(held, "busy, 4 clients, all in turn", &quarters, 15_000, Duration::ZERO)?;
    daemon.report(held, "1 ms pause", &[hot], 2000, Duration::from_millis(1))?;
    daemon.report(held, "20 ms pause", &[hot], 150, Duration::from_millis(20))?;
    daemon.report(held, "250 ms pause", &[hot], 20, Duration::from_millis(250))?;
    drop(ends);
    Ok(())
}

struct Session {
    endpoint: EndpointKey,
    destination: DestinationKey,
    number: usize,
}

impl Session {
    /// Every session has its own destination and its own endpoint: the most memory.
    fn new(number: usize) -> Self {
        let secret = Secret::new([7; 32]);
        let nexthop = format!("domain{number}.example");
        let address = format!("2001:db8::{number:x}");
        let endpoint = EndpointScope {
            service: "smtp",
            protocol: "smtp",
            address: &address,
            port: 25,
            bind: None,
            helo: "mail.example",
            introduction: "",
            sender: None,
            credential: None,
            proxy: None,
            tls_policy: &[0; 32],
            needs: Needs::default(),
        };
        let destination = DestinationScope {
            service: "smtp",
            nexthop: &nexthop,
            sender: None,
            credential: None,
            tls_policy: &[0; 32],
            needs: Needs::default(),
        };
        Self {
            endpoint: EndpointKey::new(&secret, &endpoint),
            destination: DestinationKey::new(&secret, &destination),
            number,
        }
    }

    fn parked(&self) -> Parked {
        let number = self.number;
        let hour = Boottime::now().after(Duration::from_secs(3600));
        Parked {
            endpoint: self.endpoint,
            route: Some(Route { destination: self.destination, fresh_until: hour, sealed: vec![2; ROUTE] }),
            label: Label {
                service: "smtp".to_owned(),
                nexthop: format!("domain{number}.example"),
                relay: format!("mx{number}.example[2001:db8::{number:x}]:25"),
            },
            farewell: b"QUIT\r\n".to_vec(),
            idle_ms: 3_600_000,
            retire_at: hour,
            uses_left: 1000,
            pace_us: 1000,
            sealed: vec![1; SEALED],
        }
    }
}

struct Daemon {
    child: Child,
    steward: Channel,
}

impl Daemon {
    fn start() -> Result<Self> {
        let program = std::env::current_exe()?.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
        let (mut steward, theirs) = Channel::pair()?;
        let child = Command::new(program.join("scache")).stdin(Stdio::from(OwnedFd::from(theirs))).spawn()?;
        steward.set_waiting(Waiting::AtMost(Duration::from_secs(10)))?;
        let caps = Caps { idle_ms: 3_600_000, sessions: 50_000, per_endpoint: 50_000, status_update_s: 0 };
        steward.send(&ToSteward::Hello { version: proto::VERSION, caps }, &[])?;
        let (FromSteward::Hello { .. }, _) = steward.receive()? else { return Err("no greeting".into()) };
        Ok(Self { child, steward })
    }

    fn client(&mut self, pid: u32) -> Result<Channel> {
        let (mut ours, theirs) = Channel::pair()?;
        self.steward.send(&ToSteward::Client, &[theirs.as_fd()])?;
        ours.set_waiting(Waiting::AtMost(Duration::from_secs(10)))?;
        ours.send(&ToCache::Hello { version: proto::VERSION, pid }, &[])?;
        let (FromCache::Hello { .. }, _) = ours.receive()? else { return Err("no greeting".into()) };
        Ok(ours)
    }

    /// Parks every session and returns the ends that play the servers.
    fn fill(&mut self, sessions: &[Session]) -> Result<Vec<OwnedFd>> {
        let mut client = self.client(1)?;
        let mut ends = Vec::with_capacity(sessions.len());
        for session in sessions {
            let (flags, kind) = (SocketFlags::CLOEXEC, SocketType::STREAM);
            let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)?;
            client.send(&ToCache::Park(session.parked()), &[theirs.as_fd()])?;
            ends.push(ours);
        }
        loop {
            self.steward.send(&ToSteward::Statistics, &[])?;
            let (FromSteward::Statistics(counters), _) = self.steward.receive()? else {
                return Err("no statistics".into());
            };
            if counters.displaced + counters.evicted + counters.expired > 0 {
                return Err(format!("not all sessions are held: {counters:?}").into());
            }
            if counters.held as usize == sessions.len() {
                std::thread::sleep(Duration::from_millis(300)); // the sweep is over
                return Ok(ends);
            }
        }
    }

    fn report(
        &mut self,
        held: usize,
        what: &str,
        shares: &[&[Session]],
        cycles: usize,
        pause: Duration,
    ) -> Result<()> {
        let (cpu, start) = (self.cpu()?, Instant::now());
        self.run(shares, cycles, pause)?;
        let wall = start.elapsed();
        let cpu = self.cpu()? - cpu;
        let calls = self.count_calls(shares, cycles / 10, pause)?;
        let total = cycles * shares.len();
        println!(
            "{held:>6}  {what:<34} {:>9.0} {:>9.1} {calls:>9}",
            total as f64 / wall.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / total as f64,
        );
        Ok(())
    }

    /// One client per share; each takes its sessions in turn and parks them again.
    fn run(&mut self, shares: &[&[Session]], cycles: usize, pause: Duration) -> Result<()> {
        let mut clients = Vec::new();
        for pid in 0..shares.len() {
            clients.push(self.client(u32::try_from(pid)? + 10)?);
        }
        std::thread::scope(|scope| {
            let run = |(client, share)| scope.spawn(move || cycle(client, share, cycles, pause));
            let threads: Vec<_> = clients.into_iter().zip(shares.iter().copied()).map(run).collect();
            threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "client panicked")?)
        })
    }

    /// System calls per cycle, with strace attached; `-` without it.
    fn count_calls(&mut self, shares: &[&[Session]], cycles: usize, pause: Duration) -> Result<String> {
        let pid = self.child.id().to_string();
        let mut strace = Command::new("strace");
        strace.args(["-c", "-p", &pid]).stderr(Stdio::piped());
        let Ok(strace) = strace.spawn() else { return Ok("-".to_owned()) };
        std::thread::sleep(Duration::from_millis(300));
        self.run(shares, cycles, pause)?;
        let tracer = Pid::from_raw(i32::try_from(strace.id())?).ok_or("no pid")?;
        rustix::process::kill_process(tracer, Signal::INT)?;
        let table = String::from_utf8(strace.wait_with_output()?.stderr)?;
        let total = table.lines().find(|line| line.ends_with("total")).ok_or("no total")?;
        let calls: f64 = total.split_whitespace().nth(3).ok_or("no calls")?.parse()?;
        Ok(format!("{:.1}", calls / (cycles * shares.len()) as f64))
    }

    fn cpu(&self) -> Result<Duration> {
        let text = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        Ok(Duration::from_nanos(text.split_whitespace().next().ok_or("no schedstat")?.parse()?))
    }

    /// VmRSS in bytes.
    fn resident(&self) -> Result<u64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = text.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse::<u64>()? * 1024)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cycle(mut client: Channel, sessions: &[Session], cycles: usize, pause: Duration) -> Result<()> {
    for session in sessions.iter().cycle().take(cycles) {
        client.send(&ToCache::TakeByDestination(session.destination), &[])?;
        let (FromCache::Hit(_), descriptors) = client.receive()? else { return Err("miss".into()) };
        let descriptor = descriptors.only().ok_or("no descriptor")?;
        client.send(&ToCache::Park(session.parked()), &[descriptor.as_fd()])?;
        drop(descriptor);
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    Ok(())
}
