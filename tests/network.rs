//! Sessions over TLS and loopback: who is let in, what a hostile or broken network can do, and how
//! a server stops. Time limits here only keep a hang from lasting for ever.
#![cfg(feature = "tls")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown as Half, TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::{Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use sha2::{Digest, Sha256};

use blindmatch::error::{ChannelFault, Error, PeerFault, Result};
use blindmatch::protocol::Party;
use blindmatch::server::{Options, Served, Server, Shutdown};
use blindmatch::session::{Outcome, Session, Settings};
use blindmatch::transport::identity::{Identity, Trust};
use blindmatch::transport::tls::{Endpoint, Limits, Secured};
use blindmatch::transport::{Link, Timing, drive};

const ADVERTISER: [&str; 3] = ["ann@example.com", "bob@example.com", "cyd@example.com"];
const PLATFORM: [&str; 3] = ["bob@example.com", "cyd@example.com", "eve@example.com"];
const MATCHES: usize = 2;

/// Nobody asks to stop.
static GO_ON: AtomicBool = AtomicBool::new(false);

// ---- helpers ----

/// Runs a test's body; fails rather than hang.
fn within_a_minute(body: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        body();
        done.send(()).unwrap();
    });
    match finished.recv_timeout(Duration::from_secs(60)) {
        Ok(()) => {}
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("hangs"),
        Err(_) => std::panic::resume_unwind(thread.join().unwrap_err()),
    }
}

fn endpoint(ours: &Identity, trusted: &Identity, limits: Limits) -> Endpoint {
    Endpoint::new(ours, &Trust::new([trusted.public().clone()]).unwrap(), limits).unwrap()
}

/// An advertiser and a platform that trust each other.
fn friends() -> [Endpoint; 2] {
    let [ann, bob] = [Identity::generate(), Identity::generate()];
    [endpoint(&ann, &bob, Limits::default()), endpoint(&bob, &ann, Limits::default())]
}

