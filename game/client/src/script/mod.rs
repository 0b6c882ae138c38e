//! Scripts: the real window, played by a file instead of by hands.
//!
//! A script moves the mouse, presses keys and touches the screen through the very messages that the window system would
//! send, so that whatever a script does, a hand could have done. Only what has neither pad nor key (tempo, volume, mute, solo) is asked
//! of the session directly. Used for tests and for pictures; the language is in the README.

mod hands;
mod keys;
mod parse;
mod report;

pub(crate) use parse::ScriptError;

use crate::{
    deed::Selection,
    keep::Keep,
    labels,
    link::{Link, Now},
    motion::Motion,
    playfield::{
        layout::{Layout, Target},
        pointer::FINGER_FRAME_MAX,
    },
    screen::Screen,
    shot::{self, Shot},
    spots::Spots,
    theme::Scale,
    toasts::Toasts,
    wishes,
};
use bevy::{diagnostic::FrameCount, ecs::system::SystemParam, prelude::*, window::FileDragAndDrop};
use bevy_egui::{EguiContext, PrimaryEguiContext, input::EguiWantsInput};
use hands::{Gesture, Gestures, Hands};
use keyboardia_session::{Action, Command, Track, TrackId, View};
use parse::{Condition, Line, Request, Spot, Step};
use std::{collections::VecDeque, path::PathBuf, time::Duration};

/// Longest time that a step may wait. A frame that takes long counts little, so that a machine that stands still does not
/// use it up before anything could happen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Exit code of a script that did not come to its end.
const FAILED: u8 = 2;
/// Least difference between two tempos, BPM.
const TEMPO_STEP: f64 = 0.01;

/// A script that is being played.
#[derive(Resource, Debug)]
pub(crate) struct Script {
    lines: VecDeque<Line>,
    shots: PathBuf,
    /// What the hands still do for the present step.
    gestures: Gestures,
    /// Until when the hands stay as they are.
    staying: Duration,
    /// When the present step began, in time that a long frame adds little to.
    since: Option<Duration>,
}

impl Script {
    /// Reads a script; its pictures go to `shots`.
    pub(crate) fn parse(text: &str, shots: PathBuf) -> Result<Self, ScriptError> {
        let lines = parse::parse(text)?.into();
        Ok(Self { lines, shots, gestures: Gestures::default(), staying: Duration::ZERO, since: None })
    }
}

/// What the script looks at.
#[derive(SystemParam)]
struct Scene<'w, 's> {
    now: Res<'w, Now>,
    link: Res<'w, Link>,
    layout: Res<'w, Layout>,
    scale: Res<'w, Scale>,
    screen: Res<'w, State<Screen>>,
    selection: Res<'w, Selection>,
    time: Res<'w, Time<Real>>,
    patience: Res<'w, Time<Virtual>>,
    frames: Res<'w, FrameCount>,
    motion: ResMut<'w, Motion>,
    toasts: Res<'w, Toasts>,
    wants: Res<'w, EguiWantsInput>,
    shot: ResMut<'w, Shot>,
    files: MessageWriter<'w, FileDragAndDrop>,
    keep: MessageWriter<'w, Keep>,
    spots: Res<'w, Spots>,
    context: Single<'w, 's, &'static mut EguiContext, With<PrimaryEguiContext>>,
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(First, play.run_if(resource_exists::<Script>).after(bevy::ecs::message::MessageUpdateSystems));
}

