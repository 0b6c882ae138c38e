//! What a script prints: the state of the session and of the window, as lines of JSON.

use crate::{playfield::layout::Layout, screen::Screen};
use keyboardia_player::{Hearing, PlayerView};
use keyboardia_session::{Action, Clip, Scene, SceneId, Track, View};
use serde_json::{Value, json};

/// The state of a session. Under `session` stands only what players have made of it, by place and not by number, so that
/// two performances can be compared; the rest passes with time.
pub(super) fn state(view: &View, frames: u32) -> Value {
    let beat = view.beat();
    let tracks = || view.state.tracks().iter();
    json!({
        "beat": beat.as_f64(),
        "tempo": view.state.transport().last().tempo.bpm(),
        "playing": view.state.transport().last().playing,
        "tracks": tracks().map(|track| playing(view, track)).collect::<Vec<_>>(),
        "queued": tracks().map(|track| queued(view, track)).collect::<Vec<_>>(),
        "muted": tracks().map(|track| track.mute).collect::<Vec<_>>(),
        "soloed": tracks().map(|track| track.solo).collect::<Vec<_>>(),
        "players": view.state.players().iter().map(|player| player.name.to_string()).collect::<Vec<_>>(),
        "locked": view.state.is_locked(),
        "pending": view.pending.len(),
        "seq": view.state.seq(),
        "frame": frames,
        "session": session(view),
    })
}

/// Where the window is, in a few words, for who wonders why a script came no further.
pub(super) fn outline(screen: Screen, player: Option<&PlayerView>) -> String {
    let player = player.map(|player| {
        let PlayerView { connection, loading, damaged, .. } = player;
        format!(", {connection:?}, {} sounds are loading, {} are damaged", loading.len(), damaged.len())
    });
    format!("the screen is {screen:?}{}", player.unwrap_or_default())
}

fn session(view: &View) -> Value {
    let state = &view.state;
    json!({
        "tempo": state.transport().last().tempo.bpm(),
        "playing": state.transport().last().playing,
        "quantise": state.quantise().label(),
        "signature": format!("{:?}", state.meters().at(view.beat()).signature),
        "scenes": state.scenes().iter().map(row_head).collect::<Vec<_>>(),
        "tracks": state.tracks().iter().map(|track| column(view, track)).collect::<Vec<_>>(),
        "undo": view.history.0,
        "redo": view.history.1,
    })
}

fn row_head(scene: &Scene) -> Value {
    json!({ "name": scene.name.to_string(), "colour": scene.colour.map(|colour| colour.0) })
}

fn column(view: &View, track: &Track) -> Value {
    let clips = view.state.scenes().iter().map(|scene| track.clip(scene.id).map(clip));
    json!({
        "name": track.name.to_string(),
        "colour": track.colour.0,
        "gain_db": track.gain.db(),
        "pan": track.pan.as_f32(),
        "mute": track.mute,
        "solo": track.solo,
        "clips": clips.collect::<Vec<_>>(),
        "playing": playing(view, track),
        "queued": queued(view, track),
    })
}

fn clip(clip: &Clip) -> Value {
    json!({
        "name": clip.name.to_string(),
        "sound": clip.sound.to_string(),
        "colour": clip.colour.0,
        "beats": clip.length.as_f64(),
        "looped": clip.looped,
        "gain_db": clip.gain.db(),
        "quantise": clip.quantise.map(keyboardia_session::Quantise::label),
    })
}

/// The row that a track plays, counted from the top.
fn playing(view: &View, track: &Track) -> Option<usize> {
    row(view, track.playing_at(view.beat())?.scene)
}

fn queued(view: &View, track: &Track) -> Option<Value> {
    match track.queued_at(view.beat())?.action {
        Action::Launch(scene) => row(view, scene).map(|row| json!(row)),
        Action::Stop => Some(json!("stop")),
    }
}

fn row(view: &View, scene: SceneId) -> Option<usize> {
    view.state.scene_position(scene)
}

/// What becomes of the sound, in words.
pub(super) fn hearing(hearing: &Hearing) -> String {
    match hearing {
        Hearing::Starting => "starting".into(),
        Hearing::Playing { device, .. } => device.clone(),
        Hearing::Silent(why) => why.clone(),
    }
}

/// Where the pads and panels are: `pads[track][scene]` and the others are left, top, width and height in pixels.
pub(super) fn layout(layout: &Layout, scale: f32) -> Value {
    let place = |rect: bevy::math::Rect| {
        [rect.min.x, rect.min.y, rect.width(), rect.height()].map(|side| (side * scale).round())
    };
    let column = |track| layout.scenes().map(|scene| place(layout.pad(track, scene))).collect::<Vec<_>>();
    json!({
        "pads": layout.tracks().map(column).collect::<Vec<_>>(),
        "transport": place(layout.transport),
        "side": place(layout.side),
    })
}
