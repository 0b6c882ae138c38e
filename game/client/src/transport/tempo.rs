//! The tempo: dragged, typed, tapped and nudged.

use crate::deed::Tap;
use crate::{
    held::Held,
    link::{Link, Now},
    spots, theme,
    widgets::{self, BAR_HEIGHT},
};
use bevy::prelude::*;
use bevy_egui::egui::{self, Align2, Sense, TextStyle, Ui, UiBuilder, pos2, vec2};
use keyboardia_session::{
    Command, Tempo, View,
    limits::{TEMPO_MAX_MILLI_BPM, TEMPO_MIN_MILLI_BPM},
};
use std::{collections::VecDeque, time::Duration};

/// Tempo per point of a drag, BPM.
const TEMPO_PER_POINT: f64 = 0.25;
/// A nudge, and one with shift held, milli-BPM.
const NUDGE_MILLI_BPM: (i64, i64) = (100, 1_000);
/// A held button nudges again after the first of these times, and then after each of the second.
const REPEAT: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(80));
/// Taps further apart than this are not one tempo.
const TAP_GAP_MAX: Duration = Duration::from_secs(2);
/// Taps from which on there is a tempo, and taps that are looked at.
const TAPS: (usize, usize) = (3, 8);
/// How long the button shows that it was tapped.
const TAP_LIGHT: Duration = Duration::from_millis(120);

const BUTTON_WIDTH: f32 = 27.0;
const VALUE_WIDTH: f32 = 74.0;
const TAP_WIDTH: f32 = 42.0;

/// The hand on the tempo.
#[derive(Resource, Default)]
pub(super) struct TempoHand {
    held: Held<Tempo>,
    taps: Taps,
    slower: Repeat,
    faster: Repeat,
}

/// The last taps.
#[derive(Debug, Default)]
struct Taps(VecDeque<Duration>);

impl Taps {
    /// Takes a tap; returns the tempo once there are enough of them: the median of the time between them.
    fn tap(&mut self, now: Duration) -> Option<Tempo> {
        if self.0.back().is_some_and(|last| now.saturating_sub(*last) > TAP_GAP_MAX) {
            self.0.clear();
        }
        self.0.push_back(now);
        if self.0.len() > TAPS.1 {
            self.0.pop_front();
        }
        if self.0.len() < TAPS.0 {
            return None;
        }
        let mut gaps: Vec<f64> = self
            .0
            .iter()
            .zip(self.0.iter().skip(1))
            .map(|(one, next)| next.saturating_sub(*one).as_secs_f64())
            .collect();
        gaps.sort_by(f64::total_cmp);
        let middle = gaps.len() / 2;
        let median = if gaps.len() % 2 == 1 { gaps[middle] } else { f64::midpoint(gaps[middle - 1], gaps[middle]) };
        // Hands are not more exact than a tenth.
        Tempo::from_bpm((600.0 / median).round() / 10.0)
    }

    fn is_lit(&self, now: Duration) -> bool {
        self.0.back().is_some_and(|last| now.saturating_sub(*last) < TAP_LIGHT)
    }
}

/// A button that acts when it goes down, and again while it is held.
#[derive(Debug, Default)]
struct Repeat(Option<Duration>);

impl Repeat {
    /// Whether it acts now.
    fn acts(&mut self, is_down: bool, now: Duration) -> bool {
        if !is_down {
            self.0 = None;
            return false;
        }
        let due = self.0.is_none_or(|due| now >= due);
        if due {
            self.0 = Some(now + if self.0.is_none() { REPEAT.0 } else { REPEAT.1 });
        }
        due
    }
}

/// A tempo a little faster or slower, within what there is.
fn nudged(tempo: Tempo, milli_bpm: i64) -> Tempo {
    let (least, most) = (i64::from(TEMPO_MIN_MILLI_BPM), i64::from(TEMPO_MAX_MILLI_BPM));
    let nudged = (i64::from(tempo.milli_bpm()) + milli_bpm).clamp(least, most);
    Tempo::from_milli_bpm(nudged as u32).unwrap_or(tempo)
}

