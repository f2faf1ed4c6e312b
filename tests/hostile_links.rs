//! Peers that stall, hang up, flood or never listen, over a real link with its driver: an error on
//! the honest side, soon.
//!
//! Time is a guard here, never a measure: limits are short, and [`GUARD`] is generous.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use blindmatch::error::{Error, PeerFault, Result};
use blindmatch::protocol::{Party, Reveal};
use blindmatch::session::{Action, Outcome, Session, Settings};
use blindmatch::transport::{Link, Timing, drive, memory};
use blindmatch::wire::{Decoder, Frame};
use common::{addresses, fault};

/// No session below may take longer, however slow the machine.
const GUARD: Duration = Duration::from_secs(60);

fn short() -> Timing {
    Timing {
        idle: Duration::from_millis(400),
        total: Duration::from_secs(30),
        keep_alive: Duration::from_secs(10),
    }
}

fn side(party: Party, values: &[String]) -> Session {
    let mut settings = Settings::new(party);
    settings.reveal = Reveal::Both;
    settings.min_audience = Some(1);
    Session::new(settings, common::list(values)).unwrap()
}

/// Drives an honest advertiser against whatever `peer` does with its end of the link.
fn against(timing: Timing, peer: impl FnOnce(Link) + Send) -> Result<Outcome> {
    let [here, there] = memory::pair();
    let began = Instant::now();
    let end = thread::scope(|scope| {
        scope.spawn(|| peer(there));
        let session = side(Party::Advertiser, &addresses(0..20));
        drive(session, here, timing, &AtomicBool::new(false), &mut ())
    });
    assert!(began.elapsed() < GUARD);
    end
}

/// Plays an honest platform by hand up to the point where it has sent `frames` of its frames, then
/// hands the link over. `None` where the session was complete before.
fn after_frames(mut link: Link, frames: usize) -> Option<Link> {
    let mut session = side(Party::Platform, &addresses(10..40));
    let mut sent = 0;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match session.advance(sent < frames).ok()? {
            Action::Send(bytes) => {
                link.writer.write_all(&bytes).ok()?;
                sent += 1;
            }
            Action::Done => return None,
            Action::Worked => {}
            Action::Wait if sent == frames => return Some(link),
            Action::Wait => match link.reader.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => session.receive(&buffer[..length]),
                Err(_) => {} // nothing yet
            },
        }
    }
}

/// Frames that an honest platform sends in this setting: hello, commitment, points, the decision,
/// tags; and then a last word, that it is finished.
const FRAMES: usize = 5;

/// Reads until the honest side is gone.
fn listen(reader: &mut dyn Read) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {}
            Err(_) => return,
        }
    }
}

/// Reads until the honest side says why it ends, and yields that.
fn last_word(reader: &mut dyn Read) -> Option<String> {
    let (mut decoder, mut buffer) = (Decoder::default(), vec![0; 1 << 16]);
    let greeting = common::puppet::hello(Party::Advertiser, Reveal::Both, 0);
    decoder.push(&Frame::Hello(greeting).encode()); // the real one was read before
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return None,
            Ok(length) => decoder.push(&buffer[..length]),
            Err(e) if matches!(e.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock) => {}
            Err(_) => return None,
        }
        while let Ok(Some(frame)) = decoder.next_frame() {
            if let Frame::Abort(reason) = frame {
                return Some(reason);
            }
        }
    }
}

#[test]
fn a_hang_up_after_any_frame_ends_the_session() {
    for frames in 0..FRAMES {
        let end = against(short(), |link| drop(after_frames(link, frames)));
        let fault = fault(end.unwrap_err());
        assert!(matches!(fault, PeerFault::HungUp(_)), "after {frames} frames: {fault}");
    }
}

/// Where only the last word is missing, nothing is.
#[test]
fn a_peer_that_leaves_or_stalls_before_its_last_word_costs_no_result() {
    for frames in [FRAMES, FRAMES + 1] {
        let end = against(short(), |link| drop(after_frames(link, frames)));
        assert_eq!(end.unwrap().answer.count, Some(10));
        let end = against(short(), |link| {
            if let Some(mut link) = after_frames(link, frames) {
                listen(&mut link.reader);
            }
        });
        assert_eq!(end.unwrap().answer.count, Some(10));
    }
}

#[test]
fn a_stall_after_any_frame_ends_the_session_and_the_peer_is_told() {
    for frames in 0..FRAMES {
        let mut told = None;
        let end = against(short(), |link| {
            let mut link = after_frames(link, frames).expect("the session is not complete");
            told = last_word(&mut link.reader);
        });
        let fault = fault(end.unwrap_err());
        assert!(matches!(fault, PeerFault::Stalled { .. }), "after {frames} frames: {fault}");
        assert!(told.expect("a last word").starts_with("silent for"));
    }
}

/// A link whose other end takes no bytes, and delivers keep-alives for ever.
#[test]
fn a_link_that_is_stuck_ends_the_session() {
    struct Stuck;
    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            thread::sleep(Duration::from_millis(20)); // as a socket with a time limit would
            Err(ErrorKind::WouldBlock.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    struct Alive(Vec<u8>);
    impl Read for Alive {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            thread::sleep(Duration::from_millis(20));
            let next = std::mem::replace(&mut self.0, Frame::KeepAlive.encode());
            buffer[..next.len()].copy_from_slice(&next);
            Ok(next.len())
        }
    }
    let hello = common::puppet::hello(Party::Platform, Reveal::Both, 3);
    let reader = Box::new(Alive(Frame::Hello(hello).encode()));
    let link = Link { reader, writer: Box::new(Stuck) };
    let session = side(Party::Advertiser, &addresses(0..20));
    let began = Instant::now();
    let end = drive(session, link, short(), &AtomicBool::new(false), &mut ());
    assert!(began.elapsed() < GUARD);
    assert!(matches!(fault(end.unwrap_err()), PeerFault::Stalled { .. }));
}

