//! The host's clock: session time of every session on it, save of those that it has taken over from elsewhere, whose time
//! goes on as it was there.

use keyboardia_session::{Micros, SessionCode};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

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

/// What time it is in each session. All copies know the same.
#[derive(Debug, Clone)]
pub(crate) struct SessionClocks {
    pub(crate) host: HostClock,
    /// How far the time of sessions from elsewhere is ahead of the host's clock, microseconds.
    ahead: Arc<RwLock<HashMap<SessionCode, i64>>>,
}

impl SessionClocks {
    /// Clocks of a host without sessions from elsewhere.
    pub(crate) fn new(host: HostClock) -> Self {
        Self { host, ahead: Arc::default() }
    }

    /// What time it is in a session.
    pub(crate) fn now(&self, code: SessionCode) -> Micros {
        self.host.now().offset(self.ahead_us(code))
    }

    /// How far a session's time is ahead of the host's clock, microseconds.
    pub(crate) fn ahead_us(&self, code: SessionCode) -> i64 {
        self.ahead.read().unwrap_or_else(PoisonError::into_inner).get(&code).copied().unwrap_or_default()
    }

    /// A session's time is this far ahead from now on.
    pub(crate) fn set(&self, code: SessionCode, ahead_us: i64) {
        let mut ahead = self.ahead.write().unwrap_or_else(PoisonError::into_inner);
        if ahead_us == 0 {
            ahead.remove(&code)
        } else {
            ahead.insert(code, ahead_us)
        };
    }
}
