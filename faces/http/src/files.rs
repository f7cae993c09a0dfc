//! Open files: the process has as many as it may, and connections leave some of them to the log.

use crate::limits::{CONNECTIONS_MAX, CONNECTIONS_MIN, FILES_RESERVED};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files to what the process may have at most, and gives how many connections there may be at a time: a log that cannot open its files records nothing, so nothing would be done.
pub fn connection_count_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    // Where the system does not agree, the limit is what it was.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    beside_the_log(getrlimit(Resource::Nofile).current)
}

/// Connections beside the log, of so many open files; `None` for any number.
fn beside_the_log(file_count_max: Option<u64>) -> usize {
    let file_count_max = file_count_max.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
    file_count_max.saturating_sub(FILES_RESERVED).clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_to_the_log() {
        let cases = [(None, 1_024), (Some(u64::MAX), 1_024), (Some(1_280), 1_024), (Some(1_279), 1_023), (Some(1_024), 768), (Some(256), 16), (Some(0), 16)];
        for (file_count_max, connections) in cases {
            assert_eq!(beside_the_log(file_count_max), connections, "{file_count_max:?}");
        }
    }

    #[test]
    fn the_process_has_as_many_as_it_may() {
        let connections = connection_count_max();
        let limit = getrlimit(Resource::Nofile);
        // Some systems name no end and hold to one all the same.
        assert!(limit.maximum.is_none() || limit.current == limit.maximum);
        assert_eq!(connections, beside_the_log(limit.current));
    }
}
