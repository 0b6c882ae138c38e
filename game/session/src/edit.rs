//! Edits as values at addresses: what an edit touches, what was there, and the event that puts a value back.

use crate::{
    event::EventKind,
    grid::{Cell, Clip, ClipChange, Column, Row, SceneChange, SceneId, TrackChange, TrackId},
    state::SessionState,
    values::{Gain, Pan},
};
use serde::{Deserialize, Serialize};

/// Which property of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ClipField {
    /// What players read on the pad.
    Name,
    /// Colour of the pad.
    Colour,
    /// Volume.
    Gain,
    /// Whether it repeats.
    Looped,
    /// The boundary of its launches.
    Quantise,
    /// How many beats it lasts.
    Length,
}

impl ClipField {
    /// What a change changes.
    pub fn of(change: &ClipChange) -> Self {
        match change {
            ClipChange::Name(_) => Self::Name,
            ClipChange::Colour(_) => Self::Colour,
            ClipChange::Gain(_) => Self::Gain,
            ClipChange::Looped(_) => Self::Looped,
            ClipChange::Quantise(_) => Self::Quantise,
            ClipChange::Length(_) => Self::Length,
        }
    }
}

/// Which property of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TrackField {
    /// Name over the column.
    Name,
    /// Colour of the column.
    Colour,
    /// Volume.
    Gain,
    /// Position between the speakers.
    Pan,
}

impl TrackField {
    /// What a change changes.
    pub fn of(change: &TrackChange) -> Self {
        match change {
            TrackChange::Name(_) => Self::Name,
            TrackChange::Colour(_) => Self::Colour,
        }
    }
}

/// Which property of a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SceneField {
    /// Name beside the row.
    Name,
    /// Colour of the row's button.
    Colour,
}

impl SceneField {
    /// What a change changes.
    pub fn of(change: &SceneChange) -> Self {
        match change {
            SceneChange::Name(_) => Self::Name,
            SceneChange::Colour(_) => Self::Colour,
        }
    }
}

/// Something that an edit changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Address {
    /// A slot, with all that lies in it.
    Clip(Cell),
    /// A property of the clip in a slot.
    ClipField(Cell, ClipField),
    /// A column, with all that is in it.
    Track(TrackId),
    /// A property of a column.
    TrackField(TrackId, TrackField),
    /// A row, with all that is in it.
    Scene(SceneId),
    /// A property of a row.
    SceneField(SceneId, SceneField),
}

impl Address {
    /// The column that it lies in, if in one.
    pub fn track(self) -> Option<TrackId> {
        match self {
            Self::Clip(cell) | Self::ClipField(cell, _) => Some(cell.track),
            Self::Track(track) | Self::TrackField(track, _) => Some(track),
            Self::Scene(_) | Self::SceneField(..) => None,
        }
    }

    /// The row that it lies in, if in one.
    pub fn scene(self) -> Option<SceneId> {
        match self {
            Self::Clip(cell) | Self::ClipField(cell, _) => Some(cell.scene),
            Self::Scene(scene) | Self::SceneField(scene, _) => Some(scene),
            Self::Track(_) | Self::TrackField(..) => None,
        }
    }

    /// Whether changing the one can change the other.
    pub fn overlaps(self, other: Self) -> bool {
        self == other || self.contains(other) || other.contains(self)
    }

    fn contains(self, other: Self) -> bool {
        match self {
            Self::Track(track) => other.track() == Some(track),
            Self::Scene(scene) => other.scene() == Some(scene),
            Self::Clip(cell) => matches!(other, Self::ClipField(inner, _) if inner == cell),
            Self::ClipField(..) | Self::TrackField(..) | Self::SceneField(..) => false,
        }
    }

    /// Whether it is set by a hand that moves: many changes a second are no news.
    pub fn is_fader(self) -> bool {
        matches!(self, Self::ClipField(_, ClipField::Gain) | Self::TrackField(_, TrackField::Gain | TrackField::Pan))
    }

    /// Whether later changes of it within one gesture (a drag of a fader) are one edit.
    pub fn is_property(self) -> bool {
        matches!(self, Self::ClipField(..) | Self::TrackField(..) | Self::SceneField(..))
    }
}

/// What is found at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Nothing: the clip, column or row is not there.
    Absent,
    /// A clip.
    Clip(Box<Clip>),
    /// A clip's property.
    ClipField(ClipChange),
    /// A column, and the number of those to the left of it.
    Track(u8, Box<Column>),
    /// A column's property.
    TrackField(TrackChange),
    /// A column's volume.
    Gain(Gain),
    /// A column's position.
    Pan(Pan),
    /// A row, and the number of those above it.
    Scene(u8, Box<Row>),
    /// A row's property.
    SceneField(SceneChange),
}

