//! Sessions as files: `.keyboardia`, a zip with the [`Song`] as JSON and the players' own sounds in it.
//!
//! ```text
//! song.json                 the grid, the mixer, the pace
//! samples/{SHA-256}.wav     each own sound that the grid names, as it is stored everywhere
//! ```
//!
//! Nothing is compressed, so that nothing can grow while it is read, and the same session is the same file to the byte: the
//! entries have one order, one date and one owner. A file is read from its beginning to its end without a jump; names and
//! lengths are checked before what they announce is read, sounds by their hashes afterwards. A file that is not what it
//! should be gives a sentence and nothing else.
//!
//! This module is portable; how files come from disks and go to them is native, see `save`.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod save;

#[cfg(not(target_arch = "wasm32"))]
pub use save::open;

use keyboardia_session::{
    BadSample, BadSong, SampleHash, Song, check_wav,
    limits::{SAMPLE_BYTES_MAX, SAMPLE_BYTES_PER_SESSION_MAX, SAMPLES_PER_SESSION_MAX, SONG_BYTES_MAX},
};
use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read, Seek, Write},
    sync::Arc,
};
use thiserror::Error;
use zip::{
    CompressionMethod, DateTime, System, ZipWriter,
    read::read_zipfile_from_stream,
    result::{ZipError, ZipResult},
    write::SimpleFileOptions,
};

/// Ending of a session's file.
pub const ENDING: &str = "keyboardia";
/// Bytes of a session's file: everything that a session can have, and what the zip says of it.
pub const KEPT_BYTES_MAX: u64 = SAMPLE_BYTES_PER_SESSION_MAX + SONG_BYTES_MAX as u64 + 2 * TAIL_BYTES_MAX;
/// Bytes of the table at the end of a file.
const TAIL_BYTES_MAX: u64 = 64 * 1024;
/// Files in it: the score, and the sounds.
const ENTRIES_MAX: usize = 1 + SAMPLES_PER_SESSION_MAX;
/// Where the score lies, and the sounds.
const SONG: &str = "song.json";
const SAMPLES: &str = "samples/";
const WAV: &str = ".wav";
/// What everybody may do with what is unpacked.
const PERMISSIONS: u32 = 0o644;
/// The first bytes of a zip with something in it.
const BEGIN: &[u8; 4] = b"PK\x03\x04";
/// The last words of a zip without a comment: how they begin, their bytes, and where they say how many files there are.
const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const END_COUNT_AT: usize = 10;

/// A session that was kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its grid.
    pub song: Song,
    /// Sounds that the grid names, as far as they could be had when it was saved.
    pub samples: BTreeMap<SampleHash, Arc<Vec<u8>>>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("samples", &self.samples.len()).finish_non_exhaustive()
    }
}

/// Why a file cannot be opened. Each reads as a sentence for the player.
#[derive(Debug, Error)]
pub enum BadKept {
    /// Something else.
    #[error("This is not a saved session of Keyboardia.")]
    NotOne,
    /// Larger than a session can be.
    #[error("This file is larger than a saved session of Keyboardia can be.")]
    TooLarge,
    /// It ends too early, or its parts do not fit together.
    #[error("The saved session is damaged: it is not whole.")]
    Damaged,
    /// Compressed or encrypted, which the game never does.
    #[error("The saved session was packed by another program, and cannot be read.")]
    Repacked,
    /// A file that no session has, twice the same, or too many.
    #[error("The saved session is damaged: there is something in it that does not belong there.")]
    Strange,
    /// A sound is not the one that its name says.
    #[error("The saved session is damaged: a sound in it is not what it was.")]
    OtherSample,
    /// A sound is none.
    #[error("The saved session is damaged: a sound in it cannot be played. {0}")]
    Sample(#[from] BadSample),
    /// The score is none.
    #[error("{0}")]
    Song(#[from] BadSong),
    /// It cannot be read at all.
    #[error("The saved session cannot be read: {0}.")]
    Unreadable(io::Error),
}

impl From<ZipError> for BadKept {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => Self::Repacked,
            ZipError::Io(error) => error.into(),
            _ => Self::Damaged,
        }
    }
}

impl From<io::Error> for BadKept {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // The latter is how a wrong checksum is told.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::Other => Self::Damaged,
            _ => Self::Unreadable(error),
        }
    }
}

