//! Where the others are, and what they have just changed.
//!
//! A player's pointer or finger is a small arrow with their initial on the pad it is on; it glides from pad to pad. An
//! edit of somebody else is a ring in their colour around what it changed, with their name, and both fade.

use super::{
    layout::{Layout, Target},
    outline, pads,
    pointer::Pointer,
};
use crate::{
    ClientSet,
    labels::LabelSet,
    link::{Link, Now, Told},
    screen::Screen,
    theme::{self, Rgb},
    tiles::{Board, Tile},
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, Align2, Color32, CornerRadius, LayerId, Painter, Shape, Stroke, pos2, vec2},
};
use keyboardia_session::{Address, Cell, SeatId, limits::SEATS_MAX, seat::Notice};
use std::time::Duration;

/// How long an edit is shown, and how long of that it fades.
const LIFE: Duration = Duration::from_millis(1_200);
const FADE: Duration = Duration::from_millis(500);
/// Edits shown at once; the oldest goes first.
const MARKS_MAX: usize = 32;
/// How fast an arrow glides: its remaining way after a second is e to the minus this.
const GLIDE: f32 = 18.0;
/// Width and height of an arrow, and of the chip with the initial beside it.
const ARROW: egui::Vec2 = vec2(9.0, 12.0);
const CHIP: egui::Vec2 = vec2(15.0, 14.0);

/// An edit of somebody else.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mark {
    target: Target,
    by: SeatId,
    since: Duration,
}

#[derive(Resource, Debug, Default)]
struct Marks(Vec<Mark>);

impl Marks {
    /// Notes an edit; another one by the same player at the same place goes on with it.
    fn note(&mut self, target: Target, by: SeatId, now: Duration) {
        self.0.retain(|mark| (mark.target, mark.by) != (target, by) && now.saturating_sub(mark.since) < LIFE);
        if self.0.len() == MARKS_MAX {
            self.0.remove(0);
        }
        self.0.push(Mark { target, by, since: now });
    }

    /// What is to be seen now, and how bright, 0 … 1.
    fn shown(&self, now: Duration) -> impl Iterator<Item = (Mark, f32)> + '_ {
        self.0.iter().filter_map(move |mark| {
            let left = LIFE.checked_sub(now.saturating_sub(mark.since))?;
            Some((*mark, (left.as_secs_f32() / FADE.as_secs_f32()).min(1.0)))
        })
    }
}

/// Where the arrows of the others are, by seat.
#[derive(Resource, Debug, Default)]
struct Arrows([Option<Vec2>; SEATS_MAX]);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Marks>()
        .init_resource::<Arrows>()
        .add_systems(Update, tell.run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw))
        .add_systems(
            Update,
            (note, glide, draw_rings).chain().run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw).after(super::Grid),
        )
        .add_systems(OnExit(Screen::Jam), |mut marks: ResMut<Marks>, mut arrows: ResMut<Arrows>| {
            marks.0.clear();
            *arrows = Arrows::default();
        })
        .add_systems(
            EguiPrimaryContextPass,
            paint.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).after(LabelSet).before(ClientSet::Panels),
        );
}

/// Lets the others see which pad this player's pointer or finger is on.
fn tell(link: Res<Link>, pointer: Res<Pointer>) {
    link.point_at(match pointer.hand_over() {
        Some(Target::Pad(track, scene)) => Some(Cell::new(track, scene)),
        _ => None,
    });
}

fn note(mut told: MessageReader<Told>, time: Res<Time<Real>>, mut marks: ResMut<Marks>) {
    for Told(notice) in told.read() {
        if let Notice::Edited { by, address } = notice {
            marks.note(place(*address), *by, time.elapsed());
        }
    }
}

/// Where an edit is seen.
fn place(address: Address) -> Target {
    match address {
        Address::Clip(cell) | Address::ClipField(cell, _) => Target::Pad(cell.track, cell.scene),
        Address::Track(track) | Address::TrackField(track, _) => Target::Head(track),
        Address::Scene(scene) | Address::SceneField(scene, _) => Target::Scene(scene),
    }
}

fn glide(now: Res<Now>, layout: Res<Layout>, time: Res<Time<Real>>, mut arrows: ResMut<Arrows>) {
    let Some(view) = now.session() else { return };
    let share = 1.0 - (-GLIDE * time.delta_secs()).exp();
    // Several on one pad stand side by side, the first one at the right.
    let mut before: Vec<Cell> = Vec::new();
    for (seat, (arrow, peer)) in (0..).map(SeatId).zip(arrows.0.iter_mut().zip(&view.peers)) {
        let cell = peer.pointer.at.filter(|cell| layout.has(Target::Pad(cell.track, cell.scene)) && seat != view.me);
        let present = view.state.player(seat).is_some_and(|player| player.present);
        let Some(cell) = cell.filter(|_| present) else {
            *arrow = None;
            continue;
        };
        let others = before.iter().filter(|other| **other == cell).count() as f32;
        before.push(cell);
        let pad = layout.pad(cell.track, cell.scene);
        let width = ARROW.x + CHIP.x;
        let goal = Vec2::new((pad.max.x - (width + 2.0) * (others + 1.0)).max(pad.min.x), pad.max.y - CHIP.y - 3.0);
        *arrow = Some(arrow.map_or(goal, |at| at + (goal - at) * share));
    }
}

