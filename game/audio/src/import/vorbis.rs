//! The head of an Ogg Vorbis file, looked through before anything is decoded.
//!
//! A few bytes of it can claim code books of gigabytes, or such as the decoder does not expect. Here they are read as the
//! decoder will read them (Vorbis I, sections 3.2 and 4.2), and nothing is kept but a sum. So that both read the same
//! head, it must be as encoders write it: one stream, whole pages, right sums.

use crate::limits::{VORBIS_BOOK_DIMENSIONS_MAX, VORBIS_BOOK_ENTRIES_MAX, VORBIS_BOOK_VALUES_MAX};

/// Bytes of a page before the lengths of its segments.
const PAGE_HEAD_BYTES: usize = 27;
/// A page goes on with the packet of the one before.
const CONTINUED: u8 = 1;
/// A page begins a stream.
const FIRST: u8 = 2;
/// Length of a segment that is not the last one of its packet.
const SEGMENT_GOES_ON: u8 = 255;
/// What a packet of the head begins with, after its number.
const SIGNATURE: &[u8] = b"vorbis";
/// What a code book begins with.
const BOOK_SYNC: u32 = 0x0056_4342;
/// Longest code word, bits.
const WORD_BITS_MAX: u32 = 32;

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHead {
    /// It is not as it says.
    Damaged,
    /// It is of no single Vorbis sound, or of one that needs too much memory.
    Unsupported,
}

/// Looks through the head of a file.
pub(super) fn check_head(file: &[u8]) -> Result<(), BadHead> {
    let is_first = |at: usize| file.get(at + 4..at + 6).is_some_and(|head| head[0] == 0 && head[1] & FIRST != 0);
    let pages = file.windows(4).enumerate().filter(|(_, start)| start == b"OggS");
    if pages.skip(1).any(|(at, _)| is_first(at)) {
        return Err(BadHead::Unsupported);
    }
    let setup = setup_packet(file)?;
    let books = setup.strip_prefix(&[5]).and_then(|setup| setup.strip_prefix(SIGNATURE)).ok_or(BadHead::Damaged)?;
    let mut bits = Bits { bytes: books, at: 0 };
    let count = bits.read(8)? + 1;
    let mut values = 0;
    for _ in 0..count {
        values += book_values(&mut bits)?;
        if values > VORBIS_BOOK_VALUES_MAX {
            return Err(BadHead::Unsupported);
        }
    }
    Ok(())
}

/// The third packet of a stream.
fn setup_packet(file: &[u8]) -> Result<Vec<u8>, BadHead> {
    let (mut rest, mut serial, mut number) = (file, None, 0);
    let (mut packet, mut goes_on) = (Vec::new(), false);
    loop {
        let (page, after) = Page::read(rest).ok_or(BadHead::Damaged)?;
        if *serial.get_or_insert(page.serial) != page.serial || page.is_continued != goes_on {
            return Err(BadHead::Damaged);
        }
        let mut body = page.body;
        for length in page.lengths {
            let (segment, others) = body.split_at(usize::from(*length));
            body = others;
            packet.extend_from_slice(segment);
            goes_on = *length == SEGMENT_GOES_ON;
            if goes_on {
                continue;
            }
            match number {
                0 if packet.strip_prefix(&[1]).is_none_or(|ident| !ident.starts_with(SIGNATURE)) => {
                    return Err(BadHead::Unsupported);
                }
                2 => return Ok(packet),
                _ => packet.clear(),
            }
            number += 1;
        }
        rest = after;
    }
}

/// A page of an Ogg file.
struct Page<'a> {
    serial: u32,
    is_continued: bool,
    lengths: &'a [u8],
    body: &'a [u8],
}

