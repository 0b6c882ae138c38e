//! Sessions full of bots that play: what they press, and how long it takes until the others hear of it.

use super::{Admission, BotId, Heard, News, Porter, Swarm, Traffic};
use crate::world::Dice;
use keyboardia_session::{
    Cell, ClipChange, Command, CommandId, Edit, Gain, Name, Pan, SceneId, SessionState, TrackChange, limits::SEATS_MAX,
};
use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, Sender},
    time::{Duration, Instant},
};

/// Commands of a bot that are remembered, to know when they were sent; those of half a minute.
const SENT_REMEMBERED: usize = 64;
/// How often bots are asked whether they want to press something.
const PACE: Duration = Duration::from_millis(1);
/// Time over which the sessions begin to play.
const BEGINNING: Duration = Duration::from_secs(1);
/// How long the last commands of a measurement may take to be heard.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long replicas may take to agree at the end.
const AGREEMENT: Duration = Duration::from_secs(5);
/// Sentences about what went wrong that are kept.
const BROKEN_MAX: usize = 8;
/// Presses for a clip that a bot tries before it stops a track instead.
const TRIES: usize = 8;

/// Who is to play.
#[derive(Debug, Clone, Copy)]
pub struct JamPlan {
    /// Sessions.
    pub sessions: usize,
    /// Players in each.
    pub players: usize,
    /// Commands of each player, per second.
    pub rate: f64,
    /// Seed of what is pressed, and when.
    pub seed: u64,
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// From a command's departure to its event's arrival at each other player of the session, milliseconds; infinite
    /// where it never came.
    pub peer_ms: Vec<f64>,
    /// From an event's arrival to that of the message that it is safe, at the author, milliseconds.
    pub durable_ms: Vec<f64>,
    /// From the wish to join to the complete snapshot, milliseconds.
    pub join_ms: Vec<f64>,
    /// Commands that were sent.
    pub commands: u64,
    /// Those that had no effect.
    pub refused: u64,
    /// What must not have been, as sentences; the first few.
    pub broken: Vec<String>,
    /// What passed between the bots and the host.
    pub traffic: Traffic,
    /// How long it was measured, seconds.
    pub seconds: f64,
}

struct Room {
    code: String,
    /// Players of the session, by seat; visitors are not.
    seats: [Option<BotId>; SEATS_MAX],
    players: Vec<BotId>,
}

/// A command on its way.
#[derive(Clone, Copy)]
struct Sent {
    id: CommandId,
    at: Instant,
    counts: bool,
}

/// What is remembered of a bot.
struct Hand {
    room: usize,
    /// When the host was asked for its seat, until it has entered.
    asked: Option<Instant>,
    is_visitor: bool,
    sent: Vec<Option<Sent>>,
    /// Events of its own that are not known to be safe: position, and when it arrived.
    unsafe_since: VecDeque<(u64, Instant)>,
}

/// Bots in sessions, at play.
pub struct Jam {
    swarm: Swarm,
    plan: JamPlan,
    rooms: Vec<Room>,
    hands: Vec<Hand>,
    /// When each bot presses something next, by its number.
    press_at: Vec<Option<Instant>>,
    dice: Dice,
    ask: Sender<(usize, String)>,
    admissions: Receiver<Admission>,
    entered: usize,
    /// Pairs of a command and a player who is to hear of it.
    awaited: u64,
    is_measuring: bool,
    tally: Tally,
    pace_at: Instant,
}

impl Jam {
    /// Opens sessions on a host and fills them, with the transport running.
    ///
    /// # Errors
    /// When they are not complete within `limit`, or the host refuses something; as a sentence.
    pub fn assemble(plan: JamPlan, host: &str, limit: Duration) -> Result<Self, String> {
        let until = Instant::now() + limit;
        let porter = Porter::new(host);
        let mut rooms = Vec::new();
        for _ in 0..plan.sessions {
            rooms.push(Room { code: porter.open()?, seats: [None; SEATS_MAX], players: Vec::new() });
        }
        let (ask, admissions) = porter.stand_by();
        let mut jam = Self {
            swarm: Swarm::new(),
            plan,
            rooms,
            hands: Vec::new(),
            press_at: Vec::new(),
            dice: Dice::new(plan.seed),
            ask,
            admissions,
            entered: 0,
            awaited: 0,
            is_measuring: false,
            tally: Tally::default(),
            pace_at: Instant::now(),
        };
        for _ in 0..plan.players {
            (0..plan.sessions).for_each(|room| jam.invite(room));
        }
        let wanted = plan.players * plan.sessions;
        while jam.entered < wanted {
            jam.turn();
            if let Some(broken) = jam.tally.broken.first() {
                return Err(broken.clone());
            }
            if Instant::now() > until {
                return Err(format!("After {limit:?}, {} of {wanted} players are in.", jam.entered));
            }
        }
        for room in 0..jam.rooms.len() {
            let first = jam.rooms[room].players[0];
            jam.say(first, Command::SetPlaying(true));
            // Sessions that do not know of each other do not begin together, and nor do their beacons.
            let wait = jam.dice.between(0.0, 2.0);
            jam.play(BEGINNING.div_f64(plan.sessions as f64).mul_f64(wait));
        }
        Ok(jam)
    }

