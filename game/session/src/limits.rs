//! Every bound of a session, in one place. Both sides of every boundary use these names.

/// Version of the wire format; the first byte of every message. Bumped whenever a message changes shape.
pub const PROTOCOL_VERSION: u8 = 8;

/// Players (seats) per session.
pub const SEATS_MAX: usize = 10;
/// Tracks (columns) per session.
pub const TRACKS_MAX: usize = 16;
/// Scenes (rows) per session.
pub const SCENES_MAX: usize = 16;

/// Bytes of one message on any transport.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of snapshot carried by one chunk message.
pub const SNAPSHOT_CHUNK_BYTES: usize = 8 * 1024;
/// Chunks of one snapshot; with [`SNAPSHOT_CHUNK_BYTES`] the bound on a snapshot's size (256 KiB).
pub const SNAPSHOT_CHUNKS_MAX: usize = 32;

/// Bytes (UTF-8) of a name: player, track, scene or clip.
pub const NAME_BYTES_MAX: usize = 24;
/// Bytes (ASCII) of a sound's identity in the library.
pub const SOUND_ID_BYTES_MAX: usize = 24;
/// Bytes of a library manifest (JSON).
pub const MANIFEST_BYTES_MAX: usize = 256 * 1024;
/// Sounds in a library.
pub const LIBRARY_SOUNDS_MAX: usize = 256;

/// Slowest tempo, milli-BPM.
pub const TEMPO_MIN_MILLI_BPM: u32 = 20_000;
/// Fastest tempo, milli-BPM.
pub const TEMPO_MAX_MILLI_BPM: u32 = 999_000;
/// Longest clip, beats.
pub const CLIP_BEATS_MAX: i64 = 1_024;

/// Quietest gain that is not silence, centi-decibels (−60 dB); one less is silence.
pub const GAIN_MIN_CENTI_DB: i16 = -6_000;
/// Loudest gain, centi-decibels (+6 dB).
pub const GAIN_MAX_CENTI_DB: i16 = 600;

/// Shortest lead between a command and its effect, microseconds.
pub const LEAD_MIN_US: u64 = 20_000;
/// Longest lead that any seat can ask for, microseconds; seats that need more start in phase, and nobody waits for them.
pub const LEAD_MAX_US: u64 = 500_000;
/// Launches and stops that may wait on one track: those that some seat may already have heard of, and the newest.
pub const QUEUE_MAX: usize = 4;
/// Timelines that may wait for their moment at once.
pub const UPCOMING_TIMELINES_MAX: usize = 8;

/// Wishes of players that others be removed: each player may have one about each other.
pub const WISHES_MAX: usize = SEATS_MAX * (SEATS_MAX - 1);
/// Wishes that remove a player, at the least, unless the session's creator is among those who wish it.
pub const WISHES_MIN: usize = 2;
/// Removed players whom a session remembers; with one more, the oldest is forgotten.
pub const BARRED_MAX: usize = 32;

/// Launches, stops and the like that a player may ask for at once: every pad of the largest grid.
pub const LAUNCHES_BURST: u32 = 256;
/// Launches, stops and the like that a player may ask for on and on, a second: ten fingers, ten times each.
pub const LAUNCHES_PER_S: u32 = 100;
/// Changes of the mixer, tempo and the like that a player may ask for at once: every control of the largest mixer, a few
/// times.
pub const CONTROLS_BURST: u32 = 600;
/// Changes of the mixer, tempo and the like that a player may ask for on and on, a second: two faders dragged at 144
/// pictures a second, and a little.
pub const CONTROLS_PER_S: u32 = 300;
/// Edits and undos that a player may ask for at once: as many as there can be slots.
pub const EDITS_BURST: u32 = 256;
/// Edits and undos that a player may ask for on and on, a second: a key that repeats.
pub const EDITS_PER_S: u32 = 40;
/// Changes of who is who, and of who may come, that a player may ask for at once.
pub const TALK_BURST: u32 = 30;
/// Changes of who is who, and of who may come, that a player may ask for on and on, a second.
pub const TALK_PER_S: u32 = 5;
/// Reports of how a seat is doing that are heard at once; it sends one a second at the most.
pub const REPORTS_BURST: u32 = 10;
/// Reports of how a seat is doing that are heard on and on, a second.
pub const REPORTS_PER_S: u32 = 3;
/// Messages about a player's cursor that are heard at once: those of a second that come together.
pub const CURSORS_BURST: u32 = 20;
/// Messages about a player's cursor that are heard on and on, a second; one comes every [`CURSOR_INTERVAL_US`].
pub const CURSORS_PER_S: u32 = 25;
/// Snapshots that a player who has lost the thread gets at once.
pub const RESYNCS_BURST: u32 = 3;
/// Snapshots that a player who loses the thread again and again gets on and on, a second.
pub const RESYNCS_PER_S: u32 = 1;

/// Messages of any kind that a place and a host whose sessions it relays take of one connection at once: all that its
/// player may ask for at once, and as much again.
pub const LINE_MESSAGES_BURST: u32 = 2_560;
/// Messages of any kind that they take of one connection on and on, a second.
pub const LINE_MESSAGES_PER_S: u32 = 1_000;

/// Edits that a player can take back.
pub const UNDO_STEPS_MAX: usize = 32;
/// Changes of one property that follow each other within this time are one edit, microseconds.
pub const UNDO_GESTURE_US: i64 = 1_000_000;

/// Pictures that players can choose from.
pub const AVATARS_MAX: u8 = 24;
/// Shortest time between two messages about a player's cursor, microseconds.
pub const CURSOR_INTERVAL_US: i64 = 50_000;
/// How long after its last move a cursor is told once more, since the message may be lost, microseconds.
pub const CURSOR_REPEAT_US: i64 = 400_000;

