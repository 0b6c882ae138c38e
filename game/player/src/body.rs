//! What a player is made of, and what goes on whether it is connected or not: what it hears alone, and its sounds.

use crate::{
    shared::{Shared, Switch},
    shelf::{Loader, Shelf},
    view::{Connection, Heard, Wish},
};
use keyboardia_audio::{Ear, Ears, Levels, PreviewRequest, PreviewStart, SoundControl};
use keyboardia_session::{
    self as session, Gain, Micros, Notice, Profile, Refusal, Score, Seat, SessionState, SoundId, limits::SEATS_MAX,
    reporting::Way,
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// How often the picture is replaced.
const PICTURE_US: i64 = 4_000;
/// How often it is looked whether sounds can be forgotten.
const TIDY_US: i64 = 500_000;

/// What a player is made of, and what outlives a connection.
pub struct Body<E: SoundControl, L: Loader<Sample = E::Sample>> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) seat: Seat,
    engine: E,
    shelf: Shelf<L>,
    preview: Option<Preview>,
    private: Private,
    levels: Levels,
    tidied: Micros,
    seen: Option<Arc<SessionState>>,
    pub(crate) pictured: Option<Micros>,
    heard: Option<Micros>,
    pub(crate) has_arrived: bool,
}

/// What the player alone hears differently.
#[derive(Default)]
struct Private {
    ears: Ears,
    metronome: Option<Gain>,
    /// The microphone listens to the metronome, and to nothing else.
    calibrates: bool,
}

/// A sound that the player listens to alone.
struct Preview {
    sound: SoundId,
    start: PreviewStart,
    /// Whether the engine has it; before that, it is being loaded.
    begun: bool,
}

impl<E: SoundControl, L: Loader<Sample = E::Sample>> Body<E, L> {
    /// A player that has not set out yet.
    pub fn new(shared: &Arc<Shared>, engine: E, loader: L) -> Self {
        Self {
            shared: shared.clone(),
            seat: Seat::new(),
            engine,
            shelf: Shelf::new(loader),
            preview: None,
            private: Private::default(),
            levels: Levels::default(),
            tidied: Micros(0),
            seen: None,
            pictured: None,
            heard: None,
            has_arrived: false,
        }
    }

    /// The seat.
    pub fn seat(&mut self) -> &mut Seat {
        &mut self.seat
    }

    /// The control side of the sound.
    pub fn engine(&mut self) -> &mut E {
        &mut self.engine
    }

    /// What loads the sounds.
    pub fn loader(&mut self) -> &mut L {
        self.shelf.loader()
    }

    /// Whether the session has been heard of, on this connection or an earlier one.
    pub fn has_arrived(&self) -> bool {
        self.has_arrived
    }

    /// A new connection begins.
    pub fn reconnect(&mut self) {
        self.seat.reconnect();
        self.pictured = None;
    }

    /// What the others see us as, once they do.
    pub fn profile(&self) -> Option<Profile> {
        let view = self.seat.view(self.shared.local())?;
        let session::Player { name, colour, avatar, .. } = view.state.player(view.me)?.clone();
        Some(Profile { name: Some(name), colour: Some(colour), avatar: Some(avatar) })
    }

    /// A turn without a connection: what only this player hears goes on, what is pressed is refused.
    pub fn turn_alone(&mut self) {
        refuse_wishes(&self.shared);
        self.tell_time();
        self.hear(self.shared.local());
    }

    /// A turn on a connection that carries messages one by one. Returns what is to be sent, in order.
    pub fn turn(&mut self) -> Vec<Vec<u8>> {
        self.tell_notices();
        self.take_probes();
        self.fulfil_wishes();
        self.feed_engine();
        let local = self.shared.local();
        self.hear(local);
        self.seat.set_pointer(local, self.shared.pointer());
        let lossy = self.seat.take_unreliable(local);
        let messages = self.seat.take_outgoing().chain(lossy).collect();
        self.picture();
        messages
    }

    /// Tells the sound's thread what time it is in the session: the clock runs a little faster or slower than ours.
    pub(crate) fn tell_time(&self) {
        let local = self.shared.local();
        let clock = self.seat.clock();
        self.shared.set_offset(clock.line().map(|line| line.offset_at(local).round() as i64), clock.jumps());
    }

