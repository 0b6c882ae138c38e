//! The card of another player, beside their row: what they are here, and the wish that they leave.
//!
//! It asks twice: whoever is removed is out at once, and their code alone does not bring them back.

use crate::{screen::Screen, theme};
use bevy::prelude::*;
use bevy_egui::egui::{self, Popup, PopupCloseBehavior, RectAlign, Response, RichText, Ui, vec2};
use keyboardia_session::{Command, Player, SeatId, View};

/// Width of the card's content.
const WIDTH: f32 = 208.0;
const BUTTON: f32 = 28.0;

/// Whose card is open, if one is.
#[derive(Resource, Debug, Default)]
pub(super) struct Card {
    of: Option<SeatId>,
    /// Whether the hand has said once that it means it.
    warned: bool,
}

impl Card {
    /// Opens a player's card, or closes it.
    pub(super) fn toggle(&mut self, seat: SeatId) {
        let is_open = self.of == Some(seat);
        *self = Self { of: (!is_open).then_some(seat), warned: false };
    }

    /// Closes the card of a player who has gone: the next in the seat is somebody else.
    pub(super) fn follow(&mut self, view: &View) {
        if self.of.is_some_and(|seat| view.state.player(seat).is_none()) {
            *self = Self::default();
        }
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Card>()
        .add_systems(Update, close.in_set(crate::ClientSet::Travel))
        .add_systems(OnExit(Screen::Jam), |mut card: ResMut<Card>| *card = Card::default());
}

/// Escape closes the card, before anything else that it might do.
fn close(mut keys: ResMut<ButtonInput<KeyCode>>, mut card: ResMut<Card>) {
    if card.of.is_some() && keys.clear_just_pressed(KeyCode::Escape) {
        *card = Card::default();
    }
}

/// What the player can wish of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// The session's creator removes them at once.
    Remove,
    /// Everybody else has a vote.
    Vote,
    /// The vote was given.
    TakeBack,
}

impl Wish {
    fn of(view: &View, seat: SeatId) -> Self {
        if view.state.creator() == Some(view.me) {
            Self::Remove
        } else if view.state.wishes_removal(view.me, seat) {
            Self::TakeBack
        } else {
            Self::Vote
        }
    }
}

/// Shows the card beside the row of its player, if it is open; returns what is asked for.
pub(super) fn show(row: &Response, view: &View, player: &Player, card: &mut Card) -> Option<Command> {
    let mut open = card.of == Some(player.seat);
    if !open {
        return None;
    }
    let frame = crate::panel::card().fill(theme::RAISED.egui()).inner_margin(egui::Margin::same(12));
    let popup = Popup::from_response(row)
        .open_bool(&mut open)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .align(RectAlign::LEFT)
        .align_alternatives(&[RectAlign::LEFT_END, RectAlign::LEFT_START, RectAlign::TOP])
        .frame(frame)
        .gap(14.0);
    let asked = popup.show(|ui| content(ui, view, player, &mut card.warned)).and_then(|shown| shown.inner);
    if !open || asked.is_some() {
        *card = Card::default();
    }
    asked
}

fn content(ui: &mut Ui, view: &View, player: &Player, warned: &mut bool) -> Option<Command> {
    ui.set_width(WIDTH);
    ui.spacing_mut().item_spacing = vec2(6.0, 5.0);
    let wish = Wish::of(view, player.seat);
    ui.add(egui::Label::new(RichText::new(player.name.as_str()).font(theme::strong(14.5))).truncate());
    if view.state.creator() == Some(player.seat) {
        say(ui, "Opened this session.");
    }
    if let Some(count) = count(view, player) {
        say(ui, &count);
    }
    ui.add_space(3.0);
    let command = |remove| Command::SetRemoval { seat: player.seat, remove };
    if wish == Wish::TakeBack {
        return button(ui, WIDTH, "Take back my vote", theme::TEXT).then(|| command(false));
    }
    if !*warned {
        let text = if wish == Wish::Remove { "Remove" } else { "Vote to remove" };
        *warned = button(ui, WIDTH, text, theme::TEXT);
        return None;
    }
    say(ui, &warning(wish, player));
    let mut asked = None;
    ui.horizontal(|ui| {
        let half = (WIDTH - 6.0) / 2.0;
        let text = if wish == Wish::Remove { "Remove" } else { "Vote" };
        if button(ui, half, text, theme::DANGER) {
            asked = Some(command(true));
        }
        *warned = !button(ui, half, "Cancel", theme::TEXT);
    });
    asked
}

fn button(ui: &mut Ui, width: f32, text: &str, colour: theme::Rgb) -> bool {
    let text = RichText::new(text).font(theme::font(13.0)).color(colour.egui());
    let response = ui.add_sized(vec2(width, BUTTON), egui::Button::new(text));
    // A second press by mistake is not the answer to a question that has just come up under the hand.
    response.clicked() && !response.double_clicked()
}

fn say(ui: &mut Ui, text: &str) {
    let text = RichText::new(text).font(theme::font(12.5)).color(theme::TEXT_DIM.egui());
    ui.add(egui::Label::new(text).wrap());
}

/// How many want a player to leave, in words; nothing while nobody does.
fn count(view: &View, player: &Player) -> Option<String> {
    let count = view.state.removal_count(player.seat);
    let needed = count.needed();
    let verb = if count.wishes == 1 { "wants" } else { "want" };
    let enough = if needed == 1 { "is" } else { "are" };
    let text =
        format!("{} of {} {verb} {} to leave; {needed} {enough} needed.", count.wishes, count.asked, player.name);
    (count.wishes > 0).then_some(text)
}

/// What comes of it, before it is done.
fn warning(wish: Wish, player: &Player) -> String {
    let name = &player.name;
    match wish {
        Wish::Remove => format!("{name} is out at once, and the session gets locked. Sure?"),
        Wish::Vote | Wish::TakeBack => {
            format!("Everybody sees your vote. If enough want it, {name} is out, and the session gets locked.")
        }
    }
}
