//! System calls per delivery in the steady state, by program.

use super::Verdict;
use crate::mail;
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::sink::{Settings, Sink};
use crate::table::Table;
use crate::{injector, programs, strace, wait};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Programs and their aims, in calls per delivery; 0 is no aim.
const AIMS: [(&str, f64); 3] = [("baton-worker", 30.0), ("scache", 8.0), ("baton", 0.0)];
/// strace slows everything down a lot.
const LIMIT: Duration = Duration::from_secs(300);

/// Calls per delivery by program and name.
pub type PerDelivery = BTreeMap<String, BTreeMap<String, f64>>;

/// Two runs, of n and 2n messages; what the second made more, over n, is the steady state without start-up.
pub fn show(messages: usize, concurrency: usize) -> Verdict {
    let steady = run(messages, concurrency);
    let mut table = Table::new(&["program", "calls", "aim", "by name"]);
    let mut holds = true;
    for (program, aim) in AIMS {
        let empty = BTreeMap::new();
        let calls = steady.get(program).unwrap_or(&empty);
        let total: f64 = calls.values().sum();
        let mut names: Vec<_> = calls.iter().filter(|(_, count)| **count >= 0.05).collect();
        names.sort_by(|a, b| b.1.total_cmp(a.1));
        let names: Vec<String> =
            names.into_iter().map(|(name, count)| format!("{name} {count:.1}")).collect();
        let aim_text = if aim > 0.0 { format!("{aim:.0}") } else { "-".into() };
        table.row(&[&program, &format!("{total:.1}"), &aim_text, &names.join(", ")]);
        holds &= total > 0.0 && (aim == 0.0 || total <= aim);
    }
    print!("{table}");
    holds.into()
}

/// The steady state, as numbers.
pub fn run(messages: usize, concurrency: usize) -> PerDelivery {
    let (few, many) = (counted(messages, concurrency), counted(2 * messages, concurrency));
    many.into_iter()
        .map(|(program, calls)| {
            let calls = calls.into_iter().map(|(name, count)| {
                let before = few.get(&program).and_then(|calls| calls.get(&name)).copied().unwrap_or(0);
                (name, (count as f64 - before as f64) / messages as f64)
            });
            let calls = calls.collect();
            (program, calls)
        })
        .collect()
}

fn counted(messages: usize, concurrency: usize) -> BTreeMap<String, BTreeMap<String, u64>> {
    let sandbox = Sandbox::new("calls");
    let libexec = sandbox.folder("libexec");
    for (program, _) in AIMS {
        wrap(&libexec, program, sandbox.path());
    }
    let mut settings = Settings::smtp();
    settings.verbose = false;
    let sink = Sink::start(settings);
    let wrapper = libexec.join("strace-baton");
    let mut relay = Relay::in_sandbox(&sandbox)
        .option("relayhost", sink.nexthop())
        .option("smtp_destination_concurrency_limit", concurrency.to_string())
        .option("max_use", "1000000")
        .option("mail_owner", "root") // or strace could not write its summaries
        .libexec(&libexec)
        .under(&[wrapper.to_str().expect("a path")])
        .held()
        .start();
    injector::send(relay.intake(), 4, mail::distinct(messages, 4_096));
    relay.resume();
    relay.expect_empty(LIMIT);
    assert_eq!(sink.record().messages.len(), messages, "every message once");
    let running = relay.processes("strace");
    relay.stop();
    for process in running {
        assert!(process.wait_gone(wait::PATIENCE), "strace still runs after the relay's end");
    }
    collect(sandbox.path())
}

/// A program of the same name that runs the real one under `strace -c`.
fn wrap(libexec: &Path, program: &str, output: &Path) {
    let (strace, real) = (programs::debian("strace"), programs::ours(program));
    let head = format!(
        "#!/bin/sh\nexec {} -f -c -U name,calls -o {}/summary.{program}.$$",
        strace.display(),
        output.display()
    );
    // The relay is started by path, under a wrapper; the others are started by the relay, by name.
    let (name, text): (PathBuf, String) = if program == "baton" {
        (libexec.join("strace-baton"), format!("{head} \"$@\"\n"))
    } else {
        (libexec.join(program), format!("{head} {} \"$@\"\n", real.display()))
    };
    fs::write(&name, text).expect("a wrapper");
    fs::set_permissions(&name, fs::Permissions::from_mode(0o755)).expect("a wrapper");
}

fn collect(folder: &Path) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut all: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for file in fs::read_dir(folder).expect("the sandbox").flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        let Some(program) = name.strip_prefix("summary.").and_then(|rest| rest.split('.').next()) else {
            continue;
        };
        let counts = strace::summary(&fs::read_to_string(file.path()).unwrap_or_default());
        let sum = all.entry(program.to_owned()).or_default();
        for (call, count) in counts {
            *sum.entry(call).or_default() += count;
        }
    }
    all
}