/// Reads a session's file. At most [`KEPT_BYTES_MAX`] are read and kept.
///
/// # Errors
/// [`BadKept`]: the first thing that is wrong.
pub fn read(file: impl Read) -> Result<Kept, BadKept> {
    let mut file = file.take(KEPT_BYTES_MAX);
    let read = read_all(&mut file);
    // What looks cut off was, by us.
    if read.is_err() && file.limit() == 0 { Err(BadKept::TooLarge) } else { read }
}

fn read_all(file: &mut impl Read) -> Result<Kept, BadKept> {
    let mut begin = [0; BEGIN.len()];
    file.read_exact(&mut begin)?;
    if begin != *BEGIN {
        return Err(BadKept::NotOne);
    }
    let file = &mut BEGIN.chain(file);
    let song = next(file, SONG_BYTES_MAX as u64)?.filter(|(name, _)| name == SONG).ok_or(BadKept::NotOne)?;
    let song = Song::parse(&song.1)?;
    let wanted = song.samples();
    let (mut samples, mut left) = (BTreeMap::new(), SAMPLE_BYTES_PER_SESSION_MAX);
    while let Some((name, bytes)) = next(file, left.min(SAMPLE_BYTES_MAX as u64))? {
        let hash = name.strip_prefix(SAMPLES).and_then(|name| SampleHash::parse(name.strip_suffix(WAV)?));
        let hash = hash.filter(|hash| wanted.contains(hash) && !samples.contains_key(hash)).ok_or(BadKept::Strange)?;
        if SampleHash::of(&bytes) != hash {
            return Err(BadKept::OtherSample);
        }
        check_wav(&bytes)?;
        left -= bytes.len() as u64;
        samples.insert(hash, Arc::new(bytes));
        if samples.len() > SAMPLES_PER_SESSION_MAX {
            return Err(BadKept::Strange);
        }
    }
    check_end(file, 1 + samples.len())?;
    Ok(Kept { song, samples })
}

/// The next file in a zip, its name first; nothing where the table at its end begins. One of more than so many bytes does not
/// belong there.
fn next(zip: &mut impl Read, bytes_max: u64) -> Result<Option<(String, Vec<u8>)>, BadKept> {
    let Some(mut entry) = read_zipfile_from_stream(zip)? else { return Ok(None) };
    if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
        return Err(BadKept::Repacked);
    }
    let (name, length) = (entry.name()?.into_owned(), entry.size());
    if length > bytes_max || entry.compressed_size() != length {
        return Err(BadKept::Strange);
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(Some((name, bytes))) } else { Err(BadKept::Damaged) }
}

/// Checks that a zip of so many files comes to its end.
fn check_end(zip: &mut impl Read, count: usize) -> Result<(), BadKept> {
    let mut tail = Vec::new();
    zip.take(TAIL_BYTES_MAX).read_to_end(&mut tail)?;
    let end = tail.len().checked_sub(END_BYTES).and_then(|at| tail.get(at..)).ok_or(BadKept::Damaged)?;
    let told = usize::from(u16::from_le_bytes([end[END_COUNT_AT], end[END_COUNT_AT + 1]]));
    if end.starts_with(END) && told == count && count <= ENTRIES_MAX { Ok(()) } else { Err(BadKept::Damaged) }
}

/// Writes a session's file. `sample` gives the sounds that the song names, in the order of their hashes, as far as they can
/// be had. Returns how many could not, or were more than a session can have.
///
/// # Errors
/// What `file` says.
pub fn write(
    song: &Song,
    mut sample: impl FnMut(SampleHash) -> Option<Arc<Vec<u8>>>,
    file: impl Write + Seek,
) -> io::Result<usize> {
    let mut zip = ZipWriter::new(file);
    let mut put = |name: &str, bytes: &[u8]| -> ZipResult<()> {
        zip.start_file(name, options())?;
        Ok(zip.write_all(bytes)?)
    };
    put(SONG, &song.to_json())?;
    let (mut missing, mut count, mut left) = (0, 0, SAMPLE_BYTES_PER_SESSION_MAX);
    for hash in song.samples() {
        let found = if count < SAMPLES_PER_SESSION_MAX { sample(hash) } else { None };
        let Some(bytes) = found.filter(|bytes| bytes.len() as u64 <= left) else {
            missing += 1;
            continue;
        };
        put(&format!("{SAMPLES}{hash}{WAV}"), &bytes)?;
        count += 1;
        left -= bytes.len() as u64;
    }
    zip.finish()?.flush()?;
    Ok(missing)
}

/// The same on every machine and at every time.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(PERMISSIONS)
        .system(System::Unix)
}

#[cfg(test)]
mod tests;
