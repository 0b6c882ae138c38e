//! Clicks of several pitches: made as a sound library for each player, and found again in one recording of all.
//!
//! A click is a sine under a Hann window of [`CYCLES`] cycles, so its band is as wide as its pitch is high. A filter of
//! the same shape is the matched filter of its click, and its neighbours, an octave away, hardly get through. Both are
//! symmetrical, so the envelope behind the filter peaks at the centre of the click. A faster tempo plays the sound
//! faster, and its clicks at a higher pitch; so there is a filter for each tempo, and the one that hears a click best
//! says where it is. All centres lie [`CENTRE_S`] behind their beats, so no pitch has to be corrected for.

use keyboardia_session::{Manifest, SoundId, library::Sound};
use std::{
    f64::consts::TAU,
    fs,
    num::{NonZeroU8, NonZeroU32},
    path::Path,
};
use vorbis_rs::{VorbisBitrateManagementStrategy, VorbisEncoderBuilder};

/// Sample rate of sounds and recordings, Hz.
const RATE: f64 = 48_000.0;
/// Pitches of the players' clicks, Hz.
pub const PITCHES_HZ: [f64; 5] = [750.0, 1_500.0, 3_000.0, 6_000.0, 12_000.0];
/// Cycles of a click.
const CYCLES: f64 = 10.0;
/// From the beat to the centre of its click, seconds at the sound's own tempo.
const CENTRE_S: f64 = 0.010;
/// Height of a click, linear: five of them do not reach full scale.
const HEIGHT: f64 = 0.15;
/// Quality of the encoder, −0.2 … 1.0.
const QUALITY: f32 = 0.9;
/// Part of the usual height of its envelope that makes a peak a click.
const PEAK_SHARE: f64 = 0.35;
/// Clicks of one player are further apart, seconds; those of one beat are nearer.
const APART_S: f64 = 0.15;
/// Pitch of a tone in which gaps are looked for, Hz, and the part of its height that is silence: a wave passes through that
/// within two frames.
const TONE_HZ: f64 = 750.0;
const SILENCE_SHARE: f32 = 0.05;
/// Steps per length of a click in which peaks are looked for, before they are looked at frame by frame.
const COARSE_STEPS: f64 = 16.0;

/// A click's value `t` seconds after its centre.
fn click(pitch_hz: f64, t: f64) -> f64 {
    let phase = t * pitch_hz;
    if phase.abs() >= CYCLES / 2.0 { 0.0 } else { hann(phase) * (TAU * phase).cos() }
}

/// The window at so many cycles from its centre.
fn hann(phase: f64) -> f64 {
    f64::midpoint(1.0, (TAU * phase / CYCLES).cos())
}

/// A click on each beat of a sound but the last, so that a player who is a whole beat off is found out.
fn frames(sound: &Sound, pitch_hz: f64) -> Vec<f32> {
    let clicks = sound.beats.round() as usize - 1;
    let beat_s = f64::from(sound.frames) / RATE / sound.beats;
    let mut frames = vec![0.0; sound.frames as usize];
    for centre_s in (0..clicks).map(|beat| beat as f64 * beat_s + CENTRE_S) {
        let (from, to) = (centre_s - CENTRE_S, centre_s + CENTRE_S);
        let (from, to) = ((from * RATE) as usize, (to * RATE) as usize);
        for (index, frame) in (from..).zip(&mut frames[from..to]) {
            *frame = (HEIGHT * click(pitch_hz, index as f64 / RATE - centre_s)) as f32;
        }
    }
    frames
}

fn encode(frames: &[f32]) -> Vec<u8> {
    let rate = NonZeroU32::new(RATE as u32).expect("a rate");
    let mut encoder = VorbisEncoderBuilder::new_with_serial(rate, NonZeroU8::MIN, Vec::new(), 1);
    encoder.bitrate_management_strategy(VorbisBitrateManagementStrategy::QualityVbr { target_quality: QUALITY });
    let mut encoder = encoder.build().expect("an encoder");
    encoder.encode_audio_block([frames]).expect("sound that can be encoded");
    encoder.finish().expect("the end of the sound")
}

/// The sound in the first slot of a new session: the one that clicks.
fn first_sound(manifest: &Manifest) -> &Sound {
    let id: &SoundId = manifest.starter.tracks[0].slots[0].as_ref().expect("a clip in the first slot");
    manifest.sound(id).expect("a sound of the library")
}

