//! What a player should be told, as sentences that come and go; those stay that tell of a lost connection and, in a small
//! window, of silence.

use crate::{
    ClientSet, avatars,
    link::{Now, Told},
    panel,
    playfield::layout::Layout,
    pocket::Pocket,
    screen::Screen,
    theme::{self, Rgb},
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, Order, RichText, Sense},
};
use keyboardia_player::{Bringing, BringingStage, Connection, Hearing};
use keyboardia_session::{Avatar, Colour, Player, SeatId, SoundId, Table, View, seat::Notice};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long a sentence stays.
const LIFE: Duration = Duration::from_millis(4_500);
/// Sentences at once; the oldest goes first.
const SHOWN_MAX: usize = 4;

/// Height at the title's foot that sentences leave free, for its buttons.
const TITLE_FOOT: f32 = 56.0;

#[derive(Debug, Clone, PartialEq)]
struct Toast {
    text: String,
    colour: Rgb,
    /// Of whom it tells.
    player: Option<(Avatar, Colour)>,
    since: Duration,
}

/// The sentences that are shown.
#[derive(Resource, Debug, Default)]
pub(crate) struct Toasts(Vec<Toast>);

impl Toasts {
    /// Shows a sentence; one that is there already stays longer.
    pub(crate) fn say(&mut self, now: Duration, text: String, colour: Rgb) {
        self.push(Toast { text, colour, player: None, since: now });
    }

    /// Whether nothing is being said.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, toast: Toast) {
        self.0.retain(|shown| shown.text != toast.text);
        self.0.push(toast);
        let surplus = self.0.len().saturating_sub(SHOWN_MAX);
        self.0.drain(..surplus);
    }

    fn expire(&mut self, now: Duration) {
        self.0.retain(|toast| now.saturating_sub(toast.since) < LIFE);
    }
}

/// The players, kept for those who have just gone.
#[derive(Resource, Debug, Default)]
struct Names(BTreeMap<SeatId, Player>);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Toasts>()
        .init_resource::<Names>()
        .add_systems(Update, hear.in_set(ClientSet::Act))
        .add_systems(OnExit(Screen::Jam), |mut toasts: ResMut<Toasts>| toasts.0.clear())
        .add_systems(EguiPrimaryContextPass, show.run_if(theme::is_dressed).after(ClientSet::Panels));
}

/// Turns notices into sentences.
fn hear(
    now: Res<Now>,
    mut told: MessageReader<Told>,
    time: Res<Time<Real>>,
    mut names: ResMut<Names>,
    mut toasts: ResMut<Toasts>,
    mut damaged: Local<BTreeSet<SoundId>>,
    mut last: Local<u32>,
) {
    toasts.expire(time.elapsed());
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return };
    if let Some(text) = damage(&mut damaged, &player.damaged) {
        toasts.say(time.elapsed(), text, theme::WARNING);
    }
    for text in news(&mut last, &player.sentences) {
        toasts.say(time.elapsed(), text.to_owned(), theme::WARNING);
    }
    for player in view.state.players() {
        names.0.entry(player.seat).insert_entry(player.clone());
    }
    for Told(notice) in told.read() {
        // Edits are shown where they happen.
        if matches!(notice, Notice::Edited { .. }) {
            continue;
        }
        let (text, colour) = sentence(notice, view, &names.0);
        let player = who(notice).and_then(|seat| names.0.get(&seat)).map(|known| (known.avatar, known.colour));
        toasts.push(Toast { text, colour, player, since: time.elapsed() });
    }
}

/// What is to be said of sounds that cannot be played, once of each; `known` are those of which it was.
fn damage(known: &mut BTreeSet<SoundId>, damaged: &Table<SoundId, String>) -> Option<String> {
    known.retain(|sound| damaged.contains_key(sound));
    let news: Vec<&String> =
        damaged.iter().filter(|(sound, _)| known.insert((*sound).clone())).map(|(_, why)| why).collect();
    match news[..] {
        [] => None,
        [why] => Some(sentence_of(why)),
        _ => Some(format!("{} sounds cannot be played.", news.len())),
    }
}

/// Those of a player's sentences that have not been said; another player counts anew.
fn news<'a>(last: &mut u32, sentences: &'a [(u32, String)]) -> impl Iterator<Item = &'a str> {
    let newest = sentences.last().map_or(0, |(number, _)| *number);
    let said = if newest < *last { 0 } else { *last };
    *last = newest;
    sentences.iter().filter(move |(number, _)| *number > said).map(|(_, text)| text.as_str())
}

/// A sound on its way to the session, as a sentence.
fn progress(sound: &Bringing) -> String {
    let name = &sound.name;
    match &sound.stage {
        BringingStage::Making => format!("“{name}” is being prepared."),
        BringingStage::Sending { sent, total } => {
            let share = 100.0 * f64::from(*sent) / f64::from((*total).max(1));
            format!("“{name}” is on its way to the others: {share:.0} %.")
        }
        BringingStage::Waiting(why) => format!("{why} “{name}” is sent again in a moment."),
    }
}

