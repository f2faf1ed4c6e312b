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
    /// Whether its name tells that it is there for security (`recovery_phone`): nothing in it is
    /// ever admitted. In the long form each row says so.
    pub security: bool,
}

/// What a name tells of the identifiers under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) kind: Kind,
    pub(super) hashed: bool,
    pub(super) security: bool,
}

/// How the rows of a list are read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) columns: Vec<Planned>,
    pub(super) groups: Vec<Group>,
    /// Number of fields of a row.
    pub(super) width: usize,
    /// The columns with what an earlier run had written, which a new one replaces.
    matched_on: Option<usize>,
    matched_label: Option<usize>,
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
        let mut plan = Plan::of_identifiers(header)?;
        let scopes = scopes(header, &folded, &plan.columns)?;
        let mut numbers = HashMap::new();
        for (scope, field, cell) in scopes {
            let number = *numbers.entry(scope).or_insert_with(|| {
                plan.groups.push(Group::default());
                plan.groups.len() - 1
            });
            plan.groups[number].fields.push((field, cell));
        }
        for (index, planned) in plan.columns.iter_mut().enumerate() {
            planned.groups = Kind::ALL.map(|kind| {
                let scopes = [Scope::Column(index), Scope::Kind(kind), Scope::Row];
                scopes.iter().filter_map(|scope| numbers.get(scope).copied()).collect()
            });
        }
        Ok(plan)
    }

    /// Reads a header for its identifiers alone, whatever it says of consent.
    ///
    /// # Errors
    ///
    /// As [`Plan::new`].
    pub(super) fn of_identifiers(header: &[String]) -> Result<Plan, String> {
        let folded: Vec<String> = header.iter().map(|name| fold(name)).collect();
        no_name_twice(&folded)?;
        let mut columns = wide(header);
        if columns.is_empty() {
            columns.extend(long(header, &folded));
        }
        if columns.is_empty() {
            return Err(no_identifier(header));
        }
        let position = |folded_name| folded.iter().position(|name| name == folded_name);
        let (matched_on, matched_label) = (position("matchedon"), position("matchedlabel"));
        Ok(Plan { columns, groups: Vec::new(), width: header.len(), matched_on, matched_label })
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
    pub(super) fn cells(&self) -> Vec<usize> {
        let consent = self.groups.iter().flat_map(|g| g.fields.iter().map(|(_, cell)| *cell));
        let mut cells: Vec<usize> = self.identifier_cells().chain(consent).collect();
        cells.sort_unstable();
        cells.dedup();
        cells
    }

    /// The cells with identifiers or their kinds.
    pub(super) fn identifier_cells(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().flat_map(|c| [Some(c.cell), c.kind_cell]).flatten()
    }

    /// The cells that are carried over to matched rows, with labels or without.
    pub(super) fn carried(&self, labelled: bool) -> Vec<usize> {
        let replaced = [self.matched_on, self.matched_label.filter(|_| labelled)];
        (0..self.width).filter(|cell| !replaced.contains(&Some(*cell))).collect()
    }
}

