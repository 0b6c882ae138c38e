//! The headless Keyboardia host: sessions over HTTP and UDP.
//!
//! It moves bytes and time between players and the [`keyboardia_session::Authority`] of each session; no rule of the
//! game is written here. The `keyboardia-server` program is a command line around [`Host`], and the desktop game embeds
//! the same [`Host`] for playing alone or on a local network. So the library keeps no global state, sets up no logging
//! (its `tracing` target is `host`) and never ends the process.
//!
//! ```text
//! HTTP (TCP)  ──→ http ──→ desk ──────┐              thread "host-http"
//!                  ├─→ samples (files) │              players' own sounds
//!                  ├─→ page (files)    │              the game for browsers
//!                  └─→ sockets ─→ web ─┤
//! game (UDP)  ──→ shards ──────────────┴ net ─→ rooms thread "host-loop", see driver
//! time (UDP)  ──→ echo                                thread "host-time"
//! rooms       ──→ store (SQLite)                      thread "host-store", if sessions are kept
//! rooms       ←─→ bridge ←─→ a place in the cloud     thread "host-bridge", if sessions are put on the internet
//! samples     ←──────┘
//! ```

mod addresses;
mod awaited;
mod bridge;
mod budget;
mod channels;
mod clock;
mod desk;
mod driver;
mod echo;
mod error;
mod http;
mod limits;
mod metrics;
mod net;
mod page;
mod pulse;
mod room;
mod samples;
mod shard;
mod store;
mod tickets;
mod tls;
mod vet;
mod web;

pub use bridge::{BridgeConfig, Place};
pub use channels::connection_config;
pub use clock::{HostClock, WallClock};
pub use error::HostError;
pub use page::PageDir;
pub use samples::SampleLimits;
pub use store::StoreConfig;
pub use tls::Certificate;

use crate::{
    addresses::Addresses,
    bridge::{Bridging, Crossing},
    clock::SessionClocks,
    desk::{Desk, Opener, Request},
    driver::Driver,
    http::{Front, Http},
    limits::{ADVERTISED_MAX, SOCKETS_MAX, TRUSTED_MAX},
    metrics::Metrics,
    net::Net,
    pulse::Pulse,
    room::House,
    samples::Samples,
    shard::Shard,
    store::Shelf,
    tickets::Tickets,
    tls::Tls,
    web::Web,
};
use keyboardia_session::{Manifest, Patience, SessionCode, SessionSetup, Song, limits::SEATS_PER_SOCKET_MAX};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::Arc,
    thread::JoinHandle,
};
use tokio::sync::watch;

/// Port of HTTP (TCP) and of the game (UDP), unless another is chosen.
pub const PORT: u16 = 7373;
/// Port of the time echo (UDP), unless another is chosen.
pub const TIME_PORT: u16 = PORT + 1;

/// Where a host listens, and how players reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// TCP address of HTTP. Port 0 takes any free one, here as below.
    pub http: SocketAddr,
    /// UDP address of the game.
    pub udp: SocketAddr,
    /// UDP address of the time echo.
    pub time: SocketAddr,
    /// Addresses under which players reach this host besides those of its interfaces: of a router, or of the machine
    /// around a container. At most 30.
    pub advertise: Vec<IpAddr>,
    /// Addresses of proxies whose `X-Forwarded-For` is believed. At most 16.
    pub trust: Vec<IpAddr>,
    /// Where sessions are kept over the end of the host; otherwise they end with it.
    pub store: Option<StoreConfig>,
    /// How long seats and sessions that nobody uses are kept.
    pub patience: Patience,
    /// Seats of all sessions together, at most 4,096. There is a UDP socket for every 256 of them; the first is at
    /// [`Self::udp`], the others at the ports after that of the time echo.
    pub seats: usize,
    /// The certificate for HTTPS, on the same port as plain HTTP; `None` for plain HTTP alone.
    pub certificate: Option<Certificate>,
    /// How many sounds of their own players may bring.
    pub samples: SampleLimits,
    /// The page for those who play in a browser.
    pub page: Option<PageDir>,
    /// The place in the cloud that puts this host's sessions on the internet.
    pub bridge: Option<BridgeConfig>,
}

