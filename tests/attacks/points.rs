//! Attacks on the lists of points that both sides send.

use super::*;

#[test]
fn a_bad_point_is_named_by_its_position() {
    for attack in Attack::cheating_askers() {
        for position in [0, 5, 11] {
            let end = attack.change_points(|points| {
                points[position] = invalid_after(&points[position]);
            });
            let expected = PeerFault::InvalidPoint { position: position as u64 };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
        let end = attack.change_points(|points| points[0] = Encoding::IDENTITY);
        assert_eq!(blamed(attack, end), PeerFault::InvalidPoint { position: 0 }, "{attack:?}");
        // p + 8 in the last place: the same element as 8, not its encoding.
        let end = attack.change_points(|points| {
            let last = points.last_mut().unwrap();
            *last = Encoding([0xff; 32]);
        });
        let position = attack.announced() - 1;
        assert_eq!(blamed(attack, end), PeerFault::InvalidPoint { position }, "{attack:?}");
    }
}

#[test]
fn points_out_of_order_or_twice_are_refused() {
    for attack in Attack::cheating_askers() {
        let end = attack.change_points(|points| points.swap(3, 4));
        assert_eq!(blamed(attack, end), PeerFault::NotSorted { position: 4 }, "{attack:?}");
        let end = attack.change_points(|points| points[4] = points[3]);
        assert_eq!(blamed(attack, end), PeerFault::NotSorted { position: 4 }, "{attack:?}");
    }
}

/// One answer more than was announced would be one guess more.
#[test]
fn more_points_than_announced_are_refused() {
    for attack in Attack::cheating_askers() {
        let end = attack.change_points(|points| {
            let more = encode(&(decode(&points[0]) + RISTRETTO_BASEPOINT_POINT));
            points.push(more);
            points.sort_unstable();
        });
        let expected = attack.announced();
        let fault = PeerFault::WrongCount { what: "points", got: expected + 1, expected };
        assert_eq!(blamed(attack, end), fault, "{attack:?}");
        // And in a frame of their own, once all were there.
        let mut more = None;
        let end = attack.run(&mut |frame| match &frame {
            Frame::Points(points) => {
                more = Some(points[0]);
                vec![frame]
            }
            _ => match more.take() {
                Some(point) => vec![Frame::Points(vec![point]), frame],
                None => vec![frame],
            },
        });
        assert!(end.is_err(), "{attack:?}");
    }
}

#[test]
fn fewer_points_and_a_hang_up_are_noticed() {
    for attack in Attack::cheating_askers() {
        let end = attack.change_points(|points| {
            points.pop();
        });
        let expected = match attack.protocol {
            ProtocolName::Dh | ProtocolName::Count | ProtocolName::Sum => vec![
                PeerFault::HungUp("evaluate"),
                PeerFault::Unexpected(0x12),
                PeerFault::Unexpected(0x15),
                PeerFault::Unexpected(0x30),
            ],
            _ => {
                let length = 32 * (attack.announced() as usize - 1);
                vec![PeerFault::BadLength { frame: "points", length }]
            }
        };
        let fault = blamed(attack, end);
        assert!(expected.contains(&fault), "{attack:?} {fault:?}");
    }
}
