//! The pads. What a pad shows is worked out in two steps: [`PadState`] says what is the case, [`look`] how that looks.
//!
//! | state | seen by colour | seen without colour |
//! |---|---|---|
//! | empty | dark | a point |
//! | clip | a tint of its colour | name, shape of its sound, small triangle |
//! | pressed, no answer yet | | thin wandering dashes |
//! | queued | its colour, blinking on the beat | thick blinking ring, large triangle |
//! | playing | full colour, glowing on the beat | dark text on bright, moving playhead, its shape lit as far as it is played |
//! | playing, stop queued | the same | blinking square and ring |
//! | loading, damaged | dim | turning ring, exclamation mark; the reason under the pointer |
//!
//! What a pad has no room for is left out, never cut: a low pad has its name over the shape, a narrow one has no name.

use super::{
    blink,
    layout::{Layout, Target},
    pointer::Pointer,
};
use crate::{
    ClientSet,
    labels::{Label, Labels},
    link::{Link, Now},
    screen::Screen,
    theme::{self, Rgb},
    tiles::{Board, Dot, Glyph, Sign, Tile, Wave, Waves},
    wishes,
};
use bevy::prelude::*;
use bevy_egui::egui;
use keyboardia_player::PlayerView;
use keyboardia_session::{Action, Beats, Cell, Clip, SceneId, SeatId, TrackId, View};

/// How fast the flash of a launch fades: its share after a second is e to the minus this.
const FLASH_DECAY: f64 = 6.0;
/// Light on what is still to be played, where its text allows so little.
const SHADE: f32 = 0.72;
/// Pads narrower than this show a sign only when it matters.
const COMPACT: f32 = 100.0;
/// Pads narrower than this have no name.
pub(super) const NARROW: f32 = 52.0;
/// Pads lower than this have the name over the shape of the sound, others above it.
const LOW: f32 = 40.0;
/// Pads at least this high have the length as well.
const TALL: f32 = 70.0;
/// Distance of a player's dot from the right edge of a low pad.
const DOT_FROM_RIGHT: f32 = 9.0;
/// The lines of a pad that is not low: from its upper edge to the name, and the height of each.
const TEXT_TOP: f32 = 5.0;
const NAME_HEIGHT: f32 = 16.0;
const LENGTH_HEIGHT: f32 = 14.0;
/// Opacity of a sound's shape: of one that plays, of one that does not, and under a sign.
const WAVE_PLAYING: f32 = 0.8;
const WAVE_IDLE: f32 = 0.5;
const WAVE_SIGNED: f32 = 0.3;
/// What is still to come of a shape, as a share of its opacity; `tile.wgsl` knows it too.
const WAVE_AHEAD: f32 = 0.45;

/// What a pad's clip is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Life {
    Idle,
    Queued,
    Playing { progress: f32, since_start_s: f64, stopping: bool },
}

/// Whether a pad's sound can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Ready,
    Loading,
    Damaged,
}

/// What is the case on a pad that has a clip.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a light of its own, and any may be on with any other")]
struct PadState {
    life: Life,
    health: Health,
    /// Sent, but not answered.
    pending: bool,
    audible: bool,
    /// Whether the transport runs.
    running: bool,
    hovered: bool,
    by: Option<SeatId>,
}

/// The lights that all pads share in a frame.
#[derive(Debug, Clone, Copy)]
struct Lights {
    /// Brightness of what waits.
    blink: f32,
    /// Brightness of the beat.
    pulse: f32,
}

pub(super) fn plugin(app: &mut App) {
    app.add_systems(Update, draw.run_if(in_state(Screen::Jam)).in_set(ClientSet::Draw).in_set(super::Grid));
}

