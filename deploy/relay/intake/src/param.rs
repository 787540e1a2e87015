//! Parameters behind the path of `MAIL` and `RCPT`: one table, one row for each keyword that is known.

use crate::address::Alphabet;
use crate::dsn::{self, Notify, Ret};
use crate::reply::Reply;

/// What the client says the text consists of (RFC 6152).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// `BODY=7BIT`, or nothing said.
    #[default]
    SevenBit,
    /// `BODY=8BITMIME`.
    EightBitMime,
}

/// What `MAIL` carried besides the sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MailParameters {
    pub(crate) body: Body,
    /// `SIZE=`: what the client expects the text to be, in octets (RFC 1870 §6).
    pub(crate) size: Option<u64>,
    /// [`Alphabet::Utf8`] with `SMTPUTF8` (RFC 6531 §3.4).
    pub(crate) alphabet: Alphabet,
    /// `RET=`.
    pub(crate) ret: Option<Ret>,
    /// `ENVID=`, decoded.
    pub(crate) envid: Option<String>,
}

/// What `RCPT` carried besides the recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RcptParameters {
    /// `NOTIFY=`.
    pub(crate) notify: Option<Notify>,
    /// `ORCPT=`, decoded.
    pub(crate) orcpt: Option<String>,
}

/// What is done with a keyword.
enum Support<P> {
    Offered(fn(&mut P, &str) -> Result<(), Reply>),
    /// Belongs to an extension that `EHLO` does not list.
    NotOffered(&'static str),
}

struct Row<P> {
    keyword: &'static str,
    support: Support<P>,
}

/// A new extension turns its rows from `NotOffered` to `Offered` and gets a line in the reply to `EHLO`.
const MAIL: &[Row<MailParameters>] = &[
    Row { keyword: "SIZE", support: Support::Offered(size) },
    Row { keyword: "BODY", support: Support::Offered(body) },
    Row { keyword: "SMTPUTF8", support: Support::Offered(smtputf8) },
    Row { keyword: "RET", support: Support::Offered(ret) },
    Row { keyword: "ENVID", support: Support::Offered(envid) },
    Row { keyword: "AUTH", support: Support::NotOffered("AUTH, RFC 4954") },
    Row { keyword: "REQUIRETLS", support: Support::NotOffered("REQUIRETLS, RFC 8689") },
    Row { keyword: "BY", support: Support::NotOffered("DELIVERBY, RFC 2852") },
    Row { keyword: "HOLDFOR", support: Support::NotOffered("FUTURERELEASE, RFC 4865") },
    Row { keyword: "HOLDUNTIL", support: Support::NotOffered("FUTURERELEASE, RFC 4865") },
    Row { keyword: "MT-PRIORITY", support: Support::NotOffered("MT-PRIORITY, RFC 6710") },
];

const RCPT: &[Row<RcptParameters>] = &[
    Row { keyword: "NOTIFY", support: Support::Offered(notify) },
    Row { keyword: "ORCPT", support: Support::Offered(orcpt) },
    Row { keyword: "RRVS", support: Support::NotOffered("RRVS, RFC 7293") },
];

/// Reads what follows the path in `MAIL`.
pub(crate) fn mail(text: &str) -> Result<MailParameters, Reply> {
    let mut parameters = MailParameters::default();
    read(MAIL, text, &mut parameters)?;
    Ok(parameters)
}

/// Reads what follows the path in `RCPT`.
pub(crate) fn rcpt(text: &str) -> Result<RcptParameters, Reply> {
    let mut parameters = RcptParameters::default();
    read(RCPT, text, &mut parameters)?;
    Ok(parameters)
}

/// RFC 5321 §4.1.2: blank, keyword, optional `=` and value, each keyword once.
fn read<P>(table: &[Row<P>], text: &str, parameters: &mut P) -> Result<(), Reply> {
    if !text.is_empty() && !text.starts_with([' ', '\t']) {
        return Err(syntax(format!("expected a blank after '>', found '{text}'")));
    }
    let mut seen: Vec<&str> = Vec::new();
    for word in text.split_ascii_whitespace() {
        let (keyword, value) = word.split_once('=').unwrap_or((word, ""));
        if !is_keyword(keyword) || value.contains('=') || (value.is_empty() && word.contains('=')) {
            return Err(syntax(format!("'{word}' is not a parameter")));
        }
        let Some(row) = table.iter().find(|row| row.keyword.eq_ignore_ascii_case(keyword)) else {
            return Err(unsupported(format!("'{keyword}' is not known here")));
        };
        if seen.contains(&row.keyword) {
            return Err(syntax(format!("{} is given twice", row.keyword)));
        }
        seen.push(row.keyword);
        match row.support {
            Support::Offered(apply) => apply(parameters, value)?,
            Support::NotOffered(extension) => {
                return Err(unsupported(format!("{} ({extension}) is not offered here", row.keyword)));
            }
        }
    }
    Ok(())
}

fn size(parameters: &mut MailParameters, value: &str) -> Result<(), Reply> {
    if value.is_empty() || value.len() > 20 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(syntax(format!("SIZE takes a number of octets, not '{value}'")));
    }
    // Twenty digits can pass u64; such a size is over any limit all the same.
    parameters.size = Some(value.parse().unwrap_or(u64::MAX));
    Ok(())
}

