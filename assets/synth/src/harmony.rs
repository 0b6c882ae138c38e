//! What all pitched loops share: A minor, Am – F – C – G, a bar each.

use crate::canvas::Canvas;

/// Roots of the four bars in the bass, as MIDI notes: A, F, C, G.
pub(crate) const ROOTS: [f64; 4] = [33.0, 29.0, 36.0, 31.0];

/// Wide voicings with ninths, near to each other: Am9, Fmaj9, C(add 9), G6.
pub(crate) const WIDE: [[f64; 5]; 4] = [
    [57.0, 60.0, 64.0, 67.0, 71.0],
    [53.0, 57.0, 60.0, 64.0, 67.0],
    [55.0, 60.0, 62.0, 64.0, 67.0],
    [55.0, 59.0, 62.0, 64.0, 69.0],
];

/// Close triads, near to each other.
pub(crate) const CLOSE: [[f64; 4]; 4] =
    [[57.0, 60.0, 64.0, 69.0], [57.0, 60.0, 65.0, 69.0], [55.0, 60.0, 64.0, 67.0], [55.0, 59.0, 62.0, 67.0]];

/// A note of a melody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    /// When, in beats.
    pub(crate) beat: f64,
    /// MIDI note.
    pub(crate) pitch: f64,
    /// How long it is held, in beats.
    pub(crate) held: f64,
    /// How hard, 0 … 1.
    pub(crate) velocity: f64,
}

/// A note; the arguments are its fields in order.
pub(crate) const fn note(beat: f64, pitch: f64, held: f64, velocity: f64) -> Note {
    Note { beat, pitch, held, velocity }
}

/// Adds a voice for each note. `voice` gets the canvas, a note and its number.
pub(crate) fn sing(canvas: &mut Canvas, notes: &[Note], mut voice: impl FnMut(&mut Canvas, Note, u64)) {
    for (n, note) in notes.iter().enumerate() {
        voice(canvas, *note, n as u64);
    }
}

/// A single voice that glides: the note that sounds at a beat, and the beats since it began. `None` between notes.
pub(crate) fn sounding(notes: &[Note], beat: f64) -> Option<(Note, f64)> {
    let note = notes.iter().rfind(|note| note.beat <= beat)?;
    let since = beat - note.beat;
    (since < note.held).then_some((*note, since))
}
