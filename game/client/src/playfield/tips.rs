//! What lies under the pointer, in words: after a moment of rest, so that nothing covers the grid while it is played.

use super::{
    layout::{Layout, Target},
    pads::{NARROW, length},
    pointer::Pointer,
};
use crate::{ClientSet, library::Carried, link::Now, screen::Screen, theme};
use bevy::prelude::*;
use bevy_egui::{
    EguiContexts, EguiPrimaryContextPass,
    egui::{self, RichText, Ui},
};
use keyboardia_player::PlayerView;
use keyboardia_session::{
    Action, Beats, Cell, Clip, Quantise, SceneId, SeatId, Track, TrackId, View,
    limits::{SCENES_MAX, TRACKS_MAX},
};
use std::time::Duration;

/// How long the pointer rests before anything is said, and where nothing is written on the pad.
const REST: Duration = Duration::from_millis(700);
const REST_SHORT: Duration = Duration::from_millis(200);
const WIDTH: f32 = 260.0;

/// Where the pointer rests, and since when.
#[derive(Debug, Default)]
struct Rest(Option<(Target, Duration)>);

impl Rest {
    /// How long the pointer has been over `target`; nothing while it presses.
    fn on(&mut self, pointer: &Pointer, now: Duration) -> Option<(Target, Duration)> {
        let over = pointer.over.filter(|_| pointer.held.is_none());
        match (over, self.0) {
            (Some(target), Some((resting, since))) if target == resting => {
                return Some((target, now.saturating_sub(since)));
            }
            (Some(target), _) => self.0 = Some((target, now)),
            (None, _) => self.0 = None,
        }
        None
    }
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(
        EguiPrimaryContextPass,
        show.run_if(in_state(Screen::Jam)).run_if(theme::is_dressed).in_set(ClientSet::Panels),
    );
}

fn show(
    mut contexts: EguiContexts,
    now: Res<Now>,
    layout: Res<Layout>,
    pointer: Res<Pointer>,
    carried: Res<Carried>,
    time: Res<Time<Real>>,
    mut rest: Local<Rest>,
) -> Result {
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return Ok(()) };
    let Some((target, rested)) = rest.on(&pointer, time.elapsed()) else { return Ok(()) };
    let trouble = trouble(player, view, target);
    let is_empty = matches!(target, Target::Pad(..)) && clip(view, target).is_none();
    let narrow = layout.rect(target).width() < NARROW && !is_empty;
    let due = if trouble.is_some() || narrow { REST_SHORT } else { REST };
    if rested < due || carried.is_any() {
        return Ok(());
    }
    let context = contexts.ctx_mut()?.clone();
    let id = egui::Id::new("hint");
    let tooltip = egui::Tooltip::always_open(context, egui::LayerId::background(), id, egui::PopupAnchor::Pointer);
    tooltip.gap(14.0).width(WIDTH).show(|ui| {
        // What was said of the last target may have been narrower.
        ui.set_max_width(WIDTH);
        ui.spacing_mut().item_spacing.y = 3.0;
        words(view, target).show(ui);
        if let Some(trouble) = trouble {
            ui.label(RichText::new(trouble).font(theme::font(12.5)).color(theme::WARNING.egui()));
        }
    });
    Ok(())
}

fn clip(view: &View, target: Target) -> Option<&Clip> {
    let Target::Pad(track, scene) = target else { return None };
    view.state.clip(Cell::new(track, scene))
}

/// What keeps a pad from sounding, as a sentence.
fn trouble(player: &PlayerView, view: &View, target: Target) -> Option<String> {
    let clip = clip(view, target)?;
    let loading = || {
        let is_own = clip.sound.sample().is_some() && !clip.author.is_empty();
        player.loading.contains(&clip.sound).then(|| {
            if is_own {
                format!("“{}” by {} is still on its way.", clip.name, clip.author)
            } else {
                format!("“{}” is still being loaded.", clip.name)
            }
        })
    };
    player.damaged.get(&clip.sound).cloned().or_else(loading)
}

