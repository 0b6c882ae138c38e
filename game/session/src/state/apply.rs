//! How an event changes a state: the one implementation that authority and replicas share.

use super::{ApplyError, RemovalWish, SeatId, SessionState};
use crate::{
    event::{Event, EventKind, Stamp},
    grid::{
        Action, Cell, ClipChange, Playing, Queued, Row, Scene, SceneChange, Track, TrackChange, TrackId, is_length,
    },
    time::{Beats, Micros},
};

impl SessionState {
    /// Applies the next event.
    ///
    /// # Errors
    /// When the event is not the next one, or does not fit; the state is then as it was.
    pub fn apply(&mut self, event: &Event) -> Result<(), ApplyError> {
        if event.seq != self.seq + 1 {
            return Err(ApplyError::OutOfOrder { expected: self.seq + 1, got: event.seq });
        }
        if event.at < self.at || !self.fits(&event.kind, event.at) {
            return Err(ApplyError::Misfit(event.seq));
        }
        self.seq = event.seq;
        self.at = event.at;
        let beat = self.transport.beat_at(event.at);
        for track in self.tracks.as_mut_slice() {
            track.settle(beat);
        }
        self.meters.settle(beat);
        self.transport.settle(event.at);
        self.change(event);
        Ok(())
    }

    /// Whether `kind`, made at `at`, speaks only of what is there and has room.
    pub(crate) fn fits(&self, kind: &EventKind, at: Micros) -> bool {
        let queue_fits = |track: &Track, stamp: &Stamp| {
            track.takes(self.transport.beat_at(at), self.horizon(at, stamp.lead_us), stamp.at)
        };
        let track_fits =
            |track: TrackId, stamp: &Stamp| self.track(track).is_some_and(|track| queue_fits(track, stamp));
        let all_fit = |stamp: &Stamp| self.tracks.iter().all(|track| queue_fits(track, stamp));
        match kind {
            EventKind::Launched { track, scene, stamp } => {
                track_fits(*track, stamp) && self.clip(Cell::new(*track, *scene)).is_some()
            }
            EventKind::TrackStopped { track, stamp } => track_fits(*track, stamp),
            EventKind::SceneLaunched { scene, stamp } | EventKind::SceneStopped { scene, stamp } => {
                self.scene(*scene).is_some() && all_fit(stamp)
            }
            EventKind::AllStopped { stamp } => all_fit(stamp),
            EventKind::Unqueued { track, .. }
            | EventKind::GainSet { track, .. }
            | EventKind::PanSet { track, .. }
            | EventKind::MuteSet { track, .. }
            | EventKind::SoloSet { track, .. }
            | EventKind::TrackChanged { track, .. } => self.track(*track).is_some(),
            EventKind::TimelineSet(line) => {
                let mut transport = self.transport.clone();
                transport.settle(at);
                transport.schedule(*line)
            }
            EventKind::SignatureSet { signature, from } => {
                let mut meters = self.meters;
                meters.settle(self.transport.beat_at(at));
                meters.schedule(*signature, *from)
            }
            EventKind::ClipSet { cell, clip } => {
                self.has_cell(*cell) && clip.as_ref().is_none_or(|clip| clip.is_sound())
            }
            EventKind::ClipChanged { cell, change } => {
                let is_sound = !matches!(change, ClipChange::Length(length) if !is_length(*length));
                is_sound && self.clip(*cell).is_some()
            }
            EventKind::ClipsSwapped { a, b } => a != b && self.has_cell(*a) && self.has_cell(*b),
            EventKind::TrackAdded { track, column, .. } => {
                !self.tracks.is_full() && self.track(*track).is_none() && self.is_column(&column.clips)
            }
            EventKind::TrackRemoved(track) => self.track(*track).is_some() && self.tracks.len() > 1,
            EventKind::SceneAdded { scene, row, .. } => {
                !self.scenes.is_full() && self.scene(*scene).is_none() && self.is_row(&row.clips)
            }
            EventKind::SceneRemoved(scene) => self.scene(*scene).is_some() && self.scenes.len() > 1,
            EventKind::SceneChanged { scene, .. } => self.scene(*scene).is_some(),
            EventKind::QuantiseSet(_) | EventKind::PlayerJoined(_) | EventKind::Locked(_) => true,
            EventKind::PlayerChanged(player) => self.player(player.seat).is_some(),
            EventKind::PlayerLost(seat) | EventKind::PlayerGone(seat) | EventKind::PlayerRemoved(seat) => {
                self.player(*seat).is_some()
            }
            EventKind::RemovalWished { by, of, .. } => self.may_be_wished(RemovalWish { of: *of, by: *by }),
        }
    }

