//! Paths as `MAIL FROM:` and `RCPT TO:` carry them, RFC 5321 §4.1.2: `<@route:local@domain>`.

use super::{AddressError, Alphabet, MAX_LOCAL_PART, Mailbox, ReversePath, check_domain, is_local};

/// An address between brackets, or nothing between them.
#[derive(Debug, PartialEq, Eq)]
enum Path {
    Null,
    Mailbox(Mailbox),
}

/// Reads the path at the front of `text`; what stands behind its `>` is the second value.
///
/// An address without domain gets `@origin`, which serves `<postmaster>` (RFC 5321 §4.5.1) and local
/// senders alike (Postfix: `append_at_myorigin`). A source route is checked and dropped (RFC 5321 appendix C).
pub fn parse_reverse_path<'t>(
    text: &'t str,
    origin: &str,
    alphabet: Alphabet,
) -> Result<(ReversePath, &'t str), AddressError> {
    let (path, rest) = parse(text, origin, alphabet)?;
    Ok(match path {
        Path::Null => (ReversePath::Null, rest),
        Path::Mailbox(mailbox) => (ReversePath::Mailbox(mailbox), rest),
    })
}

/// The same for a recipient, where `<>` is an error.
pub fn parse_forward_path<'t>(
    text: &'t str,
    origin: &str,
    alphabet: Alphabet,
) -> Result<(Mailbox, &'t str), AddressError> {
    match parse(text, origin, alphabet)? {
        (Path::Null, _) => Err(AddressError::EmptyRecipient),
        (Path::Mailbox(mailbox), rest) => Ok((mailbox, rest)),
    }
}

fn parse<'t>(text: &'t str, origin: &str, alphabet: Alphabet) -> Result<(Path, &'t str), AddressError> {
    if alphabet == Alphabet::Ascii && !text.is_ascii() {
        return Err(AddressError::NotAscii);
    }
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(AddressError::Control);
    }
    let inside = text.strip_prefix('<').ok_or(AddressError::NoBracket)?;
    if let Some(rest) = inside.strip_prefix('>') {
        return Ok((Path::Null, rest));
    }
    let (local, rest) = local_part(skip_route(inside, alphabet)?)?;
    let (domain, rest) = match rest.strip_prefix('@') {
        Some(rest) => {
            rest.split_at_checked(rest.find('>').ok_or(AddressError::Unterminated)?).unwrap_or((rest, ""))
        }
        None => (origin, rest),
    };
    match rest.strip_prefix('>') {
        Some(rest) => Ok((Path::Mailbox(Mailbox::within(alphabet, local, domain)?), rest)),
        None => Err(rest.chars().next().map_or(AddressError::Unterminated, AddressError::Unexpected)),
    }
}

/// `@one,@two:` at the front of `inside`, checked and skipped.
fn skip_route(inside: &str, alphabet: Alphabet) -> Result<&str, AddressError> {
    if !inside.starts_with('@') {
        return Ok(inside);
    }
    // No domain has a colon but a literal, and literals are not allowed in routes.
    let (route, rest) = inside.split_once(':').ok_or(AddressError::Unexpected('@'))?;
    for hop in route.split(',') {
        check_domain(hop.strip_prefix('@').ok_or_else(|| AddressError::BadDomain(hop.into()))?, alphabet)?;
    }
    Ok(rest)
}

/// The local part at the front of `text`, without its quotes, and what follows.
///
/// Dots may stand anywhere in the unquoted form: such mailboxes exist, and on the way out they get quotes.
fn local_part(text: &str) -> Result<(String, &str), AddressError> {
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted_string(quoted);
    }
    let end = text.bytes().position(|byte| byte != b'.' && !is_local(byte)).unwrap_or(text.len());
    let (local, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    Ok((local.into(), rest))
}

