//! Mouse and fingers on the playfield. A pad sounds when it goes down, not when it is let go: it is an instrument.

use super::layout::{Layout, Target};
use crate::{
    ClientSet,
    deed::{Deed, Selection},
    screen::Screen,
    theme::Scale,
};
use bevy::{
    input::{ButtonState, touch::TouchPhase},
    prelude::*,
    window::WindowEvent,
};
use bevy_egui::{EguiContext, PrimaryEguiContext, egui};

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

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Pointer>().add_systems(Update, point.run_if(in_state(Screen::Jam)).in_set(ClientSet::Act));
}

pub(super) fn point(
    mut events: MessageReader<WindowEvent>,
    mut pointer: ResMut<Pointer>,
    mut deeds: MessageWriter<Deed>,
    mut selection: ResMut<Selection>,
    mut context: Single<&mut EguiContext, With<PrimaryEguiContext>>,
    layout: Res<Layout>,
    scale: Res<Scale>,
) {
    let context = context.get_mut();
    let mut target_at = |at: Vec2| {
        // The background layer is everywhere; only panels and what pops up from them are in the way.
        let layer = context.layer_id_at(egui::pos2(at.x, at.y));
        let covered = layer.is_some_and(|layer| layer.order != egui::Order::Background);
        layout.target_at(at).filter(|_| !covered)
    };
    for event in events.read() {
        let pressed = match event {
            WindowEvent::CursorMoved(moved) => {
                pointer.at = Some(moved.position / scale.0);
                None
            }
            WindowEvent::CursorLeft(_) => {
                pointer.at = None;
                None
            }
            WindowEvent::MouseButtonInput(button) if button.button == MouseButton::Left => {
                let target = pointer.at.and_then(&mut target_at).filter(|_| button.state == ButtonState::Pressed);
                pointer.held = target;
                target
            }
            WindowEvent::TouchInput(touch) if touch.phase == TouchPhase::Started => target_at(touch.position / scale.0),
            _ => None,
        };
        if let Some(target) = pressed {
            selection.0 = Some(target);
            deeds.write(Deed::Press(target));
        }
    }
    pointer.over = pointer.at.and_then(target_at);
}
