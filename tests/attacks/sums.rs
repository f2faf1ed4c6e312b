//! Attacks on counts and sums.

use super::*;

/// A key for values without its private half: one for which the total is known to somebody else, or
/// one that was the other side's in another session.
#[test]
fn a_key_for_values_without_a_proof_is_refused() {
    for attack in Attack::sums(Party::Advertiser) {
        for bit in [0, 100, 255, 300, 511] {
            let end = attack.change(|frame| {
                if let Frame::ValueKey(key) = frame {
                    key.proof[bit / 8] ^= 1 << (bit % 8);
                }
            });
            assert_eq!(blamed(attack, end), PeerFault::BadKeyProof, "{attack:?}");
        }
        let end = attack.change(|frame| {
            if let Frame::ValueKey(key) = frame {
                key.point = Encoding::GENERATOR;
            }
        });
        assert_eq!(blamed(attack, end), PeerFault::BadKeyProof, "{attack:?}");
        let mut recorded = None;
        for round in 0..2 {
            let end = attack.change(|frame| {
                if let Frame::ValueKey(_) = frame {
                    *frame = recorded.get_or_insert_with(|| frame.clone()).clone();
                }
            });
            match round {
                0 => assert!(end.is_ok()),
                _ => assert_eq!(blamed(attack, end), PeerFault::BadKeyProof, "{attack:?}"),
            }
        }
    }
}

/// Every value is checked, also of elements that do not match: otherwise a bad one in a chosen place
/// would tell whether that element does.
#[test]
fn values_that_are_no_ciphertexts_are_named_by_position_before_anything_is_compared() {
    for attack in Attack::sums(Party::Advertiser) {
        for (position, half) in (0..12).flat_map(|position| [(position, 0), (position, 1)]) {
            for bad in [Encoding::IDENTITY, Encoding([0xff; 32])] {
                let end = attack.change(|frame| {
                    if let Frame::Ciphertexts(run) = frame {
                        run[position][half] = bad;
                    }
                });
                let expected = PeerFault::InvalidPoint { position: position as u64 };
                assert_eq!(blamed(attack, end), expected, "{attack:?}");
            }
        }
        let end = attack.change(|frame| {
            if let Frame::Ciphertexts(run) = frame {
                run.push(run[0]);
            }
        });
        let fault = PeerFault::WrongCount { what: "ciphertexts", got: 13, expected: 12 };
        assert_eq!(blamed(attack, end), fault, "{attack:?}");
        let end = attack.change(|frame| {
            if let Frame::Ciphertexts(run) = frame {
                run.pop();
            }
        });
        assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x12), "{attack:?}");
    }
}

/// Tags in an order that would tell positions, and more or fewer than there are.
#[test]
fn tags_to_count_by_come_sorted_and_all() {
    let with_tags = |attack: Attack, change: fn(&mut Vec<u8>)| {
        attack.change(|frame| {
            if let Frame::Tags(tags) = frame {
                change(tags);
            }
        })
    };
    let gives = |a: &Attack| match (a.protocol, a.reveal) {
        (ProtocolName::Sum, _) => a.cheat == Party::Advertiser,
        (ProtocolName::Count, _) if a.unit == Unit::People => a.cheat == Party::Advertiser,
        (ProtocolName::Count, Reveal::Advertiser) => a.cheat == Party::Platform,
        (ProtocolName::Count, _) => a.cheat == Party::Advertiser,
        _ => false,
    };
    for attack in all().into_iter().filter(gives) {
        let end = with_tags(attack, |tags| tags.rotate_left(7));
        assert_eq!(blamed(attack, end), PeerFault::Malformed("tags"), "{attack:?}");
        let end = with_tags(attack, |tags| {
            tags.pop();
        });
        assert!(matches!(blamed(attack, end), PeerFault::BadLength { frame: "tags", .. }));
        let end = with_tags(attack, |tags| tags.extend_from_slice(&[0xff; 7]));
        assert!(matches!(blamed(attack, end), PeerFault::WrongCount { what: "tags", .. }));
        let end = with_tags(attack, |tags| tags.truncate(7));
        assert!(end.is_err(), "{attack:?}");
        // One match repeated makes no audience.
        let end = with_tags(attack, |tags| {
            let first = tags[..7].to_vec();
            tags.chunks_mut(7).for_each(|tag| tag.copy_from_slice(&first));
        });
        let count = end.map(|outcome| outcome.answer.count);
        assert!(count.is_ok_and(|count| count.is_some_and(|count| count <= 1)), "{attack:?}");
    }
}

/// More entries than values of that size can be added for.
#[test]
fn totals_that_could_be_too_great_are_refused_in_the_greeting() {
    for attack in Attack::sums(Party::Advertiser) {
        let end = attack.change(|frame| {
            if let Frame::Hello(hello) = frame {
                hello.elements = (1 << 40) / 1000 + 1;
            }
        });
        match end.err() {
            Some(Error::Incompatible { field: "list size", ours, .. }) => {
                assert!(ours.starts_with("at most 1099511627 with this clip"), "{ours}");
            }
            other => panic!("{attack:?}: {other:?}"),
        }
    }
}

