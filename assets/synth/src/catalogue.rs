//! What the library holds: every sound's name, length, level and the function that renders it.

use crate::{
    bass,
    canvas::{Canvas, frame_at},
    chords, drums, effects, lead,
    master::Level,
    pads,
};

/// A family of sounds and the starter groove's track that plays it.
#[derive(Debug)]
pub(crate) struct Family {
    /// As the manifest has it.
    pub(crate) id: &'static str,
    /// Name over the track.
    pub(crate) track: &'static str,
    /// Colour of the track, `#rrggbb`.
    pub(crate) colour: &'static str,
    /// Volume of the track in the starter groove, decibels.
    pub(crate) gain_db: f64,
    /// Channels of its files.
    pub(crate) channels: u16,
    /// Vorbis quality of its files.
    pub(crate) quality: f32,
    /// From the calm sound to the full one: the order of the starter groove's scenes.
    pub(crate) sounds: [Recipe; 4],
}

/// A sound.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// Identity and file name.
    pub(crate) id: &'static str,
    /// What people read on the pad.
    pub(crate) name: &'static str,
    /// Colour of the pad, `#rrggbb`.
    pub(crate) colour: &'static str,
    /// Length in beats.
    pub(crate) beats: f64,
    /// Whether it repeats.
    pub(crate) looped: bool,
    /// How loud it is.
    pub(crate) level: Level,
    /// Renders it onto canvases like the given one.
    pub(crate) render: fn(&Canvas) -> Canvas,
}

impl Recipe {
    /// Length in frames.
    pub(crate) fn frames(&self) -> u32 {
        frame_at(self.beats) as u32
    }

    /// Renders it, before mastering.
    pub(crate) fn painted(&self) -> Canvas {
        (self.render)(&Canvas::new(self.beats, self.looped))
    }
}

/// A loop.
const fn cycle(
    id: &'static str,
    name: &'static str,
    colour: &'static str,
    beats: f64,
    lufs: f64,
    render: fn(&Canvas) -> Canvas,
) -> Recipe {
    Recipe { id, name, colour, beats, looped: true, level: Level::Loudness(lufs), render }
}

/// A sound that plays once.
const fn once(
    id: &'static str,
    name: &'static str,
    colour: &'static str,
    beats: f64,
    dbtp: f64,
    render: fn(&Canvas) -> Canvas,
) -> Recipe {
    Recipe { id, name, colour, beats, looped: false, level: Level::Peak(dbtp), render }
}

/// The whole library.
pub(crate) const FAMILIES: [Family; 6] = [
    Family {
        id: "drums",
        track: "Drums",
        colour: "#ff6b5e",
        gain_db: -2.0,
        channels: 2,
        quality: 0.3,
        sounds: [
            cycle("drums-minimal", "Minimal", "#ff8a7a", 8.0, -16.0, drums::minimal),
            cycle("drums-broken", "Broken Beat", "#ff7a66", 16.0, -16.0, drums::broken),
            cycle("drums-deep-house", "Deep House", "#ff6b5e", 8.0, -16.0, drums::deep_house),
            cycle("drums-peak", "Peak Time", "#ff5560", 16.0, -16.0, drums::peak),
        ],
    },
    Family {
        id: "bass",
        track: "Bass",
        colour: "#ffb547",
        gain_db: -3.0,
        channels: 1,
        quality: 0.4,
        sounds: [
            cycle("bass-sub-pluck", "Sub Pluck", "#ffc76b", 16.0, -18.0, bass::sub_pluck),
            cycle("bass-octave", "Octaves", "#ffbe59", 16.0, -18.0, bass::octave),
            cycle("bass-reese", "Reese", "#ffb547", 16.0, -18.0, bass::reese),
            cycle("bass-acid", "Acid Line", "#ffa630", 8.0, -18.0, bass::acid),
        ],
    },
    Family {
        id: "chords",
        track: "Chords",
        colour: "#5ee6a8",
        gain_db: -4.0,
        channels: 2,
        quality: 0.3,
        sounds: [
            cycle("chords-rhodes", "Rhodes", "#86efbd", 16.0, -19.0, chords::rhodes),
            cycle("chords-pluck", "Muted Pluck", "#72ebb2", 16.0, -19.0, chords::pluck),
            cycle("chords-house-stab", "House Stab", "#5ee6a8", 16.0, -19.0, chords::house_stab),
            cycle("chords-supersaw", "Supersaw", "#3fdc98", 16.0, -19.0, chords::supersaw),
        ],
    },
    Family {
        id: "lead",
        track: "Lead",
        colour: "#4cc9ff",
        gain_db: -4.0,
        channels: 2,
        quality: 0.3,
        sounds: [
            cycle("lead-bell", "Glass Bell", "#86dcff", 16.0, -20.0, lead::bell),
            cycle("lead-call", "Call & Answer", "#69d3ff", 16.0, -20.0, lead::call),
            cycle("lead-arp", "Arpeggio", "#4cc9ff", 16.0, -20.0, lead::arp),
            cycle("lead-glide", "Glide", "#33b8fb", 16.0, -20.0, lead::glide),
        ],
    },
    Family {
        id: "pad",
        track: "Pad",
        colour: "#9d7bff",
        gain_db: -5.0,
        channels: 2,
        quality: 0.22,
        sounds: [
            cycle("pad-warm", "Warm Analog", "#b9a3ff", 16.0, -22.0, pads::warm_analog),
            cycle("pad-choir", "Airy Choir", "#ab8fff", 16.0, -22.0, pads::choir),
            cycle("pad-strings", "Strings", "#9d7bff", 16.0, -22.0, pads::strings),
            cycle("pad-evolve", "Evolver", "#8c66ff", 16.0, -22.0, pads::evolve),
        ],
    },
    Family {
        id: "fx",
        track: "FX",
        colour: "#ff7ad9",
        gain_db: -5.0,
        channels: 2,
        quality: 0.2,
        sounds: [
            cycle("fx-vinyl", "Vinyl Air", "#ff9fe4", 16.0, -30.0, effects::vinyl),
            cycle("fx-riser", "Riser", "#ff8ddf", 16.0, -22.0, effects::riser),
            once("fx-downlifter", "Downlifter", "#ff7ad9", 8.0, -7.0, effects::downlifter),
            once("fx-impact", "Impact", "#fb62cf", 8.0, -3.0, effects::impact),
        ],
    },
];
