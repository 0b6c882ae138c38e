//! The handle: what a window (or a bot) holds of a player that lives on its own thread.
//!
//! Two directions, no shared locks worth the name: [`Player::press`] and [`Player::command`] put wishes into a bounded
//! queue; [`Player::view`] reads the latest picture, which the player's thread replaces every few milliseconds.

use crate::{player::run, shared::Shared, sounds::SoundDir};
pub use keyboardia_audio::{Ear, Ears, Levels, Overview, PreviewStart};
use keyboardia_session::{Cell, Command, Gain, Profile, SceneId, SoundId, TrackId, View, seat::Notice};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
};

/// Where the sound goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Output {
    /// The system's default device; silence while there is none.
    #[default]
    Default,
    /// The device of this name; silence while there is none.
    Device(String),
    /// Nowhere: the engine runs by the clock and is not heard. For bots and machines without sound.
    Silent,
}

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transport {
    /// UDP, which is quickest; a WebSocket where UDP does not come through.
    #[default]
    Auto,
    /// UDP and nothing else.
    Udp,
    /// A WebSocket and nothing else.
    WebSocket,
}

/// How a player joins.
#[derive(Debug, Clone, Default)]
pub struct PlayerOptions {
    /// Address of the host: `host`, `host:port` or `http://host:port`.
    pub host: String,
    /// The five words; `None` creates a session and joins it.
    pub code: Option<String>,
    /// What the others shall see of the player; what is left open is chosen for them.
    pub profile: Profile,
    /// How messages travel.
    pub transport: Transport,
    /// Where the sound goes.
    pub output: Output,
    /// Directory of the sound library; found by itself when `None`.
    pub sounds: Option<PathBuf>,
}

/// Where a player stands with the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// On the way: asking for a seat, connecting, or waiting for the first snapshot.
    Joining,
    /// In the session.
    Connected,
    /// The connection was lost and is being made anew; why, as a sentence.
    Reconnecting(String),
    /// It will not get better by waiting; why, as a sentence.
    Failed(String),
    /// Left.
    Left,
}

/// What becomes of the sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    /// Not opened yet.
    Starting,
    /// A device plays.
    Playing {
        /// Name of the device.
        device: String,
        /// Time from rendering to the speaker, microseconds.
        latency_us: u32,
    },
    /// Nothing is heard; why, as a sentence. It is picked up when a device is there.
    Silent(String),
}

/// The player's latest picture, replaced every few milliseconds.
#[derive(Debug, Clone)]
pub struct PlayerView {
    /// Where the player stands with the host.
    pub connection: Connection,
    /// The five words of the session, once known.
    pub code: Option<String>,
    /// Address of the host, as others can use it with `--join`.
    pub host: String,
    /// The session; `None` before the first snapshot.
    pub session: Option<View>,
    /// What becomes of the sound.
    pub hearing: Hearing,
    /// How far the sound is behind (positive) or ahead of the session, microseconds.
    pub phase_error_us: i64,
    /// How loud it is, as meters show it: no peak is missed, and a level falls by 24 dB a second.
    pub levels: Levels,
    /// The sound that is previewed, from the wish on (it may have to be loaded first) until it ends.
    pub previewing: Option<SoundId>,
    /// Shapes of the sounds that are loaded: those of the grid, and what is previewed.
    pub overviews: Arc<BTreeMap<SoundId, Overview>>,
    /// Sounds of the grid that are still being loaded.
    pub loading: Vec<SoundId>,
    /// Sounds of the grid or of a preview that cannot be played, and why, as a sentence.
    pub damaged: BTreeMap<SoundId, String>,
}

/// A clip began to sound at this player's speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The column.
    pub track: TrackId,
    /// The beat at which the clip starts by the score.
    pub start: keyboardia_session::Beats,
    /// The beat of its first audible frame; later than `start` when it began in mid-clip.
    pub beat: keyboardia_session::Beats,
    /// When that frame leaves the speaker, session time in nanoseconds.
    pub at: keyboardia_audio::Nanos,
}

/// A wish on its way to the player's thread.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Press(TrackId, SceneId),
    Command(Command),
}

/// One player on its own thread. Dropping the handle leaves the session.
pub struct Player {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Player {
    /// Starts a player; returns at once. Progress and failure show in [`Player::view`].
    pub fn join(options: PlayerOptions) -> Self {
        let shared = Arc::new(Shared::new(options.host.clone()));
        let thread = {
            let shared = shared.clone();
            std::thread::Builder::new().name("player".into()).spawn(move || run(options, &shared))
        };
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                shared.fail(format!("This machine cannot start another thread: {error}."));
                None
            }
        };
        Self { shared, thread }
    }

    /// The latest picture.
    pub fn view(&self) -> Arc<PlayerView> {
        self.shared.view()
    }

    /// Presses a pad: launches, cancels or stops, see [`keyboardia_session::Seat::press`]. Returns whether the wish was
    /// taken; the queue is bounded.
    pub fn press(&self, track: TrackId, scene: SceneId) -> bool {
        self.shared.wish(Wish::Press(track, scene))
    }

    /// Asks for something. Returns whether the wish was taken; the queue is bounded.
    pub fn command(&self, command: Command) -> bool {
        self.shared.wish(Wish::Command(command))
    }

    /// The player's pointer or finger is on this slot, or on none; the others see it there.
    pub fn set_cursor(&self, cell: Option<Cell>) {
        self.shared.set_cursor(cell);
    }

    /// Lets this player alone hear the session differently.
    pub fn set_ears(&self, ears: Ears) {
        self.shared.set_ears(ears);
    }

    /// Lets this player alone hear the counts of the bar, this loud; `None` for silence.
    pub fn set_metronome(&self, gain: Option<Gain>) {
        self.shared.set_metronome(gain);
    }

    /// Lets this player alone hear a sound of the library, instead of the one that is previewed: a loop until it is
    /// stopped, at most 8 bars; any other once. It is loaded first if it must be.
    pub fn preview(&self, sound: SoundId, start: PreviewStart) {
        self.shared.set_preview(Some((sound, start)));
    }

    /// Ends the preview.
    pub fn stop_preview(&self) {
        self.shared.set_preview(None);
    }

    /// Lets the sound go to another device, or nowhere. It goes on there in phase.
    pub fn set_output(&self, output: Output) {
        self.shared.set_output(output);
    }

    /// Corrects what the device says of its latency: positive where sound is later than it claims, microseconds within
    /// ±250 000.
    pub fn set_latency_nudge(&self, nudge_us: i32) {
        self.shared.set_latency_nudge(nudge_us);
    }

    /// Names of the output devices of this machine, the default one first.
    pub fn outputs() -> Vec<String> {
        crate::device::names()
    }

    /// What the player should be told, oldest first; each once.
    pub fn take_notices(&self) -> Vec<Notice> {
        self.shared.take_notices()
    }

    /// The clips that began to sound since the last call.
    pub fn take_heard(&self) -> Vec<Heard> {
        self.shared.take_heard()
    }

    /// Where the sound library was found, if anywhere.
    pub fn sound_dir(options: &PlayerOptions) -> Option<PathBuf> {
        SoundDir::find(options.sounds.as_deref()).map(|dir| dir.path().to_owned())
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.shared.leave.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // The thread looks at the flag every few milliseconds; a panic in it has been reported there.
            let _ = thread.join();
        }
    }
}
