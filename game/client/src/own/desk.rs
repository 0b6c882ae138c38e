//! The recorder: what shall be recorded for a pad, the button that does it, and what the microphone hears meanwhile.

use crate::{
    ClientSet,
    deed::{Deed, RecordKey, RecorderOpen},
    editing::{choice, name_field},
    link::{Link, Now},
    panel,
    playfield::layout::{Layout, Target},
    screen::Screen,
    settings::Settings,
    spots,
    theme::{self, Rgb},
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, CornerRadius, Id, Order, Rect, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2},
};
use keyboardia_player::{
    TakeView,
    recording::{LoopLength, RecordingStage, RecordingView, TakeRequest, TakeShape, WAVE_PEAKS_MAX},
};
use keyboardia_session::{Cell, Name, SoundId, View};

/// Width of the card, and how far it lies above the foot of the grid.
const WIDTH: f32 = 430.0;
const ABOVE_FOOT: f32 = 12.0;
/// Sizes of the round button, and of the picture beside it.
const BUTTON: f32 = 62.0;
const WAVE_HEIGHT: f32 = 62.0;
/// What can be recorded.
const BEATS: [(TakeShape, &str); 5] = [
    (TakeShape::Loop(LoopLength::Beats(1)), "1 beat"),
    (TakeShape::Loop(LoopLength::Beats(2)), "2 beats"),
    (TakeShape::Loop(LoopLength::Beats(4)), "4 beats"),
    (TakeShape::Loop(LoopLength::Free), "Free"),
    (TakeShape::OneShot, "One-shot"),
];
const BARS: [(TakeShape, &str); 4] = [
    (TakeShape::Loop(LoopLength::Bars(1)), "1 bar"),
    (TakeShape::Loop(LoopLength::Bars(2)), "2 bars"),
    (TakeShape::Loop(LoopLength::Bars(4)), "4 bars"),
    (TakeShape::Loop(LoopLength::Bars(8)), "8 bars"),
];
/// What becomes of it: whether the player hears it first.
const FATES: [(bool, &str); 2] = [(false, "At once onto the grid"), (true, "I hear it first")];

/// The pad that is recorded for, while the recorder is open, and what shall be recorded.
#[derive(Resource, Debug)]
struct Desk {
    cell: Option<Cell>,
    shape: TakeShape,
    /// The player wants to hear it before the others do.
    waits: bool,
    /// The button is held down: a one-shot lasts as long.
    held: bool,
    /// The take that waits, and the name that is being typed for it.
    naming: Option<(SoundId, String)>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { cell: None, shape: TakeShape::Loop(LoopLength::Bars(2)), waits: false, held: false, naming: None }
    }
}

impl Desk {
    /// Closes it; returns whether it was open.
    fn close(&mut self) -> bool {
        (self.held, self.naming) = (false, None);
        self.cell.take().is_some()
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Desk>()
        .add_systems(Update, (open, strike, tell).chain().run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_systems(OnExit(Screen::Jam), |mut desk: ResMut<Desk>| *desk = Desk::default())
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).after(ClientSet::Panels),
        );
}

/// A deed opens it for a pad, or closes it.
fn open(mut deeds: MessageReader<Deed>, mut desk: ResMut<Desk>, link: Res<Link>) {
    for deed in deeds.read() {
        match deed {
            Deed::Record(Target::Pad(track, scene)) => desk.cell = Some(Cell::new(*track, *scene)),
            Deed::CloseRecorder => close(&mut desk, &link),
            _ => {}
        }
    }
}

/// Closes it, with all that is not on the grid.
fn close(desk: &mut Desk, link: &Link) {
    if desk.close() {
        link.cancel_recording();
        link.drop_take();
    }
}

/// Others may know whether it is open.
fn tell(desk: Res<Desk>, mut open: ResMut<RecorderOpen>) {
    open.set_if_neq(RecorderOpen(desk.cell.is_some()));
}

/// The key of the button: begins, and ends what has no length of its own.
fn strike(
    mut keys: MessageReader<RecordKey>,
    desk: Res<Desk>,
    now: Res<Now>,
    link: Res<Link>,
    settings: Res<Settings>,
) {
    for RecordKey in keys.read() {
        let (Some(player), Some(view), Some(cell)) = (now.player(), now.session(), desk.cell) else { continue };
        if player.recording.is_some() {
            link.stop_recording();
        } else {
            begin(&link, &settings, view, cell, &desk);
        }
    }
}

/// Begins to record for a pad, in the place of what the player sees there.
fn begin(link: &Link, settings: &Settings, view: &View, cell: Cell, desk: &Desk) {
    let request =
        TakeRequest { shape: desk.shape, device: settings.input.clone(), input_nudge_us: settings.input_nudge_us };
    link.record(request, cell, view.state.clip(cell).is_some(), name(view), desk.waits);
}

