//! Peers that break the protocol, each attack one test: an exact error on the honest side, at once,
//! and a last word to the peer that says nothing about this side.
//!
//! What plain Diffie-Hellman PSI cannot see stands at the end, in tests that are named
//! `undetected_by_design_..`; the documentation of `protocol::dh` ("What leaks") says the same.

mod common;

use std::collections::HashSet;

use blindmatch::error::{Error, PeerFault};
use blindmatch::group::{Backend, Encoding, Engine, Parallelism};
use blindmatch::protocol::{Party, Reveal};
use blindmatch::session::{Session, Settings};
use blindmatch::wire::{Commitment, Decoder, Frame, Hello, MAX_FRAME};
use common::puppet::{Honest, Puppet, decode, exchange, greet, hash_to_group};
use common::{address, addresses, fault};
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;

/// The honest side's session.
fn honest(party: Party, reveal: Reveal, least: u64, values: &[String]) -> Session {
    let mut settings = Settings::new(party);
    settings.engine = Engine::new(Backend::portable(), Parallelism::Rayon);
    settings.reveal = reveal;
    settings.min_audience = Some(least);
    settings.max_elements = 50_000;
    Session::new(settings, common::list(values)).unwrap()
}

/// An honest advertiser that is to learn its matches, with ten values.
fn advertiser() -> Session {
    honest(Party::Advertiser, Reveal::Advertiser, 0, &addresses(0..10))
}

/// A platform of the test's, with `count` values of which the first five match the advertiser's.
fn platform(count: u64) -> Puppet {
    Puppet::new(Party::Platform, Reveal::Advertiser, &addresses(5..5 + count))
}

/// Greets, commits and sends `frames` of points.
fn send_points(mut puppet: Puppet, frames: Vec<Vec<Encoding>>) -> Result<Honest, Error> {
    let mut honest = greet(&mut puppet, advertiser())?;
    honest.hear(Frame::Commitment(puppet.commitment()))?;
    for points in frames {
        honest.hear(Frame::Points(points))?;
    }
    Ok(honest)
}

/// The fault that ends an attack; and nothing of this side is in the last word to the peer.
fn blamed<T>(attack: Result<T, Error>) -> PeerFault {
    let error = attack.err().expect("the attack went unnoticed");
    if let Some(words) = Honest::last_words(&error) {
        assert!(words.is_ascii() && words.len() <= 200, "{words}");
        assert!(!words.contains("example.com") && !words.contains('/'), "{words}");
    }
    fault(error)
}

/// The puppet and the honest side agree on everything: what the attacks start from.
#[test]
fn a_second_implementation_of_the_documentation_interoperates() {
    for least in [0, 3] {
        let session = honest(Party::Advertiser, Reveal::Advertiser, least, &addresses(0..10));
        let mut puppet = platform(7);
        let (mut honest, points) = exchange(&mut puppet, session).unwrap();
        if least > 0 {
            let tags = honest.take_tags(puppet.tag_length());
            assert!(tags.is_sorted());
            let ours = puppet.tags(&points);
            assert_eq!(ours.iter().filter(|tag| tags.contains(tag)).count(), 5);
            honest.hear(Frame::Released).unwrap();
        }
        honest.hear(Frame::Tags(puppet.tags(&points).concat())).unwrap();
        honest.hear(Frame::Finished).unwrap();
        let answer = honest.outcome().answer;
        assert_eq!((answer.count, answer.matched.map(|matched| matched.len())), (Some(5), Some(5)));
    }
}

// --- Points -------------------------------------------------------------------------------------

/// Bytes between two sorted points that are no encoding of a group element.
fn invalid_after(point: &Encoding) -> Encoding {
    let mut bytes = point.0;
    loop {
        let last = bytes.iter_mut().rev().find(|byte| **byte != 0xff).expect("not all ones");
        *last += 1;
        if curve25519_dalek::ristretto::CompressedRistretto(bytes).decompress().is_none() {
            return Encoding(bytes);
        }
    }
}

#[test]
fn a_bad_point_is_named_by_its_position() {
    for position in [0, 1, 6, 11] {
        let mut puppet = platform(12);
        puppet.points[position] = invalid_after(&puppet.points[position]);
        let points = puppet.points.clone();
        let fault = blamed(send_points(puppet, vec![points]));
        assert_eq!(fault, PeerFault::InvalidPoint { position: position as u64 });
    }
}

