//! Shapes that egui would turn into triangles anew in every frame, turned into triangles once.
//!
//! Panels draw the same rounded rectangles, lines and icons frame after frame; rounding and smoothing their edges is the
//! largest part of what egui does, and their triangles the largest part of what goes to the graphics adapter. Between the
//! end of egui's pass and its tessellation, all shapes of a panel become one mesh: each shape that was seen before is the
//! mesh that it was then, and rounded rectangles and rings are ours, which have a third of the triangles and look the same.

use bevy::{
    asset::AssetEventSystems,
    platform::{collections::HashMap, hash::FixedHasher},
    prelude::{App, IntoScheduleConfigs, PostUpdate, Query, ResMut, Resource},
};
use bevy_egui::{
    EguiContext, EguiFullOutput, EguiPostUpdateSet,
    egui::{
        Color32, Context, Rect as EguiRect, Shape, Stroke, StrokeKind, Vec2,
        epaint::{ClippedShape, ColorMode, Mesh, Primitive, Tessellator},
        pos2, vec2,
    },
};
use std::{
    hash::{BuildHasher, Hash, Hasher},
    mem,
    sync::Arc,
};

/// Meshes kept at most; beyond that, those that were not used in the last frame go.
const MESHES_MAX: usize = 2_048;

/// The meshes of shapes.
#[derive(Resource, Default)]
pub(crate) struct Tessellated {
    meshes: HashMap<u64, Kept>,
    /// Pixels per point, and the size of the texture of letters and discs, for which they were made.
    made_for: (f32, [usize; 2]),
    frame: u64,
    /// Vertices and indices of the meshes of the last frame, in their order.
    sizes: Vec<(usize, usize)>,
}

/// A shape and what it looks like.
struct Kept {
    shape: Shape,
    mesh: Arc<Mesh>,
    used: u64,
}

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Tessellated>()
        .add_systems(PostUpdate, replace.after(EguiPostUpdateSet::EndPass).before(EguiPostUpdateSet::ProcessOutput))
        // Otherwise the renderer hears of new letters a frame after the text that has them, which then shows gaps.
        .configure_sets(PostUpdate, EguiPostUpdateSet::PostProcessOutput.before(AssetEventSystems));
}

pub(crate) fn replace(
    mut contexts: Query<(&mut EguiContext, &mut EguiFullOutput)>,
    mut tessellated: ResMut<Tessellated>,
) {
    for (mut context, mut output) in &mut contexts {
        let Some(output) = &mut output.0 else { continue };
        let shapes = mem::take(&mut output.shapes);
        output.shapes = tessellated.merge(context.get_mut(), shapes, output.pixels_per_point);
    }
}

/// A mesh that shapes are added to, and those that are finished.
struct Merging {
    clip: EguiRect,
    mesh: Mesh,
    done: Vec<ClippedShape>,
    letters: Tessellator,
}

impl Merging {
    /// Adds a mesh; one with a texture of its own stays by itself.
    fn add(&mut self, mesh: &Arc<Mesh>) {
        if mesh.texture_id == self.mesh.texture_id {
            self.mesh.append_ref(mesh);
        } else if !mesh.is_empty() {
            self.finish();
            self.done.push(ClippedShape { clip_rect: self.clip, shape: Shape::Mesh(Arc::clone(mesh)) });
        }
    }

    fn finish(&mut self) {
        let mesh = mem::take(&mut self.mesh);
        if !mesh.is_empty() {
            self.done.push(ClippedShape { clip_rect: self.clip, shape: Shape::mesh(mesh) });
        }
    }
}

impl Tessellated {
    /// One mesh for all neighbours with one clip rectangle.
    fn merge(&mut self, context: &Context, shapes: Vec<ClippedShape>, density: f32) -> Vec<ClippedShape> {
        let made_for = (density, texture_size(context));
        self.begin(made_for);
        let options = context.tessellation_options(|options| *options);
        let mut merging = Merging {
            clip: EguiRect::NOTHING,
            mesh: Mesh::default(),
            done: Vec::new(),
            letters: Tessellator::new(density, options, made_for.1, Vec::new()),
        };
        for ClippedShape { clip_rect, shape } in shapes {
            if clip_rect != merging.clip {
                merging.finish();
                merging.clip = clip_rect;
                merging.letters.set_clip_rect(clip_rect);
                let (vertices, indices) = self.sizes.get(merging.done.len()).copied().unwrap_or_default();
                merging.mesh.vertices.reserve(vertices);
                merging.mesh.indices.reserve(indices);
            }
            self.add(context, shape, &mut merging);
        }
        merging.finish();
        let size = |clipped: &ClippedShape| match &clipped.shape {
            Shape::Mesh(mesh) => (mesh.vertices.len(), mesh.indices.len()),
            _ => (0, 0),
        };
        self.sizes = merging.done.iter().map(size).collect();
        merging.done
    }

