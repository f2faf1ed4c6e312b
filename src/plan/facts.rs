//! What a way of matching gives to whom, and whom it trusts: in a few words, as the modules of the
//! protocols have it at length.

use super::{Question, Trust, Want, Way};
use crate::pair::LEAST_ENTRIES;
use crate::protocol::{Party, ProtocolName, Reveal};

/// What each side learns, the advertiser's first; besides the size of the other's list.
pub fn learns(way: Way, reveal: Reveal, min_audience: u64) -> [&'static str; 2] {
    let gated = min_audience > 0;
    [Party::Advertiser, Party::Platform].map(|party| match way.protocol {
        ProtocolName::Sum if reveal.gives_matches_to(party) => "how many match, and their total",
        ProtocolName::Sum => "how many match",
        ProtocolName::Pair if party == Party::Advertiser => "a match rate, and IDs that match",
        ProtocolName::Pair => "a match rate, and an ID for each row",
        ProtocolName::Count if reveal.gives_matches_to(party) => "how many match",
        ProtocolName::Labelled if party == Party::Advertiser => "its rows that match, labelled",
        protocol if protocol.gives_matches_to(reveal, party) => "its rows that match",
        _ if reveal == Reveal::Count => "how many match",
        _ if gated && reveal.counts_first() == party => "how many match (counts first)",
        _ => "nothing",
    })
}

/// What the peer may do and still be caught.
pub fn trust(protocol: ProtocolName) -> Trust {
    match protocol {
        ProtocolName::TwoHash => Trust::Malicious,
        ProtocolName::Voprf | ProtocolName::Labelled => Trust::Verifiable,
        _ => Trust::SemiHonest,
    }
}

/// What a protocol is for.
pub fn gives(protocol: ProtocolName, reveal: Reveal) -> Want {
    match protocol {
        ProtocolName::Labelled => Want::Labels,
        ProtocolName::Count => Want::Count,
        ProtocolName::Sum => Want::Sum,
        ProtocolName::Pair => Want::PublisherIds,
        _ if reveal == Reveal::Count => Want::Count,
        _ => Want::Matches,
    }
}

/// Why a way cannot answer a question; `None` where it can.
pub fn problem(way: Way, question: &Question) -> Option<String> {
    let protocol = way.protocol;
    if !protocol.can_reveal(question.reveal) {
        return Some(match question.reveal {
            Reveal::Both => "cannot reveal to both sides".to_owned(),
            Reveal::Count => "cannot reveal a count alone".to_owned(),
            one => format!("cannot reveal to the {one}"),
        });
    }
    let most = question.sizes.into_iter().min().unwrap_or(0);
    if question.min_audience > most {
        let least = question.min_audience;
        return Some(format!("at most {most} can match, and {least} is the minimum audience"));
    }
    if question.min_audience > 0 && !protocol.keeps_minimum_audience() {
        return Some("keeps no minimum audience".into());
    }
    if question.sizes.iter().any(|&size| size > u32::MAX.into()) {
        return Some("a list holds fewer than 2^32 elements".into());
    }
    if protocol == ProtocolName::Pair && question.sizes.iter().any(|&size| size < LEAST_ENTRIES) {
        return Some(format!("PAIR asks for {LEAST_ENTRIES} entries in each list"));
    }
    let most = u128::from(question.sizes[0]) * u128::from(question.clip);
    if protocol == ProtocolName::Sum && most >= u128::from(crate::protocol::TOTAL_LIMIT) {
        return Some("the total could reach 2^40: lower --clip, or count in a larger unit".into());
    }
    None
}
