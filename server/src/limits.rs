//! Bounds of a host that no player needs to know; what both sides need is in [`keyboardia_session::limits`].

use keyboardia_session::limits::{MESSAGE_BYTES_MAX, SAMPLES_PER_SESSION_MAX, SEATS_MAX, SEATS_PER_SOCKET_MAX};
use std::time::Duration;

/// Pause of the host's loop while anybody is connected.
pub(crate) const TICK: Duration = Duration::from_millis(1);
/// Pause of the host's loop while nobody is.
pub(crate) const TICK_IDLE: Duration = Duration::from_millis(5);
/// Longest time until what has come is acknowledged, and pace at which it is looked what must be sent again. Well below
/// the resend time.
pub(crate) const ACK_INTERVAL: Duration = Duration::from_millis(10);
/// Step in which renet and netcode are told of the time.
pub(crate) const RENET_STEP: Duration = Duration::from_millis(4);
/// How often it is looked which connections have fallen silent, or must be kept alive.
pub(crate) const UPKEEP_INTERVAL: Duration = Duration::from_millis(50);

/// Connections of one socket: its seats, and some that come back before their old connection is given up.
pub(crate) const CLIENTS_PER_SOCKET_MAX: usize = SEATS_PER_SOCKET_MAX + 8 * SEATS_MAX;
/// UDP sockets of the game.
pub(crate) const SOCKETS_MAX: usize = 16;
/// Datagrams that are read per tick and socket; a flood then costs time, but does not stop it.
pub(crate) const DATAGRAMS_PER_TICK_MAX: usize = 1_024;
/// Bytes of a datagram that are looked at; netcode's own are at most 1,400.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 1_500;

/// Messages that a seat may send per second in the long run; more wait, and a seat whose queue overflows is dropped.
pub(crate) const MESSAGES_PER_SECOND_MAX: u64 = 1_000;
/// Messages that a seat may send at once.
pub(crate) const MESSAGES_BURST_MAX: u64 = 256;
/// Reliable messages of a seat that may wait to be handled; renet bounds their bytes, but an empty one has none.
pub(crate) const MESSAGES_WAITING_MAX: u64 = 4_096;
/// Bytes of one piece of a long message, renet's constant.
pub(crate) const SLICE_BYTES: usize = 1_200;
/// Pieces of a long message of a seat: [`MESSAGE_BYTES_MAX`] and one more, so that the authority can say that it is
/// too large.
pub(crate) const SLICES_MAX: u64 = MESSAGE_BYTES_MAX.div_ceil(SLICE_BYTES) as u64 + 1;
/// Long messages of a seat that may be on their way at once.
pub(crate) const SLICED_MESSAGES_MAX: usize = 16;

/// Messages of all WebSockets that may wait for the host's loop; further ones wait in their connections.
pub(crate) const WEB_INBOX_MAX: usize = 4_096;
/// Messages that the host's loop takes from WebSockets per tick.
pub(crate) const WEB_MESSAGES_PER_TICK_MAX: usize = 1_024;
/// Messages that may wait to be sent on one WebSocket; their bytes are bounded as those of a renet channel. A slower
/// consumer is dropped.
pub(crate) const WEB_OUTBOX_MAX: usize = 4_096;
/// Bytes that wait on a WebSocket from which on messages that may be lost are.
pub(crate) const WEB_CONGESTED_BYTES: usize = 16 * 1024;
/// How long a WebSocket may take to say whose it is.
pub(crate) const WEB_HELLO_MAX: Duration = Duration::from_secs(5);
/// Largest frame of a WebSocket that is read to its end, bytes. It is twice what is allowed: whoever sends a little too much
/// is told so, and told in a close frame, which a connection that breaks in the middle of a frame would lose.
pub(crate) const WEB_FRAME_BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;
/// How long a WebSocket may take for a message, and for its end.
pub(crate) const WEB_WRITE_MAX: Duration = Duration::from_secs(10);

/// How long a player may take to hear why its connection ends.
pub(crate) const PARTING_MAX: Duration = Duration::from_secs(1);
/// How long players may take to hear that the host stops.
pub(crate) const DRAIN_MAX: Duration = Duration::from_millis(300);