fn hasty() -> Limits {
    Limits { handshake: Duration::from_millis(300) }
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// A client's and a server's end of one connection, and the server's socket under its end.
fn meet(client: &Endpoint, server: &Endpoint) -> ([Result<Secured>; 2], TcpStream) {
    let (listener, address) = listen();
    thread::scope(|scope| {
        let client = scope.spawn(|| client.connect(&address, &GO_ON));
        let socket = listener.accept().unwrap().0;
        let wire = socket.try_clone().unwrap();
        let server = server.accept(socket, &GO_ON);
        ([client.join().unwrap(), server], wire)
    })
}

/// One side of a session.
fn play(party: Party, secured: Secured, stop: &AtomicBool) -> Result<Outcome> {
    let values = if party == Party::Advertiser { ADVERTISER } else { PLATFORM };
    let mut settings = Settings::new(party);
    settings.channel_binding = secured.binding;
    let session = Session::new(settings, blindmatch::bench::workload::list(values)?)?;
    drive(session, secured.link, Timing::default(), stop, &mut ())
}

fn platform_session(secured: Secured, stop: &AtomicBool, _: u64) -> Result<()> {
    play(Party::Platform, secured, stop).map(drop)
}

/// A whole session with a server, as the advertiser.
fn visit(advertiser: &Endpoint, address: &str) -> Result<Outcome> {
    play(Party::Advertiser, advertiser.connect(address, &GO_ON)?, &GO_ON)
}

fn assert_complete(advertiser: &Outcome) {
    assert_eq!(advertiser.answer.matched.as_ref().map(Vec::len), Some(MATCHES));
}

fn channel_fault<T: std::fmt::Debug>(end: Result<T>) -> ChannelFault {
    match end {
        Err(Error::Channel(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

/// Reads to the end of a link, over its look-ups.
fn read_to_end(reader: &mut dyn Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        match reader.read_to_end(&mut bytes) {
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            end => return end.map(|_| bytes),
        }
    }
}

/// Writes all bytes to a link, over its look-ups.
fn write_all(writer: &mut dyn Write, mut bytes: &[u8]) {
    loop {
        let written =
            if bytes.is_empty() { writer.flush().map(|()| 0) } else { writer.write(bytes) };
        match written {
            Ok(0) => return,
            Ok(written) => bytes = &bytes[written..],
            Err(e) => assert!(matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        }
    }
}

/// Forwards one connection and keeps what passed, the client's bytes first. Once either direction
/// has reached its limit, the cable is cut.
struct Proxy {
    address: String,
    traffic: thread::JoinHandle<[Vec<u8>; 2]>,
}

impl Proxy {
    fn new(target: String, limits: [usize; 2]) -> Proxy {
        let (listener, address) = listen();
        let traffic = thread::spawn(move || {
            let client = listener.accept().unwrap().0;
            let server = TcpStream::connect(target).unwrap();
            let ways = [[&client, &server], [&server, &client]];
            thread::scope(|scope| {
                [0, 1]
                    .map(|way| scope.spawn(move || forward(ways[way], limits[way])))
                    .map(|thread| thread.join().unwrap())
            })
        });
        Proxy { address, traffic }
    }
}

fn forward([mut from, mut to]: [&TcpStream; 2], limit: usize) -> Vec<u8> {
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while seen.len() < limit {
        let Ok(read @ 1..) = from.read(&mut buffer) else { break };
        let read = read.min(limit - seen.len());
        seen.extend_from_slice(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    if seen.len() == limit {
        let _ = (from.shutdown(Half::Both), to.shutdown(Half::Both));
    } else {
        let _ = to.shutdown(Half::Write);
    }
    seen
}

/// A whole session through a proxy: the advertiser's end, the platform's, and what passed.
fn session_through_proxy(limits: [usize; 2]) -> ([Result<Outcome>; 2], [Vec<u8>; 2]) {
    let [advertiser, platform] = friends();
    let (listener, address) = listen();
    let proxy = Proxy::new(address, limits);
    let server = thread::spawn(move || {
        let secured = platform.accept(listener.accept().unwrap().0, &GO_ON)?;
        play(Party::Platform, secured, &GO_ON)
    });
    let client = visit(&advertiser, &proxy.address);
    ([client, server.join().unwrap()], proxy.traffic.join().unwrap())
}

/// A server that runs.
struct Running {
    address: String,
    shutdown: Shutdown,
    thread: thread::JoinHandle<Served>,
}

impl Running {
    fn new(
        endpoint: &Endpoint,
        change: impl FnOnce(&mut Options),
        handler: impl Fn(Secured, &AtomicBool, u64) -> Result<()> + Send + Sync + 'static,
    ) -> Running {
        let mut options = Options::default();
        change(&mut options);
        let server = Server::bind("127.0.0.1:0", endpoint.clone(), options).unwrap();
        let (address, shutdown) = (server.local_addr().to_string(), Shutdown::new());
        let asked = shutdown.clone();
        let thread = thread::spawn(move || server.run(&asked, handler).unwrap());
        Running { address, shutdown, thread }
    }

    /// Asks it to stop, and hears how many sessions began and how many of those failed.
    fn stop(self) -> [u64; 2] {
        self.shutdown.request();
        self.end()
    }

    fn end(self) -> [u64; 2] {
        let served = self.thread.join().unwrap();
        [served.begun, served.failed]
    }
}

/// A handler that says when a session is there and then waits to be let on.
struct Doors {
    entered: mpsc::Receiver<()>,
    let_on: mpsc::Sender<()>,
}

impl Doors {
    fn new() -> (Doors, impl Fn(Secured, &AtomicBool, u64) -> Result<()> + Send + Sync) {
        let ((enter, entered), (let_on, may_go)) = (mpsc::channel(), mpsc::channel());
        let inside = Mutex::new((enter, may_go));
        let handler = move |secured: Secured, stop: &AtomicBool, number: u64| {
            {
                let inside = inside.lock().unwrap();
                inside.0.send(()).unwrap();
                inside.1.recv().unwrap();
            }
            platform_session(secured, stop, number)
        };
        (Doors { entered, let_on }, handler)
    }
}

// ---- the handshake ----

#[test]
fn a_session_over_tls_matches() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let [client, server] = meet(&advertiser, &platform).0.map(Result::unwrap);
        assert_eq!(client.binding, server.binding);
        assert_eq!(client.binding.len(), 32);
        assert_eq!([&client.peer, &server.peer], [platform.ours(), advertiser.ours()]);
        let server = thread::spawn(|| play(Party::Platform, server, &GO_ON).unwrap());
        assert_complete(&play(Party::Advertiser, client, &GO_ON).unwrap());
        assert_eq!(server.join().unwrap().answer.matched, None);
    });
}

#[test]
fn every_channel_has_its_own_binding() {
    let [advertiser, platform] = friends();
    let bindings = [(); 2].map(|()| {
        let ([client, _server], _) = meet(&advertiser, &platform);
        client.unwrap().binding
    });
    assert_ne!(bindings[0], bindings[1]);
}

#[test]
fn strangers_are_refused_in_the_handshake_and_both_sides_say_so() {
    let [ann, bob, eve] = [(); 3].map(|()| Identity::generate());
    let of = |ours, theirs| endpoint(ours, theirs, Limits::default());
    let stranger = ChannelFault::Stranger { key: eve.public().fingerprint() };
    let not_trusted = ChannelFault::NotTrusted { key: eve.public().fingerprint() };

    let [at_client, at_server] = meet(&of(&eve, &bob), &of(&bob, &ann)).0.map(channel_fault);
    assert_eq!([&at_client, &at_server], [&not_trusted, &stranger]);
    let [at_client, at_server] = meet(&of(&ann, &bob), &of(&eve, &ann)).0.map(channel_fault);
    assert_eq!([&at_client, &at_server], [&stranger, &not_trusted]);
    assert!(not_trusted.to_string().contains("give it our .pub file"));
}

#[test]
fn other_protocols_are_refused() {
    let [_, platform] = friends();
    let noise = (0..2000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let http = b"GET / HTTP/1.1\r\nHost: platform.example\r\n\r\n".to_vec();
    for bytes in [http, noise, vec![0; 2000], b"blindmatch".repeat(200)] {
        let (listener, address) = listen();
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(&bytes).unwrap();
        client.shutdown(Half::Write).unwrap();
        let fault = channel_fault(platform.accept(listener.accept().unwrap().0, &GO_ON));
        assert!(matches!(fault, ChannelFault::NotBlindmatch(_)), "{fault:?}");
    }
}

#[test]
fn silence_and_dripping_end_at_the_deadline() {
    within_a_minute(|| {
        let [ann, bob] = [Identity::generate(), Identity::generate()];
        let platform = endpoint(&bob, &ann, hasty());
        for drips in [false, true] {
            let (listener, address) = listen();
            let mut client = TcpStream::connect(&address).unwrap();
            let dripping = thread::spawn(move || {
                let start = [22, 3, 1, 1, 0, 1, 0, 0, 252]; // of a ClientHello
                for byte in start.into_iter().chain(std::iter::repeat(3)).take_while(|_| drips) {
                    if client.write_all(&[byte]).is_err() {
                        break;
                    }
                    thread::sleep(Duration::from_millis(20)); // the attack itself
                }
                client
            });
            let fault = channel_fault(platform.accept(listener.accept().unwrap().0, &GO_ON));
            assert!(matches!(fault, ChannelFault::TooSlow { .. }), "{fault:?}");
            dripping.join().unwrap();
        }
    });
}

#[test]
fn a_server_that_says_nothing_ends_at_the_deadline() {
    let [ann, bob] = [Identity::generate(), Identity::generate()];
    let (_listener, address) = listen();
    let fault = channel_fault(endpoint(&ann, &bob, hasty()).connect(&address, &GO_ON));
    assert!(matches!(fault, ChannelFault::TooSlow { .. }), "{fault:?}");
}

#[test]
fn nobody_listening_is_an_error_that_names_the_address() {
    let [advertiser, _] = friends();
    let (listener, address) = listen();
    drop(listener);
    let error = advertiser.connect(&address, &GO_ON).unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
    assert!(error.to_string().contains(&address), "{error}");
    assert!(matches!(advertiser.connect("no port", &GO_ON), Err(Error::Io { .. })));
}

#[test]
fn the_handshake_can_be_interrupted() {
    let [advertiser, _] = friends();
    let (_listener, address) = listen();
    let end = advertiser.connect(&address, &AtomicBool::new(true));
    assert!(matches!(end, Err(Error::Interrupted)));
}

// ---- the link ----

#[test]
fn an_end_is_told_from_a_cut() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        for cut in [false, true] {
            let (ends, wire) = meet(&advertiser, &platform);
            let [mut client, Link { reader, mut writer }] = ends.map(|end| end.unwrap().link);
            write_all(&mut writer, b"the matches so far");
            if cut {
                wire.shutdown(Half::Write).unwrap();
            } else {
                drop(writer);
            }
            let end = read_to_end(&mut client.reader);
            drop(client);
            drop(reader);
            match end {
                Ok(bytes) => assert!(!cut && bytes == b"the matches so far"),
                Err(e) => assert!(cut && e.kind() == ErrorKind::UnexpectedEof, "{e}"),
            }
        }
    });
}

#[test]
fn both_sides_can_push_64_mib_at_once() {
    const BLOCK: usize = 1 << 20;
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let block: Vec<u8> = (0..BLOCK).map(|i| (i / 7) as u8).collect();
        let ends = meet(&advertiser, &platform).0.map(|end| end.unwrap().link);
        let under_way = &Barrier::new(4); // nobody reads before both have sent a block
        thread::scope(|scope| {
            for Link { mut reader, mut writer } in ends {
                let block = &block;
                scope.spawn(move || {
                    for sent in 0..64 {
                        write_all(&mut writer, block);
                        if sent == 0 {
                            under_way.wait();
                        }
                    }
                });
                scope.spawn(move || {
                    under_way.wait();
                    let bytes = read_to_end(&mut reader).unwrap();
                    assert_eq!(bytes.len(), 64 * BLOCK);
                    assert!(bytes.chunks(BLOCK).all(|got| got == block));
                });
            }
        });
    });
}

