//! Keyboardia in a browser, beside the page: one wasm module that imports nothing, instantiated where it is needed.
//!
//! ```text
//! page (window) ←── pictures ── seat (a worker) ── commands ─→ host, by WebSocket
//!               ─── wishes ──→   │   ↑
//!                  score, clock  ↓   │ levels, onsets, frames
//!                               sound (the AudioWorklet) ←── frames of sounds ── decoder (a worker)
//! ```
//!
//! | instance | module | what JavaScript does for it |
//! |---|---|---|
//! | seat | [`seat`] | carries messages: WebSocket, fetch, ports; calls it when something comes, and every few milliseconds |
//! | sound | [`sound`] | calls it for each block of 128 frames |
//! | decoder | [`decoder`] | fetches files |
//!
//! The page only draws and presses: it may stall, hide or crawl, and neither the session nor the sound notices.
//! JavaScript moves bytes by the functions of [`abi`] and decides nothing.

pub mod abi;
pub mod decoder;
pub mod device;
pub mod json;
pub mod known;
pub mod seat;
pub mod sound;
