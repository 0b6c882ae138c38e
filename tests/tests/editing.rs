//! Editing, through the production authority: one behaviour a test, and a table that names every command and every
//! refusal.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Authority, Avatar, Beats, Cell, Clip, ClipChange, Colour, Column, Command, CommandClass, Edit, Gain, Outbox, Pan,
    Refusal, Row, SceneChange, SceneId, SeatId, TimeSignature, TrackChange, TrackId,
    limits::{SCENES_MAX, TRACKS_MAX},
};
use keyboardia_tests::{
    table::{EMPTY, FILLED, Table, clear, fill, launch, name, rename, some_clip, token},
    world::{Dice, any_command},
};

const NOWHERE: Cell = Cell::new(TrackId(99), SceneId(99));

#[test]
fn a_pad_is_filled_by_whoever_asks_and_their_name_stands_on_it() {
    let mut table = Table::with_players(2);
    let forged = Clip { author: name("Somebody else"), ..some_clip(&table) };
    let clip = Some(Box::new(forged));
    table.ask(1, Command::Edit(Edit::SetClip { cell: EMPTY, clip, replace: false })).unwrap();
    let state = table.authority.state();
    assert_eq!(state.clip(EMPTY).unwrap().author, state.player(SeatId(1)).unwrap().name);
}

#[test]
fn a_pad_that_somebody_has_just_filled_is_not_overwritten_by_mistake() {
    let mut table = Table::with_players(2);
    table.ask(0, fill(&table, EMPTY)).unwrap();
    assert_eq!(table.ask(1, fill(&table, EMPTY)), Err(Refusal::SlotTaken));
}

#[test]
fn a_clip_that_is_moved_goes_on_playing_in_its_track() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.pass_beats(1.0);
    let to = Cell::new(TrackId(0), SceneId(7));
    table.ask(0, Command::Edit(Edit::SwapClips { a: FILLED, b: to })).unwrap();
    assert_eq!(table.playing(0), Some((7, Beats::ZERO)));
    table.ask(0, Command::Edit(Edit::SwapClips { a: to, b: EMPTY })).unwrap();
    assert_eq!((table.playing(0), table.playing(7)), (None, None), "in another track it waits to be launched");
    assert!(table.authority.state().clip(EMPTY).is_some());
}

#[test]
fn what_plays_ends_when_its_clip_is_cleared_and_what_waits_is_forgotten() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.pass_beats(1.0);
    table.ask(0, launch(0, 1)).unwrap();
    table.ask(0, clear(Cell::new(TrackId(0), SceneId(1)))).unwrap();
    assert_eq!((table.playing(0), table.queued(0)), (Some((0, Beats::ZERO)), None));
    table.ask(0, clear(FILLED)).unwrap();
    assert_eq!(table.playing(0), None);
}

#[test]
fn commands_reach_their_track_whatever_is_added_and_removed_around_it() {
    let mut table = Table::with_players(2);
    table.ask(0, launch(2, 0)).unwrap();
    table.ask(1, Command::Edit(Edit::RemoveTrack(TrackId(0)))).unwrap();
    table.ask(1, Command::Edit(Edit::AddTrack { at: 0, column: None })).unwrap();
    table.ask(0, Command::SetMute { track: TrackId(2), mute: true }).unwrap();
    let state = table.authority.state();
    assert_eq!(state.track_position(TrackId(2)), Some(2));
    assert!(state.track(TrackId(2)).unwrap().mute && !state.tracks()[1].mute);
    assert_eq!(table.ask(0, launch(0, 0)), Err(Refusal::NoSuchTrack), "it is gone, and no other takes its place");
}

#[test]
fn a_copied_column_leaves_out_rows_that_are_gone() {
    let mut table = Table::with_players(1);
    let column = table.authority.state().track(TrackId(0)).unwrap().column();
    let rows = column.clips.len();
    let gone = column.clips[0].0;
    table.ask(0, Command::Edit(Edit::RemoveScene(gone))).unwrap();
    table.ask(0, Command::Edit(Edit::AddTrack { at: 1, column: Some(Box::new(column)) })).unwrap();
    let copy = &table.authority.state().tracks()[1];
    assert_eq!(copy.clips.len(), rows - 1);
    assert!(copy.clip(gone).is_none());
}

