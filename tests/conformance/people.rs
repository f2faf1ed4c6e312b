//! Where people are counted: every protocol, reveal and minimum audience against a plain loop.

use std::collections::{HashMap, HashSet};

use blindmatch::list::{People, Ranks};
use blindmatch::protocol::Unit;

use super::*;

/// Two lists of people, one a row, with their identifiers.
struct Crowd {
    name: &'static str,
    rows: [Vec<Vec<String>>; 2],
}

/// What a plain loop makes of one side's people.
struct Plain {
    /// The row of each person, and those of its identifiers that are its own, the best first.
    people: Vec<(usize, Vec<String>)>,
}

impl Plain {
    fn new(rows: &[Vec<String>]) -> Plain {
        let mut first_row = HashMap::new();
        for (row, values) in rows.iter().enumerate() {
            for value in values {
                first_row.entry(value.clone()).or_insert(row);
            }
        }
        let mut people = Vec::new();
        for (row, values) in rows.iter().enumerate() {
            let mut own: Vec<String> = Vec::new();
            for phones in [false, true] {
                for value in values {
                    let is_own = first_row[value] == row && !own.contains(value);
                    if is_own && value.starts_with('+') == phones {
                        own.push(value.clone());
                    }
                }
            }
            if !own.is_empty() {
                people.push((row, own));
            }
        }
        Plain { people }
    }

    /// Each person that matches, and by which of its identifiers.
    fn matched<'a>(&'a self, others: &HashSet<String>) -> Vec<(usize, &'a str)> {
        let mut matched = Vec::new();
        for (number, (_, own)) in self.people.iter().enumerate() {
            for value in own {
                if others.contains(value) {
                    matched.push((number, value.as_str()));
                    break;
                }
            }
        }
        matched
    }
}

/// What a person is worth, by its row: some more than the clip.
fn worth(row: usize) -> u64 {
    (row as u64 * 137) % 700
}

impl Crowd {
    fn set(&self, side: usize) -> HashSet<String> {
        self.rows[side].iter().flatten().cloned().collect()
    }

    /// How many people of a side match.
    fn overlap(&self, side: usize) -> u64 {
        Plain::new(&self.rows[side]).matched(&self.set(1 - side)).len() as u64
    }
}

fn email(number: u64) -> String {
    common::address(number)
}

fn phone(number: u64) -> String {
    format!("+1201555{number:04}")
}

/// People who change addresses, share landlines, stand on the list twice, or have several of all.
fn crowds() -> Vec<Crowd> {
    let mut rng = Seeded::new("crowd");
    let mut some = |people: usize, below: u64| -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for _ in 0..people {
            let mut row = Vec::new();
            for _ in 0..rng.below(3) {
                row.push(email(rng.below(below)));
            }
            for _ in 0..rng.below(3) {
                row.push(phone(rng.below(below)));
            }
            rows.push(row);
        }
        rows
    };
    let pair = |n: u64| vec![email(n), phone(n)];
    let family = vec![vec![email(1), phone(9)], vec![email(2), phone(9)], vec![phone(9)]];
    vec![
        Crowd { name: "random", rows: [some(15, 25), some(25, 40)] },
        Crowd {
            name: "crossed",
            rows: [vec![pair(1), vec![email(2)]], vec![vec![phone(1), email(2)]]],
        },
        Crowd { name: "family", rows: [family.clone(), vec![vec![phone(9)], pair(2)]] },
        Crowd { name: "family, the other way", rows: [vec![pair(2), pair(9)], family] },
        Crowd { name: "split there", rows: [vec![pair(1)], vec![vec![email(1)], vec![phone(1)]]] },
        Crowd {
            name: "phone before e-mail",
            rows: [vec![vec![phone(3), email(3)]], vec![pair(3)]],
        },
        Crowd { name: "none", rows: [vec![pair(1), pair(2)], vec![pair(3)]] },
        Crowd { name: "both empty", rows: [vec![], vec![]] },
        Crowd { name: "advertiser empty", rows: [vec![], vec![pair(1)]] },
        Crowd { name: "platform empty", rows: [vec![pair(1)], vec![]] },
    ]
}

/// Who counts the other's people, and whose they are, under a minimum audience.
fn counted(protocol: ProtocolName, reveal: Reveal) -> usize {
    let advertisers = protocol.is_aggregate() || reveal.counts_first() == Party::Platform;
    usize::from(!advertisers)
}

