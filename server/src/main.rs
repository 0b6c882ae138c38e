//! `keyboardia-server`: the host as a program. Reads the command line, starts a [`Host`], says how to join, and stops
//! it when asked to.

use clap::Parser;
use keyboardia_server::{
    BridgeConfig, Certificate, Host, HostConfig, PORT, PageDir, Place, Relay, SampleLimits, StoreConfig,
};
use keyboardia_session::{
    Patience, SessionCode,
    limits::{GRACE_US, SEATS_PER_SOCKET_MAX},
};
use std::{
    error::Error,
    io::{IsTerminal, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
    process::ExitCode,
};
use tracing_subscriber::EnvFilter;

/// The largest port that has one above it, for the time echo.
const PORT_MAX: i64 = u16::MAX as i64 - 1;
/// The longest time that anything may be kept unused: ten years.
const SECONDS_MAX: u64 = 10 * 365 * 24 * 3_600;

/// The headless Keyboardia host: players join its sessions over the network.
#[derive(Debug, Parser)]
#[command(name = "keyboardia-server", version, about)]
struct Options {
    /// Port of HTTP (TCP) and of the game (UDP); the time echo (UDP) gets the next one. 0 takes any free ports.
    #[arg(long, default_value_t = PORT, value_parser = clap::value_parser!(u16).range(0..=PORT_MAX))]
    port: u16,
    /// Address of this machine to listen on; all of them otherwise.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    bind: IpAddr,
    /// TCP address of HTTP, if it is to differ from --bind and --port.
    #[arg(long, value_name = "IP:PORT")]
    http: Option<SocketAddr>,
    /// UDP address of the game, if it is to differ from --bind and --port.
    #[arg(long, value_name = "IP:PORT")]
    udp: Option<SocketAddr>,
    /// UDP address of the time echo, if it is to differ from --bind and --port + 1.
    #[arg(long, value_name = "IP:PORT")]
    time: Option<SocketAddr>,
    /// Address or name under which players reach this host from outside: the router's, or that of the machine around a
    /// container. May be given several times.
    #[arg(long, value_name = "ADDRESS")]
    advertise: Vec<String>,
    /// UDP addresses of a relay or tunnel through which all players reach this host: for the game, and for the time
    /// echo. Players are told no others.
    #[arg(long, num_args = 2, value_names = ["GAME", "TIME"])]
    relay: Vec<SocketAddr>,
    /// Address of a proxy whose X-Forwarded-For header is believed. May be given several times.
    #[arg(long, value_name = "IP")]
    trust: Vec<IpAddr>,
    /// Seats of all sessions together, up to 4,096. Every 256 of them need a UDP port: the one of the game, then those above
    /// the time echo's.
    #[arg(long, value_name = "SEATS", default_value_t = SEATS_PER_SOCKET_MAX as u64,
        value_parser = clap::value_parser!(u64).range(1..=4_096))]
    seats: u64,
    /// Certificate for HTTPS with those that vouch for it (PEM); otherwise the host signs one itself and shows its
    /// fingerprint.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Directory in which sessions are kept, so that they go on after a restart; otherwise they end with the host.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Wait for the disk before anything counts as kept, so that it survives a loss of power, too.
    #[arg(long, requires = "data")]
    fsync: bool,
    /// Seconds for which a player's seat is kept after the connection is lost.
    #[arg(long, value_name = "SECONDS", default_value_t = GRACE_US / 1_000_000,
        value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    grace: u64,
    /// Seconds for which a session is kept after its last player has gone.
    #[arg(long, value_name = "SECONDS", default_value_t = GRACE_US / 1_000_000,
        value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    keep: u64,
    /// Bytes of all sounds that players may bring, of all sessions together.
    #[arg(long, value_name = "BYTES", default_value_t = SampleLimits::default().bytes)]
    sample_bytes: u64,
    /// Directory of the page for browsers, or none; otherwise where the environment's `KEYBOARDIA_WEB` says, beside the
    /// program, or in web/dist.
    #[arg(long, value_name = "DIR")]
    web: Option<PathBuf>,
    /// A place in the cloud (`https://…`, see `./play cloud deploy`) that puts every session of this host on the internet, and
    /// goes on with them when the host is gone.
    #[arg(long, value_name = "ADDRESS", requires = "key")]
    bridge: Option<Place>,
    /// The key that the place was given as its secret `BRIDGE_KEY`.
    #[arg(long, value_name = "KEY", env = "KEYBOARDIA_BRIDGE_KEY", hide_env_values = true)]
    key: Option<String>,
    /// A session of the place, by its five words, that this host takes over.
    #[arg(long, value_name = "CODE", requires = "bridge", value_parser = code)]
    take: Option<SessionCode>,
    /// Open a session at the start and show its code.
    #[arg(long)]
    create: bool,
    /// Print one line of JSON when ready: {"http":"…","udp":"…","time":"…","code":"…" or null,"page":true or false,
    /// "fingerprint":"…" or null}.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn config(&self) -> Result<HostConfig, Box<dyn Error>> {
        let at = |port| SocketAddr::new(self.bind, port);
        let time_port = if self.port == 0 { 0 } else { self.port + 1 };
        let mut advertise = Vec::new();
        for name in &self.advertise {
            advertise.extend(resolve(name)?);
        }
        Ok(HostConfig {
            http: self.http.unwrap_or(at(self.port)),
            udp: self.udp.unwrap_or(at(self.port)),
            time: self.time.unwrap_or(at(time_port)),
            advertise,
            trust: self.trust.clone(),
            store: self.data.clone().map(|dir| StoreConfig { dir, fsync: self.fsync }),
            samples: SampleLimits { bytes: self.sample_bytes, ..SampleLimits::default() },
            patience: Patience { seat_us: self.grace * 1_000_000, session_us: self.keep * 1_000_000 },
            seats: self.seats as usize,
            certificate: Some(match (&self.tls_cert, &self.tls_key) {
                (Some(chain), Some(key)) => Certificate::Files { chain: chain.clone(), key: key.clone() },
                _ => Certificate::SelfSigned,
            }),
            page: PageDir::find(self.web.as_deref())?,
            bridge: self.bridge.clone().zip(self.key.clone()).map(|(place, key)| BridgeConfig {
                place,
                key,
                take: self.take,
            }),
        })
    }
}

