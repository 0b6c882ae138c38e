//! What one player alone sees and hears, rendered offline: meters, the private mix, the metronome and previews.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::{Ear, Ears, PreviewStart};
use keyboardia_session::{Beats, Gain, Meters, Pan, Score, TimeSignature, Timeline, TrackId, Transport};
use keyboardia_tests::{
    measure::{click, onset, rms},
    rig::{
        CALLBACKS, RATES, Rig, START, TEMPOS, bpm, difference, gain, launch, playing, score, sine, soft_cosine,
        soft_sine, sound, track, track_of, voice,
    },
};

/// Whether a level is what it should be, to one per cent.
fn is_level(found: [f32; 2], want: [f64; 2]) -> bool {
    found.iter().zip(want).all(|(found, want)| (f64::from(*found) - want).abs() <= 0.01 * want)
}

#[test]
fn meters_show_the_peaks_of_a_known_tone_and_nothing_of_a_muted_track() {
    let mut rig = Rig::new(48_000, 3);
    rig.add("tone", soft_sine(100.0, 48_000));
    let tone = || track_of(voice("tone", Beats::ZERO, Beats::whole(2)));
    let mut plan = score(&playing(bpm(120.0)), vec![tone(), tone(), tone()]);
    plan.tracks[0].gain = gain(-6.0);
    plan.tracks[0].pan = Pan::new(50).expect("a position");
    plan.tracks[1].audible = false;
    plan.tracks[2].now = None;
    rig.engine.set_score(&plan);
    let mut out = Vec::new();
    rig.render(12_000, 128, &mut out);
    rig.engine.take_levels();
    rig.render(12_000, 333, &mut out);
    let levels = rig.engine.take_levels();
    let peak = 0.5 * 10_f64.powf(-6.0 / 20.0);
    let sides = [peak * 0.5_f64.sqrt(), peak * 1.5_f64.sqrt()];
    assert!(is_level(levels.tracks[&TrackId(0)], sides), "{levels:?} instead of {sides:?}");
    assert_eq!([levels.tracks[&TrackId(1)], levels.tracks[&TrackId(2)]], [[0.0; 2]; 2]);
    assert!(is_level(levels.master, sides), "{levels:?}");
    assert_eq!(rig.engine.take_levels().master, [0.0; 2], "a level is told once");
}

#[test]
fn the_master_meter_shows_what_leaves_the_limiter() {
    let mut rig = Rig::new(48_000, 4);
    rig.add("tone", sine(100.0, 48_000));
    let tracks = (0..4).map(|_| track_of(voice("tone", Beats::ZERO, Beats::whole(2)))).collect();
    rig.engine.set_score(&score(&playing(bpm(120.0)), tracks));
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    let loudest = out.iter().map(|x| x.abs()).fold(0.0, f32::max);
    let levels = rig.engine.take_levels();
    assert_eq!(levels.master, [loudest; 2]);
    assert!(loudest < 0.97 && is_level(levels.tracks[&TrackId(3)], [1.0; 2]), "{levels:?}");
}

#[test]
fn ears_change_what_one_player_hears_and_nothing_else() {
    let tracks = || ["low", "mid", "high"].map(|name| track_of(voice(name, Beats::ZERO, Beats::whole(4)))).to_vec();
    let plan = score(&playing(bpm(120.0)), tracks());
    let rig = || {
        let mut rig = Rig::new(48_000, 3);
        for (name, hz) in [("low", 50.0), ("mid", 97.0), ("high", 151.0)] {
            rig.add(name, sine(hz, 96_000).map(|x| 0.2 * x));
        }
        rig.engine.set_score(&plan);
        rig
    };
    let (mut ada, mut ben) = (rig(), rig());
    let ear = |db, mute| Ear { gain: gain(db), mute };
    let ears = Ears {
        tracks: [(TrackId(0), ear(-12.0, false)), (TrackId(1), ear(0.0, true)), (TrackId(9), ear(6.0, false))].into(),
        master: Some(gain(-6.0)),
    };
    let (mut hers, mut his) = (Vec::new(), Vec::new());
    for step in 0..3 {
        if step == 1 {
            ada.engine.set_ears(&ears);
        }
        if step == 2 {
            ada.engine.set_ears(&Ears::default());
        }
        for (rig, out) in [(&mut ada, &mut hers), (&mut ben, &mut his)] {
            rig.render(24_000, 128, out);
        }
        let (ada, ben) = (ada.engine.take_levels(), ben.engine.take_levels());
        assert!(is_level(ben.tracks[&TrackId(1)], [0.2; 2]), "nothing changes for him: {ben:?}");
        if step == 1 {
            assert!(is_level(ada.tracks[&TrackId(2)], [0.2; 2]), "the other track is as it was: {ada:?}");
        }
    }
    assert_eq!(hers[..24_000], his[..24_000]);
    assert_eq!(hers[50_000..], his[50_000..], "and as it was before");
    // After the change: 0.2 of the high tone and a quarter of the low one, all halved.
    let want = (0.5 * 0.2_f64.powi(2) * (1.0 + 10_f64.powf(-24.0 / 20.0))).sqrt() * 10_f64.powf(-6.0 / 20.0);
    let found = rms(&hers[28_800..43_200]);
    assert!((found / want - 1.0).abs() < 0.02, "{found} instead of {want}");
    assert!(click(&hers) < 0.01, "clicks by {}", click(&hers));
}

