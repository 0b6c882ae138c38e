//! An authority that leaves memory while its players stay connected, and is there again when one of them speaks.
//!
//! A host that sleeps while nothing happens (a Durable Object that hibernates) keeps the sockets, and forgets the rest.
//! Unlike after a restart, nobody has to come back: the epoch stays, and so does what a restart may lose.

use super::{Authority, Outbox};
use crate::{event::EventKind, history::History, limits::SEATS_MAX, state::SeatId, time::Micros, wire::Report};
use serde::{Deserialize, Serialize};

/// What a restart may lose, and a nap must not.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    history: History,
    /// What each seat said of itself last.
    reports: Vec<(SeatId, Report)>,
}

impl Authority {
    /// What has to be kept beside the journal so that players do not notice a nap: what they can take back, and how they are
    /// doing. See [`Authority::resume`].
    pub fn memory(&self) -> Vec<u8> {
        let reports = self.seats.iter().map(|seat| (seat.seat, seat.report)).collect();
        let memory = Memory { history: self.history.clone(), reports };
        // Writing to a Vec cannot fail, and every type of this crate has a serialised form.
        postcard::to_stdvec(&memory).unwrap_or_default()
    }

    /// The session of a snapshot and of what was written down after it, as it was before a nap: with these seats connected,
    /// and all others empty since their players left. Everything of it is written down, and what happens from now on is
    /// collected to be. `None` if it is no session.
    ///
    /// A `memory` that is none costs the players what they could take back, and they are told.
    pub fn resume(
        snapshot: &[u8],
        entries: &[Vec<u8>],
        memory: &[u8],
        connected: &[SeatId],
        now: Micros,
        out: &mut Outbox,
    ) -> Option<Self> {
        let mut authority = Self::rebuild(snapshot, entries, now)?;
        authority.keep_journal_from(authority.state.seq());
        let known = postcard::from_bytes::<Memory>(memory).ok().filter(|memory| memory.reports.len() <= SEATS_MAX);
        let is_forgotten = known.is_none();
        let Memory { history, reports } = known.unwrap_or_default();
        authority.history = history;
        for seat in &mut authority.seats {
            let is_connected = connected.contains(&seat.seat);
            seat.empty_since = if is_connected { None } else { seat.empty_since.or(Some(authority.now)) };
            let report = reports.iter().find(|(of, _)| *of == seat.seat);
            seat.report = report.map(|(_, report)| *report).unwrap_or_default();
        }
        let is_alone = authority.seats.iter().all(|seat| seat.empty_since.is_some());
        let left = authority.seats.iter().filter_map(|seat| seat.empty_since).max();
        // Without seats, somebody's going was the last that happened.
        authority.empty_since = is_alone.then(|| left.unwrap_or(authority.state.at()));
        let is_lost = |seat: &SeatId| !connected.contains(seat);
        let absent = authority.state.players().iter().filter(|player| player.present).map(|player| player.seat);
        for seat in absent.filter(is_lost).collect::<Vec<_>>() {
            authority.emit(None, EventKind::PlayerLost(seat), out);
        }
        for seat in connected.iter().filter(|_| is_forgotten) {
            authority.send_history(*seat, out);
        }
        Some(authority)
    }
}
