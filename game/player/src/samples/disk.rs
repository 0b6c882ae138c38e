//! Own sounds on this machine's disk, so that nobody fetches the same one twice. Named by their hash, believed only when
//! they still have it.

use keyboardia_session::{SampleHash, limits::SAMPLE_BYTES_MAX};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::SystemTime,
};

/// Bytes of all sounds that are kept (512 MiB); beyond that, those that were used least recently go.
const KEPT_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Ending of a sound's file, and of one that is being written.
const WAV: &str = "wav";
const PART: &str = "part";

/// See the module. What cannot be kept is fetched again: nothing here fails for the player.
pub(super) struct Disk {
    dir: PathBuf,
    bytes_max: u64,
    parts: AtomicU32,
}

impl Disk {
    /// Sounds in this directory, which is made when it is needed.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir, bytes_max: KEPT_BYTES_MAX, parts: AtomicU32::new(0) }
    }

    fn path(&self, hash: SampleHash) -> PathBuf {
        self.dir.join(format!("{hash}.{WAV}"))
    }

    /// A sound's file, if it is here and whole.
    pub(super) fn find(&self, hash: SampleHash) -> Option<Vec<u8>> {
        let path = self.path(hash);
        let is_small = fs::metadata(&path).ok()?.len() <= SAMPLE_BYTES_MAX as u64;
        let file = is_small.then(|| fs::read(&path).ok()).flatten();
        let Some(file) = file.filter(|file| SampleHash::of(file) == hash) else {
            tracing::warn!(target: "player", "the kept sound {hash} is damaged and is fetched again");
            let _ = fs::remove_file(&path);
            return None;
        };
        // A disk that cannot note it forgets this one earlier.
        let _ = fs::File::options().append(true).open(&path).and_then(|at| at.set_modified(SystemTime::now()));
        Some(file)
    }

    /// Keeps a sound's file.
    pub(super) fn keep(&self, hash: SampleHash, file: &[u8]) {
        if let Err(error) = self.write(hash, file) {
            tracing::debug!(target: "player", "the sound {hash} is not kept: {error}");
        }
    }

    fn write(&self, hash: SampleHash, file: &[u8]) -> io::Result<()> {
        let path = self.path(hash);
        if path.is_file() {
            return Ok(());
        }
        fs::create_dir_all(&self.dir)?;
        // Several players of one machine may write the same one; each its own part.
        let part = self.dir.join(format!("{}-{}.{PART}", std::process::id(), self.parts.fetch_add(1, Relaxed)));
        fs::write(&part, file).and_then(|()| fs::rename(&part, &path)).inspect_err(|_| {
            let _ = fs::remove_file(&part);
        })?;
        self.make_room()
    }

    /// Removes what was used least recently until the rest fits.
    fn make_room(&self) -> io::Result<()> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let (path, about) = (entry.path(), entry.metadata()?);
            if has_ending(&path, WAV) {
                kept.push((about.modified()?, about.len(), path));
            }
        }
        let mut bytes: u64 = kept.iter().map(|(_, length, _)| length).sum();
        kept.sort();
        for (_, length, path) in kept {
            if bytes <= self.bytes_max {
                break;
            }
            fs::remove_file(path)?;
            bytes -= length;
        }
        Ok(())
    }
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found == ending)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_kept_comes_back_and_what_is_damaged_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk::new(dir.path().join("made"));
        let (file, hash) = (b"a sound".to_vec(), SampleHash::of(b"a sound"));
        assert_eq!(disk.find(hash), None);
        disk.keep(hash, &file);
        assert_eq!(disk.find(hash), Some(file));
        fs::write(disk.path(hash), b"another").unwrap();
        assert_eq!(disk.find(hash), None);
        assert!(!disk.path(hash).exists(), "it makes room for a whole one");
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let disk = Disk { bytes_max: 25, ..Disk::new(dir.path().to_owned()) };
        let files: Vec<Vec<u8>> = (0..3_u8).map(|index| vec![index; 10]).collect();
        let hashes: Vec<SampleHash> = files.iter().map(|file| SampleHash::of(file)).collect();
        for index in [0, 1] {
            disk.keep(hashes[index], &files[index]);
            let at = SystemTime::now() - Duration::from_secs(100 - index as u64);
            fs::File::options().append(true).open(disk.path(hashes[index])).unwrap().set_modified(at).unwrap();
        }
        assert!(disk.find(hashes[0]).is_some(), "used once more");
        disk.keep(hashes[2], &files[2]);
        let kept: Vec<bool> = hashes.iter().map(|hash| disk.find(*hash).is_some()).collect();
        assert_eq!(kept, [true, false, true]);
    }

    #[test]
    fn a_disk_that_takes_nothing_costs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let disk = Disk::new(dir.path().join("file").join("below"));
        disk.keep(SampleHash::of(b"a"), b"a");
        assert_eq!(disk.find(SampleHash::of(b"a")), None);
    }
}
