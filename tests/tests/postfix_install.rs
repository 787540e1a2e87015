//! `baton-postfix-install`: a private Postfix is moved to our programs and back, and what is refused, and why.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use testkit::postfix::{Postfix, complaints};
use testkit::process::Process;
use testkit::sink::{Dialect, Settings, Sink};
use testkit::site::{self, SITES, Site};
use testkit::{Sandbox, programs, wait};

/// Our delivery agent alone in a folder, as `--programs` wants it.
fn agent_only(sandbox: &Sandbox) -> PathBuf {
    let folder = sandbox.folder("libexec");
    symlink(programs::ours("baton-smtp"), folder.join("baton-smtp")).unwrap();
    folder
}

fn install(programs: &Path, configuration: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(programs::ours("baton-postfix-install"));
    command.arg("-c").arg(configuration).arg("--programs").arg(programs).args(words);
    command.output().unwrap()
}

/// What it said, and how it ended.
fn said(output: &Output) -> (String, Option<i32>) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (String::from_utf8_lossy(&text).into_owned(), output.status.code())
}

#[track_caller]
fn done(output: &Output) -> String {
    let (text, code) = said(output);
    assert_eq!(code, Some(0), "{text}");
    text
}

#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let (text, ended) = said(output);
    assert_eq!(ended, Some(code), "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} in {text}");
}

/// One message by each of the transports; the processes that delivered them, which wait for more.
fn deliver(postfix: &Postfix, round: &str) -> Vec<Process> {
    let by = |(transport, program): (&str, &str)| {
        let recipient = format!("{round}@{transport}.test");
        postfix.submit(&[], "sender@client.test", &[&recipient], "Subject: x\n\nx\n");
        let line = postfix.expect_line(&[&format!("to=<{recipient}>"), "status="]);
        assert!(line.contains("status=sent"), "{line}");
        let (_, tagged) = line.split_once(&format!(" postfix/{program}[")).expect(&line);
        let (pid, _) = tagged.split_once(']').expect(&line);
        Process::find(pid.parse().unwrap()).expect("it waits for more")
    };
    [("smtp", "smtp"), ("jailed", "smtp"), ("lmtp", "lmtp")].map(by).to_vec()
}

/// After it nothing of the old configuration delivers.
fn reload(postfix: &Postfix, agents: &[Process]) {
    postfix.reload();
    for agent in agents {
        assert!(agent.wait_gone(wait::PATIENCE), "{} outlived the reload", agent.name);
    }
}

fn names(agents: &[Process]) -> Vec<&str> {
    agents.iter().map(|agent| agent.name.as_str()).collect()
}

#[test]
fn a_running_postfix_delivers_with_ours_after_apply_and_with_its_own_after_undo() {
    let sandbox = Sandbox::new("pfi");
    let programs = agent_only(&sandbox);
    let sink = Sink::start(Settings::smtp());
    let store = Sink::start(Settings { dialect: Dialect::Lmtp, ..Settings::smtp() });
    let next = sink.nexthop();
    let routes = format!(
        "inline:{{ {{ smtp.test = smtp:{next} }}, {{ jailed.test = jailed:{next} }}, {{ lmtp.test = lmtp:inet:{} }} }}",
        store.nexthop()
    );
    let postfix = Postfix::in_sandbox(&sandbox)
        .option("transport_maps", routes)
        .option("smtp_host_lookup", "native")
        .line("jailed unix - - y - - smtp")
        .line("  # with a comment in between\n  -o syslog_name=postfix")
        .line("lmtp unix - - n - 1 lmtp flags=DR")
        .start();
    let etc = postfix.configuration();
    let master_cf = etc.join("master.cf");
    fs::set_permissions(&master_cf, Permissions::from_mode(0o640)).unwrap();
    let stock = fs::read(&master_cf).unwrap();
    let agents = deliver(&postfix, "one");
    assert_eq!(names(&agents), ["smtp", "smtp", "lmtp"]);

    let shown = done(&install(&programs, etc, &[]));
    assert!(shown.contains("\n-jailed unix - - y - - smtp\n+jailed unix - - y - - ../"), "{shown}");
    assert!(shown.contains("nothing was changed"), "{shown}");
    assert_eq!(fs::read(&master_cf).unwrap(), stock);

    let applied = done(&install(&programs, etc, &["--apply"]));
    assert!(applied.contains(&format!("postfix -c {} reload", etc.display())), "{applied}");
    let about = master_cf.metadata().unwrap();
    assert_eq!((about.mode() & 0o7777, about.uid()), (0o640, 0));
    assert_eq!(fs::read(etc.join("master.cf.before-baton")).unwrap(), stock);
    reload(&postfix, &agents);
    let agents = deliver(&postfix, "two");
    assert_eq!(names(&agents), ["baton-smtp", "baton-smtp", "baton-lmtp"]);

    done(&install(&programs, etc, &["--undo"]));
    assert_eq!(fs::read(&master_cf).unwrap(), stock);
    assert_eq!(master_cf.metadata().unwrap().mode() & 0o7777, 0o640);
    reload(&postfix, &agents);
    assert_eq!(names(&deliver(&postfix, "three")), ["smtp", "smtp", "lmtp"]);

    let left: Vec<_> = fs::read_dir(etc).unwrap().flatten().map(|file| file.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("baton")), "{left:?}");
    assert_eq!((sink.messages().len(), store.messages().len()), (6, 3));
    assert_eq!(complaints(&postfix.log_from(0)), Vec::<String>::new());
    postfix.stop();
}

