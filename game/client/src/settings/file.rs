//! The file in which the settings are kept: JSON in the platform's directory for such things, or where the environment
//! variable says. Written whole or not at all; a damaged one is put aside, not overwritten.

use super::{Keeper, Settings};
use crate::{theme, toasts::Toasts};
use bevy::prelude::*;
use etcetera::BaseStrategy;
use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// Names the file, instead of the usual place.
const VARIABLE: &str = "KEYBOARDIA_CONFIG";
/// Largest file that is read, bytes.
const BYTES_MAX: u64 = 256 * 1024;
/// A change is written when nothing has changed for this long.
const SETTLE: Duration = Duration::from_millis(700);

/// Where the settings are kept, if this machine has a place for them.
pub(super) fn path() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let directory = etcetera::choose_base_strategy().ok()?.config_dir();
    Some(directory.join("keyboardia").join("settings.json"))
}

/// Reads the file; nothing if there is none.
///
/// # Errors
/// Why it is not used, as a sentence. A damaged file has been put aside.
pub(super) fn read(path: &Path) -> Result<Option<Settings>, String> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("Your settings cannot be read ({error}); the usual ones are used.")),
    };
    let mut text = Vec::new();
    let whole = file.take(BYTES_MAX + 1).read_to_end(&mut text).is_ok() && text.len() as u64 <= BYTES_MAX;
    let object = if whole { serde_json::from_slice::<serde_json::Map<_, _>>(&text).ok() } else { None };
    let settings = object.and_then(|object| serde_json::from_value(object.into()).ok());
    settings.map(Some).ok_or_else(|| {
        let aside = path.with_extension("damaged.json");
        let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match fs::rename(path, &aside) {
            Ok(()) => format!("Your settings were damaged; they are kept as {name}, and the usual ones are used."),
            Err(_) => "Your settings are damaged; the usual ones are used.".into(),
        }
    })
}

/// Writes the file, whole or not at all.
///
/// # Errors
/// When the place cannot be written.
pub(super) fn write(path: &Path, settings: &Settings) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    // Two windows that write at once must not write into one file.
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::File::create(&draft).and_then(|mut file| {
        file.write_all(&serde_json::to_vec_pretty(settings)?)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Startup, tell).add_systems(Last, keep);
}

/// Says what went wrong when the settings were read.
fn tell(mut keeper: ResMut<Keeper>, time: Res<Time<Real>>, mut toasts: ResMut<Toasts>) {
    if let Some(sentence) = keeper.trouble.take() {
        toasts.say(time.elapsed(), sentence, theme::WARNING);
    }
}

fn keep(
    settings: Res<Settings>,
    mut keeper: ResMut<Keeper>,
    time: Res<Time<Real>>,
    exits: MessageReader<AppExit>,
    mut toasts: ResMut<Toasts>,
) {
    let now = time.elapsed();
    if settings.is_changed() {
        keeper.dirty_since = Some(now);
    }
    let due = keeper.dirty_since.is_some_and(|since| now.saturating_sub(since) >= SETTLE || !exits.is_empty());
    if !due {
        return;
    }
    keeper.dirty_since = None;
    let Some(path) = keeper.path.clone().filter(|_| keeper.kept.as_ref() != Some(&*settings)) else { return };
    match write(&path, &settings) {
        Ok(()) => keeper.kept = Some(settings.clone()),
        Err(error) => {
            // Once is enough: it will not work the next time either.
            keeper.path = None;
            let sentence = format!("Your settings cannot be kept: {error}.");
            eprintln!("keyboardia: {sentence}");
            toasts.say(now, sentence, theme::WARNING);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::Name;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep").join("settings.json");
        (directory, path)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (_directory, path) = place();
        assert_eq!(read(&path), Ok(None), "nothing there yet");
        let mut settings = Settings::default().sanitised(3);
        settings.set_name(Name::sanitised("Ada"));
        settings.set_nudge_us("Speakers", -12_000);
        settings.favourites.set(&keyboardia_session::SoundId::parse("kick").unwrap(), true);
        write(&path, &settings).unwrap();
        assert_eq!(read(&path), Ok(Some(settings)));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_damaged_file_is_put_aside_with_a_sentence() {
        let (_directory, path) = place();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let endless = vec![b' '; BYTES_MAX as usize + 10];
        for damaged in [&b"{\"name\": \"A"[..], b"[]", b"\xff\xfe", &endless] {
            fs::write(&path, damaged).unwrap();
            let sentence = read(&path).unwrap_err();
            assert!(sentence.contains("settings.damaged.json") && sentence.ends_with('.'), "{sentence}");
            assert_eq!(fs::read(path.with_extension("damaged.json")).unwrap(), damaged);
            assert_eq!(read(&path), Ok(None));
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_and_leaves_nothing() {
        let (directory, _) = place();
        let path = directory.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "").unwrap();
        assert!(write(&path, &Settings::default()).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
