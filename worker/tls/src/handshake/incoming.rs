//! What the server sent, given to rustls one record at a time.
//!
//! So rustls never sees a record after the last one of the handshake: a greeting, a ticket or a key update that came along is
//! still ciphertext when the session is detached, and belongs to the record layer.

/// Content type, version, length.
const HEADER: usize = 5;
/// Longer than any record that rustls takes.
const LONGEST: usize = (1 << 14) + 2048;

/// Octets from the server: some that rustls may see, then the others.
#[derive(Default)]
pub(super) struct Incoming {
    octets: Vec<u8>,
    shown: usize,
}

impl Incoming {
    pub(super) fn feed(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }

    /// What rustls may see now.
    pub(super) fn shown(&mut self) -> &mut [u8] {
        self.octets.get_mut(..self.shown).unwrap_or_default()
    }

    /// Whether rustls has something before it that it did not take.
    pub(super) const fn has_shown(&self) -> bool {
        self.shown > 0
    }

    /// rustls is done with so many octets.
    pub(super) fn discard(&mut self, octets: usize) {
        let octets = octets.min(self.shown);
        self.octets.drain(..octets);
        self.shown -= octets;
    }

    /// Shows one more record. False if there is none. What is not TLS is shown as it is, for rustls to complain about.
    pub(super) fn show_record(&mut self) -> bool {
        let hidden = self.octets.get(self.shown..).unwrap_or_default();
        let more = match hidden.first_chunk::<HEADER>() {
            Some(&[20..=24, 3, _, high, low]) => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                if length > LONGEST { hidden.len() } else { HEADER + length }
            }
            Some(_) => hidden.len(),
            None => return false,
        };
        let whole = hidden.len() >= more;
        if whole {
            self.shown += more;
        }
        whole
    }

    /// How much is held.
    pub(super) const fn len(&self) -> usize {
        self.octets.len()
    }

    /// What came after the handshake.
    pub(super) fn leftover(&self) -> &[u8] {
        self.octets.get(self.shown..).unwrap_or_default()
    }
}
