//! Any sequence of steps that a host can take with an authority: players come and go, send anything, time passes, the
//! host ends and begins again.
//!
//! After each step every bound holds, every player who is there sees the truth, and what was written down is the truth.

use super::Script;
use keyboardia_session::{
    Authority, JoinError, Manifest, Micros, Name, Outbox, Patience, Profile, Recipient, Seat, SeatId, SeatToken,
    SessionSetup, SessionState, Unwritten,
    limits::{
        JOURNAL_ENTRIES_MAX, LEAD_MAX_US, LEAD_MIN_US, MESSAGE_BYTES_MAX, PROTOCOL_VERSION, QUEUE_MAX, SCENES_MAX,
        SEATS_MAX, SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNKS_MAX, TRACKS_MAX, UNDO_STEPS_MAX,
    },
    wire::{self, ClientMessage, HostMessage},
};
use std::{collections::BTreeMap, sync::OnceLock};

/// When every session begins.
const START: Micros = Micros(1_790_000_000_000_000);
/// Steps that are taken at most.
const STEPS_MAX: usize = 100;
/// Tracks and scenes at the start.
const CORNER: u8 = 3;
/// Players who want to play: more than there are seats.
const PLAYERS: u8 = 12;
/// What one step may add to an outbox: a snapshot, something about every seat, and a handful of events.
const OUTBOX_MAX: usize = SNAPSHOT_CHUNKS_MAX + 3 * SEATS_MAX + 8;

/// What a step does; the first byte of it, modulo their number.
pub(super) mod step {
    pub(crate) const ADMIT: u8 = 0;
    pub(crate) const JOIN: u8 = 1;
    pub(crate) const LEAVE: u8 = 2;
    pub(crate) const SAY: u8 = 3;
    pub(crate) const SAY_BYTES: u8 = 4;
    pub(crate) const PASS: u8 = 5;
    pub(crate) const WAKE: u8 = 6;
    pub(crate) const EARLIER: u8 = 7;
    pub(crate) const WRITTEN: u8 = 8;
    pub(crate) const LOSE: u8 = 9;
    pub(crate) const RESTORE: u8 = 10;
    pub(crate) const RESTART: u8 = 11;
    pub(crate) const COUNT: u8 = 12;
}

/// Takes the steps that the bytes spell.
pub fn authority(bytes: &[u8]) {
    let mut script = Script(bytes);
    let mut trial = Trial::new(script.byte());
    for _ in 0..STEPS_MAX {
        let Some(step) = script.next() else { break };
        trial.step(step % step::COUNT, &mut script);
    }
    trial.end();
}

/// A session, its host and its players.
struct Trial {
    authority: Authority,
    patience: Patience,
    now: Micros,
    /// Who is connected.
    seats: BTreeMap<SeatId, Seat>,
    /// What was written down.
    snapshot: Vec<u8>,
    entries: Vec<Vec<u8>>,
}

impl Trial {
    fn new(patience: u8) -> Self {
        static SETUP: OnceLock<SessionSetup> = OnceLock::new();
        let setup = SETUP.get_or_init(setup);
        let patience = match patience % 4 {
            0 => Patience::default(),
            1 => Patience { seat_us: 1, session_us: 1 },
            2 => Patience { seat_us: 1_000_000, session_us: 3_600_000_000 },
            _ => Patience { seat_us: 3_600_000_000, session_us: 1_000_000 },
        };
        let authority = Authority::new(setup.clone(), START);
        let (seats, snapshot, entries) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut trial = Self { authority, patience, now: START, seats, snapshot, entries };
        trial.authority.set_patience(patience);
        trial.authority.keep_journal();
        trial.check(Outbox::new());
        trial
    }

    fn step(&mut self, step: u8, script: &mut Script) {
        let mut out = Outbox::new();
        match step {
            step::ADMIT => {
                let token = token(script.byte());
                let name = Some(Name::sanitised(&String::from_utf8_lossy(script.take(2))));
                let admitted = self.authority.admit(self.now, &token, Profile { name, ..Profile::default() });
                match admitted {
                    // Who is barred is the authority's own knowledge.
                    Ok(_) | Err(JoinError::Removed) => {}
                    Err(JoinError::Full) => {
                        assert_eq!(self.authority.seats_taken(), SEATS_MAX, "a free seat is refused");
                    }
                    Err(JoinError::Locked) => assert!(self.authority.state().is_locked(), "an open door is shut"),
                    Err(JoinError::UnknownToken) => panic!("whoever brings a token of their own is let in"),
                }
            }
            step::JOIN => {
                let token = token(script.byte());
                if let Ok(seat) = self.authority.join(self.now, &token, &mut out) {
                    self.seats.insert(seat, Seat::new());
                }
            }
            step::LEAVE => {
                let seat = SeatId(script.byte() % PLAYERS);
                self.seats.remove(&seat);
                self.authority.leave(self.now, seat, &mut out);
            }
            step::SAY | step::SAY_BYTES => {
                let seat = SeatId(script.byte() % PLAYERS);
                let message = if step == step::SAY { script.message::<ClientMessage>() } else { None };
                let bytes = message.map_or_else(
                    || {
                        let length = usize::from(script.byte());
                        [&[PROTOCOL_VERSION], script.take(length)].concat()
                    },
                    |message| wire::encode(&message),
                );
                self.authority.handle(self.now, seat, &bytes, &mut out);
                assert!(self.seats.contains_key(&seat) || out.is_empty(), "an empty seat has spoken");
            }
            step::PASS => self.now = self.now + script.span_us(),
            step::WAKE => {
                self.now = self.authority.wake_at().map_or(self.now, |at| at.max(self.now));
                self.authority.wake(self.now, &mut out);
                assert!(self.authority.wake_at().is_none_or(|at| at > self.now), "woken in vain");
            }
            step::EARLIER => {
                let earlier = Micros(self.now.0 - script.span_us().min(self.now.0));
                self.authority.wake(earlier, &mut out);
            }
            step::WRITTEN => self.authority.written(self.authority.state().seq(), &mut out),
            step::LOSE => self.authority.lose_unwritten(),
            step::RESTORE => {
                self.restored();
                self.nap(&mut out);
            }
            _ => self.restart(),
        }
        self.check(out);
    }

