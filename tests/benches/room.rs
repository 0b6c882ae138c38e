//! Players in one room, measured: how far apart their clicks are on the same beats.
//!
//! `cargo bench -p keyboardia-tests --bench room -- --json FILE` (nine minutes)
//!
//! With `--trace` it also prints every few seconds where each player is, and what it says of its own latency and clock;
//! with `--only direct_2` (or another scenario) and `--part-s SECONDS` it plays less.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::{
    clicks::phases_ms,
    concert::{INTERNET, Played, Programme, play},
    measure::percentile,
    report::Report,
    world::Dice,
};
use std::time::Duration;

/// Length of a part between changes of tempo; four parts make two minutes.
const PART_S: u64 = 30;
/// Tempos after the session's 112 BPM.
const TEMPOS: &[f64] = &[97.3, 133.0, 124.7];
/// The figure to stay below, milliseconds.
const TARGET: &str = "≤ 3";
/// Time between two lines of the trace, seconds.
const TRACE_S: f64 = 5.0;

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn main() {
    let part_s = argument("--part-s").map_or(PART_S, |text| text.parse().expect("a number of seconds"));
    let only = argument("--only");
    let mut report = Report::new();
    let mut dice = Dice::new(1);
    for (network, weather) in [("direct", None), ("relay", Some(INTERNET))] {
        for players in [2, 5] {
            let name = format!("{network}_{players}");
            let seed = dice.roll();
            if only.as_ref().is_some_and(|only| *only != name) {
                continue;
            }
            let part = Duration::from_secs(part_s);
            let played = play(&Programme { players, weather, part, tempos: TEMPOS, seed, ..Programme::default() });
            if std::env::args().any(|argument| argument == "--trace") {
                trace(&played);
            }
            add(&mut report, &name, &played);
        }
    }
    report.finish();
}

fn add(report: &mut Report, name: &str, played: &Played) {
    let mut phases = phases_ms(&played.beats);
    for (key, share, target) in [("p50", 0.5, ""), ("p95", 0.95, TARGET), ("p99", 0.99, ""), ("max", 1.0, "")] {
        report.add(&format!("room_{name}_ms_{key}"), percentile(&mut phases, share), target);
    }
    report.add(&format!("room_{name}_beats"), played.beats.len() as f64, "");
    report.add(&format!("room_{name}_beats_broken"), played.broken() as f64, "0");
    if let Some((taken, lost)) = played.packets {
        report.add(&format!("room_{name}_packets_lost_share"), lost as f64 / (taken + lost) as f64, "");
    }
}

/// Player by player: how far from the mean of all on a beat; the device's latency; the phase error by its own account;
/// how far its clock is from the mean of all. Milliseconds.
fn trace(played: &Played) {
    println!("{:>7}   player by player: sound, latency, phase error, clock (ms)", "s");
    let mut next = 0.0;
    for beat in &played.beats {
        let Some(clicks) = beat.whole().filter(|_| beat.at() >= next) else { continue };
        next = beat.at() + TRACE_S;
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let told: Vec<_> = played
            .told
            .iter()
            .filter_map(|told| told.iter().min_by(|a, b| (a.0 - beat.at()).abs().total_cmp(&(b.0 - beat.at()).abs())))
            .map(|(_, told)| told)
            .collect();
        let clocks: Vec<f64> = told.iter().map(|told| told.clock_us.map_or(f64::NAN, |us| us as f64 / 1e3)).collect();
        print!("{:>7.1}", beat.at());
        for ((click, told), clock) in clicks.iter().zip(&told).zip(&clocks) {
            let latency = told.latency_us.map_or(f64::NAN, |us| f64::from(us) / 1e3);
            let (sound, phase) = ((click - mean(&clicks)) * 1e3, told.phase_error_us as f64 / 1e3);
            print!("  | {sound:>7.2} {latency:>6.1} {phase:>6.2} {:>6.2}", clock - mean(&clocks));
        }
        println!();
    }
}
