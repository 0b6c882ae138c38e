//! What a session on Cloudflare carries and costs: messages through one object, milliseconds to the others, the time to
//! wake, the bytes of the Worker, and the requests that an hour of a jam is billed for.
//!
//! `cargo bench -p keyboardia-tests --bench bridge -- --json FILE` (three minutes; `./test cloud` builds the Worker);
//! `--seed N` presses other things, `--only PART` does only one of `crowd`, `waking`, `bridged`, `bundle`, `bill` and
//! `bill_bridged`.
//!
//! The real Worker runs in the real workerd, started by wrangler, which puts a proxy of its own before it: the milliseconds
//! and the processor time have that in them.
//!
//! - **Messages** are those of ten players, in a mix that is told in [`keyboardia_tests::crowd`], where it also says when
//!   one is answered; refused commands do not count. Processor time is that of all of wrangler's processes.
//! - **Bridged** is the way through a place to a host that has dialled in there, less the way to the host: from a command to
//!   its event, at ten players each. Wrangler's proxy is in it twice.
//! - **Waking** is the first question to the object of a full session, after workerd was killed and is up again, over the
//!   same question once the object is awake. Neither writes anything. An object that only slept has less to do: nobody has
//!   been lost.
//! - **Billed requests** are counted on the way of real players who play a jam, by a relay that reads what passes. 20
//!   messages on WebSockets are one request, each HTTP request, WebSocket and alarm is one, and the text `ping`, which is
//!   answered without the object, is none. What happens once (coming in, and going) is added to an hour of what goes on.
//!   The same players in the same jam at the place of a host are told beside it, with what the host says to the place.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use flate2::{Compression, write::GzEncoder};
use keyboardia_player::{Player, Transport};
use keyboardia_server::{BridgeConfig, Host, HostConfig};
use keyboardia_session::{
    Beats, Cell, Clip, Column, Command, Edit, Gain, Manifest, Profile, Row, SceneId, SessionState, TrackId,
    api::{ApiError, ApiErrorKind},
    bounded::Bounded,
    limits::{ENTRIES_BEFORE_WHOLE, SCENES_MAX, TRACKS_MAX},
};
use keyboardia_tests::{
    bots::{bot_by, ready, state},
    cloud::Cloud,
    conformance::Way,
    crowd::Crowd,
    measure::percentile,
    process::wait_for,
    relay::{Brought, Relay, Weather},
    report::Report,
    swarm::{all_core_seconds, any_press, core_seconds},
    world::Dice,
};
use keyboardia_visitor::{Visitor, client, create, until};
use std::{
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Time in which workerd learns what is called often.
const WARM_UP: Duration = Duration::from_secs(4);
/// How long a rush is measured.
const RUSH: Duration = Duration::from_secs(12);
/// How long people's pace is measured.
const STROLL: Duration = Duration::from_secs(12);
/// Turns in which players at the host and players who come through a place do that.
const TURNS: u32 = 4;
/// Times that an object is waked.
const ROUNDS: usize = 5;
/// Questions to an object that is awake, in each round.
const QUESTIONS: usize = 15;
/// Entries that are not written, so that the journal is surely not written as a whole.
const MARGIN: usize = 8;
/// Time after which an object has written down what a nap must not lose.
const REST: Duration = Duration::from_millis(1_500);
/// Players of the jam that is billed.
const PLAYERS: usize = 4;
/// Commands of each of them, per second.
const RATE: f64 = 2.0;
/// Slots that their pointer rests on, on the way to each.
const SLOTS: u32 = 2;
/// Time from the jam's first press to the hour that is billed.
const SETTLING: Duration = Duration::from_secs(5);
/// How long it is counted what they bring.
const JAM: Duration = Duration::from_secs(30);
/// Messages on WebSockets that are one billed request.
const MESSAGES_PER_REQUEST: f64 = 20.0;
/// Alarms of a session: one after the grace time of the first who came, and one after that of each who went.
const ALARMS: f64 = 1.0 + PLAYERS as f64;
const HOUR_S: f64 = 3_600.0;

fn main() {
    let seed = seed();
    println!("seed {seed}");
    let mut report = Report::new();
    let only = argument("--only");
    let is_wanted = |part: &str| only.as_ref().is_none_or(|only| only == part);
    if is_wanted("crowd") {
        crowd(seed, &mut report);
    }
    if is_wanted("waking") {
        waking(&mut report);
    }
    if is_wanted("bridged") {
        bridged(seed, &mut report);
    }
    if is_wanted("bundle") {
        bundle(&mut report);
    }
    if is_wanted("bill") {
        bill(seed, &mut report);
    }
    if is_wanted("bill_bridged") {
        bill_bridged(seed);
    }
    report.finish();
}

/// What follows an option on the command line.
fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

/// The number that follows `--seed`.
fn seed() -> u64 {
    argument("--seed").map_or(1, |text| text.parse().expect("--seed is followed by a number"))
}

/// Ten players in one session, in a hurry and at people's pace.
fn crowd(seed: u64, report: &mut Report) {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let mut crowd = Crowd::enter(&cloud.http, &code, seed).unwrap();
    crowd.rush(WARM_UP);
    crowd.take_tally();
    let busy_s = || (cloud.core_seconds(), core_seconds(std::process::id()), all_core_seconds());
    let (begin, (before, own_before, all_before)) = (Instant::now(), busy_s());
    crowd.rush(RUSH);
    let (elapsed_s, (after, own, all), tally) = (begin.elapsed().as_secs_f64(), busy_s(), crowd.take_tally());
    assert!(crowd.settle(), "not everything was answered:\n{}", cloud.said());
    let mut busy: Vec<f64> = after.iter().map(|(process, s)| s - before.get(process).unwrap_or(&0.0)).collect();
    busy.sort_by(|a, b| b.total_cmp(a));
    let cloud_s: f64 = busy.iter().sum();
    let since =
        |after: Option<f64>, before: Option<f64>| after.zip(before).map_or(f64::NAN, |(after, before)| after - before);
    let own_s = since(own, own_before);
    let others_s = since(all, all_before) - own_s - cloud_s;
    let shares: Vec<String> = busy.iter().map(|seconds| format!("{:.2}", seconds / elapsed_s)).collect();
    let per_s = |count: u64| count as f64 / elapsed_s;
    println!(
        "per second {:.0} commands and {:.0} other messages answered, {:.1} refused; of a core: wrangler's processes {}, the \
         crowd {:.2}, others {:.2}, which spoil all figures",
        per_s(tally.commands),
        per_s(tally.answered - tally.commands),
        per_s(tally.refused),
        shares.join(" "),
        own_s / elapsed_s,
        others_s / elapsed_s,
    );
    report.add("do_messages_per_second", per_s(tally.answered), "≥ 1000");
    let handled = (tally.answered + tally.refused) as f64;
    report.add("do_cpu_us_per_message", cloud_s * 1e6 / handled, "");

    crowd.take_tally();
    crowd.stroll(STROLL);
    assert!(crowd.settle(), "not everything was answered:\n{}", cloud.said());
    let mut heard_ms = crowd.take_tally().heard_ms;
    report.add("do_command_to_event_ms_p50", percentile(&mut heard_ms, 0.5), "");
    report.add("do_command_to_event_ms_p99", percentile(&mut heard_ms, 0.99), "");
}

/// Ten players at a host, and ten who come to another session of it through a place in the cloud, by turns.
fn bridged(seed: u64, report: &mut Report) {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &["--var", "BRIDGE_KEY:bench"]);
    let place = format!("http://{}", cloud.http).parse().unwrap();
    let bridge = Some(BridgeConfig { place, key: "bench".into(), take: None });
    let host = Host::start(HostConfig { bridge, ..HostConfig::loopback() }).unwrap();
    let [near, far] = [(); 2].map(|()| host.create_session().unwrap().to_string());
    let mut direct = Crowd::enter(&host.http_addr().to_string(), &near, seed).unwrap();
    let mut relayed = wait_for("the session at the place", || Crowd::enter(&cloud.http, &far, seed).ok());
    for _ in 0..TURNS {
        for crowd in [&mut direct, &mut relayed] {
            crowd.stroll(STROLL / TURNS);
            assert!(crowd.settle(), "not everything was answered:\n{}", cloud.said());
        }
    }
    let (mut direct_ms, mut relayed_ms) = (direct.take_tally().heard_ms, relayed.take_tally().heard_ms);
    for (part, key, target) in [(0.5, "bridge_added_ms_p50", ""), (0.99, "bridge_added_ms_p99", "≤ 5")] {
        let [direct, relayed] = [&mut direct_ms, &mut relayed_ms].map(|times| percentile(times, part));
        println!("{part}: {direct:.2} ms at the host, {relayed:.2} ms through the place");
        report.add(key, relayed - direct, target);
    }
}

