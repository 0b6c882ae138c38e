//! The control side: is told the score, owns the sounds, and keeps the callback side supplied.

use crate::{
    controller::{BeatLine, Controller, TransportPlan},
    deck::{DeckPlan, DeckSettings, Onset, SwitchPlan, VoicePlan},
    ledger::Ledger,
    limiter::Limiter,
    limits::{BLOCK_FRAMES_MAX, ENGINE_TRACKS_MAX, MIX_TWEEN_S, ONSETS_WAITING_MAX, PLANS_WAITING_MAX},
    renderer::{PullBackend, Renderer, Status},
    sample::Sample,
    time_map::TimeMap,
};
use keyboardia_session::{Gain, Pan, Score, SoundId, TrackId, TrackScore, Voice, score::Switch};
use kira::{
    AudioManager, AudioManagerSettings, Capacities, Decibels, Panning, Tween,
    clock::ClockSpeed,
    command::{CommandWriter, command_writer_and_reader},
    effect::panning_control::{PanningControlBuilder, PanningControlHandle},
    track::{MainTrackBuilder, TrackBuilder, TrackHandle},
};
use rtrb::{Consumer, Producer, RingBuffer};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
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

/// A track's deck and mixer strip, as last told.
struct Strip {
    /// The column that sounds here; it keeps its strip wherever it is moved.
    id: Option<TrackId>,
    track: TrackHandle,
    panning: PanningControlHandle,
    plans: Producer<DeckPlan>,
    onsets: Consumer<Onset>,
    told: Option<TrackScore>,
    /// Whether the last plan could not be handed over.
    is_behind: bool,
    volume: Option<(Gain, bool)>,
    pan: Option<Pan>,
}

/// See the module.
pub struct Engine {
    // Declared before the manager, so that the handles go before what they point to.
    strips: Vec<Strip>,
    transport: CommandWriter<TransportPlan>,
    status: Arc<Status>,
    samples: BTreeMap<SoundId, Arc<Sample>>,
    numbers: BTreeMap<SoundId, u32>,
    score: Option<Score>,
    _manager: AudioManager<PullBackend>,
}

/// Makes an engine: its control side and its callback side.
///
/// # Errors
/// See [`EngineError`].
pub fn engine(settings: EngineSettings) -> Result<(Engine, Renderer), EngineError> {
    let EngineSettings { sample_rate, tracks } = settings;
    if !(1..=ENGINE_TRACKS_MAX).contains(&tracks) || sample_rate == 0 {
        return Err(EngineError::Settings(tracks, sample_rate));
    }
    let kira_settings = AudioManagerSettings::<PullBackend> {
        capacities: Capacities {
            sub_track_capacity: tracks,
            send_track_capacity: 0,
            clock_capacity: 1,
            modulator_capacity: 0,
            listener_capacity: 0,
        },
        main_track_builder: MainTrackBuilder::new()
            .sound_capacity(0)
            .with_built_effect(Box::new(Limiter::new(sample_rate))),
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
        let mut builder = TrackBuilder::new().sound_capacity(1).sub_track_capacity(0);
        let panning = builder.add_effect(PanningControlBuilder::default());
        let mut handle = manager.add_sub_track(builder).map_err(|_| EngineError::Setup)?;
        let deck = DeckSettings {
            track,
            clock: clock.id(),
            line: line.clone(),
            ledger: ledger.clone(),
            plans: plans_out,
            onsets: onsets_in,
        };
        handle.play(deck).map_err(|_| EngineError::Setup)?;
        strips.push(Strip {
            id: None,
            track: handle,
            panning,
            plans,
            onsets,
            told: None,
            is_behind: false,
            volume: None,
            pan: None,
        });
    }
    let kira = manager.backend_mut().take().ok_or(EngineError::Setup)?;
    let (transport, transport_out) = command_writer_and_reader();
    let status = Arc::new(Status::default());
    let renderer = Renderer {
        kira,
        controller: Controller::new(clock),
        transport: transport_out,
        line,
        ledger,
        status: status.clone(),
        map: TimeMap::new(sample_rate),
        sample_rate,
    };
    let engine = Engine {
        strips,
        transport,
        status,
        samples: BTreeMap::new(),
        numbers: BTreeMap::new(),
        score: None,
        _manager: manager,
    };
    Ok((engine, renderer))
}

impl Engine {
    /// Lets this score sound. Cheap when little has changed.
    pub fn set_score(&mut self, score: &Score) {
        if self.score.as_ref().is_none_or(|told| told.transport != score.transport) {
            self.transport.write(TransportPlan::new(&score.transport));
        }
        self.score = Some(score.clone());
        self.assign_strips();
        self.tell_decks();
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
            }
        }
    }

    /// Makes a sound known. Decks that wait for it start in phase.
    pub fn add_sample(&mut self, id: SoundId, sample: Arc<Sample>) {
        self.samples.insert(id, sample);
        for strip in &mut self.strips {
            strip.told = None;
        }
        self.tell_decks();
    }

    /// Hands over what did not fit before, and forgets sounds that nobody plays or asks for. To be called now and then.
    pub fn tidy(&mut self, keep: impl Fn(&SoundId) -> bool) {
        self.tell_decks();
        // A sound that the callback side still holds stays, so that it is never freed there.
        self.samples.retain(|id, sample| keep(id) || Arc::strong_count(sample) > 1);
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
        let tween = Tween { duration: Duration::from_secs_f64(MIX_TWEEN_S), ..Tween::default() };
        let strip = &mut self.strips[index];
        if strip.volume.replace((track.gain, track.audible)) != Some((track.gain, track.audible)) {
            let volume = if track.audible { Decibels(track.gain.db().max(-60.0) as f32) } else { Decibels::SILENCE };
            strip.track.set_volume(volume, tween);
        }
        if strip.pan.replace(track.pan) != Some(track.pan) {
            strip.panning.set_panning(Panning(track.pan.as_f32()), tween);
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
        let next = self.numbers.len() as u32;
        let sound = *self.numbers.entry(voice.sound.clone()).or_insert(next);
        VoicePlan {
            sample: self.samples.get(&voice.sound).cloned(),
            sound,
            start: voice.start,
            length: voice.length,
            looped: voice.looped,
            gain: Decibels(voice.gain.db().max(-60.0) as f32).as_amplitude(),
        }
    }

    /// The sounds that play or are queued, loaded or not.
    pub fn wanted(&self) -> BTreeSet<SoundId> {
        let tracks = self.score.iter().flat_map(|score| &score.tracks);
        let voices = tracks
            .flat_map(|track| track.now.iter().chain(track.next.iter().filter_map(|switch| switch.voice.as_ref())));
        voices.map(|voice| voice.sound.clone()).collect()
    }
}
