//! Bytes as a script: numbers, spans of time and messages, one after the other.

use keyboardia_session::Micros;
use serde::de::DeserializeOwned;

/// Largest power of two by which a span of time (16 bits of microseconds) is stretched: twelve days.
const STRETCH_MAX: u8 = 24;

/// Bytes that are read as steps; at its end they are zeros.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A message, if the bytes that follow are one.
    pub(super) fn message<M: DeserializeOwned>(&mut self) -> Option<M> {
        let (message, rest) = postcard::take_from_bytes(self.0).ok()?;
        self.0 = rest;
        Some(message)
    }

    /// A span of time, microseconds.
    pub(super) fn span_us(&mut self) -> u64 {
        let stretch = self.byte() % (STRETCH_MAX + 1);
        u64::from(u16::from_le_bytes([self.byte(), self.byte()])) << stretch
    }

    /// Any moment at all.
    pub(super) fn moment(&mut self) -> Micros {
        let bytes = self.take(8);
        Micros(bytes.iter().fold(0, |moment, byte| moment << 8 | u64::from(*byte)))
    }
}