/// What a take is called until somebody gives it another name: its maker's name, and a number that is free.
fn name(view: &View) -> Name {
    let me = view.state.player(view.me).map_or("Take", |player| player.name.as_str());
    let clips = || view.state.tracks().iter().flat_map(|track| track.clips.iter().map(|(_, clip)| &clip.name));
    let is_free = |name: &Name| clips().all(|taken| taken != name);
    let numbered = (1..=u16::MAX).map(|number| Name::sanitised(&format!("{me} {number}")));
    numbered.into_iter().find(is_free).unwrap_or_default()
}

fn show(
    mut contexts: EguiContexts,
    mut desk: ResMut<Desk>,
    now: Res<Now>,
    link: Res<Link>,
    layout: Res<Layout>,
    settings: Res<Settings>,
) -> Result {
    let (Some(player), Some(view), Some(cell)) = (now.player(), now.session(), desk.cell) else { return Ok(()) };
    if !view.state.has_cell(cell) {
        desk.close();
        return Ok(());
    }
    let seen = player.recording.as_ref().map(|(_, seen)| seen);
    let context = contexts.ctx_mut()?;
    let area = egui::Area::new(Id::new("recorder"))
        .order(Order::Foreground)
        .pivot(Align2::CENTER_BOTTOM)
        .fixed_pos(pos2(layout.side.min.x / 2.0, layout.size.y - ABOVE_FOOT))
        .constrain(true)
        .fade_in(false);
    area.show(context, |ui| {
        panel::card().fill(theme::RAISED.egui()).show(ui, |ui| {
            ui.set_width(WIDTH);
            ui.horizontal(|ui| {
                panel::heading(ui, &title(view, cell));
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let shut = ui.small_button("Close");
                    spots::note(ui, || "close the recorder".into(), shut.rect);
                    if shut.clicked() {
                        close(&mut desk, &link);
                    }
                });
            });
            if seen.is_none() && player.take.is_none() {
                choices(ui, &mut desk);
            }
            ui.horizontal(|ui| {
                match button(ui, &mut desk, seen) {
                    Some(Hand::Begins) => begin(&link, &settings, view, cell, &desk),
                    Some(Hand::Ends) => link.stop_recording(),
                    None => {}
                }
                wave(ui, seen, player.take.as_ref());
            });
            if let Some(take) = player.take.as_ref().filter(|_| seen.is_none()) {
                tray(ui, &mut desk, &link, take, player.previewing.as_ref() == Some(&take.sound));
            } else {
                desk.naming = None;
            }
            let (text, colour) = words(desk.shape, seen, player.take.as_ref(), view);
            ui.label(RichText::new(text).font(theme::font(12.5)).color(colour.egui()));
        });
    });
    Ok(())
}

/// What shall be recorded, and what becomes of it.
fn choices(ui: &mut Ui, desk: &mut Desk) {
    for (label, shapes) in [("Record", &BARS[..]), ("", &BEATS[..])] {
        if let Some(shape) = choice(ui, label, shapes, desk.shape) {
            desk.shape = shape;
        }
    }
    if let Some(waits) = choice(ui, "Then", &FATES, desk.waits) {
        desk.waits = waits;
    }
}

/// A take that waits: its name, and what can be done with it beside recording it again.
fn tray(ui: &mut Ui, desk: &mut Desk, link: &Link, take: &TakeView, sounds: bool) {
    let fresh = || (take.sound.clone(), take.name.to_string());
    let naming = desk.naming.take().filter(|(sound, _)| *sound == take.sound);
    let (sound, mut name) = naming.unwrap_or_else(fresh);
    ui.horizontal(|ui| {
        let listen = ui.button(if sounds { "Silence" } else { "Listen" });
        spots::note(ui, || if sounds { "silence the take" } else { "listen to the take" }.into(), listen.rect);
        if listen.clicked() {
            if sounds { link.stop_preview() } else { link.preview(sound.clone()) }
        }
        let drop = ui.button("Throw away");
        spots::note(ui, || "throw the take away".into(), drop.rect);
        if drop.clicked() {
            link.stop_preview();
            link.drop_take();
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let keep = ui.add(egui::Button::new(RichText::new("Onto the grid").strong()));
            spots::note(ui, || "keep the take".into(), keep.rect);
            let (_, enter) = name_field(ui, &mut name, false, false);
            if keep.clicked() || enter {
                link.stop_preview();
                link.keep_take(if name.trim().is_empty() { take.name.clone() } else { Name::sanitised(&name) });
            }
        });
    });
    desk.naming = Some((sound, name));
}

/// What a hand does with the button.
enum Hand {
    Begins,
    Ends,
}

