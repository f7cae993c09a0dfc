//! The verbs of the system: what an operator's sentence may become, and the call that it became (spec/verbs.md).

mod table;

mod form;

mod call;

mod plan;

mod perform;

pub use call::{Call, CallError};
pub use form::{Form, FormState};
pub use perform::{Answer, fact_text};
pub use plan::Plan;
pub use table::{Argument, Class, Verb};

#[cfg(test)]
mod tests;
