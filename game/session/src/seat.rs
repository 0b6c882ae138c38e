//! A seat: one player's side of a session.
//!
//! Knows the replica, the clock, the commands on their way and the presses that have no answer yet. It is driven with
//! bytes and local time, off the window's schedule, and shows itself to the window as a [`View`].

use crate::{
    clock::ClockEstimate,
    command::{Command, CommandId, Refusal},
    cursor::{CursorSender, Pointer},
    edit::Address,
    event::EventKind,
    farewell::Farewell,
    grid::{Action, SceneId, TrackId},
    limits::{CLOCK_UNCERTAIN_US, COMMANDS_IN_FLIGHT_MAX, NOTICES_MAX, PENDING_MAX_US, SEATS_MAX},
    replica::Replica,
    reporting::{Reporting, Way},
    score::Score,
    state::{SeatId, SessionState},
    time::{Beats, Micros},
    wire::{self, ClientMessage, HostMessage, Malformed, Probe, Report},
};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc};

/// Jumps of the clock from this on are told, microseconds.
const CLOCK_JUMP_TOLD_US: i64 = 20_000;
/// Time after the clock was found, or set, within which it may jump unnoticed, microseconds.
const CLOCK_JOINING_US: i64 = 2_000_000;

/// A command that has no answer yet; drawn on top of the state, never written into it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The seat's number of it.
    pub id: CommandId,
    /// What was asked.
    pub command: Command,
    /// When it was asked, the player's clock.
    pub since: Micros,
}

/// Something that the player should be told, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// A command had no effect.
    Refused(Refusal),
    /// The host could not read a message of ours, or we could not read its.
    Malformed(Malformed),
    /// A player came.
    Joined(SeatId),
    /// A player's connection was lost.
    Lost(SeatId),
    /// A player's seat was freed.
    Gone(SeatId),
    /// A player was removed, and the session is locked.
    Removed(SeatId),
    /// Nobody new is let in, or anybody with the code.
    Locked {
        /// Who has decided that.
        by: SeatId,
        /// Whether nobody new is let in.
        locked: bool,
    },
    /// A player wishes that another be removed, or not any more.
    Wished {
        /// Who wishes it.
        by: SeatId,
        /// Who is to go.
        of: SeatId,
        /// Whether they are to go.
        remove: bool,
    },
    /// The session's clock was found so many microseconds ahead of where this machine's own had it, and the sound has
    /// jumped there: the host's was set, or this machine slept. A seat cannot tell which.
    ClockSet(i64),
    /// Somebody else has edited the grid; faders that they move are not told.
    Edited {
        /// Who.
        by: SeatId,
        /// What.
        address: Address,
    },
}

/// What is known of a player beside the session's state; it may be a moment old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Peer {
    /// Where their pointer or finger is, and what they record.
    pub pointer: Pointer,
    /// How their seat is doing.
    pub report: Report,
}

/// What a seat knows, for the window to draw: a copy, taken once a frame.
#[derive(Debug, Clone)]
pub struct View {
    /// Our seat.
    pub me: SeatId,
    /// The session, as far as it was heard of.
    pub state: Arc<SessionState>,
    /// Session time at the moment of the view; `None` until the clock is known.
    pub now: Option<Micros>,
    /// Presses without an answer, oldest first.
    pub pending: Vec<Pending>,
    /// What is known of the players, by seat.
    pub peers: [Peer; SEATS_MAX],
    /// How many edits we can take back, and make again.
    pub history: (u8, u8),
    /// Shortest recent round trip, microseconds.
    pub round_trip_us: Option<u64>,
    /// Bound on the clock's error, microseconds.
    pub uncertainty_us: Option<u64>,
    /// The last event that survives the end of the host; `None` where none does.
    pub durable: Option<u64>,
    /// How long the host has been trying in vain to write down what happened, microseconds; 0 while all is well.
    pub unsaved_us: u64,
}

impl View {
    /// The beat at the moment of the view; the beat of the last event until the clock is known.
    pub fn beat(&self) -> Beats {
        self.state.transport().beat_at(self.now.unwrap_or(self.state.at()))
    }

    /// Whether the transport runs at the moment of the view.
    pub fn is_playing(&self) -> bool {
        self.state.transport().is_playing_at(self.now.unwrap_or(self.state.at()))
    }
}

