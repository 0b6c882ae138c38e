// The backdrop: near black, with three wide lights that drift and breathe with the beat. The lights are worked out for
// the vertices of a coarse grid, for they change slowly from place to place; every pixel only adds the dither without
// which dark gradients show bands.

#import bevy_sprite::mesh2d_functions as functions
#ifdef SRGB_OUTPUT
#import bevy_render::color_operations::linear_to_srgb
#endif

struct Backdrop {
    base: vec4<f32>,
    // Colour and strength of each light.
    lights: array<vec4<f32>, 3>,
    // Phase of the drift (radians), beat pulse 0 … 1, width over height, (unused).
    frame: vec4<f32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> backdrop: Backdrop;

struct Vertex {
    @builtin(instance_index) instance_index: u32,
    @location(0) position: vec3<f32>,
    // Place in the window, −½ … ½ in both directions, y down.
    @location(1) place: vec2<f32>,
};

struct Ground {
    @builtin(position) clip: vec4<f32>,
    @location(0) colour: vec3<f32>,
};

fn light(point: vec2<f32>, centre: vec2<f32>, reach: f32) -> f32 {
    let away = point - centre;
    return 1.0 / (1.0 + dot(away, away) * reach * reach * reach);
}

@vertex
fn vertex(vertex: Vertex) -> Ground {
    var ground: Ground;
    let world_from_local = functions::get_world_from_local(vertex.instance_index);
    ground.clip = functions::mesh2d_position_local_to_clip(world_from_local, vec4<f32>(vertex.position, 1.0));
    let aspect = backdrop.frame.z;
    let point = vertex.place * vec2<f32>(aspect, 1.0);
    let t = backdrop.frame.x;
    let breath = 1.0 + 0.18 * backdrop.frame.y;
    let first = vec2<f32>(-0.42 * aspect + 0.10 * sin(t), 0.55 + 0.06 * cos(t * 2.0));
    let second = vec2<f32>(0.10 * aspect + 0.14 * cos(t), -0.62 + 0.05 * sin(t * 3.0));
    let third = vec2<f32>(0.52 * aspect + 0.08 * sin(t * 2.0), 0.20 + 0.12 * cos(t));
    var colour = backdrop.base.rgb;
    colour += backdrop.lights[0].rgb * backdrop.lights[0].a * light(point, first, 1.9) * breath;
    colour += backdrop.lights[1].rgb * backdrop.lights[1].a * light(point, second, 1.7) * breath;
    colour += backdrop.lights[2].rgb * backdrop.lights[2].a * light(point, third, 2.0) * breath;
    ground.colour = colour;
    return ground;
}

@fragment
fn fragment(ground: Ground) -> @location(0) vec4<f32> {
    // Interleaved gradient noise (Jorge Jimenez, "Next generation post processing in Call of Duty", 2014).
    let noise = fract(52.9829189 * fract(dot(ground.clip.xy, vec2<f32>(0.06711056, 0.00583715))));
    var colour = ground.colour + (noise - 0.5) * 0.0012;
#ifdef SRGB_OUTPUT
    colour = linear_to_srgb(colour);
#endif
    return vec4<f32>(colour, 1.0);
}
