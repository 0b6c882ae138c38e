//! Who may come, and who must go, through the production authority: one behaviour a test.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Authority, Command, CommandId, EventKind, Farewell, JoinError, Outbox, Profile, Recipient, Refusal, SeatId,
    Unwritten,
    limits::{BARRED_MAX, GRACE_US, SEATS_MAX},
    wire::{self, ClientMessage, HostMessage},
};
use keyboardia_tests::table::{Table, launch, token};

const ADA: SeatId = SeatId(0);
const BOB: SeatId = SeatId(1);
const CYD: SeatId = SeatId(2);

fn remove(seat: SeatId) -> Command {
    Command::SetRemoval { seat, remove: true }
}

fn admit(table: &mut Table, index: usize) -> Result<SeatId, JoinError> {
    table.authority.admit(table.now, &token(index), Profile::default())
}

fn enter(table: &mut Table, index: usize) -> Result<SeatId, JoinError> {
    admit(table, index)?;
    table.authority.join(table.now, &token(index), &mut Outbox::new())
}

fn leave(table: &mut Table, seat: SeatId) {
    table.authority.leave(table.now, seat, &mut Outbox::new());
}

/// Lets the grace time of whoever is away pass.
fn wait_for_grace(table: &mut Table) {
    table.now = table.now + GRACE_US;
    table.authority.wake(table.now, &mut Outbox::new());
}

fn is_there(table: &Table, seat: SeatId) -> bool {
    table.authority.state().player(seat).is_some()
}

#[test]
fn a_locked_session_lets_nobody_new_in_and_everybody_back() {
    let mut table = Table::with_players(2);
    assert_eq!(admit(&mut table, 2), Ok(CYD), "a seat that is kept before the lock");
    assert_eq!(table.ask(0, Command::SetLocked(true)).unwrap(), [EventKind::Locked(true)]);
    assert!(table.authority.state().is_locked());
    assert_eq!(admit(&mut table, 50), Err(JoinError::Locked));
    assert_eq!(enter(&mut table, 2), Ok(CYD));
    leave(&mut table, BOB);
    assert_eq!(enter(&mut table, 1), Ok(BOB));
    table.ask(0, Command::SetLocked(false)).unwrap();
    assert_eq!(enter(&mut table, 50), Ok(SeatId(3)));
}

#[test]
fn the_creator_locks_and_while_they_are_away_anybody_does() {
    let mut table = Table::with_players(2);
    assert_eq!(table.authority.state().creator(), Some(ADA));
    assert_eq!(table.ask(1, Command::SetLocked(true)), Err(Refusal::NotYours));
    leave(&mut table, ADA);
    table.ask(1, Command::SetLocked(true)).unwrap();
    enter(&mut table, 0).unwrap();
    assert_eq!(table.ask(1, Command::SetLocked(false)), Err(Refusal::NotYours), "she is back");
    table.ask(0, Command::SetLocked(false)).unwrap();
}

#[test]
fn the_session_of_a_creator_who_has_left_belongs_to_whoever_came_next() {
    let mut table = Table::with_players(3);
    // Somebody new in the first seat came last of all.
    leave(&mut table, ADA);
    wait_for_grace(&mut table);
    assert_eq!(table.authority.state().creator(), Some(BOB));
    assert_eq!(enter(&mut table, 7), Ok(ADA));
    leave(&mut table, BOB);
    assert_eq!(table.authority.state().creator(), Some(BOB), "his seat waits for him");
    wait_for_grace(&mut table);
    assert_eq!(table.authority.state().creator(), Some(CYD));
}

#[test]
fn a_locked_session_that_everybody_has_left_is_open_again() {
    let mut table = Table::with_players(1);
    table.ask(0, Command::SetLocked(true)).unwrap();
    leave(&mut table, ADA);
    assert_eq!(admit(&mut table, 50), Err(JoinError::Locked));
    wait_for_grace(&mut table);
    assert_eq!(enter(&mut table, 50), Ok(ADA));
}

