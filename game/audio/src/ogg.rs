//! What is in an Ogg file (RFC 3533): the packets of its one stream.
//!
//! A page has a header, a table of up to 255 lengths, and as many bytes. A packet is a run of lengths that ends with one
//! below 255; it may begin on one page and end on another.

/// What a page begins with, its length up to the table, and where its numbers are.
const MARK: &[u8] = b"OggS";
const HEADER: usize = 27;
const FLAGS: usize = 5;
const POSITION: usize = 6;
const SERIAL: usize = 14;
const SEQUENCE: usize = 18;
const CHECKSUM: usize = 22;
const LENGTHS: usize = 26;
/// Flags: the first packet goes on from the page before; the page is the last one.
const CONTINUED: u8 = 1;
const LAST: u8 = 4;
/// A length that says that the packet goes on.
const GOES_ON: u8 = 255;
/// Position of a page on which no packet ends.
const NO_POSITION: u64 = u64::MAX;
/// Polynomial of the checksum.
const POLYNOMIAL: u32 = 0x04c1_1db7;

/// A file's stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Its packets.
    pub(crate) packets: Vec<Vec<u8>>,
    /// Where it ends; for sounds, how many frames it has.
    pub(crate) end: u64,
}

/// Reads a file.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(file: &[u8]) -> Result<Stream, &'static str> {
    let mut stream = Stream::default();
    // The packet that goes on on the next page.
    let mut open: Option<Vec<u8>> = None;
    let (mut rest, mut serial) = (file, None);
    for sequence in 0_u32.. {
        let (page, after) = Page::read(rest)?;
        rest = after;
        if page.sequence != sequence || *serial.get_or_insert(page.serial) != page.serial {
            return Err("ogg: a page is missing, or of another stream");
        }
        if open.is_some() != (page.flags & CONTINUED != 0) {
            return Err("ogg: a packet goes on that has not begun, or the other way round");
        }
        let mut bytes = page.bytes;
        for length in page.lengths {
            let (piece, later) = bytes.split_at_checked(usize::from(*length)).ok_or("ogg: a page is cut")?;
            bytes = later;
            let mut packet = open.take().unwrap_or_default();
            packet.extend_from_slice(piece);
            if *length == GOES_ON {
                open = Some(packet);
            } else {
                stream.packets.push(packet);
            }
        }
        if page.position != NO_POSITION {
            stream.end = page.position;
        }
        if page.flags & LAST != 0 {
            break;
        }
    }
    Ok(stream)
}

/// A page.
struct Page<'a> {
    flags: u8,
    position: u64,
    serial: u32,
    sequence: u32,
    lengths: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Page<'a> {
    /// Reads the page with which `bytes` begin; what is after it.
    fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), &'static str> {
        let cut = "ogg: a page is cut";
        let header = bytes.get(..HEADER).filter(|header| header.starts_with(MARK)).ok_or("ogg: there is no page")?;
        let (_, after) = bytes.split_at(HEADER);
        let (lengths, after) = after.split_at_checked(usize::from(header[LENGTHS])).ok_or(cut)?;
        let length = lengths.iter().map(|length| usize::from(*length)).sum();
        let (content, after) = after.split_at_checked(length).ok_or(cut)?;
        let number = |at: usize| header[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let page = Self {
            flags: header[FLAGS],
            position: header[POSITION..].first_chunk().map_or(NO_POSITION, |bytes| u64::from_le_bytes(*bytes)),
            serial: number(SERIAL),
            sequence: number(SEQUENCE),
            lengths,
            bytes: content,
        };
        // The checksum is of the page without it.
        let sum = [&header[..CHECKSUM], &[0; 4], &header[LENGTHS..], lengths, content]
            .into_iter()
            .flatten()
            .fold(0, |sum, byte| checksum(sum, *byte));
        if sum != number(CHECKSUM) {
            return Err("ogg: a page is damaged");
        }
        Ok((page, after))
    }
}

/// The checksum of what `sum` is of and another byte.
fn checksum(sum: u32, byte: u8) -> u32 {
    const TABLE: [u32; 256] = table();
    (sum << 8) ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)]
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut sum, mut bit) = ((byte as u32) << 24, 0);
        while bit < 8 {
            sum = if sum & 0x8000_0000 == 0 { sum << 1 } else { (sum << 1) ^ POLYNOMIAL };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of these lengths, with bytes that are counted through.
    fn page(sequence: u8, flags: u8, position: u64, lengths: &[u8]) -> Vec<u8> {
        let mut page =
            [MARK, &[0, flags], &position.to_le_bytes(), &[7, 0, 0, 0, sequence, 0, 0, 0, 0, 0, 0, 0]].concat();
        page.push(lengths.len() as u8);
        page.extend(lengths);
        let count: usize = lengths.iter().map(|length| usize::from(*length)).sum();
        page.extend((0..count).map(|index| index as u8));
        let sum = page.iter().fold(0, |sum, byte| checksum(sum, *byte));
        page[CHECKSUM..LENGTHS].copy_from_slice(&sum.to_le_bytes());
        page
    }

    #[test]
    fn packets_end_where_a_length_is_short_and_go_on_over_pages() {
        let file = [
            page(0, 2, 0, &[3]),
            page(1, 0, NO_POSITION, &[255, 0, 2, 255]),
            page(2, CONTINUED | LAST, 900, &[1, 0]),
            b"whatever".to_vec(),
        ];
        let stream = read(&file.concat()).unwrap();
        let lengths: Vec<usize> = stream.packets.iter().map(Vec::len).collect();
        assert_eq!((lengths, stream.end), (vec![3, 255, 2, 256, 0], 900));
        assert_eq!(stream.packets[0], [0, 1, 2]);
    }

    #[test]
    fn a_file_that_is_cut_or_changed_anywhere_is_refused() {
        let file = [page(0, 2, 0, &[3]), page(1, LAST, 5, &[200])].concat();
        assert!(read(&file).is_ok());
        for length in 0..file.len() {
            assert!(read(&file[..length]).is_err(), "cut at {length}");
            let mut changed = file.clone();
            changed[length] ^= 0x10;
            assert!(read(&changed).is_err(), "changed at {length}");
        }
        assert!(read(&[page(0, 2, 0, &[3]), page(2, LAST, 5, &[1])].concat()).is_err(), "a page is missing");
        assert!(read(&[page(0, 2, 0, &[255]), page(1, LAST, 5, &[1])].concat()).is_err(), "a packet does not go on");
    }
}
