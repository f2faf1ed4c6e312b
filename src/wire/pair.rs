//! What the rooms of PAIR say before their lists move.

use std::fmt;

use zeroize::Zeroizing;

use super::fields::Fields;
use crate::error::{PeerFault, Result};

/// The publisher's first word: Ks, and which Kp it uses.
///
/// ```text
/// Ks: 32 bytes | made at: i64 | digest of Kp: 8 bytes | made at: i64        (seconds of Unix time)
/// ```
///
/// Ks is secret from everybody but the two rooms: it crosses a channel that both have authenticated.
#[derive(Clone, PartialEq, Eq)]
pub struct PairKeys {
    /// Ks.
    pub ks: Zeroizing<[u8; 32]>,
    /// When it was made.
    pub ks_created: i64,
    /// The digest of Kp that [`Stamp`](crate::pair::key::Stamp) has.
    pub kp_id: [u8; 8],
    /// When it was made.
    pub kp_created: i64,
}

/// Without Ks.
impl fmt::Debug for PairKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairKeys").field("ks_created", &self.ks_created).finish_non_exhaustive()
    }
}

/// The advertiser's answer: what the session is for, which Ka it uses, and that it has Ks.
///
/// ```text
/// 0 match, 1 opt-out: u8 | digest of Ka: 8 bytes | made at: i64
/// SHA-256("blindmatch-v2 pair Ks" || session || Ks): 32 bytes
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairReply {
    /// Whether opt-outs are taken out of a match before.
    pub opt_out: bool,
    /// The digest of Ka.
    pub ka_id: [u8; 8],
    /// When it was made.
    pub ka_created: i64,
    /// Shows that it has the Ks of the publisher.
    pub confirmation: [u8; 32],
}

impl PairKeys {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&*self.ks);
        out.extend_from_slice(&self.ks_created.to_le_bytes());
        out.extend_from_slice(&self.kp_id);
        out.extend_from_slice(&self.kp_created.to_le_bytes());
    }

    pub(super) fn decode(payload: &[u8]) -> Result<PairKeys> {
        let mut fields = Fields::new(payload, PeerFault::Malformed("pair keys"));
        let keys = PairKeys {
            ks: Zeroizing::new(fields.array()?),
            ks_created: i64::from_le_bytes(fields.array()?),
            kp_id: fields.array()?,
            kp_created: i64::from_le_bytes(fields.array()?),
        };
        fields.finish()?;
        Ok(keys)
    }
}

impl PairReply {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.opt_out));
        out.extend_from_slice(&self.ka_id);
        out.extend_from_slice(&self.ka_created.to_le_bytes());
        out.extend_from_slice(&self.confirmation);
    }

    pub(super) fn decode(payload: &[u8]) -> Result<PairReply> {
        let malformed = PeerFault::Malformed("pair reply");
        let mut fields = Fields::new(payload, malformed.clone());
        let opt_out = match fields.byte()? {
            0 => false,
            1 => true,
            _ => return Err(malformed.into()),
        };
        let reply = PairReply {
            opt_out,
            ka_id: fields.array()?,
            ka_created: i64::from_le_bytes(fields.array()?),
            confirmation: fields.array()?,
        };
        fields.finish()?;
        Ok(reply)
    }
}
