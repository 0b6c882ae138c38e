//! What a player has chosen, kept between runs: who they are, their device, how the window looks.
//!
//! ```text
//! file ──→ Settings ←── panel, title, F11
//!   ↑          │
//!   └── keep ──┴──→ apply: window, link (device, latency, metronome, profile)
//! ```
//!
//! The command line comes first: what it says holds for the run and is not kept.

mod apply;
mod file;
mod microphone;
mod panel;
mod sound;
mod you;

pub(crate) use apply::{present_mode, window_mode};
pub(crate) use panel::{OpenSettings, Page};

use crate::{
    hints::HintsSeen,
    library::Favourites,
    platform::{self, Store},
};
use bevy::prelude::*;
use keyboardia_session::{
    Avatar, Colour, Gain, Name, Profile, SeatId,
    limits::LIBRARY_SOUNDS_MAX,
    names::{player_avatar, player_colour, player_name},
};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, ops::RangeInclusive};

/// Furthest that a device's latency can be corrected, microseconds.
pub(crate) const NUDGE_MAX_US: i32 = 250_000;
/// Size of the interface, percent of what fits the window.
pub(crate) const SCALE_PERCENT: RangeInclusive<u16> = 80..=150;
/// Devices whose latency is remembered.
const DEVICES_MAX: usize = 32;
/// Bytes of a device's name.
const DEVICE_BYTES_MAX: usize = 256;
/// Characters of an address, and of a code, that are remembered.
pub(crate) const ADDRESS_CHARS_MAX: usize = 128;
pub(crate) const CODE_CHARS_MAX: usize = 64;
/// How loud the metronome is at first, decibels.
const METRONOME_DB: f64 = -6.0;

/// What a player has chosen.
#[derive(Resource, Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// What the others call them.
    #[serde(deserialize_with = "name")]
    name: Name,
    /// Their colour; the host chooses while there is none.
    #[serde(deserialize_with = "lenient")]
    pub(crate) colour: Option<Colour>,
    /// Their picture.
    #[serde(deserialize_with = "lenient")]
    pub(crate) avatar: Option<Avatar>,
    /// The sound device; the system's default while there is none.
    #[serde(deserialize_with = "lenient")]
    pub(crate) device: Option<String>,
    /// Corrections of what devices say of their latency, microseconds.
    #[serde(deserialize_with = "lenient")]
    latency_nudges_us: BTreeMap<String, i32>,
    /// The microphone; the system's default while there is none.
    #[serde(deserialize_with = "lenient")]
    pub(crate) input: Option<String>,
    /// How much later microphones hear than they say, microseconds.
    #[serde(deserialize_with = "lenient")]
    pub(crate) input_nudge_us: i32,
    #[serde(deserialize_with = "lenient")]
    metronome: Option<Gain>,
    /// How the window looks.
    #[serde(deserialize_with = "lenient")]
    pub(crate) graphics: Graphics,
    /// Where they joined last.
    #[serde(deserialize_with = "lenient")]
    pub(crate) last_join: LastJoin,
    /// Sounds of the library that they marked.
    #[serde(deserialize_with = "lenient")]
    pub(crate) favourites: Favourites,
    /// Hints that need not be shown again.
    #[serde(deserialize_with = "lenient")]
    pub(crate) hints_seen: HintsSeen,
    /// What the command line calls them; not kept.
    #[serde(skip)]
    called: Option<Name>,
}

/// How the window looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Graphics {
    /// Size of the interface, percent of what fits the window.
    pub(crate) scale_percent: u16,
    /// Whether lights stay still.
    pub(crate) calm: bool,
    /// Whether frames wait for the screen.
    pub(crate) vsync: bool,
    /// Whether the window covers the screen.
    pub(crate) fullscreen: bool,
    /// Size of the window when it does not, logical pixels.
    pub(crate) size: Option<(u32, u32)>,
}

