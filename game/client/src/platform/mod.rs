//! What differs from platform to platform, and nothing else: the player's handle, hosting, where settings are kept, what
//! an invitation is, and how a failure is told. Both sides have the same items.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(not(target_arch = "wasm32"))]
mod store;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{
    Goodbye, HAS_DEVICES, HAS_FILES, HOSTS, Host, INVITE, NO_ADAPTER, QUITS, RESIZES, Store, adapt, calm, can_open,
    fail, home, hosted, inputs, invitation, log, outputs, part, plugin, samples, seed, share,
};
#[cfg(target_arch = "wasm32")]
pub(crate) use web::{
    Goodbye, HAS_DEVICES, HAS_FILES, HOSTS, Host, INVITE, NO_ADAPTER, QUITS, RESIZES, Store, adapt, calm, can_open,
    fail, home, hosted, inputs, invitation, log, outputs, part, plugin, samples, seed, share,
};

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use keyboardia_player::Player;
/// A file that is to become a sound: where it lies, or what is in it.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) type SoundFile = std::path::PathBuf;
#[cfg(target_arch = "wasm32")]
pub(crate) type SoundFile = web::PageFile;
#[cfg(target_arch = "wasm32")]
pub(crate) use web::{Player, cli, next_file, pick_file};

/// A session of a host in this window.
pub(crate) struct Hosted {
    /// Keeps the host there; `None` where it is elsewhere.
    pub(crate) host: Option<Host>,
    /// Where this window joins it.
    pub(crate) address: String,
    /// The session; `None`: one is created on joining.
    pub(crate) code: Option<keyboardia_session::SessionCode>,
    /// Where others on the network do, if they can.
    pub(crate) invited_at: Option<String>,
    /// Where browsers find its page, if it has one.
    pub(crate) page: Option<String>,
}
