//! What goes into a player and what comes out of it: how it joins, its picture, its wishes.

#[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
use crate::keep::Kept;
use crate::recording::RecordingView;
use keyboardia_audio::{Levels, Overview};
use keyboardia_session::{Beats, Cell, Command, Name, Profile, SceneId, SoundId, Table, TrackId, View};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, sync::Arc};

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
    /// Directory in which players' own sounds are kept from one session to the next; nowhere when `None`.
    pub samples: Option<PathBuf>,
    /// A saved session: it is what the new one begins with where there is no code, and its sounds are brought.
    #[cfg(any(feature = "takes", not(target_arch = "wasm32")))]
    pub kept: Option<Arc<Kept>>,
}

/// Where a player stands with the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// A sound that this player brings to the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bringing {
    /// Tells it from others.
    pub number: u32,
    /// What it is called.
    pub name: Name,
    /// Where its clip lies, or shall lie.
    pub cell: Cell,
    /// How far it is.
    pub stage: BringingStage,
}

/// How far a sound is on its way to the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BringingStage {
    /// It is read, cut and made as loud as the others.
    Making,
    /// So many of its bytes have gone out.
    Sending {
        /// Those that have.
        sent: u32,
        /// All of them.
        total: u32,
    },
    /// It is tried again in a moment; why it did not go, as a sentence.
    Waiting(String),
}

/// A recording that waits for its player to say what shall become of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakeView {
    /// The sound; it can be previewed, and nobody else has it.
    pub sound: SoundId,
    /// What it is called until it is given another name.
    pub name: Name,
    /// The slot that it was recorded for.
    pub cell: Cell,
    /// How long it is, seconds.
    pub seconds: f32,
    /// How long it is if it is a loop.
    pub looped: Option<Beats>,
    /// Its shape, see [`RecordingView::wave`].
    pub wave: Vec<u8>,
}

impl TakeView {
    /// A take that a window elsewhere has: only what a preview needs is known.
    pub fn elsewhere(sound: SoundId, looped: Option<Beats>) -> Self {
        let cell = Cell::new(TrackId(0), SceneId(0));
        Self { sound, name: Name::default(), cell, seconds: 0.0, looped, wave: Vec::new() }
    }
}

/// The part of the picture that tells of the player's own sounds. Where the window makes them itself, as in a browser, it
/// puts it there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StudioView {
    /// See [`PlayerView::bringing`].
    pub bringing: Vec<Bringing>,
    /// See [`PlayerView::recording`].
    pub recording: Option<(Option<Cell>, RecordingView)>,
    /// See [`PlayerView::take`].
    pub take: Option<TakeView>,
    /// See [`PlayerView::input_nudge_us`].
    pub input_nudge_us: Option<i32>,
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
    /// Session time at the player's ear less the player's clock, nanoseconds; `None` until it is known.
    pub ear_offset_ns: Option<i64>,
    /// How far the sound is behind (positive) or ahead of the session, microseconds.
    pub phase_error_us: i64,
    /// How loud it is, as meters show it: no peak is missed, and a level falls by 24 dB a second.
    pub levels: Levels,
    /// The sound that is previewed, from the wish on (it may have to be loaded first) until it ends.
    pub previewing: Option<SoundId>,
    /// Shapes of the sounds that are loaded: those of the grid, and what is previewed.
    pub overviews: Arc<Table<SoundId, Overview>>,
    /// Sounds of the grid that are still being loaded.
    pub loading: Vec<SoundId>,
    /// Sounds of the grid or of a preview that cannot be played, and why, as a sentence.
    pub damaged: Table<SoundId, String>,
    /// The memory that decoded sounds take, bytes.
    pub sound_bytes: u64,
    /// Sounds that this player brings just now, oldest first.
    pub bringing: Vec<Bringing>,
    /// What is being recorded, and for which slot; none for a calibration.
    pub recording: Option<(Option<Cell>, RecordingView)>,
    /// What was recorded and is not on the grid yet.
    pub take: Option<TakeView>,
    /// What the last calibration has found the microphone to be late by, microseconds, see
    /// [`TakeRequest::input_nudge_us`](crate::recording::TakeRequest::input_nudge_us).
    pub input_nudge_us: Option<i32>,
    /// What the player should be told word for word, oldest first, each with its number: from 1 on, one more each time. At
    /// most [`keyboardia_session::limits::NOTICES_MAX`].
    pub sentences: Vec<(u32, String)>,
}

impl PlayerView {
    /// Whether it shows what the window makes itself.
    pub fn shows(&self, studio: &StudioView) -> bool {
        let StudioView { bringing, recording, take, input_nudge_us } = studio;
        (&self.bringing, &self.recording, &self.take, &self.input_nudge_us)
            == (bringing, recording, take, input_nudge_us)
    }

    /// Shows what the window makes itself.
    pub fn take_over(&mut self, studio: StudioView) {
        let StudioView { bringing, recording, take, input_nudge_us } = studio;
        (self.bringing, self.recording, self.take, self.input_nudge_us) = (bringing, recording, take, input_nudge_us);
    }

    /// The picture of a player that has just set out for this host.
    pub fn new(host: String) -> Self {
        Self {
            connection: Connection::Joining,
            code: None,
            host,
            session: None,
            hearing: Hearing::Starting,
            ear_offset_ns: None,
            phase_error_us: 0,
            levels: Levels::default(),
            previewing: None,
            overviews: Arc::default(),
            loading: Vec::new(),
            damaged: Table::new(),
            sound_bytes: 0,
            bringing: Vec::new(),
            recording: None,
            take: None,
            input_nudge_us: None,
            sentences: Vec::new(),
        }
    }
}

/// A clip began to sound at this player's speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// A wish on its way to the seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// A pad is pressed.
    Press(TrackId, SceneId),
    /// Something is asked for.
    Command(Command),
}
