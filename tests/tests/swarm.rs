//! A swarm of bots on a real host process, over real UDP.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{api::Joined, limits::SEATS_MAX};
use keyboardia_tests::{
    process::{HostProcess, PATIENCE, wait_for},
    swarm::{BotId, Jam, JamPlan, Porter, Swarm, allow_sockets, kill_cycles},
    world::Dice,
};
use std::{
    sync::Barrier,
    time::{Duration, Instant},
};

/// Players of the storm: more than a host has places for HTTP connections, and than a socket has seats.
const STORM: usize = 500;
/// Waits between two tries, as a player's program has them.
const BACKOFF_MIN_S: f64 = 0.25;
const BACKOFF_MAX_S: f64 = 8.0;
/// Variable that sets how often the host is killed, and how often it is in a quick test.
const CYCLES: &str = "KEYBOARDIA_CYCLES";
const CYCLES_QUICK: u64 = 3;
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
    let cycles = std::env::var(CYCLES).ok().and_then(|text| text.parse().ok()).unwrap_or(CYCLES_QUICK);
    let kills = kill_cycles(dir.path(), cycles, seed());
    println!("{kills:?}");
    assert!(kills.acknowledged > 0, "nothing was acknowledged, so nothing is shown");
    assert_eq!(kills.lost, 0, "edits that were acknowledged and lost");
}

/// Asks for a seat again and again, ever more slowly, as a player's program does.
fn come_back(porter: &Porter, code: &str, token: &str, dice: &mut Dice) -> Result<Joined, String> {
    let (begin, mut most_s) = (Instant::now(), BACKOFF_MIN_S);
    loop {
        std::thread::sleep(Duration::from_secs_f64(dice.between(0.5, 1.0) * most_s));
        most_s = (2.0 * most_s).min(BACKOFF_MAX_S);
        match porter.join(code, Some(token)) {
            Err(why) if begin.elapsed() > PATIENCE => return Err(why),
            Err(_) => {}
            Ok(joined) => return Ok(joined),
        }
    }
}

#[test]
fn five_hundred_who_lose_their_host_at_once_come_back_to_their_seats_by_themselves() {
    allow_sockets();
    let seed = seed();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().display().to_string();
    let arguments = ["--data", &data, "--seats", "1024"];
    let host = HostProcess::with(&arguments);
    let porter = Porter::new(&host.http);
    let codes: Vec<String> = (0..STORM / SEATS_MAX).map(|_| porter.open().unwrap()).collect();
    let mut swarm = Swarm::new();
    let mut guests = Vec::new();
    let mut bots = Vec::new();
    for code in codes.iter().flat_map(|code| [code; SEATS_MAX]) {
        let joined = porter.join(code, None).unwrap();
        bots.push(swarm.seat(&joined).unwrap());
        guests.push((code, joined.token, joined.seat));
        swarm.turn();
    }
    let all_are_in = |swarm: &mut Swarm, bots: &[BotId]| {
        let begin = Instant::now();
        while bots.iter().any(|bot| swarm.state(*bot).is_none()) {
            swarm.turn();
            assert!(begin.elapsed() < PATIENCE, "not everybody is in");
        }
    };
    all_are_in(&mut swarm, &bots);
    let host = host.crash_only().start(&arguments);
    let (porter, together) = (Porter::new(&host.http), Barrier::new(STORM));
    let back: Vec<_> = std::thread::scope(|scope| {
        let (porter, together) = (&porter, &together);
        let asking: Vec<_> = guests
            .iter()
            .enumerate()
            .map(|(number, (code, token, seat))| {
                scope.spawn(move || {
                    let mut dice = Dice::new(seed ^ number as u64);
                    together.wait();
                    let joined = come_back(porter, code, token, &mut dice).unwrap();
                    assert_eq!(joined.seat, *seat, "the seat is theirs");
                    joined
                })
            })
            .collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    let mut swarm = Swarm::new();
    let bots: Vec<BotId> = back.iter().map(|joined| swarm.seat(joined).unwrap()).collect();
    all_are_in(&mut swarm, &bots);
    wait_for("equal replicas", || {
        swarm.turn();
        bots.chunks(SEATS_MAX).all(|session| swarm.agree(session)).then_some(())
    });
}
