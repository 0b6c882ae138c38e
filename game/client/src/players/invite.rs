//! How others join: address and code to read out, to copy, and as a picture for a camera.

use super::door;
use crate::{
    icons::{self, Icon},
    link::Invitation,
    panel, platform, theme,
};
use bevy::prelude::*;
use bevy_egui::egui::{self, Align, Color32, CornerRadius, Layout, Mesh, Rect, RichText, Sense, Shape, Ui, vec2};
use keyboardia_session::View;
use qrcode::{EcLevel, QrCode};

/// How long the button says that it has copied, seconds.
const COPIED_S: f64 = 1.6;
/// Free modules around a code, which cameras need.
const QUIET: usize = 3;
/// What stands where a session lets nobody new in.
const LOCKED: &str = "Locked: nobody new gets in.";
/// Side of the large code.
const LARGE: f32 = 250.0;
/// Longest text that becomes a code, bytes.
const TEXT_BYTES_MAX: usize = 400;

/// The code that was drawn last, and whether it is shown large.
#[derive(Resource, Default)]
pub(super) struct Picture {
    text: String,
    modules: Vec<bool>,
    width: usize,
    pub(super) large: bool,
}

impl Picture {
    /// Works the code out, once a text.
    fn follow(&mut self, text: &str) {
        if self.text == text {
            return;
        }
        self.text = text.into();
        (self.modules, self.width) = modules(text).unwrap_or_default();
    }

    /// Draws the code into a square.
    fn draw(&self, ui: &Ui, square: Rect) {
        if self.width == 0 {
            return;
        }
        ui.painter().rect_filled(square, CornerRadius::same(8), theme::TEXT.egui());
        let module = square.width() / (self.width + 2 * QUIET) as f32;
        let mut mesh = Mesh::default();
        for (index, _) in self.modules.iter().enumerate().filter(|(_, dark)| **dark) {
            let (column, row) = (index % self.width + QUIET, index / self.width + QUIET);
            let corner = square.min + vec2(column as f32, row as f32) * module;
            mesh.add_colored_rect(Rect::from_min_size(corner, vec2(module, module)), theme::INK.egui());
        }
        ui.painter().add(Shape::mesh(mesh));
    }
}

/// The dark modules of a text's code, row by row, and how many a row has.
fn modules(text: &str) -> Option<(Vec<bool>, usize)> {
    let code = QrCode::with_error_correction_level(text.get(..text.len().min(TEXT_BYTES_MAX))?, EcLevel::L).ok()?;
    let dark = code.to_colors().into_iter().map(|colour| colour == qrcode::Color::Dark).collect();
    Some((dark, code.width()))
}

/// The card; a code is in it if `room` is left for one. Returns whether the player wants the session locked, or open.
pub(super) fn card(
    ui: &mut Ui,
    view: &View,
    invitation: Option<&Invitation>,
    picture: &mut Picture,
    room: f32,
) -> Option<bool> {
    ui.set_width(ui.available_width());
    ui.spacing_mut().item_spacing.y = 6.0;
    let Some(invitation) = invitation else {
        panel::heading(ui, "Invite");
        let text = "You play alone. To let friends in, leave and choose Host.";
        ui.label(RichText::new(text).font(theme::font(12.5)).color(theme::TEXT_DIM.egui()));
        return None;
    };
    let mut wish = None;
    ui.allocate_ui_with_layout(vec2(ui.available_width(), door::HEIGHT), Layout::left_to_right(Align::Center), |ui| {
        panel::heading(ui, "Invite");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| wish = door::switch(ui, view));
    });
    let locked = view.state.is_locked();
    picture.follow(&invitation.command());
    let (ink, where_to) = if locked {
        (theme::TEXT_DIM, RichText::new(LOCKED).color(theme::WARNING.egui()))
    } else {
        (theme::TEXT, RichText::new(format!("at {}", invitation.address)).color(theme::TEXT_DIM.egui()))
    };
    ui.label(RichText::new(invitation.code.replace('-', " ")).font(theme::strong(15.0)).color(ink.egui()));
    ui.label(where_to.font(theme::font(12.5)));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        copy(ui, invitation, ui.available_width() - 40.0);
        let (rect, response) = ui.allocate_exact_size(vec2(34.0, 30.0), Sense::click());
        let fill = if response.hovered() { theme::HOVERED } else { theme::RAISED };
        ui.painter().rect_filled(rect, CornerRadius::same(7), fill.egui());
        icons::paint(ui.painter(), rect.shrink(7.0), Icon::Code, theme::TEXT.egui());
        if response.on_hover_text("Show it large, for the whole room").clicked() {
            picture.large = true;
        }
    });
    let side = room.min(ui.available_width());
    if side >= 110.0 {
        ui.vertical_centered(|ui| {
            let (square, response) = ui.allocate_exact_size(vec2(side, side), Sense::click());
            picture.draw(ui, square);
            if locked {
                bar(ui, square);
            }
            if response.on_hover_text("The invitation, for a camera").clicked() {
                picture.large = true;
            }
        });
    }
    wish
}