/// A session's code, as people write it.
fn code(text: &str) -> Result<SessionCode, String> {
    SessionCode::parse(text).ok_or_else(|| "a code has five words, like amber-otter-piano-lake-sun".into())
}

fn main() -> ExitCode {
    let options = Options::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("host=info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_ansi(std::io::stderr().is_terminal()).init();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keyboardia-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Signals are caught before anybody is told that the host is ready.
    let signal = {
        let _context = runtime.enter();
        stop_signal()?
    };
    let config = options.config()?;
    let has_page = config.page.is_some();
    let mut host = match options.relay[..] {
        [game, time] => Host::start_behind(Relay { game, time }, config)?,
        _ => Host::start(config)?,
    };
    let code = if options.create { Some(host.create_session()?) } else { None };
    let announcement =
        if options.json { machine_line(&host, code, has_page) } else { welcome(&host, code, has_page, options) };
    // Whoever closed standard output does not want to know.
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{announcement}").and_then(|()| stdout.flush()).unwrap_or_default();

    let failure = host.failure();
    let asked = runtime.block_on(async {
        tokio::select! {
            name = signal => Ok(name),
            error = failure => Err(error),
        }
    });
    if let Ok(name) = asked {
        eprintln!("keyboardia-server: {name}; telling the players and stopping.");
    }
    host.stop();
    asked.map(|_| ()).map_err(Into::into)
}

/// Waits for a signal that asks the program to end; returns its name.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "interrupted",
            _ = terminate.recv() => "asked to end",
        }
    })
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    Ok(async {
        // Without a way to hear of Ctrl-C, the host runs until it is ended.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "interrupted"
    })
}

