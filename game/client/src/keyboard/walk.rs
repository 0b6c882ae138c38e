//! How the arrow keys move the selection: over the pads, the heads over them, the launch buttons at their right and the
//! stop buttons below.

use super::map::Way;
use crate::playfield::layout::{Layout, Target};

/// What is selected after a step from `from`; the first pad if nothing was. `None` where the grid is empty.
pub(super) fn walk(layout: &Layout, from: Option<Target>, way: Way) -> Option<Target> {
    let (tracks, scenes) = (layout.all_tracks(), layout.all_scenes());
    let track_at = |track| tracks.iter().position(|known| *known == track);
    let scene_at = |scene| scenes.iter().position(|known| *known == scene);
    // The launch buttons are one column more, the stop buttons one row more, and the heads are row 0.
    let place = from.and_then(|target| {
        Some(match target {
            Target::Head(track) => (track_at(track)?, 0),
            Target::Pad(track, scene) => (track_at(track)?, scene_at(scene)? + 1),
            Target::Scene(scene) => (tracks.len(), scene_at(scene)? + 1),
            Target::Stop(track) => (track_at(track)?, scenes.len() + 1),
            Target::StopAll => (tracks.len(), scenes.len() + 1),
            Target::AddTrack | Target::AddScene => return None,
        })
    });
    let (column, row) = match (place, way) {
        (None, _) => (0, 1),
        (Some((column, row)), Way::Up) => (column, row.saturating_sub(1)),
        (Some((column, row)), Way::Down) => (column, (row + 1).min(scenes.len() + 1)),
        (Some((column, row)), Way::Left) => (column.saturating_sub(1), row),
        (Some((column, row)), Way::Right) => ((column + 1).min(tracks.len()), row),
    };
    if row == 0 {
        // Nothing lies over the launch buttons.
        return tracks.get(column).map(|track| Target::Head(*track)).or(from);
    }
    match (tracks.get(column), scenes.get(row - 1)) {
        (Some(track), Some(scene)) => Some(Target::Pad(*track, *scene)),
        (None, Some(scene)) => Some(Target::Scene(*scene)),
        (Some(track), None) => Some(Target::Stop(*track)),
        (None, None) => Some(Target::StopAll).filter(|_| !tracks.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pocket::Pocket;
    use bevy::math::Vec2;
    use keyboardia_session::{SceneId, TrackId};

    fn layout() -> Layout {
        // Columns and rows that were moved around: their numbers say nothing about their places.
        let (tracks, scenes) = ([4, 0, 2].map(TrackId), [7, 1].map(SceneId));
        Layout::new(Vec2::new(1280.0, 720.0), Pocket::default().beside(false), (0, 0), tracks.to_vec(), scenes.to_vec())
    }

    #[test]
    fn the_first_step_goes_to_the_first_pad_and_so_does_one_from_what_is_gone() {
        let first = Some(Target::Pad(TrackId(4), SceneId(7)));
        assert_eq!(walk(&layout(), None, Way::Down), first);
        assert_eq!(walk(&layout(), Some(Target::Stop(TrackId(9))), Way::Down), first);
    }

    #[test]
    fn a_walk_around_the_edge_touches_every_kind_of_button_and_stops_at_the_corners() {
        let mut at = Some(Target::Pad(TrackId(2), SceneId(7)));
        let mut seen = Vec::new();
        for way in [Way::Right, Way::Right, Way::Down, Way::Down, Way::Down, Way::Left, Way::Up, Way::Left] {
            at = walk(&layout(), at, way);
            seen.extend(at);
        }
        assert_eq!(
            seen,
            [
                Target::Scene(SceneId(7)),
                Target::Scene(SceneId(7)),
                Target::Scene(SceneId(1)),
                Target::StopAll,
                Target::StopAll,
                Target::Stop(TrackId(2)),
                Target::Pad(TrackId(2), SceneId(1)),
                Target::Pad(TrackId(0), SceneId(1)),
            ]
        );
    }
}
