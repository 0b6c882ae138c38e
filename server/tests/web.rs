//! Players on WebSockets: the same session, the same messages, and a close frame that says why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail by panicking")]

mod common;

use common::{PATIENCE, Player, create, host, try_join, until};
use keyboardia_server::{Host, HostConfig};
use keyboardia_session::{
    Command, EventKind, Farewell, Micros, Seat, SeatToken, Tempo,
    limits::{MESSAGE_BYTES_MAX, PROTOCOL_VERSION, SEATS_MAX},
    wire::{self, Hello, HostMessage, Malformed, Probe},
};
use std::{
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

/// A player on a WebSocket.
struct Web {
    socket: WebSocket<TcpStream>,
    seat: Seat,
    heard: Vec<HostMessage>,
}

/// An open WebSocket that has not said hello.
fn open(host: SocketAddr, code: &str) -> WebSocket<TcpStream> {
    let stream = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    // Little is on the way unread.
    stream.set_recv_buffer_size(4_096).unwrap();
    stream.connect(&host.into()).unwrap();
    let stream = TcpStream::from(stream);
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (socket, _) = client(format!("ws://{host}/api/sessions/{code}/ws"), Patient(stream)).unwrap();
    let config = *socket.get_config();
    WebSocket::from_raw_socket(
        socket.into_inner().0,
        tokio_tungstenite::tungstenite::protocol::Role::Client,
        Some(config),
    )
}

/// A stream whose reads are tried again while the handshake lasts.
struct Patient(TcpStream);

impl std::io::Read for Patient {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let begin = Instant::now();
        loop {
            match self.0.read(buf) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && begin.elapsed() < PATIENCE => {}
                other => return other,
            }
        }
    }
}

impl std::io::Write for Patient {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn hello(token: &str) -> Message {
    let token = SeatToken::from_hex(token).unwrap();
    Message::Binary(wire::encode(&Hello { token }).into())
}

/// The reason of the close frame that must come.
fn farewell(socket: &mut WebSocket<TcpStream>) -> (Farewell, String) {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        match socket.read() {
            Ok(Message::Close(Some(frame))) => {
                let code = u16::from(frame.code);
                return (Farewell::of_code(code).expect("one of our codes"), frame.reason.to_string());
            }
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("no close frame: {error}"),
        }
    }
    panic!("no close frame came");
}

impl Web {
    fn enter(host: SocketAddr, code: &str, token: &str) -> Self {
        let mut socket = open(host, code);
        socket.send(hello(token)).unwrap();
        let mut web = Self { socket, seat: Seat::new(), heard: Vec::new() };
        web.until("a snapshot", |web| web.seat.state().is_some());
        web
    }

    /// Takes in what has come; returns frames that are no messages.
    fn turn(&mut self) -> Option<Message> {
        for message in self.seat.take_outgoing() {
            self.socket.send(Message::Binary(message.into())).unwrap();
        }
        match self.socket.read() {
            Ok(Message::Binary(bytes)) if Probe::decode(&bytes).is_none() => {
                self.heard.push(wire::decode(&bytes).expect("a message of the host"));
                self.seat.receive(Micros(1), &bytes);
                None
            }
            Ok(other) => Some(other),
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Err(error) => panic!("the connection broke: {error}"),
        }
    }

    fn until(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let begin = Instant::now();
        while !condition(self) {
            assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
            self.turn();
        }
    }

    /// The next frame that is no message, an empty ping of the host apart.
    fn frame(&mut self) -> Message {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            match self.turn() {
                None | Some(Message::Ping(_)) => {}
                Some(frame) => return frame,
            }
        }
        panic!("waited in vain for a frame");
    }
}

#[test]
fn one_session_mixes_both_kinds_of_connection() {
    let host = host();
    let code = create(host.http_addr());
    let mut udp = Player::enter(host.http_addr(), &code, None);
    let joined = try_join(host.http_addr(), &code, None).unwrap();
    let mut web = Web::enter(host.http_addr(), &code, &joined.token);
    web.seat.command(Micros(1), Command::SetTempo(Tempo::from_bpm(97.3).unwrap())).unwrap();
    web.until("its own event", |web| web.seat.state().unwrap().transport().last().tempo.bpm() < 100.0);
    until([&mut udp], "the event", |[udp]| {
        udp.seat.state().is_some_and(|state| state.transport().last().tempo.bpm() < 100.0)
    });
    udp.command(Command::SetPlaying(true));
    until([&mut udp], "its own event", |[udp]| udp.seat.state().is_some_and(|state| state.transport().last().playing));
    web.until("the other's event", |web| web.seat.state().unwrap().transport().last().playing);
    assert_eq!(web.seat.state().unwrap().hash(), udp.seat.state().unwrap().hash());
    web.until("beacons while it plays", |web| web.heard.iter().any(|m| matches!(m, HostMessage::Beacon(_))));
}

#[test]
fn the_time_is_told_and_a_text_ping_is_answered() {
    let host = host();
    let code = create(host.http_addr());
    let joined = try_join(host.http_addr(), &code, None).unwrap();
    let mut web = Web::enter(host.http_addr(), &code, &joined.token);
    web.socket.send(Message::Text("ping".into())).unwrap();
    assert_eq!(web.frame(), Message::Text("pong".into()));
    let probe = Probe { sent: Micros(42), received: Micros(0), answered: Micros(0) };
    web.socket.send(Message::Binary(probe.encode().to_vec().into())).unwrap();
    let Message::Binary(bytes) = web.frame() else { panic!("not a reply") };
    let reply = Probe::decode(&bytes).unwrap();
    assert_eq!(reply.sent, probe.sent);
    assert!(reply.received > Micros(0) && reply.answered >= reply.received);
}

