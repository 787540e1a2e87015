//! Channel binding: proof that both ends of a login see the same TLS channel. RFC 5056, RFC 5929, RFC 9266.

use std::fmt;
use zeroize::Zeroizing;

/// What TLS tells about a channel, for the mechanisms whose name ends in `-PLUS`.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelBinding {
    kind: &'static str,
    data: Zeroizing<Vec<u8>>,
}

/// What a client says of channel binding at the beginning of its first message: the `gs2-cbind-flag` of RFC 5801 §4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gs2 {
    /// `n`: it has none.
    Without,
    /// `y`: it has, and thinks that the server has not. Where somebody in the middle took the offer away, the server
    /// sees it by this.
    NotOffered,
    /// `p`: it is used.
    Bound(ChannelBinding),
}

impl ChannelBinding {
    /// `tls-exporter`, RFC 9266: 32 octets exported under the label `EXPORTER-Channel-Binding` with an empty
    /// context. For TLS 1.3, and for TLS 1.2 with the extended master secret.
    #[must_use]
    pub fn tls_exporter(exported: &[u8; 32]) -> Self {
        Self { kind: "tls-exporter", data: Zeroizing::new(exported.to_vec()) }
    }

    /// `tls-server-end-point`, RFC 5929 §4: the hash of the server's certificate, with the hash function of its
    /// signature, or SHA-256 where that is MD5 or SHA-1.
    #[must_use]
    pub fn tls_server_end_point(certificate_hash: &[u8]) -> Self {
        Self { kind: "tls-server-end-point", data: Zeroizing::new(certificate_hash.to_vec()) }
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelBinding({}, ***)", self.kind)
    }
}

impl Gs2 {
    /// The flag, as it stands before the first comma.
    pub(crate) fn flag(&self) -> String {
        match self {
            Self::Without => "n".to_owned(),
            Self::NotOffered => "y".to_owned(),
            Self::Bound(binding) => format!("p={}", binding.kind),
        }
    }

    /// What follows the header in the attribute `c`. RFC 5802 §7 `cbind-input`.
    pub(crate) fn data(&self) -> &[u8] {
        match self {
            Self::Without | Self::NotOffered => &[],
            Self::Bound(binding) => &binding.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_those_of_rfc_5801() {
        assert_eq!(Gs2::Without.flag(), "n");
        assert_eq!(Gs2::NotOffered.flag(), "y");
        assert_eq!(Gs2::Bound(ChannelBinding::tls_exporter(&[7; 32])).flag(), "p=tls-exporter");
        let end_point = Gs2::Bound(ChannelBinding::tls_server_end_point(b"hash"));
        assert_eq!((end_point.flag().as_str(), end_point.data()), ("p=tls-server-end-point", &b"hash"[..]));
    }

    #[test]
    fn what_was_exported_is_not_shown() {
        let shown = format!("{:?}", Gs2::Bound(ChannelBinding::tls_exporter(&[77; 32])));
        assert_eq!(shown, "Bound(ChannelBinding(tls-exporter, ***))");
    }
}
