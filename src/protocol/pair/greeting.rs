//! What the rooms say before any list moves.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{Agreed, Remaining, Rooms, State};
use crate::error::{Error, PeerFault, Result};
use crate::pair::key::{AdvertiserKey, PublisherKey, SharedKey, Stamp};
use crate::pair::{Keys, LEAST_ENTRIES, Run};
use crate::protocol::{Party, Step, Terms};
use crate::wire::{Frame, PairKeys, PairReply};

impl Rooms {
    /// The publisher's first word.
    fn keys(&self) -> Option<PairKeys> {
        let Keys::Publisher(space) = &*self.side.keys else { return None };
        let (ks, kp) = (space.ks.stamp(), space.kp.stamp());
        Some(PairKeys {
            ks: zeroize::Zeroizing::new(*space.ks.key().as_bytes()),
            ks_created: ks.created.as_second(),
            kp_id: kp.id,
            kp_created: kp.created.as_second(),
        })
    }

    /// The advertiser's answer to it.
    fn reply(&self) -> Frame {
        let (agreed, ka) = (self.agreed(), self.our_key());
        Frame::PairReply(PairReply {
            opt_out: agreed.run == Run::OptOut,
            ka_id: ka.id,
            ka_created: ka.created.as_second(),
            confirmation: confirmation(&self.terms, &agreed.ks),
        })
    }

    /// The advertiser hears the keys.
    pub(super) fn receive_keys(&mut self, keys: &PairKeys) -> Result<()> {
        let Keys::Advertiser { run, .. } = *self.side.keys else {
            return Err(Frame::PairKeys(keys.clone()).unexpected().into());
        };
        let ks_created = moment(keys.ks_created, "pair keys")?;
        let ks_stamp = Stamp::new::<SharedKey>(&keys.ks, ks_created);
        let kp_created = moment(keys.kp_created, "pair keys")?;
        let their_key = Stamp::announced::<PublisherKey>(keys.kp_id, kp_created);
        self.expect_valid("Ks", ks_stamp)?;
        self.expect_valid("Kp", their_key)?;
        let ks = SharedKey::from_bytes(*keys.ks);
        self.agree(Agreed { ks, ks_stamp, their_key, run });
        Ok(())
    }

    fn agree(&mut self, agreed: Agreed) {
        self.remaining = match agreed.run {
            Run::Match => Remaining::Settled,
            Run::OptOut => Remaining::Due,
        };
        self.agreed = Some(agreed);
    }

    /// The advertiser hears how many entries of the publisher's were in the match.
    pub(super) fn receive_remaining(&mut self, entries: u64) -> Result<()> {
        let announced = self.terms.their_elements;
        if entries > announced {
            let (what, got, expected) = ("remaining entries", entries, announced);
            return Err(PeerFault::WrongCount { what, got, expected }.into());
        }
        if entries < LEAST_ENTRIES {
            let (field, ours) = ("smallest list", format!("at least {LEAST_ENTRIES}"));
            return Err(Error::Incompatible { field, ours, theirs: entries.to_string() });
        }
        self.terms.their_elements = entries;
        self.remaining = Remaining::Settled;
        Ok(())
    }

    /// The publisher hears what the session is for.
    pub(super) fn receive_reply(&mut self, reply: &PairReply) -> Result<()> {
        let Keys::Publisher(space) = &*self.side.keys else {
            return Err(Frame::PairReply(reply.clone()).unexpected().into());
        };
        let ka_created = moment(reply.ka_created, "pair reply")?;
        let their_key = Stamp::announced::<AdvertiserKey>(reply.ka_id, ka_created);
        self.expect_valid("Ka", their_key)?;
        let (ks, ks_stamp) = (SharedKey::from_bytes(*space.ks.key().as_bytes()), space.ks.stamp());
        if reply.confirmation != confirmation(&self.terms, &ks) {
            let theirs = "another".into();
            return Err(Error::Incompatible { field: "Ks", ours: ks_stamp.name(), theirs });
        }
        let run = if reply.opt_out { Run::OptOut } else { Run::Match };
        self.side.begin(run)?;
        self.terms.our_elements = self.side.list.len() as u64;
        self.agree(Agreed { ks, ks_stamp, their_key, run });
        Ok(())
    }

    fn expect_valid(&self, field: &'static str, stamp: Stamp) -> Result<()> {
        if stamp.is_valid(self.side.now) {
            return Ok(());
        }
        let (ours, Stamp { created, expires, .. }) = (self.side.now, stamp);
        let ours = format!("valid at {ours}");
        Err(Error::Incompatible {
            field,
            ours,
            theirs: format!("valid from {created} to {expires}"),
        })
    }

    pub(super) fn greet(&mut self, sent: bool, room: bool) -> (State, Step) {
        let is_publisher = self.terms.party == Party::Platform;
        match (self.keys(), &self.agreed) {
            (Some(keys), _) if !sent && room => {
                (State::Greeting { sent: true }, Step::Send(Frame::PairKeys(keys)))
            }
            (None, Some(_)) if !sent && room => {
                (State::Greeting { sent: true }, Step::Send(self.reply()))
            }
            (_, Some(_)) if sent && self.remaining == Remaining::Settled => {
                (State::Blinding(Vec::with_capacity(self.side.list.len())), Step::Worked)
            }
            (_, Some(_)) if sent && room && is_publisher => {
                self.remaining = Remaining::Settled;
                let frame = Frame::PairEntries(self.terms.our_elements);
                (State::Greeting { sent }, Step::Send(frame))
            }
            _ => (State::Greeting { sent }, Step::Wait),
        }
    }
}

/// That the advertiser has the Ks that was sent, in this session.
fn confirmation(terms: &Terms, ks: &SharedKey) -> [u8; 32] {
    let hash = Sha256::new().chain_update(b"blindmatch-v2 pair Ks").chain_update(terms.session);
    hash.chain_update(ks.as_bytes()).finalize().into()
}

fn moment(seconds: i64, frame: &'static str) -> Result<Timestamp> {
    Timestamp::from_second(seconds).map_err(|_| PeerFault::Malformed(frame).into())
}
