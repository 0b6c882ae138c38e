//! A host on the bridge, with a place in the cloud that is made by hand: what the two say to each other, to the frame. The
//! real place is in `tests/tests/takeover.rs` of the workspace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod common;

use common::{Player, until};
use keyboardia_server::{BridgeConfig, Host, HostConfig};
use keyboardia_session::{
    Authority, Command, CommandId, Farewell, Manifest, Micros, Outbox, Profile, SceneId, SeatToken, SessionCode,
    SessionSetup, TrackId,
    api::ApiErrorKind,
    bridge::{self, FromHost, FromPlace, LineId, Written},
    limits::{LINE_MESSAGES_BURST, SEATS_MAX},
    wire::{self, ClientMessage, HostMessage, Probe},
};
use keyboardia_visitor::{Message, PATIENCE};
use std::{
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::{self, error::ProtocolError, protocol::CloseFrame};

const HOUR_US: i64 = 3_600_000_000;
/// More than a busy machine is late, and far less than an hour.
const LATE_US: i64 = 5_000_000;
/// How far a host's idea of a place's time may be off here, microseconds.
const APART_US: i64 = 500_000;
/// Probes of a host that has just come, before it only says now and then that it is there.
const PROBES: usize = 16;
/// How long a host may take to say so.
const PING_MAX: Duration = Duration::from_secs(40);

/// A place in the cloud whose clock is off.
struct Place {
    listener: TcpListener,
    off_us: i64,
}

impl Place {
    fn open(off_us: i64) -> Self {
        Self { listener: TcpListener::bind(("127.0.0.1", 0)).unwrap(), off_us }
    }

    fn host(&self, take: Option<SessionCode>) -> Host {
        let place = format!("http://{}", self.listener.local_addr().unwrap()).parse().unwrap();
        let bridge = Some(BridgeConfig { place, key: "a key".into(), take });
        Host::start(HostConfig { bridge, ..HostConfig::loopback() }).unwrap()
    }

    fn now(&self) -> Micros {
        common::local_now().offset(self.off_us)
    }

    /// The next host that dials in, up to its hello.
    fn meet(&self) -> (Link<'_>, FromHost) {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(PING_MAX)).unwrap();
        let mut link = Link { place: self, socket: tungstenite::accept(stream).unwrap(), probes: 0, pings: 0 };
        let hello = link.hear().unwrap();
        (link, hello)
    }

    /// The same, and lets it have the session.
    fn grant(&self, epoch: u32, session: Option<Written>) -> (Link<'_>, FromHost) {
        let (mut link, hello) = self.meet();
        link.say(&FromPlace::Granted { epoch, session });
        (link, hello)
    }
}

/// A host that has dialled in.
struct Link<'a> {
    place: &'a Place,
    socket: tungstenite::WebSocket<TcpStream>,
    /// Time probes of the host's so far, and keep-alives.
    probes: usize,
    pings: usize,
}

