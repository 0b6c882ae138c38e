//! The page in a real Chromium, with the real host, the real game and real sound; and a native player beside it.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Heard, Player, port::FromWindow, view::Wish};
use keyboardia_session::{Command, SceneId, Tempo, TimeSignature, TrackId};
use keyboardia_tests::{
    bots::{bot, ready, seat, state},
    browser::{Browser, Page},
    measure::rms,
    process::{HostProcess, wait_at_most, wait_for},
    relay::{Relay, Weather},
    stage::{RATE, Recording, Room},
    undrawn::Undrawn,
};
use serde_json::json;
use std::{collections::BTreeSet, path::Path, time::Duration};
use tempfile::TempDir;

/// Middles of the first pads of the first two columns, in a window of 1280 × 720: see `playfield/layout.rs` of the game.
const FIRST_PAD: (f64, f64) = (66.0, 128.0);
const SECOND_COLUMN: (f64, f64) = (178.0, 128.0);
/// Says `refresh` when the picture in the README is to be taken anew.
const REFRESH: &str = "KEYBOARDIA_GOLDEN";
/// How long a finger stays for a tap, and for a menu.
const TAP: Duration = Duration::from_millis(80);
const LONG_PRESS: Duration = Duration::from_secs(4);
/// Silence within a loop is shorter than this, seconds.
const SILENCE_MAX_S: f64 = 0.3;
/// How often a sound may be broken by whatever else the machine does.
const TRIES: usize = 5;
/// A page drawn in software takes its time.
const SLOW: Duration = Duration::from_mins(3);

/// A native player in the session.
fn native(host: &HostProcess) -> Player {
    let player = bot(&host.http, Some(&host.code));
    ready(&player);
    player
}

fn present(player: &Player) -> usize {
    state(player).players().iter().filter(|player| player.present).count()
}

/// Opens the page of a session and clicks to play.
fn enter<'a>(browser: &'a Browser, name: &'a str, url: &str, how: serde_json::Value) -> Page<'a> {
    let page = browser.open(name, url, how);
    begin(&page);
    page
}

/// Clicks to play, and waits until the page is in the session and shows it.
fn begin(page: &Page) {
    page.press("#play");
    page.wait("performance.getEntriesByName('keyboardia-arrived').length > 0");
    page.wait("document.querySelector('#title').hidden");
}

/// A link to a host's session.
fn link(scheme: &str, host: &HostProcess) -> String {
    format!("{scheme}://{}/#{}", host.http, host.code)
}

/// Waits until something sounds in the room.
fn sounds(recording: &Recording) {
    slowly("sound in the room", || {
        let sound = recording.so_far();
        (sound.len() > RATE as usize && rms(&sound[sound.len() - RATE as usize..]) > 0.01).then_some(())
    });
}

fn slowly<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_at_most(SLOW, condition).unwrap_or_else(|| panic!("waited {SLOW:?} in vain for {what}"))
}

fn heard(player: &Player, track: TrackId) -> Heard {
    slowly("a clip that sounds", || player.take_heard().into_iter().find(|heard| heard.track == track))
}

/// Whether a clip that was launched to a bar began there.
fn is_on_a_bar(heard: &Heard) -> bool {
    heard.start.0 % TimeSignature::FourFour.bar().0 == 0 && heard.beat >= heard.start
}

/// The longest silence of the next seconds in the room, seconds.
fn lasts(recording: &Recording, seconds: usize) -> f64 {
    let from = recording.so_far().len();
    wait_for("sound", || (recording.so_far().len() > from + seconds * RATE as usize).then_some(()));
    longest_silence(&recording.so_far()[from..])
}

/// Something that lasts breaks no sound. A machine that is busy with something else breaks any sound now and then; what is
/// broken by what happens here is broken each time.
fn unbroken(when: &str, mut happens: impl FnMut() -> f64) {
    let silences: Vec<f64> = (0..TRIES).map(|_| happens()).take_while(|silence| *silence >= SILENCE_MAX_S).collect();
    assert!(silences.len() < TRIES, "{silences:?} s of silence {when}");
}

/// A picture's width, height and pixels.
type Drawn = (u32, u32, Vec<u8>);

/// Seconds of silence (below −60 dBFS over 20 ms) in a sound, the longest.
fn longest_silence(sound: &[f32]) -> f64 {
    let block = RATE as usize / 50;
    let (mut longest, mut running) = (0, 0);
    for block in sound.chunks(block) {
        running = if rms(block) < 1e-3 { running + 1 } else { 0 };
        longest = longest.max(running);
    }
    f64::from(longest) * 0.02
}

