//! What the columns of a list mean, from their names.

use std::collections::HashMap;

use crate::identifier::Kind;

/// An identifier column of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as the list has it.
    pub name: String,
    /// The kind of its identifiers; `None` where another column names the kind row by row.
    pub kind: Option<Kind>,
    /// Whether it holds SHA-256 digests of normalised values. In the long form each row says so.
    pub hashed: bool,
}

/// How the rows of a list are read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) columns: Vec<Planned>,
    pub(super) groups: Vec<Group>,
    /// Number of fields of a row.
    pub(super) width: usize,
    /// The columns with what an earlier run had written, which a new one replaces.
    pub(super) matched_on: Option<usize>,
}

/// An identifier column, with where its cells and consent stand.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) column: Column,
    pub(super) cell: usize,
    /// The cell that names the kind, in the long form.
    pub(super) kind_cell: Option<usize>,
    /// For each kind, the groups that speak for the column, from narrow to broad.
    groups: [Vec<usize>; Kind::ALL.len()],
}

impl Planned {
    /// The groups of consent columns that speak for identifiers of this kind here.
    pub(super) fn groups(&self, kind: Kind) -> &[usize] {
        let index = Kind::ALL.iter().position(|k| *k == kind).unwrap_or_default();
        &self.groups[index]
    }
}

/// Consent columns that speak for the same identifiers.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) fields: Vec<(Field, usize)>,
}

/// What a consent column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    CollectedFor,
    Purposes,
    ConsentedAt,
    ExpiresAt,
    WithdrawnAt,
    OptOut,
    Gpc,
    Notice,
    AdUserData,
    AdPersonalization,
    Tcf,
    Gpp,
}

/// Whom a consent column speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scope {
    Row,
    Kind(Kind),
    Column(usize),
}

impl Plan {
    /// Reads a header.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong and what to do; it tells columns by their number, because a
    /// list without a header shows data where names should be.
    pub(super) fn new(header: &[String]) -> Result<Plan, String> {
        let folded: Vec<String> = header.iter().map(|name| fold(name)).collect();
        no_name_twice(&folded)?;
        let mut columns = wide(header);
        if columns.is_empty() {
            columns.extend(long(header, &folded));
        }
        if columns.is_empty() {
            return Err(no_identifier(header));
        }
        let scopes = scopes(&folded, &columns)?;
        let mut groups = Vec::new();
        let mut numbers = HashMap::new();
        for (scope, field, cell) in scopes {
            let number = *numbers.entry(scope).or_insert_with(|| {
                groups.push(Group::default());
                groups.len() - 1
            });
            groups[number].fields.push((field, cell));
        }
        for (index, planned) in columns.iter_mut().enumerate() {
            planned.groups = Kind::ALL.map(|kind| {
                let scopes = [Scope::Column(index), Scope::Kind(kind), Scope::Row];
                scopes.iter().filter_map(|scope| numbers.get(scope).copied()).collect()
            });
        }
        let matched_on = folded.iter().position(|name| name == "matchedon");
        Ok(Plan { columns, groups, width: header.len(), matched_on })
    }

