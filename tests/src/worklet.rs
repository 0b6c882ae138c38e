//! The engine of the browser in V8, without a browser: what its sound costs.

use crate::rig::{START, bpm, playing, score, sound, track_of, voice};
use keyboardia_audio::ToEngine;
use keyboardia_engine::{
    device::Way,
    sound::{SessionClock, ToSound},
};
use keyboardia_session::{Beats, Micros, clock::ClockLine};
use serde_json::json;
use std::{path::Path, process::Command};

/// Frames a second.
const RATE: u32 = 48_000;
/// Voices, one a track.
const VOICES: usize = 64;
/// Sound that is rendered, seconds.
const SECONDS: u32 = 20;
/// Length of each voice's sound, frames.
const FRAMES: usize = 96_000;

/// Share of a block's time that 64 voices take, at a tempo at which each has to be interpolated.
///
/// # Panics
/// When node or the engine is missing.
pub fn share_of_64_voices(engine: &Path) -> f64 {
    let transport = playing(bpm(133.0));
    let names: Vec<String> = (0..VOICES).map(|index| format!("tone-{index}")).collect();
    let length = Beats::from_f64(4.0);
    let tracks = names.iter().map(|name| track_of(voice(name, Beats::ZERO, length))).collect();
    let line = ClockLine { local: Micros(0), offset_us: START.0 as f64, skew: 0.0, slew: 0.0 };
    let told = [
        ToSound::Engine(ToEngine::Score(Box::new(score(&transport, tracks)))),
        ToSound::Engine(ToEngine::Keep(names.iter().map(|name| sound(name)).collect())),
        ToSound::Clock(Some(SessionClock { line, jumps: 0, nudge_us: 0 })),
        ToSound::Way(Some(Way { frame: 0, local_ns: 0, frame_ns: 1e9 / f64::from(RATE) })),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    let keep = |name: &str, bytes: &[u8]| std::fs::write(dir.path().join(name), bytes).expect("a file");
    for (index, message) in told.iter().enumerate() {
        keep(&format!("message-{index}"), &postcard::to_extend(message, Vec::new()).expect("bytes"));
    }
    for (index, name) in names.iter().enumerate() {
        let step = std::f64::consts::TAU * (100.0 + 10.0 * index as f64) / f64::from(RATE);
        let frames = (0..FRAMES).map(|frame| (0.01 * (step * frame as f64).sin()) as f32);
        keep(name, &frames.flat_map(|x| [x, x]).flat_map(f32::to_le_bytes).collect::<Vec<u8>>());
    }
    let all = json!({ "rate": RATE, "tracks": VOICES, "seconds": SECONDS, "messages": told.len(), "samples": names });
    keep("score.json", all.to_string().as_bytes());
    let output = Command::new("node").arg("browser/engine.mjs").arg(engine).arg(dir.path()).output().expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a share")
}
