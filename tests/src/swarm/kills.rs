//! A host that is killed at random moments while bots edit as fast as it answers: what was acknowledged must come back.

use super::{BotId, Heard, Porter, Swarm};
use crate::{process::HostProcess, world::Dice};
use keyboardia_session::{Command, CommandId, Edit, Name, SceneId, SessionState, TrackChange, TrackId};
use std::{
    collections::HashMap,
    path::Path,
    time::{Duration, Instant},
};

/// Sessions that are edited at once.
const SESSIONS: usize = 4;
/// Players in each.
const PLAYERS: usize = 4;
/// Columns, and rows, whose names a player writes.
const NAMES_EACH: u8 = 2;
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

/// Something with a name that one player alone writes: numbers, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Place {
    Track(TrackId),
    Scene(SceneId),
}

impl Place {
    /// Those of one player.
    fn of(player: usize) -> impl Iterator<Item = Self> {
        let first = player as u8 * NAMES_EACH;
        (first..first + NAMES_EACH).flat_map(|id| [Self::Track(TrackId(id)), Self::Scene(SceneId(id))])
    }

    fn write(self, number: u64) -> Command {
        let name = Name::sanitised(&number.to_string());
        Command::Edit(match self {
            Self::Track(track) => Edit::ChangeTrack { track, change: TrackChange::Name(name) },
            Self::Scene(scene) => Edit::RenameScene { scene, name },
        })
    }

    /// The number that stands there; 0 before the first.
    fn read(self, state: &SessionState) -> u64 {
        let name = match self {
            Self::Track(track) => state.track(track).map(|track| &track.name),
            Self::Scene(scene) => state.scene(scene).map(|scene| &scene.name),
        };
        name.and_then(|name| name.as_str().parse().ok()).unwrap_or(0)
    }
}

/// A player who comes back to the same seat again and again.
struct Editor {
    session: usize,
    places: Vec<Place>,
    token: Option<String>,
    bot: Option<BotId>,
    /// The last number that was written.
    number: u64,
    /// Commands without an answer: where they write what.
    in_flight: HashMap<CommandId, (Place, u64)>,
    /// What was done, and is not known to be safe: position in the session's history, place, number.
    done: Vec<(u64, Place, u64)>,
    /// Numbers that are safe since the last start.
    safe: Vec<(Place, u64)>,
    /// What stood in each place after it.
    stood: HashMap<Place, u64>,
}

impl Editor {
    fn new(session: usize, player: usize) -> Self {
        Self {
            session,
            places: Place::of(player).collect(),
            token: None,
            bot: None,
            number: 0,
            in_flight: HashMap::new(),
            done: Vec::new(),
            safe: Vec::new(),
            stood: HashMap::new(),
        }
    }

    fn hear(&mut self, heard: &Heard) {
        match heard {
            Heard::Event { seq, cause } => {
                let own = cause.and_then(|cause| self.in_flight.remove(&cause.command));
                self.done.extend(own.map(|(place, number)| (*seq, place, number)));
            }
            Heard::Durable(seq) => {
                let safe = self.done.extract_if(.., |(event, ..)| *event <= *seq);
                self.safe.extend(safe.map(|(_, place, number)| (place, number)));
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

/// Looks at what has come back.
fn compare(swarm: &Swarm, editors: &mut [Editor], kills: &mut Kills) {
    for editor in editors.iter_mut() {
        let state = editor.bot.and_then(|bot| swarm.state(bot)).expect("everybody is in");
        kills.acknowledged += editor.safe.len() as u64;
        kills.lost += editor.safe.drain(..).filter(|(place, number)| place.read(state) < *number).count() as u64;
        for place in &editor.places {
            let stands = place.read(state);
            assert!(stands <= editor.number, "{stands} was never written");
            let stood = editor.stood.insert(*place, stands).unwrap_or(0);
            kills.lost += u64::from(stands < stood);
        }
    }
}

/// Everybody writes as fast as the host answers.
fn edit(swarm: &mut Swarm, editors: &mut [Editor], until: Instant) {
    while Instant::now() < until {
        for editor in editors.iter_mut() {
            while let Some(bot) = editor.bot.filter(|_| editor.in_flight.len() < IN_FLIGHT) {
                editor.number += 1;
                let place = editor.places[editor.number as usize % editor.places.len()];
                let id = swarm.say(bot, place.write(editor.number)).expect("the bot is here");
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