    fn begin(&mut self, made_for: (f32, [usize; 2])) {
        self.frame += 1;
        if self.made_for != made_for {
            self.made_for = made_for;
            self.meshes.clear();
        }
        if self.meshes.len() > MESHES_MAX {
            let last = self.frame - 1;
            self.meshes.retain(|_, kept| kept.used >= last);
        }
    }

    fn add(&mut self, context: &Context, shape: Shape, merging: &mut Merging) {
        match shape {
            Shape::Noop => {}
            Shape::Vec(shapes) => shapes.into_iter().for_each(|shape| self.add(context, shape, merging)),
            Shape::Text(text) => merging.letters.tessellate_text(&text, &mut merging.mesh),
            Shape::Mesh(mesh) => merging.add(&mesh),
            Shape::Callback(_) => {
                merging.finish();
                merging.done.push(ClippedShape { clip_rect: merging.clip, shape });
            }
            shape => {
                if merging.clip.intersects(shape.visual_bounding_rect()) {
                    merging.add(&self.mesh(context, shape));
                }
            }
        }
    }

    /// What a shape looks like.
    fn mesh(&mut self, context: &Context, shape: Shape) -> Arc<Mesh> {
        let key = key(&shape);
        if let Some(kept) = self.meshes.get_mut(&key).filter(|kept| kept.shape == shape) {
            kept.used = self.frame;
            return Arc::clone(&kept.mesh);
        }
        let density = self.made_for.0;
        let mesh = Outline::of(&shape, density)
            .map_or_else(|| theirs(context, shape.clone(), density), |outline| outline.mesh(1.0 / density));
        let mesh = Arc::new(mesh);
        self.meshes.insert(key, Kept { shape, mesh: Arc::clone(&mesh), used: self.frame });
        mesh
    }
}

/// Size of the texture of letters and discs.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the method's lifetimes are not general enough")]
fn texture_size(context: &Context) -> [usize; 2] {
    context.fonts(|fonts| fonts.font_image_size())
}

/// What egui makes of a shape.
fn theirs(context: &Context, shape: Shape, density: f32) -> Mesh {
    let primitives = context.tessellate(vec![ClippedShape { clip_rect: EguiRect::EVERYTHING, shape }], density);
    let meshes = primitives.into_iter().map(|clipped| match clipped.primitive {
        Primitive::Mesh(mesh) => mesh,
        Primitive::Callback(_) => Mesh::default(),
    });
    meshes.fold(Mesh::default(), |mut all, mesh| {
        all.append(mesh);
        all
    })
}

/// What tells a shape from most others.
fn key(shape: &Shape) -> u64 {
    let mut hasher = FixedHasher.build_hasher();
    mem::discriminant(shape).hash(&mut hasher);
    let number = |number: f32| number.to_bits().hash(&mut hasher);
    match shape {
        Shape::Rect(rect) => {
            let EguiRect { min, max } = rect.rect;
            [min.x, min.y, max.x, max.y].into_iter().for_each(number);
            (rect.corner_radius, rect.fill, rect.stroke).hash(&mut hasher);
        }
        Shape::LineSegment { points, stroke } => {
            points.iter().flat_map(|point| [point.x, point.y]).for_each(number);
            stroke.hash(&mut hasher);
        }
        Shape::Path(path) => {
            path.points.iter().flat_map(|point| [point.x, point.y]).for_each(number);
            path.fill.hash(&mut hasher);
            if let ColorMode::Solid(colour) = path.stroke.color {
                colour.hash(&mut hasher);
            }
        }
        Shape::Circle(circle) => {
            [circle.center.x, circle.center.y, circle.radius].into_iter().for_each(number);
            (circle.fill, circle.stroke).hash(&mut hasher);
        }
        other => {
            let EguiRect { min, max } = other.visual_bounding_rect();
            [min.x, min.y, max.x, max.y].into_iter().for_each(number);
        }
    }
    hasher.finish()
}

