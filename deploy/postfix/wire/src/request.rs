//! A delivery request from qmgr: the common attributes, then one list for each recipient.

use crate::attr::{AttrError, Fields, Incoming, List};
use crate::stats::Stats;
use crate::text::Text;

/// More recipients than this in one request are not read.
pub const MAX_RECIPIENTS: usize = 100_000;

/// What is to be done with the message beside delivering it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(pub i32);

impl Flags {
    /// Mark recipients that are done.
    pub const SUCCESS: Self = Self(0x1);
    /// A probe for verify(8).
    pub const MTA_VRFY: Self = Self(0x100);
    /// A probe for the sender, `sendmail -bv`.
    pub const USR_VRFY: Self = Self(0x200);
    /// Deliver, and tell the sender, `sendmail -v`.
    pub const RECORD: Self = Self(0x400);
    /// Look for a parked session.
    pub const CONN_LOAD: Self = Self(0x800);
    /// Park the session.
    pub const CONN_STORE: Self = Self(0x1000);
    /// The sender was told of a delay, and wants to hear of the delivery.
    pub const REC_DLY_SENT: Self = Self(0x2000);
    /// What bounce, defer and trace are told.
    const TRACE: i32 = 0x2700;

    /// Whether this one is set.
    #[must_use]
    pub const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    /// Whether no message is sent.
    #[must_use]
    pub const fn is_probe(self) -> bool {
        self.has(Self::MTA_VRFY) || self.has(Self::USR_VRFY)
    }

    pub(crate) const fn for_trace(self) -> i32 {
        self.0 & Self::TRACE
    }
}

/// What the sender demanded: `smtputf8` up to 3.9, `sendopts` since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendOptions(pub i32);

impl SendOptions {
    /// SMTPUTF8 was asked for.
    pub const SMTPUTF8: i32 = 0x1;
    /// A header, the sender or a recipient is not ASCII.
    pub const UTF8_FOUND: i32 = 0x2 | 0x4 | 0x8;
    /// `TLS-Required: no`, RFC 8689 §5; 3.10 and later.
    pub const TLS_NOT_REQUIRED: i32 = 0x10;
    /// REQUIRETLS, RFC 8689 §2; 3.11 and later.
    pub const REQUIRETLS: i32 = 0x20;
    const KNOWN: i32 = 0x3f;

    /// Whether one of these bits is set.
    #[must_use]
    pub const fn any(self, bits: i32) -> bool {
        self.0 & bits != 0
    }

    /// Whether only a server with SMTPUTF8 can take the message.
    #[must_use]
    pub const fn needs_smtputf8(self) -> bool {
        self.any(Self::SMTPUTF8) && self.any(Self::UTF8_FOUND)
    }
}

/// The common attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub flags: Flags,
    /// Normally `active`.
    pub queue_name: Text,
    /// The message's name.
    pub queue_id: Text,
    /// Where its content begins in the queue file.
    pub offset: i64,
    /// Octets of content records.
    pub size: i64,
    /// Where to.
    pub nexthop: Text,
    /// `7bit`, `8bit` or empty.
    pub encoding: Text,
    /// What the sender demanded.
    pub options: SendOptions,
    /// The envelope sender.
    pub sender: Text,
    /// ENVID, in xtext as it came.
    pub envelope_id: Text,
    /// RET: 0 none, 1 FULL, 2 HDRS.
    pub ret: i32,
    /// When what happened.
    pub stats: Stats,
    /// Where the message came from.
    pub client: Client,
    /// `local` or `remote`.
    pub rewrite_context: Text,
    /// How many recipients follow.
    pub recipient_count: i32,
}

/// Where a message came from, for XFORWARD and tables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// Its host name.
    pub name: Text,
    /// Its address.
    pub address: Text,
    /// Its port.
    pub port: Text,
    /// `ESMTP` and the like.
    pub protocol: Text,
    /// Its HELO name.
    pub helo: Text,
    /// How it logged in.
    pub sasl_method: Text,
    /// As whom.
    pub sasl_username: Text,
    /// For whom.
    pub sasl_sender: Text,
    /// The queue id at the first hop.
    pub ident: Text,
}

/// One recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipient {
    /// Before aliases; may be empty.
    pub original: Text,
    /// Where to deliver.
    pub address: Text,
    /// Of its record's type octet in the queue file; −1: there is none to mark.
    pub offset: i64,
    /// ORCPT, `type;xtext`; may be empty.
    pub orcpt: Text,
    /// 0 none given, 1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY.
    pub notify: i32,
}

/// A complete request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The common part.
    pub request: Request,
    /// For whom.
    pub recipients: Vec<Recipient>,
}

impl Request {
    fn decode(mut fields: Fields) -> Result<Self, AttrError> {
        let request = Self {
            flags: Flags(fields.int("flags")?),
            queue_name: fields.text("queue_name")?,
            queue_id: fields.text("queue_id")?,
            offset: fields.long("offset")?,
            size: fields.long("size")?,
            nexthop: fields.text("nexthop")?,
            encoding: fields.text("encoding")?,
            options: options(&mut fields)?,
            sender: fields.text("sender")?,
            envelope_id: fields.text("envelope_id")?,
            ret: fields.int("ret_flags")?,
            stats: stats(&mut fields)?,
            client: Client::take(&mut fields)?,
            rewrite_context: fields.text("rewrite_context")?,
            recipient_count: fields.int("recipient_count")?,
        };
        fields.end()?;
        Ok(request)
    }

