//! Carries out presses: what pads and buttons of the playfield do when they go down; and takes them back when a hand
//! turns out to have wanted something else.

use super::{layout::Target, pointer};
use crate::{
    ClientSet,
    deed::Deed,
    link::{Link, Now},
    screen::Screen,
};
use bevy::prelude::*;
use keyboardia_session::{Action, Beats, Command, SceneId, SessionState, Track, TrackId, View};
use std::sync::Arc;

/// Presses that could still be taken back: one for each finger.
const RECENT_MAX: usize = 10;

/// A press, and the session before it.
#[derive(Debug, Clone)]
struct Pressed {
    target: Target,
    before: Arc<SessionState>,
    beat: Beats,
}

/// The latest presses, oldest first.
#[derive(Resource, Debug, Default)]
struct Recent(Vec<Pressed>);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Recent>()
        .add_systems(Update, press.after(pointer::point).run_if(in_state(Screen::Jam)).in_set(ClientSet::Act));
}

fn press(
    mut deeds: MessageReader<Deed>,
    mut link: ResMut<Link>,
    mut recent: ResMut<Recent>,
    now: Res<Now>,
    time: Res<Time<Real>>,
) {
    let Some(view) = now.session() else { return deeds.clear() };
    for deed in deeds.read() {
        match *deed {
            Deed::Press(target) if plays(target) => {
                recent.0.retain(|press| press.target != target);
                let surplus = (recent.0.len() + 1).saturating_sub(RECENT_MAX);
                recent.0.drain(..surplus);
                recent.0.push(Pressed { target, before: view.state.clone(), beat: view.beat() });
                match target {
                    Target::Pad(track, scene) => link.press(time.elapsed(), track, scene),
                    Target::Scene(scene) => link.command(Command::LaunchScene { scene }),
                    Target::Stop(track) => link.command(Command::StopTrack { track }),
                    Target::StopAll => link.command(Command::StopAll),
                    Target::Head(_) | Target::AddTrack | Target::AddScene => {}
                }
            }
            Deed::TakeBack(target) => {
                if let Some(index) = recent.0.iter().position(|press| press.target == target) {
                    let press = recent.0.remove(index);
                    for command in undoing(&press, view) {
                        link.command(command);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Whether pressing it changes what plays; what edits the grid is carried out elsewhere.
fn plays(target: Target) -> bool {
    matches!(target, Target::Pad(..) | Target::Scene(_) | Target::Stop(_) | Target::StopAll)
}

/// What lets every track that a press concerned do next what it was to do before. A clip that has begun since plays on.
fn undoing(press: &Pressed, view: &View) -> Vec<Command> {
    let tracks = view.state.tracks().iter();
    let concerned = tracks.filter(|track| match press.target {
        Target::Pad(at, _) | Target::Stop(at) => track.id == at,
        Target::Scene(_) | Target::StopAll => true,
        Target::Head(_) | Target::AddTrack | Target::AddScene => false,
    });
    concerned.filter_map(|track| undoing_on(track, press, view)).collect()
}

fn undoing_on(track: &Track, press: &Pressed, view: &View) -> Option<Command> {
    let (id, beat) = (track.id, view.beat());
    let before = press.before.track(id)?;
    let next = |track: &Track, beat| track.queued_at(beat).map(|queued| queued.action);
    let (was, is) = (next(before, press.beat), next(track, beat));
    let has_begun = track.playing_at(beat).is_some_and(|playing| playing.since > press.beat);
    let asked = view.pending.iter().any(|pending| concerns(&pending.command, track));
    if has_begun || was == is && !asked {
        return None;
    }
    Some(match was {
        None => Command::Unqueue { track: id },
        Some(Action::Launch(scene)) => Command::Launch { track: id, scene },
        Some(Action::Stop) => Command::StopTrack { track: id },
    })
}

/// Whether a command, once answered, changes what a track does next.
fn concerns(command: &Command, of: &Track) -> bool {
    let has_clip = |scene: &SceneId| of.clip(*scene).is_some();
    let is_it = |track: &TrackId| *track == of.id;
    match command {
        Command::Launch { track, .. } | Command::Unqueue { track } => is_it(track),
        Command::StopTrack { track } => is_it(track) && of.playing.is_some(),
        Command::LaunchScene { scene } => has_clip(scene) || of.playing.is_some(),
        Command::StopAll => of.playing.is_some(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playfield::rehearsal::Jam;

    const PAD: Target = Target::Pad(TrackId(0), SceneId(0));

    impl Jam {
        fn pressed(&self, target: Target) -> Pressed {
            let view = self.view();
            Pressed { target, before: view.state.clone(), beat: view.beat() }
        }

        fn next(&self) -> Vec<Option<Action>> {
            let view = self.view();
            view.state.tracks().iter().map(|track| track.queued_at(view.beat()).map(|queued| queued.action)).collect()
        }

        /// Presses, takes back, and says whether the tracks do next what they were to do.
        fn takes_back(&mut self, target: Target, press: Command) -> bool {
            let (before, pressed) = (self.next(), self.pressed(target));
            self.ask(press);
            assert_ne!(self.next(), before, "the press had an effect");
            for command in undoing(&pressed, &self.view()) {
                self.ask(command);
            }
            self.next() == before
        }
    }

    fn launch(track: u8, scene: u8) -> Command {
        Command::Launch { track: TrackId(track), scene: SceneId(scene) }
    }

    /// A jam in which the first track plays its first clip, and nothing waits.
    fn playing() -> Jam {
        let mut jam = Jam::begin();
        jam.ask(launch(0, 0));
        jam.now = jam.now + 1_000_000;
        assert!(jam.view().is_playing() && jam.next().iter().all(Option::is_none));
        jam
    }

    #[test]
    fn a_launch_that_is_taken_back_leaves_nothing_queued() {
        assert!(playing().takes_back(Target::Pad(TrackId(1), SceneId(1)), launch(1, 1)));
    }

    #[test]
    fn a_stop_that_is_taken_back_lets_the_clip_play_on() {
        assert!(playing().takes_back(PAD, Command::StopTrack { track: TrackId(0) }));
    }

    #[test]
    fn what_was_queued_before_is_queued_again() {
        let mut jam = playing();
        jam.ask(launch(0, 2));
        assert!(jam.takes_back(Target::Pad(TrackId(0), SceneId(1)), launch(0, 1)));
        assert!(jam.takes_back(Target::Pad(TrackId(0), SceneId(2)), Command::Unqueue { track: TrackId(0) }));
    }

    #[test]
    fn a_whole_row_is_taken_back_track_by_track() {
        let mut jam = playing();
        jam.ask(launch(2, 2));
        assert!(jam.takes_back(Target::Scene(SceneId(1)), Command::LaunchScene { scene: SceneId(1) }));
    }

    #[test]
    fn a_clip_that_has_begun_plays_on_and_a_press_without_effect_needs_nothing() {
        let mut jam = playing();
        let pressed = jam.pressed(Target::Pad(TrackId(1), SceneId(1)));
        assert!(undoing(&pressed, &jam.view()).is_empty());
        jam.ask(launch(1, 1));
        jam.now = jam.now + 10_000_000;
        assert!(undoing(&pressed, &jam.view()).is_empty());
    }
}
