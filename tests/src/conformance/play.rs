//! What is played and edited, and what everybody hears of it.

use super::{Authority, Outcome, name_of, rename};
use keyboardia_session::{
    Beats, Cell, Command, Edit, Event, EventKind, Refusal, SceneId, SeatId, TrackId,
    event::Cause,
    wire::{ClientMessage, HostMessage, Report, encode},
};
use keyboardia_visitor::{Visitor, Way, until};
use std::collections::BTreeMap;

/// A track that no session has.
const NOWHERE: TrackId = TrackId(99);

fn launch(track: u8, scene: u8) -> Command {
    Command::Launch { track: TrackId(track), scene: SceneId(scene) }
}

/// Whether all know the same state.
fn agree(players: &[&Visitor]) -> bool {
    players.windows(2).all(|pair| pair[0].state().hash() == pair[1].state().hash())
}

fn is_renamed(visitor: &Visitor, track: u8, name: &str) -> bool {
    name_of(visitor, track) == name
}

/// How often a command was refused so.
fn refusals(visitor: &Visitor, expected: Refusal) -> usize {
    let is_it = |m: &&HostMessage| matches!(m, HostMessage::Refused { refusal, .. } if *refusal == expected);
    visitor.heard.iter().filter(is_it).count()
}

pub(super) fn launches_begin_on_bars_and_everybody_gets_the_same_events_in_the_same_order(
    authority: &Authority,
) -> Outcome {
    let (_, mut players) = authority.jam(["Ada", "Bob", "Cyd"])?;
    let presses = [(0, launch(0, 0)), (1, launch(1, 1)), (2, launch(2, 0)), (0, launch(0, 1)), (1, launch(3, 0))];
    let count = presses.len();
    for (player, press) in presses {
        players[player].command(press);
    }
    let launches = |visitor: &Visitor| {
        let launched = |event: &&Event| matches!(event.kind, EventKind::Launched { .. });
        visitor.events().filter(launched).count()
    };
    until(players.each_mut(), "all launches at each", |players| {
        players.iter().all(|player| launches(player) == count) && agree(&players)
    })?;
    let mut history: BTreeMap<u64, Event> = BTreeMap::new();
    for player in &players {
        let seqs: Vec<u64> = player.events().map(|event| event.seq).collect();
        ensure!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?} has a gap or another order");
        for event in player.events() {
            let same = history.entry(event.seq).or_insert_with(|| event.clone());
            ensure!(same == event, "event {} is {same:?} for one and {event:?} for another", event.seq);
        }
    }
    let state = players[0].state();
    for event in history.values() {
        if let EventKind::Launched { stamp, .. } = event.kind {
            ensure!(stamp.at.within(Beats::whole(4)) == Beats::ZERO, "{stamp:?} is not on a bar");
            ensure!(stamp.at >= state.transport().beat_at(event.at), "{stamp:?} was over when it was asked for");
        }
    }
    Ok(())
}

pub(super) fn an_echo_comes_back_once_with_the_number_of_its_command(authority: &Authority) -> Outcome {
    let (_, mut players) = authority.jam(["Ada", "Bob"])?;
    let mine = players[0].command(launch(0, 0));
    let refused = players[0].command(launch(NOWHERE.0, 0));
    let his = players[1].command(rename(1, "His"));
    let caused = |visitor: &Visitor, seat: SeatId, command| {
        visitor.events().filter(|event| event.cause == Some(Cause { seat, command })).count()
    };
    let seats = players.each_ref().map(Visitor::id);
    // Pressing the first pad starts the transport, which may be an event of its own.
    until(players.each_mut(), "both echoes and the refusal", |players| {
        let is_refused = |m: &HostMessage| matches!(m, HostMessage::Refused { id, .. } if *id == refused);
        players.iter().all(|player| caused(player, seats[0], mine) >= 1 && caused(player, seats[1], his) >= 1)
            && players[0].heard.iter().any(is_refused)
    })?;
    for player in &players {
        let launched = player.events().filter(|event| matches!(event.kind, EventKind::Launched { .. })).count();
        let renamed = player.events().filter(|event| matches!(event.kind, EventKind::TrackChanged { .. })).count();
        ensure!((launched, renamed) == (1, 1), "{launched} launches and {renamed} names came of one each");
        ensure!(caused(player, seats[0], refused) == 0, "what was refused has happened");
    }
    Ok(())
}

