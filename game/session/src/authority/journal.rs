//! What has to be written down so that a session survives the end of its host.
//!
//! An entry is an event, or a seat that was given to somebody; a snapshot and the entries after it make the session again.
//! The authority only collects them: where they are written, and when, is the host's business.

use super::{Authority, Outbox, Recipient, SeatRecord, edits::fresh, send};
use crate::{
    event::{Event, EventKind},
    grid::{SceneId, TrackId},
    limits::JOURNAL_ENTRIES_MAX,
    state::SeatId,
    time::Micros,
    wire::HostMessage,
};
use serde::{Deserialize, Serialize};

/// A step of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    Event(Event),
    Admitted(SeatRecord),
    /// The seat of somebody who never came.
    Freed(SeatId),
}

/// What has not been written down yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritten {
    /// These entries, oldest first; often none.
    Entries(Vec<Vec<u8>>),
    /// So much that a snapshot is to be written in place of everything.
    Everything,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Journal {
    entries: Vec<Vec<u8>>,
    /// Entries were lost: only a snapshot has it all.
    overflown: bool,
    /// How far everything is safe.
    durable: u64,
}

impl Authority {
    /// From now on, what happens is collected to be written down; everything so far is in the next snapshot.
    pub fn keep_journal(&mut self) {
        self.journal = Some(Journal { overflown: true, ..Journal::default() });
    }

    /// The same, where everything up to event `seq`, and no more has happened, is written down already.
    pub(super) fn keep_journal_from(&mut self, seq: u64) {
        self.journal = Some(Journal { durable: seq, ..Journal::default() });
    }

    /// What has happened since this was last asked; once.
    pub fn take_unwritten(&mut self) -> Unwritten {
        let Some(journal) = &mut self.journal else { return Unwritten::Entries(Vec::new()) };
        let entries = std::mem::take(&mut journal.entries);
        if std::mem::take(&mut journal.overflown) { Unwritten::Everything } else { Unwritten::Entries(entries) }
    }

    /// What was taken could not be written down: the next time everything is to be.
    pub fn lose_unwritten(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.entries.clear();
            journal.overflown = true;
        }
    }

    /// Everything up to event `seq` is written down and safe; all players are told.
    pub fn written(&mut self, seq: u64, out: &mut Outbox) {
        if let Some(journal) = self.journal.as_mut().filter(|journal| journal.durable < seq) {
            journal.durable = seq;
            send(out, Recipient::All, &HostMessage::Durable(seq));
        }
    }

    /// How far everything is safe; `None` where nothing is written down.
    pub(super) fn durable(&self) -> Option<u64> {
        self.journal.as_ref().map(|journal| journal.durable)
    }

    pub(super) fn write(&mut self, entry: impl FnOnce() -> Entry) {
        let Some(journal) = self.journal.as_mut().filter(|journal| !journal.overflown) else { return };
        if journal.entries.len() < JOURNAL_ENTRIES_MAX {
            // Writing to a Vec cannot fail, and every type of this crate has a serialised form.
            journal.entries.push(postcard::to_stdvec(&entry()).unwrap_or_default());
        } else {
            journal.entries.clear();
            journal.overflown = true;
        }
    }

    /// Somebody came into a seat, or left it.
    fn note_leaving(&mut self, seat: SeatId, since: Option<Micros>) {
        for record in self.seats.iter_mut().filter(|record| record.seat == seat) {
            record.empty_since = since;
        }
    }

    /// Makes a step again; `None` if it does not fit.
    pub(super) fn replay(&mut self, entry: &[u8]) -> Option<()> {
        match postcard::from_bytes(entry).ok()? {
            Entry::Admitted(record) => {
                self.seats.retain(|seat| seat.seat != record.seat);
                self.seats.push(record);
            }
            Entry::Freed(seat) => self.seats.retain(|record| record.seat != seat),
            Entry::Event(event) => {
                // One that comes back by an undo has its old number, and a new one the next.
                let track = TrackId(fresh(self.last_track.0, |id| self.state.track(TrackId(id)).is_some()));
                let scene = SceneId(fresh(self.last_scene.0, |id| self.state.scene(SceneId(id)).is_some()));
                self.state.apply(&event).ok()?;
                let at = event.at;
                match event.kind {
                    EventKind::PlayerJoined(player) => self.note_leaving(player.seat, None),
                    EventKind::PlayerLost(seat) => self.note_leaving(seat, Some(at)),
                    EventKind::TrackAdded { track: added, .. } if added == track => self.last_track = track,
                    EventKind::SceneAdded { scene: added, .. } if added == scene => self.last_scene = scene,
                    EventKind::PlayerRemoved(seat) => self.unseat(seat),
                    EventKind::PlayerGone(seat) => self.seats.retain(|record| record.seat != seat),
                    EventKind::PlayerChanged(player) => {
                        for record in self.seats.iter_mut().filter(|record| record.seat == player.seat) {
                            (record.name, record.colour, record.avatar) =
                                (player.name.clone(), player.colour, player.avatar);
                        }
                    }
                    _ => {}
                }
            }
        }
        Some(())
    }
}
