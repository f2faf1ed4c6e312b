//! How do two machines match, each sure who the other is?
//!
//! Both ends run here, over loopback; on two machines each would keep its own half. Keys are made
//! on the spot; `blindmatch keygen` writes them to files.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use blindmatch::Result;
use blindmatch::bench::workload;
use blindmatch::protocol::Party;
use blindmatch::server::{Options, Server, Shutdown};
use blindmatch::session::{Session, Settings};
use blindmatch::transport::identity::{Identity, Trust};
use blindmatch::transport::tls::{Endpoint, Limits, Secured};
use blindmatch::transport::{Timing, drive};

fn main() -> Result<()> {
    let (advertiser, platform, stranger) =
        (Identity::generate(), Identity::generate(), Identity::generate());
    let endpoint = |ours: &Identity, peer: &Identity| {
        let trust = Trust::read([peer.public().to_string()])?;
        Endpoint::new(ours, &trust, Limits::default())
    };

    // The platform: a server for one session.
    let mut options = Options::default();
    options.sessions = Some(1);
    let server = Server::bind("127.0.0.1:0", endpoint(&platform, &advertiser)?, options)?;
    let address = server.local_addr().to_string();
    let members = workload::people(0..5000)?;
    let serve = move || {
        server.run(&Shutdown::new(), |secured: Secured, stop: &AtomicBool, _| {
            let mut settings = Settings::new(Party::Platform);
            settings.channel_binding = secured.binding;
            settings.peer = Some(secured.peer.fingerprint());
            settings.min_audience = Some(100);
            let session = Session::new(settings, Arc::clone(&members))?;
            drive(session, secured.link, Timing::default(), stop, &mut ()).map(|_| ())
        })
    };

    // The advertiser, and before it somebody who is not.
    thread::scope(|scope| {
        let served = scope.spawn(serve);
        let never = AtomicBool::new(false);
        let refused = endpoint(&stranger, &platform)?.connect(&address, &never);
        let Err(refused) = refused else { panic!("strangers must be refused") };
        println!("a stranger: {refused}");

        let secured = endpoint(&advertiser, &platform)?.connect(&address, &never)?;
        println!("the advertiser: connected to {}", secured.peer.fingerprint());
        let mut settings = Settings::new(Party::Advertiser);
        settings.channel_binding = secured.binding;
        let session = Session::new(settings, workload::people(4000..6000)?)?;
        let outcome = drive(session, secured.link, Timing::default(), &never, &mut ())?;
        println!("the advertiser: {} of 2000 match", outcome.answer.count.unwrap_or_default());
        served.join().expect("the server does not panic").map(|_| ())
    })
}
