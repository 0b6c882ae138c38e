//! One palette, one scale and one type face for everything that is drawn, whether by Bevy or by egui.
//!
//! Colours are kept as sRGB bytes and mixed there; what goes to a shader is made linear at the last moment. All sizes
//! are *design units*: logical pixels divided by [`Scale`], which grows and shrinks the whole interface with the
//! window.

use crate::settings::Settings;
use bevy::{prelude::*, window::PrimaryWindow};
use bevy_egui::{
    EguiContext, PrimaryEguiContext,
    egui::{
        self, Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, FontTweak, Margin, Stroke,
        TextStyle, epaint::text::VariationCoords, style::WidgetVisuals,
    },
};
use keyboardia_session::Colour;
use std::sync::{Arc, LazyLock};

/// The window at which a design unit is a logical pixel.
const DESIGN_SIZE: Vec2 = Vec2::new(1280.0, 720.0);
/// The least room that the layout needs, design units; an enlarged interface stops here.
const ROOM: Vec2 = Vec2::new(1000.0, 577.0);
/// The smallest and the largest scale; below it the layout gives way, above it there is more air.
const SCALE_RANGE: (f32, f32) = (0.9, 3.0);
/// Least scale of all, in a window that is narrower than any on a desktop.
const SCALE_MIN: f32 = 0.25;
const INTER: &[u8] = include_bytes!("../../../assets/fonts/Inter-subset.ttf");
const STRONG: &str = "strong";
/// How much smaller a text may get, step by step, before it is cut.
const SQUEEZES: [f32; 3] = [0.88, 0.8, 0.7];
/// Steps in which a dark colour is lightened.
const LIFT_STEPS: u8 = 20;
/// Height of a line of text as a share of its size.
const LINE_HEIGHT: f32 = 1.25;
/// How far the lines of a text may reach beyond its place: their ascenders and descenders have air of their own.
const CLIP_TOLERANCE: f32 = 3.0;
/// Least contrast of text, WCAG 2 level AA.
pub(crate) const CONTRAST_MIN: f32 = 4.5;
/// Share by which a face that is shaded has more.
pub(crate) const CONTRAST_SPARE: f32 = 1.06;

/// Behind everything.
pub(crate) const BACKGROUND: Rgb = Rgb([0x0d, 0x10, 0x17]);
/// Panels.
pub(crate) const SURFACE: Rgb = Rgb([0x15, 0x1a, 0x24]);
/// Buttons and fields.
pub(crate) const RAISED: Rgb = Rgb([0x20, 0x27, 0x34]);
/// Buttons under the pointer.
pub(crate) const HOVERED: Rgb = Rgb([0x2b, 0x34, 0x45]);
/// Fine lines.
pub(crate) const LINE: Rgb = Rgb([0x2c, 0x35, 0x46]);
/// Text.
pub(crate) const TEXT: Rgb = Rgb([0xec, 0xf0, 0xf7]);
/// Text of less weight.
pub(crate) const TEXT_DIM: Rgb = Rgb([0x9d, 0xa9, 0xbc]);
/// Text on bright colours.
pub(crate) const INK: Rgb = Rgb([0x0a, 0x0c, 0x12]);
/// What plays, and the way forward.
pub(crate) const ACCENT: Rgb = Rgb([0x5e, 0xe6, 0xa8]);
/// What this player alone hears.
pub(crate) const PRIVATE: Rgb = Rgb([0xb9, 0xa6, 0xff]);
/// What deserves a look.
pub(crate) const WARNING: Rgb = Rgb([0xff, 0xc1, 0x5e]);
/// What went wrong.
pub(crate) const DANGER: Rgb = Rgb([0xff, 0x8a, 0x7d]);

/// What an sRGB byte is when it is linear: a frame asks for thousands of them, and each takes a power to work out.
static LINEAR: LazyLock<[f32; 256]> =
    LazyLock::new(|| std::array::from_fn(|byte| LinearRgba::from(Srgba::rgb_u8(byte as u8, 0, 0)).red));

/// An sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) [u8; 3]);

impl Rgb {
    /// This colour with `amount` (0 … 1) of another one, mixed in sRGB.
    pub(crate) fn mix(self, other: Self, amount: f32) -> Self {
        let amount = amount.clamp(0.0, 1.0);
        Self(std::array::from_fn(|i| {
            let (from, to) = (f32::from(self.0[i]), f32::from(other.0[i]));
            (from + (to - from) * amount).round() as u8
        }))
    }