fn draw_rings(now: Res<Now>, layout: Res<Layout>, time: Res<Time<Real>>, marks: Res<Marks>, mut board: ResMut<Board>) {
    let Some(view) = now.session() else { return };
    for (mark, alpha) in marks.shown(time.elapsed()).filter(|(mark, _)| layout.has(mark.target)) {
        let colour = view.state.player(mark.by).map_or(theme::TEXT, |player| player.colour.into());
        let ring = outline::around(&layout, mark.target, colour, alpha, 2.0);
        board.push(Tile { glow: alpha * 0.8, ..ring });
    }
}

fn paint(
    mut contexts: EguiContexts,
    now: Res<Now>,
    layout: Res<Layout>,
    time: Res<Time<Real>>,
    marks: Res<Marks>,
    arrows: Res<Arrows>,
) -> Result {
    let Some(view) = now.session() else { return Ok(()) };
    let painter = contexts.ctx_mut()?.layer_painter(LayerId::background());
    for (mark, alpha) in marks.shown(time.elapsed()).filter(|(mark, _)| layout.has(mark.target)) {
        if let Some(player) = view.state.player(mark.by) {
            name(&painter, &layout, mark.target, player.name.as_str(), player.colour.into(), alpha);
        }
    }
    if let Some(player) = now.player() {
        for (seat, cell) in pads::recorders(player, view).filter(|(seat, _)| *seat != view.me) {
            let target = Target::Pad(cell.track, cell.scene);
            if let Some(player) = view.state.player(seat).filter(|_| layout.has(target)) {
                let text = format!("{} records", player.name);
                name(&painter, &layout, target, &text, theme::DANGER, 1.0);
            }
        }
    }
    for (seat, at) in (0..).map(SeatId).zip(arrows.0) {
        if let (Some(player), Some(at)) = (view.state.player(seat), at) {
            arrow(&painter, at, player.name.as_str(), player.colour.into());
        }
    }
    Ok(())
}

/// The name of a player on the upper edge of what they changed, inside the window.
fn name(painter: &Painter, layout: &Layout, target: Target, name: &str, colour: Rgb, alpha: f32) {
    let fade = |colour: Rgb| colour.egui().gamma_multiply(alpha);
    let colour = theme::legible(colour);
    let galley = painter.layout_no_wrap(name.into(), theme::strong(11.0), fade(colour.ink()));
    let rect = layout.rect(target);
    let size = galley.size() + vec2(10.0, 3.0);
    let left = rect.min.x.min(layout.size.x - size.x - 4.0);
    let chip = egui::Rect::from_min_size(pos2(left, rect.min.y - size.y / 2.0 - 1.0), size);
    painter.rect_filled(chip, CornerRadius::same(5), fade(colour));
    painter.galley(chip.min + vec2(5.0, 1.5), galley, Color32::PLACEHOLDER);
}

/// A player's arrow and initial.
fn arrow(painter: &Painter, at: Vec2, name: &str, colour: Rgb) {
    let tip = pos2(at.x, at.y);
    let colour = theme::legible(colour);
    let edge = Stroke::new(1.0, theme::INK.egui());
    let points = vec![tip, tip + vec2(ARROW.x, ARROW.y * 0.62), tip + vec2(ARROW.x * 0.42, ARROW.y)];
    painter.add(Shape::convex_polygon(points, colour.egui(), edge));
    let chip = egui::Rect::from_min_size(tip + vec2(ARROW.x - 1.0, ARROW.y - CHIP.y + 2.0), CHIP);
    painter.rect(chip, CornerRadius::same(5), colour.egui(), edge, egui::StrokeKind::Outside);
    let initial: String = name.chars().take(1).flat_map(char::to_uppercase).collect();
    theme::label(painter, chip, Align2::CENTER_CENTER, &initial, theme::strong(10.5), colour.ink().egui());
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{SceneId, TrackId};

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn an_edit_is_seen_for_a_moment_and_fades() {
        let mut marks = Marks::default();
        marks.note(Target::Head(TrackId(1)), SeatId(2), ms(100));
        let bright = |at| marks.shown(ms(at)).map(|(_, alpha)| alpha).collect::<Vec<_>>();
        assert_eq!(bright(200), [1.0]);
        assert!((bright(1_050)[0] - 0.5).abs() < 1e-3);
        assert_eq!(bright(1_400), [0.0; 0]);
    }

    #[test]
    fn a_drag_of_a_fader_is_one_mark_and_many_edits_are_bounded() {
        let mut marks = Marks::default();
        for step in 0..100 {
            marks.note(Target::Head(TrackId(1)), SeatId(2), ms(step * 10));
        }
        assert_eq!(marks.0.len(), 1);
        for scene in 0..100 {
            marks.note(Target::Scene(SceneId(scene)), SeatId(2), ms(1_000));
        }
        assert_eq!(marks.0.len(), MARKS_MAX);
    }
}
