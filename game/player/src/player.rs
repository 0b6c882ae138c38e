//! The player's thread: a windowless Bevy app around the seat.
//!
//! Each turn of about a millisecond: packets in, probes in, wishes in, score and sounds to the engine, packets out,
//! picture out. The seat, the engine and the sounds outlive a connection; a lost one is made anew with the same token.

use crate::{
    backoff::Backoff,
    body::{self, refuse_wishes},
    device,
    export::Captures,
    host::{Address, HostApi, JoinFailure},
    probe::Prober,
    samples::{Exchange, Fetcher, reopen},
    shared::Shared,
    sounds::{DiskLoader, SoundDir, Sounds},
    view::{Connection, PlayerOptions, Transport},
    web::{FromWeb, Web},
};
use bevy_app::{App, PostUpdate, PreUpdate, Update};
use bevy_ecs::{
    prelude::*,
    schedule::{Schedules, SingleThreadedExecutor},
};
use bevy_renet::{
    RenetClient, RenetClientPlugin,
    netcode::{
        ClientAuthentication, ConnectToken, NetcodeClientPlugin, NetcodeClientTransport,
        NetcodeDisconnectReason as DisconnectReason,
    },
    renet::{ChannelConfig, ConnectionConfig, SendType},
};
use bevy_time::TimePlugin;
use keyboardia_audio::{Engine, EngineSettings, engine};
use keyboardia_session::{
    Micros, Profile, SeatToken,
    api::{Joined, from_hex},
    limits::{BYTES_PER_TICK_MAX, CHANNEL_BYTES_MAX, CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, RESEND_MS, TRACKS_MAX},
};
use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A turn of the player's thread.
const TURN: Duration = Duration::from_millis(1);
/// Longest time until what has come is acknowledged, and pace at which it is looked what must be sent again.
const ACK_INTERVAL_US: i64 = 10_000;
/// How often a packet is sent when there is nothing to say.
const QUIET_PACKET_US: i64 = 100_000;
/// How long a player tries UDP before it takes a WebSocket.
const UDP_PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of a netcode connect token.
const CONNECT_TOKEN_BYTES_MAX: usize = 4_096;
/// Sample rate of the engine until a device says otherwise, Hz.
const SAMPLE_RATE: u32 = 48_000;

/// A player whose engine is in this program.
type Body = body::Body<Engine, Sounds>;

/// When packets are sent.
#[derive(Resource, Default)]
struct Packets {
    are_due: bool,
    /// Something has come since the last one.
    must_acknowledge: bool,
    sent: Micros,
}

/// How a connection ended.
enum End {
    Left,
    Lost(String),
    /// There is no way back.
    Out(String),
    /// The host answers, but nothing comes through to it over UDP.
    Blocked(String),
}

/// Runs a player until it leaves or fails for good.
pub(crate) fn run(options: PlayerOptions, shared: &Arc<Shared>, exchange: &Arc<Exchange>, captures: &Captures) {
    if let Err(why) = live(options, shared, exchange, captures) {
        shared.fail(why);
    } else {
        shared.change_view(|view| view.connection = Connection::Left);
    }
    shared.leave.store(true, Relaxed);
}

