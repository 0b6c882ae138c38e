//! A network between players and a host: packets are delayed, overtake each other, come twice and get lost; and all ways
//! between a player and the host can be cut.
//!
//! Real sockets, two doors: one for the game's packets, one for time probes. Behind a door each player has a socket of
//! its own, so that the host tells them apart. One thread carries all packets when their time has come. For HTTP and
//! WebSockets there is a [`WebDoor`] for each player, where what they bring is counted.
//!
//! Players are counted from 0, at each door in the order in which they first came to it; to cut the ways of one alone, let
//! them join one after the other. Whoever makes a new connection counts as somebody new at the doors for packets.

mod brought;

pub use brought::Brought;

use crate::world::Dice;
use brought::Reader;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket},
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
/// How often a cut way is looked at again.
const CUT_LOOK: Duration = Duration::from_millis(5);
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
    /// Share of packets that come twice, 0 … 1; the second has a delay of its own.
    pub doubles: f64,
}

impl Weather {
    /// Nothing happens to packets.
    pub const CALM: Self = Self { delay: Duration::ZERO, jitter_p99: Duration::ZERO, loss: 0.0, doubles: 0.0 };
}

/// What has happened to packets so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Oddities {
    /// Packets that came twice.
    pub doubled: u64,
    /// Packets that came after one that had left later, on the same way.
    pub overtaken: u64,
    /// Packets that were lost because their way was cut.
    pub cut: u64,
}

/// One player's way through one door, in one direction.
struct Path {
    from: Arc<UdpSocket>,
    to: SocketAddr,
    /// The player's number.
    player: usize,
    /// The latest packet that has arrived.
    arrived: AtomicU64,
}

/// A packet on its way.
struct Packet {
    due: Instant,
    /// Packets due at the same time leave in the order in which they came.
    order: u64,
    bytes: Vec<u8>,
    path: Arc<Path>,
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
    doubled: AtomicU64,
    overtaken: AtomicU64,
    swallowed: AtomicU64,
    /// Whose ways are cut, a bit for each.
    cut: AtomicU64,
    /// What came through the doors for HTTP and WebSockets.
    brought: Mutex<Brought>,
}

