//! Logging in to servers: credentials, mechanisms, what a refusal means.

use std::time::Duration;

use crate::param::Mirror::{Same, Shared};
use crate::param::Today::{Act, Warn};
use crate::param::params;
use crate::tables::{DomainList, TableList};
use crate::value::{SaslOptions, SaslType};

params! {
    /// Logging in to servers.
    Sasl {
        /// Log in where the server offers AUTH and there is a credential for it. Needs `smtp_sasl_password_maps`.
        auth_enable: bool = "sasl_auth_enable", "no", Same, Act;
        /// Credentials, as `user:password`: by sender (with `smtp_sender_dependent_authentication`), by host, by next hop as configured, brackets and port included.
        password_maps: TableList = "sasl_password_maps", "", Same, Act;
        /// What ends the user name in a credential; more of it belongs to the password.
        password_result_delimiter: char = "sasl_password_result_delimiter", ":", Same, Act;
        /// Ask for credentials by the sender's address first (SMTP only), and keep sessions of different senders apart.
        sender_dependent: bool = "sender_dependent_authentication", "no", Same, Act;
        /// Which of the server's mechanisms may be used: names, exceptions with `!`, files, tables; the first match decides. Empty: all.
        mechanism_filter: DomainList = "sasl_mechanism_filter", "", Same, Act;
        /// What a mechanism must withstand in plaintext.
        security_options: SaslOptions = "sasl_security_options", "noplaintext, noanonymous", Same, Act;
        /// The same inside TLS.
        tls_security_options: SaslOptions = "sasl_tls_security_options", "$@sasl_security_options", Same, Act;
        /// The same inside TLS with a server whose certificate is the one that the policy asks for.
        tls_verified_security_options: SaslOptions = "sasl_tls_verified_security_options", "$@sasl_tls_security_options", Same, Act;
        /// Mail waits although a login was refused with 5xx.
        auth_soft_bounce: bool = "sasl_auth_soft_bounce", "yes", Same, Act;
        /// Where logins that were refused with 535 are remembered, so that they are not tried again: a table as Postfix has it, `proxy:btree:PATH`, in place of which the folder `PATH.baton` is used. Empty: nowhere.
        auth_cache_name: String = "sasl_auth_cache_name", "", Same, Act;
        /// For how long. A number without unit means days.
        auth_cache_time: Duration = "sasl_auth_cache_time", "90d", Same, Act;
        /// Whose mechanisms are used. There is one choice: they are built in, under the old name.
        implementation: SaslType = "sasl_type", "cyrus", Same, Act;
        /// A hint for mechanisms that are not built in.
        path: String = "sasl_path", "", Same, Warn("the mechanisms are built in, and have nothing to configure");
        /// Send the user name as authorization identity too, in mechanisms that have one.
        send_authzid: bool = "send_cyrus_sasl_authzid", "no", Shared, Act;
        /// Say `AUTH=<>` with MAIL where we are logged in. RFC 4954 §5.
        send_dummy_mail_auth: bool = "send_dummy_mail_auth", "no", Same, Act;
    }
}
