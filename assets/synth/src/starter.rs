//! The groove that a new session starts with: one press on a scene plays a row of it.

/// Scenes of the starter groove.
pub(crate) const SCENES: usize = 8;

/// A track of the starter groove.
#[derive(Debug)]
pub(crate) struct Track {
    /// Name over the column.
    pub(crate) name: &'static str,
    /// Colour of the column, `#rrggbb`.
    pub(crate) colour: &'static str,
    /// Volume, decibels.
    pub(crate) gain_db: f64,
    /// Identities of its sounds from the first scene down; an empty one is an empty pad.
    pub(crate) slots: &'static [&'static str],
}

/// The tracks, from left to right. A row fits together: calm in the first, full in the fourth, hip-hop, dub and machines
/// below them. The last row and the corners at the top right are left to the players.
pub(crate) const TRACKS: &[Track] = &[
    Track {
        name: "Drums",
        colour: "#ff6b5e",
        gain_db: -2.0,
        slots: &[
            "drums-minimal",
            "drums-broken",
            "drums-deep-house",
            "drums-peak",
            "drums-boombap",
            "drums-halftime",
            "drums-electro",
        ],
    },
    Track {
        name: "Bass",
        colour: "#ffb547",
        gain_db: -3.0,
        slots: &["bass-sub-pluck", "bass-octave", "bass-reese", "bass-acid", "bass-finger", "bass-dub", "bass-wobble"],
    },
    Track {
        name: "Chords",
        colour: "#5ee6a8",
        gain_db: -4.0,
        slots: &[
            "chords-rhodes",
            "chords-pluck",
            "chords-house-stab",
            "chords-supersaw",
            "chords-lofi",
            "chords-dub",
            "chords-clav",
        ],
    },
    Track {
        name: "Lead",
        colour: "#4cc9ff",
        gain_db: -4.0,
        slots: &["lead-bell", "lead-call", "lead-arp", "lead-glide", "pluck-kalimba", "lead-bamboo", "lead-chip"],
    },
    Track {
        name: "Pad",
        colour: "#9d7bff",
        gain_db: -5.0,
        slots: &["pad-warm", "pad-choir", "pad-strings", "pad-evolve", "pad-grains", "pad-drone"],
    },
    Track {
        name: "FX",
        colour: "#ff7ad9",
        gain_db: -6.0,
        slots: &["fx-vinyl", "fx-riser", "fx-downlifter", "fx-impact", "fx-rain", "fx-siren", "fx-whoosh"],
    },
    Track {
        name: "Perc",
        colour: "#ff9a5c",
        gain_db: -5.0,
        slots: &["", "perc-shaker", "perc-congas", "perc-tops", "perc-rims", "perc-bongos", "perc-agogo"],
    },
    Track {
        name: "Voice",
        colour: "#d48fff",
        gain_db: -5.0,
        slots: &["", "", "voice-chops", "voice-aah", "voice-doo", "voice-throat", "voice-robot"],
    },
];
