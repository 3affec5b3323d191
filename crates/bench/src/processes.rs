//! What the processes of the driven system cost: CPU time and memory, from `/proc`.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use procfs::CurrentSI;
use procfs::process::{Process, Stat, all_processes};
use serde::Serialize;

/// A process of the system by name; all that it started belong to it.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    pub(crate) name: String,
    pub(crate) pid: i32,
}

impl FromStr for Root {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, pid) = text.split_once('=').context("wanted NAME=PID")?;
        Ok(Self {
            name: name.to_owned(),
            pid: pid.parse()?,
        })
    }
}

/// The processes whose pid files are in a folder: one a file, its number first in it.
pub(crate) fn of_pid_files(folder: &Path) -> Result<Vec<Root>> {
    let mut roots = Vec::new();
    for file in std::fs::read_dir(folder).with_context(|| format!("pid files in {}", folder.display()))? {
        let path = file?.path();
        // Other files about a process may lie beside its pid file.
        let is_pid_file = path.is_file() && path.extension().is_none_or(|extension| extension == "pid");
        let Some(name) = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_pid_file) else {
            continue;
        };
        let text = std::fs::read_to_string(&path)?;
        if let Some(pid) = text.split_whitespace().next().and_then(|pid| pid.parse().ok()) {
            roots.push(Root {
                name: name.to_owned(),
                pid,
            });
        }
    }
    roots.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(roots)
}

/// The cost of everything up to now.
#[derive(Debug)]
pub(crate) struct Snapshot {
    roots: Vec<(Root, Usage)>,
    generator: f64,
    busy: f64,
    stolen: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    cpu: f64,
    resident: u64,
    proportional: u64,
    peak: u64,
}

/// What a run cost.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) processes: Vec<ProcessCost>,
    pub(crate) system_s: f64,
    pub(crate) us_per_detection: Option<f64>,
    pub(crate) generator_s: f64,
    /// Everything else on the machine: where it is much, the figures are disturbed.
    pub(crate) others_s: f64,
    /// Taken by the machine's host.
    pub(crate) stolen_s: f64,
}

/// What one root and its descendants cost.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProcessCost {
    pub(crate) name: String,
    pub(crate) cpu_s: f64,
    pub(crate) us_per_detection: f64,
    /// At the end of the run. Memory that processes share counts for each.
    pub(crate) rss_mb: f64,
    /// The same with shared memory divided among its users; zero where the kernel does not tell.
    pub(crate) pss_mb: f64,
    /// The most that was ever resident, since the process began; of a family the sum of its members' peaks, which counts shared
    /// memory for each and times that do not coincide.
    pub(crate) peak_mb: f64,
}

impl Snapshot {
    /// Reads the present state; `ours` are processes under a root that work for the generator and do not count.
    pub(crate) fn take(roots: &[Root], ours: &[i32]) -> Result<Self> {
        let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
        let mut stats: HashMap<i32, Stat> = HashMap::new();
        if !roots.is_empty() {
            // Processes come and go while we read: one that is gone is passed over.
            let all = all_processes()?.filter_map(|process| process.ok()?.stat().ok());
            stats.extend(all.map(|stat| (stat.pid, stat)));
        }
        let mut usage = vec![Usage::default(); roots.len()];
        for stat in stats.values().filter(|stat| !ours.contains(&stat.pid)) {
            if let Some(place) = root_of(stat.pid, roots, &stats) {
                usage[place].cpu += seconds(ticks(stat));
                usage[place].resident += stat.rss * procfs::page_size();
                usage[place].proportional += proportional(stat.pid);
                usage[place].peak += peak(stat.pid);
            }
        }
        let machine = procfs::KernelStats::current()?.total;
        let busy = machine.user + machine.nice + machine.system;
        let interrupts = machine.irq.unwrap_or(0) + machine.softirq.unwrap_or(0);
        Ok(Self {
            roots: roots.iter().cloned().zip(usage).collect(),
            generator: seconds(ticks(&Process::myself()?.stat()?)),
            busy: seconds(busy + interrupts),
            stolen: seconds(machine.steal.unwrap_or(0)),
        })
    }

