//! The six surroundings in which ten players are simulated: what their networks and their machines are like.

/// One direction of a network, from the moment a datagram is sent to the moment it arrives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Way {
    /// Shortest delay, microseconds.
    pub delay_us: f64,
    /// Delay beyond that which one datagram in a hundred exceeds, microseconds.
    pub jitter_p99_us: f64,
    /// Share of the datagrams that are lost.
    pub loss: f64,
    /// Whether a datagram may overtake another.
    pub reorders: bool,
    /// Mean time between two bursts of congestion, seconds; infinite for none.
    pub burst_every_s: f64,
    /// How long a burst holds everything back, microseconds.
    pub burst_us: f64,
}

impl Way {
    const fn quiet(delay_us: f64, jitter_p99_us: f64) -> Self {
        let (loss, reorders, burst_every_s, burst_us) = (0.0, false, f64::INFINITY, 0.0);
        Self { delay_us, jitter_p99_us, loss, reorders, burst_every_s, burst_us }
    }
}

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// renet over datagrams, probes beside it.
    Datagrams,
    /// One stream in order, as a WebSocket is: what is lost holds up all that follows.
    Stream,
}

/// What the machines of the players are like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Largest difference of the player's clock from true time, parts per million.
    pub clock_ppm: f64,
    /// Steps of the player's clock, microseconds.
    pub clock_grain_us: u64,
    /// Largest difference of the sound card's rate from its nominal one, parts per million.
    pub card_ppm: f64,
    /// Largest error of what the sound card says of its latency, either way, microseconds.
    pub latency_noise_us: f64,
    /// Mean lateness of the audio callback, microseconds.
    pub callback_late_us: f64,
    /// Time between two turns of the player, microseconds: a thread's, or a browser's frames.
    pub turn_us: f64,
}

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scenario {
    /// Its name in tables and keys.
    pub name: &'static str,
    /// From the players to the host.
    pub up: Way,
    /// From the host to the players.
    pub down: Way,
    /// The same ways for every second player, where they are different.
    pub second: Option<(Way, Way)>,
    /// How messages travel.
    pub transport: Transport,
    /// What the machines are like.
    pub machine: Machine,
}

const DESKTOP: Machine = Machine {
    clock_ppm: 100.0,
    clock_grain_us: 1,
    card_ppm: 100.0,
    latency_noise_us: 100.0,
    callback_late_us: 200.0,
    turn_us: 1_100.0,
};

const fn symmetric(name: &'static str, way: Way) -> Scenario {
    Scenario { name, up: way, down: way, second: None, transport: Transport::Datagrams, machine: DESKTOP }
}

/// Cables: round trip 0.5 ms.
pub const LAN: Scenario = symmetric("lan", Way::quiet(250.0, 100.0));
/// A busy wireless network: round trip 4 ms, jitter, loss, and bursts of congestion about four times a minute.
pub const WIFI: Scenario =
    symmetric("wifi", Way { loss: 0.02, burst_every_s: 15.0, burst_us: 150_000.0, ..Way::quiet(2_000.0, 40_000.0) });
/// Another continent: round trip 80 ms, jitter, loss, datagrams that overtake each other.
pub const WAN: Scenario = symmetric("wan", Way { loss: 0.01, reorders: true, ..Way::quiet(40_000.0, 30_000.0) });
/// Every second player has a slow way up and a quick way down; nobody can measure that.
pub const ASYM: Scenario = Scenario {
    second: Some((Way::quiet(10_000.0, 2_000.0), Way::quiet(10_000.0, 2_000.0))),
    ..Scenario { up: Way::quiet(40_000.0, 2_000.0), ..symmetric("asym", Way::quiet(10_000.0, 2_000.0)) }
};
/// Cables, but sound cards that report their latency badly.
pub const SKEWED: Scenario = Scenario {
    machine: Machine { latency_noise_us: 3_000.0, callback_late_us: 1_000.0, ..DESKTOP },
    ..symmetric("skewed", Way::quiet(250.0, 100.0))
};
/// Browsers: one stream with stalls of 200 ms where something is lost, messages read once a frame, a coarse clock.
pub const BROWSER: Scenario = Scenario {
    transport: Transport::Stream,
    machine: Machine { clock_grain_us: 100, latency_noise_us: 1_000.0, turn_us: 1e6 / 60.0, ..DESKTOP },
    ..symmetric("browser", Way { loss: 0.005, ..Way::quiet(15_000.0, 10_000.0) })
};

/// All of them.
pub const ALL: [Scenario; 6] = [LAN, WIFI, WAN, ASYM, SKEWED, BROWSER];
