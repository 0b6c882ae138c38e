//! `keyboardia-page`: packs the page that plays Keyboardia in a browser, and binds the Worker that runs it on Cloudflare.
//!
//! ```text
//! the client's wasm ─→ bind (wasm-bindgen) ─┐
//! the engine's wasm ─→ slim (no panics) ────┤
//! index.html, *.js, style.css, manifest ────┼─→ pack: names by content ─→ squeeze: .br, .gz ─→ a directory to serve
//! icons, wordmark (drawn here), typeface ───┤
//! assets/sounds ────────────────────────────┘
//! ```
//!
//! The same inputs give the same bytes. What is in `files/` is named by its content and may be kept for ever;
//! `index.html`, `sw.js`, `manifest.webmanifest` and `assets.json` keep their names and must be asked for anew.
//! `web/README.md` says what else the page promises.

mod bind;
mod cache;
mod error;
mod icons;
mod pack;
mod slim;
mod sources;
mod squeeze;
mod wordmark;

use crate::{cache::Cache, error::PackError, pack::Summary, sources::Sources, squeeze::Squeezer};
use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Packs the page that plays Keyboardia in a browser, and binds the Worker that runs it on Cloudflare.
#[derive(Debug, Parser)]
#[command(name = "keyboardia-page", version, about)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Packs the page.
    Pack(Options),
    /// Binds the Worker to JavaScript.
    Worker(WorkerOptions),
}

#[derive(Debug, Args)]
struct WorkerOptions {
    /// The bridge, as cargo built it for wasm32-unknown-unknown.
    #[arg(long, value_name = "FILE")]
    module: PathBuf,
    /// Where to put it.
    #[arg(long, value_name = "DIR", default_value = "web/bridge/build")]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct Options {
    /// The game, as cargo built it for wasm32-unknown-unknown.
    #[arg(long, value_name = "FILE")]
    client: PathBuf,
    /// The sound engine, as cargo built it for wasm32-unknown-unknown.
    #[arg(long, value_name = "FILE")]
    engine: PathBuf,
    /// The page's own files.
    #[arg(long, value_name = "DIR", default_value = "web/page")]
    page: PathBuf,
    /// The sounds and their manifest.
    #[arg(long, value_name = "DIR", default_value = "assets/sounds")]
    sounds: PathBuf,
    /// The typeface.
    #[arg(long, value_name = "FILE", default_value = "assets/fonts/Inter-subset.ttf")]
    typeface: PathBuf,
    /// Where to put the page.
    #[arg(long, value_name = "DIR", default_value = "web/dist")]
    out: PathBuf,
    /// Where to keep what took long, for the next time.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// How hard brotli tries; the page of a release takes 11, which is a minute.
    #[arg(long, value_name = "0-11", default_value_t = 11, value_parser = clap::value_parser!(u8).range(0..=11))]
    brotli: u8,
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Pack(options) => pack(&options).map(|summary| println!("{summary}")),
        Task::Worker(WorkerOptions { module, out }) => bind::bind_worker(&module, &out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keyboardia-page: {error}");
            ExitCode::FAILURE
        }
    }
}

fn pack(options: &Options) -> Result<Summary, PackError> {
    let cache = Cache::open(options.cache.clone())?;
    let sources = Sources::read(options)?;
    let stamp = sources.stamp(options.brotli);
    if let Some(summary) = pack::unchanged(&options.out, &stamp) {
        return Ok(summary);
    }
    let bound = bind::bind(&options.client, &sources.client, &cache)?;
    let page = pack::assemble(sources, bound)?;
    let summary = page.write(&options.out, &Squeezer { cache: &cache, brotli: options.brotli }, &stamp)?;
    cache.tidy();
    Ok(summary)
}
