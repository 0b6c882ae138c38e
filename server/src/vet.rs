//! What a stranger sends is vetted before renet sees it.
//!
//! renet 2.0.1 and renetcode 2.0.0 believe some numbers in a packet: a header that claims a longer sequence number than
//! there are bytes, or a slice beyond its message, ends the whole process, and messages without bytes may pile up
//! without bound. Everything here is stricter than either, and refuses nothing that a renet client sends.

use crate::limits::{MESSAGES_WAITING_MAX, SLICED_MESSAGES_MAX, SLICES_MAX};
use std::collections::BTreeMap;

/// netcode's packet types that travel unencrypted, and renet's that carry messages.
const NETCODE_CONNECTION_REQUEST: u8 = 0;
const RENET_SMALL_RELIABLE: u8 = 0;
const RENET_SMALL_UNRELIABLE: u8 = 1;
const RENET_RELIABLE_SLICE: u8 = 2;
const RENET_ACK: u8 = 4;
/// Bytes of netcode's authentication tag.
const TAG_BYTES: usize = 16;
/// Longest sequence number, bytes: 2⁵⁶ packets are more than any connection sends.
const SEQUENCE_BYTES_MAX: usize = 7;

/// Whether a datagram is as long as its netcode header says.
pub(crate) fn is_datagram_sound(bytes: &[u8]) -> bool {
    let Some(prefix) = bytes.first() else { return false };
    let (kind, sequence_bytes) = (prefix & 0x0f, usize::from(prefix >> 4));
    kind == NETCODE_CONNECTION_REQUEST
        || (sequence_bytes <= SEQUENCE_BYTES_MAX && bytes.len() >= 1 + sequence_bytes + TAG_BYTES)
}

/// Whether a payload only says what has arrived.
pub(crate) fn is_acknowledgement(payload: &[u8]) -> bool {
    payload.first() == Some(&RENET_ACK)
}

/// Vets the payloads of one connection.
#[derive(Debug, Default)]
pub(crate) struct Vet {
    /// Reliable messages that have been handled; renet numbers them from 0.
    handled: u64,
    /// Long messages on their way: number, and pieces.
    sliced: BTreeMap<u64, u64>,
}

impl Vet {
    /// Whether renet can be given this payload.
    pub(crate) fn is_payload_sound(&mut self, bytes: &[u8]) -> bool {
        self.vet(&mut Reader(bytes)).is_some()
    }

    /// A reliable message was handled.
    pub(crate) fn handled(&mut self) {
        self.handled += 1;
        while self.sliced.first_key_value().is_some_and(|(message, _)| *message < self.handled) {
            self.sliced.pop_first();
        }
    }

    fn vet(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let kind = reader.byte()?;
        let _sequence = reader.varint()?;
        match kind {
            RENET_SMALL_RELIABLE => {
                let _channel = reader.byte()?;
                for _ in 0..reader.u16()? {
                    let message = reader.varint()?;
                    let length = reader.varint()?;
                    reader.skip(length)?;
                    self.has_room_for(message).then_some(())?;
                }
                Some(())
            }
            RENET_RELIABLE_SLICE => {
                let _channel = reader.byte()?;
                let (message, index, count) = (reader.varint()?, reader.varint()?, reader.varint()?);
                self.is_slice_sound(message, index, count).then_some(())
            }
            RENET_SMALL_UNRELIABLE | RENET_ACK => Some(()),
            // Long unreliable messages are of no use to anybody here.
            _ => None,
        }
    }

    fn has_room_for(&self, message: u64) -> bool {
        message < self.handled + MESSAGES_WAITING_MAX
    }

    fn is_slice_sound(&mut self, message: u64, index: u64, count: u64) -> bool {
        if index >= count || count > SLICES_MAX || !self.has_room_for(message) {
            return false;
        }
        if message < self.handled {
            return true;
        }
        if self.sliced.len() >= SLICED_MESSAGES_MAX && !self.sliced.contains_key(&message) {
            return false;
        }
        *self.sliced.entry(message).or_insert(count) == count
    }
}

