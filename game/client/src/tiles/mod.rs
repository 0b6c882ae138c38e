//! Tiles: the rounded, glowing rectangles of which pads, buttons and the title are made.
//!
//! Each frame, whoever shows something pushes [`Tile`]s onto the [`Board`]; after that the board becomes two meshes, one
//! of tiles and one of the signs on them, each drawn in one call. The meshes carry the whole state in their vertices, so
//! that WebGL2 can draw them too.

mod material;
mod mesh;
mod waves;

pub(crate) use waves::Waves;

use crate::{
    ClientSet,
    motion::Motion,
    theme::{Rgb, Scale},
};
use bevy::{
    camera::visibility::NoFrustumCulling,
    prelude::*,
    render::{RenderApp, mesh::allocator::MeshAllocatorSettings},
    sprite_render::Material2d,
    window::PrimaryWindow,
};
use material::{Frame, SignMaterial, TileMaterial};

/// A sign on a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyph {
    /// A triangle: launch.
    Play = 1,
    /// A square: stop.
    Stop = 2,
    /// A turning ring: on its way.
    Loading = 3,
    /// An exclamation mark: cannot be played.
    Damaged = 4,
    /// A point: nothing there.
    Point = 5,
    /// A player's dot.
    Player = 6,
    /// A cross: one more.
    Plus = 7,
}

/// Where a glyph sits on its tile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sign {
    /// Which one.
    pub(crate) glyph: Glyph,
    /// Its radius.
    pub(crate) radius: f32,
    /// Distance of its centre from the tile's left edge.
    pub(crate) from_left: f32,
    /// Opacity, 0 … 1.
    pub(crate) alpha: f32,
}

/// A player's dot near the upper edge of a tile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dot {
    /// The player's colour.
    pub(crate) colour: Rgb,
    /// Distance of its centre from the tile's left edge.
    pub(crate) from_left: f32,
}

/// The shape of a sound on a tile, in the colour of its sign; what has been played of it is lit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wave {
    /// Which sound: its row among the [`Waves`].
    pub(crate) row: u8,
    /// Opacity, 0 … 1.
    pub(crate) alpha: f32,
    /// Distance of its left end from the tile's left edge.
    pub(crate) left: f32,
    /// Distance of its upper end from the tile's upper edge.
    pub(crate) top: f32,
}

/// A rounded rectangle and all that it can show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tile {
    /// Its place, design units with y down.
    pub(crate) rect: Rect,
    /// Radius of its corners.
    pub(crate) radius: f32,
    /// Colour of its face.
    pub(crate) fill: Rgb,
    /// Opacity of its face.
    pub(crate) fill_alpha: f32,
    /// Colour of its rim and of its light.
    pub(crate) rim: Rgb,
    /// Opacity of its rim.
    pub(crate) rim_alpha: f32,
    /// Width of its rim.
    pub(crate) rim_width: f32,
    /// Whether the rim is dashed.
    pub(crate) dashed: bool,
    /// Light around it, 0 … 1 and a little more.
    pub(crate) glow: f32,
    /// How much of it has been played, 0 … 1.
    pub(crate) progress: Option<f32>,
    /// Light on what is still to be played, 0 … 1.
    pub(crate) shade: f32,
    /// Whitening, 0 … 1.
    pub(crate) flash: f32,
    /// Colour of its sign.
    pub(crate) ink: Rgb,
    /// A sign on it.
    pub(crate) sign: Option<Sign>,
    /// A player's dot in one of its upper corners.
    pub(crate) dot: Option<Dot>,
    /// The shape of its sound.
    pub(crate) wave: Option<Wave>,
}

impl Tile {
    /// A plain tile.
    pub(crate) fn new(rect: Rect, fill: Rgb) -> Self {
        Self {
            rect,
            radius: (rect.height() * 0.2).min(8.0),
            fill,
            fill_alpha: 1.0,
            rim: fill,
            rim_alpha: 0.0,
            rim_width: 1.0,
            dashed: false,
            glow: 0.0,
            progress: None,
            shade: 1.0,
            flash: 0.0,
            ink: fill.ink(),
            sign: None,
            dot: None,
            wave: None,
        }
    }

