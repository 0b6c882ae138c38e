//! A sound on its way from the library to a pad: it follows the pointer, and falls where it is let go.

use super::{Shelf, drawer::Drawer};
use crate::{
    ClientSet,
    deed::Selection,
    editing::put,
    link::{Link, Now},
    playfield::{layout::Target, pointer::Pointer},
    screen::Screen,
    theme::{self, Rgb},
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, CornerRadius, Id, Key, LayerId, Order, Stroke, StrokeKind, vec2},
};
use keyboardia_session::{Cell, Clip, Command, SoundId};

/// Size of what follows the pointer, and where it lies from there.
const GHOST: egui::Vec2 = vec2(128.0, 30.0);
const GHOST_OFFSET: egui::Vec2 = vec2(12.0, 10.0);

/// The sound that is being taken to a pad.
#[derive(Resource, Debug, Default)]
pub(crate) struct Carried(pub(crate) Option<SoundId>);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Carried>()
        .add_systems(OnExit(Screen::Jam), |mut carried: ResMut<Carried>| carried.0 = None)
        .add_systems(
            EguiPrimaryContextPass,
            carry.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).after(ClientSet::Panels),
        );
}

fn carry(
    mut contexts: EguiContexts,
    now: Res<Now>,
    link: Res<Link>,
    shelf: Res<Shelf>,
    pointer: Res<Pointer>,
    mut drawer: ResMut<Drawer>,
    mut carried: ResMut<Carried>,
    mut selection: ResMut<Selection>,
) -> Result {
    let Some(sound) = carried.0.as_ref().and_then(|id| shelf.sound(id)) else { return Ok(()) };
    let context = contexts.ctx_mut()?;
    let (held, escape, at) = context
        .input(|input| (input.pointer.primary_down(), input.key_pressed(Key::Escape), input.pointer.latest_pos()));
    if escape || now.session().is_none() {
        carried.0 = None;
        return Ok(());
    }
    if !held {
        if let Some(target @ Target::Pad(track, scene)) = pointer.over {
            link.command(Command::Edit(put(Cell::new(track, scene), &Clip::of(sound))));
            selection.0 = Some(target);
            drawer.has_filled();
        }
        carried.0 = None;
        return Ok(());
    }
    context.set_cursor_icon(egui::CursorIcon::Grabbing);
    if let Some(at) = at {
        let painter = context.layer_painter(LayerId::new(Order::Tooltip, Id::new("carried sound")));
        let ghost = egui::Rect::from_min_size(at + GHOST_OFFSET, GHOST);
        let fill = Rgb::from(sound.colour);
        let line = Stroke::new(1.0, theme::INK.egui());
        painter.rect(ghost, CornerRadius::same(7), fill.egui(), line, StrokeKind::Outside);
        let inner = ghost.shrink2(vec2(10.0, 0.0));
        let ink = fill.ink().egui();
        theme::label(&painter, inner, egui::Align2::LEFT_CENTER, &sound.name, theme::strong(13.0), ink);
    }
    Ok(())
}
