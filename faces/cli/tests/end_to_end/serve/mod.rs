//! `mickai serve`: the API as programs meet it. Every server listens on a port of its own, and every test ends by looking at the log.

pub mod http;

mod api;

mod refusals;

mod memory;

mod streams;

mod records;

pub mod clients;
