//! One strip: where its parts lie, and what hands do to them, in the shared mix and in the private one.

use super::{
    ears::{Own, PrivateMix},
    fader::{self, Way},
    meter::{self, Reading},
    pan,
};
use crate::{
    held::Held,
    icons::{self, Icon},
    link::Link,
    spots,
    theme::{self, Rgb},
    widgets, wishes,
};
use bevy_egui::egui::{self, CornerRadius, Mesh, Rect, Sense, Ui, pos2, vec2};
use keyboardia_session::{Command, Gain, Pan, Track, TrackId, View};
use std::time::Duration;

/// Strips narrower than the first have no figures beside their meters, and those narrower than the second have their
/// buttons under the fader.
const WIDTHS: (f32, f32) = (100.0, 70.0);
/// Buttons narrower than this have letters instead of words.
const WORDY: f32 = 44.0;
/// Widest that the buttons become.
const SIDE_MAX: f32 = 96.0;
/// Highest that a button becomes, and a knob.
const BUTTON_MAX: f32 = 26.0;
const KNOB: (f32, f32) = (24.0, 34.0);
const FIGURES_HEIGHT: f32 = 15.0;

/// The hands on one strip.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hands {
    pub(super) gain: Held<Gain>,
    pub(super) pan: Held<Pan>,
    /// Where the hands are; values are coarser than that.
    fader_at: Option<f64>,
    pan_at: Option<f64>,
}

/// The places of one strip.
#[derive(Debug, Clone, Copy)]
struct Places {
    fader: Rect,
    meter: Rect,
    /// The figures of the meter, where there is room.
    scale: Option<Rect>,
    /// The gain in figures, where there is room.
    figures: Option<Rect>,
    pan: Rect,
    mute: Rect,
    solo: Rect,
}

impl Places {
    fn new(strip: Rect) -> Self {
        if strip.width() < WIDTHS.1 { Self::narrow(strip) } else { Self::wide(strip) }
    }

    fn narrow(strip: Rect) -> Self {
        let inner = strip.shrink2(vec2(3.0, 5.0));
        let (above, foot) = inner.split_top_bottom_at_y(inner.max.y - 20.0);
        let (above, pan) = above.split_top_bottom_at_y(above.max.y - 15.0);
        let (mute, solo) = foot.split_left_right_at_fraction(0.5);
        let gap = vec2(1.0, 0.0);
        let fader_width = (inner.width() - 9.0).clamp(14.0, 22.0);
        let left = inner.center().x - f32::midpoint(fader_width, 9.0);
        let fader = Rect::from_min_max(pos2(left, above.min.y), pos2(left + fader_width, above.max.y));
        let meter =
            Rect::from_min_max(pos2(fader.max.x + 2.0, above.min.y + 1.0), pos2(fader.max.x + 9.0, above.max.y));
        Self {
            fader,
            meter,
            scale: None,
            figures: None,
            pan: pan.shrink2(vec2(2.0, 2.0)),
            mute: Rect::from_min_max(mute.min, mute.max - gap),
            solo: Rect::from_min_max(solo.min + gap, solo.max),
        }
    }

    fn wide(strip: Rect) -> Self {
        let roomy = strip.width() >= WIDTHS.0;
        let inner = strip.shrink2(vec2(if roomy { 7.0 } else { 5.0 }, 7.0));
        let column = |from: f32, width: f32| Rect::from_x_y_ranges(from..=from + width, inner.y_range());
        let fader = column(inner.min.x, if roomy { 24.0 } else { 22.0 });
        let meter = column(fader.max.x + 4.0, if roomy { 10.0 } else { 8.0 }).shrink2(vec2(0.0, 2.0));
        let scale = roomy.then(|| Rect::from_x_y_ranges(meter.max.x + 1.0..=meter.max.x + 16.0, meter.y_range()));
        let left = scale.unwrap_or(meter).max.x + if roomy { 4.0 } else { 5.0 };
        let side = column(left, (inner.max.x - left).min(SIDE_MAX));
        let spare = side.height() - FIGURES_HEIGHT;
        let button = ((spare - KNOB.0) / 2.0 - 4.0).min(BUTTON_MAX);
        let knob = (spare - 2.0 * (button + 4.0)).min(KNOB.1);
        let row = |top: f32, height: f32| Rect::from_x_y_ranges(side.x_range(), top..=top + height);
        let figures = row(side.min.y, FIGURES_HEIGHT);
        let solo = row(side.max.y - button, button);
        let mute = row(solo.min.y - 4.0 - button, button);
        let between = (mute.min.y - figures.max.y - knob) / 2.0;
        Self { fader, meter, scale, figures: Some(figures), pan: row(figures.max.y + between, knob), mute, solo }
    }
}

