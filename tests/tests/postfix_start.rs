//! How our agent starts under Postfix's master, and what becomes of its service when it dies: as the stock one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use rustix::fs::FlockOperation;
use rustix::process::Signal;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::time::Duration;
use testkit::postfix::{Alone, Launch, Letter, Postfix, complaints};
use testkit::process::Process;
use testkit::sink::{Act, Rule, Settings, Sink, Stage, Tls};
use testkit::{Sandbox, programs, wait};

fn letter(recipient: &str) -> Letter {
    Letter { recipient: recipient.into(), age: Duration::ZERO }
}

/// `stock.test` by the stock agent, `baton.test` by ours, to the same server.
fn both(sandbox: &Sandbox, sink: &Sink) -> Launch {
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    Postfix::in_sandbox(sandbox)
        .option(
            "transport_maps",
            format!("inline:{{ {{ stock.test = smtp:{next} }}, {{ baton.test = ours:{next} }} }}"),
        )
        .option("smtp_host_lookup", "native")
        .option("default_transport", "discard:")
        .option("notify_classes", "")
}

/// What master gave a process.
#[derive(Debug, PartialEq, Eq)]
struct Gift {
    arguments: Vec<String>,
    environment: Vec<String>,
    folder: String,
    users: String,
    groups: String,
}

