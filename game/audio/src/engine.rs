//! The control side: is told the score, owns the sounds, and keeps the callback side supplied.

use crate::{
    controller::{BeatLine, Controller, TransportPlan},
    deck::{DeckPlan, DeckSettings, Onset, SwitchPlan, VoicePlan},
    ears::{Ear, Ears},
    fader::{Fader, amplitude, balance},
    ledger::Ledger,
    limiter::Limiter,
    limits::{BLOCK_FRAMES_MAX, ENGINE_TRACKS_MAX, ONSETS_WAITING_MAX, PLANS_WAITING_MAX, PREVIEWS_WAITING_MAX},
    meter::{Levels, Meter, MeterTap},
    metronome::{MetronomePlan, MetronomeSettings},
    pacer::{Mastering, Pacer},
    preview::{PreviewPlan, PreviewSettings, PreviewStart, PreviewWish},
    renderer::{PullBackend, Renderer, Status},
    sample::Sample,
};
use keyboardia_session::{
    Beats, Gain, Meters, Score, SoundId, Table, TrackId, TrackScore, Voice, limits::QUEUE_MAX, score::Switch,
};
use kira::{
    AudioManager, AudioManagerSettings, Capacities,
    clock::{ClockId, ClockSpeed},
    command::{CommandWriter, command_writer_and_reader},
    sound::SoundData,
    track::{MainTrackBuilder, TrackBuilder, TrackHandle},
};
use rtrb::{Consumer, Producer, RingBuffer};
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};
use thiserror::Error;

/// How an engine is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// Frames per second of the output, Hz.
    pub sample_rate: u32,
    /// Number of decks, 1 … [`ENGINE_TRACKS_MAX`]; tracks of the score beyond it are not heard.
    pub tracks: usize,
}

/// Why an engine could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EngineError {
    /// No tracks, too many, or no sample rate.
    #[error("an engine of {0} tracks at {1} Hz cannot be made")]
    Settings(usize, u32),
    /// kira has no more room, which its capacities rule out.
    #[error("the sound engine could not be set up")]
    Setup,
}

/// Sounds that the tracks of a score can name at once.
const PLAYED_SOUNDS_MAX: usize = ENGINE_TRACKS_MAX * (QUEUE_MAX + 1);
/// Number of kira tracks beside those with decks: the metronome's and the preview's.
const PRIVATE_TRACKS: usize = 2;

/// A track's deck and mixer strip, as last told.
struct Strip {
    /// The column that sounds here; it keeps its strip wherever it is moved.
    id: Option<TrackId>,
    /// Keeps the kira track there.
    _track: TrackHandle,
    gains: CommandWriter<[f32; 2]>,
    told_gains: [f32; 2],
    meter: Arc<Meter>,
    plans: Producer<DeckPlan>,
    onsets: Consumer<Onset>,
    told: Option<TrackScore>,
    /// Whether the last plan could not be handed over.
    is_behind: bool,
}

/// What one player alone hears: the metronome, the preview, and everything louder or softer.
struct Private {
    /// Keep the kira tracks there.
    _tracks: [TrackHandle; PRIVATE_TRACKS],
    ears: Ears,
    master: CommandWriter<[f32; 2]>,
    metronome: CommandWriter<MetronomePlan>,
    metronome_gain: f32,
    previews: Producer<PreviewWish>,
    preview_meters: CommandWriter<Meters>,
    /// What is previewed, unless it is over.
    preview: Option<SoundId>,
    preview_number: u32,
    /// The last wish could not be handed over.
    waiting: Option<PreviewWish>,
    preview_over: Arc<AtomicU32>,
}

/// A sound that is to be previewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewRequest {
    /// The sound.
    pub sound: SoundId,
    /// Its length in beats, positive.
    pub length: Beats,
    /// Whether it repeats: until it is stopped, at most [`crate::limits::PREVIEW_BARS_MAX`] bars.
    pub looped: bool,
    /// When it begins.
    pub start: PreviewStart,
}

/// See the module.
pub struct Engine {
    // Declared before the manager, so that the handles go before what they point to.
    strips: Vec<Strip>,
    private: Private,
    master: Arc<Meter>,
    transport: CommandWriter<TransportPlan>,
    status: Arc<Status>,
    samples: Table<SoundId, Arc<Sample>>,
    /// Samples that were replaced by others while the callback side held them.
    replaced: Vec<Arc<Sample>>,
    numbers: Table<SoundId, u32>,
    last_number: u32,
    score: Option<Score>,
    _manager: AudioManager<PullBackend>,
}

