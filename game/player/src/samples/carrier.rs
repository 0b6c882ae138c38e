//! Brings finished sounds to the host, one after the other, each until it is there.

use super::{Exchange, NO_HOST};
use crate::{
    delivery::WAITS,
    keep::Kept,
    view::{Bringing, BringingStage, Wish},
};
use keyboardia_session::{Cell, Command, Edit, SampleHash, SoundId};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

/// How long the clip of a sound that was refused may take to come to the grid.
const CLIP_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often it is looked whether the player leaves.
const LOOK: Duration = Duration::from_millis(20);

/// A finished sound, and where its clip lies.
pub(super) struct Parcel {
    /// As the player sees it.
    pub(super) number: u32,
    pub(super) hash: SampleHash,
    pub(super) wav: Arc<Vec<u8>>,
    pub(super) cell: Cell,
}

/// Starts the thread; it ends when nobody gives it anything any more, or the player leaves.
pub(super) fn start(exchange: Arc<Exchange>) -> std::io::Result<SyncSender<Parcel>> {
    let (give, parcels) = sync_channel(super::BRINGING_MAX);
    std::thread::Builder::new().name("carrier".into()).spawn(move || carry(&exchange, &parcels))?;
    Ok(give)
}

/// Brings the sounds of a session that was opened, on a thread of its own, beside what the player brings anew. They are at
/// hand for the player's own ears at once. A clip whose sound the host never takes stays: the file has the sound still.
pub(crate) fn reopen(exchange: &Arc<Exchange>, kept: Arc<Kept>) -> std::io::Result<()> {
    kept.samples.iter().for_each(|(hash, wav)| exchange.keep(*hash, wav.clone()));
    let exchange = exchange.clone();
    let bring_all = move || {
        for (hash, wav) in &kept.samples {
            match bring(&exchange, *hash, wav, |_| {}) {
                None => exchange.let_go(*hash),
                // It stays at hand for who has opened it.
                Some(why) => exchange.shared.tell(why),
            }
        }
    };
    std::thread::Builder::new().name("reopener".into()).spawn(bring_all).map(drop)
}

fn carry(exchange: &Arc<Exchange>, parcels: &Receiver<Parcel>) {
    for parcel in parcels {
        let (shown, number) = (exchange.clone(), parcel.number);
        let refused = bring(exchange, parcel.hash, &parcel.wav, move |at| stage(&shown, number, at));
        exchange.let_go(parcel.hash);
        match refused {
            None => exchange.show(|bringing| bringing.retain(|sound| sound.number != parcel.number)),
            Some(why) => {
                take_back(exchange, &parcel);
                exchange.give_up(parcel.number, why);
            }
        }
        if exchange.shared.is_leaving() {
            return;
        }
    }
}

/// Tries until the host has it; why it never will, if so. `show` is told how far it is.
fn bring(
    exchange: &Exchange,
    hash: SampleHash,
    wav: &Arc<Vec<u8>>,
    show: impl Fn(BringingStage) + Clone + Send + 'static,
) -> Option<String> {
    for attempt in 0.. {
        if exchange.shared.is_leaving() {
            return None;
        }
        let Some(depot) = exchange.depot() else { return Some(NO_HOST.into()) };
        let (shown, total) = (show.clone(), wav.len() as u32);
        let progress = move |sent: usize| shown(BringingStage::Sending { sent: sent as u32, total });
        match depot.bring(hash, wav, progress) {
            Ok(()) => return None,
            Err(fault) if fault.may_pass => show(BringingStage::Waiting(fault.sentence)),
            Err(fault) => return Some(fault.sentence),
        }
        let until = Instant::now() + WAITS[attempt.min(WAITS.len() - 1)];
        while Instant::now() < until && !exchange.shared.is_leaving() {
            std::thread::sleep(LOOK);
        }
    }
    None
}

fn stage(exchange: &Exchange, number: u32, stage: BringingStage) {
    exchange.show(|bringing| {
        if let Some(shown) = bringing.iter_mut().find(|sound: &&mut Bringing| sound.number == number) {
            shown.stage = stage;
        }
    });
}

/// The clip of a sound that nobody will ever have goes again, if it still lies where it was put. It may be on its way to the
/// grid yet: a refusal is quick.
fn take_back(exchange: &Exchange, parcel: &Parcel) {
    let sound = SoundId::of_sample(parcel.hash);
    let until = Instant::now() + CLIP_WAIT_MAX;
    while Instant::now() < until && !exchange.shared.is_leaving() {
        let view = exchange.shared.view();
        let clip = view.session.as_ref().and_then(|session| session.state.clip(parcel.cell));
        if clip.is_some_and(|clip| clip.sound == sound) {
            let edit = Edit::SetClip { cell: parcel.cell, clip: None, replace: true };
            exchange.shared.wish(Wish::Command(Command::Edit(edit)));
            return;
        }
        std::thread::sleep(LOOK);
    }
}
