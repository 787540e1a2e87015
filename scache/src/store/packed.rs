//! The texts and bytes of one session in a single allocation.

use proto::parked::Label;

/// Label, farewell and sealed state behind one another. Thousands of these lie idle: what counts is their size.
#[derive(Debug)]
pub(super) struct Packed {
    bytes: Box<[u8]>,
    /// Where service, next hop, relay and farewell end; the sealed state is the rest.
    ends: [u16; 4],
}

impl Packed {
    /// Copies the parts. They came in one packet of at most 64 KiB with something around them, so
    /// every end fits.
    pub(super) fn new(label: &Label, farewell: &[u8], sealed: &[u8]) -> Self {
        let Label { service, nexthop, relay } = label;
        let parts = [service.as_bytes(), nexthop.as_bytes(), relay.as_bytes(), farewell, sealed];
        let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        let mut ends = [0; 4];
        for (index, part) in parts.into_iter().enumerate() {
            bytes.extend_from_slice(part);
            if let Some(end) = ends.get_mut(index) {
                *end = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
            }
        }
        Self { bytes: bytes.into_boxed_slice(), ends }
    }

    pub(super) fn nexthop(&self) -> &[u8] {
        let [service, nexthop, ..] = self.ends;
        self.part(service, nexthop)
    }

    pub(super) fn farewell(&self) -> &[u8] {
        let [_, _, relay, farewell] = self.ends;
        self.part(relay, farewell)
    }

    pub(super) fn sealed(&self) -> &[u8] {
        let [.., farewell] = self.ends;
        self.bytes.get(usize::from(farewell)..).unwrap_or_default()
    }

    pub(super) fn label(&self) -> Label {
        let [service, nexthop, relay, _] = self.ends;
        let text = |from, to| String::from_utf8_lossy(self.part(from, to)).into_owned();
        Label { service: text(0, service), nexthop: text(service, nexthop), relay: text(nexthop, relay) }
    }

    fn part(&self, from: u16, to: u16) -> &[u8] {
        self.bytes.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }
}
