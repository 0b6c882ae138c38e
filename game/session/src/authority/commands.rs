//! What becomes of a command: the moment at which it takes effect, and the event that it makes.

use super::{Authority, Outbox, send};
use crate::{
    authority::Recipient,
    avatar::Avatar,
    command::{Command, Refusal},
    event::{Cause, EventKind, Stamp},
    grid::{Cell, Scene, SceneId, Track, TrackId},
    history::{Before, Direction},
    state::SeatId,
    text::Name,
    time::{Beats, Micros, Quantise, Tempo, Timeline},
    values::Colour,
    wire::HostMessage,
};

impl Authority {
    pub(super) fn command(
        &mut self,
        now: Micros,
        cause: Cause,
        command: Command,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let kind = match command {
            Command::Undo => return self.step(cause, Direction::Back, out),
            Command::Redo => return self.step(cause, Direction::Again, out),
            Command::Launch { track, scene } => {
                self.track(track)?;
                self.scene(scene)?;
                let clip = self.state.clip(Cell::new(track, scene)).ok_or(Refusal::EmptySlot)?;
                let quantise = clip.quantise.unwrap_or(self.state.quantise());
                let stamp = self.stamp_launch(now, quantise, cause, out)?;
                self.check_room([track], stamp)?;
                EventKind::Launched { track, scene, stamp }
            }
            Command::StopTrack { track } => {
                self.track(track)?;
                let stamp = self.stamp(now, self.state.quantise());
                self.check_room([track], stamp)?;
                EventKind::TrackStopped { track, stamp }
            }
            Command::Unqueue { track } => self.unqueue(now, track)?,
            Command::LaunchScene { scene } => {
                self.scene(scene)?;
                let stamp = self.stamp_launch(now, self.state.quantise(), cause, out)?;
                self.check_room(self.track_ids(), stamp)?;
                EventKind::SceneLaunched { scene, stamp }
            }
            Command::StopScene { scene } => {
                self.scene(scene)?;
                let stamp = self.stamp(now, self.state.quantise());
                self.check_room(self.track_ids(), stamp)?;
                EventKind::SceneStopped { scene, stamp }
            }
            Command::StopAll => {
                let stamp = self.stamp(now, self.state.quantise());
                self.check_room(self.track_ids(), stamp)?;
                EventKind::AllStopped { stamp }
            }
            Command::SetPlaying(playing) => EventKind::TimelineSet(self.timeline(now, None, playing)?),
            Command::SetTempo(tempo) => {
                EventKind::TimelineSet(self.timeline(now, Some(tempo), self.state.transport().last().playing)?)
            }
            Command::SetQuantise(quantise) => EventKind::QuantiseSet(quantise),
            Command::SetSignature(signature) => EventKind::SignatureSet { signature, from: self.next_bar(now)? },
            Command::SetGain { track, gain } => self.track(track).map(|_| EventKind::GainSet { track, gain })?,
            Command::SetPan { track, pan } => self.track(track).map(|_| EventKind::PanSet { track, pan })?,
            Command::SetMute { track, mute } => self.track(track).map(|_| EventKind::MuteSet { track, mute })?,
            Command::SetSolo { track, solo } => self.track(track).map(|_| EventKind::SoloSet { track, solo })?,
            Command::SetProfile { name, colour, avatar } => self.set_profile(cause.seat, name, colour, avatar)?,
            Command::SetLocked(locked) => self.lock(cause.seat, locked)?,
            Command::SetRemoval { seat, remove } => self.removal(cause.seat, seat, remove)?,
            Command::Edit(edit) => self.edit(cause.seat, edit)?,
        };
        let before = Before::look(&self.state, &kind);
        if !self.emit(Some(cause), kind, out) {
            return Err(Refusal::TooFast);
        }
        let counts = self.history.counts(cause.seat);
        self.history.note(&self.state, cause.seat, now, before);
        if self.history.counts(cause.seat) != counts {
            self.send_history(cause.seat, out);
        }
        self.part(Some(cause), out);
        Ok(())
    }

    /// Takes the player's last edit back, or makes it again.
    fn step(&mut self, cause: Cause, direction: Direction, out: &mut Outbox) -> Result<(), Refusal> {
        let kind = self.history.next(&self.state, cause.seat, direction);
        let done = kind.and_then(|kind| if self.emit(Some(cause), kind, out) { Ok(()) } else { Err(Refusal::TooFast) });
        if done.is_ok() {
            self.history.moved(cause.seat, direction);
        }
        self.send_history(cause.seat, out);
        done
    }