/// One player's side of a session.
#[derive(Debug, Default)]
pub struct Seat {
    me: SeatId,
    replica: Replica,
    clock: ClockEstimate,
    pending: Vec<Pending>,
    last_command: u32,
    outgoing: VecDeque<Vec<u8>>,
    notices: VecDeque<Notice>,
    resyncing: bool,
    peers: [Peer; SEATS_MAX],
    history: (u8, u8),
    cursor: CursorSender,
    reporting: Reporting,
    durable: Option<u64>,
    farewell: Option<Farewell>,
    /// Since when something has waited to be safe.
    unsaved_since: Option<Micros>,
    /// When the clock was found, or set.
    clock_known_since: Option<Micros>,
}

impl Seat {
    /// A seat that has not heard of its session yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state, once a snapshot has arrived.
    pub fn state(&self) -> Option<&Arc<SessionState>> {
        self.replica.state()
    }

    /// The clock.
    pub fn clock(&self) -> &ClockEstimate {
        &self.clock
    }

    /// What must sound, once a snapshot has arrived.
    pub fn score(&self) -> Option<Score> {
        self.state().map(|state| Score::of(state))
    }

    /// Why the host closes the connection, if it has said so.
    pub fn farewell(&self) -> Option<Farewell> {
        self.farewell
    }

    /// What the window draws; `None` before the first snapshot.
    pub fn view(&self, local: Micros) -> Option<View> {
        Some(View {
            me: self.me,
            state: self.state()?.clone(),
            now: self.clock.session_time(local),
            pending: self
                .pending
                .iter()
                .filter(|pending| local.since(pending.since) < PENDING_MAX_US as i64)
                .cloned()
                .collect(),
            peers: self.peers,
            history: self.history,
            round_trip_us: self.clock.round_trip_us(),
            uncertainty_us: self.clock.uncertainty_us(local),
            durable: self.durable,
            unsaved_us: self.unsaved_since.map_or(0, |since| local.since(since).max(0) as u64),
        })
    }

