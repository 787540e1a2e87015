//! `-bs`: standard input and output become a connection to the listener, octet by octet.
//!
//! Nothing is mended on the way: a line end that the listener would not take from the network it does not take from here
//! either, so that a message's text cannot pass for commands.

use super::Failure;
use intake::SysExit;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// Until the listener closes. Without one the client hears 421.
pub(super) fn pass_through(address: Result<SocketAddr, Failure>) -> Result<(), Failure> {
    let connected = address.and_then(|address| {
        let failed =
            |error| Failure::new(SysExit::TempFail, format!("no relay listens on {address}: {error}"));
        TcpStream::connect(address).map_err(failed)
    });
    match connected {
        Ok(stream) => Ok(converse(&stream)?),
        Err(failure) => {
            let _nobody_reads = write!(std::io::stdout(), "421 4.3.0 {}\r\n", failure.text);
            Err(failure)
        }
    }
}

fn converse(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut commands = stream.try_clone()?;
    // Left behind when the listener closes first.
    std::thread::spawn(move || {
        let _listener_gone = copy(&mut std::io::stdin().lock(), &mut commands);
        let _listener_gone = commands.shutdown(Shutdown::Write);
    });
    copy(&mut &*stream, &mut std::io::stdout().lock())
}

/// As it comes, without waiting for more.
fn copy(from: &mut impl Read, to: &mut impl Write) -> std::io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(buffer.get(..count).unwrap_or_default())?;
                to.flush()?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
