//! Who we are: host name, domain, product name.

use crate::param::Mirror::Shared;
use crate::param::Today::Act;
use crate::param::params;
use crate::value::{DomainSource, NonEmpty};

params! {
    /// Own names, in greetings, log lines, bounces and loop checks.
    Identity {
        /// This host's name. Default: the system's, with `.localdomain` where it has no domain.
        hostname: NonEmpty = "myhostname", "", Shared, Act;
        /// This host's domain. Default: `myhostname` without its first label.
        domain: NonEmpty = "mydomain", "", Shared, Act;
        /// The domain that completes addresses without one; `/file` takes it from the file's first line, as Debian does.
        origin: DomainSource = "myorigin", "$myhostname", Shared, Act;
        /// Names, addresses and headers in UTF-8: the listener offers SMTPUTF8, and next hops in other alphabets are asked for
        /// in DNS by their A-labels.
        smtputf8: bool = "smtputf8_enable", "${{$compatibility_level} <level {1} ? {no} : {yes}}", Shared, Act;
        /// The product name in greetings and bounces.
        mail_name: NonEmpty = "mail_name", "Postfix", Shared, Act;
    }
}