/// What it costs to wake the object of a session that is as full as can be.
fn waking(report: &mut Report) {
    let dir = TempDir::new().unwrap();
    let mut cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let enter = |cloud: &Cloud, token: Option<&str>| {
        Visitor::enter(Way::WebSocket, &cloud.http, &code, &Profile::default(), token).unwrap()
    };
    let mut ada = enter(&cloud, None);
    let token = ada.joined.token.clone();
    fill(&mut ada);
    // Her seat is an entry that is no event.
    let mut entries = 1 + ada.state().seq() as usize;
    let mut costs_ms = Vec::new();
    for _ in 0..ROUNDS {
        let missing = (ENTRIES_BEFORE_WHOLE - MARGIN).checked_sub(entries).expect("a grid of fewer entries");
        let drags = (0..missing).map(|number| {
            let gain = Gain::from_db(-(number as f64) / 16.0).unwrap();
            Command::SetGain { track: TrackId(0), gain }
        });
        do_all(&mut ada, drags);
        std::thread::sleep(REST);
        cloud = cloud.crash(dir.path(), &[]);
        costs_ms.push(cost_of_waking_ms(&cloud, &code, &token));
        ada = enter(&cloud, Some(&token));
        // With her return the session was written as a whole, and then that she is there.
        entries = 1;
    }
    println!("waking, each time: {costs_ms:.1?} ms");
    report.add("do_restore_ms", percentile(&mut costs_ms, 0.5), "≤ 50");
}