    /// What the player should be told, oldest first; each once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices).into_iter().collect()
    }

    /// Messages for the authority, in order; to be sent reliably.
    pub fn take_outgoing(&mut self) -> impl Iterator<Item = Vec<u8>> {
        std::mem::take(&mut self.outgoing).into_iter()
    }

    /// A new connection begins: what was in flight on the old one has no answer any more.
    pub fn reconnect(&mut self) {
        self.pending.clear();
        self.outgoing.clear();
        self.resyncing = false;
        self.farewell = None;
        self.peers = [Peer::default(); SEATS_MAX];
        self.cursor.reconnect();
        self.reporting = Reporting::default();
    }

    /// Asks for something. A refusal on the spot is also a notice.
    ///
    /// # Errors
    /// [`Refusal::NotConnected`] before the first snapshot, [`Refusal::NoAnswer`] when too many wait.
    pub fn command(&mut self, local: Micros, command: Command) -> Result<CommandId, Refusal> {
        let refusal = if self.state().is_none() {
            Some(Refusal::NotConnected)
        } else {
            (self.pending.len() >= COMMANDS_IN_FLIGHT_MAX).then_some(Refusal::NoAnswer)
        };
        if let Some(refusal) = refusal {
            self.notice(Notice::Refused(refusal));
            return Err(refusal);
        }
        self.last_command += 1;
        let id = CommandId(self.last_command);
        self.outgoing.push_back(wire::encode(&ClientMessage::Command { id, command: command.clone() }));
        self.pending.push(Pending { id, command, since: local });
        Ok(id)
    }

    /// A pad is pressed: launches its clip; cancels it if it is queued; stops it if it plays; stops the track if the
    /// pad is empty. Returns what was asked, if anything.
    ///
    /// # Errors
    /// As [`Seat::command`].
    pub fn press(&mut self, local: Micros, track: TrackId, scene: SceneId) -> Result<Option<Command>, Refusal> {
        let command = self.view(local).map(|view| pad_command(&view, track, scene));
        match command {
            None => self.command(local, Command::Launch { track, scene }).map(|_| None),
            Some(None) => Ok(None),
            Some(Some(command)) => self.command(local, command.clone()).map(|_| Some(command)),
        }
    }

    /// Tells the authority how this seat is doing, if that is news.
    pub fn report(&mut self, local: Micros, way: Way) {
        if self.state().is_none() || self.outgoing.len() >= COMMANDS_IN_FLIGHT_MAX {
            return;
        }
        if let Some(report) = self.reporting.due(local, &self.clock, way) {
            self.outgoing.push_back(wire::encode(&ClientMessage::Report(report)));
        }
    }

    /// Whether the clock should be probed more often: it may be off by more than the network's way explains.
    pub fn is_uncertain(&self, local: Micros) -> bool {
        let half = self.clock.round_trip_us().map(|round_trip| round_trip / 2);
        let bound = self.clock.uncertainty_us(local).zip(half);
        self.clock.is_in_doubt() || bound.is_none_or(|(bound, half)| bound > half + CLOCK_UNCERTAIN_US)
    }

    /// Where the player's pointer or finger is, and what the player records.
    pub fn set_pointer(&mut self, local: Micros, pointer: Pointer) {
        self.cursor.set(local, pointer);
    }

    /// A message for the authority that may be lost, if one is due.
    pub fn take_unreliable(&mut self, local: Micros) -> Option<Vec<u8>> {
        self.state()?;
        self.cursor.due(local).map(|pointer| wire::encode(&ClientMessage::Cursor(pointer)))
    }

    /// Takes a time probe's reply that arrived at `local`. Returns whether it was usable.
    pub fn probe_reply(&mut self, local: Micros, probe: &Probe) -> bool {
        let before = self.clock.line();
        let usable = self.clock.probe(probe, local);
        if let (Some(before), Some(after)) = (before, self.clock.line()) {
            let known_since = *self.clock_known_since.get_or_insert(local);
            let jump = (after.offset_at(local) - before.offset_at(local)).round() as i64;
            // On joining, the first probes may be far off; nobody has heard anything yet.
            if jump.saturating_abs() >= CLOCK_JUMP_TOLD_US && local.since(known_since) > CLOCK_JOINING_US {
                self.clock_known_since = Some(local);
                self.notice(Notice::ClockSet(jump));
            }
        }
        usable
    }

    /// Takes a message of the authority that arrived at `local`, the player's clock; where the moment is not known, a later
    /// one will do.
    pub fn receive(&mut self, local: Micros, bytes: &[u8]) {
        match wire::decode(bytes) {
            Ok(HostMessage::Beacon(sent)) => self.clock.beacon(sent, local),
            Ok(message) => {
                let is_acknowledgement = matches!(message, HostMessage::Durable(_));
                self.message(message);
                self.wait_for_safety(local, is_acknowledgement);
            }
            Err(malformed) => self.notice(Notice::Malformed(malformed)),
        }
    }

    /// Notes since when what has happened is not safe; each acknowledgement is a sign of life.
    fn wait_for_safety(&mut self, local: Micros, is_acknowledgement: bool) {
        let is_safe = match (self.durable, self.state()) {
            (Some(durable), Some(state)) => durable >= state.seq(),
            _ => true,
        };
        if is_safe {
            self.unsaved_since = None;
        } else if is_acknowledgement || self.unsaved_since.is_none() {
            self.unsaved_since = Some(local);
        }
    }

    fn message(&mut self, message: HostMessage) {
        match message {
            HostMessage::Welcome { seat, durable, .. } => {
                self.me = seat;
                self.durable = durable;
                self.reconnect();
            }
            HostMessage::Durable(seq) => self.durable = Some(seq),
            HostMessage::Snapshot { index, count, bytes } => match self.replica.snapshot_piece(index, count, &bytes) {
                Ok(true) => self.resyncing = false,
                Ok(false) => {}
                Err(_) => self.resync(),
            },
            HostMessage::Event(event) => {
                if let Some(cause) = event.cause.filter(|cause| cause.seat == self.me) {
                    self.pending.retain(|pending| pending.id != cause.command);
                }
                if let Some(cause) = event.cause.filter(|cause| cause.seat != self.me)
                    && let Some(address) = event.kind.touched().next().filter(|address| !address.is_fader())
                {
                    self.notice(Notice::Edited { by: cause.seat, address });
                }
                match &event.kind {
                    EventKind::PlayerJoined(player) if player.seat != self.me => {
                        self.notice(Notice::Joined(player.seat));
                    }
                    EventKind::PlayerLost(seat) => {
                        self.with_peer(*seat, |peer| *peer = Peer::default());
                        self.notice(Notice::Lost(*seat));
                    }
                    EventKind::PlayerGone(seat) => self.notice(Notice::Gone(*seat)),
                    EventKind::PlayerRemoved(seat) => {
                        self.with_peer(*seat, |peer| *peer = Peer::default());
                        self.notice(Notice::Removed(*seat));
                    }
                    EventKind::RemovalWished { by, of, remove } => {
                        self.notice(Notice::Wished { by: *by, of: *of, remove: *remove });
                    }
                    EventKind::Locked(locked) => {
                        if let Some(cause) = event.cause {
                            self.notice(Notice::Locked { by: cause.seat, locked: *locked });
                        }
                    }
                    _ => {}
                }
                if self.replica.apply(&event).is_err() {
                    self.resync();
                }
            }
            HostMessage::Refused { id, refusal } => {
                self.pending.retain(|pending| pending.id != id);
                self.notice(Notice::Refused(refusal));
            }
            HostMessage::Malformed(malformed) => self.notice(Notice::Malformed(malformed)),
            HostMessage::History { undo, redo } => self.history = (undo, redo),
            HostMessage::Report { seat, report } => self.with_peer(seat, |peer| peer.report = report),
            HostMessage::Cursor { seat, pointer } => self.with_peer(seat, |peer| peer.pointer = pointer),
            HostMessage::Farewell(farewell) => self.farewell = Some(farewell),
            // Taken with the moment of its arrival, see `receive`.
            HostMessage::Beacon(_) => {}
        }
    }

    fn with_peer(&mut self, seat: SeatId, change: impl FnOnce(&mut Peer)) {
        if let Some(peer) = self.peers.get_mut(usize::from(seat.0)) {
            change(peer);
        }
    }

    /// Asks for a snapshot, once until it comes.
    fn resync(&mut self) {
        if !self.resyncing {
            self.resyncing = true;
            self.outgoing.push_back(wire::encode(&ClientMessage::Resync));
        }
    }

    fn notice(&mut self, notice: Notice) {
        if self.notices.len() == NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }
}

