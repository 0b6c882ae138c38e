//! A swarm of bots on a real host process, over real UDP.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::{
    process::{HostProcess, PATIENCE},
    swarm::{Jam, JamPlan, kill_cycles},
};
use std::time::Duration;

/// Variable that sets the seed.
const SEED: &str = "KEYBOARDIA_SEED";

fn seed() -> u64 {
    let given = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
    println!("{SEED}={seed}");
    seed
}

#[test]
fn every_press_is_heard_by_all_others_and_visitors_come_and_go() {
    let host = HostProcess::start();
    let plan = JamPlan { sessions: 3, players: 4, rate: 10.0, seed: seed() };
    let mut jam = Jam::assemble(plan, &host.http, PATIENCE).unwrap();
    jam.begin();
    jam.measure(Duration::from_secs(1));
    jam.receive_visitors(5, Duration::from_millis(50));
    assert!(jam.settle(), "the replicas of each session are equal");
    let tally = jam.tally();
    assert_eq!(tally.broken, Vec::<String>::new());
    assert!(tally.commands > 0);
    assert_eq!(tally.peer_ms.len() as u64, (tally.commands - tally.refused) * 3, "each by three others");
    assert!(tally.peer_ms.iter().all(|ms| ms.is_finite()), "some were never heard");
    assert_eq!(tally.join_ms.len(), 5);
    assert!(tally.join_ms.iter().all(|ms| ms.is_finite()), "some visitors never knew the session");
}

#[test]
fn what_bots_were_told_to_be_safe_survives_kills() {
    let dir = tempfile::tempdir().unwrap();
    let kills = kill_cycles(dir.path(), 3, seed());
    println!("{kills:?}");
    assert!(kills.acknowledged > 0, "nothing was acknowledged, so nothing is shown");
    assert_eq!(kills.lost, 0, "edits that were acknowledged and lost");
}
