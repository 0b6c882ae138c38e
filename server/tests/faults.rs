//! What befalls a host that a stranger runs for a year: everybody at once, too much of everything, and a disk that is full.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use common::{Player, Program, create, host, try_join, until};
use keyboardia_server::{Host, HostConfig};
use keyboardia_session::{
    Command, Edit, EventKind, Name, Refusal, SceneId, TrackChange, TrackId,
    limits::SEATS_MAX,
    wire::{self, ClientMessage, HostMessage},
};
use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command as Process, Stdio},
    time::{Duration, Instant},
};

/// Players of the storm, and threads that knock for them.
const STORM: usize = 500;
const KNOCKING: usize = 16;
/// How long the storm may last on a busy machine.
const STORM_MAX: Duration = Duration::from_mins(2);

fn rename(track: u8, name: &str) -> Command {
    Command::Edit(Edit::ChangeTrack { track: TrackId(track), change: TrackChange::Name(Name::sanitised(name)) })
}

fn durable(player: &Player) -> u64 {
    player.seat.view(keyboardia_session::Micros(0)).and_then(|view| view.durable).unwrap_or(0)
}

fn seq(player: &Player) -> u64 {
    player.seat.state().map_or(0, |state| state.seq())
}

#[test]
fn of_eleven_who_come_at_once_ten_find_seats_and_each_of_them_comes_back() {
    let host = host();
    let code = create(host.http_addr());
    let knock = |token: Option<&str>| try_join(host.http_addr(), &code, token);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..=SEATS_MAX).map(|_| scope.spawn(|| knock(None))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    let seats: BTreeSet<u8> = answers.iter().flatten().map(|joined| joined.seat).collect();
    assert_eq!(seats.len(), SEATS_MAX, "each has a seat of its own");
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, 409);
    for joined in answers.iter().flatten() {
        assert_eq!(knock(Some(&joined.token)).unwrap().seat, joined.seat, "the session is full, but not for them");
    }
}

#[test]
fn five_hundred_who_come_back_at_once_find_their_seats() {
    let config = || HostConfig { seats: 2 * STORM, ..HostConfig::loopback() };
    let dir = tempfile::tempdir().unwrap();
    let store = || Some(keyboardia_server::StoreConfig { dir: dir.path().to_owned(), fsync: false });
    let mut first = Host::start(HostConfig { store: store(), ..config() }).unwrap();
    let codes: Vec<String> = (0..STORM / SEATS_MAX).map(|_| create(first.http_addr())).collect();
    let guests: Vec<(&str, String, u8)> = codes
        .iter()
        .flat_map(|code| (0..SEATS_MAX).map(move |_| code.as_str()))
        .map(|code| {
            let joined = try_join(first.http_addr(), code, None).unwrap();
            (code, joined.token, joined.seat)
        })
        .collect();
    first.stop();

    let second = Host::start(HostConfig { store: store(), ..config() }).unwrap();
    let http = second.http_addr();
    let mut players: Vec<Player> = std::thread::scope(|scope| {
        let crowds: Vec<_> = guests
            .chunks(STORM.div_ceil(KNOCKING))
            .map(|crowd| {
                let come = move |(code, token, seat): &(&str, String, u8)| {
                    let player = Player::join(http, code, Some(token));
                    assert_eq!(player.joined.seat, *seat, "the seat is theirs");
                    player
                };
                scope.spawn(move || crowd.iter().map(come).collect::<Vec<_>>())
            })
            .collect();
        crowds.into_iter().flat_map(|crowd| crowd.join().unwrap()).collect()
    });
    let begin = Instant::now();
    loop {
        for player in &mut players {
            until([player], "a turn", |_| true);
        }
        let here = players.iter().filter(|player| player.seat.state().is_some()).count();
        if here == STORM {
            break;
        }
        assert!(begin.elapsed() < STORM_MAX, "{here} of {STORM} are back");
    }
    let [ada, ..] = players.as_mut_slice() else { panic!("nobody") };
    ada.command(rename(0, "After the storm"));
    let is_named = |kind: &EventKind| matches!(kind, EventKind::TrackChanged { .. });
    until([ada], "an event", |[ada]| ada.heard_event(is_named));
}

