//! The Worker in the real workerd: it keeps what every authority promises, forgets nothing that it has acknowledged, and
//! sleeps without anybody noticing.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod alarms;
mod crowd;
mod jam;
mod page;
mod samples;

use keyboardia_session::{
    Authority, Command, CommandClass, CommandId, EventKind, Manifest, Micros, Name, Outbox, Profile, SeatId, SeatToken,
    SessionSetup, SessionState, TrackId,
    api::{ApiError, ApiErrorKind},
    event::Event,
    limits::GRACE_US,
    page::{HEADERS, LASTING, LASTING_CACHE, PASSING_CACHE},
    wire::{self, ClientMessage, HostMessage},
};
use keyboardia_tests::{
    cloud::Cloud,
    conformance::{
        self, SCENARIOS, WEB_SCENARIOS, Way, name_of, rename,
        samples::{name, wav},
    },
    process::wait_at_most,
    world::{Dice, any_command},
};
use keyboardia_visitor::{Message, Visitor, client, create, until};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::protocol::frame::{
    Frame,
    coding::{Data, OpCode},
};

/// Time that a place may take beyond a grace time.
const LENIENCE: Duration = Duration::from_secs(40);
/// Time in which a place falls asleep.
const NAP: Duration = Duration::from_secs(12);
/// Time between two keep-alives of a player.
const PING: Duration = Duration::from_secs(5);

fn named(name: &str) -> Profile {
    Profile { name: Some(Name::sanitised(name)), ..Profile::default() }
}

fn enter(cloud: &Cloud, code: &str, name: &str) -> Visitor {
    Visitor::enter(Way::WebSocket, &cloud.http, code, &named(name), None).unwrap()
}

/// How often somebody was welcomed: again where the object has begun anew.
fn welcomes(visitor: &Visitor) -> usize {
    visitor.heard.iter().filter(|message| matches!(message, HostMessage::Welcome { .. })).count()
}

fn epoch(visitor: &Visitor) -> u32 {
    let epoch = |message: &HostMessage| match message {
        HostMessage::Welcome { epoch, .. } => Some(*epoch),
        _ => None,
    };
    visitor.heard.iter().rev().find_map(epoch).expect("a welcome")
}

#[test]
fn it_keeps_what_every_authority_promises() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let authority = conformance::Authority::at(&cloud.http, &[Way::WebSocket]);
    let mut broken = Vec::new();
    for (name, scenario) in SCENARIOS.iter().chain(WEB_SCENARIOS) {
        if let Err(why) = scenario(&authority) {
            broken.push(format!("{name}: {why}"));
        }
    }
    assert!(broken.is_empty(), "{} promises are not kept:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn what_is_acknowledged_survives_the_end_of_the_place() {
    let dir = TempDir::new().unwrap();
    let mut cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let (ada, ben) = (enter(&cloud, &code, "Ada"), enter(&cloud, &code, "Ben"));
    let tokens = [ada.joined.token.clone(), ben.joined.token.clone()];
    let mut players = [ada, ben];
    let bytes = wav(4_800, 5);
    let known = name(&bytes);
    let url = |cloud: &Cloud| format!("http://{}/api/sessions/{code}/samples/{known}", cloud.http);
    assert_eq!(client().put(url(&cloud)).bearer_auth(&tokens[0]).body(bytes.clone()).send().unwrap().status(), 201);
    for round in 0..3_u32 {
        let [ada, ben] = &mut players;
        for number in 0..20 {
            ada.command(rename(0, &format!("A{round}-{number}")));
            ben.command(rename(1, &format!("B{round}-{number}")));
        }
        let last = |track: u8| format!("{}{round}-19", ["A", "B"][usize::from(track)]);
        let is_safe = |visitor: &Visitor| visitor.durable() >= Some(visitor.state().seq());
        until([ada, ben], "that all is safe", |players| {
            players.iter().all(|p| is_safe(p) && name_of(p, 0) == last(0) && name_of(p, 1) == last(1))
        })
        .unwrap();
        let before = (players[0].state().hash(), epoch(&players[0]));
        cloud = cloud.crash(dir.path(), &[]);
        let back =
            |token: &str| Visitor::enter(Way::WebSocket, &cloud.http, &code, &Profile::default(), Some(token)).unwrap();
        let seats = players.each_ref().map(Visitor::id);
        players = tokens.each_ref().map(|token| back(token));
        assert_eq!(players.each_ref().map(Visitor::id), seats);
        assert_eq!(epoch(&players[0]), before.1 + 1);
        assert_eq!((name_of(&players[1], 0), name_of(&players[1], 1)), (last(0), last(1)));
        assert_ne!(players[1].state().hash(), before.0, "they have come back, which is news");
    }
    let answer = client().get(url(&cloud)).bearer_auth(&tokens[1]).send().unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().unwrap(), bytes);
}

