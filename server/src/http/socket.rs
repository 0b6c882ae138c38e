//! One WebSocket: says hello, then carries messages between a player and the host's loop until one of them ends it.
//!
//! Time probes are answered here, where they arrive. Nothing else is looked into; the authority reads what is a message,
//! and what is not.

use super::{Front, Refusal, door::Visit, gate::Errand};
use crate::{
    budget::Budget,
    clock::SessionClocks,
    desk::{Refused, Request},
    limits::{MESSAGES_PER_SECOND_MAX, WEB_FRAME_BYTES_MAX, WEB_HELLO_MAX, WEB_WRITE_MAX},
    metrics::Metrics,
    tickets::Ticket,
    web::{FromWeb, Line, TaskEnd, ToWeb, WebId, next_id},
};
use axum::{
    extract::{
        ConnectInfo, Path, State, WebSocketUpgrade,
        rejection::PathRejection,
        ws::{CloseFrame, Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::Response,
};
use keyboardia_session::{
    Farewell, SessionCode,
    denial::Denial,
    limits::{MESSAGE_BYTES_MAX, PING_INTERVAL_S, WEB_SILENCE_S},
    wire::{self, Hello, Malformed, Probe},
};
use renet::Bytes;
use std::{
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, time::timeout};

/// Keep-alive of players whose transport cannot send ping frames, and its answer.
const PING: &str = "ping";
const PONG: &str = "pong";
/// Time in which a used-up budget is good for some messages again.
const BUDGET_PAUSE: Duration = Duration::from_millis(10_000 / MESSAGES_PER_SECOND_MAX);

/// Turns a connection into a WebSocket. Whatever is wrong with it is said in its close frame, since browsers do not show
/// their pages anything else.
pub(super) async fn open(
    State(front): State<Front>,
    ConnectInfo(visit): ConnectInfo<Visit>,
    headers: HeaderMap,
    code: Result<Path<String>, PathRejection>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    front.enter(&visit.route, &headers, Errand::Join)?;
    let upgrade = upgrade.map_err(|_| Denial::no_web_socket())?;
    let mut code = code.ok().and_then(|Path(text)| SessionCode::parse(&text));
    if let Some(guess) = code
        && !is_open(&front, guess).await?
    {
        front.enter(&visit.route, &headers, Errand::Guess)?;
        code = None;
    }
    let place = front.sockets.clone().try_acquire_owned();
    let upgrade = upgrade.max_message_size(WEB_FRAME_BYTES_MAX).max_frame_size(WEB_FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(async move |mut socket| {
        let why = match (place, code) {
            (Err(_), _) => Some(Farewell::Full),
            (Ok(_), None) => Some(Farewell::NoSession),
            (Ok(_place), Some(code)) => match hello(&mut socket, code).await {
                Ok(ticket) => {
                    visit.life.outgrow();
                    Carrier::new(socket, code, &front).run(ticket).await;
                    return;
                }
                Err(why) => why,
            },
        };
        if let Some(why) = why {
            front.metrics.closed(why);
            close(&mut socket, why).await;
        }
    }))
}

/// Whether a session is open here.
async fn is_open(front: &Front, code: SessionCode) -> Result<bool, Refusal> {
    match front.desk.ask(|reply| Request::IsOpen { code, reply }).await {
        Ok(()) => Ok(true),
        Err(Refused::UnknownSession) => Ok(false),
        Err(refused) => Err(Refusal::of(refused, "")),
    }
}

/// Waits for the first frame, which says whose the connection is; otherwise, why it is closed, if it is there to hear that.
async fn hello(socket: &mut WebSocket, code: SessionCode) -> Result<Ticket, Option<Farewell>> {
    let first = timeout(WEB_HELLO_MAX, socket.recv()).await.map_err(|_| Some(Farewell::Unnamed))?;
    match first {
        Some(Ok(Message::Binary(bytes))) => match wire::decode(&bytes) {
            Err(Malformed::TooLarge) => Err(Some(Farewell::TooLarge)),
            Ok(Hello { token }) => Ok(Ticket { seat: token, code }),
            Err(Malformed::OtherVersion(_)) => Err(Some(Farewell::OtherProtocol)),
            Err(_) => Err(Some(Farewell::Unnamed)),
        },
        Some(Ok(Message::Text(_))) => Err(Some(Farewell::Unnamed)),
        Some(Err(_)) => Err(Some(Farewell::TooLarge)),
        Some(Ok(Message::Close(_) | Message::Ping(_) | Message::Pong(_))) | None => Err(None),
    }
}

async fn close(socket: &mut WebSocket, why: Farewell) {
    let frame = CloseFrame { code: why.code(), reason: why.to_string().into() };
    let goodbye = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            // Its answer, so that the close frame is read before the connection is gone.
            while let Some(Ok(message)) = socket.recv().await {
                if matches!(message, Message::Close(_)) {
                    break;
                }
            }
        }
    };
    // Whoever does not answer in time misses nothing but the reason.
    timeout(WEB_WRITE_MAX, goodbye).await.unwrap_or_default();
}

