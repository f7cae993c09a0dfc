//! What a result must say about the machine it came from, and the day.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::process;

/// Processor and core count as one word for a file name, such as `amd-epyc-family-25-model-17-2cores`: virtual machines give processors of several generations one name.
pub(crate) fn kind() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{}-{cores}cores", slug(&processor(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default())))
}

/// Of the first processor in such a text, its name, family and model.
fn processor(information: &str) -> String {
    let fields = || information.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name.trim(), value.trim()));
    let of = |wanted: &str| fields().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let generation = of("cpu family").zip(of("model")).map_or(String::new(), |(family, model)| format!(" family {family} model {model}"));
    format!("{}{generation}", of("model name").unwrap_or(std::env::consts::ARCH))
}

/// Lines that stand above every result: commit, compiler, kernel, load.
pub(crate) fn description() -> Vec<String> {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let answer = |program: &str, arguments: &[&str]| process::ask(program, arguments).unwrap_or_else(|| "unknown".to_owned());
    vec![
        format!("machine {}", kind()),
        format!("kernel {}", answer("uname", &["-sr"])),
        format!("compiler {}", answer("rustc", &["--version"])),
        format!("commit {}", answer("git", &["describe", "--always", "--dirty"])),
        format!("load before (1, 5, 15 min) {}", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
    ]
}

/// Processor time of all programs that were started here and have ended, and of those that they waited for, s. Only Linux says.
pub(crate) fn children_cpu_s() -> f64 {
    cpu_s(&fs::read_to_string("/proc/self/stat").unwrap_or_default()).unwrap_or(f64::NAN)
}

/// `cutime` and `cstime` of proc(5), which counts hundredths of a second. The program's name, in which anything may stand, ends with the last bracket.
fn cpu_s(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / 100.0);
    Some(seconds()? + seconds()?)
}

/// Today in UTC, as `2026-11-23`.
pub(crate) fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    date(seconds / 86_400)
}

/// The Gregorian date of a day counted from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`).
fn date(days: u64) -> String {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn slug(name: &str) -> String {
    let plain: String = name.to_lowercase().chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendars() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_780), "2026-11-23");
    }

    #[test]
    fn processor_time_stands_behind_the_name() {
        assert_eq!(cpu_s("7 (a) b) S 1 7 7 0 -1 4194304 99 8 0 0 11 12 1300 14 20 0 1 0"), Some(13.14));
        assert_eq!(cpu_s("7 (cut off"), None);
    }

    #[test]
    fn a_processor_is_told_from_another_of_its_name() {
        assert_eq!(processor("processor\t: 0\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nmodel\t\t: 2\n"), "AMD EPYC family 25 model 1");
        assert_eq!(processor("processor\t: 0\nBogoMIPS\t: 243.75\n"), std::env::consts::ARCH);
    }

    #[test]
    fn names_become_one_word() {
        assert_eq!(slug("AMD EPYC 9B14 (2.6 GHz)"), "amd-epyc-9b14-2-6-ghz");
    }
}