impl<'a> Page<'a> {
    /// The page at the beginning of these bytes, if its sum is right, and what comes after it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = bytes.split_first_chunk::<PAGE_HEAD_BYTES>()?;
        let (lengths, rest) = rest.split_at_checked(usize::from(head[26]))?;
        let (body, rest) = rest.split_at_checked(lengths.iter().map(|length| usize::from(*length)).sum())?;
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let without_sum = head[..22].iter().chain(&[0; 4]).chain(&head[26..]);
        let is_page = head.starts_with(b"OggS\0") && sum(without_sum.chain(lengths).chain(body)) == word(22);
        is_page.then_some((Self { serial: word(14), is_continued: head[5] & CONTINUED != 0, lengths, body }, rest))
    }
}

/// The sum of a page: CRC-32 of 0x04c11db7, highest bit first.
fn sum<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    bytes.fold(0, |sum, byte| {
        let step = |sum: u32| sum << 1 ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| step(sum))
    })
}

/// Reads over a code book. Returns how many numbers it keeps in memory.
fn book_values(bits: &mut Bits) -> Result<u64, BadHead> {
    if bits.read(24)? != BOOK_SYNC {
        return Err(BadHead::Damaged);
    }
    let (dimensions, entries) = (bits.read(16)?, bits.read(24)?);
    if dimensions == 0 || entries == 0 {
        return Err(BadHead::Damaged);
    }
    if dimensions > VORBIS_BOOK_DIMENSIONS_MAX || entries > VORBIS_BOOK_ENTRIES_MAX {
        return Err(BadHead::Unsupported);
    }
    skip_lengths(bits, entries)?;
    let values = match bits.read(4)? {
        0 => return Ok(u64::from(entries)),
        1 => root(entries, dimensions).ok_or(BadHead::Unsupported)?,
        2 => entries * dimensions,
        _ => return Err(BadHead::Damaged),
    };
    bits.skip(64)?;
    let value_bits = bits.read(4)? + 1;
    bits.skip(1 + u64::from(values) * u64::from(value_bits))?;
    Ok(u64::from(entries) * u64::from(dimensions + 1))
}

/// Reads over the lengths of a book's words.
fn skip_lengths(bits: &mut Bits, entries: u32) -> Result<(), BadHead> {
    if bits.read(1)? == 1 {
        let (mut length, mut entry) = (bits.read(5)? + 1, 0);
        while entry < entries {
            if length > WORD_BITS_MAX {
                return Err(BadHead::Damaged);
            }
            entry += bits.read(u32::BITS - (entries - entry).leading_zeros())?;
            length += 1;
        }
        return if entry == entries { Ok(()) } else { Err(BadHead::Damaged) };
    }
    if bits.read(1)? == 0 {
        return bits.skip(5 * u64::from(entries));
    }
    for _ in 0..entries {
        let is_used = bits.read(1)? == 1;
        bits.skip(if is_used { 5 } else { 0 })?;
    }
    Ok(())
}

/// The greatest number whose power does not exceed the entries, computed as the decoder does, which ends the program
/// where rounding finds another, and where the next power does not fit: `None` for those.
fn root(entries: u32, dimensions: u32) -> Option<u32> {
    let root = (entries as f32).powf(1.0 / dimensions as f32).floor() as u32;
    let fits = root.checked_pow(dimensions)? <= entries && (root + 1).checked_pow(dimensions)? > entries;
    fits.then_some(root)
}

