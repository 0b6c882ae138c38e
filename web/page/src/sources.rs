//! Everything that goes into the page, read once, and what tells whether it has changed since.

use crate::{Options, error::PackError, icons, slim::slim, wordmark};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Kinds of the page's own files.
const KINDS: [&str; 5] = ["html", "js", "css", "svg", "webmanifest"];
/// Where the wordmark goes in `index.html`.
const WORDMARK_PLACE: &str = "__WORDMARK__";
/// The manifest of the sounds.
const MANIFEST: &str = "manifest.json";
/// How a module begins (WebAssembly core specification, 5.5.16).
const WASM_MAGIC: &[u8] = b"\0asm";
/// Bytes of a hash that are in a name.
const NAME_HASH_BYTES: usize = 8;

/// A file's content by its name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The game, without its bindings yet.
    pub(crate) client: Vec<u8>,
    /// The page's files as they call each other: its own, the icons, the typeface and the sound engine.
    pub(crate) page: Files,
    /// The sounds and their manifest.
    pub(crate) sounds: Files,
}

impl Sources {
    /// Reads everything.
    ///
    /// # Errors
    /// When something is missing or is not what it should be.
    pub(crate) fn read(options: &Options) -> Result<Self, PackError> {
        let client = read_wasm(&options.client)?;
        let mut page = read_dir(&options.page, |kind| KINDS.contains(&kind))?;
        let engine = read_wasm(&options.engine)?;
        if let Some(import) = crate::bind::first_import(&options.engine, &engine)? {
            return Err(PackError::Imports { path: options.engine.clone(), import });
        }
        page.insert("engine.wasm".into(), slim(&options.engine, &engine)?);
        page.insert("inter.ttf".into(), read(&options.typeface)?);
        page.extend(icons::all());
        let index = page.get_mut("index.html").ok_or(PackError::NoPlace("text at all"))?;
        let text = String::from_utf8_lossy(index);
        if !text.contains(WORDMARK_PLACE) {
            return Err(PackError::NoPlace(WORDMARK_PLACE));
        }
        *index = text.replacen(WORDMARK_PLACE, &wordmark::svg(), 1).into_bytes();
        let sounds = read_dir(&options.sounds, |kind| kind == "ogg" || kind == "json")?;
        if !sounds.contains_key(MANIFEST) {
            return Err(PackError::NoSounds(options.sounds.clone()));
        }
        Ok(Self { client, page, sounds })
    }

    /// What is another one when anything of this is, or the packer itself, or how hard it tries.
    pub(crate) fn stamp(&self, brotli: u8) -> String {
        let packer = std::env::current_exe().and_then(fs::read).unwrap_or_default();
        let mut all = vec![hash(&packer), hash(&self.client), brotli.to_string()];
        for files in [&self.page, &self.sounds] {
            all.extend(files.iter().map(|(name, bytes)| format!("{name} {}", hash(bytes))));
        }
        hash(all.join("\n").as_bytes())
    }
}

/// The hash of a content as it stands in names.
pub(crate) fn hash(bytes: &[u8]) -> String {
    let digits: Vec<String> =
        Sha256::digest(bytes).iter().take(NAME_HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn read(path: &Path) -> Result<Vec<u8>, PackError> {
    fs::read(path).map_err(PackError::of_file(path))
}

fn read_wasm(path: &Path) -> Result<Vec<u8>, PackError> {
    let bytes = read(path)?;
    if bytes.starts_with(WASM_MAGIC) { Ok(bytes) } else { Err(PackError::NotWasm(path.into())) }
}

/// The files of a folder, without those of its folders, whose extension is wanted.
fn read_dir(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<Files, PackError> {
    let mut files = Files::new();
    for entry in fs::read_dir(dir).map_err(PackError::of_file(dir))? {
        let path: PathBuf = entry.map_err(PackError::of_file(dir))?.path();
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && wanted(kind)
            && path.is_file()
        {
            files.insert(name.into(), read(&path)?);
        }
    }
    Ok(files)
}
