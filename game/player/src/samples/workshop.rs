//! Makes samples of files and recordings, on a thread of its own, puts their clips on the grid and hands them to the
//! carrier.

use super::{
    BRINGING_MAX, Exchange,
    carrier::{self, Parcel},
};
use crate::{
    making,
    recorded::{MadeTake, Recorded},
    view::{Bringing, BringingStage, Wish},
};
use keyboardia_audio::{import::ImportError, limits::IMPORT_BYTES_MAX};
use keyboardia_session::{Cell, Command, Edit, Name};
use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
};

/// Said when more is brought at once than there is room for.
const TOO_MANY: &str = "Too many sounds are on their way already: wait until one of them is here.";
/// Said when there is no session any more.
const LEFT: &str = "The player has left the session.";

/// Something that is to become a sound of the session.
#[derive(Debug)]
pub(crate) struct Job {
    /// Number that the player's picture names it by.
    pub(crate) number: u32,
    /// What it is made of.
    pub(crate) source: Source,
    /// Where its clip shall lie.
    pub(crate) cell: Cell,
    /// Whether what lies there already may go.
    pub(crate) replace: bool,
    /// What becomes of it.
    pub(crate) fate: Fate,
}

/// What becomes of a sound that is finished.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It goes onto the grid.
    Goes,
    /// It waits on the tray until the player has heard it. With it, its shape for the player to see.
    Waits(Vec<u8>),
}

/// What a sound is made of.
#[derive(Debug)]
pub(crate) enum Source {
    /// A file of WAV, OGG, MP3 or FLAC.
    File(PathBuf),
    /// A recording, and what it is called.
    Take(Name, Box<Recorded>),
}

impl Source {
    /// What it is called until somebody gives it a name.
    pub(crate) fn name(&self) -> Name {
        match self {
            Self::File(path) => Name::sanitised(&path.file_stem().unwrap_or_default().to_string_lossy()),
            Self::Take(name, _) => name.clone(),
        }
    }
}

/// What the thread is asked for.
#[derive(Debug)]
enum Errand {
    /// Make a sound.
    Make(Job),
    /// Put what is on the tray onto the grid, under this name.
    Keep(Name),
    /// Throw away what is on the tray.
    Drop,
}

/// A sound that waits for its player's word.
struct Tray {
    number: u32,
    place: Place,
    made: MadeTake,
}

/// See the module.
pub(crate) struct Workshop {
    exchange: Arc<Exchange>,
    errands: SyncSender<Errand>,
}

impl Workshop {
    /// Starts the threads; they end when the workshop is dropped and the player leaves.
    pub(crate) fn start(exchange: Arc<Exchange>) -> std::io::Result<Self> {
        let carrier = carrier::start(exchange.clone())?;
        let (give, errands) = sync_channel(BRINGING_MAX);
        let workshop = Self { exchange: exchange.clone(), errands: give };
        std::thread::Builder::new()
            .name("workshop".into())
            .spawn(move || Bench { exchange, carrier, tray: None }.work(&errands))?;
        Ok(workshop)
    }

    /// Takes something on; if it cannot, it says why.
    pub(crate) fn take_on(&self, job: Job) {
        let (number, name, cell) = (job.number, job.source.name(), job.cell);
        self.exchange.show(|bringing| bringing.push(Bringing { number, name, cell, stage: BringingStage::Making }));
        if let Err(error) = self.errands.try_send(Errand::Make(job)) {
            let why = match error {
                TrySendError::Full(_) => TOO_MANY,
                TrySendError::Disconnected(_) => LEFT,
            };
            self.exchange.give_up(number, why.to_owned());
        }
    }

    /// Puts what is on the tray onto the grid, under this name.
    pub(crate) fn keep(&self, name: Name) {
        self.ask(Errand::Keep(name));
    }

    /// Throws away what is on the tray.
    pub(crate) fn drop_take(&self) {
        self.ask(Errand::Drop);
    }

    fn ask(&self, errand: Errand) {
        if self.errands.try_send(errand).is_err() {
            self.exchange.shared.tell(TOO_MANY.to_owned());
        }
    }
}

/// The thread's own.
struct Bench {
    exchange: Arc<Exchange>,
    carrier: SyncSender<Parcel>,
    tray: Option<Tray>,
}

