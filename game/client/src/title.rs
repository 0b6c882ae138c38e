//! The title: play here, or join others; and what went wrong, if something did.

use crate::{
    ClientSet,
    link::{Destination, Link},
    panel,
    screen::{Go, Screen, Trouble},
    theme::{self, Rgb, Scale},
    wordmark,
};
use bevy::{prelude::*, window::PrimaryWindow};
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, Key, RichText, Ui, vec2},
};
use keyboardia_session::{Name, limits::NAME_BYTES_MAX};

const CARD: egui::Vec2 = vec2(340.0, 234.0);
const GAP: f32 = 20.0;
const CODE_CHARS_MAX: usize = 64;
const ADDRESS_CHARS_MAX: usize = 128;

/// What stands in the fields.
#[derive(Resource, Debug, Default)]
struct Fields {
    name: String,
    address: String,
    code: String,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Fields>().add_systems(OnEnter(Screen::Title), fill).add_systems(
        EguiPrimaryContextPass,
        show.run_if(in_state(Screen::Title)).run_if(theme::is_dressed).in_set(ClientSet::Panels),
    );
}

/// Shows again what was tried before.
fn fill(mut fields: ResMut<Fields>, link: Res<Link>, cli: Res<crate::Cli>) {
    if fields.name.is_empty() {
        fields.name = link.name().map(ToString::to_string).unwrap_or_default();
    }
    if let Some((address, code)) = cli.join()
        && fields.address.is_empty()
        && fields.code.is_empty()
    {
        (fields.address, fields.code) = (address.into(), code.into());
    }
}

fn show(
    mut contexts: EguiContexts,
    window: Single<&Window, With<PrimaryWindow>>,
    scale: Res<Scale>,
    trouble: Res<Trouble>,
    mut fields: ResMut<Fields>,
    mut link: ResMut<Link>,
    mut go: MessageWriter<Go>,
) -> Result {
    let context = contexts.ctx_mut()?;
    let size = window.size() / scale.0;
    let top = wordmark::place(size).max.y + 12.0;
    let middle = size.x / 2.0;
    tagline(context, Rect::new(0.0, top, size.x, top + 30.0));
    let cards = top + 50.0;
    let left = Rect::new(middle - GAP / 2.0 - CARD.x, cards, middle - GAP / 2.0, cards + CARD.y);
    let right = Rect::new(middle + GAP / 2.0, cards, middle + GAP / 2.0 + CARD.x, cards + CARD.y);
    let mut wish = None;
    panel::area(context, "title-play", left, |ui| {
        panel::card().inner_margin(18).show(ui, |ui| {
            if play(ui, &mut fields) {
                wish = Some(Destination::OwnHost);
            }
        });
    });
    panel::area(context, "title-join", right, |ui| {
        panel::card().inner_margin(18).show(ui, |ui| {
            if join(ui, &mut fields) {
                wish = Some(Destination::Session { address: fields.address.clone(), code: fields.code.clone() });
            }
        });
    });
    if let Some(sentence) = &trouble.0 {
        let place = Rect::new(left.min.x, left.max.y + GAP, right.max.x, left.max.y + GAP + 64.0);
        panel::area(context, "title-trouble", place, |ui| explain(ui, sentence));
    }
    if let Some(destination) = wish {
        link.set_name(Name::sanitised(&fields.name));
        go.write(Go::Join(destination));
    }
    Ok(())
}

fn tagline(context: &egui::Context, rect: Rect) {
    let painter = context.layer_painter(egui::LayerId::background());
    let text = "Launch clips together, on the beat.";
    theme::label(
        &painter,
        theme::egui_rect(rect),
        Align2::CENTER_CENTER,
        text,
        theme::font(16.0),
        theme::TEXT_DIM.egui(),
    );
}

/// Returns whether the player wants to play here.
fn play(ui: &mut Ui, fields: &mut Fields) -> bool {
    set_size(ui);
    ui.label(RichText::new("Play").font(theme::strong(18.0)));
    explanation(ui, "Start a jam on this computer. Others on your network can join it.");
    field(ui, "Your name", "a friendly one is chosen for you", NAME_BYTES_MAX, &mut fields.name);
    action(ui, "Play", theme::ACCENT)
}

/// Returns whether the player wants to join.
fn join(ui: &mut Ui, fields: &mut Fields) -> bool {
    set_size(ui);
    ui.label(RichText::new("Join").font(theme::strong(18.0)));
    let mut entered = field(ui, "Address of the host", "192.168.1.5", ADDRESS_CHARS_MAX, &mut fields.address);
    entered |= field(ui, "Code of the session", "five words", CODE_CHARS_MAX, &mut fields.code);
    action(ui, "Join", theme::TEXT) || entered
}

fn set_size(ui: &mut Ui) {
    ui.set_min_size(CARD - vec2(36.0, 36.0));
    ui.set_max_width(CARD.x - 36.0);
    ui.spacing_mut().item_spacing.y = 5.0;
}

fn explanation(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::font(13.0)).color(theme::TEXT_DIM.egui()));
}

/// A field with its name above it; returns whether enter was pressed in it.
fn field(ui: &mut Ui, label: &str, hint: &str, chars_max: usize, text: &mut String) -> bool {
    ui.add_space(3.0);
    ui.label(RichText::new(label).font(theme::font(12.0)).color(theme::TEXT_DIM.egui()));
    let edit = egui::TextEdit::singleline(text)
        .hint_text(RichText::new(hint).color(theme::TEXT_DIM.mix(theme::SURFACE, 0.25).egui()))
        .desired_width(f32::INFINITY)
        .margin(egui::Margin::symmetric(10, 7))
        .char_limit(chars_max);
    let response = ui.add(edit);
    response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

/// The button at the foot of a card.
fn action(ui: &mut Ui, text: &str, colour: Rgb) -> bool {
    ui.with_layout(egui::Layout::bottom_up(egui::Align::Min), |ui| {
        let label = RichText::new(text).font(theme::strong(15.0)).color(theme::INK.egui());
        let button = egui::Button::new(label).fill(colour.egui());
        ui.add_sized(vec2(ui.available_width(), 38.0), button).clicked()
    })
    .inner
}

fn explain(ui: &mut Ui, sentence: &str) {
    let line = egui::Stroke::new(1.0, theme::DANGER.egui());
    panel::card().stroke(line).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(sentence).font(theme::font(14.0)).color(theme::DANGER.egui()));
    });
}
