//! The private mix: what this player alone hears differently from the session. It is worked out here, from what hands set,
//! and told to the player's thread; nobody else learns of it.

use crate::{
    ClientSet,
    link::{Link, Now},
    screen::Screen,
};
use bevy::prelude::*;
use keyboardia_player::{Ear, Ears};
use keyboardia_session::{Gain, TrackId};
use std::collections::BTreeMap;

/// What this player has set for one track, for their own ears.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Own {
    /// On top of the session's volume.
    pub(super) gain: Gain,
    /// Silent for this player.
    pub(super) mute: bool,
    /// Heard alone, with the others that are.
    pub(super) solo: bool,
}

impl Default for Own {
    fn default() -> Self {
        Self { gain: Gain::UNITY, mute: false, solo: false }
    }
}

/// The private mix.
#[derive(Resource, Debug, PartialEq)]
pub(super) struct PrivateMix {
    /// Whether the strips show it, instead of the shared one.
    pub(super) shown: bool,
    /// Volume of everything.
    pub(super) master: Gain,
    tracks: BTreeMap<TrackId, Own>,
}

impl Default for PrivateMix {
    fn default() -> Self {
        Self { shown: false, master: Gain::UNITY, tracks: BTreeMap::new() }
    }
}

impl PrivateMix {
    /// What is set for a track.
    pub(super) fn own(&self, track: TrackId) -> Own {
        self.tracks.get(&track).copied().unwrap_or_default()
    }

    /// Sets something for a track.
    pub(super) fn set(&mut self, track: TrackId, own: Own) {
        if own == Own::default() {
            self.tracks.remove(&track);
        } else {
            self.tracks.insert(track, own);
        }
    }

    /// Whether this player hears a track otherwise than the session has it.
    pub(super) fn differs(&self, track: TrackId) -> bool {
        let ear = self.ear(track);
        ear != Ear::default()
    }

    /// Whether there is anything to take back.
    pub(super) fn is_any(&self) -> bool {
        !self.tracks.is_empty() || self.master != Gain::UNITY
    }

    /// Hears everything as the session has it.
    pub(super) fn reset(&mut self) {
        *self = Self { shown: self.shown, ..Self::default() };
    }

    /// What the ears get of a track.
    fn ear(&self, track: TrackId) -> Ear {
        let own = self.own(track);
        let unheard = !own.solo && self.tracks.values().any(|other| other.solo);
        Ear { gain: own.gain, mute: own.mute || unheard }
    }

    /// What the ears get of these tracks.
    fn ears(&self, tracks: impl Iterator<Item = TrackId>) -> Ears {
        Ears {
            tracks: tracks.map(|track| (track, self.ear(track))).filter(|(_, ear)| *ear != Ear::default()).collect(),
            master: Some(self.master).filter(|master| *master != Gain::UNITY),
        }
    }

    /// Forgets tracks that are gone.
    fn keep_only(&mut self, is_there: impl Fn(TrackId) -> bool) {
        self.tracks.retain(|track, _| is_there(*track));
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<PrivateMix>()
        .add_systems(OnEnter(Screen::Joining), |mut mix: ResMut<PrivateMix>| *mix = PrivateMix::default())
        .add_systems(Update, tell.run_if(in_state(Screen::Jam)).in_set(ClientSet::Act));
}

fn tell(mut mix: ResMut<PrivateMix>, now: Res<Now>, mut link: ResMut<Link>) {
    let Some(view) = now.session() else { return };
    if mix.tracks.keys().any(|track| view.state.track(*track).is_none()) {
        mix.keep_only(|track| view.state.track(track).is_some());
    }
    link.set_ears(mix.ears(view.state.tracks().iter().map(|track| track.id)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACKS: [TrackId; 3] = [TrackId(0), TrackId(1), TrackId(2)];

    fn heard(mix: &PrivateMix) -> Vec<bool> {
        let ears = mix.ears(TRACKS.into_iter());
        TRACKS.map(|track| !ears.tracks.get(&track).is_some_and(|ear| ear.mute)).into()
    }

    #[test]
    fn ears_that_nobody_touched_hear_the_session() {
        let mut mix = PrivateMix::default();
        assert_eq!(mix.ears(TRACKS.into_iter()), Ears::default());
        mix.set(TRACKS[0], Own { mute: true, ..Own::default() });
        mix.set(TRACKS[0], Own::default());
        assert!(!mix.is_any(), "what is taken back is gone");
    }

    #[test]
    fn a_private_solo_silences_the_others_and_a_mute_wins_over_it() {
        let mut mix = PrivateMix::default();
        mix.set(TRACKS[1], Own { solo: true, ..Own::default() });
        assert_eq!(heard(&mix), [false, true, false]);
        mix.set(TRACKS[2], Own { solo: true, ..Own::default() });
        assert_eq!(heard(&mix), [false, true, true]);
        mix.set(TRACKS[2], Own { solo: true, mute: true, ..Own::default() });
        assert_eq!(heard(&mix), [false, true, false]);
    }

    #[test]
    fn every_track_that_sounds_otherwise_is_marked() {
        let mut mix = PrivateMix::default();
        mix.set(TRACKS[1], Own { solo: true, ..Own::default() });
        assert_eq!(TRACKS.map(|track| mix.differs(track)), [true, false, true]);
        mix.set(TRACKS[1], Own { gain: Gain::SILENCE, ..Own::default() });
        assert_eq!(TRACKS.map(|track| mix.differs(track)), [false, true, false]);
    }

    #[test]
    fn a_reset_takes_everything_back_but_stays_in_the_private_mix() {
        let mut mix = PrivateMix { shown: true, master: Gain::SILENCE, ..PrivateMix::default() };
        mix.set(TRACKS[0], Own { mute: true, ..Own::default() });
        assert_eq!(mix.ears(TRACKS.into_iter()).master, Some(Gain::SILENCE));
        mix.reset();
        assert!(mix.shown && !mix.is_any());
        assert_eq!(mix.ears(TRACKS.into_iter()), Ears::default());
    }

    #[test]
    fn a_track_that_is_gone_is_forgotten() {
        let mut mix = PrivateMix::default();
        mix.set(TRACKS[0], Own { solo: true, ..Own::default() });
        mix.keep_only(|track| track != TRACKS[0]);
        assert_eq!(heard(&mix), [true, true, true]);
    }
}