fn live(
    options: PlayerOptions,
    shared: &Arc<Shared>,
    exchange: &Arc<Exchange>,
    captures: &Captures,
) -> Result<(), String> {
    let api = HostApi::new(&options.host).map_err(|failure| failure.sentence)?;
    shared.change_view(|view| view.host = api.address().to_string());
    let code = match options.code {
        Some(code) => code,
        None => api.create(options.kept.as_deref().map(|kept| &kept.song)).map_err(|failure| failure.sentence)?,
    };
    let mut joined = api.join(&code, &options.profile, None).map_err(|failure| failure.sentence)?;
    shared.change_view(|view| view.code = Some(code.clone()));
    let (engine, mut renderer) =
        engine(EngineSettings { sample_rate: SAMPLE_RATE, tracks: TRACKS_MAX }).map_err(|e| e.to_string())?;
    captures.come_from(renderer.take_capture_desk());
    let no_thread = |error: std::io::Error| format!("This machine cannot start another thread: {error}.");
    let library = DiskLoader::start(SoundDir::find(options.sounds.as_deref())).map_err(no_thread)?;
    let own = Fetcher::start(exchange.clone()).map_err(no_thread)?;
    exchange.go_to(api.depot(&code, &joined.token));
    if let Some(kept) = options.kept {
        reopen(exchange, kept).map_err(no_thread)?;
    }
    let mut body = Body::new(shared, engine, Sounds::new(library, own));
    let sound = device::start(options.output.clone(), renderer, shared).map_err(no_thread)?;
    let mut places = Places { here: api, elsewhere: None };
    let mut backoff = Backoff::default();
    let mut transport = options.transport;
    let outcome = loop {
        let known = body.seat.state().cloned();
        let (back, end) = match transport {
            // A session that lives on no host has a WebSocket only.
            _ if joined.udp.is_none() => connect_by_web(body, places.here.address(), &code, &joined)?,
            Transport::WebSocket => connect_by_web(body, places.here.address(), &code, &joined)?,
            Transport::Auto => connect(body, &joined, Some(UDP_PATIENCE))?,
            Transport::Udp => connect(body, &joined, None)?,
        };
        body = back;
        // A host that lets us in, and then loses us before it has told anything, is not asked more often for that.
        let heard = body.seat.state();
        if heard.is_some_and(|state| known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, state))) {
            backoff.reset();
        }
        let why = match end {
            End::Left => break Ok(()),
            End::Out(why) => break Err(why),
            End::Blocked(why) if transport == Transport::Auto => {
                tracing::info!(target: "player", "{why} Trying a WebSocket.");
                transport = Transport::WebSocket;
                continue;
            }
            End::Lost(why) | End::Blocked(why) => why,
        };
        transport = options.transport;
        if !body.has_arrived {
            break Err(why);
        }
        tracing::info!(target: "player", "connection lost: {why}");
        shared.change_view(|view| view.connection = Connection::Reconnecting(why));
        let profile = body.profile().unwrap_or_else(|| options.profile.clone());
        places.learn(&joined);
        match rejoin(&mut places, &code, &joined, &profile, &mut body, &mut backoff) {
            Some(Ok(again)) => {
                joined = again;
                exchange.go_to(places.here.depot(&code, &joined.token));
                shared.change_view(|view| view.host = places.here.address().to_string());
            }
            Some(Err(failure)) => break Err(failure.sentence),
            None => break Ok(()),
        }
    };
    shared.leave.store(true, Relaxed);
    sound.end();
    outcome
}

/// Where a session may be found: where it was found last, and where else it goes on when that is gone.
struct Places {
    here: HostApi,
    elsewhere: Option<HostApi>,
}

impl Places {
    /// Remembers where else the session goes on.
    fn learn(&mut self, joined: &Joined) {
        let told = joined.elsewhere.as_deref().and_then(|address| HostApi::new(address).ok());
        if let Some(api) = told {
            self.elsewhere = Some(api);
        }
    }

    /// Asks for the seat where the session was last, and then elsewhere.
    fn join(&mut self, code: &str, profile: &Profile, token: &str) -> Result<Joined, JoinFailure> {
        let failure = match self.here.join(code, profile, Some(token)) {
            Ok(joined) => return Ok(joined),
            Err(failure) => failure,
        };
        let Some(elsewhere) = &mut self.elsewhere else { return Err(failure) };
        match elsewhere.join(code, profile, Some(token)) {
            Ok(joined) => {
                std::mem::swap(&mut self.here, elsewhere);
                Ok(joined)
            }
            Err(other) => Err(JoinFailure { may_pass: failure.may_pass || other.may_pass, ..failure }),
        }
    }
}

/// Asks for the seat again and again, ever more slowly; `None` when the player leaves meanwhile. The player goes on
/// hearing what it hears.
fn rejoin(
    places: &mut Places,
    code: &str,
    joined: &Joined,
    profile: &Profile,
    body: &mut Body,
    backoff: &mut Backoff,
) -> Option<Result<Joined, JoinFailure>> {
    let shared = body.shared.clone();
    loop {
        let until = shared.local() + backoff.wait().as_micros() as u64;
        while shared.local() < until {
            if shared.is_leaving() {
                return None;
            }
            body.turn_alone();
            std::thread::sleep(TURN);
        }
        let answer = std::thread::scope(|scope| {
            let asking = scope.spawn(|| places.join(code, profile, &joined.token));
            while !asking.is_finished() {
                body.turn_alone();
                std::thread::sleep(TURN);
            }
            asking.join()
        });
        let stuck = |_| Err(JoinFailure { sentence: "The player could not ask for its seat.".into(), may_pass: true });
        match answer.unwrap_or_else(stuck) {
            Err(failure) if failure.may_pass => {}
            answer => return Some(answer),
        }
    }
}

