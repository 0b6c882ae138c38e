//! Tests of the whole library: what is rendered, and what lies in the folder.

use crate::{
    canvas::{HOME_BPM, RATE},
    catalogue::{FAMILIES, Family, Recipe, sounds},
    codec::decode,
    master::{Level, Loudness, Master, PEAK_MAX_DBTP, measure},
    math::{hertz, log2, sine},
};
use keyboardia_session::library::Manifest;
use std::{collections::BTreeSet, error::Error, fs, path::PathBuf};

fn folder() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs this");
    PathBuf::from(here).join("../sounds")
}

/// Every sound as players hear it.
fn heard() -> Result<Vec<(&'static Family, &'static Recipe, Master)>, Box<dyn Error>> {
    let mut all = Vec::new();
    for (family, recipe) in sounds() {
        all.push((family, recipe, decode(&fs::read(folder().join(format!("{}.ogg", recipe.id)))?)?));
    }
    Ok(all)
}

/// The largest step between neighbouring frames of a channel that only one in `one_in` steps exceeds.
fn large_step(channel: &[f32], one_in: usize) -> f32 {
    let mut steps: Vec<f32> = channel.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
    steps.sort_by(f32::total_cmp);
    steps[steps.len() - 1 - steps.len() / one_in]
}

#[test]
fn the_manifest_lists_exactly_the_files_that_are_there() -> Result<(), Box<dyn Error>> {
    let manifest = Manifest::parse(&fs::read(folder().join("manifest.json"))?)?;
    let listed: BTreeSet<String> = manifest.sounds.iter().map(|sound| format!("{}.ogg", sound.id)).collect();
    let mut present = BTreeSet::new();
    for entry in fs::read_dir(folder())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ogg") {
            present.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    assert_eq!(listed, present);
    Ok(())
}

#[test]
fn the_manifest_says_what_the_files_hold() -> Result<(), Box<dyn Error>> {
    let measured = heard()?.iter().map(|(_, _, sound)| measure(sound)).collect::<Result<Vec<Loudness>, _>>()?;
    let manifest = Manifest::parse(&fs::read(folder().join("manifest.json"))?)?;
    assert_eq!(crate::manifest::manifest(&measured)?, manifest);
    Ok(())
}

#[test]
fn every_sound_has_its_exact_length_and_channels() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()? {
        assert_eq!(sound.channels.len(), usize::from(recipe.channels), "{}", recipe.id);
        for channel in &sound.channels {
            assert_eq!(channel.len() as u32, recipe.frames(), "{}", recipe.id);
        }
        assert_eq!(recipe.frames(), (recipe.beats * 60.0 / recipe.tempo_bpm * RATE).round() as u32, "{}", recipe.id);
    }
    Ok(())
}

#[test]
fn every_sound_has_its_family_s_level_and_headroom() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()? {
        let loudness = measure(&sound)?;
        // The codec keeps loudness better than it keeps peaks.
        let (wanted, found, tolerance) = match recipe.level {
            Level::Loudness(lufs) => (lufs, loudness.lufs, 0.1),
            Level::Peak(dbtp) => (dbtp, loudness.peak_dbtp, 1.0),
        };
        assert!((found - wanted).abs() < tolerance, "{}: {found} instead of {wanted}", recipe.id);
        assert!(loudness.peak_dbtp <= PEAK_MAX_DBTP, "{}: {loudness:?}", recipe.id);
    }
    Ok(())
}

#[test]
fn a_family_has_one_loudness_for_its_loops_and_one_peak_for_the_rest() {
    for family in FAMILIES {
        for looped in [true, false] {
            let levels: BTreeSet<String> = family
                .sounds
                .iter()
                .filter(|recipe| recipe.looped == looped)
                .map(|recipe| format!("{:?}", recipe.level))
                .collect();
            assert!(levels.len() <= 1, "{}: {levels:?}", family.id);
            assert!(levels.iter().all(|level| level.starts_with("Loudness") == looped), "{}: {levels:?}", family.id);
        }
    }
}