/// A score without tracks whose bars change from 4/4 to `signature` at beat 8.
fn bars(transport: &Transport, signature: TimeSignature) -> Score {
    let mut meters = Meters::default();
    assert!(meters.schedule(signature, Beats::whole(8)));
    Score { meters, ..score(transport, Vec::new()) }
}

/// The pitch of a tone, from its zero crossings, Hz at 48 kHz.
fn pitch(tone: &[f32]) -> f64 {
    let crossings = tone.windows(2).filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0)).count();
    crossings as f64 / 2.0 / (tone.len() as f64 / 48_000.0)
}

#[test]
fn the_metronome_ticks_on_the_exact_frame_at_every_tempo_rate_and_callback_size() {
    for tempo in TEMPOS {
        for rate in RATES {
            for callback in CALLBACKS {
                let mut transport = playing(bpm(tempo));
                // A tempo change in the third bar, in the middle of a chunk.
                let at = START + 5_000_003;
                let anchor_beat = transport.last().beat_at(at);
                let line = Timeline { anchor_time: at, anchor_beat, tempo: bpm(97.3), playing: true };
                assert!(transport.schedule(line));
                let mut rig = Rig::new(rate, 1);
                rig.engine.set_score(&bars(&transport, TimeSignature::SevenEight));
                rig.engine.set_metronome(Some(Gain::UNITY));
                let mut out = Vec::new();
                rig.render(rate as usize * 9, callback, &mut out);
                // Quarters in the first two bars, eighths from there on.
                let counts = (1..8).map(Beats::whole).chain((16..27).map(|half| Beats(half * 500_000_000)));
                let mut before = 0;
                for beat in counts {
                    let exact = rig.frame_of(&transport, beat);
                    if exact > out.len() as f64 - 2_000.0 {
                        break;
                    }
                    let rings = (0.07 * f64::from(rate)) as usize;
                    let found = onset(&out, before + rings, 0.0).expect("a tick");
                    let error = found as f64 - exact;
                    assert!((-0.01..=1.0).contains(&error), "{tempo} BPM, {rate} Hz, {callback}, {beat:?}: {error}");
                    before = found;
                }
                assert!(before > rate as usize * 3, "many ticks were looked at");
            }
        }
    }
}

#[test]
fn the_metronome_tells_bars_groups_and_counts_apart_across_a_change_of_signature() {
    let transport = playing(bpm(133.0));
    let mut rig = Rig::new(48_000, 1);
    rig.engine.set_score(&bars(&transport, TimeSignature::SixEight));
    rig.engine.set_metronome(Some(Gain::UNITY));
    let mut out = Vec::new();
    rig.render(48_000 * 6, 256, &mut out);
    let (bar, group, plain) = (1_760.0, 1_320.0, 880.0);
    let expected = [
        (1.0, plain),
        (2.0, plain),
        (3.0, plain),
        (4.0, bar),
        (7.0, plain),
        (8.0, bar),
        (8.5, plain),
        (9.0, plain),
        (9.5, group),
        (10.0, plain),
        (10.5, plain),
        (11.0, bar),
    ];
    for (beat, want) in expected {
        let frame = rig.frame_of(&transport, Beats::from_f64(beat)).ceil() as usize;
        // The knock at its beginning has died away.
        let found = pitch(&out[frame + 384..frame + 1_344]);
        assert!((found / want - 1.0).abs() < 0.05, "beat {beat}: {found} Hz instead of {want}");
    }
}

