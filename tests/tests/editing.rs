//! Editing and undo, through the production authority: one behaviour a test, and tables that name every command and
//! every refusal.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Authority, Avatar, Beats, Cell, Clip, ClipChange, Colour, Column, Command, Edit, Gain, Name, Outbox, Pan, Quantise,
    Refusal, Row, SceneId, SeatId, Tempo, TimeSignature, TrackChange, TrackId,
    edit::Value,
    limits::{GRACE_US, SCENES_MAX, TRACKS_MAX, UNDO_GESTURE_US, UNDO_STEPS_MAX},
    wire::{ClientMessage, HostMessage},
};
use keyboardia_tests::{
    table::{Table, launch, token},
    world::{Dice, World, any_command},
};
use std::collections::BTreeMap;

const EMPTY: Cell = Cell::new(TrackId(7), SceneId(7));
const FILLED: Cell = Cell::new(TrackId(0), SceneId(0));
const NOWHERE: Cell = Cell::new(TrackId(99), SceneId(99));

fn name(text: &str) -> Name {
    Name::sanitised(text)
}

fn some_clip(table: &Table) -> Clip {
    table.authority.state().clip(FILLED).unwrap().clone()
}

fn fill(table: &Table, cell: Cell) -> Command {
    Command::Edit(Edit::SetClip { cell, clip: Some(Box::new(some_clip(table))), replace: false })
}

fn clear(cell: Cell) -> Command {
    Command::Edit(Edit::SetClip { cell, clip: None, replace: true })
}

fn rename(cell: Cell, text: &str) -> Command {
    Command::Edit(Edit::ChangeClip { cell, change: ClipChange::Name(name(text)) })
}

fn clip_name(table: &Table, cell: Cell) -> String {
    table.authority.state().clip(cell).map(|clip| clip.name.to_string()).unwrap_or_default()
}

/// Lets enough time pass for the next change to be an edit of its own.
fn pause(table: &mut Table) {
    table.now = table.now + UNDO_GESTURE_US as u64;
}

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
fn everything_that_can_be_edited_can_be_taken_back_and_made_again() {
    let edits: Vec<fn(&Table) -> Command> = vec![
        |table| fill(table, EMPTY),
        |_| clear(FILLED),
        |table| {
            Command::Edit(Edit::SetClip {
                cell: FILLED,
                clip: Some(Box::new(Clip { looped: false, ..some_clip(table) })),
                replace: true,
            })
        },
        |_| rename(FILLED, "Another"),
        |_| Command::Edit(Edit::ChangeClip { cell: FILLED, change: ClipChange::Colour(Colour([1, 2, 3])) }),
        |_| Command::Edit(Edit::ChangeClip { cell: FILLED, change: ClipChange::Gain(Gain::SILENCE) }),
        |_| Command::Edit(Edit::ChangeClip { cell: FILLED, change: ClipChange::Looped(false) }),
        |_| Command::Edit(Edit::ChangeClip { cell: FILLED, change: ClipChange::Quantise(Some(Quantise::Half)) }),
        |_| Command::Edit(Edit::SwapClips { a: FILLED, b: EMPTY }),
        |_| Command::Edit(Edit::SwapClips { a: FILLED, b: Cell::new(TrackId(1), SceneId(0)) }),
        |_| Command::Edit(Edit::AddTrack { at: 3, column: None }),
        |table| {
            Command::Edit(Edit::AddTrack {
                at: 99,
                column: table.authority.state().track(TrackId(1)).map(|track| Box::new(track.column())),
            })
        },
        |_| Command::Edit(Edit::RemoveTrack(TrackId(2))),
        |_| Command::Edit(Edit::ChangeTrack { track: TrackId(0), change: TrackChange::Name(name("Drums of mine")) }),
        |_| Command::Edit(Edit::ChangeTrack { track: TrackId(0), change: TrackChange::Colour(Colour([9, 9, 9])) }),
        |_| Command::Edit(Edit::AddScene { at: 0, row: None }),
        |table| Command::Edit(Edit::AddScene { at: 1, row: table.authority.state().row(SceneId(0)).map(Box::new) }),
        |_| Command::Edit(Edit::RemoveScene(SceneId(1))),
        |_| Command::Edit(Edit::RenameScene { scene: SceneId(0), name: name("Break") }),
        |_| Command::SetGain { track: TrackId(0), gain: Gain::SILENCE },
        |_| Command::SetPan { track: TrackId(0), pan: Pan::new(-100).unwrap() },
    ];
    let content = |table: &Table| {
        let state = table.authority.state();
        let tracks: Vec<(TrackId, Column)> = state.tracks().iter().map(|track| (track.id, track.column())).collect();
        (tracks, state.scenes().to_vec())
    };
    for (index, edit) in edits.iter().enumerate() {
        let mut table = Table::with_players(2);
        let before = content(&table);
        let command = edit(&table);
        table.ask(0, command.clone()).unwrap();
        let after = content(&table);
        assert_ne!(before, after, "edit {index}, {command:?}, changes nothing");
        assert_eq!(table.ask(1, Command::Undo), Err(Refusal::NothingToUndo), "it is not the other's edit");
        table.ask(0, Command::Undo).unwrap();
        assert_eq!(content(&table), before, "{command:?} taken back");
        table.ask(0, Command::Redo).unwrap();
        assert_eq!(content(&table), after, "{command:?} made again");
        assert_eq!(table.ask(0, Command::Redo), Err(Refusal::NothingToRedo));
    }
}

