//! What a player should be told, as sentences that come and go, and one that stays while the connection is lost.

use crate::{
    ClientSet, avatars,
    link::{Now, Told},
    panel,
    playfield::layout::Layout,
    screen::Screen,
    theme::{self, Rgb},
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, Order, RichText, Sense},
};
use keyboardia_player::Connection;
use keyboardia_session::{Avatar, Colour, Player, SeatId, View, seat::Notice};
use std::{collections::BTreeMap, time::Duration};

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
) {
    toasts.expire(time.elapsed());
    let Some(view) = now.session() else { return };
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
        Notice::ClockSet(by) => {
            let seconds = *by as f64 / 1e6;
            let text = format!("The host's clock was set by {seconds:+.1} s; you are in time again.").replace('-', "−");
            (text, theme::WARNING)
        }
    }
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    toasts: Res<Toasts>,
    layout: Res<Layout>,
    screen: Res<State<Screen>>,
) -> Result {
    let context = contexts.ctx_mut()?;
    let foot = if *screen.get() == Screen::Title { TITLE_FOOT } else { 0.0 };
    let mut bottom = layout.side.max.y - foot;
    if let Some(Connection::Reconnecting(why)) = now.player().map(|player| &player.connection) {
        let text = format!("{why} Reconnecting; the music goes on.");
        bottom -= note(context, &layout, "reconnecting", bottom, &text, theme::WARNING, Mark::Lasting);
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
}
