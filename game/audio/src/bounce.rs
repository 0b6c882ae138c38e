//! A stretch of a score as fast as it can be computed: what the players hear, through the engine that they hear it with.
//!
//! A bounce is pulled block by block; whoever no longer wants it drops it. It begins rendering a little before its first
//! frame, so that loops are in full swing there and the limiter knows what came before, and throws that away.

use crate::{
    engine::{Engine, EngineError, EngineSettings, engine_with},
    limits::{BOUNCE_BLOCK_FRAMES, BOUNCE_FRAMES_MAX, BOUNCE_LEAD_IN_S, STEM_HEADROOM},
    pacer::{ClockOffset, Mastering},
    renderer::Renderer,
    sample::Sample,
    time_map::Nanos,
};
use keyboardia_session::{Beats, Micros, Score, SoundId, Timeline, TrackId, Transport};
use kira::{Frame, effect::Effect, info::Info};
use std::sync::Arc;
use thiserror::Error;

/// Channels of a bounce.
pub const BOUNCE_CHANNELS: u16 = 2;
/// When a score that stands still is let play: long after the beginning of time, as every session is.
const STEADY_START: Micros = Micros(1_000_000_000_000_000);
/// What nanoseconds are divided by, if they were nano-beats times this, to be by milli-BPM.
const NANOS_PER_NANO_BEAT: i128 = 60_000;

/// Why a stretch cannot be bounced. Each reads as a sentence for the player.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BounceError {
    /// There is no such column.
    #[error("The track that was to be bounced is gone.")]
    NoTrack,
    /// No length, or more than [`BOUNCE_FRAMES_MAX`].
    #[error("A bounce lasts at least one frame and at most an hour.")]
    Length,
    /// A sound that is needed is not in memory.
    #[error("The sound “{0}” is not here yet.")]
    Missing(SoundId),
    /// The engine could not be made.
    #[error("The bounce could not be begun.")]
    Engine(#[from] EngineError),
}

/// What of a score is bounced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All that is heard, as it leaves the limiter.
    Master,
    /// One track as it is heard, all others silent, before the limiter: added up, the stems are what goes into it.
    Stem(TrackId),
}

/// What is bounced, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BounceSettings {
    /// Frames a second, Hz.
    pub sample_rate: u32,
    /// The beat of its first frame.
    pub from: Beats,
    /// How many beats, positive.
    pub length: Beats,
    /// All of it, or a track.
    pub part: Part,
}

/// How far a bounce is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Frames that were handed out.
    pub done: u64,
    /// Frames that there are.
    pub total: u64,
}

/// See the module.
pub struct Bounce {
    /// Keeps what the callback side plays.
    _engine: Engine,
    renderer: Renderer,
    /// When its first frame leaves the speaker.
    start: Nanos,
    total: u64,
    done: u64,
    is_led_in: bool,
    /// What the frames are multiplied by.
    gain: f32,
    block: Vec<f32>,
}

/// Ends a mix that is not limited: kira cuts off what is above full scale, so it leaves softer by [`STEM_HEADROOM`], a
/// power of two, which costs no bit.
pub(crate) struct Headroom;

impl Effect for Headroom {
    fn process(&mut self, input: &mut [Frame], _dt: f64, _info: &Info) {
        for frame in input {
            *frame *= 1.0 / STEM_HEADROOM;
        }
    }
}