/// Turns taps into a tempo.
pub(super) fn hear_taps(
    mut taps: MessageReader<Tap>,
    time: Res<Time<Real>>,
    now: Res<Now>,
    link: Res<Link>,
    mut hand: ResMut<TempoHand>,
) {
    for Tap in taps.read() {
        if let Some(tempo) = hand.taps.tap(time.elapsed())
            && now.session().is_some_and(|view| view.state.transport().last().tempo != tempo)
        {
            link.command(Command::SetTempo(tempo));
        }
    }
}

/// Shows the tempo and lets hands change it; returns whether it was tapped.
pub(super) fn field(ui: &mut Ui, view: &View, link: &Link, hand: &mut TempoHand, now: Duration) -> bool {
    let width = 2.0 * BUTTON_WIDTH + VALUE_WIDTH + TAP_WIDTH;
    let (rect, _) = ui.allocate_exact_size(vec2(width, BAR_HEIGHT), Sense::hover());
    widgets::ground(ui, rect, theme::RAISED, theme::LINE);
    let part =
        |from: f32, width: f32| egui::Rect::from_min_size(pos2(rect.min.x + from, rect.min.y), vec2(width, BAR_HEIGHT));
    let truth = view.state.transport().last().tempo;
    let present = hand.held.shown(truth, now);

    let shift = ui.input(|input| input.modifiers.shift);
    let step = if shift { NUDGE_MILLI_BPM.1 } else { NUDGE_MILLI_BPM.0 };
    let slower = part(0.0, BUTTON_WIDTH);
    let faster = part(BUTTON_WIDTH + VALUE_WIDTH, BUTTON_WIDTH);
    let is_down = nudge_button(ui, slower, "−", "Slower by 0.1 BPM, with Shift by 1; hold to go on");
    let mut nudging = is_down;
    if hand.slower.acts(is_down, now) {
        hand.held.hold(nudged(present, -step));
    }
    let is_down = nudge_button(ui, faster, "+", "Faster by 0.1 BPM, with Shift by 1; hold to go on");
    nudging |= is_down;
    if hand.faster.acts(is_down, now) {
        hand.held.hold(nudged(present, step));
    }

    let value = part(BUTTON_WIDTH, VALUE_WIDTH);
    for (name, place) in [("slower", slower), ("tempo", value), ("faster", faster)] {
        spots::note(ui, || name.into(), place);
    }
    let dragged = drag_value(ui, value, present, &mut hand.held);
    widgets::caption(ui, value, "BPM");
    if !dragged && !nudging {
        hand.held.release(now);
    }
    if let Some(tempo) = hand.held.due(now) {
        link.command(Command::SetTempo(tempo));
    }
    let divider = rect.min.x + width - TAP_WIDTH;
    ui.painter().vline(divider, rect.y_range().shrink(7.0), egui::Stroke::new(1.0, theme::LINE.egui()));
    tap_button(ui, part(width - TAP_WIDTH, TAP_WIDTH), hand.taps.is_lit(now))
}

/// The figure; returns whether a hand drags it.
fn drag_value(ui: &mut Ui, rect: egui::Rect, present: Tempo, held: &mut Held<Tempo>) -> bool {
    let place = egui::Rect::from_min_max(rect.min + vec2(0.0, 3.0), pos2(rect.max.x, rect.max.y - 15.0));
    let mut bpm = present.bpm();
    let field = egui::DragValue::new(&mut bpm)
        .range(f64::from(TEMPO_MIN_MILLI_BPM) / 1e3..=f64::from(TEMPO_MAX_MILLI_BPM) / 1e3)
        .speed(TEMPO_PER_POINT)
        .min_decimals(1)
        .max_decimals(2)
        .update_while_editing(false);
    let mut child = ui.new_child(UiBuilder::new().max_rect(place));
    let style = child.style_mut();
    style.text_styles.insert(TextStyle::Button, theme::strong(17.0));
    style.text_styles.insert(TextStyle::Body, theme::strong(17.0));
    style.spacing.button_padding = vec2(2.0, 0.0);
    for look in [&mut style.visuals.widgets.inactive, &mut style.visuals.widgets.hovered] {
        look.weak_bg_fill = egui::Color32::TRANSPARENT;
        look.bg_fill = egui::Color32::TRANSPARENT;
        look.bg_stroke = egui::Stroke::NONE;
    }
    let response = child.add_sized(place.size(), field).on_hover_text("Tempo: drag, or click and type");
    if response.changed()
        && let Some(tempo) = Tempo::from_bpm(bpm)
    {
        held.hold(tempo);
    }
    response.dragged()
}

