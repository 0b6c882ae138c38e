//! A whole session in virtual time: the production authority and seats, and a network that only delays.
//!
//! One seed is one world. Messages of a seat stay in order (the reliable channel's promise); between seats anything
//! may overtake anything.

use keyboardia_session::{
    Authority, Avatar, Beats, Cell, Clip, ClipChange, Colour, Column, Command, CommandId, Edit, Event, Gain, JoinError,
    Manifest, Micros, Name, Outgoing, Pan, Profile, Quantise, Recipient, Refusal, Row, SceneChange, SceneId, Seat,
    SeatId, SeatToken, SessionSetup, SoundId, Tempo, TimeSignature, TrackChange, TrackId,
    bounded::Bounded,
    limits::SEATS_MAX,
    wire::{self, ClientMessage, HostMessage},
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

    /// A number from 0 to 1, which is not reached.
    pub fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number between two others.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }

    /// A waiting time of this mean, as between events that do not know of each other.
    pub fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.share()).ln()
    }

    /// A number below `limit`, which is positive.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }
}

/// Any command at all, some of them impossible. The matches below fail to compile when a new command or edit is added,
/// and are the reminder to roll it here.
pub fn any_command(dice: &mut Dice) -> Command {
    const KINDS: u64 = 22;
    let track = TrackId(dice.below(10) as u8);
    let scene = SceneId(dice.below(10) as u8);
    let command = match dice.below(KINDS + 10) {
        1 => Command::StopTrack { track },
        2 => Command::Unqueue { track },
        3 => Command::LaunchScene { scene },
        4 => Command::StopAll,
        5 => Command::SetPlaying(dice.below(3) > 0),
        6 => Command::SetTempo(Tempo::from_milli_bpm(20_000 + dice.below(979_001) as u32).expect("a tempo")),
        7 => Command::SetQuantise(Quantise::ALL[dice.below(9) as usize]),
        8 => Command::SetGain { track, gain: any_gain(dice) },
        9 => Command::SetPan { track, pan: Pan::new(dice.below(201) as i8).unwrap_or(Pan::CENTRE) },
        10 => Command::SetMute { track, mute: dice.below(2) == 0 },
        11 => Command::SetSolo { track, solo: dice.below(2) == 0 },
        12 => Command::StopScene { scene },
        13 => Command::SetSignature(TimeSignature::ALL[dice.below(5) as usize]),
        14 => Command::Undo,
        15 => Command::Redo,
        16 => Command::SetProfile {
            name: any_name(dice),
            colour: any_colour(dice),
            avatar: Avatar::new(dice.below(24) as u8).expect("a picture"),
        },
        17..=22 => Command::Edit(any_edit(dice)),
        // Doors open more often than they close, or everybody would be outside before long.
        23 => Command::SetLocked(dice.below(6) == 0),
        24 => Command::SetRemoval { seat: SeatId(dice.below(10) as u8), remove: dice.below(3) == 0 },
        // Launches are what players do most.
        _ => Command::Launch { track, scene },
    };
    match command {
        Command::Launch { .. }
        | Command::StopTrack { .. }
        | Command::Unqueue { .. }
        | Command::LaunchScene { .. }
        | Command::StopScene { .. }
        | Command::StopAll
        | Command::SetPlaying(_)
        | Command::SetTempo(_)
        | Command::SetQuantise(_)
        | Command::SetSignature(_)
        | Command::SetGain { .. }
        | Command::SetPan { .. }
        | Command::SetMute { .. }
        | Command::SetSolo { .. }
        | Command::Edit(_)
        | Command::Undo
        | Command::Redo
        | Command::SetProfile { .. }
        | Command::SetLocked(_)
        | Command::SetRemoval { .. } => command,
    }
}

