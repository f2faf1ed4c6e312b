//! Two lists of made-up people, each of which can be made without the other: for sides in processes of their
//! own, and for checking what they say.
//!
//! Half of the shorter list, rounded down, stands on both. Person `i` of the pair, counted from 0, has a number
//! that is a one-to-one function of `i` and the seed; the advertiser's list holds persons `0..n_A`, the
//! platform's the common ones, which come first, and those from `n_A` on; each in an order of its own.

use std::sync::Arc;

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::workload::{self, CLIP};
use crate::consent::{Candidate, ConsentedList, Gate, Policy, Purpose, Purposes, Record};
use crate::error::Result;
use crate::identifier::{Identifier, Kind, Profile};
use crate::protocol::Party;

/// A pair of lists, before it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lists {
    /// Rows of the advertiser's.
    pub advertiser: u32,
    /// Rows of the platform's.
    pub platform: u32,
    /// One seed gives the same lists on one version of this crate.
    pub seed: u64,
}

/// The people of one list, by row.
pub struct People {
    lists: Lists,
    /// Which person of the pair stands in each row.
    rows: Vec<u32>,
}

impl Lists {
    /// How many people are on both.
    pub fn common(self) -> u32 {
        self.advertiser.min(self.platform) / 2
    }

    /// The people of a side, in the order of its rows. 4 bytes of memory each.
    pub fn people(self, party: Party) -> People {
        let common = self.common();
        let (mut rows, order): (Vec<u32>, u64) = match party {
            Party::Advertiser => ((0..self.advertiser).collect(), 0),
            Party::Platform => {
                let alone = self.advertiser..self.advertiser + (self.platform - common);
                ((0..common).chain(alone).collect(), 1)
            }
        };
        rows.shuffle(&mut StdRng::seed_from_u64(mix(self.seed ^ order)));
        People { lists: self, rows }
    }

    /// The values of the common people, added up.
    pub fn common_sum(self) -> u64 {
        (0..self.common()).map(|person| value(self.number(person))).sum()
    }

    fn number(self, person: u32) -> u64 {
        mix(mix(self.seed).wrapping_add(person.into()))
    }
}

impl People {
    /// Whether the person in a row is on the other list too.
    pub fn is_common(&self, row: u32) -> bool {
        self.rows.get(row as usize).is_some_and(|&person| person < self.lists.common())
    }

    /// The address of each row, in order.
    pub fn addresses(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|&person| workload::person(self.lists.number(person)))
    }

    /// The label that the person in a row has, on whatever list.
    pub fn label(&self, row: u32) -> String {
        format!("segment {}", self.number(row) % 100)
    }

    /// The value that the person in a row has, at most [`CLIP`].
    pub fn value(&self, row: u32) -> u64 {
        value(self.number(row))
    }

    /// The list, past the gate, all with full consent; it is made a few thousand people at a time.
    ///
    /// # Errors
    /// As [`Gate::offer`].
    pub fn consented(&self) -> Result<Arc<ConsentedList>> {
        let purpose = Purpose::TARGETED_ADVERTISING;
        let mut gate = Gate::new(Policy::new(purpose, Timestamp::now())?, Profile::default());
        let record = Record { purposes: Purposes::parse(purpose.name()), ..Record::default() };
        let mut candidates = self.addresses().zip(0..).map(|(address, row)| Candidate {
            identifier: Identifier::from_normalised(Kind::Email, &address),
            row,
            column: 0,
            record: record.clone(),
        });
        gate.count_rows(self.rows.len() as u64);
        loop {
            let some: Vec<Candidate> = candidates.by_ref().take(AT_A_TIME).collect();
            if some.is_empty() {
                break;
            }
            gate.offer(some)?;
        }
        drop(candidates);
        Ok(Arc::new(gate.finish()))
    }

    fn number(&self, row: u32) -> u64 {
        self.lists.number(self.rows[row as usize])
    }
}

fn value(number: u64) -> u64 {
    number % (CLIP + 1)
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): one-to-one.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

const AT_A_TIME: usize = 8192;

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    /// Against a plain intersection of addresses.
    #[test]
    fn what_is_common_is_what_both_hold() {
        for (advertiser, platform) in [(1, 1), (9, 4), (3, 50), (100, 100)] {
            let lists = Lists { advertiser, platform, seed: 7 };
            let [ours, theirs] = [Party::Advertiser, Party::Platform].map(|p| lists.people(p));
            let rows =
                |people: &People| people.addresses().zip(0..).collect::<HashMap<String, u32>>();
            let (a, p) = (rows(&ours), rows(&theirs));
            assert_eq!((a.len(), p.len()), (advertiser as usize, platform as usize));
            let mut sum = 0;
            for (address, &row) in &a {
                let other = p.get(address);
                assert_eq!(ours.is_common(row), other.is_some());
                let Some(&other) = other else { continue };
                assert!(theirs.is_common(other));
                assert_eq!(ours.label(row), theirs.label(other));
                sum += ours.value(row);
            }
            let common = a.keys().filter(|address| p.contains_key(*address)).count();
            assert_eq!((common, sum), (lists.common() as usize, lists.common_sum()));
        }
    }

    #[test]
    fn lists_follow_their_seed_and_pass_the_gate_whole() {
        let of = |seed| {
            let people = Lists { advertiser: 9000, platform: 1, seed }.people(Party::Advertiser);
            assert_eq!(people.consented().unwrap().len(), 9000);
            people.addresses().collect::<Vec<_>>()
        };
        assert_eq!(of(5), of(5));
        let (five, six): (HashSet<_>, HashSet<_>) =
            (of(5).into_iter().collect(), of(6).into_iter().collect());
        assert!(five.is_disjoint(&six));
    }
}
