//! Keys on disk, from the day that they are made.

use super::*;

fn day(days: i64) -> Timestamp {
    let start: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
    later(start, SignedDuration::from_hours(24 * days))
}

#[test]
fn a_publisher_rotates_and_old_pairs_live_30_days() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("pub");
    let room = Room::create(&folder, Owner::Publisher, day(0)).unwrap();
    assert!(Room::create(&folder, Owner::Publisher, day(0)).is_err());
    let first = room.space().unwrap();
    assert_eq!(rotate(&folder, Rotate::Expired, day(29)).unwrap(), []);
    let rotated = rotate(&folder, Rotate::Expired, day(30)).unwrap();
    assert_eq!(rotated.iter().map(|r| r.name).collect::<Vec<_>>(), ["Ks"]);
    assert_eq!((rotated[0].old, rotated[0].new.created), (first.ks.stamp(), day(30)));
    let ids = |now| {
        let spaces = spaces(&folder, now).unwrap();
        spaces.iter().map(|space| space.ks.stamp().id).collect::<Vec<_>>()
    };
    assert_eq!(ids(day(30)), [rotated[0].new.id, rotated[0].old.id]);
    assert_eq!(ids(day(59)).len(), 2);
    assert_eq!(ids(day(60)), [rotated[0].new.id]);
    // Early: 30 days from then on, however old the key was.
    rotate(&folder, Rotate::Shared, day(40)).unwrap();
    assert_eq!([day(59), day(69), day(70)].map(|now| ids(now).len()), [3, 2, 1]);
    // Late: 30 days after it expired.
    rotate(&folder, Rotate::Expired, day(95)).unwrap();
    assert_eq!([day(95), day(99), day(100)].map(|now| ids(now).len()), [2, 2, 1]);
    assert_eq!(fs::read_dir(folder.join("retired")).unwrap().count(), 1);
    // Kp, at 180 days; the pair changes with it.
    let names = rotate(&folder, Rotate::Expired, day(180)).unwrap();
    assert_eq!(names.iter().map(|r| r.name).collect::<Vec<_>>(), ["Ks", "Kp"]);
}

#[test]
fn an_advertiser_has_ka_alone() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("adv");
    let room = Room::create(&folder, Owner::Advertiser, day(0)).unwrap();
    assert!(room.space().is_err() && room.advertiser_key().is_ok());
    assert!(matches!(rotate(&folder, Rotate::Shared, day(1)), Err(Error::Misuse(_))));
    assert_eq!(rotate(&folder, Rotate::Expired, day(179)).unwrap(), []);
    assert_eq!(rotate(&folder, Rotate::Expired, day(180)).unwrap()[0].name, "Ka");
    assert!(matches!(Room::open(&folder), Err(Error::Record { .. })), "one process at a time");
}

/// Keys that are in use are not replaced because the clock is behind.
#[test]
fn a_clock_that_is_behind_replaces_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    for (name, owner) in [("adv", Owner::Advertiser), ("pub", Owner::Publisher)] {
        let folder = temporary.path().join(name);
        Room::create(&folder, owner, day(10)).unwrap();
        let before = stamps(&folder).unwrap();
        for which in [Rotate::Expired, Rotate::Own] {
            let error = rotate(&folder, which, day(1)).unwrap_err().to_string();
            assert!(error.contains("is yet to come; set the clock"), "{error}");
        }
        assert_eq!(stamps(&folder).unwrap(), before);
        assert!(!folder.join(RETIRED).exists());
        assert_eq!(rotate(&folder, Rotate::Expired, day(10)).unwrap(), []);
    }
}

/// What was put aside and cannot be read stops a rotation before it replaces anything.
#[test]
fn a_damaged_pair_that_was_put_aside_stops_a_rotation() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("pub");
    Room::create(&folder, Owner::Publisher, day(0)).unwrap();
    rotate(&folder, Rotate::Shared, day(1)).unwrap();
    let [(_, place)] = retired(&folder).unwrap().try_into().unwrap();
    let before = stamps(&folder).unwrap();
    fs::write(path(&place, "ks"), "blindmatch-pair-key 1\nrole: Ks\n").unwrap();
    for _ in 0..2 {
        let error = rotate(&folder, Rotate::Shared, day(2)).unwrap_err().to_string();
        assert!(error.contains("is damaged; restore it, or remove "), "{error}");
    }
    assert_eq!(stamps(&folder).unwrap(), before);
    assert_eq!(retired(&folder).unwrap().len(), 1);
    // The remedy.
    fs::remove_dir_all(&place).unwrap();
    assert_eq!(rotate(&folder, Rotate::Shared, day(2)).unwrap().len(), 1);
}