fn play(
    mut script: ResMut<Script>,
    mut hands: Hands,
    mut scene: Scene,
    mut commands: Commands,
    mut exit: MessageWriter<AppExit>,
) {
    // As the finger on the playfield, which a slow frame does not make older than a quick one.
    script.staying = script.staying.saturating_sub(scene.time.delta().min(FINGER_FRAME_MAX));
    if !script.staying.is_zero() {
        return;
    }
    match script.gestures.next() {
        Some(Gesture::Stay(pause)) => {
            script.staying = pause;
            return;
        }
        Some(gesture) => return hands.make(gesture),
        None => {}
    }
    while let Some(line) = script.lines.front().cloned() {
        let now = scene.patience.elapsed();
        let since = *script.since.get_or_insert(now);
        let waited = now.saturating_sub(since);
        match carry_out(&line.step, waited, &mut script, &mut hands, &mut scene, &mut commands) {
            Ok(Progress::Done) => {
                script.lines.pop_front();
                script.since = None;
                if !script.gestures.is_empty() {
                    return;
                }
            }
            Ok(Progress::Waiting) if waited > PATIENCE => {
                let (waited, seen) = (PATIENCE.as_secs(), report::outline(*scene.screen.get(), scene.now.player()));
                eprintln!("keyboardia: line {} of the script: waited {waited} s in vain; {seen}.", line.number);
                exit.write(AppExit::from_code(FAILED));
                script.lines.clear();
            }
            Ok(Progress::Waiting | Progress::Resting) => return,
            Ok(Progress::Quit) => {
                exit.write(AppExit::Success);
                script.lines.clear();
            }
            Err(reason) => {
                eprintln!("keyboardia: line {} of the script: {reason}", line.number);
                exit.write(AppExit::from_code(FAILED));
                script.lines.clear();
            }
        }
    }
}

/// How far a step has come.
enum Progress {
    Done,
    Waiting,
    /// As `Waiting`, but as long as it takes.
    Resting,
    Quit,
}

fn carry_out(
    step: &Step,
    waited: Duration,
    script: &mut Script,
    hands: &mut Hands,
    scene: &mut Scene,
    commands: &mut Commands,
) -> Result<Progress, String> {
    let done_if = |done| if done { Progress::Done } else { Progress::Waiting };
    let gestures = &mut script.gestures;
    match step {
        Step::Wait(Condition::Size(size)) => {
            let window = hands.window.1.size();
            let is_laid_out = (scene.layout.size * scene.scale.0).distance(window) < 1.0;
            return Ok(done_if(window == size.as_vec2() && is_laid_out));
        }
        Step::Wait(condition) => return Ok(done_if(holds(condition, scene))),
        Step::Frames(frames) => gestures.rest(*frames),
        Step::Pause(pause) => {
            if waited < *pause {
                return Ok(Progress::Resting);
            }
        }
        Step::Press(spot) | Step::Hover(spot) | Step::Menu(spot) | Step::Tap(spot) | Step::Hold(spot) => {
            gestures.at(step, place(spot, scene)?);
        }
        Step::Drag(from, to, copy) => gestures.drag(place(from, scene)?, place(to, scene)?, *copy),
        Step::Pull(spot, by) => {
            let from = place(spot, scene)?;
            gestures.drag(from, from + *by, false);
        }
        Step::Carry(from, to) => gestures.hold(place(from, scene)?, Some(place(to, scene)?)),
        Step::Swipe(from, to) => gestures.swipe(place(from, scene)?, place(to, scene)?),
        Step::Select(spot) => {
            let Some(key) = way(spot, scene)? else { return Ok(Progress::Done) };
            gestures.press_key(key);
            return Ok(Progress::Waiting);
        }
        Step::Move(place) => gestures.go(*place),
        Step::Click(place, button) => gestures.click(*place, *button),
        Step::Touch(place) => gestures.tap(*place),
        Step::Key(chord) => gestures.strike(*chord),
        Step::Type(text) => gestures.type_text(text),
        Step::File(path) => {
            scene.files.write(FileDragAndDrop::DroppedFile { window: hands.window.0, path_buf: path.clone() });
        }
        Step::Keep(wish) => {
            scene.keep.write(wish.clone());
        }
        Step::Play(play) => {
            if wishes::playing(session(scene)?) != *play {
                gestures.press_key(KeyCode::Space);
            }
        }
        Step::Ask(request) => {
            let command = command(*request, scene)?;
            scene.link.command(command);
        }
        Step::Resize(size) => {
            hands.window.1.resolution.set(size.x as f32, size.y as f32);
            gestures.rest(4);
        }
        Step::Freeze => {
            scene.motion.hold();
            scene.context.get_mut().all_styles_mut(|style| {
                style.animation_time = 0.0;
                style.visuals.text_cursor.blink = false;
            });
            gestures.rest(2);
        }
        Step::PrintState => {
            let mut state = report::state(session(scene)?, scene.frames.0);
            state["previewing"] =
                scene.now.player().and_then(|player| Some(player.previewing.as_ref()?.to_string())).into();
            state["master_db"] = scene.link.ears().master.map(keyboardia_session::Gain::db).into();
            state["hearing"] = scene.now.player().map(|player| report::hearing(&player.hearing)).into();
            println!("{state}");
        }
        Step::PrintLayout => {
            println!("{}", report::layout(&scene.layout, scene.scale.0 * hands.window.1.scale_factor()));
        }
        Step::PrintClipped => {
            let clipped = labels::clipped(scene.context.get_mut());
            println!("{}", serde_json::json!({ "clipped": clipped }));
        }
        Step::Screenshot(file) => match &*scene.shot {
            Shot::None => {
                shot::take(commands, script.shots.join(file));
                return Ok(Progress::Waiting);
            }
            Shot::Waiting(_) => return Ok(Progress::Waiting),
            Shot::Taken(path) => {
                if !std::fs::metadata(path).is_ok_and(|file| file.len() > 0) {
                    return Err(format!("the picture {} could not be written.", path.display()));
                }
                *scene.shot = Shot::None;
            }
        },
        Step::Quit => return Ok(Progress::Quit),
    }
    Ok(Progress::Done)
}

