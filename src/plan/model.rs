//! Work, links and what they come to on the clock.

use std::time::Duration;

use super::Setting;

/// What one side computes in a stage, in seconds of one core.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Work {
    /// On as many cores as there are.
    pub(super) parallel: f64,
    /// On one.
    pub(super) serial: f64,
}

impl Work {
    pub(super) fn parallel(nanoseconds: f64) -> Work {
        Work { parallel: nanoseconds * 1e-9, serial: 0.0 }
    }

    pub(super) fn serial(nanoseconds: f64) -> Work {
        Work { parallel: 0.0, serial: nanoseconds * 1e-9 }
    }

    pub(super) fn times(self, factor: f64) -> Work {
        Work { parallel: self.parallel * factor, serial: self.serial * factor }
    }

    pub(super) fn total(self) -> f64 {
        self.parallel + self.serial
    }
}

impl std::ops::Add for Work {
    type Output = Work;

    fn add(self, other: Work) -> Work {
        Work { parallel: self.parallel + other.parallel, serial: self.serial + other.serial }
    }
}

/// The cores of a machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cores {
    pub(super) number: usize,
    /// What each further core adds, as in [`Units::efficiency`](super::Units::efficiency).
    pub(super) efficiency: f64,
}

impl Cores {
    /// How many times as fast as one.
    pub(super) fn speed(self) -> f64 {
        1.0 + (self.number - 1) as f64 * self.efficiency
    }

    /// Seconds on the clock.
    pub(super) fn time(self, work: Work) -> f64 {
        work.serial + work.parallel / self.speed()
    }

    /// Seconds of CPU time: cores that work side by side are slower each.
    pub(super) fn cpu(self, work: Work) -> f64 {
        work.serial + work.parallel * self.number as f64 / self.speed()
    }
}

/// A stage of a session: what both sides compute while it crosses. Evaluating overlaps with sending in
/// the driver, so the longest of the three decides.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    /// The advertiser's, then the platform's.
    pub(super) work: [Work; 2],
    /// From the advertiser, then from the platform.
    pub(super) bytes: [u64; 2],
    /// How often something must cross before the next stage begins.
    pub(super) flights: u32,
}

impl Stage {
    /// Seconds on the clock.
    pub(super) fn seconds(&self, setting: &Setting, cores: Cores, tls_byte: f64) -> f64 {
        let [ours, theirs] = self.work.map(|work| cores.time(work));
        let sealing = self.sealing(setting, tls_byte);
        match setting {
            Setting::Network { bandwidth, rtt } => {
                let crossing = self.bytes.map(|bytes| crossing(bytes, *bandwidth, *rtt));
                // Sealing at one end and opening at the other, on threads of their own.
                let sides = [ours, theirs].map(|side| side + sealing / 2.0 / cores.speed());
                let longest = sides.into_iter().chain(crossing).fold(0.0, f64::max);
                longest
                    + first_frame(self.bytes, *bandwidth)
                    + f64::from(self.flights) * rtt.as_secs_f64() / 2.0
            }
            Setting::Loopback | Setting::Process => {
                // Both sides share the cores: what one leaves idle the other has.
                let all = self.work[0].total() + self.work[1].total() + sealing;
                (all / cores.speed()).max(ours).max(theirs)
            }
        }
    }

    /// Seconds of CPU time, both sides.
    pub(super) fn cpu(&self, setting: &Setting, cores: Cores, tls_byte: f64) -> f64 {
        let sealing = Work { parallel: self.sealing(setting, tls_byte), serial: 0.0 };
        [self.work[0], self.work[1], sealing].map(|work| cores.cpu(work)).iter().sum()
    }

    /// Seconds that TLS takes, both ends.
    fn sealing(&self, setting: &Setting, tls_byte: f64) -> f64 {
        match setting {
            Setting::Process => 0.0,
            _ => (self.bytes[0] + self.bytes[1]) as f64 * tls_byte * 1e-9,
        }
    }
}

/// Seconds for bytes one way: at the link's rate once the sender's window has opened, which starts at
/// ten segments and doubles each round trip (RFC 6928, RFC 5681).
fn crossing(bytes: u64, bandwidth: f64, rtt: Duration) -> f64 {
    let (rate, rtt) = (bandwidth * PAYLOAD, rtt.as_secs_f64());
    let in_flight = (rate * rtt).min(bytes as f64);
    let doublings = (in_flight / FIRST_WINDOW).max(1.0).log2();
    bytes as f64 / rate + doublings * rtt
}

/// Seconds until there is anything to work on.
fn first_frame(bytes: [u64; 2], bandwidth: f64) -> f64 {
    bytes.into_iter().max().unwrap_or(0).min(FRAME) as f64 / (bandwidth * PAYLOAD)
}

/// Of what crosses a link, the part that is frames: the rest is TLS, TCP, IP and Ethernet.
const PAYLOAD: f64 = 0.94;

/// Bytes that TCP sends before it hears anything.
const FIRST_WINDOW: f64 = 10.0 * 1460.0;

/// Bytes of the longest frame, about.
const FRAME: u64 = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const CORES: Cores = Cores { number: 4, efficiency: 1.0 };

    fn stage() -> Stage {
        let work = Work { parallel: 4.0, serial: 1.0 };
        Stage { name: "test", work: [work, work], bytes: [94_000_000, 0], flights: 2 }
    }

    #[test]
    fn machines_of_their_own_work_side_by_side() {
        let fast = Setting::Network { bandwidth: 1e12, rtt: Duration::from_millis(100) };
        let seconds = stage().seconds(&fast, CORES, 0.0);
        // 1 s alone, 4 s on four cores, two flights of 50 ms, and a window that opens.
        assert!((2.1..3.6).contains(&seconds), "{seconds}");
        let shared = stage().seconds(&Setting::Process, CORES, 0.0);
        assert_eq!(shared, 2.5);
    }

    #[test]
    fn the_link_decides_where_it_is_slow() {
        let slow = Setting::Network { bandwidth: 1e6, rtt: Duration::ZERO };
        let seconds = stage().seconds(&slow, CORES, 0.0);
        assert!((100.0..101.0).contains(&seconds), "{seconds}");
    }

    #[test]
    fn cores_that_share_are_slower_each() {
        let cores = Cores { number: 2, efficiency: 0.8 };
        let work = Work { parallel: 9.0, serial: 1.0 };
        assert_eq!(cores.time(work), 6.0);
        assert_eq!(cores.cpu(work), 11.0);
        assert_eq!(Cores { number: 1, ..cores }.time(work), 10.0);
    }
}