    /// Tells the player what the seat has noticed.
    pub(crate) fn tell_notices(&mut self) {
        for notice in self.seat.take_notices() {
            if let Notice::Malformed(malformed) = &notice {
                tracing::warn!(target: "player", "unreadable message: {malformed}");
            }
            self.shared.notice(notice);
        }
    }

    /// Takes the probes that have come back.
    pub(crate) fn take_probes(&mut self) {
        for (probe, returned) in self.shared.take_probes() {
            self.seat.probe_reply(returned, &probe);
        }
        let local = self.shared.local();
        self.shared.uncertain.store(self.seat.is_uncertain(local), Relaxed);
        self.tell_time();
    }

    /// Asks the host for what the player wishes, and tells it how this seat is doing.
    pub(crate) fn fulfil_wishes(&mut self) {
        let local = self.shared.local();
        for wish in self.shared.take_wishes() {
            // A refusal on the spot is told as a notice.
            let _ = match wish {
                Wish::Press(track, scene) => self.seat.press(local, track, scene).map(|_| ()),
                Wish::Command(command) => self.seat.command(local, command).map(|_| ()),
            };
        }
        let way = Way {
            latency_us: self.shared.latency_us.load(Relaxed),
            block_us: self.shared.block_us.load(Relaxed),
            phase_error_us: (self.engine.phase_error_ns() / 1_000) as i32,
        };
        self.seat.report(local, way);
    }

    /// Tells the engine what must sound, if that is news.
    pub(crate) fn feed_engine(&mut self) {
        let Some(state) = self.seat.state().cloned() else { return };
        self.has_arrived = true;
        if self.seen.as_ref().is_none_or(|seen| !Arc::ptr_eq(seen, &state)) {
            if let Some(score) = self.seat.score() {
                self.engine.set_score(&score);
            }
            self.need_sounds(self.shared.local());
            self.seen = Some(state.clone());
        }
        self.shared.playing.store(state.transport().last().playing, Relaxed);
    }

    /// Replaces the picture, now and then.
    pub(crate) fn picture(&mut self) {
        let local = self.shared.local();
        let Some(session) = self.seat.view(local) else { return };
        if self.pictured.is_some_and(|at| local.since(at) < PICTURE_US) {
            return;
        }
        self.pictured = Some(local);
        debug_assert!(session.state.players().len() <= SEATS_MAX);
        self.shared.change_view(|view| {
            view.connection = Connection::Connected;
            view.session = Some(session);
            // Whoever sees a session sees what of it is still being loaded.
            self.shelf.show(view);
        });
    }

    /// Needs the sounds that play or are queued, then what is previewed, then the rest of the grid.
    fn need_sounds(&mut self, local: Micros) {
        let state = self.seat.state().cloned();
        let grid = state.iter().flat_map(|state| {
            let rows = state.scenes().iter().map(|scene| scene.id);
            rows.flat_map(|scene| state.tracks().iter().filter_map(move |track| track.clip(scene)))
        });
        let preview = self.preview.as_ref().map(|preview| &preview.sound);
        let is_in_grid = |sound: &SoundId| grid.clone().any(|clip| clip.sound == *sound);
        let only_preview = preview.filter(|sound| !is_in_grid(sound));
        let score = state.as_deref().map(Score::of);
        let urgent = score.iter().flat_map(Score::sounds).chain(preview);
        self.shelf.need(local, urgent, grid.clone().map(|clip| &clip.sound), only_preview);
    }

    /// Fulfils what the player wishes for its own ears, and keeps the engine supplied with sounds.
    pub(crate) fn hear(&mut self, local: Micros) {
        let wishes = self.shared.take_private_wishes();
        self.hear_alone(wishes.ears, wishes.metronome);
        let preview = match wishes.preview {
            Switch::AsIs => None,
            Switch::Off => Some(None),
            Switch::On((sound, start)) => Some(Some(Preview { sound, start, begun: false })),
        };
        if let Some(preview) = preview {
            self.engine.stop_preview();
            self.preview = preview;
            self.need_sounds(local);
        }
        while let Some((id, sample)) = self.shelf.next(local) {
            self.engine.add_sample(id, sample);
        }
        self.go_on_with_preview(local);
        for (track, onset) in self.engine.take_onsets() {
            self.shared.hear(Heard { track, start: onset.start, beat: onset.beat, at: onset.at });
        }
        if local.since(self.tidied) >= TIDY_US {
            self.tidied = local;
            self.shelf.forget(local);
        }
        let shelf = &self.shelf;
        self.engine.tidy(&|id| shelf.keeps(id));
        self.show_hearing(local);
    }

