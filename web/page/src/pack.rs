//! The page: who refers to whom, names by content, the list of assets, and the directory that a host serves.

use crate::{
    cache::write_whole,
    error::PackError,
    sources::{Files, Sources, hash},
    squeeze::{Job, Squeezer},
};
use keyboardia_session::page::{HEADERS, LASTING, LASTING_CACHE, PASSING_CACHE};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
};

/// Where everything lies that is named by its content.
const FILES: &str = "files/";
/// What keeps its name, because somebody asks for it by that.
const ROOT: [&str; 3] = ["index.html", "manifest.webmanifest", "sw.js"];
/// What refers to others.
const TEXTS: [&str; 4] = ["html", "js", "css", "webmanifest"];
/// Where the list of assets goes in `index.html`.
const ASSETS_PLACE: &str = "__ASSETS__";
/// The same list, for a page that wants to know whether it is old.
const ASSETS: &str = "assets.json";
/// What the directory was made from, and what came of it.
const STAMP: &str = ".packed.json";
/// What Cloudflare serves the files with, and which of them it does not: it compresses by itself.
const EDGE_HEADERS: &str = "_headers";
const EDGE_IGNORES: &str = ".assetsignore";
const IGNORED_AT_THE_EDGE: &str = "*.br\n*.gz\n.packed.json\n";
/// Bytes of a file that it serves.
pub(crate) const EDGE_FILE_BYTES_MAX: usize = 25 * 1024 * 1024;
/// What ends a reference that begins like this.
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// The list of assets, as the page reads it.
#[derive(Debug, Serialize, Deserialize)]
struct Assets {
    /// Another one for every other page.
    version: String,
    /// Where what is fetched while the bar fills lies, and how long it is.
    files: BTreeMap<String, Entry>,
    /// The folder of the sounds.
    sounds: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    url: String,
    bytes: usize,
}

/// A page that is ready to be written.
#[derive(Debug)]
pub(crate) struct Page {
    /// Paths and contents of what is named by its content.
    lasting: Files,
    /// The same of what is not, the index among it.
    passing: Files,
    version: String,
}

/// Puts the page together.
///
/// # Errors
/// When sources refer to what is not there, or in a circle.
pub(crate) fn assemble(sources: Sources, bound: Files) -> Result<Page, PackError> {
    let made: BTreeSet<String> = bound.keys().cloned().collect();
    let mut lasting = Files::new();
    let folder = {
        let all: Vec<String> = sources.sounds.iter().map(|(name, bytes)| format!("{name} {}", hash(bytes))).collect();
        format!("{FILES}sounds-{}/", hash(all.join("\n").as_bytes()))
    };
    lasting.extend(sources.sounds.into_iter().map(|(name, bytes)| (format!("{folder}{name}"), bytes)));

    let mut namer = Namer { sources: sources.page, made, urls: BTreeMap::new(), open: Vec::new(), lasting };
    namer.sources.extend(bound);
    let names: Vec<String> = namer.sources.keys().cloned().collect();
    for name in names.iter().filter(|name| !ROOT.contains(&name.as_str())) {
        namer.name(name)?;
    }
    let mut passing = Files::new();
    for name in ROOT {
        if namer.sources.contains_key(name) {
            passing.insert(name.into(), namer.refer(name)?);
        }
    }
    let entry = |url: &String| Entry { url: url.clone(), bytes: namer.lasting[url].len() };
    let files: BTreeMap<String, Entry> = namer.urls.iter().map(|(name, url)| (name.clone(), entry(url))).collect();
    let version = {
        let mut all: Vec<String> = namer.urls.values().cloned().chain([folder.clone()]).collect();
        all.extend(passing.iter().map(|(name, bytes)| format!("{name} {}", hash(bytes))));
        hash(all.join("\n").as_bytes())
    };
    let assets = Assets { version: version.clone(), files, sounds: folder };
    let list = serde_json::to_string(&assets).unwrap_or_default();
    let index = passing.get_mut("index.html").ok_or(PackError::NoPlace("text at all"))?;
    let text = String::from_utf8_lossy(index);
    if !text.contains(ASSETS_PLACE) {
        return Err(PackError::NoPlace(ASSETS_PLACE));
    }
    *index = text.replacen(ASSETS_PLACE, &list, 1).into_bytes();
    passing.insert(ASSETS.into(), list.into_bytes());
    passing.insert(EDGE_HEADERS.into(), edge_headers().into_bytes());
    passing.insert(EDGE_IGNORES.into(), IGNORED_AT_THE_EDGE.into());
    let page = Page { lasting: namer.lasting, passing, version };
    match page.lasting.iter().chain(&page.passing).find(|(_, bytes)| bytes.len() > EDGE_FILE_BYTES_MAX) {
        Some((file, bytes)) => Err(PackError::TooLarge { file: file.clone(), bytes: bytes.len() }),
        None => Ok(page),
    }
}

