//! Sentences that a record supports, each made from its figures.

use super::figures::{bits_each, cpu_each, false_positives};
use super::text;
use super::view::View;
use crate::bench::measure::Sample;
use crate::bench::record::{Cell, Kind, Network};

/// What there is to say, the most important first.
pub fn all(view: &View) -> Vec<String> {
    let mut said = Vec::new();
    for shape in &view.shapes {
        let lists = shape.largest();
        for network in &view.networks {
            said.extend(fastest(view, lists, network));
        }
        if let Some(network) = view.fastest_network() {
            said.extend(cheapest(view, lists, network));
            said.extend(least_bytes(view, lists, network));
            said.extend(prepared(view, lists, network));
            said.extend(against_others(view, lists, network));
            said.extend(insecure(view, lists, network));
            said.extend(cores(view, lists, network));
        }
    }
    said.push(wrong_matches(view));
    said.extend(noise(view));
    said
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

fn of(cell: &Cell) -> String {
    text::sizes(cell.advertiser, cell.platform)
}

/// Whether the quartiles of two samples leave a gap.
fn apart(less: &Sample, more: &Sample) -> bool {
    less.quantile(0.75) < more.quantile(0.25)
}

fn fastest(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let cells = by(view.secure(lists, &network.name), |cell| total(cell).median());
    let first = cells.first()?;
    let link = text::network(network);
    let time = text::seconds_about(total(first).median(), total(first).spread());
    let lead =
        format!("{} elements over {link}: {} is fastest with {time}", of(first), name(first));
    let Some(second) = cells.get(1) else {
        return Some(format!("{} elements over {link}: {} takes {time}.", of(first), name(first)));
    };
    let other = text::seconds(total(second).median());
    Some(if apart(&total(first), &total(second)) {
        let times = text::number(total(second).median() / total(first).median());
        format!("{lead}; {} comes next with {other}, {times} times as long.", name(second))
    } else {
        format!("{lead}, but {} with {other} cannot be told from it.", name(second))
    })
}

fn cheapest(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let each = |cell: &Cell| cell.sample(|run| cpu_each(cell, run)).median() / 1e6;
    let cells = by(view.secure(lists, &network.name), each);
    let (first, last) = (cells.first()?, cells.last()?);
    let time = text::seconds(each(first));
    let mut said = format!(
        "{} elements: {} costs the least CPU, {time} an element of the larger list for both sides \
         together",
        of(first),
        name(first)
    );
    if cells.len() > 1 {
        said += &format!("; the most is {} of {}", text::seconds(each(last)), name(last));
    }
    Some(said + ".")
}

fn least_bytes(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let each = |cell: &Cell| cell.sample(|run| bits_each(cell, run)).median();
    let cells = by(view.secure(lists, &network.name), each);
    let (first, last) = (cells.first()?, cells.last()?);
    let bytes = text::bytes(first.sample(|run| run.bytes() as f64).median());
    let bits = text::number(each(first));
    let mut said = format!(
        "{} elements: {} sends least, {bytes} both ways or {bits} bits an element",
        of(first),
        name(first)
    );
    if cells.len() > 1 {
        said += &format!("; the most is {} bits of {}", text::number(each(last)), name(last));
    }
    Some(said + ".")
}

/// Where preparing takes a part of the time that is worth a sentence.
fn prepared(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let online = |cell: &Cell| cell.sample(|run| run.online).median();
    let saves = |cell: &&Cell| online(cell) < 0.95 * total(cell).median();
    let mut cells = view.secure(lists, &network.name);
    cells.retain(saves);
    let cells = by(cells, online);
    let first = cells.first()?;
    Some(format!(
        "{} elements: once the platform's list is prepared, {} takes {} of {} in all over {}.",
        of(first),
        name(first),
        text::seconds(online(first)),
        text::seconds(total(first).median()),
        text::name(&network.name)
    ))
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
    let link = text::name(&network.name);
    let (lists, fastest, other) = (of(ours), name(ours), name(other));
    Some(if times >= 1.0 {
        let times = text::number(times);
        format!(
            "{lists} elements over {link}: the fastest other program, {other}, takes {times} times the time of {fastest}."
        )
    } else {
        let times = text::number(1.0 / times);
        format!(
            "{lists} elements over {link}: {other}, another program, takes less time: {fastest} takes {times} times as long."
        )
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
        "{} elements over {}: what protects nobody, {}, takes {}; {} takes {times} times as long.",
        of(first),
        text::name(&network.name),
        name(first),
        text::seconds(total(first).median()),
        name(secure)
    ))
}

fn cores(view: &View, lists: [u64; 2], network: &Network) -> Option<String> {
    let fastest = by(view.secure(lists, &network.name), |cell| total(cell).median());
    let cells = view.by_threads(&fastest.first()?.subject, lists, &network.name);
    let (one, most) = (cells.first()?, cells.last()?);
    if one.threads == most.threads {
        return None;
    }
    Some(format!(
        "{} elements over {}: with {} threads a side, {} is {} times as fast as with {}.",
        of(one),
        text::name(&network.name),
        most.threads,
        name(one),
        text::number(total(one).median() / total(most).median()),
        one.threads
    ))
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
