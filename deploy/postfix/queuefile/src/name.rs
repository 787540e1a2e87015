//! Names of messages, and where in the queue their files are.

use std::path::PathBuf;

/// The longest name of a queue.
const QUEUE_NAME: usize = 100;
/// The longest name of a message; the real ones have about 20.
const QUEUE_ID: usize = 100;
/// Characters before the last `z` of a long name, at least: seconds, then microseconds.
const LONG: usize = 10;
/// Characters of microseconds in it.
const MICROS: usize = 4;
/// Digits, then consonants: no name is a word.
const BASE_52: &[u8; 52] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

/// `hash_queue_names` and `hash_queue_depth`: which queues have folders in them, and how deep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashing {
    /// The queues.
    pub names: Vec<String>,
    /// Folders in folders.
    pub depth: usize,
}

impl Hashing {
    /// The path of a message's file, below the queue's root. `None`: these are no names that Postfix makes.
    #[must_use]
    pub fn path(&self, queue_name: &str, queue_id: &str) -> Option<PathBuf> {
        let queue = !queue_name.is_empty()
            && queue_name.len() <= QUEUE_NAME
            && queue_name.bytes().all(|octet| octet.is_ascii_alphanumeric());
        let id = !queue_id.is_empty()
            && queue_id.len() <= QUEUE_ID
            && queue_id.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_');
        if !queue || !id {
            return None;
        }
        let mut path = PathBuf::from(queue_name);
        if self.names.iter().any(|name| name == queue_name) {
            let spread = spread(queue_id);
            let mut characters = spread.chars();
            for _ in 0..self.depth {
                path.push(characters.next().unwrap_or('_').to_string());
            }
        }
        path.push(queue_id);
        Some(path)
    }
}

/// What of a name changes from one message to the next: its beginning, or in a long name its microseconds.
fn spread(queue_id: &str) -> String {
    long_micros(queue_id).map_or_else(|| queue_id.to_owned(), |micros| format!("{micros:05X}"))
}

fn long_micros(queue_id: &str) -> Option<u64> {
    let end = queue_id.rfind('z').filter(|&end| end >= LONG)?;
    let digits = queue_id.get(end - MICROS..end)?;
    digits.bytes().try_fold(0u64, |sum, octet| {
        let digit = BASE_52.iter().position(|&digit| digit == octet)?;
        Some(sum * 52 + digit as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(depth: usize, queue: &str, id: &str) -> Option<String> {
        let hashing = Hashing { names: vec!["deferred".into(), "defer".into()], depth };
        Some(hashing.path(queue, id)?.display().to_string())
    }

    #[test]
    fn only_queues_that_are_hashed_have_folders() {
        assert_eq!(path(2, "active", "049A79AE25E").as_deref(), Some("active/049A79AE25E"));
        assert_eq!(path(2, "deferred", "049A79AE25E").as_deref(), Some("deferred/0/4/049A79AE25E"));
        assert_eq!(path(0, "deferred", "049A79AE25E").as_deref(), Some("deferred/049A79AE25E"));
        assert_eq!(path(3, "deferred", "04").as_deref(), Some("deferred/0/4/_/04"));
    }

    #[test]
    fn long_names_are_spread_by_their_microseconds() {
        // 3Pt2 is 0x6F6D1 microseconds at most: four digits of base 52 hold them all.
        let micros = long_micros("3Pt2mN2VXxznjll").unwrap();
        let want = format!("deferred/{}/3Pt2mN2VXxznjll", &format!("{micros:05X}")[..1]);
        assert_eq!(path(1, "deferred", "3Pt2mN2VXxznjll"), Some(want));
        assert_eq!(long_micros("049A79AE25E"), None);
        assert_eq!(long_micros("123456789z1"), None, "too short before the z");
    }

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for (queue, id) in
            [("active", "../x"), ("../a", "A"), ("active", ""), ("", "A"), ("active", "A/B"), ("a_b", "A")]
        {
            assert_eq!(path(1, queue, id), None, "{queue} {id}");
        }
        assert_eq!(path(1, "active", &"A".repeat(101)), None);
    }
}
