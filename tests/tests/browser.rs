//! The page in a real Chromium, with the real host, the real game and real sound; and a native player beside it.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::Player;
use keyboardia_session::{Cell, Command, Edit, SceneId, TrackId, limits::SCENES_MAX};
use keyboardia_tests::{
    bots::state,
    browser::{Browser, Page},
    measure::rms,
    packed::{self, ENGINE_BYTES_MAX, GAME_BROTLI_BYTES_MAX, GAME_BYTES_MAX, brotli_bytes, bytes},
    page_singer,
    process::{HostProcess, wait_for},
    relay::{Relay, Weather},
    soundfiles::{tones, wav16},
    stage::{RATE, Recording, Room},
    steady::{Gaps, gaps_under_stall},
    undrawn::Undrawn,
    visits::{
        self, FIRST_PAD, Place, SECOND_COLUMN, begin, enter, heard, is_on_a_bar, is_well, present, slowly, sounds,
    },
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command as Program,
    time::Duration,
};
use tempfile::TempDir;

/// Middle of the first pad in a window of 844 × 390, and where the rows of pads are: left, top, right, bottom.
const PHONE_FIRST_PAD: (f64, f64) = (54.0, 96.0);
const ROWS: [usize; 4] = [14, 84, 720, 350];
/// Says `refresh` when the picture in the README is to be taken anew.
const REFRESH: &str = "KEYBOARDIA_GOLDEN";
/// How long a finger stays for a tap, and for a menu.
const TAP: Duration = Duration::from_millis(80);
const LONG_PRESS: Duration = Duration::from_secs(4);
/// A slot of the starter groove that is empty, and how long the sound is that is brought there, seconds.
const OWN: Cell = Cell::new(TrackId(7), SceneId(7));
const OWN_SOUND_S: usize = 8;
/// Silence within a loop is shorter than this, seconds.
const SILENCE_MAX_S: f64 = 0.3;
/// How long a page plays a tone in which gaps are looked for, and is in the background, seconds.
const STEADY_S: usize = 10;
const HIDDEN_S: usize = 10;
/// How far what a page records may be from its beats, seconds: a browser fills its buffer of the microphone otherwise each
/// time it opens it, and tells nobody. The `samples` bench measures.
const TAKE_OFF_S_MAX: f64 = 0.04;
/// How often a sound may be broken by whatever else the machine does.
const TRIES: usize = 5;

fn place(host: &HostProcess) -> Place<'_> {
    Place { http: &host.http, code: &host.code }
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
    let host = HostProcess::start();
    visits::a_page_joins_presses_and_comes_back(place(&host), |ada, page| {
        if std::env::var_os(REFRESH).is_some_and(|value| value == "refresh") {
            take_picture(ada, page);
        }
    });
}

#[test]
fn what_a_page_records_lies_on_the_beat_once_its_microphone_is_measured() {
    let (room, host, dir) = (Room::open(), HostProcess::start(), tempfile::tempdir().unwrap());
    let pictures = std::env::var_os("KEYBOARDIA_PICTURES").map(PathBuf::from);
    let offs = page_singer::takes(&room, &host.http, &host.code, 120.0, 1, pictures.as_deref().or(Some(dir.path())));
    println!("off: {offs:?} s");
    assert!(offs.iter().all(|off| off.abs() < TAKE_OFF_S_MAX), "{offs:?}");
}