/// Carries messages both ways.
struct Carrier {
    id: WebId,
    socket: WebSocket,
    code: SessionCode,
    clocks: SessionClocks,
    to_loop: mpsc::Sender<FromWeb>,
    metrics: Metrics,
    budget: Budget,
    refilled: Instant,
    heard: Instant,
}

/// How a connection ends.
enum End {
    /// Its other end is gone, or it broke; for the log.
    Gone(&'static str),
    /// It is to be closed.
    Close(Farewell),
    /// The loop closes it, and has counted that.
    Closed(Farewell),
    /// Nobody reads there.
    Slow,
    /// The loop has found that, and has counted it.
    GivenUp,
}

impl Carrier {
    fn new(socket: WebSocket, code: SessionCode, front: &Front) -> Self {
        let (clocks, to_loop, metrics) = (front.tickets.clocks.clone(), front.to_loop.clone(), front.metrics.clone());
        let (budget, now) = (Budget::default(), Instant::now());
        Self { id: next_id(), socket, code, clocks, to_loop, metrics, budget, refilled: now, heard: now }
    }

    async fn run(mut self, ticket: Ticket) {
        let (line, end) = Line::new();
        if self.to_loop.send(FromWeb::Opened(self.id, ticket, line)).await.is_err() {
            return close(&mut self.socket, Farewell::Stopping).await;
        }
        let ended = self.carry(end).await;
        match ended {
            End::Close(why) => self.metrics.closed(why),
            End::Slow => self.metrics.closed(Farewell::TooSlow),
            End::Gone(_) | End::Closed(_) | End::GivenUp => {}
        }
        let why = match ended {
            End::Gone(why) => why,
            End::Close(why) | End::Closed(why) => {
                close(&mut self.socket, why).await;
                "closed"
            }
            End::Slow | End::GivenUp => "too slow",
        };
        // Without a loop nobody wants to know.
        self.to_loop.send(FromWeb::Closed(self.id, why)).await.unwrap_or_default();
    }

    async fn carry(&mut self, mut end: TaskEnd) -> End {
        let mut ping = tokio::time::interval(Duration::from_secs(PING_INTERVAL_S));
        loop {
            self.refill();
            let is_spent = self.budget.is_spent();
            let ended = tokio::select! {
                message = self.socket.recv(), if !is_spent => match message {
                    Some(Ok(message)) => self.came(message).await,
                    Some(Err(error)) => Some(broken(&error)),
                    None => Some(End::Gone("the connection ended")),
                },
                () = tokio::time::sleep(BUDGET_PAUSE), if is_spent => None,
                message = end.out.recv() => match message {
                    Some(ToWeb::Message(bytes)) => {
                        let length = bytes.len();
                        let ended = self.send(Message::Binary(bytes), &end).await;
                        end.waiting.fetch_sub(length, Relaxed);
                        ended
                    }
                    Some(ToWeb::Close(why)) => Some(End::Closed(why)),
                    None => Some(End::GivenUp),
                },
                _ = ping.tick() => {
                    if self.heard.elapsed() > Duration::from_secs(WEB_SILENCE_S) {
                        Some(End::Close(Farewell::Silent))
                    } else {
                        self.send(Message::Ping(Bytes::new()), &end).await
                    }
                },
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    fn refill(&mut self) {
        let now = Instant::now();
        self.budget.refill(now.duration_since(self.refilled));
        self.refilled = now;
    }

    /// A frame came.
    async fn came(&mut self, message: Message) -> Option<End> {
        let received = self.clocks.now(self.code);
        self.heard = self.refilled;
        self.budget.spend();
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) if text.as_str() == PING => {
                return self.answer(Message::Text(PONG.into())).await;
            }
            Message::Text(text) => text.into(),
            Message::Ping(_) | Message::Pong(_) => return None,
            Message::Close(_) => return Some(End::Gone("the player left")),
        };
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Some(End::Close(Farewell::TooLarge));
        }
        if let Some(probe) = Probe::decode(&bytes) {
            let reply = Probe { received, answered: self.clocks.now(self.code), ..probe };
            return self.answer(Message::Binary(Bytes::copy_from_slice(&reply.encode()))).await;
        }
        let sent = self.to_loop.send(FromWeb::Message(self.id, bytes)).await;
        sent.is_err().then_some(End::Close(Farewell::Stopping))
    }

    async fn answer(&mut self, message: Message) -> Option<End> {
        match timeout(WEB_WRITE_MAX, self.socket.send(message)).await {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some(End::Gone("the connection broke")),
            Err(_) => Some(End::Slow),
        }
    }

    /// Sends a frame, unless the loop loses patience meanwhile.
    async fn send(&mut self, message: Message, end: &TaskEnd) -> Option<End> {
        tokio::select! {
            ended = self.answer(message) => ended,
            () = end.slow.notified() => Some(End::GivenUp),
        }
    }
}

/// What a frame that cannot be read means.
fn broken(error: &axum::Error) -> End {
    use tokio_tungstenite::tungstenite::Error;
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    match source {
        Some(Error::Capacity(_)) => End::Close(Farewell::TooLarge),
        _ => End::Gone("the connection broke"),
    }
}
