//! The bridge: a host behind a home router puts its sessions on the internet through a place in the cloud.
//!
//! The host dials in, a WebSocket for each session, and takes it over under a new epoch; the place writes down what the host
//! says of it, and brings the players who come there. When the host is gone, the place goes on. See
//! [`keyboardia_session::bridge`] for what they say.
//!
//! ```text
//! rooms ─→ Stream (bounded) ─→ link: a task for each session ─→ place
//! rooms ←─ held (a number) ←── link ←────────────────────────── place
//! rooms ←─ web (as WebSockets), desk ←── link ←──────────────── players there
//! samples ←─────────────── samples, over HTTP ────────────────→ place's bucket
//! ```

mod dial;
mod guests;
mod link;
mod samples;

pub(crate) use samples::{Crossing, Missing};

use crate::{
    clock::SessionClocks,
    desk::Desk,
    error::HostError,
    limits::{BRIDGE_STEPS_MAX, BRIDGE_STOP_MAX},
    web::FromWeb,
};
use axum::http::Uri;
use keyboardia_session::{SessionCode, bridge::FromHost, limits::SESSIONS_MAX};
use std::{
    fmt, io,
    net::IpAddr,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{mpsc, watch},
    task::JoinSet,
};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// Where the place is, and what it knows the host by.
#[derive(Clone, PartialEq, Eq)]
pub struct BridgeConfig {
    /// The place.
    pub place: Place,
    /// The key that the place was given as a secret.
    pub key: String,
    /// A session of the place that the host takes over at the start.
    pub take: Option<SessionCode>,
}

impl fmt::Debug for BridgeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeConfig").field("place", &self.place).field("take", &self.take).finish_non_exhaustive()
    }
}

/// The address of a place in the cloud: `https://name`, with a port if need be; `http://` for one on this machine, and for
/// no other, since the key would travel for everybody to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    is_secure: bool,
    /// `name:port`.
    host: String,
    text: String,
}

impl Place {
    /// An address there; `kind` is `http` or `ws`.
    fn url(&self, kind: &str, path: &str) -> String {
        format!("{kind}{}://{}{path}", if self.is_secure { "s" } else { "" }, self.host)
    }
}

impl FromStr for Place {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let bad = || HostError::Place(text.chars().take(80).collect());
        let uri: Uri = text.trim().parse().map_err(|_| bad())?;
        let is_secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad()),
        };
        let authority = uri.authority().filter(|_| matches!(uri.path(), "" | "/")).ok_or_else(bad)?;
        if !is_secure && !is_this_machine(authority.host()) {
            return Err(HostError::OpenPlace(authority.host().chars().take(80).collect()));
        }
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let host = format!("{}:{port}", authority.host());
        let text = format!("http{}://{authority}", if is_secure { "s" } else { "" });
        Ok(Self { is_secure, host, text })
    }
}

/// Whom this machine trusts to vouch for a place.
fn trust() -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    // What cannot be read vouches for nobody.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("This machine cannot make secure connections: {error}."))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Whether a host's name is this machine's own.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or_else(|_| host.eq_ignore_ascii_case("localhost"), |address| address.is_loopback())
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A room's end of its link: dropping it ends the link.
#[derive(Debug)]
pub(crate) struct Stream {
    steps: mpsc::Sender<FromHost>,
    /// Up to which event the place holds everything.
    held: Arc<AtomicU64>,
    /// Whether the music plays.
    plays: Arc<AtomicBool>,
}

/// The link's end of it.
#[derive(Debug)]
struct StreamEnd {
    steps: mpsc::Receiver<FromHost>,
    held: Arc<AtomicU64>,
    plays: Arc<AtomicBool>,
}

impl Stream {
    fn new() -> (Self, StreamEnd) {
        let (sender, steps) = mpsc::channel(BRIDGE_STEPS_MAX);
        let (held, plays) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        (Self { steps: sender, held: held.clone(), plays: plays.clone() }, StreamEnd { steps, held, plays })
    }

    /// Has the place told something; `false` if it does not keep up, or is gone.
    pub(crate) fn tell(&self, step: FromHost) -> bool {
        self.steps.try_send(step).is_ok()
    }