    /// Lets the player hear what it alone wishes to; while a microphone is measured, the metronome and nothing else.
    fn hear_alone(&mut self, ears: Option<Ears>, metronome: Switch<Gain>) {
        let calibrates = self.shared.view().recording.as_ref().is_some_and(|(cell, _)| cell.is_none());
        let is_other = std::mem::replace(&mut self.private.calibrates, calibrates) != calibrates;
        let (new_ears, new_metronome) = (ears.is_some(), metronome != Switch::AsIs);
        self.private.ears = ears.unwrap_or_else(|| std::mem::take(&mut self.private.ears));
        match metronome {
            Switch::AsIs => {}
            Switch::Off => self.private.metronome = None,
            Switch::On(gain) => self.private.metronome = Some(gain),
        }
        if !calibrates && (is_other || new_ears) {
            self.engine.set_ears(&self.private.ears);
        }
        if !calibrates && (is_other || new_metronome) {
            self.engine.set_metronome(self.private.metronome);
        }
        if calibrates && is_other {
            let state = self.seat.state();
            let tracks = state.iter().flat_map(|state| state.tracks().iter());
            let silent = tracks.map(|track| (track.id, Ear { mute: true, ..Ear::default() })).collect();
            self.engine.set_ears(&Ears { tracks: silent, master: None });
            self.engine.set_metronome(Some(Gain::UNITY));
            self.engine.stop_preview();
        }
    }

    /// Begins the preview when its sound is there, and forgets it when it is over.
    fn go_on_with_preview(&mut self, local: Micros) {
        let Some(preview) = &mut self.preview else { return };
        let goes_on = if preview.begun {
            self.engine.is_previewing()
        } else {
            match self.shelf.loaded(&preview.sound) {
                None => true,
                Some(Err(())) => false,
                Some(Ok(known)) => {
                    let (sound, start) = (preview.sound.clone(), preview.start);
                    // Whoever has put an own sound on the grid has said how long it is, and so has who recorded it.
                    let state = self.seat.state().filter(|_| sound.sample().is_some());
                    let of_grid = state.and_then(|state| state.clip_of(&sound)).map(|clip| (clip.length, clip.looped));
                    let take =
                        self.shared.view().take.as_ref().filter(|take| take.sound == sound).and_then(|t| t.looped);
                    let (length, looped) = of_grid.or(take.map(|length| (length, true))).unwrap_or(known);
                    preview.begun = true;
                    self.engine.preview(&PreviewRequest { sound, length, looped, start })
                }
            }
        };
        if !goes_on {
            self.preview = None;
            self.need_sounds(local);
        }
    }

    /// Puts into the picture what becomes of the sound; it does, connected or not.
    fn show_hearing(&mut self, local: Micros) {
        let since = self.heard.map(|at| local.since(at));
        if since.is_some_and(|since| since < PICTURE_US) {
            return;
        }
        self.heard = Some(local);
        self.levels.follow(self.engine.take_levels(), since.unwrap_or(0) as f64 / 1e6);
        let phase_error_us = self.engine.phase_error_ns() / 1_000;
        let hearing = self.shared.hearing();
        self.shared.change_view(|view| {
            view.hearing = hearing;
            view.ear_offset_ns = self.shared.ear_offset_ns();
            view.phase_error_us = phase_error_us;
            view.levels.clone_from(&self.levels);
            view.previewing = self.preview.as_ref().map(|preview| preview.sound.clone());
            self.shelf.show(view);
        });
    }
}

/// What is pressed while nobody listens is refused, so that it does not come true late.
pub(crate) fn refuse_wishes(shared: &Shared) {
    for _ in shared.take_wishes() {
        shared.notice(Notice::Refused(Refusal::NotConnected));
    }
}