/// What lies at a place of the grid.
fn target(spot: &Spot, scene: &Scene) -> Result<Target, String> {
    session(scene)?;
    let track = |column: usize| scene.layout.tracks().nth(column);
    let row = |row: usize| scene.layout.scenes().nth(row);
    let target = match spot {
        Spot::Pad(column, at) => track(*column).zip(row(*at)).map(|(track, scene)| Target::Pad(track, scene)),
        Spot::Scene(at) => row(*at).map(Target::Scene),
        Spot::Stop(column) => track(*column).map(Target::Stop),
        Spot::StopAll => Some(Target::StopAll),
        Spot::Head(column) => track(*column).map(Target::Head),
        Spot::AddTrack => Some(Target::AddTrack),
        Spot::AddScene => Some(Target::AddScene),
        Spot::Named(_) | Spot::At(_) => None,
    };
    target.ok_or_else(|| format!("{spot:?} is not there."))
}

/// The middle of what is there, logical pixels.
fn place(spot: &Spot, scene: &Scene) -> Result<Vec2, String> {
    match spot {
        Spot::At(place) => Ok(*place),
        Spot::Named(name) => {
            let found =
                scene.spots.find(name).ok_or_else(|| format!("nothing that is called “{name}” is to be seen."))?;
            Ok(Vec2::new(found.center().x, found.center().y) * scene.scale.0)
        }
        spot => Ok(scene.layout.rect(target(spot, scene)?).center() * scene.scale.0),
    }
}

/// The arrow key that leads from what is selected to a place; none when it is there.
fn way(spot: &Spot, scene: &Scene) -> Result<Option<KeyCode>, String> {
    let wanted = target(spot, scene)?;
    let Some(selected) = scene.selection.0.filter(|target| scene.layout.has(*target)) else {
        return Ok(Some(KeyCode::ArrowDown));
    };
    let [to, from] = [wanted, selected].map(|target| scene.layout.rect(target).center());
    let (right, down) = (to.x - from.x, to.y - from.y);
    Ok(if selected == wanted {
        None
    } else if right.abs() > 1.0 {
        Some(if right > 0.0 { KeyCode::ArrowRight } else { KeyCode::ArrowLeft })
    } else {
        Some(if down > 0.0 { KeyCode::ArrowDown } else { KeyCode::ArrowUp })
    })
}

