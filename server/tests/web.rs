//! Players on WebSockets: the same session, the same messages, and a close frame that says why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use common::{Player, create, host, try_join, until};
use keyboardia_server::{Host, HostConfig};
use keyboardia_session::{
    Command, EventKind, Farewell, Micros, SeatToken, SessionCode, Tempo,
    api::from_hex,
    limits::{MESSAGE_BYTES_MAX, PROTOCOL_VERSION, SEATS_MAX, SEATS_PER_SOCKET_MAX},
    wire::{self, Hello, HostMessage, Malformed, Probe},
};
use keyboardia_visitor::{Closed, Message, PATIENCE, WebSocket, handshake, udp};
use renet_netcode::ConnectToken;
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// An open WebSocket that has not said hello.
fn open(host: SocketAddr, code: &str) -> WebSocket {
    let stream = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    // Little is on the way unread.
    stream.set_recv_buffer_size(4_096).unwrap();
    stream.connect(&host.into()).unwrap();
    handshake(TcpStream::from(stream), &host.to_string(), code).unwrap()
}

fn hello(token: &str) -> Message {
    let token = SeatToken::from_hex(token).unwrap();
    Message::Binary(wire::encode(&Hello { token }).into())
}

/// The reason of the close frame that must come.
fn farewell(socket: &mut WebSocket) -> (Farewell, String) {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Message::Close(frame) = socket.read().expect("a close frame") {
            let frame = frame.expect("a close frame with a reason");
            let farewell = Farewell::of_code(frame.code.into()).expect("one of our codes");
            return (farewell, frame.reason.to_string());
        }
    }
    panic!("no close frame came");
}

/// That a player on a WebSocket is closed for this reason, and hears it in a sentence.
fn is_closed(web: &Player, why: Farewell) -> bool {
    let meant = Closed { code: why.code(), reason: why.to_string() };
    web.closed().is_some_and(|closed| *closed == meant)
}

fn is_playing(player: &Player) -> bool {
    player.state().transport().last().playing
}

#[test]
fn one_session_mixes_both_kinds_of_connection() {
    let host = host();
    let code = create(host.http_addr());
    let mut udp = Player::enter(host.http_addr(), &code, None);
    let mut web = Player::enter_by_web(host.http_addr(), &code, None);
    let is_slow = |player: &Player| player.state().transport().last().tempo.bpm() < 100.0;
    web.command(Command::SetTempo(Tempo::from_bpm(97.3).unwrap()));
    until([&mut udp, &mut web], "one's event", |players| players.into_iter().all(is_slow));
    udp.command(Command::SetPlaying(true));
    until([&mut udp, &mut web], "the other's event", |players| players.into_iter().all(is_playing));
    assert_eq!(web.state().hash(), udp.state().hash());
    until([&mut udp, &mut web], "beacons while it plays", |players| {
        players.iter().all(|player| player.heard.iter().any(|m| matches!(m, HostMessage::Beacon(_))))
    });
}

#[test]
fn the_time_is_told_and_a_text_ping_is_answered() {
    let host = host();
    let mut web = Player::enter_by_web(host.http_addr(), &create(host.http_addr()), None);
    web.send_frame(Message::Text("ping".into()));
    until([&mut web], "a pong", |[web]| web.texts == ["pong"]);
    let probe = Probe { sent: Micros(42), received: Micros(0), answered: Micros(0) };
    web.send(probe.encode().to_vec());
    until([&mut web], "a reply", |[web]| !web.times.is_empty());
    let reply = web.times[0];
    assert_eq!(reply.sent, probe.sent);
    assert!(reply.received > Micros(0) && reply.answered >= reply.received);
}

#[test]
fn a_message_that_cannot_be_read_is_answered_and_costs_only_its_sender() {
    let host = host();
    let mut web = Player::enter_by_web(host.http_addr(), &create(host.http_addr()), None);
    let malformed = |web: &Player| web.heard.iter().filter(|m| matches!(m, HostMessage::Malformed(_))).count();
    for frame in [Message::Text("what is this".into()), Message::Binary(vec![PROTOCOL_VERSION, 0xff].into())] {
        let before = malformed(&web);
        web.send_frame(frame);
        until([&mut web], "an answer", |[web]| malformed(web) > before);
    }
    web.send(vec![PROTOCOL_VERSION + 1]);
    let other = HostMessage::Malformed(Malformed::OtherVersion(PROTOCOL_VERSION + 1));
    until([&mut web], "an answer", |[web]| web.heard.contains(&other));
}

