//! The gate.

use jiff::Timestamp;
use rayon::prelude::*;

use super::{
    Candidate, ConsentedList, Ground, Occurrence, Policy, Record, Refusal, Suppression, Tally,
};
use crate::error::{Error, Result};
use crate::identifier::{Identifier, Profile, Unreadable};

/// Admits identifiers whose owners consented to the policy's purpose, and counts the rest.
///
/// Candidates are judged in parallel, batch by batch; [`Gate::finish`] makes the list.
#[derive(Debug)]
pub struct Gate {
    policy: Policy,
    profile: Profile,
    suppression: Suppression,
    /// As they came, one vector a batch: one that grew would leave more copies behind.
    admitted: Vec<Vec<Entry>>,
    /// Identifiers with a no that holds in every row; and, as long as others could be admitted on
    /// an attestation, all that were refused. 33 bytes each.
    noes: Vec<Vec<(Identifier, Refusal)>>,
    valid_until: Option<Timestamp>,
    tally: Tally,
}

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Admitted, on this ground.
    Admitted(Ground),
    /// Refused.
    Refused(Refusal),
    /// Not an identifier, or the row could not be read.
    Unreadable(Unreadable),
}

/// An admitted identifier that a no in another row took out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Where it stood.
    pub at: Occurrence,
    /// The no.
    pub refusal: Refusal,
}

/// 40 bytes, of which a list of 10^8 has 4 GB.
#[derive(Debug)]
struct Entry {
    identifier: Identifier,
    attested: bool,
    column: u16,
    row: u32,
}

impl Entry {
    fn at(&self) -> Occurrence {
        Occurrence { row: self.row, column: self.column }
    }

    fn ground(&self) -> Ground {
        if self.attested { Ground::Attestation } else { Ground::Record }
    }
}

impl Gate {
    /// A gate for one list, whose identifiers are normalised with `profile`.
    pub fn new(policy: Policy, profile: Profile) -> Gate {
        Gate {
            policy,
            profile,
            suppression: Suppression::default(),
            admitted: Vec::new(),
            noes: Vec::new(),
            valid_until: None,
            tally: Tally::default(),
        }
    }

    /// Refuses what stands on this list, wherever it stands.
    pub fn suppressing(self, suppression: Suppression) -> Gate {
        Gate { suppression, ..self }
    }

    /// What the match is for.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The counts so far; a no in a later row can still turn admitted identifiers into refused.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts rows that were read. [`Gate::offer`] does not: a row may hold several identifiers.
    pub fn count_rows(&mut self, rows: u64) {
        self.tally.rows += rows;
    }

    /// Counts an identifier, or a row that holds none, as unreadable.
    pub fn count_unreadable(&mut self, reason: Unreadable) {
        self.tally.unread(reason);
    }

    /// Refuses these wherever they stand in the list, as `unreadable_consent`: identifiers of rows
    /// in which a no could have stood that cannot be read.
    pub fn veto(&mut self, identifiers: Vec<Identifier>) {
        let refusal = Refusal::UnreadableConsent;
        self.noes.push(identifiers.into_iter().map(|identifier| (identifier, refusal)).collect());
    }

    /// Puts candidates before the gate and says what became of each.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] beyond 2^32 - 1 admitted identifiers.
    pub fn offer(&mut self, candidates: Vec<Candidate>) -> Result<Vec<Outcome>> {
        let judgements: Vec<_> = candidates.par_iter().map(|c| self.judge(c)).collect();
        let admitted = judgements.iter().filter(|j| j.verdict.is_ok()).count();
        if self.tally.admitted + admitted as u64 > u64::from(u32::MAX) {
            return Err(Error::Misuse("a list holds at most 2^32 - 1 identifiers".into()));
        }
        let noes = judgements.iter().filter(|j| j.no.is_some()).count();
        self.take(candidates, &judgements, Vec::with_capacity(admitted), Vec::with_capacity(noes));
        Ok(judgements.iter().map(Judgement::outcome).collect())
    }

    /// The list of what was admitted.
    ///
    /// One no is a no: an identifier that was given for security, withdrawn or opted out (also by
    /// Global Privacy Control or a GPP string) in any row or column is taken out of all of them
    /// here; so is one with something on record that cannot be read and may be a no. They are
    /// counted as refused for that reason. What was admitted on an attestation is taken
    /// out if any row refused it, for whatever reason.
    pub fn finish(self) -> ConsentedList {
        self.finish_with_removals().0
    }

    /// The list, and what a no in another row took out of it, in order of rows.
    pub fn finish_with_removals(mut self) -> (ConsentedList, Vec<Removal>) {
        let batches = std::mem::take(&mut self.noes);
        let mut noes = Vec::with_capacity(batches.iter().map(Vec::len).sum());
        for mut batch in batches {
            noes.extend(batch.iter().cloned());
            batch.clear(); // wipes
        }
        // Of several for one identifier, the first decides: what lasts comes before what does not.
        noes.par_sort_unstable_by(|(a, no), (b, other)| {
            (a.as_bytes(), !no.lasts(), no).cmp(&(b.as_bytes(), !other.lasts(), other))
        });
        let admitted = join(std::mem::take(&mut self.admitted));
        self.collect(admitted, &noes)
    }