/// Makes an engine: its control side and its callback side.
///
/// # Errors
/// See [`EngineError`].
pub fn engine(settings: EngineSettings) -> Result<(Engine, Renderer), EngineError> {
    engine_with(settings, Mastering::Limited)
}

/// Makes an engine whose mix ends like this.
pub(crate) fn engine_with(settings: EngineSettings, mastering: Mastering) -> Result<(Engine, Renderer), EngineError> {
    let EngineSettings { sample_rate, tracks } = settings;
    if !(1..=ENGINE_TRACKS_MAX).contains(&tracks) || sample_rate == 0 {
        return Err(EngineError::Settings(tracks, sample_rate));
    }
    let master = Arc::new(Meter::default());
    let (master_gains, master_gains_out) = command_writer_and_reader();
    let main_track = MainTrackBuilder::new().sound_capacity(0).with_built_effect(Box::new(Fader::new(
        sample_rate,
        master_gains_out,
        Arc::default(),
    )));
    let main_track = match mastering {
        Mastering::Limited => main_track.with_built_effect(Box::new(Limiter::new(sample_rate))),
        #[cfg(feature = "takes")]
        Mastering::Bare => main_track.with_built_effect(Box::new(crate::bounce::Headroom)),
    };
    let kira_settings = AudioManagerSettings::<PullBackend> {
        capacities: Capacities {
            sub_track_capacity: tracks + PRIVATE_TRACKS,
            send_track_capacity: 0,
            clock_capacity: 1,
            modulator_capacity: 0,
            listener_capacity: 0,
        },
        main_track_builder: main_track.with_built_effect(Box::new(MeterTap(master.clone()))),
        internal_buffer_size: BLOCK_FRAMES_MAX,
        backend_settings: sample_rate,
    };
    let mut manager = AudioManager::new(kira_settings).map_err(|_| EngineError::Setup)?;
    let clock = manager.add_clock(ClockSpeed::TicksPerSecond(0.0)).map_err(|_| EngineError::Setup)?;
    let line = Arc::new(BeatLine::default());
    let ledger = Arc::new(Ledger::default());
    let mut strips = Vec::with_capacity(tracks);
    for track in 0..tracks {
        let (plans, plans_out) = RingBuffer::new(PLANS_WAITING_MAX);
        let (onsets_in, onsets) = RingBuffer::new(ONSETS_WAITING_MAX);
        let (gains, gains_out) = command_writer_and_reader();
        let meter = Arc::new(Meter::default());
        let fader = Fader::new(sample_rate, gains_out, meter.clone());
        let builder = TrackBuilder::new().with_built_effect(Box::new(fader));
        let deck = DeckSettings {
            track,
            clock: clock.id(),
            line: line.clone(),
            ledger: ledger.clone(),
            plans: plans_out,
            onsets: onsets_in,
        };
        strips.push(Strip {
            id: None,
            _track: track_with(&mut manager, builder, deck)?,
            gains,
            told_gains: [1.0; 2],
            meter,
            plans,
            onsets,
            told: None,
            is_behind: false,
        });
    }
    let private = private(&mut manager, clock.id(), &line, &ledger, master_gains)?;
    let kira = manager.backend_mut().take().ok_or(EngineError::Setup)?;
    let (transport, transport_out) = command_writer_and_reader();
    let status = Arc::new(Status::default());
    let renderer = Renderer {
        kira,
        pacer: Pacer::new(sample_rate, Controller::new(clock), line).with_mastering(mastering),
        transport: transport_out,
        ledger,
        status: status.clone(),
        #[cfg(feature = "takes")]
        taps: crate::capture::Taps::new(),
    };
    let engine = Engine {
        strips,
        private,
        master,
        transport,
        status,
        samples: Table::new(),
        replaced: Vec::new(),
        numbers: Table::new(),
        last_number: 0,
        score: None,
        _manager: manager,
    };
    Ok((engine, renderer))
}

/// A kira track that plays one sound for ever.
fn track_with<S: SoundData>(
    manager: &mut AudioManager<PullBackend>,
    builder: TrackBuilder,
    sound: S,
) -> Result<TrackHandle, EngineError> {
    let builder = builder.sound_capacity(1).sub_track_capacity(0);
    let mut track = manager.add_sub_track(builder).map_err(|_| EngineError::Setup)?;
    track.play(sound).map_err(|_| EngineError::Setup)?;
    Ok(track)
}

