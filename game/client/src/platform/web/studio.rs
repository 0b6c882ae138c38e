//! The player's own sounds, made in the window: the page holds the microphone and picks files, which become sounds here and
//! are brought to the host by the page.
//!
//! ```text
//! page's microphone ─→ recorder ─→ take ─┬─→ the grid, by way of the seat ─→ everybody
//! page's files ─────────────────→ sound ─┤
//!                                        └─→ page ─→ PUT, again and again until the host has it
//! ```
//!
//! The seat learns that something is recorded, and which take can be previewed; the rest is seen here alone.

use js_sys::{Float32Array, Uint8Array};
use keyboardia_player::{
    Bringing, BringingStage, Nanos, PlayerView, TakeView,
    delivery::{WAITS, refusal},
    making,
    microphone::{Microphone, Opening, Pen},
    port::FromWindow,
    recorded::MadeTake,
    recorder::{InSession, Outcome, Recorder},
    recording::{RecordingStage, RecordingView, TakeRequest, TakeShape},
    view::{StudioView, Wish},
};
use keyboardia_session::{Cell, Command, Edit, Name, SampleHash, SoundId};
use wasm_bindgen::prelude::*;

/// Sounds that are brought at once.
const BRINGING_MAX: usize = 8;
/// Blocks of the microphone between two turns of the recorder: less than what may wait for it.
const BLOCKS_PER_TURN: usize = 32;
/// How long the clip of a sound that was refused may take to come to the grid, nanoseconds.
const CLIP_WAIT_NS: i64 = 2_000_000_000;
/// Said when more is brought at once than there is room for.
const TOO_MANY: &str = "Too many sounds are on their way already: wait until one of them is here.";
/// Said when nobody answers.
const NO_ANSWER: &str = "The host cannot be reached just now.";
/// Said when there is no session.
const NO_SESSION: &str = "The session is not there.";

#[wasm_bindgen]
extern "C" {
    /// The seat's clock, milliseconds.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn now() -> f64;
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneOpen)]
    fn microphone_open();
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneClose)]
    fn microphone_close();
    /// Why it does not open, as a sentence; nothing as long as it may.
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneFault)]
    fn microphone_fault() -> String;
    /// Its channels once it is open; 0 until then.
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneChannels)]
    fn microphone_channels() -> u32;
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneRate)]
    fn microphone_rate() -> f64;
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneIsGone)]
    fn microphone_is_gone() -> bool;
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneGaps)]
    fn microphone_gaps() -> u32;
    /// The next block: interleaved samples.
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneBlock)]
    fn microphone_block() -> Option<Float32Array>;
    /// When it was captured, the seat's clock in milliseconds.
    #[wasm_bindgen(js_namespace = keyboardia, js_name = microphoneAt)]
    fn microphone_at() -> f64;
    /// Lets this browser have a sound before the host has it.
    #[wasm_bindgen(js_namespace = keyboardia, js_name = keepSample)]
    fn keep_sample(hash: &str, wav: &[u8]);
    /// Begins to send a sound to a session.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn bring(code: &str, hash: &str, wav: &[u8]);
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn sent(hash: &str) -> f64;
    /// The HTTP status, 0 where nobody answers; negative until then.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn answered(hash: &str) -> i32;
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn answer(hash: &str) -> String;
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn pick();
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn file() -> Option<Uint8Array>;
    #[wasm_bindgen(js_namespace = keyboardia, js_name = fileName)]
    fn file_name() -> String;
    #[wasm_bindgen(js_namespace = keyboardia, js_name = fileFell)]
    fn file_fell() -> bool;
    #[wasm_bindgen(js_namespace = keyboardia, js_name = fileIsLarge)]
    fn file_is_large() -> bool;
}

/// A file that the player has given the page.
pub(crate) struct PageFile {
    /// What it is called.
    pub(crate) name: String,
    /// What is in it, or why it cannot be read, as a sentence.
    pub(crate) bytes: Result<Vec<u8>, String>,
    /// It fell on the page; else it was picked.
    pub(crate) fell: bool,
}

