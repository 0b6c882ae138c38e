//! The mixer: under each column its volume, mute and solo.

use crate::{
    ClientSet,
    held::Held,
    link::{Link, Now},
    panel,
    playfield::layout::Layout,
    screen::Screen,
    theme::{self, Rgb},
    wishes,
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, CornerRadius, Sense, Stroke, StrokeKind, Ui, pos2, vec2},
};
use keyboardia_session::{
    Command, Gain, Track, TrackId, View,
    limits::{GAIN_MAX_CENTI_DB, GAIN_MIN_CENTI_DB, TRACKS_MAX},
};
use std::time::Duration;

const DB_MIN: f64 = GAIN_MIN_CENTI_DB as f64 / 100.0;
const DB_MAX: f64 = GAIN_MAX_CENTI_DB as f64 / 100.0;
/// The fader gives the loud end, where hands work, more of its way.
const TAPER: f64 = 2.0;
/// Share of a fader's way that is silence.
const SILENT_END: f64 = 0.02;
/// With shift held, a fader moves by this share of the hand's way.
const FINE: f64 = 0.2;
/// Strips narrower than this have their buttons under the fader.
const NARROW: f32 = 66.0;
/// Buttons narrower than this have letters instead of words.
const WORDY: f32 = 44.0;
/// Figures narrower than this go without a fraction.
const FRACTION_WIDTH: f32 = 36.0;
/// Figures narrower than this go without their unit.
const UNIT_WIDTH: f32 = 56.0;
const FIGURES_HEIGHT: f32 = 22.0;
const THUMB: egui::Vec2 = vec2(24.0, 11.0);

/// A fader and the hand on it.
#[derive(Debug, Clone, Copy, Default)]
struct Fader {
    gain: Held<Gain>,
    /// Where the hand is, 0 … 1; gains are coarser than that.
    at: Option<f64>,
}

#[derive(Resource, Default)]
struct Faders([Fader; TRACKS_MAX]);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Faders>().add_systems(
        EguiPrimaryContextPass,
        show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).in_set(ClientSet::Panels),
    );
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    link: Res<Link>,
    layout: Res<Layout>,
    time: Res<Time<Real>>,
    mut faders: ResMut<Faders>,
) -> Result {
    let Some(view) = now.session() else { return Ok(()) };
    let whole = layout.tracks().map(|track| layout.strip(track)).reduce(|all, strip| all.union(strip));
    let Some(whole) = whole else { return Ok(()) };
    panel::area(contexts.ctx_mut()?, "mixer", whole, |ui| {
        let tracks = layout.tracks().zip(view.state.tracks());
        for ((index, track), fader) in tracks.zip(&mut faders.0) {
            let strip = theme::egui_rect(layout.strip(index));
            show_strip(ui, strip, view, index, track, fader, &link, time.elapsed());
        }
    });
    Ok(())
}

/// The places of one strip.
#[derive(Debug, Clone, Copy)]
struct Strip {
    fader: egui::Rect,
    /// The gain in figures, where there is room.
    figures: Option<egui::Rect>,
    mute: egui::Rect,
    solo: egui::Rect,
}

impl Strip {
    fn new(strip: egui::Rect) -> Self {
        let inner = strip.shrink(8.0);
        if strip.width() < NARROW {
            let cut = inner.max.y - 24.0;
            let foot = egui::Rect::from_min_max(
                pos2(strip.min.x + 2.0, cut + 6.0),
                pos2(strip.max.x - 2.0, strip.max.y - 4.0),
            );
            let (mute, solo) = foot.split_left_right_at_fraction(0.5);
            let fader = egui::Rect::from_min_max(inner.min, pos2(inner.max.x, cut));
            return Self {
                fader,
                figures: None,
                mute: mute.shrink2(vec2(1.0, 0.0)),
                solo: solo.shrink2(vec2(1.0, 0.0)),
            };
        }
        let (fader, side) = inner.split_left_right_at_x(inner.min.x + 26.0);
        let side = egui::Rect::from_min_max(pos2(side.min.x + 8.0, side.min.y), side.max);
        let (figures, buttons) = side.split_top_bottom_at_y(side.min.y + FIGURES_HEIGHT);
        let (mute, solo) = buttons.split_top_bottom_at_fraction(0.5);
        let gap = vec2(0.0, 3.0);
        let mute = egui::Rect::from_min_max(mute.min, mute.max - gap);
        let solo = egui::Rect::from_min_max(solo.min + gap, solo.max);
        Self { fader, figures: Some(figures), mute, solo }
    }
}

