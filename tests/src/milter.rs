//! A mail filter that does to every message what the test says. Sendmail's milter protocol, version 6, as far as that needs it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// What is done to a message when it is complete.
#[derive(Debug, Clone)]
pub enum Edit {
    /// A header at the end.
    Add(&'static str, &'static str),
    /// A header at the beginning.
    Insert(&'static str, &'static str),
    /// The first header of this name; an empty text removes it.
    Change(&'static str, &'static str),
    /// The whole body.
    Body(Vec<u8>),
    /// One more recipient.
    Recipient(&'static str),
}

/// The largest piece of a body in one packet.
const PIECE: usize = 65_535;
/// All that a filter may do by way of `Edit`: add headers, change the body, add recipients, change headers.
const ACTIONS: u32 = 0x1 | 0x2 | 0x4 | 0x10;
const VERSION: u32 = 6;

/// Starts a filter; it ends with the test's process.
pub fn start(edits: Vec<Edit>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let edits = edits.clone();
            thread::spawn(move || serve(stream, &edits));
        }
    });
    address
}

/// Until the other side leaves.
fn serve(mut stream: TcpStream, edits: &[Edit]) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut packet = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut packet)?;
        match packet.first() {
            // What it offers is not of interest; all stages are wanted.
            Some(b'O') => send(&mut stream, b'O', &[VERSION, ACTIONS, 0].map(u32::to_be_bytes).concat())?,
            // Macros, the end of a message or connection that is given up.
            Some(b'D' | b'A' | b'K') => {}
            Some(b'Q') | None => return Ok(()),
            Some(b'E') => {
                for edit in edits {
                    apply(&mut stream, edit)?;
                }
                send(&mut stream, b'c', b"")?;
            }
            Some(_) => send(&mut stream, b'c', b"")?,
        }
    }
}

fn apply(stream: &mut TcpStream, edit: &Edit) -> io::Result<()> {
    match edit {
        Edit::Add(name, text) => send(stream, b'h', format!("{name}\0{text}\0").as_bytes()),
        Edit::Insert(name, text) => send(stream, b'i', &numbered(0, name, text)),
        Edit::Change(name, text) => send(stream, b'm', &numbered(1, name, text)),
        Edit::Body(body) => body.chunks(PIECE).try_for_each(|piece| send(stream, b'b', piece)),
        Edit::Recipient(address) => send(stream, b'+', format!("<{address}>\0").as_bytes()),
    }
}

fn numbered(index: u32, name: &str, text: &str) -> Vec<u8> {
    [&index.to_be_bytes()[..], name.as_bytes(), b"\0", text.as_bytes(), b"\0"].concat()
}

fn send(stream: &mut TcpStream, command: u8, data: &[u8]) -> io::Result<()> {
    let length = u32::try_from(data.len() + 1).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], &[command], data].concat())
}