/// Takes the README's picture: more of the grid plays, and everything is loaded.
fn take_picture(ada: &Player, page: &Page) {
    for (track, scene) in [(2, 2), (3, 1), (4, 0), (7, 2)] {
        assert!(ada.press(TrackId(track), SceneId(scene)));
    }
    slowly("all sounds", || {
        let state = state(ada);
        let scenes = || state.scenes().iter().map(|scene| scene.id);
        let clips = state.tracks().iter().flat_map(|track| scenes().filter_map(|scene| track.clip(scene)));
        let sounds: BTreeSet<_> = clips.map(|clip| clip.sound.clone()).collect();
        let requests = page.heard()["requests"].clone();
        let come = requests
            .as_array()?
            .iter()
            .filter(|url| url.as_str().is_some_and(|url| url.contains("/sounds-") && !url.contains("manifest")))
            .count();
        (come >= sounds.len()).then_some(())
    });
    heard(ada, TrackId(7));
    page.click((1_000.0, 690.0));
    page.picture(Path::new("../assets/pictures/browser.png"));
}

#[test]
fn a_page_joins_a_native_player_presses_and_is_seen_heard_and_remembered() {
    let (room, dir) = (Room::open(), TempDir::new().unwrap());
    let host = HostProcess::start();
    let ada = native(&host);
    let browser = Browser::start(&room, &[]);
    let page = enter(&browser, "ben", &link("http", &host), json!({}));
    assert_eq!(present(&ada), 2);
    let (_, _, before) = page.picture(&dir.path().join("before.png"));

    // A press in the page sounds at the native player's, on the bar, and in the room.
    page.click(FIRST_PAD);
    let first = heard(&ada, TrackId(0));
    let recording = room.record();
    sounds(&recording);
    assert!(is_on_a_bar(&first), "{first:?}");

    // And shows.
    let (_, _, after) = page.picture(&dir.path().join("after.png"));
    let changed = before.chunks_exact(4).zip(after.chunks_exact(4)).filter(|(a, b)| a != b).count();
    assert!(changed > 2_000, "{changed} pixels changed");

    // A press of the native player's shows in the page's state, which a reload brings back to the same seat.
    assert!(ada.press(TrackId(1), SceneId(1)));
    heard(&ada, TrackId(1));
    let bens = state(&ada).players().iter().find(|player| player.seat != seat(&ada)).map(|player| player.seat);
    page.reload();
    begin(&page);
    slowly("the page back in the session", || (present(&ada) == 2).then_some(()));
    let seats: Vec<_> = state(&ada).players().iter().map(|player| player.seat).collect();
    assert!(seats.len() == 2 && seats.contains(&bens.expect("a second player")), "{seats:?}");
    page.click(SECOND_COLUMN);
    heard(&ada, TrackId(1));
    if std::env::var_os(REFRESH).is_some_and(|value| value == "refresh") {
        take_picture(&ada, &page);
    }
    let heard = page.heard();
    let strangers = heard["requests"].as_array().expect("requests").iter();
    let strangers: Vec<_> = strangers
        .filter(|url| !url.as_str().is_some_and(|url| url.contains(&host.http) || url.starts_with("blob:")))
        .collect();
    assert!(strangers.is_empty(), "requests to others: {strangers:?}");
    assert_eq!(heard["errors"], json!([]), "{heard}");
}

#[test]
fn a_page_that_stalls_or_loses_its_network_goes_on_sounding_and_comes_back() {
    let room = Room::open();
    let host = HostProcess::start();
    let ada = native(&host);
    let mut network = Relay::open(Weather::CALM, Weather::CALM, 1);
    let door = network.open_web(host.http.parse().expect("an address"));
    let browser = Browser::start(&room, &[]);
    let page = enter(&browser, "ben", &format!("http://{}/#{}", door.address, host.code), json!({}));
    assert_eq!(present(&ada), 2);
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    let recording = room.record();
    sounds(&recording);

    // The page does nothing for 300 ms again and again; a launch meanwhile sounds nevertheless.
    page.evaluate(
        "globalThis.stalls = setInterval(() => { const end = performance.now() + 300; while (performance.now() < end); }, 10)",
    );
    assert!(ada.press(TrackId(1), SceneId(0)));
    heard(&ada, TrackId(1));
    unbroken("while the page stalled", || lasts(&recording, 10));
    page.evaluate("clearInterval(globalThis.stalls)");

    // Nothing comes through for five seconds; the sound goes on, and the player is back on the same seat.
    unbroken("while the network was gone", || {
        network.cut_all();
        wait_for("a player that is missed", || (present(&ada) == 1).then_some(()));
        let silence = lasts(&recording, 5);
        network.mend();
        slowly("the page back in the session", || (present(&ada) == 2).then_some(()));
        assert_eq!(state(&ada).players().len(), 2, "it is the same player");
        silence
    });
}

