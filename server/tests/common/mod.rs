//! A player made of renet's own client, and an HTTP client, to drive a host through its real sockets.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, reason = "each test file uses its part of this")]

use keyboardia_server::{Host, HostConfig, connection_config};
use keyboardia_session::{
    Command, CommandId, EventKind, Micros, Name, Profile, Seat, SeatId,
    api::{ApiError, Created, JoinRequest, Joined, from_hex},
    limits::{CHANNEL_RELIABLE, CHANNEL_UNRELIABLE},
    wire::{self, ClientMessage, HostMessage},
};
use renet::RenetClient;
use renet_netcode::{ClientAuthentication, ConnectToken, NetcodeClientTransport};
use reqwest::blocking::{Client, Response};
use std::{
    io::{BufRead, BufReader, Read},
    net::{SocketAddr, UdpSocket},
    process::{Child, Command as Process, Stdio},
    time::{Duration, Instant, SystemTime},
};

/// Long enough for a busy machine, short enough to notice.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(1);

pub(crate) fn host() -> Host {
    Host::start(HostConfig::loopback()).expect("the host starts")
}

pub(crate) fn url(host: SocketAddr, path: &str) -> String {
    format!("http://{host}{path}")
}

pub(crate) fn post(host: SocketAddr, path: &str, body: impl Into<String>) -> Response {
    Client::new().post(url(host, path)).body(body.into()).send().expect("HTTP answers")
}

pub(crate) fn create(host: SocketAddr) -> String {
    let answer = post(host, "/api/sessions", "");
    assert_eq!(answer.status(), 201);
    answer.json::<Created>().expect("a created session").code
}

/// Asks for a seat.
pub(crate) fn try_join(host: SocketAddr, code: &str, token: Option<&str>) -> Result<Joined, (u16, ApiError)> {
    let profile = Profile { name: Some(Name::sanitised("Ada")), ..Profile::default() };
    let request = JoinRequest::new(&profile, token);
    let path = format!("/api/sessions/{code}/join");
    let answer = Client::new().post(url(host, &path)).json(&request).send().expect("HTTP answers");
    let status = answer.status().as_u16();
    if status == 200 { Ok(answer.json().expect("a seat")) } else { Err((status, answer.json().expect("an error"))) }
}

/// A connected player.
pub(crate) struct Player {
    pub(crate) joined: Joined,
    pub(crate) heard: Vec<HostMessage>,
    pub(crate) seat: Seat,
    pub(crate) connection: RenetClient,
    transport: NetcodeClientTransport,
    last: Instant,
    commands: u32,
}

impl Player {
    /// Joins over HTTP and begins to connect over UDP.
    pub(crate) fn join(host: SocketAddr, code: &str, token: Option<&str>) -> Self {
        let joined = try_join(host, code, token).expect("a seat");
        let bytes = from_hex(&joined.connect_token, 4_096).expect("hexadecimal");
        let connect_token = ConnectToken::read(&mut bytes.as_slice()).expect("a connect token");
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("a time after 1970");
        let transport = NetcodeClientTransport::new(now, ClientAuthentication::Secure { connect_token }, socket);
        Self {
            joined,
            heard: Vec::new(),
            seat: Seat::new(),
            connection: RenetClient::new(connection_config()),
            transport: transport.expect("a transport"),
            last: Instant::now(),
            commands: 0,
        }
    }

    /// Joins, and waits until the snapshot is there.
    pub(crate) fn enter(host: SocketAddr, code: &str, token: Option<&str>) -> Self {
        let mut player = Self::join(host, code, token);
        until([&mut player], "a snapshot", |[player]| player.seat.state().is_some());
        player
    }

    pub(crate) fn id(&self) -> SeatId {
        SeatId(self.joined.seat)
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.transport.addr().expect("an address")
    }

    pub(crate) fn send_raw(&mut self, bytes: Vec<u8>) {
        self.connection.send_message(CHANNEL_RELIABLE, bytes);
    }

    pub(crate) fn command(&mut self, command: Command) -> CommandId {
        self.commands += 1;
        let id = CommandId(self.commands);
        self.send_raw(wire::encode(&ClientMessage::Command { id, command }));
        id
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.transport.disconnect_reason().is_some()
    }

    pub(crate) fn leave(&mut self) {
        self.transport.disconnect();
    }

    pub(crate) fn heard_event(&self, is_it: impl Fn(&EventKind) -> bool) -> bool {
        self.heard.iter().any(|message| matches!(message, HostMessage::Event(event) if is_it(&event.kind)))
    }

    fn tick(&mut self) {
        let elapsed = self.last.elapsed();
        self.last += elapsed;
        self.connection.update(elapsed);
        // An error is a disconnection, which the tests ask for by name.
        self.transport.update(elapsed, &mut self.connection).unwrap_or_default();
        for channel in [CHANNEL_RELIABLE, CHANNEL_UNRELIABLE] {
            while let Some(bytes) = self.connection.receive_message(channel) {
                // Nobody probes here: no clock runs.
                self.seat.receive(Micros(0), &bytes);
                self.heard.push(wire::decode(&bytes).expect("a message of the host"));
            }
        }
        self.transport.send_packets(&mut self.connection).unwrap_or_default();
    }
}

/// A running program, ended when the test fails.
pub(crate) struct Program(pub(crate) Child);

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let child = Process::new(env!("CARGO_BIN_EXE_keyboardia-server"))
            .args(arguments)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.expect("the program starts"))
    }

    pub(crate) fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Process::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Exit code and standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

/// Lets players run until a condition holds.
pub(crate) fn until<const N: usize>(mut players: [&mut Player; N], what: &str, holds: impl Fn([&Player; N]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for player in &mut players {
            player.tick();
        }
        if holds(players.each_ref().map(|player| &**player)) {
            return;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(POLL);
    }
}

/// Looks at a condition until it holds.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    until([], what, |[]| holds());
}

pub(crate) fn local_now() -> Micros {
    Micros(SystemTime::UNIX_EPOCH.elapsed().expect("a time after 1970").as_micros() as u64)
}
