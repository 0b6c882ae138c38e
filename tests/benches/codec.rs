//! The wire format and the authority, measured.
//!
//! `cargo bench -p keyboardia-tests --bench codec -- --json FILE`

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Authority, Command, CommandId, Edit, Event, EventKind, Manifest, Micros, Profile, SeatId, SeatToken, SessionSetup,
    SessionState,
    limits::SEATS_MAX,
    wire::{self, ClientMessage, HostMessage},
};
use keyboardia_tests::{
    measure::percentile,
    report::Report,
    world::{Dice, any_command},
};
use std::{hint::black_box, time::Instant};

const START: Micros = Micros(1_790_000_000_000_000);
const ROUNDS: usize = 200;
const PER_ROUND: usize = 500;

/// Nanoseconds that `work` takes, median of many rounds.
fn time_ns(mut work: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..PER_ROUND {
                work();
            }
            begin.elapsed().as_nanos() as f64 / PER_ROUND as f64
        })
        .collect();
    percentile(&mut rounds, 0.5)
}

/// A session whose 8×8 grid is full of library clips.
fn library_grid() -> SessionSetup {
    let mut manifest = Manifest::builtin().expect("the shipped manifest");
    let ids: Vec<_> = manifest.sounds.iter().map(|sound| sound.id.clone()).collect();
    let mut next = ids.iter().cycle().cloned();
    let template = manifest.starter.tracks[0].clone();
    manifest.starter.tracks.resize(8, template);
    for track in &mut manifest.starter.tracks {
        track.slots = next.by_ref().take(8).map(Some).collect();
    }
    SessionSetup::starter(&manifest)
}

fn authority(setup: SessionSetup) -> Authority {
    let mut authority = Authority::new(setup, START);
    for index in 0..SEATS_MAX {
        let token = SeatToken([index as u8; 32]);
        authority.admit(START, &token, Profile::default()).expect("a seat");
        authority.join(START, &token, &mut Vec::new()).expect("a seat");
    }
    authority
}

/// Any command that takes nothing and nobody away: thousands of them leave a grid and a table as full as players have them.
fn lasting_command(dice: &mut Dice) -> Command {
    let takes_away = |command: &Command| {
        matches!(command, Command::Edit(Edit::RemoveTrack(_) | Edit::RemoveScene(_) | Edit::SetClip { clip: None, .. }))
            || matches!(command, Command::Undo | Command::SetRemoval { .. })
    };
    loop {
        let command = any_command(dice);
        if !takes_away(&command) {
            return command;
        }
    }
}

/// A launch as the authority sends it, in a session that has been going on for a while.
fn launch_event(authority: &mut Authority) -> Event {
    let mut dice = Dice::new(3);
    let mut now = START;
    for id in 0..20_000 {
        now = now + dice.below(200_000);
        let command = lasting_command(&mut dice);
        let bytes = wire::encode(&ClientMessage::Command { id: CommandId(id), command });
        authority.handle(now, SeatId((id % 10) as u8), &bytes, &mut Vec::new());
    }
    loop {
        now = now + 4_000_000;
        let filled =
            authority.state().tracks().iter().flat_map(|track| track.clips.iter().map(|(scene, _)| (track.id, *scene)));
        let (track, scene) = filled.last().expect("some clip is left");
        let command = Command::Launch { track, scene };
        let bytes = wire::encode(&ClientMessage::Command { id: CommandId(20_000), command });
        let mut out = Vec::new();
        authority.handle(now, SeatId(9), &bytes, &mut out);
        for outgoing in out {
            match wire::decode(&outgoing.bytes) {
                Ok(HostMessage::Event(event)) if matches!(event.kind, EventKind::Launched { .. }) => return event,
                _ => {}
            }
        }
    }
}

fn main() {
    let mut report = Report::new();
    let event = launch_event(&mut authority(library_grid()));
    let message = HostMessage::Event(event);
    let bytes = wire::encode(&message);
    report.add("launch_event_bytes", bytes.len() as f64, "≤ 32");

    let state = authority(library_grid()).state().clone();
    let snapshot = state.encode();
    assert_eq!(SessionState::decode(&snapshot).as_ref(), Some(&state));
    report.add("snapshot_bytes_library_grid", snapshot.len() as f64, "≤ 4096");

    report.add("encode_ns", time_ns(|| drop(black_box(wire::encode(black_box(&message))))), "");
    report.add("decode_ns", time_ns(|| drop(black_box(wire::decode::<HostMessage>(black_box(&bytes))))), "");

    // Every kind of command that takes nothing away, in a session of ten players, as the property test rolls them.
    let mut authority = authority(library_grid());
    let mut dice = Dice::new(5);
    let messages: Vec<Vec<u8>> = (0..4_096)
        .map(|id| wire::encode(&ClientMessage::Command { id: CommandId(id), command: lasting_command(&mut dice) }))
        .collect();
    let (mut now, mut next) = (START, 0_usize);
    let mut out = Vec::new();
    let handle = time_ns(|| {
        now = now + 50_000;
        next = (next + 1) % messages.len();
        out.clear();
        authority.handle(now, SeatId((next % 10) as u8), &messages[next], &mut out);
    });
    report.add("authority_handle_ns", handle, "≤ 5000");
    report.finish();
}
