//! Renders the Keyboardia sound library: every sound from nothing but arithmetic, on every run to the same bytes.
//!
//! A sound passes through this program from left to right:
//!
//! ```text
//! catalogue ─→ drums, bass, chords, lead, pads, effects ─→ master ─→ codec ─→ {id}.ogg
//!                (kit, harmony, osc, filter, envelope,        └──→ manifest ─→ manifest.json
//!                 space, dynamics, on a canvas)
//! ```

mod bass;
mod canvas;
mod catalogue;
mod chords;
mod codec;
mod drums;
mod dynamics;
mod effects;
mod envelope;
mod filter;
mod grooves;
mod hands;
mod harmony;
mod hits;
mod keys;
mod kit;
mod lead;
mod manifest;
mod master;
mod math;
mod osc;
mod pads;
mod percussion;
mod plucks;
mod space;
mod starter;
mod strings;
#[cfg(test)]
mod tests;
mod throat;
mod vamps;
mod voices;

use crate::{
    canvas::RATE,
    catalogue::{Family, Recipe, sounds},
    master::{Loudness, Master, PEAK_MAX_DBTP, master, measure},
};
use clap::Parser;
use std::{
    collections::BTreeMap,
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};
use thiserror::Error;

/// Renders the Keyboardia sound library.
#[derive(Debug, Parser)]
struct Options {
    /// Folder of the sounds and their manifest.
    #[arg(long, value_name = "DIR", env = "KEYBOARDIA_SOUNDS", default_value = "assets/sounds")]
    out: PathBuf,
    /// Write nothing; fail when a file in the folder differs from what would be written.
    #[arg(long)]
    check: bool,
    /// Also write the sounds as 32-bit WAV, as they are before coding, into this folder.
    #[arg(long, value_name = "DIR")]
    wav: Option<PathBuf>,
    /// Render only sounds whose identity contains this text; the manifest is then left alone.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Times that a sound is coded again, a little louder or softer, because the codec has moved its level.
const CORRECTIONS: usize = 3;
/// Smallest error of a level that is worth another coding, decibels.
const CORRECTION_MIN_DB: f64 = 0.05;

/// Why the library could not be rendered.
#[derive(Debug, Error)]
enum SynthError {
    #[error("the loudness meter refused a sound: {0}")]
    Meter(#[from] ebur128::Error),
    #[error("the Vorbis encoder refused a sound: {0}")]
    Vorbis(#[from] vorbis_rs::VorbisError),
    #[error("a WAV file could not be written: {0}")]
    Wav(#[from] hound::Error),
    #[error("the manifest could not be written: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{id} peaks at {peak_dbtp:.2} dBTP; {PEAK_MAX_DBTP} is allowed")]
    Loud { id: &'static str, peak_dbtp: f64 },
    #[error("the catalogue is wrong: {0}")]
    Catalogue(String),
    #[error("{} could not be {verb}: {error}", path.display())]
    File { verb: &'static str, path: PathBuf, error: std::io::Error },
    #[error("{} differs from what the synth renders; run `cargo run --release -p keyboardia-synth`", .0.display())]
    Differs(PathBuf),
}

/// A sound, ready for its file.
struct Rendered {
    source: Master,
    bytes: Vec<u8>,
    heard: Loudness,
    frames: usize,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), SynthError> {
    println!("{:<20}{:>6}{:>9}{:>8}{:>8}{:>9}", "sound", "beats", "frames", "LUFS", "dBTP", "bytes");
    let wanted: Vec<_> =
        sounds().filter(|(_, recipe)| options.only.as_ref().is_none_or(|text| recipe.id.contains(text))).collect();
    let mut heard = Vec::new();
    let mut bytes_total = 0;
    for ((_, recipe), sound) in wanted.iter().zip(rendered(&wanted)) {
        let sound = sound?;
        let (lufs, peak) = (sound.heard.lufs, sound.heard.peak_dbtp);
        let (beats, frames, bytes) = (recipe.beats, sound.frames, sound.bytes.len());
        println!("{:<20}{beats:>6}{frames:>9}{lufs:>8.2}{peak:>8.2}{bytes:>9}", recipe.id);
        put(&options.out.join(format!("{}.ogg", recipe.id)), &sound.bytes, options.check)?;
        if let Some(folder) = &options.wav {
            write_wav(&folder.join(format!("{}.wav", recipe.id)), &sound.source)?;
        }
        bytes_total += bytes;
        heard.push(sound.heard);
    }
    println!("{:<20}{bytes_total:>40}", "together");
    if options.only.is_none() {
        let manifest = manifest::manifest(&heard).map_err(SynthError::Catalogue)?;
        let json = serde_json::to_string_pretty(&manifest)? + "\n";
        put(&options.out.join("manifest.json"), json.as_bytes(), options.check)?;
    }
    Ok(())
}

/// Renders sounds on all processors; yields them in their order, each as soon as it is there.
fn rendered(
    wanted: &[(&'static Family, &'static Recipe)],
) -> impl Iterator<Item = Result<Rendered, SynthError>> + use<> {
    let (sender, receiver) = mpsc::channel();
    let next = Arc::new(AtomicUsize::new(0));
    let jobs: Arc<[_]> = wanted.into();
    for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
        let (sender, next, jobs) = (sender.clone(), Arc::clone(&next), Arc::clone(&jobs));
        thread::spawn(move || {
            while let Some((family, recipe)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                // Nobody waits for the rest once a sound has failed.
                let job = (recipe.id, render(family, recipe));
                if sender.send(job).is_err() {
                    break;
                }
            }
        });
    }
    drop(sender);
    let order: Vec<_> = wanted.iter().map(|(_, recipe)| recipe.id).collect();
    let mut early = BTreeMap::new();
    order.into_iter().map_while(move |id| {
        loop {
            if let Some(sound) = early.remove(id) {
                return Some(sound);
            }
            let (other, sound) = receiver.recv().ok()?;
            early.insert(other, sound);
        }
    })
}

/// Renders, masters and encodes a sound, and listens to the result.
fn render(family: &Family, recipe: &Recipe) -> Result<Rendered, SynthError> {
    let mut source = master(recipe.painted(), recipe.channels, recipe.level)?;
    let mut bytes = codec::encode(&source, recipe.name, serial(recipe.id), family.quality)?;
    let mut decoded = codec::decode(&bytes)?;
    let mut heard = measure(&decoded)?;
    // What the codec has taken or added is made up for.
    for _ in 0..CORRECTIONS {
        let missing_db = recipe.level.missing_db(heard);
        if missing_db.abs() <= CORRECTION_MIN_DB {
            break;
        }
        source.scale(missing_db);
        bytes = codec::encode(&source, recipe.name, serial(recipe.id), family.quality)?;
        decoded = codec::decode(&bytes)?;
        heard = measure(&decoded)?;
    }
    let frames = decoded.channels.first().map_or(0, Vec::len);
    if heard.peak_dbtp > PEAK_MAX_DBTP {
        return Err(SynthError::Loud { id: recipe.id, peak_dbtp: heard.peak_dbtp });
    }
    Ok(Rendered { source, bytes, heard, frames })
}

/// The number of a sound's Ogg stream: its identity's FNV-1a hash, so that a file does not depend on its neighbours.
fn serial(id: &str) -> i32 {
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 1) as i32
}

/// Writes a file, or compares it with what would be written.
fn put(path: &Path, bytes: &[u8], check: bool) -> Result<(), SynthError> {
    let failed = |verb| move |error| SynthError::File { verb, path: path.to_owned(), error };
    if !check {
        return fs::write(path, bytes).map_err(failed("written"));
    }
    if fs::read(path).map_err(failed("read"))? == bytes { Ok(()) } else { Err(SynthError::Differs(path.to_owned())) }
}

/// Writes a sound as it is before coding.
fn write_wav(path: &Path, master: &Master) -> Result<(), SynthError> {
    let spec = hound::WavSpec {
        channels: master.channels.len() as u16,
        sample_rate: RATE as u32,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let mut writer = hound::WavWriter::create(path, spec)?;
    for frame in 0..master.channels.first().map_or(0, Vec::len) {
        for channel in &master.channels {
            writer.write_sample(channel[frame])?;
        }
    }
    Ok(writer.finalize()?)
}