#[test]
fn the_library_is_rich_and_small() -> Result<(), Box<dyn Error>> {
    let once = sounds().filter(|(_, recipe)| !recipe.looped).count();
    let origins: BTreeSet<i64> = sounds().map(|(_, recipe)| recipe.tempo_bpm.round() as i64).collect();
    assert!(sounds().count() >= 64 && once >= 12, "{} sounds, {once} of them once", sounds().count());
    assert!(FAMILIES.len() >= 8 && origins.len() >= 6, "{} families from {origins:?} BPM", FAMILIES.len());
    let mut bytes = 0;
    for (_, recipe) in sounds() {
        bytes += fs::metadata(folder().join(format!("{}.ogg", recipe.id)))?.len();
    }
    assert!(bytes <= 6_000_000, "{bytes} bytes");
    Ok(())
}

#[test]
fn every_sound_fits_where_it_is_shown() {
    let ids: BTreeSet<&str> = sounds().map(|(_, recipe)| recipe.id).collect();
    let names: BTreeSet<&str> = sounds().map(|(_, recipe)| recipe.name).collect();
    assert_eq!((ids.len(), names.len()), (sounds().count(), sounds().count()), "an identity or a name is there twice");
    for (_, recipe) in sounds() {
        assert!(recipe.name.len() <= keyboardia_session::limits::NAME_BYTES_MAX, "{}", recipe.name);
    }
}

#[test]
fn a_pitched_sound_comes_from_a_whole_number_of_semitones_away() {
    for (family, recipe) in sounds().filter(|(family, _)| PITCHED.contains(&family.id)) {
        let semitones = 12.0 * log2(recipe.tempo_bpm / HOME_BPM);
        assert!((semitones - semitones.round()).abs() < 0.01, "{} of {}: {semitones}", recipe.id, family.id);
    }
}

#[test]
fn every_pitched_loop_is_in_a_minor_when_a_session_plays_it_at_home() -> Result<(), Box<dyn Error>> {
    let pitched = |family: &Family, recipe: &Recipe| PITCHED.contains(&family.id) && recipe.looped;
    for (family, recipe, sound) in heard()?.into_iter().filter(|(family, recipe, _)| pitched(family, recipe)) {
        let mixed: Vec<f64> =
            (0..sound.channels[0].len()).map(|n| sound.channels.iter().map(|c| f64::from(c[n])).sum()).collect();
        // Two octaves in which its low harmonics lie; the fifth one of many notes is not on the scale.
        let lowest = if family.id == "bass" { 45 } else { 57 };
        let notes = lowest..lowest + 24;
        // Powers at quarter tones, a semitone further on either side.
        let powers: Vec<f64> = (2 * notes.start - 2..=2 * notes.end)
            .map(|quarter| hertz(f64::from(quarter) / 2.0) * recipe.tempo_bpm / HOME_BPM)
            .map(|hz| mixed.chunks_exact(16_384).map(|samples| power_at(samples, hz)).sum())
            .collect();
        let power = |note: i32, shift: usize| powers[2 * (note - notes.start) as usize + shift];
        // What lies on a scale so many quarter tones, less two, away from A minor.
        let on_scale = |shift: usize| -> f64 {
            let scale = notes.clone().filter(|note| [9, 11, 0, 2, 4, 5, 7].contains(&(note % 12)));
            scale.map(|note| power(note, shift)).sum()
        };
        let semitones: f64 = notes.clone().map(|note| power(note, 2)).sum();
        let share = on_scale(2) / semitones;
        assert!(share > IN_KEY_MIN, "{}: {share:.2} of it is in A minor", recipe.id);
        for shift in [0, 1, 3, 4] {
            let other = on_scale(shift) / on_scale(2);
            assert!(other < 0.95, "{}: {other:.2} as much lies {shift} - 2 quarter tones beside A minor", recipe.id);
        }
    }
    Ok(())
}

/// Families whose sounds have notes.
const PITCHED: [&str; 6] = ["bass", "chords", "pluck", "lead", "pad", "voice"];
/// Least share of the power at semitones that lies on the scale. Noise has 7/12 of it there; overtones are not all on it.
const IN_KEY_MIN: f64 = 0.6;

/// Power at a frequency, through a window (Goertzel 1958).
fn power_at(samples: &[f64], hz: f64) -> f64 {
    let turn = hz / RATE;
    let coefficient = 2.0 * sine(turn + 0.25);
    let (mut last, mut before) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let window = n.min(samples.len() - n) as f64 / samples.len() as f64;
        let next = sample * window + coefficient * last - before;
        (last, before) = (next, last);
    }
    last * last + before * before - coefficient * last * before
}

