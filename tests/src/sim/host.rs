//! The host: the production authority behind renet or a stream, looked after once a millisecond.

use super::{START, Time, micros};
use crate::world::Dice;
use keyboardia_server::connection_config;
use keyboardia_session::{
    Authority, Channel, Manifest, Micros, Outbox, Profile, Recipient, SeatId, SeatToken, SessionSetup,
    limits::{CHANNEL_BYTES_MAX, CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, RESEND_MS},
    wire::Probe,
};
use renet::{ClientId, RenetServer};
use std::time::Duration;

/// Longest time from one look of the host's loop to the next, microseconds.
const TICK_US: f64 = 1_100.0;
/// Longest time between two packets to a seat that has something to acknowledge, as in production.
const ACK_INTERVAL: Time = 10_000_000;
/// Time after which what is not acknowledged is repeated.
const RESEND: Time = RESEND_MS as Time * 1_000_000;
/// Time that the echo's thread takes to wake up, and to answer, microseconds.
const ECHO_WAKE_US: f64 = 60.0;
const ECHO_ANSWER_US: f64 = 15.0;

/// One player's connection.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Connection {
    player: usize,
    client: ClientId,
    seat: SeatId,
    is_stream: bool,
    is_dirty: bool,
    flush_at: Time,
    /// Something came since the last look.
    has_come: bool,
    /// Something came since the last packet to the player.
    has_news: bool,
    /// The player still has to acknowledge something.
    is_in_flight: bool,
}

impl Connection {
    /// When a packet is due that only acknowledges or repeats; those that would say what the last one said are left
    /// out.
    fn packet_at(&self) -> Time {
        if self.has_news { self.flush_at } else { self.flush_at - ACK_INTERVAL + RESEND }
    }
}

/// What the host sends, and to whom.
pub(super) struct Sent {
    pub(super) player: usize,
    pub(super) bytes: Vec<u8>,
}

/// See the module.
pub(super) struct Host {
    pub(super) authority: Authority,
    renet: RenetServer,
    updated: Time,
    connections: Vec<Connection>,
    inbox: Vec<(usize, Vec<u8>)>,
    outbox: Outbox,
    dice: Dice,
    /// How far the host's clock has been set, microseconds.
    pub(super) set_us: i64,
}

impl Host {
    pub(super) fn new(seed: u64) -> Self {
        let setup = SessionSetup::starter(&Manifest::builtin().expect("the shipped manifest"));
        Self {
            authority: Authority::new(setup, START),
            renet: RenetServer::new(connection_config()),
            updated: 0,
            connections: Vec::new(),
            inbox: Vec::new(),
            outbox: Outbox::new(),
            dice: Dice::new(seed),
            set_us: 0,
        }
    }

    /// Session time, by the host's clock.
    pub(super) fn now(&self, now: Time) -> Micros {
        START.offset(now / 1_000 + self.set_us)
    }

    pub(super) fn connect(&mut self, now: Time, player: usize, client: ClientId, token: &SeatToken, is_stream: bool) {
        self.update(now);
        let time = self.now(now);
        self.authority.admit(time, token, Profile::default()).expect("a seat for each");
        let seat = self.authority.join(time, token, &mut self.outbox).expect("a seat that was kept");
        if !is_stream {
            self.renet.add_connection(client);
        }
        let (is_dirty, flush_at, has_come, has_news, is_in_flight) = (true, now, false, false, false);
        let connection =
            Connection { player, client, seat, is_stream, is_dirty, flush_at, has_come, has_news, is_in_flight };
        self.connections.push(connection);
    }

    pub(super) fn disconnect(&mut self, now: Time, player: usize) {
        if let Some(index) = self.connections.iter().position(|connection| connection.player == player) {
            let gone = self.connections.remove(index);
            self.renet.remove_connection(gone.client);
            self.inbox.retain(|(from, _)| *from != player);
            self.authority.leave(self.now(now), gone.seat, &mut self.outbox);
        }
    }

    /// Something arrives; it waits for the next look.
    pub(super) fn arrive(&mut self, player: usize, bytes: Vec<u8>) {
        self.inbox.push((player, bytes));
    }

    /// When the host's loop sees what happens now.
    pub(super) fn next_look(&mut self, now: Time) -> Time {
        now + micros(self.dice.between(10.0, TICK_US))
    }