impl Value {
    /// What a state holds at an address.
    pub fn at(state: &SessionState, address: Address) -> Self {
        let clip = |cell: Cell| state.clip(cell);
        match address {
            Address::Clip(cell) => clip(cell).map_or(Self::Absent, |clip| Self::Clip(Box::new(clip.clone()))),
            Address::ClipField(cell, field) => clip(cell).map_or(Self::Absent, |clip| {
                Self::ClipField(match field {
                    ClipField::Name => ClipChange::Name(clip.name.clone()),
                    ClipField::Colour => ClipChange::Colour(clip.colour),
                    ClipField::Gain => ClipChange::Gain(clip.gain),
                    ClipField::Looped => ClipChange::Looped(clip.looped),
                    ClipField::Quantise => ClipChange::Quantise(clip.quantise),
                    ClipField::Length => ClipChange::Length(clip.length),
                })
            }),
            Address::Track(track) => match (state.track_position(track), state.track(track)) {
                (Some(at), Some(track)) => Self::Track(at as u8, Box::new(track.column())),
                _ => Self::Absent,
            },
            Address::TrackField(track, field) => state.track(track).map_or(Self::Absent, |track| match field {
                TrackField::Name => Self::TrackField(TrackChange::Name(track.name.clone())),
                TrackField::Colour => Self::TrackField(TrackChange::Colour(track.colour)),
                TrackField::Gain => Self::Gain(track.gain),
                TrackField::Pan => Self::Pan(track.pan),
            }),
            Address::Scene(scene) => match (state.scene_position(scene), state.row(scene)) {
                (Some(at), Some(row)) => Self::Scene(at as u8, Box::new(row)),
                _ => Self::Absent,
            },
            Address::SceneField(scene, field) => state.scene(scene).map_or(Self::Absent, |scene| {
                Self::SceneField(match field {
                    SceneField::Name => SceneChange::Name(scene.name.clone()),
                    SceneField::Colour => SceneChange::Colour(scene.colour),
                })
            }),
        }
    }

    /// Whether both are the same but for where columns and rows lie.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Track(_, a), Self::Track(_, b)) => a == b,
            (Self::Scene(_, a), Self::Scene(_, b)) => a == b,
            _ => self == other,
        }
    }

    /// The event that puts this value at an address; `None` where it is not a value of that kind.
    pub fn put(&self, address: Address) -> Option<EventKind> {
        Some(match (address, self.clone()) {
            (Address::Clip(cell), Self::Absent) => EventKind::ClipSet { cell, clip: None },
            (Address::Clip(cell), Self::Clip(clip)) => EventKind::ClipSet { cell, clip: Some(clip) },
            (Address::ClipField(cell, _), Self::ClipField(change)) => EventKind::ClipChanged { cell, change },
            (Address::Track(track), Self::Absent) => EventKind::TrackRemoved(track),
            (Address::Track(track), Self::Track(at, column)) => EventKind::TrackAdded { track, at, column },
            (Address::TrackField(track, _), Self::TrackField(change)) => EventKind::TrackChanged { track, change },
            (Address::TrackField(track, _), Self::Gain(gain)) => EventKind::GainSet { track, gain },
            (Address::TrackField(track, _), Self::Pan(pan)) => EventKind::PanSet { track, pan },
            (Address::Scene(scene), Self::Absent) => EventKind::SceneRemoved(scene),
            (Address::Scene(scene), Self::Scene(at, row)) => EventKind::SceneAdded { scene, at, row },
            (Address::SceneField(scene, _), Self::SceneField(change)) => EventKind::SceneChanged { scene, change },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_column_overlaps_it_and_properties_side_by_side_do_not() {
        let cell = Cell::new(TrackId(1), SceneId(2));
        let name = Address::ClipField(cell, ClipField::Name);
        for around in [Address::Clip(cell), Address::Track(TrackId(1)), Address::Scene(SceneId(2)), name] {
            assert!(around.overlaps(name) && name.overlaps(around), "{around:?}");
        }
        let beside = [
            Address::ClipField(cell, ClipField::Gain),
            Address::TrackField(TrackId(1), TrackField::Name),
            Address::SceneField(SceneId(2), SceneField::Colour),
            Address::Clip(Cell::new(TrackId(1), SceneId(3))),
            Address::Track(TrackId(2)),
        ];
        assert!(beside.into_iter().all(|address| !address.overlaps(name)));
    }
}
