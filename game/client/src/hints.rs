//! Three hints for somebody's first minute, each in its moment and once: press a pad, press another, there is more.
//!
//! A hint lies in a calm spot: where, measured in this very frame, nothing else is drawn; and it goes when what it says is
//! done, or when it is clicked away. What has been seen is kept in [`HintsSeen`], with the settings.

use crate::{
    ClientSet,
    deed::{Deed, Hand},
    link::Now,
    motion::Motion,
    playfield::layout::{Layout, Target},
    screen::Screen,
    settings::Settings,
    theme,
    tiles::{Board, Tile},
};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, LayerId, Order, Sense, pos2, vec2},
};
use keyboardia_session::{Action, View};
use serde::{Deserialize, Serialize};

/// Width of a hint, and the least free space around it, design units.
const WIDTH: f32 = 184.0;
const AIR: f32 = 5.0;
/// Distance between two places that are tried.
const STEP: f32 = 6.0;
/// Frames between two searches for a calm spot, and between two looks whether it still is one.
const SEARCH_FRAMES: u32 = 20;
const LOOK_FRAMES: u32 = 4;
/// Rounds of light a minute around the pad that a hint means.
const BREATHS_PER_S: f32 = 0.6;

/// One of the hints, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    Press,
    Together,
    More,
}

impl Hint {
    /// What it says to somebody who plays with this hand.
    fn text(self, hand: Hand) -> &'static str {
        match (self, hand) {
            (Self::Press, _) => "Press a pad: it starts on the next bar.",
            (Self::Together, _) => "Press another one: they stay together.",
            (Self::More, Hand::Mouse) => "Right-click a pad for more. The key ? shows all keys.",
            (Self::More, Hand::Finger) => "Touch a pad and stay for a moment: lift for more, drag to move it.",
            (Self::More, Hand::Keys) => "Shift F10 shows what can be done with a pad, ? what each key does.",
        }
    }
}

/// The hints that have been seen, once and for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct HintsSeen {
    /// That a pad can be pressed.
    pub(crate) press: bool,
    /// That clips stay together.
    pub(crate) together: bool,
    /// That there are menus and keys.
    pub(crate) more: bool,
}

impl HintsSeen {
    /// The hint that is due when this player has so many tracks sounding or waiting.
    fn due(self, mine: usize) -> Option<Hint> {
        match self {
            Self { press: false, .. } => Some(Hint::Press),
            Self { together: false, .. } => Some(Hint::Together).filter(|_| mine > 0),
            Self { more: false, .. } => Some(Hint::More),
            _ => None,
        }
    }

    fn see(&mut self, hint: Hint) {
        match hint {
            Hint::Press => self.press = true,
            Hint::Together => self.together = true,
            Hint::More => self.more = true,
        }
    }
}

/// The hint that is shown.
#[derive(Resource, Debug, Default)]
struct Shown {
    hint: Option<Hint>,
    /// The hand that it is said to.
    hand: Hand,
    /// The pad that it means.
    pad: Option<Target>,
    /// Where it lies.
    spot: Option<egui::Rect>,
    /// Its height, measured when it came.
    height: f32,
    /// Frames until the window is looked at again, for looking takes a while.
    patience: u32,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Shown>()
        .add_systems(Update, choose.run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_systems(Update, point_at.run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw))
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).after(ClientSet::Panels),
        );
}

fn choose(
    mut deeds: MessageReader<Deed>,
    now: Res<Now>,
    hand: Res<Hand>,
    layout: Res<Layout>,
    mut settings: ResMut<Settings>,
    mut shown: ResMut<Shown>,
) {
    let Some(view) = now.session() else { return };
    let busy = mine(view);
    let mut done = settings.hints_seen;
    for deed in deeds.read() {
        if matches!(deed, Deed::Menu(..)) {
            done.see(Hint::More);
        }
    }
    if busy > 0 {
        done.see(Hint::Press);
    }
    if busy > 1 {
        done.see(Hint::Together);
    }
    if done != settings.hints_seen {
        settings.hints_seen = done;
    }
    let hint = done.due(busy);
    if (shown.hint, shown.hand) != (hint, *hand) {
        *shown = Shown { hint, hand: *hand, ..Shown::default() };
    }
    shown.pad = match hint {
        Some(Hint::Press | Hint::Together) => good_pad(view, &layout),
        Some(Hint::More) | None => None,
    };
}

