//! The engine's promises, rendered offline: exact onsets, no drift, no clicks, same score same bytes, no allocation.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::{ClockOffset, Ear, Ears, PreviewStart};
use keyboardia_session::{Beats, Switch, TimeSignature, Timeline, TrackId, Transport};
use keyboardia_tests::{
    measure::{click, onset, rms},
    rig::{
        CALLBACKS, RATES, Rig, START, TEMPOS, bpm, difference, gain, launch, playing, score, sine, soft_cosine,
        soft_sine, track, track_of, voice,
    },
};

/// Onset error in frames of a launch at `beat`: how long after its exact moment the first frame sounds.
fn onset_error(rate: u32, callback: usize, transport: &Transport, beat: Beats) -> f64 {
    let mut rig = Rig::new(rate, 1);
    rig.add("step", vec![0.5; 48_000]);
    let plan = score(transport, vec![track(vec![launch("step", beat, Beats::whole(4))])]);
    rig.engine.set_score(&plan);
    let exact = rig.frame_of(transport, beat);
    let mut out = Vec::new();
    rig.render(exact as usize + 2_000, callback, &mut out);
    let found = onset(&out, 0, 0.0).expect("it sounds");
    found as f64 - exact
}

#[test]
fn a_clip_starts_on_its_exact_frame_at_every_tempo_rate_and_callback_size() {
    for tempo in TEMPOS {
        for rate in RATES {
            for callback in CALLBACKS {
                for beat in [Beats::whole(1), Beats::whole(4), Beats(7_250_000_000)] {
                    let error = onset_error(rate, callback, &playing(bpm(tempo)), beat);
                    assert!((-0.01..=1.0).contains(&error), "{tempo} BPM, {rate} Hz, {callback}: {error} frames");
                }
            }
        }
    }
}

#[test]
fn a_clip_starts_on_its_exact_frame_across_tempo_changes_inside_a_chunk() {
    for rate in RATES {
        for (micros, callback) in [(777_777, 128), (1_000_003, 512), (1_234_567, 1_024)] {
            let mut transport = playing(bpm(133.0));
            for (step, tempo) in [(0, 97.3), (310_101, 179.9), (400_019, 120.0)] {
                let at = START + (micros + step);
                let anchor_beat = transport.last().beat_at(at);
                assert!(transport.schedule(Timeline {
                    anchor_time: at,
                    anchor_beat,
                    tempo: bpm(tempo),
                    playing: true
                }));
            }
            let error = onset_error(rate, callback, &transport, Beats::whole(6));
            assert!((-0.01..=1.0).contains(&error), "{rate} Hz, {callback}: {error} frames");
        }
    }
}

#[test]
fn play_starts_a_waiting_clip_on_its_exact_frame_and_stop_silences_it() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("step", vec![0.5; 48_000]);
    let mut transport = Transport::stopped(START, bpm(133.0));
    let (play, stop) = (START + 333_333, START + 1_333_333);
    let line = Timeline { anchor_time: play, playing: true, ..*transport.last() };
    assert!(transport.schedule(line));
    assert!(transport.schedule(Timeline { anchor_time: stop, anchor_beat: Beats::whole(4), playing: false, ..line }));
    rig.engine.set_score(&score(&transport, vec![track(vec![launch("step", Beats::ZERO, Beats::whole(4))])]));
    let mut out = Vec::new();
    rig.render(96_000, 480, &mut out);
    let found = onset(&out, 0, 0.0).expect("it sounds") as f64;
    assert!((0.0..=1.0).contains(&(found - 0.333_333 * 48_000.0)), "began at frame {found}");
    let end = out.iter().rposition(|x| *x != 0.0).expect("it sounded") as f64;
    let faded = end - 1.333_333 * 48_000.0;
    assert!((0.0..=250.0).contains(&faded), "ended {faded} frames after the stop");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn thirty_minutes_of_looping_leave_the_loop_where_the_beat_says() {
    for rate in RATES {
        let mut rig = Rig::new(rate, 1);
        // One impulse at the loop's beginning: where it sounds is where the loop stands.
        rig.add("tick", (0..24_000).map(|i| if i < 24 { 0.8 } else { 0.0 }));
        let transport = playing(bpm(133.0));
        let plan = score(&transport, vec![track(vec![launch("tick", Beats::ZERO, Beats::whole(1))])]);
        rig.engine.set_score(&plan);
        let last_beat = Beats::whole(133 * 30);
        let exact = rig.frame_of(&transport, last_beat);
        let mut out = Vec::new();
        let before = exact as usize - 2_000;
        while rig.frames < before as u64 {
            out.clear();
            rig.render((before as u64 - rig.frames).min(48_000) as usize, 512, &mut out);
        }
        out.clear();
        rig.render(4_000, 512, &mut out);
        let found = onset(&out, 0, 0.05).expect("it ticks") as f64 + before as f64;
        assert!((found - exact).abs() <= 2.0, "{rate} Hz: {} frames off after 30 minutes", found - exact);
    }
}

