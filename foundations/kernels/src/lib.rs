//! Arithmetic whose bits are specified.
#![allow(missing_docs)]
pub mod element;
