//! Session time: told when asked for, and by itself while the music plays.

use super::{Authority, Outcome, rename};
use keyboardia_session::{
    Command, Micros,
    limits::BEACON_INTERVAL_US,
    wire::{HostMessage, Probe},
};
use keyboardia_visitor::{Failure, Visitor, Way, until};

/// Beacons that could have come in the time in which none may.
const SILENT_BEACONS: u64 = 10;

/// Asks what time it is, and again where the question or its answer was lost.
fn ask(visitor: &mut Visitor) -> Result<Probe, Failure> {
    const TRIES: u64 = 20;
    const TRY_US: u64 = 500_000;
    let known = visitor.times.len();
    for _ in 0..TRIES {
        let asked = visitor.local();
        visitor.ask_time();
        until([&mut *visitor], "the time, or another try", |[visitor]| {
            visitor.times.len() > known || visitor.local() > asked + TRY_US
        })?;
        if let Some(probe) = visitor.times.get(known) {
            return Ok(*probe);
        }
    }
    Err(Failure::Broken("Nobody tells the time.".into()))
}

fn beacons(messages: &[HostMessage]) -> Vec<Micros> {
    let beacon = |message: &HostMessage| match message {
        HostMessage::Beacon(at) => Some(*at),
        _ => None,
    };
    messages.iter().filter_map(beacon).collect()
}

pub(super) fn the_time_is_told_whenever_it_is_asked_for(authority: &Authority) -> Outcome {
    let (_, [mut ada]) = authority.jam(["Ada"])?;
    let first = ask(&mut ada)?;
    ada.command(rename(0, "Between"));
    until([&mut ada], "her edit", |[ada]| super::name_of(ada, 0) == "Between")?;
    let second = ask(&mut ada)?;
    let edit = ada.state().at();
    for probe in [first, second] {
        ensure!(probe.received <= probe.answered && probe.sent <= ada.local(), "{probe:?} runs backwards");
    }
    ensure!(first.sent < second.sent, "{first:?} and {second:?} answer one question");
    ensure!(first.answered <= edit && edit <= second.received, "an event at {edit:?} between {first:?} and {second:?}");
    Ok(())
}

pub(super) fn beacons_come_while_the_music_plays_and_not_while_it_rests(authority: &Authority) -> Outcome {
    let (_, mut players) = authority.jam(["Ada", "Bob"])?;
    ensure!(players.iter().all(|player| beacons(&player.heard).is_empty()), "a beacon came while the music rests");
    players[0].command(Command::SetPlaying(true));
    until(players.each_mut(), "three beacons at each", |players| {
        players.iter().all(|player| beacons(&player.heard).len() >= 3)
    })?;
    players[0].command(Command::SetPlaying(false));
    let is_resting = |player: &Visitor| !player.state().transport().last().playing;
    until(players.each_mut(), "the rest", |players| players.into_iter().all(is_resting))?;
    let rest = players[0].state().transport().last().anchor_time;
    let until_then = rest + (1 + SILENT_BEACONS) * BEACON_INTERVAL_US;
    while ask(&mut players[0])?.answered < until_then {}
    players[0].command(rename(0, "Silence"));
    until(players.each_mut(), "the last edit", |players| {
        players.iter().all(|player| super::name_of(player, 0) == "Silence")
    })?;
    for player in &players {
        let heard = beacons(&player.heard);
        let late: Vec<_> = heard.iter().filter(|at| **at > rest + BEACON_INTERVAL_US).collect();
        ensure!(late.is_empty(), "beacons at {late:?} although the music rests since {rest:?}");
        ensure!(heard.is_sorted(), "{heard:?} are not in order");
        let lossy = beacons(&player.lossy).len();
        let expected = if player.way() == Way::Udp { heard.len() } else { 0 };
        ensure!(lossy == expected, "{lossy} of {} beacons came on the channel for what may be lost", heard.len());
    }
    Ok(())
}