#[test]
fn a_bad_point_in_a_later_frame_is_named_by_its_position_in_the_list() {
    let mut puppet = platform(12);
    puppet.points[9] = invalid_after(&puppet.points[9]);
    let frames = puppet.points.chunks(5).map(<[_]>::to_vec).collect();
    assert_eq!(blamed(send_points(puppet, frames)), PeerFault::InvalidPoint { position: 9 });
}

#[test]
fn the_lowest_bad_point_is_named_whatever_the_number_of_cores() {
    let mut puppet = platform(1200);
    for position in [1100, 900, 700, 300] {
        puppet.points[position] = invalid_after(&puppet.points[position]);
    }
    let points = puppet.points.clone();
    assert_eq!(
        blamed(send_points(puppet, vec![points])),
        PeerFault::InvalidPoint { position: 300 }
    );
}

#[test]
fn the_identity_is_refused() {
    let mut puppet = platform(3);
    puppet.points[0] = Encoding::IDENTITY;
    let points = puppet.points.clone();
    assert_eq!(blamed(send_points(puppet, vec![points])), PeerFault::InvalidPoint { position: 0 });
}

/// The order of the group's field plus a small number: the same element, not its encoding.
#[test]
fn a_non_canonical_encoding_is_refused() {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xed, 0x7f); // p, which is 0
    for bytes in [bytes, [0xff; 32]] {
        let mut puppet = platform(3);
        puppet.points[2] = Encoding(bytes);
        puppet.points.sort_unstable();
        let at = puppet.points.iter().position(|point| point.0 == bytes).unwrap() as u64;
        let points = puppet.points.clone();
        let fault = blamed(send_points(puppet, vec![points]));
        assert_eq!(fault, PeerFault::InvalidPoint { position: at });
    }
}

#[test]
fn an_unsorted_list_is_refused() {
    let mut puppet = platform(12);
    puppet.points.swap(7, 8);
    let points = puppet.points.clone();
    assert_eq!(blamed(send_points(puppet, vec![points])), PeerFault::NotSorted { position: 8 });
}

#[test]
fn an_order_broken_between_two_frames_is_refused() {
    let puppet = platform(12);
    let frames = vec![puppet.points[4..8].to_vec(), puppet.points[..4].to_vec()];
    assert_eq!(blamed(send_points(puppet, frames)), PeerFault::NotSorted { position: 4 });
}

#[test]
fn a_repeated_point_is_refused() {
    let mut puppet = platform(12);
    puppet.points[5] = puppet.points[4];
    for length in [12, 5] {
        let frames = puppet.points.chunks(length).map(<[_]>::to_vec).collect();
        let again = Puppet { points: puppet.points.clone(), ..platform(12) };
        assert_eq!(blamed(send_points(again, frames)), PeerFault::NotSorted { position: 5 });
    }
}

#[test]
fn more_points_than_announced_are_refused_before_they_are_worked_on() {
    let mut puppet = platform(12);
    puppet.hello.elements = 11;
    let frames = vec![puppet.points[..10].to_vec(), puppet.points[10..].to_vec()];
    let expected = PeerFault::WrongCount { what: "points", got: 12, expected: 11 };
    assert_eq!(blamed(send_points(puppet, frames)), expected);
}

#[test]
fn fewer_points_than_announced_and_then_a_hang_up() {
    let puppet = platform(12);
    let frames = vec![puppet.points[..11].to_vec()];
    let mut honest = send_points(puppet, frames).unwrap();
    assert_eq!(blamed(honest.session.hung_up()), PeerFault::HungUp("evaluate"));
    assert!(honest.session.outcome().is_err());
}

#[test]
fn fewer_points_than_announced_and_then_tags() {
    let puppet = platform(12);
    let frames = vec![puppet.points[..11].to_vec()];
    let mut honest = send_points(puppet, frames).unwrap();
    assert_eq!(blamed(honest.hear(Frame::Tags(vec![1; 60]))), PeerFault::Unexpected(0x12));
}

#[test]
fn points_after_the_list_is_complete_are_refused() {
    let mut puppet = platform(12);
    let (mut honest, _) = exchange(&mut puppet, advertiser()).unwrap();
    let more = Frame::Points(vec![puppet.points[0]]);
    assert_eq!(blamed(honest.hear(more)), PeerFault::Unexpected(0x11));
}

#[test]
fn no_points_may_be_sent_to_a_side_that_was_told_of_none() {
    let mut puppet = platform(1);
    puppet.hello.elements = 0;
    let points = puppet.points.clone();
    assert!(matches!(
        blamed(send_points(puppet, vec![points])),
        PeerFault::Unexpected(0x11) | PeerFault::BrokenCommitment("list")
    ));
}

// --- Commitments --------------------------------------------------------------------------------

