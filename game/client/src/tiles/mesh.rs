//! Meshes of tiles and of signs: one quad each, its state in its vertices.

use super::{Glyph, Layer, Tile};
use crate::theme::Rgb;
use bevy::{
    asset::RenderAssetUsages,
    mesh::{Indices, MeshVertexAttribute, PrimitiveTopology, VertexAttributeDescriptor, VertexFormat},
    prelude::*,
};

/// How far the light of a glowing tile reaches, design units; `tile.wgsl` knows it too.
const GLOW_REACH: f32 = 26.0;
/// Room around a quad for smooth edges.
const EDGE: f32 = 1.5;
/// Radius of a player's dot, its edge, and the distance of its centre from the tile's upper edge.
const DOT_RADIUS: f32 = 3.5;
const DOT_EDGE: f32 = 1.5;
const DOT_INSET: f32 = 9.0;

const LOCAL: MeshVertexAttribute = MeshVertexAttribute::new("Tile_Local", 0x7469_6c00, VertexFormat::Float32x2);
const SHAPE: MeshVertexAttribute = MeshVertexAttribute::new("Tile_Shape", 0x7469_6c01, VertexFormat::Float32x4);
const FILL: MeshVertexAttribute = MeshVertexAttribute::new("Tile_Fill", 0x7469_6c02, VertexFormat::Float32x4);
const RIM: MeshVertexAttribute = MeshVertexAttribute::new("Tile_Rim", 0x7469_6c03, VertexFormat::Float32x4);
const BAR: MeshVertexAttribute = MeshVertexAttribute::new("Tile_Bar", 0x7469_6c04, VertexFormat::Float32x4);
const LIGHT: MeshVertexAttribute = MeshVertexAttribute::new("Tile_Light", 0x7469_6c05, VertexFormat::Float32x4);

const WAVE: MeshVertexAttribute = MeshVertexAttribute::new("Tile_Wave", 0x7469_6c06, VertexFormat::Float32x4);

/// What a vertex of a tile carries, in the order of `tile.wgsl`.
pub(super) fn tile_attributes() -> [VertexAttributeDescriptor; 8] {
    [
        Mesh::ATTRIBUTE_POSITION.at_shader_location(0),
        LOCAL.at_shader_location(1),
        SHAPE.at_shader_location(2),
        FILL.at_shader_location(3),
        RIM.at_shader_location(4),
        BAR.at_shader_location(5),
        LIGHT.at_shader_location(6),
        WAVE.at_shader_location(7),
    ]
}

/// What a vertex of a sign carries, in the order of `sign.wgsl`.
pub(super) fn sign_attributes() -> [VertexAttributeDescriptor; 4] {
    [
        Mesh::ATTRIBUTE_POSITION.at_shader_location(0),
        LOCAL.at_shader_location(1),
        SHAPE.at_shader_location(2),
        FILL.at_shader_location(3),
    ]
}

/// The mesh of a layer of a board that fills a window of `size` design units.
pub(super) fn of(layer: Layer, tiles: &[Tile], size: Vec2) -> Mesh {
    match layer {
        Layer::Tiles => tile_mesh(tiles, size),
        Layer::Signs => sign_mesh(tiles, size),
    }
}

fn tile_mesh(tiles: &[Tile], size: Vec2) -> Mesh {
    let mut quads = Quads::new([SHAPE, FILL, RIM, BAR, LIGHT, WAVE], size, tiles.len());
    for tile in tiles {
        let half = tile.rect.half_size();
        let reach = half + if tile.glow > 0.0 { GLOW_REACH } else { EDGE };
        let dashes = if tile.dashed { 1.0 } else { 0.0 };
        let wave = tile.wave.map_or([-1.0; 4], |wave| [f32::from(wave.row), wave.alpha, wave.left, wave.top]);
        quads.push(
            tile.rect.center(),
            reach,
            [
                [half.x, half.y, tile.radius, tile.rim_width],
                tile.fill.linear(tile.fill_alpha),
                tile.rim.linear(tile.rim_alpha),
                tile.ink.linear(tile.shade),
                [tile.glow, tile.progress.unwrap_or(-1.0), tile.flash, dashes],
                wave,
            ],
        );
    }
    quads.finish()
}

