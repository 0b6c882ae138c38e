//! Opening the window, and saying in one sentence why it cannot be opened.
//!
//! Neither winit nor wgpu can be asked beforehand whether they will find a display and a graphics adapter: they panic
//! while the app starts, some of them on other threads. Until the first frames have been drawn, a panic therefore ends
//! the program with a sentence; after that, panics are what they always are.

use crate::platform;
use bevy::prelude::*;
use std::{
    panic::PanicHookInfo,
    sync::atomic::{AtomicBool, Ordering},
};

/// Frames after which the window is known to work; the renderer is one frame behind.
const FRAMES: u32 = 3;
pub(crate) const NO_DISPLAY: &str = "No display was found: start it in a desktop session, or run the host without a window: cargo run \
                          --release -p keyboardia-server";

static OPENED: AtomicBool = AtomicBool::new(false);

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Last, |mut frames: Local<u32>| {
        *frames = frames.saturating_add(1);
        if *frames == FRAMES {
            OPENED.store(true, Ordering::Relaxed);
        }
    });
}

/// Turns a panic before the first frames into a sentence and exit code 1.
pub(crate) fn explain_failure() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if OPENED.load(Ordering::Relaxed) {
            usual(info);
        } else {
            platform::fail(&sentence(&message(info)));
        }
    }));
}

fn message(info: &PanicHookInfo) -> String {
    info.payload_as_str().unwrap_or("it failed without saying why").to_owned()
}

/// What a failure of the start means to a player.
fn sentence(message: &str) -> String {
    if message.contains("event loop") {
        return NO_DISPLAY.into();
    }
    if message.contains("GPU") || message.contains("wgpu surface") || message.contains("adapter") {
        return platform::NO_ADAPTER.into();
    }
    let first = message.lines().next().unwrap_or_default();
    format!("The window could not be opened: {first}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_start_become_sentences() {
        assert_eq!(sentence("Failed to build event loop: Os(OsError { line: 81 })"), NO_DISPLAY);
        assert_eq!(
            sentence("Unable to find a GPU! Make sure you have installed required drivers!"),
            platform::NO_ADAPTER
        );
        assert_eq!(sentence("something\nmore"), "The window could not be opened: something");
    }
}
