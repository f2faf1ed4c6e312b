//! The answer by other means: the example lists read with the `csv` crate, with just as much of
//! normalisation and consent as they need, written anew.

use std::collections::{BTreeMap, BTreeSet};

use crate::program::Folder;

/// A list as the oracle sees it.
pub struct Oracle {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Row and column of every identifier that may be matched.
    given: Vec<(usize, usize, String)>,
}

/// What the oracle makes of a record.
enum Verdict {
    Yes,
    No,
    /// Not in any other row either.
    Never,
}

impl Oracle {
    /// Reads an example list, refusing what is suppressed.
    pub fn read(folder: &Folder, name: &str, suppressed: &[&str]) -> Oracle {
        let text: String = folder
            .read(name)
            .lines()
            .filter(|l| !l.starts_with(LOST_QUOTE))
            .fold(String::new(), |text, line| text + line + "\n");
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        let whole = reader.records().map(Result::unwrap).filter(|row| row.len() == header.len());
        let rows: Vec<Vec<_>> = whole.map(|row| row.iter().map(str::to_owned).collect()).collect();
        let mut oracle = Oracle { header, rows, given: Vec::new() };
        oracle.give(suppressed);
        oracle
    }

    fn give(&mut self, suppressed: &[&str]) {
        let mut never: BTreeSet<String> = suppressed.iter().map(|s| (*s).to_owned()).collect();
        for (row, cells) in self.rows.iter().enumerate() {
            for (column, name) in self.header.iter().enumerate() {
                let Some(identifier) = identifier(name, &cells[column]) else { continue };
                match verdict(&self.record(cells), name) {
                    Verdict::Yes => self.given.push((row, column, identifier)),
                    Verdict::No => {}
                    Verdict::Never => drop(never.insert(identifier)),
                }
            }
        }
        self.given.retain(|(_, _, identifier)| !never.contains(identifier));
    }

    fn record<'a>(&'a self, cells: &'a [String]) -> BTreeMap<&'a str, &'a str> {
        self.header.iter().map(String::as_str).zip(cells.iter().map(|cell| cell.trim())).collect()
    }

    fn identifiers(&self) -> BTreeSet<&str> {
        self.given.iter().map(|(_, _, identifier)| identifier.as_str()).collect()
    }

    /// How many identifiers both lists have.
    pub fn common(&self, other: &Oracle) -> usize {
        self.identifiers().intersection(&other.identifiers()).count()
    }

    /// The file of our people who matched, as a table: an identifier is of the first row that has it,
    /// and addresses, which stand left of numbers, are asked first.
    pub fn matched_people(&self, other: &Oracle) -> Vec<Vec<String>> {
        let theirs = other.identifiers();
        let (mut seen, mut on) = (BTreeSet::new(), BTreeMap::new());
        for (row, column, identifier) in &self.given {
            if seen.insert(identifier) && theirs.contains(identifier.as_str()) {
                on.entry(*row).or_insert(&self.header[*column]);
            }
        }
        let with = |cells: &[String], last: &str| [cells, &[last.to_owned()]].concat();
        let rows = on.into_iter().map(|(row, on)| with(&self.rows[row], on));
        [with(&self.header, "matched_on")].into_iter().chain(rows).collect()
    }

    /// The file of our rows that matched, as a table.
    pub fn matched(&self, other: &Oracle) -> Vec<Vec<String>> {
        let theirs = other.identifiers();
        let mut on: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (row, column, identifier) in &self.given {
            if theirs.contains(identifier.as_str()) {
                on.entry(*row).or_default().push(&self.header[*column]);
            }
        }
        let with = |cells: &[String], last: String| [cells, &[last]].concat();
        let rows = on.into_iter().map(|(row, on)| with(&self.rows[row], on.join(";")));
        [with(&self.header, "matched_on".into())].into_iter().chain(rows).collect()
    }
}

fn identifier(column: &str, cell: &str) -> Option<String> {
    match column {
        "email" => {
            let address = cell.trim().to_ascii_lowercase();
            let (local, domain) = address.split_once('@')?;
            (!local.is_empty() && !domain.is_empty()).then_some(address)
        }
        "phone" | "mobile" => {
            let cell = cell.replace("(0)", "").replace('＋', "+");
            let digit = |c: char| match c {
                '０'..='９' => char::from_digit(c as u32 - '０' as u32, 10),
                c => c.is_ascii_digit().then_some(c),
            };
            cell.starts_with('+').then(|| cell.chars().filter_map(digit).collect())
        }
        _ => None,
    }
}

fn verdict(record: &BTreeMap<&str, &str>, column: &str) -> Verdict {
    let cell = |name: &str| record.get(name).copied().unwrap_or_default();
    let now = jiff::Timestamp::now().to_string(); // dates in ISO 8601 compare as text
    let past = |date: &str| !date.is_empty() && date < now.as_str();
    let gpp = cell("gpp");
    let gpp_no = gpp.contains("VVW") || gpp.contains("VVp") || gpp.ends_with(".Y");
    let narrow = record.get(format!("{column}_collected_for").as_str()).copied();
    let collected_for =
        narrow.filter(|cell| !cell.is_empty()).unwrap_or_else(|| cell("collected_for"));
    let no = past(cell("withdrawn_at")) || cell("opt_out") == "yes" || cell("gpc") == "true";
    if no || gpp_no || SECURITY.contains(&collected_for) {
        return Verdict::Never;
    }
    let signals = [cell("ad_user_data"), cell("ad_personalization")];
    let tcf = cell("tcf");
    let tcf_yes = tcf.contains("FgAPLA"); // purposes 1, 3 and 4 among those consented to
    let dates = ["consented_at", "expires_at"].map(cell);
    let bad = collected_for == "raffle 2019"
        || signals.iter().any(|signal| !["", "GRANTED"].contains(signal))
        || (!tcf.is_empty() && !tcf_yes)
        || dates.iter().any(|date| !date.is_empty() && !date.starts_with("20"))
        || (!dates[0].is_empty() && !past(dates[0]))
        || past(dates[1]);
    let mut purposes =
        cell("purposes").split(';').map(|purpose| purpose.trim_start_matches("dpv:"));
    let granted =
        purposes.any(|p| p == "TargetedAdvertising") || signals == ["GRANTED"; 2] || tcf_yes;
    if granted && !bad { Verdict::Yes } else { Verdict::No }
}

const SECURITY: [&str; 5] =
    ["2fa", "two_factor", "two-factor authentication", "login", "account_recovery"];

/// The row that opens a quotation mark and never closes it.
const LOST_QUOTE: &str = "C19998,";