#[test]
fn a_device_of_another_rate_takes_over_in_phase() {
    for rates in [[44_100, 48_000, 44_100], [48_000, 44_100, 48_000]] {
        let mut rig = Rig::new(rates[0], 1);
        rig.add("tick", (0..24_000).map(|i| if i < 24 { 0.8 } else { 0.0 }));
        let transport = playing(bpm(133.0));
        rig.engine.set_score(&score(&transport, vec![track(vec![launch("tick", Beats::ZERO, Beats::whole(1))])]));
        for (part, rate) in (0..).zip(rates) {
            // Opening a device takes its time, and never a whole number of beats or frames.
            rig.change_device(rate, 0.037_3 * f64::from(part));
            let (begin, mut out) = (rig.frames, Vec::new());
            rig.render(3 * rate as usize, 441, &mut out);
            let first = (0..100).map(Beats::whole).find(|beat| rig.frame_of(&transport, *beat) > begin as f64).unwrap();
            for beat in (0..5).map(|later| first + Beats::whole(later)) {
                let exact = rig.frame_of(&transport, beat) - begin as f64;
                let found = onset(&out, (exact as usize).saturating_sub(2_000), 0.05).expect("it ticks") as f64;
                assert!((found - exact).abs() <= 2.0, "{rate} Hz: {} frames off at {beat:?}", found - exact);
            }
        }
    }
}

#[test]
fn a_late_joiner_hears_the_loop_in_phase() {
    let length = Beats::whole(4);
    let plan = score(&playing(bpm(97.3)), vec![track(vec![launch("tone", Beats::ZERO, length)])]);
    let render = |late: usize| {
        let mut rig = Rig::new(48_000, 1);
        rig.add("tone", sine(220.0, 96_000));
        rig.frames = late as u64;
        rig.engine.set_score(&plan);
        let mut out = Vec::new();
        rig.render(96_000 - late, 256, &mut out);
        out
    };
    let (early, late) = (render(0), render(50_003));
    // After the fade-in both are the same, up to the rounding of a beat.
    let difference =
        early[51_000..].iter().zip(&late[51_000 - 50_003..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-3, "differs by {difference}");
    assert!(click(&late) < 0.01, "clicks by {}", click(&late));
}

#[test]
fn start_swap_stop_and_jump_do_not_click_where_a_bare_cut_would() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("low", sine(97.0, 96_000));
    rig.add("high", sine(211.0, 96_000));
    let at = |eighths: i64| Beats(eighths * 500_000_000 + 123_456_789);
    let next = vec![
        launch("low", at(1), Beats::whole(4)),
        launch("high", at(3), Beats::whole(4)),
        launch("low", at(4), Beats::whole(4)),
        Switch { at: at(6), voice: None },
    ];
    let mut transport = playing(bpm(120.0));
    rig.engine.set_score(&score(&transport, vec![track(next.clone())]));
    let mut out = Vec::new();
    rig.render(40_000, 333, &mut out);
    // A jump: the session turns out to be elsewhere.
    let line = *transport.last();
    assert!(transport.schedule(Timeline { anchor_beat: line.anchor_beat + Beats(333_000_000), ..line }));
    transport.settle(START);
    rig.engine.set_score(&score(&transport, vec![track(next)]));
    rig.render(56_000, 333, &mut out);
    assert!(rms(&out[20_000..30_000]) > 0.3, "it sounds");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
    let mut cut = out.clone();
    let loudest = (20_000..30_000).max_by(|a, b| out[*a].abs().total_cmp(&out[*b].abs())).expect("frames");
    cut[loudest..].fill(0.0);
    assert!(click(&cut) > 0.1, "a bare cut would show: {}", click(&cut));
}

