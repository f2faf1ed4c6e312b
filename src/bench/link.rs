//! A link of known rate and delay between two processes of this machine, without privileges.
//!
//! It is a relay on loopback that lets bytes through when a real link would have: each direction is a
//! queue that sends [`Network::rate`] bits a second and delivers [`Network::rtt`] / 2 later. [`Schedule`]
//! is that arithmetic alone. What a run takes over a link is thus never less than bytes over rate plus
//! round trips, and more by what loopback and waking threads take: some 50 us each way, which is more than
//! the delay of `lan` and nothing beside that of the others.
//!
//! *What it is not.* The link is empty but for us, loses nothing, and has no slow start: a transfer has
//! its whole rate from the first byte on. Setting up the connection takes a round trip, as with TCP. The
//! sender's own socket takes bytes ahead of the link, as it does elsewhere.
//!
//! The relay's threads belong to the process that opened the link; their CPU time is told apart
//! ([`Traffic::cpu`]) and charged to neither side. On a machine with no core to spare they take time from both.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::measure::Cpu;
use super::record::Network;
use crate::error::{Error, Result};

/// When bytes that arrive at one end of a direction have arrived at the other. Times count from whenever
/// the caller likes.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Bits per second.
    rate: Option<f64>,
    latency: Duration,
    /// When the last byte so far is through.
    free: Duration,
}

impl Schedule {
    /// One direction of a link that nothing was sent on.
    pub fn new(network: &Network) -> Schedule {
        let latency = Duration::from_secs_f64(network.rtt / 2.0);
        Schedule { rate: network.rate, latency, free: Duration::ZERO }
    }

    /// The link takes nothing before this time.
    pub fn hold(&mut self, until: Duration) {
        self.free = self.free.max(until);
    }

    /// When the last of so many bytes is delivered that came at this time, behind all that came before.
    pub fn deliver(&mut self, arrived: Duration, bytes: usize) -> Duration {
        let takes = self.rate.map_or(0.0, |rate| (bytes as f64 * 8e9 / rate).ceil());
        self.free = self.free.max(arrived) + Duration::from_nanos(takes as u64);
        self.free + self.latency
    }
}

/// What went over a link, the one who connected first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that each sent.
    pub sent: [u64; 2],
    /// Times that each sent something after it had heard something new. Where both stream at once this
    /// counts more than there are round trips.
    pub turns: [u64; 2],
    /// CPU time of the link itself.
    pub cpu: Duration,
}

/// A link for one connection. Dropping it cuts the connection.
pub struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
    relay: Option<JoinHandle<io::Result<()>>>,
}

impl Link {
    /// A link to a listener on this machine. The first who connects to [`address`](Self::address) is
    /// connected with it.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no port to listen on.
    pub fn open(network: &Network, to: SocketAddr) -> Result<Link> {
        let open = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            Ok((listener.local_addr()?, listener))
        };
        let (address, listener) = open().map_err(Error::io("opening a link on loopback"))?;
        let shared = Arc::new(Shared::new(network));
        let (relay, network) = (Arc::clone(&shared), network.clone());
        let relay = thread::spawn(move || relay.run(&listener, to, &network));
        Ok(Link { address, shared, relay: Some(relay) })
    }

    /// Where to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What went over it, once both sides have closed their connections, or after `patience`.
    ///
    /// # Errors
    /// [`Error::Io`] where the link itself failed.
    pub fn close(mut self, patience: Duration) -> Result<Traffic> {
        let deadline = Instant::now() + patience;
        let relay = self.relay.take().expect("taken here and when it is dropped");
        while !relay.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        self.cut();
        let relayed = relay.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        relayed.map_err(Error::io("relaying between two processes"))?;
        Ok(self.shared.traffic())
    }

    fn cut(&self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address); // wakes a relay that still waits for its connection
        self.shared.queues.iter().for_each(Queue::wake);
        lock(&self.shared.sockets).iter().for_each(|socket| {
            let _ = socket.shutdown(Shutdown::Both); // it may be closed already
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let Some(relay) = self.relay.take() else { return };
        self.cut();
        let _ = relay.join(); // there is no one left to tell
    }
}