    /// Whether any column holds consent.
    pub(super) fn has_consent(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The names of the consent columns, in the order of the list.
    pub(super) fn consent_names(&self, header: &[String]) -> Vec<String> {
        let fields = self.groups.iter().flat_map(|group| &group.fields);
        let mut cells: Vec<usize> = fields.map(|(_, cell)| *cell).collect();
        cells.sort_unstable();
        cells.into_iter().filter_map(|cell| Some(header.get(cell)?.trim().to_owned())).collect()
    }

    /// The cells that are needed to judge a row, in order.
    #[cfg(any(feature = "parquet", test))]
    pub(super) fn cells(&self) -> Vec<usize> {
        let identifiers = self.columns.iter().flat_map(|c| [Some(c.cell), c.kind_cell]).flatten();
        let consent = self.groups.iter().flat_map(|g| g.fields.iter().map(|(_, cell)| *cell));
        let mut cells: Vec<usize> = identifiers.chain(consent).collect();
        cells.sort_unstable();
        cells.dedup();
        cells
    }
}

/// The kind and form of identifiers that a column of this name, or a row with this word in its
/// `kind` column, holds.
pub(super) fn meaning(name: &str) -> Option<(Kind, bool)> {
    let words = words(name);
    let is = |set: &[&str]| words.iter().any(|word| set.contains(&word.as_str()));
    let known = |word: &String| {
        let digits = word.bytes().all(|b| b.is_ascii_digit());
        digits || [EMAIL, PHONE, HASHED, PLACE].iter().any(|set| set.contains(&word.as_str()))
    };
    if !words.iter().all(known) {
        return None;
    }
    let kind = if is(EMAIL) {
        Kind::Email
    } else if is(PHONE) {
        Kind::Phone
    } else {
        return None;
    };
    Some((kind, is(HASHED)))
}

/// Columns whose names tell that they hold identifiers.
fn wide(header: &[String]) -> Vec<Planned> {
    let named = header.iter().enumerate().filter_map(|(cell, name)| {
        let (kind, hashed) = meaning(name)?;
        let column = Column { name: name.trim().to_owned(), kind: Some(kind), hashed };
        Some(Planned { column, cell, kind_cell: None, groups: Default::default() })
    });
    named.collect()
}

/// A column of kinds and one of values.
fn long(header: &[String], folded: &[String]) -> Option<Planned> {
    let position = |names: &[&str]| folded.iter().position(|name| names.contains(&name.as_str()));
    let kind_cell = position(&["kind", "identifierkind", "identifiertype", "type"])?;
    let cell = position(&["value", "identifier", "identifiervalue"])?;
    let name = header.get(cell)?.trim().to_owned();
    let column = Column { name, kind: None, hashed: false };
    Some(Planned { column, cell, kind_cell: Some(kind_cell), groups: Default::default() })
}

/// The consent columns, and whom they speak for.
fn scopes(folded: &[String], columns: &[Planned]) -> Result<Vec<(Scope, Field, usize)>, String> {
    let mut scopes: Vec<(Scope, Field, usize)> = Vec::new();
    let identifiers: Vec<usize> = columns.iter().map(|c| c.cell).collect();
    for (cell, name) in folded.iter().enumerate().filter(|(cell, _)| !identifiers.contains(cell)) {
        let Some((prefix, field)) = consent_name(name) else { continue };
        let Some(scope) = scope(prefix, folded, columns) else {
            if field.is_no() {
                return Err(format!(
                    "column {} reads like an opt-out or withdrawal, but its prefix is no identifier \
                     column; name it after one, or rename it if it has no bearing on consent",
                    cell + 1
                ));
            }
            continue;
        };
        if let Some((_, _, other)) = scopes.iter().find(|(s, f, _)| (*s, *f) == (scope, field)) {
            return Err(format!(
                "columns {} and {} say the same about consent; keep one of them",
                other + 1,
                cell + 1
            ));
        }
        scopes.push((scope, field, cell));
    }
    Ok(scopes)
}

fn scope(prefix: &str, folded: &[String], columns: &[Planned]) -> Option<Scope> {
    if ["", "consent"].contains(&prefix) {
        return Some(Scope::Row);
    }
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == prefix);
    let column = columns.iter().position(|c| folded.get(c.cell).is_some_and(|n| n == prefix));
    match (kind, column) {
        // `email` is the column of that name if it is the only one, and the kind anyway.
        (Some(kind), _) => Some(Scope::Kind(kind)),
        (None, column) => column.map(Scope::Column),
    }
}

/// The part of a folded name before the name of a consent column.
fn consent_name(folded: &str) -> Option<(&str, Field)> {
    let named =
        CONSENT.iter().filter_map(|(name, field)| Some((folded.strip_suffix(name)?, *field)));
    named.min_by_key(|(prefix, _)| prefix.len())
}

impl Field {
    /// Whether overlooking the column could overlook a no.
    fn is_no(self) -> bool {
        matches!(self, Field::OptOut | Field::Gpc | Field::WithdrawnAt)
    }
}

fn no_name_twice(folded: &[String]) -> Result<(), String> {
    let mut seen = HashMap::new();
    for (cell, name) in folded.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(other) = seen.insert(name, cell) {
            return Err(format!(
                "columns {} and {} have the same name; rename one",
                other + 1,
                cell + 1
            ));
        }
    }
    Ok(())
}

fn no_identifier(header: &[String]) -> String {
    let digits = |name: &String| name.bytes().filter(u8::is_ascii_digit).count();
    if header.iter().any(|name| name.contains('@') || digits(name) >= 7) {
        return "the first line holds data, not column names; add a header such as `email,purposes`"
            .into();
    }
    "no identifier column; name one `email`, `phone`, `email_sha256` or `phone_sha256` (or have \
     columns `kind` and `value`)"
        .into()
}