/// Sets up what one player alone hears.
fn private(
    manager: &mut AudioManager<PullBackend>,
    clock: ClockId,
    line: &Arc<BeatLine>,
    ledger: &Arc<Ledger>,
    master: CommandWriter<[f32; 2]>,
) -> Result<Private, EngineError> {
    let (metronome, plans) = command_writer_and_reader();
    let ticks = MetronomeSettings { clock, line: line.clone(), plans };
    let (previews, wishes) = RingBuffer::new(PREVIEWS_WAITING_MAX);
    let (preview_meters, meters) = command_writer_and_reader();
    let preview_over = Arc::new(AtomicU32::new(0));
    let (line, ledger, over) = (line.clone(), ledger.clone(), preview_over.clone());
    let preview = PreviewSettings { clock, line, ledger, wishes, meters, over };
    Ok(Private {
        _tracks: [track_with(manager, TrackBuilder::new(), ticks)?, track_with(manager, TrackBuilder::new(), preview)?],
        ears: Ears::default(),
        master,
        metronome,
        metronome_gain: 0.0,
        previews,
        preview_meters,
        preview: None,
        preview_number: 0,
        waiting: None,
        preview_over,
    })
}

impl Engine {
    /// Lets this score sound. Cheap when little has changed.
    pub fn set_score(&mut self, score: &Score) {
        if self.score.as_ref().is_none_or(|told| told.transport != score.transport) {
            self.transport.write(TransportPlan::new(&score.transport));
        }
        let has_new_meters = self.score.as_ref().is_none_or(|told| told.meters != score.meters);
        self.score = Some(score.clone());
        if has_new_meters {
            self.private.preview_meters.write(score.meters);
            self.tell_metronome();
        }
        self.assign_strips();
        self.tell_decks();
    }

    /// Lets this player alone hear the session differently.
    pub fn set_ears(&mut self, ears: &Ears) {
        if self.private.ears.master != ears.master {
            self.private.master.write([amplitude(ears.master.unwrap_or(Gain::UNITY)); 2]);
        }
        self.private.ears.clone_from(ears);
        self.tell_decks();
    }

    /// Lets this player alone hear the counts of the bar, this loud; `None` for silence.
    pub fn set_metronome(&mut self, gain: Option<Gain>) {
        self.private.metronome_gain = gain.map_or(0.0, amplitude);
        self.tell_metronome();
    }

    fn tell_metronome(&mut self) {
        let Some(meters) = self.score.as_ref().map(|score| score.meters) else { return };
        self.private.metronome.write(MetronomePlan { meters, gain: self.private.metronome_gain });
    }

    /// Lets this player alone hear a sound that is known, instead of the one that is previewed. Returns whether it is
    /// known.
    pub fn preview(&mut self, request: &PreviewRequest) -> bool {
        let Some(sample) = self.samples.get(&request.sound).cloned().filter(|_| request.length > Beats::ZERO) else {
            self.stop_preview();
            return false;
        };
        let PreviewRequest { length, looped, start, .. } = *request;
        self.wish_preview(Some(request.sound.clone()), Some(PreviewPlan { sample, length, looped, start }));
        true
    }

    /// Fades the preview out.
    pub fn stop_preview(&mut self) {
        if self.private.preview.is_some() {
            self.wish_preview(None, None);
        }
    }

    fn wish_preview(&mut self, sound: Option<SoundId>, plan: Option<PreviewPlan>) {
        self.private.preview_number = self.private.preview_number.wrapping_add(1);
        self.private.preview = sound;
        self.private.waiting = Some((self.private.preview_number, plan));
        self.hand_over_preview();
    }

    fn hand_over_preview(&mut self) {
        if let Some(wish) = self.private.waiting.take()
            && let Err(rtrb::PushError::Full(wish)) = self.private.previews.push(wish)
        {
            self.private.waiting = Some(wish);
        }
    }

    /// The sound that is previewed, until it ends.
    pub fn previewing(&self) -> Option<&SoundId> {
        let is_over = self.private.preview_over.load(Relaxed) == self.private.preview_number;
        self.private.preview.as_ref().filter(|_| !is_over)
    }

    /// The peaks since they were taken last.
    pub fn take_levels(&mut self) -> Levels {
        let tracks = self.strips.iter().filter_map(|strip| Some((strip.id?, strip.meter.take()))).collect();
        Levels { tracks, master: self.master.take() }
    }

