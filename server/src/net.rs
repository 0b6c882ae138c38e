//! Everything that is connected to this host, whichever way it came: by UDP, over one of several sockets, or by
//! WebSocket. The rooms see no difference.

use crate::{
    limits::{DRAIN_MAX, PARTING_MAX, TICK, WEB_MESSAGES_PER_TICK_MAX},
    metrics::Metrics,
    shard::{Shard, ShardEvent},
    tickets::Ticket,
    web::{Web, WebEvent, WebId},
};
use keyboardia_session::{
    Farewell,
    limits::CHANNEL_RELIABLE,
    wire::{self, HostMessage},
};
use renet::{Bytes, ClientId};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// One connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    /// Over a UDP socket: which, and who.
    Udp(usize, ClientId),
    /// Over a WebSocket.
    Web(WebId),
}

/// Something that happened to a connection.
#[derive(Debug)]
pub(crate) enum NetEvent {
    /// Somebody came; with the ticket, if they brought one.
    Connected(Peer, Option<Ticket>),
    /// A message came.
    Message(Peer, Bytes),
    /// A connection is gone, and why, for the log.
    Disconnected(Peer, String),
}

/// All connections.
pub(crate) struct Net {
    shards: Vec<Shard>,
    web: Web,
    /// Connections that hear their last message.
    parting: VecDeque<(usize, ClientId, Instant)>,
    metrics: Metrics,
}

impl Net {
    /// These sockets, and WebSockets.
    pub(crate) fn new(shards: Vec<Shard>, web: Web, metrics: Metrics) -> Self {
        Self { shards, web, parting: VecDeque::new(), metrics }
    }

    /// How many are connected.
    pub(crate) fn clients(&self) -> usize {
        self.shards.iter().map(Shard::clients).sum::<usize>() + self.web.clients()
    }

    /// The socket that has most room for one more, who will come there.
    pub(crate) fn invite(&mut self) -> usize {
        let loads = self.shards.iter_mut().map(Shard::load).enumerate();
        let index = loads.min_by_key(|(_, load)| *load).map_or(0, |(index, _)| index);
        if let Some(shard) = self.shards.get_mut(index) {
            shard.invite();
        }
        index
    }

    /// Takes in what has arrived, and lets `elapsed` pass.
    pub(crate) fn update(&mut self, elapsed: Duration) {
        self.shards.iter_mut().for_each(|shard| shard.update(elapsed));
        let now = Instant::now();
        for _ in 0..self.parting.len() {
            let Some((index, client, until)) = self.parting.pop_front() else { break };
            let Some(shard) = self.shards.get_mut(index) else { continue };
            if now >= until || shard.has_all(client) {
                shard.disconnect(client);
            } else {
                self.parting.push_back((index, client, until));
            }
        }
    }

    /// Hands over what happened since the last tick, oldest first for each connection.
    pub(crate) fn take_events(&mut self) -> Vec<NetEvent> {
        let mut events = Vec::new();
        for (index, shard) in self.shards.iter_mut().enumerate() {
            while let Some(event) = shard.next_event() {
                events.push(match event {
                    ShardEvent::Connected(client, ticket) => NetEvent::Connected(Peer::Udp(index, client), ticket),
                    ShardEvent::Disconnected(client, reason) => {
                        NetEvent::Disconnected(Peer::Udp(index, client), reason.to_string())
                    }
                });
            }
            while let Some((client, bytes)) = shard.receive() {
                events.push(NetEvent::Message(Peer::Udp(index, client), bytes));
            }
        }
        for _ in 0..WEB_MESSAGES_PER_TICK_MAX {
            let Some(event) = self.web.next_event() else { break };
            events.push(match event {
                WebEvent::Connected(id, ticket) => NetEvent::Connected(Peer::Web(id), Some(ticket)),
                WebEvent::Message(id, bytes) => NetEvent::Message(Peer::Web(id), bytes),
                WebEvent::Disconnected(id, why) => NetEvent::Disconnected(Peer::Web(id), why.into()),
            });
        }
        events
    }

    /// Queues a message.
    pub(crate) fn send(&mut self, peer: Peer, channel: u8, bytes: Bytes) {
        match peer {
            Peer::Udp(index, client) => {
                if let Some(shard) = self.shards.get_mut(index) {
                    shard.send(client, channel, bytes);
                }
            }
            Peer::Web(id) => self.web.send(id, channel, bytes),
        }
    }

    /// Says farewell, and ends the connection once that was heard.
    pub(crate) fn close(&mut self, peer: Peer, why: Farewell) {
        if matches!(peer, Peer::Udp(..)) {
            self.say(peer, why);
        }
        self.part(peer, why);
    }

    /// Ends a connection once its other end has heard what was sent; the farewell was.
    pub(crate) fn part(&mut self, peer: Peer, why: Farewell) {
        match peer {
            Peer::Udp(index, client) => {
                self.metrics.closed(why);
                self.parting.push_back((index, client, Instant::now() + PARTING_MAX));
            }
            Peer::Web(id) => self.web.close(id, why),
        }
    }

    /// Sends what is queued, and what is due.
    pub(crate) fn flush(&mut self) {
        self.shards.iter_mut().for_each(Shard::flush);
    }

    /// Tells everybody that the host stops, waits a moment until they have heard it, and ends every connection.
    pub(crate) fn stop(&mut self, connected: impl Iterator<Item = Peer>) {
        for peer in connected {
            if matches!(peer, Peer::Udp(..)) {
                self.metrics.closed(Farewell::Stopping);
                self.say(peer, Farewell::Stopping);
            }
        }
        self.web.close_all(Farewell::Stopping);
        self.flush();
        let begin = Instant::now();
        let mut last = begin;
        while begin.elapsed() < DRAIN_MAX && !self.shards.iter().all(Shard::is_settled) {
            std::thread::sleep(TICK);
            let now = Instant::now();
            self.update(now.duration_since(last));
            last = now;
            self.flush();
        }
        self.shards.iter_mut().for_each(Shard::disconnect_all);
    }

    fn say(&mut self, peer: Peer, why: Farewell) {
        self.send(peer, CHANNEL_RELIABLE, Bytes::from(wire::encode(&HostMessage::Farewell(why))));
    }
}
