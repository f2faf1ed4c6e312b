//! Which way to take.

use serde::Serialize;

use super::{Calibration, Estimate, Question, Setting, Trust, Want, Way, facts};
use crate::protocol::Reveal;

/// What every way takes, and which of them to choose.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    format: &'static str,
    version: u32,
    blindmatch: &'static str,
    /// What was asked.
    pub question: Question,
    /// Of which machine the units are.
    pub calibration: Calibration,
    /// Every way, those that cannot answer last; else the quickest first.
    pub estimates: Vec<Estimate>,
    /// The one to choose; `None` where none can answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// What the plan rests on that may not hold.
    pub warnings: Vec<String>,
}

/// A choice and its reasons.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// What to choose.
    pub way: Way,
    /// What would be next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runner_up: Option<Way>,
    /// In sentences.
    pub reasons: Vec<String>,
}

impl Plan {
    /// For a question, on machines with this calibration.
    pub fn new(calibration: &Calibration, question: &Question) -> Plan {
        let mut estimates: Vec<Estimate> = Way::all()
            .into_iter()
            .map(|way| fitting(Estimate::new(calibration, question, way), question))
            .collect();
        let sessions = question.sessions;
        estimates.sort_by(|one, other| {
            let seconds = [one, other].map(|estimate| estimate.seconds_shared(sessions));
            one.problem
                .is_some()
                .cmp(&other.problem.is_some())
                .then(seconds[0].total_cmp(&seconds[1]))
        });
        let mut plan = Plan {
            format: "blindmatch-plan",
            version: 1,
            blindmatch: env!("CARGO_PKG_VERSION"),
            question: question.clone(),
            calibration: calibration.clone(),
            estimates,
            choice: None,
            warnings: Vec::new(),
        };
        plan.choice = plan.choose();
        plan.warnings = plan.warn();
        plan
    }

    /// What the chosen way takes.
    pub fn chosen(&self) -> Option<&Estimate> {
        self.estimates.first().filter(|estimate| estimate.problem.is_none())
    }

