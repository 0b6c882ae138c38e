//! A window on the desktop.

use super::Hosted;
pub(crate) use super::store::Store;
use crate::{link::Invitation, opening::NO_DISPLAY};
use bevy::{
    app::PluginGroupBuilder,
    log::{DEFAULT_FILTER, Level, LogPlugin},
    prelude::*,
};
use etcetera::BaseStrategy;
use keyboardia_player::Player;
pub(crate) use keyboardia_server::Host;
use keyboardia_server::{HostConfig, HostError, PORT, PageDir};
use keyboardia_session::{Patience, Song, limits::GRACE_US};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread::JoinHandle,
    time::{SystemTime, UNIX_EPOCH},
};

/// Whether a window can host.
pub(crate) const HOSTS: bool = true;
/// Whether there is a way out of the program.
pub(crate) const QUITS: bool = true;
/// Whether the player can choose a sound device here.
pub(crate) const HAS_DEVICES: bool = true;
/// Whether the game itself reads and writes files of this machine.
pub(crate) const HAS_FILES: bool = true;
/// Whether the window can have a size of the player's choice.
pub(crate) const RESIZES: bool = true;
/// What is said where nothing can be drawn.
pub(crate) const NO_ADAPTER: &str = "No graphics adapter was found: install a Vulkan or OpenGL driver (on Debian: \
                                     mesa-vulkan-drivers, which also draws without one), or run the host without a \
                                     window: cargo run --release -p keyboardia-server";
/// What the button says that hands an invitation on.
pub(crate) const INVITE: &str = "Copy invitation";
/// A session of this window is kept as long as the window, even if the machine stood still for an hour.
const PATIENCE: Patience = Patience { seat_us: GRACE_US, session_us: 365 * 24 * 3_600 * 1_000_000 };

/// Warnings about the machine that no player can do anything about.
const QUIET: &str = "winit=error,bevy_winit=error,bevy_egui=error,bevy_render::renderer=error";

/// Lets warnings be written to the terminal.
pub(crate) fn log(plugins: PluginGroupBuilder) -> PluginGroupBuilder {
    plugins.set(LogPlugin { level: Level::WARN, filter: format!("{DEFAULT_FILTER},{QUIET}"), ..default() })
}

/// What is still to be left.
pub(crate) struct Goodbye(JoinHandle<()>);

impl Goodbye {
    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits until it is.
    pub(crate) fn wait(self) {
        // A panic in it has been reported there.
        let _ = self.0.join();
    }
}

/// Leaves a session and a host. A goodbye may wait for the network; the window does not.
pub(crate) fn part(player: Option<Player>, host: Option<Host>) -> Option<Goodbye> {
    let part = move || {
        drop(player);
        drop(host);
    };
    std::thread::Builder::new().name("goodbye".into()).spawn(part).ok().map(Goodbye)
}

/// Starts a host with a session in it, which begins with `song` or with the starter groove, for everybody on the network or for
/// this window alone; `port` is the one that was asked for.
///
/// # Errors
/// Why there is none, as a sentence.
pub(crate) fn hosted(to_network: bool, port: Option<u16>, song: Option<&Song>) -> Result<Hosted, String> {
    let alone = HostConfig { patience: PATIENCE, ..HostConfig::loopback() };
    let config = if to_network { host_config(port.unwrap_or(PORT)) } else { alone };
    let has_page = config.page.is_some();
    let host = match Host::start(config) {
        // Nobody asked for the usual port, so any will do.
        Err(HostError::PortInUse(_)) if port.is_none() => Host::start(host_config(0)),
        started => started,
    };
    let host = host.map_err(|error| error.to_string())?;
    let code = song
        .map_or_else(|| host.create_session(), |song| host.create_session_of(song))
        .map_err(|error| error.to_string())?;
    let (port, ip) = (host.http_addr().port(), lan_ip());
    Ok(Hosted {
        host: Some(host),
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string(),
        code: Some(code),
        invited_at: to_network.then(|| address(ip, port)),
        page: has_page.then(|| page_at(ip, port)),
    })
}

/// The host that is meant where none is named.
pub(crate) fn home() -> Option<String> {
    None
}

/// How others join a session that this window has joined there. Who is reached by HTTPS alone has a page.
pub(crate) fn invitation(address: String, code: String) -> Invitation {
    let page = address.starts_with("https://").then(|| address.trim_end_matches('/').to_owned());
    Invitation { address, code, page }
}