#[test]
fn a_writer_whose_peer_takes_nothing_says_so_and_loses_nothing() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let ends = meet(&advertiser, &platform).0.map(|end| end.unwrap().link);
        let [Link { mut reader, writer: _ours }, Link { reader: _theirs, mut writer }] = ends;
        let block: Vec<u8> = (0..1 << 20).map(|i: u32| (i / 7) as u8).collect();
        let mut sent = Vec::new();
        while let Ok(written) = writer.write(&block) {
            sent.extend_from_slice(&block[..written]);
        }
        let reading = thread::spawn(move || read_to_end(&mut reader).unwrap());
        write_all(&mut writer, b"the end");
        drop(writer);
        sent.extend_from_slice(b"the end");
        assert!(reading.join().unwrap() == sent);
    });
}

#[test]
fn a_damaged_record_is_an_error_on_both_sides() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let (ends, mut wire) = meet(&advertiser, &platform);
        let [mut client, mut server] = ends.map(|end| end.unwrap().link);
        wire.write_all(&[[23, 3, 3, 0, 32].as_slice(), &[7; 32]].concat()).unwrap();
        for reader in [&mut client.reader, &mut server.reader] {
            assert_eq!(read_to_end(reader).unwrap_err().kind(), ErrorKind::InvalidData);
        }
    });
}

