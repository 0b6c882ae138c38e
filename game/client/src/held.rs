//! A value in somebody's hand: a fader or a tempo that is being dragged.
//!
//! It is shown at once, sent often enough to follow by ear but never in a flood, and let go when the session has it.

use std::time::Duration;

/// Least time between two sent values.
const SEND_INTERVAL: Duration = Duration::from_millis(100);
/// How long a value is shown that the session does not take up.
const KEEP: Duration = Duration::from_millis(800);

/// A value in somebody's hand, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<T> {
    value: Option<T>,
    sent: Option<(T, Duration)>,
    released: Option<Duration>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self { value: None, sent: None, released: None }
    }
}

impl<T: Copy + PartialEq> Held<T> {
    /// The hand moves the value.
    pub(crate) fn hold(&mut self, value: T) {
        self.value = Some(value);
        self.released = None;
    }

    /// The hand lets go.
    pub(crate) fn release(&mut self, now: Duration) {
        if self.value.is_some() && self.released.is_none() {
            self.released = Some(now);
        }
    }

    /// What to show while the session says `truth`.
    pub(crate) fn shown(&mut self, truth: T, now: Duration) -> T {
        let overdue = self.released.is_some_and(|released| now.saturating_sub(released) > KEEP);
        let sent = self.sent.map(|(value, _)| value) == self.value;
        if overdue || self.released.is_some() && sent && self.value == Some(truth) {
            *self = Self::default();
        }
        self.value.unwrap_or(truth)
    }

    /// What is to be sent now: the newest value, at most one per interval, and the last one for certain.
    pub(crate) fn due(&mut self, now: Duration) -> Option<T> {
        let value = self.value?;
        let may = match self.sent {
            None => true,
            Some((sent, at)) => sent != value && (self.released.is_some() || now.saturating_sub(at) >= SEND_INTERVAL),
        };
        may.then(|| self.sent = Some((value, now)))?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_drag_sends_ten_values_a_second_at_most_and_the_last_one_for_certain() {
        let mut held = Held::default();
        let mut sent = Vec::new();
        for step in 0..100_u64 {
            held.hold(step);
            sent.extend(held.due(ms(step * 10)));
        }
        held.release(ms(1_000));
        sent.extend(held.due(ms(1_000)));
        assert!(sent.len() <= 11, "{sent:?}");
        assert_eq!(sent.last(), Some(&99));
        assert_eq!(held.due(ms(1_001)), None);
    }

    #[test]
    fn the_hand_is_shown_until_the_session_agrees() {
        let mut held = Held::default();
        held.hold(7);
        assert_eq!(held.shown(3, ms(0)), 7);
        assert_eq!(held.due(ms(0)), Some(7));
        held.release(ms(10));
        assert_eq!(held.shown(3, ms(20)), 7, "the answer is on its way");
        assert_eq!(held.shown(7, ms(30)), 7);
        assert_eq!(held.shown(3, ms(40)), 3, "somebody else changed it since");
    }

    #[test]
    fn a_value_that_is_not_taken_up_is_dropped() {
        let mut held = Held::default();
        held.hold(7);
        held.due(ms(0));
        held.release(ms(0));
        assert_eq!(held.shown(3, ms(2_000)), 3);
    }
}