#[test]
fn a_sound_that_a_native_player_brings_is_heard_in_the_page_and_kept_there() {
    let (room, host, dir) = (Room::open(), HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = place(&host).native();
    let file = dir.path().join("tone.wav");
    std::fs::write(&file, wav16(&tones(2, OWN_SOUND_S * RATE as usize), RATE)).unwrap();
    let browser = Browser::start(&room, &[]);
    let url = format!("http://{}/#{}", host.http, host.code);
    let page = enter(&browser, "ben", &url, json!({}));
    assert_eq!(present(&ada), 2);
    ada.bring_file(file, OWN, false);
    wait_for("a clip", || state(&ada).clip(OWN).map(|_| ()));
    let recording = room.record();
    assert!(ada.press(OWN.track, OWN.scene));
    // The native player is silent: what is heard is the page.
    sounds(&recording);
    let kept = || {
        let count = "caches.open('keyboardia-samples').then((cache) => cache.keys()).then((keys) => keys.length)";
        page.evaluate(count).as_u64().filter(|count| *count == 1)
    };
    slowly("a sound that the browser keeps", kept);
}

#[test]
fn a_page_that_stalls_or_loses_its_network_goes_on_sounding_and_comes_back() {
    let room = Room::open();
    let host = HostProcess::start();
    let ada = place(&host).native();
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
    let ada = place(&host).native();
    let browser = Browser::start(&room, &[]);
    let page = enter(&browser, "ben", &place(&host).link(), json!({ "touch": true }));
    assert_eq!(present(&ada), 2);
    let before = page.picture(&dir.path().join("before.png"));
    page.touch(FIRST_PAD, TAP);
    let first = heard(&ada, TrackId(0));
    assert!(is_on_a_bar(&first), "{first:?}");
    sounds(&room.record());
    let pad =
        [FIRST_PAD.0 as usize - 40, FIRST_PAD.1 as usize - 20, FIRST_PAD.0 as usize + 40, FIRST_PAD.1 as usize + 20];
    slowly("a pad that lights up", || {
        let after = page.picture(&dir.path().join("after.png"));
        (changed(&before, &after, pad) > 500).then_some(())
    });

    // A finger that stays opens the menu, beside the pad and below it, and launches nothing.
    let before = page.picture(&dir.path().join("before.png"));
    page.touch(SECOND_COLUMN, LONG_PRESS);
    let menu = [SECOND_COLUMN.0 as usize + 60, SECOND_COLUMN.1 as usize + 20, 420, 420];
    slowly("a menu", || {
        let after = page.picture(&dir.path().join("after.png"));
        (changed(&before, &after, menu) > 10_000).then_some(())
    });
    assert!(state(&ada).track(TrackId(1)).unwrap().playing_at(first.beat).is_none(), "it launched");
    is_well(&page);
}

#[test]
fn two_fingers_scroll_a_grid_that_is_larger_than_a_phone() {
    let (room, dir) = (Room::open(), TempDir::new().unwrap());
    let host = HostProcess::start();
    let ada = place(&host).native();
    let rows = state(&ada).scenes().len() as u8;
    for at in rows..SCENES_MAX as u8 {
        assert!(ada.command(Command::Edit(Edit::AddScene { at, row: None })));
    }
    slowly("sixteen rows", || (state(&ada).scenes().len() == SCENES_MAX).then_some(()));
    let browser = Browser::start(&room, &[]);
    // Nothing breathes, so that what moves is the grid.
    let phone = json!({ "touch": true, "calm": true, "width": 844, "height": 390 });
    let page = enter(&browser, "ben", &place(&host).link(), phone);
    let picture = |name: &str| page.picture(&dir.path().join(name));
    let still = || {
        let mut last = picture("still.png");
        slowly("a page at rest", || {
            let before = std::mem::replace(&mut last, picture("still.png"));
            (changed(&before, &last, ROWS) < 2_000).then_some(())
        });
        last
    };

    let before = still();
    page.swipe([(200.0, 300.0), (400.0, 300.0)], (0.0, -120.0));
    slowly("a grid that has moved", || (changed(&before, &picture("after.png"), ROWS) > 10_000).then_some(()));
    still();
    page.touch(PHONE_FIRST_PAD, TAP);
    let beat = heard(&ada, TrackId(0)).beat;
    let state = state(&ada);
    let playing = state.track(TrackId(0)).and_then(|track| track.playing_at(beat)).expect("a clip that plays");
    let row = state.scene_position(playing.scene).expect("a row");
    assert!((2..=6).contains(&row), "the first row that is shown is {row}");
    is_well(&page);
}

#[test]
fn a_page_keeps_to_its_sizes() {
    let (game, engine) = (packed::file("keyboardia.wasm"), packed::file("engine.wasm"));
    let sizes = [bytes(&game), brotli_bytes(&game), bytes(&engine)];
    let most = [GAME_BYTES_MAX, GAME_BROTLI_BYTES_MAX, ENGINE_BYTES_MAX];
    println!("game, game compressed, engine: {sizes:?} bytes");
    assert!(sizes.iter().zip(most).all(|(size, most)| *size <= most), "{sizes:?} bytes, at most {most:?}");
}

#[test]
fn a_page_that_stalls_leaves_no_gap_in_its_sound() {
    // On a machine with time for it there are none at all; a busy one breaks the sound of a page that does not stall, too.
    let gaps: Vec<Gaps> = (0..TRIES).map(|_| gaps_under_stall(STEADY_S)).take_while(Gaps::are_of_the_stalls).collect();
    assert!(gaps.len() < TRIES, "gaps by the stalls each time, at these seconds: {gaps:?}");
}

/// A browser that keeps the sound to itself until it is asked once more.
const WITHHELD: &str = "globalThis.AudioContext = class extends AudioContext {
    constructor(options) {
        super(options);
        this.suspend();
    }
    resume() {
        return globalThis.mayPlay ? super.resume() : new Promise(() => {});
    }
};";

#[test]
fn a_page_whose_sound_is_withheld_says_so_and_plays_when_it_is_asked_again() {
    let room = Room::open();
    let host = HostProcess::start();
    let ada = place(&host).native();
    let browser = Browser::start(&room, &[]);
    let page = enter(&browser, "ben", &place(&host).link(), json!({ "init": WITHHELD }));
    page.wait("!document.querySelector('#note').hidden");
    let told = page.evaluate("document.querySelector('#told').textContent");
    assert!(told.as_str().is_some_and(|told| told.contains("suspended the sound")), "{told}");
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    page.evaluate("globalThis.mayPlay = true");
    page.press("#act");
    sounds(&room.record());
    page.wait("document.querySelector('#note').hidden");

    // Somebody plugs in headphones.
    page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))");
    page.wait("document.querySelector('#told').textContent.includes('devices have changed')");
    sounds(&room.record());
    is_well(&page);
}

