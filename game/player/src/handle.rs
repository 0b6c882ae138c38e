//! The handle: what a window (or a bot) holds of a player that lives on its own thread.
//!
//! Two directions, no shared locks worth the name: [`Player::press`] and [`Player::command`] put wishes into a bounded
//! queue; [`Player::view`] reads the latest picture, which the player's thread replaces every few milliseconds.

use crate::{
    errand::Errand,
    export::{self, BounceRequest, Captures},
    keep,
    player::run,
    recording::{TakeRequest, TakeShape},
    samples::{Exchange, Fate, Job, Source, Workshop},
    shared::Shared,
    sounds::SoundDir,
    studio::{self, Order, Place, Studio},
    view::{Heard, Output, PlayerOptions, PlayerView, Wish},
};
use keyboardia_audio::{Ears, Nanos, PreviewStart};
use keyboardia_session::{Cell, Command, Gain, Name, SceneId, SoundId, TrackId, seat::Notice};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::Instant,
};

/// Said when there is no thread for something.
const NO_THREAD: &str = "This machine cannot start another thread.";

/// One player on its own thread. Dropping the handle leaves the session.
pub struct Player {
    shared: Arc<Shared>,
    workshop: Option<Arc<Workshop>>,
    studio: Option<Studio>,
    brought: AtomicU32,
    exchange: Arc<Exchange>,
    captures: Arc<Captures>,
    sounds: Option<PathBuf>,
    thread: Option<JoinHandle<()>>,
}

impl Player {
    /// Starts a player; returns at once. Progress and failure show in [`Player::view`].
    pub fn join(options: PlayerOptions) -> Self {
        let started = Instant::now();
        let clock = move || Nanos(i64::try_from(started.elapsed().as_nanos()).unwrap_or(i64::MAX));
        let shared = Arc::new(Shared::new(options.host.clone(), Box::new(clock)));
        let exchange = Arc::new(Exchange::new(shared.clone(), options.samples.clone()));
        let workshop = Workshop::start(exchange.clone());
        let no_thread = |error: &std::io::Error| tracing::error!(target: "player", "no thread: {error}");
        let workshop = workshop.inspect_err(no_thread).ok().map(Arc::new);
        let studio =
            workshop.clone().and_then(|workshop| Studio::start(shared.clone(), workshop).inspect_err(no_thread).ok());
        let (captures, sounds) = (Arc::new(Captures::default()), options.sounds.clone());
        let thread = {
            let (shared, exchange, captures) = (shared.clone(), exchange.clone(), captures.clone());
            let run = move || run(options, &shared, &exchange, &captures);
            std::thread::Builder::new().name("player".into()).spawn(run)
        };
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                shared.fail(format!("This machine cannot start another thread: {error}."));
                None
            }
        };
        Self { shared, workshop, studio, brought: AtomicU32::new(0), exchange, captures, sounds, thread }
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

    /// Makes a sound of the session of a file: its clip lies in this slot as soon as it is known what it is, and is heard
    /// by everybody as it arrives. `replace`: what lies there already may go. What goes wrong is told, see
    /// [`PlayerView::sentences`].
    pub fn bring_file(&self, path: PathBuf, cell: Cell, replace: bool) {
        let number = self.brought.fetch_add(1, Ordering::Relaxed);
        match &self.workshop {
            Some(workshop) => {
                let source = Source::File(path);
                workshop.take_on(Job { number, source, cell, replace, fate: Fate::Goes });
            }
            None => self.shared.tell(NO_THREAD.into()),
        }
    }

    /// Begins to record a sound for this slot; what was being recorded is dropped. How it goes on shows in
    /// [`PlayerView::recording`]; what becomes of it is told and shown as of a file, see [`Player::bring_file`]. A loop is
    /// launched as soon as it lies there. `waits`: it lies nowhere until the player has said so, see [`PlayerView::take`].
    pub fn record(&self, request: TakeRequest, cell: Cell, replace: bool, name: Name, waits: bool) {
        let number = self.brought.fetch_add(1, Ordering::Relaxed);
        match &self.studio {
            Some(studio) => {
                let place = Some(Place { number, cell, replace, name, waits });
                studio.wish(studio::Wish::Start(Order { request, place }));
            }
            None => self.shared.tell(NO_THREAD.into()),
        }
    }

    /// Puts the take that waits onto the grid, under this name. A loop is launched there.
    pub fn keep_take(&self, name: Name) {
        self.workshop.iter().for_each(|workshop| workshop.keep(name.clone()));
    }

    /// Throws away the take that waits.
    pub fn drop_take(&self) {
        self.workshop.iter().for_each(|workshop| workshop.drop_take());
    }

    /// Finds out how late a microphone is, by the metronome, which is all that this player hears meanwhile. The music must
    /// play. What is found shows in [`PlayerView::input_nudge_us`]; why it cannot be found is told.
    pub fn calibrate(&self, device: Option<String>) {
        match &self.studio {
            Some(studio) => {
                let request = TakeRequest { shape: TakeShape::Loopback, device, input_nudge_us: 0 };
                self.shared.change_view(|view| view.input_nudge_us = None);
                studio.wish(studio::Wish::Start(Order { request, place: None }));
            }
            None => self.shared.tell(NO_THREAD.into()),
        }
    }

    /// Ends a one-shot or a free loop; drops what is of a fixed length, or has not begun.
    pub fn stop_recording(&self) {
        self.studio.iter().for_each(|studio| studio.wish(studio::Wish::Stop));
    }

    /// Drops what is being recorded.
    pub fn cancel_recording(&self) {
        self.studio.iter().for_each(|studio| studio.wish(studio::Wish::Cancel));
    }

    /// Saves the session as it is now to a file, which has the ending of [`keep`] then.
    pub fn save(&self, path: PathBuf) -> Errand<String> {
        keep::save::save(self.exchange.clone(), &self.view(), path)
    }

    /// Bounces what plays, from the next bar line on.
    pub fn bounce(&self, request: BounceRequest) -> Errand<String> {
        let studio = export::Studio { exchange: self.exchange.clone(), sounds: self.sounds.clone() };
        export::bounce(studio, &self.view(), request)
    }

    /// Takes along what this player hears, into a WAV file, until the errand is ended.
    pub fn capture(&self, path: PathBuf) -> Errand<String> {
        export::capture(self.captures.clone(), path)
    }

    /// Names of the microphones of this machine, the default one first.
    pub fn inputs() -> Vec<String> {
        crate::microphone::inputs()
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