/// The rules of [`EDGE_HEADERS`]: a path, then what its files come with. A later rule adds to an earlier one, or takes back.
fn edge_headers() -> String {
    let all: Vec<String> = HEADERS.iter().map(|(name, value)| format!("  {name}: {value}\n")).collect();
    let all = all.concat();
    format!(
        "/*\n{all}  cache-control: {PASSING_CACHE}\n{LASTING}*\n  ! cache-control\n  cache-control: {LASTING_CACHE}\n"
    )
}

/// Gives names, to those first that others refer to.
struct Namer {
    sources: Files,
    /// What was made by programs: their text may look like a reference and be none.
    made: BTreeSet<String>,
    /// Names by content that have been given.
    urls: BTreeMap<String, String>,
    /// Whose names wait for those of others.
    open: Vec<String>,
    lasting: Files,
}

impl Namer {
    /// The path of a file, relative to the page.
    fn name(&mut self, name: &str) -> Result<String, PackError> {
        if ROOT.contains(&name) {
            return Ok(name.into());
        }
        if let Some(url) = self.urls.get(name) {
            return Ok(url.clone());
        }
        if self.open.iter().any(|open| open == name) {
            return Err(PackError::Circle(name.into()));
        }
        self.open.push(name.into());
        let bytes = self.refer(name)?;
        self.open.pop();
        let (stem, kind) = name.rsplit_once('.').unwrap_or((name, "bin"));
        let url = format!("{FILES}{}-{}.{kind}", stem.replace('/', "-"), hash(&bytes));
        self.lasting.insert(url.clone(), bytes);
        self.urls.insert(name.into(), url.clone());
        Ok(url)
    }

    /// A file's content, in which references are those of the finished page.
    fn refer(&mut self, name: &str) -> Result<Vec<u8>, PackError> {
        let bytes = self.sources.get(name).cloned().unwrap_or_default();
        if !name.rsplit_once('.').is_some_and(|(_, kind)| TEXTS.contains(&kind)) {
            return Ok(bytes);
        }
        let text = String::from_utf8(bytes).map_err(|_| PackError::NotText(name.into()))?;
        let mut done = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((start, end)) = reference(rest) {
            let target = &rest[start + "./".len()..end];
            done.push_str(&rest[..start]);
            if self.sources.contains_key(target) {
                done.push_str(&self.path(name, target)?);
            } else if self.made.contains(name) {
                done.push_str(&rest[start..end]);
            } else {
                return Err(PackError::Unknown { file: name.into(), name: rest[start..end].into() });
            }
            rest = &rest[end..];
        }
        done.push_str(rest);
        Ok(done.into_bytes())
    }

    /// The way from one file to another.
    fn path(&mut self, from: &str, to: &str) -> Result<String, PackError> {
        let url = self.name(to)?;
        let is_root = ROOT.contains(&from);
        Ok(match url.strip_prefix(FILES) {
            Some(beside) if !is_root => format!("./{beside}"),
            None if !is_root => format!("../{url}"),
            _ => format!("./{url}"),
        })
    }
}

/// Where the next reference begins and ends: `./` and a name, between two quotes of a kind.
fn reference(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text[from..].find("./") {
        let start = from + found;
        from = start + "./".len();
        let Some(quote) = text[..start].chars().next_back().filter(|quote| QUOTES.contains(quote)) else { continue };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        let end = text[from..].find(|c| !is_name(c)).map_or(text.len(), |end| from + end);
        if end > from && text[end..].starts_with(quote) {
            return Some((start, end));
        }
    }
    None
}

impl Page {
    /// Writes the page into a directory, the index last, and takes away what older pages have left there.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub(crate) fn write(self, out: &Path, squeezer: &Squeezer<'_>, stamp: &str) -> Result<Summary, PackError> {
        let all: Vec<(&String, &Vec<u8>)> = self.lasting.iter().chain(&self.passing).collect();
        let jobs: Vec<Job<'_>> = all.iter().flat_map(|(name, bytes)| squeezer.jobs(name, bytes)).collect();
        let squeezed = squeezer.run(&jobs);
        let mut written = Files::new();
        for (job, bytes) in jobs.iter().zip(squeezed) {
            if let Some(bytes) = bytes {
                written.insert(format!("{}.{}", job.name, job.method.extension()), bytes);
            }
        }
        let sizes = |name: &String, bytes: &Vec<u8>| Sizes {
            raw: bytes.len(),
            brotli: written.get(&format!("{name}.br")).map_or(bytes.len(), Vec::len),
            gzip: written.get(&format!("{name}.gz")).map_or(bytes.len(), Vec::len),
        };
        let sizes: BTreeMap<String, Sizes> =
            all.iter().map(|(name, bytes)| ((*name).clone(), sizes(name, bytes))).collect();
        written.extend(self.lasting);
        let Self { passing, version, .. } = self;

