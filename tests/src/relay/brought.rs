//! What players bring through a door for HTTP and WebSockets, read as it passes: requests, and messages by their kind.

use keyboardia_session::wire::{self, ClientMessage, Probe};

/// The end of a request's head.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// A frame's opcodes.
const TEXT: u8 = 1;
const BINARY: u8 = 2;
/// Bytes of a frame's mask.
const MASK_BYTES: usize = 4;

/// What players have brought so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Brought {
    /// HTTP requests that open no WebSocket.
    pub requests: u64,
    /// HTTP requests that open a WebSocket.
    pub sockets: u64,
    /// The text `ping` that keeps a WebSocket open.
    pub pings: u64,
    /// Time probes.
    pub probes: u64,
    /// Commands.
    pub commands: u64,
    /// Messages about a player's cursor.
    pub cursors: u64,
    /// Reports of how a seat is doing.
    pub reports: u64,
    /// Messages of another kind: whose a WebSocket is, and wishes for a snapshot.
    pub others: u64,
    /// Bytes of all messages on WebSockets, pings aside, without what frames add.
    pub bytes: u64,
}

impl Brought {
    /// Messages on WebSockets, pings aside.
    pub fn messages(&self) -> u64 {
        self.probes + self.commands + self.cursors + self.reports + self.others
    }

    /// What was brought after an earlier moment.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            sockets: self.sockets - earlier.sockets,
            pings: self.pings - earlier.pings,
            probes: self.probes - earlier.probes,
            commands: self.commands - earlier.commands,
            cursors: self.cursors - earlier.cursors,
            reports: self.reports - earlier.reports,
            others: self.others - earlier.others,
            bytes: self.bytes - earlier.bytes,
        }
    }

    fn note_frame(&mut self, opcode: u8, payload: &[u8]) {
        if opcode == TEXT && payload == b"ping" {
            self.pings += 1;
            return;
        }
        let count = match opcode {
            BINARY if Probe::decode(payload).is_some() => &mut self.probes,
            BINARY => match wire::decode(payload) {
                Ok(ClientMessage::Command { .. }) => &mut self.commands,
                Ok(ClientMessage::Cursor(_)) => &mut self.cursors,
                Ok(ClientMessage::Report(_)) => &mut self.reports,
                Ok(ClientMessage::Resync) | Err(_) => &mut self.others,
            },
            TEXT => &mut self.others,
            // The connection's own business: its end, and frames that are answered below the session.
            _ => return,
        };
        *count += 1;
        self.bytes += payload.len() as u64;
    }
}

/// Reads what passes on one connection, from its first byte on.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What has passed and is not yet whole.
    bytes: Vec<u8>,
    is_web_socket: bool,
}

impl Reader {
    /// Takes in what passes, and counts what has become whole.
    pub(super) fn read(&mut self, bytes: &[u8], brought: &mut Brought) {
        self.bytes.extend_from_slice(bytes);
        while let Some(length) = if self.is_web_socket { self.frame(brought) } else { self.request(brought) } {
            self.bytes.drain(..length);
        }
    }

    /// Counts the request at the front; its length, if it is whole.
    fn request(&mut self, brought: &mut Brought) -> Option<usize> {
        let head = self.bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END)? + HEAD_END.len();
        let text = String::from_utf8_lossy(&self.bytes[..head]).to_ascii_lowercase();
        let field = |name: &str| text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim()));
        let length = head + field("content-length:").and_then(|length| length.parse().ok()).unwrap_or(0);
        if self.bytes.len() < length {
            return None;
        }
        self.is_web_socket = field("upgrade:") == Some("websocket");
        *if self.is_web_socket { &mut brought.sockets } else { &mut brought.requests } += 1;
        Some(length)
    }

    /// Counts the frame at the front; its length, if it is whole.
    fn frame(&self, brought: &mut Brought) -> Option<usize> {
        let [first, second, rest @ ..] = self.bytes.as_slice() else { return None };
        let (length, rest) = match second & 0x7f {
            0x7e => rest.split_first_chunk().map(|(length, rest)| (usize::from(u16::from_be_bytes(*length)), rest))?,
            0x7f => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length) as usize, rest))?,
            short => (usize::from(short), rest),
        };
        // Everything that a player sends is masked.
        let (mask, rest) = rest.split_first_chunk::<MASK_BYTES>()?;
        let payload: Vec<u8> =
            rest.get(..length)?.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        brought.note_frame(first & 0x0f, &payload);
        Some(self.bytes.len() - rest.len() + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keyboardia_session::{Command, CommandId, Micros};

    fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        const MASK: [u8; MASK_BYTES] = [1, 2, 3, 4];
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..0x7e => frame.push(0x80 | short as u8),
            long => {
                frame.push(0x80 | 0x7e);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    #[test]
    fn whatever_the_pieces_requests_and_messages_are_counted_by_their_kind() {
        let command = ClientMessage::Command { id: CommandId(1), command: Command::Undo };
        let probe = Probe { sent: Micros(1), received: Micros(0), answered: Micros(0) };
        let web_socket = [
            b"GET /api/sessions/x/ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".to_vec(),
            frame(BINARY, &[7; 33]),
            frame(TEXT, b"ping"),
            frame(BINARY, &wire::encode(&command)),
            frame(BINARY, &probe.encode()),
            frame(9, b""),
            frame(BINARY, &wire::encode(&ClientMessage::Cursor(None.into()))),
            frame(BINARY, &[7; 300]),
        ]
        .concat();
        let requests = b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /GET /b HTTP/1.1\r\n\r\n";
        let messages = [wire::encode(&command), wire::encode(&ClientMessage::Cursor(None.into()))];
        let bytes = (33 + Probe::BYTES + messages.concat().len() + 300) as u64;
        let expected = Brought {
            requests: 2,
            sockets: 1,
            pings: 1,
            probes: 1,
            commands: 1,
            cursors: 1,
            reports: 0,
            others: 2,
            bytes,
        };
        for piece in [1, 7, 1_000] {
            let mut brought = Brought::default();
            for connection in [web_socket.as_slice(), requests] {
                let mut reader = Reader::default();
                connection.chunks(piece).for_each(|bytes| reader.read(bytes, &mut brought));
            }
            assert_eq!(brought, expected, "in pieces of {piece}");
            assert_eq!(brought.messages(), 5);
        }
    }
}