#[test]
fn a_page_says_which_sounds_its_host_does_not_have() {
    let (room, nothing) = (Room::open(), TempDir::new().unwrap());
    let host = HostProcess::start();
    let browser = Browser::start(&room, &["--autoplay-policy=no-user-gesture-required"]);
    let mut page = Undrawn::join(&browser, "ben", &host.http, &host.code, Some(nothing.path()));
    let why = slowly("a sentence", || page.view()?.damaged.values().next().cloned());
    assert!(why.starts_with("The sound ") && why.ends_with(" is not on this host (404)."), "{why}");
    // The jam goes on without them.
    slowly("nothing to wait for", || page.view()?.loading.is_empty().then_some(()));
}

#[test]
fn a_page_in_the_background_goes_on_sounding_and_is_drawn_when_it_is_back() {
    let (room, dir) = (Room::open(), TempDir::new().unwrap());
    let host = HostProcess::start();
    let ada = place(&host).native();
    let browser = Browser::start_plain(&room, &[]);
    let page = enter(&browser, "ben", &place(&host).link(), json!({}));
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    let recording = room.record();
    sounds(&recording);
    unbroken("while the page was in the background", || {
        let front = browser.open("front", &format!("http://{}/healthz", host.http), json!({}));
        front.show();
        page.wait("document.visibilityState === 'hidden'");
        let silence = lasts(&recording, HIDDEN_S);
        front.shut();
        page.show();
        page.wait("document.visibilityState === 'visible'");
        silence
    });

    // It is drawn, and takes presses.
    let before = page.picture(&dir.path().join("before.png"));
    page.click(SECOND_COLUMN);
    assert!(is_on_a_bar(&heard(&ada, TrackId(1))));
    let (x, y) = (SECOND_COLUMN.0 as usize, SECOND_COLUMN.1 as usize);
    slowly("a pad that lights up", || {
        let after = page.picture(&dir.path().join("after.png"));
        (changed(&before, &after, [x - 40, y - 20, x + 40, y + 20]) > 500).then_some(())
    });
    is_well(&page);
}

/// A copy of the page that is another one by its own account.
fn another_page(dir: &Path) {
    let copied = Program::new("cp").arg("-r").arg(packed::dir()).arg(dir).status().expect("cp");
    assert!(copied.success());
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect("a file of the page");
    let list: Value = serde_json::from_str(&read("assets.json")).expect("a list");
    let version = list["version"].as_str().expect("a version");
    for name in ["assets.json", "index.html"] {
        std::fs::write(dir.join(name), read(name).replace(version, "another")).expect("a file");
        for squeezed in ["br", "gz"] {
            // Small files have none.
            std::fs::remove_file(dir.join(format!("{name}.{squeezed}"))).unwrap_or_default();
        }
    }
}

#[test]
fn a_page_whose_host_comes_back_with_another_page_offers_it_and_goes_on_on_the_same_seat() {
    let (room, dir) = (Room::open(), TempDir::new().unwrap());
    let (data, other) = (dir.path().join("data"), dir.path().join("page"));
    another_page(&other);
    let host = HostProcess::keeping(&data);
    let link = place(&host).link();
    let browser = Browser::start(&room, &[]);
    let page = enter(&browser, "ben", &link, json!({}));
    assert_eq!(page.evaluate("document.querySelector('#note').hidden"), true);
    let arguments = ["--data".to_owned(), data.display().to_string(), "--web".into(), other.display().to_string()];
    let host = host.crash_only().start(&arguments.each_ref().map(String::as_str));
    page.wait("document.querySelector('#told').textContent === 'The host has a newer game.'");
    page.press("#act");
    begin(&page);
    let assets = page.evaluate("JSON.parse(document.querySelector('#assets').textContent).version");
    assert_eq!(assets, "another");
    let ada = place(&host).native();
    assert_eq!(state(&ada).players().len(), 2, "it is the same player");
}

#[test]
fn two_tabs_and_a_native_player_agree() {
    let host = HostProcess::start();
    visits::two_tabs_and_a_native_player_agree(place(&host));
}

#[test]
fn a_page_from_another_machine_is_led_to_https_and_plays() {
    let room = Room::open();
    let addresses = if_addrs::get_if_addrs().expect("the machine's addresses");
    let address = addresses.iter().map(if_addrs::Interface::ip).find(|ip| ip.is_ipv4() && !ip.is_loopback());
    let host = HostProcess::at(&address.expect("an address that others can reach").to_string(), &[]);
    let ada = place(&host).native();
    let browser = Browser::start(&room, &[]);
    // Whoever sits there has looked at the certificate's fingerprint, and goes on.
    let page = browser.open("ben", &place(&host).link(), json!({ "insecure": true }));
    page.press("#way");
    page.wait("location.protocol === 'https:' && isSecureContext");
    begin(&page);
    assert_eq!(present(&ada), 2);
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    sounds(&room.record());
    assert_eq!(page.heard()["errors"], json!([]));
}