/// Writes a sound library whose only sound, that of a new session's first slot, clicks at this pitch.
pub fn write_library(dir: &Path, pitch_hz: f64) {
    let mut manifest = Manifest::builtin().expect("the library");
    let sound = Sound { channels: 1, ..first_sound(&manifest).clone() };
    let bytes = encode(&frames(&sound, pitch_hz));
    fs::write(dir.join(format!("{}.ogg", sound.id)), bytes).expect("a sound");
    manifest.starter.tracks.clear();
    manifest.sounds = vec![sound];
    fs::write(dir.join("manifest.json"), serde_json::to_vec(&manifest).expect("a manifest")).expect("a manifest");
}

/// Writes the file of that sound as one tone without an end: a whole number of waves, this high.
pub fn write_tone(dir: &Path, height: f32) {
    let manifest = Manifest::builtin().expect("the library");
    let sound = first_sound(&manifest);
    let waves = (f64::from(sound.frames) / RATE * TONE_HZ).round();
    let step = TAU * waves / f64::from(sound.frames);
    let tone: Vec<f32> = (0..sound.frames).map(|frame| height * (step * f64::from(frame)).sin() as f32).collect();
    fs::write(dir.join(format!("{}.ogg", sound.id)), encode(&tone)).expect("a sound");
}

/// Where there is silence for a number of frames or more in a recording of that tone, this high: when it begins, seconds.
pub fn gaps(recording: &[f32], height: f32, frames: usize) -> Vec<f64> {
    let (mut gaps, mut silent) = (Vec::new(), 0);
    for (index, frame) in recording.iter().enumerate() {
        silent = if frame.abs() < height * SILENCE_SHARE { silent + 1 } else { 0 };
        if silent == frames {
            gaps.push((index + 1 - frames) as f64 / RATE);
        }
    }
    gaps
}

/// Tempo of a new session, BPM.
pub fn first_tempo_bpm() -> f64 {
    Manifest::builtin().expect("the library").starter.tempo_bpm
}

/// How much faster than it was made the clicking sound is played at a tempo, as a factor.
fn speed(tempo_bpm: f64) -> f64 {
    tempo_bpm / first_sound(&Manifest::builtin().expect("the library")).tempo_bpm
}

/// The band of one pitch.
struct Band<'a> {
    sound: &'a [f32],
    /// Cosine and sine under the window, from its centre to the right; a sine of height 1 becomes an envelope of 1.
    half: Vec<(f64, f64)>,
}

impl<'a> Band<'a> {
    fn new(sound: &'a [f32], pitch_hz: f64) -> Self {
        let taps = (CYCLES / 2.0 / pitch_hz * RATE) as usize + 1;
        let tap = |index: usize| {
            let phase = index as f64 / RATE * pitch_hz;
            let (sin, cos) = (TAU * phase).sin_cos();
            // The window's mean is 1/2, and so is the mean square of a sine.
            let gain = 4.0 * pitch_hz / CYCLES / RATE * hann(phase);
            (gain * cos, gain * sin)
        };
        Self { sound, half: (0..taps).map(tap).collect() }
    }

    /// The envelope at a frame.
    fn at(&self, centre: usize) -> f64 {
        let value = |index: usize| f64::from(self.sound.get(index).copied().unwrap_or(0.0));
        let (mut even, mut odd) = (value(centre) * self.half[0].0, 0.0);
        for (index, (cos, sin)) in self.half.iter().enumerate().skip(1) {
            let (right, left) = (value(centre + index), centre.checked_sub(index).map_or(0.0, value));
            even += (right + left) * cos;
            odd += (right - left) * sin;
        }
        even.hypot(odd)
    }

    /// Where the envelope peaks, frames, near a frame: exact to a small part of one.
    fn peak(&self, near: usize, within: usize) -> f64 {
        let around = near.saturating_sub(within)..=near + within;
        let best = around.max_by(|one, other| self.at(*one).total_cmp(&self.at(*other))).unwrap_or(near);
        let [before, top, after] = [best.saturating_sub(1), best, best + 1].map(|frame| self.at(frame));
        let bend = before - 2.0 * top + after;
        best as f64 + if bend < 0.0 { (before - after) / (2.0 * bend) } else { 0.0 }
    }
}

