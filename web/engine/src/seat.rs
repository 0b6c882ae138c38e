//! The seat of a player in a browser: everything that `keyboardia-player` does on its threads, driven by a worker.
//!
//! JavaScript tells what has come ([`Came`]) and does what is asked ([`Ask`]): it owns the WebSocket, `fetch` and the
//! ports, and knows nothing of their meaning.

mod life;

use crate::{
    device::{Device, Reading},
    known,
    sound::ToSound,
};
use keyboardia_audio::{FromEngine, Nanos, Overview};
use keyboardia_player::{
    Hearing, TakeView,
    port::FromWindow,
    recording::RecordingView,
    shared::Shared,
    shelf::{LoadFault, Loaded, LoadedSound, Loader, own_sound_length},
};
use keyboardia_session::{Profile, SessionCode, SoundId};
use life::{Life, Stage};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

/// Messages that may wait for JavaScript, which takes them all each time.
const ASKS_MAX: usize = 4_096;
/// A decoded frame in memory: two floats.
const FRAME_BYTES: usize = 8;

/// Something that has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Came<'a> {
    /// Of the window: [`FromWindow`].
    Window(&'a [u8]),
    /// An answer to the request of this number: its HTTP status, 0 where nobody answers, and its body.
    Answer(u32, u16, &'a [u8]),
    /// The WebSocket of this number is open.
    Opened(u32),
    /// It brought a message.
    Message(u32, &'a [u8]),
    /// It is closed, with this code.
    Closed(u32, u16),
    /// The sound's report, [`FromEngine`], and when its last frame had been rendered, the worker's clock in microseconds.
    Report(&'a [u8], f64),
    /// A sound has been decoded: how many frames it has, and its shape. The frames stay with JavaScript until they are
    /// asked for.
    Decoded(&'a str, u32, &'a [u8]),
    /// A sound could not be; why it never can be, as a sentence, or nothing where nobody brought it.
    Undecoded(&'a str, Option<&'a str>),
    /// The page has read the speaker.
    Reading(Reading),
    /// The sound's device: its rate, Hz, and why it is not heard, if so, as a sentence; empty where it is.
    Device(f64, &'a str),
    /// The speaker may be another one from now on.
    Moved,
    /// Nothing; time passes.
    Nothing,
}

/// Something that JavaScript is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Send a picture to the window.
    Window(Vec<u8>),
    /// POST a body of JSON to a path of the host, and tell the answer.
    Post {
        /// Number of the request.
        id: u32,
        /// The path.
        path: String,
        /// The body.
        body: Vec<u8>,
    },
    /// Open a WebSocket to a path of the host; the one before is forgotten.
    Open {
        /// Number of the WebSocket.
        id: u32,
        /// The path.
        path: String,
    },
    /// Send a binary frame on it.
    Send(Vec<u8>),
    /// Send the text `ping` on it.
    Ping,
    /// Close it.
    Close,
    /// Tell the sound: [`ToSound`].
    Sound(Vec<u8>),
    /// Hand it the frames of a sound.
    Sample(SoundId),
    /// Fetch and decode a sound of the library.
    Load(SoundId),
    /// Fetch and decode a player's own sound.
    Fetch {
        /// The path; it ends with the sound's name, which is the hash of its file.
        path: String,
        /// The token of the seat that may have it, for the `Authorization` header.
        token: String,
    },
    /// Remember for this tab that the seat in this session has this token; an empty one: forget it.
    Remember {
        /// The session's five words.
        code: String,
        /// The token.
        token: String,
    },
    /// The host speaks another version than this page, as this sentence says: look for a newer page.
    Stale(String),
    /// The host is back after a while in which it could not be reached: it may have another page.
    Returned,
}

/// Sounds that JavaScript loads.
#[derive(Debug, Default)]
pub struct WebLoader {
    wanted: Vec<SoundId>,
    loaded: VecDeque<Loaded<()>>,
}

impl Loader for WebLoader {
    type Sample = ();

    fn ask(&mut self, id: &SoundId) -> bool {
        self.wanted.push(id.clone());
        true
    }

    fn next(&mut self) -> Option<Loaded<()>> {
        self.loaded.pop_front()
    }
}

/// See the module.
pub struct WebSeat {
    now: Arc<AtomicI64>,
    host: String,
    life: Option<Life>,
    asks: VecDeque<Ask>,
    device: Device,
    hearing: Hearing,
    latency_nudge_us: i32,
    /// The window would like a picture.
    wants_picture: bool,
    last_number: u32,
    random: u64,
}

impl WebSeat {
    /// A seat without a session. `host` is the page's origin, `seed` a random number.
    pub fn new(host: &str, seed: u64) -> Self {
        Self {
            now: Arc::default(),
            host: host.to_owned(),
            life: None,
            asks: VecDeque::new(),
            device: Device::new(48_000.0),
            hearing: Hearing::Starting,
            latency_nudge_us: 0,
            wants_picture: true,
            last_number: 0,
            random: seed | 1,
        }
    }

    /// Takes what came at `now`, the worker's clock in nanoseconds, and lets the player have a turn.
    pub fn take(&mut self, now: Nanos, came: &Came) {
        self.now.fetch_max(now.0, Relaxed);
        match *came {
            Came::Window(bytes) => {
                if let Some(said) = FromWindow::decode(bytes) {
                    self.window(said);
                }
            }
            Came::Reading(reading) => self.device.read(reading),
            Came::Device(rate, why) => self.device_changed(rate, why),
            Came::Moved => self.device.forget_speaker(),
            Came::Report(bytes, rendered_us) => {
                if let Ok(report) = postcard::from_bytes::<FromEngine>(bytes) {
                    self.device.rendered(report.frames, rendered_us);
                    self.with_life(|life, _| life.body.engine().heard(report));
                }
            }
            Came::Decoded(id, frames, overview) => self.decoded(id, frames, overview),
            Came::Undecoded(id, why) => {
                if let (Some(id), Some(life)) = (SoundId::parse(id), &mut self.life) {
                    let fault = why.map_or(LoadFault::Later, |why| LoadFault::Never(why.to_owned()));
                    life.body.loader().loaded.push_back((id, Err(fault)));
                }
            }
            Came::Answer(id, status, body) => self.with_life(|life, seat| life.answer(seat, id, status, body)),
            Came::Opened(line) => self.with_life(|life, seat| life.opened(seat, line)),
            Came::Message(line, bytes) => self.with_life(|life, _| life.message(line, bytes)),
            Came::Closed(line, code) => self.with_life(|life, seat| life.closed(seat, line, code)),
            Came::Nothing => {}
        }
        self.with_life(Life::turn);
        self.paint();
    }

    /// What JavaScript is to do next.
    pub fn next_ask(&mut self) -> Option<Ask> {
        self.asks.pop_front()
    }

    /// Lends the player out together with everything else.
    fn with_life(&mut self, f: impl FnOnce(&mut Life, &mut Self)) {
        if let Some(mut life) = self.life.take() {
            f(&mut life, self);
            self.life = Some(life);
        }
    }

    fn ask(&mut self, ask: Ask) {
        if self.asks.len() < ASKS_MAX {
            self.asks.push_back(ask);
        }
    }

    fn tell_sound(&mut self, message: &ToSound) {
        // Writing to a Vec cannot fail, and every type in it has a serialised form.
        let bytes = postcard::to_extend(message, Vec::new()).unwrap_or_default();
        self.ask(Ask::Sound(bytes));
    }

    fn number(&mut self) -> u32 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }

    /// A share of 0 … 1, by xorshift.
    fn share(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn window(&mut self, said: FromWindow) {
        if let FromWindow::LatencyNudge(nudge_us) = said {
            self.latency_nudge_us = nudge_us;
        }
        match said {
            FromWindow::Next => self.wants_picture = true,
            FromWindow::Join { code, profile, token } => self.join(code.as_deref(), profile, token),
            FromWindow::Leave => self.leave(),
            said => {
                let Some(life) = &self.life else { return };
                let shared = &life.shared;
                match said {
                    FromWindow::Wish(wish) => {
                        // Where there is no room, the window sees no answer.
                        shared.wish(wish);
                    }
                    FromWindow::Cursor(cell) => shared.set_cursor(cell),
                    FromWindow::Ears(ears) => shared.set_ears(ears),
                    FromWindow::Metronome(gain) => shared.set_metronome(gain),
                    FromWindow::Preview(preview) => shared.set_preview(preview),
                    FromWindow::LatencyNudge(nudge_us) => shared.set_latency_nudge(nudge_us),
                    FromWindow::Recording(recording) => shared.change_view(|view| {
                        view.recording = recording.map(|cell| (cell, RecordingView::default()));
                    }),
                    FromWindow::Take(take) => shared.change_view(|view| {
                        view.take = take.map(|(sound, looped)| TakeView::elsewhere(sound, looped));
                    }),
                    FromWindow::Tell(sentence) => shared.tell(sentence),
                    FromWindow::Next | FromWindow::Join { .. } | FromWindow::Leave => {}
                }
            }
        }
    }

    fn join(&mut self, code: Option<&str>, profile: Profile, token: Option<String>) {
        self.leave();
        let now = self.now.clone();
        let shared = Arc::new(Shared::new(self.host.clone(), Box::new(move || Nanos(now.load(Relaxed)))));
        shared.set_hearing(self.hearing.clone());
        shared.set_latency_nudge(self.latency_nudge_us);
        let mut life = Life::new(shared, profile, token);
        match code.map(|text| (text, SessionCode::parse(text))) {
            None => {
                let request = self.number();
                self.ask(Ask::Post { id: request, path: "/api/sessions".into(), body: Vec::new() });
                life.stage = Stage::Creating { request, since: life.shared.local() };
            }
            Some((_, Some(code))) => life.knows(self, code.to_string()),
            Some((text, None)) => {
                let text: String = text.chars().take(40).collect();
                life.shared.fail(format!("“{text}” is not a session's code: it has five words."));
            }
        }
        self.life = Some(life);
    }

    fn leave(&mut self) {
        if let Some(life) = self.life.take() {
            life.forget(self);
            self.ask(Ask::Close);
            self.tell_sound(&ToSound::Clock(None));
        }
    }

    fn device_changed(&mut self, rate: f64, why: &str) {
        if why.is_empty() {
            if !matches!(self.hearing, Hearing::Playing { .. }) {
                self.device = Device::new(rate);
            }
            self.hearing =
                Hearing::Playing { device: "this browser".into(), latency_us: self.device.latency_us() as u32 };
        } else {
            self.hearing = Hearing::Silent(why.to_owned());
        }
        if let Some(life) = &self.life {
            life.shared.set_hearing(self.hearing.clone());
        }
    }

    fn decoded(&mut self, id: &str, frames: u32, overview: &[u8]) {
        let (parsed, overview) = (SoundId::parse(id), Overview::try_from(overview.to_vec()));
        let (Some(parsed), Ok(overview), Some(life)) = (parsed, overview, &mut self.life) else { return };
        let (length, looped) = match known::sound(id) {
            Some(sound) => (sound.length, sound.looped),
            None => (own_sound_length(frames), false),
        };
        let bytes = frames as usize * FRAME_BYTES;
        life.body.loader().loaded.push_back((parsed, Ok(LoadedSound { sample: (), overview, bytes, length, looped })));
    }

    /// Sends a picture if the window would like one and there is a new one.
    fn paint(&mut self) {
        let Some(life) = self.life.as_mut().filter(|_| self.wants_picture) else { return };
        let view = life.shared.view();
        if life.pictured.as_ref().is_some_and(|pictured| Arc::ptr_eq(pictured, &view)) {
            return;
        }
        self.wants_picture = false;
        let picture = life.painter.paint(&view, life.shared.take_notices(), life.shared.take_heard());
        life.pictured = Some(view);
        self.ask(Ask::Window(picture));
    }
}
