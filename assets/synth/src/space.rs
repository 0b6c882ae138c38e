//! Room and width: reverb, echo and chorus. Each takes a frame and gives the wet frame only.
//!
//! Their slow movements are given in turns a frame (see [`Canvas::lfo`](crate::canvas::Canvas::lfo)), so that they fit
//! into a loop a whole number of times.

use crate::{
    canvas::{Canvas, Frame, RATE},
    filter::OnePole,
    math::{exp2, sine},
};

/// A delay line that may be read between frames.
#[derive(Debug, Clone)]
struct Line {
    buffer: Vec<f64>,
    head: usize,
}

impl Line {
    fn new(frames_max: f64) -> Self {
        Self { buffer: vec![0.0; frames_max as usize + 4], head: 0 }
    }

    fn write(&mut self, sample: f64) {
        self.head = if self.head + 1 < self.buffer.len() { self.head + 1 } else { 0 };
        self.buffer[self.head] = sample;
    }

    /// The sample that was written `frames` ago (0 is the newest).
    fn read(&self, frames: f64) -> f64 {
        let whole = frames as usize;
        let part = frames - whole as f64;
        let at = |back: usize| {
            self.buffer[if back <= self.head { self.head - back } else { self.head + self.buffer.len() - back }]
        };
        at(whole) * (1.0 - part) + at(whole + 1) * part
    }
}

/// What a room is like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Seconds until the tail has sunk by 60 dB.
    pub(crate) seconds: f64,
    /// Scale of the distances, 1 is a hall.
    pub(crate) size: f64,
    /// Frequency above which the walls absorb, hertz.
    pub(crate) damping_hz: f64,
    /// Frequency below which nothing enters, hertz.
    pub(crate) low_cut_hz: f64,
    /// Seconds until the first reflection.
    pub(crate) predelay: f64,
}

/// Reverberation: diffusers into a feedback network of eight slowly moving delays (Jot 1991).
#[derive(Debug, Clone)]
pub(crate) struct Reverb {
    room: Room,
    predelay: [Line; 2],
    low_cut: [OnePole; 2],
    diffusers: [[(Line, f64); 4]; 2],
    lines: [Line; 8],
    lengths: [f64; 8],
    decays: [f64; 8],
    damping: [OnePole; 8],
    rates: [f64; 8],
}

/// Lengths of the eight delays in milliseconds: no common factors.
const DELAYS_MS: [f64; 8] = [31.09, 37.71, 41.93, 46.27, 53.89, 59.33, 67.07, 73.31];
/// Lengths of the diffusers in milliseconds, left and right.
const DIFFUSERS_MS: [[f64; 4]; 2] = [[4.77, 3.59, 12.73, 9.31], [5.11, 3.89, 11.97, 8.83]];

impl Reverb {
    /// A room whose movement fits into a canvas.
    pub(crate) fn new(room: Room, canvas: &Canvas) -> Self {
        let lengths = DELAYS_MS.map(|ms| ms / 1000.0 * RATE * room.size);
        Self {
            room,
            predelay: [(); 2].map(|()| Line::new(room.predelay * RATE)),
            low_cut: [OnePole::default(); 2],
            diffusers: DIFFUSERS_MS.map(|side| {
                side.map(|ms| {
                    let frames = ms / 1000.0 * RATE * (0.5 + 0.5 * room.size);
                    (Line::new(frames), frames.round())
                })
            }),
            lines: lengths.map(|frames| Line::new(frames + 16.0)),
            lengths,
            decays: lengths.map(|frames| exp2(-9.965_784 * frames / RATE / room.seconds)),
            damping: [OnePole::default(); 8],
            rates: std::array::from_fn(|n| canvas.lfo(0.3 + 0.11 * n as f64) * canvas.frames().len() as f64),
        }
    }