/// A count that cannot be, or that is below the minimum audience.
#[test]
fn impossible_counts_are_refused() {
    for attack in Attack::sums(Party::Platform) {
        for (told, least) in [(13, 0), (u64::MAX, 0), (3, 4), (0, 4)] {
            let attack = Attack { least, ..attack };
            let end = attack.change(|frame| {
                if let Frame::Count(count) = frame {
                    *count = told;
                }
            });
            let expected = match told < least {
                true => PeerFault::Unexpected(0x32),
                false => PeerFault::Malformed("count"),
            };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
        let end = attack.change(|frame| {
            if let Frame::Count(_) = frame {
                *frame = Frame::Withheld;
            }
        });
        assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x14), "{attack:?}");
    }
}

/// A total that is none, one under nobody's key, and one that would be decrypted for a side that is
/// not to learn it.
#[test]
fn bad_totals_are_refused() {
    for attack in Attack::sums(Party::Platform) {
        let change = |total: [Encoding; 2]| {
            attack.change(move |frame| match frame {
                Frame::Total(sent) => *sent = total,
                Frame::Query(sent) => *sent = total[0],
                _ => {}
            })
        };
        let malformed = |what| PeerFault::Malformed(what);
        let other = Encoding::GENERATOR;
        match attack.reveal {
            Reveal::Advertiser => {
                for half in [0, 1] {
                    let mut total = [other; 2];
                    total[half] = Encoding::IDENTITY;
                    assert_eq!(blamed(attack, change(total)), malformed("total"), "{attack:?}");
                }
                // Six matches of at most 1000.
                let fault = blamed(attack, change([other; 2]));
                assert_eq!(fault, PeerFault::BadTotal { most: 6000 }, "{attack:?}");
                let end = attack.change(|frame| {
                    if let Frame::Total(total) = frame {
                        *frame = Frame::Query(total[0]);
                    }
                });
                assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x34), "{attack:?}");
            }
            _ => {
                let end = change([Encoding([0xff; 32]); 2]);
                assert_eq!(blamed(attack, end), malformed("query"), "{attack:?}");
            }
        }
    }
}

/// A partial decryption that is not the one of the query.
#[test]
fn wrong_partial_decryptions_are_refused() {
    for attack in Attack::sums(Party::Advertiser).filter(|a| a.reveal == Reveal::Platform) {
        let bad = PeerFault::BadProof { position: 0, count: 1 };
        let changes: [fn(&mut blindmatch::wire::Proven); 4] = [
            |share| share.point = encode(&(decode(&share.point) + RISTRETTO_BASEPOINT_POINT)),
            |share| share.point = Encoding::IDENTITY,
            |share| share.proof[0] ^= 1,
            |share| share.proof[63] = 0xff,
        ];
        for change in changes {
            let end = attack.change(|frame| {
                if let Frame::Share(share) = frame {
                    change(share);
                }
            });
            assert_eq!(blamed(attack, end), bad, "{attack:?}");
        }
        let mut recorded = None;
        for round in 0..2 {
            let end = attack.change(|frame| {
                if let Frame::Share(_) = frame {
                    *frame = recorded.get_or_insert_with(|| frame.clone()).clone();
                }
            });
            assert!(round == 0 && end.is_ok() || end.is_err_and(|error| fault(error) == bad));
        }
    }
}

/// An advertiser that follows its own rules for values: one that is greater than the clip is noticed
/// only where the total then is impossible.
#[test]
fn a_value_far_out_of_range_is_noticed_in_the_total() {
    for attack in Attack::sums(Party::Advertiser).filter(|a| a.reveal == Reveal::Platform) {
        let end = attack.change(|frame| {
            if let Frame::Ciphertexts(run) = frame {
                for pair in run {
                    pair[1] = encode(
                        &(decode(&pair[1]) + RISTRETTO_BASEPOINT_POINT * Scalar::from(1u64 << 50)),
                    );
                }
            }
        });
        assert_eq!(blamed(attack, end), PeerFault::BadTotal { most: 6000 }, "{attack:?}");
    }
}

/// Values that are powers of two read memberships out of a total: the limit on a value is kept by the
/// side that brings it and by nobody else, and only the minimum audience stands in the way.
#[test]
fn undetected_by_design_sum_values_can_name_a_match() {
    let attack = Attack::sums(Party::Advertiser).find(|a| a.reveal == Reveal::Platform).unwrap();
    let totals = [0, 1].map(|extra| {
        let end = attack.change(|frame| {
            if let Frame::Ciphertexts(run) = frame {
                let first = run.first_mut().unwrap();
                let more = RISTRETTO_BASEPOINT_POINT * Scalar::from(2000u64 * extra);
                first[1] = encode(&(decode(&first[1]) + more));
            }
        });
        end.unwrap().answer.sum.unwrap()
    });
    // The first element of a list whose order says nothing matches, or it does not.
    assert!([0, 2000].contains(&(totals[1] - totals[0])));
}
