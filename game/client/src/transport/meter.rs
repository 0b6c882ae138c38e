//! Bars and counts: where the music is, in which time signature, and to which boundary launches are moved.

use crate::{
    link::Link,
    theme::{self, Rgb},
    widgets::{self, BAR_HEIGHT},
    wishes,
};
use bevy_egui::egui::{self, Align2, Sense, Ui, pos2, vec2};
use keyboardia_session::{Accent, Command, Quantise, TimeSignature, View, meter::Position};

const WIDTH: f32 = 106.0;
/// Width of all lights of a bar together.
const LIGHTS_WIDTH: f32 = 92.0;
const LIGHT_GAP: f32 = 3.0;

/// Bar and count, and the counts of the bar as lights: tall where they are felt more.
pub(super) fn position(ui: &mut Ui, view: &View) {
    let (rect, response) = ui.allocate_exact_size(vec2(WIDTH, BAR_HEIGHT), Sense::hover());
    let meter = view.state.meters().at(view.beat());
    let Position { bar, count } = meter.position(view.beat());
    let text = egui::Rect::from_min_max(rect.min, pos2(rect.max.x, rect.max.y - 11.0));
    let figures = format!("{bar}.{count}");
    theme::label(ui.painter(), text, Align2::CENTER_CENTER, &figures, theme::strong(23.0), theme::TEXT.egui());
    let counts = meter.signature.counts();
    let pitch = (LIGHTS_WIDTH + LIGHT_GAP) / counts as f32;
    let left = rect.center().x - LIGHTS_WIDTH / 2.0;
    for index in 0..counts {
        let accent = meter.signature.accent(index);
        let lit = view.is_playing() && index + 1 == count;
        let (height, colour) = light(accent, lit);
        let foot = pos2(left + pitch * index as f32, rect.max.y - 1.0);
        let place = egui::Rect::from_min_max(foot - vec2(0.0, height), foot + vec2(pitch - LIGHT_GAP, 0.0));
        ui.painter().rect_filled(place, 2.0, colour.egui());
    }
    response.on_hover_text("Bar and count; the lights are the counts of a bar");
}

/// Height and colour of a count's light.
fn light(accent: Accent, lit: bool) -> (f32, Rgb) {
    let height = match accent {
        Accent::Bar => 9.0,
        Accent::Group => 7.0,
        Accent::Plain => 4.0,
    };
    let colour = match (accent, lit) {
        (Accent::Bar, true) => theme::ACCENT,
        (_, true) => theme::TEXT,
        (Accent::Bar | Accent::Group, false) => theme::HOVERED.mix(theme::TEXT_DIM, 0.35),
        (Accent::Plain, false) => theme::HOVERED,
    };
    (height, colour)
}

/// The time signature; a chosen one waits for its bar line.
pub(super) fn signature(ui: &mut Ui, view: &View, link: &Link) {
    let meters = view.state.meters();
    let present = meters.at(view.beat()).signature;
    let asked = view.pending.iter().rev().find_map(|pending| match &pending.command {
        Command::SetSignature(signature) => Some(*signature),
        _ => None,
    });
    let upcoming = meters.upcoming(view.beat()).map(|meter| meter.signature);
    let waiting = asked.or(upcoming).filter(|waiting| *waiting != present);
    let hint = match waiting {
        Some(waiting) => format!("{} from the next bar line on", waiting.label()),
        None => "Time signature, for everybody, from the next bar line on".into(),
    };
    let choices = TimeSignature::ALL.map(|signature| (signature, signature.label()));
    if let Some(signature) = widgets::chooser(ui, 78.0, "Signature", &hint, present, waiting, &choices) {
        link.command(Command::SetSignature(signature));
    }
}

/// The boundary for which launches wait.
pub(super) fn quantise(ui: &mut Ui, view: &View, link: &Link) {
    let present = wishes::quantise(view);
    let choices = Quantise::ALL.map(|quantise| (quantise, quantise.label()));
    let hint = "Launch: clips wait for the next boundary of this length";
    if let Some(quantise) = widgets::chooser(ui, 70.0, "Launch", hint, present, None, &choices) {
        link.command(Command::SetQuantise(quantise));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_shows_where_its_accents_are() {
        let heights = |signature: TimeSignature| -> Vec<i32> {
            (0..signature.counts()).map(|index| light(signature.accent(index), false).0 as i32).collect()
        };
        assert_eq!(heights(TimeSignature::FourFour), [9, 4, 4, 4]);
        assert_eq!(heights(TimeSignature::SixEight), [9, 4, 4, 7, 4, 4]);
        assert_eq!(heights(TimeSignature::SevenEight), [9, 4, 7, 4, 7, 4, 4]);
    }

    #[test]
    fn a_lit_count_stands_out_from_a_dark_one() {
        for accent in [Accent::Bar, Accent::Group, Accent::Plain] {
            let (lit, dark) = (light(accent, true).1, light(accent, false).1);
            assert!(theme::contrast(lit, dark) > 2.5, "{accent:?}");
        }
    }
}
