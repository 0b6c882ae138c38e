//! What becomes of an edit of the grid: whether it can be done, and the event that does it.

use super::Authority;
use crate::{
    bounded::Bounded,
    command::{Edit, Refusal},
    event::EventKind,
    grid::{Clip, ClipChange, Column, Row, SceneChange, SceneId, TrackChange, TrackId, is_length},
    limits::{SCENES_MAX, TRACKS_MAX},
    names,
    state::SeatId,
    text::Name,
};

impl Authority {
    /// The event of an edit.
    pub(super) fn edit(&mut self, seat: SeatId, edit: Edit) -> Result<EventKind, Refusal> {
        Ok(match edit {
            Edit::SetClip { cell, mut clip, replace } => {
                self.cell(cell)?;
                let is_taken = self.state.clip(cell).is_some();
                if is_taken && clip.is_some() && !replace {
                    return Err(Refusal::SlotTaken);
                }
                if !is_taken && clip.is_none() {
                    return Err(Refusal::EmptySlot);
                }
                if let Some(clip) = &mut clip {
                    self.sign(seat, clip)?;
                }
                EventKind::ClipSet { cell, clip }
            }
            Edit::ChangeClip { cell, change } => {
                self.cell(cell)?;
                self.state.clip(cell).ok_or(Refusal::EmptySlot)?;
                match &change {
                    ClipChange::Name(name) if name.is_empty() => return Err(Refusal::NoName),
                    ClipChange::Length(length) if !is_length(*length) => return Err(Refusal::BadClip),
                    _ => {}
                }
                EventKind::ClipChanged { cell, change }
            }
            Edit::SwapClips { a, b } => {
                self.cell(a)?;
                self.cell(b)?;
                let is_nothing = a == b || (self.state.clip(a).is_none() && self.state.clip(b).is_none());
                if is_nothing {
                    return Err(Refusal::EmptySlot);
                }
                EventKind::ClipsSwapped { a, b }
            }
            Edit::AddTrack { at, column } => self.add_track(seat, at, column)?,
            Edit::RemoveTrack(track) => {
                self.track(track)?;
                if self.state.tracks().len() == 1 {
                    return Err(Refusal::LastTrack);
                }
                EventKind::TrackRemoved(track)
            }
            Edit::ChangeTrack { track, change } => {
                self.track(track)?;
                if matches!(&change, TrackChange::Name(name) if name.is_empty()) {
                    return Err(Refusal::NoName);
                }
                EventKind::TrackChanged { track, change }
            }
            Edit::AddScene { at, row } => self.add_scene(seat, at, row)?,
            Edit::RemoveScene(scene) => {
                self.scene(scene)?;
                if self.state.scenes().len() == 1 {
                    return Err(Refusal::LastScene);
                }
                EventKind::SceneRemoved(scene)
            }
            Edit::ChangeScene { scene, change } => {
                self.scene(scene)?;
                if matches!(&change, SceneChange::Name(name) if name.is_empty()) {
                    return Err(Refusal::NoName);
                }
                EventKind::SceneChanged { scene, change }
            }
        })
    }

    fn add_track(&mut self, seat: SeatId, at: u8, column: Option<Box<Column>>) -> Result<EventKind, Refusal> {
        let count = self.state.tracks().len();
        if count >= TRACKS_MAX {
            return Err(Refusal::TracksFull);
        }
        let mut column = column
            .unwrap_or_else(|| Box::new(Column::empty(&format!("Track {}", count + 1), names::track_colour(count))));
        column.clips = self.signed(seat, &column.clips, |scene| self.state.scene(scene).is_some())?;
        let track = TrackId(fresh(self.last_track.0, |id| self.state.track(TrackId(id)).is_some()));
        self.last_track = track;
        Ok(EventKind::TrackAdded { track, at: at.min(count as u8), column })
    }

    fn add_scene(&mut self, seat: SeatId, at: u8, row: Option<Box<Row>>) -> Result<EventKind, Refusal> {
        let count = self.state.scenes().len();
        if count >= SCENES_MAX {
            return Err(Refusal::ScenesFull);
        }
        let mut row = row.unwrap_or_else(|| {
            Box::new(Row {
                name: Name::sanitised(&format!("Scene {}", count + 1)),
                colour: None,
                clips: Bounded::new(),
            })
        });
        row.clips = self.signed(seat, &row.clips, |track| self.state.track(track).is_some())?;
        let scene = SceneId(fresh(self.last_scene.0, |id| self.state.scene(SceneId(id)).is_some()));
        self.last_scene = scene;
        Ok(EventKind::SceneAdded { scene, at: at.min(count as u8), row })
    }

    /// The clips of a column or row that a player brings, checked and with their name on them: those whose place is
    /// there, in order, one for each.
    fn signed<Place: Copy + Ord, const MAX: usize>(
        &self,
        seat: SeatId,
        clips: &[(Place, Clip)],
        is_there: impl Fn(Place) -> bool,
    ) -> Result<Bounded<(Place, Clip), MAX>, Refusal> {
        let mut signed: Vec<(Place, Clip)> = clips.iter().filter(|(place, _)| is_there(*place)).cloned().collect();
        for (_, clip) in &mut signed {
            self.sign(seat, clip)?;
        }
        signed.sort_by_key(|(place, _)| *place);
        signed.dedup_by_key(|(place, _)| *place);
        // Never more than were brought.
        Ok(Bounded::try_from_vec(signed).unwrap_or_default())
    }

    /// Checks a clip that a player brings, and puts their name on it.
    fn sign(&self, seat: SeatId, clip: &mut Clip) -> Result<(), Refusal> {
        if !clip.is_sound() {
            return Err(Refusal::BadClip);
        }
        if clip.name.is_empty() {
            clip.name = Name::sanitised(clip.sound.as_str());
        }
        clip.author = self.state.player(seat).map(|player| player.name.clone()).unwrap_or_default();
        Ok(())
    }
}

/// The next number after `last` that is not in use. There are more numbers than columns or rows.
pub(super) fn fresh(last: u8, is_used: impl Fn(u8) -> bool) -> u8 {
    let mut id = last.wrapping_add(1);
    while is_used(id) && id != last {
        id = id.wrapping_add(1);
    }
    id
}
