//! What a simulation found: distributions that can be added up over seeds.

/// Steps of a distribution, milliseconds, and how many there are: up to half a second, finely. Beyond, only the longest
/// time is known.
const STEP_MS: f64 = 0.002;
const STEPS: usize = 250_000;

/// A distribution of times.
#[derive(Debug, Clone)]
pub struct Distribution {
    counts: Vec<u32>,
    total: u64,
    max_ms: f64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self { counts: vec![0; STEPS + 1], total: 0, max_ms: 0.0 }
    }
}

impl Distribution {
    /// Adds a time; what is not a number is the longest there is.
    pub fn add(&mut self, ms: f64) {
        let ms = if ms.is_finite() { ms.abs() } else { f64::MAX };
        self.counts[((ms / STEP_MS) as usize).min(STEPS)] += 1;
        self.total += 1;
        self.max_ms = self.max_ms.max(ms);
    }

    /// Takes in another one.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.max_ms = self.max_ms.max(other.max_ms);
    }

    /// How many times there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The longest, milliseconds.
    pub fn max_ms(&self) -> f64 {
        self.max_ms
    }

    /// The time below which `share` (0 … 1) of them lie, to a step upwards, milliseconds, and never less; not a number
    /// without any.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        if self.total == 0 {
            return f64::NAN;
        }
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let index = self.counts.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        index
            .filter(|index| *index < STEPS)
            .map_or(self.max_ms, |index| ((index + 1) as f64 * STEP_MS).min(self.max_ms))
    }
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Difference between any two players' speakers, from 2 s after joining.
    pub phase: Distribution,
    /// The same, but only while the baselines were simulated, too.
    pub compared: Distribution,
    /// The same with the clocks of the baselines, everything else being equal.
    pub baselines: [Distribution; 3],
    /// Difference between a player's speaker and the session.
    pub session: Distribution,
    /// From joining to within 5 ms of the session, for good.
    pub lock: Distribution,
    /// The uncertainty that seats report.
    pub uncertainty: Distribution,
    /// Looks at a seat's clock, and those at which its true error lay inside the reported uncertainty.
    pub looks: u64,
    /// See [`Tally::looks`].
    pub honest: u64,
    /// Launches heard of by seats that have been there for 2 s.
    pub heard: u64,
    /// Those heard of when their beat had been rendered already.
    pub late: u64,
    /// Round trips of the probes.
    pub round_trip: Distribution,
    /// Leads that were granted.
    pub lead: Distribution,
    /// Jumps of the sound of players that have been there for 2 s.
    pub jumps: u64,
}

impl Tally {
    /// Takes in another one.
    pub fn merge(&mut self, other: &Self) {
        self.phase.merge(&other.phase);
        self.compared.merge(&other.compared);
        for (mine, theirs) in self.baselines.iter_mut().zip(&other.baselines) {
            mine.merge(theirs);
        }
        self.session.merge(&other.session);
        self.lock.merge(&other.lock);
        self.uncertainty.merge(&other.uncertainty);
        self.lead.merge(&other.lead);
        self.round_trip.merge(&other.round_trip);
        self.looks += other.looks;
        self.honest += other.honest;
        self.heard += other.heard;
        self.late += other.late;
        self.jumps += other.jumps;
    }

    /// Share of the launches that were heard of too late.
    pub fn late_share(&self) -> f64 {
        self.late as f64 / (self.heard as f64).max(1.0)
    }

    /// Share of the looks at which the reported uncertainty was true.
    pub fn honest_share(&self) -> f64 {
        self.honest as f64 / (self.looks as f64).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_times() {
        let mut times = Distribution::default();
        assert!(times.percentile_ms(0.5).is_nan());
        for tenth in 1..=1_000 {
            times.add(-0.1 * f64::from(tenth));
        }
        assert!((times.percentile_ms(0.5) - 50.0).abs() <= 2.0 * STEP_MS);
        assert!((times.percentile_ms(0.99) - 99.0).abs() <= 2.0 * STEP_MS);
        let mut slow = times.clone();
        (0..100).for_each(|_| slow.add(1_200.0));
        assert_eq!(slow.percentile_ms(0.95), 1_200.0, "beyond the steps, never too little");
        let mut other = Distribution::default();
        other.add(f64::NAN);
        times.merge(&other);
        assert_eq!((times.total(), times.max_ms()), (1_001, f64::MAX));
    }
}