#[test]
fn the_same_score_makes_the_same_bytes() {
    let render = || {
        let mut rig = Rig::new(44_100, 2);
        rig.add("a", sine(97.0, 96_000));
        rig.add("b", sine(331.0, 48_000));
        let tracks = vec![
            track(vec![launch("a", Beats::whole(1), Beats::whole(4))]),
            track(vec![launch("b", Beats(250_000_000), Beats::whole(2))]),
        ];
        rig.engine.set_score(&score(&playing(bpm(133.0)), tracks));
        let mut out = Vec::new();
        rig.render(100_000, 480, &mut out);
        out.iter().map(|x| x.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(render(), render());
}

#[test]
fn mute_volume_and_solo_are_heard_without_a_click() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_sine(97.0, 96_000));
    let mut plan = score(&playing(bpm(120.0)), vec![track(Vec::new())]);
    plan.tracks[0].now = Some(voice("tone", Beats::ZERO, Beats::whole(4)));
    rig.engine.set_score(&plan);
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    let loud = rms(&out[12_000..]);
    plan.tracks[0].gain = keyboardia_session::Gain::from_db(-12.0).expect("a gain");
    rig.engine.set_score(&plan);
    rig.render(24_000, 128, &mut out);
    let softer = rms(&out[36_000..]);
    assert!((20.0 * (softer / loud).log10() + 12.0).abs() < 0.1, "{loud} became {softer}");
    plan.tracks[0].audible = false;
    rig.engine.set_score(&plan);
    rig.render(24_000, 128, &mut out);
    assert_eq!(rms(&out[60_000..]), 0.0);
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn a_sound_that_arrives_late_starts_in_phase() {
    let mut rig = Rig::new(48_000, 1);
    let plan = score(&playing(bpm(120.0)), vec![track(vec![launch("late", Beats::ZERO, Beats::whole(2))])]);
    rig.engine.set_score(&plan);
    let mut out = Vec::new();
    rig.render(12_000, 128, &mut out);
    assert_eq!(rms(&out), 0.0);
    rig.add("late", soft_sine(100.0, 48_000));
    rig.render(12_000, 128, &mut out);
    let onsets: Vec<_> = rig.engine.take_onsets().collect();
    assert_eq!(onsets.len(), 1);
    assert_eq!(onsets[0].1.start, Beats::ZERO);
    assert!(onsets[0].1.beat > Beats(499_000_000), "began at {:?}", onsets[0].1.beat);
    // 100 Hz from beat zero on: half a beat in, at 0.25 s, the phase is that of 25 whole cycles.
    let want: Vec<f32> = soft_sine(100.0, 24_000).skip(14_000).take(2_000).collect();
    let difference = out[14_000..16_000].iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-3, "differs by {difference}");
}

#[test]
fn the_sixty_fifth_voice_fades_the_oldest_out() {
    let mut rig = Rig::new(48_000, 66);
    rig.add("step", vec![0.001; 48_000]);
    let tracks = (0..65).map(|i| track(vec![launch("step", Beats(i * 10_000_000), Beats::whole(4))])).collect();
    rig.engine.set_score(&score(&playing(bpm(120.0)), tracks));
    let mut out = Vec::new();
    rig.render(48_000, 128, &mut out);
    assert_eq!(rig.engine.status().voices(), 64);
    assert!((out[47_000] - 0.064).abs() < 1e-4, "64 voices of 0.001 sound as {}", out[47_000]);
    assert_eq!(rig.engine.take_onsets().count(), 65);
}

#[test]
fn a_playing_clip_changes_its_volume_without_steps() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_sine(97.0, 96_000));
    let mut plan = score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(4)))]);
    let mut out = Vec::new();
    for (db, begin) in [(0.0, 12_000), (-12.0, 30_000), (3.0, 48_000), (0.0, 66_000)] {
        plan.tracks[0].now.as_mut().expect("a voice").gain = gain(db);
        rig.engine.set_score(&plan);
        rig.render(18_000, 128, &mut out);
        let found = 20.0 * (rms(&out[begin - 8_000..begin]) / (0.5 / 2.0_f64.sqrt())).log10();
        assert!((found - db).abs() < 0.1, "{found} dB instead of {db}");
    }
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
    assert_eq!(rig.engine.take_onsets().count(), 1, "it is the same voice all the time");
}

