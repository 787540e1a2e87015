//! One destination's concurrency window: how many deliveries it may hold, moved by what they report.

use crate::settings::TransportSettings;

/// The window and the fractions that have not yet moved it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window {
    size: u32,
    success: f64,
    failure: f64,
    failed_cohorts: f64,
}

/// What a site failure leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survival {
    Alive,
    Dead,
}

impl Window {
    /// A destination nothing is known of: `initial_destination_concurrency`.
    pub(crate) fn initial(settings: &TransportSettings) -> Self {
        Self::of(settings.initial_destination_concurrency.get(), settings)
    }

    /// A dead destination that answered after all: as many as are on their way there, else as at the start.
    pub(crate) fn revived(busy: u32, settings: &TransportSettings) -> Self {
        if busy > 0 { Self::of(busy, settings) } else { Self::initial(settings) }
    }

    fn of(size: u32, settings: &TransportSettings) -> Self {
        let mut window = Self { size, success: 0.0, failure: 0.0, failed_cohorts: 0.0 };
        window.clamp(settings);
        window
    }

    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    /// Keep to `destination_concurrency_limit`, also after that was changed.
    pub(crate) fn clamp(&mut self, settings: &TransportSettings) {
        if let Some(limit) = settings.destination_concurrency_limit {
            self.size = self.size.min(limit.get());
        }
    }

    /// The site was reached. `busy` still counts the delivery that says so.
    ///
    /// Grows only when the window is in use (`size < busy + initial`). Half an amount of rounding keeps sums of
    /// fractions like 1/3 from falling just short of the step.
    pub(crate) fn succeeded(&mut self, busy: u32, settings: &TransportSettings) {
        self.failed_cohorts = 0.0;
        let room = settings.destination_concurrency_limit.is_none_or(|limit| self.size < limit.get());
        if !room || self.size >= busy.saturating_add(settings.initial_destination_concurrency.get()) {
            return;
        }
        let amount = settings.positive_feedback.amount(self.size);
        self.success += amount;
        while self.success + amount / 2.0 >= 1.0 {
            self.size = self.size.saturating_add(1);
            self.success -= 1.0;
            self.failure = 0.0;
        }
        self.clamp(settings);
    }

    /// The site failed. `failed_cohort_limit` windows full of failures without one success are the death of it;
    /// until then the window shrinks, but one delivery always stays.
    pub(crate) fn failed(&mut self, settings: &TransportSettings) -> Survival {
        self.failed_cohorts += 1.0 / f64::from(self.size.max(1));
        if settings.failed_cohort_limit.is_some_and(|limit| self.failed_cohorts >= f64::from(limit.get())) {
            return Survival::Dead;
        }
        let amount = settings.negative_feedback.amount(self.size);
        self.failure -= amount;
        while self.failure - amount / 2.0 < 0.0 {
            self.size = self.size.saturating_sub(1).max(1);
            self.success = 0.0;
            self.failure += 1.0;
        }
        Survival::Alive
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn settings(positive: &str, negative: &str, cohorts: u32) -> TransportSettings {
        TransportSettings {
            positive_feedback: positive.parse().unwrap(),
            negative_feedback: negative.parse().unwrap(),
            failed_cohort_limit: NonZeroU32::new(cohorts),
            ..TransportSettings::documented()
        }
    }

    fn sizes(window: &mut Window, settings: &TransportSettings, failures: usize) -> Vec<Option<u32>> {
        (0..failures)
            .map(|_| match window.failed(settings) {
                Survival::Alive => Some(window.size()),
                Survival::Dead => None,
            })
            .collect()
    }

    #[test]
    fn three_failures_kill_a_fresh_destination() {
        let settings = settings("1", "1", 1);
        assert_eq!(sizes(&mut Window::initial(&settings), &settings, 3), [Some(3), Some(2), None]);
    }

    #[test]
    fn without_a_cohort_limit_one_delivery_stays() {
        let settings = settings("1", "1", 0);
        let seen = sizes(&mut Window::initial(&settings), &settings, 50);
        assert_eq!(seen.last(), Some(&Some(1)));
    }

    #[test]
    fn a_success_forgives_failed_cohorts() {
        let settings = settings("1", "1", 1);
        let mut window = Window::initial(&settings);
        for _ in 0..20 {
            assert!(sizes(&mut window, &settings, 2).iter().all(Option::is_some));
            for _ in 0..4 {
                window.succeeded(window.size(), &settings);
            }
        }
        assert!(window.size() >= 5);
    }

    #[test]
    fn a_whole_step_per_success_grows_to_the_limit_and_no_further() {
        let settings = settings("1", "1", 1);
        let mut window = Window::initial(&settings);
        let mut seen = Vec::new();
        for _ in 0..20 {
            window.succeeded(window.size(), &settings);
            seen.push(window.size());
        }
        // With a whole step the rounding makes the first success count for one and leaves nothing over.
        assert_eq!(seen.first(), Some(&6));
        assert_eq!(seen.last(), Some(&20));
        assert!(seen.windows(2).all(|pair| pair[1] >= pair[0] && pair[1] <= 20));
    }

    #[test]
    fn one_over_concurrency_grows_by_one_per_window_of_successes() {
        let settings = settings("1/concurrency", "1", 1);
        let mut window = Window::initial(&settings);
        let mut needed = Vec::new();
        let mut count = 0;
        while window.size() < 9 {
            let before = window.size();
            window.succeeded(before, &settings);
            count += 1;
            if window.size() > before {
                needed.push(count);
                count = 0;
            }
        }
        assert_eq!(needed, [5, 6, 7, 8]);
    }

    #[test]
    fn an_unused_window_does_not_grow() {
        let settings = settings("1", "1", 1);
        let mut window = Window::initial(&settings);
        for _ in 0..100 {
            window.succeeded(1, &settings);
        }
        assert_eq!(window.size(), 6, "initial 5 with one busy: 6 = busy + initial is where it stops");
    }

    #[test]
    fn small_negative_steps_add_up() {
        let settings = settings("1", "1/concurrency", 0);
        let mut window = Window::initial(&settings);
        let seen = sizes(&mut window, &settings, 6);
        assert_eq!(seen.first(), Some(&Some(4)), "the first failure always counts");
        let shrunk: Vec<u32> = seen.into_iter().flatten().collect();
        assert!(shrunk.windows(2).all(|pair| pair[0] - pair[1] <= 1));
        assert!(shrunk.contains(&3));
    }

    #[test]
    fn a_step_one_way_clears_the_fractions_of_the_other() {
        let settings = settings("1/concurrency", "1/concurrency", 0);
        let mut window = Window::initial(&settings);
        (0..4).for_each(|_| window.succeeded(5, &settings));
        assert_eq!(sizes(&mut window, &settings, 1), [Some(4)]);
        // The four fifths gathered before the failure are gone: a whole window of successes is needed.
        (0..3).for_each(|_| window.succeeded(4, &settings));
        assert_eq!(window.size(), 4);
        window.succeeded(4, &settings);
        assert_eq!(window.size(), 5);
        // And so is what remained of the failure: the next one counts at once.
        assert_eq!(sizes(&mut window, &settings, 1), [Some(4)]);
    }

    #[test]
    fn a_start_above_the_limit_is_cut_to_it() {
        let settings = TransportSettings {
            destination_concurrency_limit: NonZeroU32::new(2),
            ..TransportSettings::documented()
        };
        assert_eq!(Window::initial(&settings).size(), 2);
        assert_eq!(Window::revived(7, &settings).size(), 2);
        assert_eq!(Window::revived(1, &settings).size(), 1);
    }
}