/// A reason that may be part of a sentence, as a whole one.
fn sentence_of(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

/// Whose coming, going or wish a notice tells of.
fn who(notice: &Notice) -> Option<SeatId> {
    match notice {
        Notice::Joined(seat)
        | Notice::Lost(seat)
        | Notice::Gone(seat)
        | Notice::Removed(seat)
        | Notice::Locked { by: seat, .. }
        | Notice::Wished { by: seat, .. } => Some(*seat),
        Notice::Refused(_) | Notice::Malformed(_) | Notice::Edited { .. } | Notice::ClockSet(_) => None,
    }
}

fn sentence(notice: &Notice, view: &View, names: &BTreeMap<SeatId, Player>) -> (String, Rgb) {
    let name = |seat: &SeatId| names.get(seat).map_or("A player", |player| player.name.as_str());
    let subject = |seat: &SeatId| if *seat == view.me { "You" } else { name(seat) };
    let colour = |seat: &SeatId| view.state.player(*seat).map_or(theme::TEXT_DIM, |player| player.colour.into());
    match notice {
        Notice::Refused(refusal) => (refusal.to_string(), theme::WARNING),
        Notice::Malformed(malformed) => (format!("A message was not understood: {malformed}."), theme::WARNING),
        Notice::Joined(seat) if *seat == view.me => (format!("You are {}.", name(seat)), colour(seat)),
        Notice::Joined(seat) => (format!("{} joined.", name(seat)), colour(seat)),
        Notice::Lost(seat) => (format!("{} lost the connection.", name(seat)), colour(seat)),
        Notice::Edited { by, .. } => (format!("{} edited.", name(by)), colour(by)),
        Notice::Gone(seat) => (format!("{} left.", name(seat)), colour(seat)),
        Notice::Removed(seat) => {
            (format!("{} was removed. The session is locked until it is opened again.", name(seat)), theme::WARNING)
        }
        Notice::Locked { by, locked } => {
            let done = if *locked { "locked" } else { "opened" };
            (format!("{} {done} the session.", subject(by)), colour(by))
        }
        Notice::Wished { by, of, remove } => {
            let (who, is_me) = (subject(by), *by == view.me);
            let whom = if *of == view.me { "you" } else { name(of) };
            let verb = match (remove, is_me) {
                (true, true) => "want",
                (true, false) => "wants",
                (false, true) => "no longer want",
                (false, false) => "no longer wants",
            };
            (format!("{who} {verb} {whom} to leave."), if *remove { theme::WARNING } else { colour(by) })
        }
        Notice::ClockSet(by) => (clocks_apart(*by), theme::WARNING),
    }
}

/// Whether the host's clock was set or this machine slept, nobody here knows.
fn clocks_apart(behind_us: i64) -> String {
    let way = if behind_us < 0 { "ahead of" } else { "behind" };
    format!("Your clock was {:.1} s {way} the host's; you are in time again.", behind_us.unsigned_abs() as f64 / 1e6)
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    toasts: Res<Toasts>,
    layout: Res<Layout>,
    screen: Res<State<Screen>>,
    pocket: Res<Pocket>,
) -> Result {
    let context = contexts.ctx_mut()?;
    let foot = if *screen.get() == Screen::Title { TITLE_FOOT } else { 0.0 };
    let mut bottom = layout.side.max.y - foot;
    if let Some(Connection::Reconnecting(why)) = now.player().map(|player| &player.connection) {
        let text = format!("{why} Reconnecting; the music goes on.");
        bottom -= note(context, &layout, "reconnecting", bottom, &text, theme::WARNING, Mark::Lasting);
    }
    // Elsewhere the panel of the players says so.
    let is_unsaid = pocket.is_small && !pocket.players;
    if let Some(Hearing::Silent(why)) = now.player().map(|player| &player.hearing).filter(|_| is_unsaid) {
        bottom -= note(context, &layout, "silent", bottom, why, theme::WARNING, Mark::Lasting);
    }
    for sound in now.player().iter().flat_map(|player| &player.bringing) {
        let text = progress(sound);
        bottom -= note(context, &layout, ("bringing", sound.number), bottom, &text, theme::TEXT_DIM, Mark::Lasting);
    }
    for (index, toast) in toasts.0.iter().enumerate().rev() {
        let mark = toast.player.map_or(Mark::Dot, |(avatar, colour)| Mark::Player(avatar, colour));
        bottom -= note(context, &layout, ("toast", index), bottom, &toast.text, toast.colour, mark);
    }
    Ok(())
}

/// What stands before a sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mark {
    Dot,
    Player(Avatar, Colour),
    /// A ring that turns: the sentence stays as long as it is true.
    Lasting,
}

