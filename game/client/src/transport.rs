//! The bar at the top: play and stop, position, tempo, quantise, connection, and the way out.

use crate::{
    ClientSet,
    held::Held,
    link::{Link, Now},
    panel,
    playfield::layout::Layout,
    screen::{Go, Screen},
    theme::{self, Rgb},
    wishes,
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, Color32, CornerRadius, Sense, Stroke, StrokeKind, Ui, vec2},
};
use keyboardia_player::Connection;
use keyboardia_session::{Command, Quantise, Tempo, View, meter::Position};

/// Tempo per point of a drag, BPM.
const TEMPO_PER_POINT: f64 = 0.25;
/// Colours of the mark, clockwise from the upper left.
const MARK: [Rgb; 4] =
    [Rgb([0xff, 0x6b, 0x5e]), Rgb([0xff, 0xb5, 0x47]), Rgb([0x4c, 0xc9, 0xff]), Rgb([0x5e, 0xe6, 0xa8])];

#[derive(Resource, Default)]
struct HeldTempo(Held<Tempo>);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<HeldTempo>().add_systems(
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
    mut tempo: ResMut<HeldTempo>,
    mut go: MessageWriter<Go>,
) -> Result {
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return Ok(()) };
    let roomy = layout.transport.width() > 1_060.0;
    panel::area(contexts.ctx_mut()?, "transport", layout.transport, |ui| {
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            mark(ui, roomy);
            play_button(ui, view, &link);
            position(ui, view);
            ui.add_space(4.0);
            tempo_field(ui, view, &link, &mut tempo.0, time.elapsed());
            quantise_field(ui, view, &link);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let leave = ui.button("Leave").on_hover_text("Back to the title (Esc twice)");
                if leave.clicked() {
                    go.write(Go::Leave);
                }
                connection(ui, &player.connection, view);
            });
        });
    });
    Ok(())
}

/// The game's mark and, where there is room, its name.
fn mark(ui: &mut Ui, with_name: bool) {
    let width = if with_name { 126.0 } else { 26.0 };
    let (rect, _) = ui.allocate_exact_size(vec2(width, 26.0), Sense::hover());
    for (index, colour) in MARK.into_iter().enumerate() {
        let corner = vec2(if index == 1 || index == 2 { 12.0 } else { 0.0 }, if index >= 2 { 12.0 } else { 0.0 });
        let pad = egui::Rect::from_min_size(rect.min + vec2(1.0, 1.5) + corner, vec2(10.0, 10.0));
        ui.painter().rect_filled(pad, 3.0, colour.egui());
    }
    if with_name {
        let place = egui::Rect::from_min_max(rect.min + vec2(32.0, 0.0), rect.max);
        theme::label(ui.painter(), place, Align2::LEFT_CENTER, "Keyboardia", theme::strong(16.0), theme::TEXT.egui());
    }
}

fn play_button(ui: &mut Ui, view: &View, link: &Link) {
    let playing = view.is_playing();
    let (rect, response) = ui.allocate_exact_size(vec2(58.0, 42.0), Sense::click());
    let awaited = wishes::playing(view) != playing;
    let fill = match (playing, response.hovered()) {
        (true, false) => theme::ACCENT,
        (true, true) => theme::ACCENT.mix(theme::TEXT, 0.25),
        (false, true) => theme::HOVERED,
        (false, false) => theme::RAISED,
    };
    let painter = ui.painter();
    let line = if playing || awaited { theme::ACCENT } else { theme::LINE };
    painter.rect(rect, CornerRadius::same(10), fill.egui(), Stroke::new(1.0, line.egui()), StrokeKind::Inside);
    let centre = rect.center();
    if playing {
        let square = egui::Rect::from_center_size(centre, vec2(13.0, 13.0));
        painter.rect_filled(square, 2.0, theme::INK.egui());
    } else {
        let points = vec![centre + vec2(-5.5, -8.0), centre + vec2(8.5, 0.0), centre + vec2(-5.5, 8.0)];
        painter.add(egui::Shape::convex_polygon(points, theme::ACCENT.egui(), Stroke::NONE));
    }
    let hint = if playing { "Stop (Space)" } else { "Play (Space)" };
    if response.on_hover_text(hint).clicked() {
        link.command(Command::SetPlaying(!wishes::playing(view)));
    }
}

