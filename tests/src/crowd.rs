//! A full session of visitors on one place's WebSockets: who says what, what came of it, and when the others heard.
//!
//! ```text
//! Crowd::rush (as fast as answers come) ─┐
//! Crowd::stroll (at people's pace) ──────┴→ Visitor ─→ Worker ─→ object ─→ all Visitors ─→ Tally
//! ```
//!
//! One thread. Nobody asks for more than a player may, so nothing is left unanswered. A message counts once everything
//! that answers it is here: a command when the last of the players has heard its event, a cursor and a report when their
//! sender has, among all the others, and a time probe when the reply is back.

use crate::{swarm::any_press, world::Dice};
use keyboardia_session::{
    Cell, Command, CommandClass, CommandId, Profile, SceneId, SeatId, TrackId,
    limits::{
        CONTROLS_PER_S, CURSOR_INTERVAL_US, EDITS_PER_S, LAUNCHES_PER_S, REPORTS_PER_S, SCENES_MAX, SEATS_MAX,
        TALK_PER_S, TRACKS_MAX,
    },
    wire::{self, ClientMessage, HostMessage, Report},
};
use keyboardia_visitor::{Failure, Visitor, Way};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Messages of each player that wait for their answers during a rush.
const IN_FLIGHT: usize = 4;
/// Share of what a player may ask for on and on that is asked for.
const OF_ALLOWANCE: f64 = 0.9;
/// Time between two looks at the sockets while nothing comes.
const LOOK: Duration = Duration::from_micros(100);
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// What a rush is made of: of so many messages, so many of each kind.
const RUSH: [(Kind, u64); 4] = [(Kind::Command, 60), (Kind::Cursor, 20), (Kind::Probe, 18), (Kind::Report, 2)];
/// What a stroll is made of: messages of a player, per second.
const STROLL: [(Kind, f64); 4] = [(Kind::Command, 2.0), (Kind::Cursor, 4.0), (Kind::Probe, 1.0), (Kind::Report, 0.1)];

/// What players say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Command,
    Cursor,
    Probe,
    Report,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Messages that were answered, refused commands aside.
    pub answered: u64,
    /// Those of them that are commands.
    pub commands: u64,
    /// Commands that had no effect.
    pub refused: u64,
    /// From a command's departure to its event's arrival, at each player, milliseconds.
    pub heard_ms: Vec<f64>,
}

/// A command on its way.
struct Sent {
    at: Instant,
    /// Players who have not heard of it.
    unheard: usize,
}

struct Member {
    visitor: Visitor,
    /// Messages that wait for their answers.
    waiting: usize,
    /// When something of this kind may be said again, and a command of this class.
    ready_at: HashMap<(Kind, Option<CommandClass>), Instant>,
    /// When something of each kind in [`STROLL`] is said next.
    stroll_at: [Instant; STROLL.len()],
}

/// See the module.
pub struct Crowd {
    members: Vec<Member>,
    sent: HashMap<(SeatId, CommandId), Sent>,
    dice: Dice,
    tally: Tally,
}

impl Crowd {
    /// As many as have seats come into the session, and the music begins.
    ///
    /// # Errors
    /// When somebody does not come in.
    pub fn enter(at: &str, code: &str, seed: u64) -> Result<Self, Failure> {
        let (mut members, now) = (Vec::new(), Instant::now());
        for _ in 0..SEATS_MAX {
            let visitor = Visitor::enter(Way::WebSocket, at, code, &Profile::default(), None)?;
            let stroll_at = [now; STROLL.len()];
            members.push(Member { visitor, waiting: 0, ready_at: HashMap::new(), stroll_at });
        }
        members[0].visitor.command(Command::SetPlaying(true));
        let mut crowd = Self { members, sent: HashMap::new(), dice: Dice::new(seed), tally: Tally::default() };
        let is_playing = |member: &Member| member.visitor.state().transport().last().playing;
        let has_begun = crowd.wait(|members| members.iter().all(is_playing));
        has_begun.then_some(crowd).ok_or_else(|| Failure::Broken("The music does not begin.".into()))
    }

