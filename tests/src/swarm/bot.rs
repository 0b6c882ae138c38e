//! One player of a swarm: a socket, its connection, and a replica of the session.

use super::Traffic;
use keyboardia_server::connection_config;
use keyboardia_session::{
    Beats, Command, CommandId, EventKind, Micros, Replica, SeatId, SessionState,
    api::{Joined, from_hex},
    event::Cause,
    limits::{CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, HTTP_BODY_BYTES_MAX, PROBE_INTERVAL_US},
    wire::{self, ClientMessage, HostMessage, Probe, Report},
};
use mio::net::UdpSocket;
use renet::RenetClient;
use renetcode::{ClientAuthentication, ConnectToken, NetcodeClient};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Longest time between something reliable that arrived and its acknowledgement.
const ACK_MAX: Duration = Duration::from_millis(10);
/// Longest time between two packets of ours while there is nothing to say.
const QUIET_MAX: Duration = Duration::from_millis(100);
/// Time between two looks at a connection that is being made.
const CONNECTING: Duration = Duration::from_millis(10);
/// How often a bot tells how it is doing, of which a good connection has little news.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// What it tells: a lead, and a round trip, microseconds.
const LEAD_US: u32 = 25_000;
const ROUND_TRIP_US: u32 = 400;
/// Largest datagram, bytes.
pub(super) const DATAGRAM_BYTES_MAX: usize = 1_500;
/// First byte of renet's packets that carry reliable messages, whole or in slices.
const RENET_RELIABLE: [u8; 2] = [0, 2];

/// What a bot has heard of its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The snapshot is complete: the bot is in the session.
    Entered,
    /// An event, applied to the replica.
    Event {
        /// Its position in the session's history.
        seq: u64,
        /// Whose command caused it.
        cause: Option<Cause>,
        /// The beat at which a clip begins that it launches.
        launch: Option<Beats>,
    },
    /// Everything up to this event is safe.
    Durable(u64),
    /// A command of the bot had no effect.
    Refused(CommandId),
    /// Something that must not be: the connection is over, or what arrived does not follow.
    Broken(String),
}

/// A player of a swarm.
pub(super) struct Bot {
    socket: UdpSocket,
    netcode: NetcodeClient,
    renet: RenetClient,
    replica: Replica,
    /// Its seat.
    pub(super) seat: SeatId,
    commands: u32,
    has_entered: bool,
    is_broken: bool,
    /// Until when the connection has lived.
    lived: Instant,
    /// When to send at the latest.
    pub(super) flush_at: Instant,
    /// Who answers time probes, and when one is due.
    clock: SocketAddr,
    pub(super) probe_at: Instant,
    report_at: Instant,
}

impl Bot {
    /// Begins to connect with what the host answered to the wish to join.
    ///
    /// # Errors
    /// When there is no socket, or the answer cannot be used; as a sentence.
    pub(super) fn new(joined: &Joined, now: Instant) -> Result<Self, String> {
        let udp = joined.udp.as_ref().ok_or("The host has no way by UDP.")?;
        let token = from_hex(&udp.connect_token, HTTP_BODY_BYTES_MAX)
            .and_then(|bytes| ConnectToken::read(&mut bytes.as_slice()).ok())
            .ok_or("The host's connect token cannot be read.")?;
        let time = SystemTime::UNIX_EPOCH.elapsed().map_err(|error| error.to_string())?;
        let netcode = NetcodeClient::new(time, ClientAuthentication::Secure { connect_token: token })
            .map_err(|error| error.to_string())?;
        let socket = open(netcode.server_addr()).map_err(|error| format!("No socket for a bot: {error}"))?;
        Ok(Self {
            socket,
            netcode,
            renet: RenetClient::new(connection_config()),
            replica: Replica::new(),
            seat: SeatId(joined.seat),
            commands: 0,
            has_entered: false,
            is_broken: false,
            lived: now,
            flush_at: now,
            clock: udp.time,
            probe_at: now,
            report_at: now,
        })
    }

