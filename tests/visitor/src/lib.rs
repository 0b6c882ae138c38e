//! A player without a window, a sound and a thread: takes a seat over HTTP, connects over UDP or a WebSocket, and keeps
//! all that it hears.
//!
//! Made to try hosts with. A [`Visitor`] lives only while [`until`] lets it, so a test sees each message in its place; and
//! it can say what no game would, see [`Visitor::send`] and [`Visitor::send_frame`].

mod http;
mod line;

pub use http::{Failure, address, client, create, join, trusting_nobody};
pub use line::{Closed, Message, Way, WebSocket, handshake};

use keyboardia_session::{
    Cell, Command, CommandId, EventKind, Farewell, Micros, Profile, Seat, SeatId, SessionState,
    api::{Joined, UdpWay},
    event::Event,
    wire::{self, ClientMessage, HostMessage, Malformed, Probe},
};
use line::{Came, Line};
use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

/// Long enough for a busy machine, short enough to notice.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(1);

/// A connected player. See the module.
pub struct Visitor {
    /// The seat, as it was given.
    pub joined: Joined,
    /// The player's side of the session.
    pub seat: Seat,
    /// All messages that came, in order.
    pub heard: Vec<HostMessage>,
    /// Those of them that came on the channel for what may be lost; a WebSocket has none.
    pub lossy: Vec<HostMessage>,
    /// What came and is no message.
    pub unreadable: Vec<Malformed>,
    /// Replies to time probes.
    pub times: Vec<Probe>,
    /// Text frames of a WebSocket.
    pub texts: Vec<String>,
    line: Line,
    began: Instant,
    commands: u32,
}

impl Visitor {
    /// Takes a seat at the host `at`, `host:port` with or without `http://`, and begins to connect.
    ///
    /// # Errors
    /// When there is no seat, or no way to connect.
    pub fn connect(
        way: Way,
        at: impl Display,
        code: &str,
        profile: &Profile,
        token: Option<&str>,
    ) -> Result<Self, Failure> {
        let at = address(at);
        let joined = join(&at, code, profile, token)?;
        let line = Line::open(way, &at, code, &joined)?;
        Ok(Self {
            joined,
            seat: Seat::new(),
            heard: Vec::new(),
            lossy: Vec::new(),
            unreadable: Vec::new(),
            times: Vec::new(),
            texts: Vec::new(),
            line,
            began: Instant::now(),
            commands: 0,
        })
    }

    /// The same, and waits until the snapshot is there.
    ///
    /// # Errors
    /// As [`Self::connect`], or when no snapshot comes.
    pub fn enter(
        way: Way,
        at: impl Display,
        code: &str,
        profile: &Profile,
        token: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut visitor = Self::connect(way, at, code, profile, token)?;
        until([&mut visitor], "a snapshot", |[visitor]| visitor.seat.state().is_some())?;
        Ok(visitor)
    }

    /// How it is connected.
    pub fn way(&self) -> Way {
        self.line.way()
    }

    /// Its seat.
    pub fn id(&self) -> SeatId {
        SeatId(self.joined.seat)
    }

    /// The session, as far as it was heard of.
    ///
    /// # Panics
    /// Before the first snapshot.
    pub fn state(&self) -> &Arc<SessionState> {
        self.seat.state().unwrap_or_else(|| panic!("no snapshot has come"))
    }

    /// Its own clock.
    pub fn local(&self) -> Micros {
        Micros(1 + self.began.elapsed().as_micros() as u64)
    }

    /// Sends any bytes, reliably.
    pub fn send(&mut self, bytes: Vec<u8>) {
        self.line.send(bytes);
    }

    /// Sends any bytes that may be lost.
    pub fn send_lossy(&mut self, bytes: Vec<u8>) {
        self.line.send_lossy(bytes);
    }

    /// Sends any frame, if it is on a WebSocket.
    pub fn send_frame(&mut self, frame: Message) {
        self.line.send_frame(frame);
    }

    /// Asks for something; the number under which it does.
    pub fn command(&mut self, command: Command) -> CommandId {
        self.commands += 1;
        let id = CommandId(self.commands);
        self.send(wire::encode(&ClientMessage::Command { id, command }));
        id
    }

    /// Points at a slot, or at none.
    pub fn point(&mut self, cell: Option<Cell>) {
        let local = self.local();
        self.seat.set_pointer(local, cell.into());
    }

    /// Asks what time it is in the session; the reply goes to [`Self::times`].
    pub fn ask_time(&mut self) {
        let probe = Probe { sent: self.local(), received: Micros(0), answered: Micros(0) };
        self.line.probe(&probe);
    }

    /// Says goodbye.
    pub fn leave(&mut self) {
        self.line.leave();
    }

    /// Whether the connection is over.
    pub fn is_gone(&self) -> bool {
        self.line.is_gone()
    }

    /// Why the host ends the connection, as far as it has said so.
    pub fn farewell(&self) -> Option<Farewell> {
        self.seat.farewell().or_else(|| Farewell::of_code(self.closed()?.code))
    }

    /// The close frame that came on a WebSocket.
    pub fn closed(&self) -> Option<&Closed> {
        self.line.closed()
    }

    /// The events that came.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.heard.iter().filter_map(|message| match message {
            HostMessage::Event(event) => Some(event),
            _ => None,
        })
    }

    /// Whether such an event came.
    pub fn heard_event(&self, is_it: impl Fn(&EventKind) -> bool) -> bool {
        self.events().any(|event| is_it(&event.kind))
    }

    /// The last event that is known to be safe.
    pub fn durable(&self) -> Option<u64> {
        self.seat.view(self.local())?.durable
    }

    /// Lives for a moment: takes in what has come, sends what waits.
    pub fn tick(&mut self) {
        let local = self.local();
        for message in self.seat.take_outgoing() {
            self.line.send(message);
        }
        if let Some(message) = self.seat.take_unreliable(local) {
            self.line.send_lossy(message);
        }
        for came in self.line.turn() {
            match came {
                Came::Message { bytes, is_lossy } => {
                    self.seat.receive(local, &bytes);
                    match wire::decode::<HostMessage>(&bytes) {
                        Ok(message) => {
                            self.lossy.extend(is_lossy.then(|| message.clone()));
                            self.heard.push(message);
                        }
                        Err(malformed) => self.unreadable.push(malformed),
                    }
                }
                Came::Time(probe) => {
                    self.seat.probe_reply(local, &probe);
                    self.times.push(probe);
                }
                Came::Text(text) => self.texts.push(text),
            }
        }
    }
}

impl AsMut<Self> for Visitor {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

/// The way by UDP that a host has given.
///
/// # Panics
/// Where it has none.
pub fn udp(joined: &Joined) -> &UdpWay {
    joined.udp.as_ref().unwrap_or_else(|| panic!("{joined:?} has no way by UDP"))
}

/// Lets visitors live until a condition holds.
///
/// # Errors
/// When it does not within [`PATIENCE`], or the host says what cannot be read.
pub fn until<V: AsMut<Visitor>, const N: usize>(
    mut visitors: [&mut V; N],
    what: &str,
    holds: impl Fn([&V; N]) -> bool,
) -> Result<(), Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        for visitor in &mut visitors {
            let visitor = (**visitor).as_mut();
            visitor.tick();
            if let Some(malformed) = visitor.unreadable.first() {
                return Err(Failure::Broken(format!("The host sent {malformed} while it was to bring {what}.")));
            }
        }
        if holds(visitors.each_ref().map(|visitor| &**visitor)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(Failure::Broken(format!("After {PATIENCE:?}, {what} has not come.")));
        }
        std::thread::sleep(POLL);
    }
}
