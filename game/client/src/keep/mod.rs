//! What is made is kept: sessions as files that can be opened again, and what is played as sound files.
//!
//! ```text
//! menus, scripts, files that fall on the window ──→ Keep ──→ dialog: where? ──→ Keep ──→ errands ──→ toasts, the next jam
//! ```
//!
//! [`dialog`] looks for places on this machine's disk, [`errands`] lets the player do it and says what came of it, [`card`]
//! shows what is exported, [`question`] asks before a session is left for another.

#[cfg(not(target_arch = "wasm32"))]
mod card;
#[cfg(not(target_arch = "wasm32"))]
mod dialog;
#[cfg(not(target_arch = "wasm32"))]
mod errands;
#[cfg(not(target_arch = "wasm32"))]
mod question;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use errands::is_session;

use bevy::prelude::*;
use std::path::PathBuf;

/// Bars that are bounced unless others are chosen.
const BARS_USUAL: u32 = 8;

/// The card of what is exported: whether it is open, and how many bars are chosen.
#[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "browsers do not export sound"))]
#[derive(Resource, Debug)]
pub(crate) struct Card {
    is_open: bool,
    bars: u32,
}

impl Default for Card {
    fn default() -> Self {
        Self { is_open: false, bars: BARS_USUAL }
    }
}

impl Card {
    /// Closes it; returns whether it was open.
    pub(crate) fn close(&mut self) -> bool {
        std::mem::take(&mut self.is_open)
    }
}

/// Who can join a session that is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody else.
    Alone,
    /// Everybody on the network.
    Network,
}

/// A saved session that is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Its file; whichever the player picks where it is open.
    pub(crate) path: Option<PathBuf>,
    /// Who can join it; whoever can join the present one where it is open.
    pub(crate) reach: Option<Reach>,
    /// Whether the present session may be left without a question.
    pub(crate) is_sure: bool,
}

/// What is to be bounced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bouncing {
    /// How many bars.
    pub(crate) bars: u32,
    /// Whether each track gets a file of its own.
    pub(crate) stems: bool,
}

/// Something that is to be kept, or opened again; where, if that is said already.
#[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "browsers do not export sound"))]
#[derive(Message, Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Save the session to a file.
    Save(Option<PathBuf>),
    /// Open a saved one.
    Open(Opening),
    /// Bounce what plays: to a file, or stems to a directory.
    Bounce(Bouncing, Option<PathBuf>),
    /// Take along what is heard, to a file.
    Capture(Option<PathBuf>),
    /// Give the bounce up.
    EndBounce,
    /// End the capture.
    EndCapture,
    /// Open or close the card of what is exported.
    ToggleExport,
}

pub(super) fn plugin(app: &mut App) {
    app.add_message::<Keep>().init_resource::<Card>();
    #[cfg(not(target_arch = "wasm32"))]
    app.add_plugins((dialog::plugin, errands::plugin, card::plugin, question::plugin));
}
