//! The title: who you are, three ways in (play here, host, join), and what went wrong, if something did.

use crate::{
    ClientSet, avatars,
    icons::{self, Icon},
    keep::{Keep, Opening, Reach},
    link::Destination,
    panel, platform,
    screen::{Go, Screen, Trouble},
    settings::{ADDRESS_CHARS_MAX, CODE_CHARS_MAX, LastJoin, OpenSettings, Page, Settings},
    theme::{self, Rgb, Scale},
    widgets, wordmark,
};
use bevy::{prelude::*, window::PrimaryWindow};
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, Color32, CornerRadius, Key, RichText, Sense, Stroke, StrokeKind, Ui, pos2, vec2},
};
use std::net::SocketAddr;

/// Largest card, and the space between two of them and around all.
const CARD: egui::Vec2 = vec2(340.0, 252.0);
const GAP: f32 = 18.0;
const SIDES: f32 = 28.0;
const PADDING: f32 = 18.0;
/// Height of the buttons at a card's foot, and width of the second one.
const ACTION_HEIGHT: f32 = 42.0;
const OPEN_WIDTH: f32 = 92.0;

/// What stands in the fields.
#[derive(Resource, Debug, Default)]
struct Fields(LastJoin);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Fields>().add_systems(OnEnter(Screen::Title), fill).add_systems(
        EguiPrimaryContextPass,
        show.run_if(in_state(Screen::Title)).run_if(theme::is_dressed).in_set(ClientSet::Panels),
    );
}

/// Shows again what was tried before.
fn fill(mut fields: ResMut<Fields>, settings: Res<Settings>, cli: Res<crate::Cli>) {
    if fields.0 == LastJoin::default() {
        fields.0 = match cli.join() {
            Some((address, code)) => LastJoin { address: address.into(), code: code.into() },
            None => settings.last_join.clone(),
        };
    }
}

/// A way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Play,
    Host,
    Join,
}

/// How a session begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    New,
    Saved,
}

impl Start {
    /// The wish for a session that begins so.
    fn wish(self, destination: Destination, reach: Reach) -> Wish {
        match self {
            Self::New => Wish::Go(destination),
            Self::Saved => Wish::Open(reach),
        }
    }
}

/// What a player can want here.
enum Wish {
    Go(Destination),
    Open(Reach),
    Settings,
    Quit,
}

fn show(
    mut contexts: EguiContexts,
    window: Single<&Window, With<PrimaryWindow>>,
    scale: Res<Scale>,
    trouble: Res<Trouble>,
    mut fields: ResMut<Fields>,
    mut settings: ResMut<Settings>,
    mut go: MessageWriter<Go>,
    mut open: MessageWriter<OpenSettings>,
    mut keep: MessageWriter<Keep>,
    mut exit: MessageWriter<AppExit>,
) -> Result {
    let context = contexts.ctx_mut()?;
    let size = window.size() / scale.0;
    let ways: &[Way] = if platform::HOSTS { &[Way::Play, Way::Host, Way::Join] } else { &[Way::Play, Way::Join] };
    let cards = cards(size, ways.len());
    let mut wish = None;
    tagline(context, Rect::new(0.0, cards[0].min.y - 42.0, size.x, cards[0].min.y - 12.0));
    for (way, place) in ways.iter().zip(&cards) {
        match way {
            Way::Play => {
                let start = card(context, "title-play", *place, play);
                wish = start.map(|start| start.wish(Destination::Alone, Reach::Alone)).or(wish);
            }
            Way::Host => {
                let start = card(context, "title-host", *place, host);
                wish = start.map(|start| start.wish(Destination::Network, Reach::Network)).or(wish);
            }
            Way::Join if card(context, "title-join", *place, |ui| join(ui, &mut fields.0)) => {
                settings.last_join = fields.0.clone();
                let LastJoin { address, code } = fields.0.clone();
                let address = platform::home().unwrap_or(address);
                wish = Some(Wish::Go(Destination::Session { address, code }));
            }
            Way::Join => {}
        }
    }
    let below = cards[0].max.y + GAP;
    if let Some(sentence) = &trouble.0 {
        let place = Rect::new(cards[0].min.x, below, cards[cards.len() - 1].max.x, below + 64.0);
        panel::area(context, "title-trouble", place, |ui| explain(ui, sentence));
    }
    let corner = Rect::new(SIDES - 10.0, size.y - 60.0, size.x - SIDES + 10.0, size.y - 14.0);
    wish = panel::area(context, "title-foot", corner, |ui| foot(ui, &settings)).or(wish);
    match wish {
        Some(Wish::Go(destination)) => {
            go.write(Go::Join(destination));
        }
        Some(Wish::Open(reach)) => {
            keep.write(Keep::Open(Opening { path: None, reach: Some(reach), is_sure: true }));
        }
        Some(Wish::Settings) => {
            open.write(OpenSettings(Page::You));
        }
        Some(Wish::Quit) => {
            exit.write(AppExit::Success);
        }
        None => {}
    }
    Ok(())
}