/// What a strip shows.
#[derive(Clone, Copy)]
pub(super) struct Strip<'a> {
    pub(super) place: Rect,
    /// Which of the shown columns it is under, from 0.
    pub(super) column: usize,
    pub(super) index: TrackId,
    pub(super) track: &'a Track,
    pub(super) view: &'a View,
    pub(super) levels: [Reading; 2],
}

impl Strip<'_> {
    /// Shows the shared mix.
    pub(super) fn show_shared(
        self,
        ui: &Ui,
        hands: &mut Hands,
        mix: &PrivateMix,
        link: &Link,
        now: Duration,
        mesh: &mut Mesh,
    ) {
        let Self { place, index, track, view, levels, .. } = self;
        ui.painter().rect_filled(place, CornerRadius::same(8), theme::SURFACE.egui().gamma_multiply(0.8));
        let places = Places::new(place);
        self.note(ui, &places);
        let colour = Rgb::from(track.colour).mix(theme::SURFACE, if view.state.is_audible(index) { 0.0 } else { 0.65 });
        show_meter(ui, &places, levels, mesh);

        let way = Way::new(places.fader);
        let gain = hands.gain.shown(track.gain, now);
        let (response, wanted) = fader::handle(ui, &way, ("fader", index), gain, &mut hands.fader_at);
        match wanted {
            Some(gain) => hands.gain.hold(gain),
            None => hands.gain.release(now),
        }
        let gain = hands.gain.shown(track.gain, now);
        fader::draw(ui, &way, gain, colour, theme::TEXT, response.hovered() || response.dragged());
        let text = fader::decibels(gain);
        response.on_hover_text(format!("{}: {text} — double click for 0 dB, Shift for fine", track.name));
        if let Some(gain) = hands.gain.due(now) {
            link.command(Command::SetGain { track: index, gain });
        }
        if let Some(figures) = places.figures {
            fader::figures(ui, figures, gain, theme::TEXT_DIM);
        }

        let present = hands.pan.shown(track.pan, now);
        let (response, wanted) = pan::handle(ui, places.pan, ("pan", index), present, &mut hands.pan_at);
        match wanted {
            Some(pan) => hands.pan.hold(pan),
            None => hands.pan.release(now),
        }
        let present = hands.pan.shown(track.pan, now);
        pan::draw(ui, places.pan, present, colour, response.hovered() || response.dragged());
        let text = pan::words(present);
        response.on_hover_text(format!("Pan: {text} — double click for the centre, Shift for fine"));
        if let Some(pan) = hands.pan.due(now) {
            link.command(Command::SetPan { track: index, pan });
        }

        let (mute, solo) = (wishes::mute(view, index), wishes::solo(view, index));
        let (mute_text, solo_text) = words(&places);
        let response = widgets::switch(ui, places.mute, ("mute", index), mute_text, mute.then_some(theme::WARNING));
        if response.on_hover_text("Mute: silence this track for everybody").clicked() {
            link.command(Command::SetMute { track: index, mute: !mute });
        }
        let response = widgets::switch(ui, places.solo, ("solo", index), solo_text, solo.then_some(theme::ACCENT));
        if response.on_hover_text("Solo: everybody hears only the soloed tracks, muted or not").clicked() {
            link.command(Command::SetSolo { track: index, solo: !solo });
        }
        if mix.differs(index) {
            self.mark_difference(ui, mix);
        }
    }

    /// Shows the private mix.
    pub(super) fn show_private(self, ui: &Ui, hands: &mut Hands, mix: &mut PrivateMix, mesh: &mut Mesh) {
        let Self { place, index, track, levels, .. } = self;
        let ground = theme::SURFACE.mix(theme::PRIVATE, 0.10);
        ui.painter().rect_filled(place, CornerRadius::same(8), ground.egui());
        widgets::dashed(ui, place.shrink(1.0), theme::PRIVATE.mix(theme::SURFACE, 0.35));
        let places = Places::new(place);
        self.note(ui, &places);
        let own = mix.own(index);
        let mut wish = own;
        show_meter(ui, &places, levels, mesh);

        let way = Way::new(places.fader);
        let (response, wanted) = fader::handle(ui, &way, ("my fader", index), own.gain, &mut hands.fader_at);
        wish.gain = wanted.unwrap_or(own.gain);
        fader::draw(
            ui,
            &way,
            wish.gain,
            theme::PRIVATE.mix(theme::SURFACE, if own.mute { 0.65 } else { 0.25 }),
            theme::PRIVATE,
            response.hovered() || response.dragged(),
        );
        let text = fader::decibels(wish.gain);
        response.on_hover_text(format!("{}, for you: {text} on top — double click for 0 dB", track.name));
        if let Some(figures) = places.figures {
            fader::figures(ui, figures, wish.gain, theme::PRIVATE);
        }
        let sign = Rect::from_center_size(places.pan.center(), egui::Vec2::splat(places.pan.height().min(20.0)));
        icons::paint(ui.painter(), sign, Icon::Headphones, theme::PRIVATE.egui());

        let (mute_text, solo_text) = words(&places);
        let on = |on: bool| on.then_some(theme::PRIVATE);
        let response = widgets::switch(ui, places.mute, ("my mute", index), mute_text, on(own.mute));
        if response.on_hover_text("Silence this track for you alone").clicked() {
            wish.mute = !own.mute;
        }
        let response = widgets::switch(ui, places.solo, ("my solo", index), solo_text, on(own.solo));
        if response.on_hover_text("You alone hear only the tracks that you solo").clicked() {
            wish.solo = !own.solo;
        }
        if wish != own {
            mix.set(index, wish);
        }
    }

    fn note(&self, ui: &Ui, places: &Places) {
        let Places { fader, pan, mute, solo, .. } = *places;
        for (part, place) in [("fader", fader), ("pan", pan), ("mute", mute), ("solo", solo)] {
            spots::note(ui, || format!("{part} {}", self.column), place);
        }
    }

    /// The mark of a strip that sounds otherwise to this player.
    fn mark_difference(&self, ui: &Ui, mix: &PrivateMix) {
        let Own { gain, mute, solo } = mix.own(self.index);
        widgets::dashed(ui, self.place.shrink(1.0), theme::PRIVATE.mix(theme::SURFACE, 0.35));
        let side = 15.0;
        let place = Rect::from_min_size(self.place.right_top() + vec2(-side + 2.0, -3.0), vec2(side, side));
        ui.painter().circle_filled(place.center(), side / 2.0 + 1.0, theme::BACKGROUND.egui());
        icons::paint(ui.painter(), place.shrink(1.5), Icon::Headphones, theme::PRIVATE.egui());
        let what = match (mute, solo, gain == Gain::UNITY) {
            (true, ..) => "silent".into(),
            (false, false, true) => "silent, for you solo another track".into(),
            _ => format!("{} on top", fader::decibels(gain)),
        };
        let response = ui.interact(place, ui.id().with(("differs", self.index)), Sense::hover());
        spots::note(ui, || format!("differs {}", self.column), place);
        response.on_hover_text(format!("You hear this track differently: {what}"));
    }
}