#[test]
fn a_cut_at_any_byte_is_an_error_or_the_whole_result() {
    within_a_minute(|| {
        let (ends, traffic) = session_through_proxy([usize::MAX; 2]);
        ends.into_iter().for_each(|end| drop(end.unwrap()));
        thread::scope(|scope| {
            for (way, whole) in traffic.iter().map(Vec::len).enumerate() {
                for cut in (0..12).map(|part| part * whole / 12).chain([1, whole - 1]) {
                    scope.spawn(move || assert_cut(way, cut));
                }
            }
        });
    });
}

fn assert_cut(way: usize, cut: usize) {
    let mut limits = [usize::MAX; 2];
    limits[way] = cut;
    let ([advertiser, platform], _) = session_through_proxy(limits);
    if let Ok(outcome) = &advertiser {
        assert_complete(outcome);
    }
    for end in [advertiser, platform] {
        let expected =
            matches!(end, Ok(_) | Err(Error::Channel(_) | Error::Peer(PeerFault::HungUp(_))));
        assert!(expected, "way {way} cut at {cut}: {:?}", end.err());
    }
}

#[test]
fn captured_traffic_identifies_nobody() {
    let (ends, traffic) = session_through_proxy([usize::MAX; 2]);
    ends.into_iter().for_each(|end| drop(end.unwrap()));
    let traffic = traffic.concat();
    let mut secrets: Vec<Vec<u8>> =
        [&b"blindmatch\x01\x00"[..], b"ristretto255", b"advertis"].map(Vec::from).into();
    for value in ADVERTISER.iter().chain(&PLATFORM) {
        let digest = Sha256::digest(value);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        secrets.push(base64::engine::general_purpose::STANDARD_NO_PAD.encode(digest).into());
        secrets.extend([value.as_bytes().into(), digest.to_vec(), hex.into()]);
    }
    assert!(contains(&traffic, b"blindmatch/1")); // the search finds what is there
    for secret in secrets {
        assert!(!contains(&traffic, &secret), "{}", secret.escape_ascii());
    }
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted))
}

