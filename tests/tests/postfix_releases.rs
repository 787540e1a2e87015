//! Our agent and a queue manager's words of every release, with the daemons of that release: what the installed one cannot show.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::{self, JoinHandle};
use testkit::postfix::{Alone, GENERATION, Queued};
use testkit::sink::{Act, Rule, Settings, Sink, Stage};
use testkit::{Sandbox, wait};

const QUEUE_ID: &str = "049A79AE25E";
/// Final replies: everything is settled; somebody waits.
const SETTLED: &str = "status||diag_type||diag_text||mta_type||mta_mname||action||reason||status|0||";
const WAITS: &str = "status||diag_type||diag_text||mta_type||mta_mname||action||reason||status|4294967295||";
/// What differs between releases, as far as an agent sees it.
struct Release {
    version: &'static str,
    /// The agent's first words.
    greeting: &'static str,
    /// The name of the eighth attribute, and a value that means "nothing special" or must be ignored.
    options: (&'static str, u32),
    /// Bounce, defer and their kind speak first.
    announces: bool,
}

const RELEASES: [Release; 4] = [
    Release { version: "3.4.23", greeting: "status|0||", options: ("smtputf8", 0), announces: false },
    Release {
        version: "3.7.11",
        greeting: "protocol|delivery_request_protocol||",
        options: ("smtputf8", 0),
        announces: true,
    },
    Release {
        version: "3.10.13",
        greeting: "protocol|delivery_request_protocol||",
        options: ("sendopts", 0),
        announces: true,
    },
    // TLS-Required: no, and a bit that nobody knows yet.
    Release {
        version: "3.12-20260821",
        greeting: "protocol|delivery_request_protocol||",
        options: ("sendopts", 0x50),
        announces: true,
    },
];

/// `|` stands for NUL.
fn octets(text: &str) -> Vec<u8> {
    text.replace('|', "\0").into_bytes()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).replace('\0', "|")
}

fn request(message: &Queued, next: &str, options: (&str, u32), recipient: &str) -> String {
    let (name, value) = options;
    let Queued { content, size, recipient: at, .. } = message;
    // 88 octets, all of them zero, in base64.
    let times = format!("{}==", "A".repeat(118));
    format!(
        "flags|3|queue_name|active|queue_id|{QUEUE_ID}|offset|{content}|size|{size}|nexthop|{next}|encoding||{name}|{value}|\
         sender|s@src.test|envelope_id||ret_flags|0|time|{times}|log_client_name|localhost|log_client_address|127.0.0.1|\
         log_client_port|51762|log_protocol_name|ESMTP|log_helo_name|test|sasl_method||sasl_username||sasl_sender||\
         log_ident|{QUEUE_ID}|rewrite_context|local|recipient_count|1||\
         original_recipient|{recipient}|recipient|{recipient}|offset|{at}|dsn_orig_rcpt|rfc822;{recipient}|notify_flags|0||"
    )
}

/// As many octets as `want` has, or what came before the end.
fn read(stream: &mut UnixStream, want: &str) -> String {
    let mut got = vec![0; want.len()];
    let mut length = 0;
    while length < got.len() {
        match stream.read(got.get_mut(length..).unwrap()).unwrap() {
            0 => break,
            count => length += count,
        }
    }
    text(got.get(..length).unwrap())
}

/// A daemon of Postfix's that takes one list, and says that it did as it was told.
fn daemon(queue: &Path, name: &str, announces: bool) -> JoinHandle<String> {
    let listener = UnixListener::bind(queue.join("private").join(name)).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        if announces {
            stream.write_all(&octets("protocol|delivery_status_protocol||")).unwrap();
        }
        let mut list = Vec::new();
        let mut buffer = [0; 4096];
        while !list.ends_with(b"\0\0") || !text(&list).contains("|reason|") {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                count => list.extend_from_slice(buffer.get(..count).unwrap()),
            }
        }
        stream.write_all(&octets("status|0||")).unwrap();
        text(&list)
    })
}

fn agent(sandbox: &Sandbox, version: &str, more: &[(&str, &str)]) -> Alone {
    let options: Vec<_> = [("baton_postfix_version", version)].iter().chain(more).copied().collect();
    Alone::start(sandbox, "baton-smtp", "ours", &options)
}

/// Hands a message over, and gives the answer.
fn hand_over(agent: &Alone, release: &Release, request: &str, answer: &str) -> String {
    let mut stream = agent.connect();
    assert_eq!(read(&mut stream, release.greeting), release.greeting, "{}", release.version);
    stream.write_all(&octets(request)).unwrap();
    read(&mut stream, answer)
}