#[test]
fn a_list_other_than_the_one_committed_to_is_refused() {
    let mut puppet = platform(12);
    let mut honest = greet(&mut puppet, advertiser()).unwrap();
    honest.hear(Frame::Commitment(puppet.commitment())).unwrap();
    let other = Puppet::new(Party::Platform, Reveal::Advertiser, &addresses(0..12));
    let fault = blamed(honest.hear(Frame::Points(other.points)));
    assert_eq!(fault, PeerFault::BrokenCommitment("list"));
}

#[test]
fn another_session_is_refused() {
    let mut puppet = platform(12);
    let mut honest = greet(&mut puppet, advertiser()).unwrap();
    let commitment = Commitment { session: [7; 32], ..puppet.commitment() };
    let fault = blamed(honest.hear(Frame::Commitment(commitment)));
    assert_eq!(fault, PeerFault::BrokenCommitment("session"));
}

/// Two honest sides on two ends of different channels: somebody stands between them.
#[test]
fn another_channel_is_refused() {
    let mut settings = common::settings(Reveal::Both, 0);
    settings[0].channel_binding = b"one".to_vec();
    settings[1].channel_binding = b"two".to_vec();
    let lists = [common::list(&["a"]), common::list(&["a"])];
    let end = common::pump(common::sessions(settings, lists.each_ref()), None);
    assert_eq!(fault(end.unwrap_err()), PeerFault::BrokenCommitment("session"));
}

#[test]
fn a_second_hello_is_refused() {
    let mut puppet = platform(2);
    let mut honest = greet(&mut puppet, advertiser()).unwrap();
    let hello = Frame::Hello(puppet.hello.clone());
    assert_eq!(blamed(honest.hear(hello)), PeerFault::Unexpected(0x01));
}

#[test]
fn a_second_commitment_is_refused() {
    let mut puppet = platform(2);
    let mut honest = greet(&mut puppet, advertiser()).unwrap();
    honest.hear(Frame::Commitment(puppet.commitment())).unwrap();
    let again = honest.hear(Frame::Commitment(puppet.commitment()));
    assert_eq!(blamed(again), PeerFault::Unexpected(0x10));
}

/// A mirror: it copies our commitment, then our list, then our tags. Were it let, everything would
/// seem to match, and it would need no list at all.
#[test]
fn a_mirror_is_refused() {
    for reveal in [Reveal::Both, Reveal::Count] {
        let mut puppet = Puppet::new(Party::Platform, reveal, &addresses(0..10));
        let session = honest(Party::Advertiser, reveal, 0, &addresses(0..10));
        let mut honest = greet(&mut puppet, session).unwrap();
        let Some(Frame::Commitment(theirs)) = honest.take().pop() else { panic!("no commitment") };
        honest.hear(Frame::Commitment(theirs)).unwrap();
        let mirrored = Frame::Points(honest.take_points());
        assert_eq!(blamed(honest.hear(mirrored)), PeerFault::BrokenCommitment("list"));
    }
}

// --- The handshake ------------------------------------------------------------------------------

/// What an honest advertiser says to a hello.
fn greeted_with(change: impl FnOnce(&mut Hello)) -> Result<Honest, Error> {
    let mut puppet = platform(3);
    change(&mut puppet.hello);
    greet(&mut puppet, honest(Party::Advertiser, Reveal::Advertiser, 7, &addresses(0..10)))
}

/// Both values are named, to the caller and to the peer.
fn assert_differs(attack: Result<Honest, Error>, field: &str, ours: &str, theirs: &str) {
    let error = attack.err().expect("a difference");
    let Error::Incompatible { field: f, ours: o, theirs: t } = &error else { panic!("{error:?}") };
    assert_eq!((*f, o.as_str(), t.as_str()), (field, ours, theirs));
    let words = Honest::last_words(&error).expect("the peer is told");
    assert!([field, ours, theirs].iter().all(|text| words.contains(text)), "{words}");
}

