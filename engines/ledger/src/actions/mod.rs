//! What each kind of transaction does once it is admitted (spec/pantheon.md "Actions").

mod transfer;

mod logs;

mod bonds;

mod evidence;

mod names;

mod perform;

pub(crate) use perform::perform;