/// The places of so many ways in, in a window of `size` design units.
fn cards(size: Vec2, count: usize) -> Vec<Rect> {
    let gaps = count.saturating_sub(1) as f32 * GAP;
    let width = ((size.x - 2.0 * SIDES - gaps) / count as f32).min(CARD.x);
    let top = wordmark::place(size).max.y + 56.0;
    let left = (size.x - count as f32 * width - gaps) / 2.0;
    let place = |index: usize| {
        let left = left + index as f32 * (width + GAP);
        Rect::new(left, top, left + width, top + CARD.y)
    };
    (0..count).map(place).collect()
}

fn tagline(context: &egui::Context, rect: Rect) {
    let painter = context.layer_painter(egui::LayerId::background());
    let text = "Launch clips together, on the beat.";
    let rect = theme::egui_rect(rect);
    theme::label(&painter, rect, Align2::CENTER_CENTER, text, theme::font(16.0), theme::TEXT_DIM.egui());
}

fn card<R>(context: &egui::Context, id: &str, rect: Rect, content: impl FnOnce(&mut Ui) -> R) -> R {
    panel::area(context, id, rect, |ui| {
        panel::card().inner_margin(egui::Margin::same(PADDING as i8)).show(ui, |ui| {
            let inner = vec2(rect.width(), rect.height()) - egui::Vec2::splat(2.0 * PADDING);
            ui.set_min_size(inner);
            ui.set_max_size(inner);
            ui.spacing_mut().item_spacing.y = 5.0;
            content(ui)
        })
    })
    .inner
}

/// Returns how the player wants to play here, if so.
fn play(ui: &mut Ui) -> Option<Start> {
    let sentence = if platform::HOSTS {
        "A groove in two presses: this one, and any pad. Alone, on this computer."
    } else {
        "A groove in two presses: this one, and any pad. Friends join by the page's address."
    };
    heading(ui, "Play", sentence);
    ui.add_space(6.0);
    picture(ui, &PADS, theme::ACCENT);
    let start = start(ui, "Play", theme::ACCENT, "Or press Enter");
    start.or(enter(ui).then_some(Start::New))
}

/// Returns how the player wants to let others in, if so.
fn host(ui: &mut Ui) -> Option<Start> {
    heading(ui, "Host", "Friends on your network join you, up to ten. You get an address and a code for them.");
    ui.add_space(6.0);
    picture(ui, &FRIENDS, Rgb([0x4c, 0xc9, 0xff]));
    start(ui, "Host", Rgb([0x4c, 0xc9, 0xff]), "The jam ends when you leave")
}

/// Returns whether the player wants to join.
fn join(ui: &mut Ui, fields: &mut LastJoin) -> bool {
    heading(ui, "Join", "Somebody's jam, here or far away.");
    let mut entered = platform::home().is_none()
        && field(ui, "Address of the host", "192.168.1.5", ADDRESS_CHARS_MAX, &mut fields.address);
    entered |= field(ui, "Code of the session", "five words", CODE_CHARS_MAX, &mut fields.code);
    for text in [fields.address.clone(), fields.code.clone()] {
        if let Some(whole) = read_invitation(&text) {
            *fields = whole;
        }
    }
    action(ui, "Join", theme::TEXT, "With what the invitation says") || entered
}

/// The address and the code of an invitation that was pasted whole into one of the fields: a command, or a link.
fn read_invitation(text: &str) -> Option<LastJoin> {
    if let Some((address, code)) = text.trim().split_once("/#").filter(|(address, _)| address.starts_with("http")) {
        return Some(LastJoin { address: plain(address).into(), code: code.into() });
    }
    let mut words = text.split_whitespace().skip_while(|word| *word != "--join").skip(1);
    Some(LastJoin { address: words.next()?.into(), code: words.next()?.into() })
}

