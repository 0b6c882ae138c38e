//! A bounce is what the players hear: equal to the live sound, whole or track by track, and far faster.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::{
    Sample,
    bounce::{BOUNCE_CHANNELS, Bounce, BounceError, BounceSettings, Part},
    limits::{BOUNCE_BLOCK_FRAMES, LIMITER_CEILING},
    wav::{Depth, WavSink},
};
use keyboardia_session::{Beats, Score, SoundId, Switch, Timeline, TrackId, Transport};
use keyboardia_tests::{
    measure::{onset, rms},
    rig::{
        RATES, Rig, START, TEMPOS, bpm, difference, gain, launch, playing, score, soft_sine, sound, track, track_of,
        voice,
    },
};
use kira::Frame;
use std::{collections::BTreeMap, io::Cursor, sync::Arc};

/// Sounds by their names.
struct Sounds(BTreeMap<SoundId, Vec<f32>>);

impl Sounds {
    fn new() -> Self {
        let step: Vec<f32> = (0..48_000).map(|i| if i < 12_000 { 0.4 } else { 0.0 }).collect();
        let sounds = [
            ("step", step),
            ("low", soft_sine(97.0, 96_000).collect()),
            ("high", soft_sine(331.0, 96_000).map(|x| 0.4 * x).collect()),
        ];
        Self(sounds.into_iter().map(|(name, frames)| (sound(name), frames)).collect())
    }

    fn get(&self, id: &SoundId) -> Option<Arc<Sample>> {
        let frames = self.0.get(id)?.iter().copied().map(Frame::from_mono).collect();
        Some(Arc::new(Sample::new(frames)?))
    }

    fn bounce(&self, score: &Score, settings: BounceSettings) -> Result<Bounce, BounceError> {
        Bounce::new(score, |id| self.get(id), settings)
    }

    /// All of a bounce, left and right in turn.
    fn all(&self, score: &Score, settings: BounceSettings) -> Vec<f32> {
        let mut bounce = self.bounce(score, settings).unwrap();
        let mut out = Vec::new();
        while let Some(block) = bounce.next_block() {
            out.extend_from_slice(block);
        }
        out
    }

    /// The left channel of what is heard live from [`START`] on.
    fn live(&self, score: &Score, rate: u32, frames: usize) -> Vec<f32> {
        let mut out = Vec::new();
        self.rig(score, rate).render(frames, 441, &mut out);
        out
    }

    /// An engine that plays a score live.
    fn rig(&self, score: &Score, rate: u32) -> Rig {
        let mut rig = Rig::new(rate, score.tracks.len());
        for (id, frames) in &self.0 {
            rig.add(id.as_str(), frames.iter().copied());
        }
        rig.engine.set_score(score);
        rig
    }
}

/// Three tracks that play, one of them moved aside and one muted; a fourth changes what it plays.
fn mix(transport: &Transport) -> Score {
    let mut low = track_of(voice("low", Beats::ZERO, Beats::whole(3)));
    low.gain = gain(-3.0);
    let high = track_of(voice("high", Beats::whole(-2), Beats::whole(2)));
    let mut muted = track_of(voice("step", Beats::ZERO, Beats::whole(2)));
    muted.audible = false;
    let mut changing =
        track(vec![launch("step", Beats::whole(5), Beats::whole(1)), Switch { at: Beats::whole(7), voice: None }]);
    changing.gain = gain(-6.0);
    score(transport, vec![low, high, muted, changing])
}

fn settings(sample_rate: u32, from: i64, beats: i64, part: Part) -> BounceSettings {
    BounceSettings { sample_rate, from: Beats::whole(from), length: Beats::whole(beats), part }
}

fn left(interleaved: &[f32]) -> Vec<f32> {
    interleaved.iter().step_by(2).copied().collect()
}

#[test]
fn a_bounce_of_bars_is_the_live_sound_of_them() {
    let sounds = Sounds::new();
    // At 120 BPM a beat is a whole number of frames, so that nothing lies between two.
    let score = mix(&playing(bpm(120.0)));
    for rate in RATES {
        let beat = rate as usize / 2;
        let live = sounds.live(&score, rate, 12 * beat);
        let bounced = left(&sounds.all(&score, settings(rate, 4, 8, Part::Master)));
        assert_eq!(bounced.len(), 8 * beat);
        assert!(rms(&bounced) > 0.1, "it sounds");
        let off = difference(&bounced, &live[4 * beat..]);
        assert!(off < 1e-4, "{rate} Hz: off by {off}");
        let late = difference(&bounced[1..], &live[4 * beat..]);
        assert!(late > 10.0 * off, "a frame late it would be off by {late}");
    }
}