#[test]
fn a_profile_is_seen_by_all_and_kept_over_a_reconnection() {
    let mut table = Table::with_players(2);
    let profile = Command::SetProfile { name: name("Ada"), colour: Colour([1, 2, 3]), avatar: Avatar::new(5).unwrap() };
    table.ask(1, profile).unwrap();
    table.authority.leave(table.now, SeatId(1), &mut Outbox::new());
    table.authority.join(table.now, &token(1), &mut Outbox::new()).unwrap();
    let player = table.authority.state().player(SeatId(1)).unwrap();
    assert_eq!((player.name.as_str(), player.colour, player.avatar.index()), ("Ada", Colour([1, 2, 3]), 5));
}

#[test]
fn new_tracks_never_take_the_number_of_one_that_went_a_moment_ago() {
    let mut table = Table::with_players(1);
    let mut seen = vec![];
    for _ in 0..40 {
        table.pass_beats(1.0);
        table.ask(0, Command::Edit(Edit::AddTrack { at: 0, column: None })).unwrap();
        let track = table.authority.state().tracks()[0].id;
        assert!(!seen.contains(&track));
        seen.push(track);
        table.ask(0, Command::Edit(Edit::RemoveTrack(track))).unwrap();
    }
    // Numbers run out after 256, and begin anew without meeting one in use.
    for _ in 0..300 {
        table.pass_beats(1.0);
        table.ask(0, Command::Edit(Edit::AddTrack { at: 0, column: None })).unwrap();
        let track = table.authority.state().tracks()[0].id;
        table.ask(0, Command::Edit(Edit::RemoveTrack(track))).unwrap();
    }
    let restored = Authority::restore(&table.authority.snapshot(), &[], table.now).unwrap();
    assert_eq!(restored.state().tracks().len(), 8);
}

/// Every command, by a name; a new one does not compile before it has one, and a row in the table below.
fn kind(command: &Command) -> &'static str {
    match command {
        Command::Launch { .. } => "launch",
        Command::StopTrack { .. } => "stop track",
        Command::Unqueue { .. } => "unqueue",
        Command::LaunchScene { .. } => "launch scene",
        Command::StopScene { .. } => "stop scene",
        Command::StopAll => "stop all",
        Command::SetPlaying(_) => "set playing",
        Command::SetTempo(_) => "set tempo",
        Command::SetQuantise(_) => "set quantise",
        Command::SetSignature(_) => "set signature",
        Command::SetGain { .. } => "set gain",
        Command::SetPan { .. } => "set pan",
        Command::SetMute { .. } => "set mute",
        Command::SetSolo { .. } => "set solo",
        Command::Undo => "undo",
        Command::Redo => "redo",
        Command::SetProfile { .. } => "set profile",
        Command::SetLocked(_) => "set locked",
        Command::SetRemoval { .. } => "set removal",
        Command::Edit(edit) => match edit {
            Edit::SetClip { .. } => "set clip",
            Edit::ChangeClip { .. } => "change clip",
            Edit::SwapClips { .. } => "swap clips",
            Edit::AddTrack { .. } => "add track",
            Edit::RemoveTrack(_) => "remove track",
            Edit::ChangeTrack { .. } => "change track",
            Edit::AddScene { .. } => "add scene",
            Edit::RemoveScene(_) => "remove scene",
            Edit::ChangeScene { .. } => "change scene",
        },
    }
}

/// Number of kinds of [`kind`].
const KINDS: usize = 28;

