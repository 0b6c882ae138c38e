//! Networks that fail in mid-jam: whoever is lost goes on sounding, the others go on undisturbed, and all meet again.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Connection, Player, Transport};
use keyboardia_server::{Host, HostConfig};
use keyboardia_session::{
    Avatar, Beats, Colour, Command, CommandClass, Edit, Farewell, Name, Notice, Refusal, SceneId, Tempo, TrackChange,
    TrackId,
};
use keyboardia_tests::{
    bots::{agree, bot_by, heard, ready, seat, state},
    clicks::{HeardBeat, phases_ms},
    concert::{Programme, play},
    measure::percentile,
    process::{PATIENCE, wait_at_most, wait_for},
    relay::{Relay, Weather},
    world::{Dice, any_command},
};
use std::time::Duration;

/// Variable that sets the seed.
const SEED: &str = "KEYBOARDIA_SEED";
/// How long the host is out of reach: twice as long as it takes to notice, and less than a seat is kept.
const OUTAGE: Duration = Duration::from_secs(20);
/// Longest first wait of a player before it asks for its seat.
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// Half of the clicks of two players are no further apart than this, milliseconds, on a busy machine.
const APART_MS_MAX: f64 = 10.0;
/// Share of the beats that both play exactly once, although a busy machine may cut a click now and then.
const WHOLE_SHARE_MIN: f64 = 0.8;
/// Longest silence, beats: the clip has none on its last one, and a busy machine may cut a click beside it.
const SILENCE_BEATS_MAX: f64 = 3.5;

fn seed() -> u64 {
    let given = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| u64::from(std::process::id()));
    println!("{SEED}={seed}");
    seed
}

fn rename(track: u8, name: &str) -> Command {
    Command::Edit(Edit::ChangeTrack { track: TrackId(track), change: TrackChange::Name(Name::sanitised(name)) })
}

fn name_of(player: &Player, track: u8) -> String {
    state(player).track(TrackId(track)).map(|track| track.name.as_str().to_owned()).unwrap_or_default()
}

/// A host behind a relay, and a session on it.
struct Stage {
    relay: Relay,
    host: Host,
    code: String,
}

impl Stage {
    fn open(weather: Weather, seed: u64) -> Self {
        let relay = Relay::open(weather, weather, seed);
        let outside = keyboardia_server::Relay { game: relay.game, time: relay.time };
        let host = Host::start_behind(outside, HostConfig::loopback()).unwrap();
        relay.lead_to(host.udp_addr(), host.time_addr());
        let code = host.create_session().unwrap().to_string();
        Self { relay, host, code }
    }

    /// Brings somebody in, and waits until they are there: the relay counts them as they come.
    fn enter(&mut self, transport: Transport) -> Player {
        let door = self.relay.open_web(self.host.http_addr());
        let player = bot_by(transport, &door.address.to_string(), &self.code);
        ready(&player);
        player
    }
}

/// The beats that were heard between two moments, seconds.
fn between(beats: &[HeardBeat], from: f64, to: f64) -> Vec<HeardBeat> {
    beats.iter().filter(|beat| (from..to).contains(&beat.at())).cloned().collect()
}

#[test]
fn whoever_loses_the_host_for_twenty_seconds_sounds_on_without_a_gap_and_comes_back_in_phase() {
    let part = Duration::from_secs(5);
    let programme =
        Programme { players: 2, part, outage: Some(OUTAGE), tempos: &[97.3], seed: 4, ..Programme::default() };
    let played = play(&programme);
    let (lost, mended) = played.outage.expect("an outage");
    let told = &played.told[1];
    let seats: Vec<_> = told.iter().map(|(_, told)| told.seat).collect();
    assert!(seats.iter().all(|seat| *seat == seats[0] && seat.is_some()), "the same seat before and after: {seats:?}");
    let away = told.iter().filter(|(at, told)| *at < mended && !told.connected).count();
    assert!(away > 4, "nobody noticed");
    assert!(told.last().is_some_and(|(_, told)| told.connected), "it has not come back");
    assert!(played.told[0].iter().all(|(_, told)| told.connected), "the other one was disturbed");
    let end = played.beats.last().map(HeardBeat::at).expect("beats");
    // Before, while it was away, and after it came back; the new tempo among them.
    for (name, from, to) in [("before", 0.0, lost), ("meanwhile", lost, mended), ("after", mended, end)] {
        let beats = between(&played.beats, from, to);
        let whole = beats.iter().filter(|beat| beat.whole().is_some()).count();
        assert!(whole as f64 >= WHOLE_SHARE_MIN * beats.len() as f64, "{name}, {whole} of {} beats", beats.len());
        let apart_ms = percentile(&mut phases_ms(&beats), 0.5);
        println!("{name}: {whole} of {} beats whole, half of them within {apart_ms:.2} ms", beats.len());
        assert!(apart_ms <= APART_MS_MAX, "{name}, half of the beats are {apart_ms} ms apart or more");
    }
    let slowest_beat_s = 60.0 / 97.3;
    let clicks: Vec<f64> = played.beats.iter().filter_map(|beat| beat.clicks[1]).collect();
    let silence_s = clicks.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    assert!(silence_s < SILENCE_BEATS_MAX * slowest_beat_s, "{silence_s} s of silence");
    assert!((mended - lost - OUTAGE.as_secs_f64()).abs() < 2.0 && clicks.len() > 40, "{} clicks", clicks.len());
}

