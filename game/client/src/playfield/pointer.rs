//! Mouse and fingers on the playfield: what the window system says goes, in its order, to [`super::mouse`] and
//! [`super::fingers`], which know what it means. What they make of it goes on as [`Deed`]s.
//!
//! Both press on touching, not on letting go, wherever that can be taken back in silence; see [`super::mouse`] for why.

use super::{
    fingers::Fingers,
    layout::{Layout, Target},
    mouse::Mouse,
    scroll::Scroll,
};
use crate::{
    ClientSet,
    deed::{Deed, Hand, Selection},
    link::Now,
    screen::Screen,
    theme::Scale,
};
use bevy::{
    ecs::system::SystemParam,
    input::{ButtonState, mouse::MouseScrollUnit, touch::TouchPhase},
    prelude::*,
    window::WindowEvent,
};
use bevy_egui::{EguiContext, PrimaryEguiContext, egui, input::EguiWantsInput};
use std::time::Duration;

/// A frame makes a finger older by so much at most: in one that took longer it may have been lifted long since, which is
/// heard of in the next.
pub(crate) const FINGER_FRAME_MAX: Duration = Duration::from_millis(100);

/// Where the pointer is.
#[derive(Resource, Debug, Default)]
pub(crate) struct Pointer {
    /// Design units; `None` while it is outside the window.
    pub(crate) at: Option<Vec2>,
    /// What lies under it.
    pub(crate) over: Option<Target>,
    /// What it holds down.
    pub(crate) held: Option<Target>,
    /// The finger that came first of those that touch the screen, wherever it does.
    finger: Option<Touch>,
}

/// A finger on the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Touch {
    id: u64,
    /// Design units.
    at: Vec2,
    over: Option<Target>,
    /// It has been lifted in this frame: what it carries falls here.
    is_lifted: bool,
}

impl Pointer {
    /// What lies under the hand that is on the screen: a finger, if one is, or the mouse.
    pub(crate) fn hand_over(&self) -> Option<Target> {
        self.finger.map_or(self.over, |finger| finger.over)
    }

    /// A finger touches, moves or is lifted at a point in design units.
    fn touch(&mut self, id: u64, phase: TouchPhase, at: Vec2) {
        let is_it = self.finger.is_some_and(|finger| finger.id == id);
        self.finger = match (phase, self.finger) {
            (TouchPhase::Started, None) => Some(Touch { id, at, over: None, is_lifted: false }),
            // One that was never lifted is one that the system has lost.
            (TouchPhase::Started, Some(finger)) if is_it || finger.is_lifted => {
                Some(Touch { id, at, over: None, is_lifted: false })
            }
            (TouchPhase::Moved, Some(finger)) if is_it => Some(Touch { at, ..finger }),
            (TouchPhase::Ended, Some(finger)) if is_it => Some(Touch { at, is_lifted: true, ..finger }),
            (TouchPhase::Canceled, Some(_)) if is_it => None,
            (_, finger) => finger,
        };
    }

    /// A frame later, a lifted finger is nowhere.
    fn forget_lifted(&mut self) {
        self.finger = self.finger.filter(|finger| !finger.is_lifted);
    }
}

/// A clip in somebody's hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Carried {
    /// The slot that it was taken from.
    pub(crate) from: Target,
    /// Where the hand is, design units.
    pub(crate) at: Vec2,
    /// Whether letting it go leaves it where it was, too.
    pub(crate) copy: bool,
}

/// The clip that this player's hand carries, if any, for others to draw.
#[derive(Resource, Debug, Default)]
pub(crate) struct Drag {
    /// What is carried.
    pub(crate) carried: Option<Carried>,
    cancelled: bool,
}

impl Drag {
    /// Lets what is carried stay where it was. Returns whether anything was.
    pub(crate) fn cancel(&mut self) -> bool {
        self.cancelled |= self.carried.is_some();
        self.carried.take().is_some()
    }
}

/// What lies under a hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ground {
    /// What can be pressed there.
    pub(super) target: Option<Target>,
    /// Whether it holds a clip that can be carried away.
    pub(super) carries: bool,
    /// Whether the music rests.
    pub(super) rests: bool,
}

/// The hands themselves.
#[derive(Resource, Debug, Default)]
pub(crate) struct Hands {
    mouse: Mouse,
    fingers: Fingers,
    /// Time as fingers have it.
    clock: Duration,
}