    /// What was used since `before`; a process that was not there then has used all that it has used.
    pub(crate) fn cost_since(&self, before: &Self, detections: u64) -> Cost {
        let each = |cpu: f64| cpu * 1e6 / detections.max(1) as f64;
        let earlier = |pid| before.roots.iter().find(|(root, _)| root.pid == pid);
        let processes: Vec<_> = (self.roots.iter())
            .map(|(root, now)| {
                let cpu = now.cpu - earlier(root.pid).map_or(0.0, |(_, then)| then.cpu);
                ProcessCost {
                    name: root.name.clone(),
                    cpu_s: cpu,
                    us_per_detection: each(cpu),
                    rss_mb: now.resident as f64 / 1e6,
                    pss_mb: now.proportional as f64 / 1e6,
                    peak_mb: now.peak as f64 / 1e6,
                }
            })
            .collect();
        let system = processes.iter().map(|process| process.cpu_s).sum::<f64>();
        let generator = self.generator - before.generator;
        Cost {
            us_per_detection: (!processes.is_empty()).then_some(each(system)),
            system_s: system,
            generator_s: generator,
            others_s: (self.busy - before.busy - system - generator).max(0.0),
            stolen_s: self.stolen - before.stolen,
            processes,
        }
    }
}

/// Time of a process and of its children that have ended: the sum over a family stays right when one of it ends.
fn ticks(stat: &Stat) -> u64 {
    stat.utime + stat.stime + u64::try_from(stat.cutime + stat.cstime).unwrap_or(0)
}

fn root_of(mut pid: i32, roots: &[Root], stats: &HashMap<i32, Stat>) -> Option<usize> {
    loop {
        if let Some(place) = roots.iter().position(|root| root.pid == pid) {
            return Some(place);
        }
        pid = stats.get(&pid).map(|stat| stat.ppid).filter(|&parent| parent > 1)?;
    }
}

/// The most that was ever resident in a process (`VmHWM`), in bytes; zero when it has ended.
pub(crate) fn peak(pid: i32) -> u64 {
    let status = Process::new(pid).and_then(|process| process.status());
    status.ok().and_then(|status| status.vmhwm).unwrap_or(0) * 1024
}

/// What is resident in a process, memory that it shares included; in bytes.
pub(crate) fn resident(pid: i32) -> u64 {
    let stat = Process::new(pid).and_then(|process| process.stat());
    stat.map_or(0, |stat| stat.rss * procfs::page_size())
}

/// CPU seconds of the generator up to now.
pub(crate) fn own_cpu() -> Result<f64> {
    Ok(ticks(&Process::myself()?.stat()?) as f64 / procfs::ticks_per_second() as f64)
}

/// What is resident in a process, shared memory divided among its users; in bytes, zero where the kernel does not tell.
pub(crate) fn proportional(pid: i32) -> u64 {
    let rollup = Process::new(pid).and_then(|process| process.smaps_rollup());
    let rollup = rollup
        .ok()
        .and_then(|rollup| rollup.memory_map_rollup.0.into_iter().next());
    rollup
        .and_then(|map| map.extension.map.get("Pss").copied())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_and_its_children_are_added_up() {
        let spin = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exec sleep 30";
        let me = Root {
            name: "test".to_owned(),
            pid: i32::try_from(std::process::id()).unwrap(),
        };
        let roots = [me];
        let before = Snapshot::take(&roots, &[]).unwrap();
        let mut child = std::process::Command::new("sh").args(["-c", spin]).spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        let cost = loop {
            let now = Snapshot::take(&roots, &[]).unwrap();
            let cost = now.cost_since(&before, 1000);
            if cost.system_s >= 0.05 || std::time::Instant::now() > deadline {
                break cost;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(cost.system_s >= 0.05, "{cost:?}");
        assert!((cost.us_per_detection.unwrap() - cost.system_s * 1000.0).abs() < 1e-6);
        assert!(
            cost.processes[0].rss_mb > 1.0 && cost.processes[0].peak_mb >= cost.processes[0].rss_mb,
            "{cost:?}"
        );
    }

    #[test]
    fn roots_are_named() {
        let root: Root = "worker=12".parse().unwrap();
        assert_eq!((root.name.as_str(), root.pid), ("worker", 12));
        assert!("worker".parse::<Root>().is_err());
    }
}
