//! A player's copy of the truth: a snapshot once, then events in order.

use crate::{
    event::Event,
    limits::{SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNKS_MAX},
    state::{ApplyError, SessionState},
};
use std::sync::Arc;
use thiserror::Error;

/// Why a replica lost the thread; a new snapshot mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReplicaError {
    /// A piece of a snapshot is missing or out of order.
    #[error("a piece of the session's snapshot is missing")]
    SnapshotBroken,
    /// The pieces do not make a session.
    #[error("the session's snapshot cannot be read")]
    SnapshotGarbled,
    /// An event does not follow.
    #[error(transparent)]
    Event(#[from] ApplyError),
}

/// A copy of a session's state that follows the authority's.
#[derive(Debug, Default)]
pub struct Replica {
    state: Option<Arc<SessionState>>,
    pieces: Vec<u8>,
    next_piece: u16,
}

impl Replica {
    /// A replica that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The state, once a snapshot has arrived.
    pub fn state(&self) -> Option<&Arc<SessionState>> {
        self.state.as_ref()
    }

    /// Takes a piece of a snapshot. Returns whether it was the last.
    ///
    /// # Errors
    /// When pieces are missing, too many, or do not make a session.
    pub fn snapshot_piece(&mut self, index: u16, count: u16, bytes: &[u8]) -> Result<bool, ReplicaError> {
        if index == 0 {
            self.pieces.clear();
            self.next_piece = 0;
        }
        let fits = index == self.next_piece && index < count && usize::from(count) <= SNAPSHOT_CHUNKS_MAX;
        if !fits || bytes.len() > SNAPSHOT_CHUNK_BYTES {
            return Err(ReplicaError::SnapshotBroken);
        }
        self.pieces.extend_from_slice(bytes);
        self.next_piece += 1;
        if self.next_piece < count {
            return Ok(false);
        }
        let state = SessionState::decode(&std::mem::take(&mut self.pieces)).ok_or(ReplicaError::SnapshotGarbled)?;
        self.state = Some(Arc::new(state));
        Ok(true)
    }

    /// Applies the next event. Events before the first snapshot, and those that a snapshot already holds, change
    /// nothing.
    ///
    /// # Errors
    /// When an event is missing or does not fit.
    pub fn apply(&mut self, event: &Event) -> Result<(), ReplicaError> {
        let Some(state) = &mut self.state else { return Ok(()) };
        if event.seq <= state.seq() {
            return Ok(());
        }
        // Whoever still draws the old state keeps it; the copy is made only then.
        Arc::make_mut(state).apply(event)?;
        Ok(())
    }
}
