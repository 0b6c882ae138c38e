//! Several players in one room: each a process of its own, all playing into one sound system, in one recording.
//!
//! All play the same clip, but each has a sound library in which it clicks at another pitch ([`crate::clicks`]). So
//! nothing in the session, the score or the engine differs between them, and one recording tells who was when. The host
//! is the one that the desktop game embeds; players reach it directly or through a [`crate::relay`], which may leave the
//! last of them without any way to the host for a while.

use crate::{
    browser::Browser,
    clicks::{HeardBeat, PITCHES_HZ, beats, find, first_tempo_bpm, phases_ms, write_library},
    measure::percentile,
    process::{PATIENCE, Running, program, wait_at_most, wait_for},
    relay::{Relay, Weather},
    stage::Room,
    undrawn::Undrawn,
};
use keyboardia_player::{Connection, port::FromWindow, view::Wish};
use keyboardia_server::{Host, HostConfig, PageDir};
use keyboardia_session::{Command, SceneId, Tempo, TrackId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    process::{self, ChildStdin, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Time after the launch that is left out: a bar at 112 BPM, by which the clip has started.
const LAUNCHING: Duration = Duration::from_millis(2_500);
/// A player has settled whose device has kept its latency for so long, and whose sound was in time by its own account. A
/// device that stumbles as it begins is opened anew with larger blocks, which is not what is listened to.
const SETTLED_FOR: Duration = Duration::from_secs(3);
/// How far the latency of such a device goes up and down, and its sound is out of time, microseconds.
const SETTLED_LATENCY_US: u32 = 20_000;
const SETTLED_PHASE_US: i64 = 5_000;
/// After so long the recording begins whether all have settled or not: it will tell.
const SETTLING_MAX: Duration = Duration::from_secs(30);

/// How often players may play before they are in time.
const TRIES: usize = 3;
/// Beats that are heard at least: 15 s at 97.3 BPM and more, and of each eight beats one is silent.
const BEATS_MIN: usize = 20;
/// Half of the clicks of two players are no further apart than this, milliseconds.
const APART_MS_MAX: f64 = 10.0;
/// Share of the beats that every player plays exactly once, although a busy machine may cut a click now and then. A
/// player who is a whole beat off leaves three quarters whole.
const WHOLE_SHARE_MIN: f64 = 0.8;

/// A network as the room test's targets name it: 40 ms each way, some packets 10 ms later, one in a hundred lost.
pub const INTERNET: Weather =
    Weather { delay: Duration::from_millis(40), jitter_p99: Duration::from_millis(10), loss: 0.01, doubles: 0.0 };

/// Names of the pages.
const PAGES: [&str; 5] = ["page-0", "page-1", "page-2", "page-3", "page-4"];

/// What becomes of the pages of a room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    #[default]
    Shown,
    /// They do nothing for 300 ms again and again.
    Stalls,
    /// Another tab is in front of the one page.
    Hidden,
    /// They are loaded anew while they play.
    Reloaded,
}

/// What is played.
#[derive(Debug, Clone, Copy, Default)]
pub struct Programme {
    /// Number of players, at most one for each of [`PITCHES_HZ`].
    pub players: usize,
    /// How many of them are pages of a browser, with their drawing switched off; the last ones.
    pub pages: usize,
    /// What becomes of these pages, but for their sound.
    pub fate: Fate,
    /// What the network does to packets, each way; a direct connection otherwise.
    pub weather: Option<Weather>,
    /// How long each tempo is played.
    pub part: Duration,
    /// For how long the last player does not reach the host, after the first part; then everything goes on for another.
    pub outage: Option<Duration>,
    /// Tempos after the session's own, BPM.
    pub tempos: &'static [f64],
    /// Seed of the network.
    pub seed: u64,
}

/// What a player says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Told {
    /// Whether it is in the session, knows the time, has its sounds and plays.
    pub ready: bool,
    /// Whether it is connected.
    pub connected: bool,
    /// Its seat, once it has one.
    pub seat: Option<u8>,
    /// Time from rendering to the speaker by the device's word, microseconds; `None` without a device.
    pub latency_us: Option<u32>,
    /// How far its sound is behind (positive) or ahead of the session by its own account, microseconds.
    pub phase_error_us: i64,
    /// Session time less the machine's, microseconds, as it has them; at most a fraction of a millisecond too low.
    pub clock_us: Option<i64>,
    /// Its round trip to the host, microseconds.
    pub round_trip_us: Option<u64>,
    /// How far its clock may be off, microseconds.
    pub uncertainty_us: Option<u64>,
}

