//! Why the page cannot be packed: each one sentence for people.

use crate::pack::EDGE_FILE_BYTES_MAX;
use std::{
    io,
    path::{Path, PathBuf},
};
use thiserror::Error;

/// See the module.
#[derive(Debug, Error)]
pub(crate) enum PackError {
    /// A file cannot be read or written.
    #[error("{} cannot be used: {source}.", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file that should be a wasm module is none.
    #[error("{} is not a WebAssembly module; build it for wasm32-unknown-unknown.", .0.display())]
    NotWasm(PathBuf),
    /// The engine wants something of its surroundings.
    #[error("{} asks its surroundings for {import}; the sound engine must do without.", .path.display())]
    Imports {
        /// Which file.
        path: PathBuf,
        /// The first thing that it asks for.
        import: String,
    },
    /// wasm-bindgen does not take the game.
    #[error("{} cannot be bound to JavaScript: {why}.", .path.display())]
    Bind {
        /// Which file.
        path: PathBuf,
        /// What wasm-bindgen said.
        why: String,
    },
    /// A source refers to something that is not there.
    #[error("{file} refers to {name}, which is no part of the page.")]
    Unknown {
        /// The source.
        file: String,
        /// What it refers to.
        name: String,
    },
    /// Sources refer to each other in a circle, so none can be named by its content.
    #[error("{0} refers to itself by way of others; what is named by its content cannot.")]
    Circle(String),
    /// A source is not text.
    #[error("{0} is not UTF-8.")]
    NotText(String),
    /// The page lacks a place for something.
    #[error("index.html has no {0}, where something must be put.")]
    NoPlace(&'static str),
    /// A file is larger than Cloudflare serves.
    #[error("{file} has {bytes} bytes; Cloudflare serves none of more than {EDGE_FILE_BYTES_MAX}.")]
    TooLarge {
        /// The file.
        file: String,
        /// Its bytes.
        bytes: usize,
    },
    /// There are no sounds.
    #[error("{} has no manifest.json; it should be the folder of the sounds.", .0.display())]
    NoSounds(PathBuf),
}

impl PackError {
    /// What it means that the operating system refused a file.
    pub(crate) fn of_file(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::File { path: path.into(), source }
    }
}