fn sign_mesh(tiles: &[Tile], size: Vec2) -> Mesh {
    let mut quads = Quads::new([SHAPE, FILL], size, tiles.len());
    let mut push = |centre, glyph: Glyph, radius: f32, room: f32, ink: Rgb, alpha| {
        let shape = [f32::from(glyph as u8), radius, 0.0, 0.0];
        quads.push(centre, Vec2::splat(radius + room + EDGE), [shape, ink.linear(alpha)]);
    };
    for tile in tiles {
        if let Some(sign) = tile.sign {
            let centre = Vec2::new(tile.rect.min.x + sign.from_left, tile.rect.center().y);
            push(centre, sign.glyph, sign.radius, 0.0, tile.ink, sign.alpha);
        }
        if let Some(dot) = tile.dot {
            let centre = Vec2::new(tile.rect.min.x + dot.from_left, tile.rect.min.y + DOT_INSET);
            push(centre, Glyph::Player, DOT_RADIUS, DOT_EDGE, dot.colour, 1.0);
        }
    }
    quads.finish()
}

/// Quads with `N` attributes that are the same at their four corners.
struct Quads<const N: usize> {
    attributes: [MeshVertexAttribute; N],
    size: Vec2,
    positions: Vec<[f32; 3]>,
    locals: Vec<[f32; 2]>,
    columns: [Vec<[f32; 4]>; N],
}

impl<const N: usize> Quads<N> {
    fn new(attributes: [MeshVertexAttribute; N], size: Vec2, count: usize) -> Self {
        let vertices = count.max(1) * 4;
        let (positions, locals) = (Vec::with_capacity(vertices), Vec::with_capacity(vertices));
        Self { attributes, size, positions, locals, columns: std::array::from_fn(|_| Vec::with_capacity(vertices)) }
    }

    /// Adds a quad that reaches so far from its centre.
    fn push(&mut self, centre: Vec2, reach: Vec2, state: [[f32; 4]; N]) {
        for corner in [Vec2::new(-1.0, -1.0), Vec2::new(1.0, -1.0), Vec2::ONE, Vec2::new(-1.0, 1.0)] {
            let local = corner * reach;
            let at = centre + local;
            self.positions.push([at.x - self.size.x / 2.0, self.size.y / 2.0 - at.y, 0.0]);
            self.locals.push(local.to_array());
        }
        for (column, value) in self.columns.iter_mut().zip(state) {
            column.extend([value; 4]);
        }
    }

    fn finish(mut self) -> Mesh {
        // A mesh without vertices cannot be uploaded: nothing is one quad without a size.
        if self.positions.is_empty() {
            self.push(Vec2::ZERO, Vec2::ZERO, [[0.0; 4]; N]);
        }
        let quads = self.positions.len() as u32 / 4;
        let indices = (0..quads).flat_map(|quad| [0, 2, 1, 0, 3, 2].map(|corner| quad * 4 + corner)).collect();
        let mut mesh = Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
            .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, self.positions)
            .with_inserted_attribute(LOCAL, self.locals)
            .with_inserted_indices(Indices::U32(indices));
        for (attribute, column) in self.attributes.into_iter().zip(self.columns) {
            mesh.insert_attribute(attribute, column);
        }
        mesh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        theme::{ACCENT, BACKGROUND},
        tiles::{Dot, Sign},
    };
    use bevy::mesh::VertexAttributeValues;

    fn tile() -> Tile {
        let sign = Sign { glyph: Glyph::Play, radius: 5.0, from_left: 14.0, alpha: 1.0 };
        Tile {
            sign: Some(sign),
            dot: Some(Dot { colour: ACCENT, from_left: 5.0 }),
            ..Tile::new(Rect::new(0.0, 0.0, 10.0, 10.0), BACKGROUND)
        }
    }

    #[test]
    fn every_tile_is_one_quad_every_sign_another_and_nothing_is_still_a_mesh() {
        for (tiles, layer, quads) in [
            (vec![], Layer::Tiles, 1),
            (vec![], Layer::Signs, 1),
            (vec![tile(); 64], Layer::Tiles, 64),
            (vec![tile(); 64], Layer::Signs, 128),
        ] {
            let mesh = of(layer, &tiles, Vec2::splat(100.0));
            assert_eq!(mesh.count_vertices(), quads * 4);
            assert_eq!(mesh.indices().map(Indices::len), Some(quads * 6));
        }
    }

    #[test]
    fn the_upper_left_corner_of_the_window_is_upper_left_on_screen() {
        let mesh = of(Layer::Tiles, &[tile()], Vec2::splat(100.0));
        let Some(VertexAttributeValues::Float32x3(positions)) = mesh.attribute(Mesh::ATTRIBUTE_POSITION) else {
            panic!("positions are three numbers");
        };
        assert_eq!(positions[0], [-50.0 - EDGE, 50.0 + EDGE, 0.0]);
    }
}