/// Centres of the clicks of one pitch in a recording of these tempos, seconds from its beginning.
pub fn find(recording: &[f32], pitch_hz: f64, tempos_bpm: &[f64]) -> Vec<f64> {
    let bands: Vec<Band> = tempos_bpm.iter().map(|tempo| Band::new(recording, pitch_hz * speed(*tempo))).collect();
    let loudest = |frame: usize| bands.iter().map(|band| band.at(frame)).fold(0.0, f64::max);
    let step = ((CYCLES / pitch_hz * RATE / COARSE_STEPS) as usize).max(1);
    let coarse: Vec<f64> = (0..recording.len()).step_by(step).map(loudest).collect();
    let usual = usual_height(&coarse, (RATE / step as f64) as usize);
    let apart = (APART_S * RATE / step as f64) as usize;
    let mut clicks = Vec::new();
    let mut index = 0;
    while index < coarse.len() {
        if coarse[index] < PEAK_SHARE * usual {
            index += 1;
            continue;
        }
        let end = (index + apart).min(coarse.len());
        let top = (index..end).max_by(|one, other| coarse[*one].total_cmp(&coarse[*other])).unwrap_or(index);
        let best = bands.iter().max_by(|one, other| one.at(top * step).total_cmp(&other.at(top * step)));
        clicks.extend(best.map(|band| band.peak(top * step, step) / RATE));
        index = top + apart;
    }
    clicks
}

/// Median over the loudest moments of each second, of those seconds in which there is sound.
fn usual_height(envelope: &[f64], second: usize) -> f64 {
    let mut peaks: Vec<f64> =
        envelope.chunks(second.max(1)).map(|part| part.iter().copied().fold(0.0, f64::max)).collect();
    let loudest = peaks.iter().copied().fold(0.0, f64::max);
    peaks.retain(|peak| *peak > loudest / 10.0);
    peaks.sort_by(f64::total_cmp);
    peaks.get(peaks.len() / 2).copied().unwrap_or(f64::INFINITY)
}

/// One beat as it was heard: the moment of each player's click, seconds from the beginning of the recording.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardBeat {
    /// Player by player; `None` where one was not heard, or twice.
    pub clicks: Vec<Option<f64>>,
}

impl HeardBeat {
    /// The clicks of all players, if each was heard.
    pub fn whole(&self) -> Option<Vec<f64>> {
        self.clicks.iter().copied().collect()
    }

    /// When it was heard first, seconds.
    pub fn at(&self) -> f64 {
        self.clicks.iter().flatten().copied().fold(f64::INFINITY, f64::min)
    }
}

/// Brings the clicks of the same beat together.
pub fn beats(players: &[Vec<f64>]) -> Vec<HeardBeat> {
    let mut all: Vec<(f64, usize)> =
        players.iter().enumerate().flat_map(|(player, clicks)| clicks.iter().map(move |at| (*at, player))).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut beats = Vec::new();
    let mut rest = all.as_slice();
    while let Some((first, _)) = rest.first() {
        let (same, later) = rest.split_at(rest.partition_point(|(at, _)| *at < first + APART_S));
        let mut clicks = vec![None; players.len()];
        for (at, player) in same {
            clicks[*player] = Some(*at);
        }
        for (player, click) in clicks.iter_mut().enumerate() {
            if same.iter().filter(|(_, other)| *other == player).count() > 1 {
                *click = None;
            }
        }
        beats.push(HeardBeat { clicks });
        rest = later;
    }
    beats
}