#[test]
fn each_refusal_has_its_own_code_and_a_sentence() {
    let host = host();
    let http = host.http_addr();
    let code = create(http);
    let joined = try_join(http, &code, None).unwrap();
    let refused = |code: &str, first: Option<Message>| {
        let mut socket = open(http, code);
        if let Some(first) = first {
            socket.send(first).unwrap();
        }
        farewell(&mut socket)
    };
    let nobody = hello(&"ab".repeat(32));
    let elsewhere = "amber-amber-amber-amber-amber";
    let other = Message::Binary(vec![PROTOCOL_VERSION + 1, 1, 2].into());
    let large = Message::Binary(vec![0; MESSAGE_BYTES_MAX + 1].into());
    for (code, first, expected) in [
        ("nonsense", None, Farewell::NoSession),
        (elsewhere, Some(hello(&joined.token)), Farewell::NoSession),
        (&code, Some(nobody), Farewell::NoSeat),
        (&code, Some(other), Farewell::OtherProtocol),
        (&code, Some(Message::Text("let me in".into())), Farewell::Unnamed),
        (&code, Some(Message::Binary(vec![PROTOCOL_VERSION].into())), Farewell::Unnamed),
        (&code, Some(large), Farewell::TooLarge),
        (&code, None, Farewell::Unnamed),
    ] {
        let (why, sentence) = refused(code, first);
        assert_eq!(why, expected);
        assert_eq!(sentence, expected.to_string());
    }
}

#[test]
fn the_newest_connection_has_the_seat_and_the_older_one_hears_that() {
    let host = host();
    let http = host.http_addr();
    let code = create(http);
    let mut first = Player::enter_by_web(http, &code, None);
    let token = first.joined.token.clone();
    let mut second = Player::enter_by_web(http, &code, Some(&token));
    until([&mut first, &mut second], "the first one's end", |[first, _]| is_closed(first, Farewell::Replaced));
    assert!(!Farewell::Replaced.may_return());
    second.command(Command::SetPlaying(true));
    until([&mut second], "its event", |[second]| is_playing(second));
    // Over UDP, too.
    let mut third = Player::enter(http, &code, Some(&token));
    until([&mut second, &mut third], "the second one's end", |[second, _]| is_closed(second, Farewell::Replaced));
    let _fourth = Player::enter_by_web(http, &code, Some(&token));
    until([&mut third], "a farewell", |[third]| third.farewell() == Some(Farewell::Replaced));
}

#[test]
fn a_host_that_stops_tells_everybody() {
    let mut host = host();
    let code = create(host.http_addr());
    let mut web = Player::enter_by_web(host.http_addr(), &code, None);
    let mut udp = Player::enter(host.http_addr(), &code, None);
    let stopping = std::thread::spawn(move || host.stop());
    until([&mut web, &mut udp], "both farewells", |[web, udp]| {
        is_closed(web, Farewell::Stopping) && udp.farewell() == Some(Farewell::Stopping)
    });
    stopping.join().unwrap();
}

#[test]
fn a_removed_player_hears_why_and_does_not_come_back() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let mut web = Player::enter_by_web(host.http_addr(), &code, None);
    let mut bob = Player::enter(host.http_addr(), &code, None);
    for seat in [web.id(), bob.id()] {
        ada.command(Command::SetRemoval { seat, remove: true });
    }
    until([&mut ada, &mut web, &mut bob], "both farewells", |[_, web, bob]| {
        is_closed(web, Farewell::Removed) && bob.farewell() == Some(Farewell::Removed)
    });
    for token in [&web.joined.token, &bob.joined.token] {
        let (status, error) = try_join(host.http_addr(), &code, Some(token)).unwrap_err();
        assert_eq!((status, error.message.as_str()), (403, "You were removed from this session."));
    }
    let (status, error) = try_join(host.http_addr(), &code, None).unwrap_err();
    assert_eq!(status, 403, "{error:?}: the code alone does not bring them back");
    ada.command(Command::SetLocked(false));
    until([&mut ada], "the door open", |[ada]| !ada.state().is_locked());
    let eve = Player::enter(host.http_addr(), &code, None);
    assert_eq!(eve.state().players().len(), 2);
}

