//! The launch buttons of the rows, and the way to the next launch under them.

use super::{
    blink,
    layout::{Layout, Target},
    pointer::Pointer,
};
use crate::{
    ClientSet,
    labels::{Label, Labels},
    link::Now,
    screen::Screen,
    theme::{self, Rgb},
    tiles::{Board, Glyph, Sign, Tile},
    wishes,
};
use bevy::prelude::*;
use bevy_egui::egui::Align2;
use keyboardia_session::{Action, Beats, Command, SceneId, View, time::Span};

/// How much of a row's own colour is in the face of its button.
const OWN_SHARE: f32 = 0.22;

/// What a row is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Idle,
    Pending,
    Queued,
    Playing,
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(
        Update,
        (draw, draw_next_launch).run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw).in_set(super::Grid),
    );
}

fn draw(
    now: Res<Now>,
    layout: Res<Layout>,
    pointer: Res<Pointer>,
    mut board: ResMut<Board>,
    mut labels: ResMut<Labels>,
) {
    let Some(view) = now.session() else { return };
    let head = layout.scenes_head();
    labels.push(Label {
        rect: Rect { max: head.max - Vec2::new(0.0, 6.0), ..head },
        align: Align2::LEFT_BOTTOM,
        text: "Scenes".into(),
        size: 12.0,
        strong: true,
        colour: theme::TEXT_DIM,
    });
    for keyboardia_session::Scene { id: scene, name, colour } in layout.scenes().filter_map(|id| view.state.scene(id)) {
        let (scene, own) = (*scene, colour.map(Rgb::from));
        let target = Target::Scene(scene);
        let hovered = pointer.over == Some(target);
        let rect = layout.rect(target).inflate(if pointer.held == Some(target) { -1.5 } else { 0.0 });
        let row = row(view, scene);
        let has_clips = view.state.tracks().iter().any(|track| track.clip(scene).is_some());
        let (mark, alpha) = match row {
            Row::Playing => (theme::ACCENT, 1.0),
            Row::Queued => (theme::ACCENT, blink(&now)),
            _ if has_clips || hovered => (own.unwrap_or(theme::TEXT), 0.85),
            _ => (theme::TEXT_DIM, 0.4),
        };
        let ground =
            if hovered { theme::HOVERED } else { theme::RAISED.mix(theme::SURFACE, if has_clips { 0.0 } else { 0.8 }) };
        let fill = own.map_or(ground, |own| ground.mix(own, OWN_SHARE));
        let plain = own.map_or(theme::LINE, |own| theme::LINE.mix(own, 0.6));
        let rim = if matches!(row, Row::Playing | Row::Queued) { theme::ACCENT } else { plain };
        let width = if row == Row::Queued { 2.5 } else { 1.0 };
        let tile = Tile::new(rect, fill).rimmed(rim, if row == Row::Queued { alpha } else { 0.8 }, width);
        let tile = if row == Row::Pending { Tile { dashed: true, ..tile.rimmed(theme::TEXT, 0.8, 1.5) } } else { tile };
        let glow = if row == Row::Playing { 0.15 + 0.25 * now.pulse() } else { 0.0 };
        let sign = Sign { glyph: Glyph::Play, radius: 7.0, from_left: 18.0, alpha };
        board.push(Tile { glow, ink: mark, sign: Some(sign), ..tile });
        labels.push(Label {
            rect: Rect::new(rect.min.x + 34.0, rect.min.y, rect.max.x - 6.0, rect.max.y),
            align: Align2::LEFT_CENTER,
            text: name.to_string(),
            size: 13.0,
            strong: row == Row::Playing,
            colour: theme::lifted(if has_clips { theme::TEXT } else { theme::TEXT_DIM }, fill),
        });
    }
}

/// What a row is doing: it plays when every clip of it plays, and is queued when the rest of them are.
fn row(view: &View, scene: SceneId) -> Row {
    if view.pending.iter().any(|pending| pending.command == Command::LaunchScene { scene }) {
        return Row::Pending;
    }
    let beat = view.beat();
    let filled = || view.state.tracks().iter().filter(|track| track.clip(scene).is_some());
    let plays =
        |track: &&keyboardia_session::Track| track.playing_at(beat).is_some_and(|playing| playing.scene == scene);
    let waits = |track: &&keyboardia_session::Track| {
        track.queued_at(beat).is_some_and(|queued| queued.action == Action::Launch(scene))
    };
    if filled().count() > 0 && filled().all(|track| plays(&track)) {
        Row::Playing
    } else if filled().any(|track| waits(&track)) && filled().all(|track| waits(&track) || plays(&track)) {
        Row::Queued
    } else {
        Row::Idle
    }
}

/// A bar that fills until the next boundary at which a launch would take effect.
fn draw_next_launch(now: Res<Now>, layout: Res<Layout>, mut board: ResMut<Board>, mut labels: ResMut<Labels>) {
    let Some(view) = now.session().filter(|_| layout.has_mixer) else { return };
    let corner = layout.corner();
    let line =
        |top: f32, height: f32| Rect::new(corner.min.x, corner.min.y + top, corner.max.x, corner.min.y + top + height);
    let quantise = wishes::quantise(view);
    let mut write = |rect, text: String, size, strong, colour: Rgb| {
        labels.push(Label { rect, align: Align2::LEFT_TOP, text, size, strong, colour });
    };
    write(line(4.0, 16.0), "Next launch".into(), 12.0, true, theme::TEXT_DIM);
    let span = quantise.span();
    let beat = view.beat();
    let (text, filled) = match (view.is_playing(), span) {
        (false, _) => ("on the first press".into(), 0.0),
        (true, Span::Now) => ("at once".into(), 1.0),
        (true, span) => {
            let meters = view.state.meters();
            let grid = match span {
                Span::Bars(bars) => Beats(meters.at(beat).signature.bar().0 * bars),
                Span::Beats(grid) => grid,
                Span::Now => Beats::ZERO,
            };
            let left = meters.next_boundary(beat + Beats(1), quantise) - beat;
            (
                format!("in {:.0} beats", left.as_f64().ceil()).replace("in 1 beats", "in 1 beat"),
                (1.0 - left.as_f64() / grid.as_f64()).max(0.0),
            )
        }
    };
    write(line(21.0, 18.0), text, 13.0, false, theme::TEXT);
    let rail = line(44.0, 8.0);
    board.push(Tile { radius: 4.0, ..Tile::new(rail, theme::RAISED) });
    let width = (rail.width() * filled as f32).max(8.0);
    if view.is_playing() {
        let fill = Rect { max: Vec2::new(rail.min.x + width, rail.max.y), ..rail };
        board.push(Tile { radius: 4.0, ..Tile::new(fill, theme::ACCENT) });
    }
}