impl Default for Graphics {
    fn default() -> Self {
        Self { scale_percent: 100, calm: platform::calm(), vsync: true, fullscreen: false, size: None }
    }
}

/// Where a player joined last, as typed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LastJoin {
    /// Address of the host.
    pub(crate) address: String,
    /// The session's five words.
    pub(crate) code: String,
}

impl Settings {
    /// What the others call the player.
    pub(crate) fn name(&self) -> &Name {
        self.called.as_ref().unwrap_or(&self.name)
    }

    /// Sets what the others call the player; a name of nothing leaves it.
    pub(crate) fn set_name(&mut self, name: Name) {
        if !name.is_empty() {
            self.called = None;
            self.name = name;
        }
    }

    /// What the others shall see of the player.
    pub(crate) fn profile(&self) -> Profile {
        let name = Some(self.name().clone()).filter(|name| !name.is_empty());
        Profile { name, colour: self.colour, avatar: self.avatar }
    }

    /// The player's colour where no session has given them one.
    pub(crate) fn own_colour(&self) -> Colour {
        self.colour.unwrap_or(player_colour(SeatId(0)))
    }

    /// How loud the metronome is.
    pub(crate) fn metronome(&self) -> Gain {
        self.metronome.or(Gain::from_db(METRONOME_DB)).unwrap_or(Gain::UNITY)
    }

    /// Sets how loud the metronome is.
    pub(crate) fn set_metronome(&mut self, gain: Gain) {
        self.metronome = Some(gain);
    }

    /// The correction of what this device says of its latency, microseconds.
    pub(crate) fn nudge_us(&self, device: &str) -> i32 {
        self.latency_nudges_us.get(device).copied().unwrap_or(0)
    }

    /// Corrects what this device says of its latency.
    pub(crate) fn set_nudge_us(&mut self, device: &str, nudge_us: i32) {
        let nudge_us = nudge_us.clamp(-NUDGE_MAX_US, NUDGE_MAX_US);
        if nudge_us == 0 {
            self.latency_nudges_us.remove(device);
        } else if self.latency_nudges_us.len() < DEVICES_MAX || self.latency_nudges_us.contains_key(device) {
            self.latency_nudges_us.insert(device.into(), nudge_us);
        }
    }

    /// These settings with every value within its bounds, and a name and a picture if there were none.
    fn sanitised(mut self, seed: u64) -> Self {
        if self.name.is_empty() {
            self.name = player_name(seed);
        }
        self.avatar = self.avatar.or(Some(player_avatar(seed)));
        self.device = self.device.filter(|device| device.len() <= DEVICE_BYTES_MAX);
        self.latency_nudges_us.retain(|device, _| device.len() <= DEVICE_BYTES_MAX);
        while self.latency_nudges_us.len() > DEVICES_MAX {
            self.latency_nudges_us.pop_last();
        }
        for nudge_us in self.latency_nudges_us.values_mut() {
            *nudge_us = (*nudge_us).clamp(-NUDGE_MAX_US, NUDGE_MAX_US);
        }
        let (least, most) = crate::cli::SIZE_RANGE;
        let graphics = &mut self.graphics;
        graphics.scale_percent = graphics.scale_percent.clamp(*SCALE_PERCENT.start(), *SCALE_PERCENT.end());
        graphics.size = graphics.size.map(|(x, y)| (x.clamp(least.x, most.x), y.clamp(least.y, most.y)));
        shorten(&mut self.last_join.address, ADDRESS_CHARS_MAX);
        shorten(&mut self.last_join.code, CODE_CHARS_MAX);
        self.favourites.bound(LIBRARY_SOUNDS_MAX);
        self
    }
}

fn shorten(text: &mut String, chars_max: usize) {
    *text = text.chars().filter(|character| !character.is_control()).take(chars_max).collect();
}

/// A value of the wrong kind is as if it were not there.
fn lenient<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|value| serde_json::from_value(value).unwrap_or_default())
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
    lenient(deserializer).map(|text: String| Name::sanitised(&text))
}

