//! A list's own data: a label or an amount for each entry, from a column that is neither
//! identifiers nor consent.

use super::cells::is_null;
use super::columns::{Plan, fold};
use super::row_set::RowSet;
use super::rows::Reader;
use super::source::Source;
use super::texts::{Joined, Texts};
use crate::consent::ConsentedList;
use crate::error::{Error, Result, printable};
use crate::identifier::Kind;

impl Source {
    /// Reads the list a second time for a label of each entry of the [`ConsentedList`] that came of
    /// it, in the list's order: the texts of this column in the rows where the entry was admitted,
    /// in the order of the rows, each once, without the blank ones, joined by `; `. An entry whose
    /// rows are all blank has an empty label.
    ///
    /// The column is named without regard to case and separators. Blanks around a text are left
    /// out; otherwise it is as it stands in the list. From Parquet it is what a CSV of it would
    /// have: numbers in digits, instants in RFC 3339. Nothing is read of rows in which nothing was
    /// admitted.
    ///
    /// Takes about half a microsecond a row. In memory, 8 bytes and the text for each row with an
    /// entry until the end, and 8 bytes and the label for each entry.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for a column of identifiers or consent, and where the list is standard
    /// input; [`Error::Input`] where there is no such column, where the list changed since it was
    /// opened, and, with the row, for a text that is not UTF-8, that makes the label longer than
    /// `most` bytes, or that is itself an e-mail address, an international phone number or a
    /// SHA-256 digest, which a label would hand over; [`Error::Io`].
    pub fn labels(&self, column: &str, list: &ConsentedList, most: usize) -> Result<Texts> {
        let rows = RowSet::of(list);
        let mut texts = Texts::with_capacity(rows.len(), 0);
        let column = self.each(column, &rows, |raw| {
            texts.push([self.label(raw, most)?]);
            Ok(())
        })?;
        let mut labels = Texts::with_capacity(list.len(), texts.bytes());
        let mut label = Joined::default();
        for entry in 0..list.len() {
            label.clear();
            for (row, position) in rows.of_entry(list.occurrences(entry)) {
                label.add(texts.get(position).unwrap_or_default());
                if label.len() > most {
                    return Err(self.bad_cell(row, &column, &too_long(label.len(), most)));
                }
            }
            labels.push(label.parts());
        }
        Ok(labels)
    }

    /// Reads the list a second time for an amount of each entry, as [`Source::labels`] does: the
    /// sum of this column over the rows where the entry was admitted. An entry that stands in
    /// several columns of a row counts once; a row with several entries counts for each of them.
    ///
    /// Amounts are whole numbers from 0 in digits alone, in the smallest unit, such as cents: what
    /// a decimal point or comma means differs from list to list, and binary fractions do not add
    /// up. A blank cell, or one with what databases write for nothing (`NULL`), counts as 0.
    ///
    /// Takes a fifth of a microsecond a row. In memory, 8 bytes for each row with an entry until
    /// the end, and 8 bytes for each entry.
    ///
    /// # Errors
    ///
    /// As [`Source::labels`]; with the row, for anything but an amount, and for a sum of 2^64 or
    /// more.
    pub fn amounts(&self, column: &str, list: &ConsentedList) -> Result<Vec<u64>> {
        self.amounts_where(column, list, |_, _, _| true)
    }

    /// The same with the amount of each row once, for totals: a row with several entries counts for
    /// the one that stands leftmost in it, and not for the others.
    ///
    /// So a total over whatever entries never counts a row twice. It leaves a row out where another of
    /// its entries matches and the leftmost does not: put the identifier that matches best first, or
    /// give each identifier a row and say there what it is worth.
    ///
    /// # Errors
    ///
    /// As [`Source::amounts`].
    pub fn amounts_once(&self, column: &str, list: &ConsentedList) -> Result<Vec<u64>> {
        let rows = RowSet::of(list);
        let mut leftmost = vec![(u32::MAX, usize::MAX); rows.len()];
        for entry in 0..list.len() {
            for at in list.occurrences(entry) {
                if let Some(first) = rows.position(at.row).and_then(|at| leftmost.get_mut(at)) {
                    *first = (*first).min((at.column.into(), entry));
                }
            }
        }
        self.amounts_where(column, list, |rows, row, entry| {
            let first = rows.position(row).and_then(|position| leftmost.get(position));
            first.is_some_and(|(_, first)| *first == entry)
        })
    }

