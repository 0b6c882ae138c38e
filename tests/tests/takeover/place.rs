//! A place that fails, sleeps or has heard nothing yet while a host has its session: nobody loses anything.

use super::{Both, KEY, come, come_back, dial, hear, host_with, is_safe, named, place, say, secret, track_name};
use keyboardia_session::{
    Authority, EventKind, Farewell, Manifest, Micros, SceneId, SeatToken, SessionCode, SessionSetup, TrackId,
    api::ApiErrorKind,
    bridge::{FromHost, FromPlace},
    limits::SEATS_MAX,
    wire::{self, Hello},
};
use keyboardia_tests::{
    bots::{heard, state},
    cloud::Cloud,
    concert::{Doors, Programme, play_at, play_in_time},
    conformance::{name_of, rename},
    process::{wait_at_most, wait_for},
};
use keyboardia_visitor::{Failure, Message, Visitor, handshake, join, until};
use std::{
    net::TcpStream,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Time in which a place falls asleep, and how often it is waited for.
const NAP: Duration = Duration::from_secs(12);
const NAPS: usize = 5;
/// How long the music plays when its host vanishes, and from the moment when that is listened to.
const BEFORE: Duration = Duration::from_secs(14);
const PART: Duration = Duration::from_secs(25);
/// How long it may take until then, and the time between two keep-alives of somebody who waits for it.
const PLAYING_MAX: Duration = Duration::from_mins(3);
const PING: Duration = Duration::from_secs(5);

/// Kills the place as a crash would, and starts it where it was.
fn crash(cloud: Cloud, dir: &TempDir) -> Cloud {
    cloud.crash(dir.path(), &secret().each_ref().map(String::as_str))
}

/// How often the place has waked up with a host's session, by its own word.
fn wakes(cloud: &Cloud) -> usize {
    cloud.said().matches("a session of a host wakes").count()
}

/// The session of a host that nobody else knows, as a whole.
fn whole(seq: u64) -> FromHost {
    let authority = Authority::new(SessionSetup::starter(&Manifest::builtin().unwrap()), Micros(1));
    FromHost::Whole { snapshot: authority.snapshot(), seq }
}

/// Whether nobody finds a session.
fn is_unknown(cloud: &Cloud, code: &str) -> bool {
    let answer = join(&cloud.http, code, &named("Nobody"), None);
    matches!(answer, Err(Failure::Refused { status: 404, error }) if error.kind == ApiErrorKind::UnknownSession)
}

#[test]
fn a_place_that_crashes_under_its_host_holds_all_that_was_acknowledged_and_relays_again() {
    let Both { dir, mut cloud, host, ada, mut ben } = Both::begin();
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    ben.command(rename(0, "Before"));
    wait_for("an edit, safely", || {
        ben.tick();
        (track_name(&ada, 0) == "Before" && is_safe(&ada)).then_some(())
    });
    let playing = state(&ada).transport().last().anchor_time;

    cloud = crash(cloud, &dir);
    // She does not notice, and her host finds the place again; he comes back after that, to the same session. Had he been
    // the first, the place would go on without the host, and what was not safe yet would be undone.
    assert!(ada.command(rename(1, "Meanwhile")));
    wait_for("an edit, safely", || (track_name(&ada, 1) == "Meanwhile" && is_safe(&ada)).then_some(()));
    let mut ben = come_back(&cloud.http, &host.code, &ben);
    assert_eq!(state(&ada).transport().last().anchor_time, playing, "the same beats");
    until([&mut ben], "what was said", |[ben]| name_of(ben, 0) == "Before" && name_of(ben, 1) == "Meanwhile").unwrap();
    ben.command(rename(2, "After"));
    wait_for("an edit, safely", || {
        ben.tick();
        let is_there = track_name(&ada, 2) == "After" && ben.durable() >= Some(ben.state().seq());
        (is_there && is_safe(&ada)).then_some(())
    });

    // And what was acknowledged is there when both of them fail.
    let code = host.code.clone();
    drop(host.crash_only());
    cloud = crash(cloud, &dir);
    let cleo = come_back(&cloud.http, &code, &ben);
    assert_eq!([0, 1, 2].map(|track| name_of(&cleo, track)), ["Before", "Meanwhile", "After"]);
}

#[test]
fn a_place_sleeps_while_its_host_has_nothing_to_say_and_wakes_for_either_side() {
    let Both { dir: _dir, cloud, host: _host, ada, mut ben } = Both::begin();
    let mut round = 0;
    let mut edit = |ben: &mut Visitor, is_hers: bool| {
        round += 1;
        let name = format!("Round {round}");
        if is_hers {
            assert!(ada.command(rename(0, &name)));
        } else {
            ben.command(rename(0, &name));
        }
        wait_for("an edit at both", || {
            ben.tick();
            (track_name(&ada, 0) == name && name_of(ben, 0) == name).then_some(())
        });
    };
    for is_hers in [true, false] {
        edit(&mut ben, is_hers);
        let before = wakes(&cloud);
        let has_slept = (0..NAPS).any(|_| {
            // Long enough to fall asleep, with a sign of life of his halfway, which is answered without the place.
            for _ in 0..2 {
                std::thread::sleep(NAP / 2);
                ben.send_frame(Message::Text("ping".into()));
                until([&mut ben], "a pong", |[ben]| !ben.texts.is_empty()).unwrap();
                ben.texts.clear();
            }
            edit(&mut ben, is_hers);
            wakes(&cloud) > before
        });
        assert!(has_slept, "it does not sleep:\n{}", cloud.said());
    }
    let losses = |kind: &EventKind| matches!(kind, EventKind::PlayerLost(_) | EventKind::PlayerGone(_));
    assert!(!ben.is_gone() && !ben.heard_event(losses), "somebody was lost");
}

#[test]
fn a_host_that_has_not_said_yet_what_its_session_is_does_so_after_the_place_has_slept_or_failed() {
    let dir = TempDir::new().unwrap();
    let mut cloud = place(&dir);
    // It sleeps.
    let code = SessionCode::from_entropy(1).to_string();
    let mut line = dial(&cloud.http, &code, KEY).unwrap();
    say(&mut line, &FromHost::Hello { epoch: 1, granted: None });
    assert_eq!(hear(&mut line), Ok(FromPlace::Granted { epoch: 2, session: None }));
    let has_slept = (0..NAPS).any(|_| {
        let before = wakes(&cloud);
        std::thread::sleep(NAP);
        say(&mut line, &whole(7));
        assert_eq!(hear(&mut line), Ok(FromPlace::Held(7)));
        wakes(&cloud) > before
    });
    assert!(has_slept, "it does not sleep:\n{}", cloud.said());

    // It fails.
    let code = SessionCode::from_entropy(2).to_string();
    let mut line = dial(&cloud.http, &code, KEY).unwrap();
    say(&mut line, &FromHost::Hello { epoch: 1, granted: None });
    assert_eq!(hear(&mut line), Ok(FromPlace::Granted { epoch: 2, session: None }));
    cloud = crash(cloud, &dir);
    let mut line = dial(&cloud.http, &code, KEY).unwrap();
    say(&mut line, &FromHost::Hello { epoch: 2, granted: Some(2) });
    let Ok(FromPlace::Granted { session: None, .. }) = hear(&mut line) else { panic!("a grant") };
    say(&mut line, &whole(8));
    assert_eq!(hear(&mut line), Ok(FromPlace::Held(8)));

    // It fails, and the host is gone with it: there is nothing, and nothing stays.
    let code = SessionCode::from_entropy(3).to_string();
    let mut line = dial(&cloud.http, &code, KEY).unwrap();
    say(&mut line, &FromHost::Hello { epoch: 1, granted: None });
    assert_eq!(hear(&mut line), Ok(FromPlace::Granted { epoch: 2, session: None }));
    cloud = crash(cloud, &dir);
    assert!(is_unknown(&cloud, &code));
    let mut line = dial(&cloud.http, &code, KEY).unwrap();
    say(&mut line, &FromHost::Hello { epoch: 1, granted: None });
    assert_eq!(hear(&mut line), Ok(FromPlace::Granted { epoch: 2, session: None }), "nothing of it is left");
}

#[test]
fn what_a_host_says_that_cannot_be_read_takes_nothing_away() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let code = keyboardia_visitor::create(&cloud.http).unwrap();
    let mut ben = come(&cloud.http, &code, "Ben");
    for (round, nonsense) in [
        FromHost::Whole { snapshot: vec![7; 700], seq: 9 },
        FromHost::Whole { snapshot: Vec::new(), seq: 9 },
        FromHost::Entries { entries: vec![vec![7; 70], vec![0]], seq: 9 },
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("Round {round}");
        ben.command(rename(0, &name));
        until([&mut ben], "an edit, safely", |[ben]| {
            name_of(ben, 0) == name && ben.durable() >= Some(ben.state().seq())
        })
        .unwrap();
        let mut line = dial(&cloud.http, &code, KEY).unwrap();
        say(&mut line, &FromHost::Hello { epoch: 1, granted: None });
        let Ok(FromPlace::Granted { session: Some(_), .. }) = hear(&mut line) else { panic!("a grant") };
        say(&mut line, &nonsense);
        if matches!(nonsense, FromHost::Whole { .. }) {
            assert_eq!(hear(&mut line), Err(Some(Farewell::Unnamed)));
        }
        drop(line);
        until([&mut ben], "his farewell", |[ben]| ben.farewell().is_some()).unwrap();
        ben = come_back(&cloud.http, &code, &ben);
        assert_eq!(name_of(&ben, 0), name);
    }
}