    /// The list, as qmgr would send it; `options` names the attribute that changed its name in 3.10.
    #[must_use]
    pub fn encode(&self, options: &str) -> Vec<u8> {
        let list = List::new()
            .int("flags", self.flags.0)
            .text("queue_name", &self.queue_name)
            .text("queue_id", &self.queue_id)
            .long("offset", self.offset)
            .long("size", self.size)
            .text("nexthop", &self.nexthop)
            .text("encoding", &self.encoding)
            .int(options, self.options.0)
            .text("sender", &self.sender)
            .text("envelope_id", &self.envelope_id)
            .int("ret_flags", self.ret)
            .data("time", &self.stats.encode());
        self.client
            .put(list)
            .text("rewrite_context", &self.rewrite_context)
            .int("recipient_count", self.recipient_count)
            .end()
    }
}

fn options(fields: &mut Fields) -> Result<SendOptions, AttrError> {
    const NAME: &str = "smtputf8";
    let value = fields.one_of(&[NAME, "sendopts"])?;
    match crate::attr::int(value.as_bytes()) {
        Some(bits) => Ok(SendOptions(bits & SendOptions::KNOWN)),
        None => Err(AttrError::Malformed { name: NAME, value }),
    }
}

fn stats(fields: &mut Fields) -> Result<Stats, AttrError> {
    const NAME: &str = "time";
    let octets = fields.data(NAME)?;
    let malformed = || AttrError::Malformed { name: NAME, value: format!("{} octets", octets.len()).into() };
    Stats::decode(&octets).ok_or_else(malformed)
}

impl Client {
    fn take(fields: &mut Fields) -> Result<Self, AttrError> {
        Ok(Self {
            name: fields.text("log_client_name")?,
            address: fields.text("log_client_address")?,
            port: fields.text("log_client_port")?,
            protocol: fields.text("log_protocol_name")?,
            helo: fields.text("log_helo_name")?,
            sasl_method: fields.text("sasl_method")?,
            sasl_username: fields.text("sasl_username")?,
            sasl_sender: fields.text("sasl_sender")?,
            ident: fields.text("log_ident")?,
        })
    }

    fn put(&self, list: List) -> List {
        let Self { name, address, port, protocol, helo, sasl_method, sasl_username, sasl_sender, ident } =
            self;
        list.text("log_client_name", name)
            .text("log_client_address", address)
            .text("log_client_port", port)
            .text("log_protocol_name", protocol)
            .text("log_helo_name", helo)
            .text("sasl_method", sasl_method)
            .text("sasl_username", sasl_username)
            .text("sasl_sender", sasl_sender)
            .text("log_ident", ident)
    }
}

impl Recipient {
    fn decode(mut fields: Fields) -> Result<Self, AttrError> {
        let recipient = Self {
            original: fields.text("original_recipient")?,
            address: fields.text("recipient")?,
            offset: fields.long("offset")?,
            orcpt: fields.text("dsn_orig_rcpt")?,
            notify: fields.int("notify_flags")?,
        };
        fields.end()?;
        Ok(recipient)
    }

    pub(crate) fn put(&self, list: List) -> List {
        let Self { original, address, offset, orcpt, notify } = self;
        list.text("original_recipient", original)
            .text("recipient", address)
            .long("offset", *offset)
            .text("dsn_orig_rcpt", orcpt)
            .int("notify_flags", *notify)
    }

    /// The list, as qmgr would send it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.put(List::new()).end()
    }
}

/// Puts a request together from octets as they come.
#[derive(Debug, Default)]
pub struct RequestReader {
    incoming: Incoming,
    request: Option<Request>,
    recipients: Vec<Recipient>,
}

impl RequestReader {
    /// Takes octets; the request, once it is complete.
    ///
    /// # Errors
    /// [`AttrError`]: qmgr and this agent do not understand each other.
    pub fn feed(&mut self, octets: &[u8]) -> Result<Option<Delivery>, AttrError> {
        self.incoming.feed(octets);
        loop {
            let missing = self.missing()?;
            if missing == Some(0) {
                let recipients = std::mem::take(&mut self.recipients);
                return Ok(self.request.take().map(|request| Delivery { request, recipients }));
            }
            match (missing, self.incoming.next_list()?) {
                (_, None) => return Ok(None),
                (None, Some(fields)) => self.request = Some(Request::decode(fields)?),
                (Some(_), Some(fields)) => self.recipients.push(Recipient::decode(fields)?),
            }
        }
    }

    /// Whether a part of a request has come, and not all of it.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.request.is_some() || !self.incoming.is_empty()
    }

    /// How many recipients are still to come, once that is known.
    fn missing(&self) -> Result<Option<usize>, AttrError> {
        let Some(request) = &self.request else { return Ok(None) };
        match usize::try_from(request.recipient_count) {
            Ok(count) if count <= MAX_RECIPIENTS => Ok(Some(count.saturating_sub(self.recipients.len()))),
            _ => {
                let value = Text::from(request.recipient_count.to_string());
                Err(AttrError::Malformed { name: "recipient_count", value })
            }
        }
    }
}

#[cfg(test)]
mod tests;
