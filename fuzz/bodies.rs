//! What the fuzz targets do with their input. The stable test `fuzz_smoke` runs the same bodies.
//!
//! A body panics where something is wrong. To add one: write it here, give it a file of four lines
//! in `fuzz_targets/` and an entry in `Cargo.toml`, and name it in [`BODIES`].
#![allow(dead_code)]

#[path = "../tests/common/mod.rs"]
pub mod common;
pub mod group;

use std::cell::LazyCell;
use std::io::Write;
use std::sync::Arc;

use blindmatch::ConsentedList;
use blindmatch::consent::{Policy, Purpose, Suppression};
use blindmatch::error::{Error, Result};
use blindmatch::group::{Backend, Encoding, Engine, Parallelism};
use blindmatch::identifier::{Identifier, Kind, Profile, Region};
use blindmatch::key::PublicKey;
use blindmatch::list::{self, Options, People, Source};
use blindmatch::prepare::SetFile;
use blindmatch::proof::{BatchProof, KeyProof, Transcript};
use blindmatch::protocol::{Input, Party, ProtocolName, Reveal, Unit};
use blindmatch::rfc9497;
use blindmatch::session::{Session, Settings};
use blindmatch::set::{CompressedSet, Output, SetParameters, SetReader, Sink};
use blindmatch::wire::{Decoder, Frame, MAX_FRAME};
use common::puppet::{Honest, Puppet, decode};

pub use group::points;

/// A target by its name.
pub type Body = (&'static str, fn(&[u8]));

/// Every target.
pub const BODIES: [Body; 7] = [
    ("frames", frames),
    ("points", points),
    ("session", session),
    ("csv_rows", csv_rows),
    ("identifiers", identifiers),
    ("sets", sets),
    ("proofs", proofs),
];

/// The frame decoder, fed in pieces: what it takes encodes to the same bytes again, and it holds no
/// more than one frame.
pub fn frames(data: &[u8]) {
    let Some((&piece, stream)) = data.split_first() else { return };
    let mut decoder = Decoder::default();
    let mut taken = Vec::new();
    for bytes in stream.chunks(usize::from(piece).max(1)) {
        decoder.push(bytes);
        loop {
            match decoder.next_frame() {
                Ok(Some(Frame::Abort(_))) => return, // made printable: other bytes
                Ok(Some(frame)) => taken.extend(frame.encode()),
                Ok(None) => break,
                Err(error) => return check_fault(&error),
            }
        }
        assert!(decoder.held() < 4 + MAX_FRAME);
    }
    assert_eq!(taken, stream[..stream.len() - decoder.held()]);
}

/// A hostile peer against an honest session.
///
/// The first byte chooses what was agreed on; each further one a message of a peer that knows the
/// protocol, or one that does not: so that the fuzzer gets behind the handshake, and there can do
/// anything in any order.
pub fn session(data: &[u8]) {
    let Some((&terms, script)) = data.split_first() else { return };
    let mut play = Play::new(terms);
    let end = play.act(script);
    let Play { honest, reveal, party, .. } = play;
    match end {
        Err(error) => {
            check_fault(&error);
            Honest::last_words(&error);
        }
        Ok(()) if honest.done => {
            // A total that cannot be is told nobody but us.
            let Ok(outcome) = honest.session.outcome() else { return };
            let answer = outcome.answer;
            assert!(answer.matched.is_none() || reveal.gives_matches_to(party));
            assert!(!answer.withheld || answer.matched.is_none());
        }
        Ok(()) => assert!(honest.session.unread() < 4 + MAX_FRAME),
    }
}

/// A list, after a header that the first byte chooses or that is the input's own: whatever stands in
/// it, reading ends well or says what is wrong with the list, and the counts add up.
pub fn csv_rows(data: &[u8]) {
    const HEADERS: [&str; 5] = [
        "",
        "email,phone,collected_for,purposes,consented_at,withdrawn_at,opt_out,notice\n",
        "kind;value;purposes;expires_at;gpc\n",
        "email_sha256,phone_sha256,ad_user_data,ad_personalization,other\n",
        "email\ttcf\tgpp\tphone_collected_for\n",
    ];
    let Some((&choice, rows)) = data.split_first() else { return };
    let header = HEADERS[usize::from(choice) % HEADERS.len()];
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&[header.as_bytes(), rows].concat()).expect("room for it");
    let options = Options {
        strict: choice & 0x40 != 0,
        region: (choice & 0x20 != 0).then(|| Region::parse("DE").expect("a region")),
        max_record: 1 << 10,
        ..Options::default()
    };
    let source = Source::open(file.path(), options).expect("it is there");
    let policy = Policy::new(Purpose::TARGETED_ADVERTISING, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let attested = policy.clone().with_attestation("notice 7").unwrap();
    let policy = if choice & 0x80 == 0 { policy } else { attested };
    match list::admit(&source, policy, Suppression::default(), &mut ()) {
        Ok(admitted) => {
            let (list, tally) = (&admitted.list, admitted.list.tally());
            assert!(tally.is_complete());
            let occurrences: usize = (0..list.len()).map(|i| list.occurrences(i).len()).sum();
            assert_eq!(occurrences as u64, tally.admitted);
        }
        Err(Error::Input(_) | Error::Consent(_)) => {}
        Err(error) => panic!("not the list's fault: {error:?}"),
    }
}

/// One field of a list under every profile: normalising is a projection, and a digest that was
/// computed at the source matches the plain value.
pub fn identifiers(data: &[u8]) {
    let Some((&choice, raw)) = data.split_first() else { return };
    let region = (choice & 2 != 0).then(|| Region::parse("US").expect("a region"));
    let kind = Kind::ALL[usize::from(choice & 1)];
    for profile in Profile::ALL {
        let _ = Identifier::from_hashed(kind, raw);
        let identified = profile.identify(kind, raw, region);
        let Ok(text) = profile.normalise(kind, raw, region) else { continue };
        assert!(identified.is_ok());
        // Without the region: a result has its country, and Meta's, which has no `+`, would be
        // taken for a national number.
        let again = profile.normalise(kind, text.as_bytes(), None);
        assert_eq!(again.as_deref().map(String::as_str), Ok(text.as_str()));
    }
}

/// A compressed set from a peer, or the file of one (0xff): what is taken has strictly increasing
/// elements and encodes to the same bytes again.
pub fn sets(data: &[u8]) {
    struct Collect<'a>(&'a mut Vec<u128>);
    impl Sink for Collect<'_> {
        fn element(&mut self, value: u128) {
            self.0.push(value);
        }
    }
    let Some((&choice, rest)) = data.split_first() else { return };
    if choice == 0xff {
        match SetFile::read(rest, "fuzz.set") {
            Ok(file) => {
                let mut again = Vec::new();
                file.write(&mut again).expect("room for it");
                assert_eq!(again, rest);
            }
            Err(Error::Input(problem)) => assert!(problem.to_string().starts_with("fuzz.set: ")),
            Err(error) => panic!("not the file's fault: {error:?}"),
        }
        return;
    }
    let (elements, queries) = (u64::from(choice & 0x3f), 1 + u64::from(choice >> 6));
    let parameters = SetParameters::new(elements, queries).expect("small");
    let mut values = Vec::new();
    let mut reader = SetReader::new(parameters, [0; 32], Collect(&mut values));
    match reader.push(rest) {
        Ok(()) => {
            assert!(reader.is_complete() && reader.finish().is_err());
            assert!(values.len() as u64 == elements && values.is_sorted_by(|a, b| a < b));
            let outputs =
                values.iter().map(|value| Output(value << (128 - parameters.value_bits())));
            let again = CompressedSet::new(outputs.collect(), queries).expect("as it came");
            assert_eq!(again.block(0), rest);
        }
        Err(fault) => assert_eq!(reader.finish().err(), Some(fault)),
    }
}

