//! Fingers on a screen as a state machine: touches, places and time go in, deeds come out. It knows no window.
//!
//! | what the finger does | what it means |
//! |---|---|
//! | touches and is lifted | a press; while the music plays it counts as soon as it touches, as with the mouse |
//! | stays for [`LONG`] | its press is taken back; the clip can be carried, and if it is not, lifting it opens the menu |
//! | moves before that | nothing: it slips, and its press is taken back; with a second finger it scrolls |
//!
//! Each finger is a hand of its own, so several press several pads at once; only a finger that is alone can stay long.

use super::{
    layout::Target,
    mouse::drop_at,
    pointer::{Carried, Ground},
};
use crate::deed::Deed;
use bevy::{input::touch::TouchPhase, prelude::*};
use std::time::Duration;

/// A finger that stays this long wants more than a press.
pub(super) const LONG: Duration = Duration::from_millis(450);
/// A finger that moves less than this holds still, design units: fingers are broader than pointers.
const SLOP: f32 = 12.0;
/// Fingers that are followed at once.
const FINGERS_MAX: usize = 10;

/// What a finger has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its press counts already.
    Pressed,
    /// Its press counts when it is lifted.
    Waiting,
    /// It has stayed long: it carries the clip away, or opens the menu.
    Stayed,
    /// It carries a clip.
    Carrying,
    /// It means nothing any more.
    Spent,
}

#[derive(Debug, Clone, Copy)]
struct Finger {
    id: u64,
    target: Target,
    carries: bool,
    from: Vec2,
    at: Vec2,
    since: Duration,
    stage: Stage,
}

/// The fingers that touch the playfield.
#[derive(Debug, Default)]
pub(super) struct Fingers {
    down: Vec<Finger>,
    /// How far two of them have moved together, design units.
    pan: Vec2,
}

impl Fingers {
    /// A finger touches, moves or is lifted at a point with this ground under it.
    pub(super) fn touch(
        &mut self,
        id: u64,
        phase: TouchPhase,
        at: Vec2,
        ground: Ground,
        now: Duration,
    ) -> Option<Deed> {
        match phase {
            TouchPhase::Started => self.down(id, at, ground, now),
            TouchPhase::Moved => self.moved(id, at, now),
            TouchPhase::Ended => self.up(id, ground.target),
            TouchPhase::Canceled => {
                let finger = self.take(id)?;
                (finger.stage == Stage::Pressed).then_some(Deed::TakeBack(finger.target))
            }
        }
    }

    /// Time goes on: a finger that is alone and has stayed long wants more than a press.
    pub(super) fn stay(&mut self, now: Duration) -> Option<Deed> {
        let [finger] = self.down.as_mut_slice() else { return None };
        if now.saturating_sub(finger.since) < LONG {
            return None;
        }
        let pressed = match finger.stage {
            Stage::Pressed => true,
            Stage::Waiting => false,
            Stage::Stayed | Stage::Carrying | Stage::Spent => return None,
        };
        finger.stage = Stage::Stayed;
        pressed.then_some(Deed::TakeBack(finger.target))
    }

    /// How far two fingers have moved together since this was last asked, design units.
    pub(super) fn take_pan(&mut self) -> Vec2 {
        std::mem::take(&mut self.pan)
    }

    /// What is being carried.
    pub(super) fn carried(&self) -> Option<Carried> {
        let lifted =
            |finger: &&Finger| finger.stage == Stage::Carrying || finger.stage == Stage::Stayed && finger.carries;
        let finger = self.down.iter().find(lifted)?;
        Some(Carried { from: finger.target, at: finger.at, copy: false })
    }

    /// Forgets all of them; those that still touch mean nothing any more.
    pub(super) fn forget(&mut self) {
        self.down.clear();
    }

    fn down(&mut self, id: u64, at: Vec2, ground: Ground, now: Duration) -> Option<Deed> {
        let target = ground.target?;
        // A finger that was never lifted is a finger that the system has lost.
        self.take(id);
        if self.down.len() == FINGERS_MAX {
            return None;
        }
        let stage = if ground.rests { Stage::Waiting } else { Stage::Pressed };
        self.down.push(Finger { id, target, carries: ground.carries, from: at, at, since: now, stage });
        (stage == Stage::Pressed).then_some(Deed::Press(target))
    }