    /// Everybody presses things from now on, evenly spread in time, until [`Jam::settle`].
    pub fn begin(&mut self) {
        let (now, interval) = (Instant::now(), 1.0 / self.plan.rate);
        for (at, hand) in self.press_at.iter_mut().zip(&self.hands) {
            let wait = self.dice.between(0.0, interval);
            *at = (!hand.is_visitor).then(|| now + Duration::from_secs_f64(wait));
        }
    }

    /// Plays for a while.
    pub fn play(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.turn();
        }
    }

    /// Plays for a while, and notes when what was pressed in it is heard.
    pub fn measure(&mut self, time: Duration) {
        let (begin, before) = (Instant::now(), self.swarm.traffic());
        self.is_measuring = true;
        self.play(time);
        self.is_measuring = false;
        self.tally.seconds += begin.elapsed().as_secs_f64();
        self.tally.traffic = self.swarm.traffic().since(before);
        let until = Instant::now() + PATIENCE;
        while self.awaited > 0 && Instant::now() < until {
            self.turn();
        }
        self.tally.peer_ms.extend((0..std::mem::take(&mut self.awaited)).map(|_| f64::INFINITY));
    }

    /// Plays on while visitors come, one each `interval` or so, and go when they know the session.
    pub fn receive_visitors(&mut self, visitors: usize, interval: Duration) {
        let first = self.tally.join_ms.len();
        for _ in 0..visitors {
            let room = self.dice.below(self.rooms.len() as u64) as usize;
            self.invite(room);
            let share = self.dice.between(0.5, 1.5);
            self.play(interval.mul_f64(share));
        }
        let until = Instant::now() + PATIENCE;
        while self.tally.join_ms.len() < first + visitors && Instant::now() < until {
            self.turn();
        }
        let missing = first + visitors - self.tally.join_ms.len();
        self.tally.join_ms.extend((0..missing).map(|_| f64::INFINITY));
    }

    /// Nobody presses anything any more. Returns whether all replicas of each session become equal.
    pub fn settle(&mut self) -> bool {
        self.press_at.fill(None);
        let until = Instant::now() + AGREEMENT;
        loop {
            self.play(PACE);
            let agree = self.rooms.iter().all(|room| self.swarm.agree(&room.players));
            if agree || Instant::now() > until {
                return agree;
            }
        }
    }

    /// What was measured.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn invite(&mut self, room: usize) {
        // The porter lives as long as this; without it, nobody is admitted, which is noticed.
        self.ask.send((room, self.rooms[room].code.clone())).unwrap_or_default();
    }

    fn turn(&mut self) {
        let now = Instant::now();
        if now >= self.pace_at {
            self.pace_at = now + PACE;
            self.admit();
            self.press(now);
        }
        self.swarm.turn();
        for news in self.swarm.take_news() {
            self.hear(news);
        }
    }

    fn admit(&mut self) {
        while let Ok(Admission { session, asked, joined }) = self.admissions.try_recv() {
            let seated = joined.and_then(|joined| self.swarm.seat(&joined));
            match seated {
                Ok(bot) => {
                    let is_visitor = self.rooms[session].players.len() >= self.plan.players;
                    if !is_visitor && let Some(seat) = self.swarm.seat_of(bot) {
                        self.rooms[session].seats[usize::from(seat.0)] = Some(bot);
                        self.rooms[session].players.push(bot);
                    }
                    let (sent, unsafe_since) = (vec![None; SENT_REMEMBERED], VecDeque::new());
                    self.hands.push(Hand { room: session, asked: Some(asked), is_visitor, sent, unsafe_since });
                    self.press_at.push(None);
                }
                Err(why) => self.broken(why),
            }
        }
    }

    fn press(&mut self, now: Instant) {
        for bot in 0..self.press_at.len() {
            let Some(at) = self.press_at[bot].filter(|at| *at <= now) else { continue };
            let wait = self.dice.between(0.5, 1.5) / self.plan.rate;
            self.press_at[bot] = Some(at + Duration::from_secs_f64(wait));
            let bot = BotId(bot);
            if let Some(command) = self.swarm.state(bot).map(|state| any_press(&mut self.dice, state)) {
                self.say(bot, command);
            }
        }
    }

    fn say(&mut self, bot: BotId, command: Command) {
        let at = Instant::now();
        if let Some(id) = self.swarm.say(bot, command) {
            let counts = self.is_measuring;
            let hand = &mut self.hands[bot.0];
            hand.sent[id.0 as usize % SENT_REMEMBERED] = Some(Sent { id, at, counts });
            if counts {
                self.tally.commands += 1;
                self.awaited += self.rooms[hand.room].players.len() as u64 - 1;
            }
        }
    }

    fn sent(&self, bot: BotId, id: CommandId) -> Option<Sent> {
        self.hands[bot.0].sent[id.0 as usize % SENT_REMEMBERED].filter(|sent| sent.id == id)
    }

    fn hear(&mut self, News { bot, at, heard }: News) {
        match heard {
            Heard::Entered => self.entered(bot, at),
            Heard::Event { seq, cause, .. } => {
                let Some(cause) = cause else { return };
                let author = self.rooms[self.hands[bot.0].room].seats[usize::from(cause.seat.0)];
                let Some((author, sent)) = author.and_then(|a| Some((a, self.sent(a, cause.command)?))) else { return };
                if !sent.counts {
                    return;
                }
                if author == bot {
                    self.hands[bot.0].unsafe_since.push_back((seq, at));
                } else if !self.hands[bot.0].is_visitor {
                    self.tally.peer_ms.push(milliseconds(sent.at, at));
                    self.awaited = self.awaited.saturating_sub(1);
                }
            }
            Heard::Durable(seq) => {
                let waiting = &mut self.hands[bot.0].unsafe_since;
                while let Some((_, since)) = waiting.pop_front_if(|(event, _)| *event <= seq) {
                    self.tally.durable_ms.push(milliseconds(since, at));
                }
            }
            Heard::Refused(id) => {
                if self.sent(bot, id).is_some_and(|sent| sent.counts) {
                    self.tally.refused += 1;
                    let peers = self.rooms[self.hands[bot.0].room].players.len() as u64 - 1;
                    self.awaited = self.awaited.saturating_sub(peers);
                }
            }
            Heard::Broken(why) => self.broken(why),
        }
    }

    fn entered(&mut self, bot: BotId, at: Instant) {
        let hand = &mut self.hands[bot.0];
        let Some(asked) = hand.asked.take() else { return };
        if hand.is_visitor {
            self.tally.join_ms.push(milliseconds(asked, at));
            self.swarm.leave(bot);
        } else {
            self.entered += 1;
        }
    }

    fn broken(&mut self, why: String) {
        if self.tally.broken.len() < BROKEN_MAX {
            self.tally.broken.push(why);
        }
    }
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e3
}