/// What was played, and what was said meanwhile.
pub struct Played {
    /// The beats that were heard, in order.
    pub beats: Vec<HeardBeat>,
    /// When the last player lost the host and when it could be reached again, seconds from the recording's beginning.
    pub outage: Option<(f64, f64)>,
    /// What each player said of itself, with the time since the recording began, seconds.
    pub told: Vec<Vec<(f64, Told)>>,
    /// Packets that the relay took and lost.
    pub packets: Option<(u64, u64)>,
}

impl Played {
    /// Beats that not every player played exactly once.
    pub fn broken(&self) -> usize {
        self.beats.iter().filter(|beat| beat.whole().is_none()).count()
    }

    /// What is out of time about it, as a sentence.
    ///
    /// # Errors
    /// If anything is.
    pub fn in_time(&self) -> Result<(), String> {
        let (beats, broken) = (self.beats.len(), self.broken());
        let mut phases_ms = phases_ms(&self.beats);
        let apart_ms = percentile(&mut phases_ms, 0.5);
        println!("{apart_ms:.2} ms apart, 95 %: {:.2} ms", percentile(&mut phases_ms, 0.95));
        if beats < BEATS_MIN {
            Err(format!("{beats} beats were heard"))
        } else if broken as f64 > (1.0 - WHOLE_SHARE_MIN) * beats as f64 {
            Err(format!("{broken} of {beats} beats are not of all"))
        } else if apart_ms > APART_MS_MAX {
            Err(format!("half of the beats are {apart_ms} ms apart or more: {phases_ms:.1?}"))
        } else {
            Ok(())
        }
    }
}

/// Lets something be played that must be in time. A machine that is busy with something else puts any sound out of time
/// now and then; what keeps players apart for a reason of ours does so each time.
///
/// # Panics
/// When it is out of time each time.
pub fn play_in_time(mut once: impl FnMut() -> Result<(), String>) {
    let faults: Vec<String> = (0..TRIES).map_while(|_| once().err()).collect();
    assert!(faults.len() < TRIES, "out of time each time: {faults:#?}");
    println!("out of time before that: {faults:#?}");
}

/// A player, wherever it plays.
enum Musician<'a> {
    Native(Bot),
    Page { page: Undrawn<'a>, _sounds: TempDir },
}

impl Musician<'_> {
    fn is_ready(&mut self) -> bool {
        match self {
            Self::Native(bot) => bot.is_ready(),
            Self::Page { page, .. } => page.view().is_some_and(|view| {
                let knows_time = view.session.as_ref().is_some_and(|session| session.now.is_some());
                // All sounds but one are missing on purpose.
                let has_sounds = view.loading.is_empty();
                view.connection == Connection::Connected && knows_time && has_sounds
            }),
        }
    }

    fn is_connected_since(&mut self, moment: Instant) -> bool {
        match self {
            Self::Native(bot) => bot.is_connected_since(moment),
            Self::Page { page, .. } => page.view().is_some_and(|view| view.connection == Connection::Connected),
        }
    }

    /// Whether what is heard of it is what will be heard of it.
    fn has_settled(&self) -> bool {
        match self {
            Self::Native(bot) => bot.has_settled(),
            Self::Page { .. } => true,
        }
    }

    fn press(&mut self, track: TrackId, scene: SceneId) {
        match self {
            Self::Native(bot) => bot.say(&format!("press {} {}", track.0, scene.0)),
            Self::Page { page, .. } => page.say(&FromWindow::Wish(Wish::Press(track, scene))),
        }
    }

    fn set_tempo(&mut self, bpm: f64) {
        match self {
            Self::Native(bot) => bot.say(&format!("tempo {bpm}")),
            Self::Page { page, .. } => {
                let tempo = Tempo::from_bpm(bpm).expect("a tempo");
                page.say(&FromWindow::Wish(Wish::Command(Command::SetTempo(tempo))));
            }
        }
    }

    fn leave(self, since: Instant) -> Vec<(f64, Told)> {
        match self {
            Self::Native(bot) => bot.leave(since),
            Self::Page { .. } => Vec::new(),
        }
    }
}