/// Any edit at all, some of them impossible.
pub fn any_edit(dice: &mut Dice) -> Edit {
    const KINDS: u64 = 10;
    let track = TrackId(dice.below(10) as u8);
    let scene = SceneId(dice.below(10) as u8);
    let cell = Cell::new(track, scene);
    let at = dice.below(12) as u8;
    let edit = match dice.below(KINDS + 4) {
        0 => Edit::AddTrack { at, column: None },
        1 => Edit::RemoveTrack(track),
        2 => Edit::ChangeTrack { track, change: TrackChange::Name(any_name(dice)) },
        3 => Edit::ChangeTrack { track, change: TrackChange::Colour(any_colour(dice)) },
        4 => Edit::AddScene { at, row: None },
        5 => Edit::RemoveScene(scene),
        6 => {
            let change = match dice.below(3) {
                0 => SceneChange::Colour(Some(any_colour(dice))),
                1 => SceneChange::Colour(None),
                _ => SceneChange::Name(any_name(dice)),
            };
            Edit::ChangeScene { scene, change }
        }
        7 => {
            let b = Cell::new(TrackId(dice.below(10) as u8), SceneId(dice.below(10) as u8));
            Edit::SwapClips { a: cell, b }
        }
        8 => {
            let clips = (0..dice.below(4)).map(|row| (SceneId(row as u8 * 3), any_clip(dice))).collect();
            let clips = Bounded::try_from_vec(clips).expect("a few clips");
            let column = Column { clips, ..Column::empty("Copy", any_colour(dice)) };
            Edit::AddTrack { at, column: Some(Box::new(column)) }
        }
        9 => {
            let clips = (0..dice.below(4)).map(|column| (TrackId(column as u8 * 3), any_clip(dice))).collect();
            let row = Row {
                name: any_name(dice),
                colour: Some(any_colour(dice)),
                clips: Bounded::try_from_vec(clips).expect("a few clips"),
            };
            Edit::AddScene { at, row: Some(Box::new(row)) }
        }
        10 | 11 => {
            let change = match dice.below(6) {
                0 => ClipChange::Name(any_name(dice)),
                1 => ClipChange::Colour(any_colour(dice)),
                2 => ClipChange::Gain(any_gain(dice)),
                3 => ClipChange::Looped(dice.below(2) == 0),
                // Some of them no clip can have.
                4 => ClipChange::Length(Beats(dice.below(1_100) as i64 * 1_000_000_000)),
                _ => ClipChange::Quantise((dice.below(2) == 0).then(|| Quantise::ALL[dice.below(9) as usize])),
            };
            Edit::ChangeClip { cell, change }
        }
        _ => {
            let clip = (dice.below(4) > 0).then(|| Box::new(any_clip(dice)));
            Edit::SetClip { cell, clip, replace: dice.below(2) == 0 }
        }
    };
    match edit {
        Edit::SetClip { .. }
        | Edit::ChangeClip { .. }
        | Edit::SwapClips { .. }
        | Edit::AddTrack { .. }
        | Edit::RemoveTrack(_)
        | Edit::ChangeTrack { .. }
        | Edit::AddScene { .. }
        | Edit::RemoveScene(_)
        | Edit::ChangeScene { .. } => edit,
    }
}

fn any_token(dice: &mut Dice) -> SeatToken {
    SeatToken(std::array::from_fn(|_| dice.roll() as u8))
}

fn any_name(dice: &mut Dice) -> Name {
    Name::sanitised(["", "Ada", "Grace", "Bass", "A rather long name of a track"][dice.below(5) as usize])
}

fn any_colour(dice: &mut Dice) -> Colour {
    Colour(dice.roll().to_le_bytes()[..3].try_into().expect("three bytes"))
}

fn any_gain(dice: &mut Dice) -> Gain {
    Gain::from_db(dice.below(70) as f64 - 63.0).expect("a gain")
}

