//! The secret that brings a player back to the same seat.

use crate::api::{from_hex, to_hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a seat token.
pub const SEAT_TOKEN_BYTES: usize = 32;

/// A secret of 256 bits that belongs to one seat. Never shown, logged or put in a URL.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatToken(pub [u8; SEAT_TOKEN_BYTES]);

impl SeatToken {
    /// What an authority keeps of it: enough to recognise it, not to use it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest(Sha256::digest(self.0).into())
    }

    /// As 64 hexadecimal digits, for an HTTP body or header.
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    /// From an `Authorization` header: `Bearer` and 64 hexadecimal digits.
    pub fn from_bearer(header: &str) -> Option<Self> {
        let (scheme, token) = header.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| Self::from_hex(token.trim()))?
    }

    /// From 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text, SEAT_TOKEN_BYTES)?.try_into().ok().map(Self)
    }
}

impl fmt::Debug for SeatToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeatToken(secret)")
    }
}

/// SHA-256 of a [`SeatToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// A number that differs from token to token, to choose a name by.
    pub fn seed(&self) -> u64 {
        self.0.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_returns_the_same_token() {
        let token = SeatToken(std::array::from_fn(|i| i as u8 * 7));
        assert_eq!(SeatToken::from_hex(&token.to_hex()), Some(token));
        assert_eq!(SeatToken::from_hex("zz"), None);
        assert_eq!(SeatToken::from_hex(&"g0".repeat(SEAT_TOKEN_BYTES)), None);
    }

    #[test]
    fn a_token_is_read_from_a_header() {
        let token = SeatToken([7; SEAT_TOKEN_BYTES]);
        assert_eq!(SeatToken::from_bearer(&format!("Bearer {}", token.to_hex())), Some(token.clone()));
        assert_eq!(SeatToken::from_bearer(&format!("bearer  {}", token.to_hex())), Some(token.clone()));
        assert_eq!(SeatToken::from_bearer(&token.to_hex()), None);
        assert_eq!(SeatToken::from_bearer(&format!("Basic {}", token.to_hex())), None);
    }

    #[test]
    fn a_token_does_not_show_itself() {
        assert_eq!(format!("{:?}", SeatToken([9; SEAT_TOKEN_BYTES])), "SeatToken(secret)");
    }
}
