//! How much memory this machine has for a process.

/// Bytes of the machine's memory, or of a control group's around this process, whichever are fewest; `None` where the system does not say.
pub(crate) fn memory_bytes() -> Option<u64> {
    bytes_by(&|path| std::fs::read_to_string(path).ok())
}

fn bytes_by(read: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let total = |line: &str| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024);
    let machine = read("/proc/meminfo").and_then(|text| text.lines().find_map(total));
    // A group without a limit says `max`.
    let limit = |path: String| read(&path)?.trim().parse().ok();
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    groups.lines().flat_map(limit_files).filter_map(limit).chain(machine).min()
}

/// The files with the limits of a control group and of those around it, by its line `number:controllers:path` (cgroups(7)).
fn limit_files(line: &str) -> Vec<String> {
    let Some((controllers, path)) = line.split_once(':').and_then(|(_, rest)| rest.split_once(':')) else { return Vec::new() };
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|controller| controller == "memory") => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return Vec::new(),
    };
    let paths = std::iter::successors(Some(path.trim_end_matches('/')), |path| path.rsplit_once('/').map(|(around, _)| around));
    paths.map(|path| format!("{root}{path}/{file}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files by their paths.
    type Files<'a> = &'a [(&'a str, &'a str)];

    #[test]
    fn the_least_of_machine_and_groups_counts() {
        const MACHINE: (&str, &str) = ("/proc/meminfo", "MemTotal:        8000000 kB\nMemFree:          100000 kB\n");
        const GROUP: (&str, &str) = ("/proc/self/cgroup", "0::/system.slice/mickai.service\n");
        const OLD_GROUP: (&str, &str) = ("/proc/self/cgroup", "12:cpu,cpuacct:/docker/a\n9:memory:/docker/a\n");
        let cases: [(Files<'_>, Option<u64>); 8] = [
            (&[], None),
            (&[("/proc/meminfo", "MemTotal: many kB\n")], None),
            (&[MACHINE], Some(8_192_000_000)),
            (&[MACHINE, GROUP, ("/sys/fs/cgroup/system.slice/mickai.service/memory.max", "max\n")], Some(8_192_000_000)),
            (&[MACHINE, GROUP, ("/sys/fs/cgroup/system.slice/mickai.service/memory.max", "max\n"), ("/sys/fs/cgroup/system.slice/memory.max", "2000\n")], Some(2_000)),
            (&[MACHINE, ("/proc/self/cgroup", "0::/\n"), ("/sys/fs/cgroup/memory.max", "3000\n")], Some(3_000)),
            // What a container sees of its own group is the root.
            (&[MACHINE, OLD_GROUP, ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "4000\n")], Some(4_000)),
            (&[MACHINE, OLD_GROUP, ("/sys/fs/cgroup/memory/docker/a/memory.limit_in_bytes", "9223372036854771712\n")], Some(8_192_000_000)),
        ];
        for (files, bytes) in cases {
            let read = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
            assert_eq!(bytes_by(&read), bytes, "{files:?}");
        }
    }
}
