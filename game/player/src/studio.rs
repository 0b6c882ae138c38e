//! The thread that records: drives the recorder in turns of a millisecond while it is busy, and hands what was recorded on
//! to the workshop. The player's own thread does not notice.

use crate::{
    microphone::Microphone,
    recorder::{InSession, Outcome, Recorder},
    recording::{RecordingStage, TakeRequest},
    samples::{Fate, Job, Source, Workshop},
    shared::Shared,
    view::PlayerView,
};
use keyboardia_session::{Cell, Name};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel},
    },
    time::Duration,
};

/// Wishes that may wait.
const WISHES_MAX: usize = 16;
/// Time between two turns of the recorder.
const TURN: Duration = Duration::from_millis(1);
/// How often it is looked whether the player leaves, while nothing is recorded.
const LOOK: Duration = Duration::from_millis(50);
/// Turns between two pictures: a level that is looked at too often is none.
const TURNS_PER_PICTURE: u32 = 16;

/// What is wished of the recorder.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    /// Begin to record for this slot.
    Start(Order),
    /// The player has pressed again, or released.
    Stop,
    /// Drop what is being recorded, and what is seen of it.
    Cancel,
}

/// What is to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) request: TakeRequest,
    /// Where it shall lie; a calibration lies nowhere.
    pub(crate) place: Option<Place>,
}

/// Where a sound shall lie.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Number that the player's picture names the sound by.
    pub(crate) number: u32,
    pub(crate) cell: Cell,
    /// Whether what lies there already may go.
    pub(crate) replace: bool,
    pub(crate) name: Name,
    /// Whether it waits until the player has heard it.
    pub(crate) waits: bool,
}

/// See the module.
pub(crate) struct Studio(SyncSender<Wish>);

impl Studio {
    /// Starts the thread; it ends when the studio is dropped.
    pub(crate) fn start(shared: Arc<Shared>, workshop: Arc<Workshop>) -> std::io::Result<Self> {
        let (give, wishes) = sync_channel(WISHES_MAX);
        let session = Session { shared, workshop, recorder: Recorder::default(), order: None, turns: 0 };
        std::thread::Builder::new().name("studio".into()).spawn(move || session.run(&wishes))?;
        Ok(Self(give))
    }

    /// Wishes something. Where a thousand wishes wait, one more is none.
    pub(crate) fn wish(&self, wish: Wish) {
        if self.0.try_send(wish).is_err() {
            tracing::warn!(target: "player", "the recorder does not follow");
        }
    }
}

/// The thread's own.
struct Session {
    shared: Arc<Shared>,
    workshop: Arc<Workshop>,
    recorder: Recorder,
    order: Option<Order>,
    turns: u32,
}

impl Session {
    fn run(mut self, wishes: &Receiver<Wish>) {
        loop {
            let wish = if self.recorder.is_busy() {
                std::thread::sleep(TURN);
                wishes.try_recv().map_err(|error| error == TryRecvError::Disconnected)
            } else {
                wishes.recv_timeout(LOOK).map_err(|error| error == RecvTimeoutError::Disconnected)
            };
            match wish {
                Ok(wish) => self.fulfil(wish),
                Err(true) => return,
                Err(false) => {}
            }
            if self.recorder.is_busy() {
                self.turn();
            }
        }
    }

    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Start(order) => {
                // What was recorded before is done again.
                self.workshop.drop_take();
                let microphone = Microphone::open(order.request.device.clone(), &self.shared);
                self.recorder.start(order.request.clone(), microphone);
                self.order = Some(order);
            }
            Wish::Stop => self.recorder.stop(self.shared.local_nanos()),
            Wish::Cancel => self.recorder.cancel(),
        }
        self.show();
    }

    fn turn(&mut self) {
        let view = self.shared.view();
        let state = view.session.as_ref().map(|session| &session.state);
        let session = view.ear_offset_ns.zip(state).map(|(offset_ns, state)| InSession {
            offset_ns,
            transport: state.transport(),
            meters: state.meters(),
        });
        self.recorder.turn(self.shared.local_nanos(), session);
        self.turns = self.turns.wrapping_add(1);
        if !self.recorder.is_busy() || self.turns.is_multiple_of(TURNS_PER_PICTURE) {
            self.show();
        }
        match (self.recorder.take_outcome(), &self.order) {
            (Some(Outcome::Take(recorded)), Some(Order { place: Some(place), .. })) => {
                let Place { number, cell, replace, waits, ref name } = *place;
                let source = Source::Take(name.clone(), Box::new(recorded));
                let seen = self.recorder.view().filter(|_| waits);
                let fate = seen.map_or(Fate::Goes, |seen| Fate::Waits(seen.wave));
                self.workshop.take_on(Job { number, source, cell, replace, fate });
            }
            (Some(Outcome::Loopback(loopback)), _) => {
                // Nothing is recorded just now, so nothing waits for this.
                let measured = loopback.nudge_us();
                self.shared.change_view(|view| view.input_nudge_us = measured.as_ref().ok().copied());
                if let Err(why) = measured {
                    self.shared.tell(why);
                }
            }
            _ => {}
        }
    }

    /// Shows how far it is. A recording that is over is no longer shown, but told where it came to nothing.
    fn show(&mut self) {
        let seen = self.recorder.view();
        if let Some(RecordingStage::Failed(why)) = seen.as_ref().map(|seen| &seen.stage) {
            self.shared.tell(why.clone());
        }
        let is_over = |stage: &RecordingStage| matches!(stage, RecordingStage::Failed(_) | RecordingStage::Done);
        let seen = seen.filter(|seen| !is_over(&seen.stage)).zip(self.order.as_ref());
        self.shared.change_view(|view: &mut PlayerView| {
            view.recording = seen.map(|(seen, order)| (order.place.as_ref().map(|place| place.cell), seen));
        });
    }
}
