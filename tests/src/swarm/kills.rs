//! A host that is killed at random moments while bots edit, mix, launch and rename themselves as fast as it answers: what
//! was acknowledged of the grid, the mixer, the tempo, the launches and the players must come back, each in its seat.

use super::{BotId, Heard, Porter, Swarm};
use crate::{process::HostProcess, world::Dice};
use keyboardia_session::{
    Avatar, Beats, Cell, ClipChange, Colour, Command, CommandId, Edit, Gain, Name, SceneChange, SceneId, SeatId,
    SessionState, Tempo, TrackChange, TrackId, grid::Action,
};
use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

/// Sessions that are edited at once.
const SESSIONS: usize = 4;
/// Players in each.
const PLAYERS: usize = 4;
/// Columns, and rows, that are a player's alone.
const NAMES_EACH: u8 = 2;
/// Volumes, and tempos, that are not the same: hundredths of a decibel, and thousandths of a beat per minute.
const GAINS: u64 = 5_000;
const TEMPOS: u64 = 100_000;
/// The slowest of the tempos.
const TEMPO_FIRST_MILLI_BPM: u32 = 100_000;
/// Numbers for which the same row is launched; about as many as a player has places.
const ROW_TURN: u64 = 11;
/// Edits of a player that wait for an answer at once.
const IN_FLIGHT: usize = 8;
/// Time between a start and its kill, microseconds.
const LIFE_US: (f64, f64) = (20_000.0, 400_000.0);
/// How long players may take to be back.
const RETURN_MAX: Duration = Duration::from_mins(1);

/// What became of the edits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kills {
    /// Edits that were sent.
    pub sent: u64,
    /// Those that the host said to be safe.
    pub acknowledged: u64,
    /// Those of them that were not there after a restart.
    pub lost: u64,
}

/// Something that one player alone writes, again and again: each of that player's commands has a number, in ascending
/// order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// A column's name.
    Track(TrackId),
    /// A row's name.
    Scene(SceneId),
    /// A clip's name.
    Clip(Cell),
    /// A column's volume.
    Gain(TrackId),
    /// The session's tempo.
    Tempo,
    /// The clip that a column is to play: one of these rows.
    Launch(TrackId, Vec<SceneId>),
    /// The player's own name.
    Profile(SeatId),
}

impl Place {
    /// Those of one player.
    fn of(player: usize, seat: SeatId, state: &SessionState) -> Vec<Self> {
        let first = player as u8 * NAMES_EACH;
        let rows = |id: TrackId| -> Vec<SceneId> {
            let clips = state.track(id).into_iter().flat_map(|track| track.clips.iter());
            clips.map(|(scene, _)| *scene).collect()
        };
        let mut places = vec![Self::Profile(seat), Self::Launch(TrackId(first), rows(TrackId(first)))];
        places.extend((player == 0).then_some(Self::Tempo));
        for id in first..first + NAMES_EACH {
            let track = TrackId(id);
            places.extend([Self::Track(track), Self::Scene(SceneId(id)), Self::Gain(track)]);
            places.extend(rows(track).first().map(|scene| Self::Clip(Cell::new(track, *scene))));
        }
        places
    }

    fn write(&self, number: u64) -> Command {
        let name = Name::sanitised(&number.to_string());
        match self {
            Self::Track(track) => Command::Edit(Edit::ChangeTrack { track: *track, change: TrackChange::Name(name) }),
            Self::Scene(scene) => Command::Edit(Edit::ChangeScene { scene: *scene, change: SceneChange::Name(name) }),
            Self::Clip(cell) => Command::Edit(Edit::ChangeClip { cell: *cell, change: ClipChange::Name(name) }),
            Self::Gain(track) => Command::SetGain { track: *track, gain: gain(number) },
            Self::Tempo => Command::SetTempo(tempo(number)),
            Self::Launch(track, rows) => Command::Launch { track: *track, scene: row(rows, number) },
            Self::Profile(_) => Command::SetProfile { name, colour: Colour([1, 2, 3]), avatar: Avatar::default() },
        }
    }

