//! Sentences that a record supports, each made from its figures.

use super::figures::{bits_each, cpu_each, false_positives};
use super::text;
use super::view::View;
use crate::bench::compare::FLOOR;
use crate::bench::measure::Sample;
use crate::bench::record::{Cell, Kind, Network};
use crate::protocol::ProtocolName;

/// Sentences about the same thing.
pub struct Findings {
    /// What they are about.
    pub about: String,
    /// What there is to say, the most important first.
    pub sentences: Vec<String>,
}

/// What there is to say: of the largest lists of each shape, then of all runs.
pub fn all(view: &View) -> Vec<Findings> {
    let mut all: Vec<Findings> =
        view.shapes.iter().map(|shape| of_lists(view, shape.largest())).collect();
    all.retain(|findings| !findings.sentences.is_empty());
    let sentences = [wrong_matches(view)].into_iter().chain(noise(view)).collect();
    all.push(Findings { about: "All runs".to_owned(), sentences });
    all
}

fn of_lists(view: &View, lists: [u64; 2]) -> Findings {
    let mut sentences: Vec<String> =
        view.networks.iter().filter_map(|network| fastest(view, lists, network)).collect();
    if let Some(network) = view.fastest_network() {
        let others = [prepared, cheapest, least_bytes, against_others, insecure, cores];
        sentences.extend(others.iter().filter_map(|say| say(view, lists, network)));
    }
    Findings { about: format!("{} elements", text::sizes(lists[0], lists[1])), sentences }
}

fn by(mut cells: Vec<&Cell>, figure: impl Fn(&Cell) -> f64) -> Vec<&Cell> {
    cells.retain(|cell| figure(cell).is_finite());
    cells.sort_by(|a, b| figure(a).total_cmp(&figure(b)));
    cells
}

fn total(cell: &Cell) -> Sample {
    cell.sample(|run| run.total)
}

fn name(cell: &Cell) -> String {
    text::subject(&cell.subject)
}

/// Whether one time is more than another beyond doubt: at least by [`FLOOR`], with all runs of one before all
/// of the other, three each. Of fewer runs nothing is known of the noise, and a quarter more is asked.
pub fn apart(less: &Sample, more: &Sample) -> bool {
    let runs = less.values().len().min(more.values().len());
    let least = if runs < 3 { 1.25 } else { 1.0 + FLOOR };
    more.median() >= least * less.median() && less.quantile(1.0) < more.quantile(0.0)
}

/// Those whose answer is at least which rows match: a count alone does not compete with them.
pub fn giving_matches(mut cells: Vec<&Cell>) -> Vec<&Cell> {
    cells.retain(|cell| {
        let protocol = ProtocolName::ALL.iter().find(|name| name.name() == cell.subject.name);
        !protocol.is_some_and(|protocol| protocol.is_aggregate())
    });
    cells
}

fn fastest(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let cells = giving_matches(view.secure(lists, &network.name));
    let cells = by(cells, |cell| total(cell).median());
    let first = cells.first()?;
    let time = text::seconds_about(&total(first));
    let lead = format!("Over {}, of those that give matches {}", text::over(network), name(first));
    let Some(second) = cells.get(1) else { return Some(format!("{lead} takes {time}.")) };
    let other = text::seconds(total(second).median());
    Some(if apart(&total(first), &total(second)) {
        let times = text::number(total(second).median() / total(first).median());
        format!("{lead} is fastest: {time}; next is {}, {times} times as long.", name(second))
    } else {
        format!("{lead} takes {time}; {}, {other}, cannot be told from it.", name(second))
    })
}

/// Where preparing takes a part of the time that is worth a sentence.
fn prepared(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let online = |cell: &Cell| cell.sample(|run| run.online).median();
    let mut cells = view.secure(lists, &network.name);
    cells.retain(|cell| online(cell) < 0.95 * total(cell).median());
    let cells = by(cells, online);
    let first = cells.first()?;
    Some(format!(
        "Once the platform's list is prepared, {} takes {} of its {} over {}.",
        name(first),
        text::seconds(online(first)),
        text::seconds(total(first).median()),
        text::over(network)
    ))
}