/// What a press on a pad means, given what the player sees.
fn pad_command(view: &View, track: TrackId, scene: SceneId) -> Option<Command> {
    let slots = view.state.track(track)?;
    let beat = view.beat();
    let pending = view.pending.iter().rev().find_map(|pending| match &pending.command {
        Command::Launch { track: t, scene } if *t == track => Some(Some(*scene)),
        Command::StopTrack { track: t } | Command::Unqueue { track: t } if *t == track => Some(None),
        _ => None,
    });
    let queued = slots.queued_at(beat).map(|queued| queued.action);
    let plays = slots.playing_at(beat).is_some_and(|playing| playing.scene == scene) && slots.is_sounding_at(beat);
    let is_queued = pending.unwrap_or(match queued {
        Some(Action::Launch(scene)) => Some(scene),
        _ => None,
    }) == Some(scene);
    let stops = pending.is_none() && queued == Some(Action::Stop);
    Some(match slots.clip(scene) {
        None => Command::StopTrack { track },
        Some(_) if is_queued => Command::Unqueue { track },
        // A second press on a clip that is about to stop takes the stop back.
        Some(_) if plays && stops => Command::Unqueue { track },
        Some(_) if plays && view.is_playing() => Command::StopTrack { track },
        Some(_) => Command::Launch { track, scene },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probes once, `ms` milliseconds after the beginning, a session whose clock is `offset_us` ahead.
    fn probe(seat: &mut Seat, ms: u64, offset_us: u64) {
        let sent = Micros(1_000_000 + ms * 1_000);
        let there = sent + 2_000 + offset_us;
        seat.probe_reply(sent + 4_000, &Probe { sent, received: there, answered: there });
    }

    #[test]
    fn clocks_that_came_apart_are_told_once_and_joining_is_not() {
        let mut seat = Seat::new();
        for index in 0..40 {
            probe(&mut seat, index * 250, 5_000_000);
        }
        assert!(seat.take_notices().is_empty());
        for index in 40..80 {
            probe(&mut seat, index * 250, 12_000_000);
        }
        let notices = seat.take_notices();
        assert!(matches!(notices[..], [Notice::ClockSet(by)] if (by - 7_000_000).abs() < 1_000), "{notices:?}");
    }

    #[test]
    fn a_clock_is_uncertain_until_it_is_known() {
        let mut seat = Seat::new();
        assert!(seat.is_uncertain(Micros(0)));
        for index in 0..10 {
            probe(&mut seat, index * 50, 5_000_000);
        }
        assert!(!seat.is_uncertain(Micros(1_500_000)));
        assert!(seat.is_uncertain(Micros(3_600_000_000)), "nobody has asked for an hour");
    }
}