fn show_meter(ui: &Ui, places: &Places, levels: [Reading; 2], mesh: &mut Mesh) {
    meter::add(mesh, places.meter, levels);
    if let Some(scale) = places.scale {
        meter::scale(ui, scale);
    }
}

/// What is written on the buttons.
fn words(places: &Places) -> (&'static str, &'static str) {
    if places.mute.width() >= WORDY { ("Mute", "Solo") } else { ("M", "S") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_strip_stay_inside_it_and_apart_from_each_other() {
        for width in [30.0, 34.0, 45.0, 69.0, 70.0, 74.0, 99.0, 100.0, 109.0, 300.0, 900.0] {
            for height in [104.0, 107.0, 133.0, 150.0] {
                let place = Rect::from_min_size(pos2(10.0, 20.0), vec2(width, height));
                let Places { fader, meter, scale, figures, pan, mute, solo } = Places::new(place);
                let parts: Vec<Rect> =
                    [fader, meter, pan, mute, solo].into_iter().chain(figures).chain(scale).collect();
                for (index, part) in parts.iter().enumerate() {
                    assert!(place.contains_rect(*part) && part.is_positive(), "{part:?} of {place:?}");
                    assert!(
                        parts[index + 1..].iter().all(|other| !part.shrink(0.01).intersects(*other)),
                        "{width}×{height}: {parts:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn buttons_are_large_enough_to_hit() {
        for (width, height) in [(34.0, 107.0), (51.0, 133.0), (74.0, 107.0), (109.0, 133.0), (300.0, 150.0)] {
            let places = Places::new(Rect::from_min_size(pos2(0.0, 0.0), vec2(width, height)));
            for button in [places.mute, places.solo] {
                assert!(button.width() >= 12.0 && button.height() >= 18.0, "{button:?} at {width}×{height}");
            }
            assert!(places.fader.height() >= 55.0, "{:?} at {width}×{height}", places.fader);
        }
    }
}
