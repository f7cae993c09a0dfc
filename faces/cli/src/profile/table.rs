//! A profile for the eyes: two lines about the whole, what the machine can do, and tables.

use crate::args::Profile as Args;
use crate::failure::Failure;
use crate::out::{Out, size};
use mickai_runtime::Loaded;
use mickai_runtime::profile::{Figures, Line, Phase, Profile, Profiled, TokenSeen};

pub fn print(model: &Loaded, profiled: &Profiled, args: &Args, out: Out) -> Result<(), Failure> {
    let profile = &profiled.profile;
    out.said(&profiled.answered.generation.text)?;
    out.line("\n")?;
    out.line(format!("{} {}, {} on {} threads", model.name, model.digest.to_string().get(..12).unwrap_or_default(), profile.isa, profile.thread_count))?;
    let roofs = &profile.roofs;
    let (integers, floats) = (giga(roofs.integer_products_per_s), giga(roofs.float_products_per_s));
    out.line(format!(
        "at most: reading {} of weights {} GB/s; multiply-adds {integers} G/s of 8-bit integers, {floats} G/s of f32",
        size(roofs.read_bytes),
        giga(roofs.read_bytes_per_s)
    ))?;
    for phase in profile.phases.iter().filter(|phase| phase.wall_ns() > 0) {
        out.line("")?;
        out.line(summary(phase, profile))?;
        out.line("")?;
        aligned(&operations(phase, profile), out)?;
        if args.layers {
            out.line("")?;
            aligned(&layers(phase, profile), out)?;
        }
    }
    if args.tokens {
        out.line("")?;
        aligned(&tokens(&profile.tokens), out)?;
    }
    out.line("")?;
    out.line(format!("around it: {} for making tokens of the prompt and two records that are signed and on disk", time(profile.recording_ns)))
}

fn summary(phase: &Phase, profile: &Profile) -> String {
    let is_in = |token: &TokenSeen| (phase.begin_ns..phase.end_ns).contains(&token.begin_ns);
    // The prompt's phase is that of the first token. Behind it those count that came out: what was proposed and not chosen went through the layers too.
    let first = profile.tokens.first();
    let is_prompt = first.is_none_or(is_in);
    let count = if is_prompt { phase.token_count } else { profile.tokens.iter().filter(|token| is_in(token)).count() };
    let rate = count as f64 * 1e9 / phase.wall_ns() as f64;
    let whole = format!("{}: {count} tokens in {}, {rate:.1} tokens/s", phase.name, time(phase.wall_ns()));
    match first.filter(|_| is_prompt) {
        Some(first) => format!("{whole}; the first token after {}", time(first.end_ns - phase.begin_ns)),
        None => whole,
    }
}

const FIGURES: [&str; 8] = ["time", "share", "times", "waiting", "moved", "GB/s", "G madd/s", "of roof"];

/// All layers together, then what is no operation, then the sum.
fn operations(phase: &Phase, profile: &Profile) -> Vec<Vec<String>> {
    let mut rows = vec![header("operation")];
    rows.extend(phase.by_operation().iter().map(|line| row(line.operation.map_or("", |operation| operation.name()).to_owned(), line, phase, profile)));
    rows.extend(rest(phase));
    rows
}

fn layers(phase: &Phase, profile: &Profile) -> Vec<Vec<String>> {
    let mut rows = vec![header("layer")];
    rows.extend(phase.by_layer(profile.layer_count).iter().map(|line| row(line.layer.map_or_else(|| "outside".to_owned(), |layer| layer.to_string()), line, phase, profile)));
    rows.extend(rest(phase));
    rows
}

fn header(first: &str) -> Vec<String> {
    std::iter::once(first).chain(FIGURES).map(str::to_owned).collect()
}

fn row(name: String, line: &Line, phase: &Phase, profile: &Profile) -> Vec<String> {
    let Figures { count, time_ns, .. } = line.figures;
    let figures = &line.figures;
    let products = figures.product_count();
    let roof = profile.roofs.least(&figures.cost).map_or_else(String::new, |(least, bound)| format!("{} {}", percent(least, time_ns as f64), bound.name()));
    vec![
        name,
        time(time_ns),
        percent(time_ns as f64, phase.wall_ns() as f64),
        count.to_string(),
        format!("{:.0}%", 100.0 * figures.waiting(profile.thread_count)),
        size(figures.byte_count()),
        giga(figures.rate(figures.byte_count())),
        if products == 0 { String::new() } else { giga(figures.rate(products)) },
        roof,
    ]
}

/// What no operation is charged with, and everything.
fn rest(phase: &Phase) -> impl Iterator<Item = Vec<String>> {
    let wall_ns = phase.wall_ns();
    let named = [("between operations", phase.between_ns), ("choosing", phase.choosing_ns), ("watching", phase.watching_ns), ("all", wall_ns)];
    named.into_iter().map(move |(name, ns)| vec![name.to_owned(), time(ns), percent(ns as f64, wall_ns as f64)])
}

fn tokens(seen: &[TokenSeen]) -> Vec<Vec<String>> {
    let header = ["token", "time", "logprob", "entropy", "", "alternatives"].map(str::to_owned).to_vec();
    let row = |seen: &TokenSeen| {
        let likely = &seen.likely;
        let others = likely.best.iter().zip(&seen.best_texts).filter(|((token, _), _)| *token != seen.token);
        let others: Vec<String> = others.map(|((_, logprob), text)| format!("{text:?} {logprob:.2}")).collect();
        // The best is what greedy decoding takes; another one was drawn, or nothing else was allowed.
        let is_best = likely.best.first().is_none_or(|(best, _)| *best == seen.token);
        let mark = if is_best { "" } else { "not the likeliest" };
        vec![format!("{:?}", seen.text), time(seen.end_ns - seen.begin_ns), format!("{:.3}", likely.logprob), format!("{:.3}", likely.entropy), mark.to_owned(), others.join("  ")]
    };
    std::iter::once(header).chain(seen.iter().map(row)).collect()
}

/// The first column to the left, figures to the right, words at the end to the left.
fn aligned(rows: &[Vec<String>], out: Out) -> Result<(), Failure> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cell = |(column, (cell, width)): (usize, (&String, &usize))| match column {
            0 => format!("{cell:<width$}"),
            _ if column + 1 == columns => cell.clone(),
            _ => format!("{cell:>width$}"),
        };
        let line: Vec<String> = row.iter().zip(&widths).enumerate().map(cell).collect();
        out.line(line.join("  ").trim_end())?;
    }
    Ok(())
}

/// Nanoseconds as people read them.
fn time(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

fn percent(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.1}%", 100.0 * part / whole) } else { String::new() }
}

/// Billions with one decimal.
fn giga(rate: f64) -> String {
    format!("{:.1}", rate / 1e9)
}
