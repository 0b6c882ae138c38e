//! How much a player may ask for, through the production authority: people stay below it, floods do not get through.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Cell, ClipChange, Command, CommandClass, Edit, Gain, Outbox, Refusal, SceneId, SeatId, TrackId,
    limits::{
        CONTROLS_BURST, CONTROLS_PER_S, CURSOR_INTERVAL_US, CURSORS_BURST, CURSORS_PER_S, EDITS_BURST, EDITS_PER_S,
        GRACE_US, LAUNCHES_BURST, LAUNCHES_PER_S, REPORTS_BURST, RESYNCS_BURST, RESYNCS_PER_S, SCENES_MAX, TALK_BURST,
        TALK_PER_S, TRACKS_MAX,
    },
    wire::{ClientMessage, HostMessage},
};
use keyboardia_tests::table::{FILLED, Table, launch, name, rename, report, token};

const SECOND_US: u64 = 1_000_000;

/// One command of each class that always has an effect; and how many of it are taken at once, and in each second after.
fn classes() -> [(CommandClass, Command, u32, u32); 4] {
    [
        (CommandClass::Launch, Command::StopAll, LAUNCHES_BURST, LAUNCHES_PER_S),
        (CommandClass::Control, Command::SetMute { track: TrackId(0), mute: true }, CONTROLS_BURST, CONTROLS_PER_S),
        (CommandClass::Edit, rename(FILLED, "Boom"), EDITS_BURST, EDITS_PER_S),
        (CommandClass::Talk, Command::SetLocked(false), TALK_BURST, TALK_PER_S),
    ]
}

/// How many of `count` are taken; the rest is refused as too many of their class.
fn taken(table: &mut Table, seat: u8, command: &Command, count: u32) -> u32 {
    let answers = (0..count).map(|_| table.ask(seat, command.clone()));
    let refusals = answers.filter_map(Result::err).inspect(|refusal| {
        assert_eq!(*refusal, Refusal::TooOften(command.class()));
    });
    count - refusals.count() as u32
}

#[test]
fn a_flood_is_cut_down_to_its_rate_for_each_class_of_commands_and_each_player() {
    for (class, command, burst, per_s) in classes() {
        assert_eq!(command.class(), class);
        let mut table = Table::with_players(2);
        assert_eq!(taken(&mut table, 0, &command, burst + 100), burst, "{class:?}");
        for (other, ..) in classes().iter().filter(|(other, ..)| *other != class).map(|class| (class.1.clone(), ())) {
            assert_eq!(taken(&mut table, 0, &other, 1), 1, "{class:?} leaves {other:?} alone");
        }
        if class != CommandClass::Talk {
            assert_eq!(taken(&mut table, 1, &command, 1), 1, "{class:?} of another player");
        }
        table.now = table.now + SECOND_US;
        let again = taken(&mut table, 0, &command, burst + 100);
        assert!((per_s..=per_s + 1).contains(&again), "{class:?}: {again} in a second");
        assert!(Refusal::TooOften(class).to_string().contains(&class.to_string()));
    }
}

#[test]
fn what_was_refused_as_too_often_has_no_effect() {
    let mut table = Table::with_players(1);
    let mute = |mute| Command::SetMute { track: TrackId(0), mute };
    taken(&mut table, 0, &mute(true), CONTROLS_BURST);
    assert_eq!(table.ask(0, mute(false)), Err(Refusal::TooOften(CommandClass::Control)));
    assert!(table.authority.state().tracks()[0].mute);
}

#[test]
fn two_hands_on_the_faders_at_144_pictures_a_second_are_never_refused() {
    let mut table = Table::with_players(1);
    let cell = Cell::new(TrackId(0), SceneId(0));
    for frame in 0..144 * 60 {
        table.now = table.now + SECOND_US / 144;
        let gain = Gain::from_db(-f64::from(frame % 40)).unwrap();
        table.ask(0, Command::SetGain { track: TrackId(1), gain }).unwrap();
        table.ask(0, Command::Edit(Edit::ChangeClip { cell, change: ClipChange::Gain(gain) })).unwrap();
    }
}