/// Lets the player pick a file.
pub(crate) fn pick_file() {
    pick();
}

/// The next file that the player has given.
pub(crate) fn next_file() -> Option<PageFile> {
    let bytes = file()?.to_vec();
    let bytes = if file_is_large() { Err(making::too_large()) } else { Ok(bytes) };
    Some(PageFile { name: file_name(), bytes, fell: file_fell() })
}

/// The player's clock: the seat's.
fn clock() -> Nanos {
    Nanos((now() * 1e6) as i64)
}

/// Where a sound shall lie.
struct Place {
    cell: Cell,
    /// Whether what lies there already may go.
    replace: bool,
    name: Name,
    /// Whether it waits until the player has heard it.
    waits: bool,
    /// Whether it is launched there, if it is a loop.
    goes_on: bool,
}

/// A sound on its way to the host.
struct Parcel {
    number: u32,
    name: Name,
    cell: Cell,
    hash: SampleHash,
    wav: Vec<u8>,
    way: Way,
    attempts: usize,
}

enum Way {
    /// It is tried at this moment, again perhaps; why it did not go, if so.
    Waits(Nanos, Option<String>),
    Goes,
    /// The host never takes it: its clip goes again, if it comes to the grid until then.
    Refused(Nanos),
}

/// The page's microphone while it is held.
struct Held {
    opening: Opening,
    pen: Option<Pen>,
    gaps: u32,
}

/// See the module.
#[derive(Default)]
pub(super) struct Studio {
    recorder: Recorder,
    held: Option<Held>,
    /// Where what is recorded shall lie; a calibration lies nowhere.
    place: Option<Place>,
    tray: Option<(Place, MadeTake, TakeView)>,
    parcels: Vec<Parcel>,
    input_nudge_us: Option<i32>,
    shown: StudioView,
    last_number: u32,
    said: Vec<FromWindow>,
}

impl Studio {
    /// Begins to record for a slot.
    pub(super) fn record(&mut self, request: TakeRequest, cell: Cell, replace: bool, name: Name, waits: bool) {
        self.begin(request, Some(Place { cell, replace, name, waits, goes_on: true }));
    }

    /// Finds out how late the microphone is.
    pub(super) fn calibrate(&mut self) {
        self.input_nudge_us = None;
        self.begin(TakeRequest { shape: TakeShape::Loopback, device: None, input_nudge_us: 0 }, None);
    }

    fn begin(&mut self, request: TakeRequest, place: Option<Place>) {
        self.drop_take();
        microphone_open();
        let (opening, microphone) = Microphone::begin(clock());
        self.recorder.start(request, microphone);
        (self.held, self.place) = (Some(Held { opening, pen: None, gaps: 0 }), place);
    }

    /// The player has pressed again, or let go.
    pub(super) fn stop(&mut self) {
        self.recorder.stop(clock());
    }

    /// Drops what is being recorded.
    pub(super) fn cancel(&mut self) {
        self.recorder.cancel();
    }

    /// Puts what is on the tray onto the grid, under this name.
    pub(super) fn keep(&mut self, name: Name, view: &PlayerView) {
        if let Some((place, made, _)) = self.tray.take() {
            self.put(Place { name, ..place }, made, view);
        }
    }

    /// Throws away what is on the tray.
    pub(super) fn drop_take(&mut self) {
        self.tray = None;
    }

    /// Makes a sound of a file, for a slot.
    pub(super) fn bring_file(&mut self, file: PageFile, cell: Cell, replace: bool, view: &PlayerView) {
        let stem = file.name.rsplit_once('.').map_or(file.name.as_str(), |(stem, _)| stem);
        let place = Place { cell, replace, name: Name::sanitised(stem), waits: false, goes_on: false };
        match file.bytes.and_then(making::from_file) {
            Ok(made) => self.put(place, made, view),
            Err(why) => self.tell(why),
        }
    }

    /// One turn. Returns what the seat is to be told.
    pub(super) fn turn(&mut self, view: &PlayerView) -> Vec<FromWindow> {
        while self.listen() {
            self.recorder_turn(view);
        }
        self.recorder_turn(view);
        self.take_outcome(view);
        self.carry(view);
        self.show();
        std::mem::take(&mut self.said)
    }

