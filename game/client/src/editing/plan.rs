//! What a deed comes to: pure, from what is selected, what is kept and what the session is.

use crate::{deed::Deed, playfield::layout::Target};
use bevy::prelude::Resource;
use keyboardia_session::{Cell, Clip, Column, Edit, Row, SceneId, SessionState, TrackId};

/// Said when a deed needs something selected.
pub(super) const NOTHING_SELECTED: &str = "Select a pad, a track or a scene first.";
const NOTHING_KEPT: &str = "Nothing has been copied yet.";
const EMPTY_PAD: &str = "There is no clip on that pad.";
const NO_PLACE_FOR_CLIP: &str = "Select the pad that the clip shall go to.";
const NO_PLACE_FOR_COLUMN: &str = "Select the track after which the copy shall go.";
const NO_PLACE_FOR_ROW: &str = "Select the scene after which the copy shall go.";
const NO_FREE_PAD: &str = "There is no free pad below on this track.";

/// What has been copied.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kept {
    /// A clip.
    Clip(Box<Clip>),
    /// A column with all that is in it.
    Column(Box<Column>),
    /// A row with all that is in it.
    Row(Box<Row>),
}

/// What has been copied, if anything. It stays when it is pasted, and when the session is left.
#[derive(Resource, Debug, Default)]
pub(super) struct Clipboard(pub(super) Option<Kept>);

/// What a deed comes to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// What the session is asked for, in this order.
    pub(super) edits: Vec<Edit>,
    /// What is copied.
    pub(super) keep: Option<Kept>,
    /// What is selected from then on.
    pub(super) select: Option<Target>,
}

impl Plan {
    fn edit(edit: Edit) -> Self {
        Self { edits: vec![edit], ..Self::default() }
    }

    fn keep(kept: Kept) -> Self {
        Self { keep: Some(kept), ..Self::default() }
    }

    fn selecting(self, target: Target) -> Self {
        Self { select: Some(target), ..self }
    }
}

/// What `deed` comes to; a sentence if it cannot be done. Deeds that are not about what is on the grid come to nothing.
pub(super) fn plan(
    deed: Deed,
    selected: Option<Target>,
    clipboard: &Clipboard,
    state: &SessionState,
) -> Result<Plan, &'static str> {
    let selected = || selected.ok_or(NOTHING_SELECTED);
    match deed {
        Deed::Drop { from: Target::Pad(track, scene), to: Target::Pad(to_track, to_scene), copy } => {
            Ok(drop_clip(Cell::new(track, scene), Cell::new(to_track, to_scene), copy, state))
        }
        Deed::Copy => kept(selected()?, state).map(Plan::keep),
        Deed::Cut => {
            let target = selected()?;
            Ok(Plan { keep: Some(kept(target, state)?), ..Plan::edit(removal(target, state)?) })
        }
        Deed::Paste => {
            let kept = clipboard.0.as_ref().ok_or(NOTHING_KEPT)?;
            paste(selected()?, kept.clone(), state).map(Plan::edit)
        }
        Deed::Duplicate => duplicate(selected()?, state),
        Deed::Delete => removal(selected()?, state).map(Plan::edit),
        _ => Ok(Plan::default()),
    }
}

/// A clip was let go over another slot.
fn drop_clip(from: Cell, to: Cell, copy: bool, state: &SessionState) -> Plan {
    let Some(clip) = state.clip(from).filter(|_| from != to) else { return Plan::default() };
    let edit = if copy { put(to, clip, state) } else { Edit::SwapClips { a: from, b: to } };
    Plan::edit(edit).selecting(Target::Pad(to.track, to.scene))
}

/// Puts a clip into a slot, in the place of the clip that is seen there, if one is.
pub(super) fn put(cell: Cell, clip: &Clip, state: &SessionState) -> Edit {
    Edit::SetClip { cell, clip: Some(Box::new(clip.clone())), replace: state.clip(cell).is_some() }
}

/// What a copy of a target is.
fn kept(target: Target, state: &SessionState) -> Result<Kept, &'static str> {
    match target {
        Target::Pad(track, scene) => {
            let clip = state.clip(Cell::new(track, scene)).ok_or(EMPTY_PAD)?;
            Ok(Kept::Clip(Box::new(clip.clone())))
        }
        Target::Head(track) => {
            let column = state.track(track).ok_or(NOTHING_SELECTED)?.column();
            Ok(Kept::Column(Box::new(column)))
        }
        Target::Scene(scene) => Ok(Kept::Row(Box::new(state.row(scene).ok_or(NOTHING_SELECTED)?))),
        _ => Err(NOTHING_SELECTED),
    }
}

