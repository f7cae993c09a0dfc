//! The bars of the Open Audit Record: each is read from a line that a program of the crate concerned prints.

use std::process::Command;

use super::bar::{Bar, Goal};
use super::program;
use super::run::Found;
use crate::error::Error;
use crate::places;
use crate::process;

/// The programs to run.
const EXAMPLES: [&str; 3] = ["append_speed", "mldsa_speed", "verify_speed"];

/// A figure: the line that begins so, the value of that name in it, and its goal.
pub(super) struct Figure {
    pub(super) bar: &'static str,
    pub(super) line: &'static str,
    pub(super) value: &'static str,
    pub(super) goal: Goal,
}

const FIGURES: [Figure; 12] = [
    Figure { bar: "oar/append=each/ratio", line: "append/each ", value: "ratio", goal: Goal::AtLeast(0.85) },
    Figure { bar: "oar/append=sealed/records_per_s", line: "append/sealed ", value: "records_per_s", goal: Goal::AtLeast(200_000.0) },
    Figure { bar: "oar/append=intent/over_ms", line: "append/intent ", value: "over_ms", goal: Goal::AtMost(0.3) },
    Figure { bar: "oar/mldsa=avx512/ratio", line: "mldsa/ratio=ours-avx512 ", value: "times", goal: Goal::AtLeast(3.0) },
    Figure { bar: "oar/mldsa=avx2/ratio", line: "mldsa/ratio=ours-avx2 ", value: "times", goal: Goal::AtLeast(2.0) },
    Figure { bar: "oar/verify=sealed/seconds", line: "verify/sealed ", value: "seconds", goal: Goal::AtMost(8.0) },
    Figure { bar: "oar/verify=each/ratio", line: "verify/each ", value: "ratio", goal: Goal::AtLeast(0.85) },
    Figure { bar: "oar/verify=sealed/peak_mib", line: "verify/sealed ", value: "peak_mib", goal: Goal::AtMost(64.0) },
    Figure { bar: "oar/verify=each/peak_mib", line: "verify/each ", value: "peak_mib", goal: Goal::AtMost(64.0) },
    Figure { bar: "oar/bundle=each/bytes", line: "bundle/single mode=each ", value: "bytes", goal: Goal::AtMost(16_000.0) },
    Figure { bar: "oar/bundle=sealed/bytes", line: "bundle/single mode=sealed ", value: "bytes", goal: Goal::AtMost(13_000.0) },
    Figure { bar: "oar/page=10k-sealed/ms", line: "page/10k-sealed ", value: "ms", goal: Goal::AtMost(2_000.0) },
];

/// Runs every program, keeps its lines with the command above them, and reads the figures.
pub(super) fn measure() -> Result<Found, Error> {
    let mut lines = Vec::new();
    program::binary("oar")?;
    for example in EXAMPLES {
        lines.push(format!("$ {example}"));
        let done = process::must(&mut Command::new(program::example(example)?))?;
        lines.extend(done.output.lines().map(str::to_owned));
    }
    lines.push("$ npm --prefix verifier run bench".to_owned());
    let done = process::must(Command::new("npm").arg("--prefix").arg(places::root().join("verifier")).args(["run", "bench"]))?;
    lines.extend(done.output.lines().map(str::to_owned));
    let (figures, lacking): (Vec<&Figure>, Vec<&Figure>) = FIGURES.iter().partition(|figure| has_instructions(figure, &can_do));
    lines.extend(lacking.iter().map(|figure| format!("not measured: {}: this machine lacks the instructions", figure.bar)));
    let bars = bars(figures, &lines)?;
    Ok(Found { lines, bars })
}

/// Whether a machine that can do so much can do what the figure compares.
fn has_instructions(figure: &Figure, can_do: &dyn Fn(&str) -> bool) -> bool {
    figure.line.strip_prefix("mldsa/ratio=ours-").is_none_or(|name| can_do(name.trim_end()))
}

/// Whether this machine has the instructions that the signatures' code calls so.
fn can_do(name: &str) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        match name {
            "avx512" => has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl"),
            name => name == "avx2" && has!("avx2"),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = name;
        false
    }
}

/// Each figure, from the lines.
pub(super) fn bars<'a>(figures: impl IntoIterator<Item = &'a Figure>, lines: &[String]) -> Result<Vec<Bar>, Error> {
    let bar = |figure: &Figure| {
        let measured = value(lines, figure.line, figure.value).ok_or(Error::NoFigures { bench: figure.bar })?;
        Ok(Bar { name: figure.bar.into(), measured, goal: figure.goal })
    };
    figures.into_iter().map(bar).collect()
}

/// The number behind `name=` in the last line that begins with `start`.
pub(super) fn value(lines: &[String], start: &str, name: &str) -> Option<f64> {
    let line = lines.iter().rev().find(|line| line.starts_with(start))?;
    line.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_number_behind_its_name_in_its_line() {
        let lines = ["append/each callers=64 ratio=0.91 cpu_ratio=0.97", "append/sealed records_per_s=250000", "append/each ratio=0.93"].map(str::to_owned);
        assert_eq!(value(&lines, "append/each ", "ratio"), Some(0.93));
        assert_eq!(value(&lines, "append/sealed ", "records_per_s"), Some(250_000.0));
        assert_eq!(value(&lines, "append/sealed ", "ratio"), None);
        assert_eq!(value(&lines, "page/10k-sealed ", "ms"), None);
    }

    #[test]
    fn only_a_figure_of_instructions_that_are_lacking_may_be_missing() {
        let lacking = |can_do: &dyn Fn(&str) -> bool| FIGURES.iter().filter(|figure| !has_instructions(figure, can_do)).map(|figure| figure.bar).collect::<Vec<_>>();
        assert_eq!(lacking(&|name| name == "avx2"), ["oar/mldsa=avx512/ratio"]);
        assert_eq!(lacking(&|_| true), Vec::<&str>::new());
        assert_eq!(lacking(&|_| false).len(), 2);
        let avx2 = FIGURES.iter().filter(|figure| figure.bar == "oar/mldsa=avx2/ratio");
        assert!(bars(avx2, &["mldsa/verify=library us=90.1".to_owned()]).is_err());
    }
}
