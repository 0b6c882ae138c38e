//! Drum loops: who strikes when, and the bus that glues the kit together.

use crate::{
    canvas::Canvas,
    dynamics::{glue, low_cut, tilt, warm},
    envelope::{Feel, Hit},
    kit::{self, Kick},
    space::{Room, reverberated},
};

/// The small room that the kit stands in.
const ROOM: Room = Room { seconds: 0.55, size: 0.42, damping_hz: 6500.0, low_cut_hz: 320.0, predelay: 0.006 };

/// A kit being recorded: drums that stay dry, and drums that the room hears.
#[derive(Debug)]
pub(crate) struct Session {
    dry: Canvas,
    heard: Canvas,
    feel: Feel,
}

impl Session {
    /// A kit at the tempo of a canvas.
    pub(crate) fn new(canvas: &Canvas, swing: f64, seed: u64) -> Self {
        Self { dry: canvas.blank(), heard: canvas.blank(), feel: Feel::new(canvas, swing, 0.003, seed) }
    }

    /// Kicks stray less than hands: the ground must not move.
    pub(crate) fn kicks(&mut self, pattern: &str, build: Kick) {
        let mut steady = self.feel.straying(&self.dry, 0.0006);
        for hit in steady.hits(pattern) {
            kit::kick(&mut self.dry, hit.beat, hit.velocity * 0.86, build);
        }
    }

    /// Hats of one foot: every stroke chokes the one before it.
    pub(crate) fn hats(&mut self, closed: &str, open: &str, level: f64) {
        let mut strokes: Vec<(Hit, f64)> = self.feel.hits(closed).into_iter().map(|hit| (hit, 0.032)).collect();
        strokes.extend(self.feel.hits(open).into_iter().map(|hit| (hit, 0.17)));
        strokes.sort_by(|a, b| a.0.beat.total_cmp(&b.0.beat));
        for (n, (hit, ring)) in strokes.iter().enumerate() {
            let next = strokes.get(n + 1).map_or(hit.beat + 0.5, |(next, _)| next.beat);
            let choke = self.dry.seconds(next - hit.beat).min(ring * 6.0);
            // A stroke's ring varies with its force, as a foot's pressure does.
            let ring = ring * (0.75 + 0.5 * hit.velocity);
            kit::hat(&mut self.heard, hit.beat, hit.velocity * level, ring, choke, 100 + hit.step as u64);
        }
    }

    /// Any other drum of the room.
    pub(crate) fn each(&mut self, pattern: &str, mut strike: impl FnMut(&mut Canvas, Hit)) {
        for hit in self.feel.hits(pattern) {
            strike(&mut self.heard, hit);
        }
    }

    /// A roll of closed hats: `strokes` even ones over some beats, from one velocity to another.
    pub(crate) fn roll(&mut self, from: f64, over: f64, strokes: u32, (soft, hard): (f64, f64), level: f64) {
        for n in 0..strokes {
            let way = f64::from(n) / f64::from(strokes);
            let (beat, velocity) = (from + over * way, soft + (hard - soft) * way);
            let choke = self.dry.seconds(over / f64::from(strokes));
            kit::hat(&mut self.heard, beat, velocity * level, 0.022, choke, 160 + u64::from(n));
        }
    }

    /// What the room hears.
    pub(crate) fn heard(&mut self) -> &mut Canvas {
        &mut self.heard
    }

    /// The bus in the kit's own room.
    pub(crate) fn mixed(self, room: f64, drive_db: f64) -> Canvas {
        self.mixed_in(ROOM, room, drive_db)
    }

    /// The bus: room, saturation, compression.
    pub(crate) fn mixed_in(mut self, walls: Room, room: f64, drive_db: f64) -> Canvas {
        self.dry.mix(&self.heard, 1.0);
        self.dry.mix(&reverberated(&self.heard, walls), room);
        glue(&mut self.dry, -9.0, 2.0, 0.012, 0.11);
        warm(&mut self.dry, drive_db);
        low_cut(&mut self.dry, 28.0);
        tilt(&mut self.dry, 2500.0, 1.5);
        self.dry
    }
}

/// Calm: soft kick, rim and shaker, with a hand drum that answers.
pub(crate) fn minimal(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.18, 21);
    let kick = Kick { hz: 51.9, body: 0.1, click: 0.45, drive: 1.5 };
    s.kicks("8... .... 8... ..4. | 8... .... 8..5 ....", kick);
    s.each("6364 6365 6364 6465 | 6364 6365 6374 6476", |c, h| {
        kit::shaker(c, h.beat, h.velocity * 0.55, 300 + h.step as u64);
    });
    s.each(".... 7..3 .... 7... | .... 7... ..4. 7..4", |c, h| kit::rim(c, h.beat, h.velocity * 0.85, -0.15));
    s.each("..5. ...4 .... ..6. | ..5. .... .6.. ..75", |c, h| {
        let hz = if h.step % 4 == 2 { 196.0 } else { 261.6 };
        kit::tom(c, h.beat, h.velocity * 0.42, hz, 0.06, 0.45);
    });
    s.hats("..4. ..5. ..4. ..5. | ..4. ..5. ..4. ..5.", "", 0.42);
    s.mixed(0.7, 2.0)
}

