//! `/v1/responses`: answers that can be asked for again by their id. Nothing is kept for that but the record: a response is its intent, its outcome and their values, and deleting it erases these.

mod items;

mod object;

mod stream;

mod query;

mod stored;

mod past;

mod request;

pub use object::ANSWER;
pub use request::{REQUEST, answer};
pub use stored::{DELETED, ITEMS, delete, get, input_items};