#[test]
fn every_difference_is_named_with_both_values() {
    let attack = greeted_with(|hello| hello.ciphersuite = "P256-SHA256".into());
    assert_differs(attack, "ciphersuite", "ristretto255-SHA512", "P256-SHA256");
    let attack = greeted_with(|hello| hello.protocol = "kkrt".into());
    assert_differs(attack, "protocol", "dh", "kkrt");
    let ours = common::list::<&str>(&[]).profile().to_string();
    let attack = greeted_with(|hello| hello.profile = "other/9".into());
    assert_differs(attack, "profile", &ours, "other/9");
    let ours = common::hex(&common::list::<&str>(&[]).profile().digest()[..8]);
    let attack = greeted_with(|hello| hello.profile_digest = [0xab; 32]);
    assert_differs(attack, "profile rules", &ours, "abababababababab");
    let attack = greeted_with(|hello| hello.purpose = "FraudPreventionAndDetection".into());
    assert_differs(attack, "purpose", "TargetedAdvertising", "FraudPreventionAndDetection");
    let attack = greeted_with(|hello| hello.reveal = 4);
    assert_differs(attack, "reveal", "advertiser", "count");
    let attack = greeted_with(|hello| hello.reveal = 99);
    assert_differs(attack, "reveal", "advertiser", "unknown to this build");
    let attack = greeted_with(|hello| hello.min_audience = Some(0));
    assert_differs(attack, "minimum audience", "7", "0");
    let attack = greeted_with(|hello| hello.elements = 50_001);
    assert_differs(attack, "list size", "at most 50000", "50001");
    let attack = greeted_with(|hello| hello.elements = u64::MAX);
    assert_differs(attack, "list size", "at most 50000", "18446744073709551615");
    let attack = greeted_with(|hello| hello.max_elements = 9);
    assert_differs(attack, "list size", "10", "at most 9");
}

#[test]
fn two_of_one_party_are_told_so() {
    let error = greeted_with(|hello| hello.party = 1).err().unwrap();
    let Error::Incompatible { field: "role", ours, .. } = &error else { panic!("{error:?}") };
    assert_eq!(ours, "advertiser");
    let fault = blamed(greeted_with(|hello| hello.party = 3));
    assert_eq!(fault, PeerFault::Malformed("hello"));
}

/// Each side hears of the difference by itself, over a real link, whoever notices first.
#[test]
fn both_sides_learn_of_a_difference() {
    let mut settings = common::settings(Reveal::Both, 0);
    settings[1].reveal = Reveal::Count;
    let lists = [common::list(&["a"]), common::list(&["b"])];
    let ends = common::drive_both(common::sessions(settings, lists.each_ref()), common::timing());
    for (end, values) in ends.into_iter().zip([["both", "count"], ["count", "both"]]) {
        let error = end.unwrap_err();
        let Error::Incompatible { field: "reveal", ours, theirs } = error else {
            panic!("{error:?}")
        };
        assert_eq!([ours.as_str(), theirs.as_str()], values);
    }
}

#[test]
fn hostile_text_in_a_hello_is_made_printable() {
    let attack = greeted_with(|hello| hello.purpose = "\u{1b}[2J\r\nroot\0".repeat(20));
    let error = attack.err().unwrap();
    assert!(!error.to_string().chars().any(char::is_control), "{error}");
    assert!(error.to_string().len() < 400, "{error}");
    let words = Honest::last_words(&error).unwrap();
    assert!(!words.chars().any(char::is_control), "{words}");
}

#[test]
fn hostile_text_in_an_attestation_is_made_printable() {
    let mut puppet = platform(3);
    puppet.hello.attestation = "\u{1b}[2J\u{7}notice 7".into();
    let honest = greet(&mut puppet, advertiser()).unwrap();
    let terms = honest.session.terms().unwrap();
    assert_eq!(terms.their_attestation.as_deref(), Some("?[2J?notice 7"));
}

#[test]
fn oversized_texts_in_a_hello_are_refused() {
    let fault = blamed(greeted_with(|hello| hello.purpose = "p".repeat(257)));
    assert_eq!(fault, PeerFault::Malformed("hello"));
    let fault = blamed(greeted_with(|hello| hello.attestation = "n".repeat(4097)));
    assert_eq!(fault, PeerFault::Malformed("hello"));
    let fault = blamed(greeted_with(|hello| hello.attestation = "n".repeat(20_000)));
    assert_eq!(fault, PeerFault::NotBlindmatch); // longer than any hello
}

#[test]
fn a_caller_cannot_ask_for_what_the_wire_cannot_say() {
    let attempt = |change: fn(&mut Settings)| {
        let mut settings = Settings::new(Party::Platform);
        change(&mut settings);
        Session::new(settings, common::list(&["a"])).err()
    };
    let misuse = attempt(|settings| settings.min_audience = Some(u64::MAX));
    assert!(matches!(misuse, Some(Error::Misuse(_))));
    let misuse = attempt(|settings| settings.max_elements = 1 << 32);
    assert!(matches!(misuse, Some(Error::Misuse(_))));
    assert!(attempt(|settings| settings.min_audience = Some(u64::MAX - 1)).is_none());
}

// --- Frames in the wrong place ------------------------------------------------------------------