fn command(request: Request, scene: &Scene) -> Result<Command, String> {
    let view = session(scene)?;
    let track = |column| -> Result<TrackId, String> {
        scene.layout.tracks().nth(column).ok_or_else(|| format!("track {column} is not there."))
    };
    Ok(match request {
        Request::Tempo(tempo) => Command::SetTempo(tempo),
        Request::Quantise(quantise) => Command::SetQuantise(quantise),
        Request::Volume(column, gain) => Command::SetGain { track: track(column)?, gain },
        Request::Mute(column, mute) => Command::SetMute { track: track(column)?, mute },
        Request::Solo(column, solo) => Command::SetSolo { track: track(column)?, solo },
        Request::Lock(locked) => Command::SetLocked(locked),
        Request::Removal(row, remove) => {
            let player = view.state.players().get(row).ok_or_else(|| format!("player {row} is not there."))?;
            Command::SetRemoval { seat: player.seat, remove }
        }
    })
}

fn session<'a>(scene: &'a Scene) -> Result<&'a View, String> {
    let view = scene.now.session().filter(|_| *scene.screen.get() == Screen::Jam);
    view.ok_or_else(|| "this needs a jam; write “wait joined” before it.".into())
}

fn holds(condition: &Condition, scene: &Scene) -> bool {
    match condition {
        Condition::Quiet => return scene.toasts.is_empty(),
        Condition::Seen(name, seen) => return scene.spots.find(name).is_some() == *seen,
        Condition::Typing => return scene.wants.wants_any_keyboard_input(),
        _ => {}
    }
    let Ok(view) = session(scene) else {
        return *condition == Condition::Title && *scene.screen.get() == Screen::Title;
    };
    let track = |column: usize| view.state.tracks().get(column);
    let is_row = |at, row: usize| view.state.scene_position(at) == Some(row);
    let beat = view.beat();
    match *condition {
        Condition::Title | Condition::Quiet | Condition::Typing | Condition::Size(_) | Condition::Seen(..) => false,
        Condition::Joined => view.now.is_some(),
        Condition::Beat(least) => view.is_playing() && beat.as_f64() >= least,
        Condition::Playing(column, row) => {
            let playing = track(column).and_then(|track| track.playing_at(beat));
            view.is_playing() && playing.is_some_and(|playing| is_row(playing.scene, row))
        }
        Condition::Queued(column, row) => {
            let queued = track(column).and_then(|track| track.queued_at(beat)).map(|queued| queued.action);
            matches!(queued, Some(Action::Launch(scene)) if is_row(scene, row))
        }
        Condition::Stopped(column) => track(column).is_some_and(|track| !track.is_sounding_at(beat)),
        Condition::Filled(column, row, filled) => {
            let clip = |track: &Track| Some(track.clip(view.state.scenes().get(row)?.id).is_some());
            track(column).and_then(clip) == Some(filled)
        }
        Condition::Transport(plays) => view.is_playing() == plays,
        Condition::Tempo(bpm) => (view.state.transport().last().tempo.bpm() - bpm).abs() < TEMPO_STEP,
        Condition::Undo(count) => view.history.0 == count,
        Condition::Redo(count) => view.history.1 == count,
        Condition::Locked(locked) => view.state.is_locked() == locked,
        Condition::Settled => view.pending.is_empty(),
        Condition::Tracks(count) => view.state.tracks().len() == count,
        Condition::Scenes(count) => view.state.scenes().len() == count,
        Condition::Players(count) => view.state.players().iter().filter(|player| player.present).count() >= count,
        Condition::Loaded => scene.now.player().is_some_and(|player| player.loading.is_empty()),
    }
}
