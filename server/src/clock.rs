//! The host's clock: session time of every session on it.

use keyboardia_session::Micros;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A machine's clock: the time since 1970 by its own word. It may be set at any moment.
pub type WallClock = fn() -> Duration;

/// This machine's clock.
pub(crate) fn machine() -> Duration {
    // Before 1970 it is 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// UNIX time, taken once, and carried on by the monotonic clock: it never jumps and never runs backwards.
#[derive(Debug, Clone, Copy)]
pub struct HostClock {
    unix: Duration,
    started: Instant,
}

impl HostClock {
    /// A clock that reads UNIX time now, and never looks at it again. Where that is earlier than `least`, somebody has set
    /// this machine's clock back: session time goes on from `least`.
    pub fn start(wall: WallClock, least: Option<Micros>) -> Self {
        let unix = wall();
        let least = least.map_or(Duration::ZERO, |least| Duration::from_micros(least.0));
        Self { unix: unix.max(least), started: Instant::now() }
    }

    /// Session time, microseconds.
    pub fn now(&self) -> Micros {
        Micros(self.unix_time().as_micros() as u64)
    }

    /// The same moment as a duration since 1970, as netcode wants it.
    pub fn unix_time(&self) -> Duration {
        self.unix + self.started.elapsed()
    }
}