/// A proof, then elements of which one half is said to be made from the other: what is read back is
/// what was there, and nothing that is made up holds.
pub fn proofs(data: &[u8]) {
    let Some((proof, elements)) = data.split_first_chunk::<64>() else { return };
    let elements: Vec<Encoding> =
        elements.as_chunks().0.iter().take(40).copied().map(Encoding).collect();
    let (inputs, outputs) = elements.split_at(elements.len() / 2);
    let public = PublicKey(elements.first().copied().unwrap_or(Encoding::GENERATOR));
    if let Ok(proof) = KeyProof::from_bytes(proof) {
        assert!(proof.verify(&public, &[0; 32]).is_err());
    }
    if let Ok(read) = BatchProof::from_bytes(proof) {
        assert_eq!(read.to_bytes(), *proof);
        let generator = PublicKey(Encoding::GENERATOR);
        for public in [public, generator] {
            let Ok(mut transcript) = Transcript::new(&[0; 32], &public) else { continue };
            let before = *transcript.state();
            let engine = Engine::new(Backend::portable(), Parallelism::Serial);
            assert!(transcript.check(&engine, inputs, outputs, &read).is_err());
            assert_eq!(*transcript.state(), before);
        }
    }
    let (Ok(proof), Ok(public)) =
        (rfc9497::Proof::from_bytes(proof), rfc9497::PublicKey::from_encoding(public.0))
    else {
        return;
    };
    let blinded: Vec<_> = inputs.iter().copied().map(rfc9497::BlindedElement).collect();
    let evaluated: Vec<_> = outputs.iter().copied().map(rfc9497::EvaluatedElement).collect();
    assert!(proof.verify(&public, &blinded, &evaluated).is_err());
}

/// A peer can only be at fault, or want something else; and no text of the error is unprintable.
fn check_fault(error: &Error) {
    assert!(matches!(error, Error::Peer(_) | Error::Incompatible { .. }), "{error:?}");
    assert!(!error.to_string().chars().any(char::is_control));
}