impl Hands {
    /// Forgets what they hold.
    fn let_go(&mut self) {
        self.mouse = Mouse::default();
        self.fingers.forget();
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Pointer>()
        .init_resource::<Drag>()
        .init_resource::<Hands>()
        .add_systems(OnExit(Screen::Jam), let_go)
        .add_systems(Update, point.run_if(in_state(Screen::Jam)).in_set(ClientSet::Act));
}

/// What there is to point at.
#[derive(SystemParam)]
pub(crate) struct Field<'w, 's> {
    context: Single<'w, 's, &'static mut EguiContext, With<PrimaryEguiContext>>,
    wants: Res<'w, EguiWantsInput>,
    layout: Res<'w, Layout>,
    scale: Res<'w, Scale>,
    now: Res<'w, Now>,
}

impl Field<'_, '_> {
    fn target_at(&mut self, at: Vec2) -> Option<Target> {
        // The background layer is everywhere; only panels and what pops up from them are in the way.
        let layer = self.context.get_mut().layer_id_at(egui::pos2(at.x, at.y));
        let covered = layer.is_some_and(|layer| layer.order != egui::Order::Background);
        self.layout.target_at(at).filter(|_| !covered)
    }

    fn ground_at(&mut self, at: Vec2) -> Ground {
        let target = self.target_at(at);
        let session = self.now.session();
        let carries = |target| match target {
            Target::Pad(track, scene) => {
                session.and_then(|view| view.state.track(track)).is_some_and(|track| track.clip(scene).is_some())
            }
            _ => false,
        };
        let rests = session.is_some_and(|view| !view.is_playing());
        Ground { target, carries: target.is_some_and(carries), rests }
    }
}

/// Follows mouse and fingers.
pub(crate) fn point(
    mut events: MessageReader<WindowEvent>,
    mut hands: ResMut<Hands>,
    mut pointer: ResMut<Pointer>,
    mut drag: ResMut<Drag>,
    mut deeds: MessageWriter<Deed>,
    mut selection: ResMut<Selection>,
    mut hand: ResMut<Hand>,
    mut scroll: ResMut<Scroll>,
    mut field: Field,
    keys: Res<ButtonInput<KeyCode>>,
    time: Res<Time<Real>>,
) {
    let hands = &mut *hands;
    let scale = field.scale.0;
    hands.clock += time.delta().min(FINGER_FRAME_MAX);
    let now = hands.clock;
    pointer.forget_lifted();
    if std::mem::take(&mut drag.cancelled) {
        hands.let_go();
    }
    // As file managers have it: Ctrl, and Option on a Mac.
    let copy = keys.any_pressed([KeyCode::ControlLeft, KeyCode::ControlRight, KeyCode::AltLeft, KeyCode::AltRight]);
    for event in events.read() {
        let deed = match event {
            WindowEvent::CursorMoved(moved) => {
                let at = moved.position / scale;
                pointer.at = Some(at);
                hands.mouse.moved(at)
            }
            WindowEvent::CursorLeft(_) => {
                pointer.at = None;
                None
            }
            WindowEvent::MouseButtonInput(button) => {
                hand.set_if_neq(Hand::Mouse);
                let ground = pointer.at.map(|at| (at, field.ground_at(at)));
                match (button.button, button.state, ground) {
                    // The first press beside an open menu closes the menu.
                    (_, ButtonState::Pressed, _) if field.wants.is_popup_open() => None,
                    (MouseButton::Left, ButtonState::Pressed, Some((at, ground))) => hands.mouse.down(at, ground),
                    (MouseButton::Left, ButtonState::Released, ground) => {
                        hands.mouse.up(ground.and_then(|(_, ground)| ground.target), copy)
                    }
                    (MouseButton::Right, ButtonState::Pressed, Some((at, ground))) => {
                        ground.target.map(|target| Deed::Menu(target, at))
                    }
                    _ => None,
                }
            }
            WindowEvent::TouchInput(touch) => {
                hand.set_if_neq(Hand::Finger);
                let at = touch.position / scale;
                pointer.touch(touch.id, touch.phase, at);
                let ground = field.ground_at(at);
                // As with the mouse: the first touch beside an open list closes the list.
                if touch.phase == TouchPhase::Started && field.wants.is_popup_open() {
                    None
                } else {
                    hands.fingers.touch(touch.id, touch.phase, at, ground, now)
                }
            }
            WindowEvent::MouseWheel(wheel) if pointer.over.is_some() => {
                let cells = match wheel.unit {
                    MouseScrollUnit::Line => Vec2::new(wheel.x, wheel.y),
                    MouseScrollUnit::Pixel => Vec2::new(wheel.x, wheel.y) / scale / field.layout.pitch(),
                };
                scroll.pan(cells, &field.layout);
                None
            }
            WindowEvent::WindowFocused(focus) if !focus.focused => {
                hands.let_go();
                pointer.finger = None;
                None
            }
            _ => None,
        };
        carry_on(deed, &mut selection, &mut deeds);
    }
    carry_on(hands.fingers.stay(now), &mut selection, &mut deeds);
    scroll.pan(hands.fingers.take_pan() / field.layout.pitch(), &field.layout);
    pointer.over = pointer.at.and_then(|at| field.target_at(at));
    if let Some(finger) = &mut pointer.finger {
        finger.over = field.target_at(finger.at);
    }
    pointer.held = hands.mouse.held();
    drag.carried = hands.mouse.carried(copy).or_else(|| hands.fingers.carried());
}

/// What a hand touches is what keys act on from then on.
fn carry_on(deed: Option<Deed>, selection: &mut Selection, deeds: &mut MessageWriter<Deed>) {
    if let Some(Deed::Press(target) | Deed::Menu(target, _) | Deed::Drop { to: target, .. }) = deed {
        selection.0 = Some(target);
    }
    deeds.write_batch(deed);
}

fn let_go(mut hands: ResMut<Hands>, mut drag: ResMut<Drag>, mut pointer: ResMut<Pointer>) {
    hands.let_go();
    *drag = Drag::default();
    pointer.held = None;
    pointer.finger = None;
}

#[cfg(test)]
mod tests {
    use super::*;
    use TouchPhase::{Canceled, Ended, Moved, Started};
    use keyboardia_session::{SceneId, TrackId};

