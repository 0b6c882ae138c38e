//! A host and a place in the cloud that hold one session: whoever of them is gone, the music goes on, and nothing that was
//! acknowledged is lost. Real hosts, the real Worker in the real workerd.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod place;
mod samples;

use keyboardia_player::{Connection, Player};
use keyboardia_session::{
    Command, Farewell, Name, Profile, SceneId, TrackId,
    bridge::{self, FromHost, FromPlace},
    wire::HostMessage,
};
use keyboardia_tests::{
    bots::{agree, bot, heard, ready, state},
    cloud::Cloud,
    conformance::{Way, name_of, rename},
    process::{HostProcess, wait_at_most, wait_for},
    relay::{Relay, Weather},
};
use keyboardia_visitor::{Message, Visitor, client, create, until};
use std::{
    net::TcpStream,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::{
    self,
    client::IntoClientRequest,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

/// The key that the place was given.
const KEY: &str = "an open secret";
/// How long a place may take to find out that a host that has vanished says nothing more.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// Probes by which a clock is read.
const PROBES: usize = 20;
/// How far apart the clocks of a host and of a place may be, microseconds: the place's has milliseconds.
const APART_US: u64 = 5_000;

type Line = tungstenite::WebSocket<tungstenite::stream::MaybeTlsStream<TcpStream>>;

fn place(dir: &TempDir) -> Cloud {
    Cloud::start(dir.path(), &secret().each_ref().map(String::as_str))
}

/// Tells the place the key.
fn secret() -> [String; 2] {
    ["--var".into(), format!("BRIDGE_KEY:{KEY}")]
}

/// A host that puts its sessions on the internet there.
fn host_with(place: &str, more: &[&str]) -> HostProcess {
    let place = format!("http://{place}");
    HostProcess::with(&[&["--bridge", &place, "--key", KEY], more].concat())
}

fn named(name: &str) -> Profile {
    Profile { name: Some(Name::sanitised(name)), ..Profile::default() }
}

/// Somebody who comes to the place, as soon as the session is there.
fn come(place: &str, code: &str, name: &str) -> Visitor {
    wait_for("a session that is there", || Visitor::enter(Way::WebSocket, place, code, &named(name), None).ok())
}

/// A host whose session is at a place, too, with somebody at each.
struct Both {
    /// What the place keeps.
    dir: TempDir,
    cloud: Cloud,
    host: HostProcess,
    /// At the host, in time.
    ada: Player,
    /// At the place.
    ben: Visitor,
}

impl Both {
    fn begin() -> Self {
        let dir = TempDir::new().unwrap();
        let cloud = place(&dir);
        let host = host_with(&cloud.http, &[]);
        let ada = bot(&host.http, Some(&host.code));
        ready(&ada);
        let ben = come(&cloud.http, &host.code, "Ben");
        Self { dir, cloud, host, ada, ben }
    }
}

/// The same who were there already.
fn come_back(place: &str, code: &str, visitor: &Visitor) -> Visitor {
    let token = visitor.joined.token.clone();
    wait_for("the seat", || Visitor::enter(Way::WebSocket, place, code, &Profile::default(), Some(&token)).ok())
}

fn epoch(visitor: &Visitor) -> u32 {
    let epoch = |message: &HostMessage| match message {
        HostMessage::Welcome { epoch, .. } => Some(*epoch),
        _ => None,
    };
    visitor.heard.iter().rev().find_map(epoch).expect("a welcome")
}

/// Whether all that a player knows of is safe.
fn is_safe(player: &Player) -> bool {
    let view = player.view();
    view.session.as_ref().is_some_and(|session| session.durable >= Some(session.state.seq()))
}

fn track_name(player: &Player, track: u8) -> String {
    state(player).track(TrackId(track)).map(|track| track.name.to_string()).unwrap_or_default()
}

/// What time it is in the session, less this machine's, microseconds: by the probe that was answered soonest.
fn ahead_us(visitor: &mut Visitor) -> i64 {
    let here_us = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
    let mut probe = || {
        visitor.times.clear();
        let before = here_us();
        visitor.ask_time();
        until([&mut *visitor], "the time", |[visitor]| !visitor.times.is_empty()).unwrap();
        let round_us = here_us() - before;
        (round_us, visitor.times[0].received.0 as i64 - before - round_us / 2)
    };
    (0..PROBES).map(|_| probe()).min().unwrap().1
}

/// A host made by hand, up to its first word.
fn dial(place: &str, code: &str, key: &str) -> Result<Line, tungstenite::Error> {
    let mut request = format!("ws://{place}/api/sessions/{code}/bridge").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
    tungstenite::connect(request).map(|(line, _)| line)
}

fn say(line: &mut Line, message: &FromHost) {
    line.send(Message::Binary(bridge::encode(message).into())).unwrap();
}

/// The next that the place says; or why it has closed the line.
fn hear(line: &mut Line) -> Result<FromPlace, Option<Farewell>> {
    loop {
        match line.read() {
            Ok(Message::Binary(bytes)) => return Ok(bridge::decode(&bytes).unwrap()),
            Ok(Message::Close(frame)) => return Err(frame.and_then(|frame| Farewell::of_code(frame.code.into()))),
            Ok(_) => {}
            Err(_) => return Err(None),
        }
    }
}

#[test]
fn players_of_a_host_and_of_its_place_jam_together() {
    let Both { dir: _dir, cloud, host, ada, mut ben } = Both::begin();
    let cleo = bot(&format!("http://{}", cloud.http), Some(&host.code));
    ready(&cleo);
    assert!(ada.press(TrackId(0), SceneId(0)));
    let (hers, cleos) = (heard(&ada, TrackId(0)), heard(&cleo, TrackId(0)));
    assert_eq!(hers.start, cleos.start);
    let apart_ms = (hers.at.0 - cleos.at.0).abs() as f64 / 1e6;
    assert!(apart_ms <= 5.0, "{apart_ms} ms apart");
    ben.command(rename(1, "By Ben"));
    until([&mut ben], "his own edit", |[ben]| name_of(ben, 1) == "By Ben").unwrap();
    wait_for("Ben's edit", || (track_name(&ada, 1) == "By Ben").then_some(()));
    // It is safe once the place has it; the host itself keeps nothing.
    until([&mut ben], "that all is safe", |[ben]| ben.durable() >= Some(ben.state().seq())).unwrap();
    wait_for("that she knows", || is_safe(&ada).then_some(()));
    agree(&[&ada, &cleo]);
    assert_eq!(state(&ada).players().len(), 3);
    ben.leave();
    wait_for("Ben's going", || state(&ada).players().iter().any(|player| !player.present).then_some(()));
}

#[test]
fn when_the_host_drops_the_place_goes_on_from_there_and_the_host_takes_up_what_has_happened() {
    let (dir, data) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let cloud = place(&dir);
    let kept = data.path().display().to_string();
    let host = host_with(&cloud.http, &["--data", &kept]);
    let code = host.code.clone();
    let ada = bot(&host.http, Some(&code));
    ready(&ada);
    let mut ben = come(&cloud.http, &code, "Ben");
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    assert!(ada.command(rename(2, "Hers")));
    ben.command(rename(1, "His"));
    wait_for("both edits, safely", || {
        ben.tick();
        let is_there = track_name(&ada, 1) == "His" && track_name(&ada, 2) == "Hers" && name_of(&ben, 2) == "Hers";
        (is_there && is_safe(&ada) && ben.durable() >= Some(ben.state().seq())).then_some(())
    });
    let (under, before) = (epoch(&ben), ahead_us(&mut ben));
    let playing = state(&ada).transport().last().anchor_time;

    // The host ends as in a crash: the place goes on, and both come there, she from her host.
    let parts = host.crash_only();
    until([&mut ben], "his farewell", |[ben]| ben.farewell().is_some()).unwrap();
    assert_eq!(ben.farewell(), Some(Farewell::Moving));
    let mut ben = come_back(&cloud.http, &code, &ben);
    assert_eq!((name_of(&ben, 1), name_of(&ben, 2)), ("His".into(), "Hers".into()));
    assert!(epoch(&ben) > under, "{} after {under}", epoch(&ben));
    wait_for("her at the place", || {
        let view = ada.view();
        (view.connection == Connection::Connected && view.host.contains(&cloud.http)).then_some(())
    });
    // The music has gone on as if nothing were.
    assert_eq!(state(&ada).transport().last().anchor_time, playing, "the same beats");
    let after = ahead_us(&mut ben);
    assert!(before.abs_diff(after) <= APART_US, "{before} and {after} µs");
    assert!(state(&ada).transport().last().playing);
    ben.command(Command::Launch { track: TrackId(1), scene: SceneId(0) });
    heard(&ada, TrackId(1));
    ben.command(rename(1, "Alone"));
    until([&mut ben], "an edit, safely", |[ben]| {
        name_of(ben, 1) == "Alone" && ben.durable() >= Some(ben.state().seq())
    })
    .unwrap();

    // The host is back, with what it knew when it ended: what has happened since comes from the place.
    let (under, place) = (epoch(&ben), format!("http://{}", cloud.http));
    let host = parts.start(&["--data", &kept, "--bridge", &place, "--key", KEY]);
    until([&mut ben], "that the host has it", |[ben]| ben.farewell().is_some()).unwrap();
    let mut ben = come_back(&cloud.http, &code, &ben);
    assert!(epoch(&ben) > under, "{} after {under}", epoch(&ben));
    assert_eq!((name_of(&ben, 1), name_of(&ben, 2)), ("Alone".into(), "Hers".into()));
    let dan = bot(&host.http, Some(&code));
    ready(&dan);
    assert_eq!((track_name(&dan, 1), track_name(&dan, 2)), ("Alone".into(), "Hers".into()));
    ben.command(rename(3, "Together"));
    wait_for("an edit, safely", || {
        ben.tick();
        (track_name(&dan, 3) == "Together" && is_safe(&dan)).then_some(())
    });
    wait_for("her again", || (ada.view().connection == Connection::Connected).then_some(()));
    agree(&[&ada, &dan]);
}

#[test]
fn a_host_that_has_lost_the_place_acknowledges_nothing_until_it_has_the_newest_epoch() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let mut relay = Relay::open(Weather::CALM, Weather::CALM, 7);
    let door = relay.open_web(cloud.http.parse().unwrap());
    let host = host_with(&door.address.to_string(), &[]);
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    let mut ben = come(&cloud.http, &host.code, "Ben");
    assert!(ada.command(rename(0, "Agreed")));
    wait_for("an edit, safely", || (track_name(&ada, 0) == "Agreed" && is_safe(&ada)).then_some(()));
    let under = epoch(&ben);

    // Nothing comes through any more, and nobody is told so. Each goes on where they are.
    relay.cut([door.player]);
    let durable = ada.view().session.as_ref().unwrap().durable;
    assert!(ada.command(rename(2, "Nobody knows")));
    wait_for("her edit", || (track_name(&ada, 2) == "Nobody knows").then_some(()));
    let gone = wait_at_most(SILENCE_MAX, || {
        ben.tick();
        (ben.farewell().is_some() || ben.is_gone()).then_some(())
    });
    assert!(gone.is_some(), "the place waits for its host:\n{}", cloud.said());
    let mut ben = come_back(&cloud.http, &host.code, &ben);
    assert!(epoch(&ben) > under);
    assert_eq!(name_of(&ben, 0), "Agreed");
    ben.command(rename(1, "His"));
    until([&mut ben], "his edit, safely", |[ben]| name_of(ben, 1) == "His" && ben.durable() >= Some(ben.state().seq()))
        .unwrap();
    assert_eq!(ada.view().session.as_ref().unwrap().durable, durable, "what the place does not hold is not safe");

    // They hear of each other again: the newest epoch is the place's, and what it has acknowledged stands.
    let under = epoch(&ben);
    relay.mend();
    until([&mut ben], "that the host has it", |[ben]| ben.farewell().is_some()).unwrap();
    let ben = come_back(&cloud.http, &host.code, &ben);
    assert!(epoch(&ben) > under);
    wait_for("one session", || {
        let view = ada.view();
        let is_there = view.connection == Connection::Connected && track_name(&ada, 1) == "His" && is_safe(&ada);
        is_there.then_some(())
    });
    assert_eq!(track_name(&ada, 0), "Agreed");
    assert_ne!(track_name(&ada, 2), "Nobody knows", "it was never acknowledged");
    assert_eq!(state(&ada).track(TrackId(1)).unwrap().name, ben.state().track(TrackId(1)).unwrap().name);
}

#[test]
fn wherever_a_host_vanishes_while_it_takes_over_the_session_goes_on() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let code = create(&cloud.http).unwrap();
    let mut ben = come(&cloud.http, &code, "Ben");
    let steps = ["dials in", "says hello", "is granted", "writes", "says nonsense", "breaks the protocol"];
    for (round, step) in steps.into_iter().enumerate() {
        let name = format!("Round {round}");
        ben.command(rename(0, &name));
        until([&mut ben], "an edit, safely", |[ben]| {
            name_of(ben, 0) == name && ben.durable() >= Some(ben.state().seq())
        })
        .unwrap();
        let under = epoch(&ben);
        let mut line = dial(&cloud.http, &code, KEY).unwrap();
        if round > 0 {
            say(&mut line, &FromHost::Hello { epoch: 1, granted: None });
        }
        if round > 1 {
            let Ok(FromPlace::Granted { epoch, session: Some(session) }) = hear(&mut line) else { panic!("{step}") };
            assert!(epoch > under, "{step}: {epoch} after {under}");
            if round > 2 {
                say(&mut line, &FromHost::Whole { snapshot: session.snapshot, seq: 77 });
                assert_eq!(hear(&mut line), Ok(FromPlace::Held(77)), "{step}");
            }
            if step == "breaks the protocol" {
                let frame = Frame::message(vec![7; 7], OpCode::Data(Data::Reserved(3)), true);
                line.send(Message::Frame(frame)).unwrap();
                while hear(&mut line).is_ok() {}
                wait_for("an error", || cloud.said().contains("a socket has failed").then_some(()));
            } else if round > 3 {
                line.send(Message::Binary(vec![9; 99].into())).unwrap();
                assert_eq!(hear(&mut line), Err(Some(Farewell::Unnamed)), "{step}");
            }
        }
        drop(line);
        if round > 0 {
            until([&mut ben], "his farewell", |[ben]| ben.farewell().is_some()).unwrap();
            assert_eq!(ben.farewell(), Some(Farewell::Moving), "{step}");
            let back = wait_at_most(SILENCE_MAX, || {
                Visitor::enter(Way::WebSocket, &cloud.http, &code, &Profile::default(), Some(&ben.joined.token)).ok()
            });
            ben = back.unwrap_or_else(|| panic!("{step}: nobody goes on:\n{}", cloud.said()));
            assert!(epoch(&ben) > under + 1, "{step}: an epoch that nobody has had");
        }
        assert_eq!(name_of(&ben, 0), name, "{step}");
    }
}

