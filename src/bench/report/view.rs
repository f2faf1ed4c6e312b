//! What of a record is shown where: subjects, sizes and links in order, and one cell of each.

use crate::bench::record::{Cell, Kind, Network, Record, Subject};

/// A record, looked at.
pub struct View<'a> {
    /// What is looked at.
    pub record: &'a Record,
    /// What was measured, each once, in the order of the cells. The place of one among them is its
    /// colour and mark.
    pub subjects: Vec<&'a Subject>,
    /// The links over which something was measured, in the order of the definition.
    pub networks: Vec<Network>,
    /// Which lists grow.
    pub shapes: Vec<Shape>,
}

/// How one list's size depends on the other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Elements of the advertiser's list; none where both lists have the same size.
    pub advertiser: Option<u64>,
    /// Elements of the platform's list, least first.
    pub sizes: Vec<u64>,
}

impl Shape {
    /// Elements of both lists where the platform's has `size`.
    pub fn lists(&self, size: u64) -> [u64; 2] {
        [self.advertiser.unwrap_or(size), size]
    }

    /// The largest lists.
    pub fn largest(&self) -> [u64; 2] {
        self.lists(self.sizes.last().copied().unwrap_or(0))
    }
}

impl<'a> View<'a> {
    /// Looks at a record.
    pub fn of(record: &'a Record) -> View<'a> {
        let mut subjects: Vec<&Subject> = Vec::new();
        for cell in record.cells.iter().filter(|cell| !cell.runs.is_empty()) {
            if !subjects.contains(&&cell.subject) {
                subjects.push(&cell.subject);
            }
        }
        View { record, subjects, networks: networks(record), shapes: shapes(record) }
    }

    /// The cell of a subject for these lists over a link. Where there are several, the one with the
    /// most threads, and of those the one with the best backend.
    pub fn cell(&self, subject: &Subject, lists: [u64; 2], network: &str) -> Option<&'a Cell> {
        let wanted = |cell: &&Cell| {
            cell.subject == *subject
                && [cell.advertiser, cell.platform] == lists
                && cell.network == network
                && !cell.runs.is_empty()
        };
        let cells = self.record.cells.iter().filter(wanted);
        cells.max_by_key(|cell| (cell.threads, self.rank(cell)))
    }

    /// The same, for every number of threads, the least first.
    pub fn by_threads(&self, subject: &Subject, lists: [u64; 2], network: &str) -> Vec<&'a Cell> {
        let Some(best) = self.cell(subject, lists, network) else { return Vec::new() };
        let wanted = |cell: &&Cell| {
            cell.subject == *subject
                && [cell.advertiser, cell.platform] == lists
                && cell.network == network
                && cell.backend == best.backend
                && !cell.runs.is_empty()
        };
        let mut cells: Vec<&Cell> = self.record.cells.iter().filter(wanted).collect();
        cells.sort_by_key(|cell| cell.threads);
        cells
    }

    /// The same, as far as both sides had cores of their own: where they share some, more threads are not
    /// more cores.
    pub fn by_cores(&self, subject: &Subject, lists: [u64; 2], network: &str) -> Vec<&'a Cell> {
        let mut cells = self.by_threads(subject, lists, network);
        cells.retain(|cell| 2 * cell.threads <= self.record.machine.cores);
        cells
    }

    /// Cells of these lists over a link, one of each subject, in order.
    pub fn cells(&self, lists: [u64; 2], network: &str) -> Vec<&'a Cell> {
        self.subjects.iter().filter_map(|subject| self.cell(subject, lists, network)).collect()
    }

    /// The same without what protects nobody.
    pub fn secure(&self, lists: [u64; 2], network: &str) -> Vec<&'a Cell> {
        let mut cells = self.cells(lists, network);
        cells.retain(|cell| cell.subject.kind != Kind::Insecure);
        cells
    }

    /// The link that delays least.
    pub fn fastest_network(&self) -> Option<&Network> {
        self.networks.iter().min_by(|a, b| delay(a).total_cmp(&delay(b)))
    }

    /// The link that delays most.
    pub fn slowest_network(&self) -> Option<&Network> {
        self.networks.iter().max_by(|a, b| delay(a).total_cmp(&delay(b)))
    }

    /// How good a backend is: its place among those of the machine.
    fn rank(&self, cell: &Cell) -> Option<usize> {
        let backends = &self.record.machine.backends;
        backends.iter().position(|backend| Some(backend) == cell.backend.as_ref())
    }
}

/// Seconds that a link takes for a megabyte and back.
fn delay(network: &Network) -> f64 {
    network.rtt + network.rate.map_or(0.0, |rate| 8e6 / rate)
}

/// Names of all phases: those of the protocols in their order, then others by name.
pub fn phases(record: &Record) -> Vec<String> {
    let runs = record.cells.iter().flat_map(|cell| &cell.runs);
    let sides = runs.flat_map(|run| [&run.advertiser, &run.platform]);
    let names: std::collections::BTreeSet<&String> =
        sides.flat_map(|side| side.phases.keys()).collect();
    let place = |name: &String| ORDER.iter().position(|phase| phase == name).unwrap_or(ORDER.len());
    let mut names: Vec<String> = names.into_iter().cloned().collect();
    names.sort_by_key(place);
    names
}

/// As they follow one another.
const ORDER: [&str; 7] =
    ["prepare", "handshake", "blind", "evaluate", "finalize", "compare", "wait"];

fn networks(record: &Record) -> Vec<Network> {
    let used = |name: &str| record.cells.iter().any(|cell| cell.network == name);
    let defined = record.definition.networks.iter().filter(|network| used(&network.name));
    let mut networks: Vec<Network> = Vec::new();
    for network in defined {
        if !networks.iter().any(|known| known.name == network.name) {
            networks.push(network.clone());
        }
    }
    for cell in &record.cells {
        if !networks.iter().any(|network| network.name == cell.network) {
            networks.push(Network { name: cell.network.clone(), rate: None, rtt: 0.0 });
        }
    }
    networks
}

/// Lists of the same size first, then the advertiser's sizes, least first.
fn shapes(record: &Record) -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    for cell in record.cells.iter().filter(|cell| !cell.runs.is_empty()) {
        let advertiser = (cell.advertiser != cell.platform).then_some(cell.advertiser);
        let at = shapes.iter().position(|shape| shape.advertiser == advertiser);
        let at = at.unwrap_or_else(|| {
            shapes.push(Shape { advertiser, sizes: Vec::new() });
            shapes.len() - 1
        });
        if !shapes[at].sizes.contains(&cell.platform) {
            shapes[at].sizes.push(cell.platform);
        }
    }
    shapes.iter_mut().for_each(|shape| shape.sizes.sort_unstable());
    shapes.sort_by_key(|shape| shape.advertiser);
    shapes
}
