//! The game's bindings to JavaScript, made by wasm-bindgen.

use crate::{
    cache::{Cache, write_whole},
    error::PackError,
    sources::{Files, hash},
};
use std::{
    fs,
    path::{Path, PathBuf},
};
use wasm_bindgen_cli_support::Bindgen;

/// What the game is called in the page: `keyboardia.js` and `keyboardia.wasm`.
const STEM: &str = "keyboardia";
/// What the Worker is called: `bridge.js` and `bridge.wasm`.
const WORKER_STEM: &str = "bridge";
/// How wasm-bindgen calls the module.
const MODULE: &str = "keyboardia_bg.wasm";
/// Changes when the bindings of the same module do.
const VERSION: &str = "1";
/// Ends a name in the cache's entries.
const SEPARATOR: u8 = b'\n';

/// The game as browsers run it: `keyboardia.js`, `keyboardia.wasm`, and pieces of JavaScript that the first refers to.
///
/// # Errors
/// When wasm-bindgen does not take the module, for instance because it was made with another version.
pub(crate) fn bind(path: &Path, module: &[u8], cache: &Cache) -> Result<Files, PackError> {
    let entry = format!("bound-{VERSION}-{}", hash(module));
    if let Some(files) = cache.get(&entry).and_then(|bytes| unfold(&bytes)) {
        return Ok(files);
    }
    let complain = |why: &dyn std::fmt::Display| PackError::Bind { path: path.into(), why: sentence(why) };
    let out = tempfile::tempdir().map_err(|error| complain(&error))?;
    Bindgen::new()
        .input_bytes(STEM, module.to_vec())
        .web(true)
        .and_then(|bindgen| plainly(bindgen).generate(out.path()))
        // All of its reasons, the outermost first.
        .map_err(|error| complain(&format!("{error:#}")))?;
    let mut files = Files::new();
    gather(out.path(), out.path(), &mut files)?;
    let module = files.remove(MODULE).ok_or_else(|| complain(&"wasm-bindgen made no module"))?;
    files.insert(format!("{STEM}.wasm"), module);
    cache.put(&entry, &fold(&files));
    Ok(files)
}

/// The Worker as Cloudflare runs it: `bridge.js` and `bridge.wasm` in a directory. It can be started anew where it has
/// failed.
///
/// # Errors
/// As [`bind`], and when it cannot be written.
pub(crate) fn bind_worker(path: &Path, out: &Path) -> Result<(), PackError> {
    let module = fs::read(path).map_err(PackError::of_file(path))?;
    let complain = |why: &dyn std::fmt::Display| PackError::Bind { path: path.into(), why: sentence(why) };
    let dir = tempfile::tempdir().map_err(|error| complain(&error))?;
    Bindgen::new()
        .input_bytes(WORKER_STEM, module)
        .web(true)
        .and_then(|bindgen| plainly(bindgen).reset_state_function(true).generate(dir.path()))
        .map_err(|error| complain(&format!("{error:#}")))?;
    let mut files = Files::new();
    gather(dir.path(), dir.path(), &mut files)?;
    for (name, bytes) in files {
        let to = out.join(name.replace("_bg.wasm", ".wasm"));
        fs::create_dir_all(to.parent().unwrap_or(out)).map_err(PackError::of_file(&to))?;
        write_whole(&to, &bytes).map_err(PackError::of_file(&to))?;
    }
    Ok(())
}

/// What both have in common.
fn plainly(bindgen: &mut Bindgen) -> &mut Bindgen {
    bindgen
        .typescript(false)
        .demangle(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .omit_default_module_path(true)
}

/// The first thing that a module asks its surroundings for.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn first_import(path: &Path, module: &[u8]) -> Result<Option<String>, PackError> {
    let mut bytes = module.get(8..).ok_or_else(|| PackError::NotWasm(path.into()))?;
    let damaged = || PackError::NotWasm(path.into());
    // Sections: a kind, a length, that many bytes (WebAssembly core specification, 5.5.2).
    while let Some((kind, rest)) = bytes.split_first() {
        let (length, rest) = number(rest).ok_or_else(damaged)?;
        let (section, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
        if *kind == 2 {
            let (count, section) = number(section).ok_or_else(damaged)?;
            if count == 0 {
                return Ok(None);
            }
            let (module, section) = name(section).ok_or_else(damaged)?;
            let (field, _) = name(section).ok_or_else(damaged)?;
            return Ok(Some(format!("{module}.{field}")));
        }
        bytes = rest;
    }
    Ok(None)
}

/// An unsigned LEB128 number of 32 bits.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value as usize, &bytes[index + 1..]));
        }
    }
    None
}