/// How many pixels of a rectangle (left, top, right, bottom) differ between two pictures.
fn changed(before: &Drawn, after: &Drawn, [left, top, right, bottom]: [usize; 4]) -> usize {
    let width = before.0 as usize;
    let pixel = |drawn: &Drawn, at: usize| drawn.2[4 * at..4 * at + 3].to_vec();
    let places = (top..bottom).flat_map(|row| (left..right).map(move |column| row * width + column));
    places.filter(|at| pixel(before, *at) != pixel(after, *at)).count()
}

#[test]
fn a_finger_taps_a_pad_and_opens_its_menu() {
    let (room, dir) = (Room::open(), TempDir::new().unwrap());
    let host = HostProcess::start();
    let ada = native(&host);
    let browser = Browser::start(&room, &[]);
    let page = enter(&browser, "ben", &link("http", &host), json!({ "touch": true }));
    assert_eq!(present(&ada), 2);
    page.touch(FIRST_PAD, TAP);
    let first = heard(&ada, TrackId(0));
    assert!(is_on_a_bar(&first), "{first:?}");

    // A finger that stays opens the menu, beside the pad and below it, and launches nothing.
    let before = page.picture(&dir.path().join("before.png"));
    page.touch(SECOND_COLUMN, LONG_PRESS);
    let menu = [SECOND_COLUMN.0 as usize + 60, SECOND_COLUMN.1 as usize + 20, 420, 420];
    slowly("a menu", || {
        let after = page.picture(&dir.path().join("after.png"));
        (changed(&before, &after, menu) > 10_000).then_some(())
    });
    assert!(state(&ada).track(TrackId(1)).unwrap().playing_at(first.beat).is_none(), "it launched");
    assert_eq!(page.heard()["errors"], json!([]));
}

#[test]
fn two_tabs_and_a_native_player_agree() {
    let room = Room::open();
    let host = HostProcess::start();
    let ada = native(&host);
    let browser = Browser::start(&room, &["--autoplay-policy=no-user-gesture-required"]);
    let mut tabs = ["ben", "cyd"].map(|name| Undrawn::join(&browser, name, &host.http, &host.code, None));
    slowly("two tabs that are ready", || {
        let mut all = tabs.iter_mut().map(Undrawn::view);
        all.all(|view| view.is_some_and(|view| view.loading.is_empty() && view.session.is_some())).then_some(())
    });
    // Each does something at once.
    let [ben, cyd] = &tabs;
    ben.say(&FromWindow::Wish(Wish::Press(TrackId(0), SceneId(1))));
    cyd.say(&FromWindow::Wish(Wish::Command(Command::SetTempo(Tempo::from_bpm(97.3).unwrap()))));
    cyd.say(&FromWindow::Wish(Wish::Press(TrackId(1), SceneId(0))));
    assert!(ada.press(TrackId(2), SceneId(0)));
    let mut hers: Vec<Heard> = Vec::new();
    for track in [TrackId(0), TrackId(1), TrackId(2)] {
        let hers = slowly("a clip at the native player's", || {
            hers.extend(ada.take_heard());
            hers.iter().find(|heard| heard.track == track).copied()
        });
        for tab in &mut tabs {
            let theirs = slowly("the same clip in a tab", || {
                tab.view();
                tab.heard.iter().find(|heard| heard.track == track).copied()
            });
            assert_eq!(theirs.start, hers.start, "all begin on the same beat");
        }
    }
    slowly("replicas that agree", || {
        let hers = state(&ada).hash();
        tabs.iter_mut()
            .all(|tab| {
                tab.view().is_some_and(|view| view.session.as_ref().is_some_and(|session| session.state.hash() == hers))
            })
            .then_some(())
    });
    assert!((state(&ada).transport().last().tempo.bpm() - 97.3).abs() < 0.01);
}

#[test]
fn a_page_from_another_machine_is_led_to_https_and_plays() {
    let room = Room::open();
    let addresses = if_addrs::get_if_addrs().expect("the machine's addresses");
    let address = addresses.iter().map(if_addrs::Interface::ip).find(|ip| ip.is_ipv4() && !ip.is_loopback());
    let host = HostProcess::at(&address.expect("an address that others can reach").to_string(), &[]);
    let ada = native(&host);
    let browser = Browser::start(&room, &[]);
    // Whoever sits there has looked at the certificate's fingerprint, and goes on.
    let page = browser.open("ben", &link("http", &host), json!({ "insecure": true }));
    page.press("#way");
    page.wait("location.protocol === 'https:' && isSecureContext");
    begin(&page);
    assert_eq!(present(&ada), 2);
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    sounds(&room.record());
    assert_eq!(page.heard()["errors"], json!([]));
}
