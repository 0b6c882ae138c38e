//! Players, an HTTP client and the program, to drive a host through its real sockets.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses its part of this"
)]

use keyboardia_server::{Host, HostConfig};
use keyboardia_session::{
    Micros, Name, Profile,
    api::{ApiError, Joined},
};
use keyboardia_visitor::{Failure, Visitor, Way, client};
use reqwest::blocking::Response;
use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    ops::{Deref, DerefMut},
    process::{Child, Command as Process, Stdio},
    time::SystemTime,
};

pub(crate) fn host() -> Host {
    Host::start(HostConfig::loopback()).expect("the host starts")
}

pub(crate) fn url(host: SocketAddr, path: &str) -> String {
    format!("http://{host}{path}")
}

pub(crate) fn post(host: SocketAddr, path: &str, body: impl Into<String>) -> Response {
    client().post(url(host, path)).body(body.into()).send().expect("HTTP answers")
}

pub(crate) fn create(host: SocketAddr) -> String {
    keyboardia_visitor::create(host).expect("a created session")
}

/// Asks for a seat.
pub(crate) fn try_join(host: SocketAddr, code: &str, token: Option<&str>) -> Result<Joined, (u16, ApiError)> {
    match keyboardia_visitor::join(host, code, &ada(), token) {
        Ok(joined) => Ok(joined),
        Err(Failure::Refused { status, error }) => Err((status, error)),
        Err(Failure::Broken(why)) => panic!("{why}"),
    }
}

fn ada() -> Profile {
    Profile { name: Some(Name::sanitised("Ada")), ..Profile::default() }
}

/// A connected player.
pub(crate) struct Player(Visitor);

impl Player {
    /// Joins over HTTP and begins to connect over UDP.
    pub(crate) fn join(host: SocketAddr, code: &str, token: Option<&str>) -> Self {
        Self(Visitor::connect(Way::Udp, host, code, &ada(), token).expect("a seat"))
    }

    /// Joins, and waits until the snapshot is there.
    pub(crate) fn enter(host: SocketAddr, code: &str, token: Option<&str>) -> Self {
        Self(Visitor::enter(Way::Udp, host, code, &ada(), token).expect("a player in the session"))
    }

    /// Comes back in this way.
    pub(crate) fn enter_by(way: Way, host: SocketAddr, code: &str, token: &str) -> Self {
        Self(Visitor::enter(way, host, code, &ada(), Some(token)).expect("a player in the session"))
    }

    /// The same on a WebSocket.
    pub(crate) fn enter_by_web(host: SocketAddr, code: &str, token: Option<&str>) -> Self {
        Self(Visitor::enter(Way::WebSocket, host, code, &ada(), token).expect("a player in the session"))
    }
}

impl Deref for Player {
    type Target = Visitor;

    fn deref(&self) -> &Visitor {
        &self.0
    }
}

impl DerefMut for Player {
    fn deref_mut(&mut self) -> &mut Visitor {
        &mut self.0
    }
}

impl AsMut<Visitor> for Player {
    fn as_mut(&mut self) -> &mut Visitor {
        &mut self.0
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
pub(crate) fn until<const N: usize>(players: [&mut Player; N], what: &str, holds: impl Fn([&Player; N]) -> bool) {
    keyboardia_visitor::until(players, what, holds).unwrap_or_else(|failure| panic!("{failure}"));
}

/// Looks at a condition until it holds.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    until([], what, |[]| holds());
}

pub(crate) fn local_now() -> Micros {
    Micros(SystemTime::UNIX_EPOCH.elapsed().expect("a time after 1970").as_micros() as u64)
}
