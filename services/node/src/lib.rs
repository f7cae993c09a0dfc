//! A Pantheon node.

pub mod identity;

pub mod scheme;

pub mod votes;

