// A tile: a rounded rectangle with everything that a pad can show. All tiles are one mesh and one draw call; each
// vertex carries its tile's whole state (see `tiles.rs`), so this needs neither storage buffers nor instancing and runs
// on WebGL2. Lengths are design units; colours are linear; the output is premultiplied.

#import bevy_sprite::mesh2d_functions as functions
#ifdef SRGB_OUTPUT
#import bevy_render::color_operations::linear_to_srgb
#endif

struct Frame {
    // Seconds, wrapped.
    seconds: f32,
    // Design units per physical pixel.
    pixel: f32,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> frame: Frame;

struct Vertex {
    @builtin(instance_index) instance_index: u32,
    @location(0) position: vec3<f32>,
    @location(1) local: vec2<f32>,
    @location(2) shape: vec4<f32>,
    @location(3) fill: vec4<f32>,
    @location(4) rim: vec4<f32>,
    @location(5) ink: vec4<f32>,
    @location(6) light: vec4<f32>,
    @location(7) glyph: vec4<f32>,
    @location(8) dot: vec4<f32>,
};

struct Tile {
    @builtin(position) clip: vec4<f32>,
    @location(0) local: vec2<f32>,
    // Half width, half height, corner radius, width of the rim.
    @location(1) shape: vec4<f32>,
    @location(2) fill: vec4<f32>,
    @location(3) rim: vec4<f32>,
    @location(4) ink: vec4<f32>,
    // Glow, progress (below 0: none), flash, dashes of the rim (0 or 1).
    @location(5) light: vec4<f32>,
    // Kind, radius, distance of its centre from the left edge, (unused).
    @location(6) glyph: vec4<f32>,
    @location(7) dot: vec4<f32>,
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
    tile.ink = vertex.ink;
    tile.light = vertex.light;
    tile.glyph = vertex.glyph;
    tile.dot = vertex.dot;
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

// Signed distance to the glyph of this kind with this radius.
fn glyph_distance(kind: f32, point: vec2<f32>, radius: f32) -> f32 {
    if kind < 1.5 {
        // Play: a triangle that points right, slightly rounded.
        let p = vec2<f32>(point.x + radius * 0.15, abs(point.y));
        let slope = vec2<f32>(0.5, 0.8660254);
        return max(-p.x - radius * 0.45, dot(p, slope) - radius * 0.5) - radius * 0.12;
    }
    if kind < 2.5 {
        // Stop: a square.
        return rounded_box(point, vec2<f32>(radius * 0.72), radius * 0.15);
    }
    if kind < 3.5 {
        // Loading: three quarters of a ring that turns.
        let angle = atan2(point.y, point.x) / 6.2831853 + frame.seconds * 0.8;
        let gap = select(0.0, radius, fract(angle) > 0.72);
        return abs(length(point) - radius * 0.75) - radius * 0.2 + gap;
    }
    if kind < 4.5 {
        // Damaged: an exclamation mark.
        let bar = rounded_box(point + vec2<f32>(0.0, radius * 0.28), vec2<f32>(radius * 0.18, radius * 0.6), radius * 0.18);
        return min(bar, length(point - vec2<f32>(0.0, radius * 0.78)) - radius * 0.22);
    }
    // Dot: an empty slot.
    return length(point) - radius;
}

@fragment
fn fragment(tile: Tile) -> @location(0) vec4<f32> {
    let half_size = tile.shape.xy;
    let distance = rounded_box(tile.local, half_size, tile.shape.z);
    let body = cover(distance);
    let across = tile.local / half_size;

    // The face: a little light from above; of a playing clip, what is still to come lies in the shade.
    var face = tile.fill.rgb * (1.0 - 0.10 * across.y);
    let progress = tile.light.y;
    if progress >= 0.0 {
        let head = (progress * 2.0 - 1.0) * half_size.x;
        let ahead = cover(head - tile.local.x);
        face *= mix(1.0, 0.74, ahead);
        let bar = vec2<f32>(tile.local.x, tile.local.y - half_size.y + 3.5);
        let rail = cover(abs(bar.y) - 1.5) * cover(abs(bar.x) - half_size.x + 6.0);
        face = mix(face, tile.ink.rgb, rail * mix(0.85, 0.28, ahead));
        face = mix(face, vec3<f32>(1.0), cover(abs(tile.local.x - head) - 0.8) * 0.55);
    }
    face = mix(face, vec3<f32>(1.0), tile.light.z * 0.85);
    var alpha = body * tile.fill.a;
    var colour = face * alpha;

    // The rim, whole or in wandering dashes.
    if tile.shape.w > 0.0 && tile.rim.a > 0.0 {
        var ring = cover(abs(distance + tile.shape.w * 0.5) - tile.shape.w * 0.5);
        if tile.light.w > 0.5 {
            let along = fract((tile.local.x + tile.local.y) / 11.0 - frame.seconds * 0.9);
            ring *= smoothstep(0.0, 0.08, along) * smoothstep(0.62, 0.54, along);
        }
        let strength = ring * tile.rim.a;
        colour = mix(colour, tile.rim.rgb, strength);
        alpha = mix(alpha, 1.0, strength);
    }

    if tile.glyph.x > 0.5 {
        let centre = vec2<f32>(tile.glyph.z - half_size.x, 0.0);
        let strength = cover(glyph_distance(tile.glyph.x, tile.local - centre, tile.glyph.y)) * tile.ink.a;
        colour = mix(colour, tile.ink.rgb, strength);
        alpha = mix(alpha, 1.0, strength);
    }

    if tile.dot.a > 0.0 {
        let from_corner = length(tile.local - vec2<f32>(half_size.x - 9.0, 9.0 - half_size.y));
        let edge = cover(from_corner - 5.0) * body;
        colour = mix(colour, vec3<f32>(0.004), edge * 0.9);
        let inner = cover(from_corner - 3.5);
        colour = mix(colour, tile.dot.rgb, inner);
    }

    // Light around the tile adds to what is there, hence no alpha of its own.
    if tile.light.x > 0.0 {
        let far = max(distance, 0.0);
        let halo = exp(-far * 0.16) * (1.0 - body) * tile.light.x;
        colour += tile.rim.rgb * halo * 0.55;
    }

#ifdef SRGB_OUTPUT
    colour = linear_to_srgb(colour);
#endif
    return vec4<f32>(colour, alpha);
}
