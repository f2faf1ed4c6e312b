//! Sets that are prepared, updated, loaded and damaged.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::bench::workload;
use crate::error::InputError;
use crate::group::Encoding;
use crate::identifier::Identifier;
use crate::protocol::{HASH_TAG, Party, ProtocolName};
use crate::session::{Session, Settings};
use crate::set::Output;
use crate::transport::identity::Identity;

fn binding(epoch: &str) -> EpochBinding {
    EpochBinding::new(epoch, "them", Purpose::TARGETED_ADVERTISING, Profile::Pair).unwrap()
}

fn list(addresses: &[&str]) -> Arc<ConsentedList> {
    workload::list(addresses.iter().map(|a| format!("{a}@example.com"))).unwrap()
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A folder with an identity.
struct Place {
    folder: TempDir,
    identity: Identity,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap(), identity: Identity::generate() }
    }

    fn name(&self) -> PathBuf {
        self.folder.path().join("set.v1")
    }

    fn files(&self) -> [PathBuf; 3] {
        file_names(&self.name())
    }

    /// The same identity once more.
    fn identity_again(&self) -> Identity {
        let path = self.folder.path().join("identity");
        self.identity.save(&path).unwrap();
        Identity::load(path).unwrap()
    }

    fn prepare(&self, addresses: &[&str]) -> Result<Prepared> {
        self.prepare_for(addresses, "2026-11", &Options::default())
    }

    fn prepare_for(&self, list_of: &[&str], epoch: &str, options: &Options) -> Result<Prepared> {
        let list = list(list_of);
        prepare(&self.name(), &list, &self.identity, &binding(epoch), options, &mut go_on)
    }

    fn load(&self) -> Result<PreparedSet> {
        PreparedSet::load(&self.name(), &self.identity)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Which of these addresses the set holds, by the function written out, an element at a time.
fn held(set: &PreparedSet, addresses: &[&str]) -> Vec<u32> {
    let engine = Engine::detect();
    let tag = crate::group::DomainTag::new(HASH_TAG);
    let ours = list(addresses);
    let output = |identifier: &Identifier| {
        let mut point = [Encoding::default()];
        engine.hash_blind(&tag, &[identifier.as_bytes()], set.key().scalar(), &mut point);
        set.outputs().value(identifier.as_bytes(), &point[0])
    };
    let row = |index: usize| ours.occurrences(index)[0].row;
    let ours: Vec<(Output, u32)> = (ours.identifiers().iter().enumerate())
        .map(|(index, identifier)| (output(identifier), row(index)))
        .collect();
    set.set().intersect(ours)
}

/// The same of an advertiser that kept a set, and asks whoever holds the key of another.
fn told(kept: &PreparedSet, asked: &PreparedSet, addresses: &[&str]) -> Vec<u32> {
    held(&PreparedSet { key: Arc::clone(asked.key()), ..kept.clone() }, addresses)
}

/// A kept set tells who was withdrawn for as long as the key stays, and no longer.
#[test]
fn only_a_new_key_makes_a_kept_set_useless() {
    let place = Place::new();
    let kept = place.prepare(&["a", "b", "c"]).unwrap().set;
    let key = fs::read(&place.files()[2]).unwrap();
    let updated = place.prepare(&["a", "b"]).unwrap().set;
    assert_eq!(told(&kept, &updated, &["a", "b", "c", "d"]), [0, 1, 2]);

    let options = Options { rekey: true, ..Options::default() };
    let rekeyed = place.prepare_for(&["a", "e"], "2026-11", &options).unwrap();
    let changes = Changes { updated: true, rekeyed: true, kept: 1, added: 1, withdrawn: 1 };
    assert_eq!(rekeyed.changes, changes);
    let rekeyed = rekeyed.set;
    assert_ne!(rekeyed.public_key(), kept.public_key());
    assert_ne!(rekeyed.context(), kept.context());
    assert_ne!(fs::read(&place.files()[2]).unwrap(), key);
    for old in [&kept, &updated] {
        assert!(old.is_stale());
        // Hashed as of the old set or of the new one: nothing of it is found.
        assert!(told(old, &rekeyed, &["a", "b", "c", "d"]).is_empty());
        let as_new = PreparedSet { context: *rekeyed.context(), ..old.clone() };
        assert!(told(&as_new, &rekeyed, &["a", "b", "c", "d"]).is_empty());
        assert!(told(&rekeyed, old, &["a", "b", "c", "e"]).is_empty());
    }
    let loaded = place.load().unwrap();
    assert_eq!(held(&loaded, &["a", "b", "c", "e"]), [0, 3]);
    assert_eq!(loaded.header().number(), 3);
    // Updates go on from there.
    let update = place.prepare(&["a", "f"]).unwrap();
    let changes = Changes { updated: true, rekeyed: false, kept: 1, added: 1, withdrawn: 1 };
    assert_eq!((update.changes, update.set.public_key()), (changes, rekeyed.public_key()));
    assert_eq!(place.names(), ["set.v1.entries", "set.v1.key", "set.v1.set"]);
}

#[test]
fn a_new_set_needs_no_other_key_and_a_stranger_gets_none() {
    let place = Place::new();
    let options = Options { rekey: true, ..Options::default() };
    let changes = place.prepare_for(&["a"], "2026-11", &options).unwrap().changes;
    assert!(!changes.updated && !changes.rekeyed);
    let before = place.files().map(|path| fs::read(path).unwrap());
    let people = list(&["a"]);
    let stranger = Identity::generate();
    let run = |identity: &Identity, epoch: &str, watch: Watch<'_>| {
        prepare(&place.name(), &people, identity, &binding(epoch), &options, watch)
    };
    assert!(matches!(run(&stranger, "2026-11", &mut go_on), Err(Error::Key { .. })));
    assert!(matches!(run(&place.identity, "2026-12", &mut go_on), Err(Error::Misuse(_))));
    let mut stop = |_| ControlFlow::Break(());
    assert!(matches!(run(&place.identity, "2026-11", &mut stop), Err(Error::Interrupted)));
    assert_eq!(place.files().map(|path| fs::read(path).unwrap()), before);
}

