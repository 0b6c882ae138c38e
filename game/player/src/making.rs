//! What files and recordings become: samples, and the clips that play them. Takes a while: for a thread that has time, or a
//! window that may wait for a moment.

use crate::{
    recorded::{MadeTake, Recorded},
    view::TakeView,
};
use keyboardia_audio::{
    import::{ImportError, import},
    limits::SHORT_LOOP_S,
    take::{Settings, Shape, Take, finish},
    tempo::loop_guesses,
};
use keyboardia_session::{Beats, Cell, Clip, Gain, Name, SessionState, SoundId, limits::CLIP_BEATS_MAX};

/// What the dither is made from: the same take is the same sound, and so is the same file, whoever brings it.
const SEED: u64 = 0;

/// Makes a sound of a file of WAV, OGG, MP3 or FLAC.
///
/// # Errors
/// Why it cannot be one, as a sentence.
pub fn from_file(bytes: Vec<u8>) -> Result<MadeTake, String> {
    let take = import(bytes).map_err(|error| error.to_string())?;
    let looped = loop_beats(&take).map(|beats| Beats::whole(i64::from(beats)));
    let shape = if looped.is_some() { Shape::WholeLoop } else { Shape::OneShot };
    let finished = finish(&take, &Settings::new(shape, SEED)).map_err(|error| error.to_string())?;
    Ok(MadeTake { finished, looped })
}

/// Said of a file that is larger than any that is read.
pub fn too_large() -> String {
    ImportError::TooLarge.to_string()
}

/// How many beats a file has, if it is long enough to be a loop: the likeliest number.
fn loop_beats(take: &Take) -> Option<u32> {
    let is_long = take.seconds() >= SHORT_LOOP_S;
    is_long.then(|| loop_guesses(take).first().map(|guess| guess.beats)).flatten()
}

/// Makes a sound of a recording.
///
/// # Errors
/// Why it cannot be one, as a sentence.
pub fn from_recording(recorded: Recorded) -> Result<MadeTake, String> {
    recorded.finish(SEED)
}

/// What is seen of a sound that waits for its player's word; `wave` is the recording's shape.
pub fn on_tray(cell: Cell, name: Name, made: &MadeTake, wave: Vec<u8>) -> TakeView {
    let (sound, seconds) = (SoundId::of_sample(made.finished.hash), made.finished.info.duration().as_secs_f32());
    TakeView { sound, name, cell, seconds, looped: made.looped, wave }
}

/// The clip that plays a sound in a slot of this session; it has the colour of its track.
///
/// # Errors
/// Why there is no such slot, as a sentence.
pub fn clip(state: &SessionState, cell: Cell, name: Name, made: &MadeTake) -> Result<Clip, String> {
    let track = state.track(cell.track).ok_or("That track is not there any more.")?;
    // A hit is as fast as it was recorded, at the tempo that is.
    let beats_per_second = state.transport().last().tempo.beats_per_second();
    let seconds = || made.finished.info.duration().as_secs_f64();
    let length = made.looped.unwrap_or_else(|| Beats::from_f64(seconds() * beats_per_second));
    Ok(Clip {
        sound: SoundId::of_sample(made.finished.hash),
        name,
        colour: track.colour,
        length: length.clamp(Beats(1), Beats::whole(CLIP_BEATS_MAX)),
        looped: made.looped.is_some(),
        gain: Gain::UNITY,
        quantise: None,
        author: Name::default(),
    })
}