/// Samples a second of a player's own sound.
pub const SAMPLE_RATE_HZ: u32 = 48_000;
/// Shortest sample, frames (0.1 s).
pub const SAMPLE_FRAMES_MIN: u32 = SAMPLE_RATE_HZ / 10;
/// Longest sample, frames (64 s).
pub const SAMPLE_FRAMES_MAX: u32 = 64 * SAMPLE_RATE_HZ;
/// Bytes of a sample's file that need not be sound.
pub const SAMPLE_HEADER_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a sample's file: the longest in stereo, 16 bits, and its header.
pub const SAMPLE_BYTES_MAX: usize = SAMPLE_FRAMES_MAX as usize * 2 * 2 + SAMPLE_HEADER_BYTES_MAX;
/// Samples that one seat brings at once, or waits to.
pub const SAMPLE_UPLOADS_PER_SEAT_MAX: usize = 2;
/// Samples of one session.
pub const SAMPLES_PER_SESSION_MAX: usize = 128;
/// Bytes of all samples of one session (128 MiB).
pub const SAMPLE_BYTES_PER_SESSION_MAX: u64 = 128 * 1024 * 1024;

/// Bytes of a session's score in a file, and on its way to a host (256 KiB).
pub const SONG_BYTES_MAX: usize = 256 * 1024;

/// How long an empty seat, and an empty session, waits for its player, microseconds.
pub const GRACE_US: u64 = 30_000_000;
/// Steps of a session that may wait to be written down; beyond that, the whole session is written anew.
pub const JOURNAL_ENTRIES_MAX: usize = 1_024;
/// Steps of a session after which it is written down as a whole again.
pub const ENTRIES_BEFORE_WHOLE: usize = 512;
/// Bytes of one frame between a host and the place that holds its session, too: room for a whole session.
pub const BRIDGE_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// How often a host says that it is there, seconds.
pub const BRIDGE_PING_S: u64 = 15;
/// Bytes of the steps in one frame there; more go into several.
pub const BRIDGE_ENTRIES_BYTES_MAX: usize = 256 * 1024;
/// Time between two clock beacons while playing, microseconds.
pub const BEACON_INTERVAL_US: u64 = 75_000;

/// Probes sent in quick succession on joining and when the transport starts.
pub const PROBE_BURST: u32 = 10;
/// Time between two probes of a burst, microseconds.
pub const PROBE_BURST_INTERVAL_US: i64 = 50_000;
/// Time between two probes while playing, microseconds.
pub const PROBE_INTERVAL_US: i64 = 1_000_000;
/// Time between two probes while the clock is not well known, microseconds.
pub const PROBE_UNCERTAIN_INTERVAL_US: i64 = 100_000;
/// What the clock may be off beyond half a round trip and still be well known, microseconds.
pub const CLOCK_UNCERTAIN_US: u64 = 1_000;

/// Length of the stretches of which the clock estimate keeps the best observations, microseconds.
pub const CLOCK_BUCKET_US: u64 = 1_000_000;
/// Stretches that the clock estimate looks back.
pub const CLOCK_BUCKETS_KEPT: usize = 60;
/// Probes in a row that must contradict the clock estimate, and agree with each other, to be believed instead.
pub const CLOCK_SUSPECTS_MAX: usize = 3;
/// Round trips longer than this are not used, microseconds.
pub const CLOCK_ROUND_TRIP_MAX_US: u64 = 5_000_000;

/// Commands that a seat may have in flight; a further one is refused on the spot.
pub const COMMANDS_IN_FLIGHT_MAX: usize = 256;
/// Sentences for the player that a seat keeps until the window has fetched them.
pub const NOTICES_MAX: usize = 32;
/// How long a press is drawn as pending without an answer, microseconds.
pub const PENDING_MAX_US: u64 = 5_000_000;

/// Time between two text `ping` frames of a player, and between two ping frames of a host, on a WebSocket, seconds.
pub const PING_INTERVAL_S: u64 = 5;
/// Seconds after which a WebSocket on which nothing comes is given up.
pub const WEB_SILENCE_S: u64 = 20;

/// Identity of the protocol on UDP; hosts and players of another one do not hear each other.
pub const NETCODE_PROTOCOL_ID: u64 = 0x4b65_7962_6f61_7200 | PROTOCOL_VERSION as u64;
/// renet channel of commands, events and snapshots: reliable and ordered.
pub const CHANNEL_RELIABLE: u8 = 0;
/// renet channel of beacons and cursors: unreliable.
pub const CHANNEL_UNRELIABLE: u8 = 1;
/// Time after which an unacknowledged reliable message is sent again, milliseconds.
pub const RESEND_MS: u64 = 50;
/// Bytes that may wait on one renet channel of one seat; a slower consumer is dropped.
pub const CHANNEL_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that one seat may be sent per tick of the host.
pub const BYTES_PER_TICK_MAX: u64 = 60_000;
/// Seconds after which a silent connection is given up.
pub const CONNECTION_TIMEOUT_S: i32 = 10;
/// Seconds within which a connect token must be used.
pub const CONNECT_TOKEN_LIFE_S: u64 = 30;
/// Seats that share one UDP socket.
pub const SEATS_PER_SOCKET_MAX: usize = 256;
/// Sessions on one host.
pub const SESSIONS_MAX: usize = 1_024;
/// Bytes of an HTTP request's body (other than a sample's, and a new session's).
pub const HTTP_BODY_BYTES_MAX: usize = 4 * 1024;
/// Bytes of the body of a request for a new session, which may bring a score.
pub const CREATE_BODY_BYTES_MAX: usize = SONG_BYTES_MAX + HTTP_BODY_BYTES_MAX;
