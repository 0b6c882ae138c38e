//! Sessions that outlive their host: stopped, killed at any moment, started again.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use common::{Player, Program, try_join, until};
use keyboardia_session::{Command, Edit, EventKind, Name, SceneId, Tempo, TrackChange, TrackId, wire::HostMessage};
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

/// Variables that set how often the host is killed, and by which seed.
const CYCLES: &str = "KEYBOARDIA_CYCLES";
const SEED: &str = "KEYBOARDIA_SEED";
/// How often it is in a quick test.
const CYCLES_QUICK: u64 = 5;
/// Edits that wait for an answer at once.
const IN_FLIGHT: usize = 32;
/// Tracks that are renamed in turn.
const TRACKS: u8 = 8;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A host that keeps its sessions in `dir`, and where its HTTP is; with a session's code if one is to be made.
fn start(dir: &Path, more: &[&str]) -> (Program, SocketAddr, Option<String>) {
    let data = dir.display().to_string();
    let fixed = ["--bind", "127.0.0.1", "--port", "0", "--json", "--data", &data];
    let mut program = Program::start(&[&fixed, more].concat());
    let line = program.first_line();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    let http = said["http"].as_str().unwrap().parse().unwrap();
    (program, http, said["code"].as_str().map(str::to_owned))
}

fn rename(track: u8, name: &str) -> Command {
    Command::Edit(Edit::ChangeTrack { track: TrackId(track), change: TrackChange::Name(Name::sanitised(name)) })
}

/// The last event that a player knows to be safe.
fn durable(player: &Player) -> u64 {
    player.seat.view(keyboardia_session::Micros(0)).and_then(|view| view.durable).unwrap_or(0)
}

fn epoch(player: &Player) -> u32 {
    let welcome = |message: &HostMessage| match message {
        HostMessage::Welcome { epoch, .. } => Some(*epoch),
        _ => None,
    };
    player.heard.iter().find_map(welcome).expect("a welcome")
}

#[test]
fn a_session_goes_on_after_the_host_was_stopped_and_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let (program, http, code) = start(dir.path(), &["--create"]);
    let code = code.unwrap();
    let mut ada = Player::enter(http, &code, None);
    let (token, seat) = (ada.joined.token.clone(), ada.id());
    ada.command(rename(3, "Thunder"));
    ada.command(Command::SetTempo(Tempo::from_milli_bpm(97_300).unwrap()));
    ada.command(Command::Launch { track: TrackId(0), scene: SceneId(1) });
    let is_launch = |kind: &EventKind| matches!(kind, EventKind::Launched { .. });
    until([&mut ada], "the launch, safely", |[ada]| {
        ada.heard_event(is_launch) && durable(ada) == ada.seat.state().unwrap().seq()
    });
    let before = ada.seat.state().unwrap().clone();
    program.signal("TERM");
    until([&mut ada], "the goodbye", |[ada]| ada.is_gone());
    assert_eq!(program.end().0, Some(0));

    let (_program, http, none) = start(dir.path(), &[]);
    assert_eq!(none, None);
    let ada = Player::enter(http, &code, Some(&token));
    assert_eq!((ada.id(), epoch(&ada)), (seat, 2));
    let after = ada.seat.state().unwrap();
    assert_eq!(after.track(TrackId(3)).unwrap().name.as_str(), "Thunder");
    assert_eq!(after.player(seat).map(|player| player.name.clone()), before.player(seat).map(|p| p.name.clone()));
    // The sound goes on in phase: beats are where they would have been, and so is what was launched.
    let later = after.at() + 60_000_000;
    assert_eq!(after.transport().beat_at(later), before.transport().beat_at(later));
    let beat = before.transport().beat_at(later);
    assert_eq!(after.tracks()[0].playing_at(beat), before.tracks()[0].playing_at(beat));
    assert!(after.at() >= before.at() && after.seq() > before.seq());
}

#[test]
fn a_session_that_is_over_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut program, http, code) = start(dir.path(), &["--create", "--grace", "1", "--keep", "1"]);
    let code = code.unwrap();
    let mut ada = Player::enter(http, &code, None);
    ada.leave();
    let mut log = BufReader::new(program.0.stderr.as_mut().unwrap()).lines().map(Result::unwrap);
    assert!(log.any(|line| line.contains("a session is over")));
    program.signal("TERM");
    assert_eq!(program.end().0, Some(0));
    let (_program, http, _) = start(dir.path(), &[]);
    assert_eq!(try_join(http, &code, None).unwrap_err().0, 404);
}

