//! A room, a metronome and a microphone that a test moves through time, turn by turn.

use super::{
    plan::{LENGTH, STOPPED, TEMPO_CHANGED, TOO_LONG, TOO_SHORT},
    *,
};
use crate::microphone::Pen;
use keyboardia_session::{Beats, Micros, Tempo, Timeline, meter::TimeSignature};

/// Session time less the player's clock, nanoseconds.
const OFFSET_NS: i64 = 1_790_000_000_123_456_000;
/// The player's clock when the test begins, nanoseconds.
const BEGIN_NS: i64 = 3_000_000_000;
/// Time between two turns, nanoseconds.
const TURN_NS: i64 = 2_000_000;
/// Frames of a block of the device.
const BLOCK: usize = 480;
/// How long a block is on its way to the player after its last frame, nanoseconds.
const WAY_NS: i64 = 15_000_000;

/// A room with a metronome that the player hears, a microphone in it, and a recorder.
struct Stage {
    /// The player's clock, nanoseconds.
    clock: i64,
    recorder: Recorder,
    transport: Transport,
    meters: Meters,
    pen: Pen,
    rate_hz: u32,
    /// How fast the device runs beside its rate, parts in a million.
    ppm: f64,
    /// How much later frames are than their stamps say, nanoseconds.
    late_ns: i64,
    /// How far stamps are off, nanoseconds, either way.
    jitter_ns: i64,
    blocks: i64,
    loudness: f32,
}

fn request(shape: TakeShape) -> TakeRequest {
    TakeRequest { shape, device: None, input_nudge_us: 0 }
}

fn playing(bpm: f64) -> Transport {
    let now = Nanos(BEGIN_NS + OFFSET_NS).micros();
    let mut transport = Transport::stopped(now.offset(-1_700_000), Tempo::from_bpm(bpm).unwrap());
    assert!(transport.schedule(Timeline { playing: true, ..*transport.last() }));
    transport.settle(now);
    transport
}

impl Stage {
    fn new(shape: TakeShape, rate_hz: u32, transport: Transport) -> Self {
        Self::with(request(shape), rate_hz, transport)
    }

    fn with(request: TakeRequest, rate_hz: u32, transport: Transport) -> Self {
        let mut recorder = Recorder::default();
        let (pen, microphone) = Microphone::scripted(rate_hz, 2);
        recorder.start(request, microphone);
        Self {
            clock: BEGIN_NS,
            recorder,
            transport,
            meters: Meters::default(),
            pen,
            rate_hz,
            ppm: 60.0,
            late_ns: 0,
            jitter_ns: 3_000_000,
            blocks: 0,
            loudness: 0.5,
        }
    }

    /// What is heard at this moment of the session: a soft pulse, its middle [`PULSE_MIDDLE_S`] after each beat.
    fn sound(&self, session_ns: f64) -> f32 {
        let line = self.transport.last();
        let since_s = (session_ns - line.anchor_time.0 as f64 * 1e3) * 1e-9;
        let beat = since_s * line.tempo.beats_per_second();
        let from_middle = beat.rem_euclid(1.0) / line.tempo.beats_per_second() - PULSE_MIDDLE_S;
        let inside = (from_middle / PULSE_HALF_S).abs() < 1.0;
        if inside {
            self.loudness * (std::f64::consts::FRAC_PI_2 * from_middle / PULSE_HALF_S).cos() as f32
        } else {
            0.0
        }
    }

