//! A network between players and a host: packets are delayed, overtake each other and get lost.
//!
//! Real sockets, two doors: one for the game's packets, one for time probes. Behind a door each player has a socket of
//! its own, so that the host tells them apart. One thread carries all packets when their time has come.

use crate::world::Dice;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// Bytes of the largest packet.
const PACKET_BYTES_MAX: usize = 2_048;
/// Packets under way at once; further ones are lost.
const PACKETS_MAX: usize = 65_536;
/// Players behind one door; the packets of further ones are lost.
const PLAYERS_MAX: usize = 64;
/// How long a thread waits before it looks whether the relay is gone.
const LOOK: Duration = Duration::from_millis(50);
/// A packet is not held up for longer than this beside the delay, as a multiple of the jitter.
const JITTER_MAX: f64 = 20.0;
/// The jitter that 99 % of packets stay below, in units of the Pareto scale: 0.01^(−1/2) − 1.
const PARETO_P99: f64 = 9.0;

/// What one direction does to packets.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Time that every packet takes.
    pub delay: Duration,
    /// Time on top that 99 % of packets stay below. Its distribution has a heavy tail: Pareto (Lomax) of shape 2.
    pub jitter_p99: Duration,
    /// Share of packets that are lost, 0 … 1.
    pub loss: f64,
}

/// A packet on its way.
struct Packet {
    due: Instant,
    /// Packets due at the same time leave in the order in which they came.
    order: u64,
    bytes: Vec<u8>,
    from: Arc<UdpSocket>,
    to: SocketAddr,
}

impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Packet {}

impl PartialOrd for Packet {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Packet {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

/// What the threads share.
#[derive(Default)]
struct Post {
    under_way: Mutex<BinaryHeap<Reverse<Packet>>>,
    more: Condvar,
    stop: AtomicBool,
    carried: AtomicU64,
    lost: AtomicU64,
}

impl Post {
    fn is_over(&self) -> bool {
        self.stop.load(Relaxed)
    }

    /// Takes a packet that goes through this weather.
    fn take(&self, weather: Weather, dice: &mut Dice, bytes: &[u8], from: &Arc<UdpSocket>, to: SocketAddr) {
        let mut under_way = self.under_way.lock().expect("the post");
        if share(dice) < weather.loss || under_way.len() >= PACKETS_MAX {
            self.lost.fetch_add(1, Relaxed);
            return;
        }
        let due = Instant::now() + weather.delay + jitter(weather, dice);
        let order = self.carried.fetch_add(1, Relaxed);
        under_way.push(Reverse(Packet { due, order, bytes: bytes.to_vec(), from: from.clone(), to }));
        self.more.notify_one();
    }

    /// Carries packets until the relay is gone.
    fn carry(&self) {
        let mut under_way = self.under_way.lock().expect("the post");
        while !self.is_over() {
            let now = Instant::now();
            if under_way.peek().is_some_and(|Reverse(packet)| packet.due <= now) {
                if let Some(Reverse(packet)) = under_way.pop() {
                    // What cannot be delivered is as lost as on any network.
                    let _ = packet.from.send_to(&packet.bytes, packet.to);
                }
                continue;
            }
            let wait = under_way.peek().map_or(LOOK, |Reverse(packet)| packet.due - now).min(LOOK);
            under_way = self.more.wait_timeout(under_way, wait).expect("the post").0;
        }
    }
}

/// A number from 0 (included) to 1.
fn share(dice: &mut Dice) -> f64 {
    (dice.roll() >> 11) as f64 / (1_u64 << 53) as f64
}

fn jitter(weather: Weather, dice: &mut Dice) -> Duration {
    let units = (1.0 - share(dice)).powf(-0.5) - 1.0;
    weather.jitter_p99.mul_f64((units / PARETO_P99).min(JITTER_MAX))
}

/// A relay that runs; it ends when it is dropped.
pub struct Relay {
    /// Where players send the game's packets.
    pub game: SocketAddr,
    /// Where players send time probes.
    pub time: SocketAddr,
    host: [Arc<OnceLock<SocketAddr>>; 2],
    post: Arc<Post>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Opens both doors: weather on the way to the host and on the way back. What comes before the relay knows its host
    /// is lost.
    pub fn open(to_host: Weather, to_players: Weather, seed: u64) -> Self {
        let post = Arc::new(Post::default());
        let carrier = post.clone();
        let mut threads = vec![std::thread::spawn(move || carrier.carry())];
        let host = [Arc::new(OnceLock::new()), Arc::new(OnceLock::new())];
        let mut open = |number: u64, host: &Arc<OnceLock<SocketAddr>>| {
            let socket = socket();
            let address = socket.local_addr().expect("an address");
            let door = Door { post: post.clone(), socket, host: host.clone(), to_host, to_players };
            threads.push(std::thread::spawn(move || door.run(seed.wrapping_mul(2).wrapping_add(number))));
            address
        };
        let (game, time) = (open(0, &host[0]), open(1, &host[1]));
        Self { game, time, host, post, threads }
    }

