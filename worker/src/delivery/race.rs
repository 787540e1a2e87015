//! Two connections to the same server beside each other, the second a while after the first (RFC 8305 §5).

use route::{Candidate, Endpoint};
use std::future::Future;
use std::time::Duration;

/// What came of it. Whoever is not told of was given up, or not begun.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Raced<T, E> {
    /// The first is there.
    First(T),
    /// The second is there sooner, and perhaps why the first is not: without a reason it may still come.
    Second(T, Option<E>),
    /// Neither is, and why; the second was perhaps not begun.
    Neither(E, Option<E>),
}

/// Begins with `first`, and with `second` too if the first takes longer than `stagger`.
pub(super) async fn race<T, E>(
    first: impl Future<Output = Result<T, E>>,
    second: impl Future<Output = Result<T, E>>,
    stagger: Duration,
) -> Raced<T, E> {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    tokio::select! {
        biased;
        alone = &mut first => return match alone {
            Ok(there) => Raced::First(there),
            Err(error) => Raced::Neither(error, None),
        },
        () = tokio::time::sleep(stagger) => {}
    }
    tokio::select! {
        biased;
        one = &mut first => match one {
            Ok(there) => Raced::First(there),
            Err(error) => match second.await {
                Ok(there) => Raced::Second(there, Some(error)),
                Err(other) => Raced::Neither(error, Some(other)),
            },
        },
        other = &mut second => match other {
            Ok(there) => Raced::Second(there, None),
            Err(other) => match first.await {
                Ok(there) => Raced::First(there),
                Err(error) => Raced::Neither(error, Some(other)),
            },
        },
    }
}

/// Which of the candidates after `first` may be tried beside it: the next one that is worth as much, by the other family.
pub(super) fn rival<'a>(first: &Candidate, after: impl Iterator<Item = &'a Candidate>) -> Option<usize> {
    let family = |candidate: &Candidate| match &candidate.endpoint {
        Endpoint::Inet(address) => Some(address.is_ipv4()),
        Endpoint::Unix(_) => None,
    };
    let own = family(first)?;
    after
        .take_while(|other| other.preference == first.preference)
        .position(|other| family(other) == Some(!own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{pending, ready};
    use tokio::sync::{Notify, oneshot};

    const NEVER: Duration = Duration::from_secs(86_400);
    const AT_ONCE: Duration = Duration::ZERO;

    type Outcome = Result<u8, &'static str>;

    fn never() -> impl Future<Output = Outcome> {
        pending()
    }

    /// The first is there once the second has begun; the second at its second look, when the first is there already.
    async fn both(first: Outcome, second: Outcome) -> Raced<u8, &'static str> {
        let begun = Notify::new();
        let one = async {
            begun.notified().await;
            first
        };
        let other = async {
            begun.notify_one();
            tokio::task::yield_now().await;
            second
        };
        race(one, other, AT_ONCE).await
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_second_is_begun_only_when_the_first_is_slow() {
        assert_eq!(race(ready(Ok(1)), never(), AT_ONCE).await, Raced::First(1));
        assert_eq!(race(ready(Err("no")), never(), NEVER).await, Raced::Neither("no", None));
        assert_eq!(race(never(), ready(Ok(2)), AT_ONCE).await, Raced::Second(2, None));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn whoever_is_left_is_waited_for() {
        let slow_first = async {
            tokio::task::yield_now().await;
            Err("no")
        };
        let (tell, told) = oneshot::channel();
        let first = async { told.await.unwrap() };
        let second = async {
            tell.send(Ok(1)).unwrap();
            slow_first.await
        };
        assert_eq!(race(first, second, AT_ONCE).await, Raced::First(1));
        assert_eq!(both(Err("no"), Ok(2)).await, Raced::Second(2, Some("no")));
        assert_eq!(both(Err("a"), Err("b")).await, Raced::Neither("a", Some("b")));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_second_that_fails_leaves_the_first_its_time() {
        let begun = Notify::new();
        let first = async {
            begun.notified().await;
            // Not before the second has failed.
            tokio::task::yield_now().await;
            Ok(1)
        };
        let second = async {
            begun.notify_one();
            Outcome::Err("no")
        };
        assert_eq!(race(first, second, AT_ONCE).await, Raced::First(1));
    }

    #[test]
    fn rivals_are_worth_as_much_and_of_the_other_family() {
        let candidate = |address: &str, preference| Candidate {
            host: "h".into(),
            canonical: None,
            endpoint: Endpoint::Inet(address.parse().unwrap()),
            preference,
            best: true,
            secure: false,
        };
        let first = candidate("[::1]:25", 10);
        let others = [candidate("[::2]:25", 10), candidate("1.2.3.4:25", 10), candidate("1.2.3.5:25", 20)];
        assert_eq!(rival(&first, others.iter()), Some(1));
        assert_eq!(rival(&first, others.iter().skip(2)), None);
        assert_eq!(rival(&others[1], [first.clone()].iter()), Some(0));
        let unix = Candidate { endpoint: Endpoint::Unix("/s".into()), ..first };
        assert_eq!(rival(&unix, others.iter()), None);
    }
}