#[test]
fn whoever_never_reads_is_dropped_and_nobody_else_notices() {
    let host = host();
    let code = create(host.http_addr());
    let joined = try_join(host.http_addr(), &code, None).unwrap();
    let mut ada = Player::enter(host.http_addr(), &code, None);
    // It asks for the time as fast as it may, and reads no answer.
    let mut socket = open(host.http_addr(), &code);
    socket.send(hello(&joined.token)).unwrap();
    let deaf_seat = keyboardia_session::SeatId(joined.seat);
    let is_here = |event: &EventKind| matches!(event, EventKind::PlayerJoined(player) if player.seat == deaf_seat);
    until([&mut ada], "the one who does not read", |[ada]| ada.heard_event(is_here));
    socket.get_ref().set_write_timeout(Some(Duration::from_millis(20))).unwrap();
    let probe = Probe { sent: Micros(42), received: Micros(0), answered: Micros(0) }.encode().to_vec();
    let begin = Instant::now();
    while !ada.heard_event(|event| *event == EventKind::PlayerLost(deaf_seat)) {
        assert!(begin.elapsed() < Duration::from_mins(2), "still there");
        for _ in 0..100 {
            // Once it is dropped, or its own way is full, nothing can be sent any more.
            let _ = socket.send(Message::Binary(probe.clone().into()));
        }
        until([&mut ada], "a turn", |_| true);
    }
    ada.command(Command::SetPlaying(true));
    until([&mut ada], "its own event", |[ada]| ada.seat.state().is_some_and(|state| state.transport().last().playing));
}

#[test]
fn more_players_than_one_socket_holds_find_seats_and_no_socket_has_more_than_it_holds() {
    let seats = 2 * SEATS_PER_SOCKET_MAX;
    let host = Host::start(HostConfig { seats, ..HostConfig::loopback() }).unwrap();
    let codes: Vec<String> = (0..seats.div_ceil(SEATS_MAX)).map(|_| create(host.http_addr())).collect();
    let mut places = codes.iter().flat_map(|code| (0..SEATS_MAX).map(move |_| code));
    let mut sockets: BTreeMap<SocketAddr, usize> = BTreeMap::new();
    for code in places.by_ref().take(seats) {
        let joined = try_join(host.http_addr(), code, None).expect("a seat");
        let bytes = from_hex(&udp(&joined).connect_token, 4_096).unwrap();
        let token = ConnectToken::read(&mut bytes.as_slice()).unwrap();
        let addresses: Vec<SocketAddr> = token.server_addresses.iter().flatten().copied().collect();
        let [address] = addresses[..] else { panic!("{addresses:?} is not one socket of loopback") };
        *sockets.entry(address).or_default() += 1;
    }
    assert_eq!(sockets.len(), 2, "{sockets:?}");
    assert!(sockets.values().all(|count| *count <= SEATS_PER_SOCKET_MAX), "{sockets:?}");
    assert!(sockets.contains_key(&host.udp_addr()));
    let more = create(host.http_addr());
    assert_eq!(try_join(host.http_addr(), &more, None).unwrap_err().0, 503, "no seat is left");
}

#[test]
fn an_address_that_guesses_codes_on_web_sockets_is_slowed_as_over_http() {
    let trust = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let host = Host::start(HostConfig { trust, ..HostConfig::loopback() }).unwrap();
    let real = create(host.http_addr());
    let knock = |from: &str, code: &str| {
        let mut stream = TcpStream::connect(host.http_addr()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "GET /api/sessions/{code}/ws HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {from}\r\nConnection: upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        String::from_utf8_lossy(&status).strip_prefix("HTTP/1.1 ").and_then(|status| status.parse().ok()).unwrap_or(0)
    };
    let (eve, ada) = ("203.0.113.9", "203.0.113.10");
    let guess = |number| SessionCode::from_entropy(number).to_string();
    let answers: Vec<u16> = (0..30).map(|number| knock(eve, &guess(number))).collect();
    let wrong = answers.iter().take_while(|status| **status == 101).count();
    assert!((10..30).contains(&wrong) && answers[wrong..].iter().all(|status| *status == 429), "{answers:?}");
    assert_eq!(knock(eve, &real), 429, "even when it guesses right");
    assert_eq!(knock(ada, &real), 101);
}