pub(super) fn edits_reach_everybody_and_are_taken_back_and_made_again(authority: &Authority) -> Outcome {
    let (_, mut players) = authority.jam(["Ada", "Bob"])?;
    let before = name_of(&players[0], 2);
    let can = |visitor: &Visitor, undo: u8, redo: u8| {
        visitor.seat.view(visitor.local()).is_some_and(|view| view.history == (undo, redo))
    };
    let is_named = |players: [&Visitor; 2], name: &str| players.iter().all(|player| is_renamed(player, 2, name));
    players[0].command(rename(2, "Thunder"));
    until(players.each_mut(), "the edit", |both| is_named(both, "Thunder") && can(both[0], 1, 0))?;
    players[0].command(Command::Undo);
    until(players.each_mut(), "the name from before", |both| is_named(both, &before) && can(both[0], 0, 1))?;
    players[0].command(Command::Redo);
    until(players.each_mut(), "the edit again", |both| is_named(both, "Thunder") && can(both[0], 1, 0))?;
    ensure!(can(&players[1], 0, 0), "another player's edits are his to take back");
    ensure!(agree(&players.each_ref()), "they see different sessions");
    Ok(())
}

pub(super) fn nobody_takes_back_what_somebody_else_has_changed_since(authority: &Authority) -> Outcome {
    let (_, mut players) = authority.jam(["Ada", "Bob", "Cyd"])?;
    players[0].command(rename(0, "Mine"));
    until(players.each_mut(), "her edit", |all| all.iter().all(|player| is_renamed(player, 0, "Mine")))?;
    players[1].command(rename(0, "His"));
    until(players.each_mut(), "his edit", |all| all.iter().all(|player| is_renamed(player, 0, "His")))?;
    players[0].command(Command::Undo);
    players[2].command(Command::Undo);
    until(players.each_mut(), "both refusals", |[ada, _, cyd]| {
        refusals(ada, Refusal::ChangedSince) == 1 && refusals(cyd, Refusal::NothingToUndo) == 1
    })?;
    ensure!(players.iter().all(|player| is_renamed(player, 0, "His")), "his edit is gone");
    Ok(())
}

pub(super) fn refusals_are_typed_and_told_only_to_whom_they_concern(authority: &Authority) -> Outcome {
    let (_, mut players) = authority.jam(["Ada", "Bob"])?;
    let state = players[0].state();
    let is_empty = |cell: &Cell| state.clip(*cell).is_none();
    let mut cells =
        state.tracks().iter().flat_map(|track| state.scenes().iter().map(move |scene| Cell::new(track.id, scene.id)));
    let empty = cells.find(is_empty).ok_or("A new session has no empty slot.")?;
    let seat = players[0].id();
    let wishes = [
        (launch(NOWHERE.0, 0), Refusal::NoSuchTrack),
        (launch(0, 99), Refusal::NoSuchScene),
        (Command::Launch { track: empty.track, scene: empty.scene }, Refusal::EmptySlot),
        (Command::Unqueue { track: TrackId(0) }, Refusal::NothingQueued),
        (Command::Redo, Refusal::NothingToRedo),
        (Command::Edit(Edit::RemoveTrack(NOWHERE)), Refusal::NoSuchTrack),
        (Command::SetRemoval { seat, remove: true }, Refusal::NotYourself),
        (rename(0, ""), Refusal::NoName),
    ];
    let before = players[0].state().hash();
    for (wish, expected) in wishes {
        let id = players[0].command(wish.clone());
        let answer = |ada: &Visitor| {
            ada.heard.iter().find_map(|message| match message {
                HostMessage::Refused { id: of, refusal } if *of == id => Some(*refusal),
                _ => None,
            })
        };
        until(players.each_mut(), "a refusal", |[ada, _]| answer(ada).is_some())?;
        ensure!(answer(&players[0]) == Some(expected), "{wish:?} is refused as {:?}", answer(&players[0]));
    }
    players[1].command(rename(1, "Undisturbed"));
    until(players.each_mut(), "his edit", |[ada, bob]| {
        is_renamed(ada, 1, "Undisturbed") && is_renamed(bob, 1, "Undisturbed")
    })?;
    let told = players[1].heard.iter().filter(|m| matches!(m, HostMessage::Refused { .. })).count();
    ensure!(told == 0, "he hears of {told} refusals that are hers");
    ensure!(players[0].state().hash() != before && agree(&players.each_ref()), "they see different sessions");
    Ok(())
}

