//! What is played, as WAV files: bounced faster than it sounds, or taken along live.
//!
//! Both run as [errands](crate::errand::Errand) and end with a sentence that says what was written. A file of a bounce is
//! whole or not there; one of a capture is as long as it became.

mod bounce;
mod capture;

pub(crate) use bounce::{Studio, bounce};
pub(crate) use capture::{Captures, capture};

use std::path::PathBuf;

pub use keyboardia_audio::limits::CAPTURE_MINUTES_MAX;

/// Bars that a bounce can have, and fewer if they would last more than an hour.
pub const BOUNCE_BARS_MAX: u32 = 256;
/// Frames a second of what is bounced, Hz.
const SAMPLE_RATE_HZ: u32 = 48_000;
/// Ending of what is written.
const ENDING: &str = "wav";

/// What is bounced, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BounceRequest {
    /// How many bars, 1 … [`BOUNCE_BARS_MAX`].
    pub bars: u32,
    /// What of it.
    pub what: Bounced,
}

/// What of the grid is bounced, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bounced {
    /// All that is heard, to this file.
    Master(PathBuf),
    /// Each track that is heard, to a file of its own in this directory.
    Stems(PathBuf),
}
