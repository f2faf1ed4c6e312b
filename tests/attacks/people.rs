//! Attacks on what one side says of its people, who have two identifiers each here.

use super::*;

/// Those in which the cheating side says which of its elements are one person's.
fn givers() -> Vec<Attack> {
    let people = |a: &Attack| a.unit == Unit::People;
    let aggregate = |a: &Attack| a.protocol.is_aggregate() && a.cheat == Party::Advertiser;
    let gated = all()
        .into_iter()
        .filter(|a| a.protocol == ProtocolName::Dh && a.cheat != a.reveal.counts_first());
    let gated = gated.map(|a| Attack { least: 2, ..a });
    all().into_iter().filter(aggregate).chain(gated).filter(people).collect()
}

/// Sums of people, the cheating side bringing values.
fn sums() -> impl Iterator<Item = Attack> {
    givers().into_iter().filter(|a| a.protocol == ProtocolName::Sum)
}

/// Six people against fifteen, of whom three have both of their identifiers on both lists.
fn pairs(attack: Attack) -> [Session; 2] {
    of(attack, addresses(0..12).chunks(2), addresses(6..36).chunks(2))
}

/// People with these identifiers.
fn of<'a>(
    attack: Attack,
    advertiser: impl Iterator<Item = &'a [String]>,
    platform: impl Iterator<Item = &'a [String]>,
) -> [Session; 2] {
    let [ours, theirs] = common::settings(attack.reveal, attack.least);
    let lists = [common::people(advertiser), common::people(platform)];
    let mut sessions = [ours, theirs].into_iter().zip(lists).map(|(mut settings, list)| {
        settings.protocol = attack.protocol;
        settings.unit = attack.unit;
        settings.clip = (attack.protocol == ProtocolName::Sum).then_some(1000);
        let (list, people) = list;
        let input = match attack.protocol.counts_people_of(attack.reveal, settings.party) {
            true => common::with_people(list, people, attack.protocol),
            false => list.into(),
        };
        let rng = common::Seeded::new(format!("people {}", settings.party));
        Session::with_rng(settings, input, rng).unwrap()
    });
    [sessions.next().unwrap(), sessions.next().unwrap()]
}

/// What becomes of a change to the numbers of people.
fn change(attack: Attack, mut change: impl FnMut(&mut Vec<u32>)) -> Result<Outcome, Error> {
    attack.run_between(pairs(attack), &mut |mut frame| {
        if let Frame::People(run) = &mut frame {
            change(run);
        }
        vec![frame]
    })
}

/// The frame that is due after people.
fn next(attack: Attack) -> PeerFault {
    PeerFault::Unexpected(if attack.protocol == ProtocolName::Sum { 0x30 } else { 0x12 })
}

/// Elements of the giver in [`pairs`].
fn elements(attack: Attack) -> u64 {
    if attack.cheat == Party::Advertiser { 12 } else { 30 }
}

#[test]
fn people_are_counted_once_whoever_asks() {
    assert!(givers().len() >= 7);
    for attack in givers() {
        let mut seen = 0;
        let outcome = change(attack, |run| seen += run.len()).unwrap();
        assert_eq!(seen as u64, elements(attack), "{attack:?}");
        assert_eq!(outcome.answer.count, Some(3), "{attack:?}");
    }
}

#[test]
fn numbers_that_skip_one_are_named_by_their_position() {
    for attack in givers() {
        for number in [1, 2, 11, 12, 1 << 31, u32::MAX] {
            let end = change(attack, |run| run[0] = number);
            let problem = "a number skips another";
            let expected = PeerFault::BadPeople { position: 0, problem };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
        for position in 1..12 {
            let end = change(attack, |run| {
                let next = 1 + run[..position].iter().max().unwrap();
                run[position] = next + 1;
            });
            let fault = blamed(attack, end);
            let position = position as u64;
            assert!(matches!(fault, PeerFault::BadPeople { position: p, .. } if p == position));
        }
    }
}

#[test]
fn more_or_fewer_numbers_than_elements_are_refused() {
    for attack in givers() {
        let expected = elements(attack);
        let end = change(attack, |run| run.push(0));
        let what = "numbers of people";
        let fault = PeerFault::WrongCount { what, got: expected + 1, expected };
        assert_eq!(blamed(attack, end), fault, "{attack:?}");
        let end = change(attack, |run| *run = vec![0; 1 << 15]);
        let fault = PeerFault::WrongCount { what, got: 1 << 15, expected };
        assert_eq!(blamed(attack, end), fault, "{attack:?}");
        let end = change(attack, |run| run.truncate(elements(attack) as usize - 1));
        assert_eq!(blamed(attack, end), next(attack), "{attack:?}");
        let end = attack.run_between(pairs(attack), &mut |frame| match frame {
            Frame::People(_) => vec![],
            frame => vec![frame],
        });
        assert_eq!(blamed(attack, end), next(attack), "{attack:?}");
        let end = attack.run_between(pairs(attack), &mut |frame| match frame {
            Frame::People(run) => vec![Frame::People(run.clone()), Frame::People(run)],
            frame => vec![frame],
        });
        // Twice as many, or not due any more.
        assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x15), "{attack:?}");
    }
}