/// Runs it and checks what each side learns.
fn check(crowd: &Crowd, protocol: Protocol, reveal: Reveal, least: u64, transport: Transport) {
    let label = format!("{protocol}, {reveal}, {least}, {}, {transport:?}", crowd.name);
    let made = crowd.rows.each_ref().map(|rows| common::people(rows));
    let plain = crowd.rows.each_ref().map(|rows| Plain::new(rows));
    let sides = protocol.settings(reveal, least).map(|mut settings| {
        settings.unit = Unit::People;
        let party = settings.party;
        let side = usize::from(party == Party::Platform);
        let (list, people) = (made[side].0.clone(), made[side].1.clone());
        let labels = || Labels::new((0..list.len()).map(|index| format!("label {index}"))).unwrap();
        let input = match protocol.name {
            _ if protocol.prepared && side == 1 => prepared(&list).into(),
            ProtocolName::Labelled if side == 1 => {
                Input::with_labels(list.clone(), labels().into())
            }
            ProtocolName::Sum if side == 0 => {
                let values = plain[0].people.iter().map(|(row, _)| worth(*row)).collect();
                Input::with_values_of_people(list, people, Arc::new(Values::new(values)))
            }
            name if name.counts_people_of(reveal, party) => Input::with_people(list, people),
            _ => list.into(),
        };
        Session::new(settings, input).unwrap()
    });
    let (outcomes, _) = transport.run(sides);

    let gate = crowd.overlap(counted(protocol.name, reveal));
    let withheld = least > 0 && gate < least;
    for (side, party) in [Party::Advertiser, Party::Platform].into_iter().enumerate() {
        let (label, answer) = (format!("{label}, {party}"), &outcomes[side].answer);
        assert_eq!(outcomes[side].terms.unit, Unit::People, "{label}");
        assert_eq!(answer.withheld, withheld, "{label}");
        let (list, people) = (&made[side].0, &made[side].1);
        assert_eq!(people.len(), plain[side].people.len(), "{label}");

        let gives = protocol.name.gives_matches_to(reveal, party) && !withheld;
        assert_eq!(answer.matched.is_some(), gives, "{label}");
        if let Some(matched) = &answer.matched {
            let best = people.best(matched).map(|element| {
                let at = list.occurrences(element as usize)[0];
                (
                    people.owner(element).unwrap() as usize,
                    crowd.rows[side][at.row as usize][usize::from(at.column)].as_str(),
                )
            });
            let expected = plain[side].matched(&crowd.set(1 - side));
            assert_eq!(best.collect::<Vec<_>>(), expected, "{label}");
        }

        let compares = match protocol.name.is_aggregate() {
            true => party == Party::Platform,
            false => least > 0 && reveal.counts_first() == party,
        };
        let told = protocol.name == ProtocolName::Sum || reveal.gives_matches_to(party);
        let expected = match (compares, told && !withheld) {
            (true, _) if protocol.name.is_aggregate() => Some(crowd.overlap(0)),
            (true, false) => Some(gate),
            (_, true) if protocol.name.is_aggregate() => Some(crowd.overlap(0)),
            (_, true) => Some(crowd.overlap(side)),
            (false, false) => None,
        };
        assert_eq!(answer.count, expected, "{label}");

        let sums = protocol.name == ProtocolName::Sum && reveal.gives_matches_to(party);
        let mut total = 0;
        for (number, _) in plain[0].matched(&crowd.set(1)) {
            total += worth(plain[0].people[number].0).min(CLIP);
        }
        assert_eq!(answer.sum, (sums && !withheld).then_some(total), "{label}");
    }
}

#[test]
fn people_are_counted_once_by_every_protocol() {
    for protocol in protocols() {
        for (number, crowd) in crowds().iter().enumerate() {
            for reveal in protocol.reveals() {
                let mut audiences = audiences(crowd.overlap(counted(protocol.name, reveal)));
                audiences.retain(|least| protocol.least(*least) == *least);
                audiences.retain(|least| protocol.name.can_count_people(reveal, *least));
                for least in audiences {
                    let transport = Transport::ALL[number % 2];
                    check(crowd, protocol, reveal, least, transport);
                }
            }
        }
    }
}

/// Grouping, values and tags span frames: 32,768 numbers, 8,192 values.
#[test]
fn people_span_frames() {
    let mut rows = [Vec::new(), Vec::new()];
    for number in 0..16_500 {
        rows[0].push(vec![email(number), phone(number)]);
    }
    rows[1].extend([vec![phone(16_499)], vec![email(3), phone(3)], vec![email(99_999)]]);
    let crowd = Crowd { name: "many", rows };
    for name in [ProtocolName::Sum, ProtocolName::Count] {
        check(&crowd, Protocol { name, ..DH }, Reveal::Advertiser, 2, Transport::Memory);
    }
    check(&crowd, DH, Reveal::Both, 2, Transport::Memory);
}