impl Bounce {
    /// Prepares a stretch of a score. `sample` gives the sounds that it needs. The tempo is the score's own, with every
    /// change that is known to come, where it plays all through the stretch; otherwise the last one it has, throughout.
    ///
    /// # Errors
    /// [`BounceError`]: why it cannot be had.
    pub fn new(
        score: &Score,
        sample: impl Fn(&SoundId) -> Option<Arc<Sample>>,
        settings: BounceSettings,
    ) -> Result<Self, BounceError> {
        let BounceSettings { sample_rate, from, length, part } = settings;
        let mut score = score.clone();
        if let Part::Stem(id) = part {
            score.tracks.retain(|track| track.id == id);
            if score.tracks.is_empty() {
                return Err(BounceError::NoTrack);
            }
        }
        let span = span(&score.transport, from, length).or_else(|| {
            score.transport = steady(&score.transport, from);
            span(&score.transport, from, length)
        });
        let (start, end) = span.ok_or(BounceError::Length)?;
        let seconds = (end.0.saturating_sub(start.0)) as f64 * 1e-9;
        let total = (seconds * f64::from(sample_rate)).round() as u64;
        if length <= Beats::ZERO || !(1..=BOUNCE_FRAMES_MAX).contains(&total) {
            return Err(BounceError::Length);
        }
        let (mastering, gain) = match part {
            Part::Master => (Mastering::Limited, 1.0),
            Part::Stem(_) => (Mastering::Bare, STEM_HEADROOM),
        };
        let tracks = score.tracks.len().max(1);
        let (mut engine, renderer) = engine_with(EngineSettings { sample_rate, tracks }, mastering)?;
        for sound in score.sounds() {
            engine.add_sample(sound.clone(), sample(sound).ok_or_else(|| BounceError::Missing(sound.clone()))?);
        }
        engine.set_score(&score);
        let block = vec![0.0; BOUNCE_BLOCK_FRAMES * usize::from(BOUNCE_CHANNELS)];
        Ok(Self { _engine: engine, renderer, start, total, done: 0, is_led_in: false, gain, block })
    }

    /// The next frames, left and right in turn, at most [`BOUNCE_BLOCK_FRAMES`]; `None` at the end.
    pub fn next_block(&mut self) -> Option<&[f32]> {
        if !std::mem::replace(&mut self.is_led_in, true) {
            let frames = (BOUNCE_LEAD_IN_S * f64::from(self.renderer.sample_rate())) as i64;
            for before in (1..=frames).rev().step_by(BOUNCE_BLOCK_FRAMES) {
                self.render(-before, before as usize);
            }
        }
        if self.done >= self.total {
            return None;
        }
        let left = usize::try_from(self.total - self.done).unwrap_or(BOUNCE_BLOCK_FRAMES);
        let count = self.render(self.done as i64, left);
        self.done += count as u64;
        Some(&self.block[..count * usize::from(BOUNCE_CHANNELS)])
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        Progress { done: self.done, total: self.total }
    }

    /// Renders at most `most` frames from `frame` on, counted from the first that counts. Returns how many.
    fn render(&mut self, frame: i64, most: usize) -> usize {
        let count = most.min(BOUNCE_BLOCK_FRAMES);
        let after = i128::from(frame) * 1_000_000_000 / i128::from(self.renderer.sample_rate());
        let at = Nanos(self.start.0.saturating_add(after as i64));
        let block = &mut self.block[..count * usize::from(BOUNCE_CHANNELS)];
        self.renderer.render(block, BOUNCE_CHANNELS, at, ClockOffset::default());
        for x in block {
            *x *= self.gain;
        }
        count
    }
}

/// When a stretch begins and ends, if the transport plays all through it.
fn span(transport: &Transport, from: Beats, length: Beats) -> Option<(Nanos, Nanos)> {
    let lines: Vec<&Timeline> = transport.timelines().collect();
    let moment = |beat: Beats, first: usize| {
        let mut played = lines.iter().enumerate().skip(first).take_while(|(_, line)| line.playing);
        played.find_map(|(index, line)| {
            let time = time_at(line, beat)?;
            let begins = Nanos::from_micros(line.anchor_time);
            let is_over = lines.get(index + 1).is_some_and(|next| Nanos::from_micros(next.anchor_time) <= time);
            (!is_over && (index == 0 || begins <= time)).then_some((index, time))
        })
    };
    let first = lines.iter().position(|line| line.playing)?;
    let (index, start) = moment(from, first)?;
    let (_, end) = moment(from + length, index)?;
    Some((start, end))
}

