//! The private Postfix: a service for each case and side, all mail at once, and what became of it.

use super::log::Log;
use super::observation::Observation;
use super::stage::{Placed, Side, Stage};
use crate::postfix::{Launch, Postfix};
use crate::sandbox::Sandbox;
use crate::{programs, wait};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long all deliveries together may take.
const LIMIT: Duration = Duration::from_secs(100);

/// How often the queue must look quiet, one look after the other: mail that is made of mail is nowhere for a moment.
const LOOKS: u32 = 40;

/// A message where the case has none.
const MESSAGE: &str = "From: Sender <sender@client.test>\nTo: everybody\nSubject: a case\n\
                       Date: Thu, 26 Nov 2026 15:15:45 +0000\nMessage-ID: <{id}>\n\ntext\n.dot\nlast\n";

/// Parameters that all cases have.
const OPTIONS: &[(&str, &str)] = &[
    ("notify_classes", ""),
    ("smtp_connection_cache_on_demand", "no"),
    ("lmtp_connection_cache_on_demand", "no"),
    ("smtp_tls_loglevel", "1"),
    ("smtp_tls_CAfile", "{folder}/root.pem"),
    ("lmtp_tls_CAfile", "{folder}/root.pem"),
    ("default_process_limit", "400"),
    ("address_verify_map", "btree:$data_directory/verify"),
];

/// Runs every case on both sides; what is seen of each, in the order of [`Stage::placed`].
pub fn run(sandbox: &Sandbox, stage: &Stage) -> Vec<Observation> {
    let postfix = launch(sandbox, stage).start();
    for one in &stage.placed {
        for _ in 0..one.case.copies {
            send(&postfix, one);
        }
    }
    let probed = |one: &&Placed| one.case.probe;
    for address in stage.placed.iter().filter(probed).flat_map(Placed::recipients) {
        // What it answers to the first question is that it does not know yet.
        let _unknown = verdict(&postfix, &address);
    }
    settle(&postfix, stage);
    let verdicts = |one: &Placed| -> Vec<String> {
        let recipients = if one.case.probe { one.recipients() } else { Vec::new() };
        recipients.iter().map(|address| verdict(&postfix, address)).collect()
    };
    let verdicts: Vec<_> = stage.placed.iter().map(verdicts).collect();
    let log = Log::new(&postfix.log_from(0));
    let seen = stage.placed.iter().zip(verdicts);
    let seen =
        seen.map(|(one, verdicts)| Observation::gather(stage, one, &postfix, &log, verdicts)).collect();
    postfix.stop();
    seen
}

fn launch(sandbox: &Sandbox, stage: &Stage) -> Launch {
    let folder = sandbox.folder("stage").display().to_string();
    let lmtp = sandbox.folder("programs").join("baton-lmtp");
    symlink(programs::ours("baton-smtp"), &lmtp).expect("own folder");
    let mut launch = Postfix::in_sandbox(sandbox).cache("bscache", "");
    for (name, value) in OPTIONS {
        launch = launch.option(name, value.replace("{folder}", &folder));
    }
    let mut routes = String::new();
    for one in &stage.placed {
        for (name, value) in &one.case.main {
            launch = launch.option(&one.fill(name), one.fill(value));
        }
        launch = launch.line(&service(one, &lmtp));
        let _ = writeln!(routes, "{} {}:{}", one.domain, one.transport(), one.nexthop());
    }
    let routes = sandbox.write("stage/transport", routes);
    launch.option("transport_maps", format!("texthash:{}", routes.display()))
}

/// The lines of master.cf.
fn service(one: &Placed, lmtp: &Path) -> String {
    // master puts the folder of Postfix's daemons before it.
    let below = |path: &Path| format!("../../../..{}", path.display());
    let program = match (one.side, one.case.program) {
        (Side::Stock, program) => program.to_owned(),
        (Side::Ours, "lmtp") => below(lmtp),
        (Side::Ours, _) => below(&programs::ours("baton-smtp")),
    };
    let mut lines = format!("{} unix - - n - - {program}", one.transport());
    let _ = write!(lines, "\n  -o syslog_name={}\n  -o max_use=1", one.tag());
    if one.side == Side::Ours {
        lines.push_str("\n  -o connection_cache_service_name=bscache");
    }
    for (name, value) in &one.case.options {
        let _ = write!(lines, "\n  -o {{ {name} = {} }}", one.fill(value));
    }
    if !one.case.words.is_empty() {
        let _ = write!(lines, "\n  {}", one.case.words);
    }
    lines
}

fn send(postfix: &Postfix, one: &Placed) {
    if one.case.probe {
        return;
    }
    let content = one.case.content.clone().unwrap_or_else(|| MESSAGE.into());
    let id = format!("id@{}", one.domain);
    // Octets as characters of the same number, so that names can be filled in.
    let content: String = content.into_iter().map(char::from).collect();
    let content = one.fill(&content.replace("{id}", &id));
    let content: Vec<u8> = content.chars().map(|c| u8::try_from(c).expect("it was an octet")).collect();
    let words: Vec<String> = one.case.submit.iter().map(|word| one.fill(word)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let recipients = one.recipients();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    postfix.submit_octets(&words, &one.sender(), &recipients, &content);
}

/// Waits until nothing moves any more.
fn settle(postfix: &Postfix, stage: &Stage) {
    let mut quiet = 0;
    let mut length = 0;
    let done = wait::until(LIMIT, || {
        let moving: usize =
            ["maildrop", "incoming", "active"].iter().map(|queue| postfix.queue_files(queue).len()).sum();
        let now = postfix.log_from(length).len();
        quiet = if moving == 0 && now == 0 && stage.is_quiet() { quiet + 1 } else { 0 };
        length += now;
        (quiet == LOOKS).then_some(())
    });
    if done.is_none() {
        let left: Vec<_> =
            ["maildrop", "incoming", "active"].map(|queue| postfix.queue_files(queue)).concat();
        let log = postfix.log_from(0);
        let about = |file: &std::path::PathBuf| {
            let id = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            log.lines().filter(|line| line.contains(&id)).collect::<Vec<_>>().join("\n")
        };
        let about: Vec<String> = left.iter().map(about).collect();
        println!("nobody is connected: {}", stage.is_quiet());
        println!("not settled in {LIMIT:?}:\n{}", about.join("\n\n"));
    }
}

/// What verify(8) knows of an address; asking makes it find out.
fn verdict(postfix: &Postfix, address: &str) -> String {
    let mut verify =
        UnixStream::connect(postfix.queue_directory().join("private/verify")).expect("verify listens");
    verify.set_read_timeout(Some(wait::PATIENCE)).expect("own socket");
    let request = format!("request\0query\0address\0{address}\0\0");
    verify.write_all(request.as_bytes()).expect("verify reads");
    let mut words = Vec::new();
    let mut octets = [0; 4096];
    // Its greeting is a list, and so is its answer; an empty name ends each.
    loop {
        let length = verify.read(&mut octets).expect("verify answers");
        assert!(length > 0, "verify closed");
        words.extend_from_slice(&octets[..length]);
        let text = String::from_utf8_lossy(&words).into_owned();
        if let Some((_, answer)) = text.split_once("\0status\0")
            && answer.ends_with("\0\0")
        {
            return format!("status {}", answer.trim_end_matches('\0').replace('\0', " "));
        }
    }
}
