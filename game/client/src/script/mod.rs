//! Scripts: the real window, played by a file instead of by hands.
//!
//! A script moves the mouse and presses keys through the very messages that the window system would send, so that
//! whatever a script does, a hand could have done. Only what has neither pad nor key (tempo, volume, mute, solo) is asked
//! of the session directly. Used for tests and for pictures; the language is in the README.

mod parse;

pub(crate) use parse::ScriptError;

use crate::{
    link::{Link, Now},
    playfield::layout::{Layout, Target},
    screen::Screen,
    shot::{self, Shot},
    theme::Scale,
    wishes,
};
use bevy::ecs::system::SystemParam;
use bevy::{
    diagnostic::FrameCount,
    input::{
        ButtonState,
        keyboard::{Key, KeyboardInput},
        mouse::MouseButtonInput,
    },
    prelude::*,
    window::{CursorMoved, PrimaryWindow, WindowEvent},
};
use keyboardia_player::Hearing;
use keyboardia_session::{Action, View};
use parse::{Condition, Line, Step};
use std::{collections::VecDeque, path::PathBuf, time::Duration};

/// Longest time that a step may wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// Exit code of a script that did not come to its end.
const FAILED: u8 = 2;

/// A script that is being played.
#[derive(Resource, Debug)]
pub(crate) struct Script {
    lines: VecDeque<Line>,
    shots: PathBuf,
    /// What the hands still do for the present step, one a frame.
    gestures: VecDeque<Gesture>,
    /// When the present step began.
    since: Option<Duration>,
}

/// Something that a hand does within one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Gesture {
    Move(Vec2),
    Button(ButtonState),
    Key(KeyCode, ButtonState),
    /// Lets the window follow.
    Rest,
}

impl Script {
    /// Reads a script; its pictures go to `shots`.
    pub(crate) fn parse(text: &str, shots: PathBuf) -> Result<Self, ScriptError> {
        Ok(Self { lines: parse::parse(text)?.into(), shots, gestures: VecDeque::new(), since: None })
    }
}