        // What the index names is there before it, whoever looks meanwhile.
        let (passing_written, lasting_written): (Files, Files) =
            written.into_iter().partition(|(name, _)| !name.starts_with(FILES));
        put(out, &lasting_written, true)?;
        put(out, &passing_written, false)?;
        put(out, &passing, false)?;
        let keep: BTreeSet<&String> =
            lasting_written.keys().chain(passing_written.keys()).chain(passing.keys()).collect();
        let files = keep.iter().map(|name| (*name).clone()).collect();
        if let Some(before) = read_stamp(out) {
            for name in before.files.iter().filter(|name| !keep.contains(name)) {
                // What is gone already need not be taken away.
                fs::remove_file(out.join(name)).ok();
            }
        }
        let summary = Summary { stamp: stamp.into(), version, sizes, files, is_new: true };
        let text = serde_json::to_vec_pretty(&summary).unwrap_or_default();
        let path = out.join(STAMP);
        write_whole(&path, &text).map_err(PackError::of_file(&path))?;
        Ok(summary)
    }
}

/// Writes files below a directory; what is named by its content is the same if it is as long.
fn put(out: &Path, files: &Files, is_lasting: bool) -> Result<(), PackError> {
    for (name, bytes) in files {
        let path = out.join(name);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(PackError::of_file(dir))?;
        }
        let is_there = fs::metadata(&path).is_ok_and(|data| data.len() == bytes.len() as u64);
        let is_same = is_there && (is_lasting && !is_squeezed(name) || fs::read(&path).is_ok_and(|old| old == *bytes));
        if !is_same {
            write_whole(&path, bytes).map_err(PackError::of_file(&path))?;
        }
    }
    Ok(())
}

/// How hard it was squeezed is not in its name.
fn is_squeezed(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, kind)| ["br", "gz"].contains(&kind))
}

/// What a directory was made from, and how much it holds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    stamp: String,
    version: String,
    /// Sizes in bytes by path.
    sizes: BTreeMap<String, Sizes>,
    /// Everything that was written.
    files: Vec<String>,
    #[serde(skip)]
    is_new: bool,
}

/// How long a file is, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Sizes {
    raw: usize,
    brotli: usize,
    gzip: usize,
}

/// What a directory holds, if it was made from the same and nothing has been lost since.
pub(crate) fn unchanged(out: &Path, stamp: &str) -> Option<Summary> {
    read_stamp(out)
        .filter(|summary| summary.stamp == stamp && summary.files.iter().all(|name| out.join(name).is_file()))
}

