//! LMTP under a real Postfix: a server that answers for one recipient after the other, and an agent that dies between.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use testkit::postfix::Postfix;
use testkit::process::Process;
use testkit::{Sandbox, programs};

/// One session; every RCPT is told of. After the final dot the second reply waits until it is let go, or never comes.
fn session(stream: UnixStream, told: &Sender<String>, go: &Receiver<()>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let mut out = stream;
    out.write_all(b"220 store LMTP\r\n").ok()?;
    let mut recipients = 0;
    while let Some(Ok(line)) = lines.next() {
        let reply = match line.split([' ', ':']).next()? {
            "LHLO" => "250-store\r\n250 PIPELINING\r\n",
            "RCPT" => {
                told.send(line.clone()).ok()?;
                recipients += 1;
                "250 2.1.5 ok\r\n"
            }
            "DATA" => {
                out.write_all(b"354 go on\r\n").ok()?;
                while lines.next()?.ok()? != "." {}
                out.write_all(b"250 2.0.0 first\r\n").ok()?;
                for _ in 1..recipients {
                    go.recv().ok()?;
                    out.write_all(b"250 2.0.0 next\r\n").ok()?;
                }
                continue;
            }
            "QUIT" => "221 2.0.0 bye\r\n",
            _ => "250 2.0.0 ok\r\n",
        };
        out.write_all(reply.as_bytes()).ok()?;
    }
    Some(())
}

#[test]
fn whoever_has_the_message_is_known_before_the_server_answers_for_the_next() {
    let sandbox = Sandbox::new("pfl");
    let program = sandbox.join("baton-lmtp");
    std::os::unix::fs::symlink(programs::ours("baton-smtp"), &program).unwrap();
    let socket = sandbox.join("store");
    let listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o666)).unwrap();
    let (told, asked) = channel();
    let (go, wait) = channel();
    let server = std::thread::spawn(move || {
        for stream in listener.incoming().take(2).flatten() {
            session(stream, &told, &wait);
        }
    });
    let postfix = Postfix::in_sandbox(&sandbox)
        .option("transport_maps", format!("inline:{{ {{ box.test = box:unix:{} }} }}", socket.display()))
        .option("transport_retry_time", "1s")
        .option("queue_run_delay", "1s")
        .option("minimal_backoff_time", "1s")
        // It has not done a delivery when it dies.
        .option("service_throttle_time", "1s")
        .line(&format!("box unix - - n - - ../../../..{}", program.display()))
        .start();
    postfix.submit(&[], "sender@client.test", &["a@box.test", "b@box.test"], "x\n");
    let line = postfix.expect_line(&["to=<a@box.test>", "status=sent", "first"]);
    // The agent waits for the second reply, and dies.
    let pid = line.split_once("postfix/lmtp[").unwrap().1.split_once(']').unwrap().0.parse().unwrap();
    Process::find(pid).unwrap().signal(rustix::process::Signal::KILL);
    go.send(()).unwrap();
    postfix.expect_line(&["to=<b@box.test>", "status=sent"]);
    postfix.expect_line(&["removed"]);
    postfix.stop();
    server.join().unwrap();
    let asked: Vec<String> = asked.iter().collect();
    assert_eq!(asked, ["RCPT TO:<a@box.test>", "RCPT TO:<b@box.test>", "RCPT TO:<b@box.test>"]);
}
