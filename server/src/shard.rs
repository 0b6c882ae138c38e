//! One game socket and everything that is connected to it.
//!
//! renet keeps the channels, netcode the encryption and the connections; this puts datagrams through both. It does what
//! `renet_netcode`'s transport does and three things more: it vets what strangers send (see [`crate::vet`]), it reads
//! a bounded number of datagrams per tick, and it paces what it sends (see [`ACK_INTERVAL`]).

use crate::{
    channels::connection_config,
    limits::{
        ACK_INTERVAL, CLIENTS_PER_SOCKET_MAX, DATAGRAM_BYTES_MAX, DATAGRAMS_PER_TICK_MAX, MESSAGES_BURST_MAX,
        MESSAGES_PER_SECOND_MAX,
    },
    metrics::Metrics,
    tickets::{Ticket, Tickets},
    vet::{self, Vet},
};
use keyboardia_session::limits::{CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, NETCODE_PROTOCOL_ID};
use renet::{Bytes, ClientId, DisconnectReason, RenetServer, ServerEvent};
use renetcode::{NetcodeServer, ServerAuthentication, ServerConfig, ServerResult};
use std::{
    collections::{HashMap, HashSet},
    io,
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

/// Something that happened to a connection.
#[derive(Debug)]
pub(crate) enum ShardEvent {
    /// Somebody came; with the ticket, if they brought one.
    Connected(ClientId, Option<Ticket>),
    /// A connection is gone.
    Disconnected(ClientId, DisconnectReason),
}

/// One socket, its connections and their channels.
pub(crate) struct Shard {
    socket: UdpSocket,
    netcode: NetcodeServer,
    renet: RenetServer,
    clients: HashMap<ClientId, Client>,
    /// Addresses of the connections, to tell their datagrams from strangers'.
    peers: HashSet<SocketAddr>,
    metrics: Metrics,
}

struct Client {
    ticket: Option<Ticket>,
    vet: Vet,
    budget: Budget,
    /// Something waits to be sent.
    is_dirty: bool,
    /// When to send at the latest.
    flush_at: Instant,
}

impl Shard {
    /// Puts a bound socket to use.
    ///
    /// # Errors
    /// When the socket cannot be made non-blocking.
    pub(crate) fn new(socket: UdpSocket, tickets: &Tickets, metrics: Metrics) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let netcode = NetcodeServer::new(ServerConfig {
            current_time: tickets.clock.unix_time(),
            max_clients: CLIENTS_PER_SOCKET_MAX,
            protocol_id: NETCODE_PROTOCOL_ID,
            public_addresses: tickets.addresses.public(),
            authentication: ServerAuthentication::Secure { private_key: tickets.key },
        });
        let renet = RenetServer::new(connection_config());
        Ok(Self { socket, netcode, renet, clients: HashMap::new(), peers: HashSet::new(), metrics })
    }

    /// Whether anybody is connected.
    pub(crate) fn is_busy(&self) -> bool {
        !self.clients.is_empty()
    }

    /// Notes how far away everybody is.
    pub(crate) fn measure(&self) {
        for client in self.renet.clients_id() {
            self.metrics.round_trip.observe(self.renet.rtt(client));
        }
    }

    /// Everybody who is connected.
    pub(crate) fn clients(&self) -> Vec<ClientId> {
        self.renet.clients_id()
    }

    /// Takes in what has arrived, and lets `elapsed` pass.
    pub(crate) fn update(&mut self, elapsed: Duration) {
        self.netcode.update(elapsed);
        self.renet.update(elapsed);
        for client in self.clients.values_mut() {
            client.budget.refill(elapsed);
        }
        let breaches = self.receive_datagrams();
        for client in breaches {
            self.disconnect(client);
        }
        for client in self.netcode.clients_id() {
            let result = if self.renet.is_connected(client) {
                self.netcode.update_client(client)
            } else {
                // renet gave it up: a channel overflowed, or a packet was not one.
                self.netcode.disconnect(client)
            };
            settle(result, &self.socket, &mut self.renet, &mut self.clients, &mut self.peers);
        }
    }

    /// What happened, oldest first.
    pub(crate) fn next_event(&mut self) -> Option<ShardEvent> {
        Some(match self.renet.get_event()? {
            ServerEvent::ClientConnected { client_id } => {
                let ticket = self.clients.get_mut(&client_id).and_then(|client| client.ticket.take());
                ShardEvent::Connected(client_id, ticket)
            }
            ServerEvent::ClientDisconnected { client_id, reason } => ShardEvent::Disconnected(client_id, reason),
        })
    }

    /// The next message of a connection, as long as it keeps to its rate. What exceeds it waits, or, if it came
    /// unreliably, is lost.
    pub(crate) fn receive(&mut self, client: ClientId) -> Option<Bytes> {
        let state = self.clients.get_mut(&client)?;
        while let Some(bytes) = self.renet.receive_message(client, CHANNEL_UNRELIABLE) {
            if state.budget.spend() {
                return Some(bytes);
            }
        }
        if state.budget.is_spent() {
            return None;
        }
        let bytes = self.renet.receive_message(client, CHANNEL_RELIABLE)?;
        state.budget.spend();
        state.vet.handled();
        Some(bytes)
    }

    /// Queues a message; it leaves with the next [`Self::flush`].
    pub(crate) fn send(&mut self, client: ClientId, channel: u8, bytes: Bytes) {
        if let Some(state) = self.clients.get_mut(&client) {
            state.is_dirty = true;
            self.metrics.sent.inc();
            self.renet.send_message(client, channel, bytes);
        }
    }

    /// Ends a connection and tells its other end.
    pub(crate) fn disconnect(&mut self, client: ClientId) {
        let result = self.netcode.disconnect(client);
        settle(result, &self.socket, &mut self.renet, &mut self.clients, &mut self.peers);
    }

    /// Ends every connection and tells their other ends.
    pub(crate) fn disconnect_all(&mut self) {
        for client in self.netcode.clients_id() {
            self.disconnect(client);
        }
    }

    /// Sends what is queued, and what has waited for long enough.
    pub(crate) fn flush(&mut self) {
        let now = Instant::now();
        for (id, client) in &mut self.clients {
            if !client.is_dirty && now < client.flush_at {
                continue;
            }
            client.is_dirty = false;
            client.flush_at = now + ACK_INTERVAL;
            for packet in self.renet.get_packets_to_send(*id).unwrap_or_default() {
                if let Ok((address, payload)) = self.netcode.generate_payload_packet(*id, &packet) {
                    send(&self.socket, address, payload);
                }
            }
        }
    }

    /// Reads what has arrived; returns who sent what must not be.
    fn receive_datagrams(&mut self) -> Vec<ClientId> {
        let mut breaches = Vec::new();
        let mut buffer = [0; DATAGRAM_BYTES_MAX];
        for _ in 0..DATAGRAMS_PER_TICK_MAX {
            let (length, from) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Of an earlier datagram that could not be delivered, or one that is too long: there may be more.
                Err(_) => continue,
            };
            let Some(datagram) = buffer.get_mut(..length).filter(|datagram| vet::is_datagram_sound(datagram)) else {
                self.metrics.game_dropped.inc();
                continue;
            };
            let result = self.netcode.process_packet(from, datagram);
            match result {
                ServerResult::None if !self.peers.contains(&from) => {
                    self.metrics.game_dropped.inc();
                }
                ServerResult::Payload { client_id, payload } => {
                    let is_sound = |client: &mut Client| client.vet.is_payload_sound(payload);
                    if self.clients.get_mut(&client_id).is_some_and(is_sound) {
                        // An error means that the connection is gone already.
                        self.renet.process_packet_from(payload, client_id).unwrap_or_default();
                    } else {
                        breaches.push(client_id);
                    }
                }
                other => settle(other, &self.socket, &mut self.renet, &mut self.clients, &mut self.peers),
            }
        }
        breaches
    }
}

