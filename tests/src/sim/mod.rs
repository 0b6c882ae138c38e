//! Ten players in virtual time: do they hear the same at the same moment?
//!
//! Production code throughout: the authority, the seats with their clock estimates, the probe schedule, renet's
//! messages, the pacing and the steering of the sound. Only sockets and sound cards are models. No sound is rendered; what
//! is looked at is the beat that truly leaves each player's speaker. One seed is one world.
//!
//! ```text
//! script ─→ player: seat, renet, probes ──link──→ host: renet, authority, time echo
//!             │ clock line, transport  ←──link──        │
//!             └→ speaker: pacer, steering ─→ tally  ←───┘ the session's beat
//! ```
//!
//! [`scenario`] says what the surroundings are like, [`Jam`] runs them, [`tally`] holds what was found.

pub mod baseline;
mod host;
mod jam;
mod machine;
mod network;
mod player;
pub mod scenario;
mod script;
mod speaker;
pub mod tally;

pub use jam::{Course, Jam, simulate};

use keyboardia_session::Micros;

/// Virtual time, nanoseconds since the world began.
pub type Time = i64;

/// Session time at which every world begins.
const START: Micros = Micros(1_790_000_000_000_000);

fn micros(us: f64) -> Time {
    (us * 1e3) as Time
}

fn seconds(s: f64) -> Time {
    (s * 1e9) as Time
}