    /// Whether what stands there is what the command of this number wrote.
    fn has(&self, number: u64, state: &SessionState) -> bool {
        let is_it = |name: &Name| name.as_str() == number.to_string();
        match self {
            Self::Track(track) => state.track(*track).is_some_and(|track| is_it(&track.name)),
            Self::Scene(scene) => state.scene(*scene).is_some_and(|scene| is_it(&scene.name)),
            Self::Clip(cell) => state.clip(*cell).is_some_and(|clip| is_it(&clip.name)),
            Self::Gain(track) => state.track(*track).is_some_and(|track| track.gain == gain(number)),
            Self::Tempo => state.transport().last().tempo == tempo(number),
            Self::Launch(track, rows) => launched(*track, state).is_some_and(|(_, scene)| scene == row(rows, number)),
            Self::Profile(seat) => state.player(*seat).is_some_and(|player| is_it(&player.name)),
        }
    }
}

/// Volumes, tempos and rows of numbers: the same again only after many.
fn gain(number: u64) -> Gain {
    Gain::from_db(-((number % GAINS) as f64) / 100.0).unwrap_or(Gain::UNITY)
}

fn tempo(number: u64) -> Tempo {
    Tempo::from_milli_bpm(TEMPO_FIRST_MILLI_BPM + (number % TEMPOS) as u32).expect("a tempo within the bounds")
}

fn row(rows: &[SceneId], number: u64) -> SceneId {
    rows.get((number / ROW_TURN) as usize % rows.len().max(1)).copied().unwrap_or(SceneId(0))
}

/// When a column plays what it was asked for last, and what that is.
fn launched(track: TrackId, state: &SessionState) -> Option<(Beats, SceneId)> {
    let track = state.track(track)?;
    let queued = track.queue.iter().rev().find_map(|queued| match queued.action {
        Action::Launch(scene) => Some((queued.at, scene)),
        Action::Stop => None,
    });
    queued.or_else(|| track.playing.map(|playing| (playing.since, playing.scene)))
}

/// A command that was done.
#[derive(Debug, Clone, Copy)]
struct Done {
    /// Which of the player's places it wrote to.
    place: usize,
    number: u64,
    /// When what it launched begins.
    at: Option<Beats>,
}

/// A player who comes back to the same seat again and again.
struct Editor {
    session: usize,
    player: usize,
    seat: Option<SeatId>,
    places: Vec<Place>,
    token: Option<String>,
    bot: Option<BotId>,
    /// The last number that was written.
    number: u64,
    /// Commands without an answer: where they write what.
    in_flight: HashMap<CommandId, (usize, u64)>,
    /// What was done, and is not known to be safe: position in the session's history.
    done: Vec<(u64, Done)>,
    /// What is safe since the last start.
    safe: Vec<Done>,
    /// For each place, the least number that may stand there, and the least beat of its launch.
    floors: Vec<(u64, Option<Beats>)>,
}

impl Editor {
    fn new(session: usize, player: usize) -> Self {
        Self {
            session,
            player,
            seat: None,
            places: Vec::new(),
            token: None,
            bot: None,
            number: 0,
            in_flight: HashMap::new(),
            done: Vec::new(),
            safe: Vec::new(),
            floors: Vec::new(),
        }
    }

    fn hear(&mut self, heard: &Heard) {
        match heard {
            Heard::Event { seq, cause, launch } => {
                let own = cause.and_then(|cause| self.in_flight.remove(&cause.command));
                self.done.extend(own.map(|(place, number)| (*seq, Done { place, number, at: *launch })));
            }
            Heard::Durable(seq) => {
                let safe = self.done.extract_if(.., |(event, _)| *event <= *seq);
                self.safe.extend(safe.map(|(_, done)| done));
            }
            // An editor that works as fast as the host answers is asked to slow down now and then.
            Heard::Refused(id) => {
                self.in_flight.remove(id);
            }
            Heard::Entered | Heard::Broken(_) => {}
        }
    }
}

