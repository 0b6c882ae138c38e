//! Renders a score offline through the production engine: the same decks, controller and limiter, pulled by a clock
//! that is exact.

use keyboardia_audio::{
    ClockOffset, Engine, EngineSettings, Nanos, PreviewRequest, PreviewStart, Renderer, Sample, engine,
};
use keyboardia_session::{
    Beats, Gain, Meters, Micros, Pan, Score, SoundId, Switch, Tempo, Timeline, TrackId, TrackScore, Transport, Voice,
};
use kira::Frame;
use std::sync::Arc;

/// Session time at which every rig begins; large, as UNIX time is.
pub const START: Micros = Micros(1_790_000_000_123_457);

/// A sound of the rig.
pub fn sound(name: &str) -> SoundId {
    SoundId::parse(name).expect("a sound's name")
}

/// A tempo of the rig.
pub fn bpm(bpm: f64) -> Tempo {
    Tempo::from_bpm(bpm).expect("a tempo")
}

/// A transport that has been playing since [`START`], where beat zero lies.
pub fn playing(tempo: Tempo) -> Transport {
    let mut transport = Transport::stopped(START, tempo);
    assert!(transport.schedule(Timeline { anchor_time: START, anchor_beat: Beats::ZERO, tempo, playing: true }));
    transport.settle(START);
    transport
}

/// A voice of the rig: looped, at unity.
pub fn voice(name: &str, start: Beats, length: Beats) -> Voice {
    Voice { sound: sound(name), start, length, looped: true, gain: Gain::UNITY }
}

/// A track that plays nothing yet and then these.
pub fn track(next: Vec<Switch>) -> TrackScore {
    TrackScore { id: TrackId(0), gain: Gain::UNITY, pan: Pan::CENTRE, audible: true, now: None, next }
}

/// A track that plays this now.
pub fn track_of(now: Voice) -> TrackScore {
    TrackScore { now: Some(now), ..track(Vec::new()) }
}

/// A launch on a rig's track.
pub fn launch(name: &str, start: Beats, length: Beats) -> Switch {
    Switch { at: start, voice: Some(voice(name, start, length)) }
}

/// These tracks, from left to right, on this transport.
pub fn score(transport: &Transport, tracks: Vec<TrackScore>) -> Score {
    let tracks = (0..).map(TrackId).zip(tracks).map(|(id, track)| TrackScore { id, ..track });
    Score { transport: transport.clone(), meters: Meters::default(), tracks: tracks.collect() }
}

/// Awkward tempos, BPM.
pub const TEMPOS: [f64; 4] = [97.3, 120.0, 133.0, 179.9];
/// Rates of sound cards, Hz.
pub const RATES: [u32; 2] = [44_100, 48_000];
/// Callback sizes as sound cards have them, awkward ones too, frames.
pub const CALLBACKS: [usize; 4] = [64, 128, 441, 1_024];

/// A tone at 48 kHz.
pub fn sine(hz: f64, frames: usize) -> impl Iterator<Item = f32> {
    (0..frames).map(move |i| (std::f64::consts::TAU * hz * i as f64 / 48_000.0).sin() as f32)
}

/// A tone below the limiter's ceiling.
pub fn soft_sine(hz: f64, frames: usize) -> impl Iterator<Item = f32> {
    sine(hz, frames).map(|x| 0.5 * x)
}

/// A tone that begins at its top, so that a bare start or end would click.
pub fn soft_cosine(hz: f64, frames: usize) -> impl Iterator<Item = f32> {
    (0..frames).map(move |i| (0.5 * (std::f64::consts::TAU * hz * i as f64 / 48_000.0).cos()) as f32)
}

/// The largest difference of two renderings.
pub fn difference(some: &[f32], other: &[f32]) -> f32 {
    some.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// A volume of the rig, decibels.
pub fn gain(db: f64) -> Gain {
    Gain::from_db(db).expect("a gain")
}

/// An engine under an exact clock.
pub struct Rig {
    /// The control side.
    pub engine: Engine,
    /// The callback side.
    pub renderer: Renderer,
    /// Frames rendered so far.
    pub frames: u64,
}

impl Rig {
    /// An engine of so many tracks, at [`START`].
    pub fn new(sample_rate: u32, tracks: usize) -> Self {
        let (engine, renderer) = engine(EngineSettings { sample_rate, tracks }).expect("an engine");
        Self { engine, renderer, frames: 0 }
    }

    /// Makes a sound of these left and right frames known.
    pub fn add(&mut self, name: &str, frames: impl IntoIterator<Item = f32>) {
        let frames = frames.into_iter().map(Frame::from_mono).collect();
        self.engine.add_sample(sound(name), Arc::new(Sample::new(frames).expect("some frames")));
    }

    /// Lets a sound of the rig be previewed.
    pub fn preview(&mut self, name: &str, length: Beats, looped: bool, start: PreviewStart) {
        let request = PreviewRequest { sound: sound(name), length, looped, start };
        assert!(self.engine.preview(&request), "{name} is known");
    }

    /// When a frame leaves the speaker.
    pub fn time_of(&self, frame: u64) -> Nanos {
        let ns = i128::from(frame) * 1_000_000_000 / i128::from(self.renderer.sample_rate());
        Nanos(Nanos::from_micros(START).0 + ns as i64)
    }

    /// The sound goes to another device, which asks for its first frame so much later, seconds.
    pub fn change_device(&mut self, sample_rate: u32, later_s: f64) {
        let at_s = self.frames as f64 / f64::from(self.renderer.sample_rate()) + later_s;
        self.renderer.set_device(sample_rate);
        self.frames = (at_s * f64::from(sample_rate)).ceil() as u64;
    }

    /// Renders `frames` frames in callbacks of `block`; appends the left channel to `out`.
    pub fn render(&mut self, frames: usize, block: usize, out: &mut Vec<f32>) {
        let mut buffer = vec![0.0; 2 * block];
        let mut left = frames;
        while left > 0 {
            let count = left.min(block);
            let at = self.time_of(self.frames);
            self.renderer.render(&mut buffer[..2 * count], 2, at, ClockOffset::default());
            out.extend(buffer[..2 * count].iter().step_by(2));
            self.frames += count as u64;
            left -= count;
        }
    }

    /// The fractional frame at which `beat` should leave the speaker, by the transport's own arithmetic.
    pub fn frame_of(&self, transport: &Transport, beat: Beats) -> f64 {
        // `time_at` is exact to a microsecond; the fraction below it comes from the line's own tempo.
        let time = transport.time_at(beat, START).expect("a playing transport");
        let line = transport.timeline_at(time);
        let seconds = (beat - line.anchor_beat).as_f64() / line.tempo.beats_per_second();
        let since_start = (line.anchor_time.since(START)) as f64 / 1e6 + seconds;
        since_start * f64::from(self.renderer.sample_rate())
    }
}