    /// Says whether the music plays: only then the place has to know the time.
    pub(crate) fn set_plays(&self, plays: bool) {
        self.plays.store(plays, Relaxed);
    }

    /// Up to which event the place holds everything.
    pub(crate) fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }
}

/// The loop's end of the bridge: says which sessions there are.
#[derive(Debug, Clone)]
pub(crate) struct Bridge(mpsc::Sender<SessionCode>);

impl Bridge {
    /// A session is open here: it is to be put on the internet.
    pub(crate) fn open(&self, code: SessionCode) {
        if self.0.try_send(code).is_err() {
            tracing::error!(target: "host", "a session is not put on the internet: the bridge is overloaded");
        }
    }
}

/// The bridge, ready to run.
pub(crate) struct Bridging {
    runtime: Runtime,
    config: BridgeConfig,
    opened: mpsc::Receiver<SessionCode>,
    hub: Hub,
}

/// What all links share.
#[derive(Clone)]
struct Hub {
    place: Place,
    key: Arc<str>,
    clocks: SessionClocks,
    desk: Desk,
    to_loop: mpsc::Sender<FromWeb>,
    crossing: Crossing,
    stop: watch::Receiver<bool>,
}

impl Bridging {
    /// Prepares to bridge.
    ///
    /// # Errors
    /// When the runtime cannot be made.
    pub(crate) fn new(
        config: BridgeConfig,
        clocks: SessionClocks,
        desk: Desk,
        to_loop: mpsc::Sender<FromWeb>,
        crossing: Crossing,
        stop: watch::Receiver<bool>,
    ) -> io::Result<(Bridge, Self)> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (sender, opened) = mpsc::channel(SESSIONS_MAX + 1);
        let (place, key) = (config.place.clone(), config.key.as_str().into());
        let hub = Hub { place, key, clocks, desk, to_loop, crossing, stop };
        Ok((Bridge(sender), Self { runtime, config, opened, hub }))
    }

    /// Keeps every session linked until the host stops.
    pub(crate) fn run(mut self) {
        self.runtime.block_on(async {
            let mut links = JoinSet::new();
            let mut stop = self.hub.stop.clone();
            if let Some(code) = self.config.take {
                links.spawn(link::keep(self.hub.clone(), code));
            }
            loop {
                tokio::select! {
                    code = self.opened.recv() => match code {
                        Some(code) => drop(links.spawn(link::keep(self.hub.clone(), code))),
                        None => break,
                    },
                    Some(_) = links.join_next() => {}
                    () = stopped(&mut stop) => break,
                }
            }
            let all = async { while links.join_next().await.is_some() {} };
            if tokio::time::timeout(BRIDGE_STOP_MAX, all).await.is_err() {
                tracing::warn!(target: "host", "the place has not heard the last of some sessions");
            }
        });
    }
}

/// Returns when the host stops, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the host is gone.
    stop.wait_for(|stopping| *stopping).await.map(drop).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_people_write_them() {
        let place: Place = "https://jam.example/".parse().unwrap();
        assert_eq!(
            (place.url("ws", "/x").as_str(), place.to_string().as_str()),
            ("wss://jam.example:443/x", "https://jam.example")
        );
        let place: Place = "http://127.0.0.1:8787".parse().unwrap();
        assert_eq!(
            (place.url("ws", "/x").as_str(), place.to_string().as_str()),
            ("ws://127.0.0.1:8787/x", "http://127.0.0.1:8787")
        );
        for near in ["http://localhost:8787", "http://[::1]:8787", "http://127.3.2.1"] {
            assert!(near.parse::<Place>().is_ok(), "{near}");
        }
        for far in ["http://jam.example", "http://192.168.0.7:8787", "http://localhost.jam.example", "http://1.127.0.0"]
        {
            let why = Place::from_str(far).unwrap_err().to_string();
            assert!(why.contains("https://") && why.ends_with('.'), "{far}: {why}");
        }
        for bad in ["jam.example", "ftp://jam.example", "https://jam.example/path", "", "https://"] {
            let why = Place::from_str(bad).unwrap_err().to_string();
            assert!(why.contains("https://"), "{bad}: {why}");
        }
    }
}
