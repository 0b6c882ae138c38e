//! Bounces bars of the grid as it plays: through the engine that the players hear, as fast as it can.

use super::{BOUNCE_BARS_MAX, BounceRequest, Bounced, ENDING, SAMPLE_RATE_HZ};
use crate::{
    errand::{Errand, Task},
    files,
    samples::Exchange,
    sounds::SoundDir,
    view::PlayerView,
};
use keyboardia_audio::{
    Sample,
    bounce::{BOUNCE_CHANNELS, Bounce, BounceSettings, Part},
    decode_sample,
    wav::{Depth, WavSink},
};
use keyboardia_session::{Beats, Quantise, Score, SessionState, SoundId, TrackId};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Said when nothing would be heard.
const SILENCE: &str = "Nothing plays: launch a clip first, then bounce what it plays.";
/// Said when the player has left it.
const GIVEN_UP: &str = "The bounce was given up; nothing was written.";

/// Where the sounds of a bounce come from.
pub(crate) struct Studio {
    pub(crate) exchange: Arc<Exchange>,
    /// Directory of the sound library; found by itself when `None`.
    pub(crate) sounds: Option<PathBuf>,
}

/// A stretch of what is played, with all that is needed for it.
struct Stretch {
    score: Score,
    samples: BTreeMap<SoundId, Arc<Sample>>,
    from: Beats,
    length: Beats,
}

/// Bounces what a picture shows, from the next bar line on. The outcome says what was written.
pub(crate) fn bounce(studio: Studio, view: &PlayerView, request: BounceRequest) -> Errand<String> {
    let present = view.session.as_ref().map(|session| (session.state.clone(), session.beat()));
    Errand::start("bounce", move |task| {
        let (state, beat) = present.ok_or("There is no session to be bounced.")?;
        let stretch = Stretch::of(&studio, &state, beat, request.bars)?;
        match request.what {
            Bounced::Master(path) => stretch.master(task, files::with_ending(path, ENDING)),
            Bounced::Stems(dir) => stretch.stems(task, &state, &dir),
        }
    })
}

impl Stretch {
    fn of(studio: &Studio, state: &SessionState, beat: Beats, bars: u32) -> Result<Self, String> {
        if !(1..=BOUNCE_BARS_MAX).contains(&bars) {
            return Err(format!("A bounce has 1 to {BOUNCE_BARS_MAX} bars."));
        }
        let score = Score::of(state);
        let from = state.meters().next_boundary(beat, Quantise::Bar);
        let bar = state.meters().at(from).signature.bar();
        let samples = score.sounds().map(|sound| Ok((sound.clone(), studio.sample(sound)?)));
        let samples = samples.collect::<Result<BTreeMap<_, _>, String>>()?;
        if samples.is_empty() {
            return Err(SILENCE.into());
        }
        Ok(Self { score, samples, from, length: Beats(bar.0.saturating_mul(i64::from(bars))) })
    }

    fn master(&self, task: &Task, path: PathBuf) -> Result<String, String> {
        let told = self.write(task, (0, 1), Part::Master, &path)?;
        Ok(format!("Bounced {:.1} s to “{}”.", told.seconds, files::called(&path)))
    }

    /// Each track that is heard, by its place and name. Where one cannot be written, none is left.
    fn stems(&self, task: &Task, state: &SessionState, dir: &Path) -> Result<String, String> {
        let heard =
            self.score.tracks.iter().filter(|track| track.audible && (track.now.is_some() || !track.next.is_empty()));
        let heard: Vec<TrackId> = heard.map(|track| track.id).collect();
        let mut written: Vec<PathBuf> = Vec::new();
        let mut loud = Vec::new();
        for (index, id) in heard.iter().enumerate() {
            let place = state.track_position(*id).unwrap_or(index) + 1;
            let name = state.track(*id).map_or_else(String::new, |track| plain(track.name.as_str()));
            let path = dir.join(format!("{place:02} {name}.{ENDING}"));
            match self.write(task, (index, heard.len()), Part::Stem(*id), &path) {
                Ok(told) => {
                    written.push(path);
                    loud.extend(told.is_cut.then_some(name));
                }
                Err(why) => {
                    for path in &written {
                        // What cannot be removed stays.
                        let _ = fs::remove_file(path);
                    }
                    return Err(why);
                }
            }
        }
        let told = format!("Bounced {} stems to “{}”.", written.len(), files::called(dir));
        Ok(match &loud[..] {
            [] if written.is_empty() => return Err(SILENCE.into()),
            [] => told,
            loud => format!("{told} Too loud for a file, and cut off at the top: {}.", loud.join(", ")),
        })
    }

    /// One file, the `at.0`th of `at.1`.
    fn write(&self, task: &Task, at: (usize, usize), part: Part, path: &Path) -> Result<Written, String> {
        let settings = BounceSettings { sample_rate: SAMPLE_RATE_HZ, from: self.from, length: self.length, part };
        let sample = |sound: &SoundId| self.samples.get(sound).cloned();
        let bounce = Bounce::new(&self.score, sample, settings).map_err(|error| error.to_string())?;
        let name = files::called(path);
        let fault = |error: io::Error| format!("“{name}” was not written: {error}.");
        files::write_whole(path, fault, |file| {
            let share = |done: f64| task.is_done((at.0 as f64 + done) / at.1.max(1) as f64);
            render(task, bounce, file, share).map_err(|stop| stop.map_or_else(|| GIVEN_UP.to_owned(), fault))
        })
    }
}

/// What has come of a file.
struct Written {
    seconds: f64,
    /// Something of it was beyond full scale.
    is_cut: bool,
}

/// Renders a bounce into a file; what went wrong, or nothing where it was given up.
fn render(
    task: &Task,
    mut bounce: Bounce,
    file: &mut BufWriter<File>,
    share: impl Fn(f64),
) -> Result<Written, Option<io::Error>> {
    let fault = |error| Some(io::Error::other(error));
    let mut sink = WavSink::new(file, BOUNCE_CHANNELS, SAMPLE_RATE_HZ, Depth::Bits24).map_err(fault)?;
    let mut is_cut = false;
    while let Some(block) = bounce.next_block() {
        if task.ends() {
            return Err(None);
        }
        is_cut |= block.iter().any(|x| x.abs() > 1.0);
        sink.write(block).map_err(fault)?;
        let progress = bounce.progress();
        share(progress.done as f64 / progress.total.max(1) as f64);
    }
    sink.finish().map_err(fault)?;
    Ok(Written { seconds: bounce.progress().total as f64 / f64::from(SAMPLE_RATE_HZ), is_cut })
}

impl Studio {
    /// A sound, from where the players have it.
    fn sample(&self, id: &SoundId) -> Result<Arc<Sample>, String> {
        let missing = |why: String| format!("The sound “{id}” is not here: {why}.");
        if let Some(hash) = id.sample() {
            let file = self.exchange.get(hash).map_err(|fault| fault.sentence)?;
            return decode_sample(&file).map(Arc::new).map_err(|bad| bad.to_string());
        }
        let dir =
            SoundDir::find(self.sounds.as_deref()).ok_or_else(|| missing("the sound library was not found".into()))?;
        let manifest = dir.manifest().map_err(missing)?;
        dir.load(&manifest, id).map(|loaded| loaded.sample).map_err(missing)
    }
}

/// A name that every disk takes.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || " -_".contains(c) { c } else { '_' };
    name.chars().map(plain).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tracks_become_names_that_every_disk_takes() {
        assert_eq!(["Drums", "a/b\\c:d", "..", " Bläser 2 "].map(plain), ["Drums", "a_b_c_d", "__", "Bläser 2"]);
    }
}
