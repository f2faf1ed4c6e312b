//! The rules of the policy and the counts of the gate.

use jiff::Timestamp;

use super::tcf::tests::core;
use super::*;
use crate::identifier::{Identifier, Kind, Profile, Unreadable};

const NOW: i64 = 1_700_000_000;

fn at(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(second).ok()
}

fn policy() -> Policy {
    Policy::new(Purpose::TARGETED_ADVERTISING, at(NOW).unwrap()).unwrap()
}

/// The ordinary good case.
fn good() -> Record {
    Record {
        collected_for: Purposes::parse("account"),
        purposes: Purposes::parse("TargetedAdvertising"),
        ..Record::default()
    }
}

#[test]
fn every_rule() {
    use Refusal::*;
    let tcf = |purposes: &[u32]| Tcf::parse(&core(purposes, 7, None), None).ok();
    let granted = Some(Signal::Granted);
    let signals =
        Record { ad_user_data: granted, ad_personalization: granted, ..Record::default() };
    let only = |text| Record { collected_for: Purposes::parse(text), ..Record::default() };
    let agreed = |text| Record { purposes: Purposes::parse(text), ..Record::default() };
    let opted_out = Some(Gpp { opted_out: true, tcf: None });
    let cases = [
        (good(), None),
        (agreed("TargetedAdvertising"), None),
        (agreed("TargetedAdvertising; whatever"), None),
        (only("TargetedAdvertising"), None),
        (signals.clone(), None),
        (Record { tcf: tcf(&[1, 3, 4]), ..Record::default() }, None),
        (Record { expires_at: at(NOW + 1), ..good() }, None),
        (Record { withdrawn_at: at(NOW + 1), ..good() }, None),
        (Record { consented_at: at(NOW), ..good() }, None),
        (Record { collected_for: Purposes::parse("2fa"), ..good() }, Some(CollectedForSecurity)),
        (
            Record { collected_for: Purposes::parse("account; 2fa"), ..good() },
            Some(CollectedForSecurity),
        ),
        (
            Record { collected_for: Purposes::parse("2fa"), ..signals.clone() },
            Some(CollectedForSecurity),
        ),
        (agreed("2fa; TargetedAdvertising"), Some(CollectedForSecurity)),
        (Record { withdrawn_at: at(NOW), ..good() }, Some(Withdrawn)),
        (Record { opt_out: true, ..good() }, Some(OptedOut)),
        (Record { gpc: true, ..good() }, Some(Gpc)),
        (Record { ad_user_data: Some(Signal::Unspecified), ..good() }, Some(SignalNotGranted)),
        (Record { ad_personalization: Some(Signal::Denied), ..good() }, Some(SignalNotGranted)),
        (Record { tcf: tcf(&[1, 3]), ..good() }, Some(TcfNotGranted)),
        (Record { gpp: opted_out, ..good() }, Some(GppOptedOut)),
        (Record { unreadable: true, ..good() }, Some(UnreadableConsent)),
        (Record { collected_for: Purposes::parse("whatever"), ..good() }, Some(UnknownPurpose)),
        (agreed("whatever"), Some(UnknownPurpose)),
        (Record { consented_at: at(NOW + 1), ..good() }, Some(NotYetGiven)),
        (Record { expires_at: at(NOW), ..good() }, Some(Expired)),
        (agreed("Marketing"), Some(PurposeNotGranted)),
        (agreed("Advertising"), Some(PurposeNotGranted)),
        (only("account"), Some(PurposeNotGranted)),
        (only("TargetedAdvertising; account"), Some(PurposeNotGranted)),
        (Record { ad_user_data: granted, ..Record::default() }, Some(PurposeNotGranted)),
        (Record { consented_at: at(1), ..Record::default() }, Some(PurposeNotGranted)),
        (Record::default(), Some(NoRecord)),
    ];
    for (record, expected) in cases {
        assert_eq!(policy().judge(&record).err(), expected, "{record:?}");
        let attested = policy().with_attestation("notice 7").unwrap();
        let expected = expected.filter(|refusal| *refusal != NoRecord);
        assert_eq!(attested.judge(&record).err(), expected, "attested {record:?}");
    }
}

#[test]
fn the_first_rule_decides() {
    let everything = Record {
        collected_for: Purposes::parse("2fa"),
        withdrawn_at: at(1),
        opt_out: true,
        gpc: true,
        unreadable: true,
        ..good()
    };
    assert_eq!(policy().judge(&everything), Err(Refusal::CollectedForSecurity));
    let collected_for = Purposes::parse("account");
    let record = Record { collected_for, ..everything };
    assert_eq!(policy().judge(&record), Err(Refusal::Withdrawn));
    let record = Record { withdrawn_at: None, ..record };
    assert_eq!(policy().judge(&record), Err(Refusal::OptedOut));
}