    /// When something is due that nobody asks for; `acknowledges` says who waits for an acknowledgement.
    pub(super) fn due_at(&self, acknowledges: impl Fn(usize) -> bool) -> Option<Time> {
        let wake = self.authority.wake_at().map(|at| (at.since(START) - self.set_us) * 1_000);
        let waits = |connection: &&Connection| {
            !connection.is_stream && (connection.is_in_flight || acknowledges(connection.player))
        };
        let flush = self.connections.iter().filter(waits).map(Connection::packet_at).min();
        [wake, flush].into_iter().flatten().min()
    }

    /// Whether a player still has to acknowledge something.
    pub(super) fn awaits(&self, player: usize) -> bool {
        self.connections.iter().any(|connection| connection.player == player && connection.is_in_flight)
    }

    /// A turn of the host's loop.
    pub(super) fn tick(&mut self, now: Time, sent: &mut Vec<Sent>) {
        self.update(now);
        let time = self.now(now);
        for (player, bytes) in std::mem::take(&mut self.inbox) {
            let Some(connection) = self.connections.iter_mut().find(|connection| connection.player == player) else {
                continue;
            };
            if connection.is_stream {
                self.authority.handle(time, connection.seat, &bytes, &mut self.outbox);
            } else {
                (connection.has_come, connection.has_news) = (true, true);
                self.renet.process_packet_from(&bytes, connection.client).expect("a connection");
            }
        }
        for connection in self.connections.iter().filter(|connection| connection.has_come) {
            for channel in [CHANNEL_UNRELIABLE, CHANNEL_RELIABLE] {
                while let Some(bytes) = self.renet.receive_message(connection.client, channel) {
                    self.authority.handle(time, connection.seat, &bytes, &mut self.outbox);
                }
            }
        }
        if self.authority.wake_at().is_some_and(|at| at <= time) {
            self.authority.wake(time, &mut self.outbox);
        }
        self.deliver(sent);
        self.flush(now, sent);
    }

    fn update(&mut self, now: Time) {
        self.renet.update(Duration::from_nanos((now - self.updated) as u64));
        self.updated = now;
    }

    fn deliver(&mut self, sent: &mut Vec<Sent>) {
        for message in self.outbox.drain(..) {
            let channel = match message.channel {
                Channel::Reliable => CHANNEL_RELIABLE,
                Channel::Unreliable => CHANNEL_UNRELIABLE,
            };
            let bytes = renet::Bytes::from(message.bytes);
            for connection in &mut self.connections {
                let is_meant = match message.to {
                    Recipient::Seat(seat) => connection.seat == seat,
                    Recipient::All => true,
                };
                if !is_meant {
                    continue;
                }
                if connection.is_stream {
                    sent.push(Sent { player: connection.player, bytes: bytes.to_vec() });
                } else {
                    self.renet.send_message(connection.client, channel, bytes.clone());
                    connection.is_dirty = true;
                }
            }
        }
    }

    fn flush(&mut self, now: Time, sent: &mut Vec<Sent>) {
        for connection in self.connections.iter_mut().filter(|connection| !connection.is_stream) {
            if connection.has_come || connection.is_dirty {
                let memory = self.renet.channel_available_memory(connection.client, CHANNEL_RELIABLE);
                connection.is_in_flight = memory < CHANNEL_BYTES_MAX;
                connection.has_come = false;
            }
            if !connection.is_dirty && now < connection.packet_at() {
                continue;
            }
            (connection.is_dirty, connection.has_news) = (false, false);
            connection.flush_at = now + ACK_INTERVAL;
            let player = connection.player;
            let packets = self.renet.get_packets_to_send(connection.client).expect("a connection");
            sent.extend(packets.into_iter().map(|bytes| Sent { player, bytes }));
        }
    }

    /// A probe arrives on the echo's own socket: the answer, and when it leaves.
    pub(super) fn echo(&mut self, now: Time, sent: Micros) -> (Probe, Time) {
        let received = now + micros(self.dice.wait(ECHO_WAKE_US / 2.0).min(10.0 * ECHO_WAKE_US));
        let answered = received + micros(ECHO_ANSWER_US);
        (Probe { sent, received: self.now(received), answered: self.now(answered) }, answered)
    }

    /// A seat's report of the lead, as it stands, microseconds.
    pub(super) fn lead_us(&self) -> u64 {
        self.authority.lead_us()
    }
}