#[test]
fn the_newest_host_has_the_session_and_older_ones_are_refused() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let code = create(&cloud.http).unwrap();
    let mut first = dial(&cloud.http, &code, KEY).unwrap();
    say(&mut first, &FromHost::Hello { epoch: 0, granted: None });
    let Ok(FromPlace::Granted { epoch, session: Some(session) }) = hear(&mut first) else { panic!("a grant") };
    say(&mut first, &FromHost::Whole { snapshot: session.snapshot.clone(), seq: 5 });
    assert_eq!(hear(&mut first), Ok(FromPlace::Held(5)));
    // Its own connection anew: what it has is the newest.
    let mut again = dial(&cloud.http, &code, KEY).unwrap();
    say(&mut again, &FromHost::Hello { epoch, granted: Some(epoch) });
    assert_eq!(hear(&mut again), Ok(FromPlace::Granted { epoch: epoch + 1, session: None }));
    assert_eq!(hear(&mut first), Err(Some(Farewell::Replaced)));
    say(&mut again, &FromHost::Whole { snapshot: session.snapshot, seq: 6 });
    assert_eq!(hear(&mut again), Ok(FromPlace::Held(6)));
    // Somebody else, who believes to be far ahead.
    let mut other = dial(&cloud.http, &code, KEY).unwrap();
    say(&mut other, &FromHost::Hello { epoch: 40, granted: Some(40) });
    let Ok(FromPlace::Granted { epoch, session: Some(_) }) = hear(&mut other) else { panic!("a grant") };
    assert_eq!(epoch, 41);
    assert_eq!(hear(&mut again), Err(Some(Farewell::Replaced)));
}