/// Reads the integers that renet writes (those of QUIC, RFC 9000 section 16).
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn varint(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = (1 << (first >> 6)) - 1;
        (0..more).try_fold(u64::from(first & 0x3f), |value, _| Some(value << 8 | u64::from(self.byte()?)))
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(count).ok()?..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::connection_config;
    use keyboardia_session::limits::{CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, MESSAGE_BYTES_MAX};
    use renet::RenetClient;
    use std::time::Duration;

    /// A reliable slice as renet writes it, of small numbers.
    fn slice(message: u8, index: u8, count: u8) -> Vec<u8> {
        vec![RENET_RELIABLE_SLICE, 0, CHANNEL_RELIABLE, message, index, count, 1, 0xff]
    }

    fn small(message: [u8; 8]) -> Vec<u8> {
        [&[RENET_SMALL_RELIABLE, 0, CHANNEL_RELIABLE, 0, 1][..], &message, &[0]].concat()
    }

    #[test]
    fn a_datagram_shorter_than_its_header_says_is_refused() {
        assert!(!is_datagram_sound(&[]));
        assert!(!is_datagram_sound(&[0x85; 18]));
        assert!(!is_datagram_sound(&[0xf5; 1_400]));
        assert!(!is_datagram_sound(&[0x75; 23]));
        assert!(is_datagram_sound(&[0x75; 24]));
        assert!(is_datagram_sound(&[0xf0; 1_078]));
    }

    #[test]
    fn everything_that_a_renet_client_sends_passes() {
        let mut client = RenetClient::new(connection_config());
        client.set_connected();
        let mut peer = RenetClient::new(connection_config());
        peer.set_connected();
        let mut vet = Vet::default();
        for round in 0..200_usize {
            client.send_message(CHANNEL_RELIABLE, vec![1; round]);
            client.send_message(CHANNEL_UNRELIABLE, vec![2; round]);
            if round % 50 == 0 {
                client.send_message(CHANNEL_RELIABLE, vec![3; MESSAGE_BYTES_MAX + 1]);
            }
            client.update(Duration::from_millis(20));
            peer.update(Duration::from_millis(20));
            for packet in client.get_packets_to_send() {
                assert!(vet.is_payload_sound(&packet), "round {round}");
                peer.process_packet(&packet);
            }
            while peer.receive_message(CHANNEL_RELIABLE).is_some() {
                vet.handled();
            }
            for packet in peer.get_packets_to_send() {
                assert!(vet.is_payload_sound(&packet), "round {round}");
                client.process_packet(&packet);
            }
        }
        assert_eq!(vet.handled, 204);
        assert!(vet.sliced.is_empty());
    }

    #[test]
    fn a_slice_outside_its_message_is_refused() {
        let mut vet = Vet::default();
        assert!(vet.is_payload_sound(&slice(0, 1, 2)));
        assert!(!vet.is_payload_sound(&slice(1, 2, 2)));
        assert!(!vet.is_payload_sound(&slice(1, 0, 0)));
        assert!(!vet.is_payload_sound(&slice(1, 0, 63)), "more than the largest message");
    }

    #[test]
    fn slices_that_disagree_about_their_message_are_refused() {
        let mut vet = Vet::default();
        assert!(vet.is_payload_sound(&slice(0, 0, 2)));
        assert!(!vet.is_payload_sound(&slice(0, 40, 50)));
    }

    #[test]
    fn long_messages_on_their_way_are_bounded() {
        let mut vet = Vet::default();
        let accepted = (0..60).filter(|message| vet.is_payload_sound(&slice(*message, 0, 2))).count();
        assert_eq!(accepted, SLICED_MESSAGES_MAX);
        vet.handled();
        assert!(vet.is_payload_sound(&slice(61, 0, 2)), "a handled one makes room");
    }

    #[test]
    fn messages_without_bytes_cannot_pile_up() {
        let number = |message: u64| (message | 0b11 << 62).to_be_bytes();
        let mut vet = Vet::default();
        assert!(vet.is_payload_sound(&small(number(MESSAGES_WAITING_MAX - 1))));
        assert!(!vet.is_payload_sound(&small(number(MESSAGES_WAITING_MAX))));
    }

    #[test]
    fn a_payload_that_breaks_off_is_refused() {
        let whole = small([0xc0, 0, 0, 0, 0, 0, 0, 1]);
        let mut vet = Vet::default();
        assert!(vet.is_payload_sound(&whole));
        assert!((0..whole.len()).all(|end| !vet.is_payload_sound(&whole[..end])));
    }
}