    /// For egui.
    pub(crate) fn egui(self) -> Color32 {
        let [red, green, blue] = self.0;
        Color32::from_rgb(red, green, blue)
    }

    /// For a shader: linear, with an alpha.
    pub(crate) fn linear(self, alpha: f32) -> [f32; 4] {
        let [red, green, blue] = self.0.map(|byte| LINEAR[usize::from(byte)]);
        [red, green, blue, alpha]
    }

    /// Relative luminance as WCAG 2 defines it, 0 … 1.
    pub(crate) fn luminance(self) -> f32 {
        let [red, green, blue, _] = self.linear(1.0);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The text colour, bright or dark, that is read best on this one.
    pub(crate) fn ink(self) -> Self {
        if contrast(self, INK) >= contrast(self, TEXT) { INK } else { TEXT }
    }
}

impl From<Colour> for Rgb {
    fn from(colour: Colour) -> Self {
        Self(colour.0)
    }
}

/// Contrast of two colours as WCAG 2 defines it, 1 … 21.
pub(crate) fn contrast(one: Rgb, other: Rgb) -> f32 {
    let (one, other) = (one.luminance() + 0.05, other.luminance() + 0.05);
    one.max(other) / one.min(other)
}

/// Logical pixels per design unit.
#[derive(Resource, Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale(pub(crate) f32);

impl Scale {
    /// The scale for a window of this many logical pixels.
    pub(crate) fn for_window(size: Vec2) -> Self {
        let fit = (size / DESIGN_SIZE).min_element();
        // In steps, so that type is not drawn anew for each pixel of a resize.
        let stepped = |scale: f32| (scale * 20.0).floor() / 20.0;
        // A phone is narrower than anything else, and its bar at the top has to fit, too.
        let least = stepped(size.x / ROOM.x).clamp(SCALE_MIN, SCALE_RANGE.0);
        Self(stepped(fit).clamp(least, SCALE_RANGE.1))
    }

    /// This scale, made larger or smaller as far as a window of `size` logical pixels has room for it.
    fn resized(self, percent: u16, size: Vec2) -> Self {
        let most = (size / ROOM).min_element().max(self.0);
        Self((self.0 * f32::from(percent) / 100.0).min(most))
    }
}

/// Whether egui has our fonts and style; nothing may be drawn with it before.
#[derive(Resource, Default)]
pub(crate) struct Dressed(bool);

pub(super) fn plugin(app: &mut App) {
    app.insert_resource(Scale(1.0))
        .init_resource::<Dressed>()
        .insert_resource(ClearColor(Color::srgb_u8(BACKGROUND.0[0], BACKGROUND.0[1], BACKGROUND.0[2])))
        .add_systems(PreStartup, |mut commands: Commands| {
            commands.spawn((Camera2d, Msaa::Off));
        })
        .add_systems(First, (follow_window, dress));
}

/// Run condition of everything that draws with egui.
pub(crate) fn is_dressed(dressed: Res<Dressed>) -> bool {
    dressed.0
}

fn follow_window(
    window: Single<&Window, With<PrimaryWindow>>,
    settings: Res<Settings>,
    mut scale: ResMut<Scale>,
    mut context: Single<&mut EguiContext, With<PrimaryEguiContext>>,
) {
    let size = window.size();
    scale.set_if_neq(Scale::for_window(size).resized(settings.graphics.scale_percent, size));
    context.get_mut().set_zoom_factor(scale.0);
}

fn dress(mut dressed: ResMut<Dressed>, mut context: Single<&mut EguiContext, With<PrimaryEguiContext>>) {
    if !dressed.0 {
        let context = context.get_mut();
        context.set_fonts(fonts());
        context.set_theme(egui::Theme::Dark);
        context.all_styles_mut(|style| *style = self::style());
        dressed.0 = true;
    }
}

/// Text of medium weight.
pub(crate) fn font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Text of strong weight.
pub(crate) fn strong(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(STRONG.into()))
}

fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    for (name, weight, family) in
        [("inter", 500.0, FontFamily::Proportional), ("inter-strong", 650.0, FontFamily::Name(STRONG.into()))]
    {
        let tweak = FontTweak {
            coords: VariationCoords::new([(b"wght", weight)]),
            // Grid-fitting would melt the dots of small letters into their stems.
            hinting: Some(false),
            ..default()
        };
        fonts.font_data.insert(name.into(), Arc::new(FontData::from_static(INTER).tweak(tweak)));
        let fallback = fonts.families.get(&FontFamily::Monospace).cloned().unwrap_or_default();
        let faces = fonts.families.entry(family).or_insert(fallback);
        faces.insert(0, name.into());
    }
    fonts
}

fn style() -> egui::Style {
    let text_styles = [
        (TextStyle::Small, font(11.5)),
        (TextStyle::Body, font(13.5)),
        (TextStyle::Button, font(13.5)),
        (TextStyle::Heading, strong(18.0)),
        (TextStyle::Monospace, FontId::new(13.0, FontFamily::Monospace)),
    ]
    .into();
    let mut style = egui::Style { text_styles, animation_time: 0.1, ..egui::Style::default() };
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.15;
    style.spacing.item_spacing = egui::vec2(8.0, 6.0);
    style.spacing.button_padding = egui::vec2(12.0, 6.0);
    style.spacing.interact_size = egui::vec2(32.0, 30.0);
    style.spacing.menu_margin = Margin::same(6);
    style.spacing.combo_height = 320.0;

    let visuals = &mut style.visuals;
    *visuals = egui::Visuals::dark();
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(TEXT_DIM.egui());
    visuals.panel_fill = SURFACE.egui();
    visuals.window_fill = SURFACE.egui();
    visuals.window_stroke = Stroke::new(1.0, LINE.egui());
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(10);
    visuals.extreme_bg_color = BACKGROUND.egui();
    visuals.faint_bg_color = SURFACE.egui();
    visuals.hyperlink_color = ACCENT.egui();
    visuals.warn_fg_color = WARNING.egui();
    visuals.error_fg_color = DANGER.egui();
    visuals.selection.bg_fill = ACCENT.mix(BACKGROUND, 0.7).egui();
    visuals.selection.stroke = Stroke::new(1.0, ACCENT.egui());
    let widget = |fill: Rgb, line: Rgb, text: Rgb| WidgetVisuals {
        bg_fill: fill.egui(),
        weak_bg_fill: fill.egui(),
        bg_stroke: Stroke::new(1.0, line.egui()),
        corner_radius: CornerRadius::same(7),
        fg_stroke: Stroke::new(1.0, text.egui()),
        expansion: 0.0,
    };
    visuals.widgets.noninteractive = widget(SURFACE, LINE, TEXT);
    visuals.widgets.inactive = widget(RAISED, LINE, TEXT);
    visuals.widgets.hovered = widget(HOVERED, LINE.mix(TEXT, 0.25), TEXT);
    visuals.widgets.active = widget(HOVERED, ACCENT, TEXT);
    visuals.widgets.open = widget(HOVERED, LINE.mix(TEXT, 0.25), TEXT);
    style
}

/// This colour if it is read well enough on `surface`, else the one that is read best.
pub(crate) fn readable(colour: Rgb, surface: Rgb) -> Rgb {
    if contrast(colour, surface) >= CONTRAST_MIN { colour } else { surface.ink() }
}

/// This colour, lightened until it is read well enough on `surface`.
pub(crate) fn lifted(colour: Rgb, surface: Rgb) -> Rgb {
    let steps = (0..=LIFT_STEPS).map(|step| colour.mix(TEXT, f32::from(step) / f32::from(LIFT_STEPS)));
    let mut lifted = steps.filter(|lifted| contrast(*lifted, surface) >= CONTRAST_MIN);
    lifted.next().unwrap_or(TEXT)
}

/// This colour, lightened until one of the two inks is read well enough on it, with a little to spare for shade.
pub(crate) fn legible(colour: Rgb) -> Rgb {
    let steps = (0..=LIFT_STEPS).map(|step| colour.mix(TEXT, f32::from(step) / f32::from(LIFT_STEPS)));
    let mut legible = steps.filter(|lighter| contrast(*lighter, lighter.ink()) >= CONTRAST_SPARE * CONTRAST_MIN);
    legible.next().unwrap_or(TEXT)
}