#[test]
fn a_flood_of_one_player_is_refused_in_words_and_the_others_play_on() {
    let host = host();
    let code = create(host.http_addr());
    let mut flood = Player::enter(host.http_addr(), &code, None);
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let is_named = |name: &'static str| move |kind: &EventKind| matches!(kind, EventKind::TrackChanged { change: TrackChange::Name(n), .. } if n.as_str() == name);
    let too_often = |player: &Player| {
        let is_it = |m: &&HostMessage| matches!(m, HostMessage::Refused { refusal: Refusal::TooOften(_), .. });
        player.heard.iter().filter(is_it).count()
    };
    for round in 0..40_u32 {
        for press in 0..50 {
            flood.command(rename(1, &format!("flood {round} {press}")));
            flood.send(wire::encode(&ClientMessage::Resync));
        }
        until([&mut flood, &mut ada], "a turn", |_| true);
        if round == 20 {
            ada.command(rename(0, "Undisturbed"));
        }
    }
    until([&mut flood, &mut ada], "the other's event", |[_, ada]| ada.heard_event(is_named("Undisturbed")));
    until([&mut flood, &mut ada], "a refusal", |[flood, _]| too_often(flood) > 0);
    assert_eq!(too_often(&ada), 0);
}

/// A host whose files may not grow beyond some kilobytes, as on a full disk; `prlimit` makes room again.
fn cramped(dir: &std::path::Path, blocks: u32) -> (Program, SocketAddr, String) {
    let program = env!("CARGO_BIN_EXE_keyboardia-server");
    let data = dir.display();
    let line = format!(
        "trap '' XFSZ; ulimit -S -f {blocks}; exec {program} --bind 127.0.0.1 --port 0 --json --create --data {data}"
    );
    let child = Process::new("sh").args(["-c", &line]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut program = Program(child);
    let line = program.first_line();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    (program, said["http"].as_str().unwrap().parse().unwrap(), said["code"].as_str().unwrap().to_owned())
}

/// Sets how large the files of a running host may become.
fn let_files_grow(program: &Program, bytes: &str) {
    let limit = format!("--fsize={bytes}:unlimited");
    let set = Process::new("prlimit").args([&limit, "--pid", &program.0.id().to_string()]).status();
    assert!(set.expect("prlimit of util-linux").success());
}

#[test]
fn on_a_full_disk_everybody_plays_on_and_what_waited_is_safe_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (program, http, code) = cramped(dir.path(), 400);
    let mut ada = Player::enter(http, &code, None);
    let mut bob = Player::enter(http, &code, None);
    // Files fill up until nothing more is safe.
    let mut edits = 0_u32;
    let begin = Instant::now();
    let full = loop {
        edits += 1;
        ada.command(rename((edits % 8) as u8, &format!("edit {edits}")));
        let before = seq(&ada);
        until([&mut ada, &mut bob], "an answer", |[ada, _]| {
            seq(ada) > before || ada.heard.iter().any(|m| matches!(m, HostMessage::Refused { .. }))
        });
        ada.heard.clear();
        if seq(&ada) > durable(&ada) + 100 {
            break seq(&ada);
        }
        assert!(begin.elapsed() < Duration::from_mins(2), "the disk is not full after {edits} edits");
    };
    until([&mut ada, &mut bob], "the same at the other's", |[_, bob]| seq(bob) >= full);
    let_files_grow(&program, "unlimited");
    ada.command(rename(0, "Room at last"));
    until([&mut ada, &mut bob], "everything safe", |[ada, bob]| {
        seq(ada) > full && durable(ada) == seq(ada) && durable(bob) == seq(bob)
    });
    program.signal("KILL");
    drop(program);
    let (_program, http, _) = cramped(dir.path(), 1_000_000);
    let back = Player::enter(http, &code, Some(&ada.joined.token));
    assert_eq!(back.joined.seat, ada.joined.seat);
    assert_eq!(back.seat.state().unwrap().track(TrackId(0)).unwrap().name.as_str(), "Room at last");
}

