//! Players in one room hear the same music at the same moment: real processes, real sound, one recording.
//!
//! The bounds are wide, because a busy machine delays real sound; `benches/room.rs` measures.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::{
    clicks::phases_ms,
    concert::{Fate, INTERNET, Programme, play},
    measure::percentile,
    relay::Weather,
};
use std::time::Duration;

/// How often two players may play before they are in time.
const TRIES: usize = 3;
/// Beats that are heard at least: 15 s at 97.3 BPM and more, and of each eight beats one is silent.
const BEATS_MIN: usize = 20;
/// Half of the clicks of two players are no further apart than this, milliseconds.
const APART_MS_MAX: f64 = 10.0;
/// Share of the beats that every player plays exactly once, although a busy machine may cut a click now and then. A
/// player who is a whole beat off leaves three quarters whole.
const WHOLE_SHARE_MIN: f64 = 0.8;

/// Two players play one programme; what is out of time about it, as a sentence.
fn two_play(weather: Option<Weather>, pages: usize, fate: Fate) -> Result<(), String> {
    let tempos = &[97.3, 133.0];
    let part = Duration::from_secs(5);
    let played = play(&Programme { players: 2, pages, fate, weather, part, tempos, seed: 4, ..Programme::default() });
    if let Some((taken, lost)) = played.packets {
        let round_trip_us = played.told.iter().filter_map(|told| told.last()?.1.round_trip_us).min();
        assert!(taken > 500 && lost > 0, "the relay took {taken} packets and lost {lost}");
        assert!(round_trip_us.is_some_and(|us| us >= 80_000), "a round trip of {round_trip_us:?} µs past the relay");
    }
    let (beats, broken) = (played.beats.len(), played.broken());
    let phases_ms = phases_ms(&played.beats);
    let apart_ms = percentile(&mut phases_ms.clone(), 0.5);
    if beats < BEATS_MIN {
        Err(format!("{beats} beats were heard"))
    } else if broken as f64 > (1.0 - WHOLE_SHARE_MIN) * beats as f64 {
        Err(format!("{broken} of {beats} beats are not of both"))
    } else if apart_ms > APART_MS_MAX {
        Err(format!("half of the beats are {apart_ms} ms apart or more: {phases_ms:.1?}"))
    } else {
        Ok(())
    }
}

/// A machine that is busy with something else puts any sound out of time now and then; what keeps two players apart for a
/// reason of ours does so each time.
fn two_play_the_same_beats(weather: Option<Weather>, pages: usize, fate: Fate) {
    let faults: Vec<String> = (0..TRIES).map_while(|_| two_play(weather, pages, fate).err()).collect();
    assert!(faults.len() < TRIES, "out of time each time: {faults:#?}");
    println!("out of time before that: {faults:#?}");
}

#[test]
fn two_players_in_one_room_play_the_same_beats() {
    two_play_the_same_beats(None, 0, Fate::Shown);
}

#[test]
fn two_players_far_from_the_host_play_the_same_beats() {
    two_play_the_same_beats(Some(INTERNET), 0, Fate::Shown);
}

#[test]
fn a_native_player_and_a_page_that_stalls_play_the_same_beats() {
    two_play_the_same_beats(None, 1, Fate::Stalls);
}

#[test]
fn a_native_player_and_a_page_in_the_background_play_the_same_beats() {
    two_play_the_same_beats(None, 1, Fate::Hidden);
}

#[test]
fn two_pages_play_the_same_beats() {
    two_play_the_same_beats(None, 2, Fate::Shown);
}
