//! The door: accepts TCP connections, a bounded number of them, and remembers by which of our addresses each came.

use super::guest::{Guest, Life};
use crate::{
    addresses::Route,
    limits::{HTTP_CONNECTIONS_MAX, HTTP_SEND_BUFFER_BYTES},
};
use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_rustls::TlsAcceptor;

/// Pause after an error that is not of one connection, such as too many open files.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts connections.
pub(super) struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
}

impl Door {
    /// A door in front of a bound listener.
    pub(super) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self { listener, tls, places: Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX)) }
    }
}

impl Listener for Door {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                // The semaphore is never closed.
                std::future::pending::<()>().await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    if let Ok(local) = stream.local_addr() {
                        // Small frames must not wait for each other; a connection that cannot be told so works, too.
                        stream.set_nodelay(true).unwrap_or_default();
                        let memory = socket2::SockRef::from(&stream).set_send_buffer_size(HTTP_SEND_BUFFER_BYTES);
                        memory.unwrap_or_default();
                        return (Guest::new(stream, local.ip(), self.tls.clone(), place), peer);
                    }
                }
                Err(error) => {
                    tracing::debug!(target: "host", %error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection, as the handlers of its requests see it.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) route: Route,
    pub(super) life: Life,
}

impl Connected<IncomingStream<'_, Door>> for Visit {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        let route = Route { local: stream.io().local, peer: stream.remote_addr().ip() };
        Self { route, life: stream.io().life.clone() }
    }
}