/// What the relay's threads share. Of a pair, the first is of the one who connected.
struct Shared {
    queues: [Queue; 2],
    sent: [AtomicU64; 2],
    turns: [AtomicU64; 2],
    /// Whether a side heard something since it last sent. A side that sends for the first time has a turn.
    heard: [AtomicBool; 2],
    /// Nanoseconds of CPU time.
    cpu: AtomicU64,
    over: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Shared {
    fn new(network: &Network) -> Shared {
        let bound = queue_bytes(network);
        Shared {
            queues: [Queue::new(bound), Queue::new(bound)],
            sent: Default::default(),
            turns: Default::default(),
            heard: [true, true].map(AtomicBool::new),
            cpu: AtomicU64::new(0),
            over: AtomicBool::new(false),
            sockets: Mutex::default(),
        }
    }

    fn traffic(&self) -> Traffic {
        let count = |counters: &[AtomicU64; 2]| {
            counters.each_ref().map(|counter| counter.load(Ordering::Relaxed))
        };
        let cpu = Duration::from_nanos(self.cpu.load(Ordering::Relaxed));
        Traffic { sent: count(&self.sent), turns: count(&self.turns), cpu }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Waits for the connection, and relays until both directions have ended.
    fn run(&self, listener: &TcpListener, to: SocketAddr, network: &Network) -> io::Result<()> {
        let (near, _) = listener.accept()?;
        if self.is_over() {
            return Ok(());
        }
        let clock = Clock(Instant::now());
        let Some(far) = self.connect(to)? else { return Ok(()) };
        for socket in [&near, &far] {
            socket.set_nodelay(true)?;
            lock(&self.sockets).push(socket.try_clone()?);
        }
        if self.is_over() {
            return Ok(()); // whoever ended it may have found no sockets to cut
        }
        // The connection itself took no time here; elsewhere the first byte leaves a round trip later.
        let mut schedules = [Schedule::new(network), Schedule::new(network)];
        schedules[0].hold(Duration::from_secs_f64(network.rtt));
        let piece = piece_bytes(network);
        let mut sockets = [(&near, &far), (&far, &near)].into_iter();
        thread::scope(|scope| {
            for (side, schedule) in schedules.into_iter().enumerate() {
                let (from, to) = sockets.next().expect("two directions");
                scope.spawn(move || self.charged(|| self.take(side, from, schedule, clock, piece)));
                scope.spawn(move || self.charged(|| self.give(side, to, clock)));
            }
        });
        Ok(())
    }

    /// Connects to who listens, or is about to; none where the link is over first.
    fn connect(&self, to: SocketAddr) -> io::Result<Option<TcpStream>> {
        while !self.is_over() {
            match TcpStream::connect(to) {
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => thread::sleep(RETRY),
                connected => return connected.map(Some),
            }
        }
        Ok(None)
    }

    /// Does the work of a thread and counts its CPU time.
    fn charged(&self, work: impl FnOnce()) {
        wake_in_time();
        work();
        self.cpu.fetch_add(Cpu::Thread.now().as_nanos() as u64, Ordering::Relaxed);
    }

    /// Reads what a side sends and queues it with the time at which it is due at the other.
    fn take(
        &self,
        side: usize,
        mut from: &TcpStream,
        mut schedule: Schedule,
        clock: Clock,
        piece: usize,
    ) {
        let mut buffer = vec![0; piece];
        loop {
            let length = match from.read(&mut buffer) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                read => read.unwrap_or(0), // a connection that breaks has ended
            };
            let due = schedule.deliver(clock.now(), length);
            if length > 0 {
                self.sent[side].fetch_add(length as u64, Ordering::Relaxed);
                let new = self.heard[side].swap(false, Ordering::Relaxed);
                self.turns[side].fetch_add(new.into(), Ordering::Relaxed);
            }
            let piece = Piece { due, bytes: buffer[..length].to_vec() };
            if !self.queues[side].push(piece, &self.over) || length == 0 {
                return;
            }
        }
    }

    /// Hands what one side sent to the other, each piece in its time. Where that one has left, what still
    /// comes is counted and dropped.
    fn give(&self, side: usize, mut to: &TcpStream, clock: Clock) {
        let mut there = true;
        while let Some(piece) = self.queues[side].front(&self.over) {
            if !there {
                self.queues[side].done(piece.bytes.len());
            } else if !clock.wait_until(piece.due, &self.over) {
                return;
            } else {
                self.queues[side].done(piece.bytes.len());
                self.heard[1 - side].store(true, Ordering::Relaxed);
                there = to.write_all(&piece.bytes).is_ok();
            }
            if piece.bytes.is_empty() {
                let _ = to.shutdown(Shutdown::Write); // the end, where it has not left already
                return;
            }
        }
    }
}

/// Bytes on their way; none at the end.
struct Piece {
    due: Duration,
    bytes: Vec<u8>,
}

/// Bytes on their way in one direction: no more than the link holds.
struct Queue {
    bound: usize,
    state: Mutex<Pieces>,
    changed: Condvar,
}

#[derive(Default)]
struct Pieces {
    pieces: VecDeque<Piece>,
    bytes: usize,
}

impl Queue {
    fn new(bound: usize) -> Queue {
        Queue { bound, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Waits for room; false where the link is over.
    fn push(&self, piece: Piece, over: &AtomicBool) -> bool {
        let length = piece.bytes.len();
        let full = |held: &mut Pieces| held.bytes > 0 && held.bytes + length > self.bound;
        let mut held = self.wait_while(lock(&self.state), over, full);
        held.bytes += length;
        held.pieces.push_back(piece);
        drop(held);
        self.wake();
        !over.load(Ordering::Relaxed)
    }

    /// The next piece, whose bytes keep their room until they are [`done`](Self::done); none where the
    /// link is over.
    fn front(&self, over: &AtomicBool) -> Option<Piece> {
        let empty = |held: &mut Pieces| held.pieces.is_empty();
        let mut held = self.wait_while(lock(&self.state), over, empty);
        held.pieces.pop_front()
    }

    fn done(&self, bytes: usize) {
        lock(&self.state).bytes -= bytes;
        self.wake();
    }

    fn wait_while<'a>(
        &self,
        held: MutexGuard<'a, Pieces>,
        over: &AtomicBool,
        mut condition: impl FnMut(&mut Pieces) -> bool,
    ) -> MutexGuard<'a, Pieces> {
        let waits = |held: &mut Pieces| !over.load(Ordering::Relaxed) && condition(held);
        self.changed.wait_while(held, waits).unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        let _held = lock(&self.state); // whoever is about to wait has looked before, or waits by now
        self.changed.notify_all();
    }
}

/// Time since the connection.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// Sleeps, and spins for the last moment; never less than until then. False where the link is over.
    fn wait_until(self, due: Duration, over: &AtomicBool) -> bool {
        loop {
            if over.load(Ordering::Relaxed) {
                return false;
            }
            match due.saturating_sub(self.now()) {
                Duration::ZERO => return true,
                left if left > SPIN => thread::sleep((left - SPIN).min(LOOK_UP)),
                _ => std::hint::spin_loop(),
            }
        }
    }
}

