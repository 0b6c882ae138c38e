//! Tests of the whole library: what is rendered, and what lies in the folder.

use crate::{
    canvas::RATE,
    catalogue::{FAMILIES, Family, Recipe, sounds},
    codec::decode,
    master::{Level, Loudness, Master, PEAK_MAX_DBTP, measure},
};
use keyboardia_session::library::Manifest;
use std::{collections::BTreeSet, error::Error, fs, path::PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../sounds"))
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
    assert_eq!(listed.len(), 24);
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
fn every_sound_has_its_family_s_loudness_and_headroom() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()? {
        let loudness = measure(&sound)?;
        // The codec keeps loudness better than it keeps peaks.
        let (wanted, found, tolerance) = match recipe.level {
            Level::Loudness(lufs) => (lufs, loudness.lufs, 0.3),
            Level::Peak(dbtp) => (dbtp, loudness.peak_dbtp, 1.5),
        };
        assert!((found - wanted).abs() < tolerance, "{}: {found} instead of {wanted}", recipe.id);
        assert!(loudness.peak_dbtp <= PEAK_MAX_DBTP, "{}: {loudness:?}", recipe.id);
    }
    Ok(())
}

#[test]
fn no_sound_has_an_offset() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()? {
        for channel in &sound.channels {
            let mean = channel.iter().map(|x| f64::from(*x)).sum::<f64>() / channel.len() as f64;
            assert!(mean.abs() < 1e-3, "{}: {mean}", recipe.id);
        }
    }
    Ok(())
}

#[test]
fn a_loop_s_seam_is_no_larger_a_step_than_others_in_it() -> Result<(), Box<dyn Error>> {
    for (_, recipe, sound) in heard()?.into_iter().filter(|(_, recipe, _)| recipe.looped) {
        for channel in &sound.channels {
            let seam = (channel[0] - channel[channel.len() - 1]).abs();
            let usual = large_step(channel, 500);
            assert!(seam <= usual, "{}: a step of {seam} where 1 in 500 exceeds {usual}", recipe.id);
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
    for (_, recipe, sound) in heard()?.into_iter().filter(|(family, _, _)| family.id == "drums") {
        let channel = &sound.channels[0];
        let level = |range: std::ops::Range<usize>| channel[range].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        // Within 2 ms of the first frame, and far above what the end of the loop leaves.
        assert!(level(0..96) > 0.15, "{}: {}", recipe.id, level(0..96));
        assert!(level(0..96) > 2.0 * level(channel.len() - 96..channel.len()), "{}", recipe.id);
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