/// A player's process.
struct Bot {
    process: Running,
    input: ChildStdin,
    told: Arc<Mutex<Vec<(Instant, Told)>>>,
    _sounds: TempDir,
}

impl Bot {
    fn start(room: &Room, host: SocketAddr, code: &str, pitch_hz: f64) -> Self {
        let sounds = tempfile::tempdir().expect("a directory");
        write_library(sounds.path(), pitch_hz);
        let mut command = process::Command::new(program("keyboardia-bot"));
        command.arg(host.to_string()).arg(code).arg(sounds.path());
        let mut process = Running::start(room.invite(&mut command).stdin(Stdio::piped()).stdout(Stdio::piped()));
        let (input, output) = (process.stdin().expect("a piped input"), process.stdout().expect("a piped output"));
        let told = Arc::new(Mutex::new(Vec::new()));
        let kept = told.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let told: Told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
                kept.lock().expect("what was told").push((Instant::now(), told));
            }
        });
        Self { process, input, told, _sounds: sounds }
    }

    fn is_ready(&self) -> bool {
        self.told.lock().expect("what was told").last().is_some_and(|(_, told)| told.ready)
    }

    fn has_settled(&self) -> bool {
        let Some(since) = Instant::now().checked_sub(SETTLED_FOR) else { return false };
        let all = self.told.lock().expect("what was told");
        let is_there = all.first().is_some_and(|(at, _)| *at < since);
        let lately = || all.iter().rev().take_while(|(at, _)| *at >= since).map(|(_, told)| told);
        let has_sound = lately().all(|told| told.latency_us.is_some());
        let latencies = || lately().filter_map(|told| told.latency_us);
        let span_us = latencies().max().unwrap_or(0) - latencies().min().unwrap_or(0);
        let in_time = lately().all(|told| told.phase_error_us.abs() <= SETTLED_PHASE_US);
        is_there && lately().next().is_some() && has_sound && span_us <= SETTLED_LATENCY_US && in_time
    }

    /// Whether it has said since a moment that it is connected.
    fn is_connected_since(&self, moment: Instant) -> bool {
        let told = self.told.lock().expect("what was told");
        told.last().is_some_and(|(at, told)| *at > moment && told.connected)
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap_or_else(|error| panic!("a player that is told “{line}”: {error}"));
    }

    /// Lets it leave; gives what it said since a moment.
    fn leave(self, since: Instant) -> Vec<(f64, Told)> {
        drop(self.input);
        let (status, _, _) = self.process.finish(PATIENCE);
        assert!(status.success(), "a player ended with {status}");
        let mut told = self.told.lock().expect("what was told");
        let at = |at: Instant| at.checked_duration_since(since).map(|since| since.as_secs_f64());
        told.drain(..).filter_map(|(told_at, told)| Some((at(told_at)?, told))).collect()
    }
}

/// Lets it be played on a host of its own, and listens.
pub fn play(programme: &Programme) -> Played {
    let weather = programme.weather.or(programme.outage.map(|_| Weather::CALM));
    let relay = weather.map(|weather| Relay::open(weather, weather, programme.seed));
    let page = if programme.pages > 0 { PageDir::find(None).expect("a page, or none") } else { None };
    assert!(programme.pages == 0 || page.is_some(), "there is no page: `./play web` builds it");
    let config = HostConfig { page, ..HostConfig::loopback() };
    let host = match &relay {
        None => Host::start(config),
        Some(Relay { game, time, .. }) => {
            let outside = keyboardia_server::Relay { game: *game, time: *time };
            Host::start_behind(outside, config)
        }
    };
    let host = host.expect("a host");
    if let Some(relay) = &relay {
        relay.lead_to(host.udp_addr(), host.time_addr());
    }
    let code = host.create_session().expect("a session").to_string();
    perform(programme, Doors::of(host.http_addr()), &code, relay)
}

/// Where a session is open: for players without a page, and for pages.
#[derive(Debug, Clone, Copy)]
pub struct Doors {
    /// Where native players join it.
    pub natives: SocketAddr,
    /// Where pages do.
    pub pages: SocketAddr,
}

impl Doors {
    /// One for all.
    pub fn of(http: SocketAddr) -> Self {
        Self { natives: http, pages: http }
    }
}

