//! The rules of a session, through the production authority and seats: one behaviour a test.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Action, Authority, Beats, Channel, Command, CommandId, EventKind, JoinError, Micros, Outbox, Patience, Profile,
    Quantise, Recipient, Refusal, SceneId, Seat, SeatId, Tempo, TimeSignature, TrackId, Unwritten,
    limits::{
        COMMANDS_IN_FLIGHT_MAX, GRACE_US, JOURNAL_ENTRIES_MAX, LEAD_MAX_US, LEAD_MIN_US, SEATS_MAX,
        UPCOMING_TIMELINES_MAX,
    },
    seat::Notice,
    wire::{self, ClientMessage, HostMessage, Report},
};
use keyboardia_tests::table::{FILLED, START, Table, launch, rename, report, token};

#[test]
fn the_first_launch_starts_the_transport_and_sounds_with_it() {
    let mut table = Table::with_players(1);
    let events = table.ask(0, launch(0, 0)).unwrap();
    assert!(
        matches!(events[0], EventKind::TimelineSet(line) if line.playing && line.anchor_time == START + LEAD_MIN_US)
    );
    assert!(matches!(events[1], EventKind::Launched { stamp, .. } if stamp.at == Beats::ZERO));
    table.pass_beats(0.5);
    assert_eq!(table.playing(0), Some((0, Beats::ZERO)));
}

#[test]
fn a_launch_waits_for_the_bar_and_the_next_takes_over_on_the_exact_beat() {
    let mut table = Table::with_players(2);
    table.ask(0, launch(0, 0)).unwrap();
    table.pass_beats(1.5);
    table.ask(1, launch(0, 1)).unwrap();
    assert_eq!(table.queued(0), Some((Action::Launch(SceneId(1)), Beats::whole(4))));
    assert_eq!(table.playing(0), Some((0, Beats::ZERO)));
    table.pass_beats(3.0);
    assert_eq!(table.playing(0), Some((1, Beats::whole(4))));
    assert_eq!(table.queued(0), None);
}

#[test]
fn a_launch_less_than_a_lead_before_the_bar_waits_for_the_one_after() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.now = START + LEAD_MIN_US;
    table.pass_beats(4.0);
    table.now = table.now.offset(-(LEAD_MIN_US as i64) + 5_000);
    table.ask(0, launch(0, 1)).unwrap();
    assert_eq!(table.queued(0), Some((Action::Launch(SceneId(1)), Beats::whole(8))));
}

#[test]
fn the_lead_is_what_the_slowest_seat_needs_within_its_bounds() {
    let mut table = Table::with_players(3);
    assert_eq!(table.authority.lead_us(), LEAD_MIN_US);
    table.send(1, &report(120_000));
    table.send(2, &report(80_000));
    assert_eq!(table.authority.lead_us(), 120_000);
    table.send(2, &report(LEAD_MAX_US as u32));
    assert_eq!(table.authority.lead_us(), LEAD_MAX_US);
    table.authority.leave(START, SeatId(2), &mut Outbox::new());
    assert_eq!(table.authority.lead_us(), 120_000);
}

#[test]
fn a_seat_that_needs_more_than_the_longest_lead_slows_nobody() {
    let mut table = Table::with_players(2);
    table.send(0, &report(60_000));
    // Half a second would not be enough for this seat: it starts in mid-clip whether the others wait or not.
    for needs in [LEAD_MAX_US as u32 + 1, u32::MAX] {
        table.send(1, &report(needs));
        assert_eq!(table.authority.lead_us(), 60_000);
    }
    assert_eq!(table.authority.report(SeatId(1)).map(|report| report.lead_us), Some(u32::MAX));
    table.send(1, &report(90_000));
    assert_eq!(table.authority.lead_us(), 90_000, "its way has become shorter");
}

#[test]
fn what_a_seat_says_of_itself_reaches_everybody_and_cannot_be_lost() {
    let mut table = Table::with_players(2);
    let said = Report { lead_us: 21_000, round_trip_us: 1_234, phase_error_us: -56 };
    let mut out = Outbox::new();
    table.authority.handle(table.now, SeatId(1), &wire::encode(&ClientMessage::Report(said)), &mut out);
    let told: Vec<_> =
        out.iter().map(|sent| (sent.to, sent.channel, wire::decode::<HostMessage>(&sent.bytes).unwrap())).collect();
    let relayed = HostMessage::Report { seat: SeatId(1), report: said };
    assert_eq!(told, [(Recipient::All, Channel::Reliable, relayed)]);
}

