//! Greeting, EHLO and QUIT.

use crate::param::Mirror::{Default as LmtpDefault, Named, Same, SmtpOnly};
use crate::param::Today::Act;
use crate::param::params;
use crate::value::{Keywords, NonEmpty};

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
    }
}
