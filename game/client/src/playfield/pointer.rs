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
    deed::{Deed, Selection},
    link::Now,
    screen::Screen,
    theme::Scale,
};
use bevy::{
    ecs::system::SystemParam,
    input::{ButtonState, mouse::MouseScrollUnit},
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
    mut scroll: ResMut<Scroll>,
    mut field: Field,
    keys: Res<ButtonInput<KeyCode>>,
    time: Res<Time<Real>>,
) {
    let hands = &mut *hands;
    let scale = field.scale.0;
    hands.clock += time.delta().min(FINGER_FRAME_MAX);
    let now = hands.clock;
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
                let at = touch.position / scale;
                let ground = field.ground_at(at);
                hands.fingers.touch(touch.id, touch.phase, at, ground, now)
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
                None
            }
            _ => None,
        };
        carry_on(deed, &mut selection, &mut deeds);
    }
    carry_on(hands.fingers.stay(now), &mut selection, &mut deeds);
    scroll.pan(hands.fingers.take_pan() / field.layout.pitch(), &field.layout);
    pointer.over = pointer.at.and_then(|at| field.target_at(at));
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
}