    fn judge(&self, candidate: &Candidate) -> Judgement {
        if self.suppression.vartime_contains(&candidate.identifier) {
            return Judgement { verdict: Err(Refusal::Suppressed), no: None };
        }
        let verdict = self.policy.judge(&candidate.record);
        let attested = self.policy.attestation().is_some();
        let lasting = self.policy.lasting_no(&candidate.record);
        Judgement { verdict, no: lasting.or(verdict.err().filter(|_| attested)) }
    }

    /// Keeps what is needed of the candidates, in vectors that are large enough.
    fn take(
        &mut self,
        candidates: Vec<Candidate>,
        judgements: &[Judgement],
        mut admitted: Vec<Entry>,
        mut noes: Vec<(Identifier, Refusal)>,
    ) {
        for (candidate, judgement) in candidates.into_iter().zip(judgements) {
            self.tally.judged(judgement.verdict);
            if let Ok(ground) = judgement.verdict {
                self.expire(&candidate.record);
                admitted.push(Entry {
                    identifier: candidate.identifier,
                    attested: ground == Ground::Attestation,
                    column: candidate.column,
                    row: candidate.row,
                });
            } else if let Some(refusal) = judgement.no {
                noes.push((candidate.identifier, refusal));
            }
        }
        self.admitted.push(admitted);
        self.noes.push(noes);
    }

    fn expire(&mut self, record: &Record) {
        if let Some(end) = record.ends_at() {
            self.valid_until = Some(self.valid_until.map_or(end, |earliest| earliest.min(end)));
        }
    }

    /// Makes the list from entries sorted in falling order, which are given back to the system
    /// from the end, chunk by chunk, as the list grows.
    fn collect(
        mut self,
        mut admitted: Vec<Entry>,
        noes: &[(Identifier, Refusal)],
    ) -> (ConsentedList, Vec<Removal>) {
        let mut list = self.empty_list(&admitted);
        let (mut noes, mut removals) = (noes.iter().peekable(), Vec::new());
        while !admitted.is_empty() {
            let rest = admitted.len().saturating_sub(CHUNK);
            for entry in admitted.iter().skip(rest).rev() {
                let bytes = entry.identifier.as_bytes();
                while noes.next_if(|(no, _)| no.as_bytes() < bytes).is_some() {}
                match noes.peek() {
                    Some((no, refusal))
                        if no.as_bytes() == bytes && (refusal.lasts() || entry.attested) =>
                    {
                        self.tally.removed(entry.ground(), *refusal);
                        removals.push(Removal { at: entry.at(), refusal: *refusal });
                    }
                    _ => list.push(entry),
                }
            }
            admitted.truncate(rest);
            admitted.shrink_to_fit();
        }
        removals.sort_unstable_by_key(|removal| removal.at);
        self.tally.distinct = list.identifiers.len() as u64;
        self.tally.duplicates = self.tally.admitted - self.tally.distinct;
        debug_assert!(self.tally.is_complete(), "the counts do not add up");
        list.starts.push(list.occurrences.len() as u32);
        list.tally = self.tally;
        (list, removals)
    }

    /// A list with room for these sorted entries: vectors of secrets must not grow.
    fn empty_list(&self, admitted: &[Entry]) -> ConsentedList {
        let distinct = admitted
            .par_windows(2)
            .filter(|pair| pair[0].identifier.as_bytes() != pair[1].identifier.as_bytes())
            .count()
            + usize::from(!admitted.is_empty());
        ConsentedList {
            purpose: self.policy.purpose(),
            profile: self.profile,
            attestation: self.policy.attestation().map(Into::into),
            valid_until: self.valid_until,
            tally: Tally::default(),
            identifiers: Vec::with_capacity(distinct),
            starts: Vec::with_capacity(distinct + 1),
            occurrences: Vec::with_capacity(admitted.len()),
        }
    }
}

impl ConsentedList {
    /// Adds an entry that is not less than the last.
    fn push(&mut self, entry: &Entry) {
        let repeats = self
            .identifiers
            .last()
            .is_some_and(|last| last.as_bytes() == entry.identifier.as_bytes());
        if !repeats {
            self.identifiers.push(entry.identifier.clone());
            self.starts.push(self.occurrences.len() as u32);
        }
        self.occurrences.push(entry.at());
    }
}

/// What the policy makes of one candidate.
struct Judgement {
    verdict: Result<Ground, Refusal>,
    /// What other rows and columns with the same identifier have to heed.
    no: Option<Refusal>,
}

impl Judgement {
    fn outcome(&self) -> Outcome {
        match self.verdict {
            Ok(ground) => Outcome::Admitted(ground),
            Err(refusal) => Outcome::Refused(refusal),
        }
    }
}

/// All entries in one vector, sorted in falling order; the batches are freed on the way.
fn join(batches: Vec<Vec<Entry>>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(batches.iter().map(Vec::len).sum());
    for mut batch in batches {
        entries.extend(
            batch.iter().map(|entry| Entry { identifier: entry.identifier.clone(), ..*entry }),
        );
        batch.clear(); // wipes
    }
    entries.par_sort_unstable_by(|a, b| {
        (b.identifier.as_bytes(), b.at()).cmp(&(a.identifier.as_bytes(), a.at()))
    });
    entries
}

/// Entries that are given back at once: 40 MiB.
const CHUNK: usize = 1 << 20;
