//! What happens when a platform answers with another key than the one it offered?
//!
//! With `oprf` nothing that anybody would notice: matches disappear. With `voprf` every run of answers
//! comes with a proof, and the session ends where it does not hold. The platform here is honest but
//! for one answer, which is changed on its way.

use blindmatch::bench::workload;
use blindmatch::group::Encoding;
use blindmatch::protocol::{Party, ProtocolName};
use blindmatch::session::{Action, Outcome, Session, Settings};
use blindmatch::wire::{Decoder, Frame};
use blindmatch::{Error, Result};

fn main() -> Result<()> {
    for protocol in [ProtocolName::Oprf, ProtocolName::Voprf] {
        for cheats in [false, true] {
            let how = if cheats { "that changes one answer" } else { "that is honest" };
            print!("{protocol}, a platform {how}: ");
            match run(protocol, cheats) {
                Ok(outcome) => {
                    let count = outcome.answer.count.unwrap_or_default();
                    println!("the advertiser learns that {count} of its 4 entries match");
                }
                Err(error @ Error::Peer(_)) => println!("{error}"),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

fn run(protocol: ProtocolName, cheats: bool) -> Result<Outcome> {
    let side = |party, numbers| {
        let mut settings = Settings::new(party);
        settings.protocol = protocol;
        Session::new(settings, workload::people(numbers)?)
    };
    let mut advertiser = side(Party::Advertiser, 0..4)?;
    let mut platform = side(Party::Platform, 0..100)?;
    let mut frames = Decoder::default();
    loop {
        match platform.advance(true)? {
            Action::Send(bytes) if cheats => {
                frames.push(&bytes);
                let mut frame = frames.next_frame()?.expect("a session sends whole frames");
                if let Frame::Evaluated(answers) = &mut frame {
                    answers[0] = Encoding::GENERATOR;
                }
                advertiser.receive(&frame.encode());
            }
            Action::Send(bytes) => advertiser.receive(&bytes),
            _ => {}
        }
        match advertiser.advance(true)? {
            Action::Send(bytes) => platform.receive(&bytes),
            Action::Done => return advertiser.outcome(),
            _ => {}
        }
    }
}