impl Link<'_> {
    fn say(&mut self, message: &FromPlace) {
        self.socket.send(Message::Binary(bridge::encode(message).into())).unwrap();
    }

    /// Takes one frame in; gives what is neither a probe nor a keep-alive, which are answered; why, where the host is gone.
    fn turn(&mut self) -> Result<Option<FromHost>, String> {
        let received = self.place.now();
        match self.socket.read().map_err(|error| error.to_string())? {
            Message::Binary(bytes) => match Probe::decode(&bytes) {
                Some(probe) => {
                    self.probes += 1;
                    let answer = Probe { received, answered: self.place.now(), ..probe };
                    self.answer(Message::Binary(answer.encode().to_vec().into()))
                }
                None => Ok(Some(bridge::decode(&bytes).unwrap())),
            },
            Message::Text(text) => {
                assert_eq!(text.as_str(), "ping");
                self.pings += 1;
                self.answer(Message::Text("pong".into()))
            }
            _ => Ok(None),
        }
    }

    /// Sends an answer; none is waited for by whom the place parts from.
    fn answer(&mut self, message: Message) -> Result<Option<FromHost>, String> {
        match self.socket.send(message) {
            Ok(()) | Err(tungstenite::Error::Protocol(ProtocolError::SendAfterClosing)) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// The next word.
    fn hear(&mut self) -> Result<FromHost, String> {
        loop {
            if let Some(word) = self.turn()? {
                return Ok(word);
            }
        }
    }

    /// The next word of which something is wanted.
    fn hear_that<T>(&mut self, is_it: impl Fn(FromHost) -> Option<T>) -> T {
        let begin = Instant::now();
        loop {
            if let Some(it) = is_it(self.hear().unwrap()) {
                return it;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not come");
        }
    }

    /// What a player's connection is sent next that is wanted.
    fn heard_by<T>(&mut self, line: LineId, is_it: impl Fn(&[u8]) -> Option<T>) -> T {
        self.hear_that(|word| {
            let FromHost::Messages(parcels) = word else { return None };
            parcels.iter().filter(|parcel| parcel.lines.contains(&line)).find_map(|parcel| is_it(&parcel.bytes))
        })
    }

    /// Brings a player who has a seat.
    fn bring(&mut self, line: LineId, token: &SeatToken) {
        self.say(&FromPlace::Opened { line, token: token.clone() });
        self.heard_by(line, |bytes| matches!(wire::decode(bytes), Ok(HostMessage::Welcome { .. })).then_some(()));
    }

    fn admit(&mut self, ask: u32, token: &SeatToken) {
        self.say(&FromPlace::Admit { ask, token: token.clone(), profile: Profile::default() });
        let outcome = self.hear_that(|word| match word {
            FromHost::Admitted { ask: of, outcome } if of == ask => Some(outcome),
            _ => None,
        });
        outcome.unwrap();
    }

    /// Why the host closes a player's connection.
    fn closed(&mut self, line: LineId) -> Farewell {
        self.hear_that(|word| match word {
            FromHost::Close { line: of, why } if of == line => Some(why),
            _ => None,
        })
    }

    fn part(mut self, why: Farewell) {
        let frame = CloseFrame { code: why.code().into(), reason: why.to_string().into() };
        self.socket.close(Some(frame)).unwrap();
        while self.turn().is_ok() {}
    }
}

fn token(number: u8) -> SeatToken {
    SeatToken([number; 32])
}

/// A session in which Ada has a seat and the music plays, as it was written down by a clock.
fn written(now: Micros) -> (Authority, Written) {
    let mut authority = Authority::new(SessionSetup::starter(&Manifest::builtin().unwrap()), now);
    let seat = authority.admit(now, &token(1), Profile::default()).unwrap();
    authority.join(now, &token(1), &mut Outbox::new()).unwrap();
    let launch = Command::Launch { track: TrackId(0), scene: SceneId(1) };
    let launch = wire::encode(&ClientMessage::Command { id: CommandId(1), command: launch });
    authority.handle(now, seat, &launch, &mut Outbox::new());
    assert!(authority.state().transport().last().playing);
    let snapshot = authority.snapshot();
    (authority, Written { snapshot, entries: Vec::new() })
}

#[test]
fn players_whom_the_host_has_turned_away_leave_room_for_others() {
    let place = Place::open(0);
    let host = place.host(None);
    host.create_session().unwrap();
    let (mut link, _) = place.grant(2, None);
    let strangers = 4 * SEATS_MAX as LineId + 1;
    for line in 0..strangers {
        link.say(&FromPlace::Opened { line, token: token(9) });
        assert_eq!(link.closed(line), Farewell::NoSeat, "stranger {line}");
    }
    link.admit(0, &token(1));
    link.bring(strangers, &token(1));
}

#[test]
fn whoever_floods_the_bridge_is_closed_and_the_others_play_on() {
    let place = Place::open(0);
    let host = place.host(None);
    host.create_session().unwrap();
    let (mut link, _) = place.grant(2, None);
    for (line, token) in [(1, token(1)), (2, token(2))] {
        link.admit(line as u32, &token);
        link.bring(line, &token);
    }
    for _ in 0..3 * LINE_MESSAGES_BURST {
        link.say(&FromPlace::Heard { line: 1, bytes: vec![0xff] });
    }
    assert_eq!(link.closed(1), Farewell::TooSlow);
    let probe = Probe { sent: Micros(5), received: Micros(0), answered: Micros(0) };
    link.say(&FromPlace::Heard { line: 2, bytes: probe.encode().to_vec() });
    link.heard_by(2, |bytes| Probe::decode(bytes).filter(|answer| answer.sent == probe.sent));
}

#[test]
fn a_session_from_a_place_whose_clock_is_off_goes_on_in_its_own_time() {
    for off_us in [HOUR_US, -HOUR_US] {
        let place = Place::open(off_us);
        let (before, session) = written(place.now());
        let code = SessionCode::from_entropy(77);
        let host = place.host(Some(code));
        let (mut link, hello) = place.grant(5, Some(session));
        assert_eq!(hello, FromHost::Hello { epoch: 0, granted: None });
        // What the place is told of the time is that its own was right.
        let ahead_us = link.hear_that(|word| match word {
            FromHost::Shift(us) => Some(us),
            _ => None,
        });
        assert!(ahead_us.abs() < APART_US, "{ahead_us} µs");
        link.bring(1, &token(1));

        // All who ask are told the same time, whichever way they come.
        let probe = Probe { sent: Micros(5), received: Micros(0), answered: Micros(0) };
        link.say(&FromPlace::Heard { line: 1, bytes: probe.encode().to_vec() });
        let answer = link.heard_by(1, Probe::decode);
        let mut told = vec![answer.received.since(place.now())];
        let (http, code) = (host.http_addr(), code.to_string());
        let mut players = [Player::enter(http, &code, None), Player::enter_by_web(http, &code, None)];
        for player in &mut players {
            player.ask_time();
            until([&mut *player], "the time", |[player]| !player.times.is_empty());
            told.push(player.times[0].received.since(place.now()));
        }
        assert!(told.iter().all(|us| us.abs() < LATE_US), "{told:?} µs off");

        // Time passes, on the same beats.
        let [ada, _] = &mut players;
        let now = place.now();
        assert_eq!(ada.state().transport().beat_at(now), before.state().transport().beat_at(now));
        let mut last = ada.state().at();
        for scene in [SceneId(0), SceneId(2)] {
            let command = ada.command(Command::Launch { track: TrackId(1), scene });
            until([&mut *ada], "her launch", |[ada]| {
                ada.events().any(|event| event.cause.is_some_and(|cause| cause.command == command))
            });
            let at = ada.state().at();
            assert!(at > last && at.since(place.now()).abs() < LATE_US, "{last:?} {at:?}");
            last = at;
        }
    }
}

#[test]
fn while_nothing_plays_the_place_may_sleep() {
    let place = Place::open(0);
    let host = place.host(None);
    let code = host.create_session().unwrap().to_string();
    let (mut link, _) = place.grant(2, None);
    let greeting = link.probes;
    while link.pings == 0 {
        link.turn().unwrap();
    }
    let probes = link.probes - greeting;
    assert!((PROBES..2 * PROBES).contains(&probes), "{probes} probes although nothing plays");
    let known = link.probes;
    let mut ada = Player::enter(host.http_addr(), &code, None);
    ada.command(Command::SetPlaying(true));
    until([&mut ada], "the music", |[ada]| ada.state().transport().last().playing);
    while link.probes < known + PROBES {
        link.turn().unwrap();
    }
}

#[test]
fn a_host_lets_go_only_of_what_another_has_taken_over() {
    let place = Place::open(0);
    let host = place.host(None);
    let code = host.create_session().unwrap().to_string();
    let mut epoch = 2;
    let (mut link, _) = place.grant(epoch, None);
    for why in [Farewell::Stopping, Farewell::Silent, Farewell::Unnamed, Farewell::TooLarge] {
        link.part(why);
        let (anew, hello) = place.grant(epoch + 1, None);
        assert_eq!(hello, FromHost::Hello { epoch, granted: Some(epoch) }, "after {why:?}");
        (link, epoch) = (anew, epoch + 1);
        // The place is told all of it.
        link.hear_that(|word| matches!(word, FromHost::Whole { .. }).then_some(()));
        Player::enter(host.http_addr(), &code, None);
    }
    link.part(Farewell::Replaced);
    common::eventually("a host that has let go", || {
        let answer = common::try_join(host.http_addr(), &code, None);
        answer.is_err_and(|(_, error)| error.kind == ApiErrorKind::UnknownSession)
    });
}
