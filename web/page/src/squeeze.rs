//! Compression, once and for all, so that a host only hands out files: brotli and gzip beside everything that shrinks.

use crate::{cache::Cache, sources::hash};
use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};
use std::{
    io::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// Extensions of what shrinks; sounds and pictures are compressed by themselves.
const KINDS: [&str; 9] = ["html", "js", "css", "json", "wasm", "svg", "webmanifest", "ttf", "txt"];
/// Brotli looks back 16 MiB: the most that every browser understands.
const BROTLI_WINDOW_BITS: i32 = 24;
/// The longest file that brotli is told the length of.
const SIZE_HINT_MAX: usize = 1 << 30;
/// How many files are compressed at once.
const THREADS: usize = 2;

/// How something is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Brotli, this hard.
    Brotli(u8),
    /// Gzip, as hard as it goes.
    Gzip,
}

impl Method {
    /// What is added to a file's name.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Brotli(_) => "br",
            Self::Gzip => "gz",
        }
    }

    fn compress(self, bytes: &[u8]) -> Vec<u8> {
        // Memory does not refuse what is written to it.
        match self {
            Self::Brotli(quality) => {
                let params = BrotliEncoderParams {
                    quality: i32::from(quality),
                    lgwin: BROTLI_WINDOW_BITS,
                    large_window: false,
                    size_hint: bytes.len().min(SIZE_HINT_MAX),
                    ..BrotliEncoderParams::default()
                };
                let mut squeezed = Vec::new();
                brotli::BrotliCompress(&mut &bytes[..], &mut squeezed, &params).map(drop).unwrap_or_default();
                squeezed
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap_or_default();
                encoder.finish().unwrap_or_default()
            }
        }
    }
}

/// Something to compress.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// The file's name.
    pub(crate) name: &'a str,
    /// What is in it.
    pub(crate) bytes: &'a [u8],
    /// How.
    pub(crate) method: Method,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Squeezer<'a> {
    /// What has been compressed before.
    pub(crate) cache: &'a Cache,
    /// How hard brotli tries, 0 to 11.
    pub(crate) brotli: u8,
}

impl Squeezer<'_> {
    /// What there is to do for a file.
    pub(crate) fn jobs<'a>(&self, name: &'a str, bytes: &'a [u8]) -> impl Iterator<Item = Job<'a>> + use<'a> {
        let shrinks = name.rsplit_once('.').is_some_and(|(_, kind)| KINDS.contains(&kind));
        let methods = [Method::Brotli(self.brotli), Method::Gzip];
        methods.into_iter().filter(move |_| shrinks).map(move |method| Job { name, bytes, method })
    }

    /// Does it all, the longest first; each result stands where its job did. Nothing is returned where nothing is won.
    pub(crate) fn run(&self, jobs: &[Job<'_>]) -> Vec<Option<Vec<u8>>> {
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse((jobs[*index].bytes.len(), jobs[*index].method == Method::Gzip)));
        let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![None; jobs.len()]));
        let work = || {
            while let Some(index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let squeezed = self.squeeze(&jobs[*index]);
                // A poisoned lock guards plain data that is whole at every moment.
                results.lock().unwrap_or_else(PoisonError::into_inner)[*index] = squeezed;
            }
        };
        thread::scope(|scope| {
            for _ in 1..THREADS {
                scope.spawn(work);
            }
            work();
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn squeeze(&self, job: &Job<'_>) -> Option<Vec<u8>> {
        let effort = if let Method::Brotli(quality) = job.method { quality } else { 0 };
        let entry = format!("{}.{effort}.{}", hash(job.bytes), job.method.extension());
        let squeezed = self.cache.get(&entry).unwrap_or_else(|| {
            let squeezed = job.method.compress(job.bytes);
            self.cache.put(&entry, &squeezed);
            squeezed
        });
        Some(squeezed).filter(|squeezed| !squeezed.is_empty() && squeezed.len() < job.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_is_compressed_comes_out_again() {
        let text = "Keyboardia ".repeat(1_000);
        let cache = Cache::open(None).unwrap();
        let squeezer = Squeezer { cache: &cache, brotli: 11 };
        let jobs: Vec<Job<'_>> = squeezer.jobs("page.html", text.as_bytes()).collect();
        let results: Vec<Vec<u8>> = squeezer.run(&jobs).into_iter().flatten().collect();
        assert_eq!(jobs.iter().map(|job| job.method.extension()).collect::<Vec<_>>(), ["br", "gz"]);
        let (mut brotli, mut gzip) = (String::new(), String::new());
        brotli::Decompressor::new(&results[0][..], 4_096).read_to_string(&mut brotli).unwrap();
        flate2::read::GzDecoder::new(&results[1][..]).read_to_string(&mut gzip).unwrap();
        assert!(brotli == text && gzip == text);
        assert_eq!(squeezer.run(&jobs).into_iter().flatten().collect::<Vec<_>>(), results, "the same again");
    }

    #[test]
    fn what_does_not_shrink_is_left_alone() {
        let cache = Cache::open(None).unwrap();
        let squeezer = Squeezer { cache: &cache, brotli: 5 };
        assert_eq!(squeezer.jobs("hit-kick.ogg", b"OggS").count(), 0);
        let jobs: Vec<Job<'_>> = squeezer.jobs("a.js", b"1").collect();
        assert_eq!(squeezer.run(&jobs), [None, None]);
    }
}