#[test]
fn no_match_for_security_and_no_empty_attestation() {
    let now = Timestamp::now();
    for purpose in Purpose::all() {
        assert_eq!(Policy::new(purpose, now).is_err(), purpose.is_security(), "{purpose}");
    }
    assert!(policy().with_attestation(" ").is_err());
    assert!(policy().with_attestation(&"x".repeat(Policy::MAX_NOTICE + 1)).is_err());
}

#[test]
fn signals_speak_for_advertising_only() {
    let research = Purpose::parse("AcademicResearch").unwrap();
    let policy = Policy::new(research, at(NOW).unwrap()).unwrap();
    let granted = Some(Signal::Granted);
    let record = Record { ad_user_data: granted, ad_personalization: granted, ..Record::default() };
    assert_eq!(policy.judge(&record), Err(Refusal::PurposeNotGranted));
}

fn candidate(value: &str, row: u32, record: Record) -> Candidate {
    let identifier = Identifier::from_normalised(Kind::Email, value);
    Candidate { identifier, row, column: 0, record }
}

fn gate() -> Gate {
    Gate::new(policy(), Profile::default())
}

#[test]
fn one_no_is_a_no() {
    let withdrawn = Record { withdrawn_at: at(1), ..good() };
    let for_security = Record { collected_for: Purposes::parse("2fa"), gpc: true, ..good() };
    let mut gate = gate();
    gate.count_rows(6);
    let offered = vec![
        candidate("a", 0, good()),
        candidate("b", 1, good()),
        candidate("c", 2, good()),
        candidate("b", 3, withdrawn),
        candidate("c", 4, for_security),
    ];
    let outcomes = gate.offer(offered).unwrap();
    assert_eq!(outcomes.iter().filter(|o| matches!(o, Outcome::Admitted(_))).count(), 3);
    gate.count_unreadable(Unreadable::NoIdentifier);
    let (list, removals) = gate.finish_with_removals();
    assert_eq!(list.len(), 1);
    assert_eq!(list.occurrences(0), [Occurrence { row: 0, column: 0 }]);
    let removed: Vec<_> = removals.iter().map(|r| (r.at.row, r.refusal)).collect();
    assert_eq!(removed, [(1, Refusal::Withdrawn), (2, Refusal::CollectedForSecurity)]);
    let tally = list.tally();
    assert_eq!((tally.rows, tally.identifiers, tally.admitted), (6, 6, 1));
    assert_eq!((tally.refused(), tally.unreadable()), (4, 1));
    assert!(tally.is_complete());
}

/// Whatever refuses an identifier somewhere keeps an attestation from admitting it elsewhere; what
/// does not last leaves a row of its own with a record alone.
#[test]
fn an_attestation_speaks_where_nothing_is_on_record_anywhere() {
    let noes = [
        Record { ad_user_data: Some(Signal::Denied), ..good() },
        Record { expires_at: at(1), ..good() },
        Record { purposes: Purposes::parse("Marketing"), ..Record::default() },
        Record { collected_for: Purposes::parse("whatever"), ..Record::default() },
        Record { consented_at: at(NOW + 1), ..good() },
    ];
    for no in noes {
        let refusal = policy().judge(&no).unwrap_err();
        for no_first in [true, false] {
            let attested = policy().with_attestation("as told").unwrap();
            let mut gate = Gate::new(attested, Profile::default());
            let mut offered = vec![
                candidate("a", 0, Record::default()),
                candidate("a", 1, no.clone()),
                candidate("b", 2, Record::default()),
                candidate("c", 3, good()),
                candidate("c", 4, no.clone()),
            ];
            if no_first {
                offered.reverse();
            }
            for one in offered {
                gate.offer(vec![one]).unwrap();
            }
            let (list, removals) = gate.finish_with_removals();
            assert_eq!(list.len(), 2, "{no:?}");
            assert_eq!(removals, [Removal { at: Occurrence { row: 0, column: 0 }, refusal }]);
            assert_eq!(list.tally().attested, 1);
            assert!(list.tally().is_complete());
        }
    }
}

