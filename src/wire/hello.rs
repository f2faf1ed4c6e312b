//! The first frame either way: what each side wants.

use super::VERSION;
use super::fields::{Fields, put_text};
use crate::consent::Policy;
use crate::error::{Error, PeerFault, Result};

/// What a side offers; both are compared before any list data moves.
///
/// ```text
/// magic: 10 bytes "blindmatch" | version: u16
/// ciphersuite: text | protocol: text | parameters: text
/// party: u8 (1 advertiser, 2 platform)
/// profile: text | profile digest: 32 bytes | purpose: text
/// reveal: u8 (1 advertiser, 2 platform, 3 both, 4 count)
/// minimum audience: u64, all ones for "whatever the peer says"
/// elements: u64 | most elements accepted: u64
/// attestation: text, empty for none | nonce: 32 bytes
///
/// text: length u16 | UTF-8; at most 4096 bytes of attestation, 256 of any other
/// ```
///
/// Names and codes that this build does not know are kept as they are, so that an error can name
/// both values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The group, its encoding and its hash: `ristretto255-SHA512`.
    pub ciphersuite: String,
    /// Name of the protocol.
    pub protocol: String,
    /// What else the protocol asks both sides to agree on; empty where it asks nothing.
    pub parameters: String,
    /// Which party speaks: 1 advertiser, 2 platform.
    pub party: u8,
    /// Name and version of the normalisation profile.
    pub profile: String,
    /// Digest of the profile's rules.
    pub profile_digest: [u8; 32],
    /// W3C DPV name of the purpose.
    pub purpose: String,
    /// What is revealed to whom: 1 advertiser, 2 platform, 3 both, 4 count.
    pub reveal: u8,
    /// Fewest matches that are revealed; `None` takes the peer's.
    pub min_audience: Option<u64>,
    /// Elements in this side's list.
    pub elements: u64,
    /// Most elements that this side accepts from its peer.
    pub max_elements: u64,
    /// The notice under which this side attests consent for rows that say nothing; empty for none.
    pub attestation: String,
    /// Random bytes, fresh for each session.
    pub nonce: [u8; 32],
}

/// What every version's hello begins with.
const MAGIC: &[u8; 10] = b"blindmatch";

/// Most bytes of any other text.
const MAX_NAME: usize = 256;

/// "Whatever the peer says" in the minimum audience's place.
const UNSET: u64 = u64::MAX;

impl Hello {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        put_text(out, &self.ciphersuite);
        put_text(out, &self.protocol);
        put_text(out, &self.parameters);
        out.push(self.party);
        put_text(out, &self.profile);
        out.extend_from_slice(&self.profile_digest);
        put_text(out, &self.purpose);
        out.push(self.reveal);
        out.extend_from_slice(&self.min_audience.unwrap_or(UNSET).to_le_bytes());
        out.extend_from_slice(&self.elements.to_le_bytes());
        out.extend_from_slice(&self.max_elements.to_le_bytes());
        put_text(out, &self.attestation);
        out.extend_from_slice(&self.nonce);
    }

    pub(super) fn decode(payload: &[u8]) -> Result<Hello> {
        let mut fields = Fields::new(payload, MALFORMED);
        if fields.array() != Ok(*MAGIC) {
            return Err(PeerFault::NotBlindmatch.into());
        }
        let version = u16::from_le_bytes(fields.array()?);
        if version != VERSION {
            return Err(Error::Incompatible {
                field: "wire version",
                ours: VERSION.to_string(),
                theirs: version.to_string(),
            });
        }
        let hello = Hello {
            ciphersuite: fields.text(MAX_NAME)?,
            protocol: fields.text(MAX_NAME)?,
            parameters: fields.text(MAX_NAME)?,
            party: fields.byte()?,
            profile: fields.text(MAX_NAME)?,
            profile_digest: fields.array()?,
            purpose: fields.text(MAX_NAME)?,
            reveal: fields.byte()?,
            min_audience: Some(fields.number()?).filter(|&n| n != UNSET),
            elements: fields.number()?,
            max_elements: fields.number()?,
            attestation: fields.text(Policy::MAX_NOTICE)?,
            nonce: fields.array()?,
        };
        fields.finish()?;
        Ok(hello)
    }
}

const MALFORMED: PeerFault = PeerFault::Malformed("hello");