fn gift(pid: u32, service: &str) -> Gift {
    let words = |file: &str| -> Vec<String> {
        let octets = fs::read(format!("/proc/{pid}/{file}")).unwrap();
        octets.split(|octet| *octet == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    };
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = |name: &str| status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let mut environment = words("environ");
    environment.iter_mut().filter(|set| set.starts_with("GENERATION=")).for_each(|set| set.truncate(11));
    environment.sort();
    Gift {
        arguments: words("cmdline")
            .into_iter()
            .skip(1)
            .map(|word| word.replace(service, "SERVICE"))
            .collect(),
        environment,
        folder: fs::read_link(format!("/proc/{pid}/cwd")).unwrap().display().to_string(),
        users: line("Uid:"),
        groups: line("Groups:"),
    }
}

/// The process that delivered to this domain.
fn deliverer(postfix: &Postfix, domain: &str) -> u32 {
    let line = postfix.expect_line(&[&format!("@{domain}>"), "status=sent"]);
    line.split_once("postfix/smtp[").unwrap().1.split_once(']').unwrap().0.parse().unwrap()
}

#[test]
fn master_gives_ours_what_it_gives_the_stock_agent_whatever_the_limit() {
    let sandbox = Sandbox::new("pfs");
    let sink = Sink::start(Settings::smtp());
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let limits = [("1", "one"), ("2", "two"), ("0", "all"), ("-", "any")];
    let routes = limits
        .map(|(_, name)| format!("{{ s{name}.test = s{name}:{next} }}, {{ b{name}.test = b{name}:{next} }}"));
    let mut launch = Postfix::in_sandbox(&sandbox)
        .option("transport_maps", format!("inline:{{ {} }}", routes.join(", ")))
        .option("smtp_host_lookup", "native");
    for (limit, name) in limits {
        launch = launch.line(&format!("s{name} unix - - n - {limit} smtp -o smtp_helo_name=x")).agent(
            &format!("b{name}"),
            limit,
            "-o smtp_helo_name=x",
        );
    }
    let postfix = launch.start();
    let domains: Vec<_> =
        limits.iter().flat_map(|(_, name)| [format!("s{name}.test"), format!("b{name}.test")]).collect();
    postfix.inject(&domains.iter().map(|domain| letter(&format!("u@{domain}"))).collect::<Vec<_>>());
    for (limit, name) in limits {
        let (stock, ours) =
            (deliverer(&postfix, &format!("s{name}.test")), deliverer(&postfix, &format!("b{name}.test")));
        let given = gift(ours, &format!("b{name}"));
        assert_eq!(given, gift(stock, &format!("s{name}")), "limit {limit}");
        assert_eq!(given.arguments.contains(&"-l".into()), limit == "1", "{given:?}");
        assert_eq!(given.arguments.contains(&"-z".into()), limit == "0", "{given:?}");
        assert_eq!(given.folder, postfix.root().display().to_string());
        // To master and its socket; both are kept from programs that the agent might start. The pipe is not needed.
        let link = |fd: u32| fs::read_link(format!("/proc/{ours}/fd/{fd}")).unwrap_or_default();
        let flags = |fd: u32| {
            let text = fs::read_to_string(format!("/proc/{ours}/fdinfo/{fd}")).unwrap();
            let flags = text.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
            u32::from_str_radix(flags.trim(), 8).unwrap()
        };
        for (fd, blocks) in [(5, true), (6, false)] {
            assert!(link(fd).to_string_lossy().starts_with("socket:"), "{:?}", link(fd));
            assert_eq!(flags(fd) & 0o2_000_000, 0o2_000_000, "close on exec");
            assert_eq!(flags(fd) & 0o4_000 == 0, blocks);
        }
        for fd in [3, 4] {
            assert!(!link(fd).to_string_lossy().starts_with("pipe:"), "{:?}", link(fd));
        }
    }
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

/// Our program under another name, by which it is lmtp(8).
fn as_lmtp(sandbox: &Sandbox) -> std::path::PathBuf {
    let path = sandbox.join("baton-lmtp");
    std::os::unix::fs::symlink(programs::ours("baton-smtp"), &path).unwrap();
    path
}

#[test]
fn an_agent_without_the_system_s_files_delivers_as_before() {
    let sandbox = Sandbox::new("pfs");
    let server = Tls::default().open().unwrap();
    let anchors = sandbox.write("ca.pem", server.pem());
    let sink = Sink::start(Settings::smtp().tls_server(server));
    let next = format!("[127.0.0.1]:{}", sink.address().port());
    let secure = format!(
        "-o smtp_tls_security_level=verify -o smtp_tls_verify_cert_match=sink.test -o smtp_tls_CAfile={}",
        anchors.display()
    );
    let kept = "-o smtp_connection_cache_destinations=static:all -o connection_cache_service_name=bscache";
    let program = programs::ours("baton-smtp");
    let postfix = Postfix::in_sandbox(&sandbox)
        .option(
            "transport_maps",
            format!(
                "inline:{{ {{ a.test = tls:{next} }}, {{ b.test = named:[127.0.0.1]:tcpmux }}, \
                 {{ c.test = box:unix:private/store }}, {{ d.test = kept:{next} }} }}"
            ),
        )
        .option("smtp_host_lookup", "native")
        .chrooted("tls", &program, &secure)
        .chrooted("named", &program, "")
        .chrooted("kept", &program, kept)
        .chrooted("box", &as_lmtp(&sandbox), "")
        .cache("bscache", "-o connection_cache_ttl_limit=600s")
        .start();
    let path = postfix.root().join("private/store");
    let store = Sink::start(Settings::lmtp_unix(path.clone()));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    postfix.inject(&[letter("one@a.test")]);
    let line = postfix.expect_line(&["to=<one@a.test>", "status=sent"]);
    let pid: u32 = line.split_once("postfix/smtp[").unwrap().1.split_once(']').unwrap().0.parse().unwrap();
    assert_eq!(fs::read_link(format!("/proc/{pid}/root")).unwrap(), postfix.root());
    postfix.inject(&[letter("u@b.test"), letter("u@c.test"), letter("one@d.test")]);
    // The port comes from the system's file of services.
    postfix.expect_line(&["to=<u@b.test>", "connect to 127.0.0.1[127.0.0.1]:1: Connection refused"]);
    postfix.expect_line(&["postfix/lmtp[", "to=<u@c.test>", "private/store", "status=sent"]);
    postfix.expect_line(&["to=<one@d.test>", "status=sent"]);
    postfix.inject(&[letter("two@d.test")]);
    postfix.expect_line(&["to=<two@d.test>", "conn_use=2,", "status=sent"]);
    assert_eq!((sink.messages().len(), store.messages().len()), (3, 1));
    let secured = sink.record().connections.first().map(|one| one.secured.is_some());
    assert_eq!(secured, Some(true));
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

/// The only child of master of this name.
fn child(postfix: &Postfix, name: &str) -> Process {
    wait::expect(name, || {
        let children = Process::find(postfix.master())?.children();
        children.into_iter().find(|child| child.name == name)
    })
}

#[test]
fn an_agent_that_dies_before_it_was_of_use_closes_its_service_for_a_while() {
    let sandbox = Sandbox::new("pfs");
    let silent = Rule::at(Stage::Mail).act(Act::Silence);
    let sink = Sink::start(Settings::smtp().rule(silent));
    let postfix = both(&sandbox, &sink).agent("ours", "-", "").start();
    let mut words = Vec::new();
    for (domain, name) in [("stock.test", "smtp"), ("baton.test", "baton-smtp")] {
        postfix.inject(&[letter(&format!("u@{domain}"))]);
        sink.expect("MAIL", wait::PATIENCE, |record| {
            record.connections.iter().filter(|one| !one.closed).count() == 1
        });
        let agent = child(&postfix, name);
        agent.signal(Signal::KILL);
        let line = |what: &str| {
            let line = postfix.expect_line(&["postfix/master", name, what]);
            let (_, line) = line.split_once("warning: ").unwrap();
            let words = line.split(' ').map(|word| if word.contains('/') { "PROGRAM" } else { word });
            words.collect::<Vec<_>>().join(" ").replace(&agent.pid.to_string(), "PID")
        };
        words.push([
            line(&format!("pid {} killed by signal 9", agent.pid)),
            line("bad command startup -- throttling"),
        ]);
        wait::expect("the message waits", || {
            (!postfix.queue_files("deferred").is_empty() || !postfix.queue_files("active").is_empty())
                .then_some(())
        });
    }
    assert_eq!(words[0], words[1]);
    postfix.stop();
}

#[test]
fn a_stop_in_the_middle_of_a_delivery_neither_loses_nor_repeats_it() {
    let sandbox = Sandbox::new("pfs");
    let silent = Rule::at(Stage::Dot).connections(1, 1).act(Act::Silence);
    let sink = Sink::start(Settings::smtp().rule(silent));
    let postfix = both(&sandbox, &sink).agent("ours", "-", "").start();
    postfix.inject(&[letter("u@baton.test")]);
    sink.expect("a transaction", wait::PATIENCE, |record| {
        record.connections.iter().any(|one| one.commands.iter().any(|line| line == "DATA"))
    });
    let agent = child(&postfix, "baton-smtp");
    let postfix = postfix.restart(|postfix| {
        assert!(!agent.is_alive());
        let octets = fs::read(postfix.queue_files("active").remove(0)).unwrap();
        assert!(octets.windows(14).any(|some| some == b"R\x0cu@baton.test"), "it is not marked");
    });
    postfix.expect_line(&["to=<u@baton.test>", "status=sent"]);
    wait::expect("an empty queue", || (postfix.queued() == 0).then_some(()));
    assert_eq!(sink.messages().len(), 1);
    assert_eq!(postfix.log_from(0).matches("status=sent").count(), 1);
    postfix.stop();
}

#[test]
fn limits_of_zero_are_refused_as_by_the_stock_agent() {
    let sink = Sink::start(Settings::smtp());
    for (option, name) in [("max_use=0", "max_use"), ("max_idle=0", "max_idle")] {
        let sandbox = Sandbox::new("pfs");
        let next = format!("[127.0.0.1]:{}", sink.address().port());
        let postfix = both(&sandbox, &sink)
            .option(
                "transport_maps",
                format!("inline:{{ {{ stock.test = theirs:{next} }}, {{ baton.test = ours:{next} }} }}"),
            )
            .line(&format!("theirs unix - - n - - smtp -o {option}"))
            .agent("ours", "-", &format!("-o {option}"))
            .start();
        postfix.inject(&["stock.test", "baton.test"].map(|domain| letter(&format!("u@{domain}"))));
        for program in ["sbin/smtp pid", "baton-smtp pid"] {
            postfix.expect_line(&["postfix/master", program, "exit status 1"]);
        }
        let log = postfix.log_from(0);
        let fatal = log
            .lines()
            .filter(|line| line.contains("postfix/smtp[") && line.contains("fatal: ") && line.contains(name));
        assert!(fatal.count() >= 2, "{log}");
        assert!(sink.messages().is_empty());
        postfix.stop();
    }
}

/// Its owner was stopped, and may be so for long.
#[test]
fn a_lock_that_is_not_given_back_keeps_no_agent_from_its_work() {
    let sandbox = Sandbox::new("pfs");
    let path = sandbox.folder("alone/spool/pid").join("baton-keys.lock");
    let held = File::options().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    rustix::fs::flock(&held, FlockOperation::LockExclusive).unwrap();
    let agent = Alone::start(&sandbox, "baton-smtp", "ours", &[("baton_postfix_version", "3.7.11")]);
    let mut greeting = [0; 8];
    agent.connect().read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"protocol");
    agent.expect_line(&["warning: pid/baton-keys: another process holds baton-keys.lock"]);
    assert!(agent.hang_up().success());
}
