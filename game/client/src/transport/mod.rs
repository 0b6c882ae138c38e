//! The bar at the top: play and stop, position, tempo, signature, quantise, metronome, undo, connection, and the ways to
//! library, settings and out.

mod meter;
mod metronome;
mod tempo;

pub(crate) use metronome::{Metronome, volume as metronome_volume};

use crate::{
    ClientSet,
    deed::{Deed, Tap, ToggleLibrary},
    icons::{self, Icon},
    keep::{Keep, Opening},
    library::Drawer,
    link::{Link, Now},
    panel, platform,
    playfield::layout::Layout,
    pocket::Pocket,
    screen::{Go, Screen},
    settings::{OpenSettings, Page, Settings},
    spots,
    theme::{self, Rgb},
    widgets::{self, BAR_HEIGHT},
    wishes,
};
use bevy::{ecs::system::SystemParam, prelude::*};
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, Color32, CornerRadius, Popup, RichText, Sense, Stroke, Ui, vec2},
};
use keyboardia_player::{Connection, PlayerView};
use keyboardia_session::{Command, View};
use tempo::TempoHand;

/// Bars narrower than this show less of everything; wider ones than the second have words beside their signs.
const WIDTHS: (f32, f32) = (1_040.0, 1_120.0);
/// Width of the sign that the mark is a menu, and of its list.
const MENU_WIDTH: f32 = 18.0;
const MENU_LIST_WIDTH: f32 = 150.0;
/// Colours of the mark, clockwise from the upper left.
const MARK: [Rgb; 4] =
    [Rgb([0xff, 0x6b, 0x5e]), Rgb([0xff, 0xb5, 0x47]), Rgb([0x4c, 0xc9, 0xff]), Rgb([0x5e, 0xe6, 0xa8])];

/// What the bar's buttons set off elsewhere.
#[derive(SystemParam)]
struct Wishes<'w> {
    go: MessageWriter<'w, Go>,
    deeds: MessageWriter<'w, Deed>,
    taps: MessageWriter<'w, Tap>,
    library: MessageWriter<'w, ToggleLibrary>,
    drawer: Res<'w, Drawer>,
    settings: MessageWriter<'w, OpenSettings>,
    keep: MessageWriter<'w, Keep>,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<TempoHand>()
        .init_resource::<Metronome>()
        .add_systems(
            Update,
            (tempo::hear_taps, metronome::hear_switch).run_if(in_state(Screen::Jam)).in_set(ClientSet::Act),
        )
        .add_systems(
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
    mut tempo: ResMut<TempoHand>,
    mut metronome: ResMut<Metronome>,
    mut settings: ResMut<Settings>,
    mut pocket: ResMut<Pocket>,
    mut wishes: Wishes,
) -> Result {
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return Ok(()) };
    let roomy = layout.transport.width() >= WIDTHS.0;
    let wordy = layout.transport.width() >= WIDTHS.1;
    panel::area(contexts.ctx_mut()?, "transport", layout.transport, |ui| {
        ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = if roomy { 10.0 } else { 7.0 };
            wishes.keep.write_batch(mark(ui, wordy));
            play_button(ui, view, &link);
            meter::position(ui, view);
            if tempo::field(ui, view, &link, &mut tempo, time.elapsed()) {
                wishes.taps.write(Tap);
            }
            meter::signature(ui, view, &link);
            meter::quantise(ui, view, &link);
            metronome::field(ui, &mut metronome, &mut settings);
            history(ui, view, &mut wishes);
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ways_out(ui, wordy, &mut wishes);
                if pocket.is_small {
                    put_away(ui, &mut pocket);
                }
                connection(ui, player, view, (roomy, wordy));
            });
        });
    });
    Ok(())
}