#[test]
fn quantise_moves_launches_to_its_own_boundaries() {
    for (quantise, want) in [(Quantise::Quarter, 2.0), (Quantise::Eighth, 1.5), (Quantise::Bars2, 8.0)] {
        let mut table = Table::with_players(1);
        table.ask(0, launch(1, 0)).unwrap();
        table.ask(0, Command::SetQuantise(quantise)).unwrap();
        table.now = START + LEAD_MIN_US;
        table.pass_beats(1.2);
        table.ask(0, launch(0, 0)).unwrap();
        assert_eq!(table.queued(0), Some((Action::Launch(SceneId(0)), Beats::from_f64(want))), "{quantise:?}");
    }
}

#[test]
fn a_clip_with_a_boundary_of_its_own_does_not_wait_for_the_session_s() {
    let mut table = Table::with_players(1);
    let cell = keyboardia_session::Cell::new(TrackId(0), SceneId(1));
    let change = keyboardia_session::ClipChange::Quantise(Some(Quantise::Quarter));
    table.ask(0, Command::Edit(keyboardia_session::Edit::ChangeClip { cell, change })).unwrap();
    table.ask(0, launch(1, 0)).unwrap();
    table.now = START + LEAD_MIN_US;
    table.pass_beats(1.2);
    table.ask(0, launch(0, 1)).unwrap();
    table.ask(0, launch(2, 1)).unwrap();
    assert_eq!(table.queued(0), Some((Action::Launch(SceneId(1)), Beats::whole(2))));
    assert_eq!(table.queued(2), Some((Action::Launch(SceneId(1)), Beats::whole(4))));
}

#[test]
fn a_new_time_signature_holds_from_the_next_bar_line_and_moves_later_launches() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.now = START + LEAD_MIN_US;
    table.pass_beats(1.5);
    let events = table.ask(0, Command::SetSignature(TimeSignature::ThreeFour)).unwrap();
    assert_eq!(events, [EventKind::SignatureSet { signature: TimeSignature::ThreeFour, from: Beats::whole(4) }]);
    table.ask(0, launch(1, 0)).unwrap();
    assert_eq!(table.queued(1).map(|(_, at)| at), Some(Beats::whole(4)), "the bar that has begun stays as it is");
    table.pass_beats(3.0);
    table.ask(0, launch(2, 0)).unwrap();
    assert_eq!(table.queued(2).map(|(_, at)| at), Some(Beats::whole(7)));
    table.ask(0, Command::SetPlaying(false)).unwrap();
    table.pass_beats(4.0);
    assert_eq!(table.beat(), Beats::whole(7), "a stop rests on a bar line of the new meter");
}

#[test]
fn stop_scene_silences_its_row_and_nothing_else() {
    let mut table = Table::with_players(1);
    table.ask(0, Command::LaunchScene { scene: SceneId(0) }).unwrap();
    table.pass_beats(1.0);
    table.ask(0, launch(1, 1)).unwrap();
    table.ask(0, Command::StopScene { scene: SceneId(0) }).unwrap();
    assert_eq!(table.queued(0), Some((Action::Stop, Beats::whole(4))));
    assert_eq!(table.queued(1), Some((Action::Launch(SceneId(1)), Beats::whole(4))), "about to play another row");
    table.pass_beats(4.0);
    assert_eq!((table.playing(0), table.playing(1)), (None, Some((1, Beats::whole(4)))));
}

#[test]
fn stop_waits_for_the_bar_and_unqueue_takes_it_back() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.pass_beats(1.0);
    table.ask(0, Command::StopTrack { track: TrackId(0) }).unwrap();
    assert_eq!(table.queued(0), Some((Action::Stop, Beats::whole(4))));
    table.ask(0, Command::Unqueue { track: TrackId(0) }).unwrap();
    assert_eq!(table.queued(0), None);
    table.ask(0, Command::StopTrack { track: TrackId(0) }).unwrap();
    table.pass_beats(4.0);
    assert_eq!(table.playing(0), None);
}