/// Tracks that sound or will because of this player.
fn mine(view: &View) -> usize {
    let beat = view.beat();
    let is_mine = |track: &&keyboardia_session::Track| {
        let queued = track.queued_at(beat).filter(|queued| matches!(queued.action, Action::Launch(_)));
        let playing = track.playing_at(beat);
        queued.is_some_and(|queued| queued.by == Some(view.me))
            || playing.is_some_and(|playing| playing.by == Some(view.me))
    };
    view.state.tracks().iter().filter(is_mine).count()
}

/// The first clip from the upper left on a track that neither sounds nor waits.
fn good_pad(view: &View, layout: &Layout) -> Option<Target> {
    let beat = view.beat();
    layout.scenes().find_map(|scene| {
        layout.tracks().find_map(|id| {
            let track = view.state.track(id)?;
            let is_free = track.clip(scene).is_some() && !track.is_sounding_at(beat) && track.queued_at(beat).is_none();
            is_free.then_some(Target::Pad(id, scene))
        })
    })
}

/// A light around the pad that the hint means.
fn point_at(shown: Res<Shown>, layout: Res<Layout>, motion: Res<Motion>, mut board: ResMut<Board>) {
    let Some(pad) = shown.pad.filter(|pad| shown.spot.is_some() && layout.has(*pad)) else { return };
    let breath = 0.5 - 0.5 * (motion.seconds * BREATHS_PER_S * std::f32::consts::TAU).cos();
    let tile = Tile::new(layout.rect(pad).inflate(1.5), theme::SURFACE).rimmed(theme::ACCENT, 0.55 + 0.4 * breath, 2.0);
    board.push(Tile { fill_alpha: 0.0, glow: 0.15 + 0.3 * breath, ..tile });
}

fn show(
    mut contexts: EguiContexts,
    layout: Res<Layout>,
    board: Res<Board>,
    mut shown: ResMut<Shown>,
    mut settings: ResMut<Settings>,
) -> Result {
    let Some(hint) = shown.hint else { return Ok(()) };
    let context = contexts.ctx_mut()?;
    let layer = LayerId::new(Order::Middle, egui::Id::new("hint"));
    if shown.patience > 0 {
        shown.patience -= 1;
    } else {
        look(context, &layout, &taken(context, &board, layer), hint, &mut shown);
    }
    let Some(spot) = shown.spot else { return Ok(()) };
    let area = egui::Area::new(layer.id).order(layer.order).fixed_pos(spot.min).constrain(false).fade_in(false);
    let dismissed = area.show(context, |ui| {
        let (rect, response) = ui.allocate_exact_size(spot.size(), Sense::click());
        let line = egui::Stroke::new(1.0, theme::ACCENT.mix(theme::SURFACE, 0.35).egui());
        let fill = theme::SURFACE.mix(theme::ACCENT, 0.06).egui();
        ui.painter().rect(rect, 9.0, fill, line, egui::StrokeKind::Inside);
        let galley = galley(ui.ctx(), hint.text(shown.hand));
        ui.painter().galley(rect.min + PADDING, galley, theme::TEXT.egui());
        response.on_hover_text("Click to hide this hint").clicked()
    });
    if dismissed.inner {
        settings.hints_seen.see(hint);
    }
    Ok(())
}

