//! Greeting, EHLO and QUIT.

use std::time::Duration;

use crate::param::Mirror::{Default as LmtpDefault, Named, Same, SmtpOnly};
use crate::param::Today::Act;
use crate::param::params;
use crate::tables::TableList;
use crate::value::{Keywords, NonEmpty, Positive};

params! {
    /// How a session begins and ends.
    Hello {
        /// The name in EHLO, HELO or LHLO.
        name: NonEmpty = "helo_name", "$myhostname", Named("lhlo_name"), Act;
        /// Say EHLO even where the greeting does not mention ESMTP.
        always_send_ehlo: bool = "always_send_ehlo", "yes", SmtpOnly, Act;
        /// Say HELO only, which gives up every extension.
        never_send_ehlo: bool = "never_send_ehlo", "no", SmtpOnly, Act;
        /// Treat a 5xx greeting as temporary and try the next host.
        skip_5xx_greeting: bool = "skip_5xx_greeting", "yes", Same, Act;
        /// Close without waiting for the reply to QUIT.
        skip_quit_response: bool = "skip_quit_response", "yes", LmtpDefault("no"), Act;
        /// Tell servers that want to know who handed a message in (XFORWARD); for content filters.
        send_xforward: bool = "send_xforward_command", "no", Same, Act;
        /// Extensions to treat as not offered; `silent-discard` keeps that out of the log.
        discard_keywords: Keywords = "discard_ehlo_keywords", "", Named("discard_lhlo_keywords"), Act;
        /// The same by the server's address, or by the path of a Unix socket; replaces the list above.
        discard_keyword_maps: TableList = "discard_ehlo_keyword_address_maps", "", Named("discard_lhlo_keyword_address_maps"), Act;
        /// What the server's lines are to be taken for: a table of lines.
        reply_filter: TableList = "reply_filter", "", Same, Act;
        /// Workarounds for firewalls that hide the greeting behind asterisks: `disable_esmtp`, `delay_dotcrlf`.
        pix_workarounds: Keywords = "pix_workarounds", "disable_esmtp,delay_dotcrlf", Same, Act;
        /// The same by the server's address; replaces the list above.
        pix_workaround_maps: TableList = "pix_workaround_maps", "", Same, Act;
        /// How old mail must be for `delay_dotcrlf`. 0: mail of any age.
        pix_threshold: Duration = "pix_workaround_threshold_time", "500s", Same, Act;
        /// How long `delay_dotcrlf` waits before the final dot.
        pix_delay: Positive<Duration> = "pix_workaround_delay_time", "10s", Same, Act;
    }
}