/// Requests of HTTP that may wait for the host's loop.
pub(crate) const REQUESTS_WAITING_MAX: usize = 64;
/// Requests that the host's loop answers per tick.
pub(crate) const REQUESTS_PER_TICK_MAX: usize = 32;
/// How long a request waits for the host's loop.
pub(crate) const REPLY_TIMEOUT: Duration = Duration::from_secs(2);

/// HTTP connections at once; further ones wait to be accepted.
pub(crate) const HTTP_CONNECTIONS_MAX: usize = 256;
/// Bytes on their way to a TCP peer for which the operating system has memory; it doubles this for its own needs.
pub(crate) const HTTP_SEND_BUFFER_BYTES: usize = 64 * 1024;
/// HTTP connections that the operating system keeps until there is a place for them.
pub(crate) const HTTP_WAITING_MAX: i32 = 1_024;
/// HTTP connections of one limited address at once; further ones are closed. Ten browsers behind one router have as many
/// while they load the page.
pub(crate) const HTTP_CONNECTIONS_PER_ADDRESS_MAX: usize = 64;
/// Free places for HTTP connections below which each ends with its answer, and does not wait for another request: whoever
/// waits to be accepted comes first.
pub(crate) const HTTP_CONNECTIONS_SPARE: usize = HTTP_CONNECTIONS_MAX / 2;
/// How long a new HTTP connection may take until the head of its first request is there.
pub(crate) const HTTP_HEAD_MAX: Duration = Duration::from_secs(10);
/// How long no byte may move on an HTTP connection.
pub(crate) const HTTP_SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long an HTTP connection may last, so that slow ones cannot keep all the places; long enough for the page (4.5 MB)
/// over 64 kbit/s.
pub(crate) const HTTP_CONNECTION_LIFE: Duration = Duration::from_mins(10);
/// How long HTTP may take to finish what it was doing when the host stops.
pub(crate) const HTTP_STOP_MAX: Duration = Duration::from_millis(500);

/// How often the round trips of all players are noted.
pub(crate) const MEASURE_INTERVAL: Duration = Duration::from_secs(10);
/// Addresses whose requests are counted at once.
pub(crate) const ADDRESSES_REMEMBERED_MAX: usize = 4_096;
/// Seats that are kept at once for players of one limited address who have not connected yet: two sessions' worth, behind
/// one router.
pub(crate) const AWAITED_PER_ADDRESS_MAX: usize = 2 * SEATS_MAX;
/// How long the host's loop may take for a turn and still be called well.
pub(crate) const PULSE_MAX: Duration = Duration::from_secs(2);
/// Bytes of the largest answer to one player that is looked at to count why a command was refused.
pub(crate) const REFUSAL_BYTES_MAX: usize = 64;
/// Proxies that a request may have come through.
pub(crate) const FORWARDED_MAX: usize = 8;
/// Proxies that may be trusted.
pub(crate) const TRUSTED_MAX: usize = 16;

/// How long the time echo sleeps before it looks whether the host stops.
pub(crate) const ECHO_POLL: Duration = Duration::from_millis(50);

/// Addresses in a connect token, netcode's constant.
pub(crate) const TOKEN_ADDRESSES_MAX: usize = 32;
/// Addresses that may be advertised: a token's, less the one that the player reached us by, and loopback.
pub(crate) const ADVERTISED_MAX: usize = TOKEN_ADDRESSES_MAX - 2;

/// Things that may wait to be written down; a room that finds no place writes everything later.
pub(crate) const STORE_WAITING_MAX: usize = 4_096;
/// Things that are written in one transaction.
pub(crate) const STORE_BATCH_MAX: usize = 1_024;
/// How often the time is written down when nothing happens.
pub(crate) const STORE_CLOCK_INTERVAL: Duration = Duration::from_secs(1);
/// How long a host waits for another one to let go of the sessions.
pub(crate) const STORE_OPEN_PATIENCE: Duration = Duration::from_secs(2);
/// How long rooms wait for the store when the host stops.
pub(crate) const STORE_PARTING: Duration = Duration::from_secs(2);
/// How often a room that waits for the store looks for a place.
pub(crate) const STORE_POLL: Duration = Duration::from_millis(1);
/// How long the store waits before it tries again.
pub(crate) const STORE_RETRY: Duration = Duration::from_millis(250);
/// How often it does so when the host stops.
pub(crate) const STORE_PARTING_TRIES_MAX: u32 = 8;