#[test]
fn nobody_notices_that_it_sleeps() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let (mut ada, mut ben) = (enter(&cloud, &code, "Ada"), enter(&cloud, &code, "Ben"));
    ada.command(rename(0, "Before"));
    until([&mut ada, &mut ben], "the edit", |players| players.iter().all(|p| name_of(p, 0) == "Before")).unwrap();
    let first = ada.state().track(TrackId(0)).unwrap().name.clone();
    // Its keep-alive is answered without waking it.
    let asleep = wait_at_most(4 * NAP, || {
        ada.send_frame(Message::Text("ping".into()));
        until([&mut ada], "a pong", |[ada]| !ada.texts.is_empty()).unwrap();
        std::mem::take(&mut ada.texts);
        ada.send(Vec::new());
        until([&mut ada], "an answer", |[ada]| matches!(ada.heard.last(), Some(HostMessage::Malformed(_)))).unwrap();
        let woke = cloud.said().contains("wakes with 2 sockets");
        if !woke {
            // Long enough to fall asleep; whatever is said wakes it.
            std::thread::sleep(NAP);
        }
        woke.then_some(())
    });
    assert!(asleep.is_some(), "it does not sleep:\n{}", cloud.said());
    assert_eq!(welcomes(&ada), 1, "she was welcomed again");
    assert!(!ben.heard_event(|kind| matches!(kind, EventKind::PlayerLost(_))), "somebody was lost");
    ada.command(Command::Undo);
    until([&mut ada, &mut ben], "the undo", |players| players.iter().all(|p| name_of(p, 0) != first.as_str())).unwrap();
    assert_eq!(ada.state().hash(), ben.state().hash());
}

#[test]
fn a_session_and_its_sounds_are_forgotten_when_everybody_has_gone() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let mut ada = enter(&cloud, &code, "Ada");
    let bytes = wav(4_800, 9);
    let known = name(&bytes);
    let url = format!("http://{}/api/sessions/{code}/samples/{known}", cloud.http);
    let token = ada.joined.token.clone();
    assert_eq!(client().put(&url).bearer_auth(&token).body(bytes).send().unwrap().status(), 201);
    ada.leave();
    let gone = wait_at_most(2 * Duration::from_micros(GRACE_US) + LENIENCE, || {
        std::thread::sleep(Duration::from_secs(1));
        let answer = client().get(&url).bearer_auth(&token).send().unwrap();
        let status = answer.status().as_u16();
        let kind = answer.json::<ApiError>().map(|error| error.kind);
        (status == 404 && kind.unwrap() == ApiErrorKind::UnknownSession).then_some(())
    });
    assert!(gone.is_some(), "it is still there:\n{}", cloud.said());
}

#[test]
fn the_page_is_served_as_by_a_host() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let get = |path: &str| client().get(format!("http://{}{path}", cloud.http)).send().unwrap();
    let index = get("/");
    assert_eq!(index.status(), 200);
    for (name, value) in HEADERS {
        assert_eq!(index.headers()[name].to_str().unwrap(), value, "{name}");
    }
    assert_eq!(index.headers()["cache-control"], PASSING_CACHE);
    assert!(index.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    let text = index.text().unwrap();
    let start = text.find(&LASTING[1..]).expect("a file that lasts");
    let end = start + text[start..].find('"').unwrap();
    let lasting = get(&format!("/{}", &text[start..end]));
    assert_eq!(lasting.status(), 200);
    assert_eq!(lasting.headers()["cache-control"], LASTING_CACHE);
    for nothing in ["/nothing", "/api/nothing", "/files/nothing.js"] {
        let answer = get(nothing);
        assert_eq!(answer.status(), 404, "{nothing}");
        assert!(answer.json::<ApiError>().unwrap().message.ends_with('.'));
    }
}

#[test]
fn an_address_that_asks_too_often_waits() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let ask = |from: &str| {
        let url = format!("http://{}/api/sessions", cloud.http);
        client().post(url).header("cf-connecting-ip", from).send().unwrap()
    };
    let refused = (0..100).map(|_| ask("203.0.113.9")).find(|answer| answer.status() == 429).expect("a limit");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<ApiError>().unwrap().kind, ApiErrorKind::TooOften);
    assert_eq!(ask("203.0.113.10").status(), 201, "somebody else");
    // So do those who try codes, whichever way.
    let code = create(&cloud.http).unwrap();
    for (way, from, other) in [
        ("join", "203.0.113.11", 400),
        ("ws", "203.0.113.12", 426),
        ("bridge", "203.0.113.13", 401),
        ("bridge/samples", "203.0.113.15", 401),
    ] {
        let try_it = |from: &str| {
            let url = format!("http://{}/api/sessions/{code}/{way}", cloud.http);
            let request = if way == "join" { client().post(url).body("{}") } else { client().get(url) };
            request.header("cf-connecting-ip", from).send().unwrap()
        };
        let refused = (0..400).map(|_| try_it(from)).find(|answer| answer.status() == 429).expect("a limit");
        assert!(refused.headers().contains_key("retry-after"), "{way}");
        assert_eq!(refused.json::<ApiError>().unwrap().kind, ApiErrorKind::TooOften, "{way}");
        assert_eq!(try_it("203.0.113.14").status(), other, "{way}: somebody else");
    }
}

