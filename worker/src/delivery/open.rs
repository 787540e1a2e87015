//! A connection to one host that can carry mail; once more in plaintext where TLS fails and the policy lets it.

use super::connect::{self, ConnectError};
use super::fate::Position;
use super::greet::{self, Attempt, GreetError, Terms};
use super::login::Footing;
use super::secure::Fallback;
use super::session::Session;
use super::{Delivery, relay_name};
use crate::duty::Abandoned;
use crate::log::delivery::Relay;
use route::Candidate;

impl Delivery<'_> {
    /// A greeted connection; `None` when this host cannot be used, which was noted.
    pub(super) async fn open(
        &mut self,
        candidate: &Candidate,
        footing: &Footing,
        position: Position,
        attempt: Attempt,
        fallback: Option<Fallback>,
    ) -> Result<Option<Session>, Abandoned> {
        let socket = match connect::connect(self.context, candidate, self.duty).await {
            Ok(socket) => socket,
            Err(ConnectError::Abandoned(abandoned)) => return Err(abandoned),
            Err(ConnectError::Failed(failure)) => {
                tracing::info!("{}", failure.reason);
                self.dead = Some(failure.clone());
                self.last_failure = Some(failure);
                self.last_relay = Relay::default();
                return Ok(None);
            }
        };
        let (context, duty, request) = (self.context, self.duty, self.request);
        let terms = Terms { context, duty, request, candidate, footing, attempt };
        let error = match greet::greet(&terms, socket).await {
            Ok(session) => return Ok(Some(session)),
            Err(error) => error,
        };
        if let (GreetError::NoTls(failure) | GreetError::LostInside(failure), Some(fallback)) =
            (&error, fallback)
        {
            tracing::info!("{}: {}", request.queue_id, failure.reason);
            // Not deeper than once: in plaintext nothing can end for want of TLS.
            let again = self.open(candidate, footing, position, Attempt::InPlaintext(fallback), None);
            return Box::pin(again).await;
        }
        let failure = match error {
            GreetError::Abandoned(abandoned) => return Err(abandoned),
            // The site is well; its TLS is not.
            GreetError::NoTls(failure) => failure,
            GreetError::Failed(failure) | GreetError::Lost(failure) | GreetError::LostInside(failure) => {
                self.dead = Some(failure.clone());
                failure
            }
        };
        self.apply_to_all(&failure, position, &Relay { name: relay_name(candidate), uses: 1 });
        self.last_failure = Some(failure);
        Ok(None)
    }
}