/// Carries out what netcode decided; payloads are dealt with where they arrive.
fn settle(
    result: ServerResult<'_, '_>,
    socket: &UdpSocket,
    renet: &mut RenetServer,
    clients: &mut HashMap<ClientId, Client>,
    peers: &mut HashSet<SocketAddr>,
) {
    match result {
        ServerResult::None | ServerResult::Payload { .. } => {}
        ServerResult::PacketToSend { addr, payload } => send(socket, addr, payload),
        ServerResult::ClientConnected { client_id, addr, user_data, payload } => {
            clients.entry(client_id).or_insert_with(|| Client::new(Ticket::decode(&user_data)));
            peers.insert(addr);
            renet.add_connection(client_id);
            send(socket, addr, payload);
        }
        ServerResult::ClientDisconnected { client_id, addr, payload } => {
            clients.remove(&client_id);
            peers.remove(&addr);
            renet.remove_connection(client_id);
            if let Some(payload) = payload {
                send(socket, addr, payload);
            }
        }
    }
}

/// Sends a datagram. One that cannot be sent is as one that was lost on the way, which every layer above expects.
fn send(socket: &UdpSocket, to: SocketAddr, payload: &[u8]) {
    if let Err(error) = socket.send_to(payload, to) {
        tracing::debug!(target: "host", %error, "a datagram was not sent");
    }
}

impl Client {
    fn new(ticket: Option<Ticket>) -> Self {
        Self { ticket, vet: Vet::default(), budget: Budget::default(), is_dirty: false, flush_at: Instant::now() }
    }
}

/// How many messages a connection may still send: [`MESSAGES_BURST_MAX`] at once, [`MESSAGES_PER_SECOND_MAX`] in the
/// long run. Counted in microseconds, so that short ticks add up.
#[derive(Debug)]
struct Budget {
    credit_us: u64,
}

impl Budget {
    const COST_US: u64 = 1_000_000 / MESSAGES_PER_SECOND_MAX;
    const CREDIT_MAX_US: u64 = MESSAGES_BURST_MAX * Self::COST_US;

    fn refill(&mut self, elapsed: Duration) {
        self.credit_us = (self.credit_us + elapsed.as_micros() as u64).min(Self::CREDIT_MAX_US);
    }

    fn is_spent(&self) -> bool {
        self.credit_us < Self::COST_US
    }

    /// Takes the price of one message; `false` if it is not there.
    fn spend(&mut self) -> bool {
        let can = !self.is_spent();
        if can {
            self.credit_us -= Self::COST_US;
        }
        can
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self { credit_us: Self::CREDIT_MAX_US }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_may_burst_and_then_keeps_to_its_rate() {
        let mut budget = Budget::default();
        let burst = (0..10_000).take_while(|_| budget.spend()).count();
        assert_eq!(burst as u64, MESSAGES_BURST_MAX);
        let mut sent = 0;
        for _ in 0..1_000 {
            budget.refill(Duration::from_millis(1));
            sent += u64::from(budget.spend());
        }
        assert_eq!(sent, MESSAGES_PER_SECOND_MAX);
    }
}