#[test]
fn a_scene_launches_its_row_and_stops_the_rest() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.pass_beats(1.0);
    table.ask(0, Command::LaunchScene { scene: SceneId(1) }).unwrap();
    table.pass_beats(4.0);
    let state = table.authority.state();
    for (index, track) in state.tracks().iter().enumerate() {
        let want = track.clip(SceneId(1)).map(|_| (1, Beats::whole(4)));
        assert_eq!(table.playing(index as u8), want, "track {index}");
    }
    table.ask(0, Command::LaunchScene { scene: SceneId(7) }).unwrap();
    table.pass_beats(4.0);
    assert!((0..8).all(|track| table.playing(track).is_none()), "an empty row stops everything");
}

#[test]
fn stop_all_silences_every_track_on_one_boundary() {
    let mut table = Table::with_players(1);
    table.ask(0, Command::LaunchScene { scene: SceneId(0) }).unwrap();
    table.pass_beats(2.0);
    table.ask(0, Command::StopAll).unwrap();
    assert!((0..6).all(|track| table.queued(track) == Some((Action::Stop, Beats::whole(4)))));
    assert_eq!(table.queued(7), None, "nothing to stop there");
    table.pass_beats(3.0);
    assert!((0..8).all(|track| table.playing(track).is_none()));
}

#[test]
fn a_new_tempo_keeps_the_beat_and_takes_effect_for_everyone_at_one_moment() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.pass_beats(3.3);
    let before = *table.authority.state().transport().last();
    let events = table.ask(0, Command::SetTempo(Tempo::from_bpm(133.0).unwrap())).unwrap();
    let EventKind::TimelineSet(line) = events[0] else { panic!("{events:?}") };
    assert_eq!(line.anchor_time, table.now + LEAD_MIN_US);
    assert_eq!(line.anchor_beat, before.beat_at(line.anchor_time));
    assert!(line.playing);
}

#[test]
fn stop_rests_on_the_next_bar_line_and_play_begins_there() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.pass_beats(5.5);
    table.ask(0, Command::SetPlaying(false)).unwrap();
    table.now = table.now + 1_000_000;
    assert_eq!(table.beat(), Beats::whole(8));
    assert_eq!(table.playing(0), Some((0, Beats::ZERO)), "the clip stays, in phase");
    table.ask(0, Command::SetPlaying(true)).unwrap();
    let line = *table.authority.state().transport().last();
    assert_eq!((line.anchor_beat, line.playing), (Beats::whole(8), true));
}

#[test]
fn solo_beats_mute_and_solo_keeps_mute() {
    let mut table = Table::with_players(1);
    let track = TrackId(0);
    let audible = |table: &Table| [0, 1].map(|track| table.authority.state().is_audible(TrackId(track)));
    assert_eq!(audible(&table), [true, true]);
    table.ask(0, Command::SetMute { track, mute: true }).unwrap();
    assert_eq!(audible(&table), [false, true]);
    table.ask(0, Command::SetSolo { track, solo: true }).unwrap();
    assert_eq!(audible(&table), [true, false]);
    table.ask(0, Command::SetSolo { track, solo: false }).unwrap();
    assert_eq!(audible(&table), [false, true]);
}

#[test]
fn what_is_about_to_sound_can_not_be_taken_back() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(1, 0)).unwrap();
    table.now = START + LEAD_MIN_US;
    table.pass_beats(1.0);
    table.ask(0, launch(0, 0)).unwrap();
    table.now = START + LEAD_MIN_US;
    table.pass_beats(4.0);
    table.now = table.now.offset(-5_000);
    assert_eq!(table.ask(0, Command::Unqueue { track: TrackId(0) }), Err(Refusal::TooLate));
    // A launch in that moment does not swallow it either: it follows, a bar later.
    table.ask(0, launch(0, 1)).unwrap();
    table.pass_beats(1.0);
    assert_eq!(table.playing(0), Some((0, Beats::whole(4))));
    assert_eq!(table.queued(0), Some((Action::Launch(SceneId(1)), Beats::whole(8))));
}

