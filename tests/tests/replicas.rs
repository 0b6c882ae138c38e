//! Ten players, any commands, any delays: every replica ends equal to the authority. And bytes from anywhere cost
//! nothing.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_session::{
    Authority, Micros, Replica, Seat, SessionState, Unwritten,
    bounded::Bounded,
    limits::{GRACE_US, MESSAGE_BYTES_MAX, PROTOCOL_VERSION},
    wire::{self, ClientMessage, HostMessage},
};
use keyboardia_tests::world::{Dice, World, any_command};
use proptest::prelude::*;

/// What decoding a message may allocate for each byte of it, and beside.
const BYTES_PER_BYTE: usize = 64;
const BYTES_BESIDE: usize = 4_096;

fn jam(seed: u64, commands: usize, delay_max_us: u64, reconnects: bool) -> World {
    let mut world = World::new(seed, delay_max_us);
    let mut dice = Dice::new(seed ^ 0xabcd);
    for _ in 0..commands {
        let player = dice.below(10) as usize;
        if reconnects && dice.below(20) == 0 {
            if world.players[player].id.is_some() { world.disconnect(player) } else { world.connect(player) }
        } else {
            world.command(player, any_command(&mut dice));
        }
        world.pass(dice.below(300_000));
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_leaves_every_replica_equal_to_the_authority(
        seed in any::<u64>(), commands in 1_usize..120, delay in 0_u64..2_000_000, reconnects in any::<bool>(),
    ) {
        let mut world = jam(seed, commands, delay, reconnects);
        world.pass(5_000_000);
        prop_assert!(world.agrees(), "seed {seed}");
        prop_assert!(world.authority.state().seq() >= 10, "something happened");
        let encoded = world.authority.state().encode();
        prop_assert_eq!(SessionState::decode(&encoded).map(|state| state.hash()), Some(world.authority.state().hash()));
    }

    #[test]
    fn a_session_comes_back_from_a_snapshot_and_what_was_written_down_after_it(
        seed in any::<u64>(), before in 0_usize..60, after in 0_usize..60,
    ) {
        let mut world = jam(seed, before, 100_000, true);
        world.authority.keep_journal();
        prop_assert_eq!(world.authority.take_unwritten(), Unwritten::Everything);
        let snapshot = world.authority.snapshot();
        let mut entries = Vec::new();
        let mut dice = Dice::new(seed ^ 0x1234);
        for _ in 0..after {
            let player = dice.below(10) as usize;
            match dice.below(12) {
                0 if world.players[player].id.is_some() => world.disconnect(player),
                0 => world.connect(player),
                // Long enough for seats to be freed.
                1 => world.pass(40_000_000),
                _ => {
                    world.command(player, any_command(&mut dice));
                }
            }
            world.pass(dice.below(300_000));
            let Unwritten::Entries(new) = world.authority.take_unwritten() else { panic!("too much at once") };
            entries.extend(new);
        }
        let later = world.now + 1_000;
        let restored = Authority::restore(&snapshot, &entries, later).map(|authority| authority.snapshot());
        let twin = Authority::restore(&world.authority.snapshot(), &[], later).map(|authority| authority.snapshot());
        prop_assert!(twin.is_some() && restored == twin, "seed {seed}");
        prop_assert!(Authority::restore(&snapshot, &[vec![0xff; 9]], later).is_none(), "garbage");
    }

    #[test]
    fn arbitrary_bytes_never_panic_nor_allocate_beyond_their_bound(
        mut bytes in prop::collection::vec(any::<u8>(), 0..2_000), versioned in any::<bool>(),
    ) {
        if versioned && let Some(first) = bytes.first_mut() {
            *first = PROTOCOL_VERSION;
        }
        let bound = BYTES_BESIDE + BYTES_PER_BYTE * bytes.len();
        let used = allocation_counter::measure(|| {
            let _ = wire::decode::<ClientMessage>(&bytes);
            let _ = wire::decode::<HostMessage>(&bytes);
            let _ = SessionState::decode(&bytes);
        });
        prop_assert!(used.bytes_total as usize <= bound, "{used:?} allocated for {} bytes received", bytes.len());
        let mut seat = Seat::new();
        seat.receive(Micros(0), &bytes);
        let _ = Replica::new().snapshot_piece(0, 1, &bytes);
    }

    #[test]
    fn a_damaged_message_is_refused_or_another_message_but_never_a_panic(seed in any::<u64>(), flips in 1_usize..8) {
        let mut dice = Dice::new(seed);
        let mut world = jam(seed, 3, 1_000, false);
        let mut out = Vec::new();
        let command = any_command(&mut dice);
        let mut bytes = wire::encode(&ClientMessage::Command { id: keyboardia_session::CommandId(1), command });
        for _ in 0..flips {
            let at = dice.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << dice.below(8);
        }
        let before = world.authority.state().seq();
        world.authority.handle(world.now, keyboardia_session::SeatId(0), &bytes, &mut out);
        prop_assert!(out.len() <= 3 && world.authority.state().seq() <= before + 2);
        prop_assert!(out.iter().all(|outgoing| outgoing.bytes.len() <= MESSAGE_BYTES_MAX));
    }
}

#[test]
fn a_claimed_length_allocates_nothing() {
    // A snapshot message that claims 2⁶⁰ bytes and brings none.
    let mut bytes = wire::encode(&HostMessage::Snapshot { index: 0, count: 1, bytes: Bounded::default() });
    bytes.pop();
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    let used = allocation_counter::measure(|| assert!(wire::decode::<HostMessage>(&bytes).is_err()));
    assert!((used.bytes_total as usize) < BYTES_BESIDE, "{used:?}");
}

#[test]
fn a_replica_that_missed_an_event_asks_for_a_snapshot_and_agrees_again() {
    let mut world = World::new(7, 0);
    world.pass(1_000);
    let mut dice = Dice::new(1);
    // An event that reaches nobody: the authority is asked behind the network's back.
    let bytes = wire::encode(&ClientMessage::Command {
        id: keyboardia_session::CommandId(9),
        command: keyboardia_session::Command::SetPlaying(true),
    });
    world.authority.handle(world.now, keyboardia_session::SeatId(0), &bytes, &mut Vec::new());
    assert!(!world.agrees());
    world.command(3, any_command(&mut dice));
    world.command(4, keyboardia_session::Command::StopAll);
    world.pass(1_000_000);
    assert!(world.agrees());
}

/// Ten virtual minutes of ten busy players, with a printed seed.
#[test]
fn ten_minutes_of_ten_players_agree() {
    let seed = std::env::var("KEYBOARDIA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_122);
    println!("KEYBOARDIA_SEED={seed}");
    let mut world = jam(seed, 4_000, 400_000, true);
    // Where nobody is left who may open the session, it opens once the last seat is free.
    if world.authority.state().players().iter().all(|player| !player.present) {
        world.pass(2 * GRACE_US);
    }
    world.let_everybody_in();
    world.pass(2_000_000);
    assert!(world.players.iter().all(|player| player.id.is_some()), "everybody is in, seed {seed}");
    assert!(world.agrees(), "seed {seed}");
}
