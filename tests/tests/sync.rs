//! Ten players hear the same music at the same moment: a short version of the bench, and single behaviours.
//!
//! Cases that Ableton Link's public test plan has, too, carry its names. `KEYBOARDIA_SEED=… ./test sync` repeats one.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{Command, Micros, Notice, SceneId, Tempo, TrackId, wire::Probe};
use keyboardia_tests::sim::{
    Course, Jam,
    scenario::{ASYM, BROWSER, LAN, SKEWED, Scenario, WAN, WIFI},
    simulate,
};

/// Seed of the worlds; the same seed makes the same world.
fn seed() -> u64 {
    let seed = std::env::var("KEYBOARDIA_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    println!("KEYBOARDIA_SEED={seed}");
    seed
}

/// Seeds of so many worlds.
fn worlds(count: u64) -> std::ops::Range<u64> {
    let first = seed();
    first..first + count
}

/// What a scenario must keep to within a few minutes.
struct Bounds {
    p99_ms: f64,
    max_ms: f64,
    lock_p95_ms: f64,
    late_share: f64,
}

/// Worlds in which a scenario is tried: in fewer, one late launch would be more than one in a thousand.
const WORLDS: u64 = 4;

/// Ten players come, go and play for three virtual minutes, in some worlds.
fn assert_together(scenario: &Scenario, bounds: &Bounds) {
    let (mut late, mut heard) = (0, 0);
    for seed in worlds(WORLDS) {
        let tally = simulate(scenario, seed, 3.0, false);
        let (p99, max) = (tally.phase.percentile_ms(0.99), tally.phase.max_ms());
        let lock = tally.lock.percentile_ms(0.95);
        println!(
            "{}, seed {seed}: p99 {p99:.3} ms, max {max:.3} ms, lock {lock:.0} ms, late {} of {}, honest {:.4}",
            scenario.name,
            tally.late,
            tally.heard,
            tally.honest_share()
        );
        assert!(tally.phase.total() > 10_000 && tally.heard > 100 && tally.lock.total() >= 5, "too little happened");
        assert!(p99 <= bounds.p99_ms, "p99 {p99} ms");
        assert!(max <= bounds.max_ms, "max {max} ms");
        assert!(lock <= bounds.lock_p95_ms, "lock {lock} ms");
        (late, heard) = (late + tally.late, heard + tally.heard);
        assert!(tally.honest_share() >= 0.99, "the uncertainty was true only {} of the time", tally.honest_share());
        let (uncertainty, trip) = (tally.uncertainty.percentile_ms(0.5), tally.round_trip.percentile_ms(0.5));
        assert!(uncertainty < trip / 2.0 + 0.01, "an uncertainty of {uncertainty} ms at a round trip of {trip} ms");
    }
    assert!(late as f64 <= heard as f64 * bounds.late_share, "{late} of {heard} launches came late");
}

#[test]
fn ten_players_are_together_on_a_lan() {
    assert_together(&LAN, &Bounds { p99_ms: 0.3, max_ms: 1.0, lock_p95_ms: 1_000.0, late_share: 0.0 });
}

#[test]
fn ten_players_are_together_on_a_busy_wireless_network() {
    assert_together(&WIFI, &Bounds { p99_ms: 2.0, max_ms: 10.0, lock_p95_ms: 1_000.0, late_share: 0.001 });
}

#[test]
fn ten_players_are_together_across_an_ocean() {
    assert_together(&WAN, &Bounds { p99_ms: 3.0, max_ms: 5.0, lock_p95_ms: 1_000.0, late_share: 0.0 });
}

#[test]
fn an_uneven_way_costs_half_its_difference_and_no_more() {
    assert_together(&ASYM, &Bounds { p99_ms: 16.0, max_ms: 16.0, lock_p95_ms: 5_000.0, late_share: 0.0 });
}

#[test]
fn ten_players_are_together_with_sound_cards_that_run_wrong() {
    assert_together(&SKEWED, &Bounds { p99_ms: 0.5, max_ms: 3.0, lock_p95_ms: 1_000.0, late_share: 0.0 });
}

#[test]
fn ten_players_are_together_in_browsers() {
    assert_together(&BROWSER, &Bounds { p99_ms: 5.0, max_ms: 10.0, lock_p95_ms: 1_000.0, late_share: 0.01 });
}

#[test]
fn the_same_seed_makes_the_same_world() {
    let [one, other] = [simulate(&WIFI, 7, 1.0, false), simulate(&WIFI, 7, 1.0, false)];
    assert_eq!((one.heard, one.late, one.looks, one.jumps), (other.heard, other.late, other.looks, other.jumps));
    assert_eq!(one.phase.max_ms(), other.phase.max_ms());
    assert_ne!(one.phase.max_ms(), simulate(&WIFI, 8, 1.0, false).phase.max_ms());
}

/// Players who have all been there for a while, and play.
fn playing(scenario: &Scenario, players: usize) -> Jam {
    playing_in(scenario, players, seed())
}

/// The same in a certain world.
fn playing_in(scenario: &Scenario, players: usize, seed: u64) -> Jam {
    let mut jam = Jam::new(scenario, Course::rehearsal(players), seed);
    jam.pass(2.0);
    jam.command(0, Command::SetPlaying(true));
    jam.pass(20.0);
    assert!(jam.state().transport().is_playing_at(jam.session_time()));
    jam
}

fn bpm(bpm: f64) -> Tempo {
    Tempo::from_bpm(bpm).expect("a tempo")
}

/// The largest error of any speaker, milliseconds; silence is an error.
fn worst_ms(jam: &mut Jam) -> f64 {
    jam.errors_ms().into_iter().map(|error| error.expect("somebody is silent").abs()).fold(0.0, f64::max)
}

/// Looks at all speakers every few milliseconds for some time; returns the largest error, milliseconds.
fn watch_ms(jam: &mut Jam, time_s: f64) -> f64 {
    const EVERY_S: f64 = 0.007;
    let mut worst = 0.0_f64;
    for _ in 0..(time_s / EVERY_S) as u64 {
        jam.pass(EVERY_S);
        worst = worst.max(worst_ms(jam));
    }
    worst
}

/// The tempo that every seat plays.
fn tempos(jam: &Jam, players: usize) -> Vec<Tempo> {
    (0..players).map(|index| jam.seat(index).unwrap().state().unwrap().transport().last().tempo).collect()
}

#[test]
fn tempo_1_a_change_of_tempo_is_heard_by_all() {
    let mut jam = playing(&LAN, 3);
    jam.command(1, Command::SetTempo(bpm(97.3)));
    let worst = watch_ms(&mut jam, 3.0);
    assert_eq!(tempos(&jam, 3), vec![bpm(97.3); 3]);
    assert!(worst < 0.3, "the change cost {worst} ms");
}

#[test]
fn tempo_2_whoever_comes_takes_the_sessions_tempo_and_changes_nothing() {
    let mut jam = playing(&WIFI, 4);
    jam.leave(3);
    jam.command(0, Command::SetTempo(bpm(133.0)));
    jam.pass(5.0);
    jam.join(3);
    let mut worst = 0.0_f64;
    for _ in 0..400 {
        jam.pass(0.01);
        // The newcomer's own error is not looked at while it joins.
        let errors = jam.errors_ms();
        worst = errors[..3].iter().map(|error| error.expect("a player who plays").abs()).fold(worst, f64::max);
    }
    assert_eq!(tempos(&jam, 4), vec![bpm(133.0); 4]);
    assert!(worst < 2.0, "a newcomer moved somebody by {worst} ms");
    assert!(worst_ms(&mut jam) < 3.0);
}

#[test]
fn tempo_3_the_ends_of_the_range_are_heard_by_all() {
    let mut jam = playing(&LAN, 3);
    for tempo in [20.0, 999.0, 20.0, 179.9] {
        jam.command(2, Command::SetTempo(bpm(tempo)));
        let worst = watch_ms(&mut jam, 2.0);
        assert_eq!(tempos(&jam, 3), vec![bpm(tempo); 3]);
        assert!(worst < 0.3, "{tempo} BPM cost {worst} ms");
    }
}

#[test]
fn tempo_4_changes_at_the_same_moment_end_in_one_tempo() {
    let mut jam = playing(&WAN, 5);
    for (player, tempo) in (0..).zip([90.0, 110.0, 130.0, 150.0, 170.0]) {
        jam.command(player, Command::SetTempo(bpm(tempo)));
    }
    jam.pass(3.0);
    let last = jam.state().transport().last().tempo;
    assert_eq!(tempos(&jam, 5), vec![last; 5]);
    let worst = worst_ms(&mut jam);
    assert!(worst < 2.0, "{worst} ms");
}

#[test]
fn beattime_1_beats_pass_at_the_same_moment_for_all() {
    let mut jam = playing(&LAN, 10);
    let worst = watch_ms(&mut jam, 10.0);
    assert!(worst < 0.3, "{worst} ms");
}

#[test]
fn beattime_2_a_launch_begins_on_its_beat_for_all() {
    let mut jam = playing(&WAN, 6);
    for index in 0..6 {
        jam.command(index, Command::Launch { track: TrackId(index as u8 % 4), scene: SceneId(0) });
        jam.pass(3.0);
    }
    assert_eq!((jam.tally().heard, jam.tally().late), (36, 0));
}

#[test]
fn startstopstate_1_all_start_together_on_the_same_beat() {
    let mut jam = Jam::new(&WAN, Course::rehearsal(5), seed());
    // The clocks drift apart while nobody probes.
    jam.pass(300.0);
    jam.command(4, Command::SetPlaying(true));
    jam.pass(0.1);
    while !jam.state().transport().is_playing_at(jam.session_time()) {
        jam.pass(0.01);
    }
    jam.pass(1.0);
    let worst = worst_ms(&mut jam);
    assert!(worst < 5.0, "{worst} ms a second after the start");
}

#[test]
fn startstopstate_2_all_stop_and_go_on_where_they_were() {
    let mut jam = playing(&WIFI, 4);
    jam.command(2, Command::SetPlaying(false));
    jam.pass(2.0);
    assert_eq!(jam.errors_ms(), [None; 4], "the session rests");
    for index in 0..4 {
        assert!(!jam.seat(index).unwrap().state().unwrap().transport().last().playing);
    }
    jam.command(1, Command::SetPlaying(true));
    jam.pass(2.0);
    let worst = worst_ms(&mut jam);
    assert!(worst < 3.0, "{worst} ms");
}

#[test]
fn audioengine_1_a_sound_card_that_ran_dry_comes_back_into_phase() {
    for (gap_ms, back_s) in [(12.0, 8.0), (60.0, 0.3)] {
        let mut jam = playing(&LAN, 3);
        jam.run_dry(1, gap_ms);
        let mut is_heard = false;
        for _ in 0..20 {
            jam.pass(0.005);
            // What was rendered before the gap comes late, or not at all.
            is_heard |= jam.errors_ms()[1].is_none_or(|error| error.abs() > 5.0);
        }
        assert!(is_heard, "a gap of {gap_ms} ms was not noticed");
        jam.pass(back_s);
        let worst = worst_ms(&mut jam);
        assert!(worst < 0.5, "{worst} ms, {back_s} s after a gap of {gap_ms} ms");
    }
}

#[test]
fn another_sound_card_of_another_rate_is_in_phase_within_a_second() {
    for scenario in &[LAN, WAN, SKEWED] {
        let mut jam = playing(scenario, 3);
        for _ in 0..4 {
            jam.change_card(1);
            jam.pass(1.0);
            let worst = worst_ms(&mut jam);
            assert!(worst < 3.0, "{}: {worst} ms a second after the change", scenario.name);
            jam.pass(10.0);
            let worst = worst_ms(&mut jam);
            assert!(worst < 1.5, "{}: {worst} ms after it has settled", scenario.name);
        }
    }
}

#[test]
fn a_buffer_of_another_size_is_not_heard() {
    let mut jam = playing(&LAN, 3);
    jam.forget();
    for frames in [256, 2_048, 441, 1_024] {
        jam.set_buffer(1, frames);
        let worst = watch_ms(&mut jam, 3.0);
        assert!(worst < 0.5, "{frames} frames: {worst} ms");
    }
    assert_eq!(jam.tally().jumps, 0);
}

#[test]
fn replies_that_lie_do_not_move_a_player_who_is_locked() {
    for scenario in &[LAN, WAN] {
        let mut jam = playing(scenario, 3);
        let before = worst_ms(&mut jam);
        jam.forget();
        let hour = 3_600_000_000;
        for index in 0..60_u64 {
            let far = [hour, 5_000_000, 30_000][index as usize % 3];
            match index % 4 {
                // The host's clock is set for one reply, forwards or back.
                0 => jam.forge_reply(1, |local, now| Probe { sent: local, received: now + far, answered: now + far }),
                1 => jam.forge_reply(1, |local, now| {
                    let then = now.offset(-(far as i64));
                    Probe { sent: local.offset(-1_000), received: then, answered: then }
                }),
                // From the past.
                2 => jam.forge_reply(1, |local, now| {
                    let ago = |time: Micros| time.offset(-(far as i64));
                    Probe { sent: ago(local), received: ago(now), answered: ago(now) }
                }),
                // Nonsense.
                _ => jam.forge_reply(1, |_, _| Probe {
                    sent: Micros(u64::MAX),
                    received: Micros(index),
                    answered: Micros(0),
                }),
            }
            jam.pass(0.3);
            let worst = worst_ms(&mut jam);
            assert!(worst < before + 1.0, "{}: a lie moved somebody by {worst} ms", scenario.name);
        }
        assert_eq!(jam.tally().jumps, 0);
    }
}

#[test]
fn replies_that_come_again_or_out_of_order_move_nobody() {
    for seed in worlds(8) {
        let mut jam = playing_in(&WIFI, 3, seed);
        let mut seen = Vec::new();
        for _ in 0..60 {
            jam.forge_reply(2, |local, now| Probe {
                sent: local.offset(-9_000),
                received: now.offset(-4_000),
                answered: now.offset(-3_900),
            });
            // Kept, and given again much later and in another order.
            seen.push(jam.session_time());
            let ago = jam.session_time().since(seen[seen.len() / 2]);
            jam.forge_reply(2, |local, now| Probe {
                sent: local.offset(-ago - 9_000),
                received: now.offset(-ago - 4_000),
                answered: now.offset(-ago - 3_900),
            });
            jam.pass(0.25);
            let worst = worst_ms(&mut jam);
            assert!(worst < 2.0, "seed {seed}: {worst} ms");
        }
        assert_eq!(jam.tally().jumps, 0);
    }
}

#[test]
fn after_a_real_jump_of_the_hosts_clock_all_are_together_again_within_two_seconds_and_say_so() {
    for scenario in &[LAN, WIFI, WAN, BROWSER] {
        let mut jam = playing(scenario, 4);
        told_of_clocks(&mut jam);
        jam.set_host_clock(7.3);
        assert!(worst_ms(&mut jam) > 1_000.0, "the session's clock was set");
        jam.pass(2.0);
        let worst = worst_ms(&mut jam);
        assert!(worst < 5.0, "{}: {worst} ms", scenario.name);
        for (index, told) in told_of_clocks(&mut jam).into_iter().enumerate() {
            let is_true = told.len() == 1 && (told[0] - 7.3).abs() < 0.1;
            assert!(is_true, "{}: player {index} is told {told:?}", scenario.name);
        }
    }
}

/// How far clocks came apart, as each player has been told since this was asked last, seconds.
fn told_of_clocks(jam: &mut Jam) -> Vec<Vec<f64>> {
    let seconds = |notice| if let Notice::ClockSet(us) = notice { Some(us as f64 / 1e6) } else { None };
    (0..jam.players()).map(|index| jam.take_notices(index).into_iter().filter_map(seconds).collect()).collect()
}

/// What befalls the clock of a machine.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It stands still while the machine sleeps.
    Sleeps,
    /// It leaps forward; none runs backwards.
    Leaps,
}

#[test]
fn after_a_jump_of_its_own_clock_a_player_is_in_time_again_within_two_seconds_and_says_so() {
    for scenario in &[LAN, WIFI, WAN, BROWSER] {
        for fate in [Fate::Sleeps, Fate::Leaps] {
            let mut jam = playing(scenario, 3);
            told_of_clocks(&mut jam);
            let ahead_s = match fate {
                Fate::Sleeps => {
                    jam.sleep(1, 7.3);
                    jam.pass(7.3);
                    7.3
                }
                Fate::Leaps => {
                    jam.leap_clock(1, 7.3);
                    -7.3
                }
            };
            jam.pass(2.0);
            let worst = worst_ms(&mut jam);
            assert!(worst < 5.0, "{}, {fate:?}: {worst} ms", scenario.name);
            let told = told_of_clocks(&mut jam);
            let is_true = told[1].len() == 1 && (told[1][0] - ahead_s).abs() < 0.1;
            assert!(is_true && told[0].is_empty() && told[2].is_empty(), "{}, {fate:?}: {told:?}", scenario.name);
        }
    }
}