    fn tell(&mut self, sentence: String) {
        self.said.push(FromWindow::Tell(sentence));
    }

    fn command(&mut self, command: Command) {
        self.said.push(FromWindow::Wish(Wish::Command(command)));
    }

    /// Hands on some of what the microphone has heard; returns whether there was more.
    fn listen(&mut self) -> bool {
        let Some(held) = &mut self.held else { return false };
        if held.opening.is_released() {
            microphone_close();
            self.held = None;
            return false;
        }
        let fault = microphone_fault();
        if !fault.is_empty() {
            held.opening.refuse(fault);
        }
        let channels = microphone_channels();
        if held.pen.is_none() && channels > 0 {
            held.pen = Some(held.opening.open(microphone_rate() as u32, channels as usize));
        }
        let Some(pen) = &mut held.pen else { return false };
        let gaps = microphone_gaps();
        (held.gaps..gaps).for_each(|_| pen.lose());
        held.gaps = gaps;
        for _ in 0..BLOCKS_PER_TURN {
            let Some(block) = microphone_block() else {
                if microphone_is_gone() {
                    pen.vanish();
                }
                return false;
            };
            pen.write(&block.to_vec(), Nanos((microphone_at() * 1e6) as i64), |sample| sample);
        }
        true
    }

    fn recorder_turn(&mut self, view: &PlayerView) {
        let state = view.session.as_ref().map(|session| &session.state);
        let session = view.ear_offset_ns.zip(state).map(|(offset_ns, state)| InSession {
            offset_ns,
            transport: state.transport(),
            meters: state.meters(),
        });
        self.recorder.turn(clock(), session);
    }

    fn take_outcome(&mut self, view: &PlayerView) {
        match (self.recorder.take_outcome(), self.place.take()) {
            (Some(Outcome::Take(recorded)), Some(place)) => {
                let wave = self.recorder.view().map(|seen| seen.wave).unwrap_or_default();
                match making::from_recording(recorded) {
                    Ok(made) if place.waits => self.lay_down(place, made, wave),
                    Ok(made) => self.put(place, made, view),
                    Err(why) => self.tell(why),
                }
                self.recorder.cancel();
            }
            (Some(Outcome::Loopback(loopback)), _) => {
                match loopback.nudge_us() {
                    Ok(us) => self.input_nudge_us = Some(us),
                    Err(why) => self.tell(why),
                }
                self.recorder.cancel();
            }
            (_, place) => self.place = place,
        }
    }

    /// Shows a sound to its player alone; what lay there before goes.
    fn lay_down(&mut self, place: Place, made: MadeTake, wave: Vec<u8>) {
        let hash = made.finished.hash;
        keep_sample(&hash.to_string(), &made.finished.wav);
        let seen = making::on_tray(place.cell, place.name.clone(), &made, wave);
        self.tray = Some((place, made, seen));
    }

    /// Puts the clip of a sound on the grid, and lets the sound be brought.
    fn put(&mut self, place: Place, made: MadeTake, view: &PlayerView) {
        if self.parcels.len() >= BRINGING_MAX {
            return self.tell(TOO_MANY.to_owned());
        }
        let Place { cell, replace, name, goes_on, .. } = place;
        let state = view.session.as_ref().map(|session| &session.state).ok_or_else(|| NO_SESSION.to_owned());
        let clip = match state.and_then(|state| making::clip(state, cell, name.clone(), &made)) {
            Ok(clip) => clip,
            Err(why) => return self.tell(why),
        };
        let (hash, wav) = (made.finished.hash, made.finished.wav);
        keep_sample(&hash.to_string(), &wav);
        self.command(Command::Edit(Edit::SetClip { cell, clip: Some(Box::new(clip)), replace }));
        if goes_on && made.looped.is_some() {
            // A loop that was sung in time goes on in time.
            self.command(Command::Launch { track: cell.track, scene: cell.scene });
        }
        self.last_number += 1;
        let way = Way::Waits(clock(), None);
        self.parcels.push(Parcel { number: self.last_number, name, cell, hash, wav, way, attempts: 0 });
    }