#[test]
fn players_whom_a_host_turns_away_at_its_place_leave_room_for_others() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    let host = host_with(&cloud.http, &[]);
    let mut ben = come(&cloud.http, &host.code, "Ben");
    for stranger in 0..=4 * SEATS_MAX {
        let mut socket = handshake(TcpStream::connect(&cloud.http).unwrap(), &cloud.http, &host.code).unwrap();
        socket.send(Message::Binary(wire::encode(&Hello { token: SeatToken([7; 32]) }).into())).unwrap();
        let Message::Close(Some(frame)) = socket.read().unwrap() else { panic!("stranger {stranger} stays") };
        assert_eq!(u16::from(frame.code), Farewell::NoSeat.code(), "stranger {stranger}");
    }
    let mut ada = come(&cloud.http, &host.code, "Ada");
    ada.command(rename(0, "There is room"));
    until([&mut ada, &mut ben], "an edit", |players| players.iter().all(|p| name_of(p, 0) == "There is room")).unwrap();
}

#[test]
fn when_the_host_vanishes_its_players_sound_on_at_the_place() {
    let dir = TempDir::new().unwrap();
    let cloud = place(&dir);
    play_in_time(|| {
        let host = host_with(&cloud.http, &[]);
        let code = host.code.clone();
        // Somebody at the place, who sees when the music begins.
        let watcher = come(&cloud.http, &code, "Watcher");
        let doors = Doors { natives: host.http.parse().unwrap(), pages: cloud.http.parse().unwrap() };
        let end = std::thread::spawn(move || {
            let (mut watcher, mut begun, mut pinged) = (watcher, None::<Instant>, Instant::now());
            let has_played = wait_at_most(PLAYING_MAX, || {
                if pinged.elapsed() > PING {
                    pinged = Instant::now();
                    watcher.send_frame(Message::Text("ping".into()));
                }
                watcher.tick();
                if watcher.state().transport().last().playing {
                    begun.get_or_insert_with(Instant::now);
                }
                begun.is_some_and(|begun| begun.elapsed() > BEFORE).then_some(())
            });
            has_played.map(|()| host.crash_only())
        });
        let programme = Programme { players: 2, part: PART, ..Programme::default() };
        let played = play_at(&programme, doors, &code);
        if end.join().unwrap().is_none() {
            return Err("the music has not played".into());
        }
        for told in &played.told {
            let away = told.iter().position(|(_, told)| !told.connected);
            let is_back = |away: usize| told[away..].iter().any(|(_, told)| told.connected);
            if !away.is_some_and(is_back) {
                return Err("nobody noticed the host's end, or has come back from it".into());
            }
        }
        played.in_time()
    });
}