fn show_strip(
    ui: &mut Ui,
    place: egui::Rect,
    view: &View,
    index: TrackId,
    track: &Track,
    fader: &mut Fader,
    link: &Link,
    now: Duration,
) {
    ui.painter().rect_filled(place, CornerRadius::same(8), theme::SURFACE.egui().gamma_multiply(0.8));
    let strip = Strip::new(place);
    let colour = Rgb::from(track.colour).mix(theme::SURFACE, if view.state.is_audible(index) { 0.0 } else { 0.65 });
    let gain = show_fader(ui, strip.fader, index, track, fader, colour, now);
    if let Some(gain) = fader.gain.due(now) {
        link.command(Command::SetGain { track: index, gain });
    }
    if let Some(figures) = strip.figures {
        let text = decibels(gain);
        let text = match figures.width() {
            width if width < FRACTION_WIDTH => text.split(['.', ' ']).next().unwrap_or_default(),
            width if width < UNIT_WIDTH => text.trim_end_matches(" dB"),
            _ => &text,
        };
        let top = egui::Rect::from_min_size(figures.min, vec2(figures.width(), FIGURES_HEIGHT - 4.0));
        theme::label(ui.painter(), top, Align2::CENTER_CENTER, text, theme::font(12.0), theme::TEXT_DIM.egui());
    }
    let wordy = strip.mute.width() >= WORDY;
    let (mute, solo) = (wishes::mute(view, index), wishes::solo(view, index));
    let text = if wordy { "Mute" } else { "M" };
    if switch(ui, strip.mute, ("mute", index), text, mute, theme::WARNING, "Mute: silence this track") {
        link.command(Command::SetMute { track: index, mute: !mute });
    }
    let text = if wordy { "Solo" } else { "S" };
    if switch(
        ui,
        strip.solo,
        ("solo", index),
        text,
        solo,
        theme::ACCENT,
        "Solo: hear only the soloed tracks, muted or not",
    ) {
        link.command(Command::SetSolo { track: index, solo: !solo });
    }
}

/// Shows a fader and lets a hand move it; returns what it shows.
fn show_fader(
    ui: &mut Ui,
    slot: egui::Rect,
    index: TrackId,
    track: &Track,
    fader: &mut Fader,
    colour: Rgb,
    now: Duration,
) -> Gain {
    let response = ui.interact(slot, ui.id().with(("fader", index)), Sense::click_and_drag());
    let way = egui::Rangef::new(slot.max.y - THUMB.y / 2.0, slot.min.y + THUMB.y / 2.0);
    if response.double_clicked() {
        fader.gain.hold(Gain::UNITY);
    } else if response.dragged() {
        let fine = ui.input(|input| input.modifiers.shift);
        let moved = f64::from(response.drag_delta().y / (way.max - way.min)) * if fine { FINE } else { 1.0 };
        let from = fader.at.unwrap_or_else(|| position(fader.gain.shown(track.gain, now)));
        let at = (from + moved).clamp(0.0, 1.0);
        fader.at = Some(at);
        if let Some(gain) = gain_at(at) {
            fader.gain.hold(gain);
        }
    }
    if !response.dragged() {
        fader.at = None;
        fader.gain.release(now);
    }
    let gain = fader.gain.shown(track.gain, now);
    let height = |gain| way.min + (way.max - way.min) * position(gain) as f32;
    let (centre, at) = (slot.center().x, height(gain));
    let painter = ui.painter();
    let rail = egui::Rect::from_center_size(slot.center(), vec2(5.0, slot.height()));
    painter.rect_filled(rail, 2.5, theme::BACKGROUND.egui());
    painter.rect_filled(egui::Rect::from_min_max(pos2(rail.min.x, at), rail.max), 2.5, colour.egui());
    let unity = height(Gain::UNITY);
    for side in [-1.0, 1.0] {
        let marks = [pos2(centre + side * 6.0, unity), pos2(centre + side * 11.0, unity)];
        painter.line_segment(marks, Stroke::new(1.0, theme::TEXT_DIM.egui()));
    }
    let active = response.dragged() || response.hovered();
    let thumb = egui::Rect::from_center_size(pos2(centre, at), THUMB);
    let fill = if active { theme::TEXT } else { theme::TEXT.mix(theme::SURFACE, 0.2) };
    painter.rect(thumb, CornerRadius::same(4), fill.egui(), Stroke::new(1.0, theme::INK.egui()), StrokeKind::Outside);
    painter.line_segment(
        [thumb.left_center() + vec2(5.0, 0.0), thumb.right_center() - vec2(5.0, 0.0)],
        Stroke::new(1.5, theme::INK.egui()),
    );
    let name = &track.name;
    response.on_hover_text(format!("{name}: {} — double click for 0 dB, shift for fine", decibels(gain)));
    gain
}

