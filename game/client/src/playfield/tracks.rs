//! Heads and stop buttons of the columns.

use super::{
    blink,
    layout::{Layout, Target},
    pads::NARROW,
    pointer::Pointer,
};
use crate::{
    ClientSet,
    labels::{Label, Labels},
    link::Now,
    screen::Screen,
    theme::{self, Rgb},
    tiles::{Board, Glyph, Sign, Tile},
};
use bevy::prelude::*;
use bevy_egui::egui::Align2;
use keyboardia_session::{Action, Beats, Command, Track, TrackId, View};

/// Letters of a short name.
const SHORT_CHARS: usize = 6;

/// What a stop button would do, or is about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Nothing plays.
    Silent,
    /// Something plays or waits that it would stop.
    Ready,
    /// The stop is asked for, but not answered.
    Pending,
    /// The stop waits for its beat.
    Queued,
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(
        Update,
        (draw_heads, draw_stops).run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw).in_set(super::Grid),
    );
}

fn draw_heads(
    now: Res<Now>,
    layout: Res<Layout>,
    pointer: Res<Pointer>,
    mut board: ResMut<Board>,
    mut labels: ResMut<Labels>,
) {
    let Some(view) = now.session() else { return };
    let beat = view.beat();
    for (index, track) in layout.tracks().filter_map(|id| Some((id, view.state.track(id)?))) {
        let head = layout.head(index);
        let audible = view.state.is_audible(index);
        let sounding = audible && view.is_playing() && track.is_sounding_at(beat);
        let colour = Rgb::from(track.colour).mix(theme::SURFACE, if audible { 0.0 } else { 0.6 });
        if pointer.over == Some(Target::Head(index)) {
            let face = Tile::new(Rect { max: head.max - Vec2::new(0.0, 5.0), ..head }, theme::HOVERED);
            board.push(Tile { radius: 6.0, fill_alpha: 0.8, ..face });
        }
        let bar = Rect::new(head.min.x, head.max.y - 3.0, head.max.x, head.max.y);
        let glow = if sounding { 0.2 + 0.6 * now.pulse() } else { 0.0 };
        board.push(Tile { radius: 1.5, glow, ..Tile::new(bar, colour) });
        let narrow = head.width() < NARROW;
        let inset = if narrow { 1.0 } else { 4.0 };
        labels.push(Label {
            rect: Rect::new(head.min.x + inset, head.min.y, head.max.x - inset, head.max.y - 6.0),
            align: Align2::LEFT_CENTER,
            text: if narrow { short(track.name.as_str()) } else { track.name.to_string() },
            size: if narrow { 10.5 } else { 13.5 },
            strong: true,
            colour: if audible { theme::TEXT } else { theme::TEXT_DIM },
        });
    }
}

/// What is left of a name where there is room for six letters: the first letter of each word, and its number.
fn short(name: &str) -> String {
    if name.chars().count() <= SHORT_CHARS {
        return name.into();
    }
    let words: Vec<&str> = name.split_whitespace().collect();
    match &words[..] {
        [word] => word.chars().take(SHORT_CHARS - 1).collect(),
        words => {
            let part = |word: &&str| match word.parse::<u32>() {
                Ok(number) => format!(" {number}"),
                Err(_) => word.chars().take(1).collect(),
            };
            words.iter().map(part).collect::<String>().trim().chars().take(SHORT_CHARS).collect()
        }
    }
}

fn draw_stops(
    now: Res<Now>,
    layout: Res<Layout>,
    pointer: Res<Pointer>,
    mut board: ResMut<Board>,
    mut labels: ResMut<Labels>,
) {
    let Some(view) = now.session() else { return };
    let beat = view.beat();
    let states: Vec<Stop> = view.state.tracks().iter().map(|track| stop(view, beat, track.id, track)).collect();
    for (track, state) in view.state.tracks().iter().zip(&states) {
        let target = Target::Stop(track.id);
        if layout.has(target) {
            board.push(button(&layout, &pointer, target, *state, blink(&now)));
        }
    }
    let all = states.iter().copied().max_by_key(|state| *state as u8).unwrap_or(Stop::Silent);
    let everywhere = if states.contains(&Stop::Ready) { Stop::Ready } else { all };
    let tile = button(&layout, &pointer, Target::StopAll, everywhere, blink(&now));
    let sign = tile.sign.map(|sign| Sign { from_left: 18.0, ..sign });
    board.push(Tile { sign, ..tile });
    labels.push(Label {
        rect: Rect::new(tile.rect.min.x + 34.0, tile.rect.min.y, tile.rect.max.x - 6.0, tile.rect.max.y),
        align: Align2::LEFT_CENTER,
        text: "Stop all".into(),
        size: 13.0,
        strong: false,
        colour: if everywhere == Stop::Silent { theme::TEXT_DIM } else { theme::TEXT },
    });
}

fn stop(view: &View, beat: Beats, index: TrackId, track: &Track) -> Stop {
    let is_stop = |command: &Command| {
        matches!(command, Command::StopTrack { track } if *track == index) || *command == Command::StopAll
    };
    let queued = track.queued_at(beat);
    let busy = queued.is_some() || track.is_sounding_at(beat);
    if busy && view.pending.iter().any(|pending| is_stop(&pending.command)) {
        Stop::Pending
    } else if queued.is_some_and(|queued| queued.action == Action::Stop) {
        Stop::Queued
    } else if busy {
        Stop::Ready
    } else {
        Stop::Silent
    }
}

fn button(layout: &Layout, pointer: &Pointer, target: Target, state: Stop, blink: f32) -> Tile {
    let hovered = pointer.over == Some(target);
    let rect = layout.rect(target).inflate(if pointer.held == Some(target) { -1.5 } else { 0.0 });
    let fill = if hovered {
        theme::HOVERED
    } else {
        theme::RAISED.mix(theme::SURFACE, if state == Stop::Silent { 0.7 } else { 0.0 })
    };
    let ink = if state == Stop::Silent && !hovered { theme::TEXT_DIM.mix(theme::SURFACE, 0.5) } else { theme::TEXT };
    let tile = Tile::new(rect, fill).rimmed(theme::LINE, 0.8, 1.0).signed(Glyph::Stop, 6.5, ink);
    match state {
        Stop::Silent | Stop::Ready => tile,
        Stop::Pending => Tile { dashed: true, ..tile.rimmed(theme::TEXT, 0.8, 1.5) },
        Stop::Queued => {
            let sign = tile.sign.map(|sign| Sign { alpha: blink, ..sign });
            Tile { sign, ..tile.rimmed(theme::TEXT, blink, 2.5) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_deliberately_where_there_is_no_room() {
        let names = ["Drums", "Chords", "Track 12", "Percussion", "Ada's Lead Two", "Bass 2 Copy"];
        assert_eq!(names.map(short), ["Drums", "Chords", "T 12", "Percu", "ALT", "B 2C"]);
    }
}