#[test]
fn the_metronome_rests_with_the_transport_and_heeds_its_own_volume_only() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", sine(100.0, 48_000));
    let mut transport = Transport::stopped(START, bpm(133.0));
    let (play, stop) = (START + 400_000, START + 1_400_000);
    let line = Timeline { anchor_time: play, playing: true, ..*transport.last() };
    assert!(transport.schedule(line));
    assert!(transport.schedule(Timeline { anchor_time: stop, anchor_beat: Beats::whole(4), playing: false, ..line }));
    let mut muted = track_of(voice("tone", Beats::ZERO, Beats::whole(4)));
    muted.audible = false;
    rig.engine.set_score(&score(&transport, vec![muted]));
    let mut out = Vec::new();
    rig.engine.set_metronome(Some(Gain::UNITY));
    rig.render(48_000, 128, &mut out);
    rig.engine.set_metronome(Some(gain(-12.0)));
    rig.render(48_000, 128, &mut out);
    let first = onset(&out, 0, 0.0).expect("a tick") as f64;
    assert!((0.0..=1.0).contains(&(first - 0.4 * 48_000.0)), "the first count ticks, at {first}");
    assert_eq!(rms(&out[(1.41 * 48_000.0) as usize..]), 0.0, "it rests");
    let loudest = |frames: std::ops::Range<usize>| out[frames].iter().map(|x| x.abs()).fold(0.0, f32::max);
    // Counts 1 and 2 at 0.4 and 0.851 s are loud, count 3 at 1.302 s is not.
    let (loud, soft) = (loudest(40_000..45_000), loudest(62_000..67_000));
    assert!((soft / loud - 0.251).abs() < 0.01, "{loud}, then {soft}");
    rig.engine.set_metronome(None);
    out.clear();
    rig.render(4_800, 128, &mut out);
    assert_eq!(rig.engine.status().voices(), 0, "it takes nobody's place");
}

#[test]
fn a_preview_in_time_sounds_as_if_it_had_been_launched_on_the_last_bar_line() {
    for tempo in TEMPOS {
        let transport = playing(bpm(tempo));
        let render = |launched: bool| {
            let mut rig = Rig::new(48_000, 1);
            rig.add("tone", soft_sine(220.0, 96_000));
            let tracks =
                vec![track(if launched { vec![launch("tone", Beats::whole(4), Beats::whole(4))] } else { vec![] })];
            rig.engine.set_score(&score(&transport, tracks));
            let frame = rig.frame_of(&transport, Beats(5_300_000_000)) as usize;
            let mut out = Vec::new();
            rig.render(frame, 441, &mut out);
            if !launched {
                assert_eq!(rms(&out), 0.0);
                rig.preview("tone", Beats::whole(4), true, PreviewStart::InTime);
                assert_eq!(rig.engine.previewing(), Some(&sound("tone")));
            }
            rig.render(96_000, 441, &mut out);
            (out, frame)
        };
        let ((launched, frame), (previewed, _)) = (render(true), render(false));
        let halved: Vec<f32> = launched.iter().map(|x| 0.5 * x).collect();
        let settled = frame + 400;
        // A frame beside itself, this tone would differ by 0.007.
        let apart = difference(&halved[settled..], &previewed[settled..]);
        assert!(apart < 1e-3, "{tempo} BPM: differs by {apart}");
        assert!(click(&previewed) < 0.01, "clicks by {}", click(&previewed));
    }
}

#[test]
fn a_preview_of_now_begins_with_the_next_block_at_the_tempo_of_the_session() {
    for (tempo, is_playing) in [(133.0, true), (97.3, false)] {
        let mut rig = Rig::new(48_000, 1);
        // One beat of a sound whose value tells its position.
        rig.add("ramp", (0..24_000).map(|i| i as f32 / 24_000.0));
        let transport = if is_playing { playing(bpm(tempo)) } else { Transport::stopped(START, bpm(tempo)) };
        rig.engine.set_score(&score(&transport, Vec::new()));
        let mut out = Vec::new();
        rig.render(20_011, 128, &mut out);
        rig.preview("ramp", Beats::whole(1), false, PreviewStart::Now);
        rig.render(48_000, 128, &mut out);
        let begin = onset(&out, 0, 0.0).expect("it sounds");
        assert!((20_011..=20_011 + 128).contains(&begin), "began at {begin}");
        // A quarter of a beat later, a quarter of the sound has been heard.
        let quarter = begin + (0.25 * 60.0 / tempo * 48_000.0) as usize;
        assert!((out[quarter] - 0.5 * 0.25).abs() < 1e-3, "{} instead of {}", out[quarter], 0.5 * 0.25);
        let end = out.iter().rposition(|x| *x != 0.0).expect("it ends") - begin;
        let want = 60.0 / tempo * 48_000.0;
        assert!((end as f64 - want).abs() < 3.0, "lasted {end} frames instead of {want}");
        assert!(click(&out) < 0.01, "and ends without a click: {}", click(&out));
        assert_eq!(rig.engine.previewing(), None);
    }
}