/// Largest distance of a round edge from its straight pieces, pixels.
const ROUND_ERROR: f32 = 0.2;

/// A rounded rectangle: its outer edge, and the stroke inside of it.
struct Outline {
    rect: EguiRect,
    /// Of its corners, from the upper left one clockwise.
    radii: [f32; 4],
    fill: Color32,
    stroke: Stroke,
}

impl Outline {
    /// The outline of a shape, if it is one that has ours.
    fn of(shape: &Shape, density: f32) -> Option<Self> {
        let outline = match shape {
            Shape::Rect(shape)
                if shape.blur_width == 0.0
                    && shape.angle == 0.0
                    && shape.brush.is_none()
                    && shape.round_to_pixels != Some(false) =>
            {
                let stroke = Self::visible(shape.stroke);
                let outside = match shape.stroke_kind {
                    StrokeKind::Outside => stroke.width,
                    StrokeKind::Inside => 0.0,
                    StrokeKind::Middle if stroke.width == 0.0 => 0.0,
                    StrokeKind::Middle => return None,
                };
                let whole = |length: f32| (length * density).round() / density;
                let [left, top, right, bottom] =
                    [shape.rect.min.x, shape.rect.min.y, shape.rect.max.x, shape.rect.max.y].map(whole);
                let rect = EguiRect::from_min_max(pos2(left, top), pos2(right, bottom)).expand(outside);
                let corners = shape.corner_radius;
                let limit = rect.size().min_elem() / 2.0;
                let radius = |radius: u8| if radius == 0 { 0.0 } else { (f32::from(radius) + outside).min(limit) };
                Self {
                    rect,
                    radii: [corners.nw, corners.ne, corners.se, corners.sw].map(radius),
                    fill: shape.fill,
                    stroke,
                }
            }
            // Discs are one piece of a texture.
            Shape::Circle(circle) if circle.stroke != Stroke::NONE => {
                let stroke = Self::visible(circle.stroke);
                let radius = circle.radius + stroke.width;
                let rect = EguiRect::from_center_size(circle.center, Vec2::splat(2.0 * radius));
                Self { rect, radii: [radius; 4], fill: circle.fill, stroke }
            }
            _ => return None,
        };
        // Thin things are lines, and what is all stroke is left to egui too.
        let room = outline.rect.size().min_elem() - 2.0 * outline.stroke.width;
        (room > 2.0 / density && outline.rect.is_finite()).then_some(outline)
    }

    fn visible(stroke: Stroke) -> Stroke {
        if stroke.is_empty() { Stroke::NONE } else { stroke }
    }

    /// Rings of points from the inside to the outside, `pixel` apart where an edge is, and triangles between them.
    fn mesh(&self, pixel: f32) -> Mesh {
        let half = pixel / 2.0;
        let Stroke { width, color } = self.stroke;
        let mut rings = Vec::with_capacity(4);
        if width > 0.0 {
            rings.push((-width - half, self.fill));
            if width > pixel {
                rings.extend([(half - width, color), (-half, color)]);
            } else {
                rings.push((-width / 2.0, color.gamma_multiply(width / pixel)));
            }
        } else {
            rings.push((-half, self.fill));
        }
        rings.push((half, Color32::TRANSPARENT));

        let mut mesh = Mesh::default();
        let pieces = self.radii.map(|radius| pieces(radius, pixel));
        let around = pieces.iter().map(|pieces| pieces + 1).sum::<u32>();
        for (outwards, colour) in &rings {
            for (corner, (radius, pieces)) in self.radii.iter().zip(pieces).enumerate() {
                // From here the corner is round.
                let middle = self.rect.shrink(*radius);
                let centre =
                    [middle.left_top(), middle.right_top(), middle.right_bottom(), middle.left_bottom()][corner];
                if pieces == 0 {
                    let out = [vec2(-1.0, -1.0), vec2(1.0, -1.0), vec2(1.0, 1.0), vec2(-1.0, 1.0)][corner];
                    mesh.colored_vertex(centre + out * (radius + outwards), *colour);
                    continue;
                }
                for piece in 0..=pieces {
                    let quarters = corner as f32 + piece as f32 / pieces as f32;
                    let angle = std::f32::consts::PI + quarters * std::f32::consts::FRAC_PI_2;
                    mesh.colored_vertex(centre + Vec2::angled(angle) * (radius + outwards).max(0.0), *colour);
                }
            }
        }
        let filled = self.fill != Color32::TRANSPARENT;
        if !filled && width <= 0.0 {
            return Mesh::default();
        }
        for at in if filled { 2..around } else { 0..0 } {
            mesh.add_triangle(0, at - 1, at);
        }
        for ring in 0..rings.len() as u32 - 1 {
            let (inner, outer) = (ring * around, (ring + 1) * around);
            for at in 0..around {
                let next = (at + 1) % around;
                mesh.add_triangle(inner + at, outer + at, outer + next);
                mesh.add_triangle(inner + at, outer + next, inner + next);
            }
        }
        mesh
    }
}

