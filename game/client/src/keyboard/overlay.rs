//! The map of the keys: a keyboard, drawn over the playfield, with what each key does on it. What it says comes from
//! [`super::map`], so it cannot be wrong.

use super::{
    Bank,
    map::{self, Action, Stroke, Way},
};
use crate::{
    ClientSet,
    deed::Deed,
    link::Now,
    playfield::layout::{Layout, Target},
    screen::Screen,
    theme::{self, Rgb},
};
use bevy::prelude::{
    KeyCode::{self, *},
    *,
};
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, Color32, CornerRadius, Order, Painter, Sense, Stroke as Line, StrokeKind, pos2, vec2},
};
use keyboardia_session::{Clip, View};

/// A key: what it is, what is printed on it, and how many keys wide it is.
type Key = (KeyCode, &'static str, f32);

/// The keyboard, row by row, as most have it.
#[rustfmt::skip]
const ROWS: [&[Key]; 6] = [
    &[(Escape, "Esc", 1.0), (F1, "F1", 1.0), (F2, "F2", 1.0)],
    &[
        (Backquote, "`", 1.0), (Digit1, "1", 1.0), (Digit2, "2", 1.0), (Digit3, "3", 1.0), (Digit4, "4", 1.0),
        (Digit5, "5", 1.0), (Digit6, "6", 1.0), (Digit7, "7", 1.0), (Digit8, "8", 1.0), (Digit9, "9", 1.0),
        (Digit0, "0", 1.0), (Minus, "-", 1.0), (Equal, "=", 1.0), (Backspace, "Backspace", 2.0),
    ],
    &[
        (Tab, "Tab", 1.5), (KeyQ, "Q", 1.0), (KeyW, "W", 1.0), (KeyE, "E", 1.0), (KeyR, "R", 1.0), (KeyT, "T", 1.0),
        (KeyY, "Y", 1.0), (KeyU, "U", 1.0), (KeyI, "I", 1.0), (KeyO, "O", 1.0), (KeyP, "P", 1.0),
        (BracketLeft, "[", 1.0), (BracketRight, "]", 1.0), (Backslash, "\\", 1.5),
    ],
    &[
        (CapsLock, "Caps", 1.75), (KeyA, "A", 1.0), (KeyS, "S", 1.0), (KeyD, "D", 1.0), (KeyF, "F", 1.0),
        (KeyG, "G", 1.0), (KeyH, "H", 1.0), (KeyJ, "J", 1.0), (KeyK, "K", 1.0), (KeyL, "L", 1.0),
        (Semicolon, ";", 1.0), (Quote, "'", 1.0), (Enter, "Enter", 2.25),
    ],
    &[
        (ShiftLeft, "Shift", 2.25), (KeyZ, "Z", 1.0), (KeyX, "X", 1.0), (KeyC, "C", 1.0), (KeyV, "V", 1.0),
        (KeyB, "B", 1.0), (KeyN, "N", 1.0), (KeyM, "M", 1.0), (Comma, ",", 1.0), (Period, ".", 1.0),
        (Slash, "/", 1.0), (ShiftRight, "Shift", 2.75),
    ],
    &[(ControlLeft, "Ctrl", 1.5), (AltLeft, "Alt", 1.5), (Space, "Space", 8.0), (ContextMenu, "Menu", 1.5)],
];
/// The keys at the right of it, by column and row.
const SIDE: [(Key, usize, usize); 9] = [
    ((Home, "Home", 1.0), 1, 1),
    ((PageUp, "Page up", 1.0), 2, 1),
    ((Delete, "Delete", 1.0), 0, 2),
    ((End, "End", 1.0), 1, 2),
    ((PageDown, "Page dn", 1.0), 2, 2),
    ((ArrowUp, "Up", 1.0), 1, 4),
    ((ArrowLeft, "Left", 1.0), 0, 5),
    ((ArrowDown, "Down", 1.0), 1, 5),
    ((ArrowRight, "Right", 1.0), 2, 5),
];
/// Keys that are pressed together, and what they do.
const CHORDS: [(&str, &str); 10] = [
    ("Shift 1 to 0", "launch a scene"),
    ("Shift T", "tap the tempo"),
    ("Shift M", "metronome"),
    ("Shift Backspace", "stop all tracks"),
    ("Shift F10", "menu"),
    ("Ctrl Z, Ctrl Y", "undo, redo"),
    ("Ctrl C, X, V", "copy, cut, paste"),
    ("Ctrl D", "duplicate"),
    ("Ctrl while dropping", "copy the clip"),
    ("Esc Esc", "leave the jam"),
];
/// Columns of chords.
const CHORD_COLUMNS: usize = 2;
/// Columns that the keyboard and the keys at its right take, in keys.
const WIDE: f32 = 15.0;
const SIDE_GAP: f32 = 0.4;
const SIDE_WIDE: f32 = 3.0;
/// Side of a key, at most, and the gap to the next one, design units.
const KEY_MAX: f32 = 56.0;
const KEY_LOW: f32 = 0.86;
const GAP: f32 = 4.0;
const PADDING: f32 = 20.0;
const HEADING: f32 = 40.0;
const CHORD_HEIGHT: f32 = 19.0;

/// Whether the map is shown.
#[derive(Resource, Debug, Default)]
pub(crate) struct KeyMap {
    open: bool,
}

impl KeyMap {
    /// Shows it, or hides it.
    pub(crate) fn toggle(&mut self) {
        self.open = !self.open;
    }

    /// Hides it; returns whether it was shown.
    pub(crate) fn close(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<KeyMap>()
        .add_systems(OnExit(Screen::Jam), |mut map: ResMut<KeyMap>| map.open = false)
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam).and_then(|map: Res<KeyMap>| map.open))
                .run_if(theme::is_dressed)
                .after(ClientSet::Panels),
        );
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    layout: Res<Layout>,
    bank: Res<Bank>,
    mut map: ResMut<KeyMap>,
) -> Result {
    let Some(view) = now.session() else { return Ok(()) };
    let area = egui::Area::new(egui::Id::new("keys")).order(Order::Foreground).fixed_pos(pos2(0.0, 0.0)).fade_in(false);
    area.show(contexts.ctx_mut()?, |ui| {
        let window = egui::Rect::from_min_size(pos2(0.0, 0.0), vec2(layout.size.x, layout.size.y));
        let response = ui.allocate_rect(window, Sense::click());
        ui.painter().rect_filled(window, 0.0, theme::BACKGROUND.egui().gamma_multiply(0.82));
        draw(ui.painter(), window, &Shown { view, layout: &layout, bank: &bank });
        if response.clicked() {
            map.open = false;
        }
    });
    Ok(())
}

