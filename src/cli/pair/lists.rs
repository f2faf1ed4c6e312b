//! A list in the form that a room matches.

use std::path::Path;
use std::sync::Arc;

use blindmatch::Result;
use blindmatch::pair::MatchList;
use blindmatch::pair::evidence::{Channel, Evidence, Facts};
use blindmatch::session::Outcome;
use jiff::Timestamp;

use super::super::args::ReadArgs;
use super::super::lists::Loaded;
use super::Shared;

/// A list that was read, and its match keys.
pub struct Ready {
    pub loaded: Loaded,
    pub matched: Arc<MatchList>,
}

impl Ready {
    pub fn read(args: &ReadArgs, path: &Path, who: &str, shared: &Shared) -> Result<Ready> {
        let loaded = args.of_pair().load(path, who, shared)?;
        let matched = Arc::new(MatchList::new(Arc::clone(&loaded.list)));
        Ok(Ready { loaded, matched })
    }

    /// What the run can show.
    pub fn evidence(
        &self,
        outcome: &Outcome,
        [adv_pub_id, peer]: [&str; 2],
        at: Timestamp,
        channel: Channel,
    ) -> Evidence {
        let list = &self.loaded.list;
        let facts = Facts {
            adv_pub_id,
            peer,
            at,
            tally: list.tally(),
            admitted_rows: self.matched.rows(),
            attested: list.attestation().is_some(),
            suppressed: self.loaded.suppressed,
            channel,
        };
        Evidence::new(outcome, &facts).expect("the outcome of a session of PAIR")
    }
}
