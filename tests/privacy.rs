//! Nothing identifying leaves: captured traffic, debug output and error texts are searched for
//! identifiers and for their plain hashes, raw and as text.

mod common;

use std::fmt::Debug;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use blindmatch::identifier::{Identifier, Kind};
use blindmatch::protocol::Reveal;
use blindmatch::session::{Session, Settings};
use blindmatch::wire::{Decoder, Frame};
use common::puppet::Honest;
use sha2::{Digest, Sha256, Sha512};

const VALUES: [&str; 4] =
    ["ann@example.com", "bob.long.name@example.org", "eve@example.net", "zoe@example.com"];

/// Everything that would give a value away, by what it is.
fn traces(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let digest = Sha256::digest(value);
    let tagged = [&[1][..], &digest].concat(); // as the group hashes it
    let mut traces = vec![
        ("the value", value.as_bytes().to_vec()),
        ("its local part", value.split('@').next().unwrap_or(value).as_bytes().to_vec()),
    ];
    let twice = Sha256::digest(digest).to_vec();
    let digests = [digest.to_vec(), twice, Sha512::digest(value)[..32].to_vec(), tagged];
    for digest in &digests {
        let hex = common::hex(digest);
        traces.push(("its digest", digest.clone()));
        traces.push(("eight bytes of its digest", digest[1..9].to_vec()));
        traces.push(("eight digits of its digest", hex.as_bytes()[2..10].to_vec()));
        traces.push(("the same in capitals", hex.to_uppercase().as_bytes()[2..10].to_vec()));
        for base64 in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
            let text = base64.encode(digest);
            traces.push(("its digest in Base64", text.as_bytes()[..12].to_vec()));
        }
        // As derived Debug prints bytes: `[1, 2, 3`.
        let list: Vec<String> = digest[1..5].iter().map(u8::to_string).collect();
        traces.push(("bytes of its digest in a list", list.join(", ").into_bytes()));
    }
    traces
}

/// Searches bytes for every value's traces.
fn search(what: &str, haystack: &[u8]) {
    for value in VALUES {
        for (trace, needle) in traces(value) {
            let found = haystack.windows(needle.len()).any(|window| window == needle);
            // "ann" and the like are too short to look for in random bytes.
            let short = needle.len() < 4;
            assert!(short || !found, "{what} holds {trace}: {value}");
        }
    }
}

fn search_debug(what: &str, value: &dyn Debug) {
    search(what, format!("{value:?} {value:#?}").as_bytes());
}

fn lists() -> [Arc<blindmatch::ConsentedList>; 2] {
    [common::list(&VALUES[..3]), common::list(&VALUES[1..])]
}

/// The search finds what it is to find.
#[test]
fn the_search_works() {
    for value in VALUES {
        for (_, needle) in traces(value).into_iter().filter(|(_, needle)| needle.len() >= 4) {
            let haystack = [b"before", &needle[..], b"after"].concat();
            assert!(std::panic::catch_unwind(|| search("a test", &haystack)).is_err());
        }
    }
}

#[test]
fn traffic_holds_no_identifiers_and_no_plain_hashes() {
    for reveal in Reveal::ALL {
        for least in [0, 2, 3] {
            let lists = lists();
            let sides = common::sessions(common::settings(reveal, least), lists.each_ref());
            let (outcomes, traffic) = common::pump(sides, None).unwrap();
            for bytes in &traffic {
                search("traffic", bytes);
                let mut decoder = Decoder::default();
                decoder.push(bytes);
                search_debug("a decoder", &decoder);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    search_debug("a frame", &frame);
                }
            }
            for outcome in &outcomes {
                search_debug("an outcome", outcome);
            }
        }
    }
}

#[test]
fn debug_output_holds_no_identifiers_and_no_plain_hashes() {
    for list in lists() {
        search_debug("a list", &list);
    }
    for value in VALUES {
        search_debug("an identifier", &Identifier::from_normalised(Kind::Email, value));
    }
    for settings in common::settings(Reveal::Both, 1) {
        search_debug("settings", &settings);
    }
}

/// Every byte changed in turn of what a side hears: the errors that come of it, and what the peer is
/// told, give nothing away.
#[test]
fn errors_hold_no_identifiers_and_no_plain_hashes() {
    let lists = lists();
    let sides = |seed: &str| {
        let settings = common::settings(Reveal::Both, 1);
        let new = |(settings, list): (Settings, &Arc<_>)| {
            let party = settings.party;
            let rng = common::Seeded::new(format!("{seed} {party}"));
            Session::with_rng(settings, Arc::clone(list), rng).unwrap()
        };
        settings.into_iter().zip(&lists).map(new).collect::<Vec<_>>()
    };
    let [advertiser, platform] = sides("privacy").try_into().ok().expect("two sides");
    let (_, [_, heard]) = common::pump([advertiser, platform], None).unwrap();
    let mut errors = 0;
    for at in 0..heard.len() {
        let mut bytes = heard.clone();
        bytes[at] ^= 0x41;
        let mut honest = Honest::new(sides("privacy").swap_remove(0));
        let Err(error) = honest.hear_bytes(&bytes) else { continue };
        errors += 1;
        search("an error", error.to_string().as_bytes());
        search_debug("an error", &error);
        search("a last word", Honest::last_words(&error).unwrap_or_default().as_bytes());
        let frame = Session::abort(&error).unwrap_or_else(|| Frame::KeepAlive.encode());
        search("an abort", &frame);
    }
    assert!(errors > heard.len() / 2, "{errors} of {}", heard.len());
}
