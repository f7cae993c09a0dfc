//! Where the time of one generation goes: by phase, layer and operation, against what this machine can do, and token by token.
//!
//! A profile is an ordinary generation with its two records, on an engine that tells of each operation (`mickai_model::forward::Watch`) and a crew that notes who works. Both are made for
//! that one generation; every other one runs without them. No token changes.

mod report;

mod roofs;

mod hands;

mod recorder;

mod act;

pub use act::{Profiled, Wanted};
pub use report::{Figures, HandSpan, Line, Phase, Profile, Span, TokenSeen, Trace};
pub use roofs::{Bound, Roofs};

/// Operations that a trace holds: about three hundred megabytes of it. Those that come after are counted, and in the figures like all others.
pub const SPAN_COUNT_MAX: usize = 1_000_000;