/// The address in a link. Nobody vouches for a bare address: its host has signed its certificate itself, and answers the game
/// at the same port without.
fn plain(address: &str) -> &str {
    let bare = address.strip_prefix("https://").filter(|host| host.parse::<SocketAddr>().is_ok());
    bare.unwrap_or(address)
}

fn heading(ui: &mut Ui, name: &str, sentence: &str) {
    ui.label(RichText::new(name).font(theme::strong(20.0)));
    ui.label(RichText::new(sentence).font(theme::font(13.0)).color(theme::TEXT_DIM.egui()));
}

/// Pads of a picture, a digit a pad: how bright it is.
type Pads = [&'static str; 3];
const PADS: Pads = ["01000", "30921", "00130"];
const FRIENDS: Pads = ["10201", "03930", "20102"];

/// A few pads that play.
fn picture(ui: &mut Ui, pads: &Pads, colour: Rgb) {
    let space = (ui.available_height() - 50.0).min(86.0);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), space), Sense::hover());
    let pitch = (space / 3.0).min(rect.width() / 5.0);
    let corner = rect.center() - vec2(2.5, 1.5) * pitch;
    for (row, line) in pads.iter().enumerate() {
        for (column, digit) in line.bytes().enumerate() {
            let light = f32::from(digit.saturating_sub(b'0')) / 9.0;
            let place = corner + vec2(column as f32, row as f32) * pitch;
            let pad = egui::Rect::from_min_size(place, vec2(pitch, pitch)).shrink(pitch * 0.09);
            let fill = theme::RAISED.mix(colour, light);
            ui.painter().rect_filled(pad, CornerRadius::same((pitch * 0.2) as u8), fill.egui());
        }
    }
}

/// A field with its name above it; returns whether enter was pressed in it.
fn field(ui: &mut Ui, label: &str, hint: &str, chars_max: usize, text: &mut String) -> bool {
    ui.add_space(2.0);
    ui.label(RichText::new(label).font(theme::font(12.0)).color(theme::TEXT_DIM.egui()));
    let edit = egui::TextEdit::singleline(text)
        .hint_text(RichText::new(hint).color(theme::TEXT_DIM.mix(theme::SURFACE, 0.25).egui()))
        .desired_width(f32::INFINITY)
        .margin(egui::Margin::symmetric(10, 6))
        .char_limit(chars_max);
    let response = ui.add(edit);
    response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter))
}

/// The button at the foot of a card.
fn action(ui: &mut Ui, text: &str, colour: Rgb, hint: &str) -> bool {
    foot_buttons(ui, |ui| button(ui, ui.available_width(), text, colour, hint))
}

/// The buttons at the foot of a card: a new session and, where there are files, one that was saved.
fn start(ui: &mut Ui, text: &str, colour: Rgb, hint: &str) -> Option<Start> {
    foot_buttons(ui, |ui| {
        let rest = if platform::HAS_FILES { OPEN_WIDTH + ui.spacing().item_spacing.x } else { 0.0 };
        let new = button(ui, ui.available_width() - rest, text, colour, hint);
        let saved = platform::HAS_FILES
            && button(ui, OPEN_WIDTH, "Open…", theme::RAISED, "Begin with a session that you have saved");
        new.then_some(Start::New).or(saved.then_some(Start::Saved))
    })
}

/// A row at the foot of a card.
fn foot_buttons<R>(ui: &mut Ui, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.with_layout(egui::Layout::bottom_up(egui::Align::Min), |ui| {
        ui.allocate_ui_with_layout(
            vec2(ui.available_width(), ACTION_HEIGHT),
            egui::Layout::left_to_right(egui::Align::Center),
            content,
        )
        .inner
    })
    .inner
}

/// A large button; returns whether it was pressed.
fn button(ui: &mut Ui, width: f32, text: &str, colour: Rgb, hint: &str) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(width, ACTION_HEIGHT), Sense::click());
    let fill = if response.hovered() { colour.mix(theme::TEXT, 0.3) } else { colour };
    ui.painter().rect_filled(rect, CornerRadius::same(10), fill.egui());
    theme::label(ui.painter(), rect, Align2::CENTER_CENTER, text, theme::strong(16.0), fill.ink().egui());
    response.on_hover_text(hint).clicked()
}

