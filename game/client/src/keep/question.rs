//! Asks before the present session is left for one that was saved: nobody gets it back.

use super::{
    Keep,
    dialog::Dialog,
    errands::{Errands, Opened},
};
use crate::{
    ClientSet,
    link::{Link, Now},
    panel,
    screen::{Go, Screen},
    theme,
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Button, Color32, RichText, Ui, vec2},
};

/// Width of the card, and size of its buttons.
const WIDTH: f32 = 420.0;
const BUTTON: egui::Vec2 = vec2(120.0, 34.0);

/// A saved session that waits for an answer.
#[derive(Resource, Debug, Default)]
pub(super) struct Question(pub(super) Option<Opened>);

/// What the player says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Open,
    Save,
    Stay,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Question>()
        // Before anything else that escape might do.
        .add_systems(Update, close.run_if(is_shown).in_set(ClientSet::Travel))
        .add_systems(OnExit(Screen::Jam), |mut question: ResMut<Question>| question.0 = None)
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).run_if(is_shown).after(ClientSet::Panels),
        );
}

/// Whoever saves first answers afterwards: nothing can be done beside the question while it is shown.
fn is_shown(question: Res<Question>, dialog: Res<Dialog>) -> bool {
    question.0.is_some() && !dialog.is_open()
}

fn close(mut keys: ResMut<ButtonInput<KeyCode>>, mut question: ResMut<Question>) {
    if keys.clear_just_pressed(KeyCode::Escape) {
        question.0 = None;
    }
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    link: Res<Link>,
    mut question: ResMut<Question>,
    mut errands: ResMut<Errands>,
    mut wishes: MessageWriter<Keep>,
    mut go: MessageWriter<Go>,
) -> Result {
    let Some(opened) = &question.0 else { return Ok(()) };
    let others = now.session().map_or(0, |view| view.state.players().len().saturating_sub(1));
    let modal = egui::Modal::new(egui::Id::new("leave for another"))
        .backdrop_color(Color32::from_black_alpha(150))
        .frame(panel::card().inner_margin(egui::Margin::same(18)));
    let shown = modal.show(contexts.ctx_mut()?, |ui| {
        ui.set_width(WIDTH);
        ask(ui, &opened.name, consequence(link.hosts_network(), others))
    });
    let answer = shown.inner.or(shown.backdrop_response.clicked().then_some(Answer::Stay));
    match answer {
        None => {}
        Some(Answer::Stay) => question.0 = None,
        Some(Answer::Save) => {
            wishes.write(Keep::Save(None));
        }
        Some(Answer::Open) => {
            if let Some(opened) = question.0.take() {
                errands.go_to(opened, &mut go);
            }
        }
    }
    Ok(())
}

fn ask(ui: &mut Ui, name: &str, sentence: &str) -> Option<Answer> {
    ui.label(RichText::new(format!("Open “{name}”?")).font(theme::strong(18.0)));
    ui.add_space(6.0);
    ui.label(RichText::new(sentence).font(theme::font(13.5)).color(theme::TEXT_DIM.egui()));
    ui.add_space(14.0);
    ui.horizontal(|ui| {
        let open = Button::new(RichText::new("Open").font(theme::strong(14.0)).color(theme::ACCENT.ink().egui()))
            .fill(theme::ACCENT.egui());
        let plain = |text: &str| Button::new(RichText::new(text).font(theme::font(14.0)));
        let opens = ui.add_sized(BUTTON, open).clicked().then_some(Answer::Open);
        let saves = ui.add_sized(BUTTON, plain("Save first…")).clicked().then_some(Answer::Save);
        let stays = ui.add_sized(BUTTON, plain("Stay here")).on_hover_text("Esc").clicked().then_some(Answer::Stay);
        opens.or(saves).or(stays)
    })
    .inner
}

/// What becomes of the present session.
fn consequence(hosts: bool, others: usize) -> &'static str {
    match (hosts, others) {
        (true, 1..) => "This session ends for everybody in it; they can join the opened one with its new code.",
        (_, 0) => "This session ends. What is not saved is gone.",
        (false, _) => "You leave this session; the others play on.",
    }
}