/// Where a relay or tunnel takes the packets of players; it brings them to the host's UDP ports and the answers back.
/// Players are told these addresses and no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relay {
    /// Its UDP address for the game.
    pub game: SocketAddr,
    /// Its UDP address for the time echo.
    pub time: SocketAddr,
}

impl HostConfig {
    /// Any free ports on loopback: for playing alone, and for tests.
    pub fn loopback() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { http: any, udp: any, time: any, certificate: None, ..Self::default() }
    }
}

impl Default for HostConfig {
    fn default() -> Self {
        let at = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Self {
            http: at(PORT),
            udp: at(PORT),
            time: at(TIME_PORT),
            advertise: Vec::new(),
            trust: Vec::new(),
            store: None,
            patience: Patience::default(),
            seats: SEATS_PER_SOCKET_MAX,
            certificate: Some(Certificate::default()),
            samples: SampleLimits::default(),
            page: None,
            bridge: None,
        }
    }
}

/// Datagrams that led to nothing since the host started: noise, and attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// At the game's socket.
    pub game: u64,
    /// At the time echo.
    pub time: u64,
}

/// A running host. Stops when it is dropped.
pub struct Host {
    http: SocketAddr,
    udp: SocketAddr,
    time: SocketAddr,
    desk: Desk,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    /// A thread that has ended although nobody has asked it to.
    failed: watch::Sender<Option<&'static str>>,
    metrics: Metrics,
    fingerprint: Option<String>,
}

/// Tells, when it is dropped, that a thread has ended, unless it was asked to.
struct Witness {
    thread: &'static str,
    stopping: watch::Receiver<bool>,
    failed: watch::Sender<Option<&'static str>>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        if !*self.stopping.borrow() {
            tracing::error!(target: "host", thread = self.thread, "a thread of the host has failed");
            self.failed.send_replace(Some(self.thread));
        }
    }
}

impl Host {
    /// Opens the sockets and starts the threads; players can join when this returns.
    ///
    /// # Errors
    /// When an address cannot be opened, or the operating system lacks threads or randomness. See [`HostError`].
    pub fn start(config: HostConfig) -> Result<Self, HostError> {
        Self::open(config, None, clock::machine)
    }

