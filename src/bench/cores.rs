//! Cores that a process keeps to.

/// The cores that this process may run on, by number; none where the system does not tell.
pub fn allowed() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let set = sched_getaffinity(None);
        set.map_or(Vec::new(), |set| {
            (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect()
        })
    }
    #[cfg(not(target_os = "linux"))]
    Vec::new()
}

/// The calling thread, and those that it starts from now on, run on these alone; on any where there are none, or
/// the system cannot do that.
pub fn keep_to(cores: &[usize]) {
    #[cfg(target_os = "linux")]
    if !cores.is_empty() {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let mut set = CpuSet::new();
        cores.iter().filter(|core| **core < CpuSet::MAX_CPU).for_each(|core| set.set(*core));
        let _ = sched_setaffinity(None, &set); // then on any
    }
    #[cfg(not(target_os = "linux"))]
    let _ = cores;
}

/// Does something on these cores, such as to start a process, which stays there. Where that cannot be, or there are
/// none, on any.
pub fn on<R>(cores: &[usize], work: impl FnOnce() -> R) -> R {
    let before = allowed();
    if cores.is_empty() || before.is_empty() {
        return work(); // there would be no way back
    }
    keep_to(cores);
    let result = work();
    keep_to(&before);
    result
}

/// The cores of the advertiser's side and of the platform's, of those that there are: as many as a side has
/// threads, apart from the other side's where there are enough; else both sides share all.
pub fn share(cores: &[usize], threads: usize) -> [Vec<usize>; 2] {
    match cores.len() >= 2 * threads {
        true => [cores[..threads].to_vec(), cores[threads..2 * threads].to_vec()],
        false => [cores.to_vec(), cores.to_vec()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_apart_where_they_can() {
        assert_eq!(share(&[0, 1], 1), [[0], [1]]);
        assert_eq!(share(&[0, 1], 2), [[0, 1], [0, 1]]);
        assert_eq!(share(&[2, 3, 5, 7], 2), [[2, 3], [5, 7]]);
        assert_eq!(share(&[4], 1), [[4], [4]]);
        assert_eq!(share(&[], 1), [[]; 2] as [[usize; 0]; 2]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_keeps_to_its_core() {
        let some = allowed();
        assert!(!some.is_empty());
        let kept = std::thread::spawn(move || {
            keep_to(&some[..1]);
            (allowed(), some[0])
        });
        let (kept, core) = kept.join().unwrap();
        assert_eq!(kept, [core]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_is_done_on_its_core_and_what_follows_is_not() {
        let all = allowed();
        for cores in [&all[..1], &all[..], &[]] {
            let during = on(cores, allowed);
            assert_eq!(during, if cores.is_empty() { &all } else { cores });
            assert_eq!(allowed(), all);
        }
    }
}
