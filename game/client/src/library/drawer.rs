//! The drawer: search, families, and the list of what is found.

use super::{
    Shelf,
    carry::Carried,
    row::{self, Row},
    shelf::{Favourites, Kind},
};
use crate::{
    ClientSet,
    deed::{Selection, ToggleLibrary},
    editing::put,
    link::{Link, Now},
    panel,
    playfield::layout::{Layout, Target},
    screen::Screen,
    settings::Settings,
    spots,
    theme::{self, Rgb},
    toasts::Toasts,
};
use bevy::{ecs::system::SystemParam, prelude::*};
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{
        self, Align2, CornerRadius, EventFilter, Id, Key, LayerId, Order, RichText, ScrollArea, Sense, Stroke,
        StrokeKind, TextEdit, Ui, pos2, vec2,
    },
};
use keyboardia_player::PlayerView;
use keyboardia_session::{Cell, Clip, Command, SoundId, View, library::Sound};

/// How far sideways a hand pulls a row before it comes along.
const PULL: f32 = 12.0;
const PADDING: f32 = 12.0;
const ROW_GAP: f32 = 2.0;
const NO_PAD: &str = "Select the pad that the sound shall go to.";

/// The drawer, and what is looked for in it.
#[derive(Resource, Debug, Default)]
pub(crate) struct Drawer {
    open: bool,
    /// The slot that the next choice goes to.
    filling: Option<Cell>,
    search: String,
    kind: Kind,
    chosen: Option<SoundId>,
    /// Keys shall act on the list.
    wants_focus: bool,
    /// What is chosen shall be seen.
    follow: bool,
}

impl Drawer {
    /// Whether it is to be seen.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// The slot that the next choice goes to.
    pub(crate) fn filling(&self) -> Option<Cell> {
        self.filling
    }

    /// Opens or closes it.
    pub(crate) fn toggle(&mut self) {
        self.open = !self.open;
        self.filling = None;
    }

    /// Closes it. Returns whether it was open.
    pub(crate) fn close(&mut self) -> bool {
        self.filling = None;
        std::mem::take(&mut self.open)
    }

    /// Opens it to choose a sound for a slot.
    pub(crate) fn fill(&mut self, cell: Cell) {
        self.open = true;
        self.filling = Some(cell);
        self.wants_focus = true;
    }

    /// The choice has been made.
    pub(super) fn has_filled(&mut self) {
        self.filling = None;
    }
}

/// What happens to a sound, all that a frame's hands and keys wanted.
#[derive(Debug, Default)]
struct Wanted {
    listen: Option<SoundId>,
    fill: Option<SoundId>,
    carry: Option<SoundId>,
    star: Option<(SoundId, bool)>,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Drawer>()
        .add_systems(Update, hear_toggle.run_if(in_state(Screen::Jam)).in_set(ClientSet::Act))
        .add_systems(OnExit(Screen::Jam), |mut drawer: ResMut<Drawer>| *drawer = Drawer::default())
        .add_systems(
            EguiPrimaryContextPass,
            show.run_if(in_state(Screen::Jam))
                .run_if(theme::is_dressed)
                .run_if(|drawer: Res<Drawer>| drawer.open)
                .in_set(ClientSet::Panels),
        );
}

fn hear_toggle(mut toggles: MessageReader<ToggleLibrary>, mut drawer: ResMut<Drawer>) {
    for ToggleLibrary in toggles.read() {
        drawer.toggle();
    }
}

/// What the drawer shows, besides itself.
#[derive(SystemParam)]
struct Room<'w> {
    now: Res<'w, Now>,
    link: Res<'w, Link>,
    layout: Res<'w, Layout>,
    shelf: Res<'w, Shelf>,
    time: Res<'w, Time<Real>>,
    settings: ResMut<'w, Settings>,
    carried: ResMut<'w, Carried>,
    selection: ResMut<'w, Selection>,
    toasts: ResMut<'w, Toasts>,
}

