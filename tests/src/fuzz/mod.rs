//! What strangers can send, as functions of any bytes: each holds for every input, or panics.
//!
//! A fuzzer drives them (`tests/fuzz`, its own package), and so do the tests, with the inputs that were worth keeping
//! (`tests/fuzz/corpus`). They use nothing but the rules, so that a fuzzer watches nothing else.

mod authority;
mod script;
mod seat;
mod seeds;

pub use authority::authority;
pub use seat::seat;
pub use seeds::seeds;

use script::Script;

use keyboardia_session::{
    Colour, Micros, Name, SampleHash, Score, Seat, SeatToken, SessionCode, SessionState,
    api::{JoinRequest, from_hex, to_hex},
    bridge::{self, FromHost, FromPlace},
    check_wav,
    limits::{
        MESSAGE_BYTES_MAX, PROTOCOL_VERSION, SAMPLE_FRAMES_MAX, SAMPLE_FRAMES_MIN, SAMPLE_RATE_HZ,
        SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNKS_MAX,
    },
    token::SEAT_TOKEN_BYTES,
    wire::{self, ClientMessage, HostMessage, Probe},
};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;

/// Bytes of a WAV file that has nothing but a format and a sound, besides the sound.
const WAV_HEADER_BYTES: usize = 44;

/// A function of any bytes.
pub type Target = fn(&[u8]);

/// All of them, by the names of their corpora.
pub const TARGETS: [(&str, Target); 5] =
    [("wire", wire), ("http", http), ("wav", wav), ("authority", authority), ("seat", seat)];

/// Messages of either side, frames of a bridge, snapshots and time probes: read, they are written as they were, and a seat bears them.
pub fn wire(bytes: &[u8]) {
    // Nearly all inputs would be of another version, so the version is set before them, too.
    let versioned = [&[PROTOCOL_VERSION], bytes].concat();
    for bytes in [bytes, &versioned] {
        message::<ClientMessage>(bytes);
        message::<HostMessage>(bytes);
        frame::<FromHost>(bytes);
        frame::<FromPlace>(bytes);
        hear(bytes);
    }
    if let Some(probe) = Probe::decode(bytes) {
        assert_eq!(probe.encode()[..], *bytes);
    }
    if let Some(state) = SessionState::decode(bytes) {
        assert_eq!(SessionState::decode(&state.encode()).as_ref(), Some(&state));
        see(&state, bytes);
    }
}

fn message<M: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(message) = wire::decode::<M>(bytes) {
        let again = wire::encode(&message);
        assert!(again.len() <= bytes.len() && again.len() <= MESSAGE_BYTES_MAX, "longer than it came: {message:?}");
        assert_eq!(wire::decode::<M>(&again), Ok(message));
    }
}

fn frame<M: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(message) = bridge::decode::<M>(bytes) {
        assert_eq!(bridge::decode::<M>(&bridge::encode(&message)), Ok(message));
    }
}

/// A player who knows nothing yet hears something from a host.
fn hear(bytes: &[u8]) {
    let mut seat = Seat::new();
    seat.receive(Micros(0), bytes);
    seat.receive(Micros(1), bytes);
    assert!(seat.take_outgoing().count() <= 1 && seat.take_notices().len() <= 2);
}

/// A player sees any session that can be read, as a whole snapshot from a host.
fn see(state: &SessionState, bytes: &[u8]) {
    let count = bytes.len().div_ceil(SNAPSHOT_CHUNK_BYTES);
    if count > SNAPSHOT_CHUNKS_MAX {
        return;
    }
    let mut seat = Seat::new();
    for (index, piece) in (0..).zip(bytes.chunks(SNAPSHOT_CHUNK_BYTES)) {
        let bytes = keyboardia_session::bounded::Bounded::try_from_vec(piece.to_vec()).expect("a piece");
        let piece = HostMessage::Snapshot { index, count: count as u16, bytes };
        seat.receive(Micros(0), &wire::encode(&piece));
    }
    assert_eq!(seat.state().map(|seen| &**seen), Some(state));
    assert_eq!(seat.score(), Some(Score::of(state)));
    for track in state.tracks() {
        let beat = state.transport().beat_at(state.at());
        let _ = (track.playing_at(beat), track.queued_at(beat), track.is_sounding_at(beat));
    }
    let _ = seat.view(Micros(1)).map(|view| (view.beat(), view.is_playing()));
}

/// What requests bring: bodies, codes, tokens.
pub fn http(bytes: &[u8]) {
    if let Ok(request) = JoinRequest::parse(bytes) {
        assert_eq!(request.protocol, PROTOCOL_VERSION);
        let profile = request.profile();
        if let Some(name) = &profile.name {
            assert_eq!(Name::sanitised(name.as_str()), *name, "a name that is clean");
        }
        let again = serde_json::to_vec(&request).expect("JSON");
        assert_eq!(JoinRequest::parse(&again).expect("the same request"), request);
        if let Some(token) = &request.token {
            secret(token);
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    secret(text);
    if let Some(code) = SessionCode::parse(text) {
        assert_eq!(SessionCode::parse(&code.to_string()), Some(code));
    }
    if let Some(colour) = Colour::parse(text) {
        assert_eq!(Colour::parse(&colour.to_string()), Some(colour));
    }
}

fn secret(text: &str) {
    if let Some(bytes) = from_hex(text, SEAT_TOKEN_BYTES) {
        assert!(bytes.len() <= SEAT_TOKEN_BYTES);
        assert_eq!(to_hex(&bytes), text.to_ascii_lowercase());
    }
    if let Some(token) = SeatToken::from_hex(text) {
        assert_eq!(token.to_hex(), text.to_ascii_lowercase());
        assert_eq!(SeatToken::from_bearer(&format!("Bearer {text}")), Some(token));
    }
    if let Some(token) = SeatToken::from_bearer(text) {
        assert!(text.trim_end().to_ascii_lowercase().ends_with(&token.to_hex()));
    }
    if let Some(hash) = SampleHash::parse(text) {
        assert_eq!(hash.to_string(), text);
    }
}

/// A file that is said to be a sample: what is accepted has all the sound that it claims, and where there is nothing else in
/// the file, another reader finds the same.
pub fn wav(bytes: &[u8]) {
    let Ok(info) = check_wav(bytes) else { return };
    let count = info.frames as usize * usize::from(info.channels);
    assert!((SAMPLE_FRAMES_MIN..=SAMPLE_FRAMES_MAX).contains(&info.frames));
    assert_eq!(info.samples(bytes).count(), count);
    if bytes.len() == WAV_HEADER_BYTES + 2 * count {
        let mut reader = hound::WavReader::new(bytes).expect("a WAV file");
        let spec = reader.spec();
        let found = (spec.channels, spec.sample_rate, spec.bits_per_sample);
        assert_eq!(found, (u16::from(info.channels), SAMPLE_RATE_HZ, 16));
        assert!(reader.samples::<i16>().map(|sample| sample.expect("all of it")).eq(info.samples(bytes)));
    }
}
