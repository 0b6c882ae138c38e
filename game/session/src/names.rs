//! Names, colours and pictures for players, tracks and scenes that nobody has chosen any for.

use crate::{
    avatar::Avatar,
    limits::{AVATARS_MAX, SEATS_MAX},
    state::SeatId,
    text::Name,
    values::Colour,
};

const MOODS: [&str; 32] = [
    "Amber", "Bold", "Brisk", "Calm", "Clever", "Cosmic", "Dapper", "Electric", "Fancy", "Gentle", "Golden", "Happy",
    "Jolly", "Keen", "Lucid", "Lunar", "Mellow", "Merry", "Misty", "Nimble", "Noble", "Plucky", "Quiet", "Royal",
    "Rustic", "Silver", "Solar", "Sunny", "Swift", "Velvet", "Vivid", "Witty",
];
const PLAYERS: [&str; 32] = [
    "Badger", "Bison", "Condor", "Coyote", "Crane", "Dolphin", "Falcon", "Ferret", "Fox", "Gecko", "Heron", "Ibis",
    "Jackal", "Koala", "Lemur", "Lynx", "Magpie", "Marten", "Moose", "Narwhal", "Ocelot", "Orca", "Otter", "Panda",
    "Puffin", "Raven", "Robin", "Stoat", "Tapir", "Toucan", "Walrus", "Wombat",
];

/// Ten hues that differ in lightness too, so that neighbours are told apart without colour vision.
const COLOURS: [Colour; SEATS_MAX] = [
    Colour([0x4c, 0xc9, 0xff]),
    Colour([0xff, 0xb5, 0x47]),
    Colour([0x5e, 0xe6, 0xa8]),
    Colour([0xff, 0x7a, 0xd9]),
    Colour([0xff, 0xf0, 0x7a]),
    Colour([0x9d, 0x7b, 0xff]),
    Colour([0xff, 0x6b, 0x5e]),
    Colour([0xc8, 0xff, 0x6b]),
    Colour([0xe8, 0xd8, 0xff]),
    Colour([0xa9, 0xc1, 0xb8]),
];

/// A friendly name, the same for the same seed.
pub fn player_name(seed: u64) -> Name {
    let mood = MOODS[(seed % 32) as usize];
    let player = PLAYERS[(seed / 32 % 32) as usize];
    Name::sanitised(&format!("{mood} {player}"))
}

/// A seat's colour.
pub fn player_colour(seat: SeatId) -> Colour {
    COLOURS[usize::from(seat.0) % COLOURS.len()]
}

/// A player's picture, the same for the same seed.
pub fn player_avatar(seed: u64) -> Avatar {
    Avatar::new((seed / 1_024 % u64::from(AVATARS_MAX)) as u8).unwrap_or_default()
}

/// Colours for new tracks, in turn.
const TRACK_COLOURS: [Colour; 8] = [
    Colour([0xff, 0x8a, 0x5c]),
    Colour([0x5c, 0xb8, 0xff]),
    Colour([0xb4, 0xe0, 0x5a]),
    Colour([0xe0, 0x7a, 0xf0]),
    Colour([0xff, 0xc8, 0x4a]),
    Colour([0x52, 0xd6, 0xc4]),
    Colour([0xff, 0x7a, 0x96]),
    Colour([0x9a, 0x96, 0xff]),
];

/// Colour of a new track.
pub fn track_colour(number: usize) -> Colour {
    TRACK_COLOURS[number % TRACK_COLOURS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_fits_as_it_is() {
        for seed in 0..1024 {
            let name = player_name(seed);
            assert_eq!(name.as_str().split(' ').count(), 2, "{name}");
        }
    }
}