    /// Gives every column a strip that it keeps; columns that are gone fall silent and give theirs back.
    fn assign_strips(&mut self) {
        let Some(score) = &self.score else { return };
        for strip in &mut self.strips {
            let is_gone = strip.id.is_some_and(|id| score.tracks.iter().all(|track| track.id != id));
            if is_gone {
                strip.id = None;
                strip.told = None;
                strip.is_behind = strip.plans.push(DeckPlan::default()).is_err();
            }
        }
        for track in &score.tracks {
            if self.strips.iter().all(|strip| strip.id != Some(track.id))
                && let Some(free) = self.strips.iter_mut().find(|strip| strip.id.is_none())
            {
                free.id = Some(track.id);
                // What a column was that is gone is none of this one's level.
                free.meter.take();
            }
        }
    }

    /// Makes a sound known. Decks that wait for it start in phase.
    pub fn add_sample(&mut self, id: SoundId, sample: Arc<Sample>) {
        // Whatever the callback side holds is freed here, not there.
        self.replaced.extend(self.samples.insert(id, sample));
        for strip in &mut self.strips {
            strip.told = None;
        }
        self.tell_decks();
    }

    /// Hands over what did not fit before, and forgets sounds that nobody plays or asks for. To be called now and then.
    pub fn tidy(&mut self, keep: impl Fn(&SoundId) -> bool) {
        self.tell_decks();
        self.hand_over_preview();
        // A sound that the callback side still holds stays, so that it is never freed there.
        self.samples.retain(|id, sample| keep(id) || Arc::strong_count(sample) > 1);
        self.replaced.retain(|sample| Arc::strong_count(sample) > 1);
        if self.numbers.len() > self.samples.len() + PLAYED_SOUNDS_MAX {
            let mut played = Vec::new();
            self.score.iter().flat_map(Score::sounds).for_each(|id| played.push(id));
            self.numbers.retain(|id, _| keep(id) || played.contains(&id));
        }
    }

    /// Number of sounds in memory.
    pub fn samples(&self) -> usize {
        self.samples.len() + self.replaced.len()
    }

    /// What the callback side tells about itself.
    pub fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// The clips that began to sound since the last call, by track.
    pub fn take_onsets(&mut self) -> impl Iterator<Item = (TrackId, Onset)> {
        self.strips.iter_mut().flat_map(|strip| {
            let id = strip.id;
            std::iter::from_fn(|| strip.onsets.pop().ok()).filter_map(move |onset| Some((id?, onset)))
        })
    }

    fn tell_decks(&mut self) {
        let Some(score) = self.score.take() else { return };
        for index in 0..self.strips.len() {
            let strip = &mut self.strips[index];
            let Some(track) = score.tracks.iter().find(|track| strip.id == Some(track.id)) else {
                if strip.is_behind {
                    strip.is_behind = strip.plans.push(DeckPlan::default()).is_err();
                }
                continue;
            };
            self.tell_mixer(index, track);
            let strip = &self.strips[index];
            let is_told = strip.told.as_ref().is_some_and(|told| told.now == track.now && told.next == track.next);
            if is_told && !strip.is_behind {
                continue;
            }
            let plan = self.deck_plan(track);
            let strip = &mut self.strips[index];
            strip.is_behind = strip.plans.push(plan).is_err();
            strip.told = Some(track.clone());
        }
        self.score = Some(score);
    }

    fn tell_mixer(&mut self, index: usize, track: &TrackScore) {
        let Ear { gain, mute } = self.private.ears.tracks.get(&track.id).copied().unwrap_or_default();
        let volume = if track.audible && !mute { amplitude(track.gain) * amplitude(gain) } else { 0.0 };
        let gains = balance(track.pan).map(|side| side * volume);
        let strip = &mut self.strips[index];
        if std::mem::replace(&mut strip.told_gains, gains) != gains {
            strip.gains.write(gains);
        }
    }

    fn deck_plan(&mut self, track: &TrackScore) -> DeckPlan {
        let mut plan = DeckPlan { now: track.now.as_ref().map(|voice| self.voice_plan(voice)), ..DeckPlan::default() };
        for (slot, Switch { at, voice }) in plan.next.iter_mut().zip(&track.next) {
            *slot = Some(SwitchPlan { at: *at, voice: voice.as_ref().map(|voice| self.voice_plan(voice)) });
        }
        plan
    }

    fn voice_plan(&mut self, voice: &Voice) -> VoicePlan {
        let sound = *self.numbers.get_or_insert_with(&voice.sound, || {
            self.last_number = self.last_number.wrapping_add(1);
            self.last_number
        });
        VoicePlan {
            sample: self.samples.get(&voice.sound).cloned(),
            sound,
            start: voice.start,
            length: voice.length,
            looped: voice.looped,
            gain: amplitude(voice.gain),
        }
    }
}