/// Keeps somebody's connection up, without waking the object, until a condition holds.
fn lie_in_wait(visitor: &mut Visitor, limit: Duration, holds: impl Fn(&Visitor) -> bool) -> bool {
    let mut pinged = Instant::now();
    let held = wait_at_most(limit, || {
        if pinged.elapsed() > PING {
            pinged = Instant::now();
            visitor.send_frame(Message::Text("ping".into()));
        }
        visitor.tick();
        holds(visitor).then_some(())
    });
    held.is_some()
}

/// An object that sleeps is waked by whatever happens, and knows what it knew.
#[test]
fn it_wakes_when_somebody_goes_and_when_a_grace_time_is_over() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let wakes = || cloud.said().matches("a session wakes with").count();
    let mut ada = enter(&cloud, &code, "Ada");
    let count = |ada: &Visitor, is_it: fn(&EventKind) -> bool| ada.events().filter(|event| is_it(&event.kind)).count();
    let losses = |ada: &Visitor| count(ada, |kind| matches!(kind, EventKind::PlayerLost(_)));
    let ends = |ada: &Visitor| count(ada, |kind| matches!(kind, EventKind::PlayerGone(_)));
    let has_waked = (0..4).any(|round| {
        let mut ben = enter(&cloud, &code, &format!("Ben {round}"));
        let before = wakes();
        // Long enough to fall asleep; then his connection ends, and later his grace time.
        lie_in_wait(&mut ada, NAP, |_| false);
        ben.leave();
        until([&mut ada, &mut ben], "his loss", |[ada, _]| losses(ada) > round).unwrap();
        let gone = lie_in_wait(&mut ada, Duration::from_micros(GRACE_US) + LENIENCE, |ada| ends(ada) > round);
        assert!(gone, "his grace time does not end:\n{}", cloud.said());
        assert_eq!((losses(&ada), ends(&ada)), (round + 1, round + 1));
        wakes() >= before + 2
    });
    assert!(has_waked, "it does not sleep:\n{}", cloud.said());
    assert_eq!((welcomes(&ada), ada.is_gone()), (1, false));
}

/// A connection that breaks the protocol ends as an error, which is a way of its own to wake the object.
#[test]
fn it_wakes_when_a_connection_fails_and_keeps_the_seat() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let wakes = || cloud.said().matches("a session wakes with").count();
    let failures = || cloud.said().matches("a socket has failed").count();
    let mut ada = enter(&cloud, &code, "Ada");
    let mut ben = enter(&cloud, &code, "Ben");
    ben.command(rename(0, "Before"));
    until([&mut ada, &mut ben], "the edit, safely", |players| {
        players.iter().all(|p| name_of(p, 0) == "Before" && p.durable() >= Some(p.state().seq()))
    })
    .unwrap();
    let seat = ben.id();
    let lost = EventKind::PlayerLost(seat);
    let losses = |ada: &Visitor| ada.events().filter(|event| event.kind == lost).count();
    let has_waked = (0..4).any(|round| {
        let before = (wakes(), failures());
        // Long enough to fall asleep; then he sends what is no frame.
        lie_in_wait(&mut ada, NAP, |_| false);
        ben.send_frame(Message::Frame(Frame::message(vec![7; 7], OpCode::Data(Data::Reserved(3)), true)));
        until([&mut ada, &mut ben], "his loss", |[ada, ben]| losses(ada) > round && ben.is_gone()).unwrap();
        assert_eq!(losses(&ada), round + 1);
        assert_eq!(failures(), before.1 + 1, "it ends in another way:\n{}", cloud.said());
        // He comes back to his seat, and finds what he has left.
        let token = ben.joined.token.clone();
        ben = Visitor::enter(Way::WebSocket, &cloud.http, &code, &Profile::default(), Some(&token)).unwrap();
        assert_eq!((ben.id(), name_of(&ben, 0).as_str()), (seat, "Before"));
        wakes() > before.0
    });
    assert!(has_waked, "it does not sleep:\n{}", cloud.said());
    assert!(!ada.heard_event(|kind| matches!(kind, EventKind::PlayerGone(_))), "a seat was given up");
    assert_eq!((welcomes(&ada), ada.is_gone(), epoch(&ben)), (1, false, epoch(&ada)));
    ben.command(rename(0, "After"));
    until([&mut ada, &mut ben], "an edit", |players| players.iter().all(|p| name_of(p, 0) == "After")).unwrap();
    assert_eq!(ada.state().hash(), ben.state().hash());
}