/// Bits, the lowest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl Bits<'_> {
    /// A number of so many bits, at most 32.
    fn read(&mut self, count: u32) -> Result<u32, BadHead> {
        let bit = |at: u64| {
            let byte = self.bytes.get(usize::try_from(at / 8).ok()?)?;
            Some(u32::from(byte >> (at % 8) & 1))
        };
        let mut value = 0;
        for place in 0..count {
            value |= bit(self.at + u64::from(place)).ok_or(BadHead::Damaged)? << place;
        }
        self.at += u64::from(count);
        Ok(value)
    }

    fn skip(&mut self, count: u64) -> Result<(), BadHead> {
        self.at += count;
        if self.at <= 8 * self.bytes.len() as u64 { Ok(()) } else { Err(BadHead::Damaged) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes numbers of so many bits, the lowest first.
    fn packed(numbers: &[(u32, u32)]) -> Vec<u8> {
        let bits: Vec<u8> =
            numbers.iter().flat_map(|(value, count)| (0..*count).map(move |bit| (value >> bit & 1) as u8)).collect();
        bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit)).collect()
    }

    /// A book of words of one length, with one number for all.
    fn book(dimensions: u32, entries: u32, lookup: u32) -> Vec<(u32, u32)> {
        let count_bits = u32::BITS - entries.leading_zeros();
        let mut book = vec![(BOOK_SYNC, 24), (dimensions, 16), (entries, 24), (1, 1), (16, 5), (entries, count_bits)];
        book.push((lookup, 4));
        if lookup == 1 {
            book.extend([(0, 32), (0, 32), (0, 4), (0, 1), (0, 1)]);
        }
        book
    }

    /// A file of one page with such a head.
    fn file(books: &[Vec<(u32, u32)>]) -> Vec<u8> {
        let mut numbers = vec![(books.len() as u32 - 1, 8)];
        numbers.extend(books.iter().flatten());
        let setup = [&b"\x05vorbis"[..], &packed(&numbers)].concat();
        let packets = [&b"\x01vorbis"[..], b"\x03vorbis", &setup];
        let mut lengths = Vec::new();
        for packet in packets {
            lengths.extend(vec![255; packet.len() / 255]);
            lengths.push((packet.len() % 255) as u8);
        }
        let mut head = [0; PAGE_HEAD_BYTES];
        head[..6].copy_from_slice(b"OggS\0\x02");
        head[26] = lengths.len() as u8;
        let mut page = [&head[..], &lengths, &packets.concat()].concat();
        let sum = sum(page.iter()).to_le_bytes();
        page[22..26].copy_from_slice(&sum);
        page
    }

    #[test]
    fn books_of_a_usual_size_pass_and_claims_of_gigabytes_do_not() {
        assert_eq!(check_head(&file(&vec![book(4, 625, 0); 40])), Ok(()));
        assert_eq!(check_head(&file(&[book(17, 65_536, 1)])), Err(BadHead::Unsupported), "too many numbers");
        assert_eq!(check_head(&file(&vec![book(16, 32_768, 0); 250])), Err(BadHead::Unsupported), "and in all");
        assert_eq!(check_head(&file(&[book(32, 100, 1)])), Err(BadHead::Unsupported), "2³² does not fit");
        assert_eq!(check_head(&file(&[book(65_535, 1, 0)])), Err(BadHead::Unsupported));
        assert_eq!(check_head(&file(&[book(1, 16_000_000, 0)])), Err(BadHead::Unsupported));
    }

    #[test]
    fn books_that_the_decoder_does_not_expect_are_damaged() {
        for odd in [book(0, 0, 1), book(0, 8, 1), book(4, 0, 0), book(2, 8, 3)] {
            assert_eq!(check_head(&file(&[odd])), Err(BadHead::Damaged));
        }
        let mut endless = book(2, 8, 0);
        endless[4] = (31, 5);
        endless[5] = (0, 4);
        assert_eq!(check_head(&file(&[endless])), Err(BadHead::Damaged), "words of 33 bits");
    }

    #[test]
    fn a_head_is_of_one_vorbis_sound_with_right_sums() {
        let good = file(&[book(4, 625, 0)]);
        assert_eq!(check_head(&[&good[..], &good].concat()), Err(BadHead::Unsupported), "two sounds");
        let mut flipped = good.clone();
        flipped[40] ^= 1;
        assert_eq!(check_head(&flipped), Err(BadHead::Damaged));
        for length in 0..good.len() {
            assert!(check_head(&good[..length]).is_err());
        }
    }
}