/// What the keys would press.
struct Shown<'a> {
    view: &'a View,
    layout: &'a Layout,
    bank: &'a Bank,
}

impl Shown<'_> {
    fn clip(&self, row: usize, column: usize) -> Option<&Clip> {
        let Some(Target::Pad(track, scene)) = self.bank.pad(self.layout, row, column) else { return None };
        self.view.state.track(track)?.clip(scene)
    }
}

fn draw(painter: &Painter, window: egui::Rect, shown: &Shown) {
    let key = ((window.width() - 2.0 * PADDING - 24.0) / (WIDE + SIDE_GAP + SIDE_WIDE)).min(KEY_MAX);
    let low = key * KEY_LOW;
    let keys = vec2((WIDE + SIDE_GAP + SIDE_WIDE) * key, ROWS.len() as f32 * low);
    let chords = CHORDS.len().div_ceil(CHORD_COLUMNS) as f32 * CHORD_HEIGHT + 14.0;
    let size = keys + vec2(2.0 * PADDING, 2.0 * PADDING + HEADING + chords);
    let card = egui::Rect::from_center_size(window.center(), size);
    let line = Line::new(1.0, theme::LINE.egui());
    painter.rect(card, CornerRadius::same(14), theme::SURFACE.egui(), line, StrokeKind::Inside);
    let inner = card.shrink(PADDING);
    let head = egui::Rect::from_min_size(inner.min, vec2(inner.width(), HEADING - 12.0));
    let text = |rect, align, text: &str, font, colour: Rgb| {
        theme::label(painter, rect, align, text, font, colour.egui());
    };
    text(head, Align2::LEFT_CENTER, "Keys", theme::strong(18.0), theme::TEXT);
    let how = "Four rows of keys are pads, wherever their letters are printed. Esc closes this.";
    text(head, Align2::RIGHT_CENTER, how, theme::font(12.5), theme::TEXT_DIM);

    let origin = inner.min + vec2(0.0, HEADING);
    let place = |x: f32, row: usize, wide: f32| {
        let corner = origin + vec2(x * key, row as f32 * low);
        egui::Rect::from_min_size(corner, vec2(wide * key - GAP, low - GAP))
    };
    for (row, keys) in ROWS.iter().enumerate() {
        let mut x = 0.0;
        for &(code, sign, wide) in *keys {
            cap(painter, place(x, row, wide), code, sign, shown);
            x += wide;
        }
    }
    for ((code, sign, wide), column, row) in SIDE {
        cap(painter, place(WIDE + SIDE_GAP + column as f32, row, wide), code, sign, shown);
    }

    let below = origin.y + keys.y + 14.0;
    let rows = CHORDS.len().div_ceil(CHORD_COLUMNS);
    let column_width = inner.width() / CHORD_COLUMNS as f32;
    for (index, (chord, what)) in CHORDS.into_iter().enumerate() {
        let corner =
            pos2(inner.min.x + (index / rows) as f32 * column_width, below + (index % rows) as f32 * CHORD_HEIGHT);
        let line = egui::Rect::from_min_size(corner, vec2(column_width - 10.0, CHORD_HEIGHT));
        let (left, right) = line.split_left_right_at_x(corner.x + 150.0);
        text(left, Align2::LEFT_CENTER, chord, theme::strong(12.5), theme::TEXT);
        text(right, Align2::LEFT_CENTER, what, theme::font(12.5), theme::TEXT_DIM);
    }
}

