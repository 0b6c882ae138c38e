//! The sound of Keyboardia: what a score sounds like, frame by frame, and nothing about devices, files or networks.
//!
//! Two sides that never share a lock. The *control side* ([`Engine`]) is told the score and owns the sounds. The
//! *callback side* ([`Renderer`]) is asked for frames together with the session time at which they will leave the
//! speaker; it allocates, locks and logs nothing.
//!
//! ```text
//! Score ─→ Engine ─┬─ plans (bounded queues) ─→ Deck ×track ─→ kira track: volume, pan ─→ master: limiter ─→ frames
//!                  └─ transport (latest wins) ─→ Controller ─→ speed of the one kira clock ─┘
//! ```
//!
//! Start reading at [`engine`], then [`controller`] (who owns time) and [`deck`] (who owns sound).

pub mod controller;
pub mod deck;
pub mod declick;
pub mod decode;
pub mod engine;
pub mod ledger;
pub mod limiter;
pub mod limits;
pub mod renderer;
pub mod sample;
pub mod time_map;

pub use deck::Onset;
pub use decode::{DecodeError, decode_ogg};
pub use engine::{Engine, EngineError, EngineSettings, engine};
pub use renderer::{Renderer, Status};
pub use sample::Sample;
pub use time_map::Nanos;
