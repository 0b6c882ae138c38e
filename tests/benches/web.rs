//! The page in a browser, measured: how much is fetched, how long it takes, how far apart a page's clicks are from a
//! native player's and from another page's, what a page that stalls costs, and what the engine costs.
//!
//! `cargo bench -p keyboardia-tests --bench web -- --json FILE` (five minutes; `./play web` builds the page)

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Output, Player, PlayerOptions};
use keyboardia_session::{SceneId, TrackId};
use keyboardia_tests::{
    browser::Browser,
    clicks::phases_ms,
    concert::{Fate, Played, Programme, play},
    measure::{percentile, rms},
    process::{HostProcess, wait_at_most},
    report::Report,
    stage::Room,
    worklet,
};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Length of a part between changes of tempo; three parts.
const PART: Duration = Duration::from_secs(15);
/// Tempos after the session's 112 BPM.
const TEMPOS: &[f64] = &[97.3, 133.0];
/// How long a page may take, drawn in software.
const SLOW: Duration = Duration::from_mins(3);

fn main() {
    let mut report = Report::new();
    sizes(&mut report);
    loads(&mut report);
    rooms(&mut report);
    report.add("engine_share_64_voices", worklet::share_of_64_voices(&engine()), "");
    report.finish();
}

/// The packed page.
fn page() -> PathBuf {
    std::env::var_os("KEYBOARDIA_WEB").map_or_else(|| "../web/dist".into(), PathBuf::from)
}

fn bytes(path: &Path) -> f64 {
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).len() as f64
}

/// A file of the page.
fn file(name: &str) -> PathBuf {
    let list = std::fs::read(page().join("assets.json")).expect("a packed page: `./play web` makes one");
    let list: Value = serde_json::from_slice(&list).expect("the list of its files");
    page().join(list["files"][name]["url"].as_str().expect("a file of the page"))
}

fn engine() -> PathBuf {
    file("engine.wasm")
}

fn sizes(report: &mut Report) {
    let game = file("keyboardia.wasm");
    report.add("wasm_raw_bytes", bytes(&game), "≤ 22,000,000");
    report.add("wasm_brotli_bytes", bytes(&PathBuf::from(format!("{}.br", game.display()))), "≤ 4,500,000");
    report.add("engine_wasm_bytes", bytes(&engine()), "≤ 400,000");
}

/// From nothing to a page that is in the session, and once more with what the browser has kept.
fn loads(report: &mut Report) {
    let room = Room::open();
    let host = HostProcess::start();
    let (http, code) = (host.http.clone(), Some(host.code.clone()));
    let ada = Player::join(PlayerOptions { host: http, code, output: Output::Silent, ..PlayerOptions::default() });
    let present = |count: usize| {
        wait_at_most(SLOW, || {
            let view = ada.view();
            let players = view.session.as_ref()?.state.players().iter().filter(|player| player.present).count();
            (players == count).then_some(())
        })
        .expect("a player who comes or goes");
    };
    present(1);
    ada.press(TrackId(0), SceneId(0));
    let browser = Browser::start(&room, &[]);
    let begin = Instant::now();
    let page = browser.open("ben", &format!("http://{}/#{}", host.http, host.code), json!({}));
    page.press("#play");
    present(2);
    report.add("load_to_playable_ms", begin.elapsed().as_secs_f64() * 1e3, "");
    let recording = room.record();
    let loud = |sound: &[f32]| rms(&sound[sound.len().saturating_sub(4_800)..]) > 0.01;
    wait_at_most(SLOW, || loud(&recording.so_far()).then_some(())).expect("sound in the room");
    report.add("first_sound_brotli_bytes", page.heard()["bytes"].as_f64().unwrap_or(f64::NAN), "");
    let begin = Instant::now();
    page.reload();
    page.press("#play");
    present(2);
    report.add("second_load_ms", begin.elapsed().as_secs_f64() * 1e3, "");
    page.shut();
}

fn rooms(report: &mut Report) {
    let room = |pages: usize, fate: Fate| {
        play(&Programme { players: 2, pages, fate, part: PART, tempos: TEMPOS, seed: 1, ..Programme::default() })
    };
    let mut add = |name: &str, played: &Played, target: &str| {
        let mut phases = phases_ms(&played.beats);
        report.add(&format!("room_{name}_ms_p50"), percentile(&mut phases, 0.5), "");
        report.add(&format!("room_{name}_ms_p95"), percentile(&mut phases, 0.95), target);
        report.add(&format!("room_{name}_beats"), played.beats.len() as f64, "");
        report.add(&format!("room_{name}_beats_broken"), played.broken() as f64, "0");
    };
    add("native_browser", &room(1, Fate::Shown), "≤ 10");
    add("browser_browser", &room(2, Fate::Shown), "≤ 5");
    // A beat that a page did not play, or played twice, is a gap in its sound.
    let stalled = room(1, Fate::Stalls);
    add("native_stalled_browser", &stalled, "≤ 10");
    report.add("underruns_under_stall", stalled.broken() as f64, "0");
}