/// Sleeps end when they should, where the system has that: Linux lets them run 50 us over otherwise.
fn wake_in_time() {
    #[cfg(target_os = "linux")]
    {
        let least = std::num::NonZeroU64::new(1);
        let _ = rustix::thread::set_current_timer_slack(least); // else a little late
    }
}

/// Bytes in one direction that the link holds: those under way, and a router's worth of waiting ones.
fn queue_bytes(network: &Network) -> usize {
    let under_way = network.rate.map_or(0.0, |rate| rate / 8.0 * network.rtt);
    under_way as usize + 4 * LARGEST_PIECE
}

/// Bytes that are relayed at a time: what the link sends in a millisecond, and a packet at least.
fn piece_bytes(network: &Network) -> usize {
    let a_millisecond = network.rate.map_or(f64::INFINITY, |rate| rate / 8.0 / 1e3);
    (a_millisecond as usize).clamp(PACKET, LARGEST_PIECE)
}

/// What Ethernet carries of TCP in a packet.
const PACKET: usize = 1460;

const LARGEST_PIECE: usize = 64 * 1024;

/// What is spun for: less than a sleep is sure to hit.
const SPIN: Duration = Duration::from_micros(20);

/// How long to wait for a listener before the next try.
const RETRY: Duration = Duration::from_millis(1);

/// The longest nap before a thread looks whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(50);

