//! How long each stage of the conversation may take.

use std::time::Duration;

use crate::param::Mirror::{Default as LmtpDefault, Named, Same};
use crate::param::Today::Act;
use crate::param::params;
use crate::value::Positive;

params! {
    /// How long each stage of the conversation may take: every wait for the peer, or with `smtp_per_request_deadline` the whole request and reply.
    Timeouts {
        /// TCP connect. 0 waits as long as the kernel does.
        connect: Option<Positive<Duration>> = "connect_timeout", "30s", LmtpDefault("0s"), Act;
        /// The greeting and the reply to HELO, EHLO or LHLO. RFC 5321 §4.5.3.2.1.
        hello: Positive<Duration> = "helo_timeout", "300s", Named("lhlo_timeout"), Act;
        /// XFORWARD and its reply.
        xforward: Positive<Duration> = "xforward_timeout", "300s", Same, Act;
        /// STARTTLS, its reply, and each step of the handshake.
        starttls: Positive<Duration> = "starttls_timeout", "300s", Same, Act;
        /// MAIL FROM and its reply. RFC 5321 §4.5.3.2.2.
        mail: Positive<Duration> = "mail_timeout", "300s", Same, Act;
        /// RCPT TO and its reply. RFC 5321 §4.5.3.2.3.
        rcpt: Positive<Duration> = "rcpt_timeout", "300s", Same, Act;
        /// DATA and its reply. RFC 5321 §4.5.3.2.4.
        data_init: Positive<Duration> = "data_init_timeout", "120s", Same, Act;
        /// Each write of message text. RFC 5321 §4.5.3.2.5.
        data_xfer: Positive<Duration> = "data_xfer_timeout", "180s", Same, Act;
        /// The final dot and each of its replies. RFC 5321 §4.5.3.2.6.
        data_done: Positive<Duration> = "data_done_timeout", "600s", Same, Act;
        /// RSET and its reply.
        rset: Positive<Duration> = "rset_timeout", "20s", Same, Act;
        /// QUIT and its reply.
        quit: Positive<Duration> = "quit_timeout", "300s", Same, Act;
        /// The old name of `smtp_per_request_deadline`, whose default it is when set.
        per_record_deadline: Option<bool> = "per_record_deadline", "", Same, Act;
        /// Each timeout is for a whole request and its whole reply, not for one wait.
        per_request_deadline: bool = "per_request_deadline", "${@per_record_deadline?{$@per_record_deadline}:{no}}", Same, Act;
        /// With the above, message text earns time at this rate. Octets per second.
        min_data_rate: Positive<u32> = "min_data_rate", "500", Same, Act;
    }
}
