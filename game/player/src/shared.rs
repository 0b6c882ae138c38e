//! What the player's threads and its handle share: small, bounded, and never locked for longer than a copy.

use crate::view::{Connection, Heard, Hearing, Output, PlayerView, Wish};
use keyboardia_audio::{ClockOffset, Ears, Nanos, PreviewStart};
use keyboardia_session::{
    Cell, Gain, Micros, SoundId,
    cursor::Pointer,
    limits::{COMMANDS_IN_FLIGHT_MAX, NOTICES_MAX},
    seat::Notice,
    wire::Probe,
};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool, AtomicI64, AtomicU32, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
};

/// Probes that may wait for the seat.
const PROBES_WAITING_MAX: usize = 64;
/// Onsets that may wait for the handle.
const HEARD_WAITING_MAX: usize = 1_024;
/// Offset that stands for "not known yet".
const UNKNOWN: i64 = i64::MIN;
/// Time in which a latency that was reported once is forgotten, microseconds.
const LATENCY_FORGOTTEN_US: f64 = 10e6;
/// Largest correction of what a device says of its latency, either way, microseconds.
const LATENCY_NUDGE_US_MAX: i32 = 250_000;

/// A player's own clock: nanoseconds since it was started, monotonic.
pub type PlayerClock = Box<dyn Fn() -> Nanos + Send + Sync>;

/// What the player adds to what the device says of its latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LatencyNudge {
    /// Positive where the speaker is later than the device says, microseconds.
    pub us: i32,
    /// Counts its changes; the sound jumps with each instead of hurrying after it.
    pub changes: u32,
}

impl LatencyNudge {
    /// Both in one number, so that nobody reads the one without the other.
    fn packed(self) -> u64 {
        (u64::from(self.changes) << 32) | u64::from(self.us.cast_unsigned())
    }

    fn unpacked(packed: u64) -> Self {
        Self { us: (packed as u32).cast_signed(), changes: (packed >> 32) as u32 }
    }
}

/// See the module.
pub struct Shared {
    /// Whether the player is to leave.
    pub leave: AtomicBool,
    /// Whether the session plays; probes are steady then.
    pub playing: AtomicBool,
    /// Whether the clock is not well known; probes are more frequent then.
    pub uncertain: AtomicBool,
    /// Time from rendering to the speaker, microseconds: the longest of late.
    pub latency_us: AtomicU32,
    /// Length of a callback's block, microseconds.
    pub block_us: AtomicU32,
    clock: PlayerClock,
    offset_us: AtomicI64,
    clock_jumps: AtomicU32,
    view: Mutex<Arc<PlayerView>>,
    hearing: Mutex<Hearing>,
    wishes: Mutex<VecDeque<Wish>>,
    cursor: Mutex<Option<Cell>>,
    private: Mutex<PrivateWishes>,
    output: Mutex<Option<Output>>,
    latency_nudge: AtomicU64,
    notices: Mutex<VecDeque<Notice>>,
    heard: Mutex<VecDeque<Heard>>,
    probes: Mutex<VecDeque<(Probe, Micros)>>,
}

/// What the player wishes for its own ears, and has not been given yet: the newest of each kind.
#[derive(Debug, Default)]
pub(crate) struct PrivateWishes {
    pub(crate) ears: Option<Ears>,
    pub(crate) metronome: Switch<Gain>,
    pub(crate) preview: Switch<(SoundId, PreviewStart)>,
}

/// A wish for something that can be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Switch<T> {
    /// No wish: it stays as it is.
    #[default]
    AsIs,
    Off,
    On(T),
}

impl<T> From<Option<T>> for Switch<T> {
    fn from(wish: Option<T>) -> Self {
        wish.map_or(Self::Off, Self::On)
    }
}

