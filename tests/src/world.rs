//! A whole session in virtual time: the production authority and seats, and a network that only delays.
//!
//! One seed is one world. Messages of a seat stay in order (the reliable channel's promise); between seats anything
//! may overtake anything.

use keyboardia_session::{
    Authority, Command, Gain, Manifest, Micros, Outgoing, Pan, Quantise, Recipient, SceneIndex, Seat, SeatId,
    SeatToken, SessionSetup, Tempo, TrackIndex, limits::SEATS_MAX,
};
use std::collections::BTreeMap;

/// A small generator of numbers that look random (xorshift64*); the same seed makes the same numbers everywhere.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`, which is positive.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

/// Any command at all, some of them impossible. The match below fails to compile when a new command is added, and is
/// the reminder to roll it here.
pub fn any_command(dice: &mut Dice) -> Command {
    const KINDS: u64 = 12;
    let track = TrackIndex(dice.below(9) as u8);
    let scene = SceneIndex(dice.below(9) as u8);
    let command = match dice.below(KINDS + 6) {
        1 => Command::StopTrack { track },
        2 => Command::Unqueue { track },
        3 => Command::LaunchScene { scene },
        4 => Command::StopAll,
        5 => Command::SetPlaying(dice.below(3) > 0),
        6 => Command::SetTempo(Tempo::from_milli_bpm(20_000 + dice.below(979_001) as u32).expect("a tempo")),
        7 => Command::SetQuantise(Quantise::ALL[dice.below(9) as usize]),
        8 => Command::SetGain { track, gain: Gain::from_db(dice.below(70) as f64 - 63.0).expect("a gain") },
        9 => Command::SetPan { track, pan: Pan::new(dice.below(201) as i8).unwrap_or(Pan::CENTRE) },
        10 => Command::SetMute { track, mute: dice.below(2) == 0 },
        11 => Command::SetSolo { track, solo: dice.below(2) == 0 },
        // Launches are what players do most.
        _ => Command::Launch { track, scene },
    };
    match command {
        Command::Launch { .. }
        | Command::StopTrack { .. }
        | Command::Unqueue { .. }
        | Command::LaunchScene { .. }
        | Command::StopAll
        | Command::SetPlaying(_)
        | Command::SetTempo(_)
        | Command::SetQuantise(_)
        | Command::SetGain { .. }
        | Command::SetPan { .. }
        | Command::SetMute { .. }
        | Command::SetSolo { .. } => command,
    }
}

/// A message on its way.
enum Packet {
    Up(usize, Vec<u8>),
    Down(usize, Vec<u8>),
}

/// A player of the world.
pub struct Player {
    /// The production seat.
    pub seat: Seat,
    /// Its seat in the session while it is connected.
    pub id: Option<SeatId>,
    token: SeatToken,
    up_clear: Micros,
    down_clear: Micros,
}

/// See the module.
pub struct World {
    /// The production authority.
    pub authority: Authority,
    /// The players.
    pub players: Vec<Player>,
    /// Virtual session time.
    pub now: Micros,
    dice: Dice,
    delay_max_us: u64,
    packets: BTreeMap<(Micros, u64), Packet>,
    sent: u64,
}

impl World {
    /// A world with the starter groove and ten players who have all joined.
    pub fn new(seed: u64, delay_max_us: u64) -> Self {
        let now = Micros(1_790_000_000_000_000);
        let setup = SessionSetup::starter(&Manifest::builtin().expect("the shipped manifest"));
        let mut world = Self {
            authority: Authority::new(setup, now),
            players: Vec::new(),
            now,
            dice: Dice::new(seed),
            delay_max_us,
            packets: BTreeMap::new(),
            sent: 0,
        };
        for index in 0..SEATS_MAX {
            let token = SeatToken(std::array::from_fn(|_| world.dice.roll() as u8));
            world.players.push(Player { seat: Seat::new(), id: None, token, up_clear: now, down_clear: now });
            world.connect(index);
        }
        world
    }

    /// Lets a player (back) in.
    pub fn connect(&mut self, index: usize) {
        let mut out = Vec::new();
        let player = &mut self.players[index];
        player.seat.reconnect();
        // Whoever was away for too long takes another seat, like anybody else.
        let admitted = self.authority.admit(self.now, &player.token, None);
        player.id = admitted.and_then(|_| self.authority.join(self.now, &player.token, &mut out)).ok();
        self.post(out);
    }

    /// Cuts a player's connection; what is on its way to and from it is lost.
    pub fn disconnect(&mut self, index: usize) {
        if let Some(id) = self.players[index].id.take() {
            self.packets.retain(|_, packet| !matches!(packet, Packet::Up(i, _) | Packet::Down(i, _) if *i == index));
            let mut out = Vec::new();
            self.authority.leave(self.now, id, &mut out);
            self.post(out);
        }
    }

    /// A player asks for something.
    pub fn command(&mut self, index: usize, command: Command) {
        if self.players[index].id.is_some() {
            // A refusal on the spot is a notice of the seat's.
            let _ = self.players[index].seat.command(self.now, command);
            self.flush(index);
        }
    }

    /// Lets time pass, delivering what arrives meanwhile.
    pub fn pass(&mut self, micros: u64) {
        let until = self.now + micros;
        loop {
            let arrives = self.packets.first_key_value().map(|((at, _), _)| *at);
            let wakes = self.authority.wake_at().map(|at| at.max(self.now));
            let next = [arrives, wakes].into_iter().flatten().min().filter(|at| *at <= until);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            let mut out = Vec::new();
            if arrives == Some(next) {
                match self.packets.pop_first() {
                    Some((_, Packet::Up(index, bytes))) => {
                        if let Some(id) = self.players[index].id {
                            self.authority.handle(self.now, id, &bytes, &mut out);
                        }
                    }
                    Some((_, Packet::Down(index, bytes))) => {
                        self.players[index].seat.receive(&bytes);
                        self.flush(index);
                    }
                    None => {}
                }
            } else {
                self.authority.wake(self.now, &mut out);
            }
            self.post(out);
        }
        self.now = until;
    }

    /// Whether every connected player's replica equals the truth, by a hash over everything.
    pub fn agrees(&self) -> bool {
        let truth = self.authority.state().hash();
        let connected = self.players.iter().filter(|player| player.id.is_some());
        connected.map(|player| player.seat.state().map(|state| state.hash())).all(|hash| hash == Some(truth))
    }

    fn flush(&mut self, index: usize) {
        let messages: Vec<Vec<u8>> = self.players[index].seat.take_outgoing().collect();
        for bytes in messages {
            let at = (self.now + self.dice.below(self.delay_max_us + 1)).max(self.players[index].up_clear);
            self.players[index].up_clear = at;
            self.send(at, Packet::Up(index, bytes));
        }
    }

    fn post(&mut self, out: Vec<Outgoing>) {
        for Outgoing { to, bytes, .. } in out {
            for index in 0..self.players.len() {
                let is_meant = match to {
                    Recipient::All => self.players[index].id.is_some(),
                    Recipient::Seat(seat) => self.players[index].id == Some(seat),
                };
                if is_meant {
                    let at = (self.now + self.dice.below(self.delay_max_us + 1)).max(self.players[index].down_clear);
                    self.players[index].down_clear = at;
                    self.send(at, Packet::Down(index, bytes.clone()));
                }
            }
        }
    }

    fn send(&mut self, at: Micros, packet: Packet) {
        self.sent += 1;
        self.packets.insert((at, self.sent), packet);
    }
}
