//! The first page of a Berkeley DB file: hash and btree, versions 8 to 10, in either order of octets.

/// How long what is read of the first page is, in octets.
pub(super) const META: usize = 224;

const VERSIONS: std::ops::RangeInclusive<u32> = 8..=10;
/// Kinds of the first page.
const HASH_META: u8 = 8;
const BTREE_META: u8 = 9;
/// What a database was made with that has the usual hash function: the hash of this text, whose NUL counts.
const CHARACTERISTIC: &[u8] = b"%$sniglet^&\0";

/// The type of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Hash,
    Btree,
}

impl Format {
    fn magic(self) -> u32 {
        match self {
            Self::Hash => 0x0006_1561,
            Self::Btree => 0x0005_3162,
        }
    }
}

/// Of the octets of numbers: that of the machine that made the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn short(self, octets: &[u8], at: usize) -> Option<u16> {
        let octets = *octets.get(at..)?.first_chunk()?;
        Some(if self == Self::Little { u16::from_le_bytes(octets) } else { u16::from_be_bytes(octets) })
    }

    pub(super) fn word(self, octets: &[u8], at: usize) -> Option<u32> {
        let octets = *octets.get(at..)?.first_chunk()?;
        Some(if self == Self::Little { u32::from_le_bytes(octets) } else { u32::from_be_bytes(octets) })
    }
}

/// What all pages have in common, and where a search begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) order: Order,
    pub(super) page_size: u32,
    /// The number of the last page.
    pub(super) last: u32,
    pub(super) start: Start,
}

/// Where a search begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Start {
    Buckets(Buckets),
    /// At this page.
    Root(u32),
}

/// Which page a key of a hash table is in, or a chain of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Buckets {
    highest: u32,
    /// How much of a hash counts, and how much where that leads behind the highest bucket.
    high_mask: u32,
    low_mask: u32,
    /// Buckets stand together that were made together, each time as many as there were: what is to be added to a
    /// bucket's number.
    offsets: Vec<u32>,
}

impl Meta {
    /// Reads the first octets of a file. Errors: why it is not one that is understood.
    pub(super) fn read(octets: &[u8], format: Format) -> Result<Self, &'static str> {
        let order = [Order::Little, Order::Big]
            .into_iter()
            .find(|order| order.word(octets, 12) == Some(format.magic()))
            .ok_or("not a database of this type")?;
        let number = |at| order.word(octets, at).ok_or("half a first page");
        if !VERSIONS.contains(&number(16)?) {
            return Err("another version of the format");
        }
        let kind = if format == Format::Hash { HASH_META } else { BTREE_META };
        // Encryption, the page's kind, checksums and parts in other files; then several values of a key, and databases in
        // the database.
        if octets.get(24..27) != Some(&[0, kind, 0]) || number(48)? != 0 {
            return Err("a kind of database that postmap does not make");
        }
        let page_size =
            Some(number(20)?).filter(|size| size.is_power_of_two() && (512..=65536).contains(size));
        let start = match format {
            Format::Hash => Start::Buckets(Buckets::read(octets, order)?),
            Format::Btree => Start::Root(number(88)?),
        };
        Ok(Self { order, page_size: page_size.ok_or("no such size of pages")?, last: number(32)?, start })
    }

    /// How long the file is.
    pub(super) fn length(&self) -> u64 {
        (u64::from(self.last) + 1) * u64::from(self.page_size)
    }
}

impl Buckets {
    fn read(octets: &[u8], order: Order) -> Result<Self, &'static str> {
        let number = |at| order.word(octets, at).ok_or("half a first page");
        if number(92)? != hash(CHARACTERISTIC) {
            return Err("another hash function");
        }
        let offsets = (96..META).step_by(4).map(number).collect::<Result<_, _>>()?;
        Ok(Self { highest: number(72)?, high_mask: number(76)?, low_mask: number(80)?, offsets })
    }

    /// The first page with keys of this hash; `None` if there can be none.
    pub(super) fn page(&self, key: &[u8]) -> Option<u32> {
        let hash = hash(key);
        let bucket = Some(hash & self.high_mask).filter(|bucket| *bucket <= self.highest);
        let bucket = bucket.unwrap_or(hash & self.low_mask);
        let doubled = u32::BITS - bucket.leading_zeros();
        self.offsets.get(usize::try_from(doubled).ok()?)?.checked_add(bucket)
    }
}

/// Fowler, Noll and Vo's hash of 32 bits in its first form, begun with 0.
fn hash(key: &[u8]) -> u32 {
    key.iter().fold(0, |hash: u32, &octet| hash.wrapping_mul(0x0100_0193) ^ u32::from(octet))
}
