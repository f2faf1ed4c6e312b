//! Plans against sessions: bytes, who learns what, and which protocol is chosen. Never times.

mod common;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use blindmatch::group::{Backend, Engine, Parallelism};
use blindmatch::label::Labels;
use blindmatch::plan::{Calibration, Estimate, Plan, Question, Setting, Trust, Want, Way, learns};
use blindmatch::protocol::{Answer, Input, Party, ProtocolName, Reveal};
use blindmatch::session::{self, Outcome, Session, Settings};

/// Of a machine, measured once.
fn calibration() -> Calibration {
    Calibration::from_json(include_str!("plan/calibration.json")).unwrap()
}

fn fresh(protocol: ProtocolName) -> Way {
    Way { protocol, prepared: false }
}

/// A session between lists of these sizes, half of the shorter one common.
fn play(protocol: ProtocolName, question: &Question) -> [Outcome; 2] {
    let [ours, theirs] = question.sizes;
    let common = ours.min(theirs) / 2;
    let numbers = [0..ours, ours - common..ours - common + theirs];
    let lists = numbers.map(|numbers| common::list(&common::addresses(numbers)));
    let mut sides =
        lists.into_iter().zip([Party::Advertiser, Party::Platform]).map(|(list, party)| {
            let mut settings = Settings::new(party);
            (settings.protocol, settings.reveal) = (protocol, question.reveal);
            settings.min_audience = Some(question.min_audience);
            settings.clip = (protocol == ProtocolName::Sum).then_some(question.clip);
            settings.engine = Engine::new(Backend::portable(), Parallelism::Rayon);
            let input = match (protocol, party) {
                (ProtocolName::Sum, Party::Advertiser) => {
                    Input::with_values(Arc::clone(&list), common::values(&list))
                }
                (ProtocolName::Labelled, Party::Platform) => {
                    let labels = Labels::new(vec!["x".repeat(question.label_bytes); list.len()]);
                    Input::with_labels(list, Arc::new(labels.unwrap()))
                }
                _ => list.into(),
            };
            Session::new(settings, input).unwrap()
        });
    let sides = [sides.next().unwrap(), sides.next().unwrap()];
    session::in_turn(sides, &AtomicBool::new(false)).unwrap()
}

/// Every question that a protocol can answer, with a minimum audience and without.
fn questions(sizes: [u64; 2]) -> Vec<(ProtocolName, Question)> {
    let mut all = Vec::new();
    for protocol in ProtocolName::ALL {
        for reveal in Reveal::ALL.into_iter().filter(|&reveal| protocol.can_reveal(reveal)) {
            for min_audience in [0, 1] {
                if min_audience > 0 && !protocol.keeps_minimum_audience() {
                    continue;
                }
                let mut question = Question::new(sizes);
                (question.reveal, question.min_audience) = (reveal, min_audience);
                question.setting = Setting::Process;
                all.push((protocol, question));
            }
        }
    }
    all
}

#[test]
fn bytes_are_those_of_sessions() {
    let calibration = calibration();
    for sizes in [[200, 200], [20, 300], [300, 30]] {
        for (protocol, question) in questions(sizes) {
            let what = format!("{protocol} {} {:?}", question.reveal, question.sizes);
            let predicted = Estimate::new(&calibration, &question, fresh(protocol)).bytes;
            let outcomes = play(protocol, &question);
            let real = [outcomes[0].bytes.sent, outcomes[0].bytes.received];
            let coded =
                !matches!(protocol, ProtocolName::Dh | ProtocolName::Count | ProtocolName::Sum);
            for (predicted, real) in predicted.into_iter().zip(real) {
                if coded {
                    // The length of a compressed set is a matter of chance, a little.
                    let error = predicted as f64 / real as f64 - 1.0;
                    assert!(error.abs() < 0.01, "{what}: {predicted} for {real}");
                } else {
                    assert_eq!(predicted, real, "{what}");
                }
            }
        }
    }
}

/// What a plan says of who learns what is what outcomes hold.
#[test]
fn sides_learn_what_the_plan_says() {
    for (protocol, question) in questions([12, 20]) {
        let said = learns(fresh(protocol), question.reveal, question.min_audience);
        let outcomes = play(protocol, &question);
        for (said, Outcome { answer, .. }) in said.into_iter().zip(outcomes) {
            let what = format!("{protocol} {} {}", question.reveal, question.min_audience);
            let Answer { matched, count, sum, labels, .. } = answer;
            assert_eq!(said.contains("rows"), matched.is_some(), "{what}: {said}");
            assert_eq!(said.contains("labelled"), labels.is_some(), "{what}: {said}");
            assert_eq!(said.contains("total"), sum.is_some(), "{what}: {said}");
            assert_eq!(said == "nothing", count.is_none(), "{what}: {said}");
        }
    }
}

