// A sign on a tile: play, stop, loading, damaged, a point, a player's dot, or a cross. Each is a small quad of its own, so
// that the tiles' shader stays short. Lengths are design units; colours are linear; the output is premultiplied.

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

struct Vertex {
    @builtin(instance_index) instance_index: u32,
    @location(0) position: vec3<f32>,
    @location(1) local: vec2<f32>,
    @location(2) shape: vec4<f32>,
    @location(3) ink: vec4<f32>,
};

struct Sign {
    @builtin(position) clip: vec4<f32>,
    @location(0) local: vec2<f32>,
    // Kind and radius.
    @location(1) shape: vec4<f32>,
    @location(2) ink: vec4<f32>,
};

@vertex
fn vertex(vertex: Vertex) -> Sign {
    var sign: Sign;
    let world_from_local = functions::get_world_from_local(vertex.instance_index);
    sign.clip = functions::mesh2d_position_local_to_clip(world_from_local, vec4<f32>(vertex.position, 1.0));
    sign.local = vertex.local;
    sign.shape = vertex.shape;
    sign.ink = vertex.ink;
    return sign;
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
fn glyph(kind: f32, point: vec2<f32>, radius: f32) -> f32 {
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
        let angle = atan2(point.y, point.x) / 6.2831853 - frame.seconds * 0.8;
        let gap = select(0.0, radius, fract(angle) > 0.72);
        return abs(length(point) - radius * 0.75) - radius * 0.2 + gap;
    }
    if kind < 4.5 {
        // Damaged: an exclamation mark.
        let bar = rounded_box(point + vec2<f32>(0.0, radius * 0.28), vec2<f32>(radius * 0.18, radius * 0.6), radius * 0.18);
        return min(bar, length(point - vec2<f32>(0.0, radius * 0.78)) - radius * 0.22);
    }
    if kind < 6.5 {
        // A point.
        return length(point) - radius;
    }
    // One more: a cross.
    let across = rounded_box(point, vec2<f32>(radius, radius * 0.17), radius * 0.17);
    return min(across, rounded_box(point, vec2<f32>(radius * 0.17, radius), radius * 0.17));
}

@fragment
fn fragment(sign: Sign) -> @location(0) vec4<f32> {
    let radius = sign.shape.y;
    var alpha = cover(glyph(sign.shape.x, sign.local, radius)) * sign.ink.a;
    var colour = sign.ink.rgb * alpha;
    if sign.shape.x > 5.5 && sign.shape.x < 6.5 {
        // A player's dot has a dark edge, to stand out on any pad.
        let edge = cover(length(sign.local) - radius - 1.5) * 0.9;
        colour += vec3<f32>(0.004) * edge * (1.0 - alpha);
        alpha = alpha + edge * (1.0 - alpha);
    }
#ifdef SRGB_OUTPUT
    colour = linear_to_srgb(colour);
#endif
    return vec4<f32>(colour, alpha);
}