    /// Sums of a column over the rows of each entry that count for it.
    fn amounts_where(
        &self,
        column: &str,
        list: &ConsentedList,
        counts: impl Fn(&RowSet, u32, usize) -> bool,
    ) -> Result<Vec<u64>> {
        let rows = RowSet::of(list);
        let mut amounts = Vec::with_capacity(rows.len());
        let column = self.each(column, &rows, |raw| {
            amounts.push(amount(raw)?);
            Ok(())
        })?;
        let add = |sum: u64, (row, position): (u32, usize)| {
            let sum = sum.checked_add(amounts.get(position).copied().unwrap_or_default());
            sum.ok_or_else(|| self.bad_cell(row, &column, TOO_MUCH))
        };
        let total = |entry: usize| {
            let of_entry = rows.of_entry(list.occurrences(entry));
            of_entry.filter(|(row, _)| counts(&rows, *row, entry)).try_fold(0, add)
        };
        (0..list.len()).map(total).collect()
    }

    /// Reads a column's cells in these rows, in order, and tells the column's own name.
    pub(super) fn each(
        &self,
        column: &str,
        rows: &RowSet,
        mut each: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<String> {
        let what = "columns of its own data can be read";
        self.check_unchanged_before(what)?;
        let reader = Reader::open(self, Default::default())?;
        let (cell, name) = self.own_column(reader.header(), column)?;
        let (mut fields, mut reader) = (reader.fields(), reader.only(vec![cell])?);
        let mut rows = rows.iter().peekable();
        while rows.peek().is_some() {
            let Some(batch) = reader.next_batch()? else { return Err(self.shorter()) };
            while let Some(row) = rows.next_if(|row| batch.holds(*row)) {
                let read = batch.with_row(row, &mut fields, |cells| each(cells.cell(cell)));
                let read = read.map_err(|reason| self.bad_row(row, &reason.to_string()))?;
                read.map_err(|problem| self.bad_cell(row, &name, &problem))?;
            }
        }
        self.check_unchanged_before(what)?;
        Ok(name)
    }

    /// The cell of a column of the list's own data, and its name.
    fn own_column(&self, header: &[String], name: &str) -> Result<(usize, String)> {
        let plan = Plan::new(header).map_err(|problem| self.unusable(problem))?;
        let asked = printable(name.trim());
        let cell = match named(header, name)[..] {
            [cell] => cell,
            [] => {
                let has = own_names(header, &plan);
                return Err(
                    self.unusable(format!("has no column `{asked}` of its own data; {has}"))
                );
            }
            [one, other, ..] => {
                let (one, other) = (one + 1, other + 1);
                return Err(self.unusable(format!(
                    "has columns {one} and {other} of the name `{asked}`; rename one"
                )));
            }
        };
        let refused = |holds: &str| {
            let (list, has) = (self.name(), own_names(header, &plan));
            Err(Error::Misuse(format!("{list}: column `{asked}` holds {holds}; {has}")))
        };
        if plan.identifier_cells().any(|identifier| identifier == cell) {
            return refused("identifiers, which go out blinded or not at all");
        }
        if plan.cells().contains(&cell) {
            return refused("what is on record of consent, which is for the gate alone");
        }
        Ok((cell, asked))
    }

    /// A cell's text, if it can be a label.
    fn label<'a>(&self, raw: &'a [u8], most: usize) -> Result<&'a str, String> {
        let text = std::str::from_utf8(raw).map_err(|_| NOT_UTF8)?.trim();
        if text.len() > most {
            return Err(too_long(text.len(), most));
        }
        match self.is_identifier(text) {
            true => Err(IDENTIFIER.into()),
            false => Ok(text),
        }
    }

    /// Whether a text as a whole is an identifier beyond doubt, or the digest of one.
    fn is_identifier(&self, text: &str) -> bool {
        let of = |kind| self.options.profile.identify(kind, text.as_bytes(), None).is_ok();
        let digest = || matches!(text.len(), 44 | 64); // Base64, hexadecimal
        ((text.contains('@') || digest()) && of(Kind::Email))
            || (text.starts_with('+') && of(Kind::Phone))
    }

    fn bad_cell(&self, row: u32, column: &str, problem: &str) -> Error {
        self.bad_row(row, &format!("column `{column}`: {problem}"))
    }
}

/// The columns that a name means: of the very same name, or else of the same letters and digits.
fn named(header: &[String], name: &str) -> Vec<usize> {
    let (name, folded) = (name.trim(), fold(name));
    let cells = |is: &dyn Fn(&String) -> bool| -> Vec<usize> {
        header.iter().enumerate().filter(|(_, own)| is(own)).map(|(cell, _)| cell).collect()
    };
    let same = cells(&|own| !name.is_empty() && own.trim() == name);
    match same.is_empty() {
        true => cells(&|own| !folded.is_empty() && fold(own) == folded),
        false => same,
    }
}

