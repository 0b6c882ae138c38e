//! The packed page as files, and how large they may be.

use serde_json::Value;
use std::path::{Path, PathBuf};

/// Largest game, bytes; Cloudflare serves no file of more than 25 MiB.
pub const GAME_BYTES_MAX: u64 = 22_000_000;
/// Largest game as it is fetched, bytes.
pub const GAME_BROTLI_BYTES_MAX: u64 = 4_600_000;
/// Largest engine, bytes: it is instantiated three times, once in the AudioWorklet.
pub const ENGINE_BYTES_MAX: u64 = 400_000;

/// Where the page is: `./play web` makes it.
pub fn dir() -> PathBuf {
    std::env::var_os("KEYBOARDIA_WEB").map_or_else(|| "../web/dist".into(), PathBuf::from)
}

/// A file of the page, by the name that it has in its list.
///
/// # Panics
/// When there is no page, or no such file.
pub fn file(name: &str) -> PathBuf {
    let list = std::fs::read(dir().join("assets.json")).expect("a packed page: `./play web` makes one");
    let list: Value = serde_json::from_slice(&list).expect("the list of its files");
    dir().join(list["files"][name]["url"].as_str().expect("a file of the page"))
}

/// Length of a file, bytes.
///
/// # Panics
/// When it is not there.
pub fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).len()
}

/// Length of a file as browsers fetch it, bytes: with brotli, if it shrinks.
///
/// # Panics
/// When it is not there.
pub fn brotli_bytes(path: &Path) -> u64 {
    let squeezed = PathBuf::from(format!("{}.br", path.display()));
    bytes(if squeezed.is_file() { &squeezed } else { path })
}
