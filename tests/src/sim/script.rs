//! What the players do meanwhile: launch clips, change the tempo and the quantisation, from a seed.

use crate::world::Dice;
use keyboardia_session::{Command, Quantise, SessionState, Tempo};

/// Mean time between two things that somebody does, seconds.
pub(super) const ACT_EVERY_S: f64 = 2.5;

/// The next thing that somebody does.
pub(super) fn act(dice: &mut Dice, state: &SessionState) -> Command {
    match dice.below(100) {
        // Awkward tempos, some of them far from the last.
        0..8 => Command::SetTempo(Tempo::from_milli_bpm(80_000 + dice.below(100_000) as u32).expect("a tempo")),
        8..12 => Command::SetQuantise(Quantise::ALL[dice.below(9) as usize]),
        12..17 => Command::SetQuantise(Quantise::Bar),
        17..25 if !state.scenes().is_empty() => {
            Command::LaunchScene { scene: state.scenes()[dice.below(state.scenes().len() as u64) as usize].id }
        }
        _ => {
            let filled =
                || state.tracks().iter().flat_map(|track| track.clips.iter().map(|(scene, _)| (track.id, *scene)));
            let count = filled().count().max(1) as u64;
            filled()
                .nth(dice.below(count) as usize)
                .map_or(Command::StopAll, |(track, scene)| Command::Launch { track, scene })
        }
    }
}