/// What identifiers a column of this name, or a row with this word in its `kind` column, holds.
pub(super) fn meaning(name: &str) -> Option<Meaning> {
    let words = words(name);
    let is = |set: &[&str]| words.iter().any(|word| set.contains(&word.as_str()));
    let known = |word: &String| {
        let digits = word.bytes().all(|b| b.is_ascii_digit());
        digits
            || [EMAIL, PHONE, HASHED, PLACE, FOR_SECURITY]
                .iter()
                .any(|set| set.contains(&word.as_str()))
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
    Some(Meaning { kind, hashed: is(HASHED), security: is(FOR_SECURITY) })
}

/// Columns whose names tell that they hold identifiers.
fn wide(header: &[String]) -> Vec<Planned> {
    let named = header.iter().enumerate().filter_map(|(cell, name)| {
        let Meaning { kind, hashed, security } = meaning(name)?;
        let (name, kind) = (name.trim().to_owned(), Some(kind));
        let column = Column { name, kind, hashed, security };
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
    let column = Column { name, kind: None, hashed: false, security: false };
    Some(Planned { column, cell, kind_cell: Some(kind_cell), groups: Default::default() })
}

/// The consent columns, and whom they speak for. What reads like consent and is not understood is
/// an error: overlooking it could overlook a no.
fn scopes(
    header: &[String],
    folded: &[String],
    columns: &[Planned],
) -> Result<Vec<(Scope, Field, usize)>, String> {
    let mut scopes: Vec<(Scope, Field, usize)> = Vec::new();
    let taken: Vec<usize> =
        columns.iter().flat_map(|c| [Some(c.cell), c.kind_cell]).flatten().collect();
    let others = folded.iter().zip(header).enumerate().filter(|(cell, _)| !taken.contains(cell));
    for (cell, (name, raw)) in others {
        let Some((scope, field)) = consent_column(name, folded, columns) else {
            match reads_like_consent(name, &words(raw)) {
                true => return Err(unattributed(cell)),
                false => continue,
            }
        };
        let same = scopes.iter().find(|(s, f, _)| (*s, *f) == (scope, field));
        if let (Some((_, _, other)), false) = (same, field.adds_up()) {
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

/// What a consent column holds, and for whom: `phone_collected_for` or `collected_for_phone`.
fn consent_column(name: &str, folded: &[String], columns: &[Planned]) -> Option<(Scope, Field)> {
    let before = CONSENT.iter().filter_map(|(n, field)| Some((name.strip_suffix(n)?, *field)));
    let after = CONSENT.iter().filter(|(_, field)| *field != Field::Notice);
    let after = after.filter_map(|(n, field)| Some((name.strip_prefix(n)?, *field)));
    // The shortest rest belongs to the longest name of a field.
    let nearest = |(rest, _): &(&str, Field)| rest.len();
    let found = [before.min_by_key(nearest), after.min_by_key(nearest)];
    let mut found = found.into_iter().flatten();
    found.find_map(|(rest, field)| Some((scope(rest, folded, columns)?, field)))
}

fn scope(rest: &str, folded: &[String], columns: &[Planned]) -> Option<Scope> {
    let named =
        |rest: &str| columns.iter().position(|c| folded.get(c.cell).is_some_and(|n| n == rest));
    let rest = rest.strip_prefix("consent").unwrap_or(rest);
    let rest = rest.strip_suffix("consent").unwrap_or(rest);
    if rest.is_empty() {
        return Some(Scope::Row);
    }
    // `email` is the column of that name if it is the only one, and the kind anyway.
    if let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == rest) {
        return Some(Scope::Kind(kind));
    }
    let of = |kind| columns.iter().filter(|c| c.column.kind == Some(kind)).count();
    if let Some(index) = named(rest) {
        // The only column of a kind and the kind are the same.
        let kind = columns.get(index)?.column.kind.filter(|kind| of(*kind) == 1);
        return Some(kind.map_or(Scope::Column(index), Scope::Kind));
    }
    // Another word for a kind does not tell which of several columns it means.
    let meant = |(kind, set): &(Kind, &[&str])| set.contains(&rest) && of(*kind) <= 1;
    [(Kind::Email, EMAIL), (Kind::Phone, PHONE)].iter().find(|k| meant(k)).map(|k| Scope::Kind(k.0))
}

/// Whether a column that is not understood could be one of consent, or hold a no.
fn reads_like_consent(name: &str, words: &[String]) -> bool {
    let opted = |pair: &[String]| {
        let [first, second] = pair else { return false };
        first == "opt" && ["in", "out", "ins", "outs"].contains(&second.as_str())
    };
    LIKE_CONSENT.iter().any(|part| name.contains(part))
        || words.windows(2).any(opted)
        || words.iter().any(|word| {
            LIKE_CONSENT_WORDS.contains(&word.as_str())
                || ["optin", "optout", "opted"].iter().any(|part| word.starts_with(part))
        })
}

fn unattributed(cell: usize) -> String {
    format!(
        "column {} reads like consent, but its name is none that is known, with or without an \
         identifier column of this list before it; rename it (such as `purposes`, `opt_out`, \
         `expires_at`, `phone_collected_for`), or remove it or give it another name if it has no \
         bearing on consent",
        cell + 1
    )
}

impl Field {
    /// Whether several columns of it say more than one: any no counts, and the earliest end.
    fn adds_up(self) -> bool {
        matches!(self, Field::OptOut | Field::Gpc | Field::WithdrawnAt | Field::ExpiresAt)
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
    "mobilenumber",
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
    "old",
    "new",
    "raw",
    "a",
    "b",
];

/// Words that tell that an identifier was given for security. (`2fa` is two words.)
const FOR_SECURITY: &[&str] = &[
    "backup",
    "recovery",
    "security",
    "secure",
    "fa",
    "tfa",
    "mfa",
    "sv",
    "otp",
    "totp",
    "factor",
    "twofactor",
    "multifactor",
    "two",
    "multi",
    "step",
    "twostep",
    "auth",
    "authn",
    "authentication",
    "authenticator",
    "verification",
    "reset",
    "fraud",
    "alert",
    "alerts",
];

/// Folded names of consent columns.
const CONSENT: &[(&str, Field)] = &[
    ("collectedfor", Field::CollectedFor),
    ("purposes", Field::Purposes),
    ("purpose", Field::Purposes),
    ("consentedat", Field::ConsentedAt),
    ("expiresat", Field::ExpiresAt),
    ("expireson", Field::ExpiresAt),
    ("expires", Field::ExpiresAt),
    ("withdrawnat", Field::WithdrawnAt),
    ("withdrawnon", Field::WithdrawnAt),
    ("withdrawn", Field::WithdrawnAt),
    ("optout", Field::OptOut),
    ("optedout", Field::OptOut),
    ("unsubscribed", Field::OptOut),
    ("donotcontact", Field::OptOut),
    ("donotsell", Field::OptOut),
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

/// Parts of folded names that tell of consent.
const LIKE_CONSENT: &[&str] = &[
    "collectedfor",
    "purpose",
    "aduserdata",
    "adpersonali",
    "tcstring",
    "withdraw",
    "expir",
    "unsub",
    "consent",
    "gdpr",
    "ccpa",
    "revoke",
    "donot",
    "dontcontact",
    "dontsell",
];

/// Words that tell of consent, where they are not part of longer ones.
const LIKE_CONSENT_WORDS: &[&str] = &["gpc", "tcf", "gpp"];

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
            let meaning = meaning(name);
            assert!(meaning.is_none_or(|m| !m.security), "{name}");
            assert_eq!(meaning.map(|m| (m.kind, m.hashed)), expected, "{name}");
        }
    }

    #[test]
    fn names_that_tell_of_security() {
        for name in [
            "recovery_phone",
            "Recovery Email",
            "backup_phone",
            "phone_backup",
            "two_factor_phone",
            "TwoFactorPhone",
            "two-step phone",
            "security_phone",
            "2fa_phone",
            "phone_2fa",
            "2FA Phone",
            "mfa_mobile_number",
            "otp_phone_2",
            "auth_email",
            "verification_phone",
            "password_reset_email",
            "recovery_phone_sha256",
        ] {
            assert!(meaning(name).is_none_or(|m| m.security), "{name}");
        }
        assert!(meaning("2fa_phone").is_some() && meaning("recovery_email").is_some());
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
            ("email,purpose,purposes", "keep one"),
            ("email,phone,phone_purposes,mobile_purposes", "keep one"),
            ("phone_number,phone_collected_for,phone_number_collected_for", "keep one"),
        ] {
            let problem = plan(header).unwrap_err();
            assert!(problem.contains(word), "{header}: {problem}");
            assert!(!problem.contains("@example"), "{problem}");
        }
    }

    #[test]
    fn what_reads_like_consent_is_understood_or_refused() {
        for name in [
            "mobile_collected_for",
            "collected_for_mobile",
            "fax_collected_for",
            "phone_collected_for_purpose",
            "collected_for_2",
            "marketing_purposes",
            "purpose_code",
            "membership_expires_at",
            "expiry",
            "consent",
            "consent_status",
            "email_consent",
            "phone_opt_in",
            "OptIn",
            "optin_date",
            "Opt-in?",
            "marketing_opt_out",
            "opted_out_of_calls",
            "unsubscribe_reason",
            "newsletter_unsubscribed",
            "withdrawal",
            "revoked_at",
            "do_not_call",
            "gdpr_ok",
            "CCPA",
            "iab_tcf_v2",
            "site_gpc",
            "usp_gpp_sid",
            "ad_user_data_2",
        ] {
            let problem = plan(&format!("email,phone,mobile_phone,{name},purposes")).unwrap_err();
            assert!(problem.starts_with("column 4 reads like consent"), "{name}: {problem}");
            let list = ["email", name].map(str::to_owned);
            assert!(Plan::of_identifiers(&list).is_ok(), "a suppression list");
        }
        for name in ["adoption_status", "option", "shop_info", "laptop_in_use", "note", "notices"] {
            assert!(!plan(&format!("email,{name}")).unwrap().has_consent(), "{name}");
        }
    }

    #[test]
    fn natural_names_of_consent_columns() {
        // Columns are email, phone, the one of consent.
        let of = |name: &str| {
            let plan = plan(&format!("email,phone,{name}")).unwrap();
            let spoken = [(0, Kind::Email), (1, Kind::Phone)];
            (plan.groups[0].fields[0].0, spoken.map(|(c, k)| plan.columns[c].groups(k).len() == 1))
        };
        let (row, email, phone) = ([true, true], [true, false], [false, true]);
        for (name, field, whom) in [
            ("phone_number_collected_for", Field::CollectedFor, phone),
            ("mobile_collected_for", Field::CollectedFor, phone),
            ("tel_collected_for", Field::CollectedFor, phone),
            ("collected_for_phone", Field::CollectedFor, phone),
            ("Collected For Mobile Phone", Field::CollectedFor, phone),
            ("phone_consent_purposes", Field::Purposes, phone),
            ("consent_phone_purposes", Field::Purposes, phone),
            ("mail_purposes", Field::Purposes, email),
            ("E-Mail Address Opt-Out", Field::OptOut, email),
            ("opt_out_email", Field::OptOut, email),
            ("email_unsubscribed", Field::OptOut, email),
            ("unsubscribed", Field::OptOut, row),
            ("opted_out", Field::OptOut, row),
            ("do_not_contact", Field::OptOut, row),
            ("do_not_sell", Field::OptOut, row),
            ("withdrawn", Field::WithdrawnAt, row),
            ("consent_withdrawn_on", Field::WithdrawnAt, row),
            ("expires", Field::ExpiresAt, row),
            ("expires_on", Field::ExpiresAt, row),
            ("consent_expires_at", Field::ExpiresAt, row),
        ] {
            assert_eq!(of(name), (field, whom), "{name}");
        }
        // Where a kind has no column, what is said of it has no effect.
        let silent = plan("email,phone_collected_for,mobile_opt_out").unwrap();
        assert!(silent.columns[0].groups(Kind::Email).is_empty());
        // Several noes are all heard.
        assert_eq!(
            plan("email,opt_out,unsubscribed,do_not_sell").unwrap().groups[0].fields.len(),
            3
        );
    }
}
