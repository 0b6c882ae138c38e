//! What a host counts and measures, for whoever looks after it: `GET /metrics`, in the `OpenMetrics` text format.
//!
//! Handles are cheap to clone and to count with; nothing here says who plays, what, or by which code.

use keyboardia_session::{Farewell, Refusal};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::sync::Arc;

/// What `/metrics` is, for HTTP.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The status of an HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

/// Why something was refused or ended, of a few reasons.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// Which way over the bridge.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Way {
    way: &'static str,
}

/// What an address asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Errand {
    errand: &'static str,
}

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    /// Open sessions.
    pub(crate) sessions: Gauge,
    /// Connected players.
    pub(crate) players: Gauge,
    /// Players' own sounds on disk.
    pub(crate) samples: Gauge,
    /// Bytes of them.
    pub(crate) sample_bytes: Gauge,
    /// Sounds that have crossed the bridge, by where they went, and tries that failed.
    crossed: Family<Way, Counter>,
    not_crossed: Family<Way, Counter>,
    /// Messages of players that were handled.
    pub(crate) received: Counter,
    /// Messages that were sent to players.
    pub(crate) sent: Counter,
    /// Commands that had no effect.
    refused: Family<Reason, Counter>,
    /// Messages of players that are none.
    pub(crate) malformed: Counter,
    /// Connections that the host has ended.
    closes: Family<Reason, Counter>,
    /// HTTP answers.
    answers: Family<Status, Counter>,
    /// Requests of those who asked too often.
    turned_away: Family<Errand, Counter>,
    /// Connections of addresses that have too many.
    pub(crate) connections_refused: Counter,
    /// Datagrams at the game's socket that led to nothing.
    pub(crate) game_dropped: Counter,
    /// Datagrams at the time echo that led to nothing.
    pub(crate) time_dropped: Counter,
    /// Time to handle a message, seconds.
    pub(crate) handle: Histogram,
    /// Time to write down what has gathered, seconds.
    pub(crate) commit: Histogram,
    /// Times that it could not be written.
    pub(crate) commit_failures: Counter,
    /// Round trips to players, seconds.
    pub(crate) round_trip: Histogram,
}

impl Metrics {
    /// Everything at zero.
    pub(crate) fn new() -> Self {
        let times = || exponential_buckets(1e-6, 4.0, 12);
        let mut metrics = Self {
            registry: Arc::default(),
            sessions: Gauge::default(),
            players: Gauge::default(),
            samples: Gauge::default(),
            sample_bytes: Gauge::default(),
            crossed: Family::default(),
            not_crossed: Family::default(),
            received: Counter::default(),
            sent: Counter::default(),
            refused: Family::default(),
            malformed: Counter::default(),
            closes: Family::default(),
            answers: Family::default(),
            turned_away: Family::default(),
            connections_refused: Counter::default(),
            game_dropped: Counter::default(),
            time_dropped: Counter::default(),
            handle: Histogram::new(times()),
            commit: Histogram::new(times()),
            commit_failures: Counter::default(),
            round_trip: Histogram::new(exponential_buckets(1e-3, 2.0, 12)),
        };
        let mut registry = Registry::with_prefix("keyboardia");
        registry.register("sessions", "Open sessions", metrics.sessions.clone());
        registry.register("players", "Connected players", metrics.players.clone());
        registry.register("samples", "Sounds of players", metrics.samples.clone());
        let sample_bytes = "Bytes of the sounds of players";
        registry.register_with_unit("samples_held", sample_bytes, Unit::Bytes, metrics.sample_bytes.clone());
        registry.register("samples_crossed", "Sounds that crossed the bridge", metrics.crossed.clone());
        registry.register("samples_not_crossed", "Tries to cross it that failed", metrics.not_crossed.clone());
        registry.register("messages_received", "Messages of players", metrics.received.clone());
        registry.register("messages_sent", "Messages to players", metrics.sent.clone());
        registry.register("commands_refused", "Commands that had no effect", metrics.refused.clone());
        registry.register("messages_malformed", "Messages that cannot be read", metrics.malformed.clone());
        registry.register("connections_closed", "Connections that the host ended", metrics.closes.clone());
        registry.register("http_answers", "HTTP answers by status", metrics.answers.clone());
        registry.register("http_turned_away", "Requests that came too often", metrics.turned_away.clone());
        let crowded = "HTTP connections of addresses that had too many";
        registry.register("http_connections_refused", crowded, metrics.connections_refused.clone());
        let dropped = "Datagrams that led to nothing";
        registry.register("game_datagrams_dropped", dropped, metrics.game_dropped.clone());
        registry.register("time_datagrams_dropped", dropped, metrics.time_dropped.clone());
        registry.register_with_unit("handle", "Time to handle a message", Unit::Seconds, metrics.handle.clone());
        let commit = "Time to write sessions down";
        registry.register_with_unit("journal_commit", commit, Unit::Seconds, metrics.commit.clone());
        let failures = "Times that sessions could not be written down";
        registry.register("journal_failures", failures, metrics.commit_failures.clone());
        let round_trip = "Round trips to players, now and then";
        registry.register_with_unit("round_trip", round_trip, Unit::Seconds, metrics.round_trip.clone());
        metrics.registry = Arc::new(registry);
        metrics
    }