    fn set_profile(&mut self, seat: SeatId, name: Name, colour: Colour, avatar: Avatar) -> Result<EventKind, Refusal> {
        if name.is_empty() {
            return Err(Refusal::NoName);
        }
        let record = self.seats.iter_mut().find(|record| record.seat == seat).ok_or(Refusal::NotConnected)?;
        (record.name, record.colour, record.avatar) = (name, colour, avatar);
        Ok(EventKind::PlayerChanged(record.player()))
    }

    pub(super) fn send_history(&self, seat: SeatId, out: &mut Outbox) {
        let (undo, redo) = self.history.counts(seat);
        send(out, Recipient::Seat(seat), &HostMessage::History { undo, redo });
    }

    pub(super) fn cell(&self, cell: Cell) -> Result<(), Refusal> {
        self.track(cell.track)?;
        self.scene(cell.scene).map(drop)
    }

    pub(super) fn track(&self, track: TrackId) -> Result<&Track, Refusal> {
        self.state.track(track).ok_or(Refusal::NoSuchTrack)
    }

    pub(super) fn scene(&self, scene: SceneId) -> Result<&Scene, Refusal> {
        self.state.scene(scene).ok_or(Refusal::NoSuchScene)
    }

    fn track_ids(&self) -> Vec<TrackId> {
        self.state.tracks().iter().map(|track| track.id).collect()
    }

    /// The next boundary at least a lead ahead.
    fn stamp(&self, now: Micros, quantise: Quantise) -> Stamp {
        let lead_us = self.lead_us();
        let earliest = self.state.transport().beat_at(now + lead_us);
        Stamp { at: self.state.meters().next_boundary(earliest, quantise), lead_us: lead_us as u32 }
    }

    /// The bar line on which another time signature can take over.
    fn next_bar(&self, now: Micros) -> Result<Beats, Refusal> {
        let transport = self.state.transport();
        let earliest = transport.beat_at(now + self.lead_us());
        let is_imminent =
            self.state.meters().upcoming(transport.beat_at(now)).is_some_and(|next| next.from <= earliest);
        if is_imminent {
            return Err(Refusal::TooFast);
        }
        Ok(self.state.meters().at(earliest).next_boundary(earliest, Quantise::Bar))
    }

    /// As [`Self::stamp`]; a resting transport is started, and the boundary is where it starts.
    fn stamp_launch(
        &mut self,
        now: Micros,
        quantise: Quantise,
        cause: Cause,
        out: &mut Outbox,
    ) -> Result<Stamp, Refusal> {
        if self.state.transport().last().playing {
            return Ok(self.stamp(now, quantise));
        }
        let line = self.timeline(now, None, true)?;
        if self.emit(Some(cause), EventKind::TimelineSet(line), out) {
            Ok(Stamp { at: line.anchor_beat, lead_us: self.lead_us() as u32 })
        } else {
            Err(Refusal::TooFast)
        }
    }

    /// Whether every track can take one more action.
    fn check_room(&self, tracks: impl IntoIterator<Item = TrackId>, stamp: Stamp) -> Result<(), Refusal> {
        let transport = self.state.transport();
        let (present, horizon) = (transport.beat_at(self.now), transport.beat_at(self.now + u64::from(stamp.lead_us)));
        let takes = |track| self.state.track(track).is_some_and(|track| track.takes(present, horizon, stamp.at));
        if tracks.into_iter().all(takes) { Ok(()) } else { Err(Refusal::TooFast) }
    }

    fn unqueue(&self, now: Micros, track: TrackId) -> Result<EventKind, Refusal> {
        let transport = self.state.transport();
        let lead_us = self.lead_us();
        let queued = self.track(track)?.queued_at(transport.beat_at(now)).ok_or(Refusal::NothingQueued)?;
        if queued.at <= transport.beat_at(now + lead_us) && transport.is_playing_at(now + lead_us) {
            return Err(Refusal::TooLate);
        }
        Ok(EventKind::Unqueued { track, lead_us: lead_us as u32 })
    }

    /// The timeline that follows, a lead ahead. A new tempo and play keep the phase; a stop rests on the next bar line,
    /// so that play begins on one.
    fn timeline(&self, now: Micros, tempo: Option<Tempo>, playing: bool) -> Result<Timeline, Refusal> {
        let transport = self.state.transport();
        let mut settled = transport.clone();
        settled.settle(now);
        if !settled.has_room() {
            return Err(Refusal::TooFast);
        }
        let last = transport.last();
        let anchor_time = (now + self.lead_us()).max(last.anchor_time);
        let beat = last.beat_at(anchor_time);
        let anchor_beat =
            if last.playing && !playing { self.state.meters().next_boundary(beat, Quantise::Bar) } else { beat };
        Ok(Timeline { anchor_time, anchor_beat, tempo: tempo.unwrap_or(last.tempo), playing })
    }
}
