//! From a finished handshake to a state of our own: the keys leave rustls, and are proven to be those of the session.

use super::HandshakeError;
use super::capture::Capture;
use crate::records::{Half, Secret, Suite, TlsState};
use rustls::client::UnbufferedClientConnection;
use rustls::{ConnectionTrafficSecrets, ExtractedSecrets, ProtocolVersion};

/// Takes the session out of rustls.
pub(super) fn detach(
    connection: UnbufferedClientConnection,
    capture: &Capture,
) -> Result<TlsState, HandshakeError> {
    let number = connection.negotiated_cipher_suite().map_or(0, |suite| suite.suite().into());
    let suite = Suite::find(number).ok_or(HandshakeError::UnsupportedState("cipher suite"))?;
    let is_tls13 = connection.protocol_version() == Some(ProtocolVersion::TLSv1_3);
    let (extracted, _) = connection.dangerous_into_kernel_connection()?;
    let ExtractedSecrets { tx: (sent, send), rx: (received, receive) } = extracted;
    let (send, receive) = if is_tls13 {
        let told = capture.take();
        (proven(&suite, told.client, &send)?, proven(&suite, told.server, &receive)?)
    } else {
        (key_and_iv(&send)?, key_and_iv(&receive)?)
    };
    Ok(TlsState::new(number, Half { seq: sent, secret: send }, Half { seq: received, secret: receive }))
}

/// The traffic secret, if the key in use is the one that follows from it. It would not be if keys were renewed inside of
/// rustls; a session with the wrong generation would seal what nobody can read.
fn proven(
    suite: &Suite,
    secret: Option<Secret>,
    in_use: &ConnectionTrafficSecrets,
) -> Result<Secret, HandshakeError> {
    let secret = secret.ok_or(HandshakeError::UnsupportedState("no traffic secret"))?;
    let (key, iv) = suite.keys(&secret).ok_or(HandshakeError::GenerationMismatch)?;
    let (used_key, used_iv) = parts(in_use)?;
    if key.octets() == used_key && iv == used_iv {
        Ok(secret)
    } else {
        Err(HandshakeError::GenerationMismatch)
    }
}

/// TLS 1.2 has no secret above the key that would be worth carrying.
fn key_and_iv(in_use: &ConnectionTrafficSecrets) -> Result<Secret, HandshakeError> {
    let (key, iv) = parts(in_use)?;
    Secret::of(&[key, iv]).ok_or(HandshakeError::UnsupportedState("key length"))
}

fn parts(secrets: &ConnectionTrafficSecrets) -> Result<(&[u8], &[u8]), HandshakeError> {
    match secrets {
        ConnectionTrafficSecrets::Aes128Gcm { key, iv }
        | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
        | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => Ok((key.as_ref(), iv.as_ref())),
        _ => Err(HandshakeError::UnsupportedState("algorithm")),
    }
}
