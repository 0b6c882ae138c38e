//! One game socket and everything that is connected to it.
//!
//! renet keeps the channels, netcode the encryption and the connections; this puts datagrams through both. It does what
//! `renet_netcode`'s transport does and three things more: it vets what strangers send (see [`crate::vet`]), it reads
//! a bounded number of datagrams per tick, and it looks after a connection only where something happened: most players
//! are silent at most moments.

use crate::{
    budget::Budget,
    channels::connection_config,
    limits::{
        ACK_INTERVAL, CLIENTS_PER_SOCKET_MAX, DATAGRAM_BYTES_MAX, DATAGRAMS_PER_TICK_MAX, RENET_STEP, UPKEEP_INTERVAL,
    },
    metrics::Metrics,
    tickets::{Ticket, Tickets},
    vet::{self, Vet},
};
use keyboardia_session::limits::{
    CHANNEL_BYTES_MAX, CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, CONNECT_TOKEN_LIFE_S, NETCODE_PROTOCOL_ID,
};
use renet::{Bytes, ClientId, DisconnectReason, RenetServer, ServerEvent};
use renetcode::{NetcodeServer, ServerAuthentication, ServerConfig, ServerResult};
use std::{
    collections::{HashMap, HashSet, VecDeque},
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
    /// Connections that may have messages for us; each once.
    ready: VecDeque<ClientId>,
    /// Those that have, and have used up their rate.
    spent: Vec<ClientId>,
    /// When players were sent here who have not arrived yet.
    invited: VecDeque<Instant>,
    /// Time that renet has not been told of.
    elapsed: Duration,
    upkeep_at: Instant,
    metrics: Metrics,
}

struct Client {
    ticket: Option<Ticket>,
    vet: Vet,
    budget: Budget,
    /// Whether it is in [`Shard::ready`] or [`Shard::spent`].
    is_ready: bool,
    /// Something waits to be sent.
    is_dirty: bool,
    /// Something came that wants to be acknowledged.
    has_news: bool,
    /// When it is looked at next whether a packet is due that says nothing new.
    flush_at: Instant,
}

