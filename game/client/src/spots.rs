//! Where scripts find what is drawn by egui: every text under what it says, and what has none under a name that its widget
//! gives it. Nothing of this is done while no script plays.

use crate::{script::Script, tessellated};
use bevy::prelude::*;
use bevy_egui::{
    EguiContext, EguiFullOutput, EguiPostUpdateSet, PrimaryEguiContext,
    egui::{Id, Rect, Shape, Ui, epaint::ClippedShape},
};
use std::mem;

/// Names and texts of one frame that are remembered, each.
const SPOTS_MAX: usize = 4_096;

/// What can be found in the last frame, design units.
#[derive(Resource, Debug, Default)]
pub(crate) struct Spots {
    named: Vec<(String, Rect)>,
    texts: Vec<(String, Rect)>,
}

impl Spots {
    /// The place of what is called so, else of the text that says so; the uppermost, if there are several.
    pub(crate) fn find(&self, name: &str) -> Option<Rect> {
        let is_it = |spot: &&(String, Rect)| spot.0 == name;
        let found = self.named.iter().rfind(is_it).or_else(|| self.texts.iter().rfind(is_it))?;
        Some(found.1)
    }
}

/// What widgets have told of themselves in this frame.
#[derive(Debug, Clone, Default)]
struct Noted {
    wanted: bool,
    named: Vec<(String, Rect)>,
}

fn noted_id() -> Id {
    Id::new("noted spots")
}

/// A widget says where it is, and what it is called.
pub(crate) fn note(ui: &Ui, name: impl FnOnce() -> String, rect: Rect) {
    let is_seen = ui.clip_rect().contains(rect.center());
    ui.ctx().data_mut(|data| {
        let noted: &mut Noted = data.get_temp_mut_or_default(noted_id());
        if noted.wanted && is_seen && noted.named.len() < SPOTS_MAX {
            noted.named.push((name(), rect));
        }
    });
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Spots>().add_systems(
        PostUpdate,
        look.run_if(resource_exists::<Script>).after(EguiPostUpdateSet::EndPass).before(tessellated::replace),
    );
}

fn look(contexts: Query<(&mut EguiContext, &EguiFullOutput), With<PrimaryEguiContext>>, mut spots: ResMut<Spots>) {
    for (mut context, output) in contexts {
        let Some(output) = &output.0 else { continue };
        spots.named = context.get_mut().data_mut(|data| {
            let noted: &mut Noted = data.get_temp_mut_or_default(noted_id());
            noted.wanted = true;
            mem::take(&mut noted.named)
        });
        spots.texts.clear();
        for ClippedShape { clip_rect, shape } in &output.shapes {
            collect(shape, *clip_rect, &mut spots.texts);
        }
    }
}

/// The texts of a shape, in the order in which they are painted.
fn collect(shape: &Shape, clip: Rect, texts: &mut Vec<(String, Rect)>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, texts)),
        Shape::Text(text) => {
            let rect = text.galley.rect.translate(text.pos.to_vec2());
            if clip.contains(rect.center()) && texts.len() < SPOTS_MAX {
                texts.push((text.galley.text().to_owned(), rect));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_egui::egui::pos2;

    #[test]
    fn a_name_comes_before_a_text_and_the_uppermost_before_what_it_covers() {
        let rect = |left: f32| Rect::from_min_max(pos2(left, 0.0), pos2(left + 10.0, 10.0));
        let spot = |name: &str, left: f32| (name.to_owned(), rect(left));
        let spots = Spots {
            named: vec![spot("Coral", 1.0)],
            texts: vec![spot("Coral", 2.0), spot("Play", 3.0), spot("Play", 4.0)],
        };
        assert_eq!(spots.find("Coral"), Some(rect(1.0)));
        assert_eq!(spots.find("Play"), Some(rect(4.0)));
        assert_eq!(spots.find("Pla"), None);
    }
}
