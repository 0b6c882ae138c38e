//! A player in a browser with a loudspeaker and a microphone: how late it is, and what it records, all by hands on the page.

use crate::{
    browser::{Browser, Page},
    process::wait_at_most,
    singer::{Singer, offs},
    stage::Room,
    visits::{enter, slowly},
};
use keyboardia_session::{Cell, Command, SceneId, SoundId, Tempo, TrackId};
use serde_json::json;
use std::time::Duration;

/// What lets a browser have its microphone without a question.
const ARGUMENTS: [&str; 1] = ["--use-fake-ui-for-media-stream"];
/// The slot that is recorded for, which is empty in the starter groove.
const SLOT: Cell = Cell::new(TrackId(7), SceneId(7));
/// Where hands go, in a window of 1280 × 720: that slot, the metronome, the settings, their page for the microphone, what
/// measures it there, and somewhere beside them.
const PAD: (f64, f64) = (852.0, 505.0);
const METRONOME: (f64, f64) = (690.0, 34.0);
const SETTINGS: (f64, f64) = (1_200.0, 34.0);
const MICROPHONE: (f64, f64) = (626.0, 188.0);
const MEASURE: (f64, f64) = (394.0, 457.0);
const BESIDE: (f64, f64) = (60.0, 690.0);
/// Frames after which the window has followed a hand: one in which it is seen, some in which what it opens finds its place.
const FOLLOWS: usize = 8;
/// How often it is measured at most, and how long that takes at most: a bar until it begins, two bars, and a slow window.
const TRIES: usize = 6;
const MEASURING_MAX: Duration = Duration::from_secs(12);
/// Whether the page remembers that its microphone was measured.
const MEASURED: &str = "(JSON.parse(localStorage['keyboardia-settings'] ?? '{}').input_nudge_us ?? 0) !== 0";
/// Beats of what is recorded: two bars.
const BEATS: usize = 8;

/// Lets a page measure its microphone, and record so many takes of the metronome. How far their ticks are from their beats,
/// seconds; the file is what `ear`, who hears nothing, has fetched. `dir`: where pictures go.
pub fn takes(
    room: &Room,
    host: &str,
    code: &str,
    bpm: f64,
    count: usize,
    pictures: Option<&std::path::Path>,
) -> Vec<f64> {
    room.plug_in_microphone();
    let ear = Singer::join_silently(host, code);
    crate::bots::ready(&ear.player);
    assert!(ear.player.command(Command::SetTempo(Tempo::from_bpm(bpm).expect("a tempo"))));
    assert!(ear.player.command(Command::SetPlaying(true)));
    let browser = Browser::start(room, &ARGUMENTS);
    let page = enter(&browser, "ada", &format!("http://{host}/#{code}"), json!({}));
    let picture = |name: &str| {
        if let Some(dir) = pictures {
            page.picture(&dir.join(name));
        }
    };
    let click = |place: (f64, f64)| {
        page.click(place);
        follow(&page);
    };
    click(SETTINGS);
    click(MICROPHONE);
    picture("microphone.png");
    // What is not heard clearly on a busy machine is measured again, as people do.
    let is_measured = (0..TRIES).any(|_| {
        click(MEASURE);
        picture("measuring.png");
        wait_at_most(MEASURING_MAX, || (page.evaluate(MEASURED) == true).then_some(())).is_some()
    });
    assert!(is_measured, "{TRIES} measurements came to nothing");
    picture("measured.png");
    click(BESIDE);
    click(METRONOME);
    click(PAD);
    let mut all = Vec::new();
    let mut before: Option<SoundId> = None;
    key(&page, "F9");
    for take in 0..count {
        key(&page, "F9");
        if take == 0 {
            picture("recording.png");
        }
        let clip = slowly("a take", || {
            let clip = crate::bots::state(&ear.player).clip(SLOT).cloned()?;
            (Some(&clip.sound) != before.as_ref()).then_some(clip)
        });
        let clip = slowly("its sound", || ear.has(&clip.sound).then_some(clip.clone()));
        all.extend(offs(&ear.file(&clip), BEATS, bpm));
        before = Some(clip.sound);
        // What was sung goes on, and would be heard by the next take.
        assert!(ear.player.command(Command::StopTrack { track: SLOT.track }));
    }
    crate::visits::is_well(&page);
    all
}

/// Presses a key of the keyboard, lets it go, and waits until the window has followed.
fn key(page: &Page, code: &str) {
    for kind in ["keydown", "keyup"] {
        let event = format!("new KeyboardEvent('{kind}', {{code: '{code}', key: '{code}', bubbles: true}})");
        page.evaluate(&format!("document.querySelector('#keyboardia').dispatchEvent({event})"));
        follow(page);
    }
}

/// Waits until the window has drawn what follows of a hand.
fn follow(page: &Page) {
    page.evaluate(&format!(
        "new Promise((done) => {{ let left = {FOLLOWS}; const next = () => left-- > 0 ? requestAnimationFrame(next) : \
         done(); next(); }})"
    ));
}