/// Bar and beat, and the beats of the bar as lights.
fn position(ui: &mut Ui, view: &View) {
    let (rect, response) = ui.allocate_exact_size(vec2(112.0, 42.0), Sense::hover());
    let meter = view.state.meters().at(view.beat());
    let Position { bar, count: beat } = meter.position(view.beat());
    let text = egui::Rect::from_min_max(rect.min, egui::pos2(rect.max.x, rect.max.y - 9.0));
    theme::label(
        ui.painter(),
        text,
        Align2::CENTER_CENTER,
        &format!("{bar}.{beat}"),
        theme::strong(23.0),
        theme::TEXT.egui(),
    );
    let counts = meter.signature.counts();
    let width = 80.0 / counts as f32;
    for index in 0..counts {
        let from = rect.center().x + (index as f32 - counts as f32 / 2.0) * (width + 4.0) + 2.0;
        let light = egui::Rect::from_min_size(egui::pos2(from, rect.max.y - 6.0), vec2(width, 4.0));
        let lit = view.is_playing() && index + 1 == beat;
        let first = index == 0;
        let colour = if lit && first {
            theme::ACCENT
        } else if lit {
            theme::TEXT
        } else {
            theme::HOVERED
        };
        ui.painter().rect_filled(light, 2.0, colour.egui());
    }
    response.on_hover_text("Bar and beat");
}

fn tempo_field(ui: &mut Ui, view: &View, link: &Link, held: &mut Held<Tempo>, now: std::time::Duration) {
    let truth = view.state.transport().last().tempo;
    let mut bpm = held.shown(truth, now).bpm();
    let (slowest, fastest) = tempo_range();
    let field = egui::DragValue::new(&mut bpm)
        .range(slowest..=fastest)
        .speed(TEMPO_PER_POINT)
        .min_decimals(1)
        .max_decimals(2)
        .update_while_editing(false)
        .suffix(" BPM");
    let response = ui.add_sized(vec2(104.0, 34.0), field).on_hover_text("Tempo: drag, or click and type");
    if response.changed()
        && let Some(tempo) = Tempo::from_bpm(bpm)
    {
        held.hold(tempo);
    }
    if !response.dragged() {
        held.release(now);
    }
    if let Some(tempo) = held.due(now) {
        link.command(Command::SetTempo(tempo));
    }
}

fn tempo_range() -> (f64, f64) {
    use keyboardia_session::limits::{TEMPO_MAX_MILLI_BPM, TEMPO_MIN_MILLI_BPM};
    (f64::from(TEMPO_MIN_MILLI_BPM) / 1e3, f64::from(TEMPO_MAX_MILLI_BPM) / 1e3)
}

fn quantise_field(ui: &mut Ui, view: &View, link: &Link) {
    let present = wishes::quantise(view);
    let mut chosen = present;
    ui.spacing_mut().interact_size.y = 34.0;
    let response =
        egui::ComboBox::from_id_salt("quantise").width(86.0).selected_text(present.label()).show_ui(ui, |ui| {
            for quantise in Quantise::ALL {
                ui.selectable_value(&mut chosen, quantise, quantise.label());
            }
        });
    response.response.on_hover_text("Quantise: launches wait for the next boundary of this length");
    if chosen != present {
        link.command(Command::SetQuantise(chosen));
    }
}

/// How the connection is, and how well the clock is known.
fn connection(ui: &mut Ui, connection: &Connection, view: &View) {
    let (text, colour) = match (connection, view.round_trip_us, view.uncertainty_us) {
        (Connection::Connected, Some(trip), Some(error)) => {
            (format!("{} ms  ±{}", millis(trip), millis(error)), theme::ACCENT)
        }
        (Connection::Connected, ..) => ("Finding the clock".into(), theme::WARNING),
        _ => ("Reconnecting".into(), theme::WARNING),
    };
    let galley = ui.painter().layout_no_wrap(text, theme::font(12.5), theme::TEXT.egui());
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(34.0, 12.0), Sense::hover());
    let painter = ui.painter();
    painter.rect_filled(rect, CornerRadius::same((rect.height() / 2.0) as u8), theme::SURFACE.egui());
    painter.circle_filled(egui::pos2(rect.min.x + 13.0, rect.center().y), 4.0, colour.egui());
    painter.galley(rect.min + vec2(23.0, 6.0), galley, Color32::PLACEHOLDER);
    response.on_hover_text("Round trip to the host, and how far the clock may be off");
}

/// Microseconds as milliseconds, to two figures or so.
fn millis(us: u64) -> String {
    let ms = us as f64 / 1e3;
    let decimals = if ms < 1.0 { 2 } else { usize::from(ms < 100.0) };
    format!("{ms:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_times_are_both_readable() {
        assert_eq!([45, 999, 1_234, 123_456].map(millis), ["0.04", "1.00", "1.2", "123"]);
    }
}