/// One run of the `session` target.
struct Play {
    honest: Honest,
    puppet: Puppet,
    reveal: Reveal,
    party: Party,
    /// The honest side's points, once they came.
    points: Vec<Encoding>,
    sent: usize,
}

thread_local! {
    /// Three values of two people; the peer has one of each.
    static LIST: LazyCell<(Arc<ConsentedList>, Arc<People>)> =
        const { LazyCell::new(|| common::people([&["a@", "b@"][..], &["c@"]])) };
}

impl Play {
    fn new(terms: u8) -> Play {
        let reveal = Reveal::ALL[usize::from(terms & 3)];
        let party = if terms & 4 == 0 { Party::Advertiser } else { Party::Platform };
        let least = (terms & 8 != 0).then_some(u64::from(terms >> 4 & 7));
        let mut settings = Settings::new(party);
        if terms & 0x80 != 0 && ProtocolName::Dh.can_count_people(reveal, 0) {
            settings.unit = Unit::People;
        }
        let counts = settings.unit == Unit::People && reveal.gives_matches_to(party);
        let (list, people) = LIST.with(|list| (Arc::clone(&list.0), Arc::clone(&list.1)));
        let input = if counts { Input::with_people(list, people) } else { list.into() };
        (settings.reveal, settings.min_audience, settings.max_elements) = (reveal, least, 5);
        settings.engine = Engine::new(Backend::portable(), Parallelism::Serial);
        let rng = common::Seeded::new("fuzz");
        let session = Session::with_rng(settings, input, rng).unwrap();
        let values = ["b@", "c@", "d@", "e@"].map(String::from);
        let mut puppet = Puppet::new(party.peer(), reveal, &values);
        let mut honest = Honest::new(session);
        honest.hear_bytes(&[]).expect("a hello of our own");
        let Some(Frame::Hello(hello)) = honest.said.pop() else { panic!("no hello") };
        puppet.hello.parameters = hello.parameters.clone();
        puppet.theirs = Some(hello);
        Play { honest, puppet, reveal, party, points: Vec::new(), sent: 0 }
    }

    fn act(&mut self, mut script: &[u8]) -> Result<()> {
        while let Some((&act, rest)) = script.split_first() {
            let (frame, rest) = self.message(act, rest);
            script = rest;
            let mut bytes = frame.map_or_else(Vec::new, |frame| frame.encode());
            if act & 0x80 != 0 {
                let (at, change) = (script.first().copied(), script.get(1).copied());
                let at = usize::from(at.unwrap_or(0)) % bytes.len().max(1);
                bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= change.unwrap_or(1));
                script = script.get(2..).unwrap_or_default();
            }
            if act & 0x0f == 0x0e {
                let length = script.len().min(usize::from(act >> 4) * 8);
                bytes = script[..length].to_vec();
                script = &script[length..];
            }
            self.send(&bytes)?;
        }
        Ok(())
    }

    /// Sends in two pieces, and takes note of the points that come back.
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let (first, second) = bytes.split_at(bytes.len() / 2);
        for piece in [first, second] {
            self.honest.hear_bytes(piece)?;
            for frame in self.honest.take() {
                if let Frame::Points(points) = frame {
                    self.points.extend(points);
                }
            }
        }
        Ok(())
    }

    /// The message that an act stands for.
    fn message<'a>(&mut self, act: u8, rest: &'a [u8]) -> (Option<Frame>, &'a [u8]) {
        let puppet = &self.puppet;
        let frame = match act & 0x0f {
            0 => Frame::Hello(puppet.hello.clone()),
            1 => Frame::Commitment(puppet.commitment()),
            2 => {
                let run = puppet.points.iter().skip(self.sent).take(1 + usize::from(act >> 4 & 7));
                let run: Vec<Encoding> = run.copied().collect();
                self.sent += run.len();
                Frame::Points(run)
            }
            3 | 4 => {
                let mut tags = puppet.tags(&self.points);
                if act & 0x0f == 4 {
                    tags.sort_unstable();
                }
                Frame::Tags(tags.concat())
            }
            5 => Frame::Released,
            6 => Frame::Withheld,
            7 => Frame::Finished,
            8 => Frame::KeepAlive,
            9 => Frame::Abort(String::from_utf8_lossy(rest).into_owned()),
            10 => Frame::Points(self.points.clone()),
            11 => {
                let tags = puppet.points.iter().map(|point| puppet.tag(&decode(point)));
                Frame::Tags(tags.collect::<Vec<_>>().concat())
            }
            12 => {
                let (run, rest) = rest.split_at(rest.len().min(1 + usize::from(act >> 4 & 7)));
                return (Some(Frame::People(run.iter().copied().map(u32::from).collect())), rest);
            }
            _ => return (None, rest),
        };
        (Some(frame), rest)
    }
}