/// A veil over a code that lets nobody in, with a lock on it.
fn bar(ui: &Ui, square: Rect) {
    ui.painter().rect_filled(square, CornerRadius::same(8), theme::SURFACE.egui().gamma_multiply(0.95));
    let side = square.width() * 0.32;
    let sign = Rect::from_center_size(square.center(), vec2(side, side));
    icons::paint(ui.painter(), sign, Icon::Locked, theme::WARNING.egui());
}

fn copy(ui: &mut Ui, invitation: &Invitation, width: f32) {
    let id = ui.id().with("copied");
    let time = ui.input(|input| input.time);
    let copied = ui.data(|data| data.get_temp::<f64>(id)).is_some_and(|at| time - at < COPIED_S);
    let text = if copied { "Copied" } else { platform::INVITE };
    let button = egui::Button::new(RichText::new(text).font(theme::font(13.0)));
    let is_pressed = ui.add_sized(vec2(width, 30.0), button).on_hover_text(invitation.command()).clicked();
    if is_pressed && !platform::share(&invitation.code) {
        ui.ctx().copy_text(invitation.command());
        ui.data_mut(|data| data.insert_temp(id, time));
    }
}

/// Everything large enough to be read across a room.
pub(super) fn large(context: &egui::Context, view: &View, invitation: &Invitation, picture: &mut Picture) {
    let modal = egui::Modal::new(egui::Id::new("invitation"))
        .backdrop_color(Color32::from_black_alpha(170))
        .frame(panel::card().inner_margin(egui::Margin::same(24)));
    let shown = modal.show(context, |ui| {
        ui.set_width(540.0);
        ui.horizontal(|ui| {
            let (square, _) = ui.allocate_exact_size(vec2(LARGE, LARGE), Sense::hover());
            picture.draw(ui, square);
            if view.state.is_locked() {
                bar(ui, square);
            }
            ui.add_space(18.0);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                let dim = |text: &str| RichText::new(text).font(theme::font(14.0)).color(theme::TEXT_DIM.egui());
                ui.label(dim(if platform::HOSTS { "Join, then address" } else { "Open in a browser" }));
                ui.label(RichText::new(&invitation.address).font(theme::strong(25.0)).color(theme::ACCENT.egui()));
                ui.add_space(6.0);
                ui.label(dim("and code"));
                for word in invitation.code.split('-') {
                    ui.label(RichText::new(word).font(theme::strong(25.0)));
                }
            });
        });
        ui.add_space(12.0);
        if view.state.is_locked() {
            ui.label(RichText::new(LOCKED).font(theme::font(14.0)).color(theme::WARNING.egui()));
            ui.add_space(4.0);
        }
        ui.horizontal(|ui| {
            copy(ui, invitation, 190.0);
            ui.add_sized(vec2(110.0, 30.0), egui::Button::new("Close")).on_hover_text("Esc").clicked()
        })
        .inner
    });
    if shown.inner || shown.backdrop_response.clicked() {
        picture.large = false;
    }
}

/// Escape closes the large one, before anything else that it might do.
pub(super) fn close(mut keys: ResMut<ButtonInput<KeyCode>>, mut picture: ResMut<Picture>) {
    if picture.large && keys.clear_just_pressed(KeyCode::Escape) {
        picture.large = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_becomes_a_code_with_its_three_corners() {
        let (modules, width) = modules("./play --join 192.168.1.5 able-acid-aged-also-area").unwrap();
        assert_eq!(modules.len(), width * width);
        for (column, row) in [(0, 0), (width - 7, 0), (0, width - 7)] {
            assert!((0..7).all(|step| modules[row * width + column + step] && modules[(row + step) * width + column]));
        }
    }

    #[test]
    fn a_text_without_end_is_no_trouble() {
        assert!(modules(&"word-".repeat(10_000)).is_some());
    }

    #[test]
    fn a_code_has_the_contrast_that_cameras_need() {
        assert!(theme::contrast(theme::TEXT, theme::INK) > 12.0);
    }
}
