//! How a server is told to stop.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::floor::Floor;

/// Asks servers to stop; clones ask the same ones.
///
/// The first request ends the accepting and lets running sessions finish within
/// [`Options::grace`](super::Options::grace); a second one stops those at once.
#[derive(Clone, Default)]
pub struct Shutdown {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    requests: u32,
    servers: Vec<Weak<Floor>>,
}

impl Shutdown {
    /// Nothing requested yet.
    pub fn new() -> Shutdown {
        Shutdown::default()
    }

    /// Asks once. Call it from a thread, not from within a signal handler.
    pub fn request(&self) {
        let servers = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.requests += 1;
            inner.servers.clone()
        };
        servers.iter().filter_map(Weak::upgrade).for_each(|floor| floor.request_shutdown());
    }

    /// Tells this server of requests, earlier ones included.
    pub(super) fn watch(&self, floor: &Arc<Floor>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.servers.retain(|known| known.strong_count() > 0);
        inner.servers.push(Arc::downgrade(floor));
        let requests = inner.requests;
        drop(inner);
        (0..requests).for_each(|_| floor.request_shutdown());
    }
}
