//! Traces that strace wrote with `-f -o FILE`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// One system call. `begun` and `ended` are places in the trace, so that calls of several threads can be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The thread that made it.
    pub thread: u32,
    /// Its name.
    pub name: String,
    /// The arguments as strace prints them.
    pub arguments: String,
    /// What it returned; -1 for a failure, or when it is not a number.
    pub result: i64,
    /// Line at which it was entered.
    pub begun: usize,
    /// Line at which it returned.
    pub ended: usize,
}

impl Call {
    /// It sends octets to a descriptor.
    pub fn writes(&self) -> bool {
        matches!(self.name.as_str(), "write" | "writev" | "sendto" | "sendmsg")
    }

    /// The first quoted text of the arguments, as printed.
    pub fn text(&self) -> &str {
        self.arguments.split('"').nth(1).unwrap_or_default()
    }

    /// The path of the descriptor that is the first argument (`-y`).
    pub fn descriptor_path(&self) -> Option<String> {
        let (_, rest) = self.arguments.split_once('<')?;
        rest.split_once('>').map(|(path, _)| path.to_owned())
    }

    /// The last path among the arguments: the new name in rename and link. Relative to a descriptor's path if it has one.
    pub fn last_path(&self) -> Option<String> {
        let (head, quoted) = self.arguments.rsplit_once('"').map(|(head, _)| head)?.rsplit_once('"')?;
        if quoted.starts_with('/') {
            return Some(quoted.to_owned());
        }
        let folder = head.rsplit_once('<')?.1.split_once('>')?.0;
        Some(format!("{folder}/{quoted}"))
    }
}

/// A trace.
#[derive(Debug, Clone, Default)]
pub struct Trace(Vec<Call>);

impl Trace {
    /// Reads a file that `strace -f -o` wrote.
    pub fn read(path: &Path) -> Self {
        Self::parse(&fs::read_to_string(path).expect("a trace"))
    }

    /// Parses it; calls that were interrupted by another thread's line are put together.
    pub fn parse(text: &str) -> Self {
        let mut calls = Vec::new();
        let mut open: HashMap<&str, (usize, &str)> = HashMap::new();
        for (at, line) in text.lines().enumerate() {
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let rest = rest.trim_start();
            if let Some(beginning) = rest.strip_suffix(" <unfinished ...>") {
                open.insert(thread, (at, beginning));
            } else if let Some((_, end)) =
                rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"))
            {
                if let Some((begun, beginning)) = open.remove(thread) {
                    calls.extend(call(thread, &format!("{beginning}{end}"), begun, at));
                }
            } else {
                calls.extend(call(thread, rest, at, at));
            }
        }
        calls.sort_by_key(|call: &Call| call.begun);
        Self(calls)
    }

    /// How often each program made each call. A thread belongs to the program that it or, if it never executed one,
    /// the thread that made it belongs to; the first is `root`.
    pub fn by_program(&self, root: &str) -> BTreeMap<String, BTreeMap<String, u64>> {
        let (mut executed, mut made_by) = (HashMap::new(), HashMap::new());
        for call in &self.0 {
            match call.name.as_str() {
                "execve" if call.result == 0 => {
                    let program = call.text().rsplit('/').next().unwrap_or_default().to_owned();
                    executed.insert(call.thread, program);
                }
                "clone" | "clone3" | "fork" | "vfork" => {
                    if let Ok(child) = u32::try_from(call.result) {
                        made_by.insert(child, call.thread);
                    }
                }
                _ => {}
            }
        }
        let program_of = |thread: u32| {
            let mut line = std::iter::successors(Some(thread), |thread| made_by.get(thread).copied());
            line.find_map(|thread| executed.get(&thread).map(String::as_str)).unwrap_or(root)
        };
        let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for call in &self.0 {
            let program = counts.entry(program_of(call.thread).to_owned()).or_default();
            *program.entry(call.name.clone()).or_default() += 1;
        }
        counts
    }

    /// In the order in which they were entered.
    pub fn calls(&self) -> &[Call] {
        &self.0
    }
}

fn call(thread: &str, text: &str, begun: usize, ended: usize) -> Option<Call> {
    let (name, rest) = text.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    let result = result.split([' ', '<']).next().and_then(|word| word.parse().ok()).unwrap_or(-1);
    let plain = name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_');
    let thread = thread.parse().ok()?;
    plain.then(|| Call {
        thread,
        name: name.to_owned(),
        arguments: arguments.to_owned(),
        result,
        begun,
        ended,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_several_threads_are_put_together() {
        let trace = Trace::parse(concat!(
            "10 fsync(5</s/tmp/a> <unfinished ...>\n",
            "11 write(7<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"250 ok\\r\\n\", 8) = 8\n",
            "10 <... fsync resumed>)          = 0\n",
            "10 renameat2(3</s/tmp>, \"a\", 4</s/queue/0a>, \"b\", RENAME_NOREPLACE) = 0\n",
            "10 +++ exited with 0 +++\n",
        ));
        let names: Vec<_> =
            trace.calls().iter().map(|call| (call.name.as_str(), call.begun, call.ended)).collect();
        assert_eq!(names, [("fsync", 0, 2), ("write", 1, 1), ("renameat2", 3, 3)]);
        assert_eq!(trace.calls()[0].descriptor_path().as_deref(), Some("/s/tmp/a"));
        assert_eq!(trace.calls()[0].result, 0);
        assert_eq!(trace.calls()[1].text(), "250 ok\\r\\n");
        assert_eq!(trace.calls()[2].last_path().as_deref(), Some("/s/queue/0a/b"));
    }

    #[test]
    fn calls_are_counted_by_program() {
        let trace = Trace::parse(concat!(
            "10 execve(\"/bin/baton\", ...) = 0\n",
            "10 clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 11\n",
            "11 read(1, \"\", 9) = 0\n",
            "11 vfork( <unfinished ...>\n",
            "12 execve(\"/bin/scache\", ...) = -1 ENOENT (No such file or directory)\n",
            "12 execve(\"/usr/bin/scache\", ...) = 0\n",
            "11 <... vfork resumed>) = 12\n",
            "12 read(1, \"\", 9) = 0\n",
            "12 read(1, \"\", 9) = 0\n",
        ));
        let counts = trace.by_program("baton");
        assert_eq!(counts["baton"]["read"], 1);
        assert_eq!(counts["scache"]["read"], 2);
        assert_eq!(counts["baton"]["clone3"], 1);
    }
}