#[test]
fn launches_and_the_transport_are_not_undone() {
    let mut table = Table::with_players(1);
    for command in [
        launch(0, 0),
        Command::SetTempo(Tempo::from_bpm(90.0).unwrap()),
        Command::SetMute { track: TrackId(0), mute: true },
        Command::SetSolo { track: TrackId(0), solo: true },
        Command::SetQuantise(Quantise::Half),
    ] {
        table.ask(0, command).unwrap();
    }
    assert_eq!(table.ask(0, Command::Undo), Err(Refusal::NothingToUndo));
}

#[test]
fn an_undo_that_would_overwrite_somebody_else_s_change_is_refused_and_the_one_before_it_is_not() {
    let mut table = Table::with_players(2);
    let other = Cell::new(TrackId(1), SceneId(0));
    table.ask(0, rename(other, "Mine")).unwrap();
    table.ask(0, rename(FILLED, "First")).unwrap();
    table.ask(1, rename(FILLED, "Second")).unwrap();
    assert_eq!(table.ask(0, Command::Undo), Err(Refusal::ChangedSince));
    assert_eq!(clip_name(&table, FILLED), "Second");
    let before = Table::with_players(1);
    table.ask(0, Command::Undo).unwrap();
    assert_eq!(clip_name(&table, other), clip_name(&before, other));
}

#[test]
fn even_the_same_value_is_somebody_else_s_if_they_set_it() {
    let mut table = Table::with_players(2);
    let set = |gain: f64| Command::SetGain { track: TrackId(0), gain: Gain::from_db(gain).unwrap() };
    table.ask(0, set(-6.0)).unwrap();
    table.ask(1, set(-12.0)).unwrap();
    pause(&mut table);
    table.ask(1, set(-6.0)).unwrap();
    assert_eq!(table.ask(0, Command::Undo), Err(Refusal::ChangedSince));
}

#[test]
fn what_somebody_else_has_taken_back_themselves_is_in_nobody_s_way() {
    let mut table = Table::with_players(2);
    let original = clip_name(&table, FILLED);
    table.ask(0, rename(FILLED, "First")).unwrap();
    table.ask(1, rename(FILLED, "Second")).unwrap();
    table.ask(1, Command::Undo).unwrap();
    table.ask(0, Command::Undo).unwrap();
    assert_eq!(clip_name(&table, FILLED), original);
    assert_eq!(table.ask(1, Command::Redo), Err(Refusal::ChangedSince), "that would overwrite the undo");
}

#[test]
fn properties_side_by_side_are_nobody_else_s_business() {
    let mut table = Table::with_players(2);
    let original = clip_name(&table, FILLED);
    table.ask(0, rename(FILLED, "Mine")).unwrap();
    table.ask(1, Command::Edit(Edit::ChangeClip { cell: FILLED, change: ClipChange::Looped(false) })).unwrap();
    table.ask(0, Command::Undo).unwrap();
    let clip = table.authority.state().clip(FILLED).unwrap();
    assert_eq!((clip.name.to_string(), clip.looped), (original, false));
}

#[test]
fn a_track_in_which_somebody_else_has_worked_is_not_undone_away() {
    let mut table = Table::with_players(2);
    table.ask(0, Command::Edit(Edit::AddTrack { at: 8, column: None })).unwrap();
    let track = table.authority.state().tracks()[8].id;
    table.ask(1, fill(&table, Cell::new(track, SceneId(0)))).unwrap();
    assert_eq!(table.ask(0, Command::Undo), Err(Refusal::ChangedSince));
    assert!(table.authority.state().track(track).is_some());
}

