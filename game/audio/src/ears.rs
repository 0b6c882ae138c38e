//! What one player alone hears differently from what the session's mixer says.

use keyboardia_session::{Gain, Table, TrackId};
use serde::{Deserialize, Serialize};

/// What this player alone hears differently from what the session's mixer says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ears {
    /// Tracks that are louder, softer or silent for this player; the others are as the session has them.
    pub tracks: Table<TrackId, Ear>,
    /// Volume of everything, on top.
    pub master: Option<Gain>,
}

/// What one player alone hears of a track, on top of the session's mixer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ear {
    /// Louder or softer than in the session.
    pub gain: Gain,
    /// Silent for this player, whatever the session says.
    pub mute: bool,
}

impl Default for Ear {
    fn default() -> Self {
        Self { gain: Gain::UNITY, mute: false }
    }
}