#[test]
fn frames_before_their_time_are_refused() {
    let frames = [
        (Frame::Points(vec![Encoding([1; 32])]), 0x11),
        (Frame::Tags(vec![0; 6]), 0x12),
        (Frame::Released, 0x13),
        (Frame::Withheld, 0x14),
        (Frame::Finished, 0x04),
    ];
    for (frame, type_byte) in frames {
        let mut puppet = platform(2);
        let mut honest = greet(&mut puppet, advertiser()).unwrap();
        assert_eq!(blamed(honest.hear(frame.clone())), PeerFault::Unexpected(type_byte));

        let mut honest = greet(&mut puppet, advertiser()).unwrap();
        honest.hear(Frame::Commitment(puppet.commitment())).unwrap();
        if type_byte != 0x11 {
            assert_eq!(blamed(honest.hear(frame)), PeerFault::Unexpected(type_byte));
        }
    }
}

#[test]
fn anything_but_a_hello_or_an_abort_first_is_not_blindmatch() {
    for frame in [Frame::KeepAlive, Frame::Finished, Frame::Tags(vec![1]), Frame::Released] {
        let mut honest = Honest::new(advertiser());
        assert_eq!(blamed(honest.hear(frame)), PeerFault::NotBlindmatch);
    }
}

#[test]
fn an_oversized_frame_is_refused_by_its_length_alone() {
    let mut puppet = platform(2);
    for claim in [MAX_FRAME as u32 + 1, u32::MAX, 0] {
        let mut honest = greet(&mut puppet, advertiser()).unwrap();
        let fault = blamed(honest.hear_bytes(&[&claim.to_le_bytes()[..], &[0x11]].concat()));
        assert_eq!(fault, PeerFault::BadLength { frame: "points", length: claim as usize });
    }
}

