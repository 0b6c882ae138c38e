//! A sound on its way from the library to a pad: it follows the pointer, and falls where it is let go.

use super::{Shelf, drawer::Drawer};
use crate::{
    ClientSet,
    deed::Selection,
    editing::put,
    link::{Link, Now},
    playfield::{layout::Target, pointer::Pointer},
    screen::Screen,
    theme,
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
pub(crate) struct Carried {
    sound: Option<SoundId>,
    /// The hand shall take nothing up before it has let go.
    is_cancelled: bool,
}

impl Carried {
    /// Whether there is one.
    pub(crate) fn is_any(&self) -> bool {
        self.sound.is_some()
    }

    /// A hand takes a sound along.
    pub(super) fn take_up(&mut self, sound: SoundId) {
        if !self.is_cancelled {
            self.sound = Some(sound);
        }
    }

    /// Lets it stay in the library. Returns whether there was one.
    pub(crate) fn cancel(&mut self) -> bool {
        self.is_cancelled |= self.sound.is_some();
        self.sound.take().is_some()
    }

    /// The hand lets go. Returns what falls.
    fn let_go(&mut self) -> Option<SoundId> {
        self.is_cancelled = false;
        self.sound.take()
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Carried>()
        .add_systems(OnExit(Screen::Jam), |mut carried: ResMut<Carried>| *carried = Carried::default())
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
    let context = contexts.ctx_mut()?;
    let (is_held, escape, at) = context
        .input(|input| (input.pointer.primary_down(), input.key_pressed(Key::Escape), input.pointer.latest_pos()));
    // Keys come here alone while the list has their focus.
    let Some(view) = now.session().filter(|_| !escape) else {
        carried.cancel();
        return Ok(());
    };
    if !is_held {
        let sound = carried.let_go();
        let sound = sound.as_ref().and_then(|id| shelf.sound(id));
        if let (Some(sound), Some(target @ Target::Pad(track, scene))) = (sound, pointer.hand_over()) {
            link.command(Command::Edit(put(Cell::new(track, scene), &Clip::of(sound), view)));
            selection.0 = Some(target);
            drawer.has_filled();
        }
        return Ok(());
    }
    let Some(sound) = carried.sound.as_ref().and_then(|id| shelf.sound(id)) else { return Ok(()) };
    context.set_cursor_icon(egui::CursorIcon::Grabbing);
    if let Some(at) = at {
        let painter = context.layer_painter(LayerId::new(Order::Tooltip, Id::new("carried sound")));
        let ghost = egui::Rect::from_min_size(at + GHOST_OFFSET, GHOST);
        let fill = theme::legible(sound.colour.into());
        let line = Stroke::new(1.0, theme::INK.egui());
        painter.rect(ghost, CornerRadius::same(7), fill.egui(), line, StrokeKind::Outside);
        let inner = ghost.shrink2(vec2(10.0, 0.0));
        let ink = fill.ink().egui();
        theme::label(&painter, inner, egui::Align2::LEFT_CENTER, &sound.name, theme::strong(13.0), ink);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_that_was_put_back_is_not_taken_up_again_by_the_same_pull() {
        let sound = || SoundId::parse("kick").unwrap();
        let mut carried = Carried::default();
        assert!(!carried.cancel(), "there is nothing to put back");
        carried.take_up(sound());
        assert!(carried.cancel() && !carried.is_any());
        carried.take_up(sound());
        assert!(!carried.is_any(), "the hand still pulls");
        assert_eq!(carried.let_go(), None);
        carried.take_up(sound());
        assert_eq!(carried.let_go(), Some(sound()));
    }
}