    /// As JSON, a stable format with a version.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("only text keys") + "\n"
    }

    fn choose(&self) -> Option<Choice> {
        let best = self.chosen()?;
        let sessions = self.question.sessions;
        let mut able = self.estimates.iter().filter(|estimate| estimate.problem.is_none());
        let runner_up = able.nth(1);
        let mut reasons = vec![format!(
            "{} takes the least time of the ways that give {} {}",
            best.way,
            match (self.question.want, self.question.reveal) {
                // PAIR gives each room what is for it, whoever is asked for.
                (Want::PublisherIds, _) => "publisher IDs".to_owned(),
                (_, Reveal::Count) => "the count alone to both sides".to_owned(),
                (want, Reveal::Both) => format!("{} to both sides", want.name()),
                (want, one) => format!("{} to the {one}", want.name()),
            },
            match self.question.trust {
                Trust::SemiHonest => "where both sides follow the protocol",
                Trust::Verifiable => "and prove the platform's answers",
                Trust::Malicious => "where either side may cheat",
            }
        )];
        if let Some(other) = runner_up {
            let times = other.seconds_shared(sessions) / best.seconds_shared(sessions);
            reasons.push(format!("next is {}, at {times:.2} times as long", other.way));
            reasons.extend(self.turning_bandwidth(best.way, other.way));
        }
        reasons.extend(self.little_more(best));
        if let Some(prepare) = best.prepare_seconds {
            reasons.push(format!(
                "its {} of preparing are shared by {}",
                seconds(prepare),
                count(sessions, "session")
            ));
        }
        reasons.extend(self.turning_sessions(best));
        Some(Choice { way: best.way, runner_up: runner_up.map(|other| other.way), reasons })
    }

    /// The way that holds against more, where it takes hardly longer.
    fn little_more(&self, best: &Estimate) -> Option<String> {
        let seconds = |estimate: &Estimate| estimate.seconds_shared(self.question.sessions);
        let able = self.estimates.iter().filter(|estimate| estimate.problem.is_none());
        let near = able.filter(|estimate| seconds(estimate) <= 1.1 * seconds(best));
        let strongest = near.rev().max_by_key(|estimate| estimate.trust)?;
        let more = (seconds(strongest) / seconds(best) - 1.0) * 100.0;
        (strongest.trust > best.trust).then(|| {
            format!(
                "for {more:.0} % more time {} holds against more ({}): consider it",
                strongest.way,
                strongest.trust.name()
            )
        })
    }

    /// The bandwidth at which the second becomes the first, the nearest to that of the question.
    fn turning_bandwidth(&self, best: Way, other: Way) -> Option<String> {
        let Setting::Network { bandwidth, rtt, slow_start } = self.question.setting else {
            return None;
        };
        let wins = |bandwidth: f64| {
            let setting = Setting::Network { bandwidth, rtt, slow_start };
            let question = Question { setting, ..self.question.clone() };
            let time = |way| {
                let estimate = Estimate::new(&self.calibration, &question, way);
                estimate.seconds_shared(question.sessions)
            };
            time(other) < time(best)
        };
        // Eighths of a power of ten, up to a factor of ten thousand.
        let found = (1..=32).flat_map(|step| [step, -step]).find_map(|step: i32| {
            let there = bandwidth * 10f64.powf(f64::from(step) / 8.0);
            wins(there).then_some((there, step > 0))
        });
        let (there, above) = found?;
        let way = if above { "above" } else { "below" };
        Some(format!("{way} about {} {other} would win", rate(there)))
    }

    /// How many sessions make preparing worth its while, where it is not chosen and could be.
    fn turning_sessions(&self, best: &Estimate) -> Option<String> {
        if best.way.prepared {
            return None;
        }
        let able = |estimate: &&Estimate| estimate.problem.is_none() && estimate.way.prepared;
        let least = |estimate: &Estimate| {
            let saved = best.session_seconds - estimate.session_seconds;
            (saved > 0.0).then(|| (estimate.prepare_seconds.unwrap_or(0.0) / saved).ceil())
        };
        let ways = self.estimates.iter().filter(able);
        let ways = ways.filter_map(|estimate| Some((least(estimate)?, estimate.way)));
        let (sessions, way) = ways.min_by(|one, other| one.0.total_cmp(&other.0))?;
        (sessions < 1e6).then(|| {
            format!("from about {sessions:.0} sessions over one state of the platform's list on, {way} would win")
        })
    }

    fn warn(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let (question, calibration) = (&self.question, &self.calibration);
        if question.cores > calibration.cores {
            warnings.push(format!(
                "units are of {} cores; that {} scale as these do is an assumption",
                calibration.cores, question.cores
            ));
        }
        let Some(best) = self.chosen() else { return warnings };
        let most = question.sizes.into_iter().max().unwrap_or(0);
        if most > crate::session::MAX_ELEMENTS && question.setting != Setting::Process {
            warnings.push(format!(
                "serve and connect take lists of {} from their peer unless given --max-elements",
                crate::session::MAX_ELEMENTS
            ));
        }
        if best.session_seconds > 3600.0 && question.setting != Setting::Process {
            warnings.push("sessions end after an hour unless given --session-timeout".into());
        }
        if matches!(question.setting, Setting::Network { .. }) {
            warnings.push(
                "the link is taken to be free of other traffic and of loss, both machines to be like \
                 the calibrated one"
                    .into(),
            );
        }
        warnings
    }
}

/// An estimate with what the question asks of it.
fn fitting(mut estimate: Estimate, question: &Question) -> Estimate {
    if estimate.problem.is_some() {
        return estimate;
    }
    let gives = facts::gives(estimate.way.protocol, question.reveal);
    let wanted = match question.want {
        // `--reveal count` asks for a count in other words.
        Want::Matches if question.reveal == Reveal::Count => Want::Count,
        want => want,
    };
    if gives != wanted {
        estimate.problem = Some(format!("gives {}", gives.name()));
    } else if estimate.trust < question.trust {
        estimate.problem = Some(match estimate.trust {
            Trust::SemiHonest => "trusts both sides".into(),
            _ => "trusts the advertiser's list and the platform's set".into(),
        });
    }
    estimate
}

fn count(number: u32, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Seconds, as people say them.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.0995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 => format!("{s:.2} s"),
        s if s < 600.0 => format!("{s:.0} s"),
        s if s < 36_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Bytes a second as a link's rate.
fn rate(bandwidth: f64) -> String {
    match bandwidth * 8.0 {
        bits if bits < 1e6 => format!("{:.0} kbit/s", bits / 1e3),
        bits if bits < 1e9 => format!("{:.0} Mbit/s", bits / 1e6),
        bits => format!("{:.1} Gbit/s", bits / 1e9),
    }
}