#[test]
fn a_live_capture_is_the_bounce_of_it_to_the_frame() {
    let sounds = Sounds::new();
    let score = mix(&playing(bpm(120.0)));
    for rate in RATES {
        let mut rig = sounds.rig(&score, rate);
        let mut desk = rig.renderer.take_capture_desk().expect("a desk, once");
        let (beat, mut heard, mut live) = (rate as usize / 2, Vec::new(), Vec::new());
        rig.render(4 * beat, 441, &mut heard);
        let mut capture = desk.begin().expect("a capture");
        for _ in 0..8 {
            rig.render(beat, 441, &mut heard);
            capture.read(&mut live);
        }
        capture.end();
        rig.render(441, 441, &mut heard);
        assert_eq!((capture.sample_rate(), capture.is_over(), capture.lost_frames()), (Some(rate), true, 0));
        assert_eq!(left(&live), heard[4 * beat..12 * beat], "what is captured is what is heard");
        let bounced = sounds.all(&score, settings(rate, 4, 8, Part::Master));
        assert_eq!(bounced.len(), live.len());
        let off = difference(&bounced, &live);
        assert!(off < 1e-4, "{rate} Hz: off by {off}");
    }
}

#[test]
fn a_bounce_is_limited_as_the_live_sound_is() {
    let sounds = Sounds::new();
    let loud = (0..4).map(|_| track_of(voice("low", Beats::ZERO, Beats::whole(3)))).collect();
    let score = score(&playing(bpm(120.0)), loud);
    let live = sounds.live(&score, 48_000, 12 * 24_000);
    let bounced = left(&sounds.all(&score, settings(48_000, 4, 8, Part::Master)));
    let peak = bounced.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    assert!((0.9..=LIMITER_CEILING).contains(&peak), "peak {peak}");
    let off = difference(&bounced, &live[4 * 24_000..]);
    assert!(off < 1e-3, "off by {off}");
}

#[test]
fn a_bounce_begins_on_its_beat_at_every_tempo_also_across_a_change() {
    let sounds = Sounds::new();
    for rate in RATES {
        for tempo in TEMPOS {
            let steady = playing(bpm(tempo));
            let mut changing = steady.clone();
            let at = START + 1_234_567;
            let anchor_beat = steady.last().beat_at(at);
            assert!(changing.schedule(Timeline { anchor_time: at, anchor_beat, tempo: bpm(171.7), playing: true }));
            for transport in [steady, changing] {
                let rig = Rig::new(rate, 1);
                let tracks = vec![track(vec![launch("step", Beats::whole(6), Beats::whole(4))])];
                let bounced = left(&sounds.all(&score(&transport, tracks), settings(rate, 1, 8, Part::Master)));
                let frames =
                    |beat| rig.frame_of(&transport, Beats::whole(beat)) - rig.frame_of(&transport, Beats::whole(1));
                let found = onset(&bounced, 0, 0.0).unwrap() as f64;
                // What one hears of the beat's moment is exact to a microsecond.
                assert!(
                    (-0.1..=1.1).contains(&(found - frames(6))),
                    "{rate} Hz, {tempo} BPM: {found} for {}",
                    frames(6)
                );
                assert!((bounced.len() as f64 - frames(9)).abs() <= 1.0, "{rate} Hz, {tempo} BPM");
            }
        }
    }
}

