//! What a machine takes for the parts that protocols are made of.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, printable};

/// Units of one machine, with where and when they were measured.
///
/// A stable JSON format with a version, so that a plan for a machine can be made on another one:
///
/// ```json
/// {
///   "format": "blindmatch-calibration", "version": 1, "blindmatch": "0.1.0",
///   "date": "2026-11-25T10:00:00Z", "cpu": "AMD EPYC", "cores": 2, "backend": "avx512",
///   "units": {"hash_blind": 6912.0, ..}
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    format: String,
    version: u32,
    blindmatch: String,
    /// When it was measured.
    pub date: String,
    /// The CPU, as the system names it.
    pub cpu: String,
    /// How many cores it has.
    pub cores: usize,
    /// The backend of the group arithmetic.
    pub backend: String,
    /// What was measured.
    pub units: Units,
}

/// CPU time of one thread for an element, in nanoseconds, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Units {
    /// An identifier hashed to the group, times a key, encoded.
    pub hash_blind: f64,
    /// An encoding decoded, times a key, encoded.
    pub blind: f64,
    /// An identifier hashed to the group, a multiple of the generator added, encoded; and its blind.
    pub hash_mask: f64,
    /// An encoding decoded, a multiple of a public key taken off, encoded.
    pub unmask: f64,
    /// An output of the oblivious function: a hash.
    pub output: f64,
    /// A tag: a hash.
    pub tag: f64,
    /// One proof over a long run.
    pub prove: f64,
    /// Checking it.
    pub check: f64,
    /// A value encrypted, without its random scalar.
    pub encrypt: f64,
    /// A random scalar.
    pub scalar: f64,
    /// An encoding decoded.
    pub decode: f64,
    /// A step of the search for a total: an addition, and an encoding in a batch.
    pub step: f64,
    /// A label of a short block sealed.
    pub seal: f64,
    /// A label opened.
    pub open: f64,
    /// A byte of SHA-256.
    pub hash_byte: f64,
    /// A byte of a frame of points, written and read: half of it at either end.
    pub frame_byte: f64,
    /// A row of CSV with one e-mail address, from the file to the consented list.
    pub row: f64,
    /// The part of it that one thread does.
    pub gate: f64,
    /// A cell of another column, read in a second pass: labels and values.
    pub cell: f64,
    /// A byte over TLS and the loopback interface, both ends together.
    pub tls_byte: f64,
    /// A blinded element and its index, sorted.
    pub sort_slots: Curve,
    /// A tag sorted.
    pub sort_tags: Curve,
    /// An output with its index sorted.
    pub sort_outputs: Curve,
    /// A tag looked up in as many.
    pub look_up: Curve,
    /// An output sorted and compressed into a set.
    pub set_build: Curve,
    /// An element of a set read, checked and merged with as many own outputs.
    pub set_read: Curve,
    /// What a whole small session takes, over what its parts do: the rest of the code, and the system.
    pub whole: f64,
    /// How much faster each further core makes it: 1 where two are twice as fast as one.
    pub efficiency: f64,
    /// Seconds on the wall that a session of two single elements takes in memory.
    pub session: f64,
    /// The same over TLS and the loopback interface, connecting included.
    pub connection: f64,
}

/// What depends on how many there are: nanoseconds an element at two lengths, and a line in their
/// logarithm through both. Caches make it a curve; the line is within its noise for lists in memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// At [`Curve::FEW`] elements.
    pub few: f64,
    /// At [`Curve::MANY`] elements.
    pub many: f64,
}

impl Curve {
    /// Elements of the first length.
    pub const FEW: usize = 1 << 12;
    /// Elements of the second length.
    pub const MANY: usize = 1 << 18;

    /// Nanoseconds for one of `count` elements.
    pub fn at(self, count: u64) -> f64 {
        let doublings = (count.max(1) as f64).log2() - (Self::FEW as f64).log2();
        (self.few + doublings * self.doubling()).max(self.few / 4.0)
    }

    /// What twice as many elements add to each: in a sort, one level of it.
    pub fn doubling(self) -> f64 {
        ((self.many - self.few) / (Self::MANY as f64 / Self::FEW as f64).log2()).max(0.0)
    }

    fn values(self) -> [f64; 2] {
        [self.few, self.many]
    }
}

impl Calibration {
    /// Of a machine, now.
    pub fn new(cpu: String, cores: usize, backend: &str, units: Units) -> Calibration {
        Calibration {
            format: FORMAT.into(),
            version: VERSION,
            blindmatch: env!("CARGO_PKG_VERSION").into(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            cpu,
            cores,
            backend: backend.into(),
            units,
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("only text keys") + "\n"
    }

    /// From JSON. Texts in it are made safe to show.
    ///
    /// # Errors
    /// [`Error::Misuse`] for anything but a calibration of this version.
    pub fn from_json(json: &str) -> Result<Calibration> {
        let mut calibration: Calibration = serde_json::from_str(json)
            .map_err(|problem| Error::Misuse(format!("not a calibration: {problem}")))?;
        let Calibration { cpu, date, backend, blindmatch, .. } = &mut calibration;
        for text in [cpu, date, backend, blindmatch] {
            *text = printable(text);
        }
        let problem = if calibration.format != FORMAT || calibration.version != VERSION {
            format!("not a calibration of version {VERSION}; measure again")
        } else if !calibration.units.are_sound() || calibration.cores == 0 {
            "a calibration with units that cannot be; measure again".into()
        } else {
            return Ok(calibration);
        };
        Err(Error::Misuse(problem))
    }
}

impl Units {
    /// Whether all are what a machine can take: finite, and more than nothing.
    fn are_sound(&self) -> bool {
        let u = self;
        let singles = [
            u.hash_blind,
            u.blind,
            u.hash_mask,
            u.unmask,
            u.output,
            u.tag,
            u.prove,
            u.check,
            u.encrypt,
            u.scalar,
            u.decode,
            u.step,
            u.seal,
            u.open,
            u.hash_byte,
            u.frame_byte,
            u.row,
            u.gate,
            u.cell,
            u.tls_byte,
            u.whole,
            u.efficiency,
            u.session,
            u.connection,
        ];
        let curves =
            [u.sort_slots, u.sort_tags, u.sort_outputs, u.look_up, u.set_build, u.set_read];
        let mut all = singles.into_iter().chain(curves.into_iter().flat_map(Curve::values));
        all.all(|unit| unit.is_finite() && unit > 0.0 && unit < 1e9)
            && u.gate <= u.row
            && u.efficiency <= 1.0
    }
}

const FORMAT: &str = "blindmatch-calibration";

/// Raised when a unit is added, or means something else.
const VERSION: u32 = 1;