/// How far apart each two players were on each whole beat, milliseconds.
pub fn phases_ms(beats: &[HeardBeat]) -> Vec<f64> {
    let mut phases = Vec::new();
    for clicks in beats.iter().filter_map(HeardBeat::whole) {
        for (index, one) in clicks.iter().enumerate() {
            phases.extend(clicks[index + 1..].iter().map(|other| (one - other).abs() * 1e3));
        }
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Dice;
    use keyboardia_audio::decode_ogg;

    /// Largest error of the measure for one click alone, seconds: a frame.
    const ERROR_ALONE_S: f64 = 20e-6;
    /// Largest error among four others, seconds.
    const ERROR_IN_MIX_S: f64 = 50e-6;

    #[test]
    fn offsets_of_players_in_one_mix_are_found_to_a_twentieth_of_a_millisecond_at_any_tempo() {
        let mut dice = Dice::new(4);
        let tempos = [first_tempo_bpm(), 97.3, 133.0];
        for speed in tempos.map(speed) {
            let mut mix = vec![0.0_f32; 6 * RATE as usize];
            let beats_s: Vec<f64> = (0..10).map(|beat| 0.4 + f64::from(beat) * 0.535_7).collect();
            let offsets_s = [0.0, 0.001_37, -0.002_41, 0.000_013, 0.012_3];
            for (pitch, offset) in PITCHES_HZ.iter().zip(offsets_s) {
                for centre in beats_s.iter().map(|beat| beat + offset) {
                    for (index, frame) in mix.iter_mut().enumerate() {
                        *frame += (HEIGHT * click(*pitch, (index as f64 / RATE - centre) * speed)) as f32;
                    }
                }
            }
            // As loud as a room that is not quite silent, −66 dB.
            for frame in &mut mix {
                *frame += (dice.below(2_001) as f32 / 1_000.0 - 1.0) * 5e-4;
            }
            let heard = beats(&PITCHES_HZ.map(|pitch| find(&mix, pitch, &tempos)));
            assert_eq!(heard.len(), beats_s.len());
            for (heard, beat) in heard.iter().zip(beats_s) {
                for (at, offset) in heard.whole().expect("all players").iter().zip(offsets_s) {
                    assert!(
                        (at - beat - offset).abs() < ERROR_IN_MIX_S,
                        "{:?} at {beat} s, speed {speed}",
                        heard.clicks
                    );
                }
            }
        }
    }

    #[test]
    fn gaps_in_a_tone_are_counted_and_nothing_else_is() {
        let wave = |frame: i32| 0.2 * (TAU * TONE_HZ * f64::from(frame) / RATE).sin() as f32;
        let mut tone: Vec<f32> = (0..48_000).map(wave).collect();
        assert!(gaps(&tone, 0.2, 128).is_empty());
        tone[10_000..10_127].fill(0.0);
        tone[20_000..20_128].fill(0.0);
        tone[30_000..40_000].fill(0.0);
        let found = gaps(&tone, 0.2, 128);
        let apart = found.iter().zip([20_000.0, 30_000.0]).map(|(at, frame)| (at * RATE - frame).abs());
        assert!(found.len() == 2 && apart.fold(0.0, f64::max) < 2.0, "{found:?}");
    }

    #[test]
    fn a_click_that_is_missing_or_doubled_breaks_its_beat_and_no_other() {
        let heard = beats(&[vec![1.0, 2.0, 3.0], vec![1.001, 2.002, 2.1], vec![1.003, 2.0, 3.001]]);
        assert_eq!(heard.iter().map(|beat| beat.whole().is_some()).collect::<Vec<_>>(), [true, false, false]);
        let phases = phases_ms(&heard);
        assert!(phases.iter().zip([1.0, 3.0, 2.0]).all(|(phase, exact)| (phase - exact).abs() < 1e-9), "{phases:?}");
        assert_eq!(phases.len(), 3);
    }

    #[test]
    fn encoding_and_decoding_move_no_click() {
        for pitch in PITCHES_HZ {
            let dir = tempfile::tempdir().expect("a directory");
            write_library(dir.path(), pitch);
            let manifest = fs::read(dir.path().join("manifest.json")).expect("a manifest");
            let manifest = Manifest::parse(&manifest).expect("a manifest that players accept");
            let sound = &manifest.sounds[0];
            let bytes = fs::read(dir.path().join(format!("{}.ogg", sound.id))).expect("a sound");
            let sample = decode_ogg(bytes, sound.frames as usize).expect("a sound that players accept");
            let decoded: Vec<f32> = sample.frames().iter().map(|frame| frame.left).collect();
            let clicks = find(&decoded, pitch, &[sound.tempo_bpm]);
            assert_eq!(clicks.len(), 7, "{pitch} Hz");
            for (beat, at) in clicks.iter().enumerate() {
                let error = at - CENTRE_S - beat as f64 * f64::from(sound.frames) / RATE / sound.beats;
                assert!(error.abs() < ERROR_ALONE_S, "{pitch} Hz, beat {beat}: {error} s");
            }
        }
    }
}
