//! Players in one room hear the same music at the same moment: real processes, real sound, one recording.
//!
//! The bounds are wide, because a busy machine delays real sound; `benches/room.rs` measures.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::{
    concert::{Fate, INTERNET, Programme, play, play_in_time},
    relay::Weather,
};
use std::time::Duration;

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
    played.in_time()
}

fn two_play_the_same_beats(weather: Option<Weather>, pages: usize, fate: Fate) {
    play_in_time(|| two_play(weather, pages, fate));
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
fn a_native_player_and_a_page_that_was_loaded_anew_play_the_same_beats() {
    two_play_the_same_beats(None, 1, Fate::Reloaded);
}

#[test]
fn two_pages_play_the_same_beats() {
    two_play_the_same_beats(None, 2, Fate::Shown);
}