/// Remedies that errors name: a key that is gone or damaged is made again, and no other.
#[test]
fn keygen_makes_what_is_missing() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("pub");
    drop(Room::create(&folder, Owner::Publisher, day(0)).unwrap());
    for (name, other) in [("ks", "kp"), ("kp", "ks")] {
        let [gone, kept] = [name, other].map(|name| fs::read(path(&folder, name)).unwrap());
        fs::write(path(&folder, name), &gone[..gone.len() - 9]).unwrap();
        let error = rotate(&folder, Rotate::Expired, day(1)).unwrap_err().to_string();
        let remedy =
            "is damaged; restore it, or remove it and have `blindmatch pair keygen` make another";
        assert!(error.ends_with(remedy), "{error}");
        fs::remove_file(path(&folder, name)).unwrap();
        let error = Room::open(&folder).unwrap_err().to_string();
        assert!(error.contains("pair keygen publisher --room DIR` make it"), "{error}");
        assert!(Room::create(&folder, Owner::Advertiser, day(1)).is_err());
        drop(Room::create(&folder, Owner::Publisher, day(1)).unwrap());
        assert_ne!(fs::read(path(&folder, name)).unwrap(), gone);
        assert_eq!(fs::read(path(&folder, other)).unwrap(), kept);
    }
}

/// A key does not grow younger by being imported once more.
#[test]
fn keys_that_a_room_had_are_not_imported_again() {
    let temporary = tempfile::tempdir().unwrap();
    let [folder, other] = ["pub", "other"].map(|name| temporary.path().join(name));
    let keys = |ks: u8| Imported { ks: Some(Zeroizing::new([ks; 32])), ..Imported::default() };
    drop(Room::create_with(&folder, Owner::Publisher, &keys(5), day(0)).unwrap());
    let import = |ks, now| {
        fs::remove_file(path(&folder, "ks")).unwrap();
        Room::create_with(&folder, Owner::Publisher, &keys(ks), now).map(drop)
    };
    let error = import(5, day(10)).unwrap_err().to_string();
    assert!(error.contains("was here before, made at 2026-11-25T10:00:00Z"), "{error}");
    drop(Room::create_with(&folder, Owner::Publisher, &keys(6), day(10)).unwrap());
    // Nor one that was rotated, even where it was made in a folder without a memory of it.
    rotate(&folder, Rotate::Shared, day(11)).unwrap();
    assert!(import(6, day(12)).is_err());
    fs::remove_file(folder.join("room")).unwrap();
    fs::write(path(&folder, "ks"), []).unwrap();
    assert!(import(6, day(12)).is_err(), "it was put aside");
    // Another room of the same publisher takes it; it does not know better.
    drop(Room::create_with(&other, Owner::Publisher, &keys(5), day(10)).unwrap());
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_may_use_gets_no_keys() {
    use std::os::unix::fs::PermissionsExt as _;
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("adv");
    fs::create_dir(&folder).unwrap();
    let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    for open in [0o750, 0o705] {
        mode(open);
        let error = Room::create(&folder, Owner::Advertiser, day(0)).unwrap_err().to_string();
        assert!(error.ends_with("run `chmod 700` on it"), "{error}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
    mode(0o700);
    let room = Room::create(&folder, Owner::Advertiser, day(0)).unwrap();
    let id = room.id().to_owned();
    drop(room);
    assert_eq!(Room::open(&folder).unwrap().id(), id);
    fs::write(folder.join("room"), "x").unwrap();
    assert!(matches!(Room::open(&folder), Err(Error::Key { .. })));
}

#[test]
fn a_folder_without_keys_says_what_to_do() {
    let temporary = tempfile::tempdir().unwrap();
    let error = owner(temporary.path()).unwrap_err().to_string();
    assert!(error.contains("pair keygen"), "{error}");
}