#[test]
fn given_for_security_once_is_given_for_security() {
    let for_security = Record { collected_for: Purposes::parse("2fa"), ..good() };
    let expired = Record { expires_at: at(1), ..Record::default() };
    for attested in [false, true] {
        let policy = match attested {
            true => policy().with_attestation("as told").unwrap(),
            false => policy(),
        };
        let mut gate = Gate::new(policy, Profile::default());
        let mut phone = candidate("a", 0, for_security.clone());
        phone.column = 1;
        let offered = vec![candidate("a", 0, good()), phone, candidate("a", 1, expired.clone())];
        gate.offer(offered).unwrap();
        gate.offer(vec![candidate("a", 2, good()), candidate("a", 3, Record::default())]).unwrap();
        let (list, removals) = gate.finish_with_removals();
        assert!(list.is_empty());
        assert!(removals.iter().all(|r| r.refusal == Refusal::CollectedForSecurity));
        assert_eq!(removals.len(), if attested { 3 } else { 2 });
        assert!(list.tally().is_complete());
    }
}

#[test]
fn what_cannot_be_read_may_be_a_no() {
    let unreadable = Record { unreadable: true, ..good() };
    let mut gate = gate();
    let rows = [("a", good()), ("b", good()), ("c", good()), ("a", unreadable)];
    let offered = rows.into_iter().zip(0..).map(|((v, record), row)| candidate(v, row, record));
    gate.offer(offered.collect()).unwrap();
    gate.veto(vec![Identifier::from_normalised(Kind::Email, "b")]);
    let (list, removals) = gate.finish_with_removals();
    assert_eq!(list.len(), 1);
    let removed: Vec<_> = removals.iter().map(|r| (r.at.row, r.refusal)).collect();
    assert_eq!(removed, [(0, Refusal::UnreadableConsent), (1, Refusal::UnreadableConsent)]);
    assert!(list.tally().is_complete());
}

#[test]
fn duplicates_and_suppression() {
    let suppressed = Suppression::new(vec![Identifier::from_normalised(Kind::Email, "x")]);
    let mut gate = gate().suppressing(suppressed);
    let rows = ["b", "x", "a", "b", "b", "x"];
    let offered = rows.iter().zip(0..).map(|(v, row)| candidate(v, row, good())).collect();
    gate.offer(offered).unwrap();
    let list = gate.finish();
    let tally = list.tally();
    assert_eq!((tally.admitted, tally.distinct, tally.duplicates), (4, 2, 2));
    assert_eq!(tally.refused.get(&Refusal::Suppressed), Some(&2));
    let rows = |i| list.occurrences(i).iter().map(|o| o.row).collect::<Vec<_>>();
    let mut all = [rows(0), rows(1)];
    all.sort();
    assert_eq!(all, [vec![0, 3, 4], vec![2]]);
    assert!(list.occurrences(2).is_empty());
    assert!(list.identifiers().is_sorted_by_key(|i| *i.as_bytes()));
}

#[test]
fn the_earliest_end_and_the_names_in_reports() {
    let mut gate = Gate::new(policy().with_attestation("as told").unwrap(), Profile::default());
    let until = |second| Record { expires_at: at(second), ..good() };
    let refused = Record { expires_at: at(NOW + 1), opt_out: true, ..good() };
    let offered = vec![
        candidate("a", 0, until(NOW + 9)),
        candidate("b", 1, until(NOW + 5)),
        candidate("c", 2, refused),
        candidate("d", 3, Record::default()),
    ];
    gate.offer(offered).unwrap();
    let list = gate.finish();
    assert_eq!(list.valid_until(), at(NOW + 5));
    assert_eq!(list.attestation(), Some("as told"));
    assert_eq!(list.tally().attested, 1);
    let json = serde_json::to_string(list.tally()).unwrap();
    assert!(json.contains(r#""refused":{"opted_out":1}"#), "{json}");
    assert_eq!(std::mem::size_of::<Occurrence>(), 8);
}

#[test]
fn an_empty_list() {
    let list = gate().finish();
    assert!(list.is_empty() && list.tally().is_complete());
}

/// Random and half-right consent strings are read or refused, never a panic.
#[test]
fn hostile_consent_strings() {
    let digits: Vec<char> = ('A'..='Z').chain('a'..='z').chain("0189-_.~ =é".chars()).collect();
    let mut state = 7u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % below
    };
    for round in 0..20_000 {
        let prefix = ["", "C", "DBABM~C", "DBABBg~B", "DBACNY~", "DBAA"][round % 6];
        let tail: String = (0..next(120)).map(|_| digits[next(digits.len())]).collect();
        let text = format!("{prefix}{tail}");
        let _ = Tcf::parse(&text, Some(7));
        let _ = Gpp::parse(&text, None);
        let _ = Purposes::parse(&text);
    }
}
