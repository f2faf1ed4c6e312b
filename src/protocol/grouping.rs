//! Which elements of one list are one person's, as the other side may see it.
//!
//! The side whose people are counted, the *giver*, says for each element of its blinded list, in its
//! order, the number of its person. People are numbered as they first come in that order: the first
//! element's is 0, and a number that did not come yet is the next one. So
//!
//! - one partition has one encoding, and the numbers say nothing beyond it: the order of blinded
//!   elements is random to whoever does not have the key;
//! - whatever numbers arrive, every element has one person and every person an element. There is
//!   nothing out of range, twice or missing to be looked for, but numbers that skip one;
//! - kinds and ranks are not told. The waterfall is run by the side that learns matches; a number of
//!   people is the same in whatever order their identifiers are asked.

use crate::error::{PeerFault, Result};
use crate::list::{MAX_IDENTIFIERS, People};

/// What the giver sends.
pub(super) struct Numbered {
    /// The number of each element's person, in the order of the blinded list.
    pub(super) numbers: Vec<u32>,
    /// The person behind each number, as an index into the giver's people.
    pub(super) people: Vec<u32>,
}

impl Numbered {
    /// From our people, and for each element as sent its index in the consented list. Takes 4 bytes of
    /// memory for an element, and 8 for a person.
    pub(super) fn new(people: &People, order: &[u32]) -> Numbered {
        let mut number_of = vec![u32::MAX; people.len()];
        let mut numbered = Vec::with_capacity(people.len());
        let mut number = |element: &u32| {
            let person = people.owner(*element).expect("people are of the whole list");
            let number = &mut number_of[person as usize];
            if *number == u32::MAX {
                *number = numbered.len() as u32;
                numbered.push(person);
            }
            *number
        };
        let numbers = order.iter().map(&mut number).collect();
        Numbered { numbers, people: numbered }
    }
}

/// What the other side takes: the giver's people, as they arrive. 4 bytes for an element that has
/// arrived, and 1 for a person.
pub(super) struct Grouping {
    announced: u64,
    numbers: Vec<u32>,
    /// Elements of each person.
    sizes: Vec<u8>,
}

impl Grouping {
    /// Of a list of so many elements.
    pub(super) fn new(announced: u64) -> Grouping {
        Grouping { announced, numbers: Vec::new(), sizes: Vec::new() }
    }

    /// Takes the next run.
    ///
    /// # Errors
    /// [`PeerFault::WrongCount`] for more numbers than elements; [`PeerFault::BadPeople`] for a number
    /// that skips one, and for a person with too many identifiers.
    pub(super) fn take(&mut self, run: &[u32]) -> Result<()> {
        let (got, expected) = ((self.numbers.len() + run.len()) as u64, self.announced);
        if got > expected {
            return Err(PeerFault::WrongCount { what: "numbers of people", got, expected }.into());
        }
        for number in run {
            let position = self.numbers.len() as u64;
            let bad = |problem| PeerFault::BadPeople { position, problem };
            if *number as usize == self.sizes.len() {
                self.sizes.push(0);
            }
            let size = self.sizes.get_mut(*number as usize).ok_or(bad("a number skips another"))?;
            if usize::from(*size) == MAX_IDENTIFIERS {
                return Err(bad("a person has too many identifiers").into());
            }
            *size += 1;
            self.numbers.push(*number);
        }
        Ok(())
    }

    /// Whether every element has its person.
    pub(super) fn is_complete(&self) -> bool {
        self.numbers.len() as u64 == self.announced
    }

    /// How many people.
    pub(super) fn people(&self) -> u64 {
        self.sizes.len() as u64
    }

    /// For each person whether any of its elements is a hit, from what each element is.
    pub(super) fn hits(&self, elements: &[bool]) -> Vec<bool> {
        let mut hits = vec![false; self.sizes.len()];
        for (number, hit) in self.numbers.iter().zip(elements) {
            hits[*number as usize] |= hit;
        }
        hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn taken(announced: u64, runs: &[&[u32]]) -> Result<Grouping> {
        let mut grouping = Grouping::new(announced);
        runs.iter().try_for_each(|run| grouping.take(run))?;
        Ok(grouping)
    }

    #[test]
    fn a_person_hits_where_any_of_its_elements_does() {
        let grouping = taken(5, &[&[0, 1], &[0], &[2, 1]]).unwrap();
        assert!(grouping.is_complete());
        assert_eq!(grouping.people(), 3);
        assert_eq!(grouping.hits(&[true, false, true, false, false]), [true, false, false]);
        assert_eq!(grouping.hits(&[false, false, true, false, true]), [true, true, false]);
        assert!(taken(0, &[]).unwrap().is_complete());
        assert!(!taken(3, &[&[0, 0]]).unwrap().is_complete());
    }

    #[test]
    fn what_is_no_partition_in_its_one_form_is_refused() {
        let bad = |runs: &[&[u32]]| match taken(4, runs).err() {
            Some(Error::Peer(fault)) => fault,
            other => panic!("{other:?}"),
        };
        let skips = |position| PeerFault::BadPeople { position, problem: "a number skips another" };
        assert_eq!(bad(&[&[1]]), skips(0));
        assert_eq!(bad(&[&[0, 0, 2]]), skips(2));
        assert_eq!(bad(&[&[0], &[1, u32::MAX]]), skips(2));
        let what = "numbers of people";
        assert_eq!(
            bad(&[&[0, 1, 2], &[3, 4]]),
            PeerFault::WrongCount { what, got: 5, expected: 4 }
        );
        let many = vec![0; MAX_IDENTIFIERS + 1];
        assert!(taken(100, &[&many[1..]]).is_ok());
        let Err(Error::Peer(fault)) = taken(100, &[&many]) else { panic!() };
        let problem = "a person has too many identifiers";
        assert_eq!(fault, PeerFault::BadPeople { position: MAX_IDENTIFIERS as u64, problem });
    }
}
