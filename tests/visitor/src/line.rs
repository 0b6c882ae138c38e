//! A connection: UDP as renet and netcode speak it, or a WebSocket.

use crate::Failure;
use keyboardia_server::connection_config;
use keyboardia_session::{
    SeatToken,
    api::{Joined, from_hex},
    limits::{CHANNEL_RELIABLE, CHANNEL_UNRELIABLE, HTTP_BODY_BYTES_MAX},
    wire::{self, Hello, Probe},
};
use renet::RenetClient;
use renet_netcode::{ClientAuthentication, ConnectToken, NetcodeClientTransport};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant, SystemTime},
};
use tokio_tungstenite::tungstenite;
pub use tokio_tungstenite::tungstenite::Message;

/// How long a host may take to open a WebSocket.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// A WebSocket of a visitor's.
pub type WebSocket = tungstenite::WebSocket<TcpStream>;

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// UDP.
    Udp,
    /// A WebSocket.
    WebSocket,
}

/// A close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Its code.
    pub code: u16,
    /// Its reason.
    pub reason: String,
}

/// Something that came.
pub(crate) enum Came {
    /// What should be a message.
    Message { bytes: Vec<u8>, is_lossy: bool },
    /// The reply to a time probe.
    Time(Probe),
    /// A text frame.
    Text(String),
}

/// A connection.
pub(crate) enum Line {
    Udp(Box<Udp>),
    Web(Box<Web>),
}

pub(crate) struct Udp {
    renet: RenetClient,
    transport: NetcodeClientTransport,
    last: Instant,
    /// Where probes leave and come back, once there is one.
    time: Option<UdpSocket>,
    /// Who answers them, and how far session time is ahead of that, microseconds.
    clock: SocketAddr,
    ahead_us: i64,
}

pub(crate) struct Web {
    socket: WebSocket,
    closed: Option<Closed>,
    is_gone: bool,
}

impl Line {
    pub(crate) fn open(way: Way, at: &str, code: &str, joined: &Joined) -> Result<Self, Failure> {
        Ok(match way {
            Way::Udp => Self::Udp(Box::new(Udp::open(joined).map_err(Failure::Broken)?)),
            Way::WebSocket => Self::Web(Box::new(Web::open(at, code, joined).map_err(Failure::Broken)?)),
        })
    }

    pub(crate) fn way(&self) -> Way {
        match self {
            Self::Udp(_) => Way::Udp,
            Self::Web(_) => Way::WebSocket,
        }
    }

    pub(crate) fn send(&mut self, bytes: Vec<u8>) {
        match self {
            Self::Udp(udp) => udp.renet.send_message(CHANNEL_RELIABLE, bytes),
            Self::Web(web) => web.send(Message::Binary(bytes.into())),
        }
    }

    pub(crate) fn send_lossy(&mut self, bytes: Vec<u8>) {
        match self {
            Self::Udp(udp) => udp.renet.send_message(CHANNEL_UNRELIABLE, bytes),
            Self::Web(web) => web.send(Message::Binary(bytes.into())),
        }
    }

    pub(crate) fn send_frame(&mut self, frame: Message) {
        match self {
            Self::Udp(_) => panic!("UDP has no frames"),
            Self::Web(web) => web.send(frame),
        }
    }

    pub(crate) fn probe(&mut self, probe: &Probe) {
        match self {
            Self::Udp(udp) => udp.probe(probe),
            Self::Web(web) => web.send(Message::Binary(probe.encode().to_vec().into())),
        }
    }

    pub(crate) fn leave(&mut self) {
        match self {
            Self::Udp(udp) => udp.transport.disconnect(),
            // One that is closed already is left.
            Self::Web(web) => web.socket.close(None).unwrap_or_default(),
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Udp(udp) => udp.transport.disconnect_reason().is_some(),
            Self::Web(web) => web.is_gone,
        }
    }

    pub(crate) fn closed(&self) -> Option<&Closed> {
        match self {
            Self::Udp(_) => None,
            Self::Web(web) => web.closed.as_ref(),
        }
    }

    pub(crate) fn turn(&mut self) -> Vec<Came> {
        match self {
            Self::Udp(udp) => udp.turn(),
            Self::Web(web) => web.turn(),
        }
    }
}