#[test]
fn a_drag_of_a_fader_is_one_edit() {
    let mut table = Table::with_players(1);
    let gain = table.authority.state().track(TrackId(0)).unwrap().gain;
    for step in 1..=20 {
        let gain = Gain::from_db(f64::from(step) / -2.0).unwrap();
        table.ask(0, Command::SetGain { track: TrackId(0), gain }).unwrap();
        table.now = table.now + 40_000;
    }
    table.ask(0, Command::Undo).unwrap();
    assert_eq!(table.authority.state().track(TrackId(0)).unwrap().gain, gain);
    assert_eq!(table.ask(0, Command::Undo), Err(Refusal::NothingToUndo));
}

#[test]
fn a_new_edit_ends_what_can_be_redone_and_what_can_be_undone_is_bounded() {
    let mut table = Table::with_players(1);
    table.ask(0, rename(FILLED, "One")).unwrap();
    table.ask(0, Command::Undo).unwrap();
    table.ask(0, clear(FILLED)).unwrap();
    assert_eq!(table.ask(0, Command::Redo), Err(Refusal::NothingToRedo));
    for index in 0..UNDO_STEPS_MAX + 10 {
        pause(&mut table);
        table.ask(0, rename(Cell::new(TrackId(1), SceneId(0)), &format!("Name {index}"))).unwrap();
    }
    let undone = std::iter::repeat_with(|| table.ask(0, Command::Undo)).take_while(Result::is_ok).count();
    assert_eq!(undone, UNDO_STEPS_MAX);
}

#[test]
fn the_player_is_told_how_much_can_be_undone() {
    let mut table = Table::with_players(2);
    table.ask(0, rename(FILLED, "One")).unwrap();
    let message = ClientMessage::Command { id: keyboardia_session::CommandId(900), command: Command::Undo };
    let answers = table.send(0, &message);
    assert!(answers.contains(&HostMessage::History { undo: 0, redo: 1 }), "{answers:?}");
}

#[test]
fn who_leaves_for_good_takes_their_history_along() {
    let mut table = Table::with_players(2);
    table.ask(0, rename(FILLED, "Mine")).unwrap();
    table.ask(0, launch(0, 0)).unwrap();
    table.authority.leave(table.now, SeatId(0), &mut Outbox::new());
    table.now = table.now + GRACE_US;
    table.authority.wake(table.now, &mut Outbox::new());
    table.authority.admit(table.now, &token(20), keyboardia_session::Profile::default()).unwrap();
    table.authority.join(table.now, &token(20), &mut Outbox::new()).unwrap();
    assert_eq!(table.ask(0, Command::Undo), Err(Refusal::NothingToUndo));
    let track = table.authority.state().track(TrackId(0)).unwrap();
    assert_eq!(track.playing_at(table.beat()).unwrap().by, None, "the newcomer did not launch it");
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
        table.ask(0, Command::Edit(Edit::AddTrack { at: 0, column: None })).unwrap();
        let track = table.authority.state().tracks()[0].id;
        assert!(!seen.contains(&track));
        seen.push(track);
        table.ask(0, Command::Edit(Edit::RemoveTrack(track))).unwrap();
    }
    // Numbers run out after 256, and begin anew without meeting one in use.
    for _ in 0..300 {
        table.ask(0, Command::Edit(Edit::AddTrack { at: 0, column: None })).unwrap();
        let track = table.authority.state().tracks()[0].id;
        table.ask(0, Command::Edit(Edit::RemoveTrack(track))).unwrap();
    }
    let restored = Authority::restore(&table.authority.snapshot(), table.now).unwrap();
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
        Command::Edit(edit) => match edit {
            Edit::SetClip { .. } => "set clip",
            Edit::ChangeClip { .. } => "change clip",
            Edit::SwapClips { .. } => "swap clips",
            Edit::AddTrack { .. } => "add track",
            Edit::RemoveTrack(_) => "remove track",
            Edit::ChangeTrack { .. } => "change track",
            Edit::AddScene { .. } => "add scene",
            Edit::RemoveScene(_) => "remove scene",
            Edit::RenameScene { .. } => "rename scene",
        },
    }
}

/// Number of kinds of [`kind`].
const KINDS: usize = 26;

/// A command, and why it is refused in a session like that.
type Refused = (Command, Refusal);

