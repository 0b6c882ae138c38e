//! The sound of Keyboardia: what a score sounds like, frame by frame, and nothing about devices, files or networks.
//!
//! Two sides that never share a lock. The *control side* ([`Engine`]) is told the score and owns the sounds. The
//! *callback side* ([`Renderer`]) is asked for frames together with the session time at which they will leave the
//! speaker; it allocates, locks and logs nothing.
//!
//! ```text
//! Score ─→ Engine ─┬─ plans (bounded queues) ──→ Deck ×track ─→ Fader: volume, pan, meter ─┐
//! Ears ──→         ├─ gains (latest wins) ─────────────────────────↗                       ├─→ master: fader, limiter,
//! Metronome, ─→    ├─ own plans, own voices ───→ Metronome, Preview ───────────────────────┘   meter ─→ frames
//! Preview          └─ transport (latest wins) ─→ Pacer ─→ Controller ─→ speed of the one kira clock
//! ```
//!
//! Start reading at [`engine`], then [`controller`] (who owns time) and [`deck`] (who owns sound).
//!
//! With the feature `takes` come players' own sounds: `import` reads files, `tempo` guesses what loop they are, `take`
//! makes samples of recordings and files, `bounce` renders a score faster than it sounds, `capture` takes along what is played, `wav`
//! writes it down.

#[cfg(feature = "takes")]
pub mod bounce;
#[cfg(feature = "takes")]
pub mod capture;
pub mod control;
pub mod controller;
pub mod course;
pub mod deck;
pub mod declick;
pub mod decode;
pub mod ears;
pub mod engine;
mod fader;
#[cfg(feature = "takes")]
pub mod import;
pub mod ledger;
pub mod limiter;
pub mod limits;
pub mod meter;
pub mod metronome;
mod ogg;
pub mod overview;
pub mod pacer;
pub mod preview;
pub mod ramp;
pub mod renderer;
pub mod sample;
#[cfg(feature = "takes")]
pub mod take;
#[cfg(feature = "takes")]
pub mod tempo;
pub mod time_map;
mod voice;
#[cfg(feature = "takes")]
pub mod wav;

pub use control::{FromEngine, RemoteEngine, SoundControl, ToEngine};
pub use deck::Onset;
pub use decode::{DecodeError, decode_ogg, decode_sample};
pub use ears::{Ear, Ears};
pub use engine::{Engine, EngineError, EngineSettings, PreviewRequest, engine};
pub use meter::Levels;
pub use overview::Overview;
pub use pacer::ClockOffset;
pub use preview::PreviewStart;
pub use renderer::{Renderer, Status};
pub use sample::Sample;
pub use time_map::Nanos;
