//! The settings, as a card over whatever is shown: you, sound, microphone, look.

use super::{SCALE_PERCENT, Settings, microphone, sound, you};
use crate::{
    ClientSet,
    cli::SIZE_RANGE,
    icons::{self, Icon},
    link::{Link, Now},
    panel, platform,
    theme::{self, Rgb},
    transport::Metronome,
};
use bevy::{ecs::system::SystemParam, prelude::*, window::PrimaryWindow};
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Color32, CornerRadius, RichText, Sense, Ui, vec2},
};

/// Size of what is in the card.
const SIZE: egui::Vec2 = vec2(560.0, 372.0);
/// Sizes of the window that are offered, logical pixels.
const WINDOWS: [(u32, u32); 4] = [(1024, 600), (1280, 720), (1920, 1080), (2560, 1440)];
/// Step between two sizes of the interface, percent.
const SCALE_STEP: usize = 10;

/// What the card is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// Name, colour, picture.
    You,
    /// Device, latency, metronome.
    Sound,
    /// Which one, and how late it is.
    Microphone,
    /// Size, motion, window.
    Look,
}

impl Page {
    const ALL: &[(Self, &str)] =
        &[(Self::You, "You"), (Self::Sound, "Sound"), (Self::Microphone, "Microphone"), (Self::Look, "Look")];
}

/// A wish to see the settings.
#[derive(Message, Debug, Clone, Copy)]
pub(crate) struct OpenSettings(pub(crate) Page);

/// The card, while it is open.
#[derive(Resource, Debug, Default)]
struct Card(Option<Open>);

#[derive(Debug)]
struct Open {
    page: Page,
    you: you::Fields,
    outputs: sound::Devices,
    inputs: sound::Devices,
}

/// What the card changes.
#[derive(SystemParam)]
struct Subject<'w, 's> {
    settings: ResMut<'w, Settings>,
    now: Res<'w, Now>,
    link: Res<'w, Link>,
    metronome: ResMut<'w, Metronome>,
    window: Single<'w, 's, &'static mut Window, With<PrimaryWindow>>,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Card>()
        .add_message::<OpenSettings>()
        // Before anything else that escape might do.
        .add_systems(Update, (open, close).chain().in_set(ClientSet::Travel))
        .add_systems(EguiPrimaryContextPass, show.run_if(theme::is_dressed).after(ClientSet::Panels));
}

fn open(mut wishes: MessageReader<OpenSettings>, settings: Res<Settings>, mut card: ResMut<Card>) {
    for OpenSettings(page) in wishes.read() {
        card.0 = Some(Open {
            page: *page,
            you: you::Fields::of(&settings),
            outputs: sound::Devices::outputs(),
            inputs: sound::Devices::inputs(),
        });
    }
}

fn close(mut keys: ResMut<ButtonInput<KeyCode>>, mut card: ResMut<Card>, mut settings: ResMut<Settings>) {
    if card.0.is_some() && keys.clear_just_pressed(KeyCode::Escape) {
        shut(&mut card, &mut settings);
    }
}

/// Closes the card; a name that was being typed counts.
fn shut(card: &mut Card, settings: &mut ResMut<Settings>) {
    if let Some(open) = card.0.take() {
        open.you.take_over(settings);
    }
}

fn show(mut contexts: EguiContexts, mut card: ResMut<Card>, mut subject: Subject) -> Result {
    let Some(open) = &mut card.0 else { return Ok(()) };
    let modal = egui::Modal::new(egui::Id::new("settings"))
        .backdrop_color(Color32::from_black_alpha(150))
        .frame(panel::card().inner_margin(egui::Margin::same(18)));
    let shown = modal.show(contexts.ctx_mut()?, |ui| {
        ui.set_min_size(SIZE);
        ui.set_max_width(SIZE.x);
        let done = head(ui, &mut open.page, &mut open.you, &mut subject.settings);
        ui.add_space(10.0);
        match open.page {
            Page::You => you::show(ui, &mut open.you, &mut subject.settings, subject.now.session()),
            Page::Sound => {
                sound::show(ui, &open.outputs, &mut subject.settings, &subject.now, &mut subject.metronome);
            }
            Page::Microphone => {
                microphone::show(ui, &open.inputs, &mut subject.settings, &subject.now, &subject.link);
            }
            Page::Look => look(ui, &mut subject),
        }
        done
    });
    if shown.inner || shown.backdrop_response.clicked() {
        shut(&mut card, &mut subject.settings);
    }
    Ok(())
}