fn switch(
    ui: &mut Ui,
    rect: egui::Rect,
    id: impl std::hash::Hash + std::fmt::Debug,
    text: &str,
    on: bool,
    colour: Rgb,
    hint: &str,
) -> bool {
    let response = ui.interact(rect, ui.id().with(id), Sense::click());
    let fill = match (on, response.hovered()) {
        (true, _) => colour,
        (false, true) => theme::HOVERED,
        (false, false) => theme::RAISED,
    };
    let line = if on { colour } else { theme::LINE };
    let painter = ui.painter();
    painter.rect(rect, CornerRadius::same(6), fill.egui(), Stroke::new(1.0, line.egui()), StrokeKind::Inside);
    theme::label(painter, rect.shrink(1.0), Align2::CENTER_CENTER, text, theme::strong(12.0), fill.ink().egui());
    response.on_hover_text(hint).clicked()
}

/// A fader's place for a gain, 0 … 1.
fn position(gain: Gain) -> f64 {
    if gain == Gain::SILENCE {
        return 0.0;
    }
    let share = ((gain.db() - DB_MIN) / (DB_MAX - DB_MIN)).clamp(0.0, 1.0);
    SILENT_END + (1.0 - SILENT_END) * share.powf(TAPER)
}

/// The gain at a fader's place; silence at its very end.
fn gain_at(position: f64) -> Option<Gain> {
    if position < SILENT_END / 2.0 {
        return Some(Gain::SILENCE);
    }
    let share = ((position - SILENT_END) / (1.0 - SILENT_END)).max(0.0);
    Gain::from_db(DB_MIN + (DB_MAX - DB_MIN) * share.powf(1.0 / TAPER))
}

fn decibels(gain: Gain) -> String {
    if gain == Gain::SILENCE {
        "−∞ dB".into()
    } else {
        format!("{:.1} dB", gain.db()).replace("-0.0", "0.0").replace('-', "−")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gain_has_its_place_on_the_fader() {
        for db in [-60.0, -40.0, -12.0, -1.0, 0.0, 3.0, 6.0] {
            let gain = Gain::from_db(db).unwrap();
            let back = gain_at(position(gain)).unwrap();
            assert!((back.db() - db).abs() < 0.02, "{db} dB came back as {}", back.db());
        }
        assert_eq!(gain_at(0.0), Some(Gain::SILENCE));
        assert!(position(Gain::SILENCE) <= 0.0 && position(Gain::from_db(6.0).unwrap()) >= 1.0);
    }

    #[test]
    fn the_parts_of_a_strip_stay_inside_it_and_apart_from_each_other() {
        for width in [30.0, 45.0, 65.0, 70.0, 104.0, 300.0] {
            for height in [104.0, 150.0] {
                let place = egui::Rect::from_min_size(pos2(10.0, 20.0), vec2(width, height));
                let Strip { fader, figures, mute, solo } = Strip::new(place);
                let parts: Vec<egui::Rect> = [fader, mute, solo].into_iter().chain(figures).collect();
                for (index, part) in parts.iter().enumerate() {
                    assert!(place.contains_rect(*part) && part.is_positive(), "{part:?} of {place:?}");
                    assert!(parts[index + 1..].iter().all(|other| !part.shrink(0.01).intersects(*other)), "{parts:?}");
                }
            }
        }
    }

    #[test]
    fn gains_read_as_musicians_write_them() {
        assert_eq!(decibels(Gain::SILENCE), "−∞ dB");
        assert_eq!(decibels(Gain::from_db(-4.0).unwrap()), "−4.0 dB");
        assert_eq!(decibels(Gain::from_db(-0.01).unwrap()), "0.0 dB");
    }
}
