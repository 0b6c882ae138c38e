//! The door: whether anybody with the code may come in, and the switch that locks it.

use crate::{
    icons::{self, Icon},
    theme, widgets,
};
use bevy_egui::egui::{CornerRadius, Rect, Sense, Stroke, StrokeKind, Ui, pos2, vec2};
use keyboardia_session::View;

/// Height of the switch, and the side of its sign.
pub(super) const HEIGHT: f32 = 22.0;
const SIGN: f32 = 12.0;

/// The switch, at the right end of a line; returns what the player wants.
pub(super) fn switch(ui: &mut Ui, view: &View) -> Option<bool> {
    let (locked, may) = (view.state.is_locked(), view.state.may_lock(view.me));
    let (icon, word) = if locked { (Icon::Locked, "Locked") } else { (Icon::Open, "Open") };
    let galley = ui.painter().layout_no_wrap(word.into(), theme::strong(12.0), theme::TEXT.egui());
    let sense = if may { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + SIGN + 22.0, HEIGHT), sense);
    let fill = if locked { theme::WARNING } else { widgets::fill(&response, may) };
    let line = match (locked, may) {
        (true, _) => theme::WARNING,
        (false, true) => theme::LINE,
        (false, false) => theme::LINE.mix(theme::SURFACE, 0.5),
    };
    let ink = match (locked, may) {
        (true, _) => fill.ink(),
        (false, true) => theme::TEXT,
        (false, false) => theme::TEXT_DIM,
    };
    let painter = ui.painter();
    painter.rect(rect, CornerRadius::same(7), fill.egui(), Stroke::new(1.0, line.egui()), StrokeKind::Inside);
    let sign = Rect::from_center_size(pos2(rect.min.x + 8.0 + SIGN / 2.0, rect.center().y), vec2(SIGN, SIGN));
    icons::paint(painter, sign, icon, ink.egui());
    let place = pos2(sign.max.x + 6.0, rect.center().y - galley.size().y / 2.0);
    painter.galley_with_override_text_color(place, galley, ink.egui());
    response.on_hover_text(hint(view, locked, may)).clicked().then_some(!locked)
}

fn hint(view: &View, locked: bool, may: bool) -> String {
    let creator = view.state.creator().and_then(|creator| view.state.player(creator));
    match (locked, may, creator) {
        (false, true, _) => "Anybody with the code can join. Click to lock: nobody new comes in then.".into(),
        (true, true, _) => "Nobody new can join; who is here can come back. Click to open.".into(),
        (false, false, Some(creator)) => format!("Anybody with the code can join. {} can lock.", creator.name),
        (true, false, Some(creator)) => format!("Nobody new can join. {} can open.", creator.name),
        (false, false, None) => "Anybody with the code can join.".into(),
        (true, false, None) => "Nobody new can join.".into(),
    }
}
