//! Attacks on offers of a key, and on proofs.

use super::*;

#[test]
fn a_key_without_a_proof_is_refused() {
    for attack in Attack::cheating_senders() {
        let other = encode(&(RISTRETTO_BASEPOINT_POINT * curve25519_dalek::Scalar::from(77u8)));
        // The proof covers the whole offer: what else it says cannot be changed either.
        let changes: [&dyn Fn(&mut Offer); 7] = [
            &|offer| offer.set[0] ^= 1,
            &|offer| offer.label_salt[0] ^= 1,
            &|offer| offer.public_key = other,
            &|offer| offer.public_key = Encoding::IDENTITY,
            &|offer| offer.public_key = Encoding([0xff; 32]),
            &|offer| offer.key_proof[3] ^= 1,
            &|offer| offer.key_proof = [0xff; 64],
        ];
        for change in changes {
            let end = attack.change_offer(change);
            assert_eq!(blamed(attack, end), PeerFault::BadKeyProof, "{attack:?}");
        }
    }
}

#[test]
fn offers_that_do_not_fit_the_terms_are_refused() {
    for attack in Attack::cheating_senders() {
        let labelled = attack.protocol == ProtocolName::Labelled;
        let changes: [&dyn Fn(&mut Offer); 6] = [
            &|offer| offer.elements = 1 << 20,
            &|offer| offer.elements = u64::MAX,
            &|offer| offer.max_queries = 1,
            &|offer| offer.max_queries = 1 << 40,
            &|offer| offer.label_width = if labelled { 0 } else { 32 },
            &|offer| offer.label_width = 8,
        ];
        for change in changes {
            let end = attack.change_offer(change);
            assert_eq!(blamed(attack, end), PeerFault::Malformed("offer"), "{attack:?}");
        }
        for change in [(|o| o.session = [1; 32]) as fn(&mut Offer), |o| o.context = [1; 32]] {
            let end = attack.change_offer(change);
            let expected = PeerFault::BrokenCommitment("session");
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
    }
}

/// An epoch is for protocols that take prepared sets; elsewhere it would be a way around the session.
#[test]
fn an_epoch_where_there_is_none_is_refused() {
    for attack in Attack::cheating_senders().filter(|a| !a.protocol.takes_prepared_sets()) {
        let end = attack.change_offer(|offer| {
            offer.epoch = "2026-11".into();
            offer.context = [1; 32];
        });
        assert_eq!(blamed(attack, end), PeerFault::Malformed("offer"), "{attack:?}");
    }
}

/// What one session said is of no use in another between the same sides.
#[test]
fn offers_answers_and_proofs_of_another_session_are_refused() {
    for attack in Attack::cheating_senders() {
        let mut recorded = Vec::new();
        attack
            .run(&mut |frame| {
                recorded.push(frame.clone());
                vec![frame]
            })
            .unwrap();
        let replayed = |wanted: fn(&Frame) -> bool| {
            let old = recorded.iter().find(|frame| wanted(frame)).cloned();
            attack.change(|frame| {
                if wanted(frame) {
                    *frame = old.clone().unwrap();
                }
            })
        };
        let end = replayed(|frame| matches!(frame, Frame::Offer(_)));
        assert_eq!(blamed(attack, end), PeerFault::BrokenCommitment("session"), "{attack:?}");
        let end = replayed(|frame| matches!(frame, Frame::Set(_)));
        let fault = blamed(attack, end);
        assert_eq!(fault, PeerFault::BrokenCommitment("compressed set"), "{attack:?}");
        if attack.is_proven() {
            for wanted in
                [(|frame| matches!(frame, Frame::Proof(_))) as fn(&Frame) -> bool, |frame| {
                    matches!(frame, Frame::Evaluated(_))
                }]
            {
                let fault = blamed(attack, replayed(wanted));
                assert!(matches!(fault, PeerFault::BadProof { .. }), "{attack:?}: {fault:?}");
            }
        }
    }
}

#[test]
fn a_proof_with_any_bit_changed_is_refused() {
    let attack = Attack::cheating_senders().find(|a| a.is_proven()).unwrap();
    for bit in (0..512).step_by(37) {
        let end = attack.change(|frame| {
            if let Frame::Proof(proof) = frame {
                proof[bit / 8] ^= 1 << (bit % 8);
            }
        });
        let expected = PeerFault::BadProof { position: 0, count: 12 };
        assert_eq!(blamed(attack, end), expected, "bit {bit}");
    }
}
