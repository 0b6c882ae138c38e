//! What a headless host carries: sessions on one core, milliseconds from a press to the others, bytes, and what is left
//! after it was killed.
//!
//! `cargo bench -p keyboardia-tests --bench host -- --json FILE` (eight minutes); `--quick` looks for a minute;
//! `--sessions N` tries at most so many sessions, `--cycles N` kills so often, `--seed N` presses other things.
//!
//! The real `keyboardia-server` runs on one core, the bots on the others. It keeps its sessions on disk, and writing them
//! down is part of every load. Every session has four players who press two things a second each while the transport
//! plays, probe the time and tell how they are doing. If the bots' share of their core is near 1, what they measure is
//! their own slowness, and the host carries more than is said.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::limits::SESSIONS_MAX;
use keyboardia_tests::{
    measure::percentile,
    process::HostProcess,
    report::Report,
    swarm::{
        Cores, Jam, JamPlan, Porter, Tally, all_core_seconds, allow_sockets, core_seconds, kill_cycles, private_bytes,
    },
};
use std::time::{Duration, Instant};

/// Players of a session.
const PLAYERS: usize = 4;
/// Commands of a player, per second.
const RATE: f64 = 2.0;
/// Milliseconds within which 99 of 100 presses are to be heard by the others.
const PEER_MS_MAX: f64 = 10.0;
/// Sessions with which the search begins.
const FIRST: usize = 50;
/// Players that a host takes without being told.
const SEATS_DEFAULT: usize = 256;
/// How long the players of a load may take to come.
const ASSEMBLY_MAX: Duration = Duration::from_secs(30);
/// Longest search for the number of sessions.
const SEARCH_MAX: Duration = Duration::from_mins(4);
/// Time from the first press to the measurement.
const WARM_UP: Duration = Duration::from_secs(2);
/// Sessions of the loads that are not searched for.
const MODERATE: usize = 25;
/// Sessions that are open before the memory of more is measured.
const OPEN_BEFORE: usize = 16;
/// Time in which a host's memory comes to rest.
const REST: Duration = Duration::from_secs(1);

/// How much is measured.
struct Extent {
    /// Sessions that are tried at most.
    sessions: usize,
    /// How long each load is measured.
    window: Duration,
    /// Players who join while others play.
    visitors: usize,
    /// Sessions that are opened to see what they cost.
    idle: usize,
    /// Times that the host is killed.
    cycles: u64,
    /// Seed of everything.
    seed: u64,
}

impl Extent {
    fn of_the_command_line() -> Self {
        let is_quick = std::env::args().any(|argument| argument == "--quick");
        let usual = if is_quick {
            Self { sessions: 60, window: Duration::from_secs(3), visitors: 30, idle: 200, cycles: 3, seed: 1 }
        } else {
            let idle = SESSIONS_MAX - OPEN_BEFORE - 1;
            Self { sessions: idle, window: Duration::from_secs(12), visitors: 120, idle, cycles: 100, seed: 1 }
        };
        Self {
            sessions: number("--sessions").map_or(usual.sessions, |number| number as usize),
            cycles: number("--cycles").unwrap_or(usual.cycles),
            seed: number("--seed").unwrap_or(usual.seed),
            ..usual
        }
    }
}

/// The number that follows a name on the command line.
fn number(name: &str) -> Option<u64> {
    let text = std::env::args().skip_while(|argument| argument != name).nth(1)?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is followed by a number")))
}

/// What a load did to the host and to the bots.
struct Load {
    tally: Tally,
    /// Share of its core that the host used.
    host_share: f64,
    /// Share of a core that the bots used.
    swarm_share: f64,
    /// Cores that everything else on this machine took; more than a few hundredths spoil the milliseconds.
    others_share: f64,
}

impl Load {
    fn peer_ms(&mut self, share: f64) -> f64 {
        percentile(&mut self.tally.peer_ms, share)
    }

    fn is_carried(&mut self) -> bool {
        self.tally.broken.is_empty() && self.peer_ms(0.99) <= PEER_MS_MAX
    }