    /// A command had no effect.
    pub(crate) fn refused(&self, why: Refusal) {
        self.refused.get_or_create(&Reason { reason: class(why) }).inc();
    }

    /// The host has ended a connection.
    pub(crate) fn closed(&self, why: Farewell) {
        self.closes.get_or_create(&Reason { reason: farewell(why) }).inc();
    }

    /// A sound has crossed the bridge this way.
    pub(crate) fn crossed(&self, way: &'static str) {
        self.crossed.get_or_create(&Way { way }).inc();
    }

    /// One has not, this time.
    pub(crate) fn not_crossed(&self, way: &'static str) {
        self.not_crossed.get_or_create(&Way { way }).inc();
    }

    /// An HTTP answer has left.
    pub(crate) fn answered(&self, status: u16) {
        self.answers.get_or_create(&Status { status }).inc();
    }

    /// Somebody has asked too often.
    pub(crate) fn turned_away(&self, errand: &'static str) {
        self.turned_away.get_or_create(&Errand { errand }).inc();
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        text::encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}

/// What kind of refusal it is: one that floods make, one that players in a hurry make, or one of another kind.
fn class(why: Refusal) -> &'static str {
    match why {
        Refusal::TooOften(_) | Refusal::TooFast => "too_often",
        Refusal::NoSuchTrack
        | Refusal::NoSuchScene
        | Refusal::NoSuchPlayer
        | Refusal::EmptySlot
        | Refusal::NothingQueued => "not_there",
        Refusal::TooLate | Refusal::SlotTaken | Refusal::ChangedSince => "too_late",
        Refusal::TracksFull | Refusal::ScenesFull => "no_room",
        Refusal::NotYours | Refusal::NotYourself | Refusal::LastTrack | Refusal::LastScene => "not_allowed",
        Refusal::NothingToUndo | Refusal::NothingToRedo => "nothing_to_undo",
        Refusal::BadClip | Refusal::NoName => "bad_value",
        // A seat says these to its own player.
        Refusal::NoAnswer | Refusal::NotConnected => "other",
    }
}

fn farewell(why: Farewell) -> &'static str {
    match why {
        Farewell::Stopping => "stopping",
        Farewell::Removed => "removed",
        Farewell::Replaced => "replaced",
        Farewell::NoSession => "no_session",
        Farewell::NoSeat => "no_seat",
        Farewell::Full => "full",
        Farewell::Silent => "silent",
        Farewell::TooSlow => "too_slow",
        Farewell::TooLarge => "too_large",
        Farewell::Unnamed => "unnamed",
        Farewell::OtherProtocol => "other_protocol",
        Farewell::Moving => "moving",
    }
}
