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
//! | `loader` | reads and decodes sounds |
//!
//! Start reading at [`handle`], then `player`.

mod body;
mod device;
pub mod handle;
mod host;
mod player;
mod probe;
mod shared;
mod sounds;
mod web;

pub use handle::{
    Connection, Ear, Ears, Heard, Hearing, Levels, Output, Overview, Player, PlayerOptions, PlayerView, PreviewStart,
    Transport,
};
