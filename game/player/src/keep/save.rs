//! Sessions on this machine's disk: gathered and saved, and opened.

use super::{BadKept, KEPT_BYTES_MAX, Kept, read, write};
use crate::{errand::Errand, files, samples::Exchange, view::PlayerView};
use keyboardia_session::Song;
use std::{
    fs::File,
    io::{self, BufReader},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Reads a session's file, and nothing else: whoever has it may begin a session with it, see
/// [`PlayerOptions::kept`](crate::PlayerOptions::kept).
pub fn open(path: PathBuf) -> Errand<Arc<Kept>> {
    Errand::start("opener", move |_| {
        load(&path).map(Arc::new).map_err(|bad| format!("“{}” was not opened. {bad}", files::called(&path)))
    })
}

fn load(path: &Path) -> Result<Kept, BadKept> {
    let file = File::open(path).map_err(BadKept::Unreadable)?;
    let about = file.metadata().map_err(BadKept::Unreadable)?;
    if !about.is_file() {
        return Err(BadKept::NotOne);
    }
    if about.len() > KEPT_BYTES_MAX {
        return Err(BadKept::TooLarge);
    }
    read(BufReader::new(file))
}

/// Saves the session of a picture to a file. The outcome says what was saved.
pub(crate) fn save(exchange: Arc<Exchange>, view: &PlayerView, path: PathBuf) -> Errand<String> {
    let song = view.session.as_ref().map(|session| Song::of(&session.state));
    let path = files::with_ending(path, super::ENDING);
    Errand::start("saver", move |task| {
        let song = song.ok_or("There is no session to be saved.")?;
        let name = files::called(&path);
        let total = song.samples().len();
        let mut done = 0;
        let sample = |hash| {
            task.is_done(f64::from(done) / total.max(1) as f64);
            done += 1;
            exchange.get(hash).ok()
        };
        let fault = |error: io::Error| format!("“{name}” was not saved: {error}.");
        let missing = files::write_whole(&path, fault, |file| write(&song, sample, file).map_err(fault))?;
        Ok(match (total, missing) {
            (0, _) => format!("Saved to “{name}”."),
            (_, 0) => format!("Saved to “{name}”, with {} of your own.", count(total)),
            _ => {
                format!("Saved to “{name}”, but {} could not be had: what plays it stays silent there.", count(missing))
            }
        })
    })
}

fn count(sounds: usize) -> String {
    if sounds == 1 { "1 sound".to_owned() } else { format!("{sounds} sounds") }
}
