//! More come than there is room for, and some mean harm: those who are in play on.

use crate::{enter, named, welcomes};
use keyboardia_session::{
    EventKind, Farewell, Profile, SeatToken,
    api::ApiErrorKind,
    event::Cause,
    limits::{PROTOCOL_VERSION, SEATS_MAX},
    wire::{self, Hello},
};
use keyboardia_tests::{
    cloud::Cloud,
    conformance::{Way, name_of, rename},
};
use keyboardia_visitor::{Closed, Failure, Message, Visitor, WebSocket, create, handshake, join, until};
use std::{collections::BTreeSet, net::TcpStream};
use tempfile::TempDir;

/// Sockets that say nothing, of which one is turned away.
const STRANGERS_MAX: usize = 10 * SEATS_MAX;
/// More than the runtime itself takes as one message, bytes.
const HUGE: usize = 33 * 1024 * 1024;
/// The runtime's own code for it (RFC 6455, 7.4.1).
const TOO_BIG: u16 = 1009;

/// Each player edits, and all hear all of it, on the connections that they came with.
fn play_on(players: &mut [Visitor; SEATS_MAX], round: &str) {
    let tracks = players[0].state().tracks().len();
    let mut edits = Vec::new();
    for (number, player) in players.iter_mut().enumerate() {
        let command = player.command(rename((number % tracks) as u8, &format!("{round} {number}")));
        edits.push(Cause { seat: player.id(), command });
    }
    until(players.each_mut(), "all edits at each", |players| {
        let hears = |player: &Visitor, edit: &Cause| player.events().any(|event| event.cause == Some(*edit));
        players.iter().all(|player| edits.iter().all(|edit| hears(player, edit)))
    })
    .unwrap();
    let losses = |kind: &EventKind| matches!(kind, EventKind::PlayerLost(_) | EventKind::PlayerGone(_));
    for player in players {
        assert_eq!((welcomes(player), player.is_gone(), player.heard_event(losses)), (1, false, false));
    }
}

/// The close frame that ends a socket.
fn end(socket: &mut WebSocket) -> Closed {
    loop {
        match socket.read().unwrap() {
            Message::Close(Some(frame)) => {
                return Closed { code: frame.code.into(), reason: frame.reason.to_string() };
            }
            other => assert!(!other.is_close(), "{other:?}"),
        }
    }
}

fn meant(why: Farewell) -> Closed {
    Closed { code: why.code(), reason: why.to_string() }
}

#[test]
fn ten_play_on_while_an_eleventh_and_a_crowd_of_strangers_are_turned_away() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let mut players: [Visitor; SEATS_MAX] = std::array::from_fn(|number| enter(&cloud, &code, &format!("P{number}")));
    let seats: BTreeSet<u8> = players.iter().map(|player| player.joined.seat).collect();
    assert_eq!(seats.len(), SEATS_MAX);
    until(players.each_mut(), "all ten at each", |players| {
        players.iter().all(|player| player.state().players().iter().filter(|other| other.present).count() == SEATS_MAX)
    })
    .unwrap();
    play_on(&mut players, "Ten");

    match join(&cloud.http, &code, &named("Eleventh"), None) {
        Err(Failure::Refused { status, error }) => {
            assert_eq!((status, error.kind), (409, ApiErrorKind::SessionFull));
            assert!(error.message.ends_with('.'), "{}", error.message);
        }
        other => panic!("{other:?} for an eleventh"),
    }
    play_on(&mut players, "Eleven");

    // Strangers that say nothing: there is room for as many as have seats, and not for any number.
    let open = || handshake(TcpStream::connect(&cloud.http).unwrap(), &cloud.http, &code).unwrap();
    let mut strangers = Vec::new();
    let refused = (0..STRANGERS_MAX).find(|_| {
        let mut stranger = open();
        // Whoever is let in is answered in a moment.
        stranger.send(Message::Text("ping".into())).unwrap_or_default();
        let is_refused = match stranger.read().unwrap() {
            Message::Text(pong) => {
                assert_eq!(pong.as_str(), "pong");
                false
            }
            Message::Close(Some(frame)) => {
                let closed = Closed { code: frame.code.into(), reason: frame.reason.to_string() };
                assert_eq!(closed, meant(Farewell::Full));
                true
            }
            other => panic!("{other:?}"),
        };
        strangers.push(stranger);
        is_refused
    });
    assert!(refused.is_some_and(|number| number >= SEATS_MAX), "{refused:?}");
    strangers.pop();
    play_on(&mut players, "Crowd");
    for stranger in &mut strangers {
        assert_eq!(end(stranger), meant(Farewell::Unnamed));
    }
    play_on(&mut players, "Alone");
    // There is room at the door again, though none for whoever has no seat.
    let mut stranger = open();
    stranger.send(Message::Binary(wire::encode(&Hello { token: SeatToken([7; 32]) }).into())).unwrap();
    assert_eq!(end(&mut stranger), meant(Farewell::NoSeat));
}

#[test]
fn a_message_that_is_larger_than_the_runtime_takes_costs_only_its_sender() {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let (mut ada, mut eve) = (enter(&cloud, &code, "Ada"), enter(&cloud, &code, "Eve"));
    let (seat, token) = (eve.id(), eve.joined.token.clone());
    eve.send(vec![PROTOCOL_VERSION; HUGE]);
    until([&mut ada, &mut eve], "her end", |[ada, eve]| {
        eve.closed().is_some() && ada.heard_event(|kind| *kind == EventKind::PlayerLost(seat))
    })
    .unwrap();
    assert_eq!(eve.closed().unwrap().code, TOO_BIG);
    ada.command(rename(0, "Undisturbed"));
    let mut eve = Visitor::enter(Way::WebSocket, &cloud.http, &code, &Profile::default(), Some(&token)).unwrap();
    until([&mut ada, &mut eve], "an edit", |players| players.iter().all(|p| name_of(p, 0) == "Undisturbed")).unwrap();
    assert_eq!((eve.id(), welcomes(&ada), ada.is_gone()), (seat, 1, false));
}