#[test]
fn changes_faster_than_their_lead_are_refused_when_too_many_wait() {
    let mut table = Table::with_players(1);
    table.ask(0, Command::SetPlaying(true)).unwrap();
    let mut taken = 1;
    let refusal = loop {
        table.now = table.now + 1;
        match table.ask(0, Command::SetTempo(Tempo::from_milli_bpm(100_000 + taken as u32).unwrap())) {
            Ok(_) => taken += 1,
            Err(refusal) => break refusal,
        }
        assert!(taken <= UPCOMING_TIMELINES_MAX);
    };
    assert_eq!((refusal, taken), (Refusal::TooFast, UPCOMING_TIMELINES_MAX));
    table.now = table.now + LEAD_MIN_US;
    assert!(table.ask(0, Command::SetTempo(Tempo::from_bpm(90.0).unwrap())).is_ok());
}

#[test]
fn an_eleventh_player_finds_the_session_full_and_a_seat_is_kept_for_the_grace_time() {
    let mut table = Table::with_players(SEATS_MAX);
    assert_eq!(table.authority.admit(START, &token(50), Profile::default()), Err(JoinError::Full));
    table.authority.leave(START, SeatId(3), &mut Outbox::new());
    assert_eq!(
        table.authority.admit(START, &token(50), Profile::default()),
        Err(JoinError::Full),
        "the seat waits for its player"
    );
    assert_eq!(table.authority.join(START + GRACE_US / 2, &token(3), &mut Outbox::new()), Ok(SeatId(3)));
    table.authority.leave(START + GRACE_US, SeatId(3), &mut Outbox::new());
    let mut out = Outbox::new();
    let due = table.authority.wake_at().unwrap();
    assert_eq!(due, START + 2 * GRACE_US);
    table.authority.wake(due, &mut out);
    assert_eq!(table.authority.join(due, &token(3), &mut out), Err(JoinError::UnknownToken));
    assert_eq!(table.authority.admit(due, &token(50), Profile::default()), Ok(SeatId(3)));
}

#[test]
fn a_session_is_over_when_its_last_player_has_been_gone_for_the_grace_time() {
    let mut table = Table::with_players(1);
    assert!(!table.authority.is_over(START + 2 * GRACE_US));
    table.authority.leave(START, SeatId(0), &mut Outbox::new());
    assert!(!table.authority.is_over(START + (GRACE_US - 1)));
    table.authority.wake(START + GRACE_US, &mut Outbox::new());
    assert!(table.authority.is_over(START + GRACE_US));
}

#[test]
fn a_malformed_message_is_answered_and_costs_nothing() {
    let mut table = Table::with_players(2);
    let hash = table.authority.state().hash();
    let mut out = Outbox::new();
    table.authority.handle(START, SeatId(0), &[255, 1, 2, 3], &mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].to, keyboardia_session::Recipient::Seat(SeatId(0)));
    assert!(matches!(wire::decode(&out[0].bytes), Ok(HostMessage::Malformed(_))));
    assert_eq!(table.authority.state().hash(), hash);
}

#[test]
fn a_restored_session_goes_on_in_phase_under_the_next_epoch() {
    let mut table = Table::with_players(2);
    table.ask(0, launch(0, 0)).unwrap();
    table.pass_beats(9.0);
    let snapshot = table.authority.snapshot();
    let later = table.now + 3_000_000;
    let mut restored = Authority::restore(&snapshot, &[], later).unwrap();
    assert_eq!(restored.epoch(), table.authority.epoch() + 1);
    assert_eq!(restored.state().transport().beat_at(later), table.authority.state().transport().beat_at(later));
    assert_eq!(
        restored.state().tracks()[0].playing,
        Some(keyboardia_session::Playing { scene: SceneId(0), since: Beats::ZERO, by: Some(SeatId(0)) })
    );
    assert_eq!(restored.join(later, &token(1), &mut Outbox::new()), Ok(SeatId(1)));
    assert!(Authority::restore(&snapshot[1..], &[], later).is_none());
}

