//! Thousands of players in one thread, each with a socket, a connection and a replica of its own, to load a host.
//!
//! ```text
//! Porter (HTTP) ─→ Swarm::seat ─→ Bot: socket, netcode, renet, replica ─→ News ─→ Jam: who heard what, when
//!                                  ↑ Swarm::turn, readiness by mio                Kills: what came back
//! ```
//!
//! Bots speak the production wire format through the production transport and behave as a good player's program does:
//! what they have to say leaves at once, what is reliable is acknowledged within 10 ms, otherwise they stay quiet for up
//! to 100 ms. They probe the time and tell how they are doing as often as a seat does, but believe no clock and make no
//! sound.

mod bot;
mod jam;
mod kills;
mod machine;
mod porter;

pub use bot::Heard;
pub use jam::{Jam, JamPlan, Tally, any_press};
pub use kills::{Kills, kill_cycles};
pub use machine::{Cores, all_core_seconds, allow_sockets, core_seconds, group_core_seconds, private_bytes};
pub use porter::{Admission, Porter};

use bot::{Bot, DATAGRAM_BYTES_MAX};
use keyboardia_session::{Command, CommandId, SeatId, SessionState, api::Joined};
use mio::{Events, Interest, Poll, Token, net::UdpSocket};
use std::{
    net::Ipv4Addr,
    sync::Arc,
    time::{Duration, Instant},
};

/// Sockets whose readiness is learnt at once.
const READY_MAX: usize = 1_024;
/// Longest wait for something to arrive; also the pace at which bots are looked after.
const TURN: Duration = Duration::from_millis(1);

/// A bot of a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BotId(usize);

/// Something that a bot has heard.
#[derive(Debug, Clone)]
pub struct News {
    /// Who.
    pub bot: BotId,
    /// When its datagram was read.
    pub at: Instant,
    /// What.
    pub heard: Heard,
}

/// What has passed between the bots and their host.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Datagrams to the bots.
    pub packets_in: u64,
    /// Datagrams of the bots.
    pub packets_out: u64,
    /// Messages to the bots.
    pub messages_in: u64,
    /// Messages of the bots.
    pub messages_out: u64,
}

impl Traffic {
    /// What has passed since an earlier moment.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            packets_in: self.packets_in - earlier.packets_in,
            packets_out: self.packets_out - earlier.packets_out,
            messages_in: self.messages_in - earlier.messages_in,
            messages_out: self.messages_out - earlier.messages_out,
        }
    }
}

/// Many bots, driven together.
pub struct Swarm {
    poll: Poll,
    ready: Events,
    buffer: [u8; DATAGRAM_BYTES_MAX],
    /// By number; those who have left leave a gap.
    bots: Vec<Option<Bot>>,
    news: Vec<News>,
    traffic: Traffic,
    /// Asks for the time for all bots: to a host, each probe is as good as another.
    prober: UdpSocket,
    /// When bots are looked after next.
    look_at: Instant,
}

impl Default for Swarm {
    fn default() -> Self {
        Self::new()
    }
}

impl Swarm {
    /// A swarm of nobody.
    pub fn new() -> Self {
        Self {
            poll: Poll::new().expect("this system tells which sockets are ready"),
            ready: Events::with_capacity(READY_MAX),
            buffer: [0; DATAGRAM_BYTES_MAX],
            bots: Vec::new(),
            news: Vec::new(),
            traffic: Traffic::default(),
            prober: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0).into()).expect("a socket for time probes"),
            look_at: Instant::now(),
        }
    }

    /// A bot begins to connect.
    ///
    /// # Errors
    /// When it has no socket, or the host's answer cannot be used; as a sentence.
    pub fn seat(&mut self, joined: &Joined) -> Result<BotId, String> {
        let now = Instant::now();
        let mut bot = Bot::new(joined, now)?;
        let id = BotId(self.bots.len());
        let watched = self.poll.registry().register(bot.socket(), Token(id.0), Interest::READABLE);
        watched.map_err(|error| format!("A bot's socket cannot be watched: {error}"))?;
        bot.flush(now, &mut self.traffic);
        self.bots.push(Some(bot));
        Ok(id)
    }

    /// A bot says goodbye and is gone.
    pub fn leave(&mut self, id: BotId) {
        if let Some(mut bot) = self.bots.get_mut(id.0).and_then(Option::take) {
            bot.leave(&mut self.traffic);
        }
    }

    /// All bots vanish without a word.
    pub fn forget(&mut self) {
        self.bots.clear();
        self.news.clear();
    }

    /// A bot asks for something; the datagram leaves before this returns. `None` for a bot that is gone.
    pub fn say(&mut self, id: BotId, command: Command) -> Option<CommandId> {
        let bot = self.bots.get_mut(id.0)?.as_mut()?;
        Some(bot.say(Instant::now(), command, &mut self.traffic))
    }

    /// Waits a moment for something to arrive, takes it in, and sends what is due.
    pub fn turn(&mut self) {
        self.receive(TURN);
        let now = Instant::now();
        if now < self.look_at {
            return;
        }
        self.look_at = now + TURN;
        for bot in self.bots.iter_mut().flatten().filter(|bot| bot.probe_at <= now) {
            bot.probe(now, &self.prober);
        }
        // Whoever asked does not need the answer.
        while self.prober.recv_from(&mut self.buffer).is_ok() {}
        for bot in self.bots.iter_mut().flatten().filter(|bot| bot.flush_at <= now) {
            bot.flush(now, &mut self.traffic);
        }
    }

    /// Takes in everything that has arrived already.
    pub fn drain(&mut self) {
        while self.receive(Duration::ZERO) {}
    }

    /// Takes in what is there within a time; whether there was anything.
    fn receive(&mut self, wait: Duration) -> bool {
        // Interrupted by a signal, it has waited for less.
        self.poll.poll(&mut self.ready, Some(wait)).unwrap_or_default();
        for event in &self.ready {
            let id = event.token().0;
            if let Some(bot) = self.bots.get_mut(id).and_then(Option::as_mut) {
                let news = &mut self.news;
                let hear = |at, heard| news.push(News { bot: BotId(id), at, heard });
                bot.receive(&mut self.buffer, &mut self.traffic, hear);
            }
        }
        !self.ready.is_empty()
    }

    /// What the bots have heard since the last call, in the order in which it arrived.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// What has passed so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// A bot's seat.
    pub fn seat_of(&self, id: BotId) -> Option<SeatId> {
        Some(self.bots.get(id.0)?.as_ref()?.seat)
    }

    /// What a bot knows of its session.
    pub fn state(&self, id: BotId) -> Option<&Arc<SessionState>> {
        self.bots.get(id.0)?.as_ref()?.state()
    }

    /// Whether these bots know the same.
    pub fn agree(&self, bots: &[BotId]) -> bool {
        let hashes: Vec<_> = bots.iter().map(|bot| self.state(*bot).map(|state| state.hash())).collect();
        hashes.windows(2).all(|pair| pair[0] == pair[1])
    }
}