impl Udp {
    fn open(joined: &Joined) -> Result<Self, String> {
        let way = joined.udp.as_ref().ok_or("The host has no way by UDP.")?;
        let token = from_hex(&way.connect_token, HTTP_BODY_BYTES_MAX)
            .and_then(|bytes| ConnectToken::read(&mut bytes.as_slice()).ok())
            .ok_or("The host's connect token cannot be read.")?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| format!("No UDP port: {error}."))?;
        let now = SystemTime::UNIX_EPOCH.elapsed().map_err(|error| error.to_string())?;
        let authentication = ClientAuthentication::Secure { connect_token: token };
        let transport = NetcodeClientTransport::new(now, authentication, socket).map_err(|error| error.to_string())?;
        Ok(Self {
            renet: RenetClient::new(connection_config()),
            transport,
            last: Instant::now(),
            time: None,
            clock: way.time,
            ahead_us: way.ahead_us,
        })
    }

    /// Sends a probe; one that cannot be sent is as one that was lost.
    fn probe(&mut self, probe: &Probe) {
        if self.time.is_none() {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
            self.time = socket.and_then(|socket| socket.set_nonblocking(true).map(|()| socket)).ok();
        }
        if let Some(socket) = &self.time {
            socket.send_to(&probe.encode(), self.clock).map(drop).unwrap_or_default();
        }
    }

    fn turn(&mut self) -> Vec<Came> {
        let elapsed = self.last.elapsed();
        self.last += elapsed;
        self.renet.update(elapsed);
        // An error is a disconnection, which is asked for by name.
        self.transport.update(elapsed, &mut self.renet).unwrap_or_default();
        let mut came = Vec::new();
        for channel in [CHANNEL_RELIABLE, CHANNEL_UNRELIABLE] {
            while let Some(bytes) = self.renet.receive_message(channel) {
                came.push(Came::Message { bytes: bytes.to_vec(), is_lossy: channel == CHANNEL_UNRELIABLE });
            }
        }
        self.transport.send_packets(&mut self.renet).unwrap_or_default();
        let mut buffer = [0; 2 * Probe::BYTES];
        while let Some(Ok(length)) = self.time.as_ref().map(|socket| socket.recv(&mut buffer)) {
            let probe = Probe::decode(&buffer[..length]);
            came.extend(probe.map(|probe| Came::Time(probe.ahead(self.ahead_us))));
        }
        came
    }
}

impl Web {
    fn open(at: &str, code: &str, joined: &Joined) -> Result<Self, String> {
        let stream = TcpStream::connect(at).map_err(|error| format!("No connection to {at}: {error}."))?;
        let socket = handshake(stream, at, code).map_err(|failure| failure.to_string())?;
        socket.get_ref().set_nonblocking(true).map_err(|error| error.to_string())?;
        let token = SeatToken::from_hex(&joined.token).ok_or("The seat's token cannot be read.")?;
        let mut web = Self { socket, closed: None, is_gone: false };
        web.send(Message::Binary(wire::encode(&Hello { token }).into()));
        Ok(web)
    }

    /// Sends a frame. What a connection that is over does not take is not missed; [`Self::turn`] finds out.
    fn send(&mut self, frame: Message) {
        self.socket.send(frame).unwrap_or_default();
    }

    fn turn(&mut self) -> Vec<Came> {
        let mut came = Vec::new();
        while !self.is_gone {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => came.push(match Probe::decode(&bytes) {
                    Some(probe) => Came::Time(probe),
                    None => Came::Message { bytes: bytes.into(), is_lossy: false },
                }),
                Ok(Message::Text(text)) => came.push(Came::Text(text.as_str().to_owned())),
                Ok(Message::Close(frame)) => {
                    self.closed =
                        frame.map(|frame| Closed { code: frame.code.into(), reason: frame.reason.to_string() });
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    // What did not fit before may fit now.
                    self.socket.flush().unwrap_or_default();
                    break;
                }
                Err(_) => self.is_gone = true,
            }
        }
        came
    }
}

/// Opens a session's WebSocket on a connection to the host `at`. It has not said whose it is.
///
/// # Errors
/// When the host does not open it.
pub fn handshake(stream: TcpStream, at: &str, code: &str) -> Result<WebSocket, Failure> {
    let broken = |error: &dyn std::fmt::Display| Failure::Broken(format!("{at} opens no WebSocket: {error}."));
    stream.set_nodelay(true).map_err(|error| broken(&error))?;
    stream.set_read_timeout(Some(OPEN_MAX)).map_err(|error| broken(&error))?;
    let url = format!("ws://{at}/api/sessions/{code}/ws");
    let (socket, _) = tungstenite::client(url, stream).map_err(|error| broken(&error))?;
    Ok(socket)
}
