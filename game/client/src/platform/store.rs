//! The file in which the settings are kept: in the platform's directory for such things, or where the environment variable
//! says. Written whole or not at all; a damaged one is put aside, not overwritten.

use etcetera::BaseStrategy;
use std::{
    fs,
    io::{self, Read, Write},
    path::PathBuf,
};

/// Names the file, instead of the usual place.
const VARIABLE: &str = "KEYBOARDIA_CONFIG";

/// Where the settings are kept.
#[derive(Debug, Clone)]
pub(crate) struct Store(PathBuf);

impl Store {
    /// The place for them, if this machine has one.
    pub(crate) fn find() -> Option<Self> {
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            return Some(Self(path.into()));
        }
        let directory = etcetera::choose_base_strategy().ok()?.config_dir();
        Some(Self(directory.join("keyboardia").join("settings.json")))
    }

    /// A place in this file.
    #[cfg(test)]
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// What is kept, at most `bytes_max` and one more; nothing if there is nothing yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(&self, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match fs::File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Puts a damaged file aside; returns what it is called from then on.
    pub(crate) fn put_aside(&self) -> Option<String> {
        let aside = self.0.with_extension("damaged.json");
        fs::rename(&self.0, &aside).ok()?;
        Some(aside.file_name()?.to_string_lossy().into_owned())
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// When the place cannot be written.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(directory) = self.0.parent() {
            fs::create_dir_all(directory)?;
        }
        // Two windows that write at once must not write into one file.
        let draft = self.0.with_extension(format!("{}.tmp", std::process::id()));
        let written = fs::File::create(&draft).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &self.0)
        });
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }
}
