//! A way to a host over TCP that can be cut: nothing comes through and nothing new is let in, until it is mended.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

/// See the module. Ends with the test's process.
pub struct Tunnel {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    is_cut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Tunnel {
    /// Opens a way to a host.
    ///
    /// # Panics
    /// When this machine has no port left.
    pub fn to(host: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let kept = shared.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if kept.is_cut.load(Relaxed) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(host) else { continue };
                for (from, to) in [(&near, &far), (&far, &near)] {
                    from.set_nodelay(true).unwrap_or_default();
                    if let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) {
                        std::thread::spawn(move || carry(from, &to));
                    }
                }
                kept.open.lock().expect("connections").extend([near, far]);
            }
        });
        Self { address, shared }
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Breaks every connection, and lets nobody in.
    pub fn cut(&self) {
        self.shared.is_cut.store(true, Relaxed);
        for stream in self.shared.open.lock().expect("connections").drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Lets everybody in again.
    pub fn mend(&self) {
        self.shared.is_cut.store(false, Relaxed);
    }
}

fn carry(mut from: TcpStream, mut to: &TcpStream) {
    let mut bytes = [0; 16 * 1_024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // The other end may be closed already.
    let _ = to.shutdown(Shutdown::Write);
}
