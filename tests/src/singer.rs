//! Players who record what is heard in a room, and what their recordings are like.

use crate::{bots::state, process::wait_for};
use keyboardia_player::{
    Output, Player, PlayerOptions,
    recording::{LoopLength, TakeRequest, TakeShape},
};
use keyboardia_session::{Cell, Clip, Name, SampleInfo, SoundId, check_wav};
use std::fs;
use tempfile::TempDir;

/// Share of a tick's peak that is its beginning.
const ONSET_SHARE: f32 = 0.2;
/// How far around its beat a tick is looked for, seconds.
const AROUND_S: f64 = 0.1;
const RATE: f64 = 48_000.0;

/// A player with a loudspeaker and a microphone.
pub struct Singer {
    /// The player.
    pub player: Player,
    /// What the microphone was found to be late by, microseconds.
    pub nudge_us: i32,
    sounds: TempDir,
}

impl Singer {
    /// Joins a session, to be heard through the room's loudspeaker.
    pub fn join(host: &str, code: &str) -> Self {
        Self::with(host, code, Output::Default)
    }

    /// Joins a session without a loudspeaker, to have what the others record.
    pub fn join_silently(host: &str, code: &str) -> Self {
        Self::with(host, code, Output::Silent)
    }

    fn with(host: &str, code: &str, output: Output) -> Self {
        let sounds = tempfile::tempdir().expect("a directory");
        let player = Player::join(PlayerOptions {
            host: host.to_owned(),
            code: Some(code.to_owned()),
            output,
            samples: Some(sounds.path().to_owned()),
            ..PlayerOptions::default()
        });
        Self { player, nudge_us: 0, sounds }
    }

    /// Finds out how late the microphone is; the music must play.
    pub fn calibrate(&mut self) {
        self.player.calibrate(None);
        self.nudge_us = wait_for("a calibration", || {
            let view = self.player.view();
            assert!(view.sentences.is_empty(), "{:?}", view.sentences);
            view.input_nudge_us
        });
    }

    /// Begins to record a loop of so many bars.
    pub fn sing(&self, bars: u8, cell: Cell, waits: bool) {
        self.record(TakeShape::Loop(LoopLength::Bars(bars)), cell, waits);
    }

    /// Begins to record.
    pub fn record(&self, shape: TakeShape, cell: Cell, waits: bool) {
        let request = TakeRequest { shape, device: None, input_nudge_us: self.nudge_us };
        self.player.record(request, cell, true, Name::sanitised("Voice"), waits);
    }

    /// The clip that lies in a slot, once its sound is in this player's memory.
    pub fn clip(&self, cell: Cell) -> Clip {
        wait_for("a clip", || {
            let view = self.player.view();
            assert!(view.sentences.is_empty(), "{:?}", view.sentences);
            let clip = state(&self.player).clip(cell).cloned()?;
            self.has(&clip.sound).then_some(clip)
        })
    }

    /// Whether an own sound is in this player's memory.
    pub fn has(&self, sound: &SoundId) -> bool {
        let view = self.player.view();
        view.overviews.contains_key(sound) && !view.loading.contains(sound)
    }

    /// The file of an own sound that this player has.
    pub fn file(&self, clip: &Clip) -> Vec<u8> {
        let hash = clip.sound.sample().expect("an own sound");
        fs::read(self.sounds.path().join(format!("{hash}.wav"))).expect("a kept sound")
    }
}

/// How far the ticks of a recorded loop are from their beats, seconds; the first one has no silence before it, and is left
/// out.
///
/// # Panics
/// If the file is no sound of the session.
pub fn offs(file: &[u8], beats: usize, bpm: f64) -> Vec<f64> {
    let info: SampleInfo = check_wav(file).expect("a sound");
    let samples: Vec<f32> =
        info.samples(file).step_by(usize::from(info.channels)).map(|sample| f32::from(sample) / 32_768.0).collect();
    let offs = (1..beats).map(|beat| {
        let exact = beat as f64 * 60.0 / bpm * RATE;
        let from = (exact - AROUND_S * RATE) as usize;
        let window = &samples[from..(exact + AROUND_S * RATE) as usize];
        let peak = window.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        let onset = window.iter().position(|sample| sample.abs() >= ONSET_SHARE * peak).expect("a peak");
        ((from + onset) as f64 - exact) / RATE
    });
    offs.collect()
}
