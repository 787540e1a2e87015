//! Before the intake answers `250` to a message, the file and its folder are on stable storage.

use super::Verdict;
use crate::injector::Client;
use crate::mail::Mail;
use crate::programs;
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::strace::{Call, Trace};
use crate::table::Table;

/// What was done for one message between its `354` and its `250`, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Files below the spool that were synced.
    pub files: Vec<String>,
    /// Names given in the queue folder (rename or link).
    pub named: Vec<String>,
    /// Folders below the spool that were synced after the name was given.
    pub folders: Vec<String>,
}

impl Acceptance {
    /// A file was synced, named in the queue, and the folder of that name synced.
    pub fn holds(&self) -> bool {
        let parents: Vec<&str> =
            self.named.iter().filter_map(|path| path.rsplit_once('/')).map(|(at, _)| at).collect();
        !self.files.is_empty()
            && !parents.is_empty()
            && parents.iter().all(|at| self.folders.iter().any(|f| f == at))
    }
}

/// The acceptances of so many messages on one session, as a table.
pub fn show(messages: usize) -> Verdict {
    let acceptances = run(messages);
    let mut table = Table::new(&["message", "file synced", "named", "folder synced", ""]);
    for (at, acceptance) in acceptances.iter().enumerate() {
        table.row(&[
            &(at + 1),
            &acceptance.files.len(),
            &acceptance.named.len(),
            &acceptance.folders.len(),
            &if acceptance.holds() { "before 250" } else { "WRONG" },
        ]);
    }
    print!("{table}");
    (acceptances.len() == messages && acceptances.iter().all(Acceptance::holds)).into()
}

/// Sends so many messages to a held relay under strace and reads the trace.
pub fn run(messages: usize) -> Vec<Acceptance> {
    let sandbox = Sandbox::new("sync");
    let output = sandbox.join("trace");
    let strace = programs::debian("strace");
    let calls =
        "trace=write,writev,sendto,sendmsg,fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat";
    let wrapper = [
        strace.to_str().expect("a path"),
        "-f",
        "-y",
        "-s",
        "64",
        "-e",
        calls,
        "-o",
        output.to_str().expect("a path"),
        "--",
    ];
    let mut relay =
        Relay::in_sandbox(&sandbox).option("relayhost", "[127.0.0.1]:9").under(&wrapper).held().start();
    let mut client = Client::connect(relay.intake());
    for n in 0..messages {
        client.mail(&Mail::new("user@d.test", &format!("sync{n}@client.test"), b"body\r\n"));
    }
    client.quit();
    relay.stop();
    let spool = sandbox.join("spool").canonicalize().expect("the spool");
    acceptances(&Trace::read(&output), spool.to_str().expect("a path"))
}

/// Cuts the trace at the replies `354` and `250` of one session and sorts what lies between.
pub fn acceptances(trace: &Trace, spool: &str) -> Vec<Acceptance> {
    let calls = trace.calls();
    let is_reply = |call: &Call, code: &str| call.writes() && call.text().starts_with(code);
    let mut found = Vec::new();
    let mut start = None;
    for (at, call) in calls.iter().enumerate() {
        if is_reply(call, "354") {
            start = Some(call);
        } else if is_reply(call, "250")
            && let Some(begin) = start.take()
        {
            // Only what had returned before the reply was begun counts.
            let between =
                calls[..at].iter().filter(|c| c.begun > begin.begun && c.ended < call.begun && c.result == 0);
            found.push(sorted(between, spool));
        }
    }
    found
}

fn sorted<'a>(calls: impl Iterator<Item = &'a Call>, spool: &str) -> Acceptance {
    let mut acceptance = Acceptance { files: Vec::new(), named: Vec::new(), folders: Vec::new() };
    let mut calls: Vec<&Call> = calls.collect();
    calls.sort_by_key(|call| call.ended);
    for call in calls {
        match call.name.as_str() {
            "fsync" | "fdatasync" => {
                let Some(path) = call.descriptor_path().filter(|path| path.starts_with(spool)) else {
                    continue;
                };
                if acceptance.named.iter().any(|name| name.rsplit_once('/').is_some_and(|(at, _)| at == path))
                {
                    acceptance.folders.push(path);
                } else {
                    acceptance.files.push(path);
                }
            }
            "rename" | "renameat" | "renameat2" | "link" | "linkat" => {
                acceptance.named.extend(
                    call.last_path().filter(|path| path.starts_with(spool) && path.contains("/queue/")),
                );
            }
            _ => {}
        }
    }
    acceptance
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGIN: &str = "1 sendto(9<TCP:[1]>, \"354 go\", 6, 0, NULL, 0) = 6\n";
    const FILE: &str = "2 fsync(5</s/tmp/1>) = 0\n";
    const NAME: &str = "2 renameat2(3</s/tmp>, \"1\", 4</s/queue>, \"0a/x\", RENAME_NOREPLACE) = 0\n";
    const FOLDER: &str = "2 fsync(6</s/queue/0a>) = 0\n";
    const END: &str = "1 sendto(9<TCP:[1]>, \"250 ok\", 6, 0, NULL, 0) = 6\n";

    fn holds(lines: &[&str]) -> bool {
        let found = acceptances(&Trace::parse(&lines.concat()), "/s");
        assert_eq!(found.len(), 1);
        found.iter().all(Acceptance::holds)
    }

    #[test]
    fn only_the_full_sequence_before_the_reply_is_an_acceptance() {
        assert!(holds(&[BEGIN, FILE, NAME, FOLDER, END]));
        assert!(!holds(&[BEGIN, NAME, FOLDER, END]), "the file was not synced");
        assert!(!holds(&[BEGIN, FILE, NAME, END]), "the folder was not synced");
        assert!(!holds(&[BEGIN, FILE, FOLDER, NAME, END]), "the folder was synced before the name was there");
        assert!(!holds(&[BEGIN, FILE, NAME, END, FOLDER]), "the folder was synced after the reply");
        assert!(!holds(&[FILE, NAME, FOLDER, BEGIN, END]), "all of it for another message");
        let other = FOLDER.replace("0a", "0b");
        assert!(!holds(&[BEGIN, FILE, NAME, &other, END]), "another folder was synced");
        let failed = FOLDER.replace("= 0", "= -1 EIO (Input/output error)");
        assert!(!holds(&[BEGIN, FILE, NAME, &failed, END]), "the folder's sync failed");
    }

    #[test]
    fn a_sync_that_is_still_running_when_the_reply_goes_out_does_not_count() {
        let begun = "2 fsync(6</s/queue/0a> <unfinished ...>\n";
        let ended = "2 <... fsync resumed>) = 0\n";
        assert!(!holds(&[BEGIN, FILE, NAME, begun, END, ended]));
        assert!(holds(&[BEGIN, FILE, NAME, begun, ended, END]));
    }
}