/// When a playing timeline comes to `beat`, to the nanosecond.
fn time_at(line: &Timeline, beat: Beats) -> Option<Nanos> {
    let nano_beats = i128::from(beat.0) - i128::from(line.anchor_beat.0);
    let after = nano_beats * NANOS_PER_NANO_BEAT / i128::from(line.tempo.milli_bpm());
    i64::try_from(i128::from(Nanos::from_micros(line.anchor_time).0) + after).ok().map(Nanos)
}

/// A transport that plays at the last tempo of another, for ever.
fn steady(transport: &Transport, from: Beats) -> Transport {
    let tempo = transport.last().tempo;
    let mut steady = Transport::stopped(STEADY_START, tempo);
    let line = Timeline { anchor_time: STEADY_START, anchor_beat: from, tempo, playing: true };
    if steady.schedule(line) {
        steady.settle(STEADY_START);
    }
    steady
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::Tempo;

    fn playing(bpm: f64) -> Transport {
        let mut transport = Transport::stopped(Micros(5_000_000), Tempo::from_bpm(bpm).unwrap());
        assert!(transport.schedule(Timeline { playing: true, ..*transport.last() }));
        transport.settle(Micros(5_000_000));
        transport
    }

    fn seconds(span: Option<(Nanos, Nanos)>) -> Option<(f64, f64)> {
        span.map(|(start, end)| (start.0 as f64 / 1e9, end.0 as f64 / 1e9))
    }

    #[test]
    fn a_span_follows_the_tempo_changes_that_are_known() {
        let mut transport = playing(120.0);
        assert_eq!(seconds(span(&transport, Beats::whole(4), Beats::whole(4))), Some((7.0, 9.0)));
        let change = Timeline {
            anchor_time: Micros(8_000_000),
            anchor_beat: Beats::whole(6),
            tempo: Tempo::from_bpm(60.0).unwrap(),
            playing: true,
        };
        assert!(transport.schedule(change));
        assert_eq!(seconds(span(&transport, Beats::whole(4), Beats::whole(4))), Some((7.0, 10.0)));
        assert_eq!(seconds(span(&transport, Beats::whole(6), Beats::whole(1))), Some((8.0, 9.0)));
        assert!(transport.schedule(Timeline { anchor_time: Micros(9_000_000), playing: false, ..change }));
        assert_eq!(span(&transport, Beats::whole(4), Beats::whole(4)), None, "it stops before");
    }

    #[test]
    fn what_stands_still_is_let_play() {
        let stopped = Transport::stopped(Micros(0), Tempo::from_bpm(120.0).unwrap());
        assert_eq!(span(&stopped, Beats::ZERO, Beats::whole(4)), None);
        let (start, end) = span(&steady(&stopped, Beats::whole(3)), Beats::whole(3), Beats::whole(4)).unwrap();
        assert_eq!(end.0 - start.0, 2_000_000_000);
    }

    #[test]
    fn bounds_are_kept_and_said() {
        let transport = playing(120.0);
        let score = Score { transport, meters: keyboardia_session::Meters::default(), tracks: Vec::new() };
        let new = |length, part| {
            let settings = BounceSettings { sample_rate: 48_000, from: Beats::ZERO, length, part };
            Bounce::new(&score, |_| None, settings).map(|bounce| bounce.progress().total)
        };
        assert_eq!(new(Beats::whole(4), Part::Master), Ok(96_000));
        assert_eq!(new(Beats::ZERO, Part::Master), Err(BounceError::Length));
        assert_eq!(new(Beats::whole(-4), Part::Master), Err(BounceError::Length));
        assert_eq!(new(Beats::whole(7_201), Part::Master), Err(BounceError::Length));
        assert_eq!(new(Beats(i64::MAX), Part::Master), Err(BounceError::Length));
        assert_eq!(new(Beats::whole(4), Part::Stem(TrackId(3))), Err(BounceError::NoTrack));
    }
}