impl Bench {
    fn work(mut self, errands: &Receiver<Errand>) {
        for errand in errands {
            if self.exchange.shared.is_leaving() {
                return;
            }
            match errand {
                Errand::Make(job) => {
                    let number = job.number;
                    if let Err(why) = self.make(job) {
                        self.exchange.give_up(number, why);
                    }
                }
                Errand::Keep(name) => self.keep(name),
                Errand::Drop => self.clear(),
            }
        }
    }

    fn make(&mut self, job: Job) -> Result<(), String> {
        let Job { number, source, cell, replace, fate } = job;
        let is_take = matches!(source, Source::Take(..));
        let place = Place { cell, replace, name: source.name(), goes_on: is_take };
        let made = make(source)?;
        match fate {
            Fate::Goes => self.put(number, place, made),
            Fate::Waits(wave) => {
                self.lay_down(number, place, made, wave);
                Ok(())
            }
        }
    }

    /// Puts the clip of a sound on the grid, and hands the sound to the carrier.
    fn put(&self, number: u32, place: Place, made: MadeTake) -> Result<(), String> {
        let goes_on = (place.goes_on && made.looped.is_some()).then_some(place.cell);
        let parcel = put(&self.exchange, number, place, made)?;
        if let Some(Cell { track, scene }) = goes_on {
            // A loop that was sung in time goes on in time.
            self.exchange.shared.wish(Wish::Command(Command::Launch { track, scene }));
        }
        self.carrier.send(parcel).map_err(|_| LEFT.to_owned())
    }

    /// Shows a sound to its player alone; what lay there before goes.
    fn lay_down(&mut self, number: u32, place: Place, made: MadeTake, wave: Vec<u8>) {
        self.clear();
        let hash = made.finished.hash;
        self.exchange.keep(hash, Arc::new(made.finished.wav.clone()));
        let seen = making::on_tray(place.cell, place.name.clone(), &made, wave);
        self.exchange.show(|bringing| bringing.retain(|sound| sound.number != number));
        self.exchange.shared.change_view(|view| view.take = Some(seen));
        self.tray = Some(Tray { number, place, made });
    }

    /// Puts what is on the tray onto the grid.
    fn keep(&mut self, name: Name) {
        let Some(Tray { number, place, made }) = self.tray.take() else { return };
        self.exchange.shared.change_view(|view| view.take = None);
        let place = Place { name, ..place };
        let bringing = Bringing { number, name: place.name.clone(), cell: place.cell, stage: BringingStage::Making };
        self.exchange.show(|all| all.push(bringing));
        if let Err(why) = self.put(number, place, made) {
            self.exchange.give_up(number, why);
        }
    }

    /// Throws away what is on the tray.
    fn clear(&mut self) {
        if let Some(tray) = self.tray.take() {
            self.exchange.let_go(tray.made.finished.hash);
            self.exchange.shared.change_view(|view| view.take = None);
        }
    }
}

fn make(source: Source) -> Result<MadeTake, String> {
    match source {
        Source::File(path) => making::from_file(read(&path)?),
        Source::Take(_, recorded) => making::from_recording(*recorded),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("The file {} cannot be read: {error}.", path.display());
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(format!("{} is not a file.", path.display()));
    }
    if about.len() > IMPORT_BYTES_MAX as u64 {
        return Err(ImportError::TooLarge.to_string());
    }
    let mut bytes = Vec::new();
    // A file may grow while it is read; one byte too many is seen.
    file.take(IMPORT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Where the clip of a sound shall lie, and what it is called.
struct Place {
    cell: Cell,
    /// Whether what lies there already may go.
    replace: bool,
    name: Name,
    /// Whether it is launched there, if it is a loop.
    goes_on: bool,
}

/// Puts the clip of a finished sound on the grid, where everybody sees it while it is still on its way.
fn put(exchange: &Exchange, number: u32, place: Place, made: MadeTake) -> Result<Parcel, String> {
    let Place { cell, replace, name, .. } = place;
    let view = exchange.shared.view();
    let state = &view.session.as_ref().ok_or("The session is not there.")?.state;
    let clip = making::clip(state, cell, name, &made)?;
    let finished = made.finished;
    let wav = Arc::new(finished.wav);
    exchange.keep(finished.hash, wav.clone());
    let edit = Edit::SetClip { cell, clip: Some(Box::new(clip)), replace };
    if !exchange.shared.wish(Wish::Command(Command::Edit(edit))) {
        exchange.let_go(finished.hash);
        return Err("The host does not answer: the sound was not put on the grid.".into());
    }
    Ok(Parcel { number, hash: finished.hash, wav, cell })
}