/// Enter plays, unless it belongs to a field or a card over this one.
fn enter(ui: &Ui) -> bool {
    let free = ui.memory(|memory| memory.focused().is_none() && memory.top_modal_layer().is_none());
    free && ui.input(|input| input.key_pressed(Key::Enter))
}

/// Who you are, settings, and the way out of the game.
fn foot(ui: &mut Ui, settings: &Settings) -> Option<Wish> {
    ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
        let mut wish = who(ui, settings).then_some(Wish::Settings);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if platform::QUITS
                && widgets::labelled_button(ui, Icon::Leave, "Quit", None).on_hover_text("Close the game").clicked()
            {
                wish = Some(Wish::Quit);
            }
            let settings = widgets::labelled_button(ui, Icon::Settings, "Settings", None);
            if settings.on_hover_text("You, sound, look").clicked() {
                wish = Some(Wish::Settings);
            }
        });
        wish
    })
    .inner
}

/// The player's picture and name; returns whether they were clicked.
fn who(ui: &mut Ui, settings: &Settings) -> bool {
    let colour = settings.own_colour();
    let name = ui.painter().layout_no_wrap(settings.name().to_string(), theme::strong(15.0), Color32::PLACEHOLDER);
    let (rect, response) = ui.allocate_exact_size(vec2(name.size().x + 94.0, 46.0), Sense::click());
    let fill = if response.hovered() { theme::HOVERED } else { theme::SURFACE };
    let line = Stroke::new(1.0, theme::LINE.egui());
    ui.painter().rect(rect, CornerRadius::same(14), fill.egui(), line, StrokeKind::Inside);
    let tile = egui::Rect::from_min_size(rect.min + vec2(4.0, 4.0), vec2(38.0, 38.0));
    avatars::paint(ui.painter(), tile, settings.avatar.unwrap_or_default(), colour);
    let ink = theme::lifted(Rgb::from(colour), fill);
    let at = pos2(tile.max.x + 12.0, rect.center().y - name.size().y / 2.0);
    ui.painter().galley(at, name, ink.egui());
    let sign = egui::Rect::from_center_size(pos2(rect.max.x - 20.0, rect.center().y), vec2(13.0, 13.0));
    icons::paint(ui.painter(), sign, Icon::Pencil, theme::TEXT_DIM.egui());
    response.on_hover_text("That is you. Click to change name, colour or picture.").clicked()
}

fn explain(ui: &mut Ui, sentence: &str) {
    let line = egui::Stroke::new(1.0, theme::DANGER.egui());
    panel::card().stroke(line).inner_margin(egui::Margin::symmetric(14, 10)).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new(sentence).font(theme::font(14.0)).color(theme::DANGER.egui()));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_in_fit_every_window_and_leave_room_below() {
        for size in [(900.0, 520.0), (1024.0, 600.0), (1280.0, 720.0), (1920.0, 1080.0), (2560.0, 1440.0)] {
            let size = Vec2::from(size) / Scale::for_window(Vec2::from(size)).0;
            for count in [2, 3] {
                let cards = cards(size, count);
                assert!(cards[0].min.x >= 0.0 && cards[count - 1].max.x <= size.x, "{cards:?} in {size}");
                assert!(cards.windows(2).all(|pair| pair[0].max.x < pair[1].min.x));
                assert!(cards[0].max.y + GAP + 46.0 <= size.y, "{cards:?} in {size}");
            }
        }
    }

    #[test]
    fn a_whole_invitation_fills_both_fields() {
        let whole = read_invitation(" ./play --join 192.168.1.5:9000 able-acid-aged-also-area ").unwrap();
        assert_eq!((whole.address.as_str(), whole.code.as_str()), ("192.168.1.5:9000", "able-acid-aged-also-area"));
        let link = read_invitation("https://jam.example:7373/#able-acid-aged-also-area").unwrap();
        assert_eq!(
            (link.address.as_str(), link.code.as_str()),
            ("https://jam.example:7373", "able-acid-aged-also-area")
        );
        let near = read_invitation("https://192.168.1.5:7373/#able-acid-aged-also-area").unwrap();
        assert_eq!(near.address, "192.168.1.5:7373");
        assert_eq!(read_invitation("192.168.1.5"), None);
        assert_eq!(read_invitation("./play --join 192.168.1.5"), None);
    }

    #[test]
    fn pictures_are_made_of_digits() {
        for line in PADS.iter().chain(&FRIENDS) {
            assert!(line.len() == 5 && line.bytes().all(|digit| digit.is_ascii_digit()));
        }
    }
}
