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

/// Lowest rate of a recording or an imported file, Hz.
pub const TAKE_RATE_MIN_HZ: u32 = 8_000;
/// Highest rate of a recording or an imported file, Hz.
pub const TAKE_RATE_MAX_HZ: u32 = 192_000;
/// Longest recording or imported file before it is cut, seconds: the longest sample, a count-in, and some slack.
pub const TAKE_SECONDS_MAX: u32 = 80;
/// Peak below which a take is silent, linear (−72 dB).
pub const TAKE_SILENT_PEAK: f32 = 2.5e-4;
/// Length of the stretches whose means tell how far a device is off zero, seconds.
pub const DC_BLOCK_S: f64 = 0.1;
/// Peak below which the ends of a one-shot are silence, linear (−60 dB).
pub const TRIM_FLOOR: f32 = 1e-3;
/// The same, as a share of the take's own peak (−46 dB).
pub const TRIM_SHARE: f32 = 0.005;
/// What is kept before the first loud frame of a one-shot, seconds.
pub const TRIM_BEFORE_S: f64 = 0.005;
/// What is kept after the last loud frame of a one-shot, seconds.
pub const TRIM_AFTER_S: f64 = 0.050;
/// Fade of a take's beginning, seconds.
pub const EDGE_IN_S: f64 = 0.001;
/// Fade of a take's end, seconds.
pub const EDGE_OUT_S: f64 = 0.005;
/// Longest crossfade over the seam of a loop, seconds.
pub const SEAM_S_MAX: f64 = 0.010;
/// Longest crossfade over the seam of a loop, as a share of the loop.
pub const SEAM_SHARE_MAX: f64 = 0.125;
/// How far beyond a recording's ends a cut may reach, frames: rounding must not cost a take.
pub const CUT_SLACK_FRAMES: f64 = 0.5;
/// Difference of two channels below which they are one, decibels below their sum.
pub const MONO_DB: f64 = -50.0;
/// Loudness of a finished take unless another is asked for, LUFS: that of the library.
pub const TAKE_LUFS: f64 = -16.0;
/// Quietest and loudest loudness that can be asked for, LUFS.
pub const TAKE_LUFS_RANGE: [f64; 2] = [-40.0, -6.0];
/// Most by which a take is made louder, decibels: beyond that one would hear the room only.
pub const TAKE_GAIN_MAX_DB: f64 = 40.0;
/// True peak that no finished take exceeds, dBTP.
pub const TAKE_PEAK_MAX_DBTP: f64 = -1.0;
/// Sound that a gated measure of loudness needs, seconds; what is shorter is measured over and over.
pub const LOUDNESS_GATE_S: f64 = 0.4;

/// Largest file that is imported, bytes (64 MiB).
pub const IMPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Packets of an MP3 file that may be unreadable: the first ones of a cut file need what came before them.
pub const IMPORT_BAD_PACKETS_MAX: usize = 3;
/// Dimensions of a code book of an Ogg Vorbis file.
pub const VORBIS_BOOK_DIMENSIONS_MAX: u32 = 32;
/// Entries of a code book of an Ogg Vorbis file.
pub const VORBIS_BOOK_ENTRIES_MAX: u32 = 65_536;
/// Numbers that all code books of an Ogg Vorbis file keep in memory (4 MiB); encoders need a tenth of that.
pub const VORBIS_BOOK_VALUES_MAX: u64 = 1024 * 1024;

/// Files shorter than this are taken for one-shots, seconds.
pub const SHORT_LOOP_S: f64 = 1.2;
/// Slowest and fastest tempo that a loop is taken for, BPM.
pub const LOOP_BPM_RANGE: [f64; 2] = [60.0, 200.0];
/// Guesses of a loop's length in beats.
pub const LOOP_GUESSES_MAX: usize = 8;

/// Frames that a bounce hands out at once.
pub const BOUNCE_BLOCK_FRAMES: usize = 1_024;
/// What is rendered before the first frame of a bounce, seconds: every fade and the limiter are then as if it had always
/// been playing.
pub const BOUNCE_LEAD_IN_S: f64 = 1.0;
/// How far the stems of a bounce may be above full scale, linear (36 dB); a power of two.
pub const STEM_HEADROOM: f32 = 64.0;
/// Samples of a capture that may wait to be written down (4 s of stereo at 48 kHz).
pub const CAPTURE_WAITING_SAMPLES: usize = 4 * 2 * 48_000;
/// Captures that may wait for the next block.
pub const CAPTURES_WAITING_MAX: usize = 4;
/// Longest capture, minutes.
pub const CAPTURE_MINUTES_MAX: u64 = 60;
/// Longest bounce, frames (an hour at 48 kHz).
pub const BOUNCE_FRAMES_MAX: u64 = 48_000 * 3_600;