#[test]
fn stems_add_up_to_the_master_and_a_muted_track_is_silent() {
    let sounds = Sounds::new();
    let score = mix(&playing(bpm(133.0)));
    let master = sounds.all(&score, settings(48_000, 4, 8, Part::Master));
    let stems: Vec<Vec<f32>> =
        score.tracks.iter().map(|track| sounds.all(&score, settings(48_000, 4, 8, Part::Stem(track.id)))).collect();
    let sum: Vec<f32> = (0..master.len()).map(|i| stems.iter().map(|stem| stem[i]).sum()).collect();
    assert!(sum.iter().all(|x| x.abs() < LIMITER_CEILING), "the limiter has nothing to do");
    assert!(difference(&sum, &master) < 1e-4, "off by {}", difference(&sum, &master));
    for (index, stem) in stems.iter().enumerate() {
        assert_eq!(stem.iter().all(|x| *x == 0.0), index == 2, "track {index}");
    }
}

#[test]
fn a_stem_is_not_limited() {
    let sounds = Sounds::new();
    let mut loud = voice("low", Beats::ZERO, Beats::whole(3));
    loud.gain = gain(6.0);
    let mut loud = track_of(loud);
    loud.gain = gain(6.0);
    let score = score(&playing(bpm(120.0)), vec![loud]);
    let stem = sounds.all(&score, settings(48_000, 4, 4, Part::Stem(TrackId(0))));
    assert!(stem.iter().any(|x| x.abs() > 1.2), "as loud as it is");
    let master = sounds.all(&score, settings(48_000, 4, 4, Part::Master));
    assert!(master.iter().all(|x| x.abs() <= LIMITER_CEILING));
}

#[test]
fn the_same_bounce_is_the_same_bytes_and_a_grid_that_stands_still_is_let_play() {
    let sounds = Sounds::new();
    let wav = |score: &Score, depth| {
        let mut file = Cursor::new(Vec::new());
        let mut sink = WavSink::new(&mut file, BOUNCE_CHANNELS, 48_000, depth).unwrap();
        let mut bounce = sounds.bounce(score, settings(48_000, 0, 8, Part::Master)).unwrap();
        while let Some(block) = bounce.next_block() {
            sink.write(block).unwrap();
        }
        sink.finish().unwrap();
        file.into_inner()
    };
    let playing = mix(&playing(bpm(133.0)));
    let stopped = mix(&Transport::stopped(START, bpm(133.0)));
    let frames = sounds.all(&playing, settings(48_000, 0, 8, Part::Master));
    for (depth, steps) in [(Depth::Bits16 { seed: 4 }, 32_768.0), (Depth::Bits24, 8_388_608.0)] {
        let file = wav(&playing, depth);
        assert_eq!(file, wav(&playing, depth));
        let samples = hound::WavReader::new(Cursor::new(file)).unwrap().into_samples::<i32>();
        let off = samples.zip(&frames).map(|(x, want)| (x.unwrap() as f32 - want * steps).abs()).fold(0.0, f32::max);
        assert!(off <= 2.0, "{depth:?}: off by {off} steps");
    }
    let still = sounds.all(&stopped, settings(48_000, 0, 8, Part::Master));
    assert_eq!(still.len(), frames.len());
    assert!(difference(&still, &frames) < 1e-4, "off by {}", difference(&still, &frames));
}

#[test]
fn a_bounce_is_pulled_bit_by_bit_and_can_be_left() {
    let sounds = Sounds::new();
    let score = mix(&playing(bpm(133.0)));
    let mut bounce = sounds.bounce(&score, settings(48_000, 0, 400, Part::Master)).unwrap();
    let total = bounce.progress().total;
    assert_eq!(total, (400.0 * 60.0 / 133.0 * 48_000.0_f64).round() as u64);
    for block in 1..=3 {
        let frames = bounce.next_block().unwrap().len() / 2;
        assert_eq!(frames, BOUNCE_BLOCK_FRAMES);
        assert_eq!(bounce.progress().done, (block * BOUNCE_BLOCK_FRAMES) as u64);
    }
    drop(bounce);
    let length = Beats(1_000_000);
    let mut short = sounds.bounce(&score, BounceSettings { length, ..settings(48_000, 0, 1, Part::Master) }).unwrap();
    assert_eq!(short.next_block().map(<[f32]>::len), Some(2 * 22));
    assert!(short.next_block().is_none() && short.next_block().is_none());
}

#[test]
fn a_sound_that_is_not_here_is_named() {
    let score = mix(&playing(bpm(133.0)));
    let error = Bounce::new(&score, |_| None, settings(48_000, 0, 4, Part::Master)).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "The sound “low” is not here yet.");
}
