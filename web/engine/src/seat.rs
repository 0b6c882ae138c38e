//! The seat of a player in a browser: everything that `keyboardia-player` does on its threads, driven by a worker.
//!
//! JavaScript tells what has come ([`Came`]) and does what is asked ([`Ask`]): it owns the WebSocket, `fetch` and the
//! ports, and knows nothing of their meaning.

use crate::{
    device::{Device, Reading, Way},
    sound::{SessionClock, ToSound},
};
use keyboardia_audio::{FromEngine, Nanos, Overview, RemoteEngine, ToEngine};
use keyboardia_player::{
    Connection, Hearing,
    body::Body,
    port::{FromWindow, Painter},
    shared::Shared,
    shelf::{Loaded, LoadedSound, Loader},
    view::PlayerView,
};
use keyboardia_session::{
    Farewell, Manifest, Micros, Profile, SeatToken, SessionCode, SoundId,
    api::{ApiError, ApiErrorKind, Created, JoinRequest, Joined},
    limits::{PING_INTERVAL_S, WEB_SILENCE_S},
    probing::Probing,
    wire::{self, Hello, Probe},
};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
};

/// Waits between attempts to reconnect, microseconds.
const BACKOFF_US: std::ops::RangeInclusive<u64> = 250_000..=8_000_000;
/// How long a host may take to answer a request, or to open a connection, microseconds.
const ANSWER_US: i64 = 8_000_000;
/// How often the seat tells the sound when frames leave the speaker, microseconds.
const WAY_US: i64 = 100_000;
/// Messages that may wait for JavaScript, which takes them all each time.
const ASKS_MAX: usize = 4_096;
/// Frames of an AudioWorklet's block.
const BLOCK_FRAMES: f64 = 128.0;

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
    /// The sound's report: [`FromEngine`].
    Report(&'a [u8]),
    /// A sound has been decoded: its shape. Its frames stay with JavaScript until they are asked for.
    Decoded(&'a str, &'a [u8]),
    /// A sound could not be; why, as a sentence.
    Undecoded(&'a str, &'a str),
    /// The page has read the speaker.
    Reading(Reading),
    /// The sound's device: its rate, Hz, and why it is not heard, if so, as a sentence; empty where it is.
    Device(f64, &'a str),
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
    /// Fetch and decode a sound.
    Load(SoundId),
    /// Remember for this tab that the seat in this session has this token; an empty one: forget it.
    Remember {
        /// The session's five words.
        code: String,
        /// The token.
        token: String,
    },
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

/// Where the player stands with the host.
#[derive(Debug, Clone, PartialEq)]
enum Stage {
    /// A session is asked for.
    Creating { request: u32, since: Micros },
    /// A seat is asked for.
    Joining { request: u32, since: Micros },
    /// The connection is being opened.
    Opening { since: Micros },
    /// On the line.
    Open { heard: Micros, pinged: Micros },
    /// The connection was lost; the next attempt is at this time.
    Waiting { until: Micros },
    /// It is over.
    Over,
}

/// A player in a session, or on the way to one.
struct Life {
    shared: Arc<Shared>,
    body: Body<RemoteEngine, WebLoader>,
    painter: Painter,
    stage: Stage,
    code: Option<String>,
    profile: Profile,
    token: Option<String>,
    /// Number of the WebSocket.
    line: u32,
    backoff_us: u64,
    probing: Probing,
    pictured: Option<Arc<PlayerView>>,
    told_clock: Option<SessionClock>,
    told_way: Option<Micros>,
}

/// See the module.
pub struct WebSeat {
    now: Arc<AtomicI64>,
    host: String,
    manifest: Manifest,
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
    ///
    /// # Errors
    /// When the built-in library cannot be read.
    pub fn new(host: &str, seed: u64) -> Result<Self, String> {
        Ok(Self {
            now: Arc::default(),
            host: host.to_owned(),
            manifest: Manifest::builtin().map_err(|error| error.to_string())?,
            life: None,
            asks: VecDeque::new(),
            device: Device::new(48_000.0),
            hearing: Hearing::Starting,
            latency_nudge_us: 0,
            wants_picture: true,
            last_number: 0,
            random: seed | 1,
        })
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
            Came::Report(bytes) => {
                if let Ok(report) = postcard::from_bytes::<FromEngine>(bytes) {
                    self.device.rendered(report.frames, Micros(u64::try_from(now.0 / 1_000).unwrap_or(0)));
                    self.with_life(|life, _| life.body.engine().heard(report));
                }
            }
            Came::Decoded(id, overview) => self.decoded(id, overview),
            Came::Undecoded(id, why) => {
                if let (Some(id), Some(life)) = (SoundId::parse(id), &mut self.life) {
                    life.body.loader().loaded.push_back((id, Err(why.to_owned())));
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
        let mut life = Life {
            body: Body::new(&shared, RemoteEngine::default(), WebLoader::default()),
            painter: Painter::default(),
            stage: Stage::Over,
            code: None,
            profile,
            token,
            line: 0,
            backoff_us: *BACKOFF_US.start(),
            probing: Probing::default(),
            pictured: None,
            told_clock: None,
            told_way: None,
            shared,
        };
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
            if let Some(code) = life.code {
                self.ask(Ask::Remember { code, token: String::new() });
            }
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

    fn decoded(&mut self, id: &str, overview: &[u8]) {
        let sound = SoundId::parse(id).and_then(|id| self.manifest.sound(&id));
        let overview = Overview::try_from(overview.to_vec());
        let (Some(sound), Ok(overview), Some(life)) = (sound, overview, &mut self.life) else { return };
        let loaded = LoadedSound { sample: (), overview, length: sound.length(), looped: sound.looped };
        life.body.loader().loaded.push_back((sound.id.clone(), Ok(loaded)));
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

impl Life {
    /// The session is known; asks for a seat.
    fn knows(&mut self, seat: &mut WebSeat, code: String) {
        self.shared.change_view(|view| view.code = Some(code.clone()));
        self.code = Some(code);
        self.ask_for_seat(seat);
    }

    fn ask_for_seat(&mut self, seat: &mut WebSeat) {
        let Some(code) = &self.code else { return };
        let profile = self.body.profile().unwrap_or_else(|| self.profile.clone());
        let body = serde_json::to_vec(&JoinRequest::new(&profile, self.token.as_deref())).unwrap_or_default();
        let request = seat.number();
        seat.ask(Ask::Post { id: request, path: format!("/api/sessions/{code}/join"), body });
        self.stage = Stage::Joining { request, since: self.shared.local() };
    }

    /// Comes back later if there is something to come back to; else it is over.
    fn lost(&mut self, seat: &mut WebSeat, why: &str) {
        seat.ask(Ask::Close);
        if !self.body.has_arrived() && self.token.is_none() {
            return self.over(why);
        }
        self.shared.change_view(|view| view.connection = Connection::Reconnecting(why.to_owned()));
        let wait_us = (self.backoff_us as f64 * (0.5 + seat.share() / 2.0)) as u64;
        self.backoff_us = (self.backoff_us * 2).min(*BACKOFF_US.end());
        self.stage = Stage::Waiting { until: Micros(self.shared.local().0 + wait_us) };
    }

    fn over(&mut self, why: &str) {
        self.shared.fail(why.to_owned());
        self.stage = Stage::Over;
    }

    fn answer(&mut self, seat: &mut WebSeat, id: u32, status: u16, body: &[u8]) {
        let is_expected =
            matches!(self.stage, Stage::Creating { request, .. } | Stage::Joining { request, .. } if request == id);
        if !is_expected {
            return;
        }
        let not_a_host = "What answers is not a Keyboardia host of this version.";
        if status == 0 {
            return self.lost(seat, "The host does not answer.");
        }
        if !(200..300).contains(&status) {
            return match serde_json::from_slice::<ApiError>(body) {
                Ok(error) if matches!(error.kind, ApiErrorKind::HostFull | ApiErrorKind::TooOften) => {
                    self.lost(seat, &error.message);
                }
                Ok(error) => self.refused(seat, &error),
                // A proxy between us and a host that is starting, perhaps.
                Err(_) if status >= 500 => self.lost(seat, "The host does not answer."),
                Err(_) => self.over(not_a_host),
            };
        }
        if matches!(self.stage, Stage::Creating { .. }) {
            match serde_json::from_slice::<Created>(body) {
                Ok(created) => self.knows(seat, created.code),
                Err(_) => self.over(not_a_host),
            }
            return;
        }
        let Ok(joined) = serde_json::from_slice::<Joined>(body) else { return self.over(not_a_host) };
        self.token = Some(joined.token);
        if let (Some(code), Some(token)) = (self.code.clone(), self.token.clone()) {
            seat.ask(Ask::Remember { code: code.clone(), token });
            self.line = seat.number();
            seat.ask(Ask::Open { id: self.line, path: format!("/api/sessions/{code}/ws") });
        }
        self.stage = Stage::Opening { since: self.shared.local() };
    }

    /// There is no way back, or the token is worth nothing any more and a new seat may be had.
    fn refused(&mut self, seat: &mut WebSeat, error: &ApiError) {
        if let Some(code) = self.code.clone() {
            seat.ask(Ask::Remember { code, token: String::new() });
        }
        self.over(&error.message);
    }

    fn opened(&mut self, seat: &mut WebSeat, line: u32) {
        let token = self.token.as_deref().and_then(SeatToken::from_hex);
        let (Stage::Opening { .. }, true, Some(token)) = (&self.stage, line == self.line, token) else { return };
        seat.ask(Ask::Send(wire::encode(&Hello { token })));
        self.body.reconnect();
        self.probing = Probing::default();
        let now = self.shared.local();
        self.stage = Stage::Open { heard: now, pinged: now };
    }

    fn message(&mut self, line: u32, bytes: &[u8]) {
        let now = self.shared.local();
        let Stage::Open { heard, .. } = &mut self.stage else { return };
        if line != self.line {
            return;
        }
        *heard = now;
        match Probe::decode(bytes) {
            Some(probe) => self.shared.probe_returned(probe, now),
            // The text that answers a ping comes as nothing.
            None if bytes.is_empty() => {}
            None => {
                self.body.seat().receive(now, bytes);
                self.backoff_us = *BACKOFF_US.start();
            }
        }
    }

    fn closed(&mut self, seat: &mut WebSeat, line: u32, code: u16) {
        if line != self.line || !matches!(self.stage, Stage::Opening { .. } | Stage::Open { .. }) {
            return;
        }
        match Farewell::of_code(code).or_else(|| self.body.seat().farewell()) {
            Some(farewell) if !farewell.may_return() => {
                if let Some(code) = self.code.clone() {
                    seat.ask(Ask::Remember { code, token: String::new() });
                }
                self.over(&farewell.to_string());
            }
            Some(farewell) => self.lost(seat, &farewell.to_string()),
            None => self.lost(seat, "The connection broke."),
        }
    }

    fn turn(&mut self, seat: &mut WebSeat) {
        let now = self.shared.local();
        match self.stage.clone() {
            Stage::Open { heard, pinged } => {
                for message in self.body.turn() {
                    seat.ask(Ask::Send(message));
                }
                let (playing, uncertain) = (self.shared.playing.load(Relaxed), self.shared.uncertain.load(Relaxed));
                if self.probing.is_due(now, playing, uncertain) {
                    let probe = Probe { sent: now, received: Micros(0), answered: Micros(0) };
                    seat.ask(Ask::Send(probe.encode().to_vec()));
                }
                if now.since(pinged) >= PING_INTERVAL_S as i64 * 1_000_000 {
                    seat.ask(Ask::Ping);
                    self.stage = Stage::Open { heard, pinged: now };
                }
                if now.since(heard) > WEB_SILENCE_S as i64 * 1_000_000 {
                    self.lost(seat, "The host has gone silent.");
                }
            }
            stage => {
                self.body.turn_alone();
                match stage {
                    Stage::Creating { since, .. } | Stage::Joining { since, .. } | Stage::Opening { since }
                        if now.since(since) > ANSWER_US =>
                    {
                        self.lost(seat, "The host does not answer.");
                    }
                    Stage::Waiting { until } if until <= now => self.ask_for_seat(seat),
                    _ => {}
                }
            }
        }
        self.supply_sound(seat, now);
    }

    /// Tells the sound what is new, and JavaScript which sounds are to be loaded.
    fn supply_sound(&mut self, seat: &mut WebSeat, now: Micros) {
        for id in std::mem::take(&mut self.body.loader().wanted) {
            seat.ask(Ask::Load(id));
        }
        let clock = self.body.seat().clock();
        let (jumps, nudge_us) = (clock.jumps(), self.shared.latency_nudge_us());
        let clock = clock.line().map(|line| SessionClock { line, jumps, nudge_us });
        if clock != self.told_clock {
            self.told_clock = clock;
            seat.tell_sound(&ToSound::Clock(clock));
        }
        if self.told_way.is_none_or(|told| now.since(told) >= WAY_US) {
            self.told_way = Some(now);
            let way: Option<Way> = seat.device.way();
            if let Some(way) = way {
                let block_us = BLOCK_FRAMES * way.frame_ns / 1e3;
                self.shared.set_latency(seat.device.latency_us() as u32, block_us as u32);
            }
            seat.tell_sound(&ToSound::Way(way));
            if let Hearing::Playing { latency_us, .. } = &mut seat.hearing {
                *latency_us = seat.device.latency_us() as u32;
                self.shared.set_hearing(seat.hearing.clone());
            }
        }
        while let Some(message) = self.body.engine().next_message() {
            match message {
                ToEngine::Sample(id) => seat.ask(Ask::Sample(id)),
                message => seat.tell_sound(&ToSound::Engine(message)),
            }
        }
    }
}