/// Lets it be played in a session that is open there, with no network between, and listens.
///
/// # Panics
/// Where there should be one.
pub fn play_at(programme: &Programme, doors: Doors, code: &str) -> Played {
    assert!(programme.weather.is_none() && programme.outage.is_none(), "there is no relay");
    perform(programme, doors, code, None)
}

fn perform(programme: &Programme, doors: Doors, code: &str, mut relay: Option<Relay>) -> Played {
    let room = Room::open();
    let is_cut = programme.outage.is_some();
    let pitches = &PITCHES_HZ[..programme.players];
    let is_hidden = programme.fate == Fate::Hidden;
    assert!(!is_hidden || programme.pages == 1, "only one page can be hidden");
    // A page in a room makes sound unasked.
    let unasked = ["--autoplay-policy=no-user-gesture-required"];
    let start = if is_hidden { Browser::start_plain } else { Browser::start };
    let browser = (programme.pages > 0).then(|| start(&room, &unasked));
    let natives = programme.players - programme.pages;
    let mut players: Vec<Musician> = Vec::new();
    for (pitch, name) in pitches.iter().zip(PAGES) {
        let is_page = players.len() >= natives;
        let door = if is_page { doors.pages } else { doors.natives };
        let cut = relay.as_mut().filter(|_| is_cut).map(|relay| relay.open_web(door).address);
        let door = cut.unwrap_or(door);
        let mut player = match &browser {
            Some(browser) if is_page => {
                let sounds = tempfile::tempdir().expect("a directory");
                write_library(sounds.path(), *pitch);
                let page = Undrawn::join(browser, name, &door.to_string(), code, Some(sounds.path()));
                Musician::Page { page, _sounds: sounds }
            }
            _ => Musician::Native(Bot::start(&room, door, code, *pitch)),
        };
        // One after the other, so that the relay counts them as we do.
        wait_for("a player that is ready", || player.is_ready().then_some(()));
        players.push(player);
    }
    let _front = browser.as_ref().filter(|_| is_hidden).map(|browser| {
        let front = browser.open("front", &format!("http://{}/healthz", doors.pages), json!({}));
        front.show();
        front
    });
    for player in &players {
        match player {
            Musician::Page { page, .. } if programme.fate == Fate::Stalls => page.stall(),
            Musician::Page { page, .. } if is_hidden => {
                wait_for("a page that nobody sees", || page.is_hidden().then_some(()));
            }
            _ => {}
        }
    }
    players[0].press(TrackId(0), SceneId(0));
    std::thread::sleep(LAUNCHING);
    if programme.fate == Fate::Reloaded {
        for player in &mut players {
            if let Musician::Page { page, .. } = player {
                page.reload();
                wait_for("a page that is back", || player.is_ready().then_some(()));
            }
        }
    }
    let settled = wait_at_most(SETTLING_MAX, || players.iter().all(Musician::has_settled).then_some(()));
    println!("{}", if settled.is_some() { "all have settled" } else { "not everybody has settled" });
    let recording = room.record();
    let begin = Instant::now();
    std::thread::sleep(programme.part);
    let outage = programme.outage.zip(relay.as_ref()).map(|(lasting, relay)| {
        let last = players.len() - 1;
        let lost = begin.elapsed();
        relay.cut([last]);
        std::thread::sleep(lasting);
        relay.mend();
        let mended = Instant::now();
        wait_for("a player that is back", || players[last].is_connected_since(mended).then_some(()));
        std::thread::sleep(programme.part);
        (lost.as_secs_f64(), (mended - begin).as_secs_f64())
    });
    for (player, tempo) in (0..programme.players).cycle().zip(programme.tempos) {
        players[player].set_tempo(*tempo);
        std::thread::sleep(programme.part);
    }
    let sound = recording.stop();
    let told = players.into_iter().map(|player| player.leave(begin)).collect();
    let tempos: Vec<f64> = std::iter::once(first_tempo_bpm()).chain(programme.tempos.iter().copied()).collect();
    let clicks: Vec<Vec<f64>> = pitches.iter().map(|pitch| find(&sound, *pitch, &tempos)).collect();
    let mut beats = beats(&clicks);
    // The recording may begin or end within a beat.
    if beats.len() > 2 {
        beats.pop();
        beats.remove(0);
    }
    Played { beats, outage, told, packets: relay.map(|relay| relay.counts()) }
}