impl Post {
    fn is_over(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn is_cut(&self, player: usize) -> bool {
        (self.cut.load(Relaxed) >> player) & 1 == 1
    }

    /// Takes a packet that goes through this weather.
    fn take(&self, weather: Weather, dice: &mut Dice, bytes: &[u8], path: &Arc<Path>) {
        if self.is_cut(path.player) {
            self.swallowed.fetch_add(1, Relaxed);
            return;
        }
        let mut under_way = self.under_way.lock().expect("the post");
        if share(dice) < weather.loss || under_way.len() >= PACKETS_MAX {
            self.lost.fetch_add(1, Relaxed);
            return;
        }
        let order = self.carried.fetch_add(1, Relaxed);
        // Dice that do not decide anything are not rolled, so that a seed is the same network as ever.
        let is_doubled = weather.doubles > 0.0 && share(dice) < weather.doubles;
        self.doubled.fetch_add(u64::from(is_doubled), Relaxed);
        for _ in 0..=usize::from(is_doubled) {
            let due = Instant::now() + weather.delay + jitter(weather, dice);
            under_way.push(Reverse(Packet { due, order, bytes: bytes.to_vec(), path: path.clone() }));
        }
        self.more.notify_one();
    }

    fn deliver(&self, packet: &Packet) {
        let path = &packet.path;
        if self.is_cut(path.player) {
            self.swallowed.fetch_add(1, Relaxed);
            return;
        }
        let latest = path.arrived.fetch_max(packet.order, Relaxed);
        self.overtaken.fetch_add(u64::from(latest > packet.order), Relaxed);
        // What cannot be delivered is as lost as on any network.
        let _ = path.from.send_to(&packet.bytes, path.to);
    }

    /// Carries packets until the relay is gone.
    fn carry(&self) {
        let mut under_way = self.under_way.lock().expect("the post");
        while !self.is_over() {
            let now = Instant::now();
            if under_way.peek().is_some_and(|Reverse(packet)| packet.due <= now) {
                if let Some(Reverse(packet)) = under_way.pop() {
                    self.deliver(&packet);
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
    web_doors: usize,
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
        Self { game, time, host, post, threads, web_doors: 0 }
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

    /// What else has happened to packets so far.
    pub fn oddities(&self) -> Oddities {
        let Post { doubled, overtaken, swallowed, .. } = &*self.post;
        Oddities { doubled: doubled.load(Relaxed), overtaken: overtaken.load(Relaxed), cut: swallowed.load(Relaxed) }
    }

    /// What players have brought through the doors for HTTP and WebSockets so far.
    pub fn brought(&self) -> Brought {
        *self.post.brought.lock().expect("the post")
    }

    /// Opens a door for HTTP and WebSockets to the host at this address, for one player more.
    pub fn open_web(&mut self, host: SocketAddr) -> WebDoor {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("a listener that does not wait");
        let (post, player) = (self.post.clone(), self.web_doors);
        assert!(player < PLAYERS_MAX, "too many players");
        self.web_doors += 1;
        self.threads.push(std::thread::spawn(move || serve_web(&post, &listener, host, player)));
        WebDoor { address, player }
    }

    /// From now on nothing of these players reaches the host, nor they it: packets are lost, and what goes over TCP waits.
    pub fn cut(&self, players: impl IntoIterator<Item = usize>) {
        let bits = players.into_iter().fold(0, |bits, player| bits | 1_u64 << player);
        self.post.cut.fetch_or(bits, Relaxed);
    }

    /// The same for everybody.
    pub fn cut_all(&self) {
        self.cut(0..PLAYERS_MAX);
    }

    /// From now on everybody reaches the host again.
    pub fn mend(&self) {
        self.post.cut.store(0, Relaxed);
    }
}

/// A door for one player's HTTP and WebSockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebDoor {
    /// Where the player finds the host.
    pub address: SocketAddr,
    /// The player's number.
    pub player: usize,
}

/// Lets connections through one player's door until the relay is gone.
fn serve_web(post: &Arc<Post>, listener: &TcpListener, host: SocketAddr, player: usize) {
    let mut threads = Vec::new();
    while !post.is_over() {
        // Whoever knocks while the way is cut waits.
        let came = if post.is_cut(player) { None } else { listener.accept().ok() };
        let Some((outside, _)) = came else {
            std::thread::sleep(CUT_LOOK);
            continue;
        };
        let Ok(inside) = TcpStream::connect(host) else { continue };
        for (from, to, reader) in [(&outside, &inside, Some(Reader::default())), (&inside, &outside, None)] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
            let post = post.clone();
            threads.push(std::thread::spawn(move || carry_web(&post, from, to, player, reader)));
        }
    }
    for thread in threads {
        thread.join().expect("a thread of the relay");
    }
}

/// Carries bytes one way until the connection or the relay is gone; while the way is cut, they wait. The way to the host is
/// read, too.
fn carry_web(post: &Post, mut from: TcpStream, mut to: TcpStream, player: usize, mut reader: Option<Reader>) {
    let mut buffer = [0; 16 * 1024];
    // A connection that cannot be set up is gone.
    let ready = from.set_nonblocking(false).and_then(|()| to.set_nonblocking(false));
    let ready = ready.and_then(|()| from.set_read_timeout(Some(LOOK))).and_then(|()| to.set_nodelay(true));
    while ready.is_ok() && !post.is_over() {
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        while post.is_cut(player) && !post.is_over() {
            std::thread::sleep(CUT_LOOK);
        }
        if let Some(reader) = &mut reader {
            reader.read(&buffer[..length], &mut post.brought.lock().expect("the post"));
        }
        if post.is_over() || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    while post.is_cut(player) && !post.is_over() {
        std::thread::sleep(CUT_LOOK);
    }
    // The other side may be gone already.
    let _ = to.shutdown(Shutdown::Write);
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
        let mut players: Vec<(SocketAddr, Arc<Path>)> = Vec::new();
        std::thread::scope(|scope| {
            each_packet(&self.post, &self.socket, |bytes, player| {
                let Some(host) = self.host.get() else { return };
                let known = players.iter().find(|(address, _)| *address == player).map(|(_, inside)| inside.clone());
                let inwards = known.or_else(|| {
                    let inside = (players.len() < PLAYERS_MAX).then(socket)?;
                    let path = |from: &Arc<UdpSocket>, to| {
                        let (from, player) = (from.clone(), players.len());
                        Arc::new(Path { from, to, player, arrived: AtomicU64::new(0) })
                    };
                    let (inwards, outwards) = (path(&inside, *host), path(&self.socket, player));
                    players.push((player, inwards.clone()));
                    let mut dice = Dice::new(dice.roll());
                    scope.spawn(move || {
                        each_packet(&self.post, &inside, |bytes, _| {
                            self.post.take(self.to_players, &mut dice, bytes, &outwards);
                        });
                    });
                    Some(inwards)
                });
                if let Some(inwards) = inwards {
                    self.post.take(self.to_host, &mut dice, bytes, &inwards);
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
        let weather =
            Weather { delay: Duration::from_millis(20), jitter_p99: Duration::from_millis(5), loss: 0.1, doubles: 0.0 };
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

    /// What comes to a socket until nothing has for a while.
    fn arriving(socket: &UdpSocket) -> Vec<u8> {
        let mut buffer = [0; 8];
        let mut come = Vec::new();
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        while let Ok((length, _)) = socket.recv_from(&mut buffer) {
            come.extend_from_slice(&buffer[..length]);
        }
        come
    }

    #[test]
    fn packets_come_twice_and_overtake_each_other() {
        let jitter_p99 = Duration::from_millis(20);
        let relay = Relay::open(Weather { jitter_p99, doubles: 0.3, ..Weather::CALM }, Weather::CALM, 7);
        let host = socket();
        let address = host.local_addr().expect("an address");
        relay.lead_to(address, address);
        let player = socket();
        for number in 0..200_u8 {
            player.send_to(&[number], relay.game).expect("a sent packet");
        }
        let come = arriving(&host);
        let oddities = relay.oddities();
        assert_eq!(come.len() as u64, 200 + oddities.doubled);
        assert!((30..90).contains(&oddities.doubled) && oddities.overtaken > 0, "{oddities:?}");
        assert!(!come.is_sorted() && (0..200).all(|number| come.contains(&number)));
    }

    #[test]
    fn the_ways_of_one_are_cut_and_mended_and_the_other_one_s_are_not() {
        let mut relay = Relay::open(Weather::CALM, Weather::CALM, 7);
        let host = socket();
        let web = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = host.local_addr().expect("an address");
        relay.lead_to(address, address);
        let doors = [(); 2].map(|()| relay.open_web(web.local_addr().expect("an address")));
        let players = [socket(), socket()];
        let say = |word: u8| {
            for (number, player) in (0..).zip(&players) {
                player.send_to(&[word + number], relay.game).expect("a sent packet");
            }
        };
        // They are counted as they come.
        players[0].send_to(&[0], relay.game).expect("a sent packet");
        assert_eq!(arriving(&host), [0]);
        say(10);
        let mut come = arriving(&host);
        come.sort_unstable();
        assert_eq!(come, [10, 11]);
        let mut streams = doors.map(|door| {
            let mut stream = TcpStream::connect(door.address).expect("a connection");
            stream.write_all(&[1]).expect("a sent byte");
            let (mut inside, _) = web.accept().expect("a connection");
            inside.read_exact(&mut [0]).expect("a byte");
            (stream, inside)
        });
        relay.cut([1]);
        say(20);
        assert_eq!(arriving(&host), [20]);
        for (stream, inside) in &mut streams {
            stream.write_all(&[7]).expect("a sent byte");
            inside.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
        }
        let arrived = streams.each_mut().map(|(_, inside)| inside.read_exact(&mut [0]).is_ok());
        assert_eq!(arrived, [true, false]);
        relay.mend();
        say(30);
        assert_eq!(arriving(&host).len(), 2);
        streams[1].1.read_exact(&mut [0]).expect("what waited");
        assert!(relay.oddities().cut > 0);
    }
}