/// The round button. A loop begins and ends with a press, a one-shot lasts as long as the button is held.
fn button(ui: &mut Ui, desk: &mut Desk, seen: Option<&RecordingView>) -> Option<Hand> {
    let (rect, response) = ui.allocate_exact_size(vec2(BUTTON, BUTTON), Sense::click_and_drag());
    spots::note(ui, || "record".into(), rect);
    let is_down = response.is_pointer_button_down_on();
    let was_held = std::mem::replace(&mut desk.held, is_down && desk.shape == TakeShape::OneShot);
    let painter = ui.painter();
    let fill = if response.hovered() || is_down { theme::HOVERED } else { theme::SURFACE };
    let line = Stroke::new(2.0, theme::DANGER.egui());
    painter.circle(rect.center(), BUTTON / 2.0 - 2.0, fill.egui(), line);
    if seen.is_some() {
        let square = Rect::from_center_size(rect.center(), vec2(20.0, 20.0));
        painter.rect_filled(square, CornerRadius::same(3), theme::DANGER.egui());
    } else {
        painter.circle_filled(rect.center(), 15.0, theme::DANGER.egui());
    }
    match (desk.shape, seen) {
        (TakeShape::OneShot, _) if desk.held && !was_held => Some(Hand::Begins),
        (TakeShape::OneShot, _) if was_held && !desk.held => Some(Hand::Ends),
        (TakeShape::OneShot, _) => None,
        (_, None) if response.clicked() => Some(Hand::Begins),
        (_, Some(_)) if response.clicked() => Some(Hand::Ends),
        _ => None,
    }
}

/// What the microphone has heard, and how loud it is now.
fn wave(ui: &mut Ui, seen: Option<&RecordingView>, take: Option<&TakeView>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), WAVE_HEIGHT), Sense::hover());
    let painter = ui.painter();
    let line = Stroke::new(1.0, theme::LINE.egui());
    painter.rect(rect, CornerRadius::same(8), theme::BACKGROUND.egui(), line, StrokeKind::Inside);
    let Some(seen) = seen else {
        if let Some(take) = take {
            peaks(painter, rect.shrink(6.0), &take.wave, take.wave.len(), theme::ACCENT);
        }
        return;
    };
    let colour = if seen.clipped { theme::WARNING } else { theme::DANGER };
    let (inner, meter) = rect.shrink(6.0).split_left_right_at_x(rect.max.x - 18.0);
    peaks(painter, inner, &seen.wave, WAVE_PEAKS_MAX, colour);
    let meter = meter.with_min_x(meter.min.x + 6.0);
    painter.rect_filled(meter, CornerRadius::same(3), theme::SURFACE.egui());
    let top = meter.max.y - seen.level.clamp(0.0, 1.0).sqrt() * meter.height();
    painter.rect_filled(meter.with_min_y(top), CornerRadius::same(3), colour.egui());
}

/// Peaks beside each other, of which so many have room.
fn peaks(painter: &egui::Painter, rect: Rect, wave: &[u8], room: usize, colour: Rgb) {
    let pitch = rect.width() / room.max(1) as f32;
    for (index, peak) in wave.iter().enumerate() {
        let height = (f32::from(*peak) / 255.0 * rect.height()).max(1.0);
        let centre = pos2(rect.min.x + (index as f32 + 0.5) * pitch, rect.center().y);
        painter.rect_filled(Rect::from_center_size(centre, vec2((pitch - 0.8).max(1.0), height)), 0.0, colour.egui());
    }
}

/// The head of the card: where the sound goes.
fn title(view: &View, cell: Cell) -> String {
    let track = view.state.track(cell.track).map_or_else(String::new, |track| track.name.to_string());
    let scene = view.state.scene(cell.scene).map_or_else(String::new, |scene| scene.name.to_string());
    format!("Record onto {track}, {scene}")
}

/// What is to be known of the recording, as a sentence.
fn words(shape: TakeShape, seen: Option<&RecordingView>, take: Option<&TakeView>, view: &View) -> (String, Rgb) {
    let Some(seen) = seen else {
        if let Some(take) = take {
            let text = format!("{:.1} s. Nobody else has heard it; the red button records it again.", take.seconds);
            return (text, theme::TEXT_DIM);
        }
        let text = match shape {
            TakeShape::OneShot => "Hold the button for as long as the sound lasts.",
            _ if view.is_playing() => "One bar is counted in; the loop then goes on by itself. Headphones help.",
            _ => "The music rests: recording begins with the press, at the session's tempo.",
        };
        return (text.to_owned(), theme::TEXT_DIM);
    };
    if seen.clipped {
        return ("Too loud: turn the microphone down, or sing a little further away.".to_owned(), theme::WARNING);
    }
    let to_come = |begins: keyboardia_session::Beats| (begins - view.beat()).as_f64().ceil().max(1.0);
    let text = match &seen.stage {
        RecordingStage::Opening => "The microphone is being opened.".to_owned(),
        RecordingStage::Waiting { .. } => "The count begins on the next bar.".to_owned(),
        RecordingStage::CountIn { begins } => format!("{:.0} …", to_come(*begins)),
        RecordingStage::Recording { .. } => format!("Recording, {:.1} s.", seen.seconds),
        RecordingStage::Done => "It is recorded.".to_owned(),
        RecordingStage::Failed(why) => why.clone(),
    };
    (text, theme::TEXT)
}