fn draw(
    now: Res<Now>,
    link: Res<Link>,
    layout: Res<Layout>,
    pointer: Res<Pointer>,
    waves: Res<Waves>,
    mut board: ResMut<Board>,
    mut labels: ResMut<Labels>,
) {
    let (Some(player), Some(view)) = (now.player(), now.session()) else { return };
    let lights = Lights { blink: blink(&now), pulse: now.pulse() };
    let bar = view.state.meters().at(view.beat()).signature.bar();
    let recorded_for: Vec<Cell> = recorders(player, view).map(|(_, cell)| cell).collect();
    for track in layout.tracks() {
        for scene in layout.scenes() {
            let pad = Target::Pad(track, scene);
            let hovered = pointer.over == Some(pad);
            let sunk = hovered && pointer.held == Some(pad) || link.is_fresh(track, scene);
            let rect = layout.rect(pad).inflate(if sunk { -1.5 } else { 0.0 });
            let pending = link.is_fresh(track, scene)
                || view.pending.iter().any(|pending| wishes::concerns_pad(&pending.command, view, track, scene));
            let is_recorded = recorded_for.contains(&Cell::new(track, scene));
            let Some(clip) = view.state.track(track).and_then(|track| track.clip(scene)) else {
                let is_coming = player.bringing.iter().any(|sound| sound.cell == Cell::new(track, scene));
                let tile = empty(rect, hovered, pending || is_coming);
                board.push(if is_recorded { recorded(tile, lights) } else { tile });
                continue;
            };
            let state = PadState { pending, hovered, ..state(player, view, track, scene, clip) };
            let by = state.by.and_then(|seat| view.state.player(seat)).map(|player| Rgb::from(player.colour));
            let mut face = look(rect, state, clip.colour.into(), lights);
            face.tile.dot = by.map(|colour| dot(rect, &face, colour));
            face.tile.wave = waves.row(&clip.sound).map(|row| wave(rect, &face, row));
            board.push(if is_recorded { recorded(face.tile, lights) } else { face.tile });
            write(&mut labels, rect, &face, clip, bar);
        }
    }
}

/// What is the case on a pad; whether it is hovered or pending is not known here.
fn state(player: &PlayerView, view: &View, index: TrackId, scene: SceneId, clip: &Clip) -> PadState {
    let mut state = PadState {
        life: Life::Idle,
        health: Health::Ready,
        pending: false,
        audible: view.state.is_audible(index),
        running: view.is_playing(),
        hovered: false,
        by: None,
    };
    if player.damaged.contains_key(&clip.sound) {
        state.health = Health::Damaged;
    } else if player.loading.contains(&clip.sound) {
        state.health = Health::Loading;
    }
    let Some(track) = view.state.track(index) else { return state };
    let beat = view.beat();
    let queued = track.queued_at(beat);
    let playing = track.playing_at(beat).filter(|playing| playing.scene == scene && track.is_sounding_at(beat));
    if let Some(playing) = playing {
        let seconds_per_beat = 1.0 / view.state.transport().last().tempo.beats_per_second();
        state.life = Life::Playing {
            progress: progress(beat - playing.since, clip),
            since_start_s: (beat - playing.since).as_f64() * seconds_per_beat,
            stopping: queued.is_some_and(|queued| queued.action != Action::Launch(scene)),
        };
        state.by = playing.by;
    } else if let Some(queued) = queued.filter(|queued| queued.action == Action::Launch(scene)) {
        state.life = Life::Queued;
        state.by = queued.by;
    }
    state
}

/// How much of a clip has been played, 0 … 1, this long after its start.
fn progress(after: Beats, clip: &Clip) -> f32 {
    let played = if clip.looped { after.within(clip.length) } else { after };
    (played.as_f64() / clip.length.as_f64().max(f64::MIN_POSITIVE)).clamp(0.0, 1.0) as f32
}

/// Who is recording a sound, and for which slot.
pub(super) fn recorders(player: &PlayerView, view: &View) -> impl Iterator<Item = (SeatId, Cell)> {
    let mine = player.recording.as_ref().and_then(|(cell, _)| *cell);
    let theirs = (0..).map(SeatId).zip(&view.peers).filter_map(|(seat, peer)| {
        let is_there = seat != view.me && view.state.player(seat).is_some_and(|player| player.present);
        peer.pointer.records.filter(|_| is_there).map(|cell| (seat, cell))
    });
    mine.map(|cell| (view.me, cell)).into_iter().chain(theirs)
}