pub(super) fn whoever_lost_the_thread_gets_a_new_snapshot(authority: &Authority) -> Outcome {
    let (_, mut players) = authority.jam(["Ada", "Bob"])?;
    let snapshots = |visitor: &Visitor| {
        visitor.heard.iter().filter(|m| matches!(m, HostMessage::Snapshot { index: 0, .. })).count()
    };
    players[0].command(rename(0, "Mine"));
    players[1].send(encode(&ClientMessage::Resync));
    until(players.each_mut(), "a new snapshot and the edit", |[ada, bob]| {
        snapshots(bob) == 2 && is_renamed(bob, 0, "Mine") && agree(&[ada, bob])
    })?;
    ensure!(snapshots(&players[0]) == 1, "somebody gets what another one has asked for");
    Ok(())
}

pub(super) fn sessions_do_not_hear_each_other(authority: &Authority) -> Outcome {
    let (_, [mut ada]) = authority.jam(["Ada"])?;
    let (_, [mut eve]) = authority.jam(["Eve"])?;
    ada.command(launch(0, 0));
    ada.command(rename(0, "Private"));
    until([&mut ada, &mut eve], "her edit", |[ada, _]| is_renamed(ada, 0, "Private"))?;
    eve.command(rename(1, "Elsewhere"));
    until([&mut ada, &mut eve], "the other's edit", |[_, eve]| is_renamed(eve, 1, "Elsewhere"))?;
    let strange = |event: &&Event| event.cause.is_none_or(|cause| cause.seat != eve.id() || cause.command.0 != 1);
    let strange: Vec<&Event> = eve.events().filter(strange).collect();
    let others: Vec<_> = strange.iter().filter(|event| !matches!(event.kind, EventKind::PlayerJoined(_))).collect();
    ensure!(others.is_empty(), "another session's {others:?} come through");
    ensure!(eve.state().players().len() == 1 && !is_renamed(&eve, 0, "Private"), "the sessions mix");
    Ok(())
}

pub(super) fn what_is_safe_follows_what_was_done(authority: &Authority) -> Outcome {
    let (code, [mut ada, mut bob]) = authority.jam(["Ada", "Bob"])?;
    for number in 0..20 {
        ada.command(rename(number % 8, &format!("Edit {number}")));
    }
    until([&mut ada, &mut bob], "everything safe", |players| {
        players.iter().all(|player| is_renamed(player, 3, "Edit 19") && player.durable() == Some(player.state().seq()))
    })?;
    for player in [&ada, &bob] {
        // Nothing is safe before it has happened, nor less of it later.
        let (mut known, mut safe) = (None, 0);
        for message in &player.heard {
            match message {
                HostMessage::Welcome { durable, .. } => safe = durable.ok_or("Nothing is kept here.")?,
                HostMessage::Event(event) => known = Some(event.seq),
                HostMessage::Durable(seq) => {
                    ensure!(*seq >= safe, "{seq} is safe, which is less than {safe} before");
                    ensure!(known.is_none_or(|known| *seq <= known), "{seq} is safe, but {known:?} was the last");
                    safe = *seq;
                }
                _ => {}
            }
        }
    }
    let token = bob.joined.token.clone();
    bob.leave();
    let seat = bob.id();
    until([&mut ada, &mut bob], "his loss", |[ada, _]| ada.state().player(seat).is_some_and(|bob| !bob.present))?;
    let bob = authority.come_back(&code, &token)?;
    ensure!(is_renamed(&bob, 3, "Edit 19"), "what was safe is lost");
    Ok(())
}

pub(super) fn pointers_and_pings_reach_the_others(authority: &Authority) -> Outcome {
    let (_, mut players) = authority.jam(["Ada", "Bob"])?;
    let me = players[0].id();
    let peer = |visitor: &Visitor| {
        visitor.seat.view(visitor.local()).map(|view| view.peers[usize::from(me.0)]).unwrap_or_default()
    };
    let cell = Cell::new(TrackId(1), SceneId(2));
    let report = Report { lead_us: 21_000, round_trip_us: 1_234, phase_error_us: -56 };
    players[0].send(encode(&ClientMessage::Report(report)));
    players[0].point(Some(cell));
    until(players.each_mut(), "her pointer and her ping", |[_, bob]| {
        (peer(bob).pointer.at, peer(bob).report) == (Some(cell), report)
    })?;
    players[0].point(None);
    until(players.each_mut(), "her pointer gone", |[_, bob]| peer(bob).pointer.at.is_none())?;
    let cursors =
        |messages: &[HostMessage]| messages.iter().filter(|m| matches!(m, HostMessage::Cursor { .. })).count();
    let (all, lossy) = (cursors(&players[1].heard), cursors(&players[1].lossy));
    let expected = if players[1].way() == Way::Udp { all } else { 0 };
    ensure!(lossy == expected, "{lossy} of {all} pointers came on the channel for what may be lost");
    Ok(())
}
