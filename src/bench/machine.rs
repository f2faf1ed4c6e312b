//! Where a benchmark runs.

use jiff::Timestamp;

use super::record::Machine;
use crate::group::Backend;

impl Machine {
    /// This one, now.
    pub fn here() -> Machine {
        let commit = env!("BLINDMATCH_COMMIT");
        Machine {
            cpu: cpu(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory(),
            system: system(),
            backends: Backend::available().into_iter().map(|b| b.name().to_owned()).collect(),
            blindmatch: env!("CARGO_PKG_VERSION").to_owned(),
            commit: (!commit.is_empty()).then(|| commit.to_owned()),
            compiler: env!("BLINDMATCH_COMPILER").to_owned(),
            started: Timestamp::now().to_string(),
        }
    }

    /// Whether another record's runs were made on the same machine by the same program.
    pub fn is_same(&self, other: &Machine) -> bool {
        let other = Machine { started: self.started.clone(), ..other.clone() };
        *self == other
    }
}

/// The CPU as Linux names it.
pub fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn system() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let name = std::fs::read_to_string("/proc/sys/kernel/ostype").unwrap_or_default();
    match format!("{} {}", name.trim(), release.trim()).trim() {
        "" => std::env::consts::OS.to_owned(),
        known => known.to_owned(),
    }
}
