//! What DNS says of a host's certificate, asked where the policy wants to know (RFC 7672).

use super::lookup;
use super::secure::Mx;
use crate::context::Context;
use proto::clock::Boottime;
use route::Candidate;
use route::tlsa::{self, InsecureHosts, TlsaFinding};
use tls::policy::{DaneFinding, Tlsa};

/// The finding, and until when it is true.
pub(super) async fn look_up(
    context: &Context,
    candidate: &Candidate,
    port: u16,
    mx: Mx,
) -> (DaneFinding, Option<Boottime>) {
    let insecure = if context.config.tls.force_insecure_host_tlsa {
        InsecureHosts::Asked
    } else {
        InsecureHosts::Skipped
    };
    if mx == Mx::Insecure && context.tls.policies.ignores_tlsa_of_insecure_mx() {}
    let found = tlsa::find(&context.resolver, candidate, port, insecure, lookup::budget()).await;
    todo!("{found:?}")
}