/// A site's configuration in a folder of its own, with the tables that must be there.
fn configuration(sandbox: &Sandbox, name: &str) -> PathBuf {
    let folder = sandbox.folder(name);
    let site = Site::named(name);
    let tables = sandbox.folder("etc").display().to_string();
    fs::write(folder.join("main.cf"), site.text().replace("/etc/postfix", &tables)).unwrap();
    fs::write(folder.join("master.cf"), site.services()).unwrap();
    for table in ["generic", "tls_policy"] {
        site::hash(sandbox, table, "");
    }
    let others = ["generic.pcre", "cached_destinations", "mailname"];
    for (table, text) in others.into_iter().zip(["", "freemail.test\n", "uni.test\n"]) {
        sandbox.write(&format!("etc/{table}"), text);
    }
    folder
}

#[test]
fn the_three_sites_are_converted_once_and_come_back_octet_for_octet() {
    let sandbox = Sandbox::new("pfi");
    let programs = agent_only(&sandbox);
    // Only its place in master.cf matters here.
    symlink(programs.join("baton-smtp"), programs.join("baton-scache")).unwrap();
    for name in SITES {
        let etc = configuration(&sandbox, name);
        let read = || fs::read_to_string(etc.join("master.cf")).unwrap();
        let stock = read();
        let ours = |text: &str| text.lines().filter(|line| line.contains("/baton-")).count();
        let theirs = stock.lines().filter(|line| line.contains(" smtp") && !line.ends_with("smtpd"));
        let expected = theirs.count() + stock.lines().filter(|line| line.ends_with(" lmtp")).count() + 1;

        done(&install(&programs, &etc, &["--apply"]));
        let applied = read();
        assert_eq!(ours(&applied), expected, "{name}: {applied}");
        assert_eq!(applied.matches("-o connection_cache_service_name=bscache").count(), expected - 1);
        let again = done(&install(&programs, &etc, &["--apply"]));
        assert!(again.contains("nothing to do"), "{again}");
        assert_eq!(read(), applied);

        done(&install(&programs, &etc, &["--undo"]));
        assert_eq!(read(), stock, "{name}");
        let again = done(&install(&programs, &etc, &["--undo"]));
        assert!(again.contains("nothing to undo"), "{again}");
    }
}

#[test]
fn a_program_that_comes_later_or_moves_is_put_in_by_applying_again() {
    let sandbox = Sandbox::new("pfi");
    let (first, etc) = (agent_only(&sandbox), configuration(&sandbox, "isp-relay"));
    let read = || fs::read_to_string(etc.join("master.cf")).unwrap();
    let stock = read();
    let shown = done(&install(&first, &etc, &["--apply"]));
    assert!(shown.contains("no baton-scache") && !read().contains("bscache"), "{shown}");

    let second = sandbox.folder("moved");
    for name in ["baton-smtp", "baton-scache"] {
        symlink(programs::ours("baton-smtp"), second.join(name)).unwrap();
    }
    // What was edited elsewhere in the meantime stays, through both.
    let edit = |text: String| format!("# mine\n{text}");
    fs::write(etc.join("master.cf"), edit(read())).unwrap();
    done(&install(&second, &etc, &["--apply"]));
    assert!(!read().contains("/libexec/") && read().contains("\nbscache "), "{}", read());
    done(&install(&second, &etc, &["--undo"]));
    assert_eq!(read(), edit(stock));
}

#[test]
fn what_somebody_changed_in_a_line_of_ours_stays_and_only_what_was_put_in_goes() {
    let sandbox = Sandbox::new("pfi");
    let (programs, etc) = (agent_only(&sandbox), configuration(&sandbox, "newsletter"));
    let path = etc.join("master.cf");
    let stock = fs::read_to_string(&path).unwrap();
    let edit = |text: &str| text.replace("smtp_connect_timeout=5", "smtp_connect_timeout=6 -v");
    done(&install(&programs, &etc, &["--apply"]));
    let edited = edit(&fs::read_to_string(&path).unwrap());
    fs::write(&path, &edited).unwrap();
    let shown = done(&install(&programs, &etc, &["--undo", "--show"]));
    assert!(shown.contains("note: line 11, service slow: "), "{shown}");
    assert_eq!(fs::read_to_string(&path).unwrap(), edited);
    done(&install(&programs, &etc, &["--undo"]));
    assert_eq!(fs::read_to_string(&path).unwrap(), edit(&stock));
}

