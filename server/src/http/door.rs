//! The door: accepts TCP connections, a bounded number of them in all and of each address, and remembers by which of our
//! addresses each came.

use super::guest::{Guest, Life};
use crate::{
    addresses::Route,
    limits::{HTTP_CONNECTIONS_MAX, HTTP_CONNECTIONS_PER_ADDRESS_MAX, HTTP_CONNECTIONS_SPARE, HTTP_SEND_BUFFER_BYTES},
    metrics::Metrics,
};
use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use keyboardia_session::origin::limited;
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsAcceptor;

/// Pause after an error that is not of one connection, such as too many open files.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Accepts connections.
pub(super) struct Door {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    places: Arc<Semaphore>,
    crowd: Crowd,
    /// Proxies: what comes from them comes from many.
    trusted: Arc<[IpAddr]>,
    metrics: Metrics,
}

/// One of a bounded number of places, taken until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    permit: OwnedSemaphorePermit,
    _share: Share,
}

impl Place {
    /// Whether so few places are left that this one should be given back soon.
    pub(super) fn is_wanted(&self) -> bool {
        self.permit.semaphore().available_permits() < HTTP_CONNECTIONS_SPARE
    }
}

/// How many places each limited address has; one that has none is not in it.
#[derive(Debug, Clone, Default)]
struct Crowd(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place of an address; given back when it is dropped. Some addresses have as many as there are.
#[derive(Debug)]
struct Share {
    crowd: Crowd,
    key: Option<IpAddr>,
}

impl Crowd {
    /// Another place for an address; `None` if it has as many as it may.
    fn enter(&self, key: Option<IpAddr>) -> Option<Share> {
        if let Some(key) = key {
            let mut counts = self.counts();
            let count = counts.entry(key).or_default();
            if *count >= HTTP_CONNECTIONS_PER_ADDRESS_MAX {
                return None;
            }
            *count += 1;
        }
        Some(Share { crowd: self.clone(), key })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A poisoned lock guards plain data that is whole at every moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut counts = self.crowd.counts();
        if let Some(count) = counts.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&key);
            }
        }
    }
}

impl Door {
    /// A door in front of a bound listener.
    pub(super) fn new(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        trusted: Arc<[IpAddr]>,
        metrics: Metrics,
    ) -> Self {
        let places = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX));
        Self { listener, tls, places, crowd: Crowd::default(), trusted, metrics }
    }

    /// What a peer counts as; nothing for this machine, and for proxies.
    fn key(&self, peer: IpAddr) -> Option<IpAddr> {
        limited(peer).filter(|_| !self.trusted.contains(&peer.to_canonical()))
    }
}

impl Listener for Door {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        loop {
            let Ok(permit) = Arc::clone(&self.places).acquire_owned().await else {
                // The semaphore is never closed.
                std::future::pending::<()>().await;
                continue;
            };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let Some(share) = self.crowd.enter(self.key(peer.ip())) else {
                        self.metrics.connections_refused.inc();
                        continue;
                    };
                    let place = Place { permit, _share: share };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_have_all_places_and_gets_back_what_it_leaves() {
        const { assert!(HTTP_CONNECTIONS_PER_ADDRESS_MAX < HTTP_CONNECTIONS_MAX) };
        let crowd = Crowd::default();
        let (eve, ada) = (Some(IpAddr::from([203, 0, 113, 9])), Some(IpAddr::from([203, 0, 113, 10])));
        let mut held: Vec<Share> = std::iter::from_fn(|| crowd.enter(eve)).take(HTTP_CONNECTIONS_MAX).collect();
        assert_eq!(held.len(), HTTP_CONNECTIONS_PER_ADDRESS_MAX);
        let other = crowd.enter(ada);
        assert!(other.is_some(), "somebody else");
        assert!((0..HTTP_CONNECTIONS_MAX).all(|_| crowd.enter(None).is_some()), "whoever is not limited");
        held.pop();
        held.extend(crowd.enter(eve));
        assert!(crowd.enter(eve).is_none());
        drop((held, other));
        assert!(crowd.counts().is_empty(), "nothing is remembered of those who are gone");
    }
}
