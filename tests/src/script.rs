//! A server that follows a written dialogue, line by line.
//!
//! `<` is what the server says, `>` what the client must send; `> ...` takes lines up to the final dot;
//! `~ close`, `~ reset` and `~ silence` end the connection so or leave the client waiting. Lines that begin with none
//! of these are comments. `>` matches a whole line, or its beginning when it ends in `*`.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// The longest a script waits for its client.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running script.
#[derive(Debug)]
pub struct Script {
    address: SocketAddr,
    thread: JoinHandle<Result<(), String>>,
}

impl Script {
    /// Plays one dialogue for each connection, in order, and then refuses more.
    pub fn start(dialogues: &[&str]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let dialogues: Vec<Vec<Line>> = dialogues.iter().map(|text| parse(text)).collect();
        let thread = std::thread::spawn(move || {
            for (number, dialogue) in dialogues.iter().enumerate() {
                let (stream, _) = listener.accept().map_err(|error| error.to_string())?;
                play(stream, dialogue).map_err(|reason| format!("connection {}: {reason}", number + 1))?;
            }
            Ok(())
        });
        Self { address, thread }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the end; an error says where the client left the script.
    pub fn finish(self) -> Result<(), String> {
        let done = crate::wait::until(PATIENCE, || self.thread.is_finished().then_some(()));
        if done.is_none() {
            return Err("the script was not played to its end".into());
        }
        self.thread.join().unwrap_or_else(|_| Err("the script's thread failed".into()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Say(String),
    Expect(String),
    ExpectContent,
    Close,
    Reset,
    Silence,
}

fn parse(text: &str) -> Vec<Line> {
    text.lines()
        .filter_map(|line| {
            let (mark, rest) = line.trim().split_at_checked(1)?;
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            Some(match (mark, rest) {
                ("<", _) => Line::Say(rest.to_owned()),
                (">", "...") => Line::ExpectContent,
                (">", _) => Line::Expect(rest.to_owned()),
                ("~", "close") => Line::Close,
                ("~", "reset") => Line::Reset,
                ("~", "silence") => Line::Silence,
                ("~", other) => panic!("a script does not know ~ {other}"),
                _ => return None,
            })
        })
        .collect()
}

fn play(stream: TcpStream, dialogue: &[Line]) -> Result<(), String> {
    stream
        .set_nodelay(true)
        .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
        .map_err(|e| e.to_string())?;
    let mut stream = BufReader::new(stream);
    for line in dialogue {
        match line {
            Line::Say(text) => {
                let said = stream.get_mut().write_all(format!("{text}\r\n").as_bytes());
                said.map_err(|error| format!("while saying {text:?}: {error}"))?;
            }
            Line::Expect(wanted) => expect(&mut stream, wanted)?,
            Line::ExpectContent => while heard(&mut stream, "the content")? != "." {},
            Line::Close => return Ok(()),
            Line::Reset => {
                let linger = rustix::net::sockopt::set_socket_linger(stream.get_ref(), Some(Duration::ZERO));
                return linger.map_err(|error| error.to_string());
            }
            Line::Silence => {
                let mut rest = Vec::new();
                let _ = std::io::Read::read_to_end(&mut stream, &mut rest);
                return Ok(());
            }
        }
    }
    Ok(())
}

fn expect(stream: &mut BufReader<TcpStream>, wanted: &str) -> Result<(), String> {
    let line = heard(stream, wanted)?;
    let matches = match wanted.strip_suffix('*') {
        Some(beginning) => line.starts_with(beginning),
        None => line == wanted,
    };
    if matches { Ok(()) } else { Err(format!("expected {wanted:?}, heard {line:?}")) }
}

fn heard(stream: &mut BufReader<TcpStream>, wanted: &str) -> Result<String, String> {
    let mut line = String::new();
    match stream.read_line(&mut line) {
        Ok(0) => Err(format!("expected {wanted:?}, the client closed")),
        Ok(_) => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => Err(format!("expected {wanted:?}: {error}")),
    }
}
