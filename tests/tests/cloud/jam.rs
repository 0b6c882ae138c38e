//! Real players who hear each other through the object: its clock has milliseconds and stands still while it works, and its
//! way is a WebSocket's; they play in time nevertheless.

use keyboardia_session::{SceneId, TrackId};
use keyboardia_tests::{
    bots::{agree, bot, ready, seat, state},
    cloud::Cloud,
    concert::{Doors, Played, Programme, Told, play_at, play_in_time},
    measure::percentile,
    process::{HostProcess, wait_at_most, wait_for},
    relay::{Relay, Weather},
};
use keyboardia_visitor::{client, create};
use std::time::Duration;
use tempfile::TempDir;

/// How far off a player's idea of the object's time may be, milliseconds: some grains of its clock, which is this machine's.
const CLOCK_OFF_MS_MAX: f64 = 5.0;

/// How long an object may take to miss somebody.
const SILENCE_MAX: Duration = Duration::from_secs(90);

/// What is wrong about the native players' time, as a sentence.
fn know_the_time(played: &Played) -> Result<(), String> {
    let clocks = |told: &Vec<(f64, Told)>| told.iter().filter_map(|(_, told)| told.clock_us).collect::<Vec<_>>();
    let natives: Vec<Vec<i64>> = played.told.iter().map(clocks).filter(|clocks| !clocks.is_empty()).collect();
    for clocks in &natives {
        let off_ms = percentile(&mut clocks.iter().map(|us| *us as f64 / 1e3).collect::<Vec<_>>(), 0.5);
        println!("the object's time is off by {off_ms:.2} ms");
        if off_ms.abs() > CLOCK_OFF_MS_MAX {
            return Err(format!("the object's time is off by {off_ms} ms: {clocks:?} µs"));
        }
    }
    if natives.is_empty() { Err("nobody knows the time".into()) } else { Ok(()) }
}

fn programme(players: usize, pages: usize) -> Programme {
    Programme { players, pages, part: Duration::from_secs(5), tempos: &[97.3, 133.0], ..Programme::default() }
}

fn play_the_same_beats(players: usize, pages: usize) {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let doors = Doors::of(cloud.http.parse().unwrap());
    play_in_time(|| {
        let played = play_at(&programme(players, pages), doors, &create(&cloud.http).unwrap());
        know_the_time(&played)?;
        played.in_time()
    });
}

#[test]
fn two_players_in_one_room_play_the_same_beats() {
    play_the_same_beats(2, 0);
}

#[test]
fn a_desktop_player_and_two_tabs_play_the_same_beats() {
    play_the_same_beats(3, 2);
}

#[test]
fn a_desktop_player_at_a_host_and_two_tabs_at_its_place_play_the_same_beats() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &["--var", "BRIDGE_KEY:a key"]);
    let place = format!("http://{}", cloud.http);
    play_in_time(|| {
        let host = HostProcess::with(&["--bridge", &place, "--key", "a key"]);
        wait_for("the session at the place", || is_open(&cloud, &host.code).then_some(()));
        let doors = Doors { natives: host.http.parse().unwrap(), pages: cloud.http.parse().unwrap() };
        play_at(&programme(3, 2), doors, &host.code).in_time()
    });
}

/// Whether the place has a session: only then it asks who somebody is.
fn is_open(cloud: &Cloud, code: &str) -> bool {
    let url = format!("http://{}/api/sessions/{code}/samples/{}", cloud.http, "0".repeat(64));
    let answer = client().get(url).bearer_auth("0".repeat(64)).send().unwrap();
    answer.status() == 401
}

#[test]
fn a_player_whose_network_is_gone_is_missed_and_comes_back_to_the_same_seat() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let mut relay = Relay::open(Weather::CALM, Weather::CALM, 3);
    let door = relay.open_web(cloud.http.parse().unwrap());
    let (ada, ben) = (bot(&cloud.http, Some(&code)), bot(&door.address.to_string(), Some(&code)));
    ready(&ada);
    ready(&ben);
    assert!(ada.press(TrackId(0), SceneId(0)));
    let seat = seat(&ben);
    let is_there = || state(&ada).player(seat).is_some_and(|player| player.present);
    wait_for("both", || is_there().then_some(()));
    // Nothing comes through any more, and no connection is closed: only keep-alives tell who is there.
    relay.cut([door.player]);
    let missed = wait_at_most(SILENCE_MAX, || (!is_there()).then_some(()));
    assert!(missed.is_some(), "nobody misses him:\n{}", cloud.said());
    assert_eq!(state(&ada).players().iter().filter(|player| player.present).count(), 1, "she is there");
    relay.mend();
    wait_for("him again", || is_there().then_some(()));
    agree(&[&ada, &ben]);
}
