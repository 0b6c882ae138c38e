//! A connection by WebSocket, on a thread of its own: for networks that let no UDP through.
//!
//! The same messages as over UDP, one a frame. What comes is stamped where it arrives, time probes travel on the same
//! line, and the text `ping` keeps it open.

use crate::{
    host::{Address, trust},
    shared::Shared,
};
use futures_util::{SinkExt, StreamExt};
use keyboardia_session::{
    Farewell, Micros, SeatToken,
    limits::{CHANNEL_BYTES_MAX, COMMANDS_IN_FLIGHT_MAX, MESSAGE_BYTES_MAX, PING_INTERVAL_S, WEB_SILENCE_S},
    probing::Probing,
    wire::{self, Hello, Probe},
};
use std::{
    io,
    sync::{
        Arc,
        atomic::Ordering::Relaxed,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpStream, runtime::Builder, sync::mpsc, time::timeout};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

/// How long a host may take to open a connection.
const OPEN_MAX: Duration = Duration::from_secs(5);
/// How long a host may take for one of our frames.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// How often it is looked whether a probe is due.
const PROBE_LOOK: Duration = Duration::from_millis(10);
/// Messages that may wait for the seat: as many as a host may send while the seat's thread stalls.
const INCOMING_MAX: usize = 4_096;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Something that came.
#[derive(Debug)]
pub(crate) enum FromWeb {
    /// A message, and when it arrived.
    Message(Micros, Vec<u8>),
    /// The connection is gone; why, as a sentence, and whether to come back.
    Ended(String, bool),
}

/// A connection; dropping it ends it.
pub(crate) struct Web {
    incoming: Receiver<FromWeb>,
    outgoing: mpsc::Sender<Vec<u8>>,
}

impl Web {
    /// Begins to connect to the host there, for the seat of this token.
    pub(crate) fn start(address: &Address, code: &str, token: &SeatToken, shared: Arc<Shared>) -> io::Result<Self> {
        let (sender, incoming) = sync_channel(INCOMING_MAX);
        let (outgoing, wanted) = mpsc::channel(COMMANDS_IN_FLIGHT_MAX);
        let (address, path) = (address.clone(), format!("/api/sessions/{code}/ws"));
        let hello = wire::encode(&Hello { token: token.clone() });
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            let end = runtime.block_on(async {
                match timeout(OPEN_MAX, open(&address, &path, hello)).await {
                    Ok(Ok(socket)) => Carrier { socket, shared, to_seat: sender.clone() }.run(wanted).await,
                    Ok(Err(why)) => Some((why, true)),
                    Err(_) => Some((format!("The host at {address} does not open a WebSocket."), true)),
                }
            });
            if let Some((why, may_return)) = end {
                // A seat that is gone does not ask.
                sender.try_send(FromWeb::Ended(why, may_return)).unwrap_or_default();
            }
        };
        std::thread::Builder::new().name("web".into()).spawn(run)?;
        Ok(Self { incoming, outgoing })
    }

    /// The next that came.
    pub(crate) fn next(&self) -> Option<FromWeb> {
        match self.incoming.try_recv() {
            Ok(came) => Some(came),
            Err(std::sync::mpsc::TryRecvError::Empty) => None,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => {
                Some(FromWeb::Ended("The connection ended.".into(), true))
            }
        }
    }

    /// Sends a message; `false` if too many wait.
    pub(crate) fn send(&self, message: Vec<u8>) -> bool {
        self.outgoing.try_send(message).is_ok()
    }
}

async fn open(address: &Address, path: &str, hello: Vec<u8>) -> Result<Socket, String> {
    let broken = |error: &dyn std::fmt::Display| format!("The host at {address} does not open a WebSocket: {error}.");
    let stream = TcpStream::connect(&address.host).await.map_err(|error| broken(&error))?;
    stream.set_nodelay(true).map_err(|error| broken(&error))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
        .max_write_buffer_size(CHANNEL_BYTES_MAX);
    let connector = if address.is_secure { Connector::Rustls(Arc::new(trust()?)) } else { Connector::Plain };
    let (mut socket, _) = client_async_tls_with_config(address.url("ws", path), stream, Some(config), Some(connector))
        .await
        .map_err(|error| broken(&error))?;
    socket.send(Message::Binary(hello.into())).await.map_err(|error| broken(&error))?;
    Ok(socket)
}

struct Carrier {
    socket: Socket,
    shared: Arc<Shared>,
    to_seat: SyncSender<FromWeb>,
}

impl Carrier {
    /// Carries messages both ways until the end; why it came, unless it was ours.
    async fn run(mut self, mut wanted: mpsc::Receiver<Vec<u8>>) -> Option<(String, bool)> {
        let mut probing = Probing::default();
        let mut look = tokio::time::interval(PROBE_LOOK);
        let mut ping = tokio::time::interval(Duration::from_secs(PING_INTERVAL_S));
        let mut heard = Instant::now();
        loop {
            let frame = tokio::select! {
                came = self.socket.next() => {
                    let at = self.shared.local();
                    heard = Instant::now();
                    match came {
                        Some(Ok(message)) => if let Some(end) = self.came(at, message) { return Some(end) },
                        Some(Err(_)) | None => return Some(("The connection broke.".into(), true)),
                    }
                    continue;
                }
                message = wanted.recv() => if let Some(bytes) = message {
                    Message::Binary(bytes.into())
                } else {
                    // The seat is gone; the host may as well know.
                    timeout(WRITE_MAX, self.socket.close(None)).await.map(drop).unwrap_or_default();
                    return None;
                },
                _ = look.tick() => {
                    let (playing, uncertain) = (&self.shared.playing, &self.shared.uncertain);
                    if !probing.is_due(self.shared.local(), playing.load(Relaxed), uncertain.load(Relaxed)) {
                        continue;
                    }
                    let probe = Probe { sent: self.shared.local(), received: Micros(0), answered: Micros(0) };
                    Message::Binary(probe.encode().to_vec().into())
                }
                _ = ping.tick() => {
                    if heard.elapsed() > Duration::from_secs(WEB_SILENCE_S) {
                        return Some(("The host has gone silent.".into(), true));
                    }
                    Message::Text("ping".into())
                }
            };
            if !matches!(timeout(WRITE_MAX, self.socket.send(frame)).await, Ok(Ok(()))) {
                return Some(("The connection broke.".into(), true));
            }
        }
    }

    /// A frame came; the end, if it is one.
    fn came(&self, at: Micros, message: Message) -> Option<(String, bool)> {
        match message {
            Message::Binary(bytes) => {
                if let Some(probe) = Probe::decode(&bytes) {
                    self.shared.probe_returned(probe, at);
                    return None;
                }
                match self.to_seat.try_send(FromWeb::Message(at, bytes.into())) {
                    Ok(()) => None,
                    Err(TrySendError::Full(_)) => Some(("This machine cannot follow the session.".into(), true)),
                    Err(TrySendError::Disconnected(_)) => Some(("The connection was closed.".into(), true)),
                }
            }
            Message::Close(frame) => {
                let farewell = frame.as_ref().and_then(|frame| Farewell::of_code(frame.code.into()));
                let unnamed = || ("The host closed the connection.".to_owned(), true);
                Some(farewell.map_or_else(unnamed, |farewell| (farewell.to_string(), farewell.may_return())))
            }
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => None,
        }
    }
}
