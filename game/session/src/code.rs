//! The session code: five spoken words that invite players.

use std::fmt;

/// Words of a code.
pub const CODE_WORDS: usize = 5;
/// Bits that each word carries.
const WORD_BITS: u32 = 10;
/// The words, one a line, sorted, all different.
const WORDS: &str = include_str!("words.txt");
/// Longest text that is looked at as a code.
const CODE_TEXT_BYTES_MAX: usize = 64;

/// Five words of a list of 1,024: 50 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionCode([u16; CODE_WORDS]);

impl SessionCode {
    /// A code from 64 random bits, of which 50 are used.
    pub fn from_entropy(bits: u64) -> Self {
        Self(std::array::from_fn(|i| (bits >> (i as u32 * WORD_BITS)) as u16 & ((1 << WORD_BITS) - 1)))
    }

    /// Reads a code as people type it: any case, words parted by anything that is not a letter. `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > CODE_TEXT_BYTES_MAX {
            return None;
        }
        let text = text.to_ascii_lowercase();
        let mut words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        let mut code = [0; CODE_WORDS];
        for slot in &mut code {
            *slot = index_of(words.next()?)?;
        }
        words.next().is_none().then_some(Self(code))
    }
}

fn index_of(word: &str) -> Option<u16> {
    WORDS.lines().position(|known| known == word).map(|index| index as u16)
}

impl fmt::Display for SessionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, index) in self.0.iter().enumerate() {
            let word = WORDS.lines().nth(usize::from(*index)).unwrap_or_default();
            write!(f, "{}{word}", if position == 0 { "" } else { "-" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn there_are_1024_different_short_words() {
        let words: Vec<&str> = WORDS.lines().collect();
        assert_eq!(words.len(), 1 << WORD_BITS);
        assert!(words.windows(2).all(|pair| pair[0] < pair[1]), "sorted and different");
        assert!(words.iter().all(|word| (3..=7).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_lowercase())));
    }

    proptest! {
        #[test]
        fn a_code_is_read_as_it_was_spoken(bits in any::<u64>()) {
            let code = SessionCode::from_entropy(bits);
            prop_assert_eq!(SessionCode::parse(&code.to_string()), Some(code));
            prop_assert_eq!(SessionCode::parse(&format!("  {} ", code.to_string().to_uppercase().replace('-', " "))), Some(code));
        }

        #[test]
        fn other_texts_are_no_codes(text in ".{0,80}") {
            prop_assume!(text.split('-').count() != CODE_WORDS);
            prop_assert_eq!(SessionCode::parse(&text), None);
        }
    }
}
