//! What loop a file is, is guessed right: tried with the library's own loops, of which it is known.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_audio::{import::import, tempo::loop_guesses};
use keyboardia_session::Manifest;
use keyboardia_tests::soundfiles::library;

/// Guesses that a player sees at once.
const FIRST: usize = 4;
/// Share of the loops whose first guess must be right.
const RIGHT_SHARE: f64 = 0.8;

#[test]
fn the_first_guess_is_right_for_most_loops_of_the_library_and_one_of_the_first_for_all() {
    let manifest = Manifest::parse(&library("manifest.json")).unwrap();
    let (mut loops, mut right) = (0, 0);
    for sound in manifest.sounds.iter().filter(|sound| sound.looped && sound.beats >= 1.0) {
        let take = import(library(&format!("{}.ogg", sound.id))).unwrap();
        assert_eq!(take.frames(), sound.frames as usize, "{}", sound.id);
        let guesses = loop_guesses(&take);
        let place = guesses.iter().position(|guess| f64::from(guess.beats) == sound.beats);
        println!("{:<24} {:>5} beats at {:>5} BPM: {place:?}", sound.id.as_str(), sound.beats, sound.tempo_bpm);
        let place = place.unwrap_or_else(|| panic!("{}: {guesses:?}", sound.id));
        assert!(place < FIRST, "{}: {guesses:?}", sound.id);
        assert!((guesses[place].bpm - sound.tempo_bpm).abs() < 0.01, "{}: {guesses:?}", sound.id);
        loops += 1;
        right += usize::from(place == 0);
    }
    println!("{right} of {loops} are right at once");
    assert!(loops > 40, "{loops} loops");
    assert!(right as f64 >= RIGHT_SHARE * f64::from(loops), "{right} of {loops} are right at once");
}
