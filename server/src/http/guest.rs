//! An accepted connection: plain or TLS, as its first byte says.
//!
//! Unless it becomes a WebSocket its time is bounded: it has to ask for something soon, to move on, and to end.

use super::door::Place;
use crate::limits::{HTTP_CONNECTION_LIFE, HTTP_HEAD_MAX, HTTP_SILENCE_MAX};
use std::{
    fmt,
    io::{self, ErrorKind},
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep},
};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};

/// First byte of a TLS connection: a handshake record (RFC 8446, 5.1). No HTTP request begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a connection does with its place, which it holds for as long as it is one of HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Life(Arc<Stage>);

#[derive(Debug)]
struct Stage {
    place: Mutex<Option<Place>>,
    has_asked: AtomicBool,
}

impl Life {
    fn begin(place: Place) -> Self {
        Self(Arc::new(Stage { place: Mutex::new(Some(place)), has_asked: AtomicBool::new(false) }))
    }

    /// The head of a request is there.
    pub(super) fn ask(&self) {
        self.0.has_asked.store(true, Relaxed);
    }

    /// Whether its place is wanted by others: it should end with the next answer.
    pub(super) fn is_wanted(&self) -> bool {
        self.place().as_ref().is_some_and(Place::is_wanted)
    }

    /// The connection has become another kind: it gives its place back, and lasts for as long as it likes.
    pub(super) fn outgrow(&self) {
        self.place().take();
    }

    fn has_asked(&self) -> bool {
        self.0.has_asked.load(Relaxed)
    }

    fn is_outgrown(&self) -> bool {
        self.place().is_none()
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<Place>> {
        // A poisoned lock guards plain data that is whole at every moment.
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Stream {
    /// It is not known yet what it is.
    Fresh(TcpStream, Option<TlsAcceptor>),
    Shaking(Box<Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
    Broken,
}

/// See the module.
pub(super) struct Guest {
    stream: Stream,
    pub(super) local: IpAddr,
    pub(super) life: Life,
    began: Instant,
    /// When the last bytes came or went.
    moved: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Guest {
    /// A connection that came by one of our addresses.
    pub(super) fn new(stream: TcpStream, local: IpAddr, tls: Option<TlsAcceptor>, place: Place) -> Self {
        let now = Instant::now();
        let timer = Box::pin(tokio::time::sleep_until(now + HTTP_HEAD_MAX));
        Self { stream: Stream::Fresh(stream, tls), local, life: Life::begin(place), began: now, moved: now, timer }
    }

    /// Ready when the connection's time is over.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            if self.life.is_outgrown() {
                return Poll::Pending;
            }
            let until = if self.life.has_asked() {
                (self.moved + HTTP_SILENCE_MAX).min(self.began + HTTP_CONNECTION_LIFE)
            } else {
                self.began + HTTP_HEAD_MAX
            };
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(until);
        }
    }

    /// Finds out what kind of connection this is, as long as its time is not over.
    fn poll_begin(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_end(context).is_ready() {
            return Poll::Ready(Err(ErrorKind::TimedOut.into()));
        }
        loop {
            match &mut self.stream {
                Stream::Tls(_) | Stream::Plain(_) => return Poll::Ready(Ok(())),
                Stream::Broken => return Poll::Ready(Err(ErrorKind::NotConnected.into())),
                Stream::Fresh(stream, tls) => {
                    let mut first = [0];
                    let mut buffer = ReadBuf::new(&mut first);
                    ready!(stream.poll_peek(context, &mut buffer))?;
                    let is_tls = buffer.filled() == [TLS_HANDSHAKE];
                    let tls = tls.take();
                    let Stream::Fresh(stream, _) = std::mem::replace(&mut self.stream, Stream::Broken) else {
                        continue;
                    };
                    self.stream = match tls.filter(|_| is_tls) {
                        Some(tls) => Stream::Shaking(Box::new(tls.accept(stream))),
                        None => Stream::Plain(stream),
                    };
                }
                Stream::Shaking(accept) => {
                    let shaken = ready!(Pin::new(accept.as_mut()).poll(context));
                    self.stream = Stream::Broken;
                    self.stream = Stream::Tls(Box::new(shaken?));
                }
            }
        }
    }
}

impl AsyncRead for Guest {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_begin(context))?;
        let read = match &mut self.stream {
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buf),
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buf),
            _ => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        };
        if read.is_ready() {
            self.moved = Instant::now();
        }
        read
    }
}

impl AsyncWrite for Guest {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_begin(context))?;
        let written = match &mut self.stream {
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            _ => Poll::Ready(Err(ErrorKind::NotConnected.into())),
        };
        if written.is_ready() {
            self.moved = Instant::now();
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
            Stream::Plain(stream) | Stream::Fresh(stream, _) => Pin::new(stream).poll_shutdown(context),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest").field("local", &self.local).finish_non_exhaustive()
    }
}