/// A pad for which something is being recorded: a red ring that blinks on the beat.
fn recorded(tile: Tile, lights: Lights) -> Tile {
    tile.rimmed(theme::DANGER, lights.blink, 3.0)
}

fn empty(rect: Rect, hovered: bool, pending: bool) -> Tile {
    let rim = if hovered { theme::TEXT_DIM } else { theme::LINE };
    let sign = Sign { glyph: Glyph::Point, radius: 1.6, from_left: rect.width() / 2.0, alpha: 0.7 };
    let tile = Tile::new(rect, theme::SURFACE).rimmed(rim, if hovered || pending { 0.8 } else { 0.45 }, 1.0);
    Tile { fill_alpha: 0.6, dashed: pending, ink: theme::LINE.mix(theme::TEXT_DIM, 0.3), sign: Some(sign), ..tile }
}

/// A pad's tile and the colours of what is written on it.
#[derive(Debug, Clone, Copy)]
struct Face {
    tile: Tile,
    name: Rgb,
    detail: Rgb,
}

/// How a pad with a clip of this colour looks.
fn look(rect: Rect, state: PadState, colour: Rgb, lights: Lights) -> Face {
    let usable = state.health == Health::Ready;
    let tint = match (state.life, state.audible && usable) {
        (Life::Playing { .. }, true) if state.running => 1.0,
        (Life::Playing { .. }, true) => 0.36,
        (Life::Playing { .. }, false) => 0.30,
        (Life::Queued, true) => 0.26,
        (Life::Idle, true) => 0.17,
        (Life::Idle | Life::Queued, false) => 0.07,
    };
    let lift = if state.hovered && tint < 0.3 { 0.08 } else { 0.0 };
    let fill = theme::legible(theme::SURFACE.mix(colour, tint + lift));
    let ink = fill.ink();
    let mut tile = Tile::new(rect, fill);
    let mut glyph = (Glyph::Play, 5.0, 0.9);
    let sign_colour =
        if tint < 1.0 { colour.mix(theme::SURFACE, if state.audible && usable { 0.0 } else { 0.5 }) } else { ink };
    tile = tile.rimmed(colour, if state.hovered { 0.9 } else { tint.max(0.12) * 2.0 }, 1.0);

    match state.life {
        Life::Idle => {}
        Life::Queued => {
            tile = tile.rimmed(colour.mix(theme::TEXT, 0.15), lights.blink, 2.5);
            tile.glow = 0.55 * lights.blink;
            glyph = (Glyph::Play, 7.5, lights.blink);
        }
        Life::Playing { progress, since_start_s, stopping } => {
            tile.progress = Some(progress);
            tile.shade = shade(fill, ink);
            tile.rim_alpha = 0.0;
            if state.audible && state.running {
                tile.flash = (-FLASH_DECAY * since_start_s.max(0.0)).exp() as f32;
                tile.glow = 0.30 + 0.70 * lights.pulse + tile.flash;
            }
            glyph = (Glyph::Play, 6.0 + 1.2 * lights.pulse, 1.0);
            if stopping {
                // The light takes its colour from the rim, and white light would be glaring.
                tile = Tile { glow: tile.glow * 0.35, ..tile.rimmed(theme::TEXT, lights.blink, 2.5) };
                glyph = (Glyph::Stop, 7.0, lights.blink);
            }
        }
    }
    match state.health {
        Health::Ready => {}
        Health::Loading => glyph = (Glyph::Loading, 6.5, 1.0),
        Health::Damaged => glyph = (Glyph::Damaged, 8.0, 1.0),
    }
    if state.pending {
        tile = Tile { dashed: true, ..tile.rimmed(if ink == theme::INK { ink } else { theme::TEXT }, 0.8, 1.5) };
    }
    // A playhead on a bright pad says enough where there is little room.
    let quiet = usable && matches!(state.life, Life::Idle | Life::Playing { stopping: false, .. });
    let from_left = match rect.width() {
        width if width < COMPACT => 12.0,
        _ => 14.0,
    };
    if !(rect.width() < COMPACT && quiet) {
        tile.sign = Some(Sign { glyph: glyph.0, radius: glyph.1, from_left, alpha: glyph.2 });
    }
    tile.ink = if state.health == Health::Damaged {
        theme::WARNING.mix(ink, if tint < 1.0 { 0.0 } else { 1.0 })
    } else {
        sign_colour
    };
    let heard = state.audible && usable;
    let (name, detail) = match ink {
        theme::TEXT if heard => (theme::TEXT, theme::TEXT_DIM.mix(theme::TEXT, 0.35)),
        theme::TEXT => (theme::TEXT_DIM, theme::TEXT_DIM),
        ink => (ink, ink),
    };
    Face { tile, name: theme::readable(name, fill), detail: theme::readable(detail, fill) }
}

