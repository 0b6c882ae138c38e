//! A browser's seat and sound beside a native player, without the browser: real host, real WebSocket.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Connection, Heard, Player, PreviewStart, port::FromWindow, view::Wish};
use keyboardia_session::{
    Beats, Cell, Command, Manifest, Notice, Profile, Refusal, SceneId, SessionCode, TrackId,
    api::{ApiError, ApiErrorKind},
    limits::SAMPLE_RATE_HZ,
};
use keyboardia_tests::{
    bots::{bot, ready},
    measure::{onset, rms},
    process::{HostProcess, PATIENCE, wait_for},
    soundfiles::{tones, wav16},
    tab::Tab,
};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::{Duration, Instant},
};

/// A slot of the starter groove that is empty.
const EMPTY: Cell = Cell::new(TrackId(7), SceneId(7));

fn sounds() -> PathBuf {
    std::env::var_os("KEYBOARDIA_SOUNDS").map_or_else(|| PathBuf::from("../assets/sounds"), PathBuf::from)
}

/// A native player in the session.
fn native(host: &HostProcess) -> Player {
    let player = bot(&host.http, Some(&host.code));
    ready(&player);
    player
}

fn join(host: &HostProcess, token: Option<String>) -> Tab {
    let mut tab = Tab::open(&host.http, sounds());
    tab.say(&FromWindow::Join { code: Some(host.code.clone()), profile: Profile::default(), token });
    until(&mut tab, "a tab that is ready", |tab| {
        let view = tab.view.as_ref()?;
        if let Connection::Failed(why) = &view.connection {
            panic!("{why}");
        }
        let session = view.session.as_ref()?;
        (view.connection == Connection::Connected && session.now.is_some() && view.loading.is_empty()).then_some(())
    });
    tab
}

/// Gives the tab its turns until something holds.
fn until<T>(tab: &mut Tab, what: &str, mut condition: impl FnMut(&mut Tab) -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        tab.turn();
        if let Some(found) = condition(tab) {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}: {:?}", tab.view);
        std::thread::sleep(Duration::from_micros(500));
    }
}

fn heard(tab: &mut Tab, track: TrackId) -> Heard {
    until(tab, "a clip that sounds", |tab| tab.heard.drain(..).find(|heard| heard.track == track))
}

#[test]
fn a_tab_and_a_native_player_start_the_clip_within_a_millisecond_and_the_tab_sounds_then() {
    let host = HostProcess::start();
    let ada = native(&host);
    let mut tab = join(&host, None);
    // The clocks of both settle.
    let settled = Instant::now();
    until(&mut tab, "time to pass", |_| (settled.elapsed() > Duration::from_secs(2)).then_some(()));
    tab.say(&FromWindow::Wish(Wish::Press(TrackId(0), SceneId(0))));
    let ours = heard(&mut tab, TrackId(0));
    let theirs = wait_for("the same clip", || ada.take_heard().into_iter().find(|heard| heard.track == TrackId(0)));
    assert_eq!(ours.start, theirs.start);
    let apart_ms = (ours.at.0 - theirs.at.0).abs() as f64 / 1e6;
    assert!(apart_ms < 1.0, "{apart_ms} ms apart by their own accounts");
    assert!(ours.beat - ours.start < Beats(1_000_000), "it begins at its beginning");

    // What came out begins when the tab says: the frame at the speaker at that session time.
    let (now, local) = until(&mut tab, "the present", |tab| {
        let session = tab.view.as_ref()?.session.as_ref()?;
        Some((session.now?, tab.elapsed()))
    });
    let begin = onset(&tab.out, 0, 0.01).expect("sound");
    let at_speaker_s = begin as f64 / 48_000.0 + 0.020;
    let session_s = (ours.at.0 - now.0 as i64 * 1_000) as f64 / 1e9 + local.as_secs_f64();
    let off_ms = (at_speaker_s - session_s) * 1e3;
    // The picture's present may be some turns old, and a kick drum takes a moment to be loud.
    assert!((-8.0..12.0).contains(&off_ms), "the sound is {off_ms} ms off");
    assert!(rms(&tab.out[begin..]) > 0.02);
}

#[test]
fn a_sound_that_a_native_player_brings_sounds_in_a_tab_too_and_a_tab_that_comes_later_has_it() {
    let (host, dir) = (HostProcess::start(), tempfile::tempdir().unwrap());
    let ada = native(&host);
    let mut tab = join(&host, None);
    let file = dir.path().join("hit.wav");
    std::fs::write(&file, wav16(&tones(1, SAMPLE_RATE_HZ as usize / 2), SAMPLE_RATE_HZ)).unwrap();
    ada.bring_file(file, EMPTY, false);
    let is_here = |tab: &mut Tab| {
        let view = tab.view.as_ref()?;
        let sound = &view.session.as_ref()?.state.clip(EMPTY)?.sound;
        assert_eq!(view.damaged.get(sound), None);
        (view.overviews.contains_key(sound) && !view.loading.contains(sound)).then_some(())
    };
    until(&mut tab, "an own sound", is_here);
    let silent = tab.out.len();
    tab.say(&FromWindow::Wish(Wish::Press(EMPTY.track, EMPTY.scene)));
    let ours = heard(&mut tab, EMPTY.track);
    let theirs = wait_for("the same clip", || ada.take_heard().into_iter().find(|heard| heard.track == EMPTY.track));
    assert_eq!(ours.start, theirs.start);
    until(&mut tab, "its sound", |tab| (rms(&tab.out[silent..]) > 0.01).then_some(()));
    until(&mut join(&host, None), "an own sound", is_here);
}