impl Shard {
    /// Puts a bound socket to use.
    ///
    /// # Errors
    /// When the socket cannot be made non-blocking.
    pub(crate) fn new(socket: UdpSocket, tickets: &Tickets, metrics: Metrics) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let port = socket.local_addr()?.port();
        let netcode = NetcodeServer::new(ServerConfig {
            current_time: tickets.clocks.host.unix_time(),
            max_clients: CLIENTS_PER_SOCKET_MAX,
            protocol_id: NETCODE_PROTOCOL_ID,
            public_addresses: tickets.addresses.public(port),
            authentication: ServerAuthentication::Secure { private_key: tickets.key },
        });
        Ok(Self {
            socket,
            netcode,
            renet: RenetServer::new(connection_config()),
            clients: HashMap::new(),
            peers: HashSet::new(),
            ready: VecDeque::new(),
            spent: Vec::new(),
            invited: VecDeque::new(),
            elapsed: Duration::ZERO,
            upkeep_at: Instant::now(),
            metrics,
        })
    }

    /// How many are connected.
    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// How many are connected or on their way.
    pub(crate) fn load(&mut self) -> usize {
        let life = Duration::from_secs(CONNECT_TOKEN_LIFE_S);
        while self.invited.front().is_some_and(|at| at.elapsed() > life) {
            self.invited.pop_front();
        }
        self.clients.len() + self.invited.len()
    }

    /// Somebody is sent here.
    pub(crate) fn invite(&mut self) {
        if self.invited.len() == CLIENTS_PER_SOCKET_MAX {
            self.invited.pop_front();
        }
        self.invited.push_back(Instant::now());
    }

    /// Takes in what has arrived, and lets `elapsed` pass.
    pub(crate) fn update(&mut self, elapsed: Duration) {
        self.elapsed += elapsed;
        if self.elapsed >= RENET_STEP {
            let elapsed = std::mem::take(&mut self.elapsed);
            self.netcode.update(elapsed);
            self.renet.update(elapsed);
            self.clients.values_mut().for_each(|client| client.budget.refill(elapsed));
            self.ready.extend(self.spent.drain(..));
        }
        let breaches = self.receive_datagrams();
        for client in breaches {
            self.disconnect(client);
        }
        let now = Instant::now();
        if now < self.upkeep_at {
            return;
        }
        self.upkeep_at = now + UPKEEP_INTERVAL;
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
                self.invited.pop_front();
                let ticket = self.clients.get_mut(&client_id).and_then(|client| client.ticket.take());
                ShardEvent::Connected(client_id, ticket)
            }
            ServerEvent::ClientDisconnected { client_id, reason } => ShardEvent::Disconnected(client_id, reason),
        })
    }

    /// The next message, and whose it is, as long as they keep to their rate. What exceeds it waits, or, if it came
    /// unreliably, is lost.
    pub(crate) fn receive(&mut self) -> Option<(ClientId, Bytes)> {
        while let Some(id) = self.ready.front().copied() {
            let Some(state) = self.clients.get_mut(&id) else {
                self.ready.pop_front();
                continue;
            };
            while let Some(bytes) = self.renet.receive_message(id, CHANNEL_UNRELIABLE) {
                if state.budget.spend() {
                    return Some((id, bytes));
                }
            }
            if state.budget.is_spent() {
                self.ready.pop_front();
                self.spent.push(id);
                continue;
            }
            if let Some(bytes) = self.renet.receive_message(id, CHANNEL_RELIABLE) {
                state.budget.spend();
                state.vet.handled();
                return Some((id, bytes));
            }
            state.is_ready = false;
            self.ready.pop_front();
        }
        None
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

    /// Whether everything that was sent reliably has arrived.
    pub(crate) fn is_settled(&self) -> bool {
        self.clients.keys().all(|client| !is_in_flight(&self.renet, *client))
    }

    /// Whether everything that was sent reliably to one player has arrived, or never will.
    pub(crate) fn has_all(&self, client: ClientId) -> bool {
        !self.clients.contains_key(&client) || !is_in_flight(&self.renet, client)
    }

    /// Ends every connection and tells their other ends.
    pub(crate) fn disconnect_all(&mut self) {
        for client in self.netcode.clients_id() {
            self.disconnect(client);
        }
    }

    /// Sends what is queued, what must be acknowledged, and again what may have been lost.
    pub(crate) fn flush(&mut self) {
        let now = Instant::now();
        for (id, client) in &mut self.clients {
            if !client.is_dirty {
                if now < client.flush_at {
                    continue;
                }
                client.flush_at = now + ACK_INTERVAL;
                if !client.has_news && !is_in_flight(&self.renet, *id) {
                    continue;
                }
            }
            for packet in self.renet.get_packets_to_send(*id).unwrap_or_default() {
                // renet acknowledges all that it ever received, again and again; once is enough.
                if vet::is_acknowledgement(&packet) && !client.has_news {
                    continue;
                }
                if let Ok((address, payload)) = self.netcode.generate_payload_packet(*id, &packet) {
                    send(&self.socket, address, payload);
                }
            }
            (client.is_dirty, client.has_news, client.flush_at) = (false, false, now + ACK_INTERVAL);
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
                    let Some(client) = self.clients.get_mut(&client_id) else { continue };
                    if !client.vet.is_payload_sound(payload) {
                        breaches.push(client_id);
                        continue;
                    }
                    if !vet::is_acknowledgement(payload) {
                        client.has_news = true;
                        if !std::mem::replace(&mut client.is_ready, true) {
                            self.ready.push_back(client_id);
                        }
                    }
                    // An error means that the connection is gone already.
                    self.renet.process_packet_from(payload, client_id).unwrap_or_default();
                }
                other => settle(other, &self.socket, &mut self.renet, &mut self.clients, &mut self.peers),
            }
        }
        breaches
    }
}

/// Whether something that was sent reliably has not been acknowledged.
fn is_in_flight(renet: &RenetServer, client: ClientId) -> bool {
    renet.is_connected(client) && renet.channel_available_memory(client, CHANNEL_RELIABLE) < CHANNEL_BYTES_MAX
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
        Self {
            ticket,
            vet: Vet::default(),
            budget: Budget::default(),
            is_ready: false,
            is_dirty: false,
            has_news: false,
            flush_at: Instant::now(),
        }
    }
}