/// A quoted string behind its opening quote (RFC 5321 §4.1.2, Quoted-string).
fn quoted_string(text: &str) -> Result<(String, &str), AddressError> {
    let mut local = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next() {
            Some('"') => return Ok((local, characters.as_str())),
            Some('\\') => local.push(characters.next().ok_or(AddressError::OpenQuote)?),
            Some(character) => local.push(character),
            None => return Err(AddressError::OpenQuote),
        }
        if local.len() > MAX_LOCAL_PART {
            return Err(AddressError::LongLocalPart);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_that_are_taken() {
        for (text, want, rest) in [
            ("<a@b.c>", "a@b.c", ""),
            ("<a@b.c> SIZE=1", "a@b.c", " SIZE=1"),
            ("<postmaster>", "postmaster@origin.example", ""),
            ("<PostMaster>", "PostMaster@origin.example", ""),
            ("<@one.example,@two.example:a@b.c>", "a@b.c", ""),
            (r#"<"a b"@c.d>"#, r#""a b"@c.d"#, ""),
            (r#"<"a\"@\\\>b"@c.d>x"#, r#""a\"@\\>b"@c.d"#, "x"),
            (r#"<"plain"@c.d>"#, "plain@c.d", ""),
            ("<a..b@c.d>", r#""a..b"@c.d"#, ""),
            ("<a%b!c@d.e>", "a%b!c@d.e", ""),
            ("<a@[192.0.2.1]>", "a@[192.0.2.1]", ""),
            ("<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", ""),
        ] {
            let (mailbox, left) = parse_forward_path(text, "origin.example", Alphabet::Ascii).unwrap();
            assert_eq!((mailbox.to_string().as_str(), left), (want, rest));
        }
        assert_eq!(parse_reverse_path("<> X", "o", Alphabet::Ascii), Ok((ReversePath::Null, " X")));
    }

    #[test]
    fn paths_that_are_refused() {
        use AddressError::*;
        for (text, want) in [
            ("", NoBracket),
            ("a@b", NoBracket),
            ("<", Unterminated),
            ("<a", Unterminated),
            ("<a@b", Unterminated),
            ("<>", EmptyRecipient),
            ("<@b>", Unexpected('@')),
            ("<@b:>", EmptyLocalPart),
            ("<@b,c:d@e>", BadDomain("c".into())),
            ("<a b@c>", Unexpected(' ')),
            ("<a<b@c>", Unexpected('<')),
            ("<a@b@c>", BadDomain("b@c".into())),
            ("<a@>", BadDomain("".into())),
            ("<a@b c>", BadDomain("b c".into())),
            ("<a@1.2.3.4>", BareIp("1.2.3.4".into())),
            (r#"<"a@b>"#, OpenQuote),
            (r#"<"a\"#, OpenQuote),
            (r#"<""@b>"#, EmptyLocalPart),
            (r#"<"a"b@c>"#, Unexpected('b')),
            ("<a\n@b>", Control),
            ("<a\0@b>", Control),
            ("<jö@b>", NotAscii),
        ] {
            assert_eq!(parse_forward_path(text, "o.example", Alphabet::Ascii), Err(want), "{text:?}");
        }
    }

    #[test]
    fn paths_in_utf8_are_written_as_they_were_read() {
        for text in ["<jö@b.c>", "<a@bücher.example>", "<\"a b\u{e9}\"@例え.テスト>"] {
            let (mailbox, rest) = parse_forward_path(text, "o.example", Alphabet::Utf8).unwrap();
            assert_eq!((format!("<{mailbox}>").as_str(), rest, mailbox.is_ascii()), (text, "", false));
        }
        for text in ["<j\u{85}@b.c>", "<j\u{2028}@b.c>", "<a@b\u{a0}c>"] {
            assert_eq!(parse_forward_path(text, "o", Alphabet::Utf8), Err(AddressError::NotAscii), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(local in "[ -~]{1,40}", domain in "[a-z]{1,9}(\\.[a-z]{1,9}){0,3}") {
            let mailbox = Mailbox::new(local, domain).unwrap();
            let text = format!("<{mailbox}>");
            prop_assert_eq!(parse_forward_path(&text, "o", Alphabet::Ascii), Ok((mailbox, "")));
        }

        #[test]
        fn no_text_panics_and_what_is_taken_is_clean(text in "<?.{0,60}>?", origin in "[a-z]{1,5}") {
            if let Ok((mailbox, _)) = parse_forward_path(&text, &origin, Alphabet::Ascii) {
                prop_assert!(mailbox.to_string().bytes().all(|byte| (32..127).contains(&byte)));
            }
        }
    }
}