#[test]
fn a_queue_manager_of_every_release_is_served_in_its_own_words() {
    for release in &RELEASES {
        let sandbox = Sandbox::new("pfr");
        let sink = Sink::start(Settings::smtp());
        let mut agent = agent(&sandbox, release.version, &[]);
        let message = Queued::write(&agent.queue().join("active"), QUEUE_ID, "ok@drop.example");
        let next = format!("[127.0.0.1]:{}", sink.address().port());
        let request = request(&message, &next, release.options, "ok@drop.example");
        assert_eq!(hand_over(&agent, release, &request, SETTLED), SETTLED, "{}", release.version);
        assert_eq!(message.mark(), 'D');
        let contents: Vec<_> = sink.messages().iter().map(|one| text(&one.content)).collect();
        assert!(
            matches!(contents.as_slice(), [one] if one.ends_with("Subject: x\r\n\r\n.text\r\n")),
            "{contents:?}"
        );
        assert_eq!(agent.state(), (agent.pid(), GENERATION.1, 0));
        assert_eq!(agent.state(), (agent.pid(), GENERATION.1, 1));
        let line = agent.expect_line(&["postfix/smtp[", QUEUE_ID, "to=<ok@drop.example>", "status=sent"]);
        assert_eq!(agent.log(), [line]);
        assert!(agent.hang_up().success());
    }
}

#[test]
fn daemons_of_every_release_hear_of_mail_that_waits_and_of_mail_that_failed() {
    let server = |name: &str| {
        let refused = Rule::at(Stage::Rcpt).containing("bad@").reply("550 5.1.1 no such user");
        let later = Rule::at(Stage::Rcpt).containing("later@").reply("450 4.2.0 busy");
        Settings { name: name.into(), ..Settings::smtp().rule(refused).rule(later) }
    };
    for release in &RELEASES {
        let sandbox = Sandbox::new("pfr");
        let sink = Sink::start(server("sink.test"));
        let agent = agent(&sandbox, release.version, &[]);
        let next = format!("[127.0.0.1]:{}", sink.address().port());
        for (service, recipient, code, reply, action, answer, mark) in [
            ("bounce", "bad@drop.example", "5.1.1", "550 5.1.1 no such user", "failed", SETTLED, 'D'),
            ("defer", "later@drop.example", "4.2.0", "450 4.2.0 busy", "delayed", WAITS, 'R'),
        ] {
            let told = daemon(agent.queue(), service, release.announces);
            let message = Queued::write(&agent.queue().join("active"), QUEUE_ID, recipient);
            let request = request(&message, &next, release.options, recipient);
            assert_eq!(hand_over(&agent, release, &request, answer), answer, "{}", release.version);
            let at = message.recipient;
            let want = format!(
                "nrequest|0|flags|0|queue_id|{QUEUE_ID}|original_recipient|{recipient}|recipient|{recipient}|offset|{at}|\
                 dsn_orig_rcpt|rfc822;{recipient}|notify_flags|0|status|{code}|diag_type|smtp|diag_text|{reply}|\
                 mta_type|dns|mta_mname|127.0.0.1|action|{action}|\
                 reason|host 127.0.0.1[127.0.0.1] said: {reply} (in reply to RCPT TO command)||"
            );
            assert_eq!(told.join().unwrap(), want, "{}", release.version);
            assert_eq!(message.mark(), mark);
        }
        assert!(agent.hang_up().success());
    }
}

#[test]
fn a_demand_for_tls_that_the_sender_made_is_not_ignored() {
    let sandbox = Sandbox::new("pfr");
    let sink = Sink::start(Settings::smtp());
    let [.., newest] = &RELEASES;
    let agent = agent(&sandbox, newest.version, &[]);
    let message = Queued::write(&agent.queue().join("active"), QUEUE_ID, "a@x.example");
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let request = request(&message, &next, ("sendopts", 0x20), "a@x.example");
    let told = daemon(agent.queue(), "defer", newest.announces);
    assert_eq!(hand_over(&agent, newest, &request, WAITS), WAITS);
    assert_eq!((message.mark(), sink.record().connections.len()), ('R', 0));
    agent.expect_line(&[
        QUEUE_ID,
        "to=<a@x.example>",
        "dsn=4.7.30, status=deferred (REQUIRETLS was asked for",
    ]);
    assert!(told.join().unwrap().contains("|status|4.7.30|"));
    assert!(agent.hang_up().success());
}

#[test]
fn a_file_without_the_recipient_s_record_is_delivered_once_and_put_aside() {
    let sandbox = Sandbox::new("pfr");
    let sink = Sink::start(Settings::smtp());
    let [.., newest] = &RELEASES;
    let agent = agent(&sandbox, newest.version, &[]);
    let mut message = Queued::write(&agent.queue().join("active"), QUEUE_ID, "a@x.example");
    message.recipient += 1;
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let request = request(&message, &next, newest.options, "a@x.example");
    // The queue manager looks at the file's mode after such an answer.
    assert_eq!(hand_over(&agent, newest, &request, WAITS), WAITS);
    assert_eq!((sink.messages().len(), message.mark()), (1, '\u{b}'));
    assert_eq!(fs::metadata(&message.path).unwrap().permissions().mode() & 0o777, 0o400);
    agent.expect_line(&[QUEUE_ID, "cannot mark a recipient: no recipient record at offset"]);
    assert!(agent.hang_up().success());
}