/// What is said of a target: its name, and what is to be known of it.
#[derive(Debug, Default, PartialEq)]
struct Words {
    head: String,
    lines: Vec<String>,
}

impl Words {
    fn new(head: impl Into<String>, lines: impl IntoIterator<Item = String>) -> Self {
        Self { head: head.into(), lines: lines.into_iter().collect() }
    }

    fn show(&self, ui: &mut Ui) {
        if !self.head.is_empty() {
            ui.label(RichText::new(&self.head).font(theme::strong(13.0)).color(theme::TEXT.egui()));
        }
        for line in &self.lines {
            ui.label(RichText::new(line).font(theme::font(12.0)).color(theme::TEXT_DIM.egui()));
        }
    }
}

fn words(view: &View, target: Target) -> Words {
    let boundary = match view.state.quantise() {
        Quantise::None => "At once, for everybody.".to_owned(),
        quantise => format!("On the next boundary ({}), for everybody.", quantise.label()),
    };
    match target {
        Target::Pad(track, scene) => pad(view, Cell::new(track, scene)),
        Target::Head(track) => {
            let name = view.state.track(track).map_or("", |track| track.name.as_str());
            Words::new(name, ["Right-click: rename, colour, copy, remove".into()])
        }
        Target::Scene(scene) => {
            let name = view.state.scene(scene).map_or("", |scene| scene.name.as_str());
            Words::new(name, ["Click: launch the whole row".into(), "Right-click: rename, copy, remove".into()])
        }
        Target::Stop(track) => {
            let name = view.state.track(track).map_or("", |track| track.name.as_str());
            let queued = queued(view, track).filter(|(action, _)| *action == Action::Stop);
            Words::new(format!("Stop {name}"), std::iter::once(boundary).chain(queued.map(|(_, who)| who)))
        }
        Target::StopAll => Words::new("Stop every track", [boundary]),
        Target::AddTrack if view.state.tracks().len() >= TRACKS_MAX => {
            Words::new("", [format!("{TRACKS_MAX} tracks are the most")])
        }
        Target::AddTrack => Words::new("", ["Add a track".into()]),
        Target::AddScene if view.state.scenes().len() >= SCENES_MAX => {
            Words::new("", [format!("{SCENES_MAX} scenes are the most")])
        }
        Target::AddScene => Words::new("", ["Add a scene".into()]),
    }
}

fn pad(view: &View, cell: Cell) -> Words {
    let Some(clip) = view.state.clip(cell) else {
        return Words::new("", ["Empty: right-click to fill".into()]);
    };
    let bar = view.state.meters().at(view.beat()).signature.bar();
    let own = clip.quantise.map(|quantise| match quantise {
        Quantise::None => "Its own boundary: starts at once".into(),
        quantise => format!("Its own boundary: {}", quantise.label()),
    });
    let made = Some(clip.author.as_str()).filter(|author| !author.is_empty()).map(|author| format!("Made by {author}"));
    let launched =
        launched_by(view, cell).and_then(|seat| view.state.player(seat)).map(|by| format!("Launched by {}", by.name));
    let plays = view.state.track(cell.track).is_some_and(|track| plays(track, cell.scene, view.beat()));
    let queued = queued(view, cell.track).filter(|(action, _)| match action {
        Action::Launch(scene) => *scene == cell.scene,
        Action::Stop => plays,
    });
    let length = length(clip.length, clip.looped, bar);
    let lines = [Some(length), own, made, launched, queued.map(|(_, who)| who)];
    Words::new(clip.name.as_str(), lines.into_iter().flatten())
}

/// What a track does next, and who wants it.
fn queued(view: &View, track: TrackId) -> Option<(Action, String)> {
    let queued = view.state.track(track)?.queued_at(view.beat())?;
    let what = if queued.action == Action::Stop { "Stop queued" } else { "Queued" };
    let by = queued.by.and_then(|seat| view.state.player(seat));
    Some((queued.action, by.map_or_else(|| what.to_owned(), |by| format!("{what} by {}", by.name))))
}

