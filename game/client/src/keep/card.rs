//! The card of what is exported: bars of what plays, all together or track by track, and what is heard live.

use super::{Bouncing, Card, Keep, errands::Errands};
use crate::{
    ClientSet,
    editing::choice,
    panel,
    playfield::layout::{Layout, MARGIN},
    screen::Screen,
    spots, theme,
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align, Align2, Button, Id, Order, ProgressBar, RichText, Ui, pos2, vec2},
};
use keyboardia_player::export::CAPTURE_MINUTES_MAX;

/// Width of the card, and how far it lies below the transport.
const WIDTH: f32 = 430.0;
const BELOW_TRANSPORT: f32 = 4.0;
/// Height of a button, and width of one beside another.
const BUTTON: egui::Vec2 = vec2(207.0, 32.0);
/// Bars that can be chosen.
const BARS: [(u32, &str); 7] = [(1, "1"), (2, "2"), (4, "4"), (8, "8"), (16, "16"), (32, "32"), (64, "64")];

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, open.run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_systems(OnExit(Screen::Jam), |mut card: ResMut<Card>| card.is_open = false)
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).after(ClientSet::Panels),
        );
}

fn open(mut wishes: MessageReader<Keep>, mut card: ResMut<Card>) {
    for _ in wishes.read().filter(|wish| **wish == Keep::ToggleExport) {
        card.is_open = !card.is_open;
    }
}

fn show(
    mut contexts: EguiContexts,
    layout: Res<Layout>,
    errands: Res<Errands>,
    mut card: ResMut<Card>,
    mut wishes: MessageWriter<Keep>,
) -> Result {
    // What is taken along is seen, card or not.
    if !card.is_open && errands.capture.is_none() && errands.bounce.is_none() {
        return Ok(());
    }
    let area = egui::Area::new(Id::new("export"))
        .order(Order::Foreground)
        .pivot(Align2::LEFT_TOP)
        .fixed_pos(pos2(MARGIN, layout.transport.max.y + BELOW_TRANSPORT))
        .constrain(true)
        .fade_in(false);
    let is_small = !card.is_open;
    area.show(contexts.ctx_mut()?, |ui| {
        panel::card().fill(theme::RAISED.egui()).show(ui, |ui| {
            ui.set_width(WIDTH);
            if !is_small {
                head(ui, &mut card);
            }
            wishes.write_batch(bounce(ui, &errands, &mut card, is_small));
            wishes.write_batch(capture(ui, &errands, is_small));
        });
    });
    Ok(())
}

fn head(ui: &mut Ui, card: &mut Card) {
    ui.horizontal(|ui| {
        panel::heading(ui, "Export sound");
        ui.with_layout(egui::Layout::right_to_left(Align::Center), |ui| {
            let close = ui.small_button("Close");
            spots::note(ui, || "close the export".into(), close.rect);
            if close.clicked() {
                card.is_open = false;
            }
        });
    });
}

/// What plays, faster than it sounds.
fn bounce(ui: &mut Ui, errands: &Errands, card: &mut Card, is_small: bool) -> Option<Keep> {
    if let Some(errand) = &errands.bounce {
        return running(
            ui,
            |ui, width| {
                ui.add(ProgressBar::new(errand.share()).desired_width(width).text("Bouncing"));
            },
            "Give up",
        )
        .then_some(Keep::EndBounce);
    }
    if is_small {
        return None;
    }
    card.bars = choice(ui, "Bars", &BARS, card.bars).unwrap_or(card.bars);
    let bars = card.bars;
    let wish = ui
        .horizontal(|ui| {
            let mix = ui.add_sized(BUTTON, button("Bounce the mix…"));
            let mix = mix.on_hover_text("What plays, from the next bar on, as one file");
            let stems = ui.add_sized(BUTTON, button("Bounce stems…"));
            let stems = stems.on_hover_text("Each track that is heard, as a file of its own, before the limiter");
            let picked = mix.clicked().then_some(false).or(stems.clicked().then_some(true));
            picked.map(|stems| Keep::Bounce(Bouncing { bars, stems }, None))
        })
        .inner;
    faint(ui, "The clips that play now, for so many bars, faster than they sound.");
    wish
}

/// What is heard, live.
fn capture(ui: &mut Ui, errands: &Errands, is_small: bool) -> Option<Keep> {
    if let Some(errand) = &errands.capture {
        let seconds = (errand.share() * (CAPTURE_MINUTES_MAX * 60) as f32) as u64;
        let text = format!("Recording live  {}:{:02}", seconds / 60, seconds % 60);
        return running(
            ui,
            |ui, width| {
                ui.allocate_ui_with_layout(vec2(width, BUTTON.y), egui::Layout::left_to_right(Align::Center), |ui| {
                    let (dot, _) = ui.allocate_exact_size(vec2(14.0, 14.0), egui::Sense::hover());
                    ui.painter().circle_filled(dot.center(), 6.0, theme::DANGER.egui());
                    ui.label(RichText::new(text).font(theme::strong(14.0)));
                    ui.allocate_space(ui.available_size());
                });
            },
            "Stop",
        )
        .then_some(Keep::EndCapture);
    }
    if is_small {
        return None;
    }
    ui.add_space(6.0);
    let live = ui.add_sized(vec2(ui.available_width(), BUTTON.y), button("Record live…"));
    faint(
        ui,
        &format!("What you hear, as it is played, until you stop it; {CAPTURE_MINUTES_MAX} minutes at the most."),
    );
    live.clicked().then_some(Keep::Capture(None))
}

/// A row of something that goes on, and the button that ends it; returns whether that was pressed.
fn running(ui: &mut Ui, content: impl FnOnce(&mut Ui, f32), end: &str) -> bool {
    ui.horizontal(|ui| {
        let width = 92.0;
        let room = ui.available_width() - width - ui.spacing().item_spacing.x;
        content(ui, room);
        ui.add_sized(vec2(width, BUTTON.y), button(end)).clicked()
    })
    .inner
}

fn button(text: &str) -> Button<'_> {
    Button::new(RichText::new(text).font(theme::font(13.5)))
}

fn faint(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::font(12.5)).color(theme::TEXT_DIM.egui()));
}