/// Shows a sentence at the foot of the panel at the right, above `bottom`; returns how much height it took.
fn note(
    context: &egui::Context,
    layout: &Layout,
    id: impl std::hash::Hash + std::fmt::Debug,
    bottom: f32,
    text: &str,
    colour: Rgb,
    mark: Mark,
) -> f32 {
    let area = egui::Area::new(egui::Id::new(id))
        .order(Order::Foreground)
        .interactable(false)
        .fade_in(false)
        .pivot(Align2::LEFT_BOTTOM)
        .fixed_pos(egui::pos2(layout.side.min.x, bottom));
    let line = egui::Stroke::new(1.0, if mark == Mark::Lasting { colour } else { theme::LINE }.egui());
    let shown = area.show(context, |ui| {
        let frame = panel::card().inner_margin(egui::Margin::symmetric(12, 9)).fill(theme::RAISED.egui()).stroke(line);
        let card = frame.show(ui, |ui| {
            ui.set_width(layout.side.width() - 26.0);
            ui.horizontal(|ui| {
                match mark {
                    Mark::Lasting => {
                        ui.add(egui::Spinner::new().size(14.0).color(colour.egui()));
                    }
                    Mark::Player(avatar, colour) => {
                        let (place, _) = ui.allocate_exact_size(egui::vec2(24.0, 24.0), Sense::hover());
                        avatars::paint(ui.painter(), place, avatar, colour);
                    }
                    Mark::Dot => {
                        let (place, _) = ui.allocate_exact_size(egui::vec2(8.0, 16.0), Sense::hover());
                        ui.painter().circle_filled(place.center(), 4.0, colour.egui());
                    }
                }
                ui.add(egui::Label::new(RichText::new(text).font(theme::font(13.0))).wrap());
            });
        });
        card.response.rect.height()
    });
    shown.inner + 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_came_apart_are_told_without_saying_whose_fault_it_was() {
        assert_eq!(clocks_apart(7_345_678), "Your clock was 7.3 s behind the host's; you are in time again.");
        assert_eq!(clocks_apart(-60_000_000), "Your clock was 60.0 s ahead of the host's; you are in time again.");
    }

    #[test]
    fn sentences_are_few_and_do_not_repeat_themselves() {
        let mut toasts = Toasts::default();
        for second in 0..10 {
            toasts.say(Duration::from_secs(second), format!("Sentence {}.", second % 6), theme::TEXT);
        }
        assert_eq!(toasts.0.len(), SHOWN_MAX);
        toasts.say(Duration::from_secs(10), "Sentence 3.".into(), theme::TEXT);
        assert_eq!(toasts.0.iter().filter(|toast| toast.text == "Sentence 3.").count(), 1);
        toasts.expire(Duration::from_mins(1));
        assert!(toasts.0.is_empty());
    }

    #[test]
    fn a_player_s_sentences_are_said_once_each() {
        let sentence = |number: u32| (number, format!("Sentence {number}."));
        let mut last = 0;
        let mut said = |sentences: &[(u32, String)]| news(&mut last, sentences).count();
        assert_eq!(said(&[]), 0);
        assert_eq!(said(&[sentence(1), sentence(2)]), 2);
        assert_eq!(said(&[sentence(1), sentence(2)]), 0);
        assert_eq!(said(&[sentence(2), sentence(3)]), 1);
        assert_eq!(said(&[sentence(1)]), 1, "another player");
    }

    #[test]
    fn a_sound_on_its_way_is_a_sentence() {
        let cell = keyboardia_session::Cell::new(keyboardia_session::TrackId(0), keyboardia_session::SceneId(0));
        let of =
            |stage| progress(&Bringing { number: 1, name: keyboardia_session::Name::sanitised("Kick"), cell, stage });
        assert_eq!(of(BringingStage::Sending { sent: 1, total: 3 }), "“Kick” is on its way to the others: 33 %.");
        assert_eq!(of(BringingStage::Sending { sent: 0, total: 0 }), "“Kick” is on its way to the others: 0 %.");
        let waiting = of(BringingStage::Waiting("The host cannot be reached just now.".into()));
        assert_eq!(waiting, "The host cannot be reached just now. “Kick” is sent again in a moment.");
    }

    #[test]
    fn a_sound_that_cannot_be_played_is_told_of_once() {
        let sound = |id: &str| SoundId::parse(id).unwrap();
        let (mut known, mut damaged) = (BTreeSet::new(), Table::new());
        assert_eq!(damage(&mut known, &damaged), None);
        damaged.insert(sound("kick"), "the file is damaged".to_owned());
        assert_eq!(damage(&mut known, &damaged).as_deref(), Some("The file is damaged."));
        assert_eq!(damage(&mut known, &damaged), None);
        for id in ["clap", "hat"] {
            damaged.insert(sound(id), "It is not there.".to_owned());
        }
        assert_eq!(damage(&mut known, &damaged).as_deref(), Some("2 sounds cannot be played."));
        damaged.clear();
        assert_eq!(damage(&mut known, &damaged), None);
        damaged.insert(sound("kick"), "It is not there.".to_owned());
        assert_eq!(damage(&mut known, &damaged).as_deref(), Some("It is not there."));
    }
}