    /// What came of everything since this was last asked.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Everybody says something as soon as there is an answer to what they have said.
    pub fn rush(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            for member in 0..self.members.len() {
                while self.members[member].waiting < IN_FLIGHT {
                    let kind = drawn(&mut self.dice);
                    self.say(member, kind);
                }
            }
            self.hear_or_wait();
        }
    }

    /// Everybody says what people do, as often as they do.
    pub fn stroll(&mut self, time: Duration) {
        let now = Instant::now();
        for member in &mut self.members {
            for (at, (_, rate)) in member.stroll_at.iter_mut().zip(STROLL) {
                *at = now + Duration::from_secs_f64(self.dice.between(0.0, 1.0 / rate));
            }
        }
        while now.elapsed() < time {
            for member in 0..self.members.len() {
                for (index, (kind, rate)) in STROLL.into_iter().enumerate() {
                    let at = &mut self.members[member].stroll_at[index];
                    if *at <= Instant::now() {
                        *at += Duration::from_secs_f64(self.dice.between(0.5, 1.5) / rate);
                        self.say(member, kind);
                    }
                }
            }
            self.hear_or_wait();
        }
    }

    /// Waits for the last answers. Returns whether all are here, and all replicas are equal.
    pub fn settle(&mut self) -> bool {
        self.wait(|members| {
            let hashes: Vec<_> = members.iter().map(|member| member.visitor.state().hash()).collect();
            members.iter().all(|member| member.waiting == 0) && hashes.windows(2).all(|pair| pair[0] == pair[1])
        })
    }

    /// Waits until this holds; whether it does.
    fn wait(&mut self, holds: impl Fn(&[Member]) -> bool) -> bool {
        let end = Instant::now() + PATIENCE;
        loop {
            self.hear_or_wait();
            let is_so = holds(&self.members);
            if is_so || Instant::now() > end {
                return is_so;
            }
        }
    }

    /// Says something of this kind, if the player may by now.
    fn say(&mut self, member: usize, kind: Kind) {
        let Self { members, sent, dice, .. } = self;
        let Member { visitor, waiting, ready_at, .. } = &mut members[member];
        let command = (kind == Kind::Command).then(|| any_press(dice, visitor.state()));
        let (class, now) = (command.as_ref().map(Command::class), Instant::now());
        let ready_at = ready_at.entry((kind, class)).or_insert(now);
        if *ready_at > now {
            return;
        }
        *ready_at = now + interval(kind, class);
        match (kind, command) {
            (Kind::Command, Some(command)) => {
                let id = visitor.command(command);
                sent.insert((visitor.id(), id), Sent { at: now, unheard: SEATS_MAX });
            }
            (Kind::Command, None) => return,
            (Kind::Cursor, _) => {
                let (track, scene) = (dice.below(TRACKS_MAX as u64), dice.below(SCENES_MAX as u64));
                let cell = Cell::new(TrackId(track as u8), SceneId(scene as u8));
                visitor.send(wire::encode(&ClientMessage::Cursor(Some(cell).into())));
            }
            (Kind::Probe, _) => visitor.ask_time(),
            (Kind::Report, _) => {
                let report = Report { round_trip_us: dice.below(1_000) as u32, ..Report::default() };
                visitor.send(wire::encode(&ClientMessage::Report(report)));
            }
        }
        *waiting += 1;
    }

    fn hear_or_wait(&mut self) {
        if !self.hear() {
            std::thread::sleep(LOOK);
        }
    }

    /// Takes in what has come; whether there was anything.
    fn hear(&mut self) -> bool {
        let mut has_come = false;
        for listener in 0..self.members.len() {
            let Member { visitor, waiting, .. } = &mut self.members[listener];
            visitor.tick();
            let (heard, times) = (std::mem::take(&mut visitor.heard), std::mem::take(&mut visitor.times));
            has_come |= !heard.is_empty() || !times.is_empty();
            let me = visitor.id();
            let is_own = |message: &&HostMessage| match message {
                HostMessage::Cursor { seat, .. } | HostMessage::Report { seat, .. } => *seat == me,
                _ => false,
            };
            let answers = times.len() + heard.iter().filter(is_own).count();
            *waiting -= answers;
            self.tally.answered += answers as u64;
            let now = Instant::now();
            for message in heard {
                match message {
                    HostMessage::Event(event) => {
                        if let Some(cause) = event.cause {
                            self.hear_command(cause.seat, cause.command, now);
                        }
                    }
                    HostMessage::Refused { id, .. } if self.sent.remove(&(me, id)).is_some() => {
                        self.members[listener].waiting -= 1;
                        self.tally.refused += 1;
                    }
                    _ => {}
                }
            }
        }
        has_come
    }

    /// A player has heard of a command.
    fn hear_command(&mut self, seat: SeatId, id: CommandId, now: Instant) {
        let Some(sent) = self.sent.get_mut(&(seat, id)) else { return };
        sent.unheard -= 1;
        self.tally.heard_ms.push(now.saturating_duration_since(sent.at).as_secs_f64() * 1e3);
        if sent.unheard == 0 {
            self.sent.remove(&(seat, id));
            self.tally.answered += 1;
            self.tally.commands += 1;
            for author in self.members.iter_mut().filter(|member| member.visitor.id() == seat) {
                author.waiting -= 1;
            }
        }
    }
}

/// One of the messages of a rush.
fn drawn(dice: &mut Dice) -> Kind {
    let lot = dice.below(RUSH.iter().map(|(_, count)| count).sum());
    let mut lots = RUSH.iter().flat_map(|(kind, count)| (0..*count).map(|_| *kind));
    lots.nth(lot as usize).unwrap_or(Kind::Probe)
}

/// Shortest time between two messages of a kind that are all heard.
fn interval(kind: Kind, class: Option<CommandClass>) -> Duration {
    let per_s = match (kind, class) {
        (Kind::Probe, _) => return Duration::ZERO,
        (Kind::Cursor, _) => return Duration::from_micros(CURSOR_INTERVAL_US as u64),
        (Kind::Report, _) => REPORTS_PER_S,
        (Kind::Command, Some(CommandClass::Launch)) => LAUNCHES_PER_S,
        (Kind::Command, Some(CommandClass::Edit)) => EDITS_PER_S,
        (Kind::Command, Some(CommandClass::Talk)) => TALK_PER_S,
        (Kind::Command, Some(CommandClass::Control) | None) => CONTROLS_PER_S,
    };
    Duration::from_secs_f64(1.0 / (OF_ALLOWANCE * f64::from(per_s)))
}