/// Letters and digits alone, in lower case.
pub(super) fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Words of a name: parted by marks, by digits, and where small letters turn into capitals.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in name.chars() {
        let begins = !last.is_alphanumeric()
            || last.is_ascii_digit() != c.is_ascii_digit()
            || (last.is_lowercase() && c.is_uppercase());
        if c.is_alphanumeric() {
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        last = c;
    }
    words
}

const EMAIL: &[&str] = &["email", "mail", "emailaddress"];
const PHONE: &[&str] = &[
    "phone",
    "phonenumber",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "cellphone",
    "mobilephone",
    "msisdn",
];
const HASHED: &[&str] = &["sha", "hash", "hashed"];
/// Words that tell one column of a kind from another.
const PLACE: &[&str] = &[
    "e",
    "address",
    "number",
    "no",
    "home",
    "work",
    "private",
    "personal",
    "business",
    "office",
    "primary",
    "secondary",
    "main",
    "other",
    "alt",
    "alternate",
    "alternative",
    "billing",
    "shipping",
    "contact",
    "customer",
    "user",
    "backup",
    "recovery",
    "old",
    "new",
    "raw",
    "a",
    "b",
];

/// Folded names of consent columns.
const CONSENT: &[(&str, Field)] = &[
    ("collectedfor", Field::CollectedFor),
    ("purposes", Field::Purposes),
    ("purpose", Field::Purposes),
    ("consentedat", Field::ConsentedAt),
    ("expiresat", Field::ExpiresAt),
    ("withdrawnat", Field::WithdrawnAt),
    ("optout", Field::OptOut),
    ("optedout", Field::OptOut),
    ("gpc", Field::Gpc),
    ("notice", Field::Notice),
    ("aduserdata", Field::AdUserData),
    ("adpersonalization", Field::AdPersonalization),
    ("adpersonalisation", Field::AdPersonalization),
    ("tcf", Field::Tcf),
    ("tcfstring", Field::Tcf),
    ("tcstring", Field::Tcf),
    ("gpp", Field::Gpp),
    ("gppstring", Field::Gpp),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_identifier_columns() {
        use Kind::{Email, Phone};
        let cases = [
            ("email", Some((Email, false))),
            ("E-Mail", Some((Email, false))),
            ("EmailAddress", Some((Email, false))),
            ("Email 2", Some((Email, false))),
            ("email2", Some((Email, false))),
            ("work_email", Some((Email, false))),
            ("Email_SHA256", Some((Email, true))),
            ("hashed_email", Some((Email, true))),
            ("phone_home", Some((Phone, false))),
            ("PhoneNumber", Some((Phone, false))),
            ("MOBILE", Some((Phone, false))),
            ("Phone SHA-256", Some((Phone, true))),
            ("email_domain", None),
            ("email_opt_in", None),
            ("phone_type", None),
            ("phone_collected_for", None),
            ("customer_id", None),
            ("contact", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(meaning(name), expected, "{name}");
        }
    }

    fn plan(header: &str) -> Result<Plan, String> {
        Plan::new(&header.split(',').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn whom_consent_columns_speak_for() {
        let plan = plan(
            "id,email,email_2,phone,purposes,email_opt_out,email_2_collected_for,Phone Opt-Out",
        )
        .unwrap();
        let of = |column: usize, kind| {
            let groups = plan.columns[column].groups(kind).iter();
            groups.flat_map(|g| plan.groups[*g].fields.iter().map(|f| f.1)).collect::<Vec<_>>()
        };
        assert_eq!(of(0, Kind::Email), [5, 4]);
        assert_eq!(of(1, Kind::Email), [6, 5, 4]);
        assert_eq!(of(2, Kind::Phone), [7, 4]);
        assert_eq!(plan.cells(), [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn the_long_form() {
        let plan = plan("kind,value,phone_collected_for,purposes").unwrap();
        assert_eq!(plan.columns[0].kind_cell, Some(0));
        assert_eq!(plan.columns[0].groups(Kind::Email).len(), 1);
        assert_eq!(plan.columns[0].groups(Kind::Phone).len(), 2);
    }

    #[test]
    fn unusable_headers() {
        for (header, word) in [
            ("email,E-Mail", "same name"),
            ("id,name", "no identifier column"),
            ("a@example.com,x", "holds data"),
            ("+12025550100,x", "holds data"),
            ("email,marketing_opt_out", "prefix"),
            ("email,purpose,purposes", "keep one"),
        ] {
            let problem = plan(header).unwrap_err();
            assert!(problem.contains(word), "{header}: {problem}");
            assert!(!problem.contains("@example"), "{problem}");
        }
        assert!(!plan("email,membership_expires_at").unwrap().has_consent());
    }
}
