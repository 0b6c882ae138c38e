//! Where a loop lies: from which bar line to which, and whether beats still pass as they did when that was found out.

use super::InSession;
use crate::recording::{
    LOOP_BARS, LOOP_BEATS, LoopLength, RECORDING_SECONDS_MAX, RECORDING_SECONDS_MIN, RecordingStage, TakeShape,
};
use keyboardia_session::{Beats, Meters, Micros, Quantise, Timeline, Transport};

/// Bars of a calibration.
const LOOPBACK_BARS: u8 = 2;
/// Bar lines that are looked at for the end of a loop: more than fit into the longest.
const BAR_LINES_MAX: usize = 512;
/// How far the beats of two timelines may be apart and count as the same.
const SAME_BEATS: Beats = Beats(10_000);

pub(super) const NO_TRANSPORT: &str = "The metronome rests: start the transport, then measure again.";
pub(super) const LENGTH: &str = "A loop can have 1, 2, 4 or 8 bars, or 1, 2 or 4 beats.";
pub(super) const TOO_LONG: &str = "The loop would last more than 64 seconds at this tempo: choose fewer bars.";
pub(super) const TOO_SHORT: &str =
    "The loop would last less than a tenth of a second at this tempo: choose more beats.";
pub(super) const TEMPO_CHANGED: &str = "The tempo changed during the recording, so it was not kept. Record it again.";
pub(super) const STOPPED: &str =
    "The transport stopped during the recording, so it was not kept. Start it, then record again.";

/// Where a loop lies, once the microphone is open.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) line: Timeline,
    /// The transport rested when it was made: beats are counted from the recording's own beginning.
    rests: bool,
    /// Length of the bar before the recording; zero where there is none.
    count_in: Beats,
    pub(super) start: Beats,
    /// Bar lines after the start, as far as a recording can reach.
    bars: Vec<Beats>,
    /// Where it ends; `None` until that is known.
    pub(super) end: Option<Beats>,
    /// Counts of a calibration.
    pub(super) counts: Vec<Beats>,
    /// Session time at the ear less the player's clock when the plan was made, nanoseconds.
    pub(super) offset_ns: i64,
}

impl Plan {
    /// Where a loop will lie: `heard` is the moment at the ear, `captured` that of the next frame.
    pub(super) fn new(
        shape: TakeShape,
        session: InSession<'_>,
        heard: Micros,
        captured: Micros,
    ) -> Result<Self, String> {
        let InSession { offset_ns, transport, meters } = session;
        let last = *transport.last();
        let is_loopback = shape == TakeShape::Loopback;
        if !last.playing && is_loopback {
            return Err(NO_TRANSPORT.to_owned());
        }
        let next_bar = |beat: Beats| meters.next_boundary(beat + Beats(1), Quantise::Bar);
        let (line, count_in, start) = if last.playing {
            let first = last.beat_at(heard.max(last.anchor_time));
            let line = meters.next_boundary(first, Quantise::Bar);
            let start = if is_loopback { line } else { next_bar(line) };
            (last, start - line, start)
        } else {
            // Nothing is heard that it could be in time with: it begins at once, where the bars begin.
            let line = Timeline { anchor_time: captured, anchor_beat: Beats::ZERO, tempo: last.tempo, playing: true };
            (line, Beats::ZERO, Beats::ZERO)
        };
        let next_bar = |beat: Beats| if last.playing { next_bar(beat) } else { beat + meters.last().signature.bar() };
        let most = Beats::from_f64(RECORDING_SECONDS_MAX * line.tempo.beats_per_second());
        let bars = std::iter::successors(Some(next_bar(start)), |bar| Some(next_bar(*bar)));
        let bars: Vec<Beats> = bars.take(BAR_LINES_MAX).take_while(|bar| *bar - start <= most).collect();
        let whole =
            |count: u8| bars.get(usize::from(count).saturating_sub(1)).copied().ok_or_else(|| TOO_LONG.to_owned());
        let end = match shape {
            TakeShape::Loop(LoopLength::Bars(count)) if LOOP_BARS.contains(&count) => Some(whole(count)?),
            TakeShape::Loop(LoopLength::Beats(count)) if LOOP_BEATS.contains(&count) => {
                Some(start + Beats::whole(count.into()))
            }
            TakeShape::Loop(LoopLength::Free) => None,
            TakeShape::Loopback => Some(whole(LOOPBACK_BARS)?),
            TakeShape::Loop(_) | TakeShape::OneShot => return Err(LENGTH.to_owned()),
        };
        let mut plan = Self { line, rests: !last.playing, count_in, start, bars, end, counts: Vec::new(), offset_ns };
        if plan.end.is_some_and(|end| plan.seconds(end) < RECORDING_SECONDS_MIN) {
            return Err(TOO_SHORT.to_owned());
        }
        if is_loopback {
            plan.counts = counts(meters, start, plan.end.unwrap_or(start));
        }
        Ok(plan)
    }

