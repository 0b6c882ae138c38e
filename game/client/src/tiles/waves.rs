//! The shapes of sounds, as an image that the tiles' shader reads: one sound a row, one part of it a pixel.
//!
//! A picture of 256 × 64 bytes is all there is to send, and only when another sound has been loaded; a pad names its
//! row. So a grid full of shapes costs no more than one without.

use crate::{ClientSet, link::Now};
use bevy::{
    asset::RenderAssetUsages,
    prelude::*,
    render::render_resource::{Extent3d, TextureDimension, TextureFormat},
};
use keyboardia_player::Overview;
use keyboardia_session::{SoundId, Table};
use std::{collections::BTreeMap, sync::Arc};

/// Sounds whose shapes are kept; further ones are drawn without.
const ROWS: usize = keyboardia_session::limits::LIBRARY_SOUNDS_MAX;

/// Which sound is in which row.
#[derive(Resource, Debug, Default)]
pub(crate) struct Waves {
    image: Option<Handle<Image>>,
    rows: BTreeMap<SoundId, u8>,
    known: Arc<Table<SoundId, Overview>>,
}

impl Waves {
    /// The row of a sound, once its shape is known.
    pub(crate) fn row(&self, sound: &SoundId) -> Option<u8> {
        self.rows.get(sound).copied()
    }

    /// The image.
    pub(super) fn image(&self) -> Option<Handle<Image>> {
        self.image.clone()
    }

    /// Takes up what is new, and writes it into `pixels`.
    fn take_up(&mut self, overviews: &Arc<Table<SoundId, Overview>>, pixels: &mut [u8]) {
        for (sound, overview) in overviews.iter() {
            let next = self.rows.len();
            let row = match self.rows.get(sound) {
                Some(row) => usize::from(*row),
                None if next < ROWS => next,
                None => continue,
            };
            self.rows.insert(sound.clone(), row as u8);
            if let Some(place) = pixels.get_mut(row * Overview::PARTS..(row + 1) * Overview::PARTS) {
                place.copy_from_slice(&overview.0);
            }
        }
        self.known = overviews.clone();
    }
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Waves>().add_systems(Startup, spawn).add_systems(Update, follow.in_set(ClientSet::Draw));
}

fn spawn(mut waves: ResMut<Waves>, mut images: ResMut<Assets<Image>>) {
    let size = Extent3d { width: Overview::PARTS as u32, height: ROWS as u32, depth_or_array_layers: 1 };
    let usages = RenderAssetUsages::MAIN_WORLD | RenderAssetUsages::RENDER_WORLD;
    let image = Image::new_fill(size, TextureDimension::D2, &[0], TextureFormat::R8Unorm, usages);
    waves.image = Some(images.add(image));
}

fn follow(now: Res<Now>, mut waves: ResMut<Waves>, mut images: ResMut<Assets<Image>>) {
    let Some(overviews) = now.player().map(|player| &player.overviews) else { return };
    if Arc::ptr_eq(overviews, &waves.known) {
        return;
    }
    let Some(handle) = waves.image() else { return };
    if let Some(pixels) = images.get_mut(&handle).as_mut().and_then(|image| image.data.as_mut()) {
        waves.take_up(overviews, pixels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_keeps_its_row_and_later_ones_follow() {
        let id = |text: &str| SoundId::parse(text).unwrap();
        let (mut waves, mut pixels) = (Waves::default(), vec![0; ROWS * Overview::PARTS]);
        waves.take_up(&Arc::new([(id("snare"), Overview([7; Overview::PARTS]))].into()), &mut pixels);
        let both = [(id("kick"), Overview([9; Overview::PARTS])), (id("snare"), Overview([7; Overview::PARTS]))];
        waves.take_up(&Arc::new(both.into()), &mut pixels);
        assert_eq!((waves.row(&id("snare")), waves.row(&id("kick")), waves.row(&id("hat"))), (Some(0), Some(1), None));
        assert_eq!((pixels[0], pixels[Overview::PARTS], pixels[2 * Overview::PARTS]), (7, 9, 0));
    }
}