#[test]
fn one_loudspeaker_plays_what_two_do() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()? {
        let [left, right] = [&sound.channels[0], &sound.channels[sound.channels.len() - 1]];
        let power = |pick: fn(f64, f64) -> f64| -> f64 {
            left.iter().zip(right).map(|(l, r)| pick(f64::from(*l), f64::from(*r))).sum()
        };
        let lost_db = 10.0 * (power(|l, r| (l + r).powi(2) / 2.0) / power(|l, r| l * l + r * r)).log10();
        // Sides that have nothing in common lose 3 dB.
        assert!(lost_db > -3.2, "{}: {lost_db:.1} dB", recipe.id);
    }
    Ok(())
}

#[test]
fn no_sound_has_an_offset() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()? {
        for channel in &sound.channels {
            let mean = channel.iter().map(|x| f64::from(*x)).sum::<f64>() / channel.len() as f64;
            // A drum that is over in half a second has no time to come out even.
            let mean_max = if recipe.looped { 1e-3 } else { 3e-3 };
            assert!(mean.abs() < mean_max, "{}: {mean}", recipe.id);
        }
    }
    Ok(())
}

#[test]
fn a_loop_s_seam_is_no_larger_a_step_than_others_in_it() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()?.into_iter().filter(|(_, recipe, _)| recipe.looped) {
        for channel in &sound.channels {
            let seam = (channel[0] - channel[channel.len() - 1]).abs();
            let usual = large_step(channel, 100);
            assert!(seam <= 2.0 * usual, "{}: a step of {seam} where 1 in 100 exceeds {usual}", recipe.id);
        }
    }
    Ok(())
}

#[test]
fn a_sound_that_plays_once_ends_in_silence() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()?.into_iter().filter(|(_, recipe, _)| !recipe.looped) {
        for channel in &sound.channels {
            let rest = channel[channel.len() - 240..].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
            assert!(rest < 1e-4 && channel[0].abs() < 0.1, "{}: {rest}", recipe.id);
        }
    }
    Ok(())
}

#[test]
fn every_drum_loop_strikes_at_once() -> Result<(), Box<dyn Error>> {
    // A snare build rolls until its end, and has no quiet there to tell its start from.
    let starts = |family: &Family, recipe: &Recipe| family.id == "drums" && recipe.id != "drums-build";
    for (_, recipe, sound) in heard()?.into_iter().filter(|(family, recipe, _)| starts(family, recipe)) {
        let channel = &sound.channels[0];
        let level = |range: std::ops::Range<usize>| channel[range].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        // Within 2 ms of the first frame, and far above what the end of the loop leaves.
        assert!(level(0..96) > 0.15, "{}: {}", recipe.id, level(0..96));
        assert!(level(0..96) > 1.5 * level(channel.len() - 96..channel.len()), "{}", recipe.id);
    }
    Ok(())
}

#[test]
fn the_coded_sound_is_in_time_with_the_source() -> Result<(), Box<dyn Error>> {
    let recipe = &FAMILIES[0].sounds[2];
    let source = crate::master::master(recipe.painted(), 2, recipe.level)?;
    let sound = decode(&fs::read(folder().join(format!("{}.ogg", recipe.id)))?)?;
    let error = |shift: usize| -> f64 {
        let pairs = source.channels[0][shift..].iter().zip(&sound.channels[0][..200_000]);
        pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum()
    };
    assert!(error(0) < error(1), "{} against {} when a frame late", error(0), error(1));
    Ok(())
}

#[test]
fn rendering_again_gives_the_same_samples() {
    for recipe in [&FAMILIES[1].sounds[0], &FAMILIES[5].sounds[3]] {
        assert_eq!(recipe.painted(), recipe.painted(), "{}", recipe.id);
    }
}

#[test]
fn an_edge_of_a_rendered_loop_is_nowhere_special() {
    for recipe in [&FAMILIES[1].sounds[3], &FAMILIES[4].sounds[0]] {
        let canvas = recipe.painted();
        let left: Vec<f32> = canvas.frames().iter().map(|frame| frame[0] as f32).collect();
        let seam = (left[0] - left[left.len() - 1]).abs();
        assert!(seam <= large_step(&left, 100), "{}: {seam}", recipe.id);
    }
}