    /// What comes due by this beat may already sound somewhere.
    fn horizon(&self, at: Micros, lead_us: u32) -> Beats {
        self.transport.beat_at(at + u64::from(lead_us))
    }

    fn change(&mut self, event: &Event) {
        let by = event.cause.map(|cause| cause.seat);
        match &event.kind {
            EventKind::Launched { track, scene, stamp } => self.requeue(*track, Action::Launch(*scene), *stamp, by),
            EventKind::TrackStopped { track, stamp } => self.requeue(*track, Action::Stop, *stamp, by),
            EventKind::Unqueued { track, lead_us } => {
                let horizon = self.horizon(event.at, *lead_us);
                self.with_track(*track, |track| track.unqueue_after(horizon));
            }
            EventKind::SceneLaunched { scene, stamp } => {
                for track in self.track_ids() {
                    let filled = self.clip(Cell::new(track, *scene)).is_some();
                    self.requeue(track, if filled { Action::Launch(*scene) } else { Action::Stop }, *stamp, by);
                }
            }
            EventKind::SceneStopped { scene, stamp } => {
                let beat = self.transport.beat_at(event.at);
                let is_concerned = |track: &Track| {
                    let queued = track.queued_at(beat).map(|queued| queued.action);
                    match queued {
                        Some(action) => action == Action::Launch(*scene),
                        None => track.playing_at(beat).is_some_and(|playing| playing.scene == *scene),
                    }
                };
                let concerned: Vec<TrackId> =
                    self.tracks.iter().filter(|track| is_concerned(track)).map(|track| track.id).collect();
                for track in concerned {
                    self.requeue(track, Action::Stop, *stamp, by);
                }
            }
            EventKind::AllStopped { stamp } => {
                for track in self.track_ids() {
                    self.requeue(track, Action::Stop, *stamp, by);
                }
            }
            EventKind::TimelineSet(line) => {
                self.transport.schedule(*line);
            }
            EventKind::QuantiseSet(quantise) => self.quantise = *quantise,
            EventKind::SignatureSet { signature, from } => {
                self.meters.schedule(*signature, *from);
            }
            EventKind::GainSet { track, gain } => self.with_track(*track, |track| track.gain = *gain),
            EventKind::PanSet { track, pan } => self.with_track(*track, |track| track.pan = *pan),
            EventKind::MuteSet { track, mute } => self.with_track(*track, |track| track.mute = *mute),
            EventKind::SoloSet { track, solo } => self.with_track(*track, |track| track.solo = *solo),
            EventKind::PlayerJoined(player) | EventKind::PlayerChanged(player) => {
                self.players.retain(|known| known.seat != player.seat);
                let at = self.players.partition_point(|known| known.seat < player.seat);
                // A seat a player, and as much room as seats.
                let _ = self.players.insert(at, player.clone());
                if !self.arrivals.contains(&player.seat) {
                    let _ = self.arrivals.push(player.seat);
                }
            }
            EventKind::PlayerLost(seat) => {
                for player in self.players.as_mut_slice().iter_mut().filter(|player| player.seat == *seat) {
                    player.present = false;
                }
            }
            EventKind::PlayerGone(seat) => self.forget_player(*seat),
            EventKind::PlayerRemoved(seat) => {
                self.locked = true;
                self.forget_player(*seat);
            }
            EventKind::Locked(locked) => self.locked = *locked,
            EventKind::RemovalWished { by, of, remove } => self.wish(RemovalWish { of: *of, by: *by }, *remove),
            EventKind::ClipSet { .. }
            | EventKind::ClipChanged { .. }
            | EventKind::ClipsSwapped { .. }
            | EventKind::TrackAdded { .. }
            | EventKind::TrackRemoved(_)
            | EventKind::TrackChanged { .. }
            | EventKind::SceneAdded { .. }
            | EventKind::SceneRemoved(_)
            | EventKind::SceneChanged { .. } => self.edit(&event.kind),
        }
    }