/// A text, painted at the place that `align` names of `rect`: a little smaller and, where there is height for it, in two
/// rows if that makes it fit; cut with an ellipsis if nothing does.
pub(crate) fn label(
    painter: &egui::Painter,
    rect: egui::Rect,
    align: egui::Align2,
    text: &str,
    font: FontId,
    colour: Color32,
) {
    let layout = |font: FontId, rows: usize| {
        let mut job = egui::text::LayoutJob::simple_singleline(text.into(), font, colour);
        job.wrap =
            egui::text::TextWrapping { max_rows: rows, ..egui::text::TextWrapping::truncate_at_width(rect.width()) };
        job.wrap.break_anywhere = rows == 1;
        painter.layout_job(job)
    };
    let mut galley = layout(font.clone(), 1);
    for squeeze in SQUEEZES {
        if !galley.elided {
            break;
        }
        let smaller = FontId { size: font.size * squeeze, ..font.clone() };
        let rows = (rect.height() / (smaller.size * LINE_HEIGHT)).floor().clamp(1.0, 2.0);
        galley = layout(smaller, rows as usize);
    }
    let place = align.align_size_within_rect(galley.size(), rect);
    if galley.elided || !rect.expand(CLIP_TOLERANCE).contains_rect(place) {
        crate::labels::note_clipped(painter.ctx(), text);
    }
    painter.galley(place.min, galley, colour);
}

/// A rectangle for egui.
pub(crate) fn egui_rect(rect: Rect) -> egui::Rect {
    egui::Rect::from_min_max(egui::pos2(rect.min.x, rect.min.y), egui::pos2(rect.max.x, rect.max.y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_on_every_surface() {
        for surface in [BACKGROUND, SURFACE, RAISED, HOVERED] {
            for text in [TEXT, TEXT_DIM, ACCENT, PRIVATE, WARNING, DANGER] {
                assert!(
                    contrast(text, surface) >= CONTRAST_MIN,
                    "{text:?} on {surface:?}: {}",
                    contrast(text, surface)
                );
            }
        }
    }

    #[test]
    fn black_on_white_has_the_full_contrast() {
        assert!((contrast(Rgb([0; 3]), Rgb([255; 3])) - 21.0).abs() < 0.01);
    }

    #[test]
    fn the_interface_grows_with_the_window_but_stays_readable() {
        assert_eq!(Scale::for_window(Vec2::new(1280.0, 720.0)), Scale(1.0));
        assert_eq!(Scale::for_window(Vec2::new(2560.0, 1440.0)), Scale(2.0));
        assert_eq!(Scale::for_window(Vec2::new(900.0, 520.0)), Scale(0.9));
        assert_eq!(Scale::for_window(Vec2::new(844.0, 390.0)), Scale(0.8), "a phone on its side");
    }

    #[test]
    fn an_enlarged_interface_stops_where_the_layout_would_break() {
        for size in [(900.0, 520.0), (1024.0, 600.0), (1280.0, 720.0), (2560.0, 1440.0)].map(Vec2::from) {
            for percent in [80, 100, 120, 150] {
                let room = size / Scale::for_window(size).resized(percent, size).0;
                assert!(room.cmpge(ROOM - 0.5).all(), "{room} at {percent} % of {size}");
            }
        }
        let large = Vec2::new(2560.0, 1440.0);
        assert!(Scale::for_window(large).resized(120, large).0 > Scale::for_window(large).0);
    }

    #[test]
    fn whatever_colour_a_clip_or_a_player_has_a_text_on_it_is_read() {
        let steps: [u8; 6] = [0, 51, 102, 153, 204, 255];
        for red in steps {
            for green in steps {
                for blue in steps {
                    let fill = legible(Rgb([red, green, blue]));
                    assert!(contrast(fill.ink(), fill) >= CONTRAST_MIN, "{red} {green} {blue}");
                }
            }
        }
    }

    #[test]
    fn every_colour_of_a_player_can_be_read_as_text() {
        for colour in [[0; 3], [0x20, 0x10, 0x60], [0xff, 0, 0], [0, 0, 0xff], [0xff; 3]].map(Rgb) {
            for surface in [BACKGROUND, SURFACE, RAISED] {
                assert!(contrast(lifted(colour, surface), surface) >= CONTRAST_MIN, "{colour:?}");
            }
        }
        assert_eq!(lifted(ACCENT, SURFACE), ACCENT, "what can be read stays as it is");
    }
}