    /// The authority as another host would find it: the same by the journal as by a snapshot of this moment.
    fn restored(&self) -> Authority {
        let later = self.now + 1;
        let restored = Authority::restore(&self.snapshot, &self.entries, later).expect("a session");
        let twin = Authority::restore(&self.authority.snapshot(), &[], later).expect("a session");
        assert_eq!(restored.state(), twin.state(), "the journal tells another story");
        assert!(restored.snapshot() == twin.snapshot(), "seats, or the next numbers, differ");
        assert_eq!(restored.epoch(), self.authority.epoch() + 1);
        assert_eq!(restored.seats_taken(), self.authority.seats_taken());
        restored
    }

    /// The host forgets everything but the connections and what it has kept, and nobody notices.
    fn nap(&mut self, out: &mut Outbox) {
        let connected: Vec<SeatId> = self.seats.keys().copied().collect();
        let memory = self.authority.memory();
        let woken = Authority::resume(&self.snapshot, &self.entries, &memory, &connected, self.now, out);
        let mut woken = woken.expect("a session");
        assert!(out.is_empty(), "somebody is told of a nap");
        assert!(woken.snapshot() == self.authority.snapshot(), "it woke as another");
        assert!(woken.memory() == memory, "it has forgotten something");
        assert_eq!(woken.take_unwritten(), Unwritten::Entries(Vec::new()));
        woken.set_patience(self.patience);
        self.authority = woken;
    }

    /// The host ends and begins again: everybody is on the way.
    fn restart(&mut self) {
        self.authority = self.restored();
        self.authority.set_patience(self.patience);
        self.authority.keep_journal();
        self.seats.clear();
    }

    /// Delivers what was said, writes down what happened, and looks at everything.
    fn check(&mut self, out: Outbox) {
        let is_news = !out.is_empty();
        assert!(out.len() <= OUTBOX_MAX, "{} messages at once", out.len());
        for outgoing in out {
            assert!(outgoing.bytes.len() <= MESSAGE_BYTES_MAX);
            let message = wire::decode::<HostMessage>(&outgoing.bytes).expect("a message that can be read");
            if let HostMessage::History { undo, redo } = message {
                assert!(usize::from(undo) + usize::from(redo) <= UNDO_STEPS_MAX);
            }
            let is_meant = |seat: SeatId| outgoing.to == Recipient::All || outgoing.to == Recipient::Seat(seat);
            for (_, seat) in self.seats.iter_mut().filter(|(id, _)| is_meant(**id)) {
                seat.receive(self.now, &outgoing.bytes);
            }
        }
        for seat in self.authority.take_dismissed() {
            assert!(self.seats.remove(&seat).is_some(), "an empty seat is dismissed");
        }
        match self.authority.take_unwritten() {
            Unwritten::Entries(entries) => {
                assert!(entries.len() <= JOURNAL_ENTRIES_MAX);
                self.entries.extend(entries);
            }
            Unwritten::Everything => {
                self.snapshot = self.authority.snapshot();
                self.entries.clear();
            }
        }
        if !is_news {
            return;
        }
        let state = self.authority.state();
        for seat in self.seats.values_mut() {
            assert_eq!(seat.state().map(|seen| &**seen), Some(state), "a player sees another session");
            assert_eq!(seat.take_outgoing().count(), 0, "a player has lost the thread");
            assert!(seat.take_notices().len() <= OUTBOX_MAX);
        }
        self.bounds(state);
    }

    /// What was played can be sent to a player, and kept.
    fn end(&self) {
        let encoded = self.authority.state().encode();
        assert!(encoded.len() <= SNAPSHOT_CHUNK_BYTES * SNAPSHOT_CHUNKS_MAX);
        assert_eq!(SessionState::decode(&encoded).as_ref(), Some(self.authority.state()), "a state that is not one");
        self.restored();
    }

    fn bounds(&self, state: &SessionState) {
        assert!((1..=TRACKS_MAX).contains(&state.tracks().len()) && (1..=SCENES_MAX).contains(&state.scenes().len()));
        assert!(state.tracks().iter().all(|track| track.queue.len() <= QUEUE_MAX));
        assert!(state.players().len() <= SEATS_MAX && self.authority.seats_taken() <= SEATS_MAX);
        assert!((LEAD_MIN_US..=LEAD_MAX_US).contains(&self.authority.lead_us()));
        let present = state.players().iter().filter(|player| player.present).map(|player| player.seat);
        assert!(present.eq(self.seats.keys().copied()), "who is there");
    }
}

/// A corner of the starter groove: small, so that many sessions are played in a short time.
pub(super) fn setup() -> SessionSetup {
    let mut setup = SessionSetup::starter(&Manifest::builtin().expect("the shipped manifest"));
    setup.scenes.retain(|scene| scene.id.0 < CORNER);
    setup.tracks.retain(|track| track.id.0 < CORNER);
    for track in setup.tracks.as_mut_slice() {
        track.clips.retain(|(scene, _)| scene.0 < CORNER);
    }
    setup
}

fn token(player: u8) -> SeatToken {
    SeatToken([player % PLAYERS; 32])
}
