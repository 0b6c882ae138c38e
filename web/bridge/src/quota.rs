//! How many samples a session has, and whose: the object's side of bringing and fetching them.
//!
//! A sample is announced before it comes, so that there is room for it; what does not come in time leaves nothing.

use crate::{answer::Stop, limits::UPLOAD_US};
use keyboardia_session::{
    Micros, SampleHash, SeatId,
    denial::Denial,
    limits::{SAMPLE_BYTES_PER_SESSION_MAX, SAMPLE_UPLOADS_PER_SEAT_MAX, SAMPLES_PER_SESSION_MAX},
};
use serde::Deserialize;
use worker::{SqlStorage, SqlStorageValue as Value};

/// Stands for a seat where a host brings what players there have: none of a session's.
pub(crate) const HOST: SeatId = SeatId(u8::MAX);

/// A row of the samples.
#[derive(Debug, Deserialize)]
struct Named {
    hash: String,
}

/// What the samples of a session are together.
#[derive(Debug, Deserialize)]
struct Together {
    count: u64,
    bytes: u64,
}

/// The samples of a session, in its object's database.
#[derive(Debug)]
pub(crate) struct Quota<'a>(pub(crate) &'a SqlStorage);

impl Quota<'_> {
    /// Makes room for a sample of a seat; whether the session has it already.
    ///
    /// # Errors
    /// When there is no room, or the seat brings as many as it may.
    pub(crate) fn reserve(&self, now: Micros, seat: SeatId, hash: SampleHash, bytes: u64) -> Result<bool, Stop> {
        let long_ago = Micros(now.0.saturating_sub(UPLOAD_US));
        self.0.exec("DELETE FROM sample WHERE kept = 0 AND since < ?", vec![number(long_ago.0)?])?;
        if self.has(hash)? {
            return Ok(true);
        }
        let coming = self.together("WHERE kept = 0 AND seat = ?", vec![Value::Integer(seat.0.into())])?;
        if coming.count >= SAMPLE_UPLOADS_PER_SEAT_MAX as u64 {
            return Err(Denial::too_many_uploads(SAMPLE_UPLOADS_PER_SEAT_MAX).into());
        }
        let all = self.together("WHERE hash != ?", vec![hash.to_string().into()])?;
        if all.count >= SAMPLES_PER_SESSION_MAX as u64 {
            return Err(Denial::too_many_samples(SAMPLES_PER_SESSION_MAX).into());
        }
        if all.bytes + bytes > SAMPLE_BYTES_PER_SESSION_MAX {
            return Err(Denial::too_much_sound(SAMPLE_BYTES_PER_SESSION_MAX).into());
        }
        let row = vec![hash.to_string().into(), number(bytes)?, Value::Integer(seat.0.into()), number(now.0)?];
        self.0.exec("INSERT OR REPLACE INTO sample VALUES (?, ?, ?, 0, ?)", row)?;
        Ok(false)
    }

    /// A sample has come, whether its place is kept still or somebody else who brought the same has given it up.
    pub(crate) fn keep(&self, now: Micros, seat: SeatId, hash: SampleHash, bytes: u64) -> Result<(), Stop> {
        let row = vec![hash.to_string().into(), number(bytes)?, Value::Integer(seat.0.into()), number(now.0)?];
        self.0.exec("INSERT OR REPLACE INTO sample VALUES (?, ?, ?, 1, ?)", row)?;
        Ok(())
    }

    /// A sample does not come from this seat.
    pub(crate) fn release(&self, seat: SeatId, hash: SampleHash) -> Result<(), Stop> {
        let values = vec![hash.to_string().into(), Value::Integer(seat.0.into())];
        self.0.exec("DELETE FROM sample WHERE kept = 0 AND hash = ? AND seat = ?", values)?;
        Ok(())
    }

    /// A sample is not in its place any more: whoever brings it again brings it anew.
    pub(crate) fn miss(&self, hash: SampleHash) -> Result<(), Stop> {
        self.0.exec("DELETE FROM sample WHERE kept = 1 AND hash = ?", vec![hash.to_string().into()])?;
        Ok(())
    }

    /// Whether the session has a sample, or anybody but this seat is bringing it.
    pub(crate) fn is_wanted(&self, hash: SampleHash, seat: Option<SeatId>) -> Result<bool, Stop> {
        let seat = seat.map_or(Value::Integer(-1), |seat| Value::Integer(seat.0.into()));
        let values = vec![hash.to_string().into(), seat];
        Ok(self.together("WHERE hash = ? AND (kept = 1 OR seat != ?)", values)?.count > 0)
    }

    /// Whether the session has a sample.
    pub(crate) fn has(&self, hash: SampleHash) -> Result<bool, Stop> {
        Ok(self.together("WHERE kept = 1 AND hash = ?", vec![hash.to_string().into()])?.count > 0)
    }

    /// The samples that the session has.
    pub(crate) fn all(&self) -> Result<Vec<SampleHash>, Stop> {
        let at_most = number(SAMPLES_PER_SESSION_MAX as u64)?;
        let rows: Vec<Named> =
            self.0.exec("SELECT hash FROM sample WHERE kept = 1 LIMIT ?", vec![at_most])?.to_array()?;
        Ok(rows.iter().filter_map(|row| SampleHash::parse(&row.hash)).collect())
    }

    fn together(&self, which: &str, values: Vec<Value>) -> Result<Together, Stop> {
        let query = format!("SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM sample {which}");
        Ok(self.0.exec(&query, values)?.one()?)
    }
}

/// A number for the database: JavaScript's are exact up to 2⁵³, which is a time in 285 years.
fn number(value: u64) -> Result<Value, Stop> {
    Ok(Value::try_from_i64(value as i64)?)
}
