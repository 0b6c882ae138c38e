//! Peak meters: how loud it is, and how loud it was a moment ago. All of them become one mesh, drawn in one call.

use crate::theme::{self, Rgb};
use bevy::prelude::Resource;
use bevy_egui::egui::{Align2, Mesh, Pos2, Rect, Ui, pos2, vec2};
use keyboardia_player::Levels;
use keyboardia_session::TrackId;
use std::{collections::BTreeMap, time::Duration};

/// The lower end of the scale, decibels; the upper one is 0.
const DB_MIN: f32 = -60.0;
/// The scale gives the loud end more of its way.
const TAPER: f32 = 1.4;
/// How long a peak stands, and how fast it falls then, decibels a second.
const HOLD: Duration = Duration::from_millis(1_300);
const FALL_DB_PER_S: f32 = 26.0;
/// Figures of the scale, decibels.
const FIGURES: [f32; 4] = [0.0, -12.0, -24.0, -40.0];
const GREEN: Rgb = theme::ACCENT;
/// Colours by height, decibels.
const COLOURS: [(f32, Rgb); 5] = [
    (-60.0, Rgb([0x2a, 0x8f, 0x6c])),
    (-18.0, GREEN),
    (-9.0, Rgb([0xe6, 0xe0, 0x5e])),
    (-3.0, theme::WARNING),
    (0.0, Rgb([0xff, 0x5a, 0x4d])),
];

/// A peak that stands for a while.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Peak {
    db: Option<f32>,
    since: Duration,
}

impl Peak {
    /// Takes the present level, decibels; returns where the peak stands.
    fn follow(&mut self, level_db: f32, now: Duration) -> f32 {
        let stands = self.shown(now);
        if stands.is_none_or(|stands| level_db >= stands) {
            *self = Self { db: Some(level_db), since: now };
        }
        self.shown(now).unwrap_or(DB_MIN)
    }

    fn shown(&self, now: Duration) -> Option<f32> {
        let falling = now.saturating_sub(self.since).saturating_sub(HOLD);
        self.db.map(|db| db - falling.as_secs_f32() * FALL_DB_PER_S).filter(|db| *db > DB_MIN)
    }
}

/// The peaks of every meter.
#[derive(Resource, Debug, Default)]
pub(super) struct Peaks {
    tracks: BTreeMap<TrackId, [Peak; 2]>,
    master: [Peak; 2],
}

/// One side of a meter, decibels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    level_db: f32,
    peak_db: f32,
}

impl Peaks {
    /// What the meter of a track shows.
    pub(super) fn track(&mut self, track: TrackId, levels: &Levels, now: Duration) -> [Reading; 2] {
        let level = levels.tracks.get(&track).copied().unwrap_or_default();
        read(self.tracks.entry(track).or_default(), level, now)
    }

    /// What the meter of everything shows.
    pub(super) fn master(&mut self, levels: &Levels, now: Duration) -> [Reading; 2] {
        read(&mut self.master, levels.master, now)
    }

    /// Forgets tracks that are gone.
    pub(super) fn keep_only(&mut self, is_there: impl Fn(TrackId) -> bool) {
        self.tracks.retain(|track, _| is_there(*track));
    }
}

fn read(peaks: &mut [Peak; 2], level: [f32; 2], now: Duration) -> [Reading; 2] {
    std::array::from_fn(|side| {
        let level_db = decibels(level[side]);
        Reading { level_db, peak_db: peaks[side].follow(level_db, now) }
    })
}

/// Decibels of a linear level; what is no number is silence.
fn decibels(level: f32) -> f32 {
    let db = 20.0 * level.log10();
    if db.is_finite() { db.max(DB_MIN) } else { DB_MIN }
}

/// A level's place on the scale, 0 … 1.
fn position(db: f32) -> f32 {
    ((db - DB_MIN) / -DB_MIN).clamp(0.0, 1.0).powf(TAPER)
}

fn colour(db: f32) -> Rgb {
    let above = COLOURS.iter().position(|(at, _)| *at >= db).unwrap_or(COLOURS.len() - 1).max(1);
    let ((low, from), (high, to)) = (COLOURS[above - 1], COLOURS[above]);
    from.mix(to, (db - low) / (high - low))
}