fn show(mut contexts: EguiContexts, mut room: Room, mut drawer: ResMut<Drawer>) -> Result {
    let context = contexts.ctx_mut()?;
    let (Some(player), Some(view)) = (room.now.player(), room.now.session()) else { return Ok(()) };
    drawer.filling = drawer.filling.filter(|cell| view.state.has_cell(*cell));
    let place = room.layout.side;
    let wanted = panel::area(context, "library", place, |ui| {
        let whole = theme::egui_rect(place);
        let line = Stroke::new(1.0, theme::LINE.egui());
        let fill = theme::SURFACE.egui();
        ui.painter().rect(whole, CornerRadius::same(10), fill, line, StrokeKind::Inside);
        let inner = whole.shrink(PADDING);
        ui.scope_builder(egui::UiBuilder::new().max_rect(inner), |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            let is_closed = header(ui);
            if let Some(cell) = drawer.filling {
                target(ui, view, cell, &mut drawer);
            }
            let enters = search(ui, &mut drawer);
            kinds(ui, &room.shelf, &mut drawer);
            let found = room.shelf.find(&drawer.kind, &drawer.search, &room.settings.favourites);
            let wanted = list(ui, &mut drawer, &found, player, view, &room.settings.favourites, enters);
            if is_closed {
                drawer.toggle();
            }
            wanted
        })
        .inner
    });
    // It lies over the panel that is there without it.
    context.move_to_top(LayerId::new(Order::Middle, Id::new("library")));
    if context.input(|input| input.pointer.any_pressed())
        && !context.rect_contains_pointer(LayerId::new(Order::Middle, Id::new("library")), theme::egui_rect(place))
    {
        context.memory_mut(|memory| memory.surrender_focus(list_id()));
    }

    if let Some((sound, favourite)) = wanted.star {
        room.settings.favourites.set(&sound, favourite);
    }
    if let Some(sound) = wanted.listen {
        if player.previewing.as_ref() == Some(&sound) { room.link.stop_preview() } else { room.link.preview(sound) }
    }
    if !drawer.open {
        room.link.stop_preview();
    }
    if let Some(sound) = wanted.fill.as_ref().and_then(|sound| room.shelf.sound(sound)) {
        match drawer.filling.or(selected(*room.selection)) {
            Some(cell) => {
                room.link.command(Command::Edit(put(cell, &Clip::of(sound), view)));
                room.selection.0 = Some(Target::Pad(cell.track, cell.scene));
                drawer.has_filled();
            }
            None => room.toasts.say(room.time.elapsed(), NO_PAD.into(), theme::WARNING),
        }
    }
    if let Some(sound) = wanted.carry {
        room.carried.take_up(sound);
    }
    Ok(())
}

fn selected(selection: Selection) -> Option<Cell> {
    match selection.0 {
        Some(Target::Pad(track, scene)) => Some(Cell::new(track, scene)),
        _ => None,
    }
}

fn list_id() -> Id {
    Id::new("library list")
}

/// The title; returns whether the drawer is to be closed.
fn header(ui: &mut Ui) -> bool {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 24.0), Sense::hover());
    theme::label(ui.painter(), rect, Align2::LEFT_CENTER, "Library", theme::strong(16.0), theme::TEXT.egui());
    let close = egui::Rect::from_min_max(pos2(rect.max.x - 24.0, rect.min.y), rect.max);
    cross(ui, close, "close library", "Close the library")
}

/// A cross that closes something.
fn cross(ui: &Ui, place: egui::Rect, id: &str, hint: &str) -> bool {
    let response = ui.interact(place, Id::new(id), Sense::click());
    let active = response.hovered() || response.has_focus();
    if active {
        ui.painter().rect_filled(place, CornerRadius::same(6), theme::HOVERED.egui());
    }
    let colour = if active { theme::TEXT } else { theme::TEXT_DIM };
    let (centre, stroke) = (place.center(), Stroke::new(1.6, colour.egui()));
    ui.painter().line_segment([centre + vec2(-4.5, -4.5), centre + vec2(4.5, 4.5)], stroke);
    ui.painter().line_segment([centre + vec2(-4.5, 4.5), centre + vec2(4.5, -4.5)], stroke);
    response.on_hover_text(hint).clicked()
}

/// Says which pad the next choice goes to.
fn target(ui: &mut Ui, view: &View, cell: Cell, drawer: &mut Drawer) {
    let names = view.state.track(cell.track).zip(view.state.scene(cell.scene));
    let text = names.map_or_else(String::new, |(track, scene)| format!("For {}, {}", track.name, scene.name));
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 30.0), Sense::hover());
    let fill = theme::ACCENT.mix(theme::SURFACE, 0.8);
    ui.painter().rect_filled(rect, CornerRadius::same(7), fill.egui());
    let place = egui::Rect::from_min_max(pos2(rect.min.x + 10.0, rect.min.y), pos2(rect.max.x - 30.0, rect.max.y));
    let ink = theme::readable(theme::ACCENT, fill);
    theme::label(ui.painter(), place, Align2::LEFT_CENTER, &text, theme::strong(13.0), ink.egui());
    let end = egui::Rect::from_min_max(pos2(rect.max.x - 27.0, rect.min.y + 3.0), rect.max - vec2(3.0, 3.0));
    if cross(ui, end, "choose no sound", "Choose no sound for it") {
        drawer.filling = None;
    }
}

