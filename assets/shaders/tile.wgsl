// A tile: a rounded rectangle with face, rim, progress, the shape of a sound, and light. All tiles are one mesh and one draw call; each vertex
// carries its tile's whole state (see `tiles/mesh.rs`), so this needs neither storage buffers nor instancing and runs on
// WebGL2. It covers most of the window, so it is kept short for machines on which the processor draws. Lengths are
// design units; colours are linear; the output is premultiplied.

#import bevy_sprite::mesh2d_functions as functions
#ifdef SRGB_OUTPUT
#import bevy_render::color_operations::linear_to_srgb
#endif

struct Frame {
    // Seconds, wrapped.
    seconds: f32,
    // Design units per physical pixel.
    pixel: f32,
    // WebGL wants multiples of 16 bytes.
    unused: vec2<f32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> frame: Frame;
// Shapes of sounds: one sound a row, its loudest sample in each of 64 parts.
@group(#{MATERIAL_BIND_GROUP}) @binding(1) var waves: texture_2d<f32>;

const PARTS: f32 = 64.0;
// Distance of one bar of a shape to the next, half its width, and the space at its right and lower end.
const BAR_PITCH: f32 = 3.0;
const BAR_HALF: f32 = 0.9;
const WAVE_INSET: f32 = 6.0;
// What is still to come of a shape, as a share of its opacity.
const WAVE_AHEAD: f32 = 0.45;

struct Vertex {
    @builtin(instance_index) instance_index: u32,
    @location(0) position: vec3<f32>,
    @location(1) local: vec2<f32>,
    @location(2) shape: vec4<f32>,
    @location(3) fill: vec4<f32>,
    @location(4) rim: vec4<f32>,
    @location(5) bar: vec4<f32>,
    @location(6) light: vec4<f32>,
    @location(7) wave: vec4<f32>,
};

struct Tile {
    @builtin(position) clip: vec4<f32>,
    @location(0) local: vec2<f32>,
    // Half width, half height, corner radius, width of the rim.
    @location(1) shape: vec4<f32>,
    @location(2) fill: vec4<f32>,
    @location(3) rim: vec4<f32>,
    // Colour of the progress bar; and the shade on what is still to be played.
    @location(4) bar: vec4<f32>,
    // Glow, progress (below 0: none), flash, dashes of the rim (0 or 1).
    @location(5) light: vec4<f32>,
    // Shape of a sound: its row (below 0: none), opacity, distance from the left and from the upper edge.
    @location(6) @interpolate(flat) wave: vec4<f32>,
};

@vertex
fn vertex(vertex: Vertex) -> Tile {
    var tile: Tile;
    let world_from_local = functions::get_world_from_local(vertex.instance_index);
    tile.clip = functions::mesh2d_position_local_to_clip(world_from_local, vec4<f32>(vertex.position, 1.0));
    tile.local = vertex.local;
    tile.shape = vertex.shape;
    tile.fill = vertex.fill;
    tile.rim = vertex.rim;
    tile.bar = vertex.bar;
    tile.light = vertex.light;
    tile.wave = vertex.wave;
    return tile;
}

// Signed distance to a rounded box around the origin; after Inigo Quilez, "2D distance functions".
fn rounded_box(point: vec2<f32>, half_size: vec2<f32>, radius: f32) -> f32 {
    let q = abs(point) - half_size + vec2<f32>(radius);
    return min(max(q.x, q.y), 0.0) + length(max(q, vec2<f32>(0.0))) - radius;
}

// How much of a pixel lies inside a distance of 0.
fn cover(distance: f32) -> f32 {
    return clamp(0.5 - distance / frame.pixel, 0.0, 1.0);
}

// How much of a bar of the sound's shape covers this pixel.
fn wave(tile: Tile) -> f32 {
    let left = tile.wave.z - tile.shape.x;
    let width = tile.shape.x - WAVE_INSET - left;
    let upper = tile.wave.w - tile.shape.y;
    let lower = tile.shape.y - min(tile.wave.w, WAVE_INSET);
    let x = tile.local.x - left;
    if x < 0.0 || x > width || tile.local.y < upper || tile.local.y > lower {
        return 0.0;
    }
    let bars = clamp(floor(width / BAR_PITCH), 1.0, PARTS);
    let pitch = width / bars;
    let bar = min(floor(x / pitch), bars - 1.0);
    let part = i32((bar + 0.5) / bars * PARTS);
    let row = i32(tile.wave.x + 0.5);
    let one = textureLoad(waves, vec2<i32>(part, row), 0).r;
    let other = textureLoad(waves, vec2<i32>(max(part - 1, 0), row), 0).r;
    let half_height = max(max(one, other) * (lower - upper) * 0.5, BAR_HALF);
    let point = vec2<f32>(x - (bar + 0.5) * pitch, tile.local.y - (upper + lower) * 0.5);
    return cover(rounded_box(point, vec2<f32>(BAR_HALF, half_height), BAR_HALF));
}

@fragment
fn fragment(tile: Tile) -> @location(0) vec4<f32> {
    let half_size = tile.shape.xy;
    let distance = rounded_box(tile.local, half_size, tile.shape.z);
    let body = cover(distance);

    // The face: a little light from above; of a playing clip, what is still to come lies in the shade.
    var face = tile.fill.rgb * (1.0 - 0.10 * tile.local.y / half_size.y);
    let progress = tile.light.y;
    var ahead = 0.0;
    if progress >= 0.0 {
        let head = (progress * 2.0 - 1.0) * half_size.x;
        ahead = cover(head - tile.local.x);
        face *= mix(1.0, tile.bar.a, ahead);
        if tile.wave.x < 0.0 {
            let bar = vec2<f32>(tile.local.x, tile.local.y - half_size.y + 3.5);
            let rail = cover(abs(bar.y) - 1.5) * cover(abs(bar.x) - half_size.x + 6.0);
            face = mix(face, tile.bar.rgb, rail * mix(0.85, 0.28, ahead));
        }
        face = mix(face, vec3<f32>(1.0), cover(abs(tile.local.x - head) - 0.6) * 0.45);
        face = mix(face, vec3<f32>(1.0), tile.light.z * 0.85);
    }
    if tile.wave.x >= 0.0 {
        face = mix(face, tile.bar.rgb, wave(tile) * tile.wave.y * mix(1.0, WAVE_AHEAD, ahead));
    }
    var alpha = body * tile.fill.a;
    var colour = face * alpha;

    // The rim, whole or in wandering dashes.
    var ring = cover(abs(distance + tile.shape.w * 0.5) - tile.shape.w * 0.5) * tile.rim.a;
    if tile.light.w > 0.5 {
        let along = fract((tile.local.x + tile.local.y) / 11.0 - frame.seconds * 0.9);
        ring *= clamp(along * 12.0, 0.0, 1.0) * clamp((0.6 - along) * 12.0, 0.0, 1.0);
    }
    colour = mix(colour, tile.rim.rgb, ring);
    alpha = mix(alpha, 1.0, ring);

    // Light around the tile adds to what is there, hence no alpha of its own. It falls to nothing where the tile's quad
    // ends, see GLOW_REACH.
    let near = clamp(1.0 - max(distance, 0.0) / 26.0, 0.0, 1.0);
    let halo = near * near * near * near * (1.0 - body) * tile.light.x;
    colour += tile.rim.rgb * halo * 0.55;

#ifdef SRGB_OUTPUT
    colour = linear_to_srgb(colour);
#endif
    return vec4<f32>(colour, alpha);
}