#[test]
fn more_takes_longer_and_faster_takes_less() {
    let calibration = calibration();
    let mut base = Question::new([1 << 16, 1 << 20]);
    base.setting = network(12.5e6, 40);
    base.cores = 4;
    let change = |change: fn(&mut Question)| {
        let mut question = base.clone();
        change(&mut question);
        question
    };
    let worse = [
        change(|q| q.sizes[0] *= 4),
        change(|q| q.sizes[1] *= 4),
        change(|q| q.setting = network(1.25e6, 40)),
        change(|q| q.setting = network(12.5e6, 400)),
        change(|q| q.cores = 1),
    ];
    for way in Way::all() {
        let seconds = |q: &Question| Estimate::new(&calibration, q, way).session_seconds;
        for question in &worse {
            // Of a prepared set, cores hardly matter where the link is slow.
            assert!(seconds(question) >= seconds(&base), "{way}: {question:?}");
        }
        for question in &worse[..4] {
            assert!(seconds(question) > seconds(&base), "{way}: {question:?}");
        }
    }
    for way in Way::all() {
        let memory = |q: &Question| Estimate::new(&calibration, q, way).memory;
        assert!(memory(&worse[0])[0] > memory(&base)[0], "{way}");
        assert!(memory(&worse[1])[1] > memory(&base)[1], "{way}");
    }
}

fn network(bandwidth: f64, milliseconds: u64) -> Setting {
    Setting::Network { bandwidth, rtt: Duration::from_millis(milliseconds), slow_start: true }
}

/// What the plan chooses after a change of a question about a small list and a large one.
fn chosen(change: impl FnOnce(&mut Question)) -> Option<Way> {
    let mut question = Question::new([1 << 14, 1 << 22]);
    question.setting = network(12.5e6, 40);
    change(&mut question);
    let plan = Plan::new(&calibration(), &question);
    let choice = plan.choice.as_ref().map(|choice| choice.way);
    assert_eq!(choice, plan.chosen().map(|estimate| estimate.way));
    assert_eq!(plan.estimates.len(), Way::all().len());
    if let (Some(best), Some(choice)) = (plan.chosen(), &plan.choice) {
        assert!(!choice.reasons.is_empty());
        let able = plan.estimates.iter().filter(|estimate| estimate.problem.is_none());
        for other in able {
            let sessions = question.sessions;
            assert!(best.seconds_shared(sessions) <= other.seconds_shared(sessions));
        }
    }
    choice
}

#[test]
fn choices_are_what_was_asked_for() {
    use ProtocolName::*;

    assert_eq!(chosen(|_| {}), Some(fresh(Oprf)));
    assert_eq!(chosen(|q| q.trust = Trust::Verifiable).unwrap().protocol, Voprf);
    assert_eq!(chosen(|q| q.trust = Trust::Malicious), Some(fresh(TwoHash)));
    assert_eq!(chosen(|q| q.min_audience = 100), Some(fresh(Dh)));
    assert_eq!(chosen(|q| q.want = Want::Labels), Some(fresh(Labelled)));
    assert_eq!(chosen(|q| q.want = Want::Count), Some(fresh(Count)));
    assert_eq!(chosen(|q| q.reveal = Reveal::Count), Some(fresh(Dh)));
    assert_eq!(chosen(|q| q.want = Want::Sum), Some(fresh(Sum)));
    // Preparing pays once it is shared.
    assert_eq!(chosen(|q| q.sessions = 100), Some(Way { protocol: Oprf, prepared: true }));
}

#[test]
fn what_cannot_be_had_is_not_chosen() {
    // Nobody proves anything and counts first.
    assert_eq!(chosen(|q| (q.trust, q.min_audience) = (Trust::Malicious, 100)), None);
    // No protocol labels the platform's matches.
    assert_eq!(chosen(|q| (q.want, q.reveal) = (Want::Labels, Reveal::Platform)), None);
    // 2^14 values of 2^27 could come to 2^41.
    assert_eq!(chosen(|q| (q.want, q.clip) = (Want::Sum, 1 << 27)), None);
    assert_eq!(chosen(|q| q.sizes[1] = 1 << 32), None);
}

#[test]
fn every_way_that_is_not_chosen_says_why() {
    let mut question = Question::new([1000, 1000]);
    (question.trust, question.reveal) = (Trust::Verifiable, Reveal::Both);
    let plan = Plan::new(&calibration(), &question);
    assert_eq!(plan.choice.unwrap().way, fresh(ProtocolName::TwoHash));
    for estimate in &plan.estimates[1..] {
        assert!(estimate.problem.as_ref().is_some_and(|problem| problem.len() > 5));
        assert!(estimate.session_seconds > 0.0 && estimate.session_seconds.is_finite());
    }
}

#[test]
fn plans_and_calibrations_are_json_with_a_version() {
    let calibration = calibration();
    assert_eq!(Calibration::from_json(&calibration.to_json()).unwrap(), calibration);
    let plan = Plan::new(&calibration, &Question::new([100, 1000]));
    let json: serde_json::Value = serde_json::from_str(&plan.to_json()).unwrap();
    assert_eq!(
        (json["format"].as_str(), json["version"].as_u64()),
        (Some("blindmatch-plan"), Some(1))
    );
    assert_eq!(json["estimates"].as_array().unwrap().len(), Way::all().len());
    assert_eq!(json["estimates"][0]["way"], json["choice"]["way"]);

    let change = |from: &str, to: &str| {
        let changed = calibration.to_json().replacen(from, to, 1);
        assert_ne!(changed, calibration.to_json(), "{from}");
        Calibration::from_json(&changed)
    };
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("blindmatch-calibration", "blindmatch-plan"),
        ("\"hash_blind\": ", "\"hash_blind\": -"),
        ("\"hash_blind\": ", "\"hash_blind\": 1e300, \"other\": "),
        ("\"cores\": 2", "\"cores\": 0"),
        ("{", ""),
    ] {
        assert!(change(from, to).is_err(), "{to}");
    }
}