#[test]
fn a_correction_of_a_tab_s_latency_holds_at_once() {
    const NUDGE_US: i32 = 19_000;
    let host = HostProcess::start();
    let _ada = native(&host);
    let mut tab = join(&host, None);
    tab.say(&FromWindow::Wish(Wish::Command(Command::SetPlaying(true))));
    let in_time = |tab: &mut Tab| {
        let view = tab.view.as_ref()?;
        let is_playing = view.session.as_ref()?.is_playing();
        (is_playing && view.phase_error_us.abs() < 1_000).then_some(())
    };
    until(&mut tab, "a transport that runs", in_time);
    let settled = Instant::now();
    until(&mut tab, "time to pass", |_| (settled.elapsed() > Duration::from_secs(2)).then_some(()));
    // Less than what is jumped by itself: what is not told to be a jump is made good for in ten seconds.
    tab.say(&FromWindow::LatencyNudge(NUDGE_US));
    tab.say(&FromWindow::Wish(Wish::Press(TrackId(0), SceneId(0))));
    let from = tab.out.len();
    let ours = until(&mut tab, "a clip that sounds", |tab| {
        let phase_us = tab.view.as_ref()?.phase_error_us;
        // A few reports may still tell of before.
        assert!(tab.out.len() < from + 9_600 || phase_us.abs() < 5_000, "{phase_us} µs out of time");
        tab.heard.drain(..).find(|heard| heard.track == TrackId(0))
    });
    let (now, local) = until(&mut tab, "the present", |tab| {
        let session = tab.view.as_ref()?.session.as_ref()?;
        Some((session.now?, tab.elapsed()))
    });
    let begin = onset(&tab.out, from, 0.01).expect("sound");
    let at_speaker_s = begin as f64 / 48_000.0 + 0.020;
    let session_s = (ours.at.0 - now.0 as i64 * 1_000) as f64 / 1e9 + local.as_secs_f64();
    let off_ms = (at_speaker_s - session_s) * 1e3 + f64::from(NUDGE_US) / 1e3;
    assert!((-8.0..12.0).contains(&off_ms), "the sound is {off_ms} ms off");
}

#[test]
fn a_tab_that_loses_its_network_goes_on_sounding_and_is_back_on_its_seat() {
    let host = HostProcess::start();
    let ada = native(&host);
    let mut tab = join(&host, None);
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&mut tab, TrackId(0));
    let me = tab.view.as_ref().and_then(|view| Some(view.session.as_ref()?.me));
    tab.cut(false);
    let from = tab.out.len();
    until(&mut tab, "a lost connection", |tab| {
        let view = tab.view.as_ref()?;
        matches!(view.connection, Connection::Reconnecting(_)).then_some(())
    });
    tab.say(&FromWindow::Wish(Wish::Press(TrackId(1), SceneId(0))));
    until(&mut tab, "a refusal", |tab| {
        tab.notices.drain(..).any(|notice| notice == Notice::Refused(Refusal::NotConnected)).then_some(())
    });
    until(&mut tab, "three seconds of sound", |tab| (tab.out.len() > from + 3 * 48_000).then_some(()));
    assert!(tab.out[from..].chunks_exact(24_000).all(|half| rms(half) > 0.01), "the sound went on");
    tab.cut(true);
    assert_eq!(tab.returned, 0);
    until(&mut tab, "the session again", |tab| (tab.view.as_ref()?.connection == Connection::Connected).then_some(()));
    assert_eq!(tab.returned, 1, "the host may have another page by now");
    assert_eq!(tab.view.as_ref().and_then(|view| Some(view.session.as_ref()?.me)), me);
}

#[test]
fn a_sound_that_is_needed_while_the_network_is_gone_comes_when_it_is_back() {
    let host = HostProcess::start();
    let _ada = native(&host);
    let mut tab = join(&host, None);
    tab.cut(false);
    let sound = Manifest::builtin().unwrap().sounds.last().expect("a sound").id.clone();
    tab.say(&FromWindow::Preview(Some((sound.clone(), PreviewStart::Now))));
    // Longer than a few attempts in a row take.
    let gone = Instant::now();
    until(&mut tab, "seconds without a network", |_| (gone.elapsed() > Duration::from_secs(4)).then_some(()));
    let view = tab.view.clone().expect("a picture");
    assert!(view.damaged.is_empty() && view.previewing.as_ref() == Some(&sound), "{:?}", view.damaged);
    tab.cut(true);
    let from = tab.out.len();
    until(&mut tab, "the sound", |tab| (rms(&tab.out[from..]) > 1e-3).then_some(()));
}