/// Fills the largest grid.
fn fill(ada: &mut Visitor) {
    let clip = clip();
    let ids = |state: &SessionState| -> Vec<TrackId> { state.tracks().iter().map(|track| track.id).collect() };
    let (tracks, scenes) = (ids(ada.state()), ada.state().scenes().to_vec());
    let cells = scenes.iter().flat_map(|scene| tracks.iter().map(|track| Cell::new(*track, scene.id)));
    let set = |cell| Edit::SetClip { cell, clip: Some(Box::new(clip.clone())), replace: true };
    let clips: Vec<Edit> = cells.map(set).collect();
    let rows = (scenes.len()..SCENES_MAX).map(|at| {
        let clips = Bounded::try_from_vec(tracks.iter().map(|track| (*track, clip.clone())).collect()).unwrap();
        Edit::AddScene { at: at as u8, row: Some(Box::new(Row { name: clip.name.clone(), colour: None, clips })) }
    });
    do_all(ada, clips.into_iter().chain(rows).map(Command::Edit));
    let scenes: Vec<SceneId> = ada.state().scenes().iter().map(|scene| scene.id).collect();
    let columns = (tracks.len()..TRACKS_MAX).map(|at| {
        let clips = Bounded::try_from_vec(scenes.iter().map(|scene| (*scene, clip.clone())).collect()).unwrap();
        let column = Column { clips, ..Column::empty("A column of clips", clip.colour) };
        Command::Edit(Edit::AddTrack { at: at as u8, column: Some(Box::new(column)) })
    });
    do_all(ada, columns);
    let state = ada.state();
    let is_full = state.tracks().iter().all(|track| scenes.iter().all(|scene| track.clip(*scene).is_some()));
    assert!(is_full && state.tracks().len() == TRACKS_MAX && scenes.len() == SCENES_MAX, "the grid is not full");
}