    /// The socket, to be watched.
    pub(super) fn socket(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// The replica's state, once a snapshot is complete.
    pub(super) fn state(&self) -> Option<&Arc<SessionState>> {
        self.replica.state()
    }

    /// Takes in everything that has arrived.
    pub(super) fn receive(&mut self, buffer: &mut [u8], traffic: &mut Traffic, mut hear: impl FnMut(Instant, Heard)) {
        let mut now = Instant::now();
        self.live(now, traffic);
        loop {
            let length = match self.socket.recv(buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Of an earlier datagram that nobody took.
                Err(_) => continue,
            };
            traffic.packets_in += 1;
            now = Instant::now();
            if let Some(payload) = self.netcode.process_packet(&mut buffer[..length]) {
                if payload.first().is_some_and(|kind| RENET_RELIABLE.contains(kind)) {
                    self.flush_at = self.flush_at.min(now + ACK_MAX);
                }
                self.renet.process_packet(payload);
            } else if !self.netcode.is_connected() {
                // A challenge is answered at once.
                self.flush_at = now;
            }
            self.listen(traffic, |heard| hear(now, heard));
        }
        if self.flush_at <= now {
            self.flush(now, traffic);
        }
    }

    /// Reads the messages that are complete.
    fn listen(&mut self, traffic: &mut Traffic, mut hear: impl FnMut(Heard)) {
        if self.netcode.is_connected() {
            self.renet.set_connected();
        }
        for channel in [CHANNEL_RELIABLE, CHANNEL_UNRELIABLE] {
            while let Some(bytes) = self.renet.receive_message(channel) {
                traffic.messages_in += 1;
                match wire::decode(&bytes) {
                    Ok(message) => self.understand(message, &mut hear),
                    Err(malformed) => hear(Heard::Broken(format!("The host sent {malformed}."))),
                }
            }
        }
        let reason = self.netcode.disconnect_reason().map(|reason| reason.to_string());
        let reason = reason.or_else(|| self.renet.disconnect_reason().map(|reason| reason.to_string()));
        if let Some(reason) = reason.filter(|_| !self.is_broken) {
            self.is_broken = true;
            hear(Heard::Broken(format!("A connection is over: {reason}.")));
        }
    }

    fn understand(&mut self, message: HostMessage, mut hear: impl FnMut(Heard)) {
        match message {
            HostMessage::Snapshot { index, count, bytes } => match self.replica.snapshot_piece(index, count, &bytes) {
                Ok(true) => {
                    self.has_entered = true;
                    hear(Heard::Entered);
                }
                Ok(false) => {}
                Err(error) => hear(Heard::Broken(error.to_string())),
            },
            HostMessage::Event(event) => match self.replica.apply(&event) {
                Ok(()) => {
                    let launch = match event.kind {
                        EventKind::Launched { stamp, .. } => Some(stamp.at),
                        _ => None,
                    };
                    hear(Heard::Event { seq: event.seq, cause: event.cause, launch });
                }
                Err(error) => hear(Heard::Broken(error.to_string())),
            },
            HostMessage::Durable(seq) => hear(Heard::Durable(seq)),
            HostMessage::Refused { id, .. } => hear(Heard::Refused(id)),
            HostMessage::Malformed(malformed) => hear(Heard::Broken(format!("The host was sent {malformed}."))),
            HostMessage::Welcome { .. }
            | HostMessage::History { .. }
            | HostMessage::Report { .. }
            | HostMessage::Cursor { .. }
            | HostMessage::Beacon(_)
            | HostMessage::Farewell(_) => {}
        }
    }

    /// Asks for something, at once. Returns the number of the command.
    pub(super) fn say(&mut self, now: Instant, command: Command, traffic: &mut Traffic) -> CommandId {
        self.commands += 1;
        let id = CommandId(self.commands);
        self.live(now, traffic);
        self.renet.send_message(CHANNEL_RELIABLE, wire::encode(&ClientMessage::Command { id, command }));
        traffic.messages_out += 1;
        self.flush(now, traffic);
        id
    }

    /// Asks for the time, and tells how it is doing if it is time for that.
    pub(super) fn probe(&mut self, now: Instant, prober: &UdpSocket) {
        self.probe_at = now + Duration::from_micros(PROBE_INTERVAL_US as u64);
        let probe = Probe { sent: Micros(1), received: Micros(0), answered: Micros(0) };
        // A probe that cannot be sent is as one that was lost.
        prober.send_to(&probe.encode(), self.clock).map(drop).unwrap_or_default();
        if self.has_entered && self.report_at <= now {
            self.report_at = now + REPORT_INTERVAL;
            let report = Report { lead_us: LEAD_US, round_trip_us: ROUND_TRIP_US, phase_error_us: 0 };
            self.renet.send_message(CHANNEL_RELIABLE, wire::encode(&ClientMessage::Report(report)));
            self.flush_at = now;
        }
    }

    /// Says goodbye.
    pub(super) fn leave(&mut self, traffic: &mut Traffic) {
        if let Ok((_, packet)) = self.netcode.disconnect() {
            send(&self.socket, packet, traffic);
        }
    }

    /// Sends what waits: messages, acknowledgements, what keeps the connection alive.
    pub(super) fn flush(&mut self, now: Instant, traffic: &mut Traffic) {
        self.live(now, traffic);
        let is_connected = self.netcode.is_connected();
        if is_connected {
            for packet in self.renet.get_packets_to_send() {
                if let Ok((_, packet)) = self.netcode.generate_payload_packet(&packet) {
                    send(&self.socket, packet, traffic);
                }
            }
        }
        self.flush_at = now + if is_connected { QUIET_MAX } else { CONNECTING };
    }

    /// Lets time pass for the connection.
    fn live(&mut self, now: Instant, traffic: &mut Traffic) {
        let elapsed = now.saturating_duration_since(self.lived);
        self.lived += elapsed;
        self.renet.update(elapsed);
        if let Some((packet, _)) = self.netcode.update(elapsed) {
            send(&self.socket, packet, traffic);
        }
    }
}

/// A socket of this machine's loopback that hears the host only.
fn open(host: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.connect(host)?;
    Ok(socket)
}

/// Sends a datagram. One that cannot be sent is as one that was lost on the way.
fn send(socket: &UdpSocket, packet: &[u8], traffic: &mut Traffic) {
    traffic.packets_out += 1;
    socket.send(packet).map(drop).unwrap_or_default();
}