#[test]
fn connections_that_bring_no_request_cost_nothing_but_a_line_where_there_is_something_to_say() {
    let sandbox = Sandbox::new("pfr");
    let sink = Sink::start(Settings::smtp());
    let [_, release, ..] = &RELEASES;
    let mut agent = agent(&sandbox, release.version, &[]);
    let pid = agent.pid();
    let message = Queued::write(&agent.queue().join("active"), QUEUE_ID, "a@x.example");
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let good = request(&message, &next, release.options, "a@x.example");
    // The queue manager has changed its mind.
    let mut stream = agent.connect();
    assert_eq!(read(&mut stream, release.greeting), release.greeting);
    drop(stream);
    assert_eq!([agent.state(), agent.state()], [(pid, GENERATION.1, 0), (pid, GENERATION.1, 1)]);
    assert_eq!(agent.log(), [""; 0]);
    let half = good.get(..good.len() / 2).unwrap();
    let lacking = good.replace("encoding||", "");
    let elsewhere = good.replace(QUEUE_ID, "0000000000");
    let outside = good.replace(QUEUE_ID, "../etc/passwd");
    for (request, answer, words) in [
        (half, WAITS, "malformed request"),
        ("garbage||", WAITS, "malformed request"),
        (&lacking, WAITS, "malformed request"),
        (&elsewhere, WAITS, "0000000000: "),
        (&outside, WAITS, "no queue file can have this name"),
    ] {
        let before = agent.log().len();
        let mut stream = agent.connect();
        assert_eq!(read(&mut stream, release.greeting), release.greeting);
        stream.write_all(&octets(request)).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(read(&mut stream, answer), answer, "{request}");
        assert_eq!([agent.state(), agent.state()], [(pid, GENERATION.1, 0), (pid, GENERATION.1, 1)]);
        let log = agent.log();
        let said = log.get(before..).unwrap();
        assert!(
            matches!(said, [line] if line.contains("warning: ") && line.contains(words)),
            "{request}: {said:?}"
        );
    }
    // A second request on a connection is nobody's.
    let mut stream = agent.connect();
    stream.write_all(&octets(&format!("{good}{good}"))).unwrap();
    assert_eq!(read(&mut stream, release.greeting), release.greeting);
    assert_eq!(read(&mut stream, SETTLED), SETTLED);
    drop(stream);
    assert_eq!([agent.state(), agent.state()], [(pid, GENERATION.1, 0), (pid, GENERATION.1, 1)]);
    assert_eq!((message.mark(), sink.messages().len()), ('D', 1));
    assert!(agent.hang_up().success());
}

#[test]
fn a_process_that_is_stuck_says_so_and_ends() {
    let sandbox = Sandbox::new("pfr");
    let sink = Sink::start(Settings::smtp().rule(Rule::at(Stage::Mail).act(Act::Silence)));
    let [_, release, ..] = &RELEASES;
    let agent = agent(&sandbox, release.version, &[("daemon_timeout", "1s")]);
    let message = Queued::write(&agent.queue().join("active"), QUEUE_ID, "a@x.example");
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let request = request(&message, &next, release.options, "a@x.example");
    assert_eq!(hand_over(&agent, release, &request, SETTLED), "", "it has no answer");
    agent.expect_line(&["postfix/smtp[", "]: fatal: watchdog timeout"]);
    assert_eq!(message.mark(), 'R');
    assert_eq!(agent.ended().code(), Some(1));
}

#[test]
fn the_cache_lets_only_root_and_its_own_account_in_and_ends_when_nobody_comes() {
    let sandbox = Sandbox::new("pfr");
    let mut cache = Alone::start(&sandbox, "baton-scache", "bscache", &[("max_idle", "1s")]);
    let pid = cache.pid();
    let socket = cache.queue().join("private/bscache");
    // Only this thread changes its user.
    let stranger = thread::spawn(move || {
        let nobody = rustix::process::Uid::from_raw(65534);
        rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
        stream.read(&mut [0; 16]).unwrap()
    });
    assert_eq!(stranger.join().unwrap(), 0, "nothing comes");
    cache.expect_line(&["postfix/scache[", "warning: a process of user 65534 is not let in"]);
    let mut ours = cache.connect();
    let mut word = [0; 64];
    let length = ours.read(&mut word).unwrap();
    assert_eq!(word.get(..length), Some(&b"baton-scache\n"[..]));
    for busy in [0, 1, 0, 1] {
        assert_eq!(cache.state(), (pid, GENERATION.1, busy));
    }
    drop(ours);
    assert!(cache.ended().success());
}
