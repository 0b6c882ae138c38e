//! Undo, through the production authority: everybody takes back their own edits, and nobody anybody else's.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Address, Beats, Cell, Clip, ClipChange, Colour, Column, Command, Edit, Gain, Outbox, Pan, Quantise, Refusal,
    SceneChange, SceneId, SeatId, Tempo, TrackChange, TrackId,
    edit::Value,
    limits::{GRACE_US, TRACKS_MAX, UNDO_GESTURE_US, UNDO_STEPS_MAX},
    wire::{ClientMessage, HostMessage},
};
use keyboardia_tests::{
    table::{EMPTY, FILLED, Table, clear, fill, launch, name, rename, some_clip, token},
    world::{Dice, World, any_command},
};
use std::collections::BTreeMap;

fn clip_name(table: &Table, cell: Cell) -> String {
    table.authority.state().clip(cell).map(|clip| clip.name.to_string()).unwrap_or_default()
}

/// Lets enough time pass for the next change to be an edit of its own.
fn pause(table: &mut Table) {
    table.now = table.now + UNDO_GESTURE_US as u64;
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
        |_| Command::Edit(Edit::ChangeClip { cell: FILLED, change: ClipChange::Length(Beats::whole(3)) }),
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
        |_| Command::Edit(Edit::ChangeScene { scene: SceneId(0), change: SceneChange::Name(name("Break")) }),
        |_| {
            let change = SceneChange::Colour(Some(Colour([0x33, 0xcc, 0x99])));
            Command::Edit(Edit::ChangeScene { scene: SceneId(0), change })
        },
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
fn a_removed_track_comes_back_as_far_as_there_is_room_for_it() {
    let mut table = Table::with_players(2);
    table.ask(0, Command::Edit(Edit::RemoveTrack(TrackId(0)))).unwrap();
    while table.authority.state().tracks().len() < TRACKS_MAX {
        table.ask(1, Command::Edit(Edit::AddTrack { at: 0, column: None })).unwrap();
    }
    assert_eq!(table.ask(0, Command::Undo), Err(Refusal::ChangedSince));
}

/// Ten bots edit and launch for ten minutes of virtual time. Every replica equals the authority at the end, and no undo
/// changed what somebody else had changed after the edit that was taken back.
#[test]
fn ten_bots_edit_for_ten_minutes_agree_and_nobody_s_undo_changes_somebody_else_s_work() {
    let seed = std::env::var("KEYBOARDIA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_123);
    println!("KEYBOARDIA_SEED={seed}");
    let mut world = World::new(seed, 300_000);
    let mut dice = Dice::new(seed);
    let mut commands: BTreeMap<(SeatId, u32), Command> = BTreeMap::new();
    // Whose work the values are: for every place, who changed it last.
    let mut owners: BTreeMap<Address, SeatId> = BTreeMap::new();
    let (mut undone, mut refused) = (0, 0);
    let begin = world.now;
    world.take_events();
    let mut shadow = world.authority.state().clone();
    while world.now.since(begin) < 600_000_000 {
        let player = dice.below(10) as usize;
        let command = if dice.below(5) == 0 { Command::Undo } else { any_command(&mut dice) };
        // All ten are to stay to the end.
        if matches!(command, Command::SetRemoval { .. }) {
            continue;
        }
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
                let overlapping: Vec<_> = owners.keys().copied().filter(|known| known.overlaps(address)).collect();
                if takes_back {
                    undone += 1;
                    for known in &overlapping {
                        let owner = owners[known];
                        assert_eq!(owner, cause.seat, "seed {seed}: {asked:?} of {:?} changed {known:?}", cause.seat);
                    }
                }
                // What is taken back belongs to nobody in particular: whoever had it before may go on with it.
                for known in overlapping {
                    owners.remove(&known);
                }
                if !takes_back {
                    owners.insert(address, cause.seat);
                }
            }
        }
        refused += world.take_refusals().into_iter().filter(|refusal| *refusal == Refusal::ChangedSince).count();
    }
    world.pass(2_000_000);
    assert!(world.agrees(), "seed {seed}");
    assert!(world.players.iter().all(|player| player.id.is_some()), "everybody has stayed, seed {seed}");
    assert!(undone > 50 && refused > 5, "{undone} taken back and {refused} refused show something");
}
