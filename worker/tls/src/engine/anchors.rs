//! Trust anchors: certificates of authorities, and files of anchors that are trusted as they are.

use std::path::{Path, PathBuf};

use pki_types::pem::SectionKind;
use pki_types::{CertificateDer, TrustAnchor};

use super::pem;
use crate::policy::digest::Fields;
use crate::verify::certificate;

/// Whether the dates of an anchor's own certificate count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dates {
    /// Authorities: an expired one is not trusted.
    #[default]
    Count,
    /// Anchors that the operator or the DNS vouches for.
    Ignored,
}

/// One anchor.
#[derive(Clone, Debug)]
pub(crate) struct Anchor {
    pub(crate) trust: TrustAnchor<'static>,
    /// The certificate that it comes from.
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

/// The anchors of a policy.
#[derive(Debug, Default)]
pub(crate) struct AnchorSet {
    pub(crate) anchors: Vec<Anchor>,
    /// Keys (SubjectPublicKeyInfo) that are trusted whatever name they go by.
    pub(crate) keys: Vec<Vec<u8>>,
    /// Certificates that help to reach an anchor and are none.
    pub(crate) helpers: Vec<CertificateDer<'static>>,
    pub(crate) dates: Dates,
    digest: [u8; 32],
}

impl Anchor {
    /// Errors: the octets are no certificate.
    pub(crate) fn of(certificate: CertificateDer<'static>) -> Option<Self> {
        let trust = webpki::anchor_from_trusted_cert(&certificate).ok()?.to_owned();
        Some(Self { trust, certificate: Some(certificate) })
    }
}

impl AnchorSet {
    /// `smtp_tls_CAfile`, `smtp_tls_CApath` and the system's authorities. Returns also what was skipped.
    pub(super) fn authorities(
        file: Option<&Path>,
        folder: Option<&Path>,
        default: Option<&Path>,
    ) -> Result<(Self, Vec<String>), String> {
        let (mut set, mut remarks) = (Self::default(), Vec::new());
        for path in [file, default].into_iter().flatten() {
            let sections = pem::sections(path)?;
            if set.add_authorities(path, sections, &mut remarks) == 0 {
                return Err(format!("no certificates in {}", path.display()));
            }
        }
        if let Some(folder) = folder {
            set.add_folder(folder, &mut remarks)?;
        }
        set.seal();
        Ok((set, remarks))
    }

    /// Every file of a folder; those that hold no certificates are passed over.
    fn add_folder(&mut self, folder: &Path, remarks: &mut Vec<String>) -> Result<(), String> {
        let unreadable = |error| format!("cannot read {}: {error}", folder.display());
        let mut found = 0;
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_file() {
                match pem::sections(&path) {
                    Ok(sections) => found += self.add_authorities(&path, sections, remarks),
                    Err(problem) => remarks.push(problem),
                }
            }
        }
        if found == 0 { Err(format!("no certificates in {}", folder.display())) } else { Ok(()) }
    }

    /// How many certificates could be used.
    fn add_authorities(
        &mut self,
        path: &Path,
        sections: Vec<(SectionKind, Vec<u8>)>,
        remarks: &mut Vec<String>,
    ) -> usize {
        let mut used = 0;
        for (_, octets) in sections.into_iter().filter(|(kind, _)| *kind == SectionKind::Certificate) {
            let der = CertificateDer::from(octets);
            match (Anchor::of(der.clone()), certificate::is_self_issued(&der)) {
                (Some(anchor), Some(true)) => self.anchors.push(anchor),
                // As in the original, a chain has to reach a root.
                (Some(_), Some(false)) => self.helpers.push(der),
                _ => {
                    remarks
                        .push(format!("a certificate in {} cannot be used and is skipped", path.display()));
                    continue;
                }
            }
            used += 1;
        }
        used
    }

    /// `smtp_tls_trust_anchor_file`, `tafile=`. Each file has to hold certificates or public keys, and nothing broken.
    pub(crate) fn from_anchor_files(files: &[PathBuf]) -> Result<Self, String> {
        let mut set = Self { dates: Dates::Ignored, ..Self::default() };
        for path in files {
            let before = set.anchors.len() + set.keys.len();
            for (kind, octets) in pem::sections(path)? {
                let broken =
                    |what: &str| format!("a {what} in trust anchor file {} cannot be used", path.display());
                match kind {
                    SectionKind::Certificate => {
                        set.anchors.push(Anchor::of(octets.into()).ok_or_else(|| broken("certificate"))?);
                    }
                    SectionKind::PublicKey => {
                        certificate::key_contents(&octets).ok_or_else(|| broken("public key"))?;
                        set.keys.push(octets);
                    }
                    _ => {}
                }
            }
            if set.anchors.len() + set.keys.len() == before {
                return Err(format!(
                    "no certificates and no public keys in trust anchor file {}",
                    path.display()
                ));
            }
        }
        set.seal();
        Ok(set)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.anchors.is_empty() && self.keys.is_empty()
    }

    /// SHA-256 over the anchors, whatever their order.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Drops what is there twice, and computes the digest.
    fn seal(&mut self) {
        let octets = |anchor: &Anchor| anchor.certificate.as_ref().map(|der| der.to_vec());
        self.anchors.sort_by_key(octets);
        self.anchors.dedup_by_key(|anchor| octets(anchor));
        self.helpers.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
        self.helpers.dedup();
        self.keys.sort();
        self.keys.dedup();
        let mut fields = Fields::new("baton tls anchors 1");
        fields.text(&format!("{:?}", self.dates));
        fields.each(self.anchors.iter(), |fields, anchor| {
            fields.octets(&octets(anchor).unwrap_or_default());
        });
        fields.each(self.helpers.iter(), |fields, helper| {
            fields.octets(helper);
        });
        fields.each(self.keys.iter(), |fields, key| {
            fields.octets(key);
        });
        self.digest = fields.finish();
    }
}
