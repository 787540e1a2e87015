//! A connection to one host that can carry mail; once more in plaintext where TLS fails and the policy lets it. Two hosts may
//! be connected to beside each other; only one of them is talked to.

use super::connect::{self, ConnectError};
use super::fate::Position;
use super::greet::{self, Attempt, GreetError, Terms};
use super::login::Footing;
use super::race::{self, Raced};
use super::secure::Fallback;
use super::session::Session;
use super::{Delivery, relay_name};
use crate::duty::Abandoned;
use crate::log::delivery::Relay;
use crate::wire::Socket;
use route::Candidate;
use std::time::Duration;

/// Who was reached.
pub(super) enum Reached {
    /// The host whose turn it is.
    First(Socket),
    /// The one beside it, sooner; whether the first may still be tried.
    Rival(Socket, FirstHost),
    /// Nobody, which was noted; whether the rival was tried too.
    Nobody {
        /// The rival's turn is over as well.
        rival_failed: bool,
    },
}

/// What became of the first host when its rival was sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstHost {
    /// It had not answered yet.
    Slow,
    /// It failed, which was noted.
    Failed,
}

impl Delivery<'_> {
    /// Connects to a host, and if that takes long, to its rival as well.
    pub(super) async fn reach(&mut self, first: &Candidate, rival: &Candidate) -> Result<Reached, Abandoned> {
        let (context, duty) = (self.context, self.duty);
        let stagger = Duration::from_millis(u64::from(context.config.connect.stagger));
        let connect = |candidate| connect::connect(context, candidate, duty);
        Ok(match race::race(connect(first), connect(rival), stagger).await {
            Raced::First(socket) => Reached::First(socket),
            Raced::Second(socket, None) => Reached::Rival(socket, FirstHost::Slow),
            Raced::Second(socket, Some(error)) => {
                self.not_connected(error)?;
                Reached::Rival(socket, FirstHost::Failed)
            }
            Raced::Neither(error, other) => {
                self.not_connected(error)?;
                let rival_failed = other.is_some();
                other.map_or(Ok(()), |other| self.not_connected(other))?;
                Reached::Nobody { rival_failed }
            }
        })
    }

    /// Connects to one host; `None` when that cannot be done, which was noted.
    pub(super) async fn connect_alone(&mut self, candidate: &Candidate) -> Result<Option<Socket>, Abandoned> {
        match connect::connect(self.context, candidate, self.duty).await {
            Ok(socket) => Ok(Some(socket)),
            Err(error) => self.not_connected(error).map(|()| None),
        }
    }

    /// Notes why a host was not connected to.
    fn not_connected(&mut self, error: ConnectError) -> Result<(), Abandoned> {
        match error {
            ConnectError::Abandoned(abandoned) => Err(abandoned),
            ConnectError::Failed(failure) => {
                self.dead = Some(failure.clone());
                self.last_failure = Some(failure);
                self.last_relay = Relay::default();
                Ok(())
            }
        }
    }

    /// A greeted connection; `None` when this host cannot be used, which was noted.
    pub(super) async fn open(
        &mut self,
        candidate: &Candidate,
        footing: &Footing,
        position: Position,
        attempt: Attempt,
        fallback: Option<Fallback>,
    ) -> Result<Option<Session>, Abandoned> {
        let Some(socket) = self.connect_alone(candidate).await? else { return Ok(None) };
        self.open_on(socket, candidate, footing, position, attempt, fallback).await
    }

    /// The same over a connection that is made.
    pub(super) async fn open_on(
        &mut self,
        socket: Socket,
        candidate: &Candidate,
        footing: &Footing,
        position: Position,
        attempt: Attempt,
        fallback: Option<Fallback>,
    ) -> Result<Option<Session>, Abandoned> {
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