#[test]
fn a_session_that_slept_is_the_same_for_those_who_stayed_and_knows_who_has_gone() {
    let mut table = Table::with_players(3);
    table.authority.keep_journal();
    assert_eq!(table.authority.take_unwritten(), Unwritten::Everything);
    let snapshot = table.authority.snapshot();
    table.ask(0, rename(FILLED, "Another")).unwrap();
    let Unwritten::Entries(entries) = table.authority.take_unwritten() else { panic!("too much") };
    let (memory, later) = (table.authority.memory(), table.now + 600_000_000);
    let wake = |memory: &[u8], connected: &[SeatId]| {
        let mut out = Outbox::new();
        let woken = Authority::resume(&snapshot, &entries, memory, connected, later, &mut out).unwrap();
        (woken, out.iter().map(|sent| wire::decode::<HostMessage>(&sent.bytes).unwrap()).collect::<Vec<_>>())
    };

    let (woken, told) = wake(&memory, &[SeatId(0), SeatId(1), SeatId(2)]);
    assert_eq!(told, []);
    assert_eq!((woken.epoch(), woken.state()), (table.authority.epoch(), table.authority.state()));
    assert_eq!(woken.expires_at(), None);
    let mut woken = Table::around(woken, later);
    assert!(woken.ask(0, Command::Undo).is_ok(), "what she did before can be taken back");

    let (mut woken, told) = wake(&memory, &[SeatId(0)]);
    let lost = |message: &HostMessage| match message {
        HostMessage::Event(event) => Some(event.kind.clone()),
        _ => None,
    };
    let lost: Vec<EventKind> = told.iter().filter_map(lost).collect();
    assert_eq!(lost, [EventKind::PlayerLost(SeatId(1)), EventKind::PlayerLost(SeatId(2))]);
    assert_eq!(woken.expires_at(), Some(later + GRACE_US), "their seats wait for them from now on");
    woken.wake(later + GRACE_US, &mut Outbox::new());
    assert_eq!(woken.seats_taken(), 1);

    let (_, told) = wake(b"nonsense", &[SeatId(0), SeatId(1), SeatId(2)]);
    assert_eq!(told, vec![HostMessage::History { undo: 0, redo: 0 }; 3], "they are told that it is gone");
    assert!(Authority::resume(&snapshot[1..], &entries, &memory, &[], later, &mut Outbox::new()).is_none());
}

#[test]
fn players_hear_what_is_safe_and_who_writes_nothing_down_promises_nothing() {
    let welcome = |authority: &mut Authority| {
        let mut out = Outbox::new();
        authority.join(START, &token(0), &mut out).unwrap();
        let said = out.iter().find_map(|outgoing| match wire::decode(&outgoing.bytes) {
            Ok(HostMessage::Welcome { durable, .. }) => Some(durable),
            _ => None,
        });
        said.unwrap()
    };
    let mut table = Table::with_players(1);
    assert_eq!(welcome(&mut table.authority), None);
    let mut out = Outbox::new();
    table.authority.written(1, &mut out);
    assert!(out.is_empty(), "nobody writes");
    table.authority.keep_journal();
    let seq = table.authority.state().seq();
    table.authority.written(seq, &mut out);
    table.authority.written(seq, &mut out);
    let said: Vec<HostMessage> = out.iter().map(|outgoing| wire::decode(&outgoing.bytes).unwrap()).collect();
    assert_eq!(said, [HostMessage::Durable(seq)], "once");
    assert_eq!(welcome(&mut table.authority), Some(seq));
}

#[test]
fn a_player_knows_for_how_long_the_host_has_not_written_down_what_happened() {
    let mut table = Table::with_players(0);
    table.authority.keep_journal();
    table.authority.admit(START, &token(0), Profile::default()).unwrap();
    let (mut seat, mut out) = (Seat::new(), Outbox::new());
    let unsaved = |seat: &Seat, at| seat.view(Micros(at)).unwrap().unsaved_us;
    let hear = |seat: &mut Seat, out: &mut Outbox, at| {
        out.drain(..).for_each(|outgoing| seat.receive(Micros(at), &outgoing.bytes));
    };
    table.authority.join(START, &token(0), &mut out).unwrap();
    hear(&mut seat, &mut out, 1_000);
    assert_eq!(unsaved(&seat, 5_000), 4_000, "its own arrival is not safe yet");
    let seq = table.authority.state().seq();
    table.authority.written(seq, &mut out);
    hear(&mut seat, &mut out, 6_000);
    assert_eq!(unsaved(&seat, 900_000), 0);
    let command = Command::SetMute { track: TrackId(0), mute: true };
    let message = wire::encode(&ClientMessage::Command { id: CommandId(1), command });
    table.authority.handle(START, SeatId(0), &message, &mut out);
    hear(&mut seat, &mut out, 1_000_000);
    assert_eq!(unsaved(&seat, 4_000_000), 3_000_000);
    assert_eq!(seat.view(Micros(0)).unwrap().durable, Some(seq));
}