fn read_stamp(out: &Path) -> Option<Summary> {
    serde_json::from_slice(&fs::read(out.join(STAMP)).ok()?).ok()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sum = |wanted: &dyn Fn(&str) -> bool| {
            let chosen = self.sizes.iter().filter(|(name, _)| wanted(name)).map(|(_, sizes)| sizes);
            chosen.fold((0, 0), |(raw, brotli), sizes| (raw + sizes.raw, brotli + sizes.brotli))
        };
        let line = |what: &str, (raw, brotli): (usize, usize)| {
            format!("{what} {:.2} MB ({:.2} MB with brotli)", raw as f64 / 1e6, brotli as f64 / 1e6)
        };
        let is_wasm = |name: &str| name.rsplit_once('.').is_some_and(|(_, kind)| kind == "wasm");
        let game = sum(&|name| name.contains("/keyboardia-") && is_wasm(name));
        let engine = sum(&|name| name.contains("/engine-"));
        let sounds = sum(&|name| name.contains("/sounds-"));
        let state = if self.is_new { "packed" } else { "unchanged" };
        write!(
            f,
            "The page is {state}: {}, {}, {}.",
            line("game", game),
            line("engine", engine),
            line("sounds", sounds)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn sources(page: &[(&str, &str)]) -> Sources {
        let mut all = files(page);
        all.entry("index.html".into()).or_insert_with(|| b"__ASSETS__ <script src=\"./loader.js\">".to_vec());
        Sources { client: Vec::new(), page: all, sounds: files(&[("manifest.json", "{}"), ("kick.ogg", "OggS")]) }
    }

    fn bound() -> Files {
        files(&[
            ("keyboardia.js", "import { f } from './snippets/a-1/inline0.js'; x['./keyboardia_bg.js'] = f;"),
            ("keyboardia.wasm", "\0asm"),
            ("snippets/a-1/inline0.js", "export const f = 1;"),
        ])
    }

    fn text(files: &Files, start: &str) -> String {
        let mut found = files.iter().filter(|(name, _)| name.starts_with(start));
        String::from_utf8(found.next().unwrap().1.clone()).unwrap()
    }

    #[test]
    fn everything_is_named_by_its_content_and_found_by_those_who_refer_to_it() {
        let page = assemble(
            sources(&[("loader.js", "import './a.js'; register('./sw.js')"), ("a.js", "1"), ("sw.js", "2")]),
            bound(),
        );
        let page = page.unwrap();
        let a = format!("a-{}.js", hash(b"1"));
        assert_eq!(text(&page.lasting, "files/loader-"), format!("import './{a}'; register('../sw.js')"));
        assert!(page.lasting.contains_key(&format!("files/{a}")));
        let index = text(&page.passing, "index.html");
        let list: Assets = serde_json::from_str(index.split(" <script").next().unwrap()).unwrap();
        assert!(index.contains(&format!("src=\"./{}\"", list.files["loader.js"].url)), "{index}");
        assert_eq!(list.files["keyboardia.wasm"].bytes, 4);
        assert!(page.lasting.contains_key(&format!("{}kick.ogg", list.sounds)));
        assert_eq!(text(&page.passing, "assets.json"), serde_json::to_string(&list).unwrap());
        let game = text(&page.lasting, "files/keyboardia-");
        assert!(game.contains("'./snippets-a-1-inline0-") && game.contains("'./keyboardia_bg.js'"), "{game}");
    }

    #[test]
    fn another_byte_anywhere_is_another_version() {
        let version = |a: &str, worker: &str| {
            let page = sources(&[("loader.js", "import './a.js'"), ("a.js", a), ("sw.js", worker)]);
            assemble(page, bound()).unwrap().version
        };
        assert_eq!(version("1", "2"), version("1", "2"));
        assert_ne!(version("1", "2"), version("3", "2"));
        assert_ne!(version("1", "2"), version("1", "3"));
    }

    #[test]
    fn a_file_that_cloudflare_does_not_serve_is_refused_with_a_sentence() {
        let with = |bytes: usize| {
            let mut sources = sources(&[("loader.js", "1")]);
            sources.sounds.insert("long.ogg".into(), vec![0; bytes]);
            assemble(sources, bound()).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(with(EDGE_FILE_BYTES_MAX), Ok(()));
        let why = with(EDGE_FILE_BYTES_MAX + 1).unwrap_err();
        assert!(why.contains("long.ogg") && why.ends_with('.'), "{why}");
    }

    #[test]
    fn references_to_nothing_and_in_circles_are_refused_with_a_sentence() {
        let of = |page: &[(&str, &str)]| assemble(sources(page), bound()).unwrap_err().to_string();
        let nothing = of(&[("loader.js", "import './gone.js'")]);
        assert_eq!(nothing, "loader.js refers to ./gone.js, which is no part of the page.");
        let circle = of(&[("loader.js", "import './a.js'"), ("a.js", "import './loader.js'")]);
        assert!(circle.ends_with("what is named by its content cannot."), "{circle}");
        let nowhere = of(&[("index.html", "nothing"), ("loader.js", "")]);
        assert_eq!(nowhere, "index.html has no __ASSETS__, where something must be put.");
    }

    #[test]
    fn only_what_stands_in_quotes_is_a_reference() {
        for text in ["./a.js", "'./a b.js'", "'./a.js\"", "'../a.js'", "'./'", "'./a.js", "// ./x.y"] {
            assert_eq!(reference(text), None, "{text}");
        }
        assert_eq!(reference("url(\"./a.js\")"), Some((5, 11)));
    }

    #[test]
    fn a_directory_is_written_once_and_older_pages_leave_it() {
        let (dir, cache) = (tempfile::tempdir().unwrap(), Cache::open(None).unwrap());
        let squeezer = Squeezer { cache: &cache, brotli: 4 };
        let out = dir.path().join("dist");
        let long = "a".repeat(5_000);
        let pack = |a: &str, stamp: &str| {
            let page = assemble(sources(&[("loader.js", "import './a.js'"), ("a.js", a)]), bound()).unwrap();
            page.write(&out, &squeezer, stamp).unwrap()
        };
        let summary = pack(&long, "one");
        let file = out.join(format!("files/a-{}.js", hash(long.as_bytes())));
        let squeezed = file.with_extension("js.br");
        assert!(file.is_file() && squeezed.is_file() && file.with_extension("js.gz").is_file());
        assert!(summary.to_string().starts_with("The page is packed: game 0.00 MB"), "{summary}");
        assert!(unchanged(&out, "two").is_none());
        assert!(unchanged(&out, "one").unwrap().to_string().starts_with("The page is unchanged"));
        fs::write(out.join("mine.txt"), "not the page's").unwrap();
        pack("b", "two");
        assert!(!file.exists() && !squeezed.exists(), "nobody refers to it any more");
        assert!(out.join("mine.txt").exists());
        fs::remove_file(out.join("index.html")).unwrap();
        assert!(unchanged(&out, "two").is_none(), "something is lost");
    }
}