#[test]
fn without_what_was_kept_ours_go_by_their_names_and_a_cache_named_by_hand_is_asked_about() {
    let sandbox = Sandbox::new("pfi");
    let programs = sandbox.folder("libexec");
    for name in ["baton-smtp", "baton-scache"] {
        symlink(programs::ours("baton-smtp"), programs.join(name)).unwrap();
    }
    let etc = configuration(&sandbox, "newsletter");
    let path = etc.join("master.cf");
    let stock = fs::read_to_string(&path).unwrap();
    done(&install(&programs, &etc, &["--apply"]));
    let applied = fs::read_to_string(&path).unwrap();
    for kept in ["master.cf.before-baton", "master.cf.with-baton"] {
        fs::remove_file(etc.join(kept)).unwrap();
    }
    let again = done(&install(&programs, &etc, &["--apply"]));
    assert!(again.contains("nothing to do: installed already"), "{again}");
    done(&install(&programs, &etc, &["--undo"]));
    assert_eq!(fs::read_to_string(&path).unwrap(), stock);

    let by_hand = applied.replacen(
        "-o connection_cache_service_name=bscache",
        "-v -o connection_cache_service_name=bscache",
        1,
    );
    fs::write(&path, &by_hand).unwrap();
    for words in ["--undo", "--apply"] {
        refused(&install(&programs, &etc, &[words]), 65, &["line 8", "service smtp", "Nothing was changed"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), by_hand);
    }
}

#[test]
fn what_our_programs_do_not_do_is_refused_by_name_and_nothing_changes() {
    let sandbox = Sandbox::new("pfi");
    let programs = agent_only(&sandbox);
    let cases = [
        ("isp-relay", "smtp_generic_maps = mysql:/etc/x\n", "", "smtp_generic_maps"),
        ("newsletter", "enable_idna2003_compatibility = yes\n", "", "enable_idna2003_compatibility"),
        ("lmtp-hub", "lmtp_tls_loglevel = 9x\n", "", "lmtp_tls_loglevel"),
        ("newsletter", "smtp_fallback_relay = x\nsmtp_generic_maps = hash:/nowhere/x\n", "", "/nowhere/x.db"),
        ("lmtp-hub", "", "far unix - - y - - smtp -o smtp_sasl_auth_enable=yes\n", "far (line 12)"),
        ("newsletter", "", "far unix - - y - - smtp -o\n  smtp_connect_timeout=soon\n", "far (line 12)"),
        ("isp-relay", "", "far inet - - y - - smtp\n", "far (line 11)"),
        ("isp-relay", "", "far unix - - y - - lmtp user=me\n", "\"user=me\""),
        ("isp-relay", "", "far unix - - y - - smtp -o connection_cache_service_name=scache\n", "line 11"),
    ];
    for (name, parameters, line, word) in cases {
        let etc = configuration(&sandbox, name);
        let append = |file: &str, text: &str| {
            let old = fs::read_to_string(etc.join(file)).unwrap();
            let new = format!("{old}{text}");
            fs::write(etc.join(file), &new).unwrap();
            new
        };
        append("main.cf", parameters);
        let master_cf = append("master.cf", line);
        refused(&install(&programs, &etc, &["--apply"]), 78, &[word]);
        assert_eq!(fs::read_to_string(etc.join("master.cf")).unwrap(), master_cf);
        assert!(!etc.join("master.cf.before-baton").exists());
    }
}

#[test]
fn what_would_be_ignored_is_a_warning_and_what_the_queue_manager_does_is_none() {
    let sandbox = Sandbox::new("pfi");
    let (programs, etc) = (agent_only(&sandbox), configuration(&sandbox, "isp-relay"));
    let shown = done(&install(&programs, &etc, &[]));
    let warning = |name: &str| shown.lines().any(|line| line.starts_with("warning: ") && line.contains(name));
    assert!(warning("smtp_tls_session_cache_database") && !warning("queue_run_delay"), "{shown}");
}

#[test]
fn a_postfix_that_nobody_knows_and_programs_that_are_missing_are_refused() {
    let sandbox = Sandbox::new("pfi");
    let (programs, etc) = (agent_only(&sandbox), configuration(&sandbox, "isp-relay"));
    refused(&install(&sandbox.folder("empty"), &etc, &["--apply"]), 69, &["baton-smtp"]);
    let postconf = sandbox.write("newer/postconf", "#!/bin/sh\necho 3.13.1\n");
    fs::set_permissions(&postconf, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(programs::ours("baton-postfix-install"));
    command.env("PATH", format!("{}:/usr/bin:/bin", postconf.parent().unwrap().display()));
    command.arg("-c").arg(&etc).arg("--programs").arg(&programs).arg("--apply");
    refused(&command.output().unwrap(), 69, &["\"3.13.1\" is not known"]);
    refused(&install(&programs, &etc, &["--apply", "--undo"]), 2, &["--undo"]);
}