/// What each command is refused for, in a session with the starter groove where nothing plays.
fn refused_at_rest(table: &Table) -> Vec<Refused> {
    use Refusal::{
        BadClip, EmptySlot, NoName, NoSuchScene, NoSuchTrack, NothingQueued, NothingToRedo, NothingToUndo, SlotTaken,
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
        (Command::Edit(Edit::RenameScene { scene: row, name: name("x") }), NoSuchScene),
        (Command::Edit(Edit::RenameScene { scene: SceneId(0), name: name("") }), NoName),
        (Command::Undo, NothingToUndo),
        (Command::Redo, NothingToRedo),
        (Command::SetProfile { name: name(""), colour: Colour([0; 3]), avatar: Avatar::default() }, NoName),
    ]
}

#[test]
fn every_refusal_has_its_reason_and_changes_nothing() {
    let mut table = Table::with_players(1);
    let hash = table.authority.state().hash();
    let mut kinds: Vec<&str> = Vec::new();
    for (command, refusal) in refused_at_rest(&table) {
        assert_eq!(table.ask(0, command.clone()), Err(refusal), "{command:?}");
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
fn a_removed_track_comes_back_as_far_as_there_is_room_for_it() {
    let mut table = Table::with_players(2);
    table.ask(0, Command::Edit(Edit::RemoveTrack(TrackId(0)))).unwrap();
    while table.authority.state().tracks().len() < TRACKS_MAX {
        table.ask(1, Command::Edit(Edit::AddTrack { at: 0, column: None })).unwrap();
    }
    assert_eq!(table.ask(0, Command::Undo), Err(Refusal::ChangedSince));
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

/// Whose work the values in a session are: for every place, who changed it last.
#[derive(Default)]
struct Owners(BTreeMap<keyboardia_session::Address, SeatId>);

/// Ten bots edit and launch for ten minutes of virtual time. Every replica equals the authority at the end, and no undo
/// changed what somebody else had changed after the edit that was taken back.
#[test]
fn ten_bots_edit_for_ten_minutes_agree_and_nobody_s_undo_changes_somebody_else_s_work() {
    let seed = std::env::var("KEYBOARDIA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_123);
    println!("KEYBOARDIA_SEED={seed}");
    let mut world = World::new(seed, 300_000);
    let mut dice = Dice::new(seed);
    let mut commands: BTreeMap<(SeatId, u32), Command> = BTreeMap::new();
    let mut owners = Owners::default();
    let (mut undone, mut refused) = (0, 0);
    let begin = world.now;
    world.take_events();
    let mut shadow = world.authority.state().clone();
    while world.now.since(begin) < 600_000_000 {
        let player = dice.below(10) as usize;
        let command = if dice.below(5) == 0 { Command::Undo } else { any_command(&mut dice) };
        if let (Some(id), Some(seat)) = (world.command(player, command.clone()), world.players[player].id) {
            commands.insert((seat, id.0), command);
        }
        world.pass(dice.below(120_000));
        for event in world.take_events() {
            let Some(cause) = event.cause else {
                shadow.apply(&event).unwrap();
                continue;
            };
            let asked = commands.get(&(cause.seat, cause.command.0));
            let takes_back = matches!(asked, Some(Command::Undo | Command::Redo));
            let before: Vec<_> = event.kind.touched().map(|address| (address, Value::at(&shadow, address))).collect();
            shadow.apply(&event).unwrap();
            // Setting what is set already is nobody's work.
            let changed = before.into_iter().filter(|(address, before)| Value::at(&shadow, *address) != *before);
            for (address, _) in changed {
                let overlapping: Vec<_> = owners.0.keys().copied().filter(|known| known.overlaps(address)).collect();
                if takes_back {
                    undone += 1;
                    for known in &overlapping {
                        let owner = owners.0[known];
                        assert_eq!(owner, cause.seat, "seed {seed}: {asked:?} of {:?} changed {known:?}", cause.seat);
                    }
                }
                // What is taken back belongs to nobody in particular: whoever had it before may go on with it.
                for known in overlapping {
                    owners.0.remove(&known);
                }
                if !takes_back {
                    owners.0.insert(address, cause.seat);
                }
            }
        }
        refused += world.take_refusals().into_iter().filter(|refusal| *refusal == Refusal::ChangedSince).count();
    }
    world.pass(2_000_000);
    assert!(world.agrees(), "seed {seed}");
    assert!(undone > 50 && refused > 5, "{undone} taken back and {refused} refused show something");
}