fn cheapest(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let each = |cell: &Cell| cell.sample(|run| cpu_each(cell, run)).median() / 1e6;
    let cells = by(view.secure(lists, &network.name), each);
    let (first, last) = (cells.first()?, cells.last()?);
    let lead = format!(
        "{} costs the least CPU: {} an element of the larger list, both sides together",
        name(first),
        text::seconds(each(first))
    );
    Some(if cells.len() > 1 {
        format!("{lead}; the most is {} of {}.", text::seconds(each(last)), name(last))
    } else {
        lead + "."
    })
}

fn least_bytes(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let each = |cell: &Cell| cell.sample(|run| bits_each(cell, run)).median();
    let cells = by(view.secure(lists, &network.name), each);
    let (first, last) = (cells.first()?, cells.last()?);
    let bytes = text::bytes(first.sample(|run| run.bytes() as f64).median());
    let bits = text::number(each(first));
    let lead = format!("{} sends least: {bytes} both ways, {bits} bits an element", name(first));
    Some(if cells.len() > 1 {
        format!("{lead}; the most is {} bits of {}.", text::number(each(last)), name(last))
    } else {
        lead + "."
    })
}

fn against_others(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let cells = view.cells(lists, &network.name);
    let of_kind = |kind| {
        let cells = cells.iter().copied().filter(|cell| cell.subject.kind == kind).collect();
        by(cells, |cell| total(cell).median())
    };
    let (ours, others) = (of_kind(Kind::Protocol), of_kind(Kind::Peer));
    let (ours, other) = (ours.first()?, others.first()?);
    let times = total(other).median() / total(ours).median();
    let lead = format!("Of other programs, {} is fastest", name(other));
    let network = text::over(network);
    Some(if times >= 1.0 {
        format!("{lead}: {} times the time of {} over {network}.", text::number(times), name(ours))
    } else {
        let times = text::number(1.0 / times);
        format!("{lead}: {} takes {times} times as long over {network}.", name(ours))
    })
}

fn insecure(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let mut cells = view.cells(lists, &network.name);
    let secure = by(view.secure(lists, &network.name), |cell| total(cell).median());
    cells.retain(|cell| cell.subject.kind == Kind::Insecure);
    let cells = by(cells, |cell| total(cell).median());
    let (first, secure) = (cells.first()?, secure.first()?);
    let times = text::number(total(secure).median() / total(first).median());
    Some(format!(
        "Protecting nobody, {}, takes {} over {}; {} takes {times} times as long.",
        name(first),
        text::seconds(total(first).median()),
        text::over(network),
        name(secure)
    ))
}

fn cores(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let fastest = by(view.secure(lists, &network.name), |cell| total(cell).median());
    let cells = view.by_cores(&fastest.first()?.subject, lists, &network.name);
    let (one, most) = (cells.first()?, cells.last()?);
    (one.threads < most.threads).then(|| {
        let times = text::number(total(one).median() / total(most).median());
        let (few, many) = (one.threads, most.threads);
        format!("With {many} threads a side, {} is {times} times as fast as with {few}.", name(one))
    })
}

fn wrong_matches(view: &View) -> String {
    let wrong = view.record.cells.iter().filter(|cell| false_positives(cell) > 0);
    let mut names: Vec<String> = wrong.map(name).collect();
    names.dedup();
    if names.is_empty() {
        "No run reported a match that was not there.".to_owned()
    } else {
        format!("Matches that were not there were reported by {}.", names.join(", "))
    }
}

/// Where times moved much from run to run.
fn noise(view: &View) -> Option<String> {
    let cells: Vec<&Cell> = view.record.cells.iter().filter(|cell| cell.runs.len() > 1).collect();
    let noisy = |cell: &&&Cell| total(cell).spread() > 0.1 * total(cell).median();
    let count = cells.iter().filter(noisy).count();
    (count > 0).then(|| {
        format!(
            "In {count} of {} configurations the times spread by more than 10 %: do not rely on small \
             differences there.",
            cells.len()
        )
    })
}
