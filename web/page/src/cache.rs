//! What took long, kept for the next time: the game with its bindings, and compressed files. Named by their inputs.

use crate::error::PackError;
use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Entries that are kept; a page needs about forty.
const ENTRIES_MAX: usize = 160;

/// A directory, or nothing.
#[derive(Debug)]
pub(crate) struct Cache(Option<PathBuf>);

impl Cache {
    /// Uses a directory, which is made if there is none.
    pub(crate) fn open(dir: Option<PathBuf>) -> Result<Self, PackError> {
        if let Some(dir) = &dir {
            fs::create_dir_all(dir).map_err(PackError::of_file(dir))?;
        }
        Ok(Self(dir))
    }

    /// What was kept under this name.
    pub(crate) fn get(&self, name: &str) -> Option<Vec<u8>> {
        let path = self.0.as_ref()?.join(name);
        let bytes = fs::read(&path).ok()?;
        // Used things are forgotten last; a cache that cannot be told so works, too.
        fs::File::options().append(true).open(&path).and_then(|file| file.set_modified(SystemTime::now())).ok();
        Some(bytes)
    }

    /// Keeps something. A cache that is full or gone only costs time.
    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        if let Some(dir) = &self.0 {
            write_whole(&dir.join(name), bytes).ok();
        }
    }

    /// Forgets what has not been used for longest.
    pub(crate) fn tidy(&self) {
        let Some(entries) = self.0.as_ref().and_then(|dir| fs::read_dir(dir).ok()) else { return };
        let age = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut entries: Vec<_> = entries.flatten().map(|entry| (age(&entry.path()), entry.path())).collect();
        entries.sort();
        let surplus = entries.len().saturating_sub(ENTRIES_MAX);
        for (_, path) in entries.drain(..surplus) {
            fs::remove_file(path).ok();
        }
    }
}

/// Writes a file so that nobody ever sees half of it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut passing = tempfile::NamedTempFile::new_in(dir)?;
    std::io::Write::write_all(&mut passing, bytes)?;
    #[cfg(unix)]
    {
        // Temporary files are for their owner alone; a page is for everybody.
        use std::os::unix::fs::PermissionsExt;
        passing.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    passing.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_there_again_and_the_rest_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().join("deep/cache"))).unwrap();
        assert_eq!(cache.get("one"), None);
        cache.put("one", b"1");
        assert_eq!(cache.get("one").unwrap(), b"1");
        for index in 0..ENTRIES_MAX {
            cache.put(&format!("{index}"), b"");
        }
        cache.tidy();
        assert_eq!(fs::read_dir(dir.path().join("deep/cache")).unwrap().count(), ENTRIES_MAX);
    }

    #[test]
    fn without_a_directory_nothing_is_kept() {
        let cache = Cache::open(None).unwrap();
        cache.put("one", b"1");
        assert_eq!(cache.get("one"), None);
        cache.tidy();
    }
}
