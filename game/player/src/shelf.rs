//! The shelf: which sounds are loaded, which are on their way, and in what order.

use crate::view::PlayerView;
use keyboardia_audio::Overview;
use keyboardia_session::{Beats, Micros, SoundId, Table, limits::LIBRARY_SOUNDS_MAX};
use std::{collections::VecDeque, sync::Arc};

/// Sounds that are with the loader at once: one in its hands, one next; the rest can still be overtaken.
pub const SOUNDS_IN_FLIGHT_MAX: usize = 2;
/// Sounds that are needed at once: those of a full grid, and a preview.
const SOUNDS_NEEDED_MAX: usize = LIBRARY_SOUNDS_MAX + 1;
/// Sounds that are kept although they are not needed any more.
const SOUNDS_SPARE_MAX: usize = 32;
/// How long they are kept, microseconds: who takes a clip away may want it back.
const SPARE_US: i64 = 10_000_000;

/// How long it takes until a sound that nobody could bring is asked for again, microseconds: twice as long each time.
const RETRY_US: std::ops::RangeInclusive<u64> = 125_000..=8_000_000;

/// A sound in memory, and what the library says of it.
#[derive(Debug)]
pub struct LoadedSound<S> {
    /// The sound, as the engine takes it.
    pub sample: S,
    /// Its shape.
    pub overview: Overview,
    /// Its length.
    pub length: Beats,
    /// Whether it repeats.
    pub looped: bool,
}

/// Why a sound could not be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadFault {
    /// Nobody brought it, which may be otherwise in a while.
    Later,
    /// It cannot be played; why, as a sentence.
    Never(String),
}

/// A sound that has been loaded, or why it could not be.
pub type Loaded<S> = (SoundId, Result<LoadedSound<S>, LoadFault>);

/// Loads sounds, beside everything else.
pub trait Loader {
    /// A decoded sound, as the engine takes it.
    type Sample;

    /// Asks for a sound. Returns whether it was taken up.
    fn ask(&mut self, id: &SoundId) -> bool;
    /// The next sound that has been loaded.
    fn next(&mut self) -> Option<Loaded<Self::Sample>>;
}

/// What is known of a sound on the shelf.
enum Stage {
    /// Waits for the loader, or is with it.
    Coming,
    /// In memory: its length in beats, and whether it repeats.
    Loaded(Beats, bool),
    /// Cannot be played.
    Damaged,
}

struct Entry {
    stage: Stage,
    /// Since when it is not needed; `None` while it is.
    spare_since: Option<Micros>,
    /// How long to wait if it cannot be had once more, microseconds, and until when not to ask for it.
    retry_us: u64,
    asked_after: Micros,
}

impl Entry {
    /// A sound that has just become needed.
    fn new() -> Self {
        Self { stage: Stage::Coming, spare_since: None, retry_us: *RETRY_US.start(), asked_after: Micros(0) }
    }

    /// Nobody has brought it.
    fn put_off(&mut self, now: Micros) {
        self.asked_after = Micros(now.0 + self.retry_us);
        self.retry_us = (self.retry_us * 2).min(*RETRY_US.end());
    }
}

/// The sounds that are needed, in the order in which they are, and some that were. Loads what is missing, forgets what
/// has not been needed for a while.
pub(crate) struct Shelf<L: Loader> {
    loader: L,
    entries: Table<SoundId, Entry>,
    /// What the loader is to be asked for, most urgent first.
    queue: VecDeque<SoundId>,
    in_flight: Vec<SoundId>,
    /// Sounds of the grid that are not there yet.
    loading: Vec<SoundId>,
    damaged: Table<SoundId, String>,
    overviews: Arc<Table<SoundId, Overview>>,
}

impl<L: Loader> Shelf<L> {
    /// An empty shelf that this loader fills.
    pub(crate) fn new(loader: L) -> Self {
        Self {
            loader,
            entries: Table::new(),
            queue: VecDeque::new(),
            in_flight: Vec::new(),
            loading: Vec::new(),
            damaged: Table::new(),
            overviews: Arc::default(),
        }
    }

