//! Looking for one's own outputs in a set that passes by.

use std::borrow::Cow;

use rayon::prelude::*;

use super::{Output, SetParameters, Sink};

/// Merges own outputs with the elements of a set as they pass: a [`Sink`].
///
/// Takes 32 bytes for an own output and nothing for the set. For sets that are read once; of one
/// that is kept, [`CompressedSet::intersect`](super::CompressedSet::intersect) reads only what it
/// needs.
#[derive(Debug)]
pub struct Intersection<'a> {
    /// Cut to the bits that the set has; sorted.
    ours: Cow<'a, [(u128, u32)]>,
    at: usize,
    matched: Vec<u32>,
}

impl Intersection<'static> {
    /// For a set of these parameters, with own outputs in any order and what each is called.
    pub fn new(parameters: SetParameters, ours: Vec<(Output, u32)>) -> Self {
        Intersection { ours: sorted(parameters, ours).into(), at: 0, matched: Vec::new() }
    }
}

impl<'a> Intersection<'a> {
    /// The same with own outputs that are cut and sorted already.
    pub(super) fn of_sorted(ours: &'a [(u128, u32)]) -> Intersection<'a> {
        Intersection { ours: ours.into(), at: 0, matched: Vec::new() }
    }

    /// The names of those that are in the set, in increasing order.
    pub fn matched(mut self) -> Vec<u32> {
        self.matched.sort_unstable();
        self.matched
    }
}

impl Sink for Intersection<'_> {
    #[inline]
    fn element(&mut self, value: u128) {
        while let Some((ours, name)) = self.ours.get(self.at).filter(|(ours, _)| *ours <= value) {
            if *ours == value {
                self.matched.push(*name);
            }
            self.at += 1;
        }
    }
}

/// Own outputs, cut to the bits that a set has, in order.
pub(super) fn sorted(parameters: SetParameters, ours: Vec<(Output, u32)>) -> Vec<(u128, u32)> {
    let mut ours: Vec<_> =
        ours.into_iter().map(|(output, name)| (parameters.cut(output), name)).collect();
    ours.par_sort_unstable();
    ours
}