    /// For people: what went through the host.
    fn tell(&mut self, sessions: usize) {
        let (p50, p99) = (self.peer_ms(0.5), self.peer_ms(0.99));
        let Tally { traffic, seconds, commands, refused, broken, .. } = &self.tally;
        let per_s = |count: u64| count as f64 / seconds;
        println!(
            "{sessions:>6} sessions: {p50:.2} ms, p99 {p99:.2} ms; host {:.2}, swarm {:.2}, others {:.2} of a core; per \
             second {:.0} commands ({refused} refused in all), messages {:.0} in, {:.0} out, packets {:.0} in, {:.0} out",
            self.host_share,
            self.swarm_share,
            self.others_share,
            per_s(*commands),
            per_s(traffic.messages_out),
            per_s(traffic.messages_in),
            per_s(traffic.packets_out),
            per_s(traffic.packets_in),
        );
        for why in broken {
            println!("       {why}");
        }
    }
}

/// A directory in which a host keeps its sessions; gone with this.
struct Place {
    dir: tempfile::TempDir,
    path: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().display().to_string();
        Self { dir, path }
    }

    /// Arguments of a host that keeps its sessions here.
    fn keep(&self) -> [&str; 2] {
        ["--data", &self.path]
    }
}

/// Starts a host on its core that takes so many players.
fn start(cores: Option<&Cores>, seats: usize, more: &[&str]) -> HostProcess {
    let places = seats.to_string();
    let mut arguments = vec!["--keep", "3600"];
    if seats > SEATS_DEFAULT {
        arguments.extend(["--seats", &places]);
    }
    arguments.extend(more);
    let start = || HostProcess::with(&arguments);
    cores.map_or_else(start, |cores| cores.on_host(start))
}

/// Lets so many sessions play, and measures; then receives visitors.
fn load(host: &HostProcess, sessions: usize, visitors: usize, extent: &Extent) -> Result<Load, String> {
    let plan = JamPlan { sessions, players: PLAYERS, rate: RATE, seed: extent.seed };
    let mut jam = Jam::assemble(plan, &host.http, ASSEMBLY_MAX)?;
    jam.begin();
    jam.play(WARM_UP);
    let busy = || {
        [core_seconds(host.process.id()), core_seconds(std::process::id()), all_core_seconds()]
            .map(|seconds| seconds.unwrap_or(f64::NAN))
    };
    let (begin, before) = (Instant::now(), busy());
    jam.measure(extent.window);
    let (elapsed, after) = (begin.elapsed().as_secs_f64(), busy());
    let [host_share, swarm_share, all] = std::array::from_fn(|index| (after[index] - before[index]) / elapsed);
    jam.receive_visitors(visitors, Duration::from_millis(100));
    if !jam.settle() {
        return Err("The replicas of a session are not equal.".to_owned());
    }
    let tally = jam.tally().clone();
    Ok(Load { tally, host_share, swarm_share, others_share: all - host_share - swarm_share })
}

/// The largest number of sessions whose presses are heard in time, and how busy everybody was then.
fn search(cores: Option<&Cores>, extent: &Extent) -> Option<(usize, Load)> {
    let begin = Instant::now();
    let mut best = None;
    let (mut low, mut high) = (0, extent.sessions + 1);
    let mut sessions = FIRST.min(extent.sessions);
    while begin.elapsed() < SEARCH_MAX {
        let dir = Place::new();
        let host = start(cores, sessions * PLAYERS, &dir.keep());
        let carried = match load(&host, sessions, 0, extent) {
            Ok(mut load) => {
                load.tell(sessions);
                load.is_carried().then_some(load)
            }
            Err(why) => {
                println!("{sessions:>6} sessions: {why}");
                None
            }
        };
        match carried {
            Some(load) => {
                low = sessions;
                best = Some((sessions, load));
            }
            None => high = sessions,
        }
        // Within a sixteenth is near enough.
        if high - low <= (low / 16).max(1) {
            break;
        }
        let has_failed = high <= extent.sessions;
        sessions = if has_failed { usize::midpoint(low, high) } else { (low * 2).min(extent.sessions) };
    }
    best
}

