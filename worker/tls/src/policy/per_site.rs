//! The older tables (`smtp_tls_per_site`): a keyword for a next hop and one for a host, and what both come to.

use crate::Level;

/// The level that a keyword stands for.
pub(crate) fn keyword(word: &str) -> Option<Level> {
    Some(match word.trim().to_ascii_uppercase().as_str() {
        "NONE" => Level::None,
        "MAY" => Level::May,
        "MUST_NOPEERMATCH" => Level::Encrypt,
        "MUST" => Level::Verify,
        _ => return None,
    })
}

/// The level of a host, `None` where neither table entry exists: the strongest counts, but MAY yields to NONE; and what main.cf
/// asks of everybody is stronger than MAY.
pub(crate) fn combine(nexthop: Option<Level>, host: Option<Level>, main_cf: Level) -> Option<Level> {
    let level = match (nexthop, host) {
        (None, None) => return None,
        (Some(one), None) | (None, Some(one)) => one,
        (Some(Level::None), Some(Level::May)) | (Some(Level::May), Some(Level::None)) => Level::None,
        (Some(one), Some(other)) => one.max(other),
    };
    Some(if level == Level::May { main_cf.max(Level::May) } else { level })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_in_any_case() {
        assert_eq!(keyword("must"), Some(Level::Verify));
        assert_eq!(keyword("MUST_NOPEERMATCH"), Some(Level::Encrypt));
        assert_eq!(keyword("secure"), None);
    }

    #[test]
    fn the_whole_matrix() {
        use Level::{Encrypt, May, None as Never, Verify};
        for (nexthop, host, level) in [
            (Never, Never, Never),
            (Never, May, Never),
            (Never, Encrypt, Encrypt),
            (Never, Verify, Verify),
            (May, May, May),
            (May, Encrypt, Encrypt),
            (May, Verify, Verify),
            (Encrypt, Encrypt, Encrypt),
            (Encrypt, Verify, Verify),
            (Verify, Verify, Verify),
        ] {
            for (nexthop, host) in [(nexthop, host), (host, nexthop)] {
                assert_eq!(combine(Some(nexthop), Some(host), Never), Some(level));
            }
        }
        assert_eq!(combine(None, None, Encrypt), None);
        assert_eq!(combine(Some(Never), None, Verify), Some(Never));
    }

    #[test]
    fn a_stronger_main_cf_raises_may_only() {
        assert_eq!(combine(Some(Level::May), None, Level::Secure), Some(Level::Secure));
        assert_eq!(combine(None, Some(Level::May), Level::None), Some(Level::May));
        assert_eq!(combine(Some(Level::Encrypt), None, Level::Secure), Some(Level::Encrypt));
        assert_eq!(combine(Some(Level::None), Some(Level::May), Level::Secure), Some(Level::None));
    }
}