    const HERE: Vec2 = Vec2::new(50.0, 120.0);
    const THERE: Vec2 = Vec2::new(400.0, 260.0);

    /// Where the finger is that is followed.
    fn at(pointer: &Pointer) -> Option<Vec2> {
        pointer.finger.map(|finger| finger.at)
    }

    #[test]
    fn a_finger_is_followed_until_a_frame_after_it_is_lifted() {
        let mut pointer = Pointer::default();
        pointer.touch(1, Started, HERE);
        pointer.touch(2, Started, THERE);
        assert_eq!(at(&pointer), Some(HERE), "the first one is");
        pointer.touch(1, Moved, THERE);
        pointer.touch(2, Ended, HERE);
        pointer.forget_lifted();
        assert_eq!(at(&pointer), Some(THERE), "another one is lifted");
        pointer.touch(1, Ended, HERE);
        assert_eq!(at(&pointer), Some(HERE), "what it carries falls where it is lifted");
        pointer.forget_lifted();
        assert_eq!(at(&pointer), None);
    }

    #[test]
    fn a_finger_that_the_system_takes_away_is_nowhere_and_one_that_it_has_lost_is_replaced() {
        let mut pointer = Pointer::default();
        pointer.touch(1, Started, HERE);
        pointer.touch(1, Started, THERE);
        assert_eq!(at(&pointer), Some(THERE));
        pointer.touch(1, Canceled, THERE);
        assert_eq!(at(&pointer), None);
    }

    #[test]
    fn a_finger_counts_before_a_mouse_that_lies_somewhere() {
        let pad = |track| Some(Target::Pad(TrackId(track), SceneId(0)));
        let mut pointer = Pointer { over: pad(1), ..Pointer::default() };
        assert_eq!(pointer.hand_over(), pad(1));
        pointer.finger = Some(Touch { id: 1, at: HERE, over: None, is_lifted: false });
        assert_eq!(pointer.hand_over(), None, "beside the grid");
        pointer.finger = Some(Touch { id: 1, at: HERE, over: pad(2), is_lifted: false });
        assert_eq!(pointer.hand_over(), pad(2));
    }
}
