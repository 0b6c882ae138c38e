//! Which pad a sound goes to that comes without one.

use crate::playfield::layout::Target;
use keyboardia_session::{Cell, SessionState, TrackId};

/// The free pad that is meant: one of the `wished` targets if it is one, else the uppermost in the column of one, else the
/// uppermost of all, columns from the left. Pads that are promised to something else are not free. `None` in a full grid.
///
/// What falls never replaces anything: systems do not tell where it falls before it has.
pub(super) fn free(state: &SessionState, promised: &[Cell], wished: [Option<Target>; 2]) -> Option<Cell> {
    let is_free = |cell: &Cell| state.has_cell(*cell) && state.clip(*cell).is_none() && !promised.contains(cell);
    let in_column = |track: TrackId| state.scenes().iter().map(move |scene| Cell::new(track, scene.id)).find(is_free);
    let wished = || wished.into_iter().flatten();
    let pad = wished().find_map(|target| match target {
        Target::Pad(track, scene) => Some(Cell::new(track, scene)).filter(is_free),
        _ => None,
    });
    let beside = || {
        wished().find_map(|target| match target {
            Target::Pad(track, _) | Target::Head(track) | Target::Stop(track) => in_column(track),
            _ => None,
        })
    };
    pad.or_else(beside).or_else(|| state.tracks().iter().find_map(|track| in_column(track.id)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{Manifest, Micros, SceneId, SessionSetup, Tempo, Transport};

    /// The starter groove: eight columns of eight rows, the last row empty, and some more.
    fn state() -> SessionState {
        let setup = SessionSetup::starter(&Manifest::builtin().unwrap());
        let transport = Transport::stopped(Micros(0), Tempo::from_bpm(112.0).unwrap());
        SessionState::new(Micros(0), transport, setup.tracks, setup.scenes)
    }

    fn cell(track: u8, scene: u8) -> Cell {
        Cell::new(TrackId(track), SceneId(scene))
    }

    fn pad(cell: Cell) -> Target {
        Target::Pad(cell.track, cell.scene)
    }

    #[test]
    fn a_free_pad_under_the_hand_is_meant_and_else_one_in_its_column() {
        let state = state();
        let (free_one, taken) = (cell(3, 7), cell(2, 0));
        assert!(state.clip(free_one).is_none() && state.clip(taken).is_some());
        assert_eq!(free(&state, &[], [Some(pad(free_one)), Some(pad(taken))]), Some(free_one));
        assert_eq!(free(&state, &[], [Some(pad(taken)), Some(pad(free_one))]), Some(free_one), "what is selected");
        let beside = free(&state, &[], [Some(pad(taken)), None]).unwrap();
        assert!(beside.track == taken.track && state.clip(beside).is_none());
        assert_eq!(free(&state, &[], [Some(Target::Head(TrackId(2))), None]), Some(beside));
    }

    #[test]
    fn many_sounds_fill_the_free_pads_one_after_the_other_and_none_twice() {
        let state = state();
        let pads = state.tracks().len() * state.scenes().len();
        let filled: usize = state.tracks().iter().map(|track| track.clips.len()).sum();
        let mut promised = Vec::new();
        while let Some(next) = free(&state, &promised, [None, None]) {
            assert!(!promised.contains(&next) && state.clip(next).is_none());
            promised.push(next);
        }
        assert_eq!(promised.len(), pads - filled);
    }
}