/// Asks for all of this, each of which is one event, and waits until it is safe.
fn do_all(ada: &mut Visitor, commands: impl Iterator<Item = Command>) {
    let mut last = ada.state().seq();
    for command in commands {
        ada.command(command);
        last += 1;
    }
    until([ada], "that all is safe", |[ada]| ada.durable() >= Some(last)).unwrap();
}

/// A clip whose names are as long as can be.
fn clip() -> Clip {
    let manifest = Manifest::builtin().unwrap();
    let sound = manifest.sounds.iter().max_by_key(|sound| sound.id.as_str().len()).unwrap();
    Clip { length: Beats::whole(4), ..Clip::of(sound) }
}

/// What the first question to an object takes longer than the next ones, milliseconds.
fn cost_of_waking_ms(cloud: &Cloud, code: &str, token: &str) -> f64 {
    let client = client();
    // From here on there is a connection.
    assert_eq!(client.get(format!("http://{}/healthz", cloud.http)).send().unwrap().status(), 200);
    let url = format!("http://{}/api/sessions/{code}/samples/{}", cloud.http, "0".repeat(64));
    let ask_ms = || {
        let begin = Instant::now();
        let answer = client.get(&url).bearer_auth(token).send().unwrap();
        assert_eq!(answer.json::<ApiError>().unwrap().kind, ApiErrorKind::UnknownSample);
        begin.elapsed().as_secs_f64() * 1e3
    };
    let first_ms = ask_ms();
    let mut awake_ms: Vec<f64> = (0..QUESTIONS).map(|_| ask_ms()).collect();
    first_ms - percentile(&mut awake_ms, 0.5)
}

/// Bytes of everything that is uploaded, each file compressed.
fn bundle(report: &mut Report) {
    let bridge = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/bridge");
    let files = programs(&bridge.join("build")).into_iter().chain([bridge.join("worker.js")]);
    let bytes: usize = files.map(|file| compressed(&std::fs::read(file).unwrap())).sum();
    report.add("worker_bundle_gzip_bytes", bytes as f64, "≤ 1048576");
}

/// The Worker's programs in a folder, and in those that are in it.
fn programs(dir: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(dir).expect("a Worker: `./test cloud` builds one").map(|entry| entry.unwrap().path());
    let is_program = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "wasm" || kind == "js");
    let (dirs, files): (Vec<PathBuf>, Vec<PathBuf>) = paths.partition(|path| path.is_dir());
    files.into_iter().filter(is_program).chain(dirs.iter().flat_map(|dir| programs(dir))).collect()
}

/// What is left of bytes by gzip.
fn compressed(bytes: &[u8]) -> usize {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap().len()
}

/// What was brought to a place: until a jam has settled, and in an hour from then on.
struct Hour {
    once: Brought,
    on_and_on: Brought,
    elapsed_s: f64,
    events: u64,
}

impl Hour {
    fn per_hour(&self, count: u64) -> f64 {
        count as f64 * HOUR_S / self.elapsed_s
    }

    /// Messages of what happens once and of an hour, and requests.
    fn messages_and_requests(&self) -> (f64, f64) {
        let Self { once, on_and_on, .. } = self;
        let messages = once.messages() as f64 + self.per_hour(on_and_on.messages());
        (messages, (once.requests + once.sockets + on_and_on.requests + on_and_on.sockets) as f64)
    }
}

/// Players come through a relay to a session at a place, and jam; what that brings, and what came through another relay.
fn hour(seed: u64, cloud: &Cloud, code: &str, other: Option<&Relay>) -> (Hour, Option<Hour>) {
    let mut relay = Relay::open(Weather::CALM, Weather::CALM, seed);
    let address = cloud.http.parse().expect("an address");
    let players: Vec<Player> = (0..PLAYERS)
        .map(|_| bot_by(Transport::WebSocket, &relay.open_web(address).address.to_string(), code))
        .collect();
    for player in &players {
        ready(player);
    }
    let mut dice = Dice::new(seed);
    players[0].command(Command::SetPlaying(true));
    jam(&players, &mut dice, SETTLING);
    let (once, other_once) = (relay.brought(), other.map(Relay::brought));
    let (seq, begin) = (state(&players[0]).seq(), Instant::now());
    jam(&players, &mut dice, JAM);
    let (elapsed_s, events) = (begin.elapsed().as_secs_f64(), state(&players[0]).seq() - seq);
    let hour = |relay: &Relay, once: Brought| Hour { once, on_and_on: relay.brought().since(once), elapsed_s, events };
    (hour(&relay, once), other.zip(other_once).map(|(relay, once)| hour(relay, once)))
}