/// Where a refusal is shown to come up.
#[derive(Debug, PartialEq)]
enum Shown {
    /// In the table below.
    InTable,
    /// In a test of its own, of this name.
    By(&'static str),
}

/// Where each refusal is shown; a new one does not compile before it has a place.
fn shown(refusal: Refusal) -> Shown {
    match refusal {
        Refusal::NoSuchTrack
        | Refusal::NoSuchScene
        | Refusal::EmptySlot
        | Refusal::NothingQueued
        | Refusal::SlotTaken
        | Refusal::BadClip
        | Refusal::NoName
        | Refusal::NothingToUndo
        | Refusal::NothingToRedo
        | Refusal::NotYours
        | Refusal::NoSuchPlayer
        | Refusal::NotYourself => Shown::InTable,
        Refusal::TracksFull | Refusal::ScenesFull | Refusal::LastTrack | Refusal::LastScene => {
            Shown::By("a_session_has_its_bounds_and_its_last_track_and_scene_stay")
        }
        Refusal::TooFast => Shown::By("two_signatures_within_a_lead_of_a_bar_line_are_too_fast"),
        Refusal::TooLate => Shown::By("what_is_about_to_sound_can_not_be_taken_back"),
        Refusal::ChangedSince => {
            Shown::By("an_undo_that_would_overwrite_somebody_else_s_change_is_refused_and_the_one_before_it_is_not")
        }
        Refusal::TooOften(_) => Shown::By("what_was_refused_as_too_often_has_no_effect"),
        Refusal::NoAnswer => Shown::By("a_host_that_does_not_answer_is_not_asked_without_end"),
        Refusal::NotConnected => Shown::By("nothing_is_asked_before_the_session_is_there"),
    }
}

/// Refusals that [`shown`] finds in the table.
const IN_TABLE: usize = 12;

/// The tests of the session's rules, in which those are that [`shown`] names.
const TESTS: [&str; 4] =
    [include_str!("editing.rs"), include_str!("rules.rs"), include_str!("undo.rs"), include_str!("floods.rs")];

#[test]
fn every_refusal_is_shown_somewhere() {
    let table = Table::with_players(2);
    let mut in_table: Vec<Refusal> = refused_at_rest(&table).into_iter().map(|(_, refusal)| refusal).collect();
    in_table.sort_unstable_by_key(|refusal| format!("{refusal:?}"));
    in_table.dedup();
    assert!(in_table.iter().all(|refusal| shown(*refusal) == Shown::InTable), "{in_table:?}");
    assert_eq!(in_table.len(), IN_TABLE, "{in_table:?}");
    let others = [
        Refusal::TracksFull,
        Refusal::ScenesFull,
        Refusal::LastTrack,
        Refusal::LastScene,
        Refusal::TooFast,
        Refusal::TooLate,
        Refusal::ChangedSince,
        Refusal::TooOften(CommandClass::Edit),
        Refusal::NoAnswer,
        Refusal::NotConnected,
    ];
    for refusal in others {
        let Shown::By(test) = shown(refusal) else { panic!("{refusal:?} is in the table") };
        assert!(TESTS.iter().any(|tests| tests.contains(&format!("fn {test}()"))), "{refusal:?}: no test is {test}");
    }
}

#[test]
fn whoever_does_anything_at_all_does_everything_sooner_or_later() {
    let mut dice = Dice::new(20_261_125);
    let (mut kinds, mut changes) = (Vec::new(), Vec::new());
    for _ in 0..20_000 {
        let command = any_command(&mut dice);
        let change = match &command {
            Command::Edit(Edit::ChangeClip { change, .. }) => Some(match change {
                ClipChange::Name(_) => "clip's name",
                ClipChange::Colour(_) => "clip's colour",
                ClipChange::Gain(_) => "clip's gain",
                ClipChange::Looped(_) => "clip's loop",
                ClipChange::Quantise(_) => "clip's boundary",
                ClipChange::Length(_) => "clip's length",
            }),
            Command::Edit(Edit::ChangeTrack { change, .. }) => Some(match change {
                TrackChange::Name(_) => "track's name",
                TrackChange::Colour(_) => "track's colour",
            }),
            _ => None,
        };
        kinds.push(kind(&command));
        changes.extend(change);
    }
    for (seen, count) in [(&mut kinds, KINDS), (&mut changes, CHANGES)] {
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "{seen:?}");
    }
}