    fn moved(&mut self, id: u64, at: Vec2, now: Duration) -> Option<Deed> {
        let are_two = self.down.len() == 2;
        let finger = self.down.iter_mut().find(|finger| finger.id == id)?;
        let by = at - std::mem::replace(&mut finger.at, at);
        if finger.from.distance(at) <= SLOP {
            return None;
        }
        if are_two && finger.stage == Stage::Spent {
            self.pan += by / 2.0;
        }
        match finger.stage {
            Stage::Pressed => {
                finger.stage = Stage::Spent;
                // One that has stayed beside others was a press, and stays one.
                (now.saturating_sub(finger.since) < LONG).then_some(Deed::TakeBack(finger.target))
            }
            Stage::Waiting => {
                finger.stage = Stage::Spent;
                None
            }
            Stage::Stayed => {
                finger.stage = if finger.carries { Stage::Carrying } else { Stage::Spent };
                None
            }
            Stage::Carrying | Stage::Spent => None,
        }
    }

    fn up(&mut self, id: u64, over: Option<Target>) -> Option<Deed> {
        let finger = self.take(id)?;
        match finger.stage {
            Stage::Waiting => Some(Deed::Press(finger.target)),
            Stage::Stayed => Some(Deed::Menu(finger.target, finger.at)),
            Stage::Carrying => drop_at(finger.target, over, false),
            Stage::Pressed | Stage::Spent => None,
        }
    }

