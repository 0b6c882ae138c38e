//! Visits to the page in a real browser, whoever serves it: what people do there, and what must come of it. A native player
//! is in the same session, and watches.

use crate::{
    bots::{bot, ready, seat, state},
    browser::{Browser, Page},
    measure::rms,
    process::wait_at_most,
    stage::{RATE, Recording, Room},
    undrawn::Undrawn,
};
use keyboardia_player::{Heard, Player, port::FromWindow, view::Wish};
use keyboardia_session::{Command, SceneId, Tempo, TimeSignature, TrackId};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

/// Middles of the first pads of the first two columns, in a window of 1280 × 720: see `playfield/layout.rs` of the game.
pub const FIRST_PAD: (f64, f64) = (66.0, 128.0);
/// See [`FIRST_PAD`].
pub const SECOND_COLUMN: (f64, f64) = (178.0, 128.0);
/// A page drawn in software takes its time.
const SLOW: Duration = Duration::from_mins(3);

/// Who serves the page and keeps a session.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Where: `host:port`.
    pub http: &'a str,
    /// The session's code.
    pub code: &'a str,
}

impl Place<'_> {
    /// A link to the session.
    pub fn link(&self) -> String {
        format!("http://{}/#{}", self.http, self.code)
    }

    /// A native player in the session.
    pub fn native(&self) -> Player {
        let player = bot(self.http, Some(self.code));
        ready(&player);
        player
    }
}

/// Players who are in the session now.
pub fn present(player: &Player) -> usize {
    state(player).players().iter().filter(|player| player.present).count()
}

/// Opens the page of a session and clicks to play.
pub fn enter<'a>(browser: &'a Browser, name: &'a str, url: &str, how: Value) -> Page<'a> {
    let page = browser.open(name, url, how);
    begin(&page);
    page
}

/// Clicks to play, and waits until the page is in the session and shows it.
pub fn begin(page: &Page) {
    page.press("#play");
    page.wait("performance.getEntriesByName('keyboardia-arrived').length > 0");
    page.wait("document.querySelector('#title').hidden");
}

/// Waits until something sounds in the room.
pub fn sounds(recording: &Recording) {
    slowly("sound in the room", || {
        let sound = recording.so_far();
        (sound.len() > RATE as usize && rms(&sound[sound.len() - RATE as usize..]) > 0.01).then_some(())
    });
}

/// Waits until `condition` gives something, as long as a page drawn in software may take.
///
/// # Panics
/// When it does not.
pub fn slowly<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_at_most(SLOW, condition).unwrap_or_else(|| panic!("waited {SLOW:?} in vain for {what}"))
}

/// Waits until a clip of this track begins to sound.
pub fn heard(player: &Player, track: TrackId) -> Heard {
    slowly("a clip that sounds", || player.take_heard().into_iter().find(|heard| heard.track == track))
}

/// Whether a clip that was launched to a bar began there.
pub fn is_on_a_bar(heard: &Heard) -> bool {
    heard.start.0 % TimeSignature::FourFour.bar().0 == 0 && heard.beat >= heard.start
}

/// Nothing has gone wrong in the page: it has complained of nothing, and its security policy has forbidden nothing.
///
/// # Panics
/// If anything has.
pub fn is_well(page: &Page) {
    let heard = page.heard();
    assert_eq!(heard["errors"], json!([]), "{heard}");
    let lines = heard["console"].as_array().expect("what it has said").iter().filter_map(Value::as_str);
    let complaints: Vec<&str> = lines.filter(|line| line.starts_with("error:")).collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

/// A page joins a native player, presses, and is seen, heard and remembered; what else is done with both at the end.
pub fn a_page_joins_presses_and_comes_back(place: Place, and_then: impl FnOnce(&Player, &Page)) {
    let (room, dir) = (Room::open(), TempDir::new().expect("a directory"));
    let ada = place.native();
    let browser = Browser::start(&room, &[]);
    let page = enter(&browser, "ben", &place.link(), json!({}));
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
    and_then(&ada, &page);
    let heard = page.heard();
    let strangers = heard["requests"].as_array().expect("requests").iter();
    let strangers: Vec<_> = strangers
        .filter(|url| !url.as_str().is_some_and(|url| url.contains(place.http) || url.starts_with("blob:")))
        .collect();
    assert!(strangers.is_empty(), "requests to others: {strangers:?}");
    is_well(&page);
}

/// Two tabs and a native player do something at once, and agree on what comes of it.
pub fn two_tabs_and_a_native_player_agree(place: Place) {
    let room = Room::open();
    let ada = place.native();
    let browser = Browser::start(&room, &["--autoplay-policy=no-user-gesture-required"]);
    let mut tabs = ["ben", "cyd"].map(|name| Undrawn::join(&browser, name, place.http, place.code, None));
    slowly("two tabs that are ready", || {
        let mut all = tabs.iter_mut().map(Undrawn::view);
        all.all(|view| view.is_some_and(|view| view.loading.is_empty() && view.session.is_some())).then_some(())
    });
    let [ben, cyd] = &tabs;
    ben.say(&FromWindow::Wish(Wish::Press(TrackId(0), SceneId(1))));
    cyd.say(&FromWindow::Wish(Wish::Command(Command::SetTempo(Tempo::from_bpm(97.3).expect("a tempo")))));
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