/// Returns whether it is held down.
fn nudge_button(ui: &Ui, rect: egui::Rect, sign: &str, hint: &str) -> bool {
    let response = ui.interact(rect, ui.id().with(("nudge", sign)), Sense::click_and_drag());
    let lit = response.hovered() || response.is_pointer_button_down_on();
    if lit {
        ui.painter().rect_filled(rect.shrink(3.0), 7.0, theme::HOVERED.egui());
    }
    let colour = if lit { theme::TEXT } else { theme::TEXT_DIM };
    theme::label(ui.painter(), rect, Align2::CENTER_CENTER, sign, theme::strong(17.0), colour.egui());
    response.on_hover_text(hint).is_pointer_button_down_on()
}

fn tap_button(ui: &Ui, rect: egui::Rect, lit: bool) -> bool {
    let response = ui.interact(rect, ui.id().with("tap"), Sense::click_and_drag());
    let fill = if lit {
        Some(theme::ACCENT)
    } else if response.hovered() {
        Some(theme::HOVERED)
    } else {
        None
    };
    if let Some(fill) = fill {
        ui.painter().rect_filled(rect.shrink(3.0), 7.0, fill.egui());
    }
    let ink = fill.unwrap_or(theme::RAISED).ink();
    theme::label(ui.painter(), rect, Align2::CENTER_CENTER, "Tap", theme::strong(13.0), ink.egui());
    // A tap is a moment, so it counts when it goes down.
    let tapped = response.is_pointer_button_down_on() && ui.input(|input| input.pointer.primary_pressed());
    response.on_hover_text("Tap the tempo, three times or more (Shift T)");
    tapped
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn taps(at: &[u64]) -> Option<f64> {
        let mut taps = Taps::default();
        at.iter().map(|at| taps.tap(ms(*at))).last().flatten().map(Tempo::bpm)
    }

    #[test]
    fn three_taps_make_a_tempo_and_two_do_not() {
        assert_eq!(taps(&[0, 500]), None);
        assert_eq!(taps(&[0, 500, 1_000]), Some(120.0));
    }

    #[test]
    fn one_late_tap_does_not_spoil_the_tempo() {
        assert_eq!(taps(&[0, 500, 1_000, 1_620, 2_000, 2_500, 3_000]), Some(120.0));
    }

    #[test]
    fn after_a_pause_the_taps_begin_anew() {
        assert_eq!(taps(&[0, 500, 1_000, 4_000, 4_300]), None);
        assert_eq!(taps(&[0, 500, 1_000, 4_000, 4_300, 4_600]), Some(200.0));
    }

    #[test]
    fn only_the_last_taps_count_and_tempos_that_there_are_not_are_none() {
        let slow = (0..20).map(|n| n * 1_000);
        let fast = (1..9).map(|n| 19_000 + n * 400);
        let all: Vec<u64> = slow.chain(fast).collect();
        assert_eq!(taps(&all), Some(150.0));
        assert_eq!(taps(&[0, 10, 20, 30]), None, "6,000 BPM");
        assert_eq!(taps(&[5, 5, 5]), None, "no time between them");
    }

    #[test]
    fn a_held_button_acts_at_once_then_after_a_while_then_often() {
        let mut repeat = Repeat::default();
        let acted: Vec<u64> = (0..70).map(|step| step * 10).filter(|at| repeat.acts(true, ms(*at))).collect();
        assert_eq!(acted, [0, 400, 480, 560, 640]);
        assert!(!repeat.acts(false, ms(700)) && repeat.acts(true, ms(710)));
    }

    #[test]
    fn nudges_stay_within_the_tempos_that_there_are() {
        let tempo = |bpm| Tempo::from_bpm(bpm).unwrap();
        assert_eq!(nudged(tempo(112.0), 100), tempo(112.1));
        assert_eq!(nudged(tempo(20.0), -1_000), tempo(20.0));
        assert_eq!(nudged(tempo(998.95), 100), tempo(999.0));
    }
}