fn plays(track: &Track, scene: SceneId, beat: Beats) -> bool {
    track.playing_at(beat).is_some_and(|playing| playing.scene == scene) && track.is_sounding_at(beat)
}

/// Who launched what plays on a pad.
fn launched_by(view: &View, cell: Cell) -> Option<SeatId> {
    let track = view.state.track(cell.track)?;
    let playing = track.playing_at(view.beat()).filter(|playing| playing.scene == cell.scene)?;
    playing.by.filter(|_| track.is_sounding_at(view.beat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playfield::rehearsal::Jam;
    use keyboardia_session::{ClipChange, Command, Edit};

    #[test]
    fn the_pointer_rests_until_it_moves_on_or_presses() {
        let (mut rest, mut pointer) = (Rest::default(), Pointer::default());
        let second = Duration::from_secs;
        let head = |index| Some(Target::Head(TrackId(index)));
        pointer.over = head(1);
        assert_eq!(rest.on(&pointer, second(1)), None);
        assert_eq!(rest.on(&pointer, second(3)), head(1).map(|target| (target, second(2))));
        pointer.over = head(2);
        assert_eq!(rest.on(&pointer, second(4)), None);
        pointer.held = head(2);
        assert_eq!(rest.on(&pointer, second(9)), None);
        pointer.held = None;
        assert_eq!(rest.on(&pointer, second(10)), None, "it rests anew");
    }

    #[test]
    fn a_pad_says_who_queued_it_and_what_it_waits_for() {
        let (mut jam, cell) = (Jam::begin(), Cell::new(TrackId(0), SceneId(0)));
        let target = Target::Pad(cell.track, cell.scene);
        jam.ask(Command::Launch { track: TrackId(1), scene: SceneId(1) });
        jam.now = jam.now + 1_000_000;
        jam.ask(Command::Edit(Edit::ChangeClip { cell, change: ClipChange::Quantise(Some(Quantise::Bars8)) }));
        jam.ask(Command::Launch { track: cell.track, scene: cell.scene });
        let view = jam.view();
        let me = &view.state.player(view.me).unwrap().name;
        let said = words(&view, target);
        assert_eq!(said.head, view.state.clip(cell).unwrap().name.as_str());
        assert!(said.lines.contains(&format!("Queued by {me}")), "{said:?}");
        assert!(said.lines.contains(&"Its own boundary: 8 bars".to_owned()), "{said:?}");
        let playing = words(&view, Target::Pad(TrackId(1), SceneId(1)));
        assert!(playing.lines.contains(&format!("Launched by {me}")), "{playing:?}");
    }

    #[test]
    fn a_stop_that_waits_is_named_on_the_button_and_on_the_pad_that_it_ends() {
        let mut jam = Jam::begin();
        jam.ask(Command::Launch { track: TrackId(1), scene: SceneId(1) });
        jam.now = jam.now + 1_000_000;
        jam.ask(Command::StopTrack { track: TrackId(1) });
        let view = jam.view();
        let line = format!("Stop queued by {}", view.state.player(view.me).unwrap().name);
        for target in [Target::Stop(TrackId(1)), Target::Pad(TrackId(1), SceneId(1))] {
            assert!(words(&view, target).lines.contains(&line), "{target:?}");
        }
        assert!(!words(&view, Target::Pad(TrackId(1), SceneId(0))).lines.contains(&line), "it does not play");
    }

    #[test]
    fn whatever_can_be_pressed_is_explained() {
        let view = Jam::begin().view();
        let pads = view
            .state
            .tracks()
            .iter()
            .flat_map(|track| view.state.scenes().iter().map(move |scene| Target::Pad(track.id, scene.id)));
        let others = [
            Target::Head(TrackId(0)),
            Target::Scene(SceneId(0)),
            Target::Stop(TrackId(0)),
            Target::StopAll,
            Target::AddTrack,
            Target::AddScene,
        ];
        for target in pads.chain(others) {
            assert!(!words(&view, target).lines.is_empty(), "{target:?}");
        }
    }
}