fn resolve(name: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(ip) = name.parse() {
        return Ok(vec![ip]);
    }
    let found = (name, 0).to_socket_addrs().map_err(|error| format!("{name} cannot be advertised: {error}."))?;
    let ips: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    if ips.is_empty() { Err(format!("{name} cannot be advertised: it has no address.")) } else { Ok(ips) }
}

fn machine_line(host: &Host, code: Option<SessionCode>, has_page: bool) -> String {
    serde_json::json!({
        "http": host.http_addr(),
        "udp": host.udp_addr(),
        "time": host.time_addr(),
        "code": code.map(|code| code.to_string()),
        "page": has_page,
        "fingerprint": host.fingerprint(),
    })
    .to_string()
}

/// How to join, for people.
fn welcome(host: &Host, code: Option<SessionCode>, has_page: bool, options: &Options) -> String {
    let port = host.http_addr().port();
    let names = reachable(host, options);
    let code = code.map(|code| code.to_string());
    let addresses = names.iter().map(|name| match (port, name.contains(':')) {
        (PORT, _) => name.clone(),
        (_, false) => format!("{name}:{port}"),
        (_, true) => format!("[{name}]:{port}"),
    });
    let take = options.take.map(|code| code.to_string());
    let words = code.as_deref().unwrap_or("CODE");
    let joins: Vec<String> = addresses.map(|address| format!("  ./play --join {address} {words}")).collect();
    let trust = host.fingerprint().map_or(String::new(), |fingerprint| {
        let question = "Browsers reach it by https:// and ask about its certificate, whose SHA-256 fingerprint is";
        format!("\n{question}\n  {fingerprint}")
    });
    let place = options.bridge.as_ref().zip(code.as_deref().or(take.as_deref()));
    let internet = place.map_or(String::new(), |(place, code)| {
        format!("\nFrom anywhere, open\n  {place}/#{code}\nor join with\n  ./play --join {place} {code}")
    });
    let pages: Vec<String> =
        names.iter().filter(|_| has_page).map(|name| page_url(name, port, code.as_deref())).collect();
    let open = if pages.is_empty() { String::new() } else { format!("\nIn a browser, open\n  {}", pages.join("\n  ")) };
    format!(
        "Keyboardia's host is ready. Players join with\n{}{open}{trust}{internet}\nCtrl-C ends it.",
        joins.join("\n")
    )
}

/// Where a browser finds the page. Sound needs a secure connection everywhere but on the machine itself.
fn page_url(name: &str, port: u16, code: Option<&str>) -> String {
    let ip: Option<IpAddr> = name.parse().ok();
    let is_here = name == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
    let scheme = if is_here { "http" } else { "https" };
    let name = if ip.is_some_and(|ip| ip.is_ipv6()) { format!("[{name}]") } else { name.to_owned() };
    let code = code.map_or(String::new(), |code| format!("#{code}"));
    format!("{scheme}://{name}:{port}/{code}")
}

/// Names of this host that players may be able to use, best first.
fn reachable(host: &Host, options: &Options) -> Vec<String> {
    if !options.advertise.is_empty() {
        return options.advertise.clone();
    }
    let bound = host.http_addr().ip();
    if !bound.is_unspecified() {
        return vec![bound.to_string()];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut ips: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).filter(IpAddr::is_ipv4).collect();
    // Loopback, for this machine, comes last.
    ips.sort_by_key(IpAddr::is_loopback);
    ips.iter().map(IpAddr::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_sent_where_they_may_make_sound() {
        assert_eq!(page_url("127.0.0.1", 7373, None), "http://127.0.0.1:7373/");
        assert_eq!(page_url("192.168.1.5", 7373, Some("a-b-c-d-e")), "https://192.168.1.5:7373/#a-b-c-d-e");
        assert_eq!(page_url("2001:db8::1", 9, None), "https://[2001:db8::1]:9/");
        assert_eq!(page_url("jam.example.org", 9, None), "https://jam.example.org:9/");
    }
}