/// One of three is cut off until it notices, while the others play, edit and change the tempo.
fn one_of_three_is_lost_and_returns(transport: Transport) {
    let mut stage = Stage::open(Weather::CALM, seed());
    let ada = stage.enter(Transport::Udp);
    // At each door that the one who is lost goes through, two came before.
    let ben = stage.enter(transport);
    let cyd = stage.enter(transport);
    let seats = [&ada, &ben, &cyd].map(seat);
    assert!(ada.press(TrackId(0), SceneId(0)));
    for player in [&ada, &ben, &cyd] {
        heard(player, TrackId(0));
    }
    agree(&[&ada, &ben, &cyd]);
    let before = state(&cyd).seq();
    stage.relay.cut([2]);
    // The others hear each other at once, and play on time.
    assert!(ben.command(rename(3, "Meanwhile")));
    agree_on_name(&[&ada, &ben], "Meanwhile");
    assert!(ada.press(TrackId(1), SceneId(1)));
    let [one, other] = [&ada, &ben].map(|player| heard(player, TrackId(1)));
    assert_eq!(one.start, other.start);
    assert!(one.beat - one.start < Beats(1_000_000) && other.beat - other.start < Beats(1_000_000), "late");
    wait_for("a lost connection", || matches!(cyd.view().connection, Connection::Reconnecting(_)).then_some(()));
    assert_eq!(state(&cyd).seq(), before, "nothing comes through");
    assert!(cyd.press(TrackId(2), SceneId(0)));
    let refused = Notice::Refused(Refusal::NotConnected);
    wait_for("a refusal", || cyd.take_notices().contains(&refused).then_some(()));
    wait_for("news of the loss", || {
        [&ada, &ben].iter().all(|player| state(player).player(seats[2]).is_some_and(|cyd| !cyd.present)).then_some(())
    });
    for player in [&ada, &ben] {
        assert_eq!(player.view().connection, Connection::Connected, "the others are not disturbed");
    }
    assert!(ada.command(Command::SetTempo(Tempo::from_bpm(97.3).unwrap())));
    agree(&[&ada, &ben]);

    stage.relay.mend();
    wait_for("the connection", || (cyd.view().connection == Connection::Connected).then_some(()));
    wait_for("everybody", || state(&ada).players().iter().all(|player| player.present).then_some(()));
    agree(&[&ada, &ben, &cyd]);
    assert_eq!([&ada, &ben, &cyd].map(seat), seats, "the same seats");
    assert_eq!(name_of(&cyd, 3), "Meanwhile");
    // What it did not hear of sounds in phase by now, and what comes next begins together.
    let late = heard(&cyd, TrackId(1));
    let expected = state(&ada).transport().beat_at(late.at.micros());
    let apart = (expected - late.beat).as_f64().abs();
    assert!(apart < 0.02, "{apart} beats out of phase");
    assert!(cyd.press(TrackId(2), SceneId(0)));
    let [one, other] = [&ada, &cyd].map(|player| heard(player, TrackId(2)));
    assert_eq!(one.start, other.start);
    let apart_ms = (one.at.0 - other.at.0).abs() as f64 / 1e6;
    assert!(apart_ms <= 5.0, "{apart_ms} ms apart");
    assert!(transport == Transport::WebSocket || stage.relay.oddities().cut > 0);
}

fn agree_on_name(players: &[&Player], name: &str) {
    wait_for("the new name", || players.iter().all(|player| name_of(player, 3) == name).then_some(()));
    agree(players);
}

#[test]
fn one_of_three_loses_the_host_and_returns_to_the_same_seat_over_udp() {
    one_of_three_is_lost_and_returns(Transport::Udp);
}

#[test]
fn one_of_three_loses_the_host_and_returns_to_the_same_seat_on_a_web_socket() {
    one_of_three_is_lost_and_returns(Transport::WebSocket);
}

/// The sentence with which a player has given up, if it has.
fn given_up(player: &Player) -> Option<String> {
    match &player.view().connection {
        Connection::Failed(why) => Some(why.clone()),
        _ => None,
    }
}

