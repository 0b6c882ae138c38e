//! Texts on the playfield. Whoever shows something pushes [`Label`]s; they are painted over the tiles, under the panels.
//! Texts that did not fit, here or on a panel, are noted, so that a test can see that none is cut.

use crate::theme::{self, Rgb};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{Align2, Context, Id, LayerId},
};

/// Texts that are noted, at most.
const CLIPPED_MAX: usize = 64;

/// A text in a rectangle, cut with an ellipsis where it does not fit.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    /// Where, design units.
    pub(crate) rect: Rect,
    /// At which side or corner of it.
    pub(crate) align: Align2,
    /// What.
    pub(crate) text: String,
    /// Height, design units.
    pub(crate) size: f32,
    /// Whether in strong weight.
    pub(crate) strong: bool,
    /// In which colour.
    pub(crate) colour: Rgb,
}

/// The texts of the frame that is being prepared.
#[derive(Resource, Default)]
pub(crate) struct Labels(Vec<Label>);

impl Labels {
    /// Shows a text in this frame.
    pub(crate) fn push(&mut self, label: Label) {
        self.0.push(label);
    }

    /// The texts of this frame so far.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }
}

/// The texts that did not fit, of the frame that is being prepared and of the one before.
#[derive(Debug, Clone, Default)]
struct Clipped {
    now: Vec<String>,
    before: Vec<String>,
}

fn clipped_id() -> Id {
    Id::new("clipped")
}

/// Notes that a text did not fit.
pub(crate) fn note_clipped(context: &Context, text: &str) {
    context.data_mut(|data| {
        let clipped: &mut Clipped = data.get_temp_mut_or_default(clipped_id());
        if clipped.now.len() < CLIPPED_MAX {
            clipped.now.push(text.to_owned());
        }
    });
}

/// The texts of the last frame that did not fit.
pub(crate) fn clipped(context: &Context) -> Vec<String> {
    context.data(|data| data.get_temp::<Clipped>(clipped_id())).map(|clipped| clipped.before).unwrap_or_default()
}

/// A new frame begins.
fn turn_over(mut contexts: EguiContexts) -> Result {
    contexts.ctx_mut()?.data_mut(|data| {
        let clipped: &mut Clipped = data.get_temp_mut_or_default(clipped_id());
        clipped.before = std::mem::take(&mut clipped.now);
    });
    Ok(())
}

/// The step in which the texts are painted; panels come after it.
#[derive(SystemSet, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct LabelSet;

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Labels>()
        .add_systems(First, |mut labels: ResMut<Labels>| labels.0.clear())
        .add_systems(EguiPrimaryContextPass, (turn_over, paint).chain().in_set(LabelSet).run_if(theme::is_dressed));
}

fn paint(labels: Res<Labels>, mut contexts: EguiContexts) -> Result {
    let painter = contexts.ctx_mut()?.layer_painter(LayerId::background());
    for label in &labels.0 {
        let font = if label.strong { theme::strong(label.size) } else { theme::font(label.size) };
        theme::label(&painter, theme::egui_rect(label.rect), label.align, &label.text, font, label.colour.egui());
    }
    Ok(())
}
