//! What becomes of a phone number that was given for two-factor authentication?
//!
//! The row below is the one that went wrong in 2019: an e-mail address given for the account, with
//! consent to advertising, and beside it a phone number given to secure that account. The address
//! is admitted, the number is not, and no flag changes that.

use blindmatch::Result;
use blindmatch::consent::{Outcome, Policy, Purpose, Suppression};
use blindmatch::list::{Options, Source, Watch, admit};
use jiff::Timestamp;

const LIST: &str = "\
member,email,email_collected_for,email_purposes,phone,phone_collected_for,phone_purposes
m-1,ada@example.com,AccountManagement,TargetedAdvertising,+1 202 555 0101,two-factor authentication,TargetedAdvertising
m-2,ben@example.com,AccountManagement,,+1 202 555 0102,order,TargetedAdvertising
";

fn main() -> Result<()> {
    let path = std::env::temp_dir().join(format!("blindmatch-consent-{}.csv", std::process::id()));
    std::fs::write(&path, LIST).map_err(blindmatch::Error::io("writing the list"))?;
    let source = Source::open(&path, Options::default())?;

    // Attesting consent for the whole list speaks only for rows that say nothing at all.
    let policy = Policy::new(Purpose::TARGETED_ADVERTISING, Timestamp::now())?
        .with_attestation("everyone agreed to everything")?;
    let admitted = admit(&source, policy, Suppression::default(), &mut Aloud)?;
    println!("{} identifiers can take part in a match", admitted.list.len());

    let security = Purpose::parse("IdentityAuthentication").expect("a DPV purpose");
    println!("and for security: {}", Policy::new(security, Timestamp::now()).unwrap_err());
    std::fs::remove_file(&path).map_err(blindmatch::Error::io("removing the list"))
}

/// Says what becomes of each identifier.
struct Aloud;

impl Watch for Aloud {
    fn wants_outcomes(&self) -> bool {
        true
    }

    fn outcome(&mut self, row: u64, column: Option<&str>, outcome: Outcome) {
        let verdict = match outcome {
            Outcome::Admitted(_) => "admitted".to_owned(),
            Outcome::Refused(refusal) => format!("refused: {refusal}"),
            other => format!("{other:?}"),
        };
        println!("row {row}, {}: {verdict}", column.unwrap_or("the row"));
    }
}