/// Where the settings are kept, and a sentence about what went wrong with that.
#[derive(Resource, Debug, Default)]
pub(crate) struct Keeper {
    store: Option<Store>,
    kept: Option<Settings>,
    dirty_since: Option<std::time::Duration>,
    trouble: Option<String>,
}

/// Reads what was kept; `called` is what the command line calls the player.
pub(crate) fn load(called: Option<Name>) -> (Settings, Keeper) {
    let store = Store::find();
    let mut trouble = None;
    let found = store.as_ref().and_then(|store| {
        file::read(store).unwrap_or_else(|sentence| {
            eprintln!("keyboardia: {sentence}");
            trouble = Some(sentence);
            None
        })
    });
    let settings = Settings { called, ..found.clone().unwrap_or_default().sanitised(platform::seed()) };
    (settings, Keeper { store, kept: found, dirty_since: None, trouble })
}

pub(super) fn plugin(app: &mut App) {
    app.add_plugins((file::plugin, apply::plugin, panel::plugin));
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::SoundId;

    fn parse(text: &str) -> Settings {
        serde_json::from_str::<Settings>(text).unwrap().sanitised(1)
    }

    #[test]
    fn who_has_chosen_nothing_gets_a_name_and_a_picture() {
        let settings = parse("{}");
        assert!(!settings.name().is_empty() && settings.avatar.is_some() && settings.colour.is_none());
        assert_eq!(settings.graphics, Graphics::default());
    }

    #[test]
    fn values_out_of_bounds_are_brought_back() {
        let settings = parse(
            r#"{"name":"  A very long name that nobody could read at all  ","latency_nudges_us":{"a":900000,"b":-900000},
                "graphics":{"scale_percent":9000,"size":[1,99999]}}"#,
        );
        assert!(settings.name().as_str().len() <= keyboardia_session::limits::NAME_BYTES_MAX);
        assert_eq!((settings.nudge_us("a"), settings.nudge_us("b")), (NUDGE_MAX_US, -NUDGE_MAX_US));
        assert_eq!(settings.graphics.scale_percent, 150);
        assert_eq!(settings.graphics.size, Some((900, 4320)));
    }

    #[test]
    fn a_value_of_the_wrong_kind_costs_only_itself() {
        let settings =
            parse(r#"{"name":"Ada","colour":"blue","avatar":99,"graphics":7,"favourites":"all","more":[1]}"#);
        assert_eq!(settings.name().as_str(), "Ada");
        assert!(settings.colour.is_none() && settings.favourites == Favourites::default());
    }

    #[test]
    fn lists_have_their_bounds() {
        let many: Vec<String> = (0..10_000).map(|n| format!("sound-{n}")).collect();
        let mut settings = Settings::default();
        for sound in many.iter().filter_map(|name| SoundId::parse(name)) {
            settings.favourites.set(&sound, true);
        }
        for device in &many {
            settings.set_nudge_us(device, 1);
        }
        let settings = settings.sanitised(1);
        let kept: Vec<String> = serde_json::from_str(&serde_json::to_string(&settings.favourites).unwrap()).unwrap();
        assert_eq!(kept.len(), LIBRARY_SOUNDS_MAX);
        assert_eq!(settings.latency_nudges_us.len(), DEVICES_MAX);
    }

    #[test]
    fn the_command_line_names_the_player_for_one_run_only() {
        let mut settings = Settings { called: Some(Name::sanitised("Eve")), ..parse(r#"{"name":"Ada"}"#) };
        assert_eq!(settings.name().as_str(), "Eve");
        let kept = serde_json::to_string(&settings).unwrap();
        assert_eq!(parse(&kept).name().as_str(), "Ada");
        settings.set_name(Name::sanitised("Bob"));
        assert_eq!(settings.name().as_str(), "Bob", "what is chosen by hand holds");
    }
}
