//! Defer or bounce.

use crate::param::Mirror::{LmtpOnly, Same, Shared};
use crate::param::Today::Act;
use crate::param::params;
use crate::tables::TableList;
use crate::value::VerifyTarget;

params! {
    /// What becomes of mail that was refused.
    Errors {
        /// Turn every permanent failure into a temporary one.
        soft_bounce: bool = "soft_bounce", "no", Shared, Act;
        /// What a result is to be taken for at last: `X.Y.Z text` by `X.Y.Z text`.
        delivery_status_filter: TableList = "delivery_status_filter", "$default_delivery_status_filter", Same, Act;
        /// The same for every delivery agent.
        default_delivery_status_filter: TableList = "default_delivery_status_filter", "", Shared, Act;
        /// Which reply says whether an address probe succeeds: that to RCPT or that to DATA.
        address_verify_target: VerifyTarget = "address_verify_target", "rcpt", Same, Act;
        /// The LMTP server is the final destination: report `delivered`, not `relayed`.
        assume_final: bool = "assume_final", "no", LmtpOnly, Act;
    }
}