    /// The same behind a relay or tunnel, through which all players come.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_behind(relay: Relay, config: HostConfig) -> Result<Self, HostError> {
        Self::open(config, Some(relay), clock::machine)
    }

    /// As [`Self::start`], on a machine whose clock is this one. It is read once, so it may be set at any time.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_by(wall: WallClock, config: HostConfig) -> Result<Self, HostError> {
        Self::open(config, None, wall)
    }

    fn open(config: HostConfig, relay: Option<Relay>, wall: WallClock) -> Result<Self, HostError> {
        if config.advertise.len() > ADVERTISED_MAX {
            return Err(HostError::TooManyAdvertised(config.advertise.len()));
        }
        if config.trust.len() > TRUSTED_MAX {
            return Err(HostError::TooManyTrusted(config.trust.len()));
        }
        let sockets = config.seats.div_ceil(SEATS_PER_SOCKET_MAX);
        if sockets == 0 || sockets > SOCKETS_MAX || (sockets > 1 && relay.is_some()) {
            return Err(HostError::Seats(config.seats));
        }
        let setup = SessionSetup::starter(&Manifest::builtin()?);
        let (listener, http) = open(config.http, TcpListener::bind, TcpListener::local_addr)?;
        let (game, udp) = open(config.udp, UdpSocket::bind, UdpSocket::local_addr)?;
        let (echo, time) = open(config.time, UdpSocket::bind, UdpSocket::local_addr)?;
        echo::prepare(&echo).map_err(|error| HostError::of_socket(time, error))?;
        let mut games = vec![(game, udp)];
        for more in 1..sockets {
            let port = if config.time.port() == 0 { 0 } else { time.port().saturating_add(more as u16) };
            games.push(open(SocketAddr::new(udp.ip(), port), UdpSocket::bind, UdpSocket::local_addr)?);
        }

        let shelf = config.store.as_ref().map(Shelf::open).transpose()?;
        let clock = HostClock::start(wall, shelf.as_ref().and_then(Shelf::clock));
        let mut key = [0; renetcode::NETCODE_KEY_BYTES];
        getrandom::fill(&mut key).map_err(|_| HostError::NoRandomness)?;
        let addresses = Addresses::new(udp.ip(), time, config.advertise, relay);
        let dir = config.store.as_ref().map(|store| store.dir.as_path());
        let tls = config.certificate.as_ref().map(|certificate| Tls::open(certificate, &addresses.all(), dir));
        let tls = tls.transpose()?;
        let fingerprint = tls.as_ref().and_then(|tls| tls.fingerprint.clone());
        let ports = games.iter().map(|(_, address)| address.port()).collect();
        let clocks = SessionClocks::new(clock);
        let tickets = Arc::new(Tickets { key, addresses, ports, clocks: clocks.clone() });
        let metrics = Metrics::new();
        let shards = games.into_iter().map(|(socket, address)| {
            Shard::new(socket, &tickets, metrics.clone()).map_err(|error| HostError::of_socket(address, error))
        });
        let shards = shards.collect::<Result<_, _>>()?;
        let (web, from_web) = Web::new(metrics.clone());
        let samples = Samples::open(config.store.as_ref(), config.samples, metrics.clone())?;
        let crossing = config.bridge.as_ref().map(|bridge| Crossing::new(bridge, samples.clone(), metrics.clone()));
        let crossing = crossing.transpose()?;
        let (desk, requests) = Desk::open();
        let (seats, page) = (config.seats, config.page.as_ref());
        let elsewhere = config.bridge.as_ref().map(|bridge| bridge.place.to_string());
        let (to_loop, pulse, trust) = (from_web.clone(), Pulse::begin(), config.trust);
        #[rustfmt::skip]
        let front = Front::new(
            desk.clone(), tickets, trust, pulse.clone(), samples, metrics.clone(), from_web, seats, page, elsewhere,
            crossing.clone(),
        );
        let serve = Http::new(listener, tls.map(|tls| tls.acceptor), front).map_err(HostError::Threads)?;

        let (stop, stopping) = watch::channel(false);
        let kept = match (&shelf, config.store) {
            (Some(shelf), Some(StoreConfig { dir, .. })) => {
                shelf.sessions().map_err(|error| HostError::Store { dir, why: error.to_string() })?
            }
            _ => Vec::new(),
        };
        let store = shelf.map(|shelf| shelf.start(clock, metrics.clone())).transpose().map_err(HostError::Threads)?;
        let bridging = config.bridge.zip(crossing).map(|(bridge, crossing)| {
            Bridging::new(bridge, clocks.clone(), desk.clone(), to_loop, crossing, stopping.clone())
        });
        let (bridge, bridging) = bridging.transpose().map_err(HostError::Threads)?.unzip();
        let house = House { patience: config.patience, is_kept: store.is_some(), is_bridged: bridge.is_some() };
        let net = Net::new(shards, web, metrics.clone());
        let mut driver = Driver::new(clocks, net, setup, house, config.seats, store, bridge, metrics.clone(), pulse);
        driver.reopen(kept);
        let (counter, until) = (metrics.time_dropped.clone(), stopping.clone());
        // From here on, an early return drops the host, and so stops what has been started.
        let (threads, failed) = (Vec::new(), watch::Sender::new(None));
        let mut host = Self { http, udp, time, desk, stop, threads, failed, metrics, fingerprint };
        host.spawn("host-time", move || echo::run(&echo, clock, &counter, &until))?;
        let until = stopping.clone();
        host.spawn("host-loop", move || driver.run(&requests, &until))?;
        host.spawn("host-http", move || serve.run(stopping))?;
        if let Some(bridging) = bridging {
            host.spawn("host-bridge", move || bridging.run())?;
        }
        tracing::info!(target: "host", %http, %udp, %time, "the host is ready");
        Ok(host)
    }

    /// Where HTTP listens (TCP), with the actual port.
    pub fn http_addr(&self) -> SocketAddr {
        self.http
    }

    /// Where the game listens (UDP), with the actual port.
    pub fn udp_addr(&self) -> SocketAddr {
        self.udp
    }

    /// Where time probes are answered (UDP), with the actual port.
    pub fn time_addr(&self) -> SocketAddr {
        self.time
    }

    /// SHA-256 of the certificate that this host signed itself, as browsers show it; `None` if it did not.
    pub fn fingerprint(&self) -> Option<&str> {
        self.fingerprint.as_deref()
    }

    /// Opens a session with the starter groove. It is over when nobody has been in it for the grace time (30 s). Blocks
    /// for a few milliseconds; not for use on an async runtime's thread.
    ///
    /// # Errors
    /// [`HostError::Full`], or [`HostError::NoAnswer`] after [`Self::stop`].
    pub fn create_session(&self) -> Result<SessionCode, HostError> {
        self.create(None)
    }

    /// Opens a session with this grid, as [`Self::create_session`] does with the starter groove.
    ///
    /// # Errors
    /// As there.
    pub fn create_session_of(&self, song: &Song) -> Result<SessionCode, HostError> {
        self.create(Some(Box::new(song.setup())))
    }

    fn create(&self, setup: Option<Box<SessionSetup>>) -> Result<SessionCode, HostError> {
        Ok(self.desk.ask_blocking(|reply| Request::Create { opener: Opener::Owner, setup, reply })?)
    }

    /// Waits until a thread of the host ends that was not asked to, and says which: such a host is of no use any more. As
    /// long as all is well, and once the host was stopped, this waits for ever.
    pub fn failure(&self) -> impl Future<Output = HostError> + Send + use<> {
        let mut failed = self.failed.subscribe();
        async move {
            let thread = failed.wait_for(Option::is_some).await.ok().and_then(|thread| *thread);
            match thread {
                Some(thread) => HostError::Failed(thread),
                None => std::future::pending().await,
            }
        }
    }

    /// Datagrams that led to nothing so far.
    pub fn dropped(&self) -> Dropped {
        Dropped { game: self.metrics.game_dropped.get(), time: self.metrics.time_dropped.get() }
    }

    /// Disconnects every player, so that they learn at once, and ends all threads. Takes less than a second; a second
    /// call does nothing.
    pub fn stop(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!(target: "host", "a thread of the host had failed");
            }
        }
    }

    fn spawn(&mut self, name: &'static str, work: impl FnOnce() + Send + 'static) -> Result<(), HostError> {
        let witness = Witness { thread: name, stopping: self.stop.subscribe(), failed: self.failed.clone() };
        let work = move || {
            let _witness = witness;
            work();
        };
        let thread = std::thread::Builder::new().name(name.into()).spawn(work).map_err(HostError::Threads)?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { http, udp, time, .. } = self;
        f.debug_struct("Host").field("http", http).field("udp", udp).field("time", time).finish_non_exhaustive()
    }
}