/// In several frames they are the same people.
#[test]
fn numbers_may_come_one_by_one() {
    for attack in givers() {
        let end = attack.run_between(pairs(attack), &mut |frame| match frame {
            Frame::People(run) => run.iter().map(|number| Frame::People(vec![*number])).collect(),
            frame => vec![frame],
        });
        assert_eq!(end.unwrap().answer.count, Some(3), "{attack:?}");
    }
}

#[test]
fn a_person_with_too_many_identifiers_is_refused() {
    let (many, others) = (addresses(0..70), addresses(0..2));
    for attack in givers() {
        let (many, others) = (many.chunks(2), others.chunks(2));
        let sides = match attack.cheat {
            Party::Advertiser => of(attack, many, others),
            Party::Platform => of(attack, others, many),
        };
        let end = attack.run_between(sides, &mut |mut frame| {
            if let Frame::People(run) = &mut frame {
                run.fill(0);
            }
            vec![frame]
        });
        let problem = "a person has too many identifiers";
        let expected = PeerFault::BadPeople { position: 64, problem };
        assert_eq!(blamed(attack, end), expected, "{attack:?}");
    }
}

/// People of whom nobody asked: where identifiers are counted, from the side that compares, where
/// nothing is counted for the other side, and at the wrong time.
#[test]
fn people_that_are_not_due_are_refused() {
    let due = |a: &Attack| givers().iter().any(|b| (b.protocol, b.cheat) == (a.protocol, a.cheat));
    for attack in all() {
        if attack.unit == Unit::People && attack.protocol.is_aggregate() && due(&attack) {
            continue;
        }
        let mut frames = 0;
        attack.change(|_| frames += 1).unwrap();
        for at in 0..frames {
            let mut index = 0;
            let end = attack.run(&mut |frame| {
                index += 1;
                let people = (index == at + 1).then(|| Frame::People(vec![0]));
                people.into_iter().chain([frame]).collect()
            });
            // Before a hello it is no blindmatch peer.
            let expected = [PeerFault::Unexpected(0x15), PeerFault::NotBlindmatch];
            assert_eq!(blamed(attack, end), expected[usize::from(at == 0)], "{attack:?} {at}");
        }
    }
    for attack in givers() {
        for late in [0x12, 0x31] {
            let mut people = None;
            let end = attack.run_between(pairs(attack), &mut |frame| match frame {
                Frame::People(run) if late == 0x12 => vec![Frame::People(run.clone()), {
                    people = Some(run);
                    Frame::KeepAlive
                }],
                Frame::Tags(tags) => {
                    let again = people.take().map(Frame::People);
                    [Frame::Tags(tags)].into_iter().chain(again).collect()
                }
                frame => vec![frame],
            });
            match late {
                0x12 => assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x15)),
                _ => assert!(end.is_ok()),
            }
        }
    }
}

/// One value a person: a value for each identifier would add a person's twice.
#[test]
fn a_value_for_each_identifier_is_refused() {
    for attack in sums() {
        let end = attack.run_between(pairs(attack), &mut |mut frame| {
            if let Frame::Ciphertexts(run) = &mut frame {
                *run = run.iter().flat_map(|one| [*one; 2]).collect();
            }
            vec![frame]
        });
        let fault = PeerFault::WrongCount { what: "ciphertexts", got: 12, expected: 6 };
        assert_eq!(blamed(attack, end), fault, "{attack:?}");
        let end = attack.run_between(pairs(attack), &mut |mut frame| {
            if let Frame::Ciphertexts(run) = &mut frame {
                run.pop();
            }
            vec![frame]
        });
        assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x12), "{attack:?}");
    }
}

/// More people than there are: more than the other side has is impossible, however many identifiers
/// there are.
#[test]
fn a_count_of_identifiers_is_noticed_where_it_exceeds_the_people() {
    for attack in all().into_iter().filter(|a| a.unit == Unit::People) {
        let told = attack.protocol.is_aggregate() && attack.cheat == Party::Platform;
        if !told || attack.protocol == ProtocolName::Count && attack.reveal == Reveal::Platform {
            continue;
        }
        for (count, possible) in [(6, true), (7, false), (12, false)] {
            let end = attack.run_between(pairs(attack), &mut |frame| match frame {
                Frame::Count(_) => vec![Frame::Count(count)],
                frame => vec![frame],
            });
            match possible {
                true => assert!(end.is_ok(), "{attack:?}"),
                false => assert_eq!(blamed(attack, end), PeerFault::Malformed("count")),
            }
        }
    }
}

