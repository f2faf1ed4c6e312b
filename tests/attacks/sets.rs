//! Attacks on prepared sets and on labels.

use super::*;

#[test]
fn a_changed_set_is_refused() {
    for attack in Attack::cheating_senders() {
        for byte in [0, 4, 9, 40, 100] {
            let end = attack.change(|frame| {
                if let Frame::Set(block) = frame {
                    let byte = byte % block.len();
                    block[byte] ^= 4;
                }
            });
            let fault = blamed(attack, end);
            let expected = matches!(
                fault,
                PeerFault::BadSet { .. } | PeerFault::BrokenCommitment("compressed set")
            );
            assert!(expected, "{attack:?}: {fault:?}");
        }
        let end = attack.run(&mut |frame| match frame {
            Frame::Set(block) => vec![Frame::Set(block.clone()), Frame::Set(block)],
            frame => vec![frame],
        });
        assert!(end.is_err(), "{attack:?}");
    }
}

fn labelled() -> Attack {
    Attack::cheating_senders().find(|a| a.protocol == ProtocolName::Labelled).unwrap()
}

#[test]
fn labels_that_do_not_fit_are_refused() {
    let attack = labelled();
    for change in [(|run| run.truncate(run.len() - 1)) as fn(&mut Vec<u8>), |run| run.push(0)] {
        let end = attack.change(|frame| {
            if let Frame::Labels(run) = frame {
                change(run);
            }
        });
        assert!(matches!(blamed(attack, end), PeerFault::BadLength { frame: "labels", .. }));
    }
    for attack in Attack::cheating_senders().filter(|a| a.protocol != ProtocolName::Labelled) {
        let end = attack.run(&mut |frame| match frame {
            Frame::Set(block) => vec![Frame::Set(block), Frame::Labels(vec![0; 32])],
            frame => vec![frame],
        });
        assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x24), "{attack:?}");
    }
}

/// The attack: damage one label, and see whether the session ends. Were it to end, its owner would be
/// on the advertiser's list. So nothing that the advertiser sends may depend on it.
#[test]
fn a_damaged_label_tells_nobody_whether_it_was_looked_at() {
    let attack = labelled();
    let mut readable = Vec::new();
    for damaged in 0..30 {
        let end = attack.change(|frame| {
            if let Frame::Labels(run) = frame {
                let length = run.len() / 30;
                run[damaged * length] ^= 1;
            }
        });
        let outcome = end.unwrap();
        assert_eq!(outcome.answer.count, Some(6));
        assert_eq!(outcome.bytes.sent, attack.change(|_| {}).unwrap().bytes.sent);
        let labels = outcome.answer.labels.unwrap();
        assert_eq!(labels.len(), 6);
        readable.push(labels.iter().flatten().count());
    }
    // The order of a set is fresh in each session, so which ones are hit is chance.
    assert!(readable.iter().all(|&count| count >= 5), "{readable:?}");
    // Labels in another order: none opens under the output of another element.
    let end = attack.change(|frame| {
        if let Frame::Labels(run) = frame {
            let half = run.len() / 2;
            run.rotate_left(half);
        }
    });
    assert!(end.unwrap().answer.labels.unwrap().iter().all(Option::is_none));
}

/// Answers that nobody asked for, without end, would fill the receiver's memory.
#[test]
fn answers_are_not_hoarded() {
    for attack in Attack::cheating_senders() {
        let end = attack.run(&mut |frame| match frame {
            Frame::Evaluated(run) => vec![Frame::Evaluated(run.clone()), Frame::Evaluated(run)],
            Frame::Proof(_) => vec![],
            frame => vec![frame],
        });
        let expected = PeerFault::Unexpected(0x21);
        assert_eq!(blamed(attack, end), expected, "{attack:?}");
    }
}

/// Questions one at a time would cost the sender a proof each.
#[test]
fn questions_come_in_whole_runs() {
    for attack in Attack::cheating_askers().filter(|a| !a.lists_cross()) {
        let end = attack.run(&mut |frame| match frame {
            Frame::Points(run) => run.iter().map(|point| Frame::Points(vec![*point])).collect(),
            frame => vec![frame],
        });
        let expected = PeerFault::BadLength { frame: "points", length: 32 };
        assert_eq!(blamed(attack, end), expected, "{attack:?}");
    }
}