#[test]
fn a_truncated_frame_and_a_hang_up() {
    let mut puppet = platform(2);
    let mut honest = greet(&mut puppet, advertiser()).unwrap();
    let bytes = Frame::Commitment(puppet.commitment()).encode();
    honest.hear_bytes(&bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(blamed(honest.session.hung_up()), PeerFault::HungUp("blind"));
}

#[test]
fn an_abort_is_passed_on_without_its_control_characters() {
    let mut puppet = platform(2);
    let mut honest = greet(&mut puppet, advertiser()).unwrap();
    let fault = blamed(honest.hear(Frame::Abort("\u{1b}]0;x\u{7} out\nof order".into())));
    assert_eq!(fault, PeerFault::Aborted("?]0;x? out?of order".into()));
}

#[test]
fn a_long_abort_is_malformed() {
    let mut puppet = platform(2);
    let mut honest = greet(&mut puppet, advertiser()).unwrap();
    let fault = blamed(honest.hear(Frame::Abort("x".repeat(10_000))));
    assert_eq!(fault, PeerFault::Malformed("abort"));
}

#[test]
fn an_abort_that_came_before_the_hang_up_is_heard() {
    let mut puppet = platform(2);
    let mut honest = greet(&mut puppet, advertiser()).unwrap();
    honest.session.receive(&Frame::Abort("no more".into()).encode());
    assert_eq!(blamed(honest.session.hung_up()), PeerFault::Aborted("no more".into()));
}

#[test]
fn an_answer_to_an_abort_is_never_sent() {
    for fault in [PeerFault::Aborted("x".into()), PeerFault::HungUp("blind")] {
        assert!(Honest::last_words(&fault.into()).is_none());
    }
}

#[test]
fn the_peer_is_told_nothing_of_local_trouble() {
    let io = Error::io("reading /home/ann/customers.csv")(std::io::Error::other("disk 7 is full"));
    let misuse = Error::Misuse("/home/ann".into());
    let consent = Error::Consent("customers.csv has no consent columns".into());
    for error in [io, misuse, consent] {
        assert_eq!(Honest::last_words(&error).unwrap(), "internal error");
    }
}

// --- Tags ---------------------------------------------------------------------------------------

/// An honest advertiser that waits for tags, the puppet and the advertiser's points.
fn before_tags(reveal: Reveal, least: u64) -> (Honest, Puppet, Vec<Encoding>) {
    let session = honest(Party::Advertiser, reveal, least, &addresses(0..10));
    let mut puppet = Puppet::new(Party::Platform, reveal, &addresses(5..12));
    let (honest, points) = exchange(&mut puppet, session).unwrap();
    (honest, puppet, points)
}

#[test]
fn too_many_tags_are_refused() {
    let (mut honest, puppet, points) = before_tags(Reveal::Advertiser, 0);
    let mut tags = puppet.tags(&points).concat();
    tags.extend(vec![0; puppet.tag_length()]);
    let expected = PeerFault::WrongCount { what: "tags", got: 11, expected: 10 };
    assert_eq!(blamed(honest.hear(Frame::Tags(tags))), expected);
}

#[test]
fn too_few_tags_and_the_last_word_are_refused() {
    let (mut honest, puppet, points) = before_tags(Reveal::Advertiser, 0);
    let tags = puppet.tags(&points[..9]).concat();
    honest.hear(Frame::Tags(tags)).unwrap();
    assert!(!honest.done);
    honest.hear(Frame::Finished).unwrap(); // no more can come now
    let one = Frame::Tags(vec![0; puppet.tag_length()]);
    assert_eq!(blamed(honest.hear(one)), PeerFault::Unexpected(0x12));
}

#[test]
fn too_few_tags_and_a_hang_up_are_refused() {
    let (mut honest, puppet, points) = before_tags(Reveal::Advertiser, 0);
    honest.hear(Frame::Tags(puppet.tags(&points[..9]).concat())).unwrap();
    assert_eq!(blamed(honest.session.hung_up()), PeerFault::HungUp("compare"));
}

#[test]
fn tags_of_another_length_are_refused() {
    let (mut honest, puppet, points) = before_tags(Reveal::Advertiser, 0);
    let tags = puppet.tags(&points).concat();
    let length = tags.len() - 1;
    let expected = PeerFault::BadLength { frame: "tags", length };
    assert_eq!(blamed(honest.hear(Frame::Tags(tags[..length].to_vec()))), expected);
}

#[test]
fn tags_that_are_not_due_are_refused() {
    let (mut honest, puppet, points) = before_tags(Reveal::Platform, 0);
    let tags = Frame::Tags(puppet.tags(&points).concat());
    assert_eq!(blamed(honest.hear(tags)), PeerFault::Unexpected(0x12));
}

#[test]
fn unsorted_tags_are_refused_where_positions_are_to_be_lost() {
    let (mut honest, puppet, points) = before_tags(Reveal::Count, 0);
    let mut tags = puppet.tags(&points);
    tags.sort_unstable();
    tags.swap(3, 4);
    let fault = blamed(honest.hear(Frame::Tags(tags.concat())));
    assert_eq!(fault, PeerFault::Malformed("tags"));
}

#[test]
fn tags_other_than_those_counted_are_refused() {
    let session = honest(Party::Platform, Reveal::Both, 2, &addresses(0..10));
    let mut puppet = Puppet::new(Party::Advertiser, Reveal::Both, &addresses(5..12));
    let (mut honest, points) = exchange(&mut puppet, session).unwrap();
    let in_order = puppet.tags(&points);
    let mut sorted = in_order.clone();
    sorted.sort_unstable();
    honest.hear(Frame::Tags(sorted.concat())).unwrap();
    assert!(honest.take().contains(&Frame::Released));
    let mut other = in_order.clone();
    other[2] = other[3].clone();
    let fault = blamed(honest.hear(Frame::Tags(other.concat())));
    assert_eq!(fault, PeerFault::BrokenCommitment("run of tags"));
}

/// The advertiser sees too few matches where the platform said that there were enough.
#[test]
fn a_release_below_the_minimum_audience_is_refused() {
    for reveal in [Reveal::Advertiser, Reveal::Both, Reveal::Count] {
        let (mut honest, puppet, points) = before_tags(reveal, 6); // five match
        honest.hear(Frame::Released).unwrap();
        let mut tags = puppet.tags(&points);
        if reveal == Reveal::Count {
            tags.sort_unstable();
        }
        let fault = blamed(honest.hear(Frame::Tags(tags.concat())));
        assert_eq!(fault, PeerFault::Unexpected(0x13), "{reveal}");
        assert!(honest.session.outcome().is_err());
    }
}

#[test]
fn tags_after_withheld_are_refused_and_nothing_is_learnt() {
    let (mut honest, puppet, points) = before_tags(Reveal::Advertiser, 3);
    honest.hear(Frame::Withheld).unwrap();
    let tags = Frame::Tags(puppet.tags(&points).concat());
    assert_eq!(blamed(honest.hear(tags)), PeerFault::Unexpected(0x12));
}

#[test]
fn withheld_means_that_nothing_is_learnt() {
    let (mut honest, ..) = before_tags(Reveal::Count, 3);
    honest.hear(Frame::Withheld).unwrap();
    honest.hear(Frame::Finished).unwrap();
    let answer = honest.outcome().answer;
    assert!(answer.withheld && answer.count.is_none() && answer.matched.is_none());
}

#[test]
fn a_decision_by_the_side_that_does_not_count_is_refused() {
    for decision in [Frame::Released, Frame::Withheld] {
        let session = honest(Party::Platform, Reveal::Advertiser, 2, &addresses(0..10));
        let mut puppet = Puppet::new(Party::Advertiser, Reveal::Advertiser, &addresses(5..12));
        let (mut honest, points) = exchange(&mut puppet, session).unwrap();
        honest.hear(decision.clone()).unwrap(); // held until a word is due
        let mut tags = puppet.tags(&points);
        tags.sort_unstable();
        let fault = blamed(honest.hear(Frame::Tags(tags.concat())));
        assert_eq!(fault, PeerFault::Unexpected(0x12));
    }
}

/// One match, repeated, is no audience.
#[test]
fn a_repeated_tag_counts_once() {
    let session = honest(Party::Platform, Reveal::Advertiser, 5, &addresses(0..10));
    let mut puppet = Puppet::new(Party::Advertiser, Reveal::Advertiser, &addresses(0..10));
    let (mut honest, points) = exchange(&mut puppet, session).unwrap();
    let tags = puppet.tags(&points)[..1].concat().repeat(10);
    honest.hear(Frame::Tags(tags)).unwrap();
    assert_eq!(honest.take(), [Frame::Withheld, Frame::Finished]);
}

// --- Counting -----------------------------------------------------------------------------------

/// All that an honest-but-curious advertiser can put together with `count`: its key, its list in the
/// order of its points, the platform's points and the platform's sorted run of tags. Its own tags of
/// the platform's points tell it which *points* of the platform match, in an order that is as random
/// as the platform's key; of its own elements it only has a sorted run under a key it lacks.
///
/// Over many sessions the place of an element in the run must not depend on its place in the list.
#[test]
fn positions_are_lost_where_only_a_count_is_due() {
    for (reveal, least) in [(Reveal::Count, 0), (Reveal::Advertiser, 100)] {
        let values = addresses(0..8);
        let mut hits = [0; 8];
        for _ in 0..400 {
            // One match, which the attacker seeks by its place.
            let (party, other) = match reveal {
                Reveal::Count => (Party::Advertiser, Party::Platform),
                _ => (Party::Platform, Party::Advertiser), // sends its run first
            };
            let mut puppet = Puppet::new(party, reveal, &values);
            let session = honest(other, reveal, least, &values[3..4]);
            let (mut honest, points) = exchange(&mut puppet, session).unwrap();
            let run = honest.take_tags(puppet.tag_length());
            if reveal == Reveal::Advertiser {
                assert!(run.is_sorted());
            }
            let ours = puppet.tags(&points);
            let Some(place) = run.iter().position(|tag| ours.contains(tag)) else {
                panic!("one matches")
            };
            assert!(run.is_sorted(), "positions are lost");
            hits[place] += 1;
        }
        // Uniform: 50 each, and below 15 or above 105 less often than once in 10^6 runs.
        assert!(hits.iter().all(|hits| (15..105).contains(hits)), "{hits:?}");
    }
}

/// What was recorded of one session opens nothing in another: keys and tags are fresh.
#[test]
fn a_recorded_session_cannot_be_replayed() {
    let lists = [common::list(&addresses(0..10)), common::list(&addresses(5..12))];
    let sides = || common::sessions(common::settings(Reveal::Both, 0), lists.each_ref());
    let (_, [_, recorded]) = common::pump(sides(), None).unwrap();
    let [advertiser, _] = sides();
    let mut honest = Honest::new(advertiser);
    let fault = blamed(honest.hear_bytes(&recorded));
    assert_eq!(fault, PeerFault::BrokenCommitment("session"));
}

#[test]
fn two_sessions_over_the_same_lists_have_nothing_in_common() {
    let lists = [common::list(&addresses(0..30)), common::list(&addresses(0..30))];
    let sides = || common::sessions(common::settings(Reveal::Both, 5), lists.each_ref());
    let [first, second] = [(); 2].map(|()| common::pump(sides(), None).unwrap().1.concat());
    assert!(pieces(&first).is_disjoint(&pieces(&second)));
    assert_eq!(pieces(&first).len(), 60 + 30); // and within one, a tag under both keys is one tag
}

/// Every point and every tag of a session between lists of 30 that match.
fn pieces(traffic: &[u8]) -> HashSet<Vec<u8>> {
    let mut decoder = Decoder::default();
    decoder.push(traffic);
    let mut pieces = HashSet::new();
    while let Some(frame) = decoder.next_frame().unwrap() {
        match frame {
            Frame::Points(points) => pieces.extend(points.iter().map(|point| point.0.to_vec())),
            Frame::Tags(tags) => pieces.extend(tags.chunks(7).map(<[u8]>::to_vec)),
            _ => {}
        }
    }
    pieces
}

// --- Limits of the protocol ---------------------------------------------------------------------

/// `protocol::dh`, "Use several keys": the positions that `count` hides are open to a side that
/// blinds an element of its choice with a second key.
#[test]
fn undetected_by_design_a_second_key_tells_one_element_under_count() {
    for (sought, is_member) in [(address(7), true), (address(99), false)] {
        let second = Scalar::from(0xdead_beef_u64);
        let mut puppet = Puppet::new(Party::Platform, Reveal::Count, &addresses(20..24));
        puppet.points.push(Encoding((hash_to_group(&sought) * second).compress().0));
        puppet.points.sort_unstable();
        puppet.hello.elements += 1;
        let session = honest(Party::Advertiser, Reveal::Count, 0, &addresses(0..10));
        let (mut honest, points) = exchange(&mut puppet, session).unwrap();
        let run: HashSet<Vec<u8>> = honest.take_tags(puppet.tag_length()).into_iter().collect();
        let theirs = points.iter().map(|point| puppet.tag(&(decode(point) * second)));
        let found = theirs.filter(|tag| run.contains(tag)).count() == 1;
        assert_eq!(found, is_member, "{sought}");

        let mut tags = puppet.tags(&points); // consistent: the honest side counts as it should
        tags.sort_unstable();
        honest.hear(Frame::Tags(tags.concat())).unwrap();
        honest.hear(Frame::Finished).unwrap();
        assert_eq!(honest.outcome().answer.count, Some(0));
    }
}

/// `protocol::dh`, "Fabricate points": multiples of one identifier that the other side holds become
/// an audience. The attacker does not know which of the other's points is that identifier and has to
/// guess, so it needs a few sessions.
#[test]
fn undetected_by_design_multiples_of_one_point_make_an_audience() {
    let released = (0..400).any(|_| {
        let multiples: Vec<Scalar> = (2..8u64).map(Scalar::from).collect();
        let known = hash_to_group(&address(3));
        let mut puppet = Puppet::new(Party::Advertiser, Reveal::Advertiser, &[]);
        let encode = |multiple: &Scalar| Encoding((known * puppet.key * multiple).compress().0);
        puppet.points = multiples.iter().map(encode).collect();
        puppet.points.sort_unstable();
        puppet.hello.elements = 6;
        let session = honest(Party::Platform, Reveal::Advertiser, 6, &addresses(0..6));
        let (mut honest, points) = exchange(&mut puppet, session).unwrap();
        let guess: RistrettoPoint = decode(&points[0]) * puppet.key;
        let mut tags: Vec<_> = multiples.iter().map(|m| puppet.tag(&(guess * m))).collect();
        tags.sort_unstable();
        honest.hear(Frame::Tags(tags.concat())).unwrap();
        honest.take().contains(&Frame::Released)
    });
    assert!(released);
}

/// `protocol::dh`, "Lie about the count": the side that counts first may say that there are too few.
#[test]
fn undetected_by_design_a_lying_counter_withholds() {
    let (mut honest, ..) = before_tags(Reveal::Advertiser, 3); // five match
    honest.hear(Frame::Withheld).unwrap();
    honest.hear(Frame::Finished).unwrap();
    assert!(honest.outcome().answer.withheld);
}

/// `protocol::dh`, "Send other tags": the same tags in another order make others match.
#[test]
fn undetected_by_design_tags_may_be_exchanged() {
    let misled = (0..20).any(|_| {
        let (mut honest, puppet, points) = before_tags(Reveal::Advertiser, 0);
        let mut tags = puppet.tags(&points);
        tags.reverse();
        honest.hear(Frame::Tags(tags.concat())).unwrap();
        honest.hear(Frame::Finished).unwrap();
        let answer = honest.outcome().answer;
        assert_eq!(answer.count, Some(5));
        answer.matched != true_matches()
    });
    assert!(misled);
}

/// What the test lists' advertiser would learn from an honest platform.
fn true_matches() -> Option<Vec<u32>> {
    let (mut honest, puppet, points) = before_tags(Reveal::Advertiser, 0);
    honest.hear(Frame::Tags(puppet.tags(&points).concat())).unwrap();
    honest.hear(Frame::Finished).unwrap();
    honest.outcome().answer.matched
}