/// Adds a meter of two sides along the longer side of `rect`.
pub(super) fn add(mesh: &mut Mesh, rect: Rect, sides: [Reading; 2]) {
    let upright = rect.height() >= rect.width();
    let gap = 1.0;
    let thickness = (if upright { rect.width() } else { rect.height() } - gap) / 2.0;
    for (index, Reading { level_db, peak_db }) in sides.into_iter().enumerate() {
        let across = index as f32 * (thickness + gap);
        let bar = if upright {
            Rect::from_min_size(rect.min + vec2(across, 0.0), vec2(thickness, rect.height()))
        } else {
            Rect::from_min_size(rect.min + vec2(0.0, across), vec2(rect.width(), thickness))
        };
        let mut piece = |from: f32, to: f32, low: Rgb, high: Rgb| quad(mesh, bar, upright, (from, to), (low, high));
        piece(0.0, 1.0, theme::BACKGROUND, theme::BACKGROUND);
        for stops in COLOURS.windows(2) {
            let ((low, from), (high, to)) = (stops[0], stops[1]);
            if level_db > low {
                let top = level_db.min(high);
                piece(position(low), position(top), from, from.mix(to, (top - low) / (high - low)));
            }
        }
        if peak_db > DB_MIN {
            let at = position(peak_db);
            let length = if upright { rect.height() } else { rect.width() };
            let bright = colour(peak_db).mix(theme::TEXT, 0.35);
            piece((at - 1.5 / length.max(1.0)).max(0.0), at.max(1.5 / length.max(1.0)), bright, bright);
        }
    }
}

/// Adds the part of a bar between two places of its way, 0 … 1.
fn quad(mesh: &mut Mesh, bar: Rect, upright: bool, way: (f32, f32), colours: (Rgb, Rgb)) {
    let first = mesh.vertices.len() as u32;
    let corners: [(Pos2, Rgb); 4] = if upright {
        let y = |at: f32| bar.max.y - bar.height() * at;
        [
            (pos2(bar.min.x, y(way.0)), colours.0),
            (pos2(bar.max.x, y(way.0)), colours.0),
            (pos2(bar.max.x, y(way.1)), colours.1),
            (pos2(bar.min.x, y(way.1)), colours.1),
        ]
    } else {
        let x = |at: f32| bar.min.x + bar.width() * at;
        [
            (pos2(x(way.0), bar.min.y), colours.0),
            (pos2(x(way.0), bar.max.y), colours.0),
            (pos2(x(way.1), bar.max.y), colours.1),
            (pos2(x(way.1), bar.min.y), colours.1),
        ]
    };
    for (corner, colour) in corners {
        mesh.colored_vertex(corner, colour.egui());
    }
    mesh.add_triangle(first, first + 1, first + 2);
    mesh.add_triangle(first, first + 2, first + 3);
}

/// Writes the scale of an upright meter of the height of `rect`.
pub(super) fn scale(ui: &Ui, rect: Rect) {
    for db in FIGURES {
        let y = rect.max.y - rect.height() * position(db);
        let half = 5.0;
        let y = y.clamp(rect.min.y + half - 1.0, rect.max.y - half);
        let line = Rect::from_min_max(pos2(rect.min.x + 2.0, y - half), pos2(rect.max.x, y + half));
        let text = format!("{}", db.abs());
        theme::label(ui.painter(), line, Align2::LEFT_CENTER, &text, theme::font(9.0), theme::TEXT_DIM.egui());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_goes_from_minus_sixty_to_nought() {
        assert_eq!((position(-60.0), position(0.0), position(-90.0), position(6.0)), (0.0, 1.0, 0.0, 1.0));
        let places: Vec<f32> = (-60..=0).map(|db| position(db as f32)).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn levels_become_decibels_and_nonsense_becomes_silence() {
        assert!((decibels(0.5) + 6.02).abs() < 0.01);
        for silent in [0.0, -1.0, f32::NAN, f32::NEG_INFINITY, f32::INFINITY] {
            assert_eq!(decibels(silent), DB_MIN, "{silent}");
        }
    }

    #[test]
    fn a_peak_stands_then_falls() {
        let mut peak = Peak::default();
        let s = Duration::from_secs_f32;
        assert_eq!(peak.follow(-6.0, s(0.0)), -6.0);
        assert_eq!(peak.follow(-30.0, s(1.0)), -6.0, "it stands");
        let fallen = peak.follow(-30.0, s(1.8));
        assert!(fallen < -12.0 && fallen > -30.0, "{fallen}");
        assert_eq!(peak.follow(-3.0, s(1.9)), -3.0, "a louder one takes its place");
        assert_eq!(peak.follow(DB_MIN, s(60.0)), DB_MIN, "and it goes");
    }

    #[test]
    fn loud_looks_otherwise_than_soft() {
        assert_eq!(colour(-60.0), COLOURS[0].1);
        assert_eq!(colour(-18.0), GREEN);
        assert_eq!(colour(3.0), COLOURS[4].1);
    }

    #[test]
    fn a_meter_stays_in_its_place() {
        let sides = [Reading { level_db: 4.0, peak_db: 5.0 }, Reading { level_db: -70.0, peak_db: -59.9 }];
        for size in [vec2(8.0, 90.0), vec2(100.0, 7.0)] {
            let rect = Rect::from_min_size(pos2(3.0, 4.0), size);
            let mut mesh = Mesh::default();
            add(&mut mesh, rect, sides);
            assert!(mesh.is_valid() && mesh.vertices.iter().all(|vertex| rect.expand(0.01).contains(vertex.pos)));
        }
    }
}