/// The same commands at the same moments, in the object and here: the same events to the byte, and the same state.
#[test]
fn it_decides_as_the_same_authority_does_elsewhere() {
    const COMMANDS: usize = 400;
    const SEED: u64 = 20_261_124;
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let mut ada = enter(&cloud, &code, "Ada");
    let seat = ada.id();
    until([&mut ada], "her own coming", |[ada]| ada.heard_event(|kind| matches!(kind, EventKind::PlayerJoined(_))))
        .unwrap();
    let came = ada.events().next().unwrap().at;
    let created = ada.state().transport().last().anchor_time;
    let token = SeatToken::from_hex(&ada.joined.token).unwrap();
    let mut twin = Authority::new(SessionSetup::starter(&Manifest::builtin().unwrap()), created);
    assert_eq!(twin.admit(came, &token, named("Ada")).unwrap(), seat);
    twin.join(came, &token, &mut Outbox::new()).unwrap();
    assert_eq!(twin.state().hash(), ada.state().hash(), "before the first command");

    let mut dice = Dice::new(SEED);
    let mut compared = 0;
    for number in 0..COMMANDS {
        let command = any_command(&mut dice);
        if command.class() == CommandClass::Talk {
            continue;
        }
        let heard = ada.heard.len();
        let id = ada.command(command.clone());
        let is_answer = |message: &HostMessage| answers(message, seat, id);
        until([&mut ada], "an answer", |[ada]| ada.heard[heard..].iter().any(is_answer)).unwrap();
        // An edit's counts, and that it is safe, follow; a ping has the rest before it.
        let theirs = |ada: &Visitor| events_of(&ada.heard[heard..]);
        let now = theirs(&ada).first().map_or(ada.state().at(), |event| event.at);
        let mut out = Outbox::new();
        twin.handle(now, seat, &wire::encode(&ClientMessage::Command { id, command: command.clone() }), &mut out);
        let ours: Vec<HostMessage> = out.iter().map(|outgoing| wire::decode(&outgoing.bytes).unwrap()).collect();
        let events = events_of(&ours);
        until([&mut ada], "all its events", |[ada]| theirs(ada).len() >= events.len()).unwrap();
        assert_eq!(theirs(&ada), events, "seed {SEED}, command {number}: {command:?}");
        assert_eq!(twin.state().hash(), ada.state().hash(), "seed {SEED}, command {number}: {command:?}");
        compared += events.len();
    }
    assert!(compared > COMMANDS / 4, "only {compared} events");
    // Their state as they write it, not as we make it from their events.
    let fresh =
        Visitor::enter(Way::WebSocket, &cloud.http, &code, &Profile::default(), Some(&ada.joined.token)).unwrap();
    let snapshot = first_snapshot(&fresh).expect("a snapshot");
    assert_eq!(snapshot.hash(), twin.state().hash());
}

fn events_of(messages: &[HostMessage]) -> Vec<Event> {
    let event = |message: &HostMessage| match message {
        HostMessage::Event(event) => Some(event.clone()),
        _ => None,
    };
    messages.iter().filter_map(event).collect()
}

/// The first snapshot that somebody got, put together.
fn first_snapshot(visitor: &Visitor) -> Option<SessionState> {
    let mut all = Vec::new();
    for message in &visitor.heard {
        if let HostMessage::Snapshot { index, count, bytes } = message {
            all.extend(bytes.iter());
            if index + 1 == *count {
                return SessionState::decode(&all);
            }
        }
    }
    None
}

/// Whether a message answers a command.
fn answers(message: &HostMessage, seat: SeatId, command: CommandId) -> bool {
    match message {
        HostMessage::Event(event) => event.cause.is_some_and(|cause| cause.seat == seat && cause.command == command),
        HostMessage::Refused { id, .. } => *id == command,
        _ => false,
    }
}

/// Session time of a place is that of the world.
#[test]
fn its_time_is_the_world_s() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let mut ada = enter(&cloud, &code, "Ada");
    let before = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    ada.ask_time();
    until([&mut ada], "the time", |[ada]| !ada.times.is_empty()).unwrap();
    let after = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros() as u64;
    // Its clock has milliseconds.
    let told = ada.times[0].received;
    assert!(told >= Micros(before - before % 1_000) && told <= Micros(after), "{before} {told:?} {after}");
}
