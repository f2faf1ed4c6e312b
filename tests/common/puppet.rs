//! A peer that is played by hand: the protocol as its documentation tells it, written a second
//! time, one element after another, straight on curve25519-dalek. Every step can be done wrong.

use blindmatch::error::{Error, Result};
use blindmatch::group::Encoding;
use blindmatch::protocol::{Party, Reveal};
use blindmatch::session::{Action, Outcome, Session};
use blindmatch::wire::{Commitment, Decoder, Frame, Hello};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha256, Sha512};

/// `H`: RFC 9497's `HashToGroup` with blindmatch's domain tag, over the kind and the digest.
pub fn hash_to_group(email: &str) -> RistrettoPoint {
    const TAG: &[u8] = b"blindmatch-v1-ristretto255-SHA512";
    let message = [&[1][..], &Sha256::digest(email)].concat();
    let tag = [TAG, &[TAG.len() as u8]].concat();
    let first = Sha512::digest([&[0; 128], &message[..], &[0, 64, 0], &tag].concat());
    let uniform = Sha512::digest([&first[..], &[1], &tag].concat());
    RistrettoPoint::from_uniform_bytes(&uniform.into())
}

/// A peer under the test's control.
pub struct Puppet {
    pub hello: Hello,
    pub key: Scalar,
    /// The list as it would be sent: sorted, unless a test disorders it.
    pub points: Vec<Encoding>,
    /// The values behind `points`, where there are any.
    pub values: Vec<String>,
    pub theirs: Option<Hello>,
}

impl Puppet {
    /// A peer with a list of e-mail addresses that would behave.
    pub fn new(party: Party, reveal: Reveal, values: &[String]) -> Puppet {
        let key = Scalar::from(0x7069_6e6f_6363_6869_6f00_0000_0000_0001_u128);
        let blind = |value| Encoding((hash_to_group(value) * key).compress().0);
        let mut blinded: Vec<_> = values.iter().map(|value| (blind(value), value)).collect();
        blinded.sort_unstable();
        blinded.dedup();
        let points: Vec<_> = blinded.iter().map(|(point, _)| *point).collect();
        let values = blinded.into_iter().map(|(_, value)| value.clone()).collect();
        Puppet {
            hello: hello(party, reveal, points.len() as u64),
            key,
            points,
            values,
            theirs: None,
        }
    }

    fn party(&self) -> Party {
        if self.hello.party == 1 { Party::Advertiser } else { Party::Platform }
    }

    /// Hash of both hellos, for an empty channel binding.
    pub fn session_id(&self) -> [u8; 32] {
        let theirs = self.theirs.clone().expect("the honest side's hello");
        let (ours, theirs) = (Frame::Hello(self.hello.clone()), Frame::Hello(theirs));
        let (first, second) = match self.party() {
            Party::Advertiser => (ours, theirs),
            Party::Platform => (theirs, ours),
        };
        Sha256::new()
            .chain_update(b"blindmatch-v1 session")
            .chain_update(first.encode())
            .chain_update(second.encode())
            .chain_update(0u64.to_le_bytes())
            .finalize()
            .into()
    }

    /// What a party commits to.
    pub fn list_hash(&self, party: Party, points: &[Encoding]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"blindmatch-v1 list");
        hash.update(self.session_id());
        hash.update([party_code(party)]);
        points.iter().for_each(|point| hash.update(point.0));
        hash.finalize().into()
    }

    /// An honest commitment.
    pub fn commitment(&self) -> Commitment {
        let list = self.list_hash(self.party(), &self.points);
        Commitment { session: self.session_id(), list }
    }

    /// Bytes in a tag of this session.
    pub fn tag_length(&self) -> usize {
        let sizes = [self.hello.elements, self.theirs.as_ref().unwrap().elements];
        let pairs = sizes.map(|size| size.max(1) as f64).iter().product::<f64>();
        ((40.0 + pairs.log2().ceil()) / 8.0).ceil() as usize
    }

    /// The tag of a point.
    pub fn tag(&self, point: &RistrettoPoint) -> Vec<u8> {
        let mut domain = b"blindmatch-v1 tag".to_vec();
        domain.resize(32, 0);
        let digest = Sha256::new()
            .chain_update(domain)
            .chain_update(self.session_id())
            .chain_update(point.compress().0)
            .finalize();
        digest[..self.tag_length()].to_vec()
    }

    /// The tags of the honest side's points under our key, in their order.
    pub fn tags(&self, points: &[Encoding]) -> Vec<Vec<u8>> {
        points.iter().map(|point| self.tag(&(decode(point) * self.key))).collect()
    }
}

/// The point that an encoding from the honest side stands for.
pub fn decode(point: &Encoding) -> RistrettoPoint {
    CompressedRistretto(point.0).decompress().expect("honest sides send valid points")
}

