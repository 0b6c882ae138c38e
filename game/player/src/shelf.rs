//! The shelf: which sounds are loaded, which are on their way, and in what order.
//!
//! Memory is bounded, see [`SOUND_BYTES_MAX`]: where the grid has more sounds than it holds, those that have not sounded
//! for longest are put away, and loaded again when they are launched. What sounds is never put away.

use crate::view::PlayerView;
use keyboardia_audio::Overview;
use keyboardia_session::{
    Beats, Micros, SoundId, Table,
    limits::{LIBRARY_SOUNDS_MAX, SAMPLE_RATE_HZ},
};
use std::{collections::VecDeque, sync::Arc};

/// Sounds that are with the loader at once: one in its hands, one next; the rest can still be overtaken.
pub const SOUNDS_IN_FLIGHT_MAX: usize = 2;
/// Sounds that are needed at once: those of a full grid, and a preview.
const SOUNDS_NEEDED_MAX: usize = LIBRARY_SOUNDS_MAX + 1;
/// Sounds that are kept although they are not needed any more.
const SOUNDS_SPARE_MAX: usize = 32;
/// How long they are kept, microseconds: who takes a clip away may want it back.
const SPARE_US: i64 = 10_000_000;

/// Decoded sounds that are kept in memory, bytes; more only while more than that sounds at once.
pub const SOUND_BYTES_MAX: usize = if cfg!(target_arch = "wasm32") { 256 << 20 } else { 512 << 20 };

/// How long it takes until a sound that nobody could bring is asked for again, microseconds: twice as long each time.
const RETRY_US: std::ops::RangeInclusive<u64> = 125_000..=8_000_000;

/// Beats a second at which a sound that lies on no pad is measured.
const BEATS_PER_S: f64 = 2.0;

/// Length of a player's own sound of so many frames, as long as no pad says otherwise.
pub fn own_sound_length(frames: u32) -> Beats {
    Beats::from_f64(f64::from(frames) / f64::from(SAMPLE_RATE_HZ) * BEATS_PER_S)
}

/// A sound in memory, and what the library says of it.
#[derive(Debug)]
pub struct LoadedSound<S> {
    /// The sound, as the engine takes it.
    pub sample: S,
    /// Its shape.
    pub overview: Overview,
    /// The memory that it takes.
    pub bytes: usize,
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
    /// Was in memory, and gave way to others.
    PutAway,
    /// Cannot be played.
    Damaged,
}

struct Entry {
    stage: Stage,
    /// The memory that it takes when it is loaded; 0 until that is known.
    bytes: usize,
    /// Whether it sounds, is about to, or is listened to.
    is_urgent: bool,
    /// When it did last; `None` if it never did.
    sounded: Option<Micros>,
    /// How many are needed more.
    place: usize,
    /// Since when it is not needed; `None` while it is.
    spare_since: Option<Micros>,
    /// How long to wait if it cannot be had once more, microseconds, and until when not to ask for it.
    retry_us: u64,
    asked_after: Micros,
}

impl Entry {
    /// A sound that has just become needed.
    fn new() -> Self {
        Self {
            stage: Stage::Coming,
            bytes: 0,
            is_urgent: false,
            sounded: None,
            place: 0,
            spare_since: None,
            retry_us: *RETRY_US.start(),
            asked_after: Micros(0),
        }
    }

    /// The memory that it takes now.
    fn held_bytes(&self) -> usize {
        if matches!(self.stage, Stage::Loaded(..)) { self.bytes } else { 0 }
    }

    /// What is put away last: what is needed, what sounded last, what is needed most.
    fn worth(&self) -> (bool, Option<Micros>, std::cmp::Reverse<usize>) {
        (self.spare_since.is_none(), self.sounded, std::cmp::Reverse(self.place))
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

    /// From now on these sounds are needed and no others, most needed first; some may be named twice. The `urgent` ones
    /// sound or are about to. `preview` is one that is not needed for the grid.
    pub(crate) fn need<'a>(
        &mut self,
        now: Micros,
        urgent: impl Iterator<Item = &'a SoundId>,
        rest: impl Iterator<Item = &'a SoundId>,
        preview: Option<&SoundId>,
    ) {
        let mut needed = Table::new();
        self.queue.clear();
        self.loading.clear();
        let mut room = SOUND_BYTES_MAX.saturating_sub(self.bytes());
        for (id, is_urgent) in urgent.map(|id| (id, true)).chain(rest.map(|id| (id, false))) {
            let place = needed.len();
            if place >= SOUNDS_NEEDED_MAX || needed.insert(id.clone(), ()).is_some() {
                continue;
            }
            let entry = self.entries.get_or_insert_with(id, Entry::new);
            let was_urgent = std::mem::replace(&mut entry.is_urgent, is_urgent);
            if is_urgent || was_urgent {
                entry.sounded = Some(now);
            }
            (entry.spare_since, entry.place) = (None, place);
            if matches!(entry.stage, Stage::PutAway) && (is_urgent || entry.bytes <= room) {
                entry.stage = Stage::Coming;
                room = room.saturating_sub(entry.bytes);
            }
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
            entry.is_urgent = false;
            entry.spare_since.get_or_insert(now);
        }
        self.forget(now);
    }

