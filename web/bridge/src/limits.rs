//! Bounds that are the bridge's alone; what both sides of the wire need is in [`keyboardia_session::limits`].

use keyboardia_session::limits::{BRIDGE_PING_S, LINE_MESSAGES_BURST, LINE_MESSAGES_PER_S, SEATS_MAX};

/// Codes that are tried for a new session; a second one is needed about never.
pub(crate) const CODES_TRIED_MAX: usize = 3;
/// Sockets of one session that have not said whose they are.
pub(crate) const NEWCOMERS_MAX: usize = 2 * SEATS_MAX;
/// How long a socket may take to say whose it is, microseconds.
pub(crate) const HELLO_US: u64 = 5_000_000;
/// Players' sockets here of a session whose authority is a host, and questions to it that wait.
pub(crate) const GUESTS_MAX: usize = SEATS_MAX + NEWCOMERS_MAX;
/// How long a player may be silent before the seat counts as empty, microseconds; keep-alives come every
/// [`keyboardia_session::limits::PING_INTERVAL_S`].
pub(crate) const SILENCE_US: i64 = 45_000_000;
/// How often it is looked who is silent, where something else has waked the object, microseconds.
pub(crate) const LOOK_US: i64 = 5_000_000;
/// How long a host may be silent before the object goes on without it, microseconds; it says something every
/// [`keyboardia_session::limits::BRIDGE_PING_S`].
pub(crate) const HOST_SILENCE_US: u64 = 45_000_000;
/// How long after its last word a host is awaited soon, microseconds: it has missed saying that it is there.
pub(crate) const HOST_LATE_US: u64 = (BRIDGE_PING_S + 5) * 1_000_000;
/// How often it is looked whether a host is there whose keep-alives are answered without the object, where nothing else wakes
/// that, microseconds.
pub(crate) const HOST_LOOK_US: u64 = 300_000_000;
/// What a connection may say, at once and a second.
pub(crate) const PACE: (u32, u32) = (LINE_MESSAGES_BURST, LINE_MESSAGES_PER_S);
/// How much older that may be which is remembered of when a host was heard, microseconds.
pub(crate) const HEARD_STEP_US: i64 = 5_000_000;
/// How long a host may take to say whether somebody has a seat, milliseconds.
pub(crate) const ADMISSION_MS: u64 = 5_000;
/// How long after a change what a nap must not lose is written down, microseconds.
pub(crate) const MEMORY_DELAY_US: u64 = 1_000_000;
/// How long a sample may take from its announcement to its place, microseconds.
pub(crate) const UPLOAD_US: u64 = 120_000_000;
/// How long it is waited before the end of a session is tried again, microseconds.
pub(crate) const RETRY_US: u64 = 30_000_000;
/// Samples that are deleted in one request; R2's own bound is 1,000.
pub(crate) const DELETED_AT_ONCE: u32 = 500;
/// Seconds after which an address that has asked too often may ask again: the longest of the rate limits' periods.
pub(crate) const LIMIT_PERIOD_S: u64 = 60;