/// Kinds of changes of clips and of tracks.
const CHANGES: usize = 8;

/// A command, and why it is refused in a session like that.
type Refused = (Command, Refusal);

/// What each command of the second player is refused for, in a session with the starter groove where nothing plays.
fn refused_at_rest(table: &Table) -> Vec<Refused> {
    use Refusal::{
        BadClip, EmptySlot, NoName, NoSuchPlayer, NoSuchScene, NoSuchTrack, NotYours, NotYourself, NothingQueued,
        NothingToRedo, NothingToUndo, SlotTaken,
    };
    let (far, row) = (TrackId(99), SceneId(99));
    let set =
        |cell, clip: Option<Clip>, replace| Command::Edit(Edit::SetClip { cell, clip: clip.map(Box::new), replace });
    let clip = || some_clip(table);
    let endless = Clip { length: Beats::whole(1_000_000), ..clip() };
    let nothing = Clip { length: Beats::ZERO, ..clip() };
    let bad_column = Column {
        clips: keyboardia_session::bounded::Bounded::try_from_vec(vec![(SceneId(0), nothing.clone())]).unwrap(),
        ..Column::empty("Bad", Colour([0; 3]))
    };
    let bad_row = Row {
        name: name("Bad"),
        colour: None,
        clips: keyboardia_session::bounded::Bounded::try_from_vec(vec![(TrackId(0), nothing.clone())]).unwrap(),
    };
    vec![
        (launch(99, 0), NoSuchTrack),
        (launch(0, 99), NoSuchScene),
        (launch(7, 7), EmptySlot),
        (Command::StopTrack { track: far }, NoSuchTrack),
        (Command::Unqueue { track: far }, NoSuchTrack),
        (Command::Unqueue { track: TrackId(0) }, NothingQueued),
        (Command::LaunchScene { scene: row }, NoSuchScene),
        (Command::StopScene { scene: row }, NoSuchScene),
        (Command::SetMute { track: far, mute: true }, NoSuchTrack),
        (Command::SetSolo { track: far, solo: true }, NoSuchTrack),
        (Command::SetGain { track: far, gain: Gain::UNITY }, NoSuchTrack),
        (Command::SetPan { track: far, pan: Pan::CENTRE }, NoSuchTrack),
        (set(NOWHERE, Some(clip()), true), NoSuchTrack),
        (set(Cell::new(TrackId(0), row), Some(clip()), true), NoSuchScene),
        (set(FILLED, Some(clip()), false), SlotTaken),
        (set(EMPTY, None, true), EmptySlot),
        (set(EMPTY, Some(nothing), true), BadClip),
        (set(EMPTY, Some(endless), true), BadClip),
        (rename(NOWHERE, "x"), NoSuchTrack),
        (rename(EMPTY, "x"), EmptySlot),
        (rename(FILLED, " "), NoName),
        (Command::Edit(Edit::SwapClips { a: FILLED, b: NOWHERE }), NoSuchTrack),
        (Command::Edit(Edit::SwapClips { a: FILLED, b: FILLED }), EmptySlot),
        (Command::Edit(Edit::SwapClips { a: EMPTY, b: Cell::new(TrackId(6), SceneId(7)) }), EmptySlot),
        (Command::Edit(Edit::AddTrack { at: 0, column: Some(Box::new(bad_column)) }), BadClip),
        (Command::Edit(Edit::RemoveTrack(far)), NoSuchTrack),
        (Command::Edit(Edit::ChangeTrack { track: far, change: TrackChange::Name(name("x")) }), NoSuchTrack),
        (Command::Edit(Edit::ChangeTrack { track: TrackId(0), change: TrackChange::Name(name(" ")) }), NoName),
        (Command::Edit(Edit::AddScene { at: 0, row: Some(Box::new(bad_row)) }), BadClip),
        (Command::Edit(Edit::RemoveScene(row)), NoSuchScene),
        (Command::Edit(Edit::ChangeScene { scene: row, change: SceneChange::Name(name("x")) }), NoSuchScene),
        (Command::Edit(Edit::ChangeScene { scene: SceneId(0), change: SceneChange::Name(name("")) }), NoName),
        (Command::Undo, NothingToUndo),
        (Command::Redo, NothingToRedo),
        (Command::SetProfile { name: name(""), colour: Colour([0; 3]), avatar: Avatar::default() }, NoName),
        (Command::SetLocked(true), NotYours),
        (Command::SetRemoval { seat: SeatId(1), remove: true }, NotYourself),
        (Command::SetRemoval { seat: SeatId(2), remove: true }, NoSuchPlayer),
    ]
}