#[test]
fn the_creator_removes_at_once_and_the_code_alone_brings_nobody_back() {
    let mut table = Table::with_players(3);
    table.ask(1, launch(0, 0)).unwrap();
    assert_eq!(table.ask(0, remove(BOB)).unwrap(), [EventKind::PlayerRemoved(BOB)]);
    assert!(!is_there(&table, BOB) && table.authority.state().is_locked());
    assert_eq!(enter(&mut table, 1), Err(JoinError::Removed), "with his token");
    assert_eq!(table.authority.join(table.now, &token(1), &mut Outbox::new()), Err(JoinError::Removed));
    assert_eq!(enter(&mut table, 50), Err(JoinError::Locked), "as somebody else");
    table.ask(0, Command::SetLocked(false)).unwrap();
    assert_eq!(enter(&mut table, 1), Err(JoinError::Removed), "an open session still knows him");
    assert_eq!(table.authority.state().tracks()[0].playing.and_then(|playing| playing.by), None);
}

#[test]
fn whoever_is_removed_is_told_last_of_all_and_is_nobody_from_then_on() {
    const DAN: SeatId = SeatId(4);
    let mut table = Table::with_players(6);
    // Two go with one call: when nobody else is left to ask, both counts are enough.
    for (by, of) in [(1, CYD), (3, CYD), (1, DAN), (3, DAN)] {
        table.ask(by, remove(of)).unwrap();
    }
    leave(&mut table, SeatId(5));
    assert!(is_there(&table, CYD) && is_there(&table, DAN), "two of four");
    let mut out = Outbox::new();
    table.authority.leave(table.now, ADA, &mut out);
    assert!(!is_there(&table, CYD) && !is_there(&table, DAN), "two of three");
    let meant =
        |outgoing: &&keyboardia_session::Outgoing| outgoing.to == Recipient::All || outgoing.to == Recipient::Seat(CYD);
    let heard: Vec<HostMessage> =
        out.iter().filter(meant).map(|outgoing| wire::decode(&outgoing.bytes).unwrap()).collect();
    assert_eq!(heard.last(), Some(&HostMessage::Farewell(Farewell::Removed)), "{heard:?}");
    let seq = table.authority.state().seq();
    let said = table.send(CYD.0, &ClientMessage::Command { id: CommandId(9), command: launch(0, 0) });
    assert!(said.is_empty() && table.authority.state().seq() == seq, "nobody hears him: {said:?}");
    assert_eq!(table.authority.take_dismissed(), [CYD, DAN]);
    assert!(table.authority.take_dismissed().is_empty(), "once");
}

#[test]
fn a_seat_is_given_to_nobody_before_the_host_knows_that_it_is_free() {
    let mut table = Table::with_players(2);
    table.ask(0, remove(BOB)).unwrap();
    table.ask(0, Command::SetLocked(false)).unwrap();
    assert_eq!(enter(&mut table, 50), Ok(CYD));
    table.authority.take_dismissed();
    assert_eq!(enter(&mut table, 51), Ok(BOB));
}

#[test]
fn players_who_are_away_are_removed_without_a_connection_to_close() {
    let mut table = Table::with_players(2);
    leave(&mut table, BOB);
    table.ask(0, remove(BOB)).unwrap();
    assert!(table.authority.take_dismissed().is_empty());
    assert_eq!(enter(&mut table, 1), Err(JoinError::Removed));
}

#[test]
fn more_than_half_of_the_others_remove_a_player() {
    for players in 3..=SEATS_MAX {
        let mut table = Table::with_players(players);
        let needed = ((players - 1) / 2 + 1).max(2);
        for voter in 1..=needed {
            assert!(is_there(&table, ADA), "{voter} of {} is not enough yet", players - 1);
            table.ask(voter as u8, remove(ADA)).unwrap();
        }
        assert!(!is_there(&table, ADA), "{needed} of {} are", players - 1);
        assert_eq!(table.authority.state().creator(), Some(BOB));
    }
}

#[test]
fn one_wish_alone_removes_nobody() {
    let mut table = Table::with_players(2);
    table.ask(1, remove(ADA)).unwrap();
    assert!(is_there(&table, ADA));
    let mut table = Table::with_players(3);
    table.ask(1, remove(CYD)).unwrap();
    leave(&mut table, ADA);
    assert!(is_there(&table, CYD), "one of one");
}

