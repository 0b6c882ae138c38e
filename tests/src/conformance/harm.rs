//! Players who mean harm, or whose programs are broken: they cost only themselves.

use super::{Authority, Outcome, name_of, rename};
use keyboardia_session::{
    CommandClass, Farewell, Refusal,
    limits::{EDITS_BURST, MESSAGE_BYTES_MAX, PROTOCOL_VERSION},
    wire::{HostMessage, Malformed},
};
use keyboardia_visitor::{Visitor, until};

fn complaints(visitor: &Visitor) -> Vec<Malformed> {
    let malformed = |message: &HostMessage| match message {
        HostMessage::Malformed(malformed) => Some(*malformed),
        _ => None,
    };
    visitor.heard.iter().filter_map(malformed).collect()
}

pub(super) fn a_message_that_cannot_be_read_is_answered_and_costs_only_its_sender(authority: &Authority) -> Outcome {
    let (_, [mut ada, mut eve]) = authority.jam(["Ada", "Eve"])?;
    let harm = [
        (vec![PROTOCOL_VERSION, 0xff, 0xff], Malformed::Garbled),
        (vec![9, 0], Malformed::OtherVersion(9)),
        (vec![PROTOCOL_VERSION], Malformed::Garbled),
        (Vec::new(), Malformed::Garbled),
    ];
    for (count, (bytes, expected)) in harm.into_iter().enumerate() {
        eve.send(bytes.clone());
        until([&mut ada, &mut eve], "an answer", |[_, eve]| complaints(eve).len() > count)?;
        let answer = complaints(&eve)[count];
        // Nothing at all has no version either.
        let is_right = answer == expected || (bytes.is_empty() && answer == Malformed::OtherVersion(0));
        ensure!(is_right, "{bytes:?} is called {answer:?}");
    }
    eve.command(rename(0, "Hers"));
    ada.command(rename(1, "Undisturbed"));
    until([&mut ada, &mut eve], "both edits at both", |players| {
        players.iter().all(|player| (name_of(player, 0), name_of(player, 1)) == ("Hers".into(), "Undisturbed".into()))
    })?;
    ensure!(complaints(&ada).is_empty(), "she hears {:?}, which were not hers", complaints(&ada));
    Ok(())
}

pub(super) fn a_message_that_is_too_large_is_refused_and_costs_only_its_sender(authority: &Authority) -> Outcome {
    let (code, [mut ada, mut eve]) = authority.jam(["Ada", "Eve"])?;
    eve.send(vec![PROTOCOL_VERSION; MESSAGE_BYTES_MAX + 1]);
    // The message may cost her the connection, but she hears why.
    until([&mut ada, &mut eve], "an answer", |[_, eve]| {
        complaints(eve).contains(&Malformed::TooLarge) || eve.farewell() == Some(Farewell::TooLarge)
    })?;
    ada.command(rename(1, "Undisturbed"));
    let mut eve = authority.come_back(&code, &eve.joined.token)?;
    until([&mut ada, &mut eve], "the other's edit", |players| {
        players.iter().all(|player| name_of(player, 1) == "Undisturbed")
    })?;
    ensure!(complaints(&ada).is_empty() && ada.farewell().is_none(), "somebody else hears of it");
    Ok(())
}

pub(super) fn whoever_asks_too_often_is_refused_and_the_others_are_not(authority: &Authority) -> Outcome {
    let (_, [mut ada, mut eve]) = authority.jam(["Ada", "Eve"])?;
    let too_often = |visitor: &Visitor| {
        let is_it =
            |m: &&HostMessage| matches!(m, HostMessage::Refused { refusal: Refusal::TooOften(CommandClass::Edit), .. });
        visitor.heard.iter().filter(is_it).count()
    };
    for number in 0..2 * EDITS_BURST {
        eve.command(rename(0, &format!("Flood {number}")));
    }
    ada.command(rename(1, "Undisturbed"));
    until([&mut ada, &mut eve], "a refusal and the other's edit", |players| {
        too_often(players[1]) > 0 && players.iter().all(|player| name_of(player, 1) == "Undisturbed")
    })?;
    ensure!(too_often(&ada) == 0, "who asks once is refused, too");
    Ok(())
}
