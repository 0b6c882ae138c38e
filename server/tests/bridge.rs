//! A host on the bridge, with a place in the cloud that is made by hand: what the two say to each other, to the frame and to
//! the request. The real place is in `tests/tests/takeover` of the workspace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

mod bridge {
    mod samples;
}
mod common;

use common::{Player, until};
use keyboardia_server::{BridgeConfig, Host, HostConfig, StoreConfig};
use keyboardia_session::{
    Authority, Command, CommandId, Farewell, Manifest, Micros, Outbox, Profile, SampleHash, SceneId, SeatToken,
    SessionCode, SessionSetup, TrackId,
    api::ApiErrorKind,
    bridge::{self as words, FromHost, FromPlace, LineId, SampleList, Written},
    limits::{LINE_MESSAGES_BURST, SEATS_MAX},
    wire::{self, ClientMessage, HostMessage, Probe},
};
use keyboardia_visitor::{Message, PATIENCE};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, Sender, channel},
    },
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

/// The key that the host was given.
const KEY: &str = "a key";

/// A place in the cloud whose clock is off.
struct Place {
    address: SocketAddr,
    /// Hosts that have dialled in.
    links: Receiver<TcpStream>,
    shelf: Arc<Mutex<Shelf>>,
    is_over: Arc<AtomicBool>,
    off_us: i64,
}

/// The place's sounds, and what it does when it is asked for them.
#[derive(Default)]
struct Shelf {
    /// By name.
    files: BTreeMap<String, Vec<u8>>,
    /// Those that it says it has, beside those that the host has brought.
    listed: BTreeSet<String>,
    /// What it answers instead, to the next that are brought; nothing: the connection breaks.
    instead: VecDeque<&'static str>,
    /// Methods and names of all requests.
    asked: Vec<(String, String)>,
}

impl Shelf {
    /// How often a sound was brought here or fetched.
    fn count(&self, method: &str, name: &str) -> usize {
        self.asked.iter().filter(|(of, about)| of == method && about == name).count()
    }
}

impl Place {
    fn open(off_us: i64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (shelf, is_over): (Arc<Mutex<Shelf>>, Arc<AtomicBool>) = Default::default();
        let (sender, links) = channel();
        let (theirs, until) = (shelf.clone(), is_over.clone());
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept()
                && !until.load(Relaxed)
            {
                let (shelf, sender) = (theirs.clone(), sender.clone());
                std::thread::spawn(move || receive(stream, &shelf, &sender));
            }
        });
        Self { address, links, shelf, is_over, off_us }
    }

    fn config(&self, take: Option<SessionCode>) -> HostConfig {
        let place = format!("http://{}", self.address).parse().unwrap();
        let bridge = Some(BridgeConfig { place, key: KEY.into(), take });
        HostConfig { bridge, ..HostConfig::loopback() }
    }

    fn host(&self, take: Option<SessionCode>) -> Host {
        Host::start(self.config(take)).unwrap()
    }

    /// The same, which keeps what it has in a directory.
    fn host_in(&self, dir: &Path, take: Option<SessionCode>) -> Host {
        let store = Some(StoreConfig { dir: dir.to_owned(), fsync: false });
        Host::start(HostConfig { store, ..self.config(take) }).unwrap()
    }

    fn now(&self) -> Micros {
        common::local_now().offset(self.off_us)
    }

    /// The next host that dials in, up to its hello.
    fn meet(&self) -> (Link<'_>, FromHost) {
        let stream = self.links.recv_timeout(PATIENCE).unwrap();
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

impl Drop for Place {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
        // Whoever waits for a connection looks then.
        TcpStream::connect(self.address).map(drop).unwrap_or_default();
    }
}

