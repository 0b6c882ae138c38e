//! A page that plays one steady tone, alone in its room: what is missing in the recording, it has not rendered in time. Its
//! window stalls, and before that something else keeps the machine as busy, for comparison.

use crate::{
    browser::Browser,
    clicks::{gaps, write_tone},
    measure::rms,
    process::{PATIENCE, wait_for},
    stage::{RATE, Room},
    undrawn::Undrawn,
};
use keyboardia_player::{port::FromWindow, view::Wish};
use keyboardia_server::{Host, HostConfig, PageDir};
use keyboardia_session::{SceneId, TrackId};
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

/// Height of the tone in its file.
const HEIGHT: f32 = 0.2;
/// Frames of a block of the AudioWorklet: what is late is silent for that long.
const BLOCK_FRAMES: usize = 128;
/// How long the window stalls each time, see [`Undrawn::stall`], and is free in between.
const STALL: Duration = Duration::from_millis(300);
const BETWEEN_STALLS: Duration = Duration::from_millis(10);

/// When the gaps begin in the sound of a page, seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gaps {
    /// While something else on the machine was busy.
    pub busy: Vec<f64>,
    /// While its window was.
    pub stalled: Vec<f64>,
}

impl Gaps {
    /// Whether a window that stalls takes more from the sound than anything else that is as busy.
    pub fn are_of_the_stalls(&self) -> bool {
        self.stalled.len() > self.busy.len()
    }
}

/// Lets a page play for twice so many seconds. First a thread of this process, then the page's window has something to do
/// for 300 ms again and again.
///
/// # Panics
/// When there is no page to play on, or nothing is heard.
pub fn gaps_under_stall(seconds: usize) -> Gaps {
    let page = PageDir::find(None).expect("a page, or none");
    assert!(page.is_some(), "there is no page: `./play web` builds it");
    let host = Host::start(HostConfig { page, ..HostConfig::loopback() }).expect("a host");
    let code = host.create_session().expect("a session").to_string();
    let (room, sounds) = (Room::open(), tempfile::tempdir().expect("a directory"));
    write_tone(sounds.path(), HEIGHT);
    let browser = Browser::start(&room, &["--autoplay-policy=no-user-gesture-required"]);
    let mut page = Undrawn::join(&browser, "page", &host.http_addr().to_string(), &code, Some(sounds.path()));
    wait_for("a page that is ready", || {
        let view = page.view()?;
        (view.loading.is_empty() && view.session.as_ref()?.now.is_some()).then_some(())
    });
    page.say(&FromWindow::Wish(Wish::Press(TrackId(0), SceneId(0))));
    let recording = room.record();
    let loud = |sound: &[f32]| rms(&sound[sound.len().saturating_sub(RATE as usize / 2)..]);
    wait_for("the tone", || (loud(&recording.so_far()) > f64::from(HEIGHT) / 10.0).then_some(()));
    let listen = || {
        let from = recording.frames();
        wait_for("all of it", || (recording.frames() > from + seconds * RATE as usize).then_some(()));
        let sound = recording.so_far();
        // As loud as it is in the room, which has a volume of its own.
        let height = loud(&sound) * std::f64::consts::SQRT_2;
        gaps(&sound[from..], height as f32, BLOCK_FRAMES)
    };
    let is_over = AtomicBool::new(false);
    let busy = std::thread::scope(|scope| {
        scope.spawn(|| {
            let until = Instant::now() + 2 * PATIENCE;
            while !is_over.load(Relaxed) && Instant::now() < until {
                let begin = Instant::now();
                while begin.elapsed() < STALL {
                    std::hint::spin_loop();
                }
                std::thread::sleep(BETWEEN_STALLS);
            }
        });
        let busy = listen();
        is_over.store(true, Relaxed);
        busy
    });
    page.stall();
    Gaps { busy, stalled: listen() }
}
