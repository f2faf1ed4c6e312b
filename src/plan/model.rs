//! Work, links and what they come to on the clock.

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
            Setting::Network { bandwidth, rtt, .. } => {
                // Sealing at one end and opening at the other, on threads of their own.
                let sealing = sealing / 2.0 / cores.speed();
                let works = ours.max(theirs) + sealing;
                // Where one side works on what the other answers, a frame is worked on twice in a row.
                let answered = self.flights >= 2;
                let both = if answered { ours + theirs + sealing } else { works };
                let bytes = self.bytes[0].max(self.bytes[1]);
                let (crosses, frame) = (crossing(bytes, *bandwidth), bytes.min(FRAME));
                let (first, hops) = (crossing(frame, *bandwidth), f64::from(self.flights.max(1)));
                // Work waits for a whole frame at each hop; what crosses last is then worked on.
                let part = frame as f64 / bytes.max(1) as f64;
                let longest = (works + hops * first + (both - works) * part)
                    .max(crosses + (hops - 1.0) * first + both * part);
                longest + f64::from(self.flights) * rtt.as_secs_f64() / 2.0
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

/// Seconds for bytes one way, once the sender's window is open.
fn crossing(bytes: u64, bandwidth: f64) -> f64 {
    bytes as f64 / (bandwidth * PAYLOAD)
}

/// Seconds that senders lose in a session until their windows have opened, which start at ten segments
/// and double each round trip (RFC 6928, RFC 5681). Both directions open at once.
pub(super) fn opening(setting: &Setting, bytes: [u64; 2]) -> f64 {
    let Setting::Network { bandwidth, rtt, slow_start: true } = setting else { return 0.0 };
    let in_flight = (bandwidth * PAYLOAD * rtt.as_secs_f64()).min(bytes[0].max(bytes[1]) as f64);
    (in_flight / FIRST_WINDOW).max(1.0).log2() * rtt.as_secs_f64()
}

/// Of what crosses a link, the part that is frames: the rest is TLS, TCP, IP and Ethernet.
const PAYLOAD: f64 = 0.94;

/// Bytes that TCP sends before it hears anything.
const FIRST_WINDOW: f64 = 10.0 * 1460.0;

/// Bytes of the longest frame, about.
const FRAME: u64 = 512 * 1024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CORES: Cores = Cores { number: 4, efficiency: 1.0 };

    fn stage() -> Stage {
        let work = Work { parallel: 4.0, serial: 1.0 };
        Stage { name: "test", work: [work, work], bytes: [94_000_000, 0], flights: 2 }
    }

    #[test]
    fn machines_of_their_own_work_side_by_side() {
        let fast = network(1e12, 100);
        let seconds = stage().seconds(&fast, CORES, 0.0);
        // 1 s alone, 4 s on four cores; a frame of these again at the other side; two flights of 50 ms.
        assert!((2.11..2.12).contains(&seconds), "{seconds}");
        let shared = stage().seconds(&Setting::Process, CORES, 0.0);
        assert_eq!(shared, 2.5);
    }

    #[test]
    fn the_link_decides_where_it_is_slow() {
        let slow = network(1e6, 0);
        let seconds = stage().seconds(&slow, CORES, 0.0);
        // The first frame of two hops, and 2 s of work by frames.
        assert!((100.5..100.7).contains(&seconds), "{seconds}");
    }

    #[test]
    fn windows_open_once() {
        let [slow, fast] = [network(1e5, 80), network(25e6, 80)];
        assert_eq!(opening(&slow, [1 << 20; 2]), 0.0); // ten segments are more than is on its way
        // 1.88 MB on their way are 7 doublings of ten segments.
        assert!((0.56..0.57).contains(&opening(&fast, [1 << 30, 0])));
        let Setting::Network { bandwidth, rtt, .. } = fast else { unreachable!() };
        let open = Setting::Network { bandwidth, rtt, slow_start: false };
        assert_eq!(opening(&open, [1 << 30, 0]), 0.0);
    }

    fn network(bandwidth: f64, milliseconds: u64) -> Setting {
        Setting::Network { bandwidth, rtt: Duration::from_millis(milliseconds), slow_start: true }
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