/// How dark what is still to be played may be for a text of this ink to be read on it.
fn shade(fill: Rgb, ink: Rgb) -> f32 {
    // A little more than the least contrast, for faces get a little darker towards their lower end.
    let least = theme::CONTRAST_SPARE * theme::CONTRAST_MIN * (ink.luminance() + 0.05) - 0.05;
    if ink == theme::INK { (least / fill.luminance()).clamp(SHADE, 1.0) } else { SHADE }
}

/// Where text and shape begin on a pad, behind its sign.
fn left(width: f32, has_sign: bool) -> f32 {
    match (width < COMPACT, has_sign) {
        (false, _) => 26.0,
        (true, true) => 22.0,
        (true, false) => 8.0,
    }
}

/// The dot of who launched a pad: over its sign where the pad is high enough, else at its right end.
fn dot(rect: Rect, face: &Face, colour: Rgb) -> Dot {
    let over_sign = face.tile.sign.filter(|_| rect.height() >= LOW).map(|sign| sign.from_left);
    Dot { colour, from_left: over_sign.unwrap_or(rect.width() - DOT_FROM_RIGHT) }
}

/// The shape of a pad's sound.
fn wave(rect: Rect, face: &Face, row: u8) -> Wave {
    let has_sign = face.tile.sign.is_some();
    let alpha = if face.tile.progress.is_some() { WAVE_PLAYING } else { WAVE_IDLE };
    let left = left(rect.width(), has_sign);
    match (rect.width() < NARROW, rect.height()) {
        (true, _) => Wave { row, alpha: if has_sign { WAVE_SIGNED } else { alpha }, left: 6.0, top: 4.0 },
        (false, height) if height < LOW => Wave { row, alpha: alpha.min(behind_text(face)), left, top: 3.0 },
        (false, height) => {
            let length = if height < TALL { 0.0 } else { LENGTH_HEIGHT };
            Wave { row, alpha, left, top: TEXT_TOP + NAME_HEIGHT + length + 3.0 }
        }
    }
}

/// The greatest opacity of a shape in the colour of the sign under which the name is still read over it.
fn behind_text(face: &Face) -> f32 {
    let (name, ink, fill) = (face.name.luminance() + 0.05, face.tile.ink.luminance(), face.tile.fill.luminance());
    // A little more than the least contrast, for faces get a little brighter or darker towards their ends.
    let contrast = theme::CONTRAST_MIN * 1.12;
    let limit = if name > fill + 0.05 { name / contrast - 0.05 } else { name * contrast - 0.05 };
    let most = |face: f32| {
        let (room, way) = (limit - face, ink - face);
        if room * way <= 0.0 { if name > fill + 0.05 && way < 0.0 { 1.0 } else { 0.0 } } else { (room / way).min(1.0) }
    };
    if face.tile.progress.is_some() { most(fill).min(most(fill * face.tile.shade) / WAVE_AHEAD) } else { most(fill) }
}