/// A host that refuses every request with this answer.
fn refusing(status: u16, kind: ApiErrorKind) -> SocketAddr {
    let door = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = door.local_addr().expect("where it is");
    let body = serde_json::to_string(&ApiError { kind, message: "Update the older one.".into() }).expect("JSON");
    std::thread::spawn(move || {
        for guest in door.incoming().map_while(Result::ok) {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} No\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            let mut request = BufReader::new(&guest);
            let mut line = String::new();
            let mut bytes = 0;
            while request.read_line(&mut line).is_ok_and(|count| count > 2) {
                let lower = line.to_ascii_lowercase();
                bytes =
                    lower.strip_prefix("content-length: ").and_then(|text| text.trim().parse().ok()).unwrap_or(bytes);
                line.clear();
            }
            request.read_exact(&mut vec![0; bytes]).unwrap_or_default();
            (&guest).write_all((head + &body).as_bytes()).unwrap_or_default();
        }
    });
    address
}

#[test]
fn a_tab_that_speaks_another_version_looks_for_a_newer_page_and_keeps_its_seat() {
    let address = refusing(426, ApiErrorKind::OtherProtocol);
    let mut tab = Tab::open(&address.to_string(), sounds());
    let (code, token) = (SessionCode::from_entropy(7).to_string(), "0".repeat(64));
    tab.remembered = Some((code.clone(), token.clone()));
    tab.say(&FromWindow::Join { code: Some(code.clone()), profile: Profile::default(), token: Some(token.clone()) });
    let why = until(&mut tab, "a look for a newer page", |tab| tab.stale.clone());
    assert_eq!(why, "Update the older one.");
    // Neither the seat nor the session is given up: the newer page goes on with them.
    assert_eq!(tab.remembered, Some((code, token)));
    until(&mut tab, "a picture", |tab| {
        (tab.view.as_ref()?.connection == Connection::Reconnecting(why.clone())).then_some(())
    });
}

#[test]
fn a_tab_that_is_reloaded_has_its_seat_and_one_with_another_s_token_is_told() {
    let host = HostProcess::start();
    let tab = join(&host, None);
    let me = tab.view.as_ref().and_then(|view| Some(view.session.as_ref()?.me));
    let (code, token) = tab.remembered.clone().expect("a token to remember");
    assert_eq!(code, host.code);
    drop(tab);
    let mut again = join(&host, Some(token.clone()));
    assert_eq!(again.view.as_ref().and_then(|view| Some(view.session.as_ref()?.me)), me);
    // The same seat once more: who was there is out, and says why.
    let _third = join(&host, Some(token));
    let why = until(&mut again, "a farewell", |tab| match &tab.view.as_ref()?.connection {
        Connection::Failed(why) => Some(why.clone()),
        _ => None,
    });
    assert!(why.contains("somewhere else"), "{why}");
    assert_eq!(again.remembered, None, "what is worth nothing is not kept");
}

#[test]
fn a_tab_creates_sessions_previews_sounds_and_is_told_what_is_wrong() {
    let host = HostProcess::start();
    let mut tab = Tab::open(&host.http, sounds());
    tab.say(&FromWindow::Join { code: None, profile: Profile::default(), token: None });
    until(&mut tab, "a new session", |tab| {
        let view = tab.view.as_ref()?;
        (view.connection == Connection::Connected && view.loading.is_empty()).then_some(())
    });
    let sound = Manifest::builtin().unwrap().sounds.last().expect("a sound").id.clone();
    tab.say(&FromWindow::Preview(Some((sound.clone(), PreviewStart::Now))));
    let from = tab.out.len();
    until(&mut tab, "a preview that sounds", |tab| {
        let is_shown = tab.view.as_ref()?.previewing.as_ref() == Some(&sound);
        (is_shown && rms(&tab.out[from..]) > 1e-3).then_some(())
    });
    tab.say(&FromWindow::Preview(None));
    until(&mut tab, "its end", |tab| tab.view.as_ref()?.previewing.is_none().then_some(()));
    tab.say(&FromWindow::Wish(Wish::Command(Command::Launch { track: TrackId(99), scene: SceneId(0) })));
    until(&mut tab, "a refusal", |tab| {
        tab.notices.drain(..).any(|notice| matches!(notice, Notice::Refused(_))).then_some(())
    });
    for (code, part) in [("nonsense", "five words"), ("able-acid-aged-also-area", "session")] {
        tab.say(&FromWindow::Join { code: Some(code.into()), profile: Profile::default(), token: None });
        let why = until(&mut tab, "a sentence", |tab| match &tab.view.as_ref()?.connection {
            Connection::Failed(why) => Some(why.clone()),
            _ => None,
        });
        assert!(why.contains(part) && why.ends_with('.'), "{why}");
        tab.view = None;
    }
}
