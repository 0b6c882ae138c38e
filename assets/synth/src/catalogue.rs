//! What the library holds: every sound's name, length, level and the function that renders it.

use crate::{
    bass,
    canvas::{Canvas, HOME_BPM},
    chords, drums, effects, grooves, hits, keys, lead,
    master::Level,
    pads, percussion, plucks, vamps, voices,
};

/// Loudness of every loop of the family, LUFS: what carries the beat is in front, what fills the room behind.
const DRUMS_LUFS: f64 = -16.0;
const PERC_LUFS: f64 = -20.0;
const BASS_LUFS: f64 = -18.0;
const CHORDS_LUFS: f64 = -19.0;
const LEAD_LUFS: f64 = -20.0;
const PLUCK_LUFS: f64 = -20.0;
const PAD_LUFS: f64 = -22.0;
const VOICE_LUFS: f64 = -20.0;
const FX_LUFS: f64 = -28.0;
/// True peak of every sound of the family that plays once, dBTP.
const FX_DBTP: f64 = -5.0;
const HITS_DBTP: f64 = -3.0;

/// Tempos of origin a whole number of semitones from home, BPM: at home, a loop from there has sunk or risen by so many
/// (see [`Canvas::hertz`]).
const DOWN_5: f64 = 83.91;
const DOWN_3: f64 = 94.18;
const DOWN_2: f64 = 99.78;
const UP_2: f64 = 125.72;
const UP_3: f64 = 133.19;

/// A family of sounds.
#[derive(Debug)]
pub(crate) struct Family {
    /// As the manifest has it.
    pub(crate) id: &'static str,
    /// Vorbis quality of its files.
    pub(crate) quality: f32,
    /// Its sounds, in the order in which people leaf through them.
    pub(crate) sounds: &'static [Recipe],
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
    /// Tempo of origin, BPM: at this tempo it plays as it was rendered.
    pub(crate) tempo_bpm: f64,
    /// Whether it repeats.
    pub(crate) looped: bool,
    /// Channels of its file.
    pub(crate) channels: u16,
    /// How loud it is.
    pub(crate) level: Level,
    /// Renders it onto canvases like the given one.
    pub(crate) render: fn(&Canvas) -> Canvas,
}

impl Recipe {
    /// The same, made at another tempo.
    const fn from(self, tempo_bpm: f64) -> Self {
        Self { tempo_bpm, ..self }
    }

    /// The same in one channel, for sounds that have nothing to the sides.
    const fn mono(self) -> Self {
        Self { channels: 1, ..self }
    }

    /// Silence of its length.
    fn canvas(&self) -> Canvas {
        Canvas::at(self.tempo_bpm, self.beats, self.looped)
    }

    /// Length in frames.
    pub(crate) fn frames(&self) -> u32 {
        self.canvas().frames().len() as u32
    }

    /// Renders it, before mastering.
    pub(crate) fn painted(&self) -> Canvas {
        (self.render)(&self.canvas())
    }
}

/// A loop in stereo, at home.
const fn cycle(
    id: &'static str,
    name: &'static str,
    colour: &'static str,
    beats: f64,
    lufs: f64,
    render: fn(&Canvas) -> Canvas,
) -> Recipe {
    let level = Level::Loudness(lufs);
    Recipe { id, name, colour, beats, tempo_bpm: HOME_BPM, looped: true, channels: 2, level, render }
}

/// A sound in stereo that plays once, at home.
const fn once(
    id: &'static str,
    name: &'static str,
    colour: &'static str,
    beats: f64,
    dbtp: f64,
    render: fn(&Canvas) -> Canvas,
) -> Recipe {
    let level = Level::Peak(dbtp);
    Recipe { id, name, colour, beats, tempo_bpm: HOME_BPM, looped: false, channels: 2, level, render }
}

/// Every sound of the library, in order, with its family.
pub(crate) fn sounds() -> impl Iterator<Item = (&'static Family, &'static Recipe)> {
    FAMILIES.iter().flat_map(|family| family.sounds.iter().map(move |recipe| (family, recipe)))
}

