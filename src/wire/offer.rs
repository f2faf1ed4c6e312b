//! What the sender of an oblivious function says before it answers anything.

use super::fields::{Fields, put_text};
use crate::error::{PeerFault, Result};
use crate::group::Encoding;

/// The sender's key, with a proof that it has it, and the set that outputs are looked up in.
///
/// ```text
/// session: 32 bytes | context: 32 | public key: 32 | proof of the key: 64
/// set digest: 32 | elements: u64 | most queries: u64
/// label width: u16, 0 for none | label salt: 32 | epoch: text, empty for none
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The hash of both hellos and the channel: both sides see the same session.
    pub session: [u8; 32],
    /// What separates this set's outputs from those of others: the session, or the epoch.
    pub context: [u8; 32],
    /// `K = k G`.
    pub public_key: Encoding,
    /// Proof of knowledge of `k`, for this session.
    pub key_proof: [u8; 64],
    /// Digest of the set.
    pub set: [u8; 32],
    /// Elements of the set.
    pub elements: u64,
    /// Most queries that the set is made for.
    pub max_queries: u64,
    /// Bytes of a padded label; 0 where there are none.
    pub label_width: u16,
    /// What separates these labels' keys from those of others.
    pub label_salt: [u8; 32],
    /// The epoch that the key is for; empty for a key of this session's own.
    pub epoch: String,
}

impl Offer {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.session);
        out.extend_from_slice(&self.context);
        out.extend_from_slice(&self.public_key.0);
        out.extend_from_slice(&self.key_proof);
        out.extend_from_slice(&self.set);
        out.extend_from_slice(&self.elements.to_le_bytes());
        out.extend_from_slice(&self.max_queries.to_le_bytes());
        out.extend_from_slice(&self.label_width.to_le_bytes());
        out.extend_from_slice(&self.label_salt);
        put_text(out, &self.epoch);
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Offer> {
        let mut fields = Fields::new(payload, MALFORMED);
        let offer = Offer {
            session: fields.array()?,
            context: fields.array()?,
            public_key: Encoding(fields.array()?),
            key_proof: fields.array()?,
            set: fields.array()?,
            elements: fields.number()?,
            max_queries: fields.number()?,
            label_width: u16::from_le_bytes(fields.array()?),
            label_salt: fields.array()?,
            epoch: fields.text(MAX_EPOCH)?,
        };
        fields.finish()?;
        Ok(offer)
    }
}

const MALFORMED: PeerFault = PeerFault::Malformed("offer");

/// Most bytes of an epoch's name.
pub const MAX_EPOCH: usize = 64;
