//! Players' own sounds: brought to the session, fetched from it, and kept on disk.
//!
//! ```text
//! file, take ─→ workshop (thread) ─→ clip on the grid, at once
//!                    └─→ carrier (thread) ─→ PUT, again and again until the host has it
//! session that was opened ─→ reopener (thread) ─→ the same, one after the other
//! grid ─→ shelf ─→ fetcher (thread) ─→ what is just being brought, else the disk, else GET
//! ```
//!
//! The host may be out of reach at any time: the player goes on, and what could not be exchanged is tried again.

mod carrier;
mod depot;
mod disk;
mod fetcher;
mod workshop;

pub(crate) use carrier::reopen;
pub(crate) use depot::Depot;
pub(crate) use fetcher::Fetcher;
pub(crate) use workshop::{Fate, Job, Source, Workshop};

use crate::{delivery::Fault, shared::Shared, view::Bringing};
use disk::Disk;
use keyboardia_session::SampleHash;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Said when sounds are wanted before there is a session.
const NO_HOST: &str = "There is no host to exchange sounds with.";
/// Sounds that a player brings at once: being made, or on their way.
pub(crate) const BRINGING_MAX: usize = 8;

/// What the threads of this module share.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    disk: Option<Disk>,
    depot: Mutex<Option<Arc<Depot>>>,
    /// Files that are being brought, at most [`BRINGING_MAX`], and those of a session that was opened.
    ours: Mutex<BTreeMap<SampleHash, Arc<Vec<u8>>>>,
}

/// A poisoned lock guards plain data that is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Exchange {
    /// An exchange that knows no host yet. Sounds are kept in `cache`, if one is named.
    pub(crate) fn new(shared: Arc<Shared>, cache: Option<PathBuf>) -> Self {
        Self { shared, disk: cache.map(Disk::new), depot: Mutex::default(), ours: Mutex::default() }
    }

    /// From now on sounds are exchanged there.
    pub(crate) fn go_to(&self, depot: Depot) {
        *lock(&self.depot) = Some(Arc::new(depot));
    }

    fn depot(&self) -> Option<Arc<Depot>> {
        lock(&self.depot).clone()
    }

    /// A file of this player's own is on its way to the host.
    fn keep(&self, hash: SampleHash, wav: Arc<Vec<u8>>) {
        if let Some(disk) = &self.disk {
            disk.keep(hash, &wav);
        }
        lock(&self.ours).insert(hash, wav);
    }

    /// It is there, or will never be.
    fn let_go(&self, hash: SampleHash) {
        lock(&self.ours).remove(&hash);
    }

    /// A file that needs no host.
    fn at_hand(&self, hash: SampleHash) -> Option<Arc<Vec<u8>>> {
        let ours = lock(&self.ours).get(&hash).cloned();
        ours.or_else(|| self.disk.as_ref()?.find(hash).map(Arc::new))
    }

    /// A sound's file, from wherever it can be had. May wait for the network.
    pub(crate) fn get(&self, hash: SampleHash) -> Result<Arc<Vec<u8>>, Fault> {
        if let Some(file) = self.at_hand(hash) {
            return Ok(file);
        }
        let depot = self.depot().ok_or_else(|| Fault { sentence: NO_HOST.into(), may_pass: true })?;
        let file = depot.fetch(hash)?;
        if let Some(disk) = &self.disk {
            disk.keep(hash, &file);
        }
        Ok(Arc::new(file))
    }

    /// Nothing will come of a sound; why, as a sentence.
    fn give_up(&self, number: u32, why: String) {
        self.show(|bringing| bringing.retain(|sound| sound.number != number));
        self.shared.tell(why);
    }

    /// Changes what the player sees of sounds on their way.
    fn show(&self, change: impl FnOnce(&mut Vec<Bringing>)) {
        self.shared.change_view(|view| change(&mut view.bringing));
    }
}