/// What a player presses: mostly clips and faders, now and then an edit.
pub fn any_press(dice: &mut Dice, state: &SessionState) -> Command {
    let tracks = state.tracks();
    let track = tracks[dice.below(tracks.len() as u64) as usize].id;
    match dice.below(100) {
        0..40 => match any_clip(dice, state) {
            Some(Cell { track, scene }) => Command::Launch { track, scene },
            None => Command::StopTrack { track },
        },
        40..52 => Command::StopTrack { track },
        52..80 => Command::SetGain { track, gain: any_gain(dice) },
        80..92 => Command::SetPan { track, pan: Pan::new(dice.below(201) as i8).unwrap_or(Pan::CENTRE) },
        edit => Command::Edit(match any_clip(dice, state) {
            Some(cell) if edit < 96 => Edit::ChangeClip { cell, change: ClipChange::Gain(any_gain(dice)) },
            _ => {
                let name = Name::sanitised(&format!("Take {}", dice.below(1_000)));
                Edit::ChangeTrack { track, change: TrackChange::Name(name) }
            }
        }),
    }
}

/// A slot with a clip in it.
fn any_clip(dice: &mut Dice, state: &SessionState) -> Option<Cell> {
    (0..TRIES).find_map(|_| {
        let track = &state.tracks()[dice.below(state.tracks().len() as u64) as usize];
        let scene: SceneId = state.scenes()[dice.below(state.scenes().len() as u64) as usize].id;
        track.clip(scene).map(|_| Cell::new(track.id, scene))
    })
}

fn any_gain(dice: &mut Dice) -> Gain {
    Gain::from_db(dice.between(-30.0, 6.0)).unwrap_or(Gain::UNITY)
}
