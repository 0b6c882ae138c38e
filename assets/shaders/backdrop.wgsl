// The backdrop: near black, with three wide lights that drift and breathe with the beat, finely dithered so that the
// dark gradients show no bands.

#import bevy_sprite::mesh2d_vertex_output::VertexOutput
#ifdef SRGB_OUTPUT
#import bevy_render::color_operations::linear_to_srgb
#endif

struct Backdrop {
    base: vec4<f32>,
    // Colour and strength of each light.
    lights: array<vec4<f32>, 3>,
    // Seconds (wrapped), beat pulse 0 … 1, width over height, (unused).
    frame: vec4<f32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> backdrop: Backdrop;

fn light(point: vec2<f32>, centre: vec2<f32>, reach: f32) -> f32 {
    let away = point - centre;
    return 1.0 / (1.0 + dot(away, away) * reach * reach * reach);
}

@fragment
fn fragment(in: VertexOutput) -> @location(0) vec4<f32> {
    let aspect = backdrop.frame.z;
    let point = vec2<f32>((in.uv.x - 0.5) * aspect, in.uv.y - 0.5);
    let t = backdrop.frame.x * 0.10471976;
    let breath = 1.0 + 0.18 * backdrop.frame.y;
    var colour = backdrop.base.rgb;
    let places = array<vec2<f32>, 3>(
        vec2<f32>(-0.42 * aspect + 0.10 * sin(t), 0.55 + 0.06 * cos(t * 2.0)),
        vec2<f32>(0.10 * aspect + 0.14 * cos(t), -0.62 + 0.05 * sin(t * 3.0)),
        vec2<f32>(0.52 * aspect + 0.08 * sin(t * 2.0), 0.20 + 0.12 * cos(t)),
    );
    colour += backdrop.lights[0].rgb * backdrop.lights[0].a * light(point, places[0], 1.9) * breath;
    colour += backdrop.lights[1].rgb * backdrop.lights[1].a * light(point, places[1], 1.7) * breath;
    colour += backdrop.lights[2].rgb * backdrop.lights[2].a * light(point, places[2], 2.0) * breath;

    // Interleaved gradient noise (Jorge Jimenez, "Next generation post processing in Call of Duty", 2014).
    let noise = fract(52.9829189 * fract(dot(in.position.xy, vec2<f32>(0.06711056, 0.00583715))));
    colour += (noise - 0.5) * 0.0012;
#ifdef SRGB_OUTPUT
    colour = linear_to_srgb(colour);
#endif
    return vec4<f32>(colour, 1.0);
}
