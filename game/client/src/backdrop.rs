//! What lies behind everything: a dark ground with slow lights that breathe with the beat.

use crate::{
    ClientSet,
    link::Now,
    motion::Motion,
    theme::{ACCENT, BACKGROUND, Rgb},
};
use bevy::{
    asset::{RenderAssetUsages, load_internal_asset, uuid_handle},
    mesh::{Indices, MeshVertexAttribute, MeshVertexBufferLayoutRef, PrimitiveTopology, VertexFormat},
    prelude::*,
    render::render_resource::{AsBindGroup, RenderPipelineDescriptor, SpecializedMeshPipelineError},
    shader::ShaderRef,
    sprite_render::{Material2d, Material2dKey, Material2dPlugin},
    window::PrimaryWindow,
};
use std::f32::consts::TAU;

const SHADER: Handle<Shader> = uuid_handle!("6c1a3d52-52c7-4d0e-9a8e-51f7d6e0a002");
/// The lights wander in a circle of this many seconds.
const SECONDS_WRAP: f32 = 60.0;
/// Cells of the grid for whose corners the lights are worked out.
const CELLS: (u32, u32) = (32, 18);
const PLACE: MeshVertexAttribute = MeshVertexAttribute::new("Backdrop_Place", 0x6261_636b, VertexFormat::Float32x2);
const VIOLET: Rgb = Rgb([0x6f, 0x5b, 0xff]);
const BLUE: Rgb = Rgb([0x2f, 0x8c, 0xff]);

/// The ground and its lights.
#[derive(Asset, TypePath, AsBindGroup, Debug, Clone)]
struct BackdropMaterial {
    #[uniform(0)]
    base: Vec4,
    #[uniform(0)]
    lights: [Vec4; 3],
    #[uniform(0)]
    frame: Vec4,
}

impl Material2d for BackdropMaterial {
    fn vertex_shader() -> ShaderRef {
        SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        SHADER.into()
    }

    fn specialize(
        descriptor: &mut RenderPipelineDescriptor,
        layout: &MeshVertexBufferLayoutRef,
        _key: Material2dKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        let attributes = [Mesh::ATTRIBUTE_POSITION.at_shader_location(0), PLACE.at_shader_location(1)];
        descriptor.vertex.buffers = vec![layout.0.get_layout(&attributes)?];
        Ok(())
    }
}

#[derive(Component)]
struct Backdrop;

pub(super) fn plugin(app: &mut App) {
    load_internal_asset!(app, SHADER, "../../../assets/shaders/backdrop.wgsl", Shader::from_wgsl);
    app.add_plugins(Material2dPlugin::<BackdropMaterial>::default())
        .add_systems(Startup, spawn)
        .add_systems(Update, breathe.in_set(ClientSet::Show));
}

fn spawn(mut commands: Commands, mut meshes: ResMut<Assets<Mesh>>, mut materials: ResMut<Assets<BackdropMaterial>>) {
    let light = |colour: Rgb, strength| Vec4::from(colour.linear(strength));
    commands.spawn((
        Backdrop,
        Mesh2d(meshes.add(grid())),
        MeshMaterial2d(materials.add(BackdropMaterial {
            base: Vec4::from(BACKGROUND.linear(1.0)) * 0.85,
            lights: [light(VIOLET, 0.030), light(BLUE, 0.022), light(ACCENT, 0.012)],
            frame: Vec4::ZERO,
        })),
    ));
}

fn breathe(
    now: Res<Now>,
    motion: Res<Motion>,
    window: Single<&Window, With<PrimaryWindow>>,
    mut backdrop: Single<(&mut Transform, &MeshMaterial2d<BackdropMaterial>), With<Backdrop>>,
    mut materials: ResMut<Assets<BackdropMaterial>>,
) {
    let (transform, material) = &mut *backdrop;
    let size = window.size();
    transform.set_if_neq(transform.with_scale(size.extend(1.0)));
    if let Some(mut material) = materials.get_mut(&material.0) {
        let aspect = size.x / size.y.max(1.0);
        let phase = (motion.seconds % SECONDS_WRAP) / SECONDS_WRAP * TAU;
        material.frame = Vec4::new(phase, now.pulse(), aspect, 0.0);
    }
}

/// A square of side 1 around the origin, in cells.
fn grid() -> Mesh {
    let (columns, rows) = CELLS;
    let mut positions = Vec::new();
    let mut places = Vec::new();
    let mut indices = Vec::new();
    for row in 0..=rows {
        for column in 0..=columns {
            let place = Vec2::new(column as f32 / columns as f32, row as f32 / rows as f32) - 0.5;
            positions.push([place.x, -place.y, 0.0]);
            places.push(place.to_array());
            if row < rows && column < columns {
                let corner = row * (columns + 1) + column;
                let below = corner + columns + 1;
                indices.extend([corner, below, corner + 1, corner + 1, below, below + 1]);
            }
        }
    }
    Mesh::new(PrimitiveTopology::TriangleList, RenderAssetUsages::RENDER_WORLD)
        .with_inserted_attribute(Mesh::ATTRIBUTE_POSITION, positions)
        .with_inserted_attribute(PLACE, places)
        .with_inserted_indices(Indices::U32(indices))
}