/// Plays over one connection until it ends; gives up if UDP does not come through within `patience`, be it the game's or
/// the time's.
fn connect(mut body: Body, joined: &Joined, patience: Option<Duration>) -> Result<(Body, End), String> {
    let refuse = |what: &str| format!("The host's answer cannot be used: {what}.");
    let udp = joined.udp.as_ref().ok_or_else(|| refuse("it names no way by UDP"))?;
    let token =
        from_hex(&udp.connect_token, CONNECT_TOKEN_BYTES_MAX).ok_or_else(|| refuse("its token is not hexadecimal"))?;
    let token = ConnectToken::read(&mut token.as_slice()).map_err(|_| refuse("its token is of another kind"))?;
    let host = token.server_addresses.iter().flatten().next().copied().ok_or_else(|| refuse("it names no address"))?;
    let any: SocketAddr =
        if host.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let no_socket = |error: std::io::Error| format!("This machine cannot open a UDP port: {error}.");
    let socket = UdpSocket::bind(any).map_err(no_socket)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let transport = NetcodeClientTransport::new(now, ClientAuthentication::Secure { connect_token: token }, socket)
        .map_err(|error| refuse(&error.to_string()))?;
    let prober = Prober::start(udp.time, udp.ahead_us, body.shared.clone()).map_err(no_socket)?;
    let shared = body.shared.clone();
    body.reconnect();

    let mut app = App::new();
    app.add_plugins((TimePlugin, RenetClientPlugin))
        .insert_resource(RenetClient::new(connection_config()))
        .insert_resource(transport)
        .init_resource::<Packets>()
        .insert_non_send(body)
        .add_systems(
            PreUpdate,
            (NetcodeClientPlugin::update_system.after(RenetClientPlugin::update_system), receive).chain(),
        )
        .add_systems(Update, (take_probes, fulfil_wishes, feed_engine, hear).chain())
        .add_systems(PostUpdate, (send, NetcodeClientPlugin::send_packets.run_if(packets_are_due), picture).chain());
    app.finish();
    app.cleanup();
    // A window in the same process may keep all the others busy, even while it waits for this one.
    for (_, schedule) in app.world_mut().resource_mut::<Schedules>().iter_mut() {
        schedule.set_executor(SingleThreadedExecutor::new());
    }
    let begin = Instant::now();
    let mut connected: Option<Instant> = None;
    let end = loop {
        app.update();
        let world = app.world();
        if connected.is_none() && world.resource::<RenetClient>().is_connected() {
            connected = Some(Instant::now());
        }
        // Both ways must come through: without the time there is no sound, however well the game goes.
        let is_spent = |since: Instant| patience.is_some_and(|patience| since.elapsed() > patience);
        match connected {
            None if is_spent(begin) => {
                break End::Blocked(sentence(DisconnectReason::ConnectionRequestTimedOut, host));
            }
            Some(since) if !prober.is_answered() && is_spent(since) => break End::Blocked(blocked(udp.time)),
            _ => {}
        }
        let lost = world.resource::<NetcodeClientTransport>().disconnect_reason();
        let dropped = world.resource::<RenetClient>().disconnect_reason();
        if let Some(reason) = lost {
            let is_blocked = matches!(
                reason,
                DisconnectReason::ConnectionRequestTimedOut | DisconnectReason::ConnectionResponseTimedOut
            );
            let why = sentence(reason, host);
            break if is_blocked { End::Blocked(why) } else { End::Lost(why) };
        }
        if let Some(reason) = dropped {
            break End::Lost(format!("The connection to {host} broke: {reason}."));
        }
        if shared.is_leaving() {
            break End::Left;
        }
        std::thread::sleep(TURN);
    };
    let world = app.world_mut();
    world.resource_mut::<NetcodeClientTransport>().disconnect();
    let body = world.remove_non_send::<Body>().ok_or_else(|| "The player lost itself.".to_owned())?;
    let end = match (end, body.seat.farewell()) {
        (End::Lost(_), Some(farewell)) if farewell.may_return() => End::Lost(farewell.to_string()),
        (End::Lost(_), Some(farewell)) => End::Out(farewell.to_string()),
        (end, _) => end,
    };
    Ok((body, end))
}