/// Name and length of a clip on its pad, as far as there is room.
fn write(labels: &mut Labels, rect: Rect, face: &Face, clip: &Clip, bar: Beats) {
    if rect.width() < NARROW {
        return;
    }
    let left = rect.min.x + left(rect.width(), face.tile.sign.is_some());
    let dot_at_right = face.tile.dot.is_some() && (rect.height() < LOW || face.tile.sign.is_none());
    let right = rect.max.x - if dot_at_right { 2.0 * DOT_FROM_RIGHT } else { 6.0 };
    let mut line = |top: f32, height: f32, text: String, size: f32, strong: bool, colour: Rgb| {
        let rect = Rect::new(left, top, right, top + height);
        labels.push(Label { rect, align: egui::Align2::LEFT_CENTER, text, size, strong, colour });
    };
    let name = clip.name.to_string();
    if rect.height() < LOW {
        line(rect.min.y, rect.height(), name, 12.5, true, face.name);
        return;
    }
    let top = rect.min.y + TEXT_TOP;
    line(top, NAME_HEIGHT, name, 12.5, true, face.name);
    if rect.height() >= TALL || face.tile.wave.is_none() {
        line(top + NAME_HEIGHT, LENGTH_HEIGHT, length(clip.length, clip.looped, bar), 11.0, false, face.detail);
    }
}

