//! Time probes over UDP, on a thread of their own so that replies are stamped where they arrive.

use crate::shared::Shared;
use keyboardia_session::{Micros, probing::Probing, wire::Probe};
use std::{
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

/// How long the thread waits for a reply before it looks around.
const PATIENCE: Duration = Duration::from_millis(10);

/// Probes of one connection; dropping it ends them.
pub(crate) struct Prober {
    stop: Arc<AtomicBool>,
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

impl Prober {
    /// Begins to probe `host` with a burst.
    pub(crate) fn start(host: SocketAddr, shared: Arc<Shared>) -> std::io::Result<Self> {
        let any: SocketAddr =
            if host.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
        let socket = UdpSocket::bind(any)?;
        socket.connect(host)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let stop = Arc::new(AtomicBool::new(false));
        let thread = stop.clone();
        std::thread::Builder::new().name("probe".into()).spawn(move || run(&socket, &shared, &thread))?;
        Ok(Self { stop })
    }
}

fn run(socket: &UdpSocket, shared: &Shared, stop: &AtomicBool) {
    let mut buffer = [0; Probe::BYTES + 1];
    let mut probing = Probing::default();
    while !stop.load(Relaxed) && !shared.is_leaving() {
        if probing.is_due(shared.local(), shared.playing.load(Relaxed), shared.uncertain.load(Relaxed)) {
            let request = Probe { sent: shared.local(), received: Micros(0), answered: Micros(0) };
            // What is lost is lost; the next probe follows.
            let _ = socket.send(&request.encode());
        }
        match socket.recv(&mut buffer) {
            Ok(length) => {
                let returned = shared.local();
                if let Some(probe) = Probe::decode(&buffer[..length]) {
                    shared.probe_returned(probe, returned);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // The host's port is closed just now; do not spin.
            Err(_) => std::thread::sleep(PATIENCE),
        }
    }
}