/// Binds a socket and asks for its actual address.
fn open<S>(
    address: SocketAddr,
    bind: fn(SocketAddr) -> std::io::Result<S>,
    local: fn(&S) -> std::io::Result<SocketAddr>,
) -> Result<(S, SocketAddr), HostError> {
    let socket = bind(address).map_err(|error| HostError::of_socket(address, error))?;
    let bound = local(&socket).map_err(|error| HostError::of_socket(address, error))?;
    Ok((socket, bound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::TcpStream,
        time::{Duration, Instant},
    };

    /// What a host says of itself.
    fn health(host: &Host) -> String {
        let mut stream = TcpStream::connect(host.http_addr()).unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_host_whose_loop_has_failed_is_not_well_and_says_so() {
        let mut host = Host::start(HostConfig::loopback()).unwrap();
        assert!(health(&host).starts_with("HTTP/1.1 200 "));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let failure = host.failure();
        assert!(matches!(host.desk.ask_blocking::<()>(|_| Request::Fail), Err(desk::Refused::NoAnswer)));
        let error = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), failure).await.unwrap() });
        assert_eq!(error.to_string(), "The host cannot go on, since its thread host-loop has failed; start it again.");
        let begin = Instant::now();
        while !health(&host).starts_with("HTTP/1.1 503 ") {
            assert!(begin.elapsed() < Duration::from_secs(20), "still called well");
            std::thread::sleep(Duration::from_millis(10));
        }
        host.stop();
    }
}