/// What cannot be counted in people is said before anything is sent, by whoever asks for it; and people
/// come from the side whose they are, and from nobody else.
#[test]
fn what_cannot_be_counted_in_people_is_an_error() {
    for protocol in protocols() {
        for reveal in protocol.reveals() {
            for least in [0, 1] {
                if protocol.least(least) != least {
                    continue;
                }
                for mut settings in protocol.settings(reveal, least) {
                    settings.unit = Unit::People;
                    let (list, people) = common::people([["a@example.com", "+12015550100"]]);
                    let brings = protocol.name.counts_people_of(reveal, settings.party);
                    let labels = Arc::new(Labels::new(["x", "y"]).unwrap());
                    let values = Arc::new(Values::new(vec![7]));
                    let input = match (protocol.name, settings.party) {
                        (ProtocolName::Labelled, Party::Platform) => {
                            Input::with_labels(list.clone(), labels)
                        }
                        (ProtocolName::Sum, Party::Advertiser) => {
                            Input::with_values_of_people(list.clone(), people.clone(), values)
                        }
                        _ if brings => Input::with_people(list.clone(), people.clone()),
                        _ => list.clone().into(),
                    };
                    let can = match protocol.name {
                        ProtocolName::Dh => reveal != Reveal::Count,
                        ProtocolName::Count => (reveal, least) != (Reveal::Platform, 1),
                        _ => true,
                    };
                    let new = Session::new(settings.clone(), input.clone());
                    assert_eq!(new.is_ok(), can, "{protocol} {reveal} {least}");
                    assert!(can || matches!(new.err().unwrap(), Error::Misuse(_)));
                    // The same without people, or with people where nobody counts them.
                    let wrong = match brings {
                        true => list.clone().into(),
                        false => Input::with_people(list, people),
                    };
                    let refused = Session::new(settings.clone(), wrong).err();
                    assert!(matches!(refused, Some(Error::Misuse(_))), "{protocol} {reveal}");
                    settings.unit = Unit::Identifiers;
                    assert_eq!(Session::new(settings, input).is_ok(), !brings, "{protocol}");
                }
            }
        }
    }
}

/// One side counts people, the other identifiers.
#[test]
fn both_sides_must_count_the_same() {
    let (list, people) = common::people([["a@example.com", "+12015550100"]]);
    for speaker in [0, 1] {
        let mut settings = common::settings(Reveal::Both, 0);
        settings[speaker].unit = Unit::People;
        let sides = settings.map(|settings| {
            let input = match settings.unit {
                Unit::People => Input::with_people(list.clone(), people.clone()),
                Unit::Identifiers => list.clone().into(),
            };
            Session::new(settings, input).unwrap()
        });
        let error = common::pump(sides, None).err().unwrap().to_string();
        let both = ["identifiers", "people"];
        let (ours, theirs) = (both[1 - speaker], both[speaker]);
        let [a, b] = if speaker == 0 { [theirs, ours] } else { [theirs, ours] };
        let known = [
            format!("counting differs: ours is {a}, the peer's is {b}"),
            format!("counting differs: ours is {b}, the peer's is {a}"),
        ];
        assert!(known.contains(&error), "{error}");
    }
}

/// Ranks decide by what a person matched, and nothing else.
#[test]
fn ranks_decide_by_what_people_matched() {
    let (list, _) = common::people([["+12015550100", "b@example.com", "a@example.com"]]);
    let all: Vec<u32> = (0..3).collect();
    for (ranks, column) in [("email,phone", 1), ("phone", 0), ("email", 1), (" phone , email", 0)] {
        let people = People::by_row(&list, Ranks::parse(ranks).unwrap()).unwrap();
        let best: Vec<u32> = people.best(&all).collect();
        let [best] = best[..] else { panic!("{best:?}") };
        assert_eq!(list.occurrences(best as usize)[0].column, column, "{ranks}");
        assert_eq!((people.count(&all), people.count(&[]), people.count(&[2])), (1, 0, 1));
    }
    for wrong in ["", "fax", "email,email", "email,,phone", "email;phone"] {
        assert!(matches!(Ranks::parse(wrong), Err(Error::Misuse(_))), "{wrong}");
    }
}

/// People in several rows, by a key; rows without a key are people of their own.
#[test]
fn rows_with_the_same_key_are_one_person() {
    let rows = [["a@example.com"], ["b@example.com"], ["+12015550100"], ["+12015550101"]];
    let (list, _) = common::people(rows);
    let keys = [Some("ann"), Some("ben"), Some("ann"), None];
    let people = People::by_key(&list, Ranks::default(), |row| keys[row as usize]).unwrap();
    let rows_of = |person| {
        let of = people.identifiers(person).iter();
        of.map(|element| list.occurrences(*element as usize)[0].row).collect::<Vec<_>>()
    };
    assert_eq!((0..4).map(rows_of).collect::<Vec<_>>(), [vec![0, 2], vec![1], vec![3], vec![]]);
    assert_eq!((people.len(), people.shared()), (3, 0));
    let many: Vec<String> = (0..65).map(email).collect();
    let (list, _) = common::people(many.chunks(1));
    let refused = People::by_key(&list, Ranks::default(), |_| Some("x"));
    assert!(refused.unwrap_err().to_string().contains("more than 64 identifiers"));
    assert_eq!(People::by_key(&list, Ranks::default(), |row| Some(row % 2)).unwrap().len(), 2);
}

/// Identifiers of several people are counted; those of rows that only repeat are not.
#[test]
fn shared_identifiers_belong_to_the_first() {
    let family = [&["a@example.com", "+12015550100"][..], &["b@example.com", "+12015550100"]];
    let twice = [&["a@example.com", "+12015550100"][..], &["+12015550100"], &["a@example.com"]];
    let (_, family) = common::people(family);
    let (_, twice) = common::people(twice);
    assert_eq!((family.len(), family.shared()), (2, 1));
    assert_eq!((twice.len(), twice.shared()), (1, 0));
}