    pub(super) fn time_at(&self, beat: Beats) -> Micros {
        self.line.time_at(beat).unwrap_or_default()
    }

    /// How long it is from the start to this beat, seconds.
    pub(super) fn seconds(&self, to: Beats) -> f64 {
        (to - self.start).as_f64() / self.line.tempo.beats_per_second()
    }

    /// Before the start, beats may still move.
    pub(super) fn follow(&mut self, transport: &Transport, heard: Micros) -> Result<(), String> {
        let last = *transport.last();
        if self.rests || self.is_same(&last, heard) {
            return Ok(());
        }
        if !last.playing {
            return Err(STOPPED.to_owned());
        }
        if last.time_at(self.start).is_none_or(|start| start <= heard) {
            return Err(TEMPO_CHANGED.to_owned());
        }
        let changed = Self { line: last, ..self.clone() };
        match self.end {
            Some(end) if changed.seconds(end) > RECORDING_SECONDS_MAX => return Err(TOO_LONG.to_owned()),
            Some(end) if changed.seconds(end) < RECORDING_SECONDS_MIN => return Err(TOO_SHORT.to_owned()),
            _ => *self = changed,
        }
        self.bars.retain(|bar| (*bar - self.start).as_f64() <= RECORDING_SECONDS_MAX * last.tempo.beats_per_second());
        Ok(())
    }

    /// From the start on, they may not.
    pub(super) fn check(&self, transport: &Transport, begin: Micros, heard: Micros) -> Result<(), String> {
        if self.rests {
            return if transport.last().tempo == self.line.tempo { Ok(()) } else { Err(TEMPO_CHANGED.to_owned()) };
        }
        // What happens after the end does not matter.
        let until = self.end.map_or(heard, |end| self.time_at(end).max(begin));
        let later = transport.timelines().filter(|line| line.anchor_time > begin && line.anchor_time < until);
        for line in std::iter::once(transport.timeline_at(begin)).chain(later) {
            if !line.playing {
                return Err(STOPPED.to_owned());
            }
            if !self.is_same(line, line.anchor_time.max(begin)) {
                return Err(TEMPO_CHANGED.to_owned());
            }
        }
        Ok(())
    }

    fn is_same(&self, line: &Timeline, at: Micros) -> bool {
        let apart = line.beat_at(at) - self.line.beat_at(at);
        line.playing && line.tempo == self.line.tempo && (-SAME_BEATS.0..=SAME_BEATS.0).contains(&apart.0)
    }

    pub(super) fn stage_before(&self, heard: Micros) -> RecordingStage {
        let begins = self.start;
        if self.line.beat_at(heard) < begins - self.count_in {
            RecordingStage::Waiting { begins }
        } else {
            RecordingStage::CountIn { begins }
        }
    }

    /// The bar line next to a press, at least one bar after the start.
    pub(super) fn nearest_bar(&self, pressed: Micros) -> Beats {
        let beat = self.line.beat_at(pressed);
        let nearest = self.bars.iter().min_by_key(|bar| (**bar - beat).0.saturating_abs());
        nearest.copied().unwrap_or(self.start)
    }

    /// The last bar line that a recording can reach, once it is reached.
    pub(super) fn limit(&self, captured: Micros) -> Option<Beats> {
        self.bars.last().copied().filter(|bar| self.time_at(*bar) <= captured)
    }
}

/// The counts of the bars from here to there.
fn counts(meters: &Meters, from: Beats, to: Beats) -> Vec<Beats> {
    let next = |beat: &Beats| Some(*beat + meters.at(*beat).signature.count_length());
    std::iter::successors(Some(from), next).take_while(|beat| *beat < to).take(BAR_LINES_MAX).collect()
}