/// A minimum audience that nobody could keep, from a peer that asks for it all the same.
#[test]
fn a_minimum_audience_that_nobody_keeps_is_refused() {
    let attack = |a: &Attack| {
        (a.protocol, a.reveal, a.unit) == (ProtocolName::Count, Reveal::Platform, Unit::People)
    };
    for attack in all().into_iter().filter(attack) {
        let sides = attack.sessions();
        let end = attack.run_between(sides, &mut |frame| match frame {
            Frame::Hello(hello) => {
                vec![Frame::Hello(blindmatch::wire::Hello { min_audience: Some(5), ..hello })]
            }
            frame => vec![frame],
        });
        let field = |error| match error {
            Error::Incompatible { field, .. } => field,
            error => panic!("{error:?}"),
        };
        assert_eq!(end.map_err(field).err(), Some("minimum audience"), "{attack:?}");
    }
}

/// A release that is below the minimum audience in people, but not in identifiers.
#[test]
fn a_release_to_fewer_people_is_refused_though_their_identifiers_were_enough() {
    let gated = |a: &Attack| {
        let counts = a.protocol == ProtocolName::Dh && a.cheat == a.reveal.counts_first();
        counts && a.unit == Unit::People
    };
    for attack in all().into_iter().filter(gated) {
        for (least, enough) in [(3, true), (4, false), (6, false)] {
            let attack = Attack { least, ..attack };
            let end = attack.run_between(pairs(attack), &mut |frame| match frame {
                Frame::Withheld => vec![Frame::Released],
                frame => vec![frame],
            });
            // A counter that withholds goes no further: the other side waits in vain for its tags.
            assert_eq!(end.is_ok(), enough, "{attack:?}");
        }
    }
}

/// Who is one person is the giver's word. One that parts its people makes an audience of fewer; one
/// that joins them hides some.
#[test]
fn undetected_by_design_a_giver_may_part_or_join_its_people() {
    let part = |run: &mut Vec<u32>| run.iter_mut().zip(0..).for_each(|(n, i)| *n = i);
    for attack in givers() {
        match attack.protocol {
            // A value for each of them is needed then.
            ProtocolName::Sum => {
                assert_eq!(blamed(attack, change(attack, part)), PeerFault::Unexpected(0x12));
            }
            ProtocolName::Count => {
                assert_eq!(change(attack, part).unwrap().answer.count, Some(6), "{attack:?}");
                let joined = change(attack, |run| run.fill(0));
                assert_eq!(joined.unwrap().answer.count, Some(1), "{attack:?}");
            }
            _ => {
                let attack = Attack { least: 6, ..attack };
                assert!(change(attack, |_| {}).unwrap().answer.withheld, "{attack:?}");
                assert!(!change(attack, part).unwrap().answer.withheld, "{attack:?}");
            }
        }
    }
}

/// Kinds and ranks stay at home: the same bytes cross whatever the order in which kinds are asked.
#[test]
fn ranks_are_not_told() {
    for attack in givers() {
        let traffic = ["email,phone", "phone,email"].map(|ranks| {
            let ranks = Ranks::parse(ranks).unwrap();
            let sides = [Party::Advertiser, Party::Platform].map(|party| {
                let numbers = if party == Party::Advertiser { 0..6 } else { 3..9 };
                let row = |n: u64| [common::address(n), format!("+1201555{:04}", 100 + n)];
                let (list, _) = common::people(numbers.map(row));
                let people = Arc::new(People::by_row(&list, ranks).unwrap());
                let mut settings = common::settings(attack.reveal, attack.least)
                    [usize::from(party == Party::Platform)]
                .clone();
                settings.protocol = attack.protocol;
                settings.unit = attack.unit;
                settings.clip = (attack.protocol == ProtocolName::Sum).then_some(1000);
                let input = match attack.protocol.counts_people_of(attack.reveal, party) {
                    true => common::with_people(list, people, attack.protocol),
                    false => list.into(),
                };
                let rng = common::Seeded::new(format!("ranks {party}"));
                Session::with_rng(settings, input, rng).unwrap()
            });
            common::pump(sides, None).unwrap().1
        });
        assert_eq!(traffic[0], traffic[1], "{attack:?}");
    }
}
