//! Who is in: handshakes and sessions, their limits, and the way out.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::info;

use super::Options;
use crate::transport::tls::Word;

/// What a server did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// Sessions that began.
    pub begun: u64,
    /// Of those, the ones that did not end well.
    pub failed: u64,
}

/// The shared state of a running server.
pub(super) struct Floor {
    options: Options,
    address: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
    /// No new sessions; handshakes end.
    closing: AtomicBool,
}

#[derive(Default)]
struct State {
    served: Served,
    handshakes: BTreeMap<IpAddr, usize>,
    /// Running sessions, with the flags that stop them.
    running: BTreeMap<u64, Running>,
    /// Requests to shut down.
    requests: u32,
}

/// A running session.
struct Running {
    /// The peer's fingerprint.
    peer: String,
    stop: Arc<AtomicBool>,
}

impl Floor {
    pub(super) fn new(options: Options, address: SocketAddr) -> Floor {
        let (state, changed, closing) = Default::default();
        Floor { options, address, state, changed, closing }
    }

    /// Set once nobody new is let in.
    pub(super) fn closing(&self) -> &AtomicBool {
        &self.closing
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    pub(super) fn served(&self) -> Served {
        self.state().served
    }

    /// A handshake begins, if there is room for it.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Handshaking<'_>> {
        let (mut state, network) = (self.state(), network(address));
        let all: usize = state.handshakes.values().sum();
        let of_network = state.handshakes.entry(network).or_default();
        let room = all < self.options.max_handshakes
            && *of_network < self.options.max_handshakes_per_address;
        if room {
            *of_network += 1;
        }
        state.handshakes.retain(|_, count| *count > 0);
        room.then(|| Handshaking { floor: self, network }) // lazily: dropping one gives a place back
    }

    /// A session with `peer` begins, or it is to be told why not.
    pub(super) fn begin(&self, peer: &str) -> Result<Place<'_>, Word> {
        let mut state = self.state();
        if self.is_closing() {
            return Err(Word::Closing);
        }
        let of_peer = state.running.values().filter(|session| session.peer == peer).count();
        if state.running.len() >= self.options.max_sessions
            || of_peer >= self.options.max_sessions_per_peer
        {
            return Err(Word::Busy);
        }
        state.served.begun += 1;
        let (number, stop) = (state.served.begun, Arc::<AtomicBool>::default());
        let session = Running { peer: peer.to_owned(), stop: Arc::clone(&stop) };
        state.running.insert(number, session);
        drop(state);
        if Some(number) == self.options.sessions {
            self.close();
        }
        Ok(Place { floor: self, number, stop })
    }

    /// Somebody asks to shut down: the first time new sessions end, the second time all.
    pub(super) fn request_shutdown(&self) {
        self.state().requests += 1;
        self.close();
    }

    /// Lets nobody new in, and wakes whoever waits.
    fn close(&self) {
        if !self.closing.swap(true, Ordering::SeqCst) {
            let _ = TcpStream::connect_timeout(&self.doorbell(), RING); // wakes `accept`
        }
        self.changed.notify_all();
    }

    /// An address under which this machine reaches its own listener.
    fn doorbell(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        SocketAddr::new(ip, self.address.port())
    }

    /// Waits, unless the floor closes.
    pub(super) fn pause(&self, time: Duration) {
        let wanted = |_: &mut State| !self.is_closing();
        drop(self.changed.wait_timeout_while(self.state(), time, wanted));
    }

    /// Waits until everybody has left; asks sessions to stop once their grace has passed.
    pub(super) fn drain(&self, grace: Duration) {
        let mut deadline = None;
        let mut state = self.state();
        while !(state.running.is_empty() && state.handshakes.is_empty()) {
            if state.requests > 0 && deadline.is_none() {
                info!(running = state.running.len(), ?grace, "shutting down");
                deadline = Instant::now().checked_add(grace);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let over = left.is_some_and(|left| left.is_zero()) || state.requests > 1;
            if over {
                state.running.values().for_each(|s| s.stop.store(true, Ordering::Relaxed));
            }
            state = match left.filter(|_| !over) {
                Some(left) => self.wait_at_most(state, left),
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn wait_at_most<'a>(
        &self,
        state: MutexGuard<'a, State>,
        time: Duration,
    ) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handshake's place; dropping it gives it back.
pub(super) struct Handshaking<'a> {
    floor: &'a Floor,
    network: IpAddr,
}

impl Drop for Handshaking<'_> {
    fn drop(&mut self) {
        let mut state = self.floor.state();
        if let Some(count) = state.handshakes.get_mut(&self.network) {
            *count -= 1;
            state.handshakes.retain(|_, count| *count > 0);
        }
        self.floor.changed.notify_all();
    }
}

/// A session's place; dropping it gives it back.
pub(super) struct Place<'a> {
    floor: &'a Floor,
    number: u64,
    stop: Arc<AtomicBool>,
}

impl Place<'_> {
    /// The session's number, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Set when the session has to end.
    pub(super) fn stop(&self) -> &AtomicBool {
        &self.stop
    }

    /// The session did not end well.
    pub(super) fn failed(&self) {
        self.floor.state().served.failed += 1;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.floor.state().running.remove(&self.number);
        self.floor.changed.notify_all();
    }
}

/// What stands for one stranger: an IPv4 address, or the 64 bits of IPv6 that one line gets.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// The longest that it may take to ring at our own door.
const RING: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(options: Options) -> Floor {
        Floor::new(options, "127.0.0.1:9".parse().unwrap())
    }

    #[test]
    fn one_address_cannot_take_every_handshake() {
        let options =
            Options { max_handshakes: 3, max_handshakes_per_address: 2, ..Options::default() };
        let floor = floor(options);
        let [a, b] = ["2001:db8::1", "192.0.2.1"].map(|ip| ip.parse().unwrap());
        let neighbour = "2001:db8::ffff".parse().unwrap();
        let held = [floor.enter(a), floor.enter(neighbour)];
        assert!(held.iter().all(Option::is_some));
        assert!(floor.enter(a).is_none());
        let other = floor.enter(b);
        assert!(other.is_some() && floor.enter(b).is_none());
        drop(held);
        assert!(floor.enter(a).is_some());
    }

    #[test]
    fn a_place_that_is_given_back_can_be_taken_again() {
        let floor = floor(Options { max_sessions: 1, ..Options::default() });
        let place = floor.begin("a").unwrap();
        assert_eq!(floor.begin("a").err(), Some(Word::Busy));
        drop(place);
        assert_eq!(floor.begin("a").unwrap().number(), 2);
    }

    #[test]
    fn one_peer_does_not_take_all_places() {
        let floor = floor(Options { max_sessions: 3, ..Options::default() });
        let held = [floor.begin("a").unwrap(), floor.begin("a").unwrap()];
        assert_eq!(floor.begin("a").err(), Some(Word::Busy));
        assert_eq!(floor.begin("b").unwrap().number(), 3);
        drop(held);
        assert!(floor.begin("a").is_ok());
    }

    #[test]
    fn a_second_request_or_the_end_of_grace_stops_sessions() {
        for (requests, grace) in [(1, Duration::ZERO), (2, Duration::MAX)] {
            let floor = floor(Options::default());
            let place = floor.begin("a").unwrap();
            for _ in 0..requests {
                floor.request_shutdown();
            }
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    while !place.stop().load(Ordering::Relaxed) {
                        std::thread::yield_now();
                    }
                });
                floor.drain(grace);
            });
            assert_eq!(floor.served().begun, 1);
        }
    }
}