    /// The room's answer to a frame; `turn` is how far the canvas has been walked, 0 … 1.
    pub(crate) fn next(&mut self, input: Frame, turn: f64) -> Frame {
        let mut entering = [0.0; 2];
        for side in 0..2 {
            let delayed = if self.room.predelay > 0.0 {
                self.predelay[side].write(input[side]);
                self.predelay[side].read(self.room.predelay * RATE)
            } else {
                input[side]
            };
            let mut sample = self.low_cut[side].high(delayed, self.room.low_cut_hz);
            for (line, frames) in &mut self.diffusers[side] {
                let old = line.read(*frames - 1.0);
                let new = sample - 0.6 * old;
                line.write(new);
                sample = old + 0.6 * new;
            }
            entering[side] = sample;
        }
        let mut taps = [0.0; 8];
        for (n, tap) in taps.iter_mut().enumerate() {
            let sway = 7.0 + 6.0 * sine(self.rates[n] * turn + n as f64 / 8.0);
            let heard = self.lines[n].read(self.lengths[n] + sway);
            *tap = self.damping[n].low(heard, self.room.damping_hz) * self.decays[n];
        }
        let wet = [taps[0] - taps[2] + taps[4] - taps[6], taps[1] - taps[3] + taps[5] - taps[7]];
        scatter(&mut taps);
        for (n, line) in self.lines.iter_mut().enumerate() {
            line.write(taps[n] + entering[n % 2] * 0.5);
        }
        wet
    }
}

/// Spreads eight signals evenly over each other without gain (a Hadamard matrix).
fn scatter(taps: &mut [f64; 8]) {
    for half in [1, 2, 4] {
        for n in 0..8 {
            if n & half == 0 {
                let (a, b) = (taps[n], taps[n | half]);
                taps[n] = a + b;
                taps[n | half] = a - b;
            }
        }
    }
    *taps = taps.map(|tap| tap * 0.353_553_390_593_273_8);
}

/// A canvas as a room answers it.
pub(crate) fn reverberated(canvas: &Canvas, room: Room) -> Canvas {
    let mut reverb = Reverb::new(room, canvas);
    let length = canvas.frames().len() as f64;
    canvas.sent(|index, frame| reverb.next(frame, index as f64 / length))
}

/// A canvas as echoes that wander from side to side, each `feedback` (0 … 1) as loud as the one before it.
pub(crate) fn echoed(canvas: &Canvas, beats: f64, feedback: f64) -> Canvas {
    let frames = canvas.seconds(beats) * RATE;
    let mut lines = [Line::new(frames), Line::new(frames)];
    let (mut dark, mut thin) = ([OnePole::default(); 2], [OnePole::default(); 2]);
    canvas.sent(|_, [left, right]| {
        let heard = [lines[0].read(frames - 1.0), lines[1].read(frames - 1.0)];
        let toned: Frame = std::array::from_fn(|n| thin[n].high(dark[n].low(heard[n], 4200.0), 220.0));
        lines[0].write((left + right) * 0.5 + toned[1] * feedback);
        lines[1].write(toned[0]);
        toned
    })
}

/// Doubles a canvas: it is mixed with copies that drift in time, more on one side than on the other.
pub(crate) fn chorus(canvas: &mut Canvas, hz: f64, depth_ms: f64, wet: f64) {
    let rate = canvas.lfo(hz);
    let mut lines = [Line::new(0.04 * RATE), Line::new(0.04 * RATE)];
    canvas.through(|index, frame| {
        let turn = index as f64 * rate;
        std::array::from_fn(|side| {
            lines[side].write(frame[side]);
            let copies: f64 = (0..3)
                .map(|n| {
                    let place = f64::from(n) / 3.0 + side as f64 * 0.25;
                    lines[side].read((12.0 + 3.0 * f64::from(n) + depth_ms * sine(turn + place)) / 1000.0 * RATE)
                })
                .sum();
            frame[side] * (1.0 - wet * 0.5) + copies * wet * 0.5
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_falls_silent_at_its_time() {
        let mut canvas = Canvas::new(8.0, false);
        canvas.frames_mut()[0] = [1.0, 1.0];
        let room = Room { seconds: 1.0, size: 1.0, damping_hz: 20_000.0, low_cut_hz: 20.0, predelay: 0.0 };
        let wet = reverberated(&canvas, room);
        let power = |from: usize| wet.frames()[from..from + 4800].iter().map(|f| f[0] * f[0]).sum::<f64>();
        let fall_db = 10.0 * (power(52_800) / power(4_800)).log10();
        assert!((-75.0..-50.0).contains(&fall_db), "{fall_db} dB after a second");
    }

    #[test]
    fn an_echo_comes_back_on_its_beat() {
        let mut canvas = Canvas::new(4.0, false);
        canvas.frames_mut()[0] = [1.0, 1.0];
        let wet = echoed(&canvas, 0.75, 0.5);
        let loudest = (0..30_000).max_by(|a, b| wet.frames()[*a][0].abs().total_cmp(&wet.frames()[*b][0].abs()));
        let expected = canvas.frame_at(0.75) as usize;
        assert!(loudest.is_some_and(|frame| frame.abs_diff(expected) < 8), "{loudest:?}");
    }
}