/// The pages' names and the way out; returns whether that was taken.
fn head(ui: &mut Ui, page: &mut Page, you: &mut you::Fields, settings: &mut ResMut<Settings>) -> bool {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Settings").font(theme::strong(18.0)));
        ui.add_space(14.0);
        for (of, text) in Page::ALL {
            if chip(ui, text, page == of).clicked() && page != of {
                you.clone().take_over(settings);
                *page = *of;
            }
        }
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let (rect, response) = ui.allocate_exact_size(vec2(30.0, 30.0), Sense::click());
            if response.hovered() {
                ui.painter().rect_filled(rect, CornerRadius::same(8), theme::HOVERED.egui());
            }
            icons::paint(ui.painter(), rect.shrink(9.0), Icon::Close, theme::TEXT.egui());
            response.on_hover_text("Close (Esc)").clicked()
        })
        .inner
    })
    .inner
}

/// A choice among others.
pub(super) fn chip(ui: &mut Ui, text: &str, chosen: bool) -> egui::Response {
    let galley = ui.painter().layout_no_wrap(text.into(), theme::font(13.0), Color32::PLACEHOLDER);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(22.0, 13.0), Sense::click());
    let fill = match (chosen, response.hovered()) {
        (true, _) => theme::ACCENT,
        (false, true) => theme::HOVERED,
        (false, false) => theme::RAISED,
    };
    ui.painter().rect_filled(rect, CornerRadius::same(8), fill.egui());
    ui.painter().galley(rect.min + vec2(11.0, 6.5), galley, fill.ink().egui());
    response
}

/// The name of what follows, and a sentence about it.
pub(super) fn topic(ui: &mut Ui, name: &str, sentence: &str) {
    ui.add_space(8.0);
    ui.label(RichText::new(name).font(theme::strong(13.5)));
    if !sentence.is_empty() {
        faint(ui, sentence, theme::TEXT_DIM);
    }
    ui.add_space(2.0);
}

/// A sentence of less weight.
pub(super) fn faint(ui: &mut Ui, sentence: &str, colour: Rgb) {
    ui.add(egui::Label::new(RichText::new(sentence).font(theme::font(12.5)).color(colour.egui())).wrap());
}

/// A choice of yes or no.
fn tick(ui: &mut Ui, on: &mut bool, sentence: &str) {
    let galley = ui.painter().layout_no_wrap(sentence.into(), theme::font(13.0), theme::TEXT.egui());
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 30.0, 26.0), Sense::click());
    let square = egui::Rect::from_center_size(rect.left_center() + vec2(10.0, 0.0), vec2(18.0, 18.0));
    let fill = match (*on, response.hovered()) {
        (true, _) => theme::ACCENT,
        (false, true) => theme::HOVERED,
        (false, false) => theme::RAISED,
    };
    let line = egui::Stroke::new(1.0, theme::TEXT_DIM.egui());
    ui.painter().rect(square, CornerRadius::same(5), fill.egui(), line, egui::StrokeKind::Inside);
    if *on {
        let points = [vec2(-4.5, 0.0), vec2(-1.5, 3.5), vec2(4.5, -3.5)].map(|to| square.center() + to);
        ui.painter().add(egui::Shape::line(points.into(), egui::Stroke::new(2.0, theme::INK.egui())));
    }
    let at = egui::pos2(square.max.x + 10.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, Color32::PLACEHOLDER);
    if response.clicked() {
        *on = !*on;
    }
}

fn look(ui: &mut Ui, subject: &mut Subject) {
    let graphics = subject.settings.graphics.clone();
    let mut wish = graphics.clone();
    topic(ui, "Size of the interface", "On top of what fits the window, as far as there is room.");
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        for percent in SCALE_PERCENT.step_by(SCALE_STEP) {
            if chip(ui, &format!("{percent} %"), graphics.scale_percent == percent).clicked() {
                wish.scale_percent = percent;
            }
        }
    });
    topic(ui, "Window", if platform::RESIZES { "F11 covers the whole screen, and back." } else { "" });
    let size = subject.window.size().as_uvec2();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let windows = if platform::RESIZES { &WINDOWS[..] } else { &[] };
        for &(width, height) in windows {
            let chosen = !graphics.fullscreen && (size.x, size.y) == (width, height);
            if chip(ui, &format!("{width} × {height}"), chosen).clicked() {
                wish.fullscreen = false;
                let size = UVec2::new(width, height).clamp(SIZE_RANGE.0, SIZE_RANGE.1).as_vec2();
                subject.window.resolution.set(size.x, size.y);
            }
        }
        if chip(ui, "Full screen", graphics.fullscreen).clicked() {
            wish.fullscreen = !graphics.fullscreen;
        }
    });
    topic(ui, "Light and motion", "");
    tick(ui, &mut wish.calm, "Less motion: lights stay still instead of breathing with the beat");
    tick(ui, &mut wish.vsync, "Wait for the screen (vsync): no torn pictures, a little later");
    if wish != graphics {
        subject.settings.graphics = wish;
    }
}
