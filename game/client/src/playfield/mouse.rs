//! The mouse as a state machine: buttons and places go in, deeds come out. It knows no window and no session.
//!
//! A pad is an instrument and sounds when it goes down; but the same button also takes a clip up and carries it. Both at
//! once are had by this rule:
//!
//! - **While the music plays**, the press counts when the button goes down. It waits for its bar in silence, so when the
//!   hand goes on to carry the clip away, the press is taken back, and what was queued before is queued again.
//! - **While the music rests** there is no beat to hit, but a press would start to sound at once, for everybody. A press
//!   on something that can be carried therefore counts when the button is let go, if the hand has not moved.
//! - What cannot be carried (empty pads, buttons) is always pressed when the button goes down.
//!
//! So a drag never launches a clip by accident, no place of a pad is a worse place to hit, and no key has to be held.

use super::{
    layout::Target,
    pointer::{Carried, Ground},
};
use crate::deed::Deed;
use bevy::prelude::*;

/// A hand that moves less than this with the button held holds still, design units.
pub(super) const SLOP: f32 = 6.0;

/// The left button and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Mouse {
    /// Nothing.
    #[default]
    Free,
    /// Something is held down.
    Down {
        /// What.
        target: Target,
        /// Where it went down.
        at: Vec2,
        /// Whether it can be carried away.
        carries: bool,
        /// Whether the press counts only when the button is let go.
        waits: bool,
    },
    /// A clip is being carried.
    Carrying {
        /// From here.
        from: Target,
        /// Now here.
        at: Vec2,
    },
}

impl Mouse {
    /// The button goes down.
    pub(super) fn down(&mut self, at: Vec2, ground: Ground) -> Option<Deed> {
        let Ground { target, carries, rests } = ground;
        *self = target.map_or(Self::Free, |target| Self::Down { target, at, carries, waits: carries && rests });
        target.filter(|_| !(carries && rests)).map(Deed::Press)
    }

    /// The pointer moves.
    pub(super) fn moved(&mut self, to: Vec2) -> Option<Deed> {
        match self {
            Self::Down { target, at, carries: true, waits } if at.distance(to) > SLOP => {
                let deed = (!*waits).then_some(Deed::TakeBack(*target));
                *self = Self::Carrying { from: *target, at: to };
                deed
            }
            Self::Carrying { at, .. } => {
                *at = to;
                None
            }
            _ => None,
        }
    }

    /// The button is let go over `over`.
    pub(super) fn up(&mut self, over: Option<Target>, copy: bool) -> Option<Deed> {
        match std::mem::take(self) {
            Self::Down { target, waits: true, .. } => Some(Deed::Press(target)),
            Self::Carrying { from, .. } => drop_at(from, over, copy),
            _ => None,
        }
    }

    /// What is being carried; a copy if `copy`.
    pub(super) fn carried(&self, copy: bool) -> Option<Carried> {
        if let Self::Carrying { from, at } = *self { Some(Carried { from, at, copy }) } else { None }
    }

    /// What is held down.
    pub(super) fn held(&self) -> Option<Target> {
        if let Self::Down { target, .. } = *self { Some(target) } else { None }
    }
}

/// Letting a clip go: on another pad it changes place with what is there; anywhere else it stays where it was.
pub(super) fn drop_at(from: Target, over: Option<Target>, copy: bool) -> Option<Deed> {
    let to = over.filter(|to| matches!(to, Target::Pad(..)) && *to != from)?;
    Some(Deed::Drop { from, to, copy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{SceneId, TrackId};

    const PAD: Target = Target::Pad(TrackId(0), SceneId(0));
    const OTHER: Target = Target::Pad(TrackId(3), SceneId(2));
    const HERE: Vec2 = Vec2::new(50.0, 120.0);
    const THERE: Vec2 = Vec2::new(400.0, 260.0);

    fn ground(carries: bool, rests: bool) -> Ground {
        Ground { target: Some(PAD), carries, rests }
    }

    #[test]
    fn a_pad_sounds_when_it_goes_down_while_the_music_plays() {
        let mut mouse = Mouse::default();
        assert_eq!(mouse.down(HERE, ground(true, false)), Some(Deed::Press(PAD)));
        assert_eq!(mouse.held(), Some(PAD));
        assert_eq!(mouse.moved(HERE + 3.0), None, "a hand is never quite still");
        assert_eq!(mouse.up(Some(PAD), false), None);
        assert_eq!(mouse, Mouse::Free);
    }

    #[test]
    fn a_drag_takes_its_press_back_and_drops_the_clip_where_it_is_let_go() {
        let mut mouse = Mouse::default();
        mouse.down(HERE, ground(true, false));
        assert_eq!(mouse.moved(THERE), Some(Deed::TakeBack(PAD)));
        assert_eq!(mouse.carried(true), Some(Carried { from: PAD, at: THERE, copy: true }));
        assert_eq!(mouse.held(), None, "what is carried is not held down");
        assert_eq!(mouse.up(Some(OTHER), false), Some(Deed::Drop { from: PAD, to: OTHER, copy: false }));
    }

    #[test]
    fn while_the_music_rests_a_drag_starts_nothing_and_a_press_counts_when_let_go() {
        let mut mouse = Mouse::default();
        assert_eq!(mouse.down(HERE, ground(true, true)), None);
        assert_eq!(mouse.up(Some(PAD), false), Some(Deed::Press(PAD)));
        mouse.down(HERE, ground(true, true));
        assert_eq!(mouse.moved(THERE), None, "there is nothing to take back");
        assert_eq!(mouse.up(Some(OTHER), true), Some(Deed::Drop { from: PAD, to: OTHER, copy: true }));
    }

    #[test]
    fn what_cannot_be_carried_is_pressed_at_once_and_stays_where_it_is() {
        for rests in [false, true] {
            let mut mouse = Mouse::default();
            assert_eq!(mouse.down(HERE, ground(false, rests)), Some(Deed::Press(PAD)));
            assert_eq!(mouse.moved(THERE), None);
            assert_eq!(mouse.up(Some(OTHER), false), None);
        }
    }

    #[test]
    fn a_clip_let_go_beside_the_pads_or_where_it_came_from_stays() {
        for over in [None, Some(PAD), Some(Target::Scene(SceneId(0))), Some(Target::StopAll)] {
            let mut mouse = Mouse::Carrying { from: PAD, at: THERE };
            assert_eq!(mouse.up(over, false), None);
            assert_eq!(mouse, Mouse::Free);
        }
    }

    #[test]
    fn beside_the_playfield_there_is_nothing_to_hold() {
        let mut mouse = Mouse::default();
        assert_eq!(mouse.down(HERE, Ground { target: None, carries: false, rests: false }), None);
        assert_eq!((mouse.moved(THERE), mouse.up(Some(OTHER), false)), (None, None));
    }
}