/// What the host's own memory grows by.
fn growth(host: &HostProcess, work: impl FnOnce()) -> f64 {
    let memory = || private_bytes(host.process.id()).map_or(f64::NAN, |bytes| bytes as f64);
    std::thread::sleep(REST);
    let before = memory();
    work();
    std::thread::sleep(REST);
    memory() - before
}

fn memory(cores: Option<&Cores>, extent: &Extent, report: &mut Report) {
    // Nobody joins these sessions, which are to be there until the end all the same.
    let host = start(cores, SEATS_DEFAULT, &["--grace", "3600"]);
    let porter = Porter::new(&host.http);
    let open = |count: usize| (0..count).for_each(|_| drop(porter.open().expect("a session")));
    open(OPEN_BEFORE);
    let bytes = growth(&host, || open(extent.idle)) / extent.idle as f64;
    report.add("idle_session_bytes", bytes, "≤ 65536");

    let host = start(cores, SEATS_DEFAULT, &[]);
    let assemble = |sessions| {
        let plan = JamPlan { sessions, players: PLAYERS, rate: RATE, seed: extent.seed };
        let mut jam = Jam::assemble(plan, &host.http, ASSEMBLY_MAX).expect("the players come");
        jam.play(REST);
        jam
    };
    let _few = assemble(OPEN_BEFORE);
    let mut jam = None;
    let grown = growth(&host, || jam = Some(assemble(MODERATE)));
    report.add("player_bytes", grown / (MODERATE * PLAYERS) as f64 - bytes / PLAYERS as f64, "");
}

fn main() {
    allow_sockets();
    let extent = Extent::of_the_command_line();
    let cores = Cores::share();
    let cores = cores.as_ref();
    if cores.is_none() {
        println!("The host and the bots share their cores here; expect less than a host can do.");
    }
    println!("seed {}, {} kills", extent.seed, extent.cycles);
    let mut report = Report::new();

    let (sessions, at_most) = search(cores, &extent).expect("a host carries one session");
    let is_bound = sessions == extent.sessions || at_most.swarm_share > 0.9;
    report.add(
        "sessions_per_core",
        sessions as f64,
        if is_bound { "or more: not the host was at its end" } else { "" },
    );
    report.add("host_core_share", at_most.host_share, "");
    report.add("swarm_core_share", at_most.swarm_share, "");
    report.add("others_core_share", at_most.others_share, "0, or the milliseconds are spoilt");

    let half = sessions.div_ceil(2);
    let place = Place::new();
    let host = start(cores, half * PLAYERS + extent.visitors, &place.keep());
    let mut at_half = load(&host, half, extent.visitors, &extent).expect("a host carries half of what it can");
    at_half.tell(half);
    report.add("command_to_event_ms_p50", at_half.peer_ms(0.5), "");
    report.add("command_to_event_ms_p99", at_half.peer_ms(0.99), "≤ 10");
    report.add("join_ms_p95", percentile(&mut at_half.tally.join_ms, 0.95), "");
    drop(host);

    memory(cores, &extent, &mut report);

    let place = Place::new();
    let host = start(cores, SEATS_DEFAULT, &place.keep());
    let mut kept = load(&host, MODERATE.min(sessions), 0, &extent).expect("a moderate load");
    kept.tell(MODERATE.min(sessions));
    report.add("durable_ms_p99", percentile(&mut kept.tally.durable_ms, 0.99), "");
    drop(host);

    let kills = kill_cycles(Place::new().dir.path(), extent.cycles, extent.seed);
    println!("{} kills, {} commands sent, {} acknowledged", extent.cycles, kills.sent, kills.acknowledged);
    assert!(kills.acknowledged > 0, "nothing was acknowledged, so nothing is shown");
    report.add("acked_edits_lost", kills.lost as f64, "0");
    report.finish();
}