    fn take(&mut self, id: u64) -> Option<Finger> {
        let index = self.down.iter().position(|finger| finger.id == id)?;
        Some(self.down.swap_remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TouchPhase::{Canceled, Ended, Moved, Started};
    use keyboardia_session::{SceneId, TrackId};

    const SPOT: Vec2 = Vec2::new(100.0, 100.0);
    const FAR: Vec2 = Vec2::new(300.0, 200.0);

    fn pad(track: u8) -> Target {
        Target::Pad(TrackId(track), SceneId(0))
    }

    fn on(track: u8) -> Ground {
        Ground { target: Some(pad(track)), carries: true, rests: false }
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_tap_presses_when_it_touches_while_the_music_plays() {
        let mut fingers = Fingers::default();
        assert_eq!(fingers.touch(1, Started, SPOT, on(0), ms(0)), Some(Deed::Press(pad(0))));
        assert_eq!(fingers.touch(1, Moved, SPOT + 5.0, on(0), ms(40)), None);
        assert_eq!(fingers.touch(1, Ended, SPOT + 5.0, on(0), ms(80)), None);
        assert!(fingers.down.is_empty());
    }

    #[test]
    fn a_tap_presses_when_it_is_lifted_while_the_music_rests() {
        let mut fingers = Fingers::default();
        let ground = Ground { rests: true, ..on(0) };
        assert_eq!(fingers.touch(1, Started, SPOT, ground, ms(0)), None);
        assert_eq!(fingers.touch(1, Ended, SPOT, ground, ms(80)), Some(Deed::Press(pad(0))));
    }

    #[test]
    fn several_fingers_press_several_pads() {
        let mut fingers = Fingers::default();
        for id in 0..4_u8 {
            let deed = fingers.touch(u64::from(id), Started, SPOT, on(id), ms(u64::from(id)));
            assert_eq!(deed, Some(Deed::Press(pad(id))));
        }
        assert_eq!(fingers.stay(ms(900)), None, "a finger that is not alone opens no menu");
        for id in 0..4 {
            assert_eq!(fingers.touch(id, Ended, SPOT, on(id as u8), ms(1_000)), None);
        }
    }

    #[test]
    fn a_long_press_takes_its_press_back_and_opens_the_menu_when_it_is_lifted() {
        let mut fingers = Fingers::default();
        fingers.touch(1, Started, SPOT, on(0), ms(0));
        assert_eq!(fingers.stay(ms(449)), None);
        assert_eq!(fingers.stay(ms(450)), Some(Deed::TakeBack(pad(0))));
        assert_eq!(fingers.stay(ms(460)), None, "once");
        assert_eq!(fingers.carried().map(|carried| carried.from), Some(pad(0)), "it shows that it can be carried");
        assert_eq!(fingers.touch(1, Ended, SPOT, on(0), ms(600)), Some(Deed::Menu(pad(0), SPOT)));
        assert_eq!(fingers.carried(), None);
    }

    #[test]
    fn a_drag_after_a_long_press_moves_the_clip() {
        let mut fingers = Fingers::default();
        fingers.touch(1, Started, SPOT, Ground { rests: true, ..on(0) }, ms(0));
        assert_eq!(fingers.stay(ms(500)), None, "nothing was pressed yet");
        assert_eq!(fingers.touch(1, Moved, FAR, on(5), ms(600)), None);
        assert_eq!(fingers.carried(), Some(Carried { from: pad(0), at: FAR, copy: false }));
        let deed = fingers.touch(1, Ended, FAR, on(5), ms(700));
        assert_eq!(deed, Some(Deed::Drop { from: pad(0), to: pad(5), copy: false }));
    }

    #[test]
    fn what_cannot_be_carried_opens_its_menu_and_is_not_dragged() {
        let mut fingers = Fingers::default();
        let scene = Ground { target: Some(Target::Scene(SceneId(1))), carries: false, rests: true };
        fingers.touch(1, Started, SPOT, scene, ms(0));
        fingers.stay(ms(450));
        assert_eq!(fingers.carried(), None);
        let deed = fingers.touch(1, Ended, SPOT, scene, ms(500));
        assert_eq!(deed, Some(Deed::Menu(Target::Scene(SceneId(1)), SPOT)));
    }

    #[test]
    fn two_fingers_that_move_press_nothing() {
        let mut fingers = Fingers::default();
        fingers.touch(1, Started, SPOT, on(0), ms(0));
        fingers.touch(2, Started, FAR, on(1), ms(10));
        assert_eq!(fingers.touch(1, Moved, SPOT + 40.0, on(0), ms(60)), Some(Deed::TakeBack(pad(0))));
        assert_eq!(fingers.touch(2, Moved, FAR + 40.0, on(1), ms(60)), Some(Deed::TakeBack(pad(1))));
        assert_eq!(fingers.take_pan(), Vec2::ZERO, "what they moved until then was needed to know");
        fingers.touch(1, Moved, SPOT + Vec2::new(40.0, 100.0), on(0), ms(70));
        fingers.touch(2, Moved, FAR + Vec2::new(40.0, 100.0), on(1), ms(70));
        assert_eq!(fingers.take_pan(), Vec2::new(0.0, 60.0), "they scroll");
        for id in [1, 2] {
            assert_eq!(fingers.touch(id, Ended, FAR, on(3), ms(90)), None);
        }
        assert!(fingers.down.is_empty(), "none is held for ever");
    }

    #[test]
    fn a_touch_that_the_system_takes_away_is_taken_back() {
        let mut fingers = Fingers::default();
        fingers.touch(1, Started, SPOT, on(0), ms(0));
        assert_eq!(fingers.touch(1, Canceled, SPOT, on(0), ms(20)), Some(Deed::TakeBack(pad(0))));
        assert!(fingers.down.is_empty());
    }

    #[test]
    fn beside_the_playfield_nothing_happens_and_fingers_are_bounded() {
        let mut fingers = Fingers::default();
        let nowhere = Ground { target: None, carries: false, rests: false };
        assert_eq!(fingers.touch(1, Started, SPOT, nowhere, ms(0)), None);
        assert_eq!(fingers.touch(1, Ended, SPOT, on(0), ms(10)), None);
        let pressed = (0..20).filter(|id| fingers.touch(*id, Started, SPOT, on(0), ms(0)).is_some()).count();
        assert_eq!(pressed, FINGERS_MAX);
    }
}
