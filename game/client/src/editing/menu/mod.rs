//! The menu of a pad, a column or a row: everything that can be done with it, at the place where it was asked for.
//!
//! A veil that nobody sees lies under it and takes the next press, so that closing a menu launches nothing. Something in
//! it always has the focus of the keyboard: Tab and arrows go on from there, Enter chooses, Esc closes.

mod content;
mod parts;

use crate::{
    ClientSet,
    deed::Deed,
    held::Held,
    library::{Drawer, Shelf},
    link::{Link, Now},
    panel,
    playfield::layout::{Layout, Target},
    screen::Screen,
    theme,
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Id, Key, Order, Sense, pos2, vec2},
};
use content::Content;
use keyboardia_session::Gain;
pub(crate) use parts::{choice, name_field};

/// Width of a menu, and the space between it and the window's edge.
const WIDTH: f32 = 252.0;
const EDGE: f32 = 8.0;
const PADDING: i8 = 10;
/// Height of a menu before it has been drawn once.
const FIRST_GUESS: f32 = 300.0;

/// The menu that is open, if one is.
#[derive(Resource, Debug, Default)]
pub(crate) struct Menu {
    open: Option<Open>,
    opened: u32,
}

/// An open menu.
#[derive(Debug)]
struct Open {
    target: Target,
    at: Vec2,
    size: Vec2,
    /// What is being typed as its name; `None` until its field has been shown.
    name: Option<String>,
    /// Whether the name is what it was opened for.
    renaming: bool,
    gain: Held<Gain>,
    /// Frames that it has been shown.
    frames: u32,
}

impl Menu {
    /// Opens the menu of a target, its corner at this point.
    pub(super) fn open(&mut self, target: Target, at: Vec2) {
        self.show(target, at, false);
    }

    /// Opens the menu of a target to give it another name.
    pub(super) fn rename(&mut self, target: Target, at: Vec2) {
        self.show(target, at, true);
    }

    /// Closes the menu, leaving a name as it was; returns whether one was open.
    pub(crate) fn close(&mut self) -> bool {
        self.open.take().is_some()
    }

    fn show(&mut self, target: Target, at: Vec2, renaming: bool) {
        if !has_menu(target) {
            return;
        }
        self.opened = self.opened.wrapping_add(1);
        let size = Vec2::new(WIDTH, FIRST_GUESS);
        self.open = Some(Open { target, at, size, name: None, renaming, gain: Held::default(), frames: 0 });
    }
}

/// Whether a target has a menu.
fn has_menu(target: Target) -> bool {
    matches!(target, Target::Pad(..) | Target::Head(_) | Target::Scene(_))
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Menu>()
        .add_systems(OnExit(Screen::Jam), |mut menu: ResMut<Menu>| menu.open = None)
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).after(ClientSet::Panels),
        );
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    link: Res<Link>,
    layout: Res<Layout>,
    shelf: Res<Shelf>,
    time: Res<Time<Real>>,
    mut menu: ResMut<Menu>,
    mut drawer: ResMut<Drawer>,
    mut deeds: MessageWriter<Deed>,
) -> Result {
    let Some(view) = now.session() else { return Ok(()) };
    let serial = menu.opened;
    let Some(open) = menu.open.as_mut().filter(|open| layout.has(open.target)) else {
        menu.open = None;
        return Ok(());
    };
    let context = contexts.ctx_mut()?;
    let veiled = veil(context, layout.size);
    let place = place(open.at, open.size, layout.size);
    let area = egui::Area::new(Id::new(("menu", serial)))
        .order(Order::Foreground)
        .fixed_pos(pos2(place.x, place.y))
        .constrain(false)
        .fade_in(false);
    let layer = area.layer();
    let mut content =
        Content { view, link: &link, shelf: &shelf, now: time.elapsed(), deeds: &mut deeds, drawer: &mut drawer };
    let shown = area.show(context, |ui| {
        let frame = panel::card().inner_margin(egui::Margin::same(PADDING)).shadow(egui::epaint::Shadow {
            offset: [0, 6],
            blur: 24,
            spread: 0,
            color: egui::Color32::from_black_alpha(120),
        });
        frame
            .show(ui, |ui| {
                ui.set_width(WIDTH - 2.0 * f32::from(PADDING) - 2.0);
                ui.spacing_mut().item_spacing = vec2(6.0, 4.0);
                content.show(ui, open)
            })
            .inner
    });
    context.move_to_top(layer);
    let size = shown.response.rect.size();
    open.size = Vec2::new(size.x, size.y);
    open.frames = open.frames.saturating_add(1);
    let is_done = shown.inner;
    if is_done || veiled || context.input(|input| input.key_pressed(Key::Escape)) {
        if !context.input(|input| input.key_pressed(Key::Escape)) {
            content.settle_name(open);
        }
        menu.open = None;
    }
    Ok(())
}

/// Lies under the menu and takes the press that closes it; returns whether there was one.
fn veil(context: &egui::Context, size: Vec2) -> bool {
    let area = egui::Area::new(Id::new("menu veil"))
        .order(Order::Foreground)
        .fixed_pos(pos2(0.0, 0.0))
        .constrain(false)
        .fade_in(false);
    let shown = area.show(context, |ui| ui.allocate_exact_size(vec2(size.x, size.y), Sense::click()).1);
    let pressed = context.input(|input| input.pointer.any_pressed());
    pressed && shown.inner.contains_pointer()
}

/// Where a menu of this size that is asked for at a point has its upper left corner: beside the point, on its other side
/// where there is no room, and always inside the window.
fn place(at: Vec2, size: Vec2, window: Vec2) -> Vec2 {
    let along = |at: f32, size: f32, window: f32| {
        let beside = if at + size > window - EDGE { at - size } else { at };
        beside.min(window - EDGE - size).max(EDGE)
    };
    Vec2::new(along(at.x, size.x, window.x), along(at.y, size.y, window.y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_menu_never_leaves_the_window() {
        let window = Vec2::new(1137.0, 666.0);
        for size in [Vec2::new(WIDTH, 90.0), Vec2::new(WIDTH, 420.0)] {
            for x in [0.0, 5.0, 400.0, 1_000.0, 1_136.0] {
                for y in [0.0, 80.0, 400.0, 665.0] {
                    let corner = place(Vec2::new(x, y), size, window);
                    assert!(corner.cmpge(Vec2::splat(EDGE)).all(), "{corner}");
                    assert!((corner + size).cmple(window - EDGE).all(), "{corner}");
                }
            }
        }
    }

    #[test]
    fn a_menu_lies_beside_the_point_where_it_was_asked_for() {
        let (size, window) = (Vec2::new(200.0, 300.0), Vec2::new(1_280.0, 720.0));
        assert_eq!(place(Vec2::new(100.0, 100.0), size, window), Vec2::new(100.0, 100.0));
        assert_eq!(place(Vec2::new(1_200.0, 100.0), size, window), Vec2::new(1_000.0, 100.0));
        assert_eq!(place(Vec2::new(100.0, 700.0), size, window), Vec2::new(100.0, 400.0));
    }

    #[test]
    fn stop_buttons_have_no_menu() {
        let mut menu = Menu::default();
        menu.open(Target::StopAll, Vec2::ZERO);
        assert!(menu.open.is_none());
        menu.open(Target::Scene(keyboardia_session::SceneId(0)), Vec2::ZERO);
        assert!(menu.open.is_some());
    }
}
