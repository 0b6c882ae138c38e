//! How much a player may ask for: so much at once, and so much a second on and on.
//!
//! People and their controllers stay far below it. Whoever floods the session is refused, or is not heard, and costs the
//! others nothing. Driven by session time only; not kept over a restart.

use super::Authority;
use crate::{
    command::CommandClass,
    limits::{
        CONTROLS_BURST, CONTROLS_PER_S, CURSORS_BURST, CURSORS_PER_S, EDITS_BURST, EDITS_PER_S, LAUNCHES_BURST,
        LAUNCHES_PER_S, REPORTS_BURST, REPORTS_PER_S, RESYNCS_BURST, RESYNCS_PER_S, TALK_BURST, TALK_PER_S,
    },
    state::SeatId,
    time::Micros,
};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Command(CommandClass),
    Report,
    Cursor,
    Resync,
}

impl Ask {
    /// So many at once, and so many a second.
    fn pace(self) -> (u32, u32) {
        match self {
            Self::Command(CommandClass::Launch) => (LAUNCHES_BURST, LAUNCHES_PER_S),
            Self::Command(CommandClass::Control) => (CONTROLS_BURST, CONTROLS_PER_S),
            Self::Command(CommandClass::Edit) => (EDITS_BURST, EDITS_PER_S),
            Self::Command(CommandClass::Talk) => (TALK_BURST, TALK_PER_S),
            Self::Report => (REPORTS_BURST, REPORTS_PER_S),
            Self::Cursor => (CURSORS_BURST, CURSORS_PER_S),
            Self::Resync => (RESYNCS_BURST, RESYNCS_PER_S),
        }
    }
}

/// What is left of one allowance: a bucket of tokens, told by when it would be full again. A new one is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    full_at: Micros,
}

impl Allowance {
    /// When the next token is there.
    fn next_at(self, (burst, per_s): (u32, u32)) -> Micros {
        let interval_us = 1_000_000 / u64::from(per_s);
        Micros(self.full_at.0.saturating_sub(interval_us * (u64::from(burst) - 1)))
    }

    /// Takes a token, if one is there, of a bucket that holds so many and gets so many a second.
    pub fn take(&mut self, now: Micros, pace: (u32, u32)) -> bool {
        let is_there = self.next_at(pace) <= now;
        if is_there {
            self.full_at = self.full_at.max(now) + 1_000_000 / u64::from(pace.1);
        }
        is_there
    }
}

/// The allowances of a player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Allowances {
    launches: Allowance,
    controls: Allowance,
    edits: Allowance,
    talk: Allowance,
    reports: Allowance,
    cursors: Allowance,
    resyncs: Allowance,
    /// The player waits for a snapshot.
    pub(super) awaits_snapshot: bool,
}

impl Allowances {
    fn of(&mut self, ask: Ask) -> &mut Allowance {
        match ask {
            Ask::Command(CommandClass::Launch) => &mut self.launches,
            Ask::Command(CommandClass::Control) => &mut self.controls,
            Ask::Command(CommandClass::Edit) => &mut self.edits,
            Ask::Command(CommandClass::Talk) => &mut self.talk,
            Ask::Report => &mut self.reports,
            Ask::Cursor => &mut self.cursors,
            Ask::Resync => &mut self.resyncs,
        }
    }

    /// When the snapshot that the player waits for may be sent.
    pub(super) fn snapshot_at(&self) -> Option<Micros> {
        self.awaits_snapshot.then(|| self.resyncs.next_at(Ask::Resync.pace()))
    }
}

impl Authority {
    /// Takes what is asked for from the player's allowance; `false` where nothing is left of it.
    pub(super) fn may(&mut self, now: Micros, seat: SeatId, ask: Ask) -> bool {
        self.allowances.get_mut(usize::from(seat.0)).is_some_and(|all| all.of(ask).take(now, ask.pace()))
    }

    /// A player waits for a snapshot, or not any more.
    pub(super) fn await_snapshot(&mut self, seat: SeatId, awaits: bool) {
        if let Some(all) = self.allowances.get_mut(usize::from(seat.0)) {
            all.awaits_snapshot = awaits;
        }
    }

    /// The players who wait for a snapshot that may be sent by now.
    pub(super) fn snapshots_due(&self, now: Micros) -> Vec<SeatId> {
        let seats = (0..).map(SeatId).zip(&self.allowances);
        seats.filter(|(_, all)| all.snapshot_at().is_some_and(|at| at <= now)).map(|(seat, _)| seat).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_a_burst_and_then_a_rate_and_full_again_after_a_rest() {
        const PACE: (u32, u32) = (3, 10);
        let (mut allowance, start) = (Allowance::default(), Micros(1_790_000_000_000_000));
        let mut taken = |at| (0..10).take_while(|_| allowance.take(at, PACE)).count();
        assert_eq!(taken(start), 3);
        assert_eq!((taken(start + 99_999), taken(start + 100_000)), (0, 1));
        assert_eq!(taken(start + 350_000), 2);
        assert_eq!(taken(start + 10_000_000), 3, "what is not used does not pile up");
    }
}
