//! Every bound of the sound, in one place.

/// Voices that sound at once; when one more starts, the oldest is faded out.
pub const VOICES_MAX: usize = 64;
/// Voices of one deck: the one that plays, and those that still fade.
pub const DECK_VOICES_MAX: usize = 8;
/// Tracks of one engine.
pub const ENGINE_TRACKS_MAX: usize = 128;
/// Frames that are rendered in one piece; longer requests are split.
pub const BLOCK_FRAMES_MAX: usize = 128;
/// Plans that may wait for a deck.
pub const PLANS_WAITING_MAX: usize = 64;
/// Voices of the preview: the one that plays, and those that still fade. The one that plays is one of [`VOICES_MAX`].
pub const PREVIEW_VOICES_MAX: usize = 4;
/// Previews that may wait for the callback.
pub const PREVIEWS_WAITING_MAX: usize = 16;
/// Bars that a looped preview plays, unless it is stopped before.
pub const PREVIEW_BARS_MAX: i64 = 8;
/// Volume of a preview, linear (−6 dB), so that it sits with the mix.
pub const PREVIEW_GAIN: f32 = 0.5;
/// Ticks of the metronome that ring at once; they are beside [`VOICES_MAX`].
pub const METRONOME_VOICES_MAX: usize = 4;
/// Length of a tick of the metronome, seconds.
pub const TICK_S: f64 = 0.06;
/// Onsets that may wait to be read.
pub const ONSETS_WAITING_MAX: usize = 256;
/// Messages that may wait for an engine at the other end of a port.
pub const TO_ENGINE_WAITING_MAX: usize = 1_024;
/// Longest sound, frames at 48 kHz (64 s and some slack for slow tempos).
pub const SAMPLE_FRAMES_MAX: usize = 48_000 * 80;
/// Largest sound file that is looked at, bytes.
pub const SOUND_FILE_BYTES_MAX: usize = 24 * 1024 * 1024;

/// A frame that comes this little before its beat (in frames) is on it: rounding must not cost a whole frame.
pub const ON_TIME_FRAMES: f64 = 1e-3;
/// Fade of a voice's beginning, seconds.
pub const ATTACK_S: f64 = 0.001;
/// Fade of a stop, of a replaced voice, and of a start in mid-clip, seconds.
pub const RELEASE_S: f64 = 0.005;
/// Time that a change of volume (of a track, a clip, one's own ears), mute, solo or pan takes, seconds.
pub const MIX_TWEEN_S: f64 = 0.012;

/// How fast a shown level falls, decibels per second.
pub const LEVEL_FALL_DB_PER_S: f64 = 24.0;
/// Level below which silence is shown, linear (−80 dB).
pub const LEVEL_FLOOR: f32 = 1e-4;

/// Largest deviation of the clock's speed while it follows the session, as a share of the tempo.
pub const NUDGE_MAX: f64 = 0.002;
/// Phase error beyond which the clock jumps instead of being nudged, seconds.
pub const JUMP_THRESHOLD_S: f64 = 0.020;
/// The same where a new timeline has just been heard of, too late, seconds.
pub const LATE_CHANGE_S: f64 = 0.002;
/// Phase error below which nothing jumps, whatever has happened, seconds.
pub const JUMP_LEAST_S: f64 = 0.000_25;

/// Look-ahead of the limiter, seconds.
pub const LIMITER_LOOKAHEAD_S: f64 = 0.001_5;
/// Ceiling of the limiter, linear (−0.3 dBFS).
pub const LIMITER_CEILING: f32 = 0.966;
/// Time in which the limiter lets go, seconds.
pub const LIMITER_RELEASE_S: f64 = 0.08;