// ---- the server ----

#[test]
fn sessions_run_side_by_side_and_one_after_another() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let (three, (tell, numbers)) = (Barrier::new(3), mpsc::channel());
        let tell = Mutex::new(tell);
        let server = Running::new(
            &platform,
            |options| options.max_sessions_per_peer = 3,
            move |secured, stop, number| {
                tell.lock().unwrap().send(number).unwrap();
                three.wait(); // three at a time, or never
                platform_session(secured, stop, number)
            },
        );
        for _ in 0..2 {
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| assert_complete(&visit(&advertiser, &server.address).unwrap()));
                }
            });
        }
        assert_eq!(server.stop(), [6, 0]);
        let mut numbers: Vec<u64> = numbers.iter().collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    });
}

#[test]
fn a_full_server_says_so_and_strangers_do_not_fill_it() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let (doors, handler) = Doors::new();
        let server = Running::new(&platform, |options| options.max_sessions = 1, handler);
        let _strangers = [(); 4].map(|()| TcpStream::connect(&server.address).unwrap());
        thread::scope(|scope| {
            let first = scope.spawn(|| visit(&advertiser, &server.address));
            doors.entered.recv().unwrap();
            assert_eq!(channel_fault(visit(&advertiser, &server.address)), ChannelFault::Busy);
            doors.let_on.send(()).unwrap();
            assert_complete(&first.join().unwrap().unwrap());
        });
        assert_eq!(server.stop(), [1, 0]);
    });
}

#[test]
fn too_many_handshakes_of_one_address_are_closed() {
    within_a_minute(|| {
        let [_, platform] = friends();
        let narrow = |options: &mut Options| options.max_handshakes_per_address = 2;
        let server = Running::new(&platform, narrow, platform_session);
        let mut strangers = [(); 3].map(|()| TcpStream::connect(&server.address).unwrap());
        strangers[2].set_read_timeout(Some(Duration::from_secs(5))).unwrap(); // half the deadline
        assert!(matches!(strangers[2].read(&mut [0]), Ok(0)));
        assert_eq!(server.stop(), [0, 0]);
    });
}

#[test]
fn shutting_down_lets_a_running_session_finish() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let (doors, handler) = Doors::new();
        let server = Running::new(&platform, |_| {}, handler);
        thread::scope(|scope| {
            let client = scope.spawn(|| visit(&advertiser, &server.address));
            doors.entered.recv().unwrap();
            server.shutdown.request();
            doors.let_on.send(()).unwrap();
            assert_complete(&client.join().unwrap().unwrap());
        });
        let address = server.address.clone();
        assert_eq!(server.end(), [1, 0]);
        assert!(TcpStream::connect(address).is_err());
    });
}

#[test]
fn a_second_request_stops_a_running_session() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let (doors, handler) = Doors::new();
        let server = Running::new(&platform, |_| {}, handler);
        let _mute = advertiser.connect(&server.address, &GO_ON).unwrap(); // says nothing more
        doors.entered.recv().unwrap();
        doors.let_on.send(()).unwrap();
        server.shutdown.request();
        assert_eq!(server.stop(), [1, 1]);
    });
}

#[test]
fn a_panic_ends_one_session_and_a_limit_the_server() {
    within_a_minute(|| {
        let [advertiser, platform] = friends();
        let twice = |options: &mut Options| options.sessions = Some(2);
        let server = Running::new(&platform, twice, |secured, stop, number| {
            assert_ne!(number, 1, "a panic that this test wants");
            platform_session(secured, stop, number)
        });
        assert!(visit(&advertiser, &server.address).is_err());
        assert_complete(&visit(&advertiser, &server.address).unwrap());
        assert_eq!(server.end(), [2, 1]); // nobody asked it to stop
    });
}

#[test]
fn a_server_can_be_stopped_before_it_runs() {
    within_a_minute(|| {
        let [_, platform] = friends();
        let server = Server::bind("127.0.0.1:0", platform, Options::default()).unwrap();
        let shutdown = Shutdown::new();
        shutdown.request();
        assert_eq!(server.run(&shutdown, platform_session).unwrap(), Served::default());
    });
}