#[test]
fn a_wish_is_shown_to_all_and_can_be_taken_back() {
    let mut table = Table::with_players(4);
    let wish = |by, remove| EventKind::RemovalWished { by, of: BOB, remove };
    assert_eq!(table.ask(2, remove(BOB)).unwrap(), [wish(CYD, true)]);
    let count = table.authority.state().removal_count(BOB);
    assert_eq!((count.wishes, count.asked, count.needed()), (1, 3, 2));
    table.ask(2, remove(BOB)).unwrap();
    assert_eq!(table.authority.state().removal_count(BOB), count, "a wish counts once");
    let take_back = Command::SetRemoval { seat: BOB, remove: false };
    assert_eq!(table.ask(2, take_back).unwrap(), [wish(CYD, false)]);
    table.ask(3, remove(BOB)).unwrap();
    assert!(is_there(&table, BOB));
}

#[test]
fn who_is_away_is_not_asked_and_the_count_is_looked_at_again_whenever_somebody_goes() {
    let mut table = Table::with_players(5);
    table.ask(1, remove(CYD)).unwrap();
    table.ask(3, remove(CYD)).unwrap();
    assert!(is_there(&table, CYD), "two of four");
    leave(&mut table, BOB);
    assert!(is_there(&table, CYD), "one of three: his wish waits for him");
    leave(&mut table, ADA);
    leave(&mut table, SeatId(4));
    assert!(is_there(&table, CYD), "one of one");
    enter(&mut table, 1).unwrap();
    assert!(!is_there(&table, CYD), "two of two");
}

#[test]
fn wishes_go_with_whoever_wished_and_with_whom_they_concern() {
    let mut table = Table::with_players(4);
    table.ask(1, remove(CYD)).unwrap();
    table.ask(3, remove(BOB)).unwrap();
    leave(&mut table, BOB);
    wait_for_grace(&mut table);
    assert!(table.authority.state().wishes().is_empty());
    assert_eq!(enter(&mut table, 60), Ok(BOB), "the next in the seat is somebody else");
    table.ask(3, remove(BOB)).unwrap();
    assert!(is_there(&table, BOB), "one wish, not two");
}

#[test]
fn a_restored_session_is_still_locked_and_still_knows_whom_it_has_removed_and_who_wishes_what() {
    let mut table = Table::with_players(5);
    table.authority.keep_journal();
    table.authority.take_unwritten();
    let before = table.authority.snapshot();
    table.ask(0, remove(BOB)).unwrap();
    table.ask(3, remove(CYD)).unwrap();
    let Unwritten::Entries(entries) = table.authority.take_unwritten() else { panic!("they fit") };
    for (snapshot, entries) in [(before, entries), (table.authority.snapshot(), Vec::new())] {
        let authority = Authority::restore(&snapshot, &entries, table.now).unwrap();
        let mut table = Table::around(authority, table.now);
        assert!(table.authority.state().is_locked());
        assert_eq!(table.authority.state().creator(), Some(ADA));
        assert_eq!(enter(&mut table, 1), Err(JoinError::Removed));
        assert_eq!(enter(&mut table, 50), Err(JoinError::Locked));
        assert!(table.authority.state().wishes_removal(SeatId(3), CYD));
        for index in [0, 2, 3, 4] {
            enter(&mut table, index).unwrap();
        }
        table.ask(4, remove(CYD)).unwrap();
        assert!(!is_there(&table, CYD), "two of three, one of them from before");
    }
}

#[test]
fn a_session_remembers_a_bounded_number_of_removed_players_and_forgets_the_oldest() {
    let mut table = Table::with_players(1);
    for index in 1..=BARRED_MAX + 1 {
        table.pass_beats(4.0);
        assert_eq!(enter(&mut table, index), Ok(BOB));
        table.ask(0, remove(BOB)).unwrap();
        table.ask(0, Command::SetLocked(false)).unwrap();
        table.authority.take_dismissed();
    }
    assert_eq!(admit(&mut table, BARRED_MAX + 1), Err(JoinError::Removed));
    assert_eq!(admit(&mut table, 2), Err(JoinError::Removed));
    assert_eq!(admit(&mut table, 1), Ok(BOB), "so long ago");
}

#[test]
fn every_reason_is_a_sentence() {
    for reason in [JoinError::Full, JoinError::UnknownToken, JoinError::Locked, JoinError::Removed] {
        assert!(reason.to_string().ends_with('.'), "{reason}");
    }
    assert_eq!(JoinError::Removed.to_string(), Farewell::Removed.to_string());
}