/// Keeps the hint where it is while that is free, finds it another spot otherwise.
fn look(context: &egui::Context, layout: &Layout, taken: &[egui::Rect], hint: Hint, shown: &mut Shown) {
    let window = egui::Rect::from_min_size(pos2(0.0, 0.0), vec2(layout.size.x, layout.size.y));
    if !shown.spot.is_some_and(|spot| window.contains_rect(spot) && is_free(spot, taken)) {
        if shown.height == 0.0 {
            shown.height = measure(context, hint.text(shown.hand));
        }
        let near = shown.pad.filter(|pad| layout.has(*pad)).map_or(layout.corner(), |pad| layout.rect(pad)).center();
        shown.spot = calm(window, vec2(WIDTH, shown.height), pos2(near.x, near.y), taken);
    }
    shown.patience = if shown.spot.is_some() { LOOK_FRAMES } else { SEARCH_FRAMES };
}

/// Space inside a hint.
const PADDING: egui::Vec2 = vec2(11.0, 8.0);

fn galley(context: &egui::Context, text: &str) -> std::sync::Arc<egui::Galley> {
    let width = WIDTH - 2.0 * PADDING.x;
    context.fonts_mut(|fonts| fonts.layout(text.to_owned(), theme::font(13.0), theme::TEXT.egui(), width))
}

fn measure(context: &egui::Context, text: &str) -> f32 {
    galley(context, text).size().y + 2.0 * PADDING.y
}

/// Everything that is drawn in this frame, and what lies over it.
fn taken(context: &egui::Context, board: &Board, own: LayerId) -> Vec<egui::Rect> {
    let mut taken: Vec<egui::Rect> = board.tiles().iter().map(|tile| theme::egui_rect(tile.rect)).collect();
    let layers: Vec<(LayerId, Option<egui::Rect>)> = context.memory(|memory| {
        let areas = memory.areas();
        areas.visible_layer_ids().into_iter().map(|layer| (layer, memory.area_rect(layer.id))).collect()
    });
    context.graphics(|graphics| {
        let panels = layers.iter().map(|(layer, _)| *layer).filter(|layer| *layer != own);
        for layer in panels.chain([LayerId::background()]) {
            let shapes = graphics.get(layer).into_iter().flat_map(egui::layers::PaintList::all_entries);
            let places = shapes.map(|shape| shape.shape.visual_bounding_rect().intersect(shape.clip_rect));
            taken.extend(places.filter(egui::Rect::is_positive));
        }
    });
    // What pops up is drawn after this, but was there a frame ago.
    let popped = layers.into_iter().filter(|(layer, _)| layer.order > Order::Middle);
    taken.extend(popped.filter_map(|(_, rect)| rect));
    taken
}

fn is_free(spot: egui::Rect, taken: &[egui::Rect]) -> bool {
    let spot = spot.expand(AIR);
    !taken.iter().any(|other| other.intersects(spot))
}

/// The free place of this size in the window that is nearest to a point.
fn calm(window: egui::Rect, size: egui::Vec2, near: egui::Pos2, taken: &[egui::Rect]) -> Option<egui::Rect> {
    let cells = Cells::of(window, taken);
    // A cell begins where the air around a place does.
    let (wide, high) = (((size.x + 2.0 * AIR) / STEP).ceil() as usize, ((size.y + 2.0 * AIR) / STEP).ceil() as usize);
    let places = (0..=cells.rows.checked_sub(high)?).flat_map(|row| {
        let columns = 0..=cells.columns.saturating_sub(wide);
        columns.map(move |column| (row, column))
    });
    let free = places.filter(|(row, column)| wide <= cells.columns && cells.taken(*row, *column, wide, high) == 0);
    let place = |(row, column): (usize, usize)| {
        egui::Rect::from_min_size(window.min + vec2(AIR, AIR) + vec2(column as f32, row as f32) * STEP, size)
    };
    let distance = |place: &egui::Rect| place.center().distance_sq(near);
    free.map(place).min_by(|one, other| distance(one).total_cmp(&distance(other)))
}

