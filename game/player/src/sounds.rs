//! The sound library on disk, and the thread that loads it.

use crate::{
    samples::Fetcher,
    shelf::{LoadFault, Loaded, LoadedSound, Loader, SOUNDS_IN_FLIGHT_MAX},
};
use keyboardia_audio::{Overview, Sample, decode_ogg};
use keyboardia_session::{Manifest, SoundId};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

/// Environment variable that names the directory of the sound library.
const SOUNDS_VARIABLE: &str = "KEYBOARDIA_SOUNDS";
const MANIFEST: &str = "manifest.json";

/// A directory with a manifest and `{id}.ogg` files.
#[derive(Debug, Clone)]
pub(crate) struct SoundDir {
    path: PathBuf,
}

impl SoundDir {
    /// The library: the named directory; else the environment's; else beside the program; else in the working directory.
    /// Never a path of the machine that built it: builds are kept while source trees move.
    pub(crate) fn find(named: Option<&Path>) -> Option<Self> {
        let program = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
        let beside = program.iter().flat_map(|dir| [dir.join("assets/sounds"), dir.join("../share/keyboardia/sounds")]);
        let places: Vec<PathBuf> = match (named, std::env::var_os(SOUNDS_VARIABLE)) {
            (Some(named), _) => vec![named.to_owned()],
            (None, Some(variable)) => vec![PathBuf::from(variable)],
            (None, None) => beside.chain([PathBuf::from("assets/sounds")]).collect(),
        };
        places.into_iter().find(|path| path.join(MANIFEST).is_file()).map(|path| Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn manifest(&self) -> Result<Manifest, String> {
        let json =
            fs::read(self.path.join(MANIFEST)).map_err(|error| format!("the sound library cannot be read: {error}"))?;
        Manifest::parse(&json).map_err(|error| error.to_string())
    }

    /// Reads and decodes a sound.
    pub(crate) fn load(&self, manifest: &Manifest, id: &SoundId) -> Result<LoadedSound<Arc<Sample>>, String> {
        let sound = manifest.sound(id).ok_or_else(|| format!("this copy of the game has no sound called {id}"))?;
        let file = self.path.join(format!("{id}.ogg"));
        let bytes = fs::read(&file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        let sample =
            decode_ogg(bytes, sound.frames as usize).map_err(|error| format!("{}: {error}", file.display()))?;
        let overview = Overview::of(&sample);
        let bytes = size_of_val(sample.frames());
        Ok(LoadedSound { sample: Arc::new(sample), overview, bytes, length: sound.length(), looped: sound.looped })
    }
}

/// Loads sounds on a thread of its own.
pub(crate) struct DiskLoader {
    wanted: SyncSender<SoundId>,
    loaded: Receiver<Loaded<Arc<Sample>>>,
}

impl DiskLoader {
    /// Starts the thread; it ends when the loader is dropped.
    pub(crate) fn start(dir: Option<SoundDir>) -> std::io::Result<Self> {
        let (wanted, wishes) = sync_channel::<SoundId>(SOUNDS_IN_FLIGHT_MAX);
        let (results, loaded) = sync_channel(SOUNDS_IN_FLIGHT_MAX);
        std::thread::Builder::new().name("loader".into()).spawn(move || {
            let library = match &dir {
                None => Err("the sound library was not found; name its directory with --sounds".to_owned()),
                Some(dir) => dir.manifest(),
            };
            for id in wishes {
                let sound = match (&dir, &library) {
                    (Some(dir), Ok(manifest)) => dir.load(manifest, &id),
                    (_, Err(why)) => Err(why.clone()),
                    (None, Ok(_)) => Err("the sound library was not found".to_owned()),
                };
                if results.send((id, sound.map_err(LoadFault::Never))).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { wanted, loaded })
    }
}

impl Loader for DiskLoader {
    type Sample = Arc<Sample>;

    fn ask(&mut self, id: &SoundId) -> bool {
        self.wanted.try_send(id.clone()).is_ok()
    }

    fn next(&mut self) -> Option<Loaded<Arc<Sample>>> {
        self.loaded.try_recv().ok()
    }
}

/// Loads sounds of every kind: the library's from disk, players' own from wherever they are.
pub(crate) struct Sounds {
    library: DiskLoader,
    own: Fetcher,
}

impl Sounds {
    /// Both, each on its own thread.
    pub(crate) fn new(library: DiskLoader, own: Fetcher) -> Self {
        Self { library, own }
    }
}

impl Loader for Sounds {
    type Sample = Arc<Sample>;

    fn ask(&mut self, id: &SoundId) -> bool {
        match id.sample() {
            Some(hash) => self.own.ask(id, hash),
            None => self.library.ask(id),
        }
    }

    fn next(&mut self) -> Option<Loaded<Arc<Sample>>> {
        self.library.next().or_else(|| self.own.next())
    }
}
