//! What JavaScript calls: numbers in, numbers out, bytes through one buffer each way.
//!
//! A caller asks for room ([`keyboardia_room`]), writes its bytes there, and calls a function with their lengths; what
//! comes back lies at [`keyboardia_out`]. Both stay where they are until the next call.

// The name that a function is exported by could be somebody else's.
#![allow(unsafe_code)]

use crate::{
    decoder,
    device::Reading,
    seat::{Ask, Came, WebSeat},
    sound::Sound,
};
use keyboardia_audio::Nanos;
use keyboardia_session::limits::TRACKS_MAX;
use std::cell::RefCell;

/// Largest input, bytes: a sound file.
const ROOM_BYTES_MAX: usize = 32 * 1024 * 1024;

#[derive(Default)]
struct Instance {
    room: Vec<u8>,
    out: [Vec<u8>; 2],
    number: u32,
    seat: Option<WebSeat>,
    sound: Option<Sound>,
}

thread_local! {
    static INSTANCE: RefCell<Instance> = RefCell::default();
}

/// Does something with what this instance holds.
fn with<T>(f: impl FnOnce(&mut Instance) -> T) -> T {
    INSTANCE.with_borrow_mut(f)
}

/// Does something with the sound and with what was written for it; without a sound, the answer is `otherwise`.
fn with_sound(bytes: u32, otherwise: bool, f: impl FnOnce(&mut Sound, &[u8]) -> bool) -> u32 {
    with(|instance| {
        let Some(mut sound) = instance.sound.take() else { return u32::from(otherwise) };
        let answer = f(&mut sound, instance.input(bytes, 0).0);
        instance.sound = Some(sound);
        u32::from(answer)
    })
}

impl Instance {
    /// The first `first` bytes of what was written, and the `second` after them.
    fn input(&self, first: u32, second: u32) -> (&[u8], &[u8]) {
        let first = (first as usize).min(self.room.len());
        let (a, rest) = self.room.split_at(first);
        (a, &rest[..(second as usize).min(rest.len())])
    }

    fn answer(&mut self, first: Vec<u8>, second: Vec<u8>, number: u32) {
        self.out = [first, second];
        self.number = number;
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn floats<const N: usize>(bytes: &[u8]) -> [f64; N] {
    let mut floats = bytes.chunks_exact(8).map(|bytes| bytes.try_into().map_or(0.0, f64::from_le_bytes));
    std::array::from_fn(|_| floats.next().unwrap_or(0.0))
}

/// Room for `bytes`, or nowhere if there are too many.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_room(bytes: u32) -> *mut u8 {
    with(|instance| {
        if bytes as usize > ROOM_BYTES_MAX {
            return std::ptr::null_mut();
        }
        instance.room.resize(bytes as usize, 0);
        instance.room.as_mut_ptr()
    })
}

/// Where the first (0) or second (1) part of the answer lies.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_out(part: u32) -> *const u8 {
    with(|instance| instance.out[usize::from(part != 0)].as_ptr())
}

/// How long it is, bytes.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_out_bytes(part: u32) -> u32 {
    with(|instance| instance.out[usize::from(part != 0)].len() as u32)
}

/// The number in the answer.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_number() -> u32 {
    with(|instance| instance.number)
}

/// Makes this instance a seat. The room holds the page's origin; `seed` is a random number.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_seat(origin: u32, seed: f64) {
    with(|instance| instance.seat = Some(WebSeat::new(text(instance.input(origin, 0).0), seed.to_bits())));
}

/// Something came for the seat at `now`, milliseconds; what, says `kind`, see the table in `web/page/seat.js`.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_seat_take(kind: u32, now: f64, number: u32, status: u32, first: u32, second: u32) {
    with(|instance| {
        let Some(mut seat) = instance.seat.take() else { return };
        let (a, b) = instance.input(first, second);
        let came = match kind {
            1 => Came::Window(a),
            2 => Came::Answer(number, status as u16, a),
            3 => Came::Opened(number),
            4 => Came::Message(number, a),
            5 => Came::Closed(number, status as u16),
            6 => {
                let [rendered_us] = floats(b);
                Came::Report(a, rendered_us)
            }
            7 => Came::Decoded(text(a), number, b),
            8 => Came::Undecoded(text(a), (status == 0).then(|| text(b))),
            9 => {
                let [frame, local_us, latency_us] = floats(a);
                Came::Reading(Reading { frame, local_us, latency_us })
            }
            10 => {
                let [rate] = floats(a);
                Came::Device(rate, text(b))
            }
            11 => Came::Moved,
            _ => Came::Nothing,
        };
        seat.take(Nanos((now * 1e6) as i64), &came);
        instance.seat = Some(seat);
    });
}