    /// Brings the sounds to the host, each until it is there; one at a time.
    fn carry(&mut self, view: &PlayerView) {
        let Some(parcel) = self.parcels.first_mut() else { return };
        let hash = parcel.hash.to_string();
        match parcel.way {
            Way::Waits(at, _) => {
                if let Some(code) = view.code.as_ref().filter(|_| clock() >= at) {
                    bring(code, &hash, &parcel.wav);
                    parcel.way = Way::Goes;
                }
            }
            Way::Goes => {
                let status = answered(&hash);
                if status < 0 {
                    return;
                }
                let text = answer(&hash);
                if (200..300).contains(&status) {
                    self.parcels.remove(0);
                    return;
                }
                let fault = if status == 0 { None } else { Some(refusal(status as u16, text.as_bytes())) };
                if let Some(fault) = fault.as_ref().filter(|fault| !fault.may_pass) {
                    parcel.way = Way::Refused(Nanos(clock().0 + CLIP_WAIT_NS));
                    let why = fault.sentence.clone();
                    return self.tell(why);
                }
                let wait = WAITS[parcel.attempts.min(WAITS.len() - 1)];
                let why = fault.map_or_else(|| NO_ANSWER.to_owned(), |fault| fault.sentence);
                parcel.attempts += 1;
                parcel.way = Way::Waits(Nanos(clock().0 + wait.as_nanos() as i64), Some(why));
            }
            Way::Refused(until) => {
                let (cell, sound) = (parcel.cell, SoundId::of_sample(parcel.hash));
                let clip = view.session.as_ref().and_then(|session| session.state.clip(cell));
                let lies = clip.is_some_and(|clip| clip.sound == sound);
                if lies || clock() >= until {
                    self.parcels.remove(0);
                }
                if lies {
                    self.command(Command::Edit(Edit::SetClip { cell, clip: None, replace: true }));
                }
            }
        }
    }

    /// What is seen of it.
    pub(super) fn shown(&self) -> &StudioView {
        &self.shown
    }

    /// Looks what is to be seen, and tells the seat what it has to know. A recording that is over is no longer seen, but told where it came to
    /// nothing.
    fn show(&mut self) {
        let mut seen = self.recorder.view();
        if let Some(RecordingStage::Failed(why)) = seen.as_ref().map(|seen| &seen.stage) {
            self.tell(why.clone());
            self.recorder.cancel();
            seen = None;
        }
        let is_over = |seen: &RecordingView| seen.stage == RecordingStage::Done;
        let cell = self.place.as_ref().map(|place| place.cell);
        let bringing = self.parcels.iter().filter_map(|parcel| {
            let stage = match &parcel.way {
                Way::Waits(_, None) => BringingStage::Making,
                Way::Waits(_, Some(why)) => BringingStage::Waiting(why.clone()),
                Way::Goes => {
                    let sent = sent(&parcel.hash.to_string()) as u32;
                    BringingStage::Sending { sent, total: parcel.wav.len() as u32 }
                }
                Way::Refused(_) => return None,
            };
            Some(Bringing { number: parcel.number, name: parcel.name.clone(), cell: parcel.cell, stage })
        });
        let shown = StudioView {
            bringing: bringing.collect(),
            recording: seen.filter(|seen| !is_over(seen)).map(|seen| (cell, seen)),
            take: self.tray.as_ref().map(|(_, _, seen)| seen.clone()),
            input_nudge_us: self.input_nudge_us,
        };
        let recording = |studio: &StudioView| studio.recording.as_ref().map(|(cell, _)| *cell);
        let take = |studio: &StudioView| studio.take.as_ref().map(|take| (take.sound.clone(), take.looped));
        if recording(&shown) != recording(&self.shown) {
            self.said.push(FromWindow::Recording(recording(&shown)));
        }
        if take(&shown) != take(&self.shown) {
            self.said.push(FromWindow::Take(take(&shown)));
        }
        self.shown = shown;
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        if self.held.is_some() {
            microphone_close();
        }
    }
}