/// The field to search in; returns whether Enter was pressed in it.
fn search(ui: &mut Ui, drawer: &mut Drawer) -> bool {
    let field = TextEdit::singleline(&mut drawer.search)
        .id(Id::new("library search"))
        .hint_text(RichText::new("Search").color(theme::TEXT_DIM.egui()))
        .char_limit(40)
        .margin(egui::Margin { left: 30, right: 8, top: 6, bottom: 6 })
        .desired_width(ui.available_width());
    let response = ui.add(field);
    spots::note(ui, || "search".into(), response.rect);
    let centre = pos2(response.rect.min.x + 15.0, response.rect.center().y - 1.0);
    let stroke = Stroke::new(1.5, theme::TEXT_DIM.egui());
    ui.painter().circle_stroke(centre, 4.5, stroke);
    ui.painter().line_segment([centre + vec2(3.3, 3.3), centre + vec2(7.0, 7.0)], stroke);
    let (enter, down) = ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::ArrowDown)));
    if response.has_focus() && down {
        drawer.wants_focus = true;
    }
    response.lost_focus() && enter
}

/// Everything, the favourites, and each family.
fn kinds(ui: &mut Ui, shelf: &Shelf, drawer: &mut Drawer) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(5.0, 5.0);
        let mut chip = |ui: &mut Ui, text: &str, colour: Rgb, kind: Kind| {
            if self::chip(ui, text, colour, drawer.kind == kind) {
                drawer.kind = kind;
            }
        };
        chip(ui, "All", theme::TEXT, Kind::All);
        chip(ui, "", theme::WARNING, Kind::Favourites);
        for family in shelf.families() {
            chip(ui, &family.name, family.colour, Kind::Family(family.id.clone()));
        }
    });
}

/// A chip of a family; the one without a text has a star.
fn chip(ui: &mut Ui, text: &str, colour: Rgb, on: bool) -> bool {
    let fill = if on { colour } else { theme::RAISED };
    let ink = if on { fill.ink() } else { theme::readable(colour.mix(theme::TEXT, 0.25), theme::RAISED) };
    let galley = ui.painter().layout_no_wrap(text.into(), theme::font(12.5), ink.egui());
    let width = if text.is_empty() { 30.0 } else { galley.size().x + 18.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(width, 25.0), Sense::click());
    let active = response.hovered() || response.has_focus();
    let fill = if active && !on { theme::HOVERED } else { fill };
    let line = if active { theme::TEXT_DIM } else { theme::LINE };
    let line = Stroke::new(1.0, line.egui());
    ui.painter().rect(rect, CornerRadius::same(12), fill.egui(), line, StrokeKind::Inside);
    if text.is_empty() {
        let ring = if on { Some(theme::INK) } else { None };
        if let Some(ring) = ring {
            ui.painter().circle_filled(rect.center(), 10.0, ring.egui());
        }
        row::draw_star(ui.painter(), rect.center(), true, true);
        spots::note(ui, || "favourites".into(), rect);
        return response.on_hover_text("Those with a star").clicked();
    }
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, ink.egui());
    response.clicked()
}