fn body(parameters: &mut MailParameters, value: &str) -> Result<(), Reply> {
    parameters.body = match value.to_ascii_uppercase().as_str() {
        "7BIT" => Body::SevenBit,
        "8BITMIME" => Body::EightBitMime,
        "BINARYMIME" => return Err(unsupported("BODY=BINARYMIME (RFC 3030) is not offered here".into())),
        _ => return Err(syntax(format!("BODY takes 7BIT or 8BITMIME, not '{value}'"))),
    };
    Ok(())
}

fn smtputf8(parameters: &mut MailParameters, value: &str) -> Result<(), Reply> {
    if !value.is_empty() {
        return Err(syntax(format!("SMTPUTF8 takes no value, not '{value}'")));
    }
    parameters.alphabet = Alphabet::Utf8;
    Ok(())
}

fn ret(parameters: &mut MailParameters, value: &str) -> Result<(), Reply> {
    parameters.ret =
        Some(dsn::ret(value).ok_or_else(|| syntax(format!("RET takes FULL or HDRS, not '{value}'")))?);
    Ok(())
}

fn envid(parameters: &mut MailParameters, value: &str) -> Result<(), Reply> {
    let bad = || syntax("ENVID takes xtext of printable characters, at most 100 octets (RFC 3461)".into());
    parameters.envid = Some(dsn::envid(value).ok_or_else(bad)?);
    Ok(())
}

fn notify(parameters: &mut RcptParameters, value: &str) -> Result<(), Reply> {
    let bad =
        || syntax(format!("NOTIFY takes NEVER, or a list of SUCCESS, FAILURE and DELAY, not '{value}'"));
    parameters.notify = Some(dsn::notify(value).ok_or_else(bad)?);
    Ok(())
}

fn orcpt(parameters: &mut RcptParameters, value: &str) -> Result<(), Reply> {
    let bad =
        || syntax("ORCPT takes type;address, the address in xtext, at most 500 octets (RFC 3461)".into());
    parameters.orcpt = Some(dsn::orcpt(value).ok_or_else(bad)?);
    Ok(())
}

fn is_keyword(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn syntax(why: String) -> Reply {
    Reply::new(501, "5.5.4", format!("Error: {why}"))
}

pub(crate) fn unsupported(why: String) -> Reply {
    Reply::new(555, "5.5.4", format!("Unsupported option: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_are_offered() {
        let some = |body, size| Ok(MailParameters { body, size, ..MailParameters::default() });
        assert_eq!(mail(""), some(Body::SevenBit, None));
        assert_eq!(mail("  \t"), some(Body::SevenBit, None));
        assert_eq!(mail(" SIZE=12 body=8bitmime"), some(Body::EightBitMime, Some(12)));
        assert_eq!(mail(" BODY=7BIT size=0"), some(Body::SevenBit, Some(0)));
        assert_eq!(mail(" SIZE=99999999999999999999"), some(Body::SevenBit, Some(u64::MAX)));
        assert_eq!(rcpt(" "), Ok(RcptParameters::default()));
        let dsn = mail(" RET=HDRS ENVID=a+2Bb").unwrap();
        assert_eq!((dsn.ret, dsn.envid.as_deref()), (Some(Ret::Headers), Some("a+b")));
        let dsn = rcpt(" NOTIFY=NEVER ORCPT=rfc822;a@x").unwrap();
        assert_eq!((dsn.notify, dsn.orcpt.as_deref()), (Some(Notify::default()), Some("rfc822;a@x")));
    }

    #[test]
    fn parameters_that_are_not() {
        for (text, code) in [
            ("x", 501),
            (" SIZE", 501),
            (" SIZE=", 501),
            (" SIZE=-1", 501),
            (" SIZE=1=2", 501),
            (" SIZE=999999999999999999999", 501),
            (" SIZE=1 size=1", 501),
            (" BODY=8BIT", 501),
            (" =1", 501),
            (" <a@b>", 501),
            (" BODY=BINARYMIME", 555),
            (" SMTPUTF8=1", 501),
            (" RET=ALL", 501),
            (" ENVID=", 501),
            (" ENVID=a+", 501),
            (" HOLDFOR=1", 555),
            (" XYZZY=1", 555),
        ] {
            assert_eq!(mail(text).map_err(|reply| reply.code()), Err(code), "{text:?}");
        }
        assert_eq!(rcpt(" NOTIFY=NEVER,DELAY").map_err(|reply| reply.code()), Err(501));
        assert_eq!(rcpt(" ORCPT=a@x").map_err(|reply| reply.code()), Err(501));
        assert_eq!(rcpt(" RRVS=1").map_err(|reply| reply.code()), Err(555));
        assert_eq!(rcpt(" SIZE=1").map_err(|reply| reply.code()), Err(555));
    }

    #[test]
    fn a_refusal_names_the_extension() {
        let reply = mail(" HOLDFOR=1").unwrap_err().to_string();
        assert_eq!(
            reply,
            "555 5.5.4 Unsupported option: HOLDFOR (FUTURERELEASE, RFC 4865) is not offered here"
        );
    }
}
