//! Files of the queue: as postdrop(1) leaves them in `maildrop`, and whom they are still for.

use nix::unistd::{Uid, User};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A message for one recipient.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Envelope recipient.
    pub recipient: String,
    /// How long ago it came.
    pub age: Duration,
}

impl Letter {
    /// Writes it; the mode 0700 is postdrop's sign that the file is complete.
    pub(super) fn write(&self, maildrop: &Path, number: usize) {
        let came = SystemTime::now().checked_sub(self.age).unwrap_or(UNIX_EPOCH);
        let came = came.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut file = Vec::new();
        record(&mut file, b'T', &format!("{came} 0"));
        record(&mut file, b'S', "");
        record(&mut file, b'R', &self.recipient);
        record(&mut file, b'M', "");
        for line in ["From: <sender@client.test>", "Subject: test", "", "text"] {
            record(&mut file, b'N', line);
        }
        record(&mut file, b'X', "");
        record(&mut file, b'E', "");
        let path = maildrop.join(format!("{number:06X}"));
        let owner = User::from_name("postfix").expect("accounts").map_or(Uid::from_raw(0), |user| user.uid);
        fs::write(&path, file).expect("a file in maildrop");
        chown(&path, Some(owner.as_raw()), None).expect("root may");
        fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("own file");
    }
}

/// A message in a queue as cleanup(8) leaves it, for one recipient.
#[derive(Debug)]
pub struct Queued {
    /// The file.
    pub path: PathBuf,
    /// Where its content begins.
    pub content: usize,
    /// How long that is, in octets of records.
    pub size: usize,
    /// Where the recipient's record is.
    pub recipient: usize,
}

impl Queued {
    /// Writes one with this name, and two lines, into a folder.
    pub fn write(folder: &Path, queue_id: &str, recipient: &str) -> Self {
        let mut file = vec![b'C', 95];
        file.extend_from_slice(&[b' '; 95]);
        record(&mut file, b'T', "1795000000 5000");
        record(&mut file, b'S', "s@src.test");
        let at = file.len();
        record(&mut file, b'R', recipient);
        record(&mut file, b'M', "");
        let content = file.len();
        record(&mut file, b'N', "Subject: x");
        record(&mut file, b'N', "");
        record(&mut file, b'N', ".text");
        let size = file.len() - content;
        record(&mut file, b'X', "");
        record(&mut file, b'E', "");
        let path = folder.join(queue_id);
        fs::write(&path, file).expect("a file in the queue");
        fs::set_permissions(&path, Permissions::from_mode(0o700)).expect("own file");
        Self { path, content, size, recipient: at }
    }

    /// The type of the recipient's record: `R` is open, `D` done.
    pub fn mark(&self) -> char {
        char::from(fs::read(&self.path).expect("the file")[self.recipient])
    }
}

/// Type, length in groups of seven bits with the lowest first, content.
fn record(file: &mut Vec<u8>, kind: u8, content: &str) {
    file.push(kind);
    let mut length = content.len();
    while length >= 0x80 {
        file.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    file.push(length as u8);
    file.extend_from_slice(content.as_bytes());
}

/// The recipients that are not marked as done, of a file in any queue.
pub fn open_recipients(file: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = file;
    while let Some((kind, content, after)) = next_record(rest) {
        if kind == b'R' {
            found.push(String::from_utf8_lossy(content).into_owned());
        }
        rest = after;
    }
    found
}

/// Type and content, and what follows.
fn next_record(file: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&kind, mut rest) = file.split_first()?;
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let (&octet, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(octet & 0x7f) << shift;
        shift += 7;
        if octet & 0x80 == 0 {
            break;
        }
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((kind, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_that_are_marked_are_not_open() {
        let mut file = Vec::new();
        for (kind, content) in
            [(b'S', "s@d"), (b'R', "a@d"), (b'D', "b@d"), (b'R', &"c".repeat(300)), (b'N', "R")]
        {
            record(&mut file, kind, content);
        }
        assert_eq!(open_recipients(&file), ["a@d".to_owned(), "c".repeat(300)]);
    }

    #[test]
    fn lengths_above_127_take_two_octets() {
        let mut file = Vec::new();
        record(&mut file, b'N', &"x".repeat(200));
        assert_eq!((&file[..3], file.len()), (&[b'N', 0xc8, 1][..], 203));
    }
}