/// The game's mark and, where there is room, its name: the menu of what is done with the session as a whole. Returns what was
/// picked from it.
fn mark(ui: &mut Ui, with_name: bool) -> Option<Keep> {
    let (width, sense) = if platform::HAS_FILES { (MENU_WIDTH, Sense::click()) } else { (0.0, Sense::hover()) };
    let width = width + if with_name { 118.0 } else { 26.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(width, BAR_HEIGHT), sense);
    let corner = rect.left_center() - vec2(0.0, 13.0);
    let painter = ui.painter();
    if platform::HAS_FILES && (response.hovered() || Popup::is_id_open(ui.ctx(), response.id)) {
        painter.rect_filled(rect.expand2(vec2(5.0, 0.0)), CornerRadius::same(10), theme::RAISED.egui());
    }
    for (index, colour) in MARK.into_iter().enumerate() {
        let step = vec2(if index == 1 || index == 2 { 12.0 } else { 0.0 }, if index >= 2 { 12.0 } else { 0.0 });
        let pad = egui::Rect::from_min_size(corner + vec2(1.0, 1.5) + step, vec2(10.0, 10.0));
        painter.rect_filled(pad, 3.0, colour.egui());
    }
    if with_name {
        let place = egui::Rect::from_min_size(corner + vec2(32.0, 0.0), vec2(88.0, 26.0));
        theme::label(painter, place, Align2::LEFT_CENTER, "Keyboardia", theme::strong(16.0), theme::TEXT.egui());
    }
    if !platform::HAS_FILES {
        return None;
    }
    let sign = egui::Rect::from_center_size(rect.right_center() - vec2(6.0, 0.0), vec2(9.0, 9.0));
    icons::paint(painter, sign, Icon::Down, theme::TEXT_DIM.egui());
    spots::note(ui, || "session menu".into(), rect);
    let picked = Popup::menu(&response).gap(2.0).show(menu).and_then(|shown| shown.inner);
    response.on_hover_text("Save, open, export");
    picked
}

/// What can be done with the session as a whole.
fn menu(ui: &mut Ui) -> Option<Keep> {
    ui.set_min_width(MENU_LIST_WIDTH);
    let open = Keep::Open(Opening { path: None, reach: None, is_sure: false });
    let entries = [("Save session…", Keep::Save(None)), ("Open session…", open), ("Export sound…", Keep::ToggleExport)];
    let mut pressed = |text: &str| ui.selectable_label(false, RichText::new(text).font(theme::font(14.0))).clicked();
    entries.into_iter().fold(None, |picked, (text, wish)| if pressed(text) { Some(wish) } else { picked })
}