#[test]
fn a_clip_that_is_looped_or_not_while_it_plays_goes_on_in_phase_and_never_clicks() {
    let mut rig = Rig::new(48_000, 1);
    let tone: Vec<f32> = soft_cosine(97.0, 48_000).collect();
    rig.add("tone", tone.clone());
    // One second long.
    let mut plan = score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(2)))]);
    let mut out = Vec::new();
    let mut play = |rig: &mut Rig, looped: bool, until: f64| {
        plan.tracks[0].now.as_mut().expect("a voice").looped = looped;
        rig.engine.set_score(&plan);
        rig.render((until * 48_000.0) as usize - out.len(), 128, &mut out);
        out.clone()
    };
    play(&mut rig, true, 0.4);
    // Not yet at its end: plays on, as the same voice.
    play(&mut rig, false, 0.5);
    play(&mut rig, true, 1.3);
    assert_eq!(rig.engine.take_onsets().count(), 1);
    // Past its end: fades out at once.
    play(&mut rig, false, 1.6);
    // Looped again: goes on where it would be.
    play(&mut rig, true, 2.2);
    assert_eq!(rig.engine.take_onsets().count(), 1);
    let out = play(&mut rig, false, 2.4);
    let phase = |from: f64, to: f64| {
        let (from, to) = ((from * 48_000.0) as usize, (to * 48_000.0) as usize);
        let want: Vec<f32> = tone.iter().copied().cycle().skip(from).take(to - from).collect();
        difference(&out[from..to], &want)
    };
    for (from, to) in [(0.1, 1.3), (1.61, 2.2)] {
        assert!(phase(from, to) < 1e-3, "{from} to {to} s: out of phase by {}", phase(from, to));
    }
    let silent = |from: f64, to: f64| rms(&out[(from * 48_000.0) as usize..(to * 48_000.0) as usize]) == 0.0;
    assert!(silent(1.31, 1.6) && silent(2.21, 2.4));
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn a_loop_that_becomes_a_one_shot_fades_out_at_its_end() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_cosine(97.0, 48_000));
    let mut plan = score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(2)))]);
    rig.engine.set_score(&plan);
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    plan.tracks[0].now.as_mut().expect("a voice").looped = false;
    rig.engine.set_score(&plan);
    rig.render(48_000, 128, &mut out);
    let end = out.iter().rposition(|x| *x != 0.0).expect("it sounded");
    assert!((47_900..=48_001).contains(&end), "ended at {end}");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn a_clip_that_is_replaced_while_it_plays_is_crossfaded_in_phase() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("old", soft_cosine(97.0, 96_000));
    let new: Vec<f32> = soft_cosine(151.0, 96_000).collect();
    rig.add("new", new.clone());
    let plan = |name| score(&playing(bpm(120.0)), vec![track_of(voice(name, Beats::ZERO, Beats::whole(4)))]);
    let mut out = Vec::new();
    rig.engine.set_score(&plan("old"));
    rig.render(30_011, 128, &mut out);
    rig.engine.set_score(&plan("new"));
    rig.render(30_011, 128, &mut out);
    let settled = 30_011 + 400;
    assert!(difference(&out[settled..], &new[settled..]) < 1e-3);
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
    // Its slot is emptied: silence after a fade.
    let emptied = out.len();
    rig.engine.set_score(&score(&playing(bpm(120.0)), vec![track(Vec::new())]));
    rig.render(4_800, 128, &mut out);
    let silent = out.iter().rposition(|x| *x != 0.0).expect("it sounded") + 1 - emptied;
    assert!((200..=400).contains(&silent), "silent after {silent} frames");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn a_sound_that_is_not_needed_any_more_leaves_the_memory_once_nobody_plays_it() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_sine(97.0, 96_000));
    rig.engine.set_score(&score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(4)))]));
    let mut out = Vec::new();
    rig.render(4_800, 128, &mut out);
    rig.preview("tone", Beats::whole(4), true, PreviewStart::Now);
    // The same sound, loaded anew: the old one is still being played.
    rig.add("tone", soft_sine(97.0, 96_000));
    rig.render(4_800, 128, &mut out);
    rig.engine.tidy(|_| true);
    assert_eq!(rig.engine.samples(), 2);
    rig.engine.set_score(&score(&playing(bpm(120.0)), vec![track(Vec::new())]));
    rig.engine.stop_preview();
    rig.engine.tidy(|_| false);
    assert!(rig.engine.samples() > 0, "what fades is still played");
    rig.render(4_800, 128, &mut out);
    rig.engine.tidy(|_| false);
    assert_eq!(rig.engine.samples(), 0);
}