fn name(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, bytes) = number(bytes)?;
    let (name, rest) = bytes.split_at_checked(length)?;
    Some((String::from_utf8_lossy(name).into_owned(), rest))
}

/// The files of a folder and its folders, named by their paths in it.
fn gather(root: &Path, dir: &Path, files: &mut Files) -> Result<(), PackError> {
    for entry in fs::read_dir(dir).map_err(PackError::of_file(dir))? {
        let path: PathBuf = entry.map_err(PackError::of_file(dir))?.path();
        if path.is_dir() {
            gather(root, &path, files)?;
            continue;
        }
        let inside = path.strip_prefix(root).unwrap_or(&path);
        let name = inside.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        files.insert(name, fs::read(&path).map_err(PackError::of_file(&path))?);
    }
    Ok(())
}

/// Files as one entry of the cache: name, length, bytes, again and again.
fn fold(files: &Files) -> Vec<u8> {
    let mut folded = Vec::new();
    for (name, bytes) in files {
        folded.extend(format!("{name}\n{}\n", bytes.len()).bytes());
        folded.extend(bytes);
    }
    folded
}

/// Reads what [`fold`] wrote; `None` if it is something else.
fn unfold(mut folded: &[u8]) -> Option<Files> {
    let mut files = Files::new();
    while !folded.is_empty() {
        let mut lines = folded.splitn(3, |byte| *byte == SEPARATOR);
        let name = String::from_utf8(lines.next()?.to_vec()).ok()?;
        let length = std::str::from_utf8(lines.next()?).ok()?.parse().ok()?;
        let (bytes, rest) = lines.next()?.split_at_checked(length)?;
        files.insert(name, bytes.to_vec());
        folded = rest;
    }
    Some(files)
}

/// Somebody else's words on one line, without a full stop.
fn sentence(why: &dyn std::fmt::Display) -> String {
    let words: Vec<String> = why.to_string().split_whitespace().map(str::to_owned).collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module of one memory, exported as `memory`.
    const PLAIN: &[u8] = b"\0asm\x01\0\0\0\x05\x03\x01\x00\x01\x07\x0a\x01\x06memory\x02\x00";
    /// A module that imports the function `env.f`.
    const ASKING: &[u8] = b"\0asm\x01\0\0\0\x01\x04\x01\x60\x00\x00\x02\x09\x01\x03env\x01f\x00\x00";

    #[test]
    fn a_module_gets_its_bindings_and_the_same_ones_again() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(dir.path().into())).unwrap();
        let files = bind(Path::new("game.wasm"), PLAIN, &cache).unwrap();
        assert!(files["keyboardia.wasm"].starts_with(b"\0asm"));
        let script = String::from_utf8(files["keyboardia.js"].clone()).unwrap();
        assert!(script.contains("export") && script.contains("module_or_path"), "{script}");
        assert!(!script.contains("import.meta.url"), "the loader says where the module is");
        assert_eq!(bind(Path::new("game.wasm"), PLAIN, &Cache::open(None).unwrap()).unwrap(), files);
        assert_eq!(bind(Path::new("game.wasm"), PLAIN, &cache).unwrap(), files, "from the cache");
    }

    #[test]
    fn a_module_that_is_none_is_refused_with_a_sentence() {
        let damaged = [PLAIN, b"\x01\xff"].concat();
        let error = bind(Path::new("game.wasm"), &damaged, &Cache::open(None).unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("game.wasm cannot be bound to JavaScript: ") && error.ends_with('.'), "{error}");
    }

    #[test]
    fn what_a_module_asks_for_is_found() {
        let path = Path::new("engine.wasm");
        assert_eq!(first_import(path, PLAIN).unwrap(), None);
        assert_eq!(first_import(path, ASKING).unwrap().as_deref(), Some("env.f"));
        for end in 9..ASKING.len() {
            // Whatever is missing: an answer, never a panic.
            first_import(path, &ASKING[..end]).unwrap_or_default();
        }
        assert!(first_import(path, b"\0asm").is_err());
    }

    #[test]
    fn files_survive_the_cache() {
        let files: Files = [("a/b.js".into(), b"one\ntwo\n".to_vec()), ("c".into(), Vec::new())].into();
        assert_eq!(unfold(&fold(&files)).unwrap(), files);
        assert_eq!(unfold(b"a\n5\nbc"), None);
    }
}