    /// From now on packets reach this host's sockets: of the game, and of the time echo.
    pub fn lead_to(&self, game: SocketAddr, time: SocketAddr) {
        for (door, address) in self.host.iter().zip([game, time]) {
            door.set(address).expect("a relay leads to one host");
        }
    }

    /// Packets taken and packets lost so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.post.carried.load(Relaxed), self.post.lost.load(Relaxed))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.post.stop.store(true, Relaxed);
        self.post.more.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().expect("a thread of the relay");
        }
    }
}

fn socket() -> Arc<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket.set_read_timeout(Some(LOOK)).expect("a timeout");
    Arc::new(socket)
}

/// One door: the socket that players send to.
struct Door {
    post: Arc<Post>,
    socket: Arc<UdpSocket>,
    host: Arc<OnceLock<SocketAddr>>,
    to_host: Weather,
    to_players: Weather,
}

impl Door {
    fn run(&self, seed: u64) {
        let mut dice = Dice::new(seed);
        let mut players: Vec<(SocketAddr, Arc<UdpSocket>)> = Vec::new();
        std::thread::scope(|scope| {
            each_packet(&self.post, &self.socket, |bytes, player| {
                let Some(host) = self.host.get() else { return };
                let known = players.iter().find(|(address, _)| *address == player).map(|(_, inside)| inside.clone());
                let inside = known.or_else(|| {
                    let inside = (players.len() < PLAYERS_MAX).then(socket)?;
                    players.push((player, inside.clone()));
                    let (listening, mut dice) = (inside.clone(), Dice::new(dice.roll()));
                    scope.spawn(move || {
                        each_packet(&self.post, &listening, |bytes, _| {
                            self.post.take(self.to_players, &mut dice, bytes, &self.socket, player);
                        });
                    });
                    Some(inside)
                });
                if let Some(inside) = inside {
                    self.post.take(self.to_host, &mut dice, bytes, &inside, *host);
                }
            });
        });
    }
}

/// Hands over each packet that comes, and its sender, until the relay is gone.
fn each_packet(post: &Post, socket: &UdpSocket, mut take: impl FnMut(&[u8], SocketAddr)) {
    let mut buffer = [0; PACKET_BYTES_MAX];
    while !post.is_over() {
        match socket.recv_from(&mut buffer) {
            Ok((length, from)) => take(&buffer[..length], from),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            // The other side has just closed its port.
            Err(_) => std::thread::yield_now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::percentile;

    #[test]
    fn packets_and_answers_are_late_and_some_are_lost() {
        const PACKETS: u32 = 200;
        let weather = Weather { delay: Duration::from_millis(20), jitter_p99: Duration::from_millis(5), loss: 0.1 };
        let relay = Relay::open(weather, weather, 7);
        let host = socket();
        let address = host.local_addr().expect("an address");
        relay.lead_to(address, address);
        let player = socket();
        player.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        let begin = Instant::now();
        for number in 0..PACKETS {
            let sent = begin.elapsed().as_micros() as u64;
            player.send_to(&sent.to_le_bytes(), relay.time).expect("a sent packet");
            if number % 10 == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        let mut buffer = [0; 8];
        let mut one_way_ms = Vec::new();
        host.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        while let Ok((_, from)) = host.recv_from(&mut buffer) {
            assert_ne!(from, player.local_addr().expect("an address"), "the host sees the relay");
            one_way_ms.push((begin.elapsed().as_micros() as u64 - u64::from_le_bytes(buffer)) as f64 / 1e3);
            host.send_to(&buffer, from).expect("an answer");
        }
        let mut answers = 0;
        while let Ok((_, from)) = player.recv_from(&mut buffer) {
            assert_eq!(from, relay.time);
            answers += 1;
        }
        let arrived = one_way_ms.len();
        assert!((150..198).contains(&arrived), "{arrived} of {PACKETS} arrived");
        assert!(answers < arrived && answers > arrived * 7 / 10, "{answers} of {arrived} answers came back");
        assert!(percentile(&mut one_way_ms, 0.0) >= 20.0, "{one_way_ms:?}");
        assert!(percentile(&mut one_way_ms, 0.98) > 21.0, "some are later than others");
        assert_eq!(relay.counts().0 + relay.counts().1, u64::from(PACKETS) + arrived as u64);
    }
}
