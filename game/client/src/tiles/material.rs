//! How tiles and signs reach their shaders.

use super::mesh;
use bevy::{
    asset::{load_internal_asset, uuid_handle},
    mesh::{MeshVertexBufferLayoutRef, VertexAttributeDescriptor},
    prelude::*,
    render::render_resource::{AsBindGroup, BlendState, RenderPipelineDescriptor, SpecializedMeshPipelineError},
    shader::ShaderRef,
    sprite_render::{AlphaMode2d, Material2d, Material2dKey, Material2dPlugin},
};

const TILE_SHADER: Handle<Shader> = uuid_handle!("6c1a3d52-52c7-4d0e-9a8e-51f7d6e0a001");
const SIGN_SHADER: Handle<Shader> = uuid_handle!("6c1a3d52-52c7-4d0e-9a8e-51f7d6e0a003");

/// What all tiles and signs of a frame share.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Seconds, wrapped.
    pub(super) seconds: f32,
    /// Design units per physical pixel.
    pub(super) pixel: f32,
    /// Shapes of sounds, one a row.
    pub(super) waves: Option<Handle<Image>>,
}

/// Draws the mesh of tiles.
#[derive(Asset, TypePath, AsBindGroup, Debug, Clone)]
pub(super) struct TileMaterial {
    /// Seconds and pixel; WebGL wants multiples of 16 bytes.
    #[uniform(0)]
    frame: Vec4,
    #[texture(1)]
    waves: Option<Handle<Image>>,
}

/// Draws the mesh of signs.
#[derive(Asset, TypePath, AsBindGroup, Debug, Clone)]
pub(super) struct SignMaterial {
    /// As for tiles.
    #[uniform(0)]
    frame: Vec4,
}

impl From<Frame> for TileMaterial {
    fn from(Frame { seconds, pixel, waves }: Frame) -> Self {
        Self { frame: Vec4::new(seconds, pixel, 0.0, 0.0), waves }
    }
}

impl From<Frame> for SignMaterial {
    fn from(Frame { seconds, pixel, .. }: Frame) -> Self {
        Self { frame: Vec4::new(seconds, pixel, 0.0, 0.0) }
    }
}

impl Material2d for TileMaterial {
    fn vertex_shader() -> ShaderRef {
        TILE_SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        TILE_SHADER.into()
    }

    fn alpha_mode(&self) -> AlphaMode2d {
        AlphaMode2d::Blend
    }

    fn specialize(
        descriptor: &mut RenderPipelineDescriptor,
        layout: &MeshVertexBufferLayoutRef,
        _key: Material2dKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        specialize(descriptor, layout, &mesh::tile_attributes())
    }
}

impl Material2d for SignMaterial {
    fn vertex_shader() -> ShaderRef {
        SIGN_SHADER.into()
    }

    fn fragment_shader() -> ShaderRef {
        SIGN_SHADER.into()
    }

    fn alpha_mode(&self) -> AlphaMode2d {
        AlphaMode2d::Blend
    }

    fn specialize(
        descriptor: &mut RenderPipelineDescriptor,
        layout: &MeshVertexBufferLayoutRef,
        _key: Material2dKey<Self>,
    ) -> Result<(), SpecializedMeshPipelineError> {
        specialize(descriptor, layout, &mesh::sign_attributes())
    }
}

pub(super) fn plugin(app: &mut App) {
    load_internal_asset!(app, TILE_SHADER, "../../../../assets/shaders/tile.wgsl", Shader::from_wgsl);
    load_internal_asset!(app, SIGN_SHADER, "../../../../assets/shaders/sign.wgsl", Shader::from_wgsl);
    app.add_plugins((Material2dPlugin::<TileMaterial>::default(), Material2dPlugin::<SignMaterial>::default()));
}

/// Our own vertices, and light that adds: the shaders' colours are premultiplied.
fn specialize(
    descriptor: &mut RenderPipelineDescriptor,
    layout: &MeshVertexBufferLayoutRef,
    attributes: &[VertexAttributeDescriptor],
) -> Result<(), SpecializedMeshPipelineError> {
    descriptor.vertex.buffers = vec![layout.0.get_layout(attributes)?];
    for target in descriptor.fragment.iter_mut().flat_map(|fragment| &mut fragment.targets).flatten() {
        target.blend = Some(BlendState::PREMULTIPLIED_ALPHA_BLENDING);
    }
    Ok(())
}