/// Keep-alives count as sound, but not for ever.
#[test]
fn a_flood_of_keep_alives_ends_with_the_session() {
    let timing = Timing { total: Duration::from_millis(800), ..short() };
    let end = against(timing, |mut link| {
        let hello = common::puppet::hello(Party::Platform, Reveal::Both, 3);
        let _ = link.writer.write_all(&Frame::Hello(hello).encode());
        let flood = Frame::KeepAlive.encode().repeat(10_000);
        let Link { mut reader, mut writer } = link;
        thread::scope(|scope| {
            scope.spawn(|| listen(&mut reader));
            while !matches!(writer.write(&flood), Err(e) if e.kind() == ErrorKind::BrokenPipe) {}
            drop(writer);
        });
    });
    let fault = fault(end.unwrap_err());
    assert!(matches!(fault, PeerFault::OutOfTime { .. }), "{fault}");
}

/// Bytes that trickle are sound, too, but not for ever.
#[test]
fn a_frame_that_trickles_in_ends_with_the_session() {
    let timing = Timing { total: Duration::from_millis(900), ..short() };
    let end = against(timing, |link| {
        let Link { mut reader, mut writer } = link;
        let hello = common::puppet::hello(Party::Platform, Reveal::Both, 3);
        thread::scope(|scope| {
            scope.spawn(|| listen(&mut reader));
            for byte in Frame::Hello(hello).encode() {
                if writer.write_all(&[byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(30));
            }
            drop(writer);
        });
    });
    let fault = fault(end.unwrap_err());
    assert!(matches!(fault, PeerFault::OutOfTime { during: "handshake", .. }), "{fault}");
}

#[test]
fn an_http_client_is_no_peer() {
    let end = against(short(), |mut link| {
        let _ = link.writer.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        listen(&mut link.reader);
    });
    assert_eq!(fault(end.unwrap_err()), PeerFault::NotBlindmatch);
}

/// The link closes while we still blind a long list: we notice before the list is blinded.
#[test]
fn a_hang_up_while_we_blind_is_noticed_at_once() {
    struct Furthest(u64);
    impl blindmatch::transport::Observer for Furthest {
        fn progress(&mut self, progress: blindmatch::protocol::Progress) {
            self.0 = self.0.max(progress.done);
        }
    }
    let values = addresses(0..60_000);
    let session = side(Party::Advertiser, &values);
    let [here, mut there] = memory::pair();
    let hello = common::puppet::hello(Party::Platform, Reveal::Both, 3);
    there.writer.write_all(&Frame::Hello(hello).encode()).unwrap();
    there.writer.write_all(&Frame::Abort("closing".into()).encode()).unwrap();
    drop(there);
    let mut furthest = Furthest(0);
    let end = drive(session, here, short(), &AtomicBool::new(false), &mut furthest);
    assert_eq!(fault(end.unwrap_err()), PeerFault::Aborted("closing".into()));
    assert!(furthest.0 < values.len() as u64);
}

#[test]
fn a_stop_from_outside_ends_the_session_and_the_peer_is_told() {
    let stop = AtomicBool::new(false);
    let [here, mut there] = memory::pair();
    thread::scope(|scope| {
        let peer = scope.spawn(|| {
            let mut buffer = vec![0; 1 << 16];
            while !matches!(there.reader.read(&mut buffer), Ok(length) if length > 0) {}
            stop.store(true, Ordering::Relaxed); // its hello came: it runs
            last_word(&mut there.reader)
        });
        let session = side(Party::Advertiser, &addresses(0..20));
        let end = drive(session, here, common::timing(), &stop, &mut ());
        assert!(matches!(end, Err(Error::Interrupted)));
        assert_eq!(peer.join().unwrap().as_deref(), Some("interrupted"));
    });
}

/// Both sides send lists through links that hold a few hundred bytes: neither waits for the other to
/// read before it reads.
#[test]
fn full_links_both_ways_do_not_lock_up() {
    struct Narrow(Box<dyn Write + Send>);
    impl Write for Narrow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.write(&bytes[..bytes.len().min(100)])
        }
        fn flush(&mut self) -> std::io::Result<()> {
            self.0.flush()
        }
    }
    let values = addresses(0..2000);
    let stop = AtomicBool::new(false);
    let [here, there] = memory::pair()
        .map(|Link { reader, writer }| Link { reader, writer: Box::new(Narrow(writer)) });
    let (advertiser, platform) = (side(Party::Advertiser, &values), side(Party::Platform, &values));
    thread::scope(|scope| {
        let other = scope.spawn(|| drive(platform, there, common::timing(), &stop, &mut ()));
        let end = drive(advertiser, here, common::timing(), &stop, &mut ());
        assert_eq!(end.unwrap().answer.count, Some(2000));
        assert_eq!(other.join().unwrap().unwrap().answer.count, Some(2000));
    });
}