/// What the seat asks for next: its kind, 0 for nothing; see the table in `web/page/seat.js`.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_seat_next() -> u32 {
    with(|instance| {
        let Some(ask) = instance.seat.as_mut().and_then(WebSeat::next_ask) else { return 0 };
        let (kind, first, second, number) = match ask {
            Ask::Window(bytes) => (1, bytes, Vec::new(), 0),
            Ask::Post { id, path, body } => (2, path.into_bytes(), body, id),
            Ask::Open { id, path } => (3, path.into_bytes(), Vec::new(), id),
            Ask::Send(bytes) => (4, bytes, Vec::new(), 0),
            Ask::Ping => (5, Vec::new(), Vec::new(), 0),
            Ask::Close => (6, Vec::new(), Vec::new(), 0),
            Ask::Sound(bytes) => (7, bytes, Vec::new(), 0),
            Ask::Sample(id) => (8, id.to_string().into_bytes(), Vec::new(), 0),
            Ask::Load(id) => (9, id.to_string().into_bytes(), Vec::new(), 0),
            Ask::Remember { code, token } => (10, code.into_bytes(), token.into_bytes(), 0),
            Ask::Stale(why) => (11, why.into_bytes(), Vec::new(), 0),
            Ask::Returned => (12, Vec::new(), Vec::new(), 0),
            Ask::Fetch { path, token } => (13, path.into_bytes(), token.into_bytes(), 0),
        };
        instance.answer(first, second, number);
        kind
    })
}

/// Makes this instance a sound of so many frames a second, for as many tracks; 0 is as many as a session may have. Returns
/// whether that went well.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_sound(sample_rate: u32, tracks: u32) -> u32 {
    with(|instance| {
        let tracks = if tracks == 0 { TRACKS_MAX } else { tracks as usize };
        instance.sound = Sound::new(sample_rate, tracks).ok();
        u32::from(instance.sound.is_some())
    })
}

/// The sound is told something.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_sound_tell(bytes: u32) -> u32 {
    with_sound(bytes, false, Sound::tell)
}

/// A sample of so many frames begins to arrive; the room holds its name. Returns whether there can be such a sample.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_sound_sample(name: u32, frames: u32) -> u32 {
    with_sound(name, false, |sound, input| sound.sample_begins(text(input), frames as usize))
}

/// More of it. Returns whether that was the last.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_sound_piece(bytes: u32) -> u32 {
    with_sound(bytes, true, Sound::sample_goes_on)
}

/// Renders frames. Returns where they are: floats, the left ones, then the right ones; nowhere without a sound.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_sound_render(frame: f64, frames: u32) -> *const f32 {
    with(|instance| match &mut instance.sound {
        Some(sound) => sound.render(frame as u64, frames as usize).as_ptr(),
        None => std::ptr::null(),
    })
}

/// Whether there is something to report to the seat; it is the answer then.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_sound_report(frame: f64) -> u32 {
    with(|instance| {
        let report = instance.sound.as_mut().and_then(|sound| sound.report(frame as u64));
        let is_due = report.is_some();
        if let Some(report) = report {
            instance.answer(report, Vec::new(), 0);
        }
        u32::from(is_due)
    })
}

/// Decodes a sound: its name, then its file. Returns 1, and as the answer its shape and its frames, or 0 and a sentence.
#[unsafe(no_mangle)]
pub extern "C" fn keyboardia_decode(name: u32, file: u32) -> u32 {
    with(|instance| {
        let (name, file) = instance.input(name, file);
        match decoder::decode(text(name), file.to_vec()) {
            Ok(decoded) => {
                instance.answer(decoded.overview, decoded.frames, 0);
                1
            }
            Err(why) => {
                instance.answer(why.into_bytes(), Vec::new(), 0);
                0
            }
        }
    })
}
