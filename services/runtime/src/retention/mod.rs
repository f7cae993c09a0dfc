//! Retention: what is kept, how long, and whether it may be trained on (spec/privacy.md "Retention").
//!
//! *The life of a rule.* The operator sets it ([`crate::System::set_retention`]); the whole policy stands in the intent of that act, and a copy in the home. From then on [`crate::System::held`]
//! says what is kept under it, [`crate::System::run_retention`] erases what it no longer keeps, and [`crate::System::may_train`] answers whoever wants to train on a value.

mod span;

mod policy;

mod in_force;

mod survey;

mod acts;

pub use acts::{Change, RetentionRun};
pub use in_force::InForce;
pub use policy::{Keep, PolicyError, Retention, Rule, Scope};
pub(crate) use survey::readable;
pub use survey::{Held, Survey};

#[cfg(test)]
mod tests;