/// Takes a connection of a host's: a link, or a request about sounds, which is answered.
fn receive(stream: TcpStream, shelf: &Mutex<Shelf>, links: &Sender<TcpStream>) {
    let mut start = [0; 256];
    let is_link = loop {
        let Ok(length @ 1..) = stream.peek(&mut start) else { return };
        let text = String::from_utf8_lossy(&start[..length]);
        if let Some((line, _)) = text.split_once("\r\n") {
            break line.contains("/bridge HTTP/");
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    if is_link {
        // A place that is over does not want it.
        return links.send(stream).unwrap_or_default();
    }
    let mut reader = BufReader::new(&stream);
    let mut head = Vec::new();
    while head.last().is_none_or(|line: &String| !line.trim().is_empty()) {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "{head:?}");
        head.push(line);
    }
    let value = |name: &str| {
        let pairs = head.iter().filter_map(|line| line.split_once(':'));
        pairs.filter(|(of, _)| of.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
    };
    assert_eq!(value("authorization"), Some(format!("Bearer {KEY}")));
    let mut body = vec![0; value("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let mut words = head[0].split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let name = path.rsplit('/').next().unwrap().to_owned();
    let mut shelf = shelf.lock().unwrap();
    shelf.asked.push((method.into(), name.clone()));
    let unknown = r#"{"kind":"unknown_sample","message":"This session has no such sound."}"#;
    let (status, answer) = match method {
        "PUT" => {
            if let Some(instead) = shelf.instead.pop_front() {
                return (&stream).write_all(instead.as_bytes()).unwrap_or_default();
            }
            shelf.listed.insert(name.clone());
            shelf.files.insert(name, body);
            ("201 Created", Vec::new())
        }
        "GET" if name == "samples" => {
            let samples = shelf.listed.iter().filter_map(|name| SampleHash::parse(name)).collect();
            ("200 OK", serde_json::to_vec(&SampleList { samples }).unwrap())
        }
        _ => match shelf.files.get(&name) {
            Some(file) => ("200 OK", file.clone()),
            None => ("404 Not Found", unknown.as_bytes().to_vec()),
        },
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", answer.len());
    // Whoever asked may have gone.
    (&stream).write_all(&[head.as_bytes(), &answer].concat()).unwrap_or_default();
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
        self.socket.send(Message::Binary(words::encode(message).into())).unwrap();
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
                None => Ok(Some(words::decode(&bytes).unwrap())),
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
fn a_session_from_a_place_goes_on_in_its_own_time_when_its_host_starts_again_and_the_place_is_out_of_reach() {
    for off_us in [HOUR_US, -HOUR_US] {
        let (dir, place) = (tempfile::tempdir().unwrap(), Place::open(off_us));
        let (before, session) = written(place.now());
        let code = SessionCode::from_entropy(77);
        let mut host = place.host_in(dir.path(), Some(code));
        let (mut link, _) = place.grant(5, Some(session));
        link.bring(1, &token(1));
        // The place and the disk have it.
        let (mut ada, code) = (Player::enter(host.http_addr(), &code.to_string(), None), code.to_string());
        let command = Command::Launch { track: TrackId(1), scene: SceneId(0) };
        ada.command(command);
        let begin = Instant::now();
        while ada.durable() < Some(ada.state().seq()) || ada.durable() <= Some(0) {
            if let FromHost::Whole { seq, .. } | FromHost::Entries { seq, .. } = link.hear().unwrap() {
                link.say(&FromPlace::Held(seq));
            }
            ada.tick();
            assert!(begin.elapsed() < PATIENCE, "it is never safe");
        }
        let ahead_us = |player: &Player| player.joined.udp.as_ref().unwrap().ahead_us;
        let known_us = ahead_us(&ada);
        assert!((known_us - off_us).abs() < LATE_US, "{known_us} µs");
        host.stop();
        drop(host);
        let now_at = |us: i64| common::local_now().offset(us);
        let off_us = place.off_us;
        let again = place.config(None);
        drop(link);
        drop(place);

        let store = Some(StoreConfig { dir: dir.path().to_owned(), fsync: false });
        let host = Host::start(HostConfig { store, ..again }).unwrap();
        let mut ben = Player::enter(host.http_addr(), &code, None);
        assert_eq!(ahead_us(&ben), known_us, "to the microsecond");
        ben.ask_time();
        until([&mut ben], "the time", |[ben]| !ben.times.is_empty());
        let told_us = ben.times[0].received.since(now_at(off_us));
        assert!(told_us.abs() < LATE_US, "{told_us} µs off");
        let now = now_at(off_us);
        assert_eq!(ben.state().transport().beat_at(now), before.state().transport().beat_at(now), "the same beats");
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
