//! How many messages a connection may still send.

use crate::limits::{MESSAGES_BURST_MAX, MESSAGES_PER_SECOND_MAX};
use std::time::Duration;

/// [`MESSAGES_BURST_MAX`] messages at once, [`MESSAGES_PER_SECOND_MAX`] in the long run. Counted in microseconds, so that
/// short ticks add up.
#[derive(Debug)]
pub(crate) struct Budget {
    credit_us: u64,
}

impl Budget {
    const COST_US: u64 = 1_000_000 / MESSAGES_PER_SECOND_MAX;
    const CREDIT_MAX_US: u64 = MESSAGES_BURST_MAX * Self::COST_US;

    pub(crate) fn refill(&mut self, elapsed: Duration) {
        self.credit_us = (self.credit_us + elapsed.as_micros() as u64).min(Self::CREDIT_MAX_US);
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.credit_us < Self::COST_US
    }

    /// Takes the price of one message; `false` if it is not there.
    pub(crate) fn spend(&mut self) -> bool {
        let can = !self.is_spent();
        if can {
            self.credit_us -= Self::COST_US;
        }
        can
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { credit_us: Self::CREDIT_MAX_US }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_may_burst_and_then_keeps_to_its_rate() {
        let mut budget = Budget::default();
        let burst = (0..10_000).take_while(|_| budget.spend()).count();
        assert_eq!(burst as u64, MESSAGES_BURST_MAX);
        let mut sent = 0;
        for _ in 0..1_000 {
            budget.refill(Duration::from_millis(1));
            sent += u64::from(budget.spend());
        }
        assert_eq!(sent, MESSAGES_PER_SECOND_MAX);
    }
}
