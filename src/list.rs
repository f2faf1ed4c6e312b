//! Lists: reading files into the gate, and writing the rows that matched.
//!
//! A list is CSV (or its kin with `;`, tab or `|`, plain or compressed with gzip or zstd) or
//! Parquet, and has a header. Names of columns are read without regard to case and separators.
//!
//! | columns | hold |
//! |---|---|
//! | `email`, `phone`, any number of each (`email_2`, `Phone Home`, `mobile`) | identifiers as people write them |
//! | `email_sha256`, `phone_sha256` | digests of normalised identifiers, in hexadecimal or Base64 |
//! | `recovery_phone`, `backup_email`, `2fa_phone`, `otp_phone`, `security_email` and the like | identifiers that were given for security, by their name: never admitted, whatever else is on record |
//! | `kind` and `value` | the long form: one identifier a row; `kind` is one of the names above |
//! | `collected_for`, `purposes`, `consented_at`, `expires_at`, `withdrawn_at`, `opt_out`, `gpc`, `notice`, `ad_user_data`, `ad_personalization`, `tcf`, `gpp` | what is on record of consent: see [`Record`](crate::consent::Record) |
//! | `withdrawn`, `withdrawn_on` (yes, no or a date), `expires`, `expires_on`, `opted_out`, `unsubscribed`, `do_not_contact`, `do_not_sell` | the same as `withdrawn_at`, `expires_at` and `opt_out` |
//! | the same after or before the name of an identifier column or a kind (`phone_collected_for`) | the same for those identifiers alone: see [`Record::within`](crate::consent::Record::within) |
//! | any other | the list's own data, which stays as it is, and can be a [label](Source::labels) or an [amount](Source::amounts) |
//!
//! A column that reads like consent (`consent_status`, `phone_opt_in`, `fax_collected_for`) and is
//! none of these makes the whole list unusable: it could hold a no. So does one that is not of the
//! row, of an identifier column or of a kind. Words such as `mobile` stand for the kind where it has
//! one column at most. Suppression lists are read for their identifiers alone.
//!
//! Rows that cannot be read are counted, named by their number, and never stop a run, unless the
//! caller asks for that. A row with more or fewer fields than the header may have held a no: the
//! identifiers that can be read in it are refused in every other row. (Nothing is read of a row with
//! a lost quotation mark, or of one that is too long.) Rows are numbered from 1 without the header; blank lines are no rows, and
//! do not shift the numbers of others.
//!
//! A list is read as a stream. Matched rows, labels and amounts are found by reading the file a
//! second time.

mod admit;
mod admitted;
mod cells;
mod columns;
mod data;
mod matches;
#[cfg(feature = "parquet")]
mod parquet;
mod people;
mod row_set;
mod rows;
mod source;
mod split;
mod text;
mod texts;
mod write;
#[cfg(feature = "parquet")]
mod write_parquet;

pub use admit::{Admitted, Problem, Progress, Watch, admit, suppression};
pub use columns::Column;
pub use matches::Matches;
pub use people::{MAX_IDENTIFIERS, People, Ranks};
pub use source::{Format, Options, Source};
pub use texts::Texts;
pub use write::Output;