/// The edit that removes a target.
fn removal(target: Target, state: &SessionState) -> Result<Edit, &'static str> {
    match target {
        Target::Pad(track, scene) => {
            let cell = Cell::new(track, scene);
            state.clip(cell).ok_or(EMPTY_PAD)?;
            Ok(Edit::SetClip { cell, clip: None, replace: true })
        }
        Target::Head(track) => Ok(Edit::RemoveTrack(track)),
        Target::Scene(scene) => Ok(Edit::RemoveScene(scene)),
        _ => Err(NOTHING_SELECTED),
    }
}

/// The edit that puts down what is kept: a clip on the selected pad, a column or row after the selected one.
fn paste(target: Target, kept: Kept, state: &SessionState) -> Result<Edit, &'static str> {
    match (kept, target) {
        (Kept::Clip(clip), Target::Pad(track, scene)) => Ok(put(Cell::new(track, scene), &clip, state)),
        (Kept::Clip(_), _) => Err(NO_PLACE_FOR_CLIP),
        (Kept::Column(column), Target::Head(track) | Target::Pad(track, _)) => {
            Ok(Edit::AddTrack { at: after_track(track, state), column: Some(column) })
        }
        (Kept::Column(_), _) => Err(NO_PLACE_FOR_COLUMN),
        (Kept::Row(row), Target::Scene(scene) | Target::Pad(_, scene)) => {
            Ok(Edit::AddScene { at: after_scene(scene, state), row: Some(row) })
        }
        (Kept::Row(_), _) => Err(NO_PLACE_FOR_ROW),
    }
}

fn duplicate(target: Target, state: &SessionState) -> Result<Plan, &'static str> {
    match kept(target, state)? {
        Kept::Clip(clip) => {
            let Target::Pad(track, scene) = target else { return Err(NOTHING_SELECTED) };
            let free = free_below(track, scene, state).ok_or(NO_FREE_PAD)?;
            let edit = Edit::SetClip { cell: Cell::new(track, free), clip: Some(clip), replace: false };
            Ok(Plan::edit(edit).selecting(Target::Pad(track, free)))
        }
        kept => paste(target, kept, state).map(Plan::edit),
    }
}

/// The next empty slot of a column below a row.
fn free_below(track: TrackId, scene: SceneId, state: &SessionState) -> Option<SceneId> {
    let below = state.scenes().iter().skip(state.scene_position(scene)? + 1);
    below.map(|scene| scene.id).find(|scene| state.clip(Cell::new(track, *scene)).is_none())
}

/// The place after a column, as a number of columns to the left.
pub(super) fn after_track(track: TrackId, state: &SessionState) -> u8 {
    state.track_position(track).map_or(state.tracks().len(), |position| position + 1) as u8
}

