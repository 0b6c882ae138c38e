//! The machine under a bench: its cores, and what a process takes of them and of the memory.

use std::{collections::BTreeMap, fs};

/// Units of processor time in which Linux counts, per second.
const TICKS_PER_S: f64 = 100.0;

/// Seconds for which a process has kept a core busy; `None` where this system does not say.
pub fn core_seconds(process: u32) -> Option<f64> {
    Some(status(process)?.core_seconds)
}

/// Seconds for which each process of a group has kept a core busy, by its number; empty where this system does not say.
pub fn group_core_seconds(group: u32) -> BTreeMap<u32, f64> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    // One that has just ended is none.
    let known = processes.filter_map(|process| Some((process, status(process)?)));
    known.filter(|(_, status)| status.group == group).map(|(process, status)| (process, status.core_seconds)).collect()
}

/// What a system says of a process.
struct Status {
    group: u32,
    core_seconds: f64,
}

fn status(process: u32) -> Option<Status> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in brackets, may hold anything; of what follows it, 2 is the group, and 11 and 12 are times in the program
    // and for it.
    let after: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let seconds = |field: usize| Some(after.get(field)?.parse::<f64>().ok()? / TICKS_PER_S);
    Some(Status { group: after.get(2)?.parse().ok()?, core_seconds: seconds(11)? + seconds(12)? })
}

/// Seconds for which cores were busy or not ours to use, added up over all; `None` where this system does not say.
pub fn all_core_seconds() -> Option<f64> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let times: Vec<f64> =
        text.lines().next()?.split_whitespace().skip(1).filter_map(|time| time.parse().ok()).collect();
    // In order: user, nice, system, idle, waiting for a disk, interrupts, soft interrupts, stolen by other machines.
    let busy = [0, 1, 2, 5, 6, 7].into_iter().filter_map(|kind| times.get(kind));
    Some(busy.sum::<f64>() / TICKS_PER_S)
}

/// Bytes of memory that a process alone holds and has written to; `None` where this system does not say.
pub fn private_bytes(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

pub use affinity::{Cores, allow_sockets};

#[cfg(target_os = "linux")]
mod affinity {
    use rustix::{
        process::{Resource, Rlimit, getrlimit, setrlimit},
        thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    };

    /// One core for the host, the others for the swarm.
    #[derive(Debug, Clone, Copy)]
    pub struct Cores {
        host: CpuSet,
        swarm: CpuSet,
    }

    impl Cores {
        /// Shares out the cores that this thread may use; `None` if there is but one.
        pub fn share() -> Option<Self> {
            let mut swarm = sched_getaffinity(None).ok()?;
            let first = (0..CpuSet::MAX_CPU).find(|core| swarm.is_set(*core))?;
            let mut host = CpuSet::new();
            host.set(first);
            swarm.unset(first);
            (swarm.count() > 0).then_some(Self { host, swarm })
        }

        /// Does something, such as starting the host, whose processes stay on the host's core. This thread, and those
        /// that it starts, are on the others from then on.
        pub fn on_host<T>(&self, work: impl FnOnce() -> T) -> T {
            sched_setaffinity(None, &self.host).expect("a core that this thread may use");
            let done = work();
            sched_setaffinity(None, &self.swarm).expect("cores that this thread may use");
            done
        }
    }

    /// Lets this process open as many sockets as the system allows.
    pub fn allow_sockets() {
        let limit = getrlimit(Resource::Nofile);
        // Where that is not allowed, a socket that is missing will say so.
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap_or_default();
    }
}

#[cfg(not(target_os = "linux"))]
mod affinity {
    /// Cores are not shared out on this system.
    #[derive(Debug, Clone, Copy)]
    pub struct Cores;

    impl Cores {
        /// No cores to share out.
        pub fn share() -> Option<Self> {
            None
        }

        /// Does something.
        pub fn on_host<T>(&self, work: impl FnOnce() -> T) -> T {
            work()
        }
    }

    /// This system's limit is left as it is.
    pub fn allow_sockets() {}
}