/// Broken beat: swung, with ghost notes around a dry snare.
pub(crate) fn broken(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.3, 22);
    let kick = Kick { hz: 55.0, body: 0.1, click: 0.7, drive: 1.9 };
    s.kicks("9... ..7. ..8. .... | 9..6 .... .78. .... | 9... ..7. ..8. ...5 | 9..6 .... .78. ..6.", kick);
    s.each(".... 8..2 .2.. 8..3 | .... 8..2 .2.. 8.3. | .... 8..2 .2.. 8..3 | .... 8..2 .2.5 8.46", |c, h| {
        kit::snare(c, h.beat, h.velocity * 1.05, 400 + h.step as u64);
    });
    s.hats(
        "8.5. 7.53 8.5. 7.5. | 8.5. 7.53 8.5. 7... | 8.5. 7.53 8.5. 7.5. | 8.53 7.53 8.5. ....",
        ".... .... .... .... | .... .... .... ..6. | .... .... .... .... | .... .... .... 6...",
        0.47,
    );
    s.each(".... .... ...4 .... | ...4 .... .... .... | .... .... ...4 .... | ...4 .... .... ....", |c, h| {
        kit::rim(c, h.beat, h.velocity * 0.55, -0.4);
    });
    s.each("5.4. 5.4. 5.4. 5.4. | 5.4. 5.4. 5.4. 5.4. | 5.4. 5.4. 5.4. 5.4. | 5.4. 5.4. 5.4. 5.45", |c, h| {
        kit::shaker(c, h.beat, h.velocity * 0.32, 500 + h.step as u64);
    });
    s.mixed(0.75, 4.0)
}

/// Deep house: four on the floor, clap on two and four, open hats between, swung sixteenths.
pub(crate) fn deep_house(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.2, 23);
    let kick = Kick { hz: 51.9, body: 0.115, click: 0.65, drive: 1.8 };
    s.kicks("9... 9... 9... 9... | 9... 9... 9... 9..4", kick);
    s.each(".... 8... .... 8... | .... 8... .... 8..3", |c, h| {
        kit::clap(c, h.beat, h.velocity * 1.0, 600 + h.step as u64);
    });
    s.hats("53.4 53.4 53.4 53.4 | 53.4 53.4 53.4 53.5", "..7. ..7. ..7. ..7. | ..7. ..7. ..7. ..8.", 0.46);
    s.each(".4.6 .4.6 .4.6 .4.6 | .4.6 .4.6 .4.6 .466", |c, h| {
        kit::shaker(c, h.beat, h.velocity * 0.4, 700 + h.step as u64);
    });
    s.each("...5 ..4. .5.. .... | ...5 ..4. .5.. 4...", |c, h| kit::rim(c, h.beat, h.velocity * 0.4, -0.5));
    s.each(".... .... .... ..6. | .... .... ..5. .6..", |c, h| {
        kit::tom(c, h.beat, h.velocity * 0.4, if h.step % 2 == 0 { 174.6 } else { 220.0 }, 0.07, 0.5);
    });
    s.mixed(0.75, 4.0)
}

/// Peak time: everything, with a crash at the top and a fill of toms at the end.
pub(crate) fn peak(canvas: &Canvas) -> Canvas {
    let mut s = Session::new(canvas, 0.12, 24);
    let kick = Kick { hz: 51.9, body: 0.12, click: 0.95, drive: 2.2 };
    s.kicks("9... 9... 9... 9... | 9... 9... 9... 9..6 | 9... 9... 9... 9... | 9... 9... 9... 9.7.", kick);
    for (velocity, clapping) in [(0.95, true), (0.62, false)] {
        s.each(".... 9... .... 9... | .... 9... .... 9..4 | .... 9... .... 9... | .... 9... .... 9...", |c, h| {
            if clapping {
                kit::clap(c, h.beat, h.velocity * velocity, 800 + h.step as u64);
            } else {
                kit::snare(c, h.beat, h.velocity * velocity, 850 + h.step as u64);
            }
        });
    }
    s.hats(
        "74.5 74.5 74.5 74.5 | 74.5 74.5 74.5 74.5 | 74.5 74.5 74.5 74.5 | 74.5 74.5 74.5 7...",
        "..8. ..8. ..8. ..8. | ..8. ..8. ..8. ..8. | ..8. ..8. ..8. ..8. | ..8. ..8. ..8. ....",
        0.47,
    );
    s.each("6475 6475 6475 6475 | 6475 6475 6475 6475 | 6475 6475 6475 6475 | 6475 6475 6475 6475", |c, h| {
        kit::shaker(c, h.beat, h.velocity * 0.42, 900 + h.step as u64);
    });
    s.each(".... ...2 .... ..2. | .... ...2 .2.. .... | .... ...2 .... ..2. | .... .... .... .5.7", |c, h| {
        kit::snare(c, h.beat, h.velocity * 0.75, 950 + h.step as u64);
    });
    s.each(".... .... .... .... | .... .... .... .... | .... .... .... .... | .... ..6. 8.6. 8787", |c, h| {
        let (hz, place) = [(196.0, -0.5), (164.8, -0.2), (130.8, 0.2), (110.0, 0.5)][(h.step / 2) % 4];
        kit::tom(c, h.beat, h.velocity * 0.72, hz, 0.13, place);
    });
    kit::crash(&mut s.heard, 0.0, 0.3, 77);
    s.mixed(0.8, 5.0)
}
