//! The page in a real Chromium, served by the Worker, in sessions that its objects keep.

use keyboardia_session::TrackId;
use keyboardia_tests::{
    bots::state,
    browser::{Browser, Page},
    cloud::Cloud,
    relay::{Relay, Weather},
    stage::Room,
    visits::{self, FIRST_PAD, Place, SECOND_COLUMN, enter, heard, is_on_a_bar, is_well, present, slowly, sounds},
};
use keyboardia_visitor::create;
use serde_json::json;
use std::{path::Path, time::Duration};
use tempfile::TempDir;

/// A place on the title's button that opens a session, left of what is written there, in a window of 1280 × 720: see
/// `title.rs` of the game.
const PLAY: (usize, usize) = (340, 526);

/// How long a finger stays for a tap.
const TAP: Duration = Duration::from_millis(80);

/// Whether something green is drawn at a place.
fn is_green(page: &Page, dir: &Path, (x, y): (usize, usize)) -> bool {
    let (width, _, pixels) = page.picture(&dir.join("title.png"));
    let at = 4 * (y * width as usize + x);
    let [red, green, ..] = pixels[at..at + 4] else { return false };
    green > 180 && green > 2 * red
}

/// Something happens at the Worker's.
fn at_the_worker(happens: impl FnOnce(Place)) {
    let dir = TempDir::new().unwrap();
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    happens(Place { http: &cloud.http, code: &code });
}

#[test]
fn a_page_joins_a_native_player_presses_and_is_seen_heard_and_remembered() {
    at_the_worker(|place| visits::a_page_joins_presses_and_comes_back(place, |_, _| {}));
}

#[test]
fn two_tabs_and_a_native_player_agree() {
    at_the_worker(visits::two_tabs_and_a_native_player_agree);
}

#[test]
fn a_page_opens_a_session_to_which_others_come() {
    let (room, dir) = (Room::open(), TempDir::new().unwrap());
    let cloud = Cloud::start(dir.path(), &[]);
    let browser = Browser::start(&room, &[]);
    let page = browser.open("ben", &format!("http://{}/", cloud.http), json!({}));
    page.press("#play");
    page.wait("document.querySelector('#title').hidden");
    slowly("the title", || is_green(&page, dir.path(), PLAY).then_some(()));
    page.click((PLAY.0 as f64, PLAY.1 as f64));
    page.wait("performance.getEntriesByName('keyboardia-arrived').length > 0");
    let code = page.evaluate("keyboardia.code()");
    let place = Place { http: &cloud.http, code: code.as_str().unwrap() };
    let ada = place.native();
    assert_eq!(present(&ada), 2);
    page.click(FIRST_PAD);
    let first = heard(&ada, TrackId(0));
    assert!(is_on_a_bar(&first), "{first:?}");
    is_well(&page);
}

#[test]
fn a_finger_plays_and_a_page_whose_network_was_gone_is_back_on_its_seat() {
    let (room, dir) = (Room::open(), TempDir::new().unwrap());
    let cloud = Cloud::start(dir.path(), &[]);
    let code = create(&cloud.http).unwrap();
    let ada = Place { http: &cloud.http, code: &code }.native();
    let mut network = Relay::open(Weather::CALM, Weather::CALM, 1);
    let door = network.open_web(cloud.http.parse().unwrap()).address.to_string();
    let browser = Browser::start(&room, &[]);
    let page = enter(&browser, "ben", &Place { http: &door, code: &code }.link(), json!({ "touch": true }));
    assert_eq!(present(&ada), 2);
    page.touch(FIRST_PAD, TAP);
    let first = heard(&ada, TrackId(0));
    assert!(is_on_a_bar(&first), "{first:?}");
    let recording = room.record();
    sounds(&recording);

    // The object misses the page; its sound goes on meanwhile.
    network.cut_all();
    slowly("a player that is missed", || (present(&ada) == 1).then_some(()));
    sounds(&recording);
    network.mend();
    slowly("the page back in the session", || (present(&ada) == 2).then_some(()));
    assert_eq!(state(&ada).players().len(), 2, "it is the same player");
    page.touch(SECOND_COLUMN, TAP);
    heard(&ada, TrackId(1));
    assert_eq!(page.heard()["errors"], json!([]));
}