/// Where browsers find the page of a host in this window. Beyond this machine they want a secure connection.
fn page_at(ip: IpAddr, port: u16) -> String {
    let scheme = if ip.is_loopback() { "http" } else { "https" };
    format!("{scheme}://{}", SocketAddr::new(ip, port))
}

/// Hands an invitation on by the platform's own means. Returns whether there are any; else it is to be copied.
pub(crate) fn share(_code: &str) -> bool {
    false
}

/// What the platform adds to the app.
pub(crate) fn plugin(_app: &mut App) {}

fn host_config(port: u16) -> HostConfig {
    let at = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let time_port = if port == 0 { 0 } else { port + 1 };
    // Who has no game of their own plays in a browser, where the page is at hand.
    let page = PageDir::find(None).unwrap_or_default();
    HostConfig { http: at(port), udp: at(port), time: at(time_port), patience: PATIENCE, page, ..HostConfig::default() }
}

/// An address of this machine that others on its network can use; loopback if it has none.
fn lan_ip() -> IpAddr {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let ips = || interfaces.iter().map(if_addrs::Interface::ip).filter(|ip| ip.is_ipv4() && !ip.is_loopback());
    let is_private = |ip: &IpAddr| matches!(ip, IpAddr::V4(ip) if ip.is_private());
    ips().find(is_private).or_else(|| ips().next()).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// An address as people type it: without the usual port.
fn address(ip: IpAddr, port: u16) -> String {
    if port == PORT { ip.to_string() } else { SocketAddr::new(ip, port).to_string() }
}

/// Asks the system for the names of what plays, which may take a while.
pub(crate) fn outputs() -> Arc<OnceLock<Vec<String>>> {
    found(Player::outputs)
}

/// Asks the system for the names of its microphones, which may take a while.
pub(crate) fn inputs() -> Arc<OnceLock<Vec<String>>> {
    found(Player::inputs)
}

/// What this finds, as soon as it has.
fn found(find: fn() -> Vec<String>) -> Arc<OnceLock<Vec<String>>> {
    let found = Arc::new(OnceLock::new());
    let cell = found.clone();
    // Nobody else fills it.
    let look = move || cell.set(find()).unwrap_or_default();
    if std::thread::Builder::new().name("devices".into()).spawn(look).is_err() {
        found.set(Vec::new()).unwrap_or_default();
    }
    found
}

/// Whether lights stay still unless the player says otherwise: systems tell it in many ways, or in none.
pub(crate) fn calm() -> bool {
    false
}

/// A number that is another one each time.
pub(crate) fn seed() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64 / 1_000)
}

/// The window as the platform wants it.
pub(crate) fn adapt(window: Window) -> Window {
    window
}

/// Whether a window can be opened here.
///
/// # Errors
/// What to do instead, as a sentence.
pub(crate) fn can_open() -> Result<(), &'static str> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let needs_one = cfg!(all(unix, not(target_os = "macos")));
    let found = ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].into_iter().any(is_set);
    if needs_one && !found { Err(NO_DISPLAY) } else { Ok(()) }
}

/// Ends the program with a sentence: the window could not be opened.
pub(crate) fn fail(sentence: &str) -> ! {
    eprintln!("keyboardia: {sentence}");
    std::process::exit(1)
}

/// Where players' own sounds are kept from one session to the next, if this machine has such a place.
pub(crate) fn samples() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("keyboardia").join("samples"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_a_command_and_leaves_out_the_usual_port() {
        let ip = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5));
        let command = |port| invitation(address(ip, port), "able-acid-aged-also-area".into()).command();
        assert_eq!(command(PORT), "./play --join 192.168.1.5 able-acid-aged-also-area");
        assert_eq!(command(9000), "./play --join 192.168.1.5:9000 able-acid-aged-also-area");
    }

    #[test]
    fn the_page_of_a_host_in_this_window_is_secure_for_everybody_else() {
        assert_eq!(page_at(IpAddr::V4(Ipv4Addr::new(192, 168, 1, 5)), PORT), "https://192.168.1.5:7373");
        assert_eq!(page_at(IpAddr::V4(Ipv4Addr::LOCALHOST), 9), "http://127.0.0.1:9");
        let far = invitation("https://jam.example/".into(), "able-acid-aged-also-area".into());
        assert_eq!(far.command(), "https://jam.example/#able-acid-aged-also-area");
    }

    #[test]
    fn a_host_without_a_port_takes_any_three() {
        assert_eq!(host_config(0).time.port(), 0);
        assert_eq!(host_config(7000).time.port(), 7001);
    }
}