/// Draws one key.
fn cap(painter: &Painter, rect: egui::Rect, code: KeyCode, sign: &str, shown: &Shown) {
    let letter = sign.chars().next().filter(|_| sign.len() == 1).map(|sign| sign.to_ascii_lowercase());
    let action = map::action(code, Stroke { sign: letter, ..Stroke::default() });
    let clip = match action {
        Some(Action::Pad { row, column }) => shown.clip(row, column),
        _ => None,
    };
    let fill = match (action, clip) {
        (_, Some(clip)) => theme::SURFACE.mix(clip.colour.into(), 0.30),
        (Some(_), None) => theme::RAISED,
        (None, None) => theme::SURFACE.mix(theme::RAISED, 0.25),
    };
    let rim = clip.map_or(theme::LINE, |clip| Rgb::from(clip.colour).mix(theme::SURFACE, 0.35));
    let line = Line::new(1.0, rim.egui());
    painter.rect(rect, CornerRadius::same(6), fill.egui(), line, StrokeKind::Inside);
    let inner = rect.shrink2(vec2(4.0, 3.0));
    let (top, bottom) = inner.split_top_bottom_at_y(inner.min.y + 14.0);
    let ink = |colour: Rgb| -> Color32 { theme::readable(colour, fill).egui() };
    let strength = if action.is_some() { theme::TEXT } else { theme::TEXT_DIM };
    theme::label(painter, top, Align2::LEFT_CENTER, sign, theme::strong(10.5), ink(strength));
    let what = match (action, clip) {
        (_, Some(clip)) => clip.name.as_str(),
        (Some(Action::Pad { .. }) | None, None) => return,
        (Some(action), None) => caption(action),
    };
    theme::label(painter, bottom, Align2::LEFT_CENTER, what, theme::font(10.0), ink(theme::TEXT));
}

/// What an action is called on its key.
fn caption(action: Action) -> &'static str {
    match action {
        Action::Pad { .. } => "pad",
        Action::Scene(_) => "scene",
        Action::Walk(_) => "select",
        Action::Bank(Way::Up) => "rows up",
        Action::Bank(Way::Down) => "rows down",
        Action::Bank(Way::Left) => "first tracks",
        Action::Bank(Way::Right) => "next tracks",
        Action::Press => "press what is selected",
        Action::StopTrack => "stop the track",
        Action::StopAll => "stop all",
        Action::Menu => "menu",
        Action::Edit(Deed::Delete) => "clear",
        Action::Edit(Deed::Rename) => "rename",
        Action::Edit(_) => "edit",
        Action::Play => "play, stop",
        Action::Tap => "tap tempo",
        Action::Metronome => "click",
        Action::Library => "library",
        Action::Record => "record",
        Action::Keys => "keys",
        Action::Escape => "close",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pad_and_every_command_of_the_map_is_a_drawn_key_and_no_key_is_drawn_twice() {
        let drawn: Vec<KeyCode> =
            ROWS.iter().flat_map(|row| row.iter()).chain(SIDE.iter().map(|(key, ..)| key)).map(|key| key.0).collect();
        for (index, code) in drawn.iter().enumerate() {
            assert!(!drawn[index + 1..].contains(code), "{code:?}");
        }
        for code in map::PADS.into_iter().flatten().chain([Delete, F1, F2, PageUp, ArrowUp, Enter, Space, KeyL]) {
            assert!(drawn.contains(&code), "{code:?} is not drawn");
        }
        assert!(ROWS[1..5].iter().all(|row| row.iter().map(|key| key.2).sum::<f32>() == WIDE), "every row is as wide");
    }
}