#[test]
fn a_preview_ends_by_itself_when_stopped_and_when_another_begins_without_a_click() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("low", soft_cosine(97.0, 96_000));
    rig.add("high", soft_cosine(151.0, 96_000));
    rig.engine.set_score(&score(&Transport::stopped(START, bpm(120.0)), Vec::new()));
    let mut out = Vec::new();
    // Sixteen wishes, faster than fades: the last one counts.
    for round in 0..16 {
        rig.preview(if round % 2 == 0 { "low" } else { "high" }, Beats::whole(4), true, PreviewStart::Now);
        rig.render(50, 50, &mut out);
        assert!(rig.engine.status().voices() <= 1);
    }
    rig.render(20_000, 128, &mut out);
    let (found, loud) = (pitch(&out[out.len() - 9_600..]), rms(&out[out.len() - 9_600..]));
    assert!((found - 151.0).abs() < 3.0 && (loud - 0.25 / 2.0_f64.sqrt()).abs() < 1e-3, "{found} Hz, {loud}");
    rig.engine.stop_preview();
    assert_eq!(rig.engine.previewing(), None);
    let stopped = out.len();
    rig.render(10_000, 128, &mut out);
    let silent = out.iter().rposition(|x| *x != 0.0).expect("it sounded") + 1 - stopped;
    assert!((200..=400).contains(&silent), "silent after {silent} frames");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
    // Left alone, a loop ends after eight bars: sixteen seconds.
    rig.preview("low", Beats::whole(4), true, PreviewStart::Now);
    out.clear();
    rig.render(48_000 * 17, 1_024, &mut out);
    assert_eq!(rig.engine.previewing(), None);
    let end = out.iter().rposition(|x| *x != 0.0).expect("it sounded") as f64 / 48_000.0;
    assert!((end - 16.0).abs() < 0.05, "ended after {end} s");
}

#[test]
fn a_preview_in_time_finds_its_phase_when_the_transport_starts() {
    let mut rig = Rig::new(48_000, 1);
    rig.add("tone", soft_sine(220.0, 96_000));
    let mut transport = Transport::stopped(START, bpm(120.0));
    let line = Timeline { anchor_time: START + 777_777, playing: true, ..*transport.last() };
    assert!(transport.schedule(line));
    rig.engine.set_score(&score(&transport, Vec::new()));
    rig.preview("tone", Beats::whole(4), true, PreviewStart::InTime);
    let mut out = Vec::new();
    rig.render(96_000, 128, &mut out);
    assert!(rms(&out[4_800..24_000]) > 0.1, "it sounds while the transport rests");
    let want: Vec<f32> = soft_sine(220.0, 96_000).map(|x| 0.5 * x).collect();
    // The first frame at or after the start; the limiter's look-ahead is paid for by rendering ahead.
    let exact = 0.777_777 * 48_000.0_f64;
    let (frame, late) = (exact.ceil() as usize, exact.ceil() - exact);
    let slope = 0.5 * 0.5 * std::f32::consts::TAU * 220.0 / 48_000.0;
    let apart = difference(&out[frame + 400..frame + 20_000], &want[400..20_000]);
    assert!(apart <= slope * (late as f32 + 0.05), "differs by {apart}");
    assert!(click(&out) < 0.01, "clicks by {}", click(&out));
}

#[test]
fn sixty_four_voices_and_a_preview_are_sixty_four_voices() {
    let mut rig = Rig::new(48_000, 64);
    rig.add("step", vec![0.001; 48_000]);
    rig.add("heard", vec![0.2; 48_000]);
    let tracks = (0..64).map(|i| track(vec![launch("step", Beats(i * 10_000_000), Beats::whole(4))])).collect();
    rig.engine.set_score(&score(&playing(bpm(120.0)), tracks));
    let mut out = Vec::new();
    rig.render(24_000, 128, &mut out);
    assert_eq!(rig.engine.status().voices(), 64);
    for start in [PreviewStart::Now, PreviewStart::InTime] {
        rig.preview("heard", Beats::whole(4), true, start);
        for _ in 0..20 {
            rig.render(128, 128, &mut out);
            assert!(rig.engine.status().voices() <= 64);
        }
    }
    rig.render(4_800, 128, &mut out);
    let last = out[out.len() - 1];
    // Each preview has taken the place of the oldest, and gives its own back when the next one begins.
    assert!((last - 0.1 - 0.063).abs() < 1e-4, "63 voices and a preview sound as {last}");
}