fn any_clip(dice: &mut Dice) -> Clip {
    let lengths = [Beats::ZERO, Beats(1), Beats::whole(1), Beats::whole(4), Beats::whole(7), Beats::whole(100_000)];
    Clip {
        sound: SoundId::parse(["drums", "bass", "x"][dice.below(3) as usize]).expect("a sound"),
        name: any_name(dice),
        colour: any_colour(dice),
        // Most are sound.
        length: if dice.below(8) == 0 { lengths[dice.below(6) as usize] } else { Beats::whole(4) },
        looped: dice.below(3) > 0,
        gain: any_gain(dice),
        quantise: (dice.below(4) == 0).then_some(Quantise::Quarter),
        author: Name::sanitised("Somebody else"),
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
    events: Vec<Event>,
    refusals: Vec<Refusal>,
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
            events: Vec::new(),
            refusals: Vec::new(),
        };
        for index in 0..SEATS_MAX {
            let token = any_token(&mut world.dice);
            world.players.push(Player { seat: Seat::new(), id: None, token, up_clear: now, down_clear: now });
            world.connect(index);
        }
        world
    }

    /// Lets a player (back) in, if the session is open to them.
    pub fn connect(&mut self, index: usize) {
        let mut out = Vec::new();
        self.lose_packets(index);
        let player = &mut self.players[index];
        player.seat.reconnect();
        // Whoever was away for too long takes another seat, like anybody else.
        let mut admitted = self.authority.admit(self.now, &player.token, Profile::default());
        if admitted == Err(JoinError::Removed) {
            // Whoever was removed comes as somebody else, if the door is open.
            player.token = any_token(&mut self.dice);
            admitted = self.authority.admit(self.now, &player.token, Profile::default());
        }
        player.id = admitted.and_then(|_| self.authority.join(self.now, &player.token, &mut out)).ok();
        self.post(out);
    }

    /// Cuts a player's connection; what is on its way to and from it is lost.
    pub fn disconnect(&mut self, index: usize) {
        if let Some(id) = self.players[index].id.take() {
            self.lose_packets(index);
            let mut out = Vec::new();
            self.authority.leave(self.now, id, &mut out);
            self.post(out);
        }
    }

    fn lose_packets(&mut self, index: usize) {
        self.packets.retain(|_, packet| !matches!(packet, Packet::Up(i, _) | Packet::Down(i, _) if *i == index));
    }

    /// Opens the session, if somebody is there who may, and lets everybody in who is still outside.
    pub fn let_everybody_in(&mut self) {
        let may = |player: &&mut Player| player.id.is_some_and(|id| self.authority.state().may_lock(id));
        if let Some(id) = self.players.iter_mut().find(may).and_then(|player| player.id) {
            let message = ClientMessage::Command { id: CommandId(u32::MAX), command: Command::SetLocked(false) };
            let mut out = Vec::new();
            self.authority.handle(self.now, id, &wire::encode(&message), &mut out);
            self.post(out);
        }
        for index in 0..self.players.len() {
            if self.players[index].id.is_none() {
                self.connect(index);
            }
        }
    }

    /// A player asks for something; returns the seat's number of it, if it was sent.
    pub fn command(&mut self, index: usize, command: Command) -> Option<CommandId> {
        self.players[index].id?;
        // A refusal on the spot is a notice of the seat's.
        let id = self.players[index].seat.command(self.now, command).ok();
        self.flush(index);
        id
    }

    /// The events that the authority made since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What the authority refused since the last call, oldest first.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
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
                        let now = self.now;
                        self.players[index].seat.receive(now, &bytes);
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
            match wire::decode(&bytes) {
                Ok(HostMessage::Event(event)) => self.events.push(event),
                Ok(HostMessage::Refused { refusal, .. }) => self.refusals.push(refusal),
                _ => {}
            }
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
        for dismissed in self.authority.take_dismissed() {
            for index in 0..self.players.len() {
                if self.players[index].id == Some(dismissed) {
                    self.players[index].id = None;
                }
            }
        }
    }

    fn send(&mut self, at: Micros, packet: Packet) {
        self.sent += 1;
        self.packets.insert((at, self.sent), packet);
    }
}
