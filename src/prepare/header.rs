//! What a set says of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Options;
use super::codec::{Fields, put_text};
use crate::consent::{ConsentedList, Policy, Purpose, Refusal, Tally};
use crate::group::Encoding;
use crate::identifier::{Profile, Unreadable};
use crate::key::PublicKey;
use crate::key::epoch::EpochBinding;
use crate::set::{CompressedSet, SetParameters};

/// What a prepared set says of itself.
///
/// ```text
/// epoch: text | counterparty: text | purpose: text | profile: text | digest of its rules: 32 bytes
/// public key: 32 bytes
/// elements: u64 | bits of a value: u8 | most queries: u64 | identity of the set: 32 bytes
/// number: u64, one more than the set before it of this name
/// created: i64 | valid until: i64, the largest for no end      (seconds since 1970, UTC)
/// attestation: text, empty for none
/// rows, identifiers, admitted, attested, duplicates, distinct: u64 each
/// refused: number u16, then reason: text and count: u64 each, in order
/// unreadable: the same
///
/// text: length u16 | UTF-8
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    binding: EpochBinding,
    public: PublicKey,
    parameters: SetParameters,
    digest: [u8; 32],
    number: u64,
    created: Timestamp,
    valid_until: Option<Timestamp>,
    attestation: Option<String>,
    tally: Tally,
}

impl Header {
    pub(super) fn new(
        list: &ConsentedList,
        binding: &EpochBinding,
        public: PublicKey,
        set: &CompressedSet,
        number: u64,
        options: &Options,
    ) -> Header {
        let ends = [list.valid_until(), options.expires].into_iter().flatten().min();
        Header {
            binding: binding.clone(),
            public,
            parameters: set.parameters(),
            digest: set.digest(),
            number,
            created: whole_seconds(Timestamp::now()),
            valid_until: ends.map(whole_seconds),
            attestation: list.attestation().map(str::to_owned),
            tally: list.tally().clone(),
        }
    }

    /// Epoch, counterparty, purpose and profile.
    pub fn binding(&self) -> &EpochBinding {
        &self.binding
    }

    /// The public half of the key.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Elements and queries.
    pub fn parameters(&self) -> SetParameters {
        self.parameters
    }

    /// What names the set.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Counts what was prepared under the name, from 1; 0 for a set in memory alone.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was prepared, to the second.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// When it ends, to the second before: with the first consent that it rests on, or when it was told
    /// to.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// The notice that was attested for rows without a record of their own, if one was.
    pub fn attestation(&self) -> Option<&str> {
        self.attestation.as_deref()
    }

    /// What the gate admitted, refused and could not read.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.binding.encode();
        bytes.extend_from_slice(&self.public.0.0);
        bytes.extend_from_slice(&self.parameters.elements().to_le_bytes());
        bytes.push(self.parameters.value_bits() as u8); // at most 104
        bytes.extend_from_slice(&self.parameters.max_queries().to_le_bytes());
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        let until = self.valid_until.map_or(NEVER, Timestamp::as_second);
        bytes.extend_from_slice(&self.created.as_second().to_le_bytes());
        bytes.extend_from_slice(&until.to_le_bytes());
        put_text(&mut bytes, self.attestation.as_deref().unwrap_or_default());
        put_tally(&mut bytes, &self.tally);
        bytes
    }

    /// From the bytes of a file, or what is wrong with them.
    pub(super) fn decode(bytes: &[u8]) -> Result<Header, &'static str> {
        let mut fields = Fields(bytes);
        let binding = binding(&mut fields)?;
        let header = Header::decode_rest(&mut fields, binding).ok_or(DAMAGED)?;
        if fields.0.is_empty() { Ok(header) } else { Err(DAMAGED) }
    }

    fn decode_rest(fields: &mut Fields<'_>, binding: EpochBinding) -> Option<Header> {
        let public = PublicKey(Encoding(fields.array()?));
        let elements = fields.number()?;
        let value_bits = fields.byte()?;
        let parameters = SetParameters::new(elements, fields.number()?).ok()?;
        if parameters.value_bits() != u32::from(value_bits) {
            return None;
        }
        let digest = fields.array()?;
        let number = fields.number()?;
        let created = Timestamp::from_second(fields.signed()?).ok()?;
        let valid_until = match fields.signed()? {
            NEVER => None,
            until => Some(Timestamp::from_second(until).ok()?),
        };
        let attestation = fields.text(Policy::MAX_NOTICE)?;
        let attestation = (!attestation.is_empty()).then(|| attestation.to_owned());
        let tally = tally(fields)?;
        let header = Header {
            binding,
            public,
            parameters,
            digest,
            number,
            created,
            valid_until,
            attestation,
            tally,
        };
        // Truncated values may coincide, so that there are fewer.
        (elements <= header.tally.distinct && header.tally.is_complete()).then_some(header)
    }
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).expect("a time that there is")
}