/// The window's messages, as the window system sends them: once by kind, and once in one stream.
#[derive(SystemParam)]
struct Hands<'w, 's> {
    window: Single<'w, 's, (Entity, &'static mut Window), With<PrimaryWindow>>,
    all: MessageWriter<'w, WindowEvent>,
    moves: MessageWriter<'w, CursorMoved>,
    buttons: MessageWriter<'w, MouseButtonInput>,
    keys: MessageWriter<'w, KeyboardInput>,
}

impl Hands<'_, '_> {
    fn make(&mut self, gesture: Gesture) {
        let window = self.window.0;
        match gesture {
            Gesture::Move(position) => {
                let moved = CursorMoved { window, position, delta: None };
                self.all.write(moved.clone().into());
                self.moves.write(moved);
            }
            Gesture::Button(state) => {
                let button = MouseButtonInput { button: MouseButton::Left, state, window };
                self.all.write(button.into());
                self.buttons.write(button);
            }
            Gesture::Key(key_code, state) => {
                let logical_key = logical(key_code);
                let key = KeyboardInput { key_code, logical_key, state, text: None, repeat: false, window };
                self.all.write(key.clone().into());
                self.keys.write(key);
            }
            Gesture::Rest => {}
        }
    }
}

/// What the script looks at.
#[derive(SystemParam)]
struct Scene<'w> {
    now: Res<'w, Now>,
    link: Res<'w, Link>,
    layout: Res<'w, Layout>,
    scale: Res<'w, Scale>,
    screen: Res<'w, State<Screen>>,
    time: Res<'w, Time<Real>>,
    frames: Res<'w, FrameCount>,
    shot: ResMut<'w, Shot>,
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
    if let Some(gesture) = script.gestures.pop_front() {
        return hands.make(gesture);
    }
    while let Some(line) = script.lines.front().cloned() {
        let now = scene.time.elapsed();
        let since = *script.since.get_or_insert(now);
        match carry_out(&line.step, now.saturating_sub(since), &mut script, &mut hands, &mut scene, &mut commands) {
            Ok(Progress::Done) => {
                script.lines.pop_front();
                script.since = None;
                if !script.gestures.is_empty() {
                    return;
                }
            }
            Ok(Progress::Waiting) if now.saturating_sub(since) > PATIENCE => {
                let waited = PATIENCE.as_secs();
                eprintln!("keyboardia: line {} of the script: waited {waited} s in vain.", line.number);
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
    match step {
        Step::Wait(condition) => return Ok(done_if(holds(*condition, scene))),
        Step::Pause(pause) => {
            if waited < *pause {
                return Ok(Progress::Resting);
            }
        }
        Step::Press(target) => click(script, place(*target, scene)?),
        Step::Hover(target) => script.gestures.extend([Gesture::Move(place(*target, scene)?), Gesture::Rest]),
        Step::Click(place) => click(script, *place),
        Step::Key(key) => tap(script, *key),
        Step::Play(play) => {
            if wishes::playing(session(scene)?) != *play {
                tap(script, KeyCode::Space);
            }
        }
        Step::Ask(command) => {
            session(scene)?;
            scene.link.command(command.clone());
        }
        Step::Resize(size) => {
            hands.window.1.resolution.set(size.x as f32, size.y as f32);
            script.gestures.extend([Gesture::Rest; 4]);
        }
        Step::PrintState => {
            let mut state = describe(session(scene)?, scene.frames.0);
            state["hearing"] = scene.now.player().map(|player| hearing(&player.hearing)).into();
            println!("{state}");
        }
        Step::PrintLayout => {
            println!("{}", describe_layout(&scene.layout, scene.scale.0 * hands.window.1.scale_factor()));
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

fn click(script: &mut Script, at: Vec2) {
    let (down, up) = (Gesture::Button(ButtonState::Pressed), Gesture::Button(ButtonState::Released));
    // egui learns of the hovered widget a frame after the move.
    script.gestures.extend([Gesture::Move(at), Gesture::Rest, down, up, Gesture::Rest]);
}

fn tap(script: &mut Script, key: KeyCode) {
    let (down, up) = (Gesture::Key(key, ButtonState::Pressed), Gesture::Key(key, ButtonState::Released));
    script.gestures.extend([down, up, Gesture::Rest]);
}

/// The middle of a target, logical pixels.
fn place(target: Target, scene: &Scene) -> Result<Vec2, String> {
    session(scene)?;
    if scene.layout.has(target) {
        Ok(scene.layout.rect(target).center() * scene.scale.0)
    } else {
        Err(format!("{target:?} is not there."))
    }
}

fn session<'a>(scene: &'a Scene) -> Result<&'a View, String> {
    let view = scene.now.session().filter(|_| *scene.screen.get() == Screen::Jam);
    view.ok_or_else(|| "this needs a jam; write “wait joined” before it.".into())
}

fn holds(condition: Condition, scene: &Scene) -> bool {
    let in_jam = |test: &dyn Fn(&View) -> bool| session(scene).is_ok_and(test);
    match condition {
        Condition::Joined => in_jam(&|view| view.now.is_some()),
        Condition::Title => *scene.screen.get() == Screen::Title,
        Condition::Beat(beat) => in_jam(&|view| view.is_playing() && view.beat().as_f64() >= beat),
        Condition::Playing(track, row) => in_jam(&|view| {
            let playing = view.state.track(track).and_then(|track| track.playing_at(view.beat()));
            view.is_playing() && playing.is_some_and(|playing| playing.scene == row)
        }),
        Condition::Queued(track, row) => in_jam(&|view| {
            let queued = view.state.track(track).and_then(|track| track.queued_at(view.beat()));
            queued.is_some_and(|queued| queued.action == Action::Launch(row))
        }),
        Condition::Stopped(track) => {
            in_jam(&|view| view.state.track(track).is_some_and(|track| !track.is_sounding_at(view.beat())))
        }
        Condition::Players(count) => {
            in_jam(&|view| view.state.players().iter().filter(|player| player.present).count() >= count)
        }
        Condition::Loaded => {
            session(scene).is_ok() && scene.now.player().is_some_and(|player| player.loading.is_empty())
        }
    }
}

/// The state of a session, as one line of JSON.
fn describe(view: &View, frames: u32) -> serde_json::Value {
    let beat = view.beat();
    let tracks = || view.state.tracks().iter();
    let playing = tracks().map(|track| track.playing_at(beat).map(|playing| playing.scene.0));
    let queued = tracks().map(|track| match track.queued_at(beat)?.action {
        Action::Launch(scene) => Some(serde_json::json!(scene.0)),
        Action::Stop => Some(serde_json::json!("stop")),
    });
    serde_json::json!({
        "beat": beat.as_f64(),
        "tempo": view.state.transport().last().tempo.bpm(),
        "playing": view.is_playing(),
        "tracks": playing.collect::<Vec<_>>(),
        "queued": queued.collect::<Vec<_>>(),
        "muted": tracks().map(|track| track.mute).collect::<Vec<_>>(),
        "soloed": tracks().map(|track| track.solo).collect::<Vec<_>>(),
        "players": view.state.players().iter().map(|player| player.name.to_string()).collect::<Vec<_>>(),
        "seq": view.state.seq(),
        "frame": frames,
    })
}

/// What becomes of the sound, in words.
fn hearing(hearing: &Hearing) -> String {
    match hearing {
        Hearing::Starting => "starting".into(),
        Hearing::Playing { device, .. } => device.clone(),
        Hearing::Silent(why) => why.clone(),
    }
}

/// Where the pads are, as one line of JSON: `pads[track][scene]` is left, top, width and height in pixels.
fn describe_layout(layout: &Layout, scale: f32) -> serde_json::Value {
    let pad = |track, scene| {
        let rect = layout.pad(track, scene);
        [rect.min.x, rect.min.y, rect.width(), rect.height()].map(|side| (side * scale).round())
    };
    let column = |track| layout.scenes().map(|scene| pad(track, scene)).collect::<Vec<_>>();
    serde_json::json!({ "pads": layout.tracks().map(column).collect::<Vec<_>>() })
}

fn logical(key: KeyCode) -> Key {
    match key {
        KeyCode::Escape => Key::Escape,
        KeyCode::Enter => Key::Enter,
        KeyCode::Tab => Key::Tab,
        _ => Key::Space,
    }
}
