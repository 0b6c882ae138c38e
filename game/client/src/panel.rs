//! Panels: pieces of egui at places of the layout.

use crate::theme;
use bevy::prelude::Rect;
use bevy_egui::egui::{self, Context, CornerRadius, Frame, Margin, Stroke, Ui, UiBuilder};

/// Shows something of egui in a rectangle, design units.
pub(crate) fn area<R>(context: &Context, id: &str, rect: Rect, content: impl FnOnce(&mut Ui) -> R) -> R {
    let rect = theme::egui_rect(rect);
    let area = egui::Area::new(egui::Id::new(id)).fixed_pos(rect.min).constrain(false).fade_in(false).movable(false);
    let shown = area.show(context, |ui| {
        ui.set_clip_rect(rect.expand(2.0));
        ui.allocate_rect(rect, egui::Sense::hover());
        ui.scope_builder(UiBuilder::new().max_rect(rect), content).inner
    });
    shown.inner
}

/// The frame of a card.
pub(crate) fn card() -> Frame {
    Frame::new()
        .fill(theme::SURFACE.egui())
        .stroke(Stroke::new(1.0, theme::LINE.egui()))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::same(14))
}

/// A heading of a card.
pub(crate) fn heading(ui: &mut Ui, text: &str) {
    ui.label(egui::RichText::new(text).font(theme::strong(12.0)).color(theme::TEXT_DIM.egui()));
}
