//! A machine whose clock is set, by an hour, while its host runs and while it does not: session time goes on, and so does
//! the music.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use common::{Player, create, until};
use keyboardia_server::{Host, HostConfig, StoreConfig};
use keyboardia_session::{Command, EventKind, Micros, SceneId, Tempo, TrackId, wire::Probe};
use std::{
    path::Path,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::{Duration, Instant, SystemTime},
};

const HOUR_US: i64 = 3_600_000_000;
/// More than a busy machine is late, and far less than an hour.
const LATE_US: i64 = 60_000_000;

/// A clock that a test sets: how far it is off, microseconds. Each test has its own.
struct Wall(AtomicI64);

impl Wall {
    const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    fn set(&self, off_us: i64) {
        self.0.store(off_us, Relaxed);
    }

    fn read(&self) -> Duration {
        let real = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
        Duration::from_micros((real + self.0.load(Relaxed)) as u64)
    }
}

fn now_us() -> i64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64
}

fn keeping(dir: &Path) -> HostConfig {
    let store = Some(StoreConfig { dir: dir.to_owned(), fsync: false });
    HostConfig { store, ..HostConfig::loopback() }
}

/// What time it is in the session.
fn ask(player: &mut Player) -> Probe {
    let known = player.times.len();
    player.ask_time();
    until([&mut *player], "the time", |[player]| player.times.len() > known);
    player.times[known]
}

/// Starts the first clip at an awkward tempo, and waits until that is safe.
fn begin(ada: &mut Player) {
    ada.command(Command::SetTempo(Tempo::from_milli_bpm(97_300).unwrap()));
    ada.command(Command::Launch { track: TrackId(0), scene: SceneId(1) });
    let is_launch = |kind: &EventKind| matches!(kind, EventKind::Launched { .. });
    until([ada], "the launch, safely", |[ada]| ada.heard_event(is_launch) && ada.durable() == Some(ada.state().seq()));
}

#[test]
fn a_clock_that_is_set_under_a_running_host_moves_nothing() {
    static WALL: Wall = Wall::new();
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start_by(|| WALL.read(), keeping(dir.path())).unwrap();
    let http = host.http_addr();
    let mut ada = Player::enter(http, &create(http), None);
    begin(&mut ada);
    let (started, first) = (Instant::now(), ask(&mut ada));
    let mut last = first.answered;
    for (step, off_us) in [HOUR_US, -HOUR_US, 0, 24 * HOUR_US].into_iter().enumerate() {
        WALL.set(off_us);
        // Events and connections get their time from the same clock.
        let tempo = Tempo::from_milli_bpm(90_000 + step as u32).unwrap();
        ada.command(Command::SetTempo(tempo));
        until([&mut ada], "the tempo", |[ada]| ada.state().transport().last().tempo == tempo);
        let mut bob = Player::enter(http, &create(http), None);
        for player in [&mut ada, &mut bob] {
            let probe = ask(player);
            assert!(probe.received >= last && probe.answered >= probe.received, "session time runs backwards");
            last = probe.answered;
            let real = started.elapsed().as_micros() as i64;
            let passed = last.since(first.answered);
            assert!((0..=real).contains(&passed), "{passed} µs of session time in {real} µs");
        }
        let at = ada.state().at();
        assert!(at >= first.answered && at <= last, "an event at {at:?}");
    }
}

#[test]
fn a_clock_that_was_set_while_the_host_was_away_keeps_seats_beats_and_the_order_of_time() {
    static WALL: Wall = Wall::new();
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start_by(|| WALL.read(), keeping(dir.path())).unwrap();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    begin(&mut ada);
    let (token, seat) = (ada.joined.token.clone(), ada.id());
    // The machine's clock, and how far session time is then off the real one: it never goes back.
    for (off_us, ahead_us) in [(HOUR_US, HOUR_US), (-HOUR_US, HOUR_US), (2 * HOUR_US, 2 * HOUR_US), (0, 2 * HOUR_US)] {
        let (before, last) = (ada.state().clone(), ask(&mut ada).answered);
        host.stop();
        WALL.set(off_us);
        host = Host::start_by(|| WALL.read(), keeping(dir.path())).unwrap();
        ada = Player::enter(host.http_addr(), &code, Some(&token));
        assert_eq!(ada.id(), seat, "the seat waits, however long it seems to have been");
        let probe = ask(&mut ada);
        assert!(probe.received >= last, "session time was {last:?} and is {:?}", probe.received);
        let ahead = probe.answered.0 as i64 - now_us();
        assert!((ahead - ahead_us).abs() < LATE_US, "session time is {ahead} µs ahead, not {ahead_us}");
        let after = ada.state();
        assert!(after.at() >= before.at() && after.seq() > before.seq());
        // Beats are where they would have been, and so is what was launched.
        for later in [probe.answered, Micros(probe.answered.0 + 60_000_000)] {
            let beat = before.transport().beat_at(later);
            assert_eq!(after.transport().beat_at(later), beat);
            assert_eq!(after.tracks()[0].playing_at(beat), before.tracks()[0].playing_at(beat));
        }
        let tempo = Tempo::from_milli_bpm(97_300).unwrap();
        assert_eq!(after.transport().last().tempo, tempo);
        ada.command(Command::Launch { track: TrackId(0), scene: SceneId(1) });
        let is_launch = |kind: &EventKind| matches!(kind, EventKind::Launched { .. });
        until([&mut ada], "another launch, safely", |[ada]| {
            ada.heard_event(is_launch) && ada.durable() == Some(ada.state().seq())
        });
    }
}
