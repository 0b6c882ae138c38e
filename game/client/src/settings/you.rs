//! Who the player is to the others: name, colour, picture.

use super::{
    Settings,
    panel::{chip, faint, topic},
};
use crate::{
    avatars, spots,
    theme::{self, Rgb},
};
use bevy::prelude::ResMut;
use bevy_egui::egui::{self, CornerRadius, Key, RichText, Sense, Stroke, StrokeKind, Ui, vec2};
use keyboardia_session::{
    Avatar, Colour, Name, SeatId, View,
    limits::{NAME_BYTES_MAX, SEATS_MAX},
    names::player_colour,
};

const PREVIEW: f32 = 92.0;
const PICTURE: f32 = 44.0;
const PICTURES_A_ROW: usize = 12;
const SWATCH: f32 = 26.0;
/// What the players' colours are called, in the order of their seats.
const COLOURS: [&str; SEATS_MAX] =
    ["Sky", "Amber", "Mint", "Pink", "Straw", "Violet", "Coral", "Lime", "Lilac", "Sage"];

/// What stands in the fields.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    name: String,
}

impl Fields {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { name: settings.name().to_string() }
    }

    /// Lets a typed name count.
    pub(super) fn take_over(self, settings: &mut ResMut<Settings>) {
        let name = Name::sanitised(&self.name);
        if !name.is_empty() && name != *settings.name() {
            settings.set_name(name);
        }
    }
}

pub(super) fn show(ui: &mut Ui, fields: &mut Fields, settings: &mut ResMut<Settings>, view: Option<&View>) {
    let me = view.and_then(|view| view.state.player(view.me));
    let given = me.map_or(settings.own_colour(), |me| me.colour);
    let colour = settings.colour.unwrap_or(given);
    let avatar = settings.avatar.unwrap_or_default();
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(PREVIEW, PREVIEW), Sense::hover());
        avatars::paint(ui.painter(), rect, avatar, colour);
        ui.add_space(8.0);
        ui.vertical(|ui| {
            ui.label(RichText::new("What the others call you").font(theme::font(12.5)).color(theme::TEXT_DIM.egui()));
            let edit = egui::TextEdit::singleline(&mut fields.name)
                .font(theme::strong(16.0))
                .desired_width(300.0)
                .margin(egui::Margin::symmetric(10, 7))
                .char_limit(NAME_BYTES_MAX);
            let response = ui.add(edit);
            spots::note(ui, || "name".into(), response.rect);
            if response.lost_focus() || response.has_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
                fields.clone().take_over(settings);
            }
            if Name::sanitised(&fields.name).is_empty() {
                faint(ui, "A name needs at least one letter.", theme::WARNING);
            } else {
                let shown = theme::lifted(Rgb::from(colour), theme::SURFACE);
                ui.label(RichText::new(fields.name.trim()).font(theme::strong(14.0)).color(shown.egui()));
            }
        });
    });
    topic(ui, "Colour", "Dark colours are lightened where they are text.");
    colours(ui, settings, given);
    topic(ui, "Picture", "");
    pictures(ui, settings, avatar, colour);
}

fn colours(ui: &mut Ui, settings: &mut ResMut<Settings>, given: Colour) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 7.0;
        for (name, seat) in COLOURS.into_iter().zip(0..) {
            let colour = player_colour(SeatId(seat));
            let (rect, response) = ui.allocate_exact_size(vec2(SWATCH, SWATCH), Sense::click());
            let chosen = settings.colour == Some(colour);
            ui.painter().rect_filled(rect.shrink(2.0), CornerRadius::same(7), Rgb::from(colour).egui());
            spots::note(ui, || name.into(), rect);
            if chosen || response.hovered() {
                let line = if chosen { theme::TEXT } else { theme::TEXT_DIM };
                let ring = Stroke::new(2.0, line.egui());
                ui.painter().rect_stroke(rect, CornerRadius::same(9), ring, StrokeKind::Inside);
            }
            if response.on_hover_text(name).clicked() {
                settings.colour = Some(colour);
            }
        }
        ui.add_space(6.0);
        let mut own = settings.colour.unwrap_or(given).0;
        if ui.color_edit_button_srgb(&mut own).on_hover_text("A colour of your own").changed() {
            settings.colour = Some(Colour(own));
        }
        let automatic = chip(ui, "Automatic", settings.colour.is_none());
        if automatic.on_hover_text("The host chooses one that nobody else has").clicked() {
            settings.colour = None;
        }
    });
}

fn pictures(ui: &mut Ui, settings: &mut ResMut<Settings>, present: Avatar, colour: Colour) {
    let all: Vec<Avatar> = Avatar::all().collect();
    ui.spacing_mut().item_spacing = vec2(2.0, 3.0);
    for row in all.chunks(PICTURES_A_ROW) {
        ui.horizontal(|ui| {
            for avatar in row {
                let (rect, response) = ui.allocate_exact_size(vec2(PICTURE, PICTURE), Sense::click());
                let chosen = *avatar == present;
                avatars::paint(
                    ui.painter(),
                    rect.shrink(if chosen || response.hovered() { 2.5 } else { 4.0 }),
                    *avatar,
                    colour,
                );
                if chosen {
                    let ring = Stroke::new(2.0, theme::TEXT.egui());
                    ui.painter().rect_stroke(rect, CornerRadius::same(14), ring, StrokeKind::Inside);
                }
                spots::note(ui, || avatars::name(*avatar).into(), rect);
                if response.on_hover_text(avatars::name(*avatar)).clicked() {
                    settings.avatar = Some(*avatar);
                }
            }
        });
    }
}
