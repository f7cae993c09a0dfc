//! Many callers at once: orders wait in a fair queue with limits, those of one model run together, and every one is recorded as if it had been asked alone.
//!
//! *The life of one order.* [`Desk::submit`] renders it and refuses at the door what could never run; it waits in its model's `queue`, where callers take turns; the `worker` of that model has the
//! `recorder` make the intent durable, takes it into the `batch`, which steps all that run together, each with its `share`, and has the act closed; its [`Listener`] hears of each step and may stop it
//! at any time.
//!
//! *Invariants.* What is refused leaves no record, because nothing was going to happen. Nothing runs before its intent is durable, and nothing is told as ended before its outcome is; no model waits
//! for either. What has begun ends with an outcome, whoever went away. No order changes what another one gets: they share time, and pages of keys and values that are equal for both.
//! Where the operator said when to settle, [`Desk::settle_when_due`] does so beside all of this.

pub mod limits;

mod order;

mod queue;

mod bell;

mod recorder;

mod settles;

mod share;

mod voice;

mod batch;

mod worker;

mod likely;

mod desk;

mod told;

mod kept;

mod embed;

pub use desk::{Counts, Desk, Entry, ModelCounts};
pub use embed::EmbeddingEntry;
pub use kept::{Kept, NoAnswer};
pub use likely::{Likely, likelihood};
pub use order::{Begun, Caller, Gone, Heard, Listener, Order};
pub use queue::Full;
pub use told::{Told, Unanswered};