/// A hello as an honest peer of the test lists would send it.
pub fn hello(party: Party, reveal: Reveal, elements: u64) -> Hello {
    let list = super::list::<&str>(&[]);
    Hello {
        ciphersuite: "ristretto255-SHA512".into(),
        protocol: "dh".into(),
        parameters: String::new(),
        party: party_code(party),
        profile: list.profile().to_string(),
        profile_digest: list.profile().digest(),
        purpose: list.purpose().name().into(),
        reveal: match reveal {
            Reveal::Advertiser => 1,
            Reveal::Platform => 2,
            Reveal::Both => 3,
            Reveal::Count => 4,
        },
        min_audience: None,
        elements,
        max_elements: 1 << 27,
        attestation: String::new(),
        nonce: [0x5a; 32],
    }
}

fn party_code(party: Party) -> u8 {
    match party {
        Party::Advertiser => 1,
        Party::Platform => 2,
    }
}

/// The honest side, as the puppet sees it: it sends frames, and reads those that come back.
pub struct Honest {
    pub session: Session,
    decoder: Decoder,
    /// Frames that it sent and the puppet has not looked at.
    pub said: Vec<Frame>,
    /// Whether it is done.
    pub done: bool,
}

impl Honest {
    pub fn new(session: Session) -> Honest {
        Honest { session, decoder: Decoder::default(), said: Vec::new(), done: false }
    }

    /// Sends a frame and lets the honest side work until it waits.
    pub fn hear(&mut self, frame: Frame) -> Result<()> {
        self.hear_bytes(&frame.encode())
    }

    /// The same for bytes that need not be a frame.
    pub fn hear_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.session.receive(bytes);
        loop {
            match self.session.advance(true)? {
                Action::Send(bytes) => self.decoder.push(&bytes),
                Action::Worked => {}
                Action::Wait => break,
                Action::Done => {
                    self.done = true;
                    break;
                }
            }
        }
        while let Some(frame) = self.decoder.next_frame()? {
            self.said.push(frame);
        }
        Ok(())
    }

    /// The frames said since the last call.
    pub fn take(&mut self) -> Vec<Frame> {
        std::mem::take(&mut self.said)
    }

    /// The points among the frames said since the last call.
    pub fn take_points(&mut self) -> Vec<Encoding> {
        let frames = self.take().into_iter();
        let runs = frames.filter_map(|frame| match frame {
            Frame::Points(points) => Some(points),
            _ => None,
        });
        runs.flatten().collect()
    }

    /// The tags among the frames said since the last call, each of `length` bytes.
    pub fn take_tags(&mut self, length: usize) -> Vec<Vec<u8>> {
        let frames = self.take().into_iter();
        let runs = frames.filter_map(|frame| match frame {
            Frame::Tags(tags) => Some(tags),
            _ => None,
        });
        let tags: Vec<u8> = runs.flatten().collect();
        tags.chunks(length).map(<[u8]>::to_vec).collect()
    }

    /// What it got, at the end.
    pub fn outcome(self) -> Outcome {
        assert!(self.done, "the honest side still waits");
        self.session.outcome().unwrap()
    }

    /// The abort frame that an error makes, as the peer reads it.
    pub fn last_words(error: &Error) -> Option<String> {
        let bytes = Session::abort(error)?;
        let mut decoder = Decoder::default();
        decoder.push(&bytes);
        match decoder.next_frame().expect("an abort is a frame") {
            Some(Frame::Abort(reason)) => Some(reason),
            other => panic!("not an abort: {other:?}"),
        }
    }
}

/// Greets: both hellos have crossed, and the honest side has blinded its list and committed.
pub fn greet(puppet: &mut Puppet, session: Session) -> Result<Honest> {
    let mut honest = Honest::new(session);
    honest.hear_bytes(&[])?;
    match &honest.take()[..] {
        [Frame::Hello(hello)] => puppet.theirs = Some(hello.clone()),
        other => panic!("not a hello: {other:?}"),
    }
    honest.hear(Frame::Hello(puppet.hello.clone()))?;
    Ok(honest)
}

/// Greets, commits, sends our points and takes theirs. The honest side's commitment is checked.
pub fn exchange(puppet: &mut Puppet, session: Session) -> Result<(Honest, Vec<Encoding>)> {
    let mut honest = greet(puppet, session)?;
    let Some(Frame::Commitment(theirs)) = honest.take().pop() else { panic!("no commitment") };
    honest.hear(Frame::Commitment(puppet.commitment()))?;
    if !puppet.points.is_empty() {
        honest.hear(Frame::Points(puppet.points.clone()))?;
    }
    let frames = honest.take();
    let (points, rest): (Vec<_>, Vec<_>) =
        frames.into_iter().partition(|frame| matches!(frame, Frame::Points(_)));
    honest.said = points;
    let points = honest.take_points();
    honest.said = rest;
    assert_eq!(theirs.session, puppet.session_id());
    assert_eq!(theirs.list, puppet.list_hash(puppet.party().peer(), &points));
    Ok((honest, points))
}
