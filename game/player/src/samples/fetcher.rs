//! Fetches players' own sounds for the shelf, on a thread of its own: a host that is slow holds nothing else up.

use super::Exchange;
use crate::{
    delivery::Fault,
    shelf::{LoadFault, Loaded, LoadedSound, SOUNDS_IN_FLIGHT_MAX, own_sound_length},
};
use keyboardia_audio::{Overview, Sample, decode_sample};
use keyboardia_session::{SampleHash, SoundId};
use std::sync::{
    Arc,
    mpsc::{Receiver, SyncSender, sync_channel},
};

/// See the module.
pub(crate) struct Fetcher {
    wanted: SyncSender<(SoundId, SampleHash)>,
    loaded: Receiver<Loaded<Arc<Sample>>>,
}

impl Fetcher {
    /// Starts the thread; it ends when the fetcher is dropped.
    pub(crate) fn start(exchange: Arc<Exchange>) -> std::io::Result<Self> {
        let (wanted, wishes) = sync_channel::<(SoundId, SampleHash)>(SOUNDS_IN_FLIGHT_MAX);
        let (results, loaded) = sync_channel(SOUNDS_IN_FLIGHT_MAX);
        std::thread::Builder::new().name("fetcher".into()).spawn(move || {
            for (id, hash) in wishes {
                if results.send((id, load(&exchange, hash))).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { wanted, loaded })
    }

    /// Asks for a sound. Returns whether it was taken up.
    pub(crate) fn ask(&mut self, id: &SoundId, hash: SampleHash) -> bool {
        self.wanted.try_send((id.clone(), hash)).is_ok()
    }

    /// The next sound that has come, or has not.
    pub(crate) fn next(&mut self) -> Option<Loaded<Arc<Sample>>> {
        self.loaded.try_recv().ok()
    }
}

fn load(exchange: &Exchange, hash: SampleHash) -> Result<LoadedSound<Arc<Sample>>, LoadFault> {
    let refused = |fault: Fault| if fault.may_pass { LoadFault::Later } else { LoadFault::Never(fault.sentence) };
    let file = exchange.get(hash).map_err(refused)?;
    decode(&file).map_err(LoadFault::Never)
}

/// A sample's file as the engine takes it.
fn decode(file: &[u8]) -> Result<LoadedSound<Arc<Sample>>, String> {
    let sample = decode_sample(file).map_err(|bad| bad.to_string())?;
    let length = own_sound_length(sample.len() as u32);
    let (overview, bytes) = (Overview::of(&sample), size_of_val(sample.frames()));
    Ok(LoadedSound { overview, bytes, sample: Arc::new(sample), length, looped: false })
}
