//! The relay's side: who may ask (its own user and root), and one task per command that does.

use super::socket_path;
use proto::channel::{AsyncChannel, Channel, ChannelError};
use proto::control::{FromRelay, ToRelay};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};

/// A question, and where its answer goes.
pub type Asked = (ToRelay, oneshot::Sender<FromRelay>);

/// The control socket could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The run directory cannot be used.
    #[error("cannot use the run directory {0}: {1}; baton_run_directory sets another one")]
    Directory(PathBuf, io::Error),
    /// Somebody answers on the socket.
    #[error("another relay runs here: {0} answers")]
    InUse(PathBuf),
    /// The socket cannot be made.
    #[error("cannot listen on {0}: {1}")]
    Listen(PathBuf, io::Error),
}

/// The socket, with a name but deaf: whoever connects is refused.
#[derive(Debug)]
pub struct Bound {
    socket: OwnedFd,
    name: Name,
}

/// The socket.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    name: Name,
}

/// The socket's file; it goes with this value.
#[derive(Debug)]
struct Name(PathBuf);

impl Listener {
    /// Binds `control` in the run directory, which is made if it is not there. The socket of a relay that is
    /// gone is replaced.
    ///
    /// # Errors
    /// [`ControlError`].
    pub fn bind(run_directory: &Path) -> Result<Bound, ControlError> {
        let unusable = |error| ControlError::Directory(run_directory.to_owned(), error);
        std::fs::create_dir_all(run_directory).map_err(unusable)?;
        let path = socket_path(run_directory);
        if path.exists() {
            if connect(&path).is_ok() {
                return Err(ControlError::InUse(path));
            }
            std::fs::remove_file(&path).map_err(unusable)?;
        }
        let failed = |error| ControlError::Listen(path.clone(), error);
        let socket = bind(&path).map_err(failed)?;
        let name = Name(path.clone());
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).map_err(failed)?;
        Ok(Bound { socket, name })
    }

    /// Serves commands for ever; each question goes to `asked`.
    pub async fn serve(self, asked: mpsc::UnboundedSender<Asked>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    if let Some(channel) = admit(stream) {
                        tokio::task::spawn_local(converse(channel, asked.clone()));
                    }
                }
                Err(error) => {
                    tracing::warn!("cannot accept on {}: {error}", self.name.0.display());
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            }
        }
    }
}

impl Bound {
    /// From now on connections wait to be accepted: the sign that the relay is up.
    ///
    /// # Errors
    /// [`ControlError::Listen`].
    pub fn listen(self) -> Result<Listener, ControlError> {
        let Self { socket, name } = self;
        let failed = |error| ControlError::Listen(name.0.clone(), error);
        rustix::net::listen(&socket, 64).map_err(|error| failed(error.into()))?;
        let listener = UnixListener::from_std(StdListener::from(socket)).map_err(failed)?;
        Ok(Listener { listener, name })
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _already_gone = std::fs::remove_file(&self.0);
    }
}

/// A connected end, as [`Channel`].
pub(super) fn connect(path: &Path) -> io::Result<Channel> {
    let socket = packets(SocketFlags::CLOEXEC)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(Channel::from(socket))
}

fn bind(path: &Path) -> io::Result<OwnedFd> {
    let socket = packets(SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn packets(flags: SocketFlags) -> io::Result<OwnedFd> {
    Ok(rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Root and the relay's own user may ask; others are hung up on.
fn admit(stream: tokio::net::UnixStream) -> Option<AsyncChannel> {
    let peer = stream.peer_cred().ok()?.uid();
    if peer != 0 && peer != rustix::process::geteuid().as_raw() {
        tracing::warn!("user {peer} may not use the control socket");
        return None;
    }
    Channel::from(OwnedFd::from(stream.into_std().ok()?)).into_async().ok()
}

async fn converse(mut channel: AsyncChannel, asked: mpsc::UnboundedSender<Asked>) {
    if let Err(error) = answer_all(&mut channel, &asked).await
        && !matches!(error, ChannelError::Closed)
    {
        tracing::warn!("control socket: {error}");
    }
}

async fn answer_all(
    channel: &mut AsyncChannel,
    asked: &mpsc::UnboundedSender<Asked>,
) -> Result<(), ChannelError> {
    loop {
        let (question, _) = channel.receive::<ToRelay>().await?;
        let answer = match question {
            ToRelay::Hello { .. } => FromRelay::Hello { version: proto::VERSION },
            question => {
                let (sender, answer) = oneshot::channel();
                asked.send((question, sender)).map_err(|_| ChannelError::Closed)?;
                answer.await.map_err(|_| ChannelError::Closed)?
            }
        };
        channel.send(&answer, &[]).await?;
    }
}