    /// The loader.
    pub(crate) fn loader(&mut self) -> &mut L {
        &mut self.loader
    }

    /// From now on these sounds are needed and no others, most urgent first; some may be named twice. `preview` is one
    /// that is not needed for the grid.
    pub(crate) fn need<'a>(
        &mut self,
        now: Micros,
        sounds: impl Iterator<Item = &'a SoundId>,
        preview: Option<&SoundId>,
    ) {
        let mut needed = Table::new();
        self.queue.clear();
        self.loading.clear();
        for id in sounds {
            if needed.len() >= SOUNDS_NEEDED_MAX || needed.insert(id.clone(), ()).is_some() {
                continue;
            }
            let entry = self.entries.get_or_insert_with(id, Entry::new);
            entry.spare_since = None;
            if matches!(entry.stage, Stage::Coming) {
                if !self.in_flight.contains(id) {
                    self.queue.push_back(id.clone());
                }
                if preview != Some(id) {
                    self.loading.push(id.clone());
                }
            }
        }
        for (_, entry) in self.entries.iter_mut().filter(|(id, _)| !needed.contains_key(*id)) {
            entry.spare_since.get_or_insert(now);
        }
        self.forget(now);
    }

    /// Forgets what has not been needed for long, and what was never loaded; of the rest the oldest, if they are many.
    pub(crate) fn forget(&mut self, now: Micros) {
        let mut spare: Vec<(Micros, SoundId)> = Vec::new();
        for (id, entry) in self.entries.iter() {
            if let Some(since) = entry.spare_since {
                // The earliest first, and of those the first by name.
                let place = spare.partition_point(|(other, _)| *other <= since);
                spare.insert(place, (since, id.clone()));
            }
        }
        let surplus = spare.len().saturating_sub(SOUNDS_SPARE_MAX);
        for (index, (since, id)) in spare.into_iter().enumerate() {
            let is_coming = self.entries.get(&id).is_some_and(|entry| matches!(entry.stage, Stage::Coming));
            if index < surplus || is_coming || now.since(since) >= SPARE_US {
                self.entries.remove(&id);
                self.damaged.remove(&id);
                if self.overviews.contains_key(&id) {
                    Arc::make_mut(&mut self.overviews).remove(&id);
                }
            }
        }
    }

    /// Asks the loader for what is most urgent, and takes what it has loaded: the next such sound, if it is still
    /// needed. One that nobody could bring is asked for again after a while, for as long as it is needed.
    pub(crate) fn next(&mut self, now: Micros) -> Option<(SoundId, L::Sample)> {
        while let Some((id, loaded)) = self.loader.next() {
            self.in_flight.retain(|asked| *asked != id);
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            match loaded {
                Ok(LoadedSound { sample, overview, length, looped }) => {
                    entry.stage = Stage::Loaded(length, looped);
                    self.loading.retain(|loading| *loading != id);
                    Arc::make_mut(&mut self.overviews).insert(id.clone(), overview);
                    return Some((id, sample));
                }
                Err(LoadFault::Later) => {
                    entry.put_off(now);
                    if entry.spare_since.is_none() {
                        self.queue.push_front(id);
                    }
                }
                Err(LoadFault::Never(why)) => {
                    tracing::warn!(target: "player", "sound {id}: {why}");
                    entry.stage = Stage::Damaged;
                    self.loading.retain(|loading| *loading != id);
                    self.damaged.insert(id, why);
                }
            }
        }
        self.ask(now);
        None
    }

    fn ask(&mut self, now: Micros) {
        while self.in_flight.len() < SOUNDS_IN_FLIGHT_MAX {
            let may_be_asked = |id: &SoundId| self.entries.get(id).is_none_or(|entry| entry.asked_after <= now);
            let Some(next) = self.queue.iter().position(may_be_asked) else { return };
            if !self.loader.ask(&self.queue[next]) {
                return;
            }
            self.in_flight.extend(self.queue.remove(next));
        }
    }

    /// Whether a sound is needed or kept.
    pub(crate) fn keeps(&self, id: &SoundId) -> bool {
        self.entries.contains_key(id)
    }

    /// Length in beats of a sound that is loaded, and whether it repeats; `Err` when it cannot be played, `None` while
    /// it is on its way.
    pub(crate) fn loaded(&self, id: &SoundId) -> Option<Result<(Beats, bool), ()>> {
        match self.entries.get(id)?.stage {
            Stage::Coming => None,
            Stage::Loaded(length, looped) => Some(Ok((length, looped))),
            Stage::Damaged => Some(Err(())),
        }
    }

    /// Puts into the picture what is loaded, what is not yet, and what never will be.
    pub(crate) fn show(&self, view: &mut PlayerView) {
        view.overviews.clone_from(&self.overviews);
        if view.loading != self.loading {
            view.loading.clone_from(&self.loading);
        }
        if view.damaged != self.damaged {
            view.damaged.clone_from(&self.damaged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sounds::{DiskLoader, SoundDir};
    use keyboardia_session::Manifest;
    use std::time::{Duration, Instant};

    /// A loader whose host answers or does not.
    #[derive(Default)]
    struct Remote {
        asked: Vec<SoundId>,
        answers: VecDeque<Loaded<()>>,
    }

    impl Loader for Remote {
        type Sample = ();

        fn ask(&mut self, id: &SoundId) -> bool {
            self.asked.push(id.clone());
            true
        }

        fn next(&mut self) -> Option<Loaded<()>> {
            self.answers.pop_front()
        }
    }

    fn shelf() -> Result<(Shelf<DiskLoader>, Vec<SoundId>), Box<dyn std::error::Error>> {
        let dir = SoundDir::find(None).ok_or("the library")?;
        let ids = Manifest::builtin()?.sounds.into_iter().map(|sound| sound.id).collect();
        Ok((Shelf::new(DiskLoader::start(Some(dir))?), ids))
    }

    /// What is loaded until nothing is on its way, in order.
    fn load(shelf: &mut Shelf<DiskLoader>) -> Vec<SoundId> {
        let begin = Instant::now();
        let mut order = Vec::new();
        while !shelf.queue.is_empty() || !shelf.in_flight.is_empty() {
            assert!(begin.elapsed() < Duration::from_mins(1), "the loader is stuck");
            match shelf.next(Micros(0)) {
                Some((id, _)) => order.push(id),
                None => std::thread::yield_now(),
            }
        }
        order
    }

    #[test]
    fn sounds_come_in_the_order_in_which_they_are_needed_and_the_urgent_ones_overtake()
    -> Result<(), Box<dyn std::error::Error>> {
        let (mut shelf, ids) = shelf()?;
        shelf.need(Micros(0), ids[..6].iter(), None);
        assert_eq!(shelf.loading, ids[..6]);
        // Two are with the loader when another becomes urgent.
        shelf.ask(Micros(0));
        let urgent = [ids[5].clone(), ids[5].clone()];
        shelf.need(Micros(1), urgent.iter().chain(&ids[..6]), None);
        let want = [0, 1, 5, 2, 3, 4].map(|index| ids[index].clone());
        assert_eq!(load(&mut shelf), want);
        assert!(shelf.loading.is_empty() && ids[..6].iter().all(|id| shelf.overviews.contains_key(id)));
        Ok(())
    }

    #[test]
    fn what_is_not_needed_is_forgotten_after_a_while_and_loaded_again_when_it_is()
    -> Result<(), Box<dyn std::error::Error>> {
        let (mut shelf, ids) = shelf()?;
        shelf.need(Micros(0), ids[..3].iter(), Some(&ids[2]));
        assert_eq!(shelf.loading, ids[..2], "a preview is none of the grid's");
        load(&mut shelf);
        assert!(matches!(shelf.loaded(&ids[2]), Some(Ok((length, _))) if length > Beats::ZERO));
        shelf.need(Micros(1_000), ids[..1].iter(), None);
        shelf.forget(Micros(9_000_000));
        assert!(shelf.keeps(&ids[1]), "who takes a clip away may want it back");
        shelf.forget(Micros(10_001_000));
        assert!(shelf.keeps(&ids[0]) && !shelf.keeps(&ids[1]) && !shelf.overviews.contains_key(&ids[1]));
        shelf.need(Micros(10_002_000), ids[..2].iter(), None);
        assert_eq!(load(&mut shelf), ids[1..2]);
        Ok(())
    }

    #[test]
    fn few_sounds_are_kept_that_nobody_needs() -> Result<(), Box<dyn std::error::Error>> {
        let (mut shelf, _) = shelf()?;
        let ids: Vec<SoundId> = (0..100).filter_map(|index| SoundId::parse(&format!("none-{index}"))).collect();
        shelf.need(Micros(0), ids.iter(), None);
        load(&mut shelf);
        assert_eq!(shelf.damaged.len(), 100);
        shelf.need(Micros(1), [].iter(), None);
        assert_eq!((shelf.entries.len(), shelf.damaged.len()), (SOUNDS_SPARE_MAX, SOUNDS_SPARE_MAX));
        Ok(())
    }

    #[test]
    fn a_sound_that_nobody_brings_is_asked_for_again_for_as_long_as_it_is_needed() {
        let ids: Vec<SoundId> = ["one", "two", "three"].iter().filter_map(|id| SoundId::parse(id)).collect();
        let mut shelf = Shelf::new(Remote::default());
        shelf.need(Micros(0), ids.iter(), None);
        assert!(shelf.next(Micros(0)).is_none());
        let (mut now, mut waits_us) = (0, Vec::new());
        // The first is the most urgent, and the network is gone for a minute.
        while now < 60_000_000 {
            for id in std::mem::take(&mut shelf.loader.asked) {
                shelf.loader.answers.push_back((id, Err(LoadFault::Later)));
            }
            shelf.next(Micros(now));
            let begin = now;
            while shelf.loader.asked.is_empty() {
                now += 50_000;
                // Whatever else changes in the session does not ask any earlier.
                shelf.need(Micros(now), ids.iter(), None);
                shelf.next(Micros(now));
            }
            waits_us.push(now - begin);
        }
        assert!(shelf.damaged.is_empty() && shelf.loading == ids, "nothing is given up");
        assert!(waits_us.len() < 60 && waits_us.iter().all(|wait| *wait <= *RETRY_US.end()), "{waits_us:?}");
        // It is back.
        let loaded =
            || LoadedSound { sample: (), overview: Overview([0; Overview::PARTS]), length: Beats::ZERO, looped: false };
        let mut order = Vec::new();
        while order.len() < ids.len() {
            for id in std::mem::take(&mut shelf.loader.asked) {
                shelf.loader.answers.push_back((id, Ok(loaded())));
            }
            order.extend(shelf.next(Micros(now)).map(|(id, ())| id));
            now += 50_000;
        }
        assert!(shelf.loading.is_empty(), "{order:?}");
        // What is not there is not asked for again.
        let gone: Vec<SoundId> = SoundId::parse("gone").into_iter().collect();
        shelf.need(Micros(now), gone.iter(), None);
        shelf.next(Micros(now));
        shelf.loader.answers.push_back((gone[0].clone(), Err(LoadFault::Never("It is not there.".into()))));
        shelf.loader.asked.clear();
        assert!(shelf.next(Micros(now + 60_000_000)).is_none());
        assert!(shelf.loader.asked.is_empty() && shelf.damaged.contains_key(&gone[0]));
    }
}
