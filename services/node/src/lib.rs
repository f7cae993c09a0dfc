//! A Pantheon node.