    /// A while passes.
    fn pass(&mut self, seconds: f64) {
        let until = self.clock + (seconds * 1e9) as i64;
        while self.clock < until && self.recorder.is_busy() {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.clock += TURN_NS;
        let now = self.clock;
        let frame_ns = 1e9 / (f64::from(self.rate_hz) * (1.0 + self.ppm * 1e-6));
        loop {
            let first = BEGIN_NS as f64 + (self.blocks * BLOCK as i64) as f64 * frame_ns;
            if first + BLOCK as f64 * frame_ns + WAY_NS as f64 > now as f64 {
                break;
            }
            let heard = |frame: usize| {
                let at = first + frame as f64 * frame_ns + OFFSET_NS as f64 - self.late_ns as f64;
                [self.sound(at); 2]
            };
            let block: Vec<f32> = (0..BLOCK).flat_map(heard).collect();
            let jitter = ((self.blocks * 7_919) % 61 - 30) * self.jitter_ns / 30;
            self.pen.write(&block, Nanos(first as i64 + jitter), |sample| sample);
            self.blocks += 1;
        }
        let session = InSession { offset_ns: OFFSET_NS, transport: &self.transport, meters: &self.meters };
        self.recorder.turn(Nanos(now), Some(session));
    }

    fn stage(&mut self) -> RecordingStage {
        self.recorder.view().expect("something to be seen").stage
    }

    /// Passes time until the recording has begun.
    fn await_recording(&mut self) {
        while !matches!(self.stage(), RecordingStage::Recording { .. }) {
            assert!(self.recorder.is_busy(), "{:?}", self.stage());
            self.turn();
        }
    }

    fn recorded(&mut self) -> Recorded {
        assert_eq!(self.stage(), RecordingStage::Done);
        match self.recorder.take_outcome() {
            Some(Outcome::Take(recorded)) => recorded,
            other => panic!("{other:?}"),
        }
    }

    fn failure(&mut self) -> String {
        assert!(self.recorder.take_outcome().is_none());
        assert!(self.pen.is_released());
        match self.stage() {
            RecordingStage::Failed(why) => why,
            other => panic!("{other:?}"),
        }
    }
}

const PULSE_MIDDLE_S: f64 = 0.006;
const PULSE_HALF_S: f64 = 0.004;

/// How far the pulses of a finished loop are from their beats at worst, seconds.
fn worst(made: &crate::recorded::MadeTake, bpm: f64) -> f64 {
    let info = made.finished.info;
    let channels = usize::from(info.channels);
    let samples: Vec<f64> = info.samples(&made.finished.wav).step_by(channels).map(f64::from).collect();
    let beats = made.looped.unwrap().as_f64();
    let frames_per_beat = 48_000.0 * 60.0 / bpm;
    assert!((samples.len() as f64 - beats * frames_per_beat).abs() <= 0.5, "exactly its beats");
    let off = (0..beats as usize).map(|beat| {
        let begin = beat as f64 * frames_per_beat;
        let window = begin as usize..(begin + 0.012 * 48_000.0) as usize;
        let weight: f64 = window.clone().map(|frame| samples[frame].abs()).sum();
        let middle = window.map(|frame| frame as f64 * samples[frame].abs()).sum::<f64>() / weight;
        ((middle - begin) / 48_000.0 - PULSE_MIDDLE_S).abs()
    });
    off.fold(0.0, f64::max)
}

#[test]
fn what_sounds_on_a_beat_is_recorded_on_that_beat() {
    for (rate, bpm, bars) in
        [(44_100, 133.0, 1), (48_000, 97.3, 2), (96_000, 179.9, 4), (44_100, 97.3, 8), (48_000, 40.0, 8)]
    {
        let mut stage = Stage::new(TakeShape::Loop(LoopLength::Bars(bars)), rate, playing(bpm));
        stage.pass(90.0);
        let made = stage.recorded().finish(1).unwrap();
        assert_eq!(made.looped, Some(Beats::whole(4 * i64::from(bars))));
        let off = worst(&made, bpm);
        assert!(off < 0.5e-3, "{rate} Hz, {bpm} BPM, {bars} bars: {off} s");
        assert!(stage.pen.is_released());
    }
}

#[test]
fn a_microphone_that_is_later_than_it_says_is_put_right_by_the_nudge_that_calibration_finds() {
    let mut stage = Stage::new(TakeShape::Loopback, 48_000, playing(133.0));
    stage.late_ns = 42_000_000;
    stage.pass(20.0);
    let Some(Outcome::Loopback(loopback)) = stage.recorder.take_outcome() else { panic!("{:?}", stage.stage()) };
    // The pulse rises from its beginning on; a click would be found at once.
    let rise_us = (PULSE_MIDDLE_S - PULSE_HALF_S) * 1e6;
    let nudge_us = loopback.nudge_us().unwrap() - rise_us as i32;
    assert!((41_500..43_000).contains(&nudge_us), "{nudge_us}");

    let wish = TakeRequest { input_nudge_us: 42_000, ..request(TakeShape::Loop(LoopLength::Bars(1))) };
    let mut stage = Stage::with(wish, 48_000, playing(133.0));
    stage.late_ns = 42_000_000;
    stage.pass(20.0);
    assert!(worst(&stage.recorded().finish(1).unwrap(), 133.0) < 0.5e-3);
}

#[test]
fn it_waits_for_a_bar_line_counts_in_for_a_bar_and_shows_what_it_hears() {
    let mut stage = Stage::new(TakeShape::Loop(LoopLength::Beats(2)), 48_000, playing(120.0));
    let mut stages: Vec<RecordingStage> = Vec::new();
    let mut loudest = 0.0_f32;
    while stage.recorder.is_busy() {
        stage.turn();
        let view = stage.recorder.view().unwrap();
        loudest = loudest.max(view.level);
        if stages.last() != Some(&view.stage) {
            stages.push(view.stage);
        }
    }
    // The test begins at beat 3.4.
    let begins = Beats::whole(8);
    let recording = RecordingStage::Recording { since: Some(begins), beats: Some(Beats::whole(2)) };
    let wait = [RecordingStage::Opening, RecordingStage::Waiting { begins }, RecordingStage::CountIn { begins }];
    assert_eq!(stages, [&wait[..], &[recording, RecordingStage::Done]].concat());
    let view = stage.recorder.view().unwrap();
    assert!((loudest - 0.5).abs() < 0.02 && !view.clipped, "{loudest}");
    assert!((view.seconds - 1.0).abs() < 1e-3, "{}", view.seconds);
    assert!((120..=128).contains(&view.wave.len()) && view.wave.iter().any(|peak| *peak > 100));
    stage.recorder.cancel();
    assert_eq!(stage.recorder.view(), None);
}

#[test]
fn a_free_loop_is_rounded_to_the_bar_and_has_one_at_least() {
    // Bars at 120 BPM last two seconds.
    for (held, bars) in [(0.2, 1), (2.7, 1), (3.2, 2), (4.9, 2), (5.1, 3)] {
        let mut stage = Stage::new(TakeShape::Loop(LoopLength::Free), 48_000, playing(120.0));
        stage.await_recording();
        stage.pass(held);
        stage.recorder.stop(Nanos(stage.clock));
        stage.pass(4.0);
        let made = stage.recorded().finish(1).unwrap();
        assert_eq!(made.looped, Some(Beats::whole(4 * bars)), "held for {held} s");
        assert!(worst(&made, 120.0) < 0.5e-3);
    }
}

#[test]
fn a_free_loop_that_nobody_stops_ends_at_the_last_bar_within_64_seconds() {
    let mut stage = Stage::new(TakeShape::Loop(LoopLength::Free), 8_000, playing(97.3));
    stage.pass(90.0);
    let made = stage.recorded().finish(1).unwrap();
    assert_eq!(made.looped, Some(Beats::whole(100)), "25 bars last 61.7 seconds");
}

#[test]
fn an_eighth_signature_has_bars_of_its_own() {
    let mut stage = Stage::new(TakeShape::Loop(LoopLength::Bars(2)), 48_000, playing(120.0));
    assert!(stage.meters.schedule(TimeSignature::SevenEight, Beats::ZERO));
    stage.pass(20.0);
    assert_eq!(stage.recorded().finish(1).unwrap().looped, Some(Beats::whole(7)));
}

#[test]
fn a_loop_while_the_transport_rests_begins_at_once() {
    let transport = Transport::stopped(Micros(0), Tempo::from_bpm(120.0).unwrap());
    let mut stage = Stage::new(TakeShape::Loop(LoopLength::Bars(1)), 48_000, transport);
    stage.pass(0.1);
    let beats = Some(Beats::whole(4));
    assert_eq!(stage.stage(), RecordingStage::Recording { since: Some(Beats::ZERO), beats });
    stage.pass(4.0);
    let made = stage.recorded().finish(1).unwrap();
    assert_eq!((made.looped, made.finished.info.frames), (beats, 96_000));
}

#[test]
fn a_one_shot_lasts_from_the_press_to_the_release() {
    let mut stage = Stage::new(TakeShape::OneShot, 44_100, playing(120.0));
    stage.pass(1.5);
    assert_eq!(stage.stage(), RecordingStage::Recording { since: None, beats: None });
    stage.recorder.stop(Nanos(stage.clock));
    stage.pass(1.0);
    let recorded = stage.recorded();
    let (take, shape) = recorded.take().unwrap();
    assert!((take.seconds() - 1.5).abs() < 0.02, "{}", take.seconds());
    assert_eq!((take.rate_hz(), take.channels().len(), shape), (44_100, 2, keyboardia_audio::take::Shape::OneShot));
}

#[test]
fn a_one_shot_has_a_tenth_of_a_second_at_least_and_64_seconds_at_most() {
    let mut stage = Stage::new(TakeShape::OneShot, 48_000, playing(120.0));
    stage.await_recording();
    stage.recorder.stop(Nanos(stage.clock));
    stage.pass(1.0);
    let seconds = stage.recorded().take().unwrap().0.seconds();
    assert!((0.1..0.13).contains(&seconds), "{seconds}");

    let mut stage = Stage::new(TakeShape::OneShot, 8_000, playing(120.0));
    stage.pass(70.0);
    assert_eq!(stage.recorded().take().unwrap().0.seconds(), 64.0);
}

#[test]
fn what_is_as_loud_as_the_device_can_tell_is_warned_of() {
    let mut stage = Stage::new(TakeShape::OneShot, 48_000, playing(120.0));
    stage.loudness = 1.0;
    stage.pass(1.0);
    assert!(stage.recorder.view().unwrap().clipped);
}

#[test]
fn a_stop_before_the_first_beat_drops_the_loop() {
    for length in [LoopLength::Free, LoopLength::Bars(1)] {
        let mut stage = Stage::new(TakeShape::Loop(length), 48_000, playing(120.0));
        stage.pass(1.0);
        stage.recorder.stop(Nanos(stage.clock));
        assert!(!stage.recorder.is_busy() && stage.pen.is_released());
        assert!(stage.recorder.view().is_none() && stage.recorder.take_outcome().is_none());
    }
}

#[test]
fn a_device_that_vanishes_is_told_and_released() {
    for shape in [TakeShape::OneShot, TakeShape::Loop(LoopLength::Bars(2))] {
        let mut stage = Stage::new(shape, 48_000, playing(120.0));
        stage.await_recording();
        stage.pass(0.5);
        stage.pen.vanish();
        stage.pass(0.1);
        assert_eq!(stage.failure(), LOST_DEVICE);
    }
}

#[test]
fn sound_that_is_lost_on_its_way_spoils_a_loop() {
    let mut stage = Stage::new(TakeShape::Loop(LoopLength::Bars(2)), 48_000, playing(120.0));
    stage.await_recording();
    // Nobody takes three seconds at once.
    stage.pen.write(&vec![0.0_f32; 3 * 2 * 48_000], Nanos(0), |sample| sample);
    stage.pass(0.1);
    assert_eq!(stage.failure(), GAP);
}

#[test]
fn a_clock_that_jumps_spoils_a_loop() {
    let mut stage = Stage::new(TakeShape::Loop(LoopLength::Bars(2)), 48_000, playing(120.0));
    stage.await_recording();
    let (transport, meters, now) = (stage.transport.clone(), stage.meters, Nanos(stage.clock));
    let session = InSession { offset_ns: OFFSET_NS + 50_000_000, transport: &transport, meters: &meters };
    stage.recorder.turn(now, Some(session));
    assert_eq!(stage.failure(), CLOCK_JUMPED);
}

#[test]
fn a_microphone_that_is_refused_is_told_as_it_says() {
    let mut stage = Stage::new(TakeShape::OneShot, 48_000, playing(120.0));
    stage.recorder.start(request(TakeShape::OneShot), Microphone::refused("Not allowed."));
    stage.turn();
    assert_eq!(stage.stage(), RecordingStage::Failed("Not allowed.".into()));
}

/// Lets `change` happen to the transport half a second from now.
fn change(stage: &mut Stage, change: impl FnOnce(Timeline) -> Timeline) {
    let at = Nanos(stage.clock + OFFSET_NS + 500_000_000).micros();
    let beat = stage.transport.beat_at(at);
    let line = change(Timeline { anchor_time: at, anchor_beat: beat, ..*stage.transport.last() });
    assert!(stage.transport.schedule(line));
}

#[test]
fn a_change_of_tempo_or_a_stop_in_a_take_is_told_and_one_after_it_does_not_matter() {
    let slower = |line: Timeline| Timeline { tempo: Tempo::from_bpm(100.0).unwrap(), ..line };
    let stopped = |line: Timeline| Timeline { playing: false, ..line };
    for length in [LoopLength::Free, LoopLength::Bars(4)] {
        let mut stage = Stage::new(TakeShape::Loop(length), 48_000, playing(120.0));
        stage.await_recording();
        change(&mut stage, slower);
        stage.pass(1.0);
        assert_eq!(stage.failure(), TEMPO_CHANGED);

        let mut stage = Stage::new(TakeShape::Loop(length), 48_000, playing(120.0));
        stage.await_recording();
        change(&mut stage, stopped);
        stage.pass(1.0);
        assert_eq!(stage.failure(), STOPPED);
    }
    let mut stage = Stage::new(TakeShape::Loop(LoopLength::Bars(1)), 48_000, playing(120.0));
    stage.await_recording();
    stage.pass(1.8);
    change(&mut stage, stopped);
    stage.pass(1.0);
    assert_eq!(stage.recorded().finish(1).unwrap().looped, Some(Beats::whole(4)));
}

#[test]
fn a_change_of_tempo_before_the_first_beat_is_followed() {
    let mut stage = Stage::new(TakeShape::Loop(LoopLength::Bars(1)), 48_000, playing(120.0));
    stage.pass(0.3);
    change(&mut stage, |line| Timeline { tempo: Tempo::from_bpm(100.0).unwrap(), ..line });
    stage.pass(20.0);
    let made = stage.recorded().finish(1).unwrap();
    assert_eq!(made.finished.info.frames, 48_000 * 60 * 4 / 100);
}

#[test]
fn lengths_that_no_sample_can_have_are_refused_at_once() {
    let refused = |length, bpm| {
        let mut stage = Stage::new(TakeShape::Loop(length), 48_000, playing(bpm));
        stage.pass(0.1);
        stage.failure()
    };
    assert_eq!(refused(LoopLength::Bars(8), 20.0), TOO_LONG);
    assert_eq!(refused(LoopLength::Beats(1), 999.0), TOO_SHORT);
    assert_eq!(refused(LoopLength::Bars(3), 120.0), LENGTH);
    assert_eq!(refused(LoopLength::Beats(0), 120.0), LENGTH);
}

#[test]
fn without_a_session_there_is_no_loop_but_a_one_shot() {
    for (shape, fails) in [(TakeShape::Loop(LoopLength::Free), true), (TakeShape::OneShot, false)] {
        let mut stage = Stage::new(shape, 48_000, playing(120.0));
        stage.pen.write(&[0.1_f32; 960], Nanos(BEGIN_NS), |sample| sample);
        stage.recorder.turn(Nanos(BEGIN_NS), None);
        assert_eq!(stage.stage() == RecordingStage::Failed(NO_SESSION.into()), fails);
    }
}