fn play_button(ui: &mut Ui, view: &View, link: &Link) {
    let playing = view.is_playing();
    let (rect, response) = ui.allocate_exact_size(vec2(54.0, BAR_HEIGHT), Sense::click());
    let awaited = wishes::playing(view) != playing;
    let fill = match (playing, response.hovered()) {
        (true, false) => theme::ACCENT,
        (true, true) => theme::ACCENT.mix(theme::TEXT, 0.25),
        (false, true) => theme::HOVERED,
        (false, false) => theme::RAISED,
    };
    widgets::ground(ui, rect, fill, if playing || awaited { theme::ACCENT } else { theme::LINE });
    let painter = ui.painter();
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

fn history(ui: &mut Ui, view: &View, wishes: &mut Wishes) {
    let (undo, redo) = view.history;
    let undo = widgets::icon_button(ui, 34.0, Icon::Undo, undo > 0, None);
    if undo.on_hover_text("Undo your last edit (Ctrl+Z)").clicked() {
        wishes.deeds.write(Deed::Undo);
    }
    let redo = widgets::icon_button(ui, 34.0, Icon::Redo, redo > 0, None);
    if redo.on_hover_text("Redo it (Ctrl+Shift+Z)").clicked() {
        wishes.deeds.write(Deed::Redo);
    }
}

/// What a small window has put away.
fn put_away(ui: &mut Ui, pocket: &mut Pocket) {
    let mut switch = |icon, what, shown: &mut bool| {
        let on = shown.then_some(theme::ACCENT);
        if widgets::icon_button(ui, 36.0, icon, true, on).on_hover_text(what).clicked() {
            *shown = !*shown;
        }
    };
    switch(Icon::Players, "Players and invitation", &mut pocket.players);
    switch(Icon::Mixer, "Mixer", &mut pocket.mixer);
}

fn ways_out(ui: &mut Ui, wordy: bool, wishes: &mut Wishes) {
    if widgets::icon_button(ui, 36.0, Icon::Leave, true, None)
        .on_hover_text("Leave, to the title (Esc twice)")
        .clicked()
    {
        wishes.go.write(Go::Leave);
    }
    if widgets::icon_button(ui, 36.0, Icon::Settings, true, None).on_hover_text("Settings").clicked() {
        wishes.settings.write(OpenSettings(Page::You));
    }
    let on = wishes.drawer.is_open().then_some(theme::ACCENT);
    let library = if wordy {
        widgets::labelled_button(ui, Icon::Library, "Sounds", on)
    } else {
        widgets::icon_button(ui, 36.0, Icon::Library, true, on)
    };
    if library.on_hover_text("Sounds to put onto pads (L)").clicked() {
        wishes.library.write(ToggleLibrary);
    }
}

/// Phase errors beyond this are worth a warning, microseconds: where two sounds begin to be heard as two.
const PHASE_WARNING_US: u64 = 10_000;

/// How long something may wait to be written down before it is worth a warning, microseconds.
const UNSAVED_WARNING_US: u64 = 3_000_000;

/// How the connection is, how well the clock is known, and how far the own sound is off.
fn connection(ui: &mut Ui, player: &PlayerView, view: &View, (roomy, wordy): (bool, bool)) {
    let (text, hint, colour) = match (&player.connection, view.round_trip_us, view.uncertainty_us) {
        (Connection::Connected, Some(trip), Some(error)) => {
            let phase = player.phase_error_us;
            let text = if roomy {
                let sound =
                    (wordy && view.is_playing()).then(|| format!("  ·  sound {}", widgets::signed_millis(phase)));
                format!("{} ms  ±{}{}", millis(trip), millis(error), sound.unwrap_or_default())
            } else {
                format!("{} ms", millis(trip))
            };
            let hint = format!(
                "Round trip to the host {} ms. The clock is off by ±{} ms at most. Your sound is {}.",
                millis(trip),
                millis(error),
                behind(phase)
            );
            let far = phase.unsigned_abs() > PHASE_WARNING_US;
            if view.unsaved_us > UNSAVED_WARNING_US {
                let hint = "The host cannot write the session down at the moment. Play on; what you change now is lost if \
                            the host ends before it can.";
                ("Not saved".into(), hint.into(), theme::WARNING)
            } else {
                (text, hint, if far { theme::WARNING } else { theme::ACCENT })
            }
        }
        (Connection::Connected, ..) => {
            ("Clock…".into(), "Finding out what time it is at the host".into(), theme::WARNING)
        }
        _ => ("Lost".into(), "The connection is lost and is being made anew".into(), theme::WARNING),
    };
    let galley = ui.painter().layout_no_wrap(text, theme::font(12.5), theme::TEXT.egui());
    let width = galley.size().x + if roomy { 34.0 } else { 22.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(width, galley.size().y + 12.0), Sense::hover());
    let painter = ui.painter();
    if roomy {
        painter.rect_filled(rect, CornerRadius::same((rect.height() / 2.0) as u8), theme::SURFACE.egui());
    }
    painter.circle_filled(
        egui::pos2(rect.min.x + 13.0 - if roomy { 0.0 } else { 6.0 }, rect.center().y),
        4.0,
        colour.egui(),
    );
    let inset = if roomy { 23.0 } else { 16.0 };
    painter.galley(rect.min + vec2(inset, 6.0), galley, Color32::PLACEHOLDER);
    response.on_hover_text(hint);
}

/// A phase error in words.
fn behind(phase_us: i64) -> String {
    match (millis(phase_us.unsigned_abs()), phase_us) {
        (_, -20..=20) => "in time".into(),
        (ms, 0..) => format!("{ms} ms behind the session"),
        (ms, _) => format!("{ms} ms ahead of the session"),
    }
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

    #[test]
    fn the_own_sound_is_in_time_behind_or_ahead() {
        let words = [0, -20, 300, -1_500].map(behind);
        assert_eq!(words, ["in time", "in time", "0.30 ms behind the session", "1.5 ms ahead of the session"]);
    }
}
