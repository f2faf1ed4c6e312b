//! From matched identifiers back to rows.

use super::columns::Planned;
use super::people::People;
use super::texts::{Joined, Texts};
use crate::consent::{ConsentedList, Occurrence};

/// Where matched identifiers stand in their list, by row, and the labels that came with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Sorted by row, then column.
    places: Vec<Occurrence>,
    labels: Option<Labels>,
}

/// The labels of matches.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Labels {
    texts: Texts,
    /// For each place, which of the texts.
    of: Vec<u32>,
}

/// A row in which something matched.
pub(super) struct MatchedRow<'a> {
    /// Its number, from 0.
    pub(super) row: u32,
    places: &'a [Occurrence],
    labels: Option<(&'a Texts, &'a [u32])>,
}

impl Matches {
    /// Of the elements of a list with these indices.
    pub fn new(list: &ConsentedList, indices: impl IntoIterator<Item = usize>) -> Matches {
        let places = indices.into_iter().flat_map(|index| list.occurrences(index));
        let mut places: Vec<Occurrence> = places.copied().collect();
        places.sort_unstable();
        places.dedup();
        Matches { places, labels: None }
    }

    /// The same with the label of each: what a labelled match yields. An empty label is none; of an
    /// index that comes twice, the first label counts.
    ///
    /// Takes 12 bytes of memory for each place, and the labels with 8 bytes each.
    pub fn with_labels<T: AsRef<str>>(
        list: &ConsentedList,
        labelled: impl IntoIterator<Item = (usize, T)>,
    ) -> Matches {
        let (mut texts, mut places) = (Texts::default(), Vec::new());
        for ((index, label), number) in labelled.into_iter().zip(0..) {
            texts.push([label.as_ref()]);
            places.extend(list.occurrences(index).iter().map(|at| (*at, number)));
        }
        places.sort_unstable();
        places.dedup_by_key(|(at, _)| *at);
        let (places, of) = places.into_iter().unzip();
        Matches { places, labels: Some(Labels { texts, of }) }
    }

    /// The same for people: each once, where the best of its identifiers among `matched` stands first.
    pub fn of_people(self, list: &ConsentedList, people: &People, matched: &[u32]) -> Matches {
        let best =
            people.best(matched).filter_map(|element| list.occurrences(element as usize).first());
        let mut best: Vec<Occurrence> = best.copied().collect();
        best.sort_unstable();
        let kept = |at: &Occurrence| best.binary_search(at).is_ok();
        let labels = self.labels.map(|Labels { texts, of }| {
            let places = self.places.iter().zip(of);
            Labels { texts, of: places.filter(|(at, _)| kept(at)).map(|(_, text)| text).collect() }
        });
        let places = self.places.iter().copied().filter(kept).collect();
        Matches { places, labels }
    }

    /// Number of rows with at least one match.
    pub fn rows(&self) -> u64 {
        self.places.chunk_by(|a, b| a.row == b.row).count() as u64
    }

    /// Number of identifiers that matched, as often as they stand in the list.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing matched.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether they have labels.
    pub fn is_labelled(&self) -> bool {
        self.labels.is_some()
    }

    /// Every match, by row and column.
    pub fn iter(&self) -> impl Iterator<Item = Occurrence> {
        self.places.iter().copied()
    }

    /// The matched rows, in order.
    pub(super) fn by_row<'a>(&'a self) -> impl Iterator<Item = MatchedRow<'a>> {
        let mut end = 0;
        self.places.chunk_by(|a, b| a.row == b.row).filter_map(move |places| {
            let range = end..end + places.len();
            end = range.end;
            let of = |labels: &'a Labels| labels.of.get(range).unwrap_or_default();
            let labels = self.labels.as_ref().map(|labels| (&labels.texts, of(labels)));
            Some(MatchedRow { row: places.first()?.row, places, labels })
        })
    }

    /// The names of the columns that are added to matched rows.
    pub(super) fn added(&self) -> &'static [&'static str] {
        match self.is_labelled() {
            true => &["matched_on", "matched_label"],
            false => &["matched_on"],
        }
    }
}

impl MatchedRow<'_> {
    /// The cells of the columns that are added.
    pub(super) fn added(&self, columns: &[Planned]) -> Vec<String> {
        [Some(self.matched_on(columns)), self.matched_label()].into_iter().flatten().collect()
    }

    /// The names of the columns that matched.
    fn matched_on(&self, columns: &[Planned]) -> String {
        let column = |at: &Occurrence| columns.get(usize::from(at.column));
        let names = self.places.iter().filter_map(column);
        names.map(|planned| planned.column.name.as_str()).collect::<Vec<_>>().join(";")
    }

    /// The labels of what matched.
    fn matched_label(&self) -> Option<String> {
        let (texts, of) = self.labels?;
        let mut label = Joined::default();
        of.iter().filter_map(|number| texts.get(*number as usize)).for_each(|text| label.add(text));
        Some(label.to_string())
    }
}