/// A poisoned lock guards plain data that is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Appends to a bounded queue; the oldest makes room.
fn push_bounded<T>(queue: &Mutex<VecDeque<T>>, item: T, max: usize) {
    let mut queue = lock(queue);
    if queue.len() >= max {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl Shared {
    /// What a player shares that sets out for this host.
    pub fn new(host: String, clock: PlayerClock) -> Self {
        Self {
            leave: AtomicBool::new(false),
            playing: AtomicBool::new(false),
            uncertain: AtomicBool::new(true),
            latency_us: AtomicU32::new(0),
            block_us: AtomicU32::new(0),
            clock,
            offset_us: AtomicI64::new(UNKNOWN),
            clock_jumps: AtomicU32::new(0),
            view: Mutex::new(Arc::new(PlayerView::new(host))),
            hearing: Mutex::new(Hearing::Starting),
            wishes: Mutex::default(),
            cursor: Mutex::default(),
            private: Mutex::default(),
            output: Mutex::default(),
            latency_nudge: AtomicU64::new(LatencyNudge::default().packed()),
            notices: Mutex::default(),
            heard: Mutex::default(),
            probes: Mutex::default(),
        }
    }

    /// The player's own clock: microseconds since it was started, monotonic.
    pub fn local(&self) -> Micros {
        self.local_nanos().micros()
    }

    /// The player's own clock in nanoseconds.
    pub fn local_nanos(&self) -> Nanos {
        (self.clock)()
    }

    /// Tells the session's clock: its time less ours, if known, and how often that has jumped.
    pub fn set_offset(&self, offset_us: Option<i64>, jumps: u32) {
        self.offset_us.store(offset_us.unwrap_or(UNKNOWN), Relaxed);
        // Whoever sees a jump sees where it leads.
        self.clock_jumps.store(jumps, Release);
    }

    /// Whether the player is to leave.
    pub fn is_leaving(&self) -> bool {
        self.leave.load(Relaxed)
    }

    /// The latest picture.
    pub fn view(&self) -> Arc<PlayerView> {
        lock(&self.view).clone()
    }

    /// Replaces the picture by a changed copy.
    pub fn change_view(&self, change: impl FnOnce(&mut PlayerView)) {
        let mut view = lock(&self.view);
        change(Arc::make_mut(&mut view));
    }

    /// The player will not arrive, or not come back; why, as a sentence.
    pub fn fail(&self, why: String) {
        self.change_view(|view| view.connection = Connection::Failed(why));
    }

    /// What becomes of the sound.
    pub fn hearing(&self) -> Hearing {
        lock(&self.hearing).clone()
    }

    /// Notes what becomes of the sound.
    pub fn set_hearing(&self, hearing: Hearing) {
        *lock(&self.hearing) = hearing;
    }

    /// Wishes something of the session. Returns whether there was room.
    pub fn wish(&self, wish: Wish) -> bool {
        let mut wishes = lock(&self.wishes);
        let has_room = wishes.len() < COMMANDS_IN_FLIGHT_MAX;
        if has_room {
            wishes.push_back(wish);
        }
        has_room
    }

    /// The wishes since they were taken last, oldest first.
    pub fn take_wishes(&self) -> VecDeque<Wish> {
        std::mem::take(&mut lock(&self.wishes))
    }

    /// The player's pointer or finger is on this slot, or on none.
    pub fn set_cursor(&self, cell: Option<Cell>) {
        *lock(&self.cursor) = cell;
    }

    /// Wishes to hear the session differently.
    pub fn set_ears(&self, ears: Ears) {
        lock(&self.private).ears = Some(ears);
    }

    /// Wishes to hear the counts of the bar, this loud, or not.
    pub fn set_metronome(&self, gain: Option<Gain>) {
        lock(&self.private).metronome = gain.into();
    }

    /// Wishes to hear a sound of the library, or no more.
    pub fn set_preview(&self, preview: Option<(SoundId, PreviewStart)>) {
        lock(&self.private).preview = preview.into();
    }

    pub(crate) fn take_private_wishes(&self) -> PrivateWishes {
        std::mem::take(&mut lock(&self.private))
    }

    /// Wishes that the sound go to another device.
    pub fn set_output(&self, output: Output) {
        *lock(&self.output) = Some(output);
    }

    /// Where the sound is to go from now on, if it is to go elsewhere than to `present`.
    pub fn take_output_other_than(&self, present: &Output) -> Option<Output> {
        lock(&self.output).take().filter(|output| output != present)
    }

    /// Corrects what the device says of its latency: positive where it is later, microseconds. Holds from the next block
    /// on.
    pub fn set_latency_nudge(&self, nudge_us: i32) {
        let us = nudge_us.clamp(-LATENCY_NUDGE_US_MAX, LATENCY_NUDGE_US_MAX);
        let changed = |packed| {
            let before = LatencyNudge::unpacked(packed);
            let after = LatencyNudge { us, changes: before.changes.wrapping_add(1) };
            (before.us != us).then(|| after.packed())
        };
        // Where nothing changes, there is nothing to count.
        let _ = self.latency_nudge.fetch_update(Relaxed, Relaxed, changed);
    }

    /// What is added to what the device says of its latency.
    pub fn latency_nudge(&self) -> LatencyNudge {
        LatencyNudge::unpacked(self.latency_nudge.load(Relaxed))
    }

    /// How session time at the speaker is had from the player's clock; `None` until it is known. Speakers that are later
    /// than the device says have positive nudges, and are rendered for earlier. A change of the nudge counts as a jump.
    pub fn speaker_clock(&self) -> Option<ClockOffset> {
        let (jumps, nudge) = (self.clock_jumps.load(Acquire), self.latency_nudge());
        let offset = self.offset_us.load(Relaxed);
        let offset_ns = offset.saturating_add(nudge.us.into()).saturating_mul(1_000);
        (offset != UNKNOWN).then_some(ClockOffset { offset_ns, jumps: jumps.wrapping_add(nudge.changes) })
    }

    /// Session time at the player's ear less the player's clock, nanoseconds; `None` until it is known. The speaker is
    /// rendered for so much earlier that the ear hears the session on time, so no latency is in it.
    pub fn ear_offset_ns(&self) -> Option<i64> {
        let offset = self.offset_us.load(Relaxed);
        (offset != UNKNOWN).then(|| offset.saturating_mul(1_000))
    }

    /// Notes the time from rendering to the speaker by the device's own word, which the nudge corrects, and how much is
    /// rendered at once, microseconds. Of the latency, the longest of late counts: it forgets slowly.
    pub fn set_latency(&self, claimed_us: u32, block_us: u32) {
        let latency = claimed_us.saturating_add_signed(self.latency_nudge().us);
        let shown = self.latency_us.load(Relaxed);
        let forgotten = ((f64::from(block_us) / LATENCY_FORGOTTEN_US).min(1.0) * f64::from(shown)).ceil() as u32;
        self.latency_us.store(latency.max(shown.saturating_sub(forgotten)), Relaxed);
        self.block_us.store(block_us, Relaxed);
    }

    /// Where the player's pointer or finger is, and what the player records.
    pub fn pointer(&self) -> Pointer {
        let at = *lock(&self.cursor);
        Pointer { at, records: self.view().recording.as_ref().and_then(|(cell, _)| *cell) }
    }

    /// Something that the player should be told.
    pub fn notice(&self, notice: Notice) {
        push_bounded(&self.notices, notice, NOTICES_MAX);
    }

    /// What the player should be told, oldest first; each once.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut *lock(&self.notices)).into_iter().collect()
    }

    /// Something that the player should be told in these words.
    pub fn tell(&self, sentence: String) {
        self.change_view(|view| {
            let number = view.sentences.last().map_or(0, |(number, _)| *number) + 1;
            view.sentences.push((number, sentence));
            let surplus = view.sentences.len().saturating_sub(NOTICES_MAX);
            view.sentences.drain(..surplus);
        });
    }

    /// A clip began to sound.
    pub fn hear(&self, heard: Heard) {
        push_bounded(&self.heard, heard, HEARD_WAITING_MAX);
    }

    /// The clips that began to sound since they were taken last.
    pub fn take_heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *lock(&self.heard)).into_iter().collect()
    }

    /// A time probe came back at this time, the player's clock.
    pub fn probe_returned(&self, probe: Probe, at: Micros) {
        push_bounded(&self.probes, (probe, at), PROBES_WAITING_MAX);
    }

    /// The probes that have come back since they were taken last.
    pub fn take_probes(&self) -> VecDeque<(Probe, Micros)> {
        std::mem::take(&mut lock(&self.probes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ear_hears_the_session_on_time_whatever_the_output_nudge() {
        let shared = Shared::new(String::new(), Box::new(Nanos::default));
        assert_eq!(shared.ear_offset_ns(), None);
        shared.set_offset(Some(1_000), 0);
        shared.set_latency_nudge(30_000);
        assert_eq!(shared.ear_offset_ns(), Some(1_000_000));
    }

    #[test]
    fn a_speaker_that_is_later_than_it_claims_is_rendered_for_earlier() {
        let shared = Shared::new(String::new(), Box::new(Nanos::default));
        assert_eq!(shared.speaker_clock(), None);
        shared.set_offset(Some(1_000), 1);
        assert_eq!(shared.speaker_clock(), Some(ClockOffset { offset_ns: 1_000_000, jumps: 1 }));
        shared.set_latency_nudge(30_000);
        assert_eq!(shared.speaker_clock(), Some(ClockOffset { offset_ns: 31_000_000, jumps: 2 }));
        shared.set_latency(20_000, 10_000);
        assert_eq!(shared.latency_us.load(Relaxed), 50_000);
        shared.set_latency_nudge(-900_000);
        assert_eq!(shared.speaker_clock(), Some(ClockOffset { offset_ns: -249_000_000, jumps: 3 }));
    }

    #[test]
    fn each_change_of_the_nudge_is_a_jump_and_the_same_again_is_none() {
        let shared = Shared::new(String::new(), Box::new(Nanos::default));
        shared.set_offset(Some(0), 7);
        let jumps = |nudge_us| {
            shared.set_latency_nudge(nudge_us);
            shared.speaker_clock().map(|clock| (clock.offset_ns, clock.jumps))
        };
        assert_eq!(jumps(0), Some((0, 7)), "as it was");
        assert_eq!(jumps(1_000), Some((1_000_000, 8)));
        assert_eq!(jumps(1_000), Some((1_000_000, 8)));
        assert_eq!(jumps(-5_000), Some((-5_000_000, 9)));
        assert_eq!(shared.latency_nudge(), LatencyNudge { us: -5_000, changes: 2 });
    }

    #[test]
    fn the_longest_latency_of_late_counts() {
        let shared = Shared::new(String::new(), Box::new(Nanos::default));
        let blocks = |count: usize, latency_us| (0..count).for_each(|_| shared.set_latency(latency_us, 10_000));
        blocks(1, 40_000);
        blocks(100, 20_000);
        let after_a_second = shared.latency_us.load(Relaxed);
        assert!((30_000..40_000).contains(&after_a_second), "{after_a_second}");
        blocks(1_000, 20_000);
        assert_eq!(shared.latency_us.load(Relaxed), 20_000);
        blocks(1, 60_000);
        assert_eq!(shared.latency_us.load(Relaxed), 60_000);
    }

    #[test]
    fn only_another_output_is_a_change_and_the_last_wish_counts() {
        let shared = Shared::new(String::new(), Box::new(Nanos::default));
        assert_eq!(shared.take_output_other_than(&Output::Default), None);
        shared.set_output(Output::Silent);
        shared.set_output(Output::Device("desk".into()));
        assert_eq!(shared.take_output_other_than(&Output::Default), Some(Output::Device("desk".into())));
        shared.set_output(Output::Silent);
        assert_eq!(shared.take_output_other_than(&Output::Silent), None);
    }
}