    /// What changes the grid itself.
    fn edit(&mut self, kind: &EventKind) {
        match kind {
            EventKind::ClipSet { cell, clip } => {
                self.with_track(cell.track, |track| track.set_clip(cell.scene, clip.as_deref().cloned()));
            }
            EventKind::ClipChanged { cell, change } => self.with_track(cell.track, |track| {
                if let Some(clip) = track.clip_mut(cell.scene) {
                    clip.change(change);
                }
            }),
            EventKind::ClipsSwapped { a, b } if a.track == b.track => {
                self.with_track(a.track, |track| track.swap(a.scene, b.scene));
            }
            EventKind::ClipsSwapped { a, b } => {
                let clips = [*b, *a].map(|cell| self.clip(cell).cloned());
                for (cell, clip) in [a, b].into_iter().zip(clips) {
                    self.with_track(cell.track, |track| {
                        // A clip that leaves its track does not go on there in the guise of another.
                        track.forget(cell.scene);
                        track.set_clip(cell.scene, clip);
                    });
                }
            }
            EventKind::TrackAdded { track, at, column } => {
                let _ = self.tracks.insert(usize::from(*at), Track::new(*track, (**column).clone()));
            }
            EventKind::TrackRemoved(track) => self.tracks.retain(|known| known.id != *track),
            EventKind::TrackChanged { track, change } => self.with_track(*track, |track| match change {
                TrackChange::Name(name) => track.name = name.clone(),
                TrackChange::Colour(colour) => track.colour = *colour,
            }),
            EventKind::SceneAdded { scene, at, row } => {
                let Row { name, colour, .. } = &**row;
                let scene_of_row = Scene { id: *scene, name: name.clone(), colour: *colour };
                let _ = self.scenes.insert(usize::from(*at), scene_of_row);
                for (track, clip) in row.clips.iter() {
                    self.with_track(*track, |track| track.set_clip(*scene, Some(clip.clone())));
                }
            }
            EventKind::SceneRemoved(scene) => {
                self.scenes.retain(|known| known.id != *scene);
                for track in self.tracks.as_mut_slice() {
                    track.set_clip(*scene, None);
                }
            }
            EventKind::SceneChanged { scene, change } => {
                for known in self.scenes.as_mut_slice().iter_mut().filter(|known| known.id == *scene) {
                    match change {
                        SceneChange::Name(name) => known.name = name.clone(),
                        SceneChange::Colour(colour) => known.colour = *colour,
                    }
                }
            }
            _ => {}
        }
    }

    fn wish(&mut self, wish: RemovalWish, remove: bool) {
        self.wishes.retain(|known| *known != wish);
        if remove {
            let at = self.wishes.partition_point(|known| *known < wish);
            // As much room as players have wishes about each other.
            let _ = self.wishes.insert(at, wish);
        }
    }

    /// Frees a seat: whoever takes it next did not launch or wish what its player had launched or wished. A session that
    /// nobody is left in is open again: there would be nobody to let anybody in.
    fn forget_player(&mut self, seat: SeatId) {
        self.players.retain(|player| player.seat != seat);
        self.arrivals.retain(|known| *known != seat);
        self.wishes.retain(|wish| wish.by != seat && wish.of != seat);
        self.locked &= !self.players.is_empty();
        for track in self.tracks.as_mut_slice() {
            let by = |by: Option<SeatId>| by.filter(|by| *by != seat);
            track.playing = track.playing.map(|playing| Playing { by: by(playing.by), ..playing });
            for queued in track.queue.as_mut_slice() {
                queued.by = by(queued.by);
            }
        }
    }

    fn track_ids(&self) -> Vec<TrackId> {
        self.tracks.iter().map(|track| track.id).collect()
    }

    fn requeue(&mut self, track: TrackId, action: Action, stamp: Stamp, by: Option<SeatId>) {
        let horizon = self.horizon(self.at, stamp.lead_us);
        self.with_track(track, |track| {
            if action == Action::Stop && track.playing_at(horizon).is_none() {
                track.unqueue_after(horizon);
            } else {
                track.requeue_after(horizon, Queued { action, at: stamp.at, by });
            }
        });
    }

    fn with_track(&mut self, track: TrackId, change: impl FnOnce(&mut Track)) {
        if let Some(track) = self.tracks.as_mut_slice().iter_mut().find(|known| known.id == track) {
            change(track);
        }
    }
}
