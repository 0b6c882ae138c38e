//! The settings in their place: read at the start, written when they have changed, as JSON.

use super::{Keeper, Settings};
use crate::{platform::Store, theme, toasts::Toasts};
use bevy::prelude::*;
use std::time::Duration;

/// Largest text that is read, bytes.
const BYTES_MAX: u64 = 256 * 1024;
/// A change is written when nothing has changed for this long.
const SETTLE: Duration = Duration::from_millis(700);

/// Reads what is kept; nothing if there is nothing yet.
///
/// # Errors
/// Why it is not used, as a sentence. What is damaged has been put aside.
pub(super) fn read(store: &Store) -> Result<Option<Settings>, String> {
    let bytes = match store.read(BYTES_MAX) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(None),
        Err(error) => return Err(format!("Your settings cannot be read ({error}); the usual ones are used.")),
    };
    let is_whole = bytes.len() as u64 <= BYTES_MAX;
    let object = if is_whole { serde_json::from_slice::<serde_json::Map<_, _>>(&bytes).ok() } else { None };
    let settings = object.and_then(|object| serde_json::from_value(object.into()).ok());
    settings.map(Some).ok_or_else(|| match store.put_aside() {
        Some(name) => format!("Your settings were damaged; they are kept as {name}, and the usual ones are used."),
        None => "Your settings are damaged; the usual ones are used.".into(),
    })
}

/// Writes them, whole or not at all.
///
/// # Errors
/// When the place cannot be written.
pub(super) fn write(store: &Store, settings: &Settings) -> std::io::Result<()> {
    store.write(&serde_json::to_vec_pretty(settings)?)
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
    let Some(store) = keeper.store.clone().filter(|_| keeper.kept.as_ref() != Some(&*settings)) else { return };
    match write(&store, &settings) {
        Ok(()) => keeper.kept = Some(settings.clone()),
        Err(error) => {
            // Once is enough: it will not work the next time either.
            keeper.store = None;
            let sentence = format!("Your settings cannot be kept: {error}.");
            tracing::warn!("{sentence}");
            toasts.say(now, sentence, theme::WARNING);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::Name;
    use std::{fs, path::PathBuf};

    fn place() -> (tempfile::TempDir, PathBuf, Store) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep").join("settings.json");
        (directory, path.clone(), Store::at(path))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (_directory, path, store) = place();
        assert_eq!(read(&store), Ok(None), "nothing there yet");
        let mut settings = Settings::default().sanitised(3);
        settings.set_name(Name::sanitised("Ada"));
        settings.set_nudge_us("Speakers", -12_000);
        settings.favourites.set(&keyboardia_session::SoundId::parse("kick").unwrap(), true);
        write(&store, &settings).unwrap();
        assert_eq!(read(&store), Ok(Some(settings)));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_damaged_file_is_put_aside_with_a_sentence() {
        let (_directory, path, store) = place();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let endless = vec![b' '; BYTES_MAX as usize + 10];
        for damaged in [&b"{\"name\": \"A"[..], b"[]", b"\xff\xfe", &endless] {
            fs::write(&path, damaged).unwrap();
            let sentence = read(&store).unwrap_err();
            assert!(sentence.contains("settings.damaged.json") && sentence.ends_with('.'), "{sentence}");
            assert_eq!(fs::read(path.with_extension("damaged.json")).unwrap(), damaged);
            assert_eq!(read(&store), Ok(None));
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error_and_leaves_nothing() {
        let (directory, ..) = place();
        let path = directory.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), "").unwrap();
        assert!(write(&Store::at(path), &Settings::default()).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