/// Straight pieces of which a corner of this radius is made.
fn pieces(radius: f32, pixel: f32) -> u32 {
    let pixels = radius / pixel;
    if pixels < 0.5 {
        return 0;
    }
    let angle = 2.0 * (1.0 - ROUND_ERROR / pixels).acos();
    (std::f32::consts::FRAC_PI_2 / angle).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use bevy_egui::egui::{CornerRadius, FontId, Pos2, RawInput, TextureId, epaint::RectShape};

    /// Area of a mesh, weighted by the opacity of its triangles.
    fn ink(mesh: &Mesh) -> f32 {
        let corner = |index: &u32| &mesh.vertices[*index as usize];
        let triangles = mesh.indices.chunks_exact(3);
        let area = |triangle: &[u32]| {
            let [a, b, c] = [0, 1, 2].map(|side| corner(&triangle[side]));
            let cross = (b.pos - a.pos).x * (c.pos - a.pos).y - (b.pos - a.pos).y * (c.pos - a.pos).x;
            let alpha = [a, b, c].iter().map(|vertex| f32::from(vertex.color.a()) / 255.0).sum::<f32>() / 3.0;
            cross.abs() / 2.0 * alpha
        };
        triangles.map(area).sum()
    }

    fn context() -> Context {
        let context = Context::default();
        let _ = context.run_ui(RawInput::default(), |_| {});
        context
    }

    fn shapes() -> Vec<Shape> {
        let rect = EguiRect::from_min_size(pos2(10.0, 20.0), vec2(60.0, 24.0));
        let stroke = Stroke::new(1.0, Color32::RED);
        let mut shapes = Vec::new();
        for radius in [CornerRadius::ZERO, CornerRadius::same(5), CornerRadius { nw: 9, ..CornerRadius::same(3) }] {
            for stroke in [Stroke::NONE, stroke, Stroke::new(2.5, Color32::BLUE)] {
                for fill in [Color32::WHITE, Color32::TRANSPARENT] {
                    for kind in [StrokeKind::Inside, StrokeKind::Outside] {
                        shapes.push(Shape::Rect(RectShape::new(rect, radius, fill, stroke, kind)));
                    }
                }
            }
        }
        shapes.push(Shape::circle_stroke(pos2(30.0, 30.0), 12.0, stroke));
        shapes
    }

    #[test]
    fn our_outlines_cover_what_theirs_cover_with_fewer_triangles() {
        let context = context();
        for density in [1.0, 1.5, 2.0] {
            for shape in shapes() {
                let theirs = theirs(&context, shape.clone(), density);
                let ours = Outline::of(&shape, density).unwrap().mesh(1.0 / density);
                assert!(ours.is_valid());
                let (one, other) = (ink(&ours), ink(&theirs));
                assert!((one - other).abs() <= 0.03 * other.max(60.0), "{one} and {other}: {shape:?} at {density}");
                let off = (ours.calc_bounds().size() - theirs.calc_bounds().size()).length();
                assert!(
                    ours.is_empty() == theirs.is_empty() && (ours.is_empty() || off < 1.2 / density),
                    "{shape:?} at {density} is {off} larger"
                );
                assert!(ours.indices.len() <= theirs.indices.len().max(6 * 3 * 12), "{shape:?} at {density}");
            }
        }
    }

    #[test]
    fn what_is_no_outline_is_left_alone() {
        let line = Shape::line_segment([Pos2::ZERO, pos2(9.0, 0.0)], Stroke::new(1.0, Color32::RED));
        let thin = Shape::rect_filled(EguiRect::from_min_size(Pos2::ZERO, vec2(1.0, 50.0)), 0, Color32::RED);
        let endless = Shape::rect_filled(EguiRect::EVERYTHING, 0, Color32::RED);
        for shape in [line, thin, endless] {
            assert!(Outline::of(&shape, 1.0).is_none(), "{shape:?}");
        }
    }

    #[test]
    fn neighbours_with_one_clip_rectangle_become_one_mesh_that_covers_what_they_cover() {
        let (context, mut tessellated) = (context(), Tessellated::default());
        let text =
            context.fonts_mut(|fonts| fonts.layout_no_wrap("Keyboardia".into(), FontId::default(), Color32::RED));
        let text = Shape::galley(pos2(20.0, 20.0), text, Color32::RED);
        let disc = Shape::circle_filled(pos2(40.0, 40.0), 4.0, Color32::BLUE);
        let all: Vec<Shape> = shapes().into_iter().chain([text, disc]).collect();
        let clips = [EguiRect::EVERYTHING, EguiRect::from_min_size(Pos2::ZERO, vec2(200.0, 200.0))];
        let clipped = |clip_rect| all.iter().map(move |shape| ClippedShape { clip_rect, shape: shape.clone() });
        let shapes: Vec<ClippedShape> = clips.into_iter().flat_map(clipped).collect();
        for _ in 0..2 {
            let merged = tessellated.merge(&context, shapes.clone(), 1.0);
            assert_eq!(merged.iter().map(|clipped| clipped.clip_rect).collect::<Vec<_>>(), clips);
            for mesh in merged {
                let Shape::Mesh(mesh) = mesh.shape else { panic!("a mesh") };
                let theirs: f32 = all.iter().map(|shape| ink(&theirs(&context, shape.clone(), 1.0))).sum();
                assert!((ink(&mesh) / theirs - 1.0).abs() < 0.02 && mesh.is_valid(), "{} and {theirs}", ink(&mesh));
            }
        }
    }

    #[test]
    fn what_has_a_texture_of_its_own_stays_by_itself_and_in_its_place() {
        let (context, mut tessellated) = (context(), Tessellated::default());
        let rect = EguiRect::from_min_size(pos2(10.0, 20.0), vec2(60.0, 24.0));
        let plain = Shape::rect_filled(rect, 3, Color32::RED);
        let picture = TextureId::User(7);
        let brushed = RectShape::filled(rect, 3, Color32::WHITE).with_texture(picture, rect);
        let mesh = Shape::image(picture, rect, rect, Color32::WHITE);
        let shapes = [plain.clone(), brushed.into(), plain.clone(), mesh, plain];
        let clipped = shapes.map(|shape| ClippedShape { clip_rect: EguiRect::EVERYTHING, shape });
        let merged = tessellated.merge(&context, clipped.into(), 1.0);
        let textures = merged.iter().map(|clipped| clipped.shape.texture_id()).collect::<Vec<_>>();
        let letters = TextureId::default();
        assert_eq!(textures, [letters, picture, letters, picture, letters]);
    }

    #[test]
    fn a_shape_is_worked_out_once_and_old_ones_go() {
        let (context, mut tessellated) = (context(), Tessellated::default());
        let mesh_of = |tessellated: &mut Tessellated, x: f32| {
            let rect = EguiRect::from_min_size(pos2(x, 0.0), vec2(9.0, 9.0));
            tessellated.mesh(&context, Shape::rect_filled(rect, 3, Color32::RED))
        };
        tessellated.begin((1.0, [1, 1]));
        let first = mesh_of(&mut tessellated, 0.0);
        assert!(Arc::ptr_eq(&first, &mesh_of(&mut tessellated, 0.0)));
        tessellated.begin((2.0, [1, 1]));
        assert!(!Arc::ptr_eq(&first, &mesh_of(&mut tessellated, 0.0)), "another density");
        for x in 0..=MESHES_MAX {
            mesh_of(&mut tessellated, x as f32);
        }
        tessellated.begin((2.0, [1, 1]));
        mesh_of(&mut tessellated, 0.0);
        for _ in 0..2 {
            tessellated.begin((2.0, [1, 1]));
        }
        assert!(tessellated.meshes.len() <= MESHES_MAX);
    }
}