/// Requests for seats that a host has answered.
fn answers(host: &Host) -> String {
    let metrics = keyboardia_visitor::client().get(format!("http://{}/metrics", host.http_addr())).send().unwrap();
    let text = metrics.text().unwrap();
    let joins =
        text.lines().filter(|line| line.starts_with("keyboardia_http_answers_total") && !line.contains("\"200\""));
    joins.collect::<Vec<_>>().join(", ")
}

/// Whoever was removed is told, and does not ask again.
fn a_removed_player_does_not_come_back(transport: Transport) {
    let host = Host::start(HostConfig::loopback()).unwrap();
    let (http, code) = (host.http_addr().to_string(), host.create_session().unwrap().to_string());
    let ada = bot_by(Transport::Udp, &http, &code);
    ready(&ada);
    let ben = bot_by(transport, &http, &code);
    ready(&ben);
    assert!(ada.command(Command::SetRemoval { seat: seat(&ben), remove: true }));
    let why = wait_for("the player's end", || given_up(&ben));
    assert_eq!(why, Farewell::Removed.to_string());
    // A player that asked for its seat would be refused with 403.
    wait_at_most(3 * BACKOFF_FIRST, || None::<()>);
    assert!(!answers(&host).contains("403"), "{}", answers(&host));
    assert_eq!(given_up(&ben), Some(why));
    assert_eq!(ada.view().connection, Connection::Connected);
}

#[test]
fn a_removed_player_does_not_come_back_over_udp() {
    a_removed_player_does_not_come_back(Transport::Udp);
}

#[test]
fn a_removed_player_does_not_come_back_on_a_web_socket() {
    a_removed_player_does_not_come_back(Transport::WebSocket);
}

#[test]
fn a_player_whose_session_is_over_asks_once_and_gives_up() {
    let mut first = Host::start(HostConfig::loopback()).unwrap();
    let (http, code) = (first.http_addr(), first.create_session().unwrap().to_string());
    let ada = bot_by(Transport::Udp, &http.to_string(), &code);
    ready(&ada);
    first.stop();
    wait_for("a lost connection", || matches!(ada.view().connection, Connection::Reconnecting(_)).then_some(()));
    // It keeps no sessions.
    let second = Host::start(HostConfig { http, ..HostConfig::loopback() }).unwrap();
    let why = wait_for("the player's end", || given_up(&ada));
    assert_eq!(why, format!("No session has the code {code}; check the five words."));
    wait_at_most(3 * BACKOFF_FIRST, || None::<()>);
    assert_eq!(answers(&second), "keyboardia_http_answers_total{status=\"404\"} 1");
}

#[test]
fn packets_that_come_twice_or_late_or_not_at_all_change_nothing() {
    /// Commands that each player sends.
    const COMMANDS: usize = 240;
    /// After so many all have to agree.
    const ROUND: usize = 12;
    let seed = seed();
    let (delay, jitter_p99) = (Duration::from_millis(5), Duration::from_millis(20));
    let mut stage = Stage::open(Weather { delay, jitter_p99, loss: 0.02, doubles: 0.3 }, seed);
    let players = [(); 3].map(|()| stage.enter(Transport::Udp));
    let mut dice = Dice::new(seed);
    for round in 0..COMMANDS {
        for player in &players {
            let command = match any_command(&mut dice) {
                // All are to stay, and to have a word left for the end of each round.
                command if command.class() == CommandClass::Talk => Command::SetPlaying(true),
                command => command,
            };
            wait_for("room for a wish", || player.command(command.clone()).then_some(()));
        }
        if round % ROUND == ROUND - 1 {
            // Each player's last word of this round, heard by all.
            let name = format!("Round {round}");
            let all = players.each_ref();
            for player in all {
                let (colour, avatar) = (Colour([1, 2, 3]), Avatar::new(7).unwrap());
                let command = Command::SetProfile { name: Name::sanitised(&name), colour, avatar };
                wait_for("room for a wish", || player.command(command.clone()).then_some(()));
            }
            let is_said = |player: &&Player| state(player).players().iter().all(|player| player.name.as_str() == name);
            let said = wait_at_most(PATIENCE, || all.iter().all(is_said).then_some(()));
            let doings =
                || all.map(|player| (state(player).seq(), player.view().connection.clone(), player.take_notices()));
            assert!(said.is_some(), "not everybody's last word of round {round} is heard: {:?}", doings());
            agree(&all);
        }
    }
    agree(&players.each_ref());
    let events = state(&players[0]).seq();
    assert!(events > COMMANDS as u64, "{events} events came of {} commands", 3 * COMMANDS);
    for player in &players {
        assert_eq!(player.view().connection, Connection::Connected);
    }
    let (oddities, counts) = (stage.relay.oddities(), stage.relay.counts());
    println!("{counts:?} taken and lost, {oddities:?}");
    assert!(oddities.doubled > 50 && oddities.overtaken > 50 && counts.1 > 0, "{oddities:?}");
}
