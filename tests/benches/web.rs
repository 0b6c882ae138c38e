//! The page in a browser, measured: how much is fetched, how long it takes, how far apart a page's clicks are from a
//! native player's and from another page's, what a page that stalls costs, and what the engine costs.
//!
//! `cargo bench -p keyboardia-tests --bench web -- --json FILE` (five minutes; `./play web` builds the page)

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Output, Player, PlayerOptions};
use keyboardia_session::{SceneId, TrackId};
use keyboardia_tests::{
    browser::{Browser, Page},
    clicks::phases_ms,
    concert::{Fate, Played, Programme, play},
    measure::{percentile, rms},
    packed::{ENGINE_BYTES_MAX, GAME_BROTLI_BYTES_MAX, GAME_BYTES_MAX, brotli_bytes, bytes, dir, file},
    process::{HostProcess, wait_at_most},
    report::Report,
    stage::Room,
    steady::gaps_under_stall,
    worklet,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

/// Length of a part between changes of tempo; three parts.
const PART: Duration = Duration::from_secs(15);
/// Tempos after the session's 112 BPM.
const TEMPOS: &[f64] = &[97.3, 133.0];
/// How long a page plays a tone in which gaps are looked for, seconds.
const STEADY_S: usize = 30;
/// How long a page may take, drawn in software.
const SLOW: Duration = Duration::from_mins(3);

fn main() {
    let mut report = Report::new();
    sizes(&mut report);
    loads(&mut report);
    rooms(&mut report);
    report.add("engine_share_64_voices", worklet::share_of_64_voices(&file("engine.wasm")), "");
    report.finish();
}

fn sizes(report: &mut Report) {
    let (game, engine) = (file("keyboardia.wasm"), file("engine.wasm"));
    report.add("wasm_raw_bytes", bytes(&game) as f64, &format!("≤ {GAME_BYTES_MAX}"));
    report.add("wasm_brotli_bytes", brotli_bytes(&game) as f64, &format!("≤ {GAME_BROTLI_BYTES_MAX}"));
    report.add("engine_wasm_bytes", bytes(&engine) as f64, &format!("≤ {ENGINE_BYTES_MAX}"));
}

/// From the beginning of a page's navigation until a jam is shown and can be played, the click included, milliseconds.
fn arrived_ms(page: &Page) -> f64 {
    page.press("#play");
    page.wait("performance.getEntriesByName('keyboardia-arrived').length > 0");
    let at = page.evaluate("performance.getEntriesByName('keyboardia-arrived')[0].startTime");
    at.as_f64().expect("a time")
}

/// What has been fetched of the page, bytes as they travel: each file once, for browsers keep them.
fn fetched(page: &Page, origin: &str) -> f64 {
    let heard = page.heard();
    let urls: BTreeSet<&str> =
        heard["requests"].as_array().expect("requests").iter().filter_map(Value::as_str).collect();
    let paths = urls.into_iter().filter_map(|url| url.strip_prefix(origin)?.split(['#', '?']).next());
    let files = paths.map(|path| dir().join(if path == "/" { "index.html" } else { &path[1..] }));
    files.filter(|file| file.is_file()).map(|file| brotli_bytes(&file) as f64).sum()
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
    let origin = format!("http://{}", host.http);
    let page = browser.open("ben", &format!("{origin}/#{}", host.code), json!({}));
    report.add("load_to_playable_ms", arrived_ms(&page), "");
    present(2);
    let recording = room.record();
    let loud = |sound: &[f32]| rms(&sound[sound.len().saturating_sub(4_800)..]) > 0.01;
    wait_at_most(SLOW, || loud(&recording.so_far()).then_some(())).expect("sound in the room");
    report.add("first_sound_brotli_bytes", fetched(&page, &origin), "");
    report.add("first_sound_bytes_by_the_browser_s_word", page.heard()["bytes"].as_f64().unwrap_or(f64::NAN), "");
    page.reload();
    report.add("second_load_ms", arrived_ms(&page), "");
    present(2);
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
    add("native_stalled_browser", &room(1, Fate::Stalls), "≤ 10");
    // What is missing in the sound of a page alone: its window stalls, and for comparison, something else is as busy.
    let gaps = gaps_under_stall(STEADY_S);
    report.add("underruns_under_stall", gaps.stalled.len() as f64, "0");
    report.add("underruns_under_load", gaps.busy.len() as f64, "");
}