/// Plays over a WebSocket until it ends.
fn connect_by_web(mut body: Body, address: &Address, code: &str, joined: &Joined) -> Result<(Body, End), String> {
    let token = SeatToken::from_hex(&joined.token)
        .ok_or_else(|| "The host's answer cannot be used: its token is not hexadecimal.".to_owned())?;
    let no_thread = |error: std::io::Error| format!("This machine cannot start another thread: {error}.");
    let web = Web::start(address, code, &token, body.shared.clone()).map_err(no_thread)?;
    body.reconnect();
    loop {
        while let Some(came) = web.next() {
            match came {
                FromWeb::Message(at, bytes) => body.seat.receive(at, &bytes),
                FromWeb::Ended(why, true) => return Ok((body, End::Lost(why))),
                FromWeb::Ended(why, false) => return Ok((body, End::Out(why))),
            }
        }
        if !body.turn().into_iter().all(|message| web.send(message)) {
            return Ok((body, End::Lost("The host does not take what is sent to it.".into())));
        }
        if body.shared.is_leaving() {
            return Ok((body, End::Left));
        }
        std::thread::sleep(TURN);
    }
}

/// Both sides of a connection agree on this; the host's is built from the same constants.
fn connection_config() -> ConnectionConfig {
    let reliable = SendType::ReliableOrdered { resend_time: Duration::from_millis(RESEND_MS) };
    let channel =
        |channel_id, send_type| ChannelConfig { channel_id, max_memory_usage_bytes: CHANNEL_BYTES_MAX, send_type };
    let channels =
        || vec![channel(CHANNEL_RELIABLE, reliable.clone()), channel(CHANNEL_UNRELIABLE, SendType::Unreliable)];
    ConnectionConfig {
        available_bytes_per_tick: BYTES_PER_TICK_MAX,
        server_channels_config: channels(),
        client_channels_config: channels(),
    }
}

fn sentence(reason: DisconnectReason, host: SocketAddr) -> String {
    match reason {
        DisconnectReason::ConnectTokenExpired => format!("The host at {host} took too long to let us in."),
        DisconnectReason::ConnectionTimedOut => format!("The host at {host} has gone silent."),
        DisconnectReason::ConnectionRequestTimedOut | DisconnectReason::ConnectionResponseTimedOut => blocked(host),
        DisconnectReason::ConnectionDenied => format!("The host at {host} refused the connection."),
        DisconnectReason::DisconnectedByClient => "The connection was closed.".to_owned(),
        DisconnectReason::DisconnectedByServer => format!("The host at {host} closed the connection."),
    }
}

fn blocked(address: SocketAddr) -> String {
    format!("The host answers, but not on UDP port {}; a firewall may be in the way.", address.port())
}

fn receive(mut body: NonSendMut<Body>, mut client: ResMut<RenetClient>, mut packets: ResMut<Packets>) {
    let local = body.shared.local();
    for channel in [CHANNEL_RELIABLE, CHANNEL_UNRELIABLE] {
        while let Some(message) = client.receive_message(channel) {
            body.seat.receive(local, &message);
            packets.must_acknowledge = true;
        }
    }
    body.tell_notices();
}

fn take_probes(mut body: NonSendMut<Body>) {
    body.take_probes();
}

fn fulfil_wishes(mut body: NonSendMut<Body>, client: Res<RenetClient>) {
    if client.is_connected() {
        body.fulfil_wishes();
    } else {
        refuse_wishes(&body.shared);
    }
}

fn feed_engine(mut body: NonSendMut<Body>) {
    body.feed_engine();
}

fn hear(mut body: NonSendMut<Body>) {
    let local = body.shared.local();
    body.hear(local);
}

/// Hands messages to renet and decides whether this turn sends packets: at once when there is something to say;
/// acknowledgements and keep-alives, which would otherwise make a packet of every turn, now and then.
fn send(mut body: NonSendMut<Body>, mut client: ResMut<RenetClient>, mut packets: ResMut<Packets>) {
    let body = &mut *body;
    let local = body.shared.local();
    let mut has_news = false;
    if client.is_connected() {
        for message in body.seat.take_outgoing() {
            client.send_message(CHANNEL_RELIABLE, message);
            has_news = true;
        }
        body.seat.set_pointer(local, body.shared.pointer());
        if let Some(message) = body.seat.take_unreliable(local) {
            client.send_message(CHANNEL_UNRELIABLE, message);
            has_news = true;
        }
    }
    let in_flight = client.channel_available_memory(CHANNEL_RELIABLE) < CHANNEL_BYTES_MAX;
    let pace = if packets.must_acknowledge || in_flight { ACK_INTERVAL_US } else { QUIET_PACKET_US };
    let are_due = has_news || local.since(packets.sent) >= pace;
    *packets = if are_due {
        Packets { are_due, must_acknowledge: false, sent: local }
    } else {
        Packets { are_due, ..*packets }
    };
}

fn packets_are_due(packets: Res<Packets>) -> bool {
    packets.are_due
}

fn picture(mut body: NonSendMut<Body>, client: Res<RenetClient>) {
    if client.is_connected() {
        body.picture();
    }
}
