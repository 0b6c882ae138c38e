//! Who is bringing sounds right now: so many at once on the whole host, and so few of one seat that the others find a
//! place, too.

use crate::limits::SAMPLE_UPLOADS_MAX;
use keyboardia_session::{SeatId, SessionCode, limits::SAMPLE_UPLOADS_PER_SEAT_MAX};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Whoever brings a sound.
type Bringer = (SessionCode, SeatId);

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Uploads {
    places: Arc<Semaphore>,
    /// How many each seat is bringing, or waits to bring; a seat that brings none is not in it.
    seats: Arc<Mutex<HashMap<Bringer, usize>>>,
}

/// One of a seat's uploads; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Upload {
    uploads: Uploads,
    bringer: Bringer,
}

impl Uploads {
    /// Nobody brings anything.
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(SAMPLE_UPLOADS_MAX)), seats: Arc::default() }
    }

    /// A seat wants to bring something; `None` if it brings as much as it may already.
    pub(super) fn begin(&self, code: SessionCode, seat: SeatId) -> Option<Upload> {
        let bringer = (code, seat);
        let mut seats = self.seats();
        let count = seats.entry(bringer).or_default();
        if *count >= SAMPLE_UPLOADS_PER_SEAT_MAX {
            return None;
        }
        *count += 1;
        Some(Upload { uploads: self.clone(), bringer })
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<Bringer, usize>> {
        // A poisoned lock guards plain data that is whole at every moment.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    /// Waits for one of the host's places; `None` if there are none any more.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.uploads.places.clone().acquire_owned().await.ok()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut seats = self.uploads.seats();
        if let Some(count) = seats.get_mut(&self.bringer) {
            *count -= 1;
            if *count == 0 {
                seats.remove(&self.bringer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_brings_so_many_at_once_and_others_find_a_place() {
        let uploads = Uploads::new();
        let (here, there) = (SessionCode::from_entropy(1), SessionCode::from_entropy(2));
        let mut held: Vec<_> =
            (0..SAMPLE_UPLOADS_PER_SEAT_MAX).map(|_| uploads.begin(here, SeatId(0)).unwrap()).collect();
        assert!(uploads.begin(here, SeatId(0)).is_none());
        let others = [uploads.begin(here, SeatId(1)), uploads.begin(there, SeatId(0))];
        assert!(others.iter().all(Option::is_some), "another seat, and one of another session");
        held.pop();
        held.push(uploads.begin(here, SeatId(0)).unwrap());
        assert!(uploads.begin(here, SeatId(0)).is_none());
        drop((held, others));
        assert!(uploads.seats().is_empty(), "nothing is remembered of those who bring nothing");
    }

    #[test]
    fn one_seat_cannot_have_all_places() {
        const { assert!(SAMPLE_UPLOADS_PER_SEAT_MAX < SAMPLE_UPLOADS_MAX) };
    }
}
