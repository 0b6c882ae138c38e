//! Two players, a real host process, real UDP: one presses, both hear it at the same moment.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Connection, Ear, Ears, Hearing, Output, Player, PlayerOptions, PreviewStart, Transport};
use keyboardia_session::{
    Beats, Cell, Command, Edit, Gain, Name, Notice, Refusal, SceneId, SoundId, Tempo, TrackChange, TrackId,
    limits::SEATS_MAX,
};
use keyboardia_tests::{
    bots::{agree, bot, bot_by, heard, ready, state},
    measure::rms,
    process::{HostProcess, PATIENCE, Running, program, wait_for},
    relay::{Relay, Weather},
    stage::{self, Room},
};
use keyboardia_visitor::{client, udp};
use std::{io::Write, net::UdpSocket, process::Stdio};

#[test]
fn one_presses_and_both_engines_start_the_clip_within_a_millisecond() {
    let host = HostProcess::start();
    let (ada, ben) = (bot(&host.http, Some(&host.code)), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    let (drums, bass) = (TrackId(0), TrackId(1));
    assert!(ada.press(drums, SceneId(0)));
    let first = [heard(&ada, drums), heard(&ben, drums)];
    assert!(ben.press(bass, SceneId(1)));
    let second = [heard(&ada, bass), heard(&ben, bass)];
    for [one, other] in [first, second] {
        assert_eq!(one.start, other.start);
        let apart_ms = (one.at.0 - other.at.0).abs() as f64 / 1e6;
        assert!(apart_ms <= 1.0, "{apart_ms} ms apart");
        let late = one.beat - one.start;
        assert!(late < Beats(1_000_000), "began {late:?} into the clip");
    }
    assert_eq!(second[0].start.within(Beats::whole(4)), Beats::ZERO, "on the bar");
    agree(&[&ada, &ben]);
    assert!(state(&ada).players().len() == 2 && state(&ada).players().iter().all(|player| player.present));
}

#[test]
fn a_player_who_comes_later_starts_in_phase_and_agrees() {
    let host = HostProcess::start();
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    assert!(ada.command(Command::SetTempo(Tempo::from_bpm(133.0).unwrap())));
    wait_for("the new tempo", || (state(&ada).transport().last().tempo.milli_bpm() == 133_000).then_some(()));
    let ben = bot(&host.http, Some(&host.code));
    let late = heard(&ben, TrackId(0));
    assert!(late.beat > late.start, "mid-clip");
    let expected = state(&ada).transport().beat_at(late.at.micros());
    let apart = (expected - late.beat).as_f64().abs();
    assert!(apart < 0.005, "{apart} beats out of phase");
    agree(&[&ada, &ben]);
}

#[test]
fn leaving_and_joining_are_told_and_a_full_session_says_so() {
    let host = HostProcess::start();
    let mut players: Vec<Player> = (0..SEATS_MAX).map(|_| bot(&host.http, Some(&host.code))).collect();
    for player in &players {
        ready(player);
    }
    let surplus = bot(&host.http, Some(&host.code));
    let why = failure(&surplus);
    assert!(why.contains("full"), "{why}");
    let gone = players.pop().expect("ten players");
    let seat = gone.view().session.as_ref().expect("a session").me;
    drop(gone);
    wait_for("news of the loss", || players[0].take_notices().contains(&Notice::Lost(seat)).then_some(()));
    wait_for("an empty seat", || state(&players[0]).player(seat).filter(|player| !player.present).map(|_| ()));
}

#[test]
fn players_come_back_by_themselves_to_the_same_music_after_their_host_was_killed() {
    let dir = tempfile::tempdir().expect("a directory");
    let host = HostProcess::keeping(dir.path());
    let (ada, ben) = (bot(&host.http, Some(&host.code)), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
    heard(&ben, TrackId(0));
    let name = Name::sanitised("Thunder");
    let change = TrackChange::Name(name.clone());
    assert!(ben.command(Command::Edit(Edit::ChangeTrack { track: TrackId(3), change })));
    wait_for("the edit, safely", || {
        let view = ben.view();
        let session = view.session.as_ref()?;
        let is_named = session.state.track(TrackId(3)).is_some_and(|track| track.name == name);
        (is_named && session.durable == Some(session.state.seq())).then_some(())
    });
    let seats = [&ada, &ben].map(|player| player.view().session.as_ref().expect("a session").me);
    let before = state(&ada);

    let host = host.crash(dir.path());
    for player in [&ada, &ben] {
        wait_for("a lost connection", || matches!(player.view().connection, Connection::Reconnecting(_)).then_some(()));
    }
    // Nothing that is pressed meanwhile comes true late.
    assert!(ada.press(TrackId(1), SceneId(1)));
    let refused = Notice::Refused(Refusal::NotConnected);
    wait_for("a refusal", || ada.take_notices().contains(&refused).then_some(()));
    for player in [&ada, &ben] {
        wait_for("the connection", || (player.view().connection == Connection::Connected).then_some(()));
    }
    wait_for("everybody", || state(&ada).players().iter().all(|player| player.present).then_some(()));
    agree(&[&ada, &ben]);
    assert_eq!([&ada, &ben].map(|player| player.view().session.as_ref().expect("a session").me), seats);
    let after = state(&ada);
    assert_eq!(after.transport().last(), before.transport().last(), "the same beats");
    assert_eq!(after.track(TrackId(3)).map(|track| &track.name), Some(&name));
    let now = after.transport().beat_at(after.at());
    assert_eq!(after.tracks()[0].playing_at(now), before.tracks()[0].playing_at(now));
    assert!(ben.press(TrackId(2), SceneId(0)));
    let [one, other] = [&ada, &ben].map(|player| heard(player, TrackId(2)));
    assert_eq!(one.start, other.start);
    let apart_ms = (one.at.0 - other.at.0).abs() as f64 / 1e6;
    assert!(apart_ms <= 5.0, "{apart_ms} ms apart");
    drop(host);
}

#[test]
fn each_failure_to_join_is_a_clear_sentence() {
    let host = HostProcess::start();
    let unknown = failure(&bot(&host.http, Some("acorn-acorn-acorn-acorn-acorn")));
    assert!(unknown.contains("acorn-acorn"), "{unknown}");
    let nonsense = failure(&bot(&host.http, Some("nonsense")));
    assert!(nonsense.contains("five words"), "{nonsense}");
    let nobody = failure(&bot("127.0.0.1:9", Some(&host.code)));
    assert!(nobody.contains("No host answers at 127.0.0.1:9"), "{nobody}");
    let address = failure(&bot("not an address", None));
    assert!(address.contains("not an address"), "{address}");
}

#[test]
fn a_damaged_sound_is_named_and_the_rest_plays_on() {
    let host = HostProcess::start();
    let sounds = tempfile::tempdir().expect("a directory");
    let source = Player::sound_dir(&PlayerOptions::default()).expect("the library");
    for file in std::fs::read_dir(source).expect("the library").flatten() {
        std::fs::copy(file.path(), sounds.path().join(file.file_name())).expect("a copy");
    }
    let ids: Vec<_> = {
        let manifest = keyboardia_session::Manifest::builtin().expect("the manifest");
        manifest.starter.tracks.iter().filter_map(|track| track.slots[0].clone()).collect()
    };
    let bytes = std::fs::read(sounds.path().join(format!("{}.ogg", ids[0]))).expect("a sound");
    std::fs::write(sounds.path().join(format!("{}.ogg", ids[0])), &bytes[..bytes.len() / 2]).expect("half a sound");
    std::fs::write(sounds.path().join(format!("{}.ogg", ids[1])), b"not a sound").expect("no sound");
    std::fs::remove_file(sounds.path().join(format!("{}.ogg", ids[2]))).expect("a sound");
    let player = Player::join(PlayerOptions {
        host: host.http.clone(),
        code: Some(host.code.clone()),
        output: Output::Silent,
        sounds: Some(sounds.path().to_owned()),
        ..PlayerOptions::default()
    });
    let view = ready(&player);
    let damaged: Vec<_> = view.damaged.keys().cloned().collect();
    let mut want = ids[..3].to_vec();
    want.sort();
    assert_eq!(damaged, want);
    assert!(view.damaged[&ids[0]].contains("damaged"), "{}", view.damaged[&ids[0]]);
    assert!(player.press(TrackId(3), SceneId(0)));
    heard(&player, TrackId(3));
}

#[test]
fn a_player_on_a_web_socket_hears_the_same_at_the_same_moment_and_comes_back_after_a_crash() {
    let dir = tempfile::tempdir().expect("a directory");
    let host = HostProcess::keeping(dir.path());
    let ada = bot_by(Transport::WebSocket, &host.http, &host.code);
    let ben = bot_by(Transport::Udp, &host.http, &host.code);
    ready(&ada);
    ready(&ben);
    assert!(ben.press(TrackId(0), SceneId(0)));
    let first = [heard(&ada, TrackId(0)), heard(&ben, TrackId(0))];
    assert!(ada.press(TrackId(1), SceneId(1)));
    let second = [heard(&ada, TrackId(1)), heard(&ben, TrackId(1))];
    for [one, other] in [first, second] {
        assert_eq!(one.start, other.start);
        let apart_ms = (one.at.0 - other.at.0).abs() as f64 / 1e6;
        assert!(apart_ms <= 2.0, "{apart_ms} ms apart");
    }
    agree(&[&ada, &ben]);
    let me = ada.view().session.as_ref().expect("a session").me;
    let host = host.crash(dir.path());
    for player in [&ada, &ben] {
        wait_for("a player that is back", || {
            let view = player.view();
            (view.connection == Connection::Connected).then_some(())
        });
    }
    assert_eq!(ada.view().session.as_ref().expect("a session").me, me, "the same seat");
    assert!(ada.command(Command::SetTempo(Tempo::from_bpm(97.3).expect("a tempo"))));
    wait_for("the tempo", || (state(&ben).transport().last().tempo.bpm() < 100.0).then_some(()));
    agree(&[&ada, &ben]);
    drop(host);
}

#[test]
fn where_udp_does_not_come_through_a_web_socket_is_taken() {
    // Nobody forwards what is sent to these.
    let deaf: Vec<UdpSocket> = (0..2).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket")).collect();
    let addresses: Vec<String> =
        deaf.iter().map(|socket| socket.local_addr().expect("an address").to_string()).collect();
    let host = HostProcess::with(&["--relay", &addresses[0], &addresses[1]]);
    let ada = bot_by(Transport::Auto, &host.http, &host.code);
    ready(&ada);
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
}

#[test]
fn where_the_game_comes_through_but_not_the_time_a_web_socket_is_taken_too() {
    // Nobody answers who is asked for the time there.
    let deaf = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let relay = Relay::open(Weather::CALM, Weather::CALM, 1);
    let [game, time] = [relay.game, deaf.local_addr().expect("an address")].map(|address| address.to_string());
    let host = HostProcess::with(&["--relay", &game, &time]);
    let [udp, echo] = host.udp();
    relay.lead_to(udp, echo);
    let ada = bot_by(Transport::Auto, &host.http, &host.code);
    ready(&ada);
    assert!(relay.counts().0 > 0, "the game has come through");
    assert!(ada.press(TrackId(0), SceneId(0)));
    heard(&ada, TrackId(0));
}

#[test]
fn who_trusts_a_host_s_certificate_plays_by_https_and_a_secure_web_socket() {
    let deaf: Vec<UdpSocket> = (0..2).map(|_| UdpSocket::bind("127.0.0.1:0").expect("a socket")).collect();
    let addresses: Vec<String> =
        deaf.iter().map(|socket| socket.local_addr().expect("an address").to_string()).collect();
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().display().to_string();
    let host = HostProcess::with(&["--data", &data, "--relay", &addresses[0], &addresses[1]]);
    let secure = format!("https://{}", host.http);
    let why = failure(&bot(&secure, Some(&host.code)));
    assert!(why.contains("cannot prove who it is"), "{why}");
    let ada = bot_by(Transport::WebSocket, &host.http, &host.code);
    ready(&ada);
    let sounds = Player::sound_dir(&PlayerOptions::default()).expect("the library");
    let mut command = std::process::Command::new(program("keyboardia-bot"));
    command.arg(&secure).arg(&host.code).arg(sounds).env("SSL_CERT_FILE", dir.path().join("certificate.pem"));
    let mut ben = Running::start(command.stdin(Stdio::piped()).stdout(Stdio::null()));
    wait_for("the other player", || (state(&ada).players().len() == 2).then_some(()));
    let mut orders = ben.stdin().expect("its input");
    writeln!(orders, "tempo 97.3").expect("an order");
    wait_for("the tempo", || (state(&ada).transport().last().tempo.milli_bpm() == 97_300).then_some(()));
}

#[test]
fn malformed_packets_from_anywhere_do_not_disturb_the_jam() {
    let host = HostProcess::start();
    let (ada, ben) = (bot(&host.http, Some(&host.code)), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    let joined: keyboardia_session::api::Joined = client()
        .post(format!("http://{}/api/sessions/{}/join", host.http, host.code))
        .json(&serde_json::json!({ "protocol": keyboardia_session::limits::PROTOCOL_VERSION }))
        .send()
        .and_then(reqwest::blocking::Response::json)
        .expect("a seat");
    let noise = UdpSocket::bind("127.0.0.1:0").expect("a port");
    for round in 0..2_000_u32 {
        let bytes: Vec<u8> =
            (0..round % 1_300).map(|i| (i.wrapping_mul(round).wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let target = if round % 2 == 0 { udp(&joined).time } else { host.http.parse().expect("an address") };
        let _ = noise.send_to(&bytes, target);
    }
    assert!(ada.press(TrackId(0), SceneId(0)));
    let (one, other) = (heard(&ada, TrackId(0)), heard(&ben, TrackId(0)));
    assert!((one.at.0 - other.at.0).abs() <= 1_000_000);
    agree(&[&ada, &ben]);
}

/// Takes a looped clip off the grid, whose sound then is nowhere on it.
fn take_off(player: &Player) -> SoundId {
    let state = state(player);
    let clips: Vec<_> = state
        .tracks()
        .iter()
        .flat_map(|track| track.clips.iter().map(|(scene, clip)| (Cell::new(track.id, *scene), clip.clone())))
        .collect();
    let is_only = |sound: &SoundId| clips.iter().filter(|(_, clip)| clip.sound == *sound).count() == 1;
    let (cell, clip) = clips.iter().rev().find(|(_, clip)| clip.looped && is_only(&clip.sound)).expect("such a clip");
    assert!(player.command(Command::Edit(Edit::SetClip { cell: *cell, clip: None, replace: true })));
    clip.sound.clone()
}

fn level(player: &Player, track: TrackId) -> f32 {
    player.view().levels.tracks.get(&track).map_or(0.0, |level| level[0].max(level[1]))
}

#[test]
fn what_one_player_hears_alone_reaches_nobody_else() {
    let host = HostProcess::start();
    let (ada, ben) = (bot(&host.http, Some(&host.code)), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    let drums = TrackId(0);
    assert!(ada.press(drums, SceneId(0)));
    for player in [&ada, &ben] {
        wait_for("levels", || (level(player, drums) > 0.01 && player.view().levels.master[0] > 0.01).then_some(()));
    }
    agree(&[&ada, &ben]);
    let sound = take_off(&ada);
    for player in [&ada, &ben] {
        wait_for("a sound that is forgotten", || (!player.view().overviews.contains_key(&sound)).then_some(()));
    }
    // She mutes the drums for herself, listens to the metronome, and to the sound that is not on the grid any more.
    let mute = Ear { gain: Gain::UNITY, mute: true };
    ada.set_ears(Ears { tracks: [(drums, mute)].into(), master: None });
    ada.set_metronome(Some(Gain::UNITY));
    ada.preview(sound.clone(), PreviewStart::InTime);
    wait_for("her own ears", || (level(&ada, drums) == 0.0).then_some(()));
    wait_for("her preview", || {
        let view = ada.view();
        (view.previewing.as_ref() == Some(&sound) && view.overviews.contains_key(&sound)).then_some(())
    });
    assert!(ada.view().levels.master[0] > 0.01, "she hears what is her own");
    assert!(level(&ben, drums) > 0.01, "he hears the drums as before");
    assert!(ben.view().previewing.is_none() && !ben.view().overviews.contains_key(&sound));
    // With the last clip he hears nothing any more; she still does.
    assert!(ben.press(drums, SceneId(0)));
    wait_for("silence for him", || (ben.view().levels.master == [0.0; 2]).then_some(()));
    ada.stop_preview();
    wait_for("the end of her preview", || ada.view().previewing.is_none().then_some(()));
    assert!(state(&ben).transport().last().playing && ada.view().levels.master[0] > 0.01, "her metronome goes on");
    ada.set_metronome(None);
    wait_for("silence for her", || (ada.view().levels.master == [0.0; 2]).then_some(()));
    assert!(ada.press(drums, SceneId(0)));
    heard(&ben, drums);
    agree(&[&ada, &ben]);
}

#[test]
fn a_preview_that_cannot_be_played_says_why_and_ends() {
    let host = HostProcess::start();
    let ada = bot(&host.http, Some(&host.code));
    ready(&ada);
    let unknown = SoundId::parse("no-such-sound").expect("an identity");
    ada.preview(unknown.clone(), PreviewStart::Now);
    wait_for("a reason", || ada.view().damaged.get(&unknown).filter(|why| why.contains("no-such-sound")).map(|_| ()));
    wait_for("the end of it", || ada.view().previewing.is_none().then_some(()));
}

#[test]
fn the_sound_moves_to_another_output_and_back_while_the_session_goes_on() {
    let host = HostProcess::start();
    let (ada, ben) = (bot(&host.http, Some(&host.code)), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    let silent_because = |part: &str| {
        wait_for("a sentence", || match &ada.view().hearing {
            Hearing::Silent(why) if why.contains(part) => Some(()),
            _ => None,
        });
    };
    silent_because("switched off");
    ada.set_output(Output::Device("Grandfather's organ".into()));
    silent_because("Grandfather's organ is not there");
    assert!(ben.press(TrackId(0), SceneId(0)));
    let (hers, his) = (heard(&ada, TrackId(0)), heard(&ben, TrackId(0)));
    assert!((hers.at.0 - his.at.0).abs() <= 1_000_000, "a device that is missing costs nothing but its sound");
    ada.set_output(Output::Silent);
    silent_because("switched off");
    assert!(ben.press(TrackId(1), SceneId(0)));
    let (hers, his) = (heard(&ada, TrackId(1)), heard(&ben, TrackId(1)));
    assert!((hers.at.0 - his.at.0).abs() <= 1_000_000);
}

/// Runs one of the tests below inside a room with a sound system of its own.
fn run_inside(room: &Room, test: &str) {
    let mut inside = std::process::Command::new(std::env::current_exe().expect("a test is a program"));
    inside.args(["--exact", test, "--ignored", "--nocapture"]);
    let inside = room.invite(&mut inside).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (status, out, err) = Running::start(inside).finish(PATIENCE);
    assert!(status.success() && out.contains("1 passed"), "{out}\n{err}");
}

/// Somebody who is heard by everybody in the room.
fn loud(host: &HostProcess) -> Player {
    Player::join(PlayerOptions {
        host: host.http.clone(),
        code: Some(host.code.clone()),
        output: Output::Default,
        ..PlayerOptions::default()
    })
}

/// Waits for a device that plays; its name.
fn plays(player: &Player) -> String {
    wait_for("a device that plays", || match &player.view().hearing {
        Hearing::Playing { device, .. } => Some(device.clone()),
        _ => None,
    })
}

/// Lets the second launch a clip, which both hear on its beat.
fn both_hear(ada: &Player, ben: &Player, track: TrackId) {
    assert!(ben.press(track, SceneId(0)));
    let (hers, his) = (heard(ada, track), heard(ben, track));
    assert_eq!(hers.start, his.start);
    // A device of high latency begins in mid-clip, but on its beat.
    for heard in [hers, his] {
        let apart = (state(ben).transport().beat_at(heard.at.micros()) - heard.beat).as_f64().abs();
        assert!(apart < 0.005, "{apart} beats out of phase: {heard:?}");
    }
}

#[test]
fn a_real_sound_device_can_be_left_and_found_again() {
    let room = Room::open();
    let recording = room.record();
    run_inside(&room, "inside_a_room_with_sound");
    assert!(rms(&recording.stop()) > 1e-3, "it was heard");
}

#[test]
#[ignore = "needs a sound device; started by a_real_sound_device_can_be_left_and_found_again"]
fn inside_a_room_with_sound() {
    let host = HostProcess::start();
    let (ada, ben) = (loud(&host), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    let device = plays(&ada);
    assert_eq!(Player::outputs().first(), Some(&device));
    both_hear(&ada, &ben, TrackId(0));
    ada.set_output(Output::Silent);
    wait_for("silence", || matches!(ada.view().hearing, Hearing::Silent(_)).then_some(()));
    both_hear(&ada, &ben, TrackId(1));
    ada.set_output(Output::Device(device.clone()));
    assert_eq!(plays(&ada), device);
    both_hear(&ada, &ben, TrackId(2));
    wait_for("levels", || (ada.view().levels.master[0] > 0.01).then_some(()));
}

#[test]
fn a_sound_device_that_is_lost_is_told_costs_nothing_but_its_sound_and_is_picked_up_when_it_is_back() {
    run_inside(&Room::open(), "inside_a_room_whose_device_is_lost");
}

#[test]
#[ignore = "needs a sound device; started by the test above"]
fn inside_a_room_whose_device_is_lost() {
    let host = HostProcess::start();
    let (ada, ben) = (loud(&host), bot(&host.http, Some(&host.code)));
    ready(&ada);
    ready(&ben);
    plays(&ada);
    both_hear(&ada, &ben, TrackId(0));
    stage::take_device_away();
    wait_for("a sentence", || match &ada.view().hearing {
        Hearing::Silent(why) if why.contains("the game goes on silently") => Some(()),
        _ => None,
    });
    both_hear(&ada, &ben, TrackId(1));
    stage::bring_device_back();
    plays(&ada);
    both_hear(&ada, &ben, TrackId(2));
    wait_for("levels, in time", || {
        let view = ada.view();
        (view.levels.master[0] > 0.01 && view.phase_error_us.abs() < 1_000).then_some(())
    });
}

#[test]
fn players_see_how_far_away_the_others_are() {
    let host = HostProcess::start();
    let (ada, ben) = (bot(&host.http, Some(&host.code)), bot(&host.http, Some(&host.code)));
    ready(&ada);
    let seat = usize::from(ready(&ben).session.as_ref().expect("a session").me.0);
    wait_for("a round trip", || {
        let report = ada.view().session.as_ref().expect("a session").peers[seat].report;
        (report.round_trip_us > 0 && report.lead_us > report.round_trip_us / 2).then_some(())
    });
}

fn failure(player: &Player) -> String {
    wait_for("a failure", || match &player.view().connection {
        Connection::Failed(why) => Some(why.clone()),
        _ => None,
    })
}