/// The place after a row, as a number of rows above.
pub(super) fn after_scene(scene: SceneId, state: &SessionState) -> u8 {
    state.scene_position(scene).map_or(state.scenes().len(), |position| position + 1) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{Manifest, Micros, SessionSetup, Tempo, Transport};

    /// The starter groove: eight columns of eight rows, the last of them empty.
    fn state() -> SessionState {
        let setup = SessionSetup::starter(&Manifest::builtin().unwrap());
        let transport = Transport::stopped(Micros(0), Tempo::from_bpm(112.0).unwrap());
        SessionState::new(Micros(0), transport, setup.tracks, setup.scenes)
    }

    fn pad(track: u8, scene: u8) -> Target {
        Target::Pad(TrackId(track), SceneId(scene))
    }

    fn cell(track: u8, scene: u8) -> Cell {
        Cell::new(TrackId(track), SceneId(scene))
    }

    fn clip(state: &SessionState, track: u8, scene: u8) -> Clip {
        state.clip(cell(track, scene)).unwrap().clone()
    }

    fn nothing() -> Clipboard {
        Clipboard::default()
    }

    #[test]
    fn a_dropped_clip_changes_places_and_with_copy_it_replaces() {
        let state = state();
        let moved = |copy| plan(Deed::Drop { from: pad(0, 0), to: pad(1, 5), copy }, None, &nothing(), &state).unwrap();
        assert_eq!(moved(false).edits, [Edit::SwapClips { a: cell(0, 0), b: cell(1, 5) }]);
        assert_eq!(moved(false).select, Some(pad(1, 5)));
        let put = Edit::SetClip { cell: cell(1, 5), clip: Some(Box::new(clip(&state, 0, 0))), replace: true };
        assert_eq!(moved(true).edits, [put]);
    }

    #[test]
    fn an_empty_slot_and_a_drop_on_itself_come_to_nothing() {
        let state = state();
        for (from, to) in [(pad(7, 7), pad(0, 0)), (pad(0, 0), pad(0, 0))] {
            assert_eq!(plan(Deed::Drop { from, to, copy: true }, None, &nothing(), &state), Ok(Plan::default()));
        }
    }

    #[test]
    fn a_cut_keeps_what_it_removes_and_a_paste_replaces() {
        let state = state();
        let cut = plan(Deed::Cut, Some(pad(2, 1)), &nothing(), &state).unwrap();
        assert_eq!(cut.edits, [Edit::SetClip { cell: cell(2, 1), clip: None, replace: true }]);
        assert_eq!(cut.keep, Some(Kept::Clip(Box::new(clip(&state, 2, 1)))));
        let pasted = plan(Deed::Paste, Some(pad(0, 0)), &Clipboard(cut.keep), &state).unwrap();
        let put = Edit::SetClip { cell: cell(0, 0), clip: Some(Box::new(clip(&state, 2, 1))), replace: true };
        assert_eq!(pasted.edits, [put]);
    }

    #[test]
    fn what_falls_on_an_empty_pad_replaces_nothing_that_somebody_else_puts_there_meanwhile() {
        let state = state();
        let copied = plan(Deed::Copy, Some(pad(2, 1)), &nothing(), &state).unwrap();
        let pasted = plan(Deed::Paste, Some(pad(7, 7)), &Clipboard(copied.keep), &state).unwrap();
        let drop = Deed::Drop { from: pad(2, 1), to: pad(7, 7), copy: true };
        let dropped = plan(drop, None, &nothing(), &state).unwrap();
        let put = Edit::SetClip { cell: cell(7, 7), clip: Some(Box::new(clip(&state, 2, 1))), replace: false };
        assert_eq!(pasted.edits, std::slice::from_ref(&put));
        assert_eq!(dropped.edits, [put]);
    }

    #[test]
    fn columns_and_rows_are_pasted_after_what_is_selected() {
        let state = state();
        let copy = |target| Clipboard(plan(Deed::Copy, Some(target), &nothing(), &state).unwrap().keep);
        let in_column = state.track(TrackId(1)).unwrap().clips.len();
        let in_row = state.tracks().iter().filter(|track| track.clip(SceneId(0)).is_some()).count();
        let column = copy(Target::Head(TrackId(1)));
        for target in [Target::Head(TrackId(3)), pad(3, 0)] {
            let pasted = plan(Deed::Paste, Some(target), &column, &state).unwrap();
            assert!(
                matches!(&pasted.edits[..], [Edit::AddTrack { at: 4, column: Some(column) }] if column.clips.len() == in_column)
            );
        }
        let row = copy(Target::Scene(SceneId(0)));
        for target in [Target::Scene(SceneId(7)), pad(0, 7)] {
            let pasted = plan(Deed::Paste, Some(target), &row, &state).unwrap();
            assert!(
                matches!(&pasted.edits[..], [Edit::AddScene { at: 8, row: Some(row) }] if row.clips.len() == in_row)
            );
        }
    }

    #[test]
    fn a_duplicate_goes_to_the_next_free_pad_below() {
        let mut plans = vec![];
        let state = state();
        for scene in 0..4 {
            plans.push(plan(Deed::Duplicate, Some(pad(0, scene)), &nothing(), &state).unwrap());
        }
        for plan in plans {
            assert_eq!(plan.select, Some(pad(0, 7)));
            assert!(matches!(&plan.edits[..], [Edit::SetClip { clip: Some(_), replace: false, .. }]));
        }
        assert_eq!(free_below(TrackId(0), SceneId(7), &state), None);
    }

    #[test]
    fn columns_and_rows_are_duplicated_beside_themselves() {
        let state = state();
        let column = plan(Deed::Duplicate, Some(Target::Head(TrackId(2))), &nothing(), &state).unwrap();
        assert!(matches!(&column.edits[..], [Edit::AddTrack { at: 3, column: Some(_) }]));
        let row = plan(Deed::Duplicate, Some(Target::Scene(SceneId(2))), &nothing(), &state).unwrap();
        assert!(matches!(&row.edits[..], [Edit::AddScene { at: 3, row: Some(_) }]));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        let state = state();
        let clip = || Clipboard(Some(Kept::Clip(Box::new(clip(&state, 0, 0)))));
        let say = |deed, selected, clipboard: &Clipboard| plan(deed, selected, clipboard, &state).unwrap_err();
        for deed in [Deed::Copy, Deed::Cut, Deed::Duplicate, Deed::Delete] {
            assert_eq!(say(deed, None, &nothing()), NOTHING_SELECTED);
            assert_eq!(say(deed, Some(Target::StopAll), &nothing()), NOTHING_SELECTED);
            assert_eq!(say(deed, Some(pad(7, 7)), &nothing()), EMPTY_PAD);
        }
        assert_eq!(say(Deed::Paste, Some(pad(0, 0)), &nothing()), NOTHING_KEPT);
        assert_eq!(say(Deed::Paste, Some(Target::Head(TrackId(0))), &clip()), NO_PLACE_FOR_CLIP);
    }
}