#[test]
fn another_device_is_in_phase_from_its_first_frame_on() {
    let mut rig = Rig::new(48_000, 1);
    let tone: Vec<f32> = soft_sine(220.0, 96_000).collect();
    rig.add("tone", tone.clone());
    rig.engine.set_score(&score(&playing(bpm(120.0)), vec![track_of(voice("tone", Beats::ZERO, Beats::whole(4)))]));
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    // The other device is 15 ms slower: what a nudge of the clock would take seconds for.
    rig.renderer.set_device(48_000);
    rig.frames += 720;
    rig.render(24_000, 512, &mut out);
    let settled = 24_000 + 400;
    let apart = difference(&out[settled..], &tone[settled + 720..]);
    assert!(apart < 1e-3, "differs by {apart}");
}

#[test]
fn the_callback_allocates_nothing() {
    let mut rig = Rig::new(48_000, 16);
    rig.add("tone", sine(97.0, 96_000));
    let tracks = (0..16)
        .map(|i| {
            let next =
                (1..5).map(|k| launch("tone", Beats(k * 400_000_000 + i * 1_000_000), Beats::whole(4))).collect();
            track(next)
        })
        .collect();
    let mut transport = playing(bpm(133.0));
    let at = START + 700_001;
    let anchor_beat = transport.last().beat_at(at);
    assert!(transport.schedule(Timeline { anchor_time: at, anchor_beat, tempo: bpm(97.3), playing: true }));
    let mut plan = score(&transport, tracks);
    assert!(plan.meters.schedule(TimeSignature::SevenEight, Beats::whole(4)));
    rig.engine.set_score(&plan);
    let mut buffer = vec![0.0; 1_024];
    let mut desk = rig.renderer.take_capture_desk().expect("a desk, once");
    for quarter in 0..4 {
        // Everything that a player can do alone, on the control side; the callback side takes it without allocating.
        rig.engine.set_metronome(Some(gain(-3.0 * f64::from(quarter))));
        let ear = Ear { gain: gain(-6.0), mute: quarter % 2 == 0 };
        rig.engine.set_ears(&Ears { tracks: [(TrackId(0), ear)].into(), master: Some(gain(-1.0)) });
        rig.preview("tone", Beats::whole(4), quarter % 2 == 0, PreviewStart::InTime);
        plan.tracks[1].next[1].voice.as_mut().expect("a voice").gain = gain(-2.0 * f64::from(quarter));
        plan.tracks[2].next[1].voice.as_mut().expect("a voice").looped = quarter % 2 == 0;
        rig.engine.set_score(&plan);
        let capture = desk.begin().expect("a capture");
        let used = allocation_counter::measure(|| {
            for block in 0..50 {
                let at = rig.time_of((u64::try_from(quarter).expect("a quarter") * 50 + block) * 512);
                rig.renderer.render(&mut buffer, 2, at, ClockOffset::default());
            }
        });
        assert_eq!((used.count_total, used.count_current), (0, 0), "{used:?}");
        // Letting go of a capture frees nothing, either.
        capture.end();
        let at = rig.time_of(u64::try_from(quarter + 1).expect("a quarter") * 50 * 512);
        let used = allocation_counter::measure(|| rig.renderer.render(&mut buffer, 2, at, ClockOffset::default()));
        assert_eq!((used.count_total, used.count_current, capture.is_over()), (0, 0, true), "{used:?}");
        assert!(rig.engine.take_levels().master[0] > 0.0, "it sounds");
    }
}