#[test]
fn a_message_that_cannot_be_read_is_answered_and_costs_only_its_sender() {
    let host = host();
    let code = create(host.http_addr());
    let joined = try_join(host.http_addr(), &code, None).unwrap();
    let mut web = Web::enter(host.http_addr(), &code, &joined.token);
    let malformed = |web: &Web| web.heard.iter().filter(|m| matches!(m, HostMessage::Malformed(_))).count();
    for frame in [Message::Text("what is this".into()), Message::Binary(vec![PROTOCOL_VERSION, 0xff].into())] {
        let before = malformed(&web);
        web.socket.send(frame).unwrap();
        web.until("an answer", |web| malformed(web) > before);
    }
    web.socket.send(Message::Binary(vec![PROTOCOL_VERSION + 1].into())).unwrap();
    let other = HostMessage::Malformed(Malformed::OtherVersion(PROTOCOL_VERSION + 1));
    web.until("an answer", |web| web.heard.contains(&other));
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
    let code = create(host.http_addr());
    let joined = try_join(host.http_addr(), &code, None).unwrap();
    let mut first = Web::enter(host.http_addr(), &code, &joined.token);
    let mut second = Web::enter(host.http_addr(), &code, &joined.token);
    let (why, _) = farewell(&mut first.socket);
    assert_eq!(why, Farewell::Replaced);
    assert!(!why.may_return());
    second.seat.command(Micros(1), Command::SetPlaying(true)).unwrap();
    second.until("its event", |web| web.seat.state().unwrap().transport().last().playing);
    // Over UDP, too.
    let mut third = Player::enter(host.http_addr(), &code, Some(&joined.token));
    assert_eq!(farewell(&mut second.socket).0, Farewell::Replaced);
    let _fourth = Web::enter(host.http_addr(), &code, &joined.token);
    until([&mut third], "a farewell", |[third]| third.seat.farewell() == Some(Farewell::Replaced));
}

#[test]
fn a_host_that_stops_tells_everybody() {
    let mut host = host();
    let code = create(host.http_addr());
    let joined = try_join(host.http_addr(), &code, None).unwrap();
    let mut web = Web::enter(host.http_addr(), &code, &joined.token);
    let mut udp = Player::enter(host.http_addr(), &code, None);
    let stopping = std::thread::spawn(move || host.stop());
    assert_eq!(farewell(&mut web.socket).0, Farewell::Stopping);
    until([&mut udp], "a farewell", |[udp]| udp.seat.farewell() == Some(Farewell::Stopping));
    stopping.join().unwrap();
}

#[test]
fn a_removed_player_hears_why_and_does_not_come_back() {
    let host = host();
    let code = create(host.http_addr());
    let mut ada = Player::enter(host.http_addr(), &code, None);
    let joined = try_join(host.http_addr(), &code, None).unwrap();
    let mut web = Web::enter(host.http_addr(), &code, &joined.token);
    let mut bob = Player::enter(host.http_addr(), &code, None);
    for seat in [keyboardia_session::SeatId(joined.seat), bob.id()] {
        ada.command(Command::SetRemoval { seat, remove: true });
    }
    until([&mut ada, &mut bob], "a farewell", |[_, bob]| bob.seat.farewell() == Some(Farewell::Removed));
    assert_eq!(farewell(&mut web.socket).0, Farewell::Removed);
    for token in [&joined.token, &bob.joined.token] {
        let (status, error) = try_join(host.http_addr(), &code, Some(token)).unwrap_err();
        assert_eq!((status, error.message.as_str()), (403, "You were removed from this session."));
    }
    let (status, error) = try_join(host.http_addr(), &code, None).unwrap_err();
    assert_eq!(status, 403, "{error:?}: the code alone does not bring them back");
    ada.command(Command::SetLocked(false));
    until([&mut ada], "the door open", |[ada]| ada.seat.state().is_some_and(|state| !state.is_locked()));
    let eve = Player::enter(host.http_addr(), &code, None);
    assert_eq!(eve.seat.state().unwrap().players().len(), 2);
}

#[test]
fn whoever_never_reads_is_dropped_and_nobody_else_notices() {
    let host = host();
    let code = create(host.http_addr());
    let joined = try_join(host.http_addr(), &code, None).unwrap();
    let deaf = Web::enter(host.http_addr(), &code, &joined.token);
    let mut ada = Player::enter(host.http_addr(), &code, None);
    // It asks for the time as fast as it may, and reads no answer.
    let mut socket = deaf.socket;
    let deaf_seat = keyboardia_session::SeatId(joined.seat);
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
fn more_players_than_one_socket_holds_find_seats() {
    let host = Host::start(HostConfig { seats: 300, ..HostConfig::loopback() }).unwrap();
    let codes: Vec<String> = (0..30).map(|_| create(host.http_addr())).collect();
    let joins: Vec<_> = codes
        .iter()
        .flat_map(|code| (0..SEATS_MAX).map(move |_| code))
        .map(|code| try_join(host.http_addr(), code, None))
        .collect();
    assert!(joins.iter().all(Result::is_ok));
    let more = create(host.http_addr());
    assert_eq!(try_join(host.http_addr(), &more, None).unwrap_err().0, 503, "no seat is left");
    let ports: std::collections::BTreeSet<String> =
        joins.iter().flatten().map(|joined| joined.connect_token.clone()).collect();
    assert_eq!(ports.len(), 300, "each has a token of its own");
}
