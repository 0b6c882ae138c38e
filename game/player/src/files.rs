//! Files that the player asks for: whole, or not there at all.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// Ending of a file that is being written.
const PART: &str = "part";

/// Writes a file beside its place, and puts it there when it is whole and on the disk. What was there before stays until
/// then; where `write` fails, it stays for good.
///
/// # Errors
/// What `write` says, or what `fault` makes of what the disk says.
pub(crate) fn write_whole<T, E>(
    path: &Path,
    fault: impl Fn(io::Error) -> E,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    static PARTS: AtomicU32 = AtomicU32::new(0);
    let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
    name.push(format!(".{}-{}.{PART}", std::process::id(), PARTS.fetch_add(1, Relaxed)));
    let part = path.with_file_name(name);
    let written = File::create(&part).map_err(&fault).and_then(|file| {
        let mut file = BufWriter::new(file);
        let result = write(&mut file)?;
        let settle = |file: BufWriter<File>| {
            file.into_inner()?.sync_all()?;
            fs::rename(&part, path)
        };
        settle(file).map_err(&fault)?;
        Ok(result)
    });
    written.inspect_err(|_| {
        let _ = fs::remove_file(&part);
    })
}

/// What people call a file.
pub(crate) fn called(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A path with this ending, which players leave away.
pub(crate) fn with_ending(path: PathBuf, ending: &str) -> PathBuf {
    if path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending)) {
        return path;
    }
    let mut name = path.into_os_string();
    name.push(".");
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_is_whole_or_what_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let put = |bytes: &[u8], fails: bool| {
            write_whole(
                &path,
                |error| error.to_string(),
                |file| {
                    file.write_all(bytes).unwrap();
                    if fails { Err("no".to_owned()) } else { Ok(()) }
                },
            )
        };
        assert_eq!(put(b"one", false), Ok(()));
        assert_eq!(put(b"two", true), Err("no".into()));
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        let nowhere = dir.path().join("not/there");
        assert!(write_whole(&nowhere, |error| error.to_string(), |_| Ok(())).is_err());
    }

    #[test]
    fn an_ending_is_added_where_there_is_none() {
        let named = |name: &str| with_ending(name.into(), "wav");
        assert_eq!([named("a"), named("a.WAV"), named("a.b")], ["a.wav", "a.WAV", "a.b.wav"].map(PathBuf::from));
    }
}