#[test]
fn nothing_is_asked_before_the_session_is_there() {
    let mut seat = Seat::new();
    assert_eq!(seat.command(START, launch(0, 0)), Err(Refusal::NotConnected));
    assert_eq!(seat.take_notices(), [Notice::Refused(Refusal::NotConnected)]);
    assert_eq!(seat.take_outgoing().count(), 0);
}

#[test]
fn a_host_that_does_not_answer_is_not_asked_without_end() {
    let mut table = Table::with_players(0);
    table.authority.admit(START, &token(0), Profile::default()).unwrap();
    let (mut seat, mut out) = (Seat::new(), Outbox::new());
    table.authority.join(START, &token(0), &mut out).unwrap();
    out.drain(..).for_each(|outgoing| seat.receive(START, &outgoing.bytes));
    seat.take_notices();
    let mute = |mute| Command::SetMute { track: TrackId(0), mute };
    for index in 0..COMMANDS_IN_FLIGHT_MAX {
        assert!(seat.command(START, mute(index % 2 == 0)).is_ok(), "{index}");
    }
    assert_eq!(seat.command(START, mute(true)), Err(Refusal::NoAnswer));
    assert_eq!(seat.take_notices(), [Notice::Refused(Refusal::NoAnswer)]);
    // One answer makes room for one more.
    let asked: Vec<Vec<u8>> = seat.take_outgoing().collect();
    assert_eq!(asked.len(), COMMANDS_IN_FLIGHT_MAX, "what was refused was not sent");
    table.authority.handle(START, SeatId(0), &asked[0], &mut out);
    out.drain(..).for_each(|outgoing| seat.receive(START, &outgoing.bytes));
    assert!(seat.command(START, mute(true)).is_ok());
    assert_eq!(seat.command(START, mute(true)), Err(Refusal::NoAnswer));
}

#[test]
fn what_is_not_taken_to_be_written_down_is_bounded_and_becomes_a_snapshot() {
    let mut table = Table::with_players(1);
    table.authority.keep_journal();
    assert_eq!(table.authority.take_unwritten(), Unwritten::Everything);
    assert_eq!(table.authority.take_unwritten(), Unwritten::Entries(Vec::new()));
    let mute = |table: &mut Table, count| {
        for index in 0..count {
            table.pass_beats(0.1);
            table.ask(0, Command::SetMute { track: TrackId(0), mute: index % 2 == 0 }).unwrap();
        }
    };
    mute(&mut table, JOURNAL_ENTRIES_MAX);
    let Unwritten::Entries(entries) = table.authority.take_unwritten() else { panic!("they fit") };
    assert_eq!(entries.len(), JOURNAL_ENTRIES_MAX);
    mute(&mut table, JOURNAL_ENTRIES_MAX + 1);
    assert_eq!(table.authority.take_unwritten(), Unwritten::Everything);
    mute(&mut table, 2);
    table.authority.lose_unwritten();
    assert_eq!(table.authority.take_unwritten(), Unwritten::Everything);
}

#[test]
fn seats_and_sessions_are_kept_as_long_as_the_host_says() {
    let mut table = Table::with_players(1);
    table.authority.set_patience(Patience { seat_us: 5_000_000, session_us: 60_000_000 });
    let mut out = Outbox::new();
    table.authority.leave(START, SeatId(0), &mut out);
    assert_eq!(table.authority.wake_at(), Some(START + 5_000_000));
    table.authority.wake(START + 4_999_999, &mut out);
    assert_eq!(table.authority.seats_taken(), 1);
    table.authority.wake(START + 5_000_000, &mut out);
    assert_eq!(table.authority.seats_taken(), 0);
    assert_eq!(table.authority.wake_at(), Some(START + 60_000_000));
    assert!(!table.authority.is_over(START + 59_999_999) && table.authority.is_over(START + 60_000_000));
}

#[test]
fn time_that_runs_backwards_at_the_host_does_not_run_backwards_in_the_session() {
    let mut table = Table::with_players(1);
    table.now = START + 10_000_000;
    table.ask(0, launch(0, 0)).unwrap();
    let at = table.authority.state().at();
    table.now = START;
    table.ask(0, launch(1, 0)).unwrap();
    assert!(table.authority.state().at() >= at);
}
