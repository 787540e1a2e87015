//! There and back: a site under stock agents, under ours, under stock agents again, with mail in the queue and on its way
//! whenever it changes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::postfix::{Post, Postfix, Round, process};
use testkit::process::Process;
use testkit::sink::{FinalReply, Settings, Sink};
use testkit::{Sandbox, programs, wait};

/// Where Postfix is configured.
const ETC: &str = "/etc/postfix";

/// A site's mail and what it meets.
pub(crate) struct Site<'a> {
    pub(crate) postfix: &'a Postfix,
    pub(crate) sandbox: &'a Sandbox,
    /// One round.
    pub(crate) posts: &'a [Post<'a>],
    /// Who writes the mail that waits.
    pub(crate) from: &'a str,
    /// Recipients whose server, with these settings, does not run yet, once for each change of programs.
    pub(crate) late: [(&'a str, Settings); 2],
    /// Recipients whose server does not answer the final dot until told, the same.
    pub(crate) held: [(&'a str, Settings); 2],
}

/// The mail of each round.
#[derive(Debug)]
pub(crate) struct Rounds {
    pub(crate) stock: Round,
    pub(crate) ours: Round,
    pub(crate) again: Round,
}

impl Site<'_> {
    /// All of it.
    pub(crate) fn there_and_back(self) -> Rounds {
        let master_cf = Path::new(ETC).join("master.cf");
        let stock_file = fs::read(&master_cf).unwrap();
        let [late_first, late_second] = &self.late;
        let [held_first, held_second] = self.held.clone().map(|(to, settings)| Held::start(to, settings));
        let stock = self.postfix.round('1', self.posts);
        let waiting = self.defer('1', late_first);
        let before = tree(Path::new(ETC));
        let shown = self.install(&[]);
        assert!(shown.contains("nothing was changed"), "{shown}");
        assert_eq!(tree(Path::new(ETC)), before, "it was only shown");
        let busy = held_first.begin(self.postfix, '1', self.from);

        let applied = self.install(&["--apply"]);
        assert!(applied.contains("Next: postfix reload"), "{applied}");
        let left = self.postfix.renew(1);
        held_first.end(self.postfix, &busy, &left, &["smtp", "lmtp"]);
        let servers = [self.arrive(&waiting, late_first, &["baton-smtp", "baton-lmtp"])];
        self.expect_removed(&[&waiting, &busy]);
        let ours = self.postfix.round('2', self.posts);

        let waiting = self.defer('2', late_second);
        let busy = held_second.begin(self.postfix, '2', self.from);
        let undone = self.install(&["--undo"]);
        assert!(undone.contains("Next: postfix reload"), "{undone}");
        assert_eq!(fs::read(&master_cf).unwrap(), stock_file, "octet for octet");
        assert_eq!(tree(Path::new(ETC)), before, "nothing of ours is left");
        let left = self.postfix.renew(1);
        held_second.end(self.postfix, &busy, &left, &["baton-smtp", "baton-lmtp"]);
        let servers = [servers, [self.arrive(&waiting, late_second, &["smtp", "lmtp"])]].concat();
        self.expect_removed(&[&waiting, &busy]);
        let again = self.postfix.round('3', self.posts);
        for server in servers.iter().chain([&held_first.sink, &held_second.sink]) {
            assert_eq!(server.messages().len(), 1, "once: {}", server.record());
        }
        Rounds { stock, ours, again }
    }

    /// As README says it, below a folder of this test.
    fn install(&self, words: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/postfix/install");
        let mut command = Command::new(script);
        command.arg("--from").arg(programs::folder()).arg("--to").arg(self.programs()).args(words);
        done(&command.output().unwrap())
    }

    fn programs(&self) -> PathBuf {
        self.sandbox.join("libexec/baton")
    }

    /// Its server refuses the connection.
    fn defer(&self, round: char, late: &(&str, Settings)) -> String {
        let post = Post { id: "late", from: self.from, to: &[late.0], options: &[] };
        let lines = self.postfix.post(round, &post);
        assert!(lines[0].contains("status=deferred") && lines[0].contains("Connection refused"), "{lines:?}");
        queue_id(&lines[0])
    }

    /// Its server has come; mail that one side deferred is delivered by the other.
    fn arrive(&self, queue_id: &str, late: &(&str, Settings), by: &[&str]) -> std::sync::Arc<Sink> {
        let sink = Sink::start(late.1.clone());
        let flushed = Command::new(programs::debian("postqueue")).arg("-f").status().unwrap();
        assert!(flushed.success());
        let line = self.postfix.expect_line(&[&format!(" {queue_id}: to=<{}>", late.0), "status=sent"]);
        let process = process(&line).expect("it waits for more");
        assert!(by.contains(&process.name.as_str()), "{process:?}: {line}");
        sink.into()
    }

    /// The queue manager that was told of a delivery under way has gone: the next one finds the mark in the file, when it
    /// looks at it.
    fn expect_removed(&self, queue_ids: &[&str]) {
        for queue_id in queue_ids {
            self.postfix.expect_line(&[&format!(" {queue_id}: removed")]);
        }
    }
}

/// A server that keeps a delivery waiting at its end.
struct Held<'a> {
    to: &'a str,
    sink: std::sync::Arc<Sink>,
}

impl<'a> Held<'a> {
    fn start(to: &'a str, settings: Settings) -> Self {
        Self { to, sink: Sink::start(settings.final_reply(FinalReply::Held)).into() }
    }

    /// The delivery is under way; its queue id.
    fn begin(&self, postfix: &Postfix, round: char, from: &str) -> String {
        let id = postfix.queue(round, &Post { id: "held", from, to: &[self.to], options: &[] });
        self.sink.expect_messages(1);
        id
    }

    /// The process that began it has outlived the reload, and ends it.
    fn end(&self, postfix: &Postfix, queue_id: &str, left: &[Process], by: &[&str]) {
        let [agent] = left else { panic!("{left:?} instead of the one that is busy") };
        assert!(by.contains(&agent.name.as_str()), "{agent:?}");
        self.sink.release();
        let line = postfix.expect_line(&[&format!(" {queue_id}: to=<{}>", self.to), "status=sent"]);
        assert!(line.contains(&format!("[{}]: ", agent.pid)), "{agent:?}: {line}");
        // It has the message's lock until then.
        assert!(agent.wait_gone(wait::PATIENCE), "{agent:?} is of an old generation");
    }
}

fn queue_id(line: &str) -> String {
    line.split_once("]: ").unwrap().1.split(':').next().unwrap().to_owned()
}

#[track_caller]
fn done(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    text
}

/// Files below a folder: mode, owner and content.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u32, u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, about) = (entry.path(), entry.metadata().unwrap());
            let content = if about.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            if about.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, (about.permissions().mode(), about.uid(), content));
        }
    }
    found
}
