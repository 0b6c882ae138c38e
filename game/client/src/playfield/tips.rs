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
    Cell, Clip, SeatId, View,
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
    let narrow = layout.rect(target).width() < NARROW;
    let due = if trouble.is_some() || narrow { REST_SHORT } else { REST };
    if rested < due || carried.0.is_some() || !has_words(view, target) {
        return Ok(());
    }
    let context = contexts.ctx_mut()?.clone();
    let id = egui::Id::new("hint");
    let tooltip = egui::Tooltip::always_open(context, egui::LayerId::background(), id, egui::PopupAnchor::Pointer);
    tooltip.gap(14.0).width(WIDTH).show(|ui| {
        // What was said of the last target may have been narrower.
        ui.set_max_width(WIDTH);
        ui.spacing_mut().item_spacing.y = 3.0;
        describe(ui, view, target);
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

fn has_words(view: &View, target: Target) -> bool {
    match target {
        Target::Pad(..) => clip(view, target).is_some(),
        Target::Stop(_) | Target::StopAll => false,
        Target::Head(_) | Target::Scene(_) | Target::AddTrack | Target::AddScene => true,
    }
}

/// What keeps a pad from sounding, as a sentence.
fn trouble(player: &PlayerView, view: &View, target: Target) -> Option<String> {
    let clip = clip(view, target)?;
    let loading = || player.loading.contains(&clip.sound).then(|| format!("“{}” is still being loaded.", clip.name));
    player.damaged.get(&clip.sound).cloned().or_else(loading)
}

fn describe(ui: &mut Ui, view: &View, target: Target) {
    let mut head = |text: &str| ui.label(RichText::new(text).font(theme::strong(13.0)).color(theme::TEXT.egui()));
    let lines = match target {
        Target::Pad(track, scene) => {
            let Some(clip) = clip(view, target) else { return };
            head(clip.name.as_str());
            let bar = view.state.meters().at(view.beat()).signature.bar();
            let made = match clip.author.as_str() {
                "" => None,
                author => Some(format!("Made by {author}")),
            };
            let launched = launched_by(view, Cell::new(track, scene))
                .and_then(|seat| view.state.player(seat))
                .map(|player| format!("Launched by {}", player.name));
            [Some(length(clip.length, clip.looped, bar)), made, launched].into_iter().flatten().collect()
        }
        Target::Head(track) => {
            head(view.state.track(track).map_or("", |track| track.name.as_str()));
            vec!["Right-click: rename, colour, copy, remove".to_owned()]
        }
        Target::Scene(scene) => {
            head(view.state.scene(scene).map_or("", |scene| scene.name.as_str()));
            vec!["Right-click: rename, copy, remove".to_owned()]
        }
        Target::AddTrack if view.state.tracks().len() >= TRACKS_MAX => {
            vec![format!("{TRACKS_MAX} tracks are the most")]
        }
        Target::AddTrack => vec!["Add a track".to_owned()],
        Target::AddScene if view.state.scenes().len() >= SCENES_MAX => {
            vec![format!("{SCENES_MAX} scenes are the most")]
        }
        Target::AddScene => vec!["Add a scene".to_owned()],
        Target::Stop(_) | Target::StopAll => Vec::new(),
    };
    for line in lines {
        ui.label(RichText::new(line).font(theme::font(12.0)).color(theme::TEXT_DIM.egui()));
    }
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
    use keyboardia_session::TrackId;

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
}