    /// Nothing but a rim and its light.
    pub(crate) fn ring(rect: Rect, rim: Rgb, alpha: f32, width: f32) -> Self {
        Self { fill_alpha: 0.0, ..Self::new(rect, rim).rimmed(rim, alpha, width) }
    }

    /// With a rim.
    pub(crate) fn rimmed(self, rim: Rgb, alpha: f32, width: f32) -> Self {
        Self { rim, rim_alpha: alpha, rim_width: width, ..self }
    }

    /// With a sign in its middle.
    pub(crate) fn signed(self, glyph: Glyph, radius: f32, ink: Rgb) -> Self {
        let from_left = self.rect.width() / 2.0;
        Self { ink, sign: Some(Sign { glyph, radius, from_left, alpha: 1.0 }), ..self }
    }
}

/// The tiles of the frame that is being prepared.
#[derive(Resource, Debug, Default)]
pub(crate) struct Board(Vec<Tile>);

impl Board {
    /// Shows a tile in this frame, over those before it.
    pub(crate) fn push(&mut self, tile: Tile) {
        self.0.push(tile);
    }

    /// What is shown in this frame.
    pub(crate) fn tiles(&self) -> &[Tile] {
        &self.0
    }
}

/// The entity that shows the board's tiles, or the one that shows their signs.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    Tiles,
    Signs,
}

pub(super) fn plugin(app: &mut App) {
    app.add_plugins((material::plugin, waves::plugin))
        .init_resource::<Board>()
        .add_systems(Startup, (spawn::<TileMaterial>(Layer::Tiles), spawn::<SignMaterial>(Layer::Signs)))
        .add_systems(First, |mut board: ResMut<Board>| board.0.clear())
        .add_systems(Update, (upload, tick::<TileMaterial>, tick::<SignMaterial>).in_set(ClientSet::Show));
    if let Some(render) = app.get_sub_app_mut(RenderApp) {
        // Meshes that are new in every frame do better with buffers of their own: the shared ones would be given up and
        // set up again each time, with all their bookkeeping, which costs more than everything else of a frame.
        let mut settings = MeshAllocatorSettings::default();
        settings.slab_allocator_settings.large_threshold = 0;
        render.insert_resource(settings);
    }
}

fn spawn<M: Material2d + From<Frame>>(layer: Layer) -> impl Fn(Commands, ResMut<Assets<Mesh>>, ResMut<Assets<M>>) {
    move |mut commands, mut meshes, mut materials| {
        commands.spawn((
            layer,
            Mesh2d(meshes.add(mesh::of(layer, &[], Vec2::ZERO))),
            MeshMaterial2d(materials.add(M::from(Frame { seconds: 0.0, pixel: 1.0, waves: None }))),
            Transform::from_xyz(0.0, 0.0, if layer == Layer::Tiles { 1.0 } else { 2.0 }),
            NoFrustumCulling,
        ));
    }
}

fn upload(
    board: Res<Board>,
    scale: Res<Scale>,
    window: Single<&Window, With<PrimaryWindow>>,
    mut layers: Query<(&Layer, &Mesh2d, &mut Transform)>,
    mut meshes: ResMut<Assets<Mesh>>,
) {
    for (layer, handle, mut transform) in &mut layers {
        transform.set_if_neq(transform.with_scale(Vec3::new(scale.0, scale.0, 1.0)));
        if let Some(mut shown) = meshes.get_mut(&handle.0) {
            *shown = mesh::of(*layer, &board.0, window.size() / scale.0);
        }
    }
}

fn tick<M: Material2d + From<Frame>>(
    scale: Res<Scale>,
    motion: Res<Motion>,
    window: Single<&Window, With<PrimaryWindow>>,
    layer: Single<&MeshMaterial2d<M>, With<Layer>>,
    waves: Res<Waves>,
    mut materials: ResMut<Assets<M>>,
) {
    let seconds = motion.seconds;
    let pixel = 1.0 / (scale.0 * window.scale_factor());
    if let Some(mut material) = materials.get_mut(&layer.0) {
        *material = M::from(Frame { seconds, pixel, waves: waves.image() });
    }
}
