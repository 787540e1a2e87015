//! The SMTP listener.

use std::net::SocketAddr;
use std::time::Duration;

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::value::{Networks, Positive};

params! {
    /// The SMTP listener.
    Intake {
        /// Where it listens.
        listen: Vec<SocketAddr> = "baton_intake_listen", "127.0.0.1:2525", Shared, Act;
        /// Networks that may send mail through it.
        clients: Networks = "baton_intake_clients", "127.0.0.0/8 [::1]/128", Shared, Act;
        /// The text after 220.
        banner: String = "smtpd_banner", "$myhostname ESMTP $mail_name", Shared, Act;
        /// How long a client may take for a command or a piece of text.
        timeout: Positive<Duration> = "smtpd_timeout", "${stress?{10}:{300}}s", Shared, Act;
        /// Most connections of one client at once.
        connection_count_limit: Option<Positive<u32>> = "smtpd_client_connection_count_limit", "50", Shared, Act;
        /// Most recipients of one message.
        recipient_limit: Positive<u32> = "smtpd_recipient_limit", "1000", Shared, Act;
        /// After how many errors without a delivery a client is disconnected.
        hard_error_limit: Positive<u32> = "smtpd_hard_error_limit", "${stress?{1}:{20}}", Shared, Act;
        /// Most text of unfinished messages in memory, all clients together; beyond it 452. Octets.
        memory_limit: Positive<u64> = "baton_intake_memory_limit", "67108864", Shared, Act;
        /// Most messages that wait for the disk; beyond it 452.
        unsynced_limit: Positive<u32> = "baton_intake_unsynced_limit", "1000", Shared, Act;
        /// Most connections at once, all clients together.
        session_limit: Positive<u32> = "baton_intake_session_limit", "500", Shared, Act;
    }
}