/// A clip's or sound's length as players say it.
pub(crate) fn length(length: Beats, looped: bool, bar: Beats) -> String {
    let beats = length.as_f64();
    let bars = length.as_f64() / bar.as_f64();
    let text = match (bars, beats) {
        (1.0, _) => "1 bar".into(),
        (bars, _) if bars > 1.0 && bars.fract() == 0.0 => format!("{bars} bars"),
        (_, 1.0) => "1 beat".into(),
        (_, beats) => format!("{beats} beats"),
    };
    if looped { text } else { format!("{text}, once") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editing::palette::PALETTE;
    use keyboardia_session::{Manifest, SessionSetup};

    fn clips() -> Vec<Clip> {
        let setup = SessionSetup::starter(&Manifest::builtin().unwrap());
        setup.tracks.iter().flat_map(|track| track.clips.iter().map(|(_, clip)| clip.clone())).collect()
    }

    fn states() -> Vec<PadState> {
        let playing = |stopping| Life::Playing { progress: 0.3, since_start_s: 3.0, stopping };
        let mut states = Vec::new();
        for life in [Life::Idle, Life::Queued, playing(false), playing(true)] {
            for health in [Health::Ready, Health::Loading, Health::Damaged] {
                for bits in 0..8 {
                    let [audible, running, hovered] = [1, 2, 4].map(|bit| bits & bit != 0);
                    states.push(PadState { life, health, pending: false, audible, running, hovered, by: None });
                }
            }
        }
        states
    }

    #[test]
    fn every_text_on_every_pad_has_enough_contrast() {
        let rect = Rect::new(0.0, 0.0, 104.0, 48.0);
        for colour in colours() {
            for state in states() {
                let face = look(rect, state, colour, Lights { blink: 1.0, pulse: 0.0 });
                // The shader lightens and darkens a face by a tenth towards its ends; the text lies in its middle.
                for text in [face.name, face.detail] {
                    let contrast = theme::contrast(text, face.tile.fill);
                    assert!(contrast >= theme::CONTRAST_MIN, "{colour:?} {state:?}: {contrast}");
                }
            }
        }
    }

    /// Colours that clips can have: those of the library, those to choose from, and any that another program sends.
    fn colours() -> impl Iterator<Item = Rgb> {
        let step = |value: usize| (value * 51) as u8;
        let any = (0..216).map(move |index| Rgb([step(index / 36), step(index / 6 % 6), step(index % 6)]));
        let known = clips().into_iter().map(|clip| clip.colour).chain(PALETTE.iter().map(|(colour, _)| *colour));
        known.map(Rgb::from).chain(any)
    }

    #[test]
    fn a_name_over_the_shape_of_its_sound_is_read() {
        let rect = Rect::new(0.0, 0.0, 104.0, 20.0);
        for colour in colours() {
            for state in states() {
                let mut face = look(rect, state, colour, Lights { blink: 1.0, pulse: 0.0 });
                face.tile.wave = Some(wave(rect, &face, 0));
                let Tile { fill, ink, wave: Some(wave), .. } = face.tile else { panic!("it has a shape") };
                let over = |shade: f32, alpha: f32| {
                    let base = fill.luminance() * shade;
                    let (text, under) = (face.name.luminance() + 0.05, base + (ink.luminance() - base) * alpha + 0.05);
                    text.max(under) / text.min(under)
                };
                let played = face.tile.progress.is_some();
                let worst = if played { over(face.tile.shade, wave.alpha * WAVE_AHEAD) } else { f32::MAX };
                let contrast = worst.min(over(1.0, wave.alpha));
                assert!(contrast >= theme::CONTRAST_MIN, "{colour:?} {state:?}: {contrast}");
            }
        }
    }

    #[test]
    fn name_and_shape_stay_on_their_pad_and_apart() {
        for (width, height) in [(34.0, 17.0), (60.0, 20.0), (90.0, 44.0), (104.0, 48.0), (300.0, 120.0)] {
            let rect = Rect::new(10.0, 20.0, 10.0 + width, 20.0 + height);
            for state in states() {
                let mut face = look(rect, state, theme::ACCENT, Lights { blink: 1.0, pulse: 0.0 });
                let shape = wave(rect, &face, 0);
                face.tile.wave = Some(shape);
                assert!(shape.left + 20.0 < width && shape.top + 6.0 < height, "{shape:?} on {width} × {height}");
                let mut labels = Labels::default();
                write(&mut labels, rect, &face, &clips()[0], Beats::whole(4));
                for label in labels.iter() {
                    assert!(rect.union(label.rect) == rect, "{label:?} leaves {rect:?}");
                    assert!(height < LOW || label.rect.max.y <= rect.min.y + shape.top, "{label:?} on {shape:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_still_to_be_played_lies_in_the_shade_and_is_still_read() {
        for fill in colours().map(theme::legible).filter(|fill| fill.ink() == theme::INK) {
            let lit = fill.luminance() * shade(fill, fill.ink());
            let contrast = (lit + 0.05) / (theme::INK.luminance() + 0.05);
            assert!(contrast >= theme::CONTRAST_MIN, "{fill:?}: {contrast}");
        }
    }

    #[test]
    fn states_differ_in_shape_and_not_only_in_colour() {
        let rect = Rect::new(0.0, 0.0, 104.0, 48.0);
        let colour = Rgb([0x4c, 0xc9, 0xff]);
        let at = |life, pending| {
            let state = PadState {
                life,
                health: Health::Ready,
                pending,
                audible: true,
                running: true,
                hovered: false,
                by: None,
            };
            let tile = look(rect, state, colour, Lights { blink: 1.0, pulse: 0.0 }).tile;
            let sign = tile.sign.map(|sign| (sign.glyph, sign.radius as i32));
            (sign, tile.dashed, tile.rim_width.to_bits(), tile.progress.is_some())
        };
        let playing = |stopping| Life::Playing { progress: 0.3, since_start_s: 3.0, stopping };
        let shapes = [
            at(Life::Idle, false),
            at(Life::Idle, true),
            at(Life::Queued, false),
            at(playing(false), false),
            at(playing(true), false),
        ];
        for (index, shape) in shapes.iter().enumerate() {
            assert!(!shapes[index + 1..].contains(shape), "{shape:?} is seen twice");
        }
    }

    #[test]
    fn progress_runs_round_for_loops_and_ends_for_one_shots() {
        let mut clip = clips().swap_remove(0);
        clip.length = Beats::whole(8);
        clip.looped = true;
        assert!((progress(Beats::whole(10), &clip) - 0.25).abs() < 1e-6);
        clip.looped = false;
        assert!((progress(Beats::whole(10), &clip) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn lengths_read_as_players_say_them() {
        for (beats, text) in [(4, "1 bar"), (16, "4 bars"), (1, "1 beat"), (6, "6 beats")] {
            assert_eq!(length(Beats::whole(beats), true, Beats::whole(4)), text);
        }
        assert_eq!(length(Beats::whole(6), false, Beats::whole(4)), "6 beats, once");
    }
}
