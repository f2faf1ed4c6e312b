//! Many texts in one buffer.

use std::fmt;

use zeroize::Zeroize;

/// Texts by index, such as one for each entry of a list, in one buffer: 8 bytes of memory each, and
/// their own. Wiped when dropped, as a best effort: what grew has left copies behind.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Texts {
    text: String,
    /// Where each ends in `text`.
    ends: Vec<usize>,
}

impl Texts {
    /// Room for so many of so many bytes together.
    pub(super) fn with_capacity(texts: usize, bytes: usize) -> Texts {
        Texts { text: String::with_capacity(bytes), ends: Vec::with_capacity(texts) }
    }

    /// Adds one, from its parts.
    pub(super) fn push<'a>(&mut self, parts: impl IntoIterator<Item = &'a str>) {
        self.text.extend(parts);
        self.ends.push(self.text.len());
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One of them; nothing if `index >= len()`.
    pub fn get(&self, index: usize) -> Option<&str> {
        let start = index.checked_sub(1).map_or(Some(0), |last| self.ends.get(last).copied());
        self.text.get(start?..*self.ends.get(index)?)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index).unwrap_or_default())
    }

    /// Bytes of all of them together.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl Drop for Texts {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Texts({})", self.len())
    }
}

/// Distinct texts that are not empty, in their order, shown with `; ` between them.
#[derive(Default)]
pub(super) struct Joined<'a>(Vec<&'a str>);

impl<'a> Joined<'a> {
    pub(super) fn add(&mut self, text: &'a str) {
        if !text.is_empty() && !self.0.contains(&text) {
            self.0.push(text);
        }
    }

    /// Begins again.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is shown, in parts.
    pub(super) fn parts(&self) -> impl Iterator<Item = &'a str> {
        let between = |index| if index == 0 { "" } else { "; " };
        self.0.iter().enumerate().flat_map(move |(index, text)| [between(index), *text])
    }

    /// Bytes of what is shown.
    pub(super) fn len(&self) -> usize {
        self.parts().map(str::len).sum()
    }
}

impl fmt::Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().try_for_each(|part| f.write_str(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_are_not_shown() {
        let mut texts = Texts::with_capacity(1, 1);
        assert!(texts.is_empty() && texts.get(0).is_none());
        texts.push([]);
        texts.push(["gold", "; ", "\u{e9}"]);
        texts.push([""]);
        texts.push(["silver"]);
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["", "gold; \u{e9}", "", "silver"]);
        assert_eq!((texts.len(), texts.bytes(), texts.get(4)), (4, 14, None));
        assert_eq!(format!("{texts:?}"), "Texts(4)");
        assert!(texts.clone() == texts && texts != Texts::default());
    }

    #[test]
    fn distinct_texts_are_joined_in_their_order() {
        let mut joined = Joined::default();
        assert_eq!((joined.len(), joined.to_string()), (0, String::new()));
        ["", "b", "a", "b", "", "a b"].into_iter().for_each(|text| joined.add(text));
        assert_eq!((joined.len(), joined.to_string()), (9, "b; a; a b".to_owned()));
        joined.clear();
        joined.add("a");
        assert_eq!(joined.to_string(), "a");
    }
}