/// Bytes of all samples on a host, unless it is told otherwise (8 GiB).
pub(crate) const SAMPLE_BYTES_PER_HOST: u64 = 8 * 1024 * 1024 * 1024;
/// Samples that are received at once; each is in memory until it is kept.
pub(crate) const SAMPLE_UPLOADS_MAX: usize = 8;
/// How long a sample may take to arrive, so that slow ones cannot keep all the places; long enough for the largest (12.3 MB)
/// over 1 Mbit/s.
pub(crate) const SAMPLE_UPLOAD_MAX: Duration = Duration::from_mins(2);
/// Bytes of a sample that are read at once to be sent.
pub(crate) const SAMPLE_READ_BYTES: usize = 64 * 1024;
/// How often the samples of sessions that are over are looked for.
pub(crate) const SAMPLE_SWEEP_INTERVAL: Duration = Duration::from_secs(2);

/// Things that a room may have told its link and that are not sent yet; a slower one is linked anew.
pub(crate) const BRIDGE_STEPS_MAX: usize = 1_024;
/// Messages to players that may wait to be sent on a link.
pub(crate) const BRIDGE_FRAMES_MAX: usize = 1_024;
/// Bytes of messages from which on no more are put into a frame.
pub(crate) const BRIDGE_PACKED_BYTES_MAX: usize = 256 * 1024;
/// Players of one session who may come through the place, with those who have not said who they are.
pub(crate) const BRIDGE_GUESTS_MAX: usize = 4 * SEATS_MAX;
/// Players who wait there for a seat.
pub(crate) const BRIDGE_ADMISSIONS_MAX: usize = 4 * SEATS_MAX;
/// How long a place may take to take a call, and to say who has the session.
pub(crate) const BRIDGE_OPEN_MAX: Duration = Duration::from_secs(10);
/// How long it is waited before a place is called again: at first, and at last.
pub(crate) const BRIDGE_BACKOFF_MIN: Duration = Duration::from_millis(250);
pub(crate) const BRIDGE_BACKOFF_MAX: Duration = Duration::from_secs(15);
/// How long a place may take to hear the last of a session when the host stops.
pub(crate) const BRIDGE_STOP_MAX: Duration = Duration::from_secs(1);
/// Time probes of which the best tells how far a place's clock is behind.
pub(crate) const BRIDGE_PROBES_KEPT: usize = 16;
/// How much that must change for the place to be told, microseconds.
pub(crate) const BRIDGE_SHIFT_STEP_US: u64 = 1_000;
/// Samples that are on their way to a place at once, of all sessions; each is in memory meanwhile.
pub(crate) const BRIDGE_SAMPLES_FORWARDED_MAX: usize = 4;
/// The same on their way from there.
pub(crate) const BRIDGE_SAMPLES_FETCHED_MAX: usize = 4;
/// How long it is waited at last before samples that do not cross are tried again; at first it is [`BRIDGE_BACKOFF_MIN`].
pub(crate) const BRIDGE_SAMPLES_BACKOFF_MAX: Duration = Duration::from_mins(1);
/// Samples that a session's players may have fetched from the place, at once and a second: all that it may have.
pub(crate) const BRIDGE_FETCHES_BURST: u32 = SAMPLES_PER_SESSION_MAX as u32;
pub(crate) const BRIDGE_FETCHES_PER_S: u32 = 2;
/// Bytes of a place's list of a session's samples.
pub(crate) const BRIDGE_LIST_BYTES_MAX: usize = 128 * SAMPLES_PER_SESSION_MAX;
/// Time probes by which a host reads session time at a place before it takes the session over.
pub(crate) const BRIDGE_GREETING_PROBES: usize = 4;