#[test]
fn every_refusal_has_its_reason_and_changes_nothing() {
    let mut table = Table::with_players(2);
    let hash = table.authority.state().hash();
    let mut kinds: Vec<&str> = Vec::new();
    for (command, refusal) in refused_at_rest(&table) {
        assert_eq!(table.ask(1, command.clone()), Err(refusal), "{command:?}");
        assert!(refusal.to_string().ends_with('.'), "{refusal}");
        kinds.push(kind(&command));
    }
    assert_eq!(table.authority.state().hash(), hash);
    kinds.sort_unstable();
    kinds.dedup();
    // These cannot be wrong: what they say is within its bounds, or they ask for nothing in particular.
    let never = ["set playing", "set tempo", "set quantise", "set signature", "stop all"];
    assert_eq!(kinds.len() + never.len(), KINDS, "{kinds:?}");
}

#[test]
fn a_session_has_its_bounds_and_its_last_track_and_scene_stay() {
    let mut table = Table::with_players(1);
    let add_track = || Command::Edit(Edit::AddTrack { at: 0, column: None });
    let add_scene = || Command::Edit(Edit::AddScene { at: 0, row: None });
    while table.authority.state().tracks().len() < TRACKS_MAX {
        table.ask(0, add_track()).unwrap();
    }
    while table.authority.state().scenes().len() < SCENES_MAX {
        table.ask(0, add_scene()).unwrap();
    }
    assert_eq!(table.ask(0, add_track()), Err(Refusal::TracksFull));
    assert_eq!(table.ask(0, add_scene()), Err(Refusal::ScenesFull));
    while table.authority.state().tracks().len() > 1 {
        let track = table.authority.state().tracks()[0].id;
        table.ask(0, Command::Edit(Edit::RemoveTrack(track))).unwrap();
    }
    while table.authority.state().scenes().len() > 1 {
        let scene = table.authority.state().scenes()[0].id;
        table.ask(0, Command::Edit(Edit::RemoveScene(scene))).unwrap();
    }
    let (track, scene) = (table.authority.state().tracks()[0].id, table.authority.state().scenes()[0].id);
    assert_eq!(table.ask(0, Command::Edit(Edit::RemoveTrack(track))), Err(Refusal::LastTrack));
    assert_eq!(table.ask(0, Command::Edit(Edit::RemoveScene(scene))), Err(Refusal::LastScene));
}

#[test]
fn two_signatures_within_a_lead_of_a_bar_line_are_too_fast() {
    let mut table = Table::with_players(1);
    table.ask(0, launch(0, 0)).unwrap();
    table.now = table.now + keyboardia_session::limits::LEAD_MIN_US;
    table.pass_beats(3.9);
    table.ask(0, Command::SetSignature(TimeSignature::FiveFour)).unwrap();
    table.pass_beats(0.09);
    assert_eq!(table.ask(0, Command::SetSignature(TimeSignature::ThreeFour)), Err(Refusal::TooFast));
    table.pass_beats(0.1);
    assert!(table.ask(0, Command::SetSignature(TimeSignature::ThreeFour)).is_ok());
}