/// Edits as fast as the host answers, be it that it takes them or not, and kills it in the middle; whatever was acknowledged must be there again.
#[test]
fn what_was_acknowledged_survives_being_killed_at_any_moment() {
    let cycles = number(CYCLES).unwrap_or(CYCLES_QUICK);
    let seed = number(SEED).unwrap_or_else(|| u64::from(std::process::id()));
    println!("{SEED}={seed} {CYCLES}={cycles}");
    let mut dice = seed | 1;
    let mut roll = move || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice
    };
    let dir = tempfile::tempdir().unwrap();
    let (mut program, mut http, code) = start(dir.path(), &["--create"]);
    let code = code.unwrap();
    let (mut token, mut sent, mut lost, mut acknowledged) = (None::<String>, 0_u64, 0, 0);
    // The newest name of each track that is known to be safe, as a number.
    let mut safe: BTreeMap<u8, u64> = BTreeMap::new();
    for cycle in 1..=cycles + 1 {
        let mut ada = Player::enter(http, &code, token.as_deref());
        assert_eq!(u64::from(epoch(&ada)), cycle, "each start is an epoch");
        let state = ada.seat.state().unwrap().clone();
        for (track, least) in &safe {
            let name = state.track(TrackId(*track)).unwrap().name.as_str().to_owned();
            let found: u64 = name.parse().unwrap_or_else(|_| panic!("the name {name:?} in cycle {cycle}"));
            lost += u64::from(found < *least);
            assert!(found <= sent, "{found} was never sent");
        }
        if let Some(token) = &token {
            assert_eq!(*token, ada.joined.token, "the same seat");
        }
        token = Some(ada.joined.token.clone());
        if cycle > cycles {
            break;
        }
        let end = Instant::now() + Duration::from_micros(20_000 + roll() % 400_000);
        let mut in_flight = 0;
        let mut made: Vec<(u64, u8, u64)> = Vec::new();
        let mut read = 0;
        while Instant::now() < end {
            while in_flight < IN_FLIGHT {
                sent += 1;
                ada.command(rename((sent % u64::from(TRACKS)) as u8, &sent.to_string()));
                in_flight += 1;
            }
            until([&mut ada], "a turn", |_| true);
            for message in &ada.heard[read..] {
                in_flight -= usize::from(matches!(message, HostMessage::Refused { .. }));
                if let HostMessage::Event(event) = message
                    && let EventKind::TrackChanged { track, change: TrackChange::Name(name) } = &event.kind
                {
                    in_flight -= 1;
                    made.push((event.seq, track.0, name.as_str().parse().unwrap()));
                }
            }
            read = ada.heard.len();
        }
        program.signal("KILL");
        let durable = durable(&ada);
        for (_, track, number) in made.iter().filter(|(seq, ..)| *seq <= durable) {
            acknowledged += 1;
            safe.insert(*track, *number);
        }
        drop(ada);
        (program, http, _) = start(dir.path(), &[]);
    }
    println!("{cycles} kills, {sent} edits sent, {acknowledged} acknowledged, {lost} lost");
    assert!(acknowledged > cycles, "next to nothing was acknowledged, so nothing is shown");
    assert_eq!(lost, 0, "edits that were acknowledged and lost");
}

#[test]
fn data_that_cannot_be_used_is_told_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let program = Program::start(&["--bind", "127.0.0.1", "--port", "0", "--data", &file.display().to_string()]);
    let (status, said) = program.end();
    assert_eq!(status, Some(1));
    assert!(said.contains("keyboardia-server: The sessions in") && said.trim_end().ends_with('.'), "{said}");

    let (_first, ..) = start(dir.path(), &[]);
    let second = Program::start(&["--bind", "127.0.0.1", "--port", "0", "--data", &dir.path().display().to_string()]);
    let (status, said) = second.end();
    assert_eq!(status, Some(1));
    assert!(said.contains("another host uses them."), "{said}");
}