fn binding(fields: &mut Fields<'_>) -> Result<EpochBinding, &'static str> {
    let mut texts = [""; 4];
    for text in &mut texts {
        *text = fields.text(EpochBinding::MAX_COUNTERPARTY).ok_or(DAMAGED)?;
    }
    let digest: [u8; 32] = fields.array().ok_or(DAMAGED)?;
    let [epoch, counterparty, purpose, profile] = texts;
    let purpose = Purpose::all().find(|known| known.name() == purpose).ok_or(DAMAGED)?;
    let profile = Profile::ALL.into_iter().find(|known| known.to_string() == profile);
    let profile = profile.ok_or(OTHER_RULES)?;
    if profile.digest() != digest {
        return Err(OTHER_RULES);
    }
    EpochBinding::new(epoch, counterparty, purpose, profile).map_err(|_| DAMAGED)
}

fn put_tally(bytes: &mut Vec<u8>, tally: &Tally) {
    for count in counts(tally) {
        bytes.extend_from_slice(&count.to_le_bytes());
    }
    let refused = tally.refused.iter().map(|(refusal, count)| (refusal.name(), *count));
    put_reasons(bytes, refused.collect());
    put_reasons(bytes, tally.unreadable.iter().map(|(name, count)| (*name, *count)).collect());
}

fn counts(tally: &Tally) -> [u64; 6] {
    let Tally { rows, identifiers, admitted, attested, duplicates, distinct, .. } = tally;
    [*rows, *identifiers, *admitted, *attested, *duplicates, *distinct]
}

fn put_reasons(bytes: &mut Vec<u8>, reasons: Vec<(&str, u64)>) {
    bytes.extend_from_slice(&(reasons.len() as u16).to_le_bytes()); // a dozen
    for (name, count) in reasons {
        put_text(bytes, name);
        bytes.extend_from_slice(&count.to_le_bytes());
    }
}

fn tally(fields: &mut Fields<'_>) -> Option<Tally> {
    let mut counts = [0; 6];
    for count in &mut counts {
        *count = fields.number()?;
    }
    let [rows, identifiers, admitted, attested, duplicates, distinct] = counts;
    let refused = reasons(fields, &Refusal::ALL.map(|refusal| (refusal.name(), refusal)))?;
    let unreadable =
        reasons(fields, &Unreadable::ALL.map(|reason| (reason.name(), reason.name())))?;
    // No sum of these exceeds the number of identifiers, which no list has 2^40 of.
    let all = counts.iter().chain(refused.values()).chain(unreadable.values());
    if all.copied().any(|count| count >> 40 != 0) {
        return None;
    }
    Some(Tally { rows, identifiers, admitted, attested, refused, unreadable, duplicates, distinct })
}

/// Reasons that are known, each once, in order.
fn reasons<K: Copy + Ord>(
    fields: &mut Fields<'_>,
    known: &[(&'static str, K)],
) -> Option<BTreeMap<K, u64>> {
    let mut reasons = BTreeMap::new();
    for _ in 0..fields.short()? {
        let name = fields.text(MAX_REASON)?;
        let (_, key) = known.iter().find(|(known, _)| *known == name)?;
        if reasons.last_key_value().is_some_and(|(last, _)| last >= key) {
            return None;
        }
        reasons.insert(*key, fields.number()?);
    }
    Some(reasons)
}

/// What a header says that is none.
pub(super) const DAMAGED: &str = "is damaged; prepare it again under another name";

const OTHER_RULES: &str = "was prepared under other rules for identifiers than those of this \
                           version; prepare it again under another name";

/// In the place of an end.
const NEVER: i64 = i64::MAX;

/// Longest name of a reason.
const MAX_REASON: usize = 64;