#[test]
fn once_nothing_can_be_written_any_more_everybody_plays_on_and_nothing_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (program, http, code) = cramped(dir.path(), 1_000_000);
    let mut ada = Player::enter(http, &code, None);
    let mut bob = Player::enter(http, &code, None);
    ada.command(rename(0, "Safe"));
    let is_safe = |player: &Player| durable(player) == seq(player);
    until([&mut ada, &mut bob], "the edit, safely", |players| {
        players
            .iter()
            .all(|player| player.state().track(TrackId(0)).unwrap().name.as_str() == "Safe" && is_safe(player))
    });
    let_files_grow(&program, "0");
    let before = seq(&ada);
    for number in 0..50 {
        ada.command(rename(1, &format!("Unsafe {number}")));
        bob.command(Command::Launch { track: TrackId(0), scene: SceneId(0) });
    }
    let unsaved_us = |player: &Player| player.seat.view(player.local()).map_or(0, |view| view.unsaved_us);
    until([&mut ada, &mut bob], "all edits at both, and a second in which nothing is saved", |players| {
        players.iter().all(|player| {
            player.state().track(TrackId(1)).unwrap().name.as_str() == "Unsafe 49" && unsaved_us(player) > 1_000_000
        })
    });
    let mut cyd = Player::enter(http, &code, None);
    cyd.command(rename(2, "Come anyway"));
    until([&mut ada, &mut bob, &mut cyd], "a newcomer's edit", |players| {
        players.iter().all(|player| player.state().track(TrackId(2)).unwrap().name.as_str() == "Come anyway")
    });
    for player in [&ada, &bob, &cyd] {
        assert!(durable(player) <= before, "{} is called safe, {before} was the last that could be", durable(player));
    }
    let_files_grow(&program, "unlimited");
    until([&mut ada, &mut bob, &mut cyd], "everything safe", |players| players.into_iter().all(is_safe));
    assert!(unsaved_us(&ada) == 0 && seq(&ada) > before + 50);
}

/// Lets everybody read, and nobody but root write.
fn forbid_writing(dir: &Path) {
    for file in fs::read_dir(dir).unwrap() {
        fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o444)).unwrap();
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o555)).unwrap();
}

fn allow_writing(dir: &Path) {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
    for file in fs::read_dir(dir).unwrap() {
        fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// How a host ends that is to keep its sessions where nothing can be written. Nothing stops root from writing, so for root
/// it is run as nobody, from where nobody can read it.
fn end_without_a_place(house: &Path, data: &Path) -> (Option<i32>, String) {
    let program = house.join("keyboardia-server");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_keyboardia-server"), &program).unwrap();
        fs::set_permissions(house, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Process::new("setpriv");
    if fs::metadata(house).unwrap().uid() == 0 {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg("--").arg(program).args(["--bind", "127.0.0.1", "--port", "0", "--data"]).arg(data);
    let child = command.env_remove("RUST_LOG").stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    Program(child.expect("setpriv of util-linux")).end()
}

#[test]
fn where_nothing_can_be_written_a_host_says_so_and_harms_nothing() {
    let house = tempfile::tempdir().unwrap();
    let says_why = |data: &Path| {
        let (status, said) = end_without_a_place(house.path(), data);
        assert_eq!(status, Some(1), "{said}");
        let sentence = said.lines().last().unwrap_or_default();
        let begin = format!("keyboardia-server: The sessions in {} ", data.display());
        assert!(sentence.starts_with(&begin) && sentence.ends_with('.'), "{said}");
    };
    let empty = house.path().join("empty");
    fs::create_dir(&empty).unwrap();
    forbid_writing(&empty);
    says_why(&empty);
    says_why(&empty.join("new"));
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);

    // A disk that was mounted read-only after a fault has sessions already.
    let data = house.path().join("data");
    let (program, http, code) = cramped(&data, 1_000_000);
    let mut ada = Player::enter(http, &code, None);
    ada.command(rename(0, "Kept"));
    until([&mut ada], "the edit, safely", |[ada]| {
        ada.seat.state().unwrap().track(TrackId(0)).unwrap().name.as_str() == "Kept" && durable(ada) == seq(ada)
    });
    program.signal("KILL");
    drop(program);
    forbid_writing(&data);
    says_why(&data);
    allow_writing(&data);
    let (_program, http, _) = cramped(&data, 1_000_000);
    let back = Player::enter(http, &code, Some(&ada.joined.token));
    assert_eq!(back.joined.seat, ada.joined.seat);
    assert_eq!(back.seat.state().unwrap().track(TrackId(0)).unwrap().name.as_str(), "Kept");
}
