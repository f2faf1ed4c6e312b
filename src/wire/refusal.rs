//! A session that is refused because a query budget is spent.

use jiff::Timestamp;

use super::fields::Fields;
use crate::error::{Limit, PeerFault, Result, Spent};

/// ```text
/// limit: u8 (1 sessions, 2 elements, 3 epsilon, 4 overlap)
/// used: u64 | asked for: u64 | allowed: u64 | next period, in seconds of Unix time: u64
/// ```
pub(super) fn encode(spent: &Spent, out: &mut Vec<u8>) {
    let until = u64::try_from(spent.until.as_second()).unwrap_or_default();
    out.push(spent.limit.code());
    for number in [spent.used, spent.asked, spent.allowed, until] {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

pub(super) fn decode(payload: &[u8]) -> Result<Spent> {
    let mut fields = Fields::new(payload, MALFORMED);
    let code = fields.byte()?;
    let limit = Limit::ALL.into_iter().find(|limit| limit.code() == code).ok_or(MALFORMED)?;
    let [used, asked, allowed, until] =
        [fields.number()?, fields.number()?, fields.number()?, fields.number()?];
    fields.finish()?;
    let until = i64::try_from(until).ok().and_then(|until| Timestamp::from_second(until).ok());
    Ok(Spent { limit, used, asked, allowed, until: until.ok_or(MALFORMED)? })
}

const MALFORMED: PeerFault = PeerFault::Malformed("refused");