/// Kills and restarts a host that keeps its sessions in `dir` this many times.
///
/// # Panics
/// When the host does not let players back in, or holds what nobody has written.
pub fn kill_cycles(dir: &Path, cycles: u64, seed: u64) -> Kills {
    let mut dice = Dice::new(seed);
    let mut host = HostProcess::keeping(dir);
    let porter = Porter::new(&host.http);
    let codes: Vec<String> = (0..SESSIONS).map(|_| porter.open().expect("a session")).collect();
    let mut editors: Vec<Editor> =
        (0..SESSIONS).flat_map(|session| (0..PLAYERS).map(move |player| Editor::new(session, player))).collect();
    let mut kills = Kills::default();
    for cycle in 0..=cycles {
        let mut swarm = Swarm::new();
        // The restarted host knows nothing of the connections to the killed one.
        enter(&mut swarm, &Porter::new(&host.http), &codes, &mut editors);
        compare(&swarm, &mut editors, &mut kills);
        if cycle == cycles {
            break;
        }
        let life = Duration::from_micros(dice.between(LIFE_US.0, LIFE_US.1) as u64);
        edit(&mut swarm, &mut editors, Instant::now() + life);
        host = host.crash(dir);
        // What it said before its death has arrived.
        swarm.drain();
        listen(&mut swarm, &mut editors);
    }
    kills.sent = editors.iter().map(|editor| editor.number).sum();
    kills
}

/// Everybody comes to their seat and gets to know the session.
fn enter(swarm: &mut Swarm, porter: &Porter, codes: &[String], editors: &mut [Editor]) {
    for editor in editors.iter_mut() {
        let joined = porter.join(&codes[editor.session], editor.token.as_deref()).expect("the seat is kept");
        editor.bot = Some(swarm.seat(&joined).expect("a connection"));
        let seat = SeatId(joined.seat);
        assert_eq!(*editor.seat.get_or_insert(seat), seat, "the same token has the same seat");
        editor.token = Some(joined.token);
        editor.in_flight.clear();
        editor.done.clear();
    }
    let until = Instant::now() + RETURN_MAX;
    while editors.iter().any(|editor| editor.bot.and_then(|bot| swarm.state(bot)).is_none()) {
        swarm.turn();
        assert!(Instant::now() < until, "players are back within {RETURN_MAX:?}");
    }
    swarm.take_news();
}

/// Looks at what has come back: in each place, what was acknowledged or something that was written later.
fn compare(swarm: &Swarm, editors: &mut [Editor], kills: &mut Kills) {
    for editor in editors.iter_mut() {
        let state = editor.bot.and_then(|bot| swarm.state(bot)).expect("everybody is in");
        if editor.places.is_empty() {
            editor.places = Place::of(editor.player, editor.seat.expect("a seat"), state);
            editor.floors = vec![(0, None); editor.places.len()];
        }
        kills.acknowledged += editor.safe.len() as u64;
        for done in editor.safe.drain(..) {
            let (number, at) = &mut editor.floors[done.place];
            (*number, *at) = ((*number).max(done.number), (*at).max(done.at));
        }
        let each = editor.places.len();
        for (index, (place, (floor, at))) in editor.places.iter().zip(&mut editor.floors).enumerate() {
            // What the place was written by: every so many numbers, up to the last.
            let mut later = (*floor..=editor.number).filter(|number| *number as usize % each == index && *number > 0);
            let stands = later.find(|number| place.has(*number, state));
            let launch = match place {
                Place::Launch(track, _) => launched(*track, state).map(|(at, _)| at),
                _ => None,
            };
            let is_lost = *floor > 0 && (stands.is_none() || launch < *at);
            if is_lost {
                println!("number {floor} of {place:?} is lost, session {} has {stands:?}", editor.session);
            }
            kills.lost += u64::from(is_lost);
            (*floor, *at) = (stands.unwrap_or(*floor), launch);
        }
    }
}

/// Everybody writes as fast as the host answers.
fn edit(swarm: &mut Swarm, editors: &mut [Editor], until: Instant) {
    while Instant::now() < until {
        for editor in editors.iter_mut() {
            while let Some(bot) = editor.bot.filter(|_| editor.in_flight.len() < IN_FLIGHT) {
                editor.number += 1;
                let place = editor.number as usize % editor.places.len();
                let command = editor.places[place].write(editor.number);
                let id = swarm.say(bot, command).expect("the bot is here");
                editor.in_flight.insert(id, (place, editor.number));
            }
        }
        swarm.turn();
        listen(swarm, editors);
    }
}

fn listen(swarm: &mut Swarm, editors: &mut [Editor]) {
    for news in swarm.take_news() {
        let Some(editor) = editors.iter_mut().find(|editor| editor.bot == Some(news.bot)) else { continue };
        let is_own = |heard: &Heard| match heard {
            Heard::Event { cause, .. } => cause.map(|cause| cause.seat) == swarm.seat_of(news.bot),
            _ => true,
        };
        if is_own(&news.heard) {
            editor.hear(&news.heard);
        }
    }
}