/// What Cloudflare bills an hour of a jam for.
fn bill(seed: u64, report: &mut Report) {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let (hour, _) = hour(seed, &cloud, &code, None);
    let Brought { probes, commands, cursors, reports, others, pings, bytes, .. } = hour.on_and_on;
    println!(
        "{PLAYERS} players, an hour: {:.0} probes, {:.0} commands, {:.0} cursors, {:.0} reports, {:.0} others, {:.0} pings; \
         {:.1} bytes per message; {:.0} events to write down",
        hour.per_hour(probes),
        hour.per_hour(commands),
        hour.per_hour(cursors),
        hour.per_hour(reports),
        hour.per_hour(others),
        hour.per_hour(pings),
        bytes as f64 / hour.on_and_on.messages() as f64,
        hour.per_hour(hour.events),
    );
    println!("until then: {:?}", hour.once);
    let (messages, requests) = hour.messages_and_requests();
    // The session was opened past the relay.
    let billed = 1.0 + requests + messages / MESSAGES_PER_REQUEST + ALARMS;
    report.add("billed_requests_per_session_hour", billed, "");
}

/// The same for players who come through a place to a host, whose frames are billed, too.
fn bill_bridged(seed: u64) {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &["--var", "BRIDGE_KEY:bench"]);
    let mut relay = Relay::open(Weather::CALM, Weather::CALM, seed);
    let door = relay.open_web(cloud.http.parse().expect("an address"));
    let place = format!("http://{}", door.address).parse().unwrap();
    let bridge = Some(BridgeConfig { place, key: "bench".into(), take: None });
    let host = Host::start(HostConfig { bridge, ..HostConfig::loopback() }).unwrap();
    let code = host.create_session().unwrap().to_string();
    let is_there = || Visitor::enter(Way::WebSocket, &cloud.http, &code, &Profile::default(), None).ok();
    wait_for("the session at the place", is_there).leave();
    let (players, host) = hour(seed, &cloud, &code, Some(&relay));
    let host = host.expect("what the host brought");
    let ((theirs, requests), (its, its_requests)) = (players.messages_and_requests(), host.messages_and_requests());
    println!(
        "bridged, an hour: {theirs:.0} messages of {PLAYERS} players, {its:.0} frames of the host of {:.0} bytes each; \
         {:.0} billed requests, {:.0} of them the host's; {:.0} events to write down",
        host.on_and_on.bytes as f64 / host.on_and_on.messages() as f64,
        requests + its_requests + (theirs + its) / MESSAGES_PER_REQUEST,
        its_requests + its / MESSAGES_PER_REQUEST,
        players.per_hour(players.events),
    );
}

/// Everybody presses things, and points at slots on the way there.
fn jam(players: &[Player], dice: &mut Dice, time: Duration) {
    let interval = 1.0 / (RATE * f64::from(1 + SLOTS));
    let begin = Instant::now();
    let mut turns: Vec<(Instant, u32)> =
        players.iter().map(|_| (begin + Duration::from_secs_f64(dice.between(0.0, interval)), 0)).collect();
    while begin.elapsed() < time {
        for (player, (at, slots)) in players.iter().zip(&mut turns) {
            if *at > Instant::now() {
                continue;
            }
            *at += Duration::from_secs_f64(dice.between(0.5, 1.5) * interval);
            let state = state(player);
            let track = &state.tracks()[dice.below(state.tracks().len() as u64) as usize];
            let scene = &state.scenes()[dice.below(state.scenes().len() as u64) as usize];
            if *slots < SLOTS {
                *slots += 1;
                player.set_cursor(Some(Cell::new(track.id, scene.id)));
            } else {
                *slots = 0;
                assert!(player.command(any_press(dice, &state)), "too many wishes");
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