/// A lock whose holders do not panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(rate: Option<f64>, rtt: f64) -> Network {
        Network { name: "test".into(), rate, rtt }
    }

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// A thousand bytes a second, 200 ms there and back.
    #[test]
    fn bytes_leave_one_after_the_other_and_arrive_half_a_round_trip_later() {
        let mut schedule = Schedule::new(&network(Some(8000.0), 0.2));
        let arrivals =
            [(0, 500, 600), (0, 250, 850), (700, 50, 900), (5000, 1000, 6100), (5999, 1, 6101)];
        for (at, bytes, delivered) in arrivals {
            assert_eq!(schedule.deliver(MS(at), bytes), MS(delivered), "{bytes} bytes at {at} ms");
        }
    }

    #[test]
    fn a_connection_that_is_being_made_holds_bytes_back() {
        let mut schedule = Schedule::new(&network(Some(8000.0), 0.2));
        schedule.hold(MS(200));
        assert_eq!(schedule.deliver(MS(10), 100), MS(400));
        schedule.hold(MS(100)); // nothing is taken back
        assert_eq!(schedule.deliver(MS(10), 100), MS(500));
    }

    /// However a message is cut up, its last byte comes at bytes over rate, to a nanosecond a piece.
    #[test]
    fn pieces_add_up() {
        for rate in [10e9, 200e6, 5e6, 1234567.0] {
            let mut schedule = Schedule::new(&network(Some(rate), 0.08));
            let (mut bytes, mut last) = (0, Duration::ZERO);
            for piece in (0..1000).map(|i| 1 + i * 7919 % 1460) {
                bytes += piece;
                last = schedule.deliver(Duration::ZERO, piece);
            }
            let exact = bytes as f64 * 8.0 / rate + 0.04;
            let off = last.as_secs_f64() - exact;
            assert!((0.0..=1.1e-6).contains(&off), "{rate}: {off}");
        }
        let mut unlimited = Schedule::new(&network(None, 0.08));
        assert_eq!(unlimited.deliver(MS(3), 1 << 40), MS(43));
    }

    #[test]
    fn pieces_and_queues_follow_the_link() {
        let wan = network(Some(200e6), 0.08);
        assert_eq!(piece_bytes(&wan), 25_000);
        assert!(queue_bytes(&wan) > 2_000_000, "what is under way fits");
        assert_eq!(piece_bytes(&network(Some(1e4), 0.08)), PACKET);
        assert_eq!(piece_bytes(&network(None, 0.0)), LARGEST_PIECE);
    }

    /// A ping of some bytes, and the answer, so often: what it took, and what went over the link.
    fn pings(network: &Network, bytes: [usize; 2], times: usize) -> (Duration, Traffic) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = Link::open(network, listener.local_addr().unwrap()).unwrap();
        let exchange = |mut socket: TcpStream, first: bool| {
            let (mut question, mut answer) = (vec![7; bytes[0]], vec![9; bytes[1]]);
            for _ in 0..times {
                if first {
                    socket.write_all(&question).unwrap();
                    socket.read_exact(&mut answer).unwrap();
                } else {
                    socket.read_exact(&mut question).unwrap();
                    socket.write_all(&answer).unwrap();
                }
            }
            assert!(question.iter().all(|&b| b == 7) && answer.iter().all(|&b| b == 9));
        };
        let took = thread::scope(|scope| {
            scope.spawn(|| exchange(listener.accept().unwrap().0, false));
            let started = Instant::now();
            exchange(TcpStream::connect(link.address()).unwrap(), true);
            started.elapsed()
        });
        (took, link.close(Duration::from_secs(30)).unwrap())
    }

    /// A loaded machine makes it longer, nothing makes it shorter.
    #[test]
    fn it_is_never_faster_than_bytes_over_rate_and_round_trips() {
        let cases = [
            (network(Some(10e9), 0.00002), [100, 100_000], 20),
            (network(Some(200e6), 0.04), [300_000, 20], 2),
            (network(Some(5e6), 0.01), [50_000, 10_000], 3),
            (network(None, 0.03), [1, 1], 4),
        ];
        for (network, bytes, times) in cases {
            let (took, traffic) = pings(&network, bytes, times);
            let sent = bytes.map(|bytes| (bytes * times) as u64);
            assert_eq!((traffic.sent, traffic.turns), (sent, [times as u64; 2]));
            let seconds = network.rate.map_or(0.0, |rate| (sent[0] + sent[1]) as f64 * 8.0 / rate);
            let least = seconds + (times + 1) as f64 * network.rtt; // one to connect
            assert!(took.as_secs_f64() >= least, "{network:?}: {took:?}, at least {least} s");
        }
    }

    /// Both sides write at once, more than the link holds, before either reads.
    #[test]
    fn full_queues_hold_senders_and_lose_nothing() {
        let network = network(Some(1e9), 0.001);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let link = Link::open(&network, listener.local_addr().unwrap()).unwrap();
        let size = 3_000_000;
        let talk = |socket: TcpStream, byte: u8| {
            thread::scope(|scope| {
                scope.spawn(|| (&socket).write_all(&vec![byte; size]).unwrap());
                let mut got = vec![0; size];
                (&socket).read_exact(&mut got).unwrap();
                assert!(got.iter().all(|&b| b == 3 - byte));
            });
        };
        thread::scope(|scope| {
            scope.spawn(|| talk(listener.accept().unwrap().0, 1));
            talk(TcpStream::connect(link.address()).unwrap(), 2);
        });
        let traffic = link.close(Duration::from_secs(30)).unwrap();
        assert_eq!(traffic.sent, [size as u64; 2]);
        assert!(traffic.cpu > Duration::ZERO);
    }

    #[test]
    fn a_link_that_nobody_uses_or_that_is_dropped_ends() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let open = || Link::open(&network(Some(8.0), 10.0), listener.local_addr().unwrap());
        assert_eq!(open().unwrap().close(Duration::ZERO).unwrap(), Traffic::default());
        let link = open().unwrap();
        let mut near = TcpStream::connect(link.address()).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        near.write_all(&[1; 100]).unwrap();
        drop(link);
        assert_eq!(far.read(&mut [0; 10]).unwrap_or(0), 0, "nothing arrived");
    }
}