#[test]
fn a_host_takes_a_session_over_by_its_words() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let code = create(&cloud.http).unwrap();
    let mut ben = come(&cloud.http, &code, "Ben");
    ben.command(rename(0, "Before"));
    until([&mut ben], "an edit", |[ben]| name_of(ben, 0) == "Before").unwrap();
    let host = host_with(&cloud.http, &["--take", &code]);
    until([&mut ben], "that the host has it", |[ben]| ben.farewell().is_some()).unwrap();
    let ben = come_back(&cloud.http, &code, &ben);
    let ada = bot(&host.http, Some(&code));
    ready(&ada);
    assert_eq!((track_name(&ada, 0), name_of(&ben, 0)), ("Before".into(), "Before".into()));
}

#[test]
fn a_host_whose_session_another_has_taken_over_lets_go_and_its_players_come_along() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let first = host_with(&cloud.http, &[]);
    let ada = bot(&first.http, Some(&first.code));
    ready(&ada);
    assert!(ada.command(rename(0, "With the first")));
    wait_for("an edit, safely", || is_safe(&ada).then_some(()));
    let second = host_with(&cloud.http, &["--take", &first.code]);
    wait_for("her at the place", || {
        let view = ada.view();
        (view.connection == Connection::Connected && view.host.contains(&cloud.http)).then_some(())
    });
    let dan = bot(&second.http, Some(&first.code));
    ready(&dan);
    assert_eq!(track_name(&dan, 0), "With the first");
    assert!(dan.command(rename(1, "With the second")));
    wait_for("his edit, safely", || (track_name(&ada, 1) == "With the second" && is_safe(&dan)).then_some(()));
    agree(&[&ada, &dan]);
}

#[test]
fn without_the_key_nobody_takes_a_session_over_and_the_host_plays_on() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let code = create(&cloud.http).unwrap();
    for key in ["", "another", "an open secre"] {
        let Err(tungstenite::Error::Http(answer)) = dial(&cloud.http, &code, key) else { panic!("“{key}” opens") };
        assert_eq!(answer.status(), 401);
    }
    let plain =
        client().get(format!("http://{}/api/sessions/{code}/bridge", cloud.http)).bearer_auth(KEY).send().unwrap();
    assert_eq!(plain.status(), 426, "{}", plain.text().unwrap());
    let place = format!("http://{}", cloud.http);
    let host = HostProcess::with(&["--bridge", &place, "--key", "another"]);
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    assert!(!is_safe(&ada), "what only the host has is not safe");
}