/// A window in squares of [`STEP`]: how many of them are taken above and to the left of each corner.
struct Cells {
    columns: usize,
    rows: usize,
    sums: Vec<u32>,
}

impl Cells {
    fn of(window: egui::Rect, taken: &[egui::Rect]) -> Self {
        let whole = |length: f32| (length / STEP).floor().max(0.0) as usize;
        let (columns, rows) = (whole(window.width()), whole(window.height()));
        let mut sums = vec![0; (columns + 1) * (rows + 1)];
        let range = |from: f32, to: f32, count: usize| whole(from)..((to / STEP).ceil().max(0.0) as usize).min(count);
        for rect in taken {
            let rect = rect.translate(-window.min.to_vec2());
            for row in range(rect.min.y, rect.max.y, rows) {
                for column in range(rect.min.x, rect.max.x, columns) {
                    sums[(row + 1) * (columns + 1) + column + 1] = 1;
                }
            }
        }
        for row in 1..=rows {
            for column in 1..=columns {
                let at = row * (columns + 1) + column;
                let above = at - columns - 1;
                sums[at] += sums[at - 1] + sums[above] - sums[above - 1];
            }
        }
        Self { columns, rows, sums }
    }

    /// Taken cells among so many from this one on.
    fn taken(&self, row: usize, column: usize, wide: usize, high: usize) -> u32 {
        let at = |row: usize, column: usize| self.sums[row * (self.columns + 1) + column];
        at(row + high, column + wide) + at(row, column) - at(row, column + wide) - at(row + high, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_come_in_their_order_and_once() {
        let mut seen = HintsSeen::default();
        assert_eq!(seen.due(0), Some(Hint::Press));
        seen.see(Hint::Press);
        assert_eq!(seen.due(0), None, "nothing of this player's sounds any more: another one has nothing to stay with");
        assert_eq!(seen.due(1), Some(Hint::Together));
        seen.see(Hint::Together);
        assert_eq!(seen.due(0), Some(Hint::More));
        seen.see(Hint::More);
        assert_eq!(seen.due(2), None);
    }

    #[test]
    fn fingers_are_not_told_of_keys_and_buttons_that_they_lack() {
        for hint in [Hint::Press, Hint::Together, Hint::More] {
            let text = hint.text(Hand::Finger);
            assert!(["key", "click"].iter().all(|word| !text.to_lowercase().contains(word)), "{text}");
        }
    }

    #[test]
    fn what_was_seen_is_kept_and_what_is_unknown_was_not_seen() {
        let seen = HintsSeen { press: true, ..HintsSeen::default() };
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<HintsSeen>(&text).unwrap(), seen);
        assert_eq!(serde_json::from_str::<HintsSeen>("{}").unwrap(), HintsSeen::default());
    }

    #[test]
    fn a_hint_covers_nothing_lies_near_and_gives_way_where_there_is_no_room() {
        let window = egui::Rect::from_min_size(pos2(0.0, 0.0), vec2(1_000.0, 600.0));
        let size = vec2(WIDTH, 48.0);
        let pads = egui::Rect::from_min_max(pos2(0.0, 60.0), pos2(700.0, 600.0));
        let panel = egui::Rect::from_min_max(pos2(720.0, 60.0), pos2(1_000.0, 300.0));
        let spot = calm(window, size, pos2(690.0, 500.0), &[pads, panel]).unwrap();
        assert!(window.contains_rect(spot) && !spot.intersects(pads) && !spot.intersects(panel));
        assert!(spot.min.x - pads.max.x < 2.0 * STEP + AIR, "{spot:?} is far away");
        assert!(is_free(spot, &[pads, panel]));
        assert_eq!(calm(window, size, pos2(0.0, 0.0), &[window]), None);
        assert_eq!(calm(window.shrink(460.0), size, pos2(0.0, 0.0), &[]), None, "larger than the window");
    }
}