/// The names of a list's columns of its own data, for people to choose from. A first line without names
/// may hold identifiers, which are not shown.
fn own_names(header: &[String], plan: &Plan) -> String {
    let taken = plan.cells();
    let own = header.iter().enumerate().filter(|(cell, _)| !taken.contains(cell));
    let own = own.filter(|(_, name)| !may_be_personal(name));
    let names: Vec<String> = own
        .map(|(_, name)| format!("`{}`", printable(name.trim())))
        .filter(|n| n != "``")
        .collect();
    match names.len() {
        0 => "it has no column but those of identifiers and consent".into(),
        n if n <= SHOWN => format!("name one of {}", names.join(", ")),
        n => format!("name one of {} or {} others", names[..SHOWN].join(", "), n - SHOWN),
    }
}

/// Whether a name looks like an address, a number or a digest.
fn may_be_personal(name: &str) -> bool {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    name.contains('@') || digits >= 6 || name.trim().len() >= 44
}

pub(super) fn amount(raw: &[u8]) -> Result<u64, String> {
    let text = raw.trim_ascii();
    if is_null(text) {
        return Ok(0);
    }
    if let [b'-', b'0'..=b'9', ..] = text {
        return Err(NEGATIVE.into());
    }
    let digits = text.iter().all(u8::is_ascii_digit).then_some(text);
    let digits = digits.and_then(|text| std::str::from_utf8(text).ok()).ok_or(NOT_WHOLE)?;
    digits.parse().map_err(|_| TOO_MUCH.into())
}

fn too_long(bytes: usize, most: usize) -> String {
    format!("makes a label of {bytes} bytes, more than {most}; shorten it")
}

const NOT_UTF8: &str = "not UTF-8, which a label has to be; save the list as UTF-8";

const IDENTIFIER: &str = "holds an identifier or a digest, which a label would hand over; name \
    another column, or empty the cell";

const NEGATIVE: &str = "is negative; amounts count from 0: leave the cell empty, or keep what is \
    owed back in a column of its own";

const NOT_WHOLE: &str = "is no whole number in digits alone; write amounts in the smallest unit, \
    such as cents, without decimals, separators or signs";

pub(super) const TOO_MUCH: &str = "comes to 2^64 or more; count in a larger unit";

/// Names that are shown to choose from.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_whole_numbers() {
        let cases: [(&str, Result<u64, &str>); 22] = [
            ("0", Ok(0)),
            ("1299", Ok(1299)),
            (" 7\t", Ok(7)),
            ("007", Ok(7)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("", Ok(0)),
            ("  ", Ok(0)),
            ("NULL", Ok(0)),
            ("\\N", Ok(0)),
            ("NaN", Ok(0)),
            ("18446744073709551616", Err(TOO_MUCH)),
            ("-1", Err(NEGATIVE)),
            ("-0.5", Err(NEGATIVE)),
            ("12.50", Err(NOT_WHOLE)),
            ("12.0", Err(NOT_WHOLE)),
            ("12,50", Err(NOT_WHOLE)),
            ("1 299", Err(NOT_WHOLE)),
            ("1e3", Err(NOT_WHOLE)),
            ("+5", Err(NOT_WHOLE)),
            ("$5", Err(NOT_WHOLE)),
            ("\u{663}", Err(NOT_WHOLE)),
            ("-", Err(NOT_WHOLE)),
        ];
        for (text, expected) in cases {
            assert_eq!(amount(text.as_bytes()), expected.map_err(str::to_owned), "{text}");
        }
        assert_eq!(amount(b"\xff"), Err(NOT_WHOLE.into()));
    }

    #[test]
    fn columns_by_name() {
        let header = |names: &str| names.split(',').map(str::to_owned).collect::<Vec<_>>();
        let cells = header("email,Loyalty-Tier, note ,#,#,,%");
        for (name, expected) in [
            ("loyalty_tier", &[1][..]),
            ("LoyaltyTier", &[1]),
            ("Loyalty-Tier", &[1]),
            ("NOTE ", &[2]),
            ("#", &[3, 4]),
            ("%", &[6]),
            ("email", &[0]),
            ("", &[]),
            (" ", &[]),
            ("_", &[]),
            ("tier", &[]),
        ] {
            assert_eq!(named(&cells, name), expected, "{name:?}");
        }
        let plan = Plan::new(&header("email,purposes")).unwrap();
        assert!(own_names(&header("email,purposes"), &plan).contains("no column but"));
        let data = header("email,+4915112345678,bob@example.com,0151 2345678,segment");
        let names = own_names(&data, &Plan::new(&data).unwrap());
        assert_eq!(names, "name one of `segment`");
        let many: Vec<String> = (0..30).map(|n| format!("c{n}")).chain(["email".into()]).collect();
        let names = own_names(&many, &Plan::new(&many).unwrap());
        assert!(names.ends_with("`c18`, `c19` or 10 others"), "{names}");
    }
}