/// The whole library.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        id: "drums",
        quality: 0.3,
        sounds: &[
            cycle("drums-minimal", "Minimal", "#ff8a7a", 8.0, DRUMS_LUFS, drums::minimal),
            cycle("drums-broken", "Broken Beat", "#ff7a66", 16.0, DRUMS_LUFS, drums::broken),
            cycle("drums-deep-house", "Deep House", "#ff6b5e", 8.0, DRUMS_LUFS, drums::deep_house),
            cycle("drums-peak", "Peak Time", "#ff5560", 16.0, DRUMS_LUFS, drums::peak),
            cycle("drums-boombap", "Boom Bap", "#f5755f", 8.0, DRUMS_LUFS, grooves::boom_bap).from(90.0),
            cycle("drums-twostep", "Two-Step", "#ff6570", 8.0, DRUMS_LUFS, grooves::two_step).from(132.0),
            cycle("drums-halftime", "Half-Time", "#e8505c", 8.0, DRUMS_LUFS, grooves::half_time).from(140.0),
            cycle("drums-break", "Breakbeat", "#ff8460", 8.0, DRUMS_LUFS, grooves::breakbeat).from(124.0),
            cycle("drums-electro", "Electro", "#ff5a7a", 8.0, DRUMS_LUFS, grooves::electro).from(126.0),
            cycle("drums-afro", "Afro House", "#ff9070", 8.0, DRUMS_LUFS, grooves::afro).from(120.0),
            cycle("drums-roller", "Roller", "#f04a50", 8.0, DRUMS_LUFS, grooves::roller).from(172.0),
            cycle("drums-warehouse", "Warehouse", "#d94a55", 8.0, DRUMS_LUFS, grooves::warehouse).from(128.0),
            cycle("drums-fill", "Tom Fill", "#ff9d85", 4.0, DRUMS_LUFS, grooves::tom_fill),
            cycle("drums-build", "Snare Build", "#ffa08f", 8.0, DRUMS_LUFS, grooves::snare_build),
        ],
    },
    Family {
        id: "perc",
        quality: 0.2,
        sounds: &[
            cycle("perc-shaker", "Shaker", "#ffa36b", 4.0, PERC_LUFS, percussion::shaker),
            cycle("perc-congas", "Congas", "#ff9657", 8.0, PERC_LUFS, percussion::congas),
            cycle("perc-claves", "Claves", "#ffb080", 8.0, PERC_LUFS, percussion::claves).mono(),
            cycle("perc-tops", "Tops", "#ff8a45", 8.0, PERC_LUFS, percussion::tops).from(124.0),
            cycle("perc-rims", "Rim Talk", "#f58a50", 8.0, PERC_LUFS, percussion::rims),
            cycle("perc-bongos", "Bongos", "#ff9c4f", 8.0, PERC_LUFS, percussion::bongos).from(120.0),
            cycle("perc-agogo", "Agogo", "#ffad5e", 8.0, PERC_LUFS, percussion::agogo).from(104.0),
        ],
    },
    Family {
        id: "bass",
        quality: 0.4,
        sounds: &[
            cycle("bass-sub-pluck", "Sub Pluck", "#ffc76b", 16.0, BASS_LUFS, bass::sub_pluck).mono(),
            cycle("bass-octave", "Octaves", "#ffbe59", 16.0, BASS_LUFS, bass::octave).mono(),
            cycle("bass-reese", "Reese", "#ffb547", 16.0, BASS_LUFS, bass::reese).mono(),
            cycle("bass-acid", "Acid Line", "#ffa630", 8.0, BASS_LUFS, bass::acid).mono(),
            cycle("bass-dub", "Dub Weight", "#f0b860", 8.0, BASS_LUFS, vamps::dub).mono(),
            cycle("bass-wobble", "Wobble", "#ffcf70", 8.0, BASS_LUFS, vamps::wobble).mono().from(UP_3),
            cycle("bass-long", "Long 808", "#e8a545", 8.0, BASS_LUFS, vamps::long).mono().from(DOWN_3),
            cycle("bass-finger", "Finger Funk", "#ffd68a", 8.0, BASS_LUFS, vamps::finger).mono().from(DOWN_2),
        ],
    },
    Family {
        id: "chords",
        quality: 0.3,
        sounds: &[
            cycle("chords-rhodes", "Rhodes", "#86efbd", 16.0, CHORDS_LUFS, chords::rhodes),
            cycle("chords-pluck", "Muted Pluck", "#72ebb2", 16.0, CHORDS_LUFS, chords::pluck),
            cycle("chords-house-stab", "House Stab", "#5ee6a8", 16.0, CHORDS_LUFS, chords::house_stab),
            cycle("chords-supersaw", "Supersaw", "#3fdc98", 16.0, CHORDS_LUFS, chords::supersaw),
            cycle("chords-clav", "Clavinet", "#8fe08a", 8.0, CHORDS_LUFS, keys::clav).from(DOWN_2),
            cycle("chords-felt", "Felt Piano", "#9ff0c8", 8.0, CHORDS_LUFS, keys::felt),
            cycle("chords-dub", "Dub Chord", "#4fd48f", 8.0, CHORDS_LUFS, keys::dub),
            cycle("chords-lofi", "Lo-Fi Keys", "#7fd9a0", 8.0, CHORDS_LUFS, keys::lofi).from(DOWN_5),
            cycle("chords-skank", "Skank", "#66e07f", 8.0, CHORDS_LUFS, keys::skank),
        ],
    },
    Family {
        id: "pluck",
        quality: 0.3,
        sounds: &[
            cycle("pluck-kalimba", "Kalimba", "#5fe6dc", 8.0, PLUCK_LUFS, plucks::kalimba),
            cycle("pluck-marimba", "Marimba", "#4addd0", 8.0, PLUCK_LUFS, plucks::marimba).from(DOWN_2),
            cycle("pluck-harp", "Harp", "#7cf0e6", 8.0, PLUCK_LUFS, plucks::harp),
            cycle("pluck-koto", "Koto", "#38d0c8", 8.0, PLUCK_LUFS, plucks::koto).from(DOWN_3),
            cycle("pluck-gate", "Trance Gate", "#2fc4c0", 8.0, PLUCK_LUFS, plucks::gate).from(UP_3),
            cycle("pluck-glass", "Glass Drops", "#9af5ee", 8.0, PLUCK_LUFS, plucks::glass),
        ],
    },
    Family {
        id: "lead",
        quality: 0.3,
        sounds: &[
            cycle("lead-bell", "Glass Bell", "#86dcff", 16.0, LEAD_LUFS, lead::bell),
            cycle("lead-call", "Call & Answer", "#69d3ff", 16.0, LEAD_LUFS, lead::call),
            cycle("lead-arp", "Arpeggio", "#4cc9ff", 16.0, LEAD_LUFS, lead::arp),
            cycle("lead-glide", "Glide", "#33b8fb", 16.0, LEAD_LUFS, lead::glide),
            cycle("lead-chip", "Chip Hero", "#5ab0ff", 8.0, LEAD_LUFS, lead::chip).from(UP_2),
            cycle("lead-bamboo", "Bamboo", "#a0e4ff", 8.0, LEAD_LUFS, lead::bamboo),
        ],
    },
    Family {
        id: "pad",
        quality: 0.22,
        sounds: &[
            cycle("pad-warm", "Warm Analog", "#b9a3ff", 16.0, PAD_LUFS, pads::warm_analog),
            cycle("pad-choir", "Airy Choir", "#ab8fff", 16.0, PAD_LUFS, pads::choir),
            cycle("pad-strings", "Strings", "#9d7bff", 16.0, PAD_LUFS, pads::strings),
            cycle("pad-evolve", "Evolver", "#8c66ff", 16.0, PAD_LUFS, pads::evolve),
            cycle("pad-drone", "Deep Drone", "#7d5cf0", 8.0, PAD_LUFS, pads::drone),
            cycle("pad-grains", "Grain Cloud", "#c4b4ff", 8.0, PAD_LUFS, pads::grains),
        ],
    },
    Family {
        id: "voice",
        quality: 0.25,
        sounds: &[
            cycle("voice-aah", "Ooh Aah", "#dd9bff", 8.0, VOICE_LUFS, voices::aah),
            cycle("voice-chops", "Vocal Chops", "#d484ff", 8.0, VOICE_LUFS, voices::chops),
            cycle("voice-throat", "Throat Song", "#b870e8", 8.0, VOICE_LUFS, voices::throat),
            cycle("voice-robot", "Robot Talk", "#c98fff", 8.0, VOICE_LUFS, voices::robot).from(UP_2),
            cycle("voice-doo", "Doo Bap", "#e6b0ff", 8.0, VOICE_LUFS, voices::doo),
        ],
    },
    Family {
        id: "fx",
        quality: 0.2,
        sounds: &[
            cycle("fx-vinyl", "Vinyl Air", "#ff9fe4", 16.0, FX_LUFS, effects::vinyl),
            once("fx-riser", "Riser", "#ff8ddf", 18.0, FX_DBTP, effects::riser),
            once("fx-downlifter", "Downlifter", "#ff7ad9", 8.0, FX_DBTP, effects::downlifter),
            once("fx-impact", "Impact", "#fb62cf", 8.0, FX_DBTP, effects::impact),
            cycle("fx-rain", "Rain", "#ffb3ea", 8.0, FX_LUFS, effects::rain),
            once("fx-reverse", "Reverse Cymbal", "#ff6fc4", 4.0, FX_DBTP, effects::reverse),
            once("fx-siren", "Dub Siren", "#ff5cb8", 8.0, FX_DBTP, effects::siren),
            once("fx-whoosh", "Whoosh", "#ff94d0", 4.0, FX_DBTP, effects::whoosh),
        ],
    },
    Family {
        id: "hits",
        quality: 0.3,
        sounds: &[
            once("hit-kick", "Kick", "#f7e26b", 1.0, HITS_DBTP, hits::kick).mono(),
            once("hit-snare", "Snare", "#f5da50", 1.5, HITS_DBTP, hits::snare),
            once("hit-clap", "Clap", "#f2d23c", 1.5, HITS_DBTP, hits::clap),
            once("hit-hat", "Open Hat", "#faeb8c", 2.0, HITS_DBTP, hits::hat),
            once("hit-tom", "Tom", "#e8c83a", 2.5, HITS_DBTP, hits::tom),
            once("hit-crash", "Crash", "#fff0a0", 6.0, HITS_DBTP, hits::crash),
            once("hit-stab", "Rave Stab", "#ecd95a", 4.0, HITS_DBTP, hits::stab),
            once("hit-orchestra", "Orchestra", "#e0c030", 4.0, HITS_DBTP, hits::orchestra),
            once("hit-vox", "Vox", "#f9e680", 4.0, HITS_DBTP, hits::vox),
            once("hit-laser", "Laser", "#f0e060", 3.0, HITS_DBTP, hits::laser),
            once("hit-sub", "Sub Drop", "#d8b828", 4.0, HITS_DBTP, hits::sub).mono(),
        ],
    },
];
