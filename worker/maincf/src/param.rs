//! One row per parameter: its names on both sides, default, type, meaning, and whether it acts today.

use std::borrow::Cow;

use crate::value::ValueError;

/// The protocol a delivery process speaks; it decides whether `smtp_` or `lmtp_` names are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Reads the `smtp_` names.
    Smtp,
    /// Reads the `lmtp_` names.
    Lmtp,
}

impl Protocol {
    /// Both, in the order in which output lists them.
    pub const ALL: [Self; 2] = [Self::Smtp, Self::Lmtp];

    /// What stands before a mirrored parameter's key.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Smtp => "smtp_",
            Self::Lmtp => "lmtp_",
        }
    }
}

/// On whose behalf a row is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// A process that speaks this protocol.
    Protocol(Protocol),
    /// The scheduler, for the transport of this name.
    Transport(&'a str),
}

/// How the `smtp_` parameter appears on the LMTP side, or where else the name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// `lmtp_` and the same key, same default.
    Same,
    /// `lmtp_` and another key: `smtp_helo_timeout`, `lmtp_lhlo_timeout`.
    Named(&'static str),
    /// `lmtp_` and the same key, other default.
    Default(&'static str),
    /// There is no `lmtp_` twin.
    SmtpOnly,
    /// There is no `smtp_` twin.
    LmtpOnly,
    /// No prefix, both protocols read it.
    Shared,
    /// The transport's name stands before the key: `smtp_destination_concurrency_limit`.
    PerTransport,
}

/// What setting a parameter to something other than its default does in this version.
#[derive(Clone, Copy, Debug)]
pub enum Today {
    /// It does what it says.
    Act,
    /// It changes nothing yet; the text says what happens instead.
    Warn(&'static str),
    /// Ignoring it would weaken security, so nothing starts; the text says what to do.
    Refuse(&'static str),
    /// Depends on the value, after expansion.
    ByValue(fn(&str) -> Self),
}

/// One row: all there is to know about a parameter except its parsed value.
#[derive(Debug)]
pub struct Param {
    /// Name after the prefix; the whole name where `mirror` is [`Mirror::Shared`].
    pub key: &'static str,
    /// Unexpanded main.cf text under Postfix; `@` stands for the own prefix (`$@tls_cert_file`) where the name has one.
    pub default: &'static str,
    /// How the name and default change with the protocol.
    pub mirror: Mirror,
    /// The type, in words.
    pub kind: &'static str,
    /// What it means, for the manual.
    pub doc: &'static str,
    /// Whether it acts in this version.
    pub today: Today,
    /// Parses an expanded value and drops the result; the second text is the default, for its unit.
    pub check: fn(&str, &str) -> Result<(), ValueError>,
}

/// A chapter of parameters: one struct, one file.
#[derive(Debug)]
pub struct Group {
    /// The struct's name.
    pub title: &'static str,
    /// What the chapter is about.
    pub about: &'static str,
    /// In the order of the manual.
    pub rows: &'static [Param],
}

impl Param {
    /// The main.cf name as `scope` reads it; `None` where it has no such parameter.
    pub fn name(&self, scope: Scope<'_>) -> Option<Cow<'static, str>> {
        let (prefix, key) = match (scope, self.mirror) {
            (_, Mirror::Shared) => return Some(Cow::Borrowed(self.key)),
            (Scope::Transport(transport), Mirror::PerTransport) => {
                return Some(Cow::Owned(format!("{transport}_{}", self.key)));
            }
            (Scope::Transport(_), _) | (_, Mirror::PerTransport) => return None,
            (Scope::Protocol(Protocol::Smtp), Mirror::LmtpOnly)
            | (Scope::Protocol(Protocol::Lmtp), Mirror::SmtpOnly) => return None,
            (Scope::Protocol(Protocol::Lmtp), Mirror::Named(key)) => ("lmtp_", key),
            (Scope::Protocol(protocol), _) => (protocol.prefix(), self.key),
        };
        Some(Cow::Owned(format!("{prefix}{key}")))
    }

    /// What stands after LMTP's prefix, where that is another word than after SMTP's.
    pub(crate) fn lmtp_key(&self) -> Option<&'static str> {
        match self.mirror {
            Mirror::Named(key) => Some(key),
            _ => None,
        }
    }

    /// The unexpanded default as `scope` reads it, with the `@` of `$@` and `${@` replaced; any other is itself (`@STRENGTH`).
    pub fn default(&self, scope: Scope<'_>) -> Cow<'static, str> {
        let text = match (scope, self.mirror) {
            (Scope::Protocol(Protocol::Lmtp), Mirror::Default(text)) => text,
            _ => self.default,
        };
        match scope {
            Scope::Protocol(protocol) if text.contains('@') => {
                let prefix = protocol.prefix();
                Cow::Owned(text.replace("$@", &format!("${prefix}")).replace("${@", &format!("${{{prefix}")))
            }
            _ => Cow::Borrowed(text),
        }
    }
}

/// Declares a group of parameters: the struct the code reads, and the table that parsing, the
/// `config` command, the reference manual and the completeness test all walk.
///
/// One row: `field: Type = "key", "default", Mirror, Today;` with a doc comment before it.
macro_rules! params {
    (#[doc = $about:literal] $group:ident { $(
        $(#[doc = $doc:literal])+
        $field:ident: $ty:ty = $key:literal, $default:literal, $mirror:expr, $today:expr;
    )* }) => {
        #[doc = $about]
        #[derive(Clone, Debug)]
        pub struct $group { $( $(#[doc = $doc])+ pub $field: $ty, )* }

        impl $group {
            /// The rows of this chapter, in field order.
            pub const GROUP: $crate::param::Group = $crate::param::Group {
                title: stringify!($group),
                about: $about,
                rows: &[ $( $crate::param::Param {
                    key: $key,
                    default: $default,
                    mirror: $mirror,
                    kind: <$ty as $crate::value::Value>::KIND,
                    doc: concat!($($doc, "\n"),+),
                    today: $today,
                    check: |text, default| <$ty as $crate::value::Value>::parse(text, default).map(drop),
                }, )* ],
            };

            /// Reads every row; `None` when the reader noted an error for one of them.
            pub(crate) fn load(reader: &mut $crate::reader::Reader<'_>) -> Option<Self> {
                let mut rows = Self::GROUP.rows.iter();
                $( let $field: Option<$ty> = rows.next().and_then(|row| reader.value(row)); )*
                Some(Self { $( $field: $field?, )* })
            }
        }
    };
}
pub(crate) use params;
