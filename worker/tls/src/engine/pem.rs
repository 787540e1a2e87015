//! PEM files: their sections in order.

use std::path::Path;

use pki_types::pem::{PemObject, SectionKind};

/// The sections of a file that the library knows, in order. Others are not seen.
///
/// Errors: the file cannot be read, or is not PEM.
pub(crate) fn sections(path: &Path) -> Result<Vec<(SectionKind, Vec<u8>)>, String> {
    let text = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    <(SectionKind, Vec<u8>)>::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{}: not PEM: {error}", path.display()))
}