/// The list of what is found; keys act on it while it has the focus.
fn list(
    ui: &mut Ui,
    drawer: &mut Drawer,
    found: &[&Sound],
    player: &PlayerView,
    view: &View,
    favourites: &Favourites,
    enters: bool,
) -> Wanted {
    let mut wanted = Wanted::default();
    let place = ui.available_rect_before_wrap();
    let focus = ui.interact(place, list_id(), Sense::focusable_noninteractive());
    if std::mem::take(&mut drawer.wants_focus) {
        focus.request_focus();
    }
    if found.is_empty() {
        let text =
            if drawer.kind == Kind::Favourites { "No sound has a star yet." } else { "No sound is called that." };
        let place = place.with_max_y(place.min.y + 40.0);
        theme::label(ui.painter(), place, Align2::CENTER_CENTER, text, theme::font(13.0), theme::TEXT_DIM.egui());
        return wanted;
    }
    if focus.has_focus() {
        keys(ui, drawer, found, &mut wanted);
    } else if enters {
        wanted.fill = found.first().map(|sound| sound.id.clone());
    }
    let bar = view.state.meters().at(view.beat()).signature.bar();
    let follow = std::mem::take(&mut drawer.follow);
    // Whole rows: what cannot be seen is not begun.
    let pitch = row::HEIGHT + ROW_GAP;
    let height = ((place.height() + ROW_GAP) / pitch).floor().max(1.0) * pitch - ROW_GAP;
    let scroll = ScrollArea::vertical().auto_shrink(false).max_height(height).id_salt("library rows");
    scroll.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = ROW_GAP;
        for sound in found {
            let row = Row {
                sound,
                shape: player.overviews.get(&sound.id),
                bar,
                chosen: drawer.chosen.as_ref() == Some(&sound.id),
                playing: player.previewing.as_ref() == Some(&sound.id),
                favourite: favourites.has(&sound.id),
            };
            let touched = row.show(ui);
            if touched.star {
                wanted.star = Some((sound.id.clone(), !row.favourite));
            }
            if touched.listen {
                drawer.chosen = Some(sound.id.clone());
                wanted.listen = Some(sound.id.clone());
            }
            if touched.row.clicked() {
                drawer.chosen = Some(sound.id.clone());
                focus.request_focus();
            }
            if touched.row.double_clicked() || touched.row.clicked() && drawer.filling.is_some() {
                wanted.fill = Some(sound.id.clone());
            }
            if touched.row.dragged() {
                pull(ui, &touched.row, place, &sound.id, &mut wanted);
            }
            if follow && row.chosen {
                touched.row.scroll_to_me(None);
            }
        }
    });
    wanted
}

/// A hand that pulls a row sideways takes the sound along; one that pulls it up or down moves the list.
fn pull(ui: &Ui, row: &egui::Response, list: egui::Rect, sound: &SoundId, wanted: &mut Wanted) {
    let aside = row.total_drag_delta().is_some_and(|way| way.x.abs() > PULL && way.x.abs() > way.y.abs());
    let outside = row.interact_pointer_pos().is_some_and(|at| !list.expand(PADDING).contains(at));
    if aside || outside {
        wanted.carry = Some(sound.clone());
    } else {
        ui.scroll_with_delta(vec2(0.0, row.drag_delta().y));
    }
}

/// Up and down choose, Enter fills, Space listens.
fn keys(ui: &Ui, drawer: &mut Drawer, found: &[&Sound], wanted: &mut Wanted) {
    let arrows = EventFilter { vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(list_id(), arrows));
    let at = drawer.chosen.as_ref().and_then(|id| found.iter().position(|sound| sound.id == *id));
    let (up, down, enter, space) = ui.input(|input| {
        let pressed = |key| input.num_presses(key);
        (pressed(Key::ArrowUp), pressed(Key::ArrowDown), pressed(Key::Enter) > 0, pressed(Key::Space) > 0)
    });
    if at.is_none() || up != down {
        let next = step(at, down as isize - up as isize, found.len());
        drawer.chosen = found.get(next).map(|sound| sound.id.clone());
        drawer.follow = true;
    }
    if enter {
        wanted.fill.clone_from(&drawer.chosen);
    }
    if space {
        wanted.listen.clone_from(&drawer.chosen);
    }
}

/// The place in a list of `len` that is so many steps from another one; the first one from none.
fn step(from: Option<usize>, steps: isize, len: usize) -> usize {
    from.map_or(0, |from| from.saturating_add_signed(steps).min(len.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{SceneId, TrackId};

    #[test]
    fn arrows_stay_in_the_list() {
        assert_eq!([step(None, 1, 5), step(Some(4), 1, 5), step(Some(0), -1, 5), step(Some(2), 1, 5)], [0, 4, 0, 3]);
    }

    #[test]
    fn a_choice_for_a_pad_opens_the_drawer_and_is_made_once() {
        let mut drawer = Drawer::default();
        let cell = Cell::new(TrackId(1), SceneId(2));
        drawer.fill(cell);
        assert!(drawer.is_open() && drawer.filling == Some(cell));
        drawer.has_filled();
        assert!(drawer.is_open() && drawer.filling.is_none());
        drawer.toggle();
        assert!(!drawer.is_open());
    }

    #[test]
    fn families_are_read_on_their_chips() {
        let shelf = Shelf::from_world(&mut World::new());
        for family in shelf.families() {
            for fill in [theme::RAISED, family.colour] {
                let ink = if fill == family.colour { fill.ink() } else { theme::readable(family.colour, fill) };
                assert!(theme::contrast(ink, fill) >= theme::CONTRAST_MIN, "{}", family.name);
            }
        }
    }
}
