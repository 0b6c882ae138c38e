//! Ten players in six surroundings, for hours of virtual time: how far apart is what they hear?
//!
//! `cargo bench -p keyboardia-tests --bench sync -- --json FILE`; `--minutes 5 --seeds 2 --only wifi` for a quick look;
//! `--first SEED` begins with another seed than 0.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::{
    report::Report,
    sim::{
        baseline,
        scenario::{self, Scenario},
        simulate,
        tally::Tally,
    },
};
use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

const SEEDS: usize = 20;
const MINUTES: f64 = 60.0;
/// Percentiles at which ours and the baselines are compared.
const COMPARED: [f64; 2] = [50.0, 99.0];

/// What each scenario is to reach.
struct Target {
    scenario: Scenario,
    p99: &'static str,
    max: &'static str,
    late: &'static str,
}

const TARGETS: [Target; 6] = [
    Target { scenario: scenario::LAN, p99: "≤ 0.3", max: "", late: "0" },
    Target { scenario: scenario::WIFI, p99: "≤ 2", max: "", late: "≤ 0.001" },
    Target { scenario: scenario::WAN, p99: "≤ 3", max: "", late: "0" },
    Target { scenario: scenario::ASYM, p99: "", max: "≤ 16", late: "" },
    Target { scenario: scenario::SKEWED, p99: "≤ 0.5", max: "", late: "" },
    Target { scenario: scenario::BROWSER, p99: "≤ 5", max: "", late: "" },
];

/// The value of an option on the command line.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// Every seed of a scenario, on all cores, added up.
fn run(scenario: &Scenario, seeds: Range<usize>, minutes: f64) -> Tally {
    let next = AtomicUsize::new(seeds.start);
    let sum = Mutex::new(Tally::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= seeds.end {
                return;
            }
            let tally = simulate(scenario, seed as u64, minutes, true);
            sum.lock().expect("no seed panics").merge(&tally);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(work);
        }
    });
    sum.into_inner().expect("no seed panics")
}

/// Whether we are closer together than by any baseline, at every percentile that is compared.
fn is_better(tally: &Tally) -> bool {
    let better = |share: f64| {
        let ours = tally.compared.percentile_ms(share / 100.0);
        tally.baselines.iter().all(|baseline| ours < baseline.percentile_ms(share / 100.0))
    };
    COMPARED.into_iter().all(better)
}

fn main() {
    let seeds = option("--seeds").map_or(SEEDS, |text| text.parse().expect("a number of seeds"));
    let first = option("--first").map_or(0, |text| text.parse().expect("a seed"));
    let minutes = option("--minutes").map_or(MINUTES, |text| text.parse().expect("a number of minutes"));
    let only = option("--only");
    let mut report = Report::new();
    let begin = Instant::now();
    let mut hours = 0.0;
    for Target { scenario, p99, max, late } in TARGETS {
        let name = scenario.name;
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let tally = run(&scenario, first..first + seeds, minutes);
        hours += seeds as f64 * minutes / 60.0;
        let mut add = |key: &str, value: f64, target: &str| report.add(&format!("{name}_{key}"), value, target);
        add("phase_ms_p50", tally.phase.percentile_ms(0.5), "");
        add("phase_ms_p95", tally.phase.percentile_ms(0.95), "");
        add("phase_ms_p99", tally.phase.percentile_ms(0.99), p99);
        add("phase_ms_max", tally.phase.max_ms(), max);
        if name != scenario::ASYM.name {
            add("lock_ms_p95", tally.lock.percentile_ms(0.95), "≤ 1000");
        }
        add("late_start_share", tally.late_share(), late);
        add("uncertainty_honest", tally.honest_share(), "≥ 0.99");
        let below = format!("< {:.3}, half the round trip", tally.round_trip.percentile_ms(0.5) / 2.0);
        add("uncertainty_ms_p50", tally.uncertainty.percentile_ms(0.5), &below);
        add("round_trip_ms_p50", tally.round_trip.percentile_ms(0.5), "");
        add("lead_ms_p50", tally.lead.percentile_ms(0.5), "");
        // Ours over the same time as the baselines, so that like is compared with like.
        let ours = std::iter::once(("compared".to_owned(), &tally.compared));
        let theirs = baseline::NAMES.map(|name| format!("baseline_{name}")).into_iter().zip(&tally.baselines);
        for (whose, times) in ours.chain(theirs) {
            for share in COMPARED {
                add(&format!("{whose}_phase_ms_p{share:.0}"), times.percentile_ms(share / 100.0), "");
            }
        }
        // Where ways are uneven, nobody can tell, and all are off alike.
        if name != scenario::ASYM.name {
            println!("{name}: better than every baseline: {}", if is_better(&tally) { "yes" } else { "no" });
        }
    }
    report.add("sim_hours_per_minute", hours / (begin.elapsed().as_secs_f64() / 60.0), "");
    report.finish();
}