#[test]
fn a_prepared_set_is_loaded_as_it_was() {
    let place = Place::new();
    let prepared = place.prepare(&["a", "b", "c"]).unwrap();
    let changes = Changes { updated: false, rekeyed: false, kept: 0, added: 3, withdrawn: 0 };
    assert_eq!(prepared.changes, changes);
    let loaded = place.load().unwrap();
    for set in [&prepared.set, &loaded] {
        assert_eq!(held(set, &["x", "b", "y", "c", "z"]), [1, 3]);
        assert_eq!((set.elements(), set.max_queries()), (3, 1 << 20));
        assert_eq!((set.epoch(), set.counterparty()), ("2026-11", "them"));
        assert_eq!(set.public_key(), set.key().public(&Engine::detect()));
        assert_eq!(set.header().tally().admitted, 3);
        assert!(!set.is_stale());
    }
    assert_eq!(loaded.header(), prepared.set.header());
    assert_eq!(loaded.context(), prepared.set.context());
    assert_eq!(place.names(), ["set.v1.entries", "set.v1.key", "set.v1.set"]);
    #[cfg(unix)]
    for path in place.files() {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn in_memory_it_is_the_same() {
    let secret = EpochSecret::generate(&mut rand::rng());
    let people = list(&["a", "b"]);
    let new = |binding| {
        PreparedSet::in_memory(&people, &secret, &binding, &Options::default(), &mut go_on)
    };
    let set = new(binding("2026-11")).unwrap();
    assert_eq!(held(&set, &["b", "c", "a"]), [0, 2]);
    assert!(!set.is_stale());
    let other = new(binding("2026-12")).unwrap();
    assert_ne!(other.set().digest(), set.set().digest());
    let purpose = Purpose::parse("DirectMarketing").unwrap();
    let other = EpochBinding::new("2026-11", "them", purpose, Profile::Pair).unwrap();
    assert!(matches!(new(other), Err(Error::Misuse(_))));
}

#[test]
fn an_update_keeps_adds_and_withdraws() {
    let place = Place::new();
    let first = place.prepare(&["a", "b", "c", "d"]).unwrap().set;
    let update = place.prepare(&["e", "d", "b", "a", "f", "g"]).unwrap();
    assert_eq!(
        update.changes,
        Changes { updated: true, rekeyed: false, kept: 3, added: 3, withdrawn: 1 }
    );
    assert_eq!(update.set.public_key(), first.public_key());
    assert_eq!([&first, &update.set].map(|set| set.header().number()), [1, 2]);
    assert!(first.is_stale() && !update.set.is_stale());
    assert_eq!(update.set.context(), first.context());
    let loaded = place.load().unwrap();
    assert_eq!(held(&loaded, &["a", "b", "c", "d", "e", "f", "g"]), [0, 1, 3, 4, 5, 6]);
    // The same as if all had been evaluated at once.
    fs::remove_file(&place.files()[1]).unwrap();
    let again = place.prepare(&["a", "b", "d", "e", "f", "g"]).unwrap();
    assert_eq!(
        again.changes,
        Changes { updated: true, rekeyed: false, kept: 0, added: 6, withdrawn: 0 }
    );
    assert_eq!(again.set.set().digest(), loaded.set().digest());
    // What was withdrawn is in no file.
    assert_eq!(fs::metadata(&place.files()[1]).unwrap().len(), 92 + 6 * 32);
}

#[test]
fn another_binding_or_identity_is_refused() {
    let place = Place::new();
    place.prepare(&["a"]).unwrap();
    let other = place.prepare_for(&["a"], "2026-12", &Options::default()).unwrap_err();
    assert!(
        matches!(&other, Error::Misuse(text)
        if text.contains("was prepared for epoch 2026-11, not 2026-12")),
        "{other}"
    );
    let stranger = PreparedSet::load(&place.name(), &Identity::generate()).unwrap_err();
    assert!(stranger.to_string().starts_with("set.v1.key: sealed by the key"), "{stranger}");
    // Without a set to say what differs, the key still knows.
    fs::remove_file(&place.files()[0]).unwrap();
    let other = place.prepare_for(&["a"], "2026-12", &Options::default()).unwrap_err();
    assert!(matches!(other, Error::Key { .. }), "{other}");
    assert!(matches!(place.load().unwrap_err(), Error::Key { .. }));
    assert!(place.prepare(&["a"]).is_ok());
    // Without the key, nothing is touched.
    fs::remove_file(&place.files()[2]).unwrap();
    let keyless = place.prepare(&["a"]).unwrap_err();
    assert!(keyless.to_string().contains("is there without set.v1.key"), "{keyless}");
}

#[test]
fn the_key_of_another_set_is_noticed() {
    let (place, other) = (Place::new(), Place::new());
    let other = Place { identity: place.identity_again(), ..other };
    place.prepare(&["a"]).unwrap();
    other.prepare(&["a"]).unwrap();
    fs::copy(&other.files()[2], &place.files()[2]).unwrap();
    let error = place.load().unwrap_err();
    assert_eq!(error.to_string(), "set.v1.key: is not the key of set.v1.set");
    let error = place.prepare(&["a"]).unwrap_err().to_string();
    assert!(error.contains("belongs to another key"), "{error}");
}

#[test]
fn what_is_interrupted_leaves_nothing_behind() {
    let place = Place::new();
    let people = list(&["a", "b"]);
    let mut stop = |_| ControlFlow::Break(());
    let options = Options::default();
    let mut run =
        || prepare(&place.name(), &people, &place.identity, &binding("1"), &options, &mut stop);
    assert!(matches!(run(), Err(Error::Interrupted)));
    assert!(place.names().is_empty());
}

#[test]
fn a_set_ends() {
    let place = Place::new();
    let at = |seconds: i64| {
        let now = Timestamp::now().as_second();
        Options { expires: Timestamp::from_second(now + seconds).ok(), ..Options::default() }
    };
    assert!(matches!(place.prepare_for(&["a"], "1", &at(-1)), Err(Error::Misuse(_))));
    let set = place.prepare_for(&["a"], "1", &at(100)).unwrap().set;
    assert_eq!(set.valid_until(), at(100).expires);
    assert!(!set.is_stale());
    let set = place.prepare_for(&["a"], "1", &at(1)).unwrap().set;
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(set.is_stale());
}

#[test]
fn a_session_takes_no_set_that_is_stale_or_for_another_peer() {
    let place = Place::new();
    let begin = |set: &PreparedSet, peer: Option<&str>| {
        let mut settings = Settings::new(Party::Platform);
        settings.protocol = ProtocolName::Oprf;
        settings.max_elements = set.max_queries();
        settings.peer = peer.map(str::to_owned);
        Session::new(settings, Arc::new(set.clone())).map(drop)
    };
    let set = place.prepare(&["a"]).unwrap().set;
    assert!(begin(&set, Some("them")).is_ok());
    assert!(begin(&set, None).is_ok());
    assert!(matches!(begin(&set, Some("others")), Err(Error::Misuse(_))));
    let again = place.prepare(&["a", "b"]).unwrap().set;
    assert!(matches!(begin(&set, Some("them")), Err(Error::Consent(_))));
    assert!(begin(&again, Some("them")).is_ok());

    let soon = Timestamp::from_second(Timestamp::now().as_second() + 2).ok();
    let options = Options { expires: soon, ..Options::default() };
    let set = place.prepare_for(&["a"], "2026-11", &options).unwrap().set;
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert!(set.has_ended());
    assert!(matches!(begin(&set, None), Err(Error::Consent(_))));
}

/// Whoever may write the files but has no identity: every hash is right, and it does not help.
#[test]
fn what_somebody_else_wrote_is_not_loaded() {
    let place = Place::new();
    let options =
        Options { expires: Timestamp::from_second(4_000_000_000).ok(), ..Options::default() };
    place.prepare_for(&["a", "b"], "2026-11", &options).unwrap();
    let [path, _, key] = &place.files();
    let [first, first_key] = [path, key].map(|path| fs::read(path).unwrap());
    let refused = |file: SetFile| {
        let mut bytes = Vec::new();
        file.write(&mut bytes).unwrap();
        assert!(SetFile::read(&bytes[..], "x.set").is_ok());
        fs::write(path, bytes).unwrap();
        let error = place.load().unwrap_err().to_string();
        assert!(error.contains("is not as it was prepared"), "{error}");
    };
    let SetFile { set, .. } = SetFile::read(&first[..], "x.set").unwrap();
    let people = list(&["a", "b"]);
    let public = place.load().unwrap().public_key();
    let header = |set: &CompressedSet, number, options: &Options| {
        Header::new(&people, &binding("2026-11"), public, set, number, options)
    };
    // Without an end, of another number, or with values of the attacker's own.
    let with = |header| {
        let mut file = SetFile::read(&first[..], "x.set").unwrap();
        file.header = header;
        file
    };
    refused(with(header(&set, 1, &Options::default())));
    refused(with(header(&set, 9, &options)));
    refused(SetFile::unauthenticated(header(&set, 1, &options), set.clone()));
    let values = CompressedSet::new(vec![Output(1 << 100), Output(1 << 101)], 1 << 20).unwrap();
    refused(SetFile::unauthenticated(header(&values, 1, &options), values));

    // A set from before an update.
    fs::write(path, &first).unwrap();
    assert!(place.load().is_ok());
    place.prepare(&["a"]).unwrap();
    let second_key = fs::read(key).unwrap();
    fs::write(path, &first).unwrap();
    let error = place.load().unwrap_err().to_string();
    assert!(error.starts_with("set.v1.set: is older than its key"), "{error}");
    // It is never the base of the next: numbers go on.
    assert_eq!(place.prepare(&["a"]).unwrap().set.header().number(), 3);
    // A run that was cut off before its key was written.
    fs::write(key, second_key).unwrap();
    assert!(place.load().is_ok());
    assert_eq!(place.prepare(&["a"]).unwrap().set.header().number(), 4);
    // As documented: both together are as they were.
    fs::write(path, first).unwrap();
    fs::write(key, first_key).unwrap();
    assert!(place.load().is_ok());
}

/// Every byte of the set: a change anywhere is an error of the file, with its name.
#[test]
fn every_change_of_a_set_is_noticed() {
    let place = Place::new();
    place.prepare(&["a", "b", "c"]).unwrap();
    let path = &place.files()[0];
    let whole = fs::read(path).unwrap();
    let problem = |bytes: &[u8]| match SetFile::read(bytes, "x.set").unwrap_err() {
        Error::Input(InputError::List { list, problem }) => {
            assert_eq!(list, "x.set");
            problem
        }
        error => panic!("{error}"),
    };
    for index in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[index] ^= 1 << (index % 8);
        problem(&damaged);
        problem(&whole[..index]);
    }
    assert!(problem(&[&whole[..], &[0]].concat()).starts_with("has bytes after its end"));
    assert!(problem(b"email,phone\n").starts_with("is not a prepared set"));
    assert!(problem(&whole[..whole.len() - 1]).starts_with("is cut short"));
}

#[test]
fn damaged_entries_are_not_used() {
    let place = Place::new();
    place.prepare(&["a", "b", "c"]).unwrap();
    let path = &place.files()[1];
    let whole = fs::read(path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(path, bytes).unwrap();
        let error = place.prepare(&["a", "b", "c"]).unwrap_err().to_string();
        assert!(error.starts_with("set.v1.entries: is damaged"), "{error}");
    };
    for index in (0..whole.len()).step_by(7) {
        let mut damaged = whole.clone();
        damaged[index] ^= 1 << (index % 8);
        refused(&damaged);
        refused(&whole[..index]);
    }
    fs::write(path, &whole).unwrap();
    assert_eq!(place.prepare(&["a", "b", "c"]).unwrap().changes.kept, 3);
}

#[test]
fn an_empty_list_is_a_set_too() {
    let place = Place::new();
    assert_eq!(place.prepare(&[]).unwrap().set.elements(), 0);
    assert!(held(&place.load().unwrap(), &["a"]).is_empty());
}
