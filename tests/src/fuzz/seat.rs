//! A player hears anything from a host, in any order, and plays meanwhile: whatever a host says, the player's side bears it,
//! and what it says itself can be read.

use super::Script;
use keyboardia_session::{
    Cell, Micros, SceneId, Seat, TrackId,
    limits::{COMMANDS_IN_FLIGHT_MAX, MESSAGE_BYTES_MAX, NOTICES_MAX},
    reporting::Way,
    wire::{self, ClientMessage, HostMessage, Probe},
};

/// Steps that are taken at most.
const STEPS_MAX: usize = 200;

/// What a step does; the first byte of it, modulo their number.
pub(super) mod step {
    pub(crate) const HEAR: u8 = 0;
    pub(crate) const PRESS: u8 = 1;
    pub(crate) const PROBE: u8 = 2;
    pub(crate) const PROBE_NEAR: u8 = 3;
    pub(crate) const POINT: u8 = 4;
    pub(crate) const REPORT: u8 = 5;
    pub(crate) const PASS: u8 = 6;
    pub(crate) const COUNT: u8 = 7;
}

/// Takes the steps that the bytes spell.
pub fn seat(bytes: &[u8]) {
    let (mut script, mut seat, mut now) = (Script(bytes), Seat::new(), Micros(0));
    for _ in 0..STEPS_MAX {
        let Some(step) = script.next() else { break };
        match step % step::COUNT {
            step::HEAR => match script.message::<HostMessage>() {
                Some(message) => seat.receive(now, &wire::encode(&message)),
                None => break,
            },
            step::PRESS => {
                let pressed = seat.press(now, TrackId(script.byte()), SceneId(script.byte()));
                assert!(pressed.is_err() || seat.state().is_some(), "a press on nothing");
            }
            step::PROBE => {
                let probe = Probe { sent: script.moment(), received: script.moment(), answered: script.moment() };
                seat.probe_reply(now, &probe);
            }
            step::PROBE_NEAR => {
                let sent = Micros(now.0.saturating_sub(script.span_us()));
                let received = sent.offset(i64::from(script.byte()) * 1_000_000);
                let answered = received + script.span_us();
                seat.probe_reply(now, &Probe { sent, received, answered });
            }
            step::POINT => {
                seat.set_pointer(now, Some(Cell::new(TrackId(script.byte()), SceneId(script.byte()))).into());
            }
            step::REPORT => {
                let latency_us = script.span_us() as u32;
                seat.report(
                    now,
                    Way { latency_us, block_us: latency_us / 2, phase_error_us: -(latency_us as i32 / 2) },
                );
            }
            _ => now = now + script.span_us(),
        }
        check(&mut seat, now);
    }
}

fn check(seat: &mut Seat, now: Micros) {
    let said: Vec<Vec<u8>> = seat.take_outgoing().collect();
    assert!(said.len() <= COMMANDS_IN_FLIGHT_MAX);
    for bytes in said.into_iter().chain(seat.take_unreliable(now)) {
        assert!(bytes.len() <= MESSAGE_BYTES_MAX);
        wire::decode::<ClientMessage>(&bytes).expect("a message that can be read");
    }
    assert!(seat.take_notices().len() <= NOTICES_MAX);
    let _ = seat.is_uncertain(now);
    if let Some(view) = seat.view(now) {
        assert!(view.pending.len() <= COMMANDS_IN_FLIGHT_MAX);
        let (beat, _) = (view.beat(), view.is_playing());
        for track in view.state.tracks() {
            let _ = (track.playing_at(beat), track.queued_at(beat), track.is_sounding_at(beat));
        }
        for track in seat.score().expect("a score with a state").tracks {
            let _ = track.voice_at(beat);
        }
    }
}
