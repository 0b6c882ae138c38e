//! One Keyboardia player without a window: connection, clock, sound device, sounds.
//!
//! A player lives on its own threads and is held by a small handle, [`Player`]: wishes go in, pictures come out. The
//! window may stall, hide or crawl; session and sound do not notice. Bots are players without a window.
//!
//! | thread | does |
//! |---|---|
//! | `player` | a windowless Bevy app around the [`keyboardia_session::Seat`]: renet, wishes, score, picture |
//! | `probe` | time probes, stamped where they arrive |
//! | `web` | instead of both: a WebSocket, where UDP does not come through |
//! | `sound` | holds the output device, or the silence, and picks the device up when it is back |
//! | `loader` | reads and decodes sounds of the library |
//! | `fetcher` | fetches and decodes players' own sounds |
//! | `workshop` | makes samples of files and recordings |
//! | `carrier` | brings them to the host |
//! | `studio` | drives the recorder while something is recorded |
//! | `microphone` | holds the input device while something is recorded |
//! | `saver`, `opener` | write a session to a file, and read one |
//! | `reopener` | brings the sounds of a session that was opened |
//! | `bounce`, `capture` | write what is played to files |
//!
//! Start reading at [`view`], then [`body`]. Both are portable, as is [`port`], by which a
//! window in a browser talks to a player in a worker. With the feature `takes`, windows in browsers can make sounds, too:
//! `keep` (sessions as files), `recorder`, `microphone` (which somebody else opens there), `recorded`, `calibration`, `making` and `delivery`. Everything about
//! threads, sockets, files and devices is native.

pub mod body;
pub mod port;
pub mod recording;
pub mod shared;
pub mod shelf;
pub mod view;

#[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
pub mod calibration;
#[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
pub mod delivery;
#[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
pub mod keep;
#[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
pub mod making;
#[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
pub mod microphone;
#[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
pub mod recorded;
#[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
pub mod recorder;

#[cfg(not(target_arch = "wasm32"))]
mod backoff;
#[cfg(not(target_arch = "wasm32"))]
mod device;
#[cfg(not(target_arch = "wasm32"))]
pub mod errand;
#[cfg(not(target_arch = "wasm32"))]
pub mod export;
#[cfg(not(target_arch = "wasm32"))]
mod files;
#[cfg(not(target_arch = "wasm32"))]
mod handle;
#[cfg(not(target_arch = "wasm32"))]
mod host;
#[cfg(not(target_arch = "wasm32"))]
mod player;
#[cfg(not(target_arch = "wasm32"))]
mod probe;
#[cfg(not(target_arch = "wasm32"))]
mod samples;
#[cfg(not(target_arch = "wasm32"))]
mod sounds;
#[cfg(not(target_arch = "wasm32"))]
mod stamps;
#[cfg(not(target_arch = "wasm32"))]
mod studio;
#[cfg(not(target_arch = "wasm32"))]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub use handle::Player;
pub use keyboardia_audio::{Ear, Ears, Levels, Nanos, Overview, PreviewStart};
pub use view::{
    Bringing, BringingStage, Connection, Heard, Hearing, Output, PlayerOptions, PlayerView, TakeView, Transport,
};
