//! The sound engine, measured: onsets, drift, time per callback, allocations.
//!
//! `cargo bench -p keyboardia-tests --bench engine -- --json FILE`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::ClockOffset;
use keyboardia_session::{Beats, Timeline, Transport};
use keyboardia_tests::{
    measure::{onset, percentile},
    report::Report,
    rig::{Rig, START, bpm, launch, playing, score, track, voice},
};
use std::time::Instant;

const CALLBACK: usize = 128;
const RATE: u32 = 48_000;

/// How long after its exact moment (frames) a launch at `beat` sounds.
fn onset_error(rate: u32, callback: usize, transport: &Transport, beat: Beats) -> f64 {
    let mut rig = Rig::new(rate, 1);
    rig.add("step", vec![0.5; 48_000]);
    let tracks = vec![track(vec![launch("step", beat, Beats::whole(4))])];
    rig.engine.set_score(&score(transport, tracks));
    let exact = rig.frame_of(transport, beat);
    let mut out = Vec::new();
    rig.render(exact as usize + 2_000, callback, &mut out);
    onset(&out, 0, 0.0).map_or(f64::INFINITY, |found| found as f64 - exact)
}

fn onset_error_max() -> f64 {
    let mut worst = 0.0_f64;
    for tempo in [97.3, 120.0, 133.0, 179.9] {
        for rate in [44_100, 48_000] {
            for callback in [64, 128, 441, 1_024] {
                let steady = playing(bpm(tempo));
                let mut changing = steady.clone();
                let at = START + 1_000_003;
                let anchor_beat = changing.last().beat_at(at);
                assert!(changing.schedule(Timeline { anchor_time: at, anchor_beat, tempo: bpm(133.0), playing: true }));
                for transport in [steady, changing] {
                    for beat in [Beats::whole(1), Beats::whole(4), Beats(7_250_000_000)] {
                        worst = worst.max(onset_error(rate, callback, &transport, beat).abs());
                    }
                }
            }
        }
    }
    worst
}

/// How far (frames) a loop stands from where the beat says, after thirty minutes. The loop is a ramp, so that the value
/// of a frame tells its position to a small part of a frame.
fn drift_30_min() -> f64 {
    const LENGTH: usize = 24_000;
    // Far below the limiter, also where the interpolated edge of the ramp overshoots.
    const TOP: f64 = 0.5;
    let mut rig = Rig::new(RATE, 1);
    rig.add("ramp", (0..LENGTH).map(|i| (i as f64 / LENGTH as f64 * TOP) as f32));
    let transport = playing(bpm(133.0));
    let tracks = vec![track(vec![launch("ramp", Beats::ZERO, Beats::whole(1))])];
    rig.engine.set_score(&score(&transport, tracks));
    let middle = Beats(133 * 30 * 1_000_000_000 + 500_000_000);
    let frame = rig.frame_of(&transport, middle).ceil();
    let mut out = Vec::new();
    while rig.frames <= frame as u64 {
        out.clear();
        rig.render((frame as u64 + 1 - rig.frames).min(48_000) as usize, 512, &mut out);
    }
    let found = f64::from(*out.last().expect("a frame")) / TOP * LENGTH as f64;
    let beats_into_loop = 0.5 + (frame - rig.frame_of(&transport, middle)) * 133.0 / 60.0 / f64::from(RATE);
    // Positions in the loop are its own frames; the output's are shorter or longer by the change of tempo.
    let loop_frames_per_frame = LENGTH as f64 * 133.0 / 60.0 / f64::from(RATE);
    ((found - beats_into_loop * LENGTH as f64) / loop_frames_per_frame).abs()
}

/// An engine with so many voices that all sound.
fn rig_with_voices(voices: usize) -> Rig {
    let mut rig = Rig::new(RATE, voices);
    rig.add("noise", (0..96_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0 * 0.02 - 0.01));
    let mut tracks: Vec<_> = (0..voices).map(|_| track(Vec::new())).collect();
    for (index, track) in tracks.iter_mut().enumerate() {
        track.now = Some(voice("noise", Beats(index as i64 * -31_000_000), Beats::whole(4)));
    }
    rig.engine.set_score(&score(&playing(bpm(133.0)), tracks));
    let mut out = Vec::new();
    rig.render(48_000, CALLBACK, &mut out);
    assert_eq!(rig.engine.status().voices() as usize, voices);
    rig
}

/// Microseconds of a callback of 128 frames, median; and what it allocates.
fn callback_us(voices: usize) -> (f64, u64) {
    const CALLBACKS: usize = 8_000;
    let mut rig = rig_with_voices(voices);
    let mut buffer = [0.0; 2 * CALLBACK];
    let mut times = Vec::with_capacity(CALLBACKS);
    let used = allocation_counter::measure(|| {
        for _ in 0..CALLBACKS {
            let at = rig.time_of(rig.frames);
            let begin = Instant::now();
            rig.renderer.render(&mut buffer, 2, at, ClockOffset::default());
            times.push(begin.elapsed().as_nanos() as f64 / 1e3);
            rig.frames += CALLBACK as u64;
        }
    });
    (percentile(&mut times, 0.5), used.count_total + used.count_current.unsigned_abs())
}

fn main() {
    let mut report = Report::new();
    report.add("onset_error_frames_max", onset_error_max(), "≤ 1");
    report.add("drift_frames_30min", drift_30_min(), "≤ 1");
    let (few, few_allocations) = callback_us(8);
    let (many, many_allocations) = callback_us(64);
    let deadline_us = CALLBACK as f64 / f64::from(RATE) * 1e6;
    report.add("callback_us_8_voices", few, "");
    report.add("callback_us_64_voices", many, "");
    report.add("callback_deadline_share_64_voices", many / deadline_us, "≤ 0.10");
    report.add("callback_allocations", (few_allocations + many_allocations) as f64, "0");
    report.finish();
}
