//! Attacks on the answers of an oblivious function.

use super::*;

/// A wrong key for one element, two answers swapped, an answer that is shifted, one that is another
/// question's: caught where answers are proven. Where they are not, the session ends with a wrong
/// answer, as the documentation of `oprf` says.
#[test]
fn wrong_answers_are_caught_where_they_are_proven() {
    let changes: [fn(&mut Vec<Encoding>); 4] = [
        |answers| answers[2] = encode(&(decode(&answers[2]) * Scalar::from(2u8))),
        |answers| answers.swap(1, 2),
        |answers| answers[5] = encode(&(decode(&answers[5]) + RISTRETTO_BASEPOINT_POINT)),
        |answers| answers[3] = answers[4],
    ];
    for attack in Attack::cheating_senders() {
        let count = attack.sizes[usize::from(attack.cheat == Party::Advertiser)];
        for change in changes {
            let end = attack.change_answers(change);
            if attack.is_proven() {
                let expected = PeerFault::BadProof { position: 0, count };
                assert_eq!(blamed(attack, end), expected, "{attack:?}");
            } else {
                // One change, or two answers swapped: one or two matches are lost at most.
                assert!((4..=6).contains(&end.unwrap().answer.count.unwrap()));
            }
        }
    }
}

/// The undetected one, spelt out: a platform that answers with another key makes matches disappear.
#[test]
fn undetected_by_design_oprf_a_platform_may_answer_with_another_key() {
    let attack = Attack::cheating_senders().find(|a| !a.is_proven()).unwrap();
    let end = attack.change_answers(|answers| {
        let twice = |answer: &Encoding| encode(&(decode(answer) * Scalar::from(2u8)));
        answers.iter_mut().for_each(|answer| *answer = twice(answer));
    });
    assert_eq!(end.unwrap().answer.count, Some(0));
}

/// A key that changes in mid-session: the first run is honest, the second is made with another key.
#[test]
fn a_key_changed_in_mid_session_is_caught_at_the_run_where_it_changed() {
    for protocol in [ProtocolName::Voprf, ProtocolName::TwoHash, ProtocolName::Labelled] {
        let attack = Attack {
            protocol,
            reveal: Reveal::Advertiser,
            cheat: Party::Platform,
            sizes: [16_384 + 100, 5],
            least: 0,
            unit: Unit::Identifiers,
        };
        let mut run = 0;
        let end = attack.change_answers(|answers| {
            run += 1;
            if run == 2 {
                let other = curve25519_dalek::Scalar::from(3u8);
                answers.iter_mut().for_each(|answer| *answer = encode(&(decode(answer) * other)));
            }
        });
        let expected = PeerFault::BadProof { position: 16_384, count: 100 };
        assert_eq!(blamed(attack, end), expected, "{attack:?}");
    }
}

#[test]
fn answers_that_are_no_points_or_too_many_or_too_few_are_refused() {
    for attack in Attack::cheating_senders() {
        let count = attack.sizes[usize::from(attack.cheat == Party::Advertiser)];
        for bad in [Encoding::IDENTITY, Encoding([0xff; 32])] {
            let end = attack.change_answers(|answers| answers[7] = bad);
            let expected = PeerFault::InvalidPoint { position: 7 };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
        let too_few: fn(&mut Vec<Encoding>) = |answers| answers.truncate(answers.len() - 1);
        let too_many: fn(&mut Vec<Encoding>) = |answers| answers.push(answers[0]);
        for (got, change) in [(count - 1, too_few), (count + 1, too_many)] {
            let end = attack.change_answers(change);
            let expected = PeerFault::WrongCount { what: "answers", got, expected: count };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
    }
}

#[test]
fn answers_before_questions_are_refused() {
    for attack in Attack::cheating_senders() {
        let end = attack.run(&mut |frame| match frame {
            Frame::Offer(offer) => {
                vec![
                    Frame::Offer(offer),
                    Frame::Evaluated(vec![Encoding::GENERATOR]),
                    Frame::Proof([0; 64]),
                ]
            }
            frame => vec![frame],
        });
        let fault = blamed(attack, end);
        let expected = [
            PeerFault::WrongCount { what: "answers", got: 1, expected: 0 },
            PeerFault::WrongCount {
                what: "answers",
                got: 1,
                expected: attack.sizes[usize::from(attack.cheat == Party::Advertiser)],
            },
        ];
        assert!(expected.contains(&fault), "{attack:?} {fault:?}");
    }
}