#[test]
fn ten_fingers_and_a_script_that_launches_every_pad_are_never_refused_as_too_often() {
    let mut table = Table::with_players(1);
    let is_too_often = |answer| matches!(answer, Err(Refusal::TooOften(_)));
    for pad in 0..TRACKS_MAX * SCENES_MAX {
        assert!(!is_too_often(table.ask(0, launch((pad % TRACKS_MAX) as u8, (pad / TRACKS_MAX) as u8))));
    }
    table.now = table.now + 3 * SECOND_US;
    for _ in 0..600 {
        table.now = table.now + SECOND_US / 10;
        for finger in 0..10 {
            assert!(!is_too_often(table.ask(0, launch(finger, 0))));
        }
    }
}

#[test]
fn somebody_who_comes_back_finds_the_allowance_as_it_was_and_the_next_in_the_seat_a_full_one() {
    let mut table = Table::with_players(2);
    let profile = Command::SetProfile {
        name: name("Bob"),
        colour: keyboardia_session::Colour([1; 3]),
        avatar: keyboardia_session::Avatar::default(),
    };
    assert_eq!(taken(&mut table, 1, &profile, TALK_BURST + 1), TALK_BURST);
    table.authority.leave(table.now, SeatId(1), &mut Outbox::new());
    table.authority.join(table.now, &token(1), &mut Outbox::new()).unwrap();
    assert_eq!(taken(&mut table, 1, &profile, 1), 0);
    // A seat that is freed at once, so that nothing grows back.
    table.authority.set_patience(keyboardia_session::Patience { seat_us: 1, session_us: GRACE_US });
    table.authority.leave(table.now, SeatId(1), &mut Outbox::new());
    table.now = table.now + 1;
    table.authority.wake(table.now, &mut Outbox::new());
    table.authority.admit(table.now, &token(20), keyboardia_session::Profile::default()).unwrap();
    assert_eq!(table.authority.join(table.now, &token(20), &mut Outbox::new()), Ok(SeatId(1)));
    assert_eq!(taken(&mut table, 1, &profile, TALK_BURST), TALK_BURST);
}

#[test]
fn cursors_and_reports_over_their_rate_are_not_passed_on() {
    let mut table = Table::with_players(2);
    let cursor = ClientMessage::Cursor(Some(FILLED).into());
    let passed = |table: &mut Table, message: &ClientMessage, count| -> usize {
        (0..count).map(|_| table.send(0, message).len()).sum()
    };
    assert_eq!(passed(&mut table, &cursor, 500), CURSORS_BURST as usize);
    assert_eq!(passed(&mut table, &report(30_000), 500), REPORTS_BURST as usize);
    assert_eq!(passed(&mut table, &report(90_000), 1), 0);
    assert_eq!(table.authority.lead_us(), 30_000, "what is not passed on has no effect");
    // A pointer that moves without a rest is told again and again.
    table.now = table.now + SECOND_US;
    for _ in 0..60 * 20 {
        table.now = table.now + CURSOR_INTERVAL_US as u64;
        assert_eq!(passed(&mut table, &cursor, 1), 1);
    }
    const { assert!(CURSORS_PER_S as i64 * CURSOR_INTERVAL_US >= 1_000_000) };
}

#[test]
fn snapshots_over_their_rate_wait_and_many_wishes_for_one_are_one() {
    let mut table = Table::with_players(2);
    let is_snapshot = |message: &HostMessage| matches!(message, HostMessage::Snapshot { index: 0, .. });
    let mut sent = 0;
    for _ in 0..200 {
        sent += table.send(0, &ClientMessage::Resync).iter().filter(|message| is_snapshot(message)).count();
    }
    assert_eq!(sent, RESYNCS_BURST as usize);
    let due = table.authority.wake_at().unwrap();
    assert_eq!(due, table.now + SECOND_US / u64::from(RESYNCS_PER_S));
    let woken = |table: &mut Table, at| -> usize {
        let mut out = Outbox::new();
        table.authority.wake(at, &mut out);
        out.iter().filter(|outgoing| is_snapshot(&keyboardia_session::wire::decode(&outgoing.bytes).unwrap())).count()
    };
    assert_eq!(woken(&mut table, due.offset(-1)), 0);
    assert_eq!(woken(&mut table, due), 1, "it is answered");
    assert_eq!(table.authority.wake_at(), None, "nothing else is due");
}