    /// The memory that all of them take.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.iter().map(|(_, entry)| entry.held_bytes()).sum()
    }

    /// Puts sounds away until the others fit into memory.
    fn make_room(&mut self) {
        let mut bytes = self.bytes();
        while bytes > SOUND_BYTES_MAX {
            let can_go = |entry: &Entry| entry.held_bytes() > 0 && !entry.is_urgent;
            let all = self.entries.iter_mut().map(|(_, entry)| entry).filter(|entry| can_go(entry));
            let Some(least) = all.min_by_key(|entry| entry.worth()) else { return };
            bytes -= least.held_bytes();
            least.stage = Stage::PutAway;
        }
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
                Ok(LoadedSound { sample, overview, bytes, length, looped }) => {
                    entry.stage = Stage::Loaded(length, looped);
                    entry.bytes = bytes;
                    self.loading.retain(|loading| *loading != id);
                    Arc::make_mut(&mut self.overviews).insert(id.clone(), overview);
                    self.make_room();
                    if self.keeps(&id) {
                        return Some((id, sample));
                    }
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

    /// Whether a sound is in memory, or shall be.
    pub(crate) fn keeps(&self, id: &SoundId) -> bool {
        self.entries.get(id).is_some_and(|entry| !matches!(entry.stage, Stage::PutAway))
    }

    /// Length in beats of a sound that is loaded, and whether it repeats; `Err` when it cannot be played, `None` while
    /// it is on its way.
    pub(crate) fn loaded(&self, id: &SoundId) -> Option<Result<(Beats, bool), ()>> {
        match self.entries.get(id)?.stage {
            Stage::Coming | Stage::PutAway => None,
            Stage::Loaded(length, looped) => Some(Ok((length, looped))),
            Stage::Damaged => Some(Err(())),
        }
    }

    /// Puts into the picture what is loaded, what is not yet, and what never will be.
    pub(crate) fn show(&self, view: &mut PlayerView) {
        view.overviews.clone_from(&self.overviews);
        view.sound_bytes = self.bytes() as u64;
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

    /// A sound that takes so much memory.
    fn loaded_with(bytes: usize) -> LoadedSound<()> {
        LoadedSound { sample: (), overview: Overview([0; Overview::PARTS]), bytes, length: Beats::ZERO, looped: false }
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
        shelf.need(Micros(0), [].iter(), ids[..6].iter(), None);
        assert_eq!(shelf.loading, ids[..6]);
        // Two are with the loader when another becomes urgent.
        shelf.ask(Micros(0));
        let urgent = [ids[5].clone(), ids[5].clone()];
        shelf.need(Micros(1), urgent.iter(), ids[..6].iter(), None);
        let want = [0, 1, 5, 2, 3, 4].map(|index| ids[index].clone());
        assert_eq!(load(&mut shelf), want);
        assert!(shelf.loading.is_empty() && ids[..6].iter().all(|id| shelf.overviews.contains_key(id)));
        Ok(())
    }

    #[test]
    fn what_is_not_needed_is_forgotten_after_a_while_and_loaded_again_when_it_is()
    -> Result<(), Box<dyn std::error::Error>> {
        let (mut shelf, ids) = shelf()?;
        shelf.need(Micros(0), [].iter(), ids[..3].iter(), Some(&ids[2]));
        assert_eq!(shelf.loading, ids[..2], "a preview is none of the grid's");
        load(&mut shelf);
        assert!(matches!(shelf.loaded(&ids[2]), Some(Ok((length, _))) if length > Beats::ZERO));
        shelf.need(Micros(1_000), [].iter(), ids[..1].iter(), None);
        shelf.forget(Micros(9_000_000));
        assert!(shelf.keeps(&ids[1]), "who takes a clip away may want it back");
        shelf.forget(Micros(10_001_000));
        assert!(shelf.keeps(&ids[0]) && !shelf.keeps(&ids[1]) && !shelf.overviews.contains_key(&ids[1]));
        shelf.need(Micros(10_002_000), [].iter(), ids[..2].iter(), None);
        assert_eq!(load(&mut shelf), ids[1..2]);
        Ok(())
    }

    #[test]
    fn few_sounds_are_kept_that_nobody_needs() -> Result<(), Box<dyn std::error::Error>> {
        let (mut shelf, _) = shelf()?;
        let ids: Vec<SoundId> = (0..100).filter_map(|index| SoundId::parse(&format!("none-{index}"))).collect();
        shelf.need(Micros(0), [].iter(), ids.iter(), None);
        load(&mut shelf);
        assert_eq!(shelf.damaged.len(), 100);
        shelf.need(Micros(1), [].iter(), [].iter(), None);
        assert_eq!((shelf.entries.len(), shelf.damaged.len()), (SOUNDS_SPARE_MAX, SOUNDS_SPARE_MAX));
        Ok(())
    }

    #[test]
    fn a_sound_that_nobody_brings_is_asked_for_again_for_as_long_as_it_is_needed() {
        let ids: Vec<SoundId> = ["one", "two", "three"].iter().filter_map(|id| SoundId::parse(id)).collect();
        let mut shelf = Shelf::new(Remote::default());
        shelf.need(Micros(0), [].iter(), ids.iter(), None);
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
                shelf.need(Micros(now), [].iter(), ids.iter(), None);
                shelf.next(Micros(now));
            }
            waits_us.push(now - begin);
        }
        assert!(shelf.damaged.is_empty() && shelf.loading == ids, "nothing is given up");
        assert!(waits_us.len() < 60 && waits_us.iter().all(|wait| *wait <= *RETRY_US.end()), "{waits_us:?}");
        // It is back.
        let mut order = Vec::new();
        while order.len() < ids.len() {
            for id in std::mem::take(&mut shelf.loader.asked) {
                shelf.loader.answers.push_back((id, Ok(loaded_with(0))));
            }
            order.extend(shelf.next(Micros(now)).map(|(id, ())| id));
            now += 50_000;
        }
        assert!(shelf.loading.is_empty(), "{order:?}");
        // What is not there is not asked for again.
        let gone: Vec<SoundId> = SoundId::parse("gone").into_iter().collect();
        shelf.need(Micros(now), [].iter(), gone.iter(), None);
        shelf.next(Micros(now));
        shelf.loader.answers.push_back((gone[0].clone(), Err(LoadFault::Never("It is not there.".into()))));
        shelf.loader.asked.clear();
        assert!(shelf.next(Micros(now + 60_000_000)).is_none());
        assert!(shelf.loader.asked.is_empty() && shelf.damaged.contains_key(&gone[0]));
    }

    /// Answers everything that is asked, each sound with this much memory, until nothing is on its way; what came.
    fn answer(shelf: &mut Shelf<Remote>, now: u64, bytes: usize) -> Vec<SoundId> {
        let mut came = Vec::new();
        loop {
            came.extend(std::iter::from_fn(|| shelf.next(Micros(now))).map(|(id, ())| id));
            let asked = std::mem::take(&mut shelf.loader.asked);
            if asked.is_empty() {
                return came;
            }
            shelf.loader.answers.extend(asked.into_iter().map(|id| (id, Ok(loaded_with(bytes)))));
        }
    }

    #[test]
    fn a_grid_that_is_larger_than_memory_plays_what_is_launched_and_puts_away_what_sounded_longest_ago() {
        const FIT: usize = 8;
        let ids: Vec<SoundId> = (0..40).filter_map(|index| SoundId::parse(&format!("sound-{index}"))).collect();
        let mut shelf = Shelf::new(Remote::default());
        let bytes = SOUND_BYTES_MAX / FIT;
        let kept = |shelf: &Shelf<Remote>| -> Vec<usize> {
            let is_here = |index: &usize| matches!(shelf.loaded(&ids[*index]), Some(Ok(_)));
            (0..ids.len()).filter(is_here).collect()
        };
        shelf.need(Micros(0), [].iter(), ids.iter(), None);
        answer(&mut shelf, 0, bytes);
        assert!(shelf.loading.is_empty() && shelf.overviews.len() == ids.len(), "every shape is known");
        assert_eq!(kept(&shelf), (0..FIT).collect::<Vec<_>>(), "what is needed most");
        // One after the other is launched, and is loaded each time; the last ones stay.
        for (step, index) in (20..40).enumerate() {
            let now = 1 + step as u64;
            shelf.need(Micros(now), ids[index..=index].iter(), ids.iter(), None);
            assert_eq!(shelf.loading, ids[index..=index]);
            assert_eq!(answer(&mut shelf, now, bytes), ids[index..=index]);
            assert!(shelf.bytes() <= SOUND_BYTES_MAX && kept(&shelf).contains(&index));
        }
        assert_eq!(kept(&shelf), (40 - FIT..40).collect::<Vec<_>>());
        // What sounds is not put away, however much it is.
        shelf.need(Micros(100), ids[..2 * FIT].iter(), ids.iter(), None);
        answer(&mut shelf, 100, bytes);
        assert_eq!(kept(&shelf), (0..2 * FIT).collect::<Vec<_>>());
        // Once there is room, what had no room comes.
        shelf.need(Micros(200), [].iter(), ids[..4].iter(), None);
        shelf.forget(Micros(200 + SPARE_US as u64));
        shelf.need(Micros(300), [].iter(), ids[..6].iter(), None);
        answer(&mut shelf, 300, bytes);
        assert_eq!(kept(&shelf), (0..6).collect::<Vec<_>>());
    }
}
